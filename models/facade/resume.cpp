#include "models/facade/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>

#include "compiler/dump.h"
#include "compiler/frontend/yaml_reader.h"
#include "core/expression.h"
#include "models/facade/machine.h"
#include "models/facade/tree_text.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/hash.h"

namespace tapeloop {
namespace {

// Of train: how long and where, but not what is learned.
constexpr std::array<std::string_view, 7> kMayChange{"epochs", "threads", "folder", "checkpoint", "seed", "seeds", "on_nonfinite"};

// Other bytes as \xE4: metadata are UTF-8, whatever the command line was.
std::string in_ascii(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      result += c;
    } else {
      result += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

std::string training_text(const Tree& section) {
  Tree kept = section;
  std::erase_if(kept.map,
                [](const Tree::Entry& entry) { return std::find(kMayChange.begin(), kMayChange.end(), entry.key) != kMayChange.end(); });
  std::sort(kept.map.begin(), kept.map.end(), [](const Tree::Entry& a, const Tree::Entry& b) { return a.key < b.key; });
  return in_ascii(tree_text(kept));
}

// Of all files together, and of each by its name.
void add_data(const DataSpec& data, Origin& origin) {
  Sha256 all;
  for (const DataPart& part : data.parts) {
    for (const DataFile& file : part.files) {
      const std::string text = file.text.empty() ? read_whole_file(file.path) : std::string(file.text);
      all.add(fmt::format("{}\n{}\n", part.key, file.column.name));
      all.add(text);
      Sha256 one;
      one.add(text);
      origin.files += in_ascii(file.file.name) + ": " + one.text() + "\n";
    }
  }
  origin.data = all.text();
}

std::string equations_of(const Model& model) {
  std::map<std::string, std::string> options;
  for (const auto& option : model.container().options) {
    std::string& value = options[option.key];
    for (const ExpressionPtr& one : option.value.values) value += (value.empty() ? "" : ", ") + (one ? to_text(*one) : "");
  }
  for (const Override& option : model.option_values()) options[option.key] = option.value;
  std::string text;
  for (const auto& [key, value] : options) text += in_ascii(fmt::format("options.{}: {}\n", key, value));
  for (const auto& node : model.container().nodes) {
    if (!node.is_block() && node.value.equation) text += in_ascii(fmt::format("{}: {}\n", node.key, to_text(*node.value.equation)));
  }
  return text;
}

// Scalars of a tree by their paths, "train.optimizer.lr"; an entry of a list by its number.
void add_leaves(const Tree& tree, const std::string& path, std::vector<std::pair<std::string, std::string>>& leaves) {
  for (const Tree::Entry& entry : tree.map) add_leaves(entry.value, path + "." + entry.key, leaves);
  for (std::size_t k = 0; k < tree.list.size(); ++k) add_leaves(tree.list[k], fmt::format("{}[{}]", path, k), leaves);
  if (tree.is_scalar()) leaves.emplace_back(path, tree.scalar);
}

using Lines = std::vector<std::pair<std::string, std::string>>;

Lines leaves_of(const std::string& section) {
  Diagnostics unheard;  // it was written by training_text
  Lines leaves;
  const std::optional<Tree> tree = read_yaml(section, nullptr, unheard);
  if (tree) add_leaves(*tree, "train", leaves);
  return leaves;
}

// "KEY: VALUE" by lines.
Lines lines_of(const std::string& text) {
  Lines lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size()), colon = std::min(text.find(": ", begin), end);
    lines.emplace_back(text.substr(begin, colon - begin), colon + 2 < end ? text.substr(colon + 2, end - colon - 2) : "");
    begin = end + 1;
  }
  return lines;
}

// "'train.optimizer.lr' was 0.01, and is 0.5 now": the first that differs; "" if none does.
std::string difference(const Lines& was, const Lines& now, bool with_values = true) {
  const auto find = [](const Lines& lines, const std::string& key) -> const std::string* {
    const auto at = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == key; });
    return at == lines.end() ? nullptr : &at->second;
  };
  for (const auto& [key, value] : was) {
    const std::string* other = find(now, key);
    if (!other) return fmt::format("'{}' is not there any more", key) + (with_values ? fmt::format(" (it was {})", value) : "");
    if (*other == value) continue;
    return with_values ? fmt::format("'{}' was {}, and is {} now", key, value, *other) : fmt::format("'{}' has changed", key);
  }
  for (const auto& [key, value] : now) {
    if (!find(was, key)) return fmt::format("'{}' is new", key) + (with_values ? fmt::format(" (it is {})", value) : "");
  }
  return "";
}

// What a checkpoint of an older version does not say is said in general.
std::string or_else(const std::string& text, const std::string& otherwise) { return text.empty() ? otherwise : text; }

std::string tool_text() { return "tapeloop " TAPELOOP_VERSION; }

