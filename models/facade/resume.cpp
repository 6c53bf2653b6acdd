#include "models/facade/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "compiler/dump.h"
#include "compiler/frontend/yaml_reader.h"
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

std::string data_hash(const DataSpec& data) {
  Sha256 hash;
  for (const DataPart& part : data.parts) {
    for (const DataFile& file : part.files) {
      hash.add(fmt::format("{}\n{}\n", part.key, file.column.name));
      hash.add(file.text.empty() ? read_whole_file(file.path) : std::string(file.text));
    }
  }
  return hash.text();
}

// "'optimizer.lr' is 0.01 now, and was 0.003": the first lines that differ.
std::string difference(const std::string& was, const std::string& now) {
  const auto line = [](const std::string& text, std::size_t from) {
    return text.substr(from, std::min(text.find('\n', from), text.size()) - from);
  };
  const std::size_t same = static_cast<std::size_t>(std::mismatch(was.begin(), was.end(), now.begin(), now.end()).first - was.begin());
  const std::size_t from = same == 0 ? 0 : was.rfind('\n', same - 1) + 1;
  const auto trimmed = [](const std::string& text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? std::string("nothing") : "'" + text.substr(first) + "'";
  };
  return fmt::format("it had {}, now there is {}", trimmed(line(was, from)), trimmed(line(now, std::min(from, now.size()))));
}

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

Origin origin_of(const TrainSpec& spec, const Tree& section, const Plan& train) {
  DumpOptions options;
  options.source = false;
  Sha256 model;
  model.add(dump_json(train, options));
  return {data_hash(spec.data), training_text(section), model.text()};
}

void stamp(TensorFile& checkpoint, const Origin& origin, std::uint64_t seed) {
  checkpoint.metadata.insert({{"format_version", "1"},
                              {"data", origin.data},
                              {"training", origin.training},
                              {"model", origin.model},
                              {"seed", std::to_string(seed)},
                              {"tool", tool_text()},
                              {"machine", machine_line()}});
}

std::string check_origin(const TensorFile& checkpoint, const Origin& origin, std::uint64_t seed, const std::string& path) {
  const std::string other_tool = of(checkpoint, "tool") == tool_text() ? "" : fmt::format(" (it was kept by {})", of(checkpoint, "tool"));
  const std::string anew = "go on with what it was made of, or train anew in another folder";
  if (of(checkpoint, "format_version") != "1") refuse(path, "is no checkpoint of this version of the format" + other_tool, anew);
  if (of(checkpoint, "data") != origin.data) refuse(path, "belongs to other data: the data files have changed since it was kept", anew);
  if (of(checkpoint, "training") != origin.training) {
    refuse(path, "belongs to another train: section: " + difference(of(checkpoint, "training"), origin.training), anew);
  }
  if (of(checkpoint, "model") != origin.model) {
    refuse(path, "belongs to another model: equations, options or sizes have changed since it was kept" + other_tool, anew);
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
    std::error_code ignored;
    if (!std::filesystem::exists(path + ".prev", ignored)) throw;
    throw FileError(error.code(), path, "cannot be gone on from: " + std::string(error.what()),
                    fmt::format("the one before it is there: mv {0}.prev {0}", path));
  }
}

}  // namespace tapeloop
