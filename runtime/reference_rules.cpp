#include "runtime/reference_rules.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <stdexcept>
#include <string>

namespace tapeloop {
namespace {

template <class S>
using Rule = void (*)(const ReferenceOperands<S>&, std::span<S>);

[[noreturn]] void fail(const NodeKind& kind, const char* what) {
  throw std::logic_error("kind '" + std::string(kind.name) + "' has no " + what + " for the reference evaluator");
}

// The kind's own rule in double or complex; its absence is a defect of the kind.
double own_rule(const NodeKind& kind, const double* in) {
  if (!kind.point.reference) fail(kind, "real rule");
  return kind.point.reference(in);
}
std::complex<double> own_rule(const NodeKind& kind, const std::complex<double>* in) {
  if (!kind.point.reference_complex) fail(kind, "complex rule");
  return kind.point.reference_complex(in);
}
void own_rule(const NodeKind& kind, const ReferenceCall<double>& call) {
  if (!kind.local.reference) fail(kind, "real rule");
  kind.local.reference(call);
}
void own_rule(const NodeKind& kind, const ReferenceCall<std::complex<double>>& call) {
  if (!kind.local.reference_complex) fail(kind, "complex rule");
  kind.local.reference_complex(call);
}

template <class S>
void point(const ReferenceOperands<S>& from, std::span<S> out) {
  std::vector<S> in(from.reads.size());
  for (std::size_t e = 0; e < out.size(); ++e) {
    for (std::size_t k = 0; k < in.size(); ++k) in[k] = from.values[k][from.stretched[k][e]];
    out[e] = own_rule(*from.node->kind, in.data());
  }
}

template <class S>
void local(const ReferenceOperands<S>& from, std::span<S> out) {
  ReferenceCall<S> call;
  call.in.assign(from.values.begin(), from.values.end());
  call.shapes = from.shapes;
  call.attributes = &from.node->attributes;
  call.out = out.data();
  own_rule(*from.node->kind, call);
}

template <class S>
void alias(const ReferenceOperands<S>& from, std::span<S> out) {
  std::copy_n(from.values[0], out.size(), out.data());
}

// [.., m, k] @ [k, n]; a vector on the left is one row, on the right one column.
template <class S>
void product(const ReferenceOperands<S>& from, std::span<S> out) {
  const std::vector<std::int64_t>& left = from.shapes->operands[0];
  const std::vector<std::int64_t>& right = from.shapes->operands[1];
  const auto inner = static_cast<std::size_t>(left.back());
  const auto columns = static_cast<std::size_t>(right.size() > 1 ? right.back() : 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const S* const row = from.values[0] + i / columns * inner;
    for (std::size_t k = 0; k < inner; ++k) out[i] += row[k] * from.values[1][k * columns + i % columns];
  }
}

// Rows of b added up where a says, over the points that are read (in pairs).
template <class S>
void sum_by_number(const ReferenceOperands<S>& from, std::span<S> out) {
  const auto columns = static_cast<std::size_t>(from.shapes->operands[1].back());
  std::size_t rows = 1;
  for (const std::int64_t dim : from.shapes->operands[0]) rows *= static_cast<std::size_t>(dim);
  for (std::size_t pair = 0; pair < from.values.size(); pair += 2) {
    for (std::size_t row = 0; row < rows; ++row) {
      const double number = std::round(std::real(from.values[pair][row]));
      if (number < 0 || number * static_cast<double>(columns) >= static_cast<double>(out.size())) continue;
      S* const to = out.data() + static_cast<std::size_t>(number) * columns;
      for (std::size_t k = 0; k < columns; ++k) to[k] += from.values[pair + 1][row * columns + k];
    }
  }
}

// a^T b, summed over the points that are read (in pairs) and over the rows of their matrices.
template <class S>
void product_sum(const ReferenceOperands<S>& from, std::span<S> out) {
  const std::vector<std::int64_t>& left = from.shapes->operands[0];
  const auto inner = static_cast<std::size_t>(left.back());
  const auto columns = static_cast<std::size_t>(from.shapes->operands[1].back());
  std::size_t rows = 1;
  for (std::size_t k = 0; k + 1 < left.size(); ++k) rows *= static_cast<std::size_t>(left[k]);
  for (std::size_t pair = 0; pair < from.values.size(); pair += 2) {
    for (std::size_t row = 0; row < rows; ++row) {
      const S* const a = from.values[pair] + row * inner;
      const S* const b = from.values[pair + 1] + row * columns;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += a[i / columns] * b[i % columns];
    }
  }
}

template <class S>
void sum_to(const ReferenceOperands<S>& from, std::span<S> out) {
  for (const S* const value : from.values) {
    for (std::size_t e = 0; e < out.size(); ++e) out[e] += value[e];
  }
}

// Of equals the first; decided by real parts.
template <class S>
void extreme_along(const ReferenceOperands<S>& from, std::span<S> out) {
  const NodeKind& kind = *from.node->kind;
  for (std::size_t e = 0; e < out.size() && !from.values.empty(); ++e) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < from.values.size(); ++i) {
      const double found = std::real(from.values[i][e]), so_far = std::real(from.values[best][e]);
      if (kind.finds_least ? found < so_far : found > so_far) best = i;
    }
    out[e] = kind.gives_position ? S(from.reads[best].slot) : from.values[best][e];
  }
}

template <class S>
void move(const ReferenceOperands<S>& from, std::span<S> out) {
  if (!from.values[0]) return;
  const std::vector<std::int32_t>& at = from.stretched[static_cast<std::size_t>(from.reads[0].operand)];
  const std::int64_t largest = at.empty() ? 0 : *std::max_element(at.begin(), at.end());
  const S* const start = from.values[0] + from.reads[0].slot * (largest + 1);
  for (std::size_t e = 0; e < out.size(); ++e) out[e] = start[at[e]];
}

template <class S>
void move_outside(const ReferenceOperands<S>& from, std::span<S> out) {
  const std::vector<std::int32_t>& to = from.stretched[0];
  const std::int32_t slots = from.node->outsides[0].slots;
  const std::size_t stride = out.size() / static_cast<std::size_t>(std::max(slots, 1));
  for (std::size_t i = 0; i < from.values.size(); ++i) {
    S* const start = out.data() + static_cast<std::size_t>(from.reads[i].slot) * stride;
    for (std::size_t e = 0; e < to.size(); ++e) start[to[e]] += from.values[i][e];
  }
}

template <class S>
Rule<S> rule_of(const NodeKind& kind) {
  switch (kind.role) {
    case Role::kPoint:
      return point<S>;
    case Role::kLocal:
      return local<S>;
    case Role::kAlias:
      return alias<S>;
    case Role::kProduct:
      return product<S>;
    case Role::kProductSum:
      return kind.adds_by_number ? sum_by_number<S> : product_sum<S>;
    case Role::kSumTo:
    case Role::kUnremap:
    case Role::kUnmove:
      return sum_to<S>;
    case Role::kExtremeAlong:
      return extreme_along<S>;
    case Role::kMove:
    case Role::kRemap:
      return move<S>;
    case Role::kMoveOutside:
      return move_outside<S>;
    default:
      fail(kind, "definition");
  }
}

}  // namespace

template <class S>
void evaluate(const ReferenceOperands<S>& from, std::span<S> out) {
  rule_of<S> (*from.node->kind)(from, out);
}

template void evaluate(const ReferenceOperands<double>& from, std::span<double> out);
template void evaluate(const ReferenceOperands<std::complex<double>>& from, std::span<std::complex<double>> out);

}  // namespace tapeloop