// The instruction set alone: how many threads there are changes no bit.
std::string machine_line() {
  const std::string text = machine_text();
  return text.substr(0, text.find('\n'));
}

[[noreturn]] void refuse(const std::string& path, const std::string& what, const std::string& help) {
  throw FileError("E0909", path, what, help);
}

std::string of(const TensorFile& file, const std::string& key) {
  const auto at = file.metadata.find(key);
  return at == file.metadata.end() ? std::string() : at->second;
}

}  // namespace

std::string asked_text(const Asked& asked) {
  Tree values;
  values.kind = Tree::Kind::kList;
  for (const std::string& value : asked.key_values) values.list.push_back({Tree::Kind::kScalar, {}, value, {}, {}});
  Tree tree;
  tree.kind = Tree::Kind::kMap;
  tree.map.push_back({"from", {}, {Tree::Kind::kScalar, {}, asked.model, {}, {}}});
  tree.map.push_back({"with", {}, values});
  return "asked:" + tree_text(tree, 1);
}

Asked read_asked(const std::string& folder) {
  const std::string path = folder + "/config.yaml";
  Diagnostics diagnostics;
  const std::optional<Tree> tree = read_yaml(read_whole_file(path, kMaxYamlBytes), std::make_shared<const std::string>(path), diagnostics);
  const Tree* asked = tree && !diagnostics.has_errors() ? tree->find("asked") : nullptr;
  const Tree* from = asked ? asked->find("from") : nullptr;
  const Tree* with = asked ? asked->find("with") : nullptr;
  const bool whole = from && from->is_scalar() && with && with->is_list() &&
                     std::all_of(with->list.begin(), with->list.end(), [](const Tree& value) { return value.is_scalar(); });
  if (!whole) refuse(path, "does not say what was asked of the training", "name the model: tapeloop train MODEL --resume " + folder);
  Asked result{from->scalar, {}};
  for (const Tree& value : with->list) result.key_values.push_back(value.scalar);
  return result;
}

Origin origin_of(const Model& model, const TrainSpec& spec, const Tree& section, const Plan& train) {
  DumpOptions options;
  options.source = false;
  Sha256 plan;
  plan.add(dump_json(train, options));
  Origin origin{{}, training_text(section), plan.text(), {}, equations_of(model)};
  add_data(spec.data, origin);
  return origin;
}

void stamp(TensorFile& checkpoint, const Origin& origin, std::uint64_t seed) {
  checkpoint.metadata.insert({{"format_version", "1"},
                              {"data", origin.data},
                              {"training", origin.training},
                              {"model", origin.model},
                              {"files", origin.files},
                              {"equations", origin.equations},
                              {"seed", std::to_string(seed)},
                              {"tool", tool_text()},
                              {"machine", machine_line()}});
}

std::string check_origin(const TensorFile& checkpoint, const Origin& origin, std::uint64_t seed, const std::string& path) {
  const std::string other_tool = of(checkpoint, "tool") == tool_text() ? "" : fmt::format(" (it was kept by {})", of(checkpoint, "tool"));
  const std::string anew = "go on with what it was made of, or train anew in another folder";
  if (of(checkpoint, "format_version") != "1") refuse(path, "is no checkpoint of this version of the format" + other_tool, anew);
  if (of(checkpoint, "data") != origin.data) {
    const std::string what = difference(lines_of(of(checkpoint, "files")), lines_of(origin.files), false);
    refuse(path, "belongs to other data: " + or_else(what, "the data files have changed") + " since it was kept", anew);
  }
  if (of(checkpoint, "training") != origin.training) {
    const std::string what = difference(leaves_of(of(checkpoint, "training")), leaves_of(origin.training));
    refuse(path, "belongs to another train: section: " + or_else(what, "its keys are others"), anew);
  }
  if (of(checkpoint, "model") != origin.model) {
    const std::string what = difference(lines_of(of(checkpoint, "equations")), lines_of(origin.equations));
    refuse(path, "belongs to another model: " + or_else(what, "equations, options or sizes have changed since it was kept") + other_tool,
           anew);
  }
  if (of(checkpoint, "seed") != std::to_string(seed)) {
    refuse(path, fmt::format("belongs to seed {}, not {}", of(checkpoint, "seed"), seed), anew);
  }
  if (of(checkpoint, "machine") == machine_line() && other_tool.empty()) return "";
  return fmt::format("{} was kept on another processor or by another version{}: what follows may differ in the last bits", path,
                     other_tool);
}

TensorFile load_checkpoint(const std::string& path) {
  try {
    return load_safetensors(path);
  } catch (const FileError& error) {
    const std::string before = checkpoint_before(path);
    if (before.empty()) throw;
    throw FileError(error.code(), path, "cannot be gone on from: " + std::string(error.what()), before);
  }
}

std::string checkpoint_before(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path + ".prev", ignored) ? fmt::format("the one before it is there: mv {0}.prev {0}", path) : "";
}

}  // namespace tapeloop
