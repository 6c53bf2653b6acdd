#include "core/graph.h"

#include <bit>

#include "core/kind.h"

namespace tapeloop {

const char* type_name(Type type) {
  switch (type) {
    case Type::kFloat:
      return "float";
    case Type::kInt:
      return "int";
    case Type::kBool:
      return "bool";
  }
  return "";
}

std::vector<AxisId> Space::axes() const {
  std::vector<AxisId> result;
  for (std::uint64_t left = bits_ & ~kBatch; left != 0; left &= left - 1) result.push_back(std::countr_zero(left));
  return result;
}

NodeId Graph::add(Node node) {
  nodes.push_back(std::move(node));
  return static_cast<NodeId>(nodes.size() - 1);
}

Space Graph::within(AxisId axis) const {
  Space space = Space::batch();
  for (AxisId outer = axes[static_cast<std::size_t>(axis)].within; outer != kNone; outer = axes[static_cast<std::size_t>(outer)].within) {
    space = space.with(outer);
  }
  return space;
}

Space Graph::closure(Space space) const {
  Space result = space;
  for (const AxisId axis : space.axes()) result = result | within(axis);
  return result;
}

std::string Graph::text(Space space) const {
  std::string result = "[";
  for (const AxisId axis : space.axes()) result += (result.size() > 1 ? ", " : "") + axes[static_cast<std::size_t>(axis)].name;
  return result + "]";
}

namespace {

// Shifts of the moved axes; those read at their start or end are read whole.
ReadEdge moved(NodeId producer, const std::vector<Move>& moves, int sign) {
  ReadEdge edge{producer, {}, {}};
  for (const Move& move : moves) {
    if (move.from == Move::From::kHere) {
      edge.shifts.emplace_back(move.axis, sign * move.offset);
    } else if (sign > 0) {
      edge.whole = edge.whole.with(move.axis);
    }
  }
  return edge;
}

}  // namespace

std::vector<ReadEdge> read_edges(const Graph& graph, NodeId reader) {
  const Node& node = graph[reader];
  std::vector<ReadEdge> edges;
  switch (node.kind->role) {
    case Role::kMove:
      if (node.operands[0] != kNone) edges.push_back(moved(node.operands[0], node.moves, 1));
      for (const Outside& outside : node.outsides) edges.push_back({node.operands[static_cast<std::size_t>(outside.operand)], {}, {}});
      break;
    case Role::kUnmove:
      edges.push_back(moved(node.operands[0], node.moves, -1));
      break;
    case Role::kRemap:
      edges.push_back({node.operands[0], {}, Space().with(node.remap.from)});
      break;
    case Role::kUnremap: {
      ReadEdge edge{node.operands[0], {}, {}};
      for (const Remap::Step& step : node.remap.steps) edge.whole = edge.whole.with(step.axis);
      edges.push_back(std::move(edge));
      break;
    }
    default:
      for (const NodeId operand : node.operands) {
        ReadEdge edge{operand, {}, {}};
        for (const AxisId axis : graph[operand].space.axes()) {
          if (!node.space.has(axis)) edge.whole = edge.whole.with(axis);
        }
        edges.push_back(edge);
      }
  }
  return edges;
}

Space derived_from(const Graph& graph, AxisId axis) {
  Space found;
  for (std::size_t rounds = 0; rounds < graph.axes.size(); ++rounds) {  // an axis may stand before one that it is derived from
    for (AxisId id = 0; id < static_cast<AxisId>(graph.axes.size()); ++id) {
      for (const AxisId from : graph.axes[static_cast<std::size_t>(id)].derivation.from) {
        if (from == axis || found.has(from)) found = found.with(id);
      }
    }
  }
  return found;
}

Space measured_axes(const Remap& remap) {
  Space space;
  for (const Remap::Step& step : remap.steps) space = space.with(step.axis);
  for (const AxisId axis : remap.after) space = space.with(axis);
  return remap.from == kNone ? space : space.with(remap.from);
}

const AttributeValue* find_attribute(const Attributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

double number_of(const Attributes& attributes, std::string_view name, double otherwise) {
  const AttributeValue* value = find_attribute(attributes, name);
  const double* number = value ? std::get_if<double>(value) : nullptr;
  return number ? *number : otherwise;
}

std::string word_of(const Attributes& attributes, std::string_view name, std::string_view otherwise) {
  const AttributeValue* value = find_attribute(attributes, name);
  const std::string* word = value ? std::get_if<std::string>(value) : nullptr;
  return word ? *word : std::string(otherwise);
}

std::string verify(const Graph& graph) {
  const auto in_range = [&](NodeId id) { return id >= 0 && id < graph.size(); };
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    if (!node.kind) return "node '" + node.name + "' has no kind";
    const Role role = node.kind->role;
    for (std::size_t k = 0; k < node.operands.size(); ++k) {
      const NodeId operand = node.operands[k];
      if (role == Role::kMove && k == 0 && operand == kNone) continue;
      if (!in_range(operand)) return "node '" + node.name + "' reads node " + std::to_string(operand);
      const bool pointwise = role == Role::kPoint || role == Role::kLocal || role == Role::kAlias || role == Role::kProduct;
      if (pointwise && !node.space.contains(graph[operand].space)) {
        return "'" + node.name + "' on " + graph.text(node.space) + " reads '" + graph[operand].name + "' on " +
               graph.text(graph[operand].space);
      }
    }
    for (const AxisId axis : node.space.axes()) {
      if (axis >= static_cast<AxisId>(graph.axes.size())) return "node '" + node.name + "' is on an axis that is not there";
    }
  }
  for (const OutputRef& output : graph.outputs) {
    if (!in_range(output.node)) return "output '" + output.name + "' is not there";
  }
  return "";
}

}  // namespace tapeloop
