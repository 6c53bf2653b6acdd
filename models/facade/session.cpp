#include "models/facade/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "runtime/training/safetensors.h"

namespace tapeloop {
namespace {

[[noreturn]] void refuse(const char* code, const std::string& message, const std::string& help = {}) {
  throw ModelError({{Severity::kError, code, {}, message, help}});
}

CompileOptions compile_options(const SessionOptions& options) {
  CompileOptions result;
  result.mode = options.mode;
  result.without = options.without;
  result.fed_shapes = options.shapes;
  result.gradients = options.gradients;
  result.input_gradients = options.input_gradients;
  result.cotangents = options.cotangents;
  result.keep = options.keep;
  result.carry = options.carry;
  result.recompute = options.recompute;
  return result;
}

// Names of the plan's values, with the second names that equations like `y: h` give.
std::map<std::string, NodeId> names_of(const Plan& plan, const Graph& graph) {
  std::map<std::string, NodeId> names;
  for (NodeId id = 0; id < static_cast<NodeId>(plan.nodes.size()); ++id) names.emplace(plan.value(id).name, id);
  for (const auto& [name, node] : graph.names) {
    const auto found = names.find(graph[node].name);
    if (found != names.end()) names.emplace(name, found->second);
  }
  return names;
}

std::vector<std::string> keys_of(const std::map<std::string, NodeId>& names) {
  std::vector<std::string> keys;
  for (const auto& [name, id] : names) keys.push_back(name);
  return keys;
}

}  // namespace

template <class T>
Session<T>::Session(const Model& model, const SessionOptions& options) : compiled_(model.compile(compile_options(options))) {
  if (!compiled_.plan.executable) {
    refuse("E0730",
           fmt::format("{}: nothing tells the size{} {}", compiled_.plan.model, compiled_.plan.free_sizes.size() > 1 ? "s" : "",
                       fmt::join(compiled_.plan.free_sizes, ", ")),
           "give the shapes of the inputs, or set an option of that name");
  }
  plan_ = std::make_shared<const Plan>(compiled_.plan);
  values_ = names_of(*plan_, compiled_.graph);
  values_.insert(compiled_.kept.begin(), compiled_.kept.end());  // of two equal values the plan has one
  parameters_ = std::make_unique<Parameters<T>>(*plan_);
  parameters_->initialise(options.seed);
  RunOptions run_options;
  run_options.seed = options.seed;
  run_options.threads = options.threads;
  run_options.positions = options.positions;
  run_ = std::make_unique<Run<T>>(plan_, run_options);
  for (std::size_t k = 0; k < plan_->parameters.size(); ++k) {
    run_->bind_parameter(plan_->parameters[k], std::as_const(*parameters_).values(k).data());
  }
}

template <class T>
void Session<T>::save(const std::string& path) const {
  TensorFile file;
  parameters_->append_to(file);
  file.metadata["model"] = plan_->model;
  save_safetensors(path, file);
}

template <class T>
void Session<T>::load(const std::string& path) {
  parameters_->take_from(load_safetensors(path), path);
}

template <class T>
void Session<T>::forward(const Batch<T>& batch) {
  run_->forward(batch);
}

template <class T>
void Session<T>::backward() {
  if (!has_loss()) refuse("E0725", "backward() needs a loss: in the model, or give cotangents of the outputs");
  run_->backward();
}

template <class T>
void Session<T>::backward(const Cotangents<T>& by_output) {
  run_->backward(by_output);
}

template <class T>
bool Session<T>::has_loss() const {
  return plan_->loss != kNone;
}

template <class T>
double Session<T>::loss() const {
  if (!has_loss()) refuse("E0725", "the model has no loss");
  return run_->loss();
}

template <class T>
Array<T> Session<T>::value(const std::string& name) const {
  for (const OutputRef& output : plan_->outputs) {
    if (output.name == name) return run_->value(output.node);
  }
  const auto found = values_.find(name);
  if (found == values_.end()) refuse("E0721", fmt::format("no value '{}'{}", name, did_you_mean(name, keys_of(values_))));
  if (plan_->value(found->second).buffer == kNone) {
    refuse("E0731", fmt::format("'{}' is not kept: no output needs it", name), "name it in SessionOptions::keep");
  }
  return run_->value(found->second);
}

template <class T>
Array<T> Session<T>::lengths(const std::string& axis) const {
  std::vector<std::string> names;
  for (AxisId id = 0; id < static_cast<AxisId>(plan_->axes.size()); ++id) {
    names.push_back(plan_->axes[static_cast<std::size_t>(id)].name);
    if (names.back() == axis) return run_->lengths(id);
  }
  refuse("E0721", fmt::format("no axis '{}'{}", axis, did_you_mean(axis, names)));
}

template <class T>
Array<T> Session<T>::gradient(const std::string& name) const {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < plan_->gradients.size(); ++k) {
    names.push_back(plan_->value(plan_->gradients[k].first).name);
    if (names.back() == name) return run_->gradient_value(k);
  }
  refuse("E0721", fmt::format("no gradient of '{}'{}", name, did_you_mean(name, names)));
}

template class Session<float>;
template class Session<double>;

}  // namespace tapeloop
