#include "models/facade/trained_run.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "runtime/training/atomic_file.h"
#include "runtime/training/safetensors.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;

std::string weights_file(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  const std::string best = path + "/best.safetensors";
  if (fs::exists(best, ignored)) return best;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    const std::string of_seed = (entry.path() / "best.safetensors").string();
    if (!fs::exists(of_seed, ignored)) continue;
    throw FileError("E0903", path, "is the folder of a run of several seeds", "name that of one of them, such as " + entry.path().string());
  }
  throw FileError("E0903", path, "has no best.safetensors", "name the folder of a run, or a file of weights");
}

// What the run beside the weights was asked; none, if there is no run, or it was made by a program.
std::optional<Asked> asked_beside(const std::string& weights) {
  const std::string folder = fs::path(weights).parent_path().string();
  std::error_code ignored;
  if (!fs::exists((folder.empty() ? "." : folder) + "/config.yaml", ignored)) return std::nullopt;
  try {
    return read_asked(folder.empty() ? "." : folder);
  } catch (const FileError&) {
    return std::nullopt;
  }
}

// A file may have been moved since, with its run.
bool same_model(const std::string& one, const std::string& other) {
  std::error_code error;
  if (one == other) return true;
  if (fs::exists(one, error) && fs::exists(other, error)) return fs::equivalent(one, other, error);
  return fs::exists(one, error) && fs::path(one).filename() == fs::path(other).filename();
}

Nested nested_of(const std::vector<double>& numbers, const std::vector<std::int64_t>& dims, std::size_t depth, std::size_t& at) {
  Nested result;
  result.is_list = depth < dims.size();
  if (!result.is_list) result.number = numbers[at++];
  for (std::int64_t k = 0; result.is_list && k < dims[depth]; ++k) result.items.push_back(nested_of(numbers, dims, depth + 1, at));
  return result;
}

}  // namespace

TrainedRun find_trained_run(const Asked& now, const std::string& weights) {
  TrainedRun found{now, weights_file(weights), {}};
  const std::optional<Asked> then = asked_beside(found.weights);
  if (!then) {
    if (!now.model.empty()) return found;
    throw FileError("E0909", found.weights, "lies in no folder of a run that says which model it belongs to", "name the model");
  }
  if (now.model.empty()) found.asked.model = then->model;
  if (same_model(found.asked.model, then->model)) {
    found.asked.key_values.insert(found.asked.key_values.begin(), then->key_values.begin(), then->key_values.end());
  } else if (!then->key_values.empty()) {
    found.note =
        fmt::format("{} was trained as '{}'; what it was trained with is not taken for '{}'", found.weights, then->model, now.model);
  }
  return found;
}

void add_weights(Feed& feed, const std::string& weights) {
  const TensorFile file = load_safetensors(weights);
  for (const Tensor& tensor : file.tensors) {
    const bool state = tensor.name.find('/') != std::string::npos;  // kept beside the parameters
    if (state || Feed::find(feed.parameters, tensor.name)) continue;
    std::size_t at = 0;
    feed.parameters.emplace_back(tensor.name, nested_of(tensor_values<double>(tensor), tensor.dims, 0, at));
  }
  feed.file += " with " + weights;
}

}  // namespace tapeloop
