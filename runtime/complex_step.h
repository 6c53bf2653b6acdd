// Derivatives of a model's outputs by the complex step: exact to rounding, from the forward equations alone. Adjoint rules are
// checked against it.
//
//   L = sum_k <cotangent_k, value_k>        dL/dx = Im L(x + i e) / e, e = 1e-30
#pragma once

#include <complex>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/graph.h"
#include "runtime/batch.h"
#include "runtime/reference.h"

namespace tapeloop {

// A value and what each of its elements counts: dims as Reference::dense gives them, of a value without batch its shape.
struct WeightedValue {
  NodeId node = kNone;
  Array<double> cotangent;
};

class ComplexStep {
 public:
  // As for Reference. The graph must outlive this.
  ComplexStep(const Graph& graph, const Batch<double>& batch, const std::map<std::string, Array<double>>& parameters,
              std::vector<WeightedValue> weighted, std::uint64_t seed = 0);

  // By one element of an input or parameter, as the user's array counts them.
  double derivative(NodeId leaf, std::int64_t element);
  // By all leaves at once, each moved along its direction (one number an element of its array): one evaluation.
  double derivative(const std::map<NodeId, std::vector<double>>& directions);

 private:
  double measure();

  const Graph& graph_;
  std::vector<WeightedValue> weighted_;
  Reference<std::complex<double>> reference_;
};

}  // namespace tapeloop
