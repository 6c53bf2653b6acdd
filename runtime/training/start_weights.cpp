#include "runtime/training/start_weights.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "runtime/training/file_below.h"
#include "runtime/training/safetensors.h"
#include "runtime/training/tree_reader.h"
#include "runtime/training/word_vectors.h"

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

// vectors: {PARAMETER: VOCABULARY}, and what goes with it.
void read_vectors(MapReader& map, StartFrom& result, Diagnostics& diagnostics) {
  const Tree* vectors = map.find("vectors");
  for (const char* key : {"tokens", "missing", "take"}) {
    const bool against = vectors && std::string_view(key) == "take";
    if (!map.has(key) || (vectors && !against) || (!vectors && std::string_view(key) == "take")) continue;
    diagnostics.error("E0808", map.find(key)->source,
                      map.path(key) + (against ? ": vectors are taken by token" : " is for vectors of tokens"),
                      against ? "leave take or vectors out" : "add vectors: {PARAMETER: VOCABULARY}");
  }
  if (!vectors) return;
  const MapReader check(*vectors, "train.start.vectors", diagnostics);
  for (const Tree::Entry& entry : vectors->map) {
    const auto vocabulary = read_text(entry.value, "train.start.vectors." + entry.key, diagnostics);
    result.vectors.push_back({{entry.key, entry.source}, {vocabulary.value_or(""), entry.value.source}});
  }
  if (vectors->is_map() && vectors->map.empty()) diagnostics.error("E0802", vectors->source, "train.start.vectors: the map is empty");
  if (const Tree* tokens = map.find("tokens")) result.tokens = {map.text("tokens").value_or(""), tokens->source};
  result.all = map.word("missing", {"init", "error"}).value_or(1) == 1;
}

StartFrom read_one(const Tree& tree, Diagnostics& diagnostics) {
  StartFrom result;
  MapReader map(tree, "train.start", diagnostics);
  map.allow({"from", "take", "vectors", "tokens", "missing"});
  if (const Tree* from = map.require("from")) result.from = {read_text(*from, "train.start.from", diagnostics).value_or(""), from->source};
  read_vectors(map, result, diagnostics);
  if (map.has("vectors")) return result;
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
  Taking(const StartFrom& start, const std::vector<ParameterSpec>& parameters, StartArrays& values, Diagnostics& diagnostics)
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
    if (!values_.emplace(parameter.name, StartArray{{parameter.dims, tensor_values<float>(*tensor)}, {}}).second) {
      report(line.here.source, "'" + parameter.name + "' starts from two arrays");
    }
  }

  void report(const Source& source, const std::string& what) {
    diagnostics_.error("E0819", source, "train.start: " + what, "train.start.take says which parameters, by HERE: THERE");
  }

  const StartFrom& start_;
  TensorFile file_;
  const std::vector<ParameterSpec>& parameters_;
  StartArrays& values_;
  Diagnostics& diagnostics_;
};

void take_vectors(const StartFrom& start, const std::vector<ParameterSpec>& parameters, const Vocabularies& vocabularies,
                  StartArrays& values, Diagnostics& diagnostics) {
  for (const StartFrom::Vectors& line : start.vectors) {
    const auto is = [&](const ParameterSpec& parameter) { return parameter.name == line.parameter.name; };
    const auto parameter = std::find_if(parameters.begin(), parameters.end(), is);
    const auto vocabulary = vocabularies.find(line.vocabulary.name);
    if (parameter == parameters.end()) {
      std::vector<std::string> known;
      for (const ParameterSpec& other : parameters) known.push_back(other.name);
      diagnostics.error("E0819", line.parameter.source,
                        "train.start.vectors: no parameter of the model is called '" + line.parameter.name + "'" +
                            did_you_mean(line.parameter.name, known));
    } else if (vocabulary == vocabularies.end()) {
      std::vector<std::string> known;
      for (const auto& [name, tokens] : vocabularies) known.push_back(name);
      diagnostics.error(
          "E0819", line.vocabulary.source,
          "train.start.vectors: train.data has no vocabulary '" + line.vocabulary.name + "'" + did_you_mean(line.vocabulary.name, known),
          "an input of tokens has tokens: NAME in train.data.inputs");
    } else {
      WordVectors vectors = read_word_vectors({start.path, start.tokens_path, line.parameter.source}, vocabulary->second, parameter->dims,
                                              start.all, diagnostics);
      if (values.emplace(parameter->name, StartArray{std::move(vectors.values), std::move(vectors.given)}).second) continue;
      diagnostics.error("E0819", line.parameter.source, "train.start: '" + parameter->name + "' starts from two arrays");
    }
  }
}

// Below the model's folder, the data folder or the current one.
std::string found_at(const NamedAt& file, const std::string& key, const std::vector<std::string>& places, bool run,
                     Diagnostics& diagnostics) {
  const FileBelow found = find_below(file.name, places, run);
  std::string path = found.path;
  if (run && std::filesystem::is_directory(found.path)) path += std::string("/") + kBest;
  if (found.leads_out) {
    diagnostics.error("E0901", file.source, key + ": '" + file.name + "' leads out of the folder that it is relative to",
                      "runs, weights and vectors lie below the model's folder, the data folder or the current one");
  } else if (found.path.empty() || !std::filesystem::is_regular_file(path)) {
    diagnostics.error("E0806", file.source,
                      key + ": there is no '" + file.name + (found.path.empty() ? "'" : std::string("/") + kBest + "'") +
                          " below the model's folder, the data folder or the current one",
                      run ? "name a safetensors file, or the folder of one training (of several seeds: runs/MODEL/seed_1)" : "");
  }
  return path;
}

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
    one.path = found_at(one.from, "train.start.from", places, one.vectors.empty(), diagnostics);
    if (!one.tokens.name.empty()) one.tokens_path = found_at(one.tokens, "train.start.tokens", places, false, diagnostics);
  }
}

StartArrays start_values(const std::vector<StartFrom>& start, const std::vector<ParameterSpec>& parameters,
                         const Vocabularies& vocabularies, Diagnostics& diagnostics) {
  StartArrays values;
  for (const StartFrom& one : start) {
    take_vectors(one, parameters, vocabularies, values, diagnostics);
    if (one.take.empty()) continue;
    Taking taking(one, parameters, values, diagnostics);
    for (const StartFrom::Take& line : one.take) taking.take(line);
  }
  return values;
}

void begin_with(const StartArrays& start, Parameters<float>& parameters) {
  for (const auto& [name, from] : start) {
    Array<float> array = from;
    const Array<float> own = parameters.get(name);
    const std::size_t width = from.given.empty() ? 0 : array.data.size() / from.given.size();
    for (std::size_t row = 0; row < from.given.size(); ++row) {
      if (from.given[row]) continue;
      const auto first = static_cast<std::ptrdiff_t>(row * width);
      std::copy_n(own.data.begin() + first, width, array.data.begin() + first);
    }
    parameters.set(name, array);
  }
}

}  // namespace tapeloop
