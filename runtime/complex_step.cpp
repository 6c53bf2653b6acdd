#include "runtime/complex_step.h"

#include <stdexcept>
#include <utility>

namespace tapeloop {
namespace {

constexpr double kStep = 1e-30;

}  // namespace

ComplexStep::ComplexStep(const Graph& graph, const Batch<double>& batch, const std::map<std::string, Array<double>>& parameters,
                         std::vector<WeightedValue> weighted, std::uint64_t seed)
    : graph_(graph), weighted_(std::move(weighted)), reference_(graph, batch, parameters, seed) {}

double ComplexStep::derivative(NodeId leaf, std::int64_t element) {
  reference_.perturb(leaf, element, {0, kStep});
  const double result = measure();
  reference_.perturb(leaf, element, {0, -kStep});
  return result;
}

double ComplexStep::derivative(const std::map<NodeId, std::vector<double>>& directions) {
  const auto move = [&](double by) {
    for (const auto& [leaf, direction] : directions) {
      for (std::size_t k = 0; k < direction.size(); ++k) reference_.perturb(leaf, static_cast<std::int64_t>(k), {0, by * direction[k]});
    }
  };
  move(kStep);
  const double result = measure();
  move(-kStep);
  return result;
}

double ComplexStep::measure() {
  double sum = 0;
  for (const WeightedValue& weighted : weighted_) {
    const bool on_batch = graph_[weighted.node].space.on_batch();
    const Array<std::complex<double>> found = on_batch ? reference_.dense(weighted.node) : reference_.parameter_space(weighted.node);
    if (found.data.size() != weighted.cotangent.data.size()) throw std::logic_error("a cotangent that does not fit its value");
    for (std::size_t k = 0; k < found.data.size(); ++k) sum += weighted.cotangent.data[k] * found.data[k].imag();
  }
  return sum / kStep;
}

}  // namespace tapeloop
