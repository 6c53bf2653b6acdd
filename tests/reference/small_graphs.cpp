#include "tests/reference/small_graphs.h"

#include <cmath>

namespace tapeloop {
namespace {

template <class S>
S added(const S* x) {
  return x[0] + x[1];
}
template <class S>
S multiplied(const S* x) {
  return x[0] * x[1];
}
template <class S>
S squashed(const S* x) {
  return std::tanh(x[0]);
}

NodeKind point_kind(std::string_view name, double (*real)(const double*), std::complex<double> (*complex)(const std::complex<double>*)) {
  NodeKind kind;
  kind.name = name;
  kind.role = Role::kPoint;
  kind.point.reference = real;
  kind.point.reference_complex = complex;
  return kind;
}

}  // namespace

Registry small_registry() {
  Registry registry;
  registry.add(point_kind("add", added<double>, added<std::complex<double>>));
  registry.add(point_kind("multiply", multiplied<double>, multiplied<std::complex<double>>));
  registry.add(point_kind("tanh", squashed<double>, squashed<std::complex<double>>));
  const std::pair<std::string_view, Role> roles[] = {
      {"input", Role::kInput},    {"parameter", Role::kParameter},    {"constant", Role::kConstant},
      {"move", Role::kMove},      {"unmove", Role::kUnmove},          {"move_outside", Role::kMoveOutside},
      {"sum_to", Role::kSumTo},   {"max_along", Role::kExtremeAlong}, {"argmin_along", Role::kExtremeAlong},
      {"index", Role::kIndex},    {"length", Role::kLength},          {"count", Role::kCount},
      {"matmul", Role::kProduct}, {"matmul_sum", Role::kProductSum},  {"draw", Role::kDraw},
  };
  for (const auto& [name, role] : roles) {
    NodeKind kind;
    kind.name = name;
    kind.role = role;
    kind.finds_least = kind.gives_position = name == "argmin_along";
    registry.add(std::move(kind));
  }
  return registry;
}

AxisId SmallGraph::axis(const std::string& name, AxisId within, NodeId length) {
  Axis& made = graph.axes.emplace_back();
  made.name = name;
  made.within = within;
  made.length = length;
  return static_cast<AxisId>(graph.axes.size() - 1);
}

Space SmallGraph::on(const std::vector<AxisId>& axes) const {
  Space space = Space::batch();
  for (const AxisId axis : axes) space = space.with(axis);
  return space;
}

NodeId SmallGraph::add(const std::string& kind, const std::vector<NodeId>& operands, Space space, Shape shape) {
  Node node;
  node.kind = &registry_.at(kind);
  node.operands = operands;
  node.space = space;
  node.shape = std::move(shape);
  node.name = kind + std::to_string(graph.size());
  return graph.add(std::move(node));
}

NodeId SmallGraph::input(const std::string& name, Space space, Shape shape) {
  const NodeId id = add("input", {}, space, std::move(shape));
  graph[id].name = name;
  return id;
}

NodeId SmallGraph::parameter(const std::string& name, Shape shape) {
  const NodeId id = add("parameter", {}, Space::parameters(), std::move(shape));
  graph[id].name = name;
  return id;
}

NodeId SmallGraph::constant(double value) {
  const NodeId id = add("constant", {}, Space::parameters(), {});
  graph[id].value = value;
  return id;
}

NodeId SmallGraph::call(const std::string& kind, const std::vector<NodeId>& operands, Space space, Shape shape) {
  return add(kind, operands, space, std::move(shape));
}

NodeId SmallGraph::declare(Space space, Shape shape) { return add("constant", {}, space, std::move(shape)); }

void SmallGraph::define(NodeId id, const std::string& kind, const std::vector<NodeId>& operands) {
  graph[id].kind = &registry_.at(kind);
  graph[id].operands = operands;
}

NodeId SmallGraph::move(const std::vector<NodeId>& operands, std::vector<Move> moves, std::vector<Outside> outsides, Space space,
                        Shape shape) {
  const NodeId id = add("move", operands, space, std::move(shape));
  graph[id].moves = std::move(moves);
  graph[id].outsides = std::move(outsides);
  return id;
}

std::vector<double> dense(const Graph& graph, const Batch<double>& batch, NodeId node, const Parameters& parameters) {
  return Reference<double>(graph, batch, parameters).dense(node).data;
}

}  // namespace tapeloop
