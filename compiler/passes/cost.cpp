#include "compiler/passes/cost.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "core/kind.h"

namespace tapeloop {
namespace {

constexpr double kBytesOfFloat = 4;

std::vector<std::int64_t> with_free_as_one(const Graph& graph, const Shape& shape, std::set<std::string>& names) {
  std::vector<std::int64_t> dims;
  for (const Dim& dim : graph.sizes.resolve(shape)) {
    if (!dim.is_number()) names.insert(graph.sizes.text(dim));
    dims.push_back(dim.is_number() ? dim.number() : 1);
  }
  return dims;
}

double count(const std::vector<std::int64_t>& dims) {
  double product = 1;
  for (const std::int64_t dim : dims) product *= static_cast<double>(dim);
  return product;
}

std::string text(double number, const std::set<std::string>& names) {
  std::string result = fmt::format("{:.0f}", number);
  if (number == 0) return result;
  for (const std::string& name : names) result += name.find_first_of("+-*") == std::string::npos ? "*" + name : "*(" + name + ")";
  return result;
}

}  // namespace

CostText cost_text(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  std::set<std::string> names;
  LocalShapes shapes;
  shapes.result = with_free_as_one(graph, node.shape, names);
  std::string bytes = text(kBytesOfFloat * count(shapes.result), names);
  for (const NodeId operand : node.operands) {
    if (operand == kNone) continue;
    std::set<std::string> own;
    shapes.operands.push_back(with_free_as_one(graph, graph[operand].shape, own));
    if (graph[operand].space != Space()) bytes += "+" + text(kBytesOfFloat * count(shapes.operands.back()), own);
    names.insert(own.begin(), own.end());
  }
  const bool moves_only = node.kind->role == Role::kMove || node.kind->role == Role::kUnmove || node.kind->role == Role::kRemap ||
                          node.kind->role == Role::kZeros || node.kind->role == Role::kConstant || node.operands.empty();
  double flops = moves_only ? 0 : count(shapes.result);
  if (!moves_only && node.kind->cost) flops = node.kind->cost(shapes).flops;
  if (names.empty()) {
    double sum = kBytesOfFloat * count(shapes.result);
    for (std::size_t k = 0, operand = 0; k < node.operands.size(); ++k) {
      if (node.operands[k] == kNone) continue;
      if (graph[node.operands[k]].space != Space()) sum += kBytesOfFloat * count(shapes.operands[operand]);
      ++operand;
    }
    bytes = fmt::format("{:.0f}", sum);
  }
  return {text(flops, names), bytes};
}

}  // namespace tapeloop
