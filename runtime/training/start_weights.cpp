#include "runtime/training/start_weights.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "runtime/training/file_below.h"
#include "runtime/training/safetensors.h"
#include "runtime/training/tree_reader.h"

namespace tapeloop {
namespace {

constexpr const char* kBest = "best.safetensors";

std::ptrdiff_t stars(const std::string& pattern) { return std::count(pattern.begin(), pattern.end(), '*'); }

// What the pattern's star stands for in the name; nothing if the name does not fit.
std::optional<std::string> starred(const std::string& pattern, const std::string& name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) return name == pattern ? std::optional<std::string>("") : std::nullopt;
  const std::string_view before = std::string_view(pattern).substr(0, star), after = std::string_view(pattern).substr(star + 1);
  if (name.size() < before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  return name.substr(star, name.size() - before.size() - after.size());
}

std::string with_star(const std::string& pattern, const std::string& in_its_place) {
  const std::size_t star = pattern.find('*');
  return star == std::string::npos ? pattern : pattern.substr(0, star) + in_its_place + pattern.substr(star + 1);
}

StartFrom read_one(const Tree& tree, Diagnostics& diagnostics) {
  StartFrom result;
  MapReader map(tree, "train.start", diagnostics);
  map.allow({"from", "take"});
  if (const Tree* from = map.require("from")) result.from = {read_text(*from, "train.start.from", diagnostics).value_or(""), from->source};
  const Tree* take = map.find("take");
  if (!take) {
    result.take.push_back({{"*", tree.source}, {"*", tree.source}});
    return result;
  }
  const MapReader check(*take, "train.start.take", diagnostics);
  for (const Tree::Entry& entry : take->map) {
    const std::string path = "train.start.take." + entry.key;
    const std::string there = read_text(entry.value, path, diagnostics).value_or(entry.key);
    if (stars(entry.key) > 1 || stars(there) != stars(entry.key)) {
      diagnostics.error("E0808", entry.source, path + ": expected one * on both sides, or none",
                        "write \"encoder.*\": \"e.*\", the parameters here and where they are taken from");
      continue;
    }
    result.take.push_back({{entry.key, entry.source}, {there, entry.value.source}});
  }
  if (take->is_map() && take->map.empty()) diagnostics.error("E0802", take->source, "train.start.take: the map is empty");
  return result;
}

// One file, and the parameters of the model that it gives numbers.
class Taking {
 public:
  Taking(const StartFrom& start, const std::vector<ParameterSpec>& parameters, std::map<std::string, Array<float>>& values,
         Diagnostics& diagnostics)
      : start_(start), file_(load_safetensors(start.path)), parameters_(parameters), values_(values), diagnostics_(diagnostics) {}

  void take(const StartFrom::Take& line) {
    std::vector<std::string> wanted;
    for (const ParameterSpec& parameter : parameters_) {
      const auto middle = starred(line.here.name, parameter.name);
      if (!middle) continue;
      wanted.push_back(with_star(line.there.name, *middle));
      take(parameter, wanted.back(), line);
    }
    if (wanted.empty()) {
      std::vector<std::string> known;
      for (const ParameterSpec& parameter : parameters_) known.push_back(parameter.name);
      report(line.here.source, "no parameter of the model is called '" + line.here.name + "'" + did_you_mean(line.here.name, known));
      return;
    }
    for (const Tensor& tensor : file_.tensors) {
      const bool ours = starred(line.there.name, tensor.name).has_value() && tensor.name.find('/') == std::string::npos;
      if (!ours || std::find(wanted.begin(), wanted.end(), tensor.name) != wanted.end()) continue;
      report(line.there.source, "the model has no parameter for '" + tensor.name + "' of " + start_.path);
    }
  }

 private:
  void take(const ParameterSpec& parameter, const std::string& name, const StartFrom::Take& line) {
    const Tensor* tensor = file_.find(name);
    if (!tensor) {
      std::vector<std::string> known;
      for (const Tensor& other : file_.tensors) known.push_back(other.name);
      return report(line.there.source, "'" + parameter.name + "': " + start_.path + " has no '" + name + "'" + did_you_mean(name, known));
    }
    if (tensor->dims != parameter.dims) {
      return report(line.here.source, "'" + parameter.name + "' is " + dims_text(parameter.dims) + "; '" + name + "' of " + start_.path +
                                          " is " + dims_text(tensor->dims));
    }
    if (tensor->dtype != "F32" && tensor->dtype != "F64") {
      return report(line.there.source, "'" + name + "' of " + start_.path + " has dtype " + tensor->dtype + "; expected F32 or F64");
    }
    if (!values_.emplace(parameter.name, Array<float>{parameter.dims, tensor_values<float>(*tensor)}).second) {
      report(line.here.source, "'" + parameter.name + "' starts from two arrays");
    }
  }

  void report(const Source& source, const std::string& what) {
    diagnostics_.error("E0819", source, "train.start: " + what, "train.start.take says which parameters, by HERE: THERE");
  }

  const StartFrom& start_;
  TensorFile file_;
  const std::vector<ParameterSpec>& parameters_;
  std::map<std::string, Array<float>>& values_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<StartFrom> read_start(const Tree& tree, Diagnostics& diagnostics) {
  std::vector<StartFrom> result;
  if (!tree.is_list()) return {read_one(tree, diagnostics)};
  for (const Tree& item : tree.list) result.push_back(read_one(item, diagnostics));
  return result;
}

void find_start_files(std::vector<StartFrom>& start, const std::vector<std::string>& folders, Diagnostics& diagnostics) {
  std::vector<std::string> places = folders;
  places.emplace_back();
  for (StartFrom& one : start) {
    if (one.from.name.empty()) continue;  // reported
    const FileBelow found = find_below(one.from.name, places, true);
    one.path = found.path;
    if (std::filesystem::is_directory(found.path)) one.path += std::string("/") + kBest;
    if (found.leads_out) {
      diagnostics.error("E0901", one.from.source,
                        "train.start.from: '" + one.from.name + "' leads out of the folder that it is relative to",
                        "runs and weights lie below the model's folder or the current one");
    } else if (found.path.empty() || !std::filesystem::is_regular_file(one.path)) {
      diagnostics.error("E0806", one.from.source,
                        "train.start.from: there is no '" + one.from.name + (found.path.empty() ? "'" : std::string("/") + kBest + "'") +
                            " below the model's folder or the current one",
                        "name a safetensors file, or the folder of one training (of several seeds: runs/MODEL/seed_1)");
    }
  }
}

std::map<std::string, Array<float>> start_values(const std::vector<StartFrom>& start, const std::vector<ParameterSpec>& parameters,
                                                 Diagnostics& diagnostics) {
  std::map<std::string, Array<float>> values;
  for (const StartFrom& one : start) {
    Taking taking(one, parameters, values, diagnostics);
    for (const StartFrom::Take& line : one.take) taking.take(line);
  }
  return values;
}

}  // namespace tapeloop
