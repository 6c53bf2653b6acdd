// Arithmetic of the reference evaluator: one value from those that it reads, by the definition of its kind. Never the kernels.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"
#include "runtime/reference_reads.h"

namespace tapeloop {

// S: double or std::complex<double>.
template <class S>
struct ReferenceOperands {
  const Node* node = nullptr;
  std::span<const ReferenceRead> reads;
  std::span<const S* const> values;                      // of each read; null: zeros
  std::span<const std::vector<std::int32_t>> stretched;  // by operand, of point kinds and moves: see stretch()
  const LocalShapes* shapes = nullptr;                   // of operands (`[]` where there is none) and result
};

// out: [elements of the result], zeros at first.
// REQUIRES: a kind whose values follow from its operands (no index, draw, constant ..).
template <class S>
void evaluate(const ReferenceOperands<S>& from, std::span<S> out);

extern template void evaluate(const ReferenceOperands<double>& from, std::span<double> out);
extern template void evaluate(const ReferenceOperands<std::complex<double>>& from, std::span<std::complex<double>> out);

}  // namespace tapeloop
