#include <algorithm>

#include "compiler/passes/lower.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

std::int64_t product(const std::vector<std::int64_t>& dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) result *= dim;
  return result;
}

// Rows of a matrix whose columns are the last dimension.
std::int64_t leading(const std::vector<std::int64_t>& dims) { return product({dims.begin(), dims.end() - (dims.empty() ? 0 : 1)}); }

// Row-major strides of a shape aligned at the end of `rank` dimensions; 0 where it is stretched.
std::vector<std::int64_t> stretched_strides(const std::vector<std::int64_t>& shape, std::size_t rank) {
  std::vector<std::int64_t> strides(rank, 0);
  std::int64_t stride = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (shape[k] != 1) strides[rank - shape.size() + k] = stride;
    stride *= shape[k];
  }
  return strides;
}

}  // namespace

PointLoop point_loop(const std::vector<std::int64_t>& result, const std::vector<std::vector<std::int64_t>>& operands,
                     const std::vector<bool>& in_parameters) {
  PointLoop loop;
  loop.flat = true;
  std::vector<std::vector<std::int64_t>> strides;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    strides.push_back(stretched_strides(operands[k], result.size()));
    const std::int64_t count = product(operands[k]);
    loop.flat = loop.flat && (in_parameters[k] ? count == 1 : count == product(result));
  }
  loop.strides.assign(operands.size(), {});
  for (std::size_t d = 0; d < result.size(); ++d) {
    if (result[d] == 1) continue;
    // Two neighbours are one loop if every operand steps through them evenly.
    const bool merges = !loop.dims.empty() && std::all_of(strides.begin(), strides.end(), [&](const auto& stride) {
      const auto k = static_cast<std::size_t>(&stride - strides.data());
      return loop.strides[k].back() == stride[d] * result[d];
    });
    if (merges) {
      loop.dims.back() *= result[d];
    } else {
      loop.dims.push_back(result[d]);
    }
    for (std::size_t k = 0; k < strides.size(); ++k) {
      if (merges) {
        loop.strides[k].back() = strides[k][d];
      } else {
        loop.strides[k].push_back(strides[k][d]);
      }
    }
  }
  return loop;
}

void fit_to_shapes(const Graph& graph, const Plan& plan, Instruction& made) {
  const Node& node = graph[made.node];
  const Role role = node.kind->role;
  if (role == Role::kMove || role == Role::kUnmove || role == Role::kRemap || role == Role::kUnremap) return;
  const std::vector<std::int64_t> result = numbers(plan.value(made.node).shape);
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<bool> in_parameters;
  for (const NodeId id : node.operands) {
    shapes.push_back(numbers(plan.value(id).shape));
    in_parameters.push_back(graph[id].space == Space());
  }
  if (made.op == OpCode::kPoint) made.loop = point_loop(result, shapes, in_parameters);
  if (made.op == OpCode::kLocal && node.kind->local.prepare) made.local = node.kind->local.prepare({shapes, result}, node.attributes);
  if (made.op == OpCode::kProduct) made.product = {leading(shapes[0]), shapes[0].back(), shapes[1].size() > 1 ? shapes[1].back() : 1};
  if (made.op == OpCode::kProductSum) made.product = {leading(shapes[1]), result[0], result[1]};
}

}  // namespace tapeloop
