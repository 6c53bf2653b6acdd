#include "compiler/passes/shape_rules.h"

#include <algorithm>
#include <cmath>

namespace tapeloop {
namespace {

std::size_t at(NodeId id) { return static_cast<std::size_t>(id); }

int level(Type type) {
  return type == Type::kFloat ? ShapeRules::kFloatType : type == Type::kInt ? ShapeRules::kIntType : ShapeRules::kBoolType;
}

Type type_of(int level) { return level == ShapeRules::kBoolType ? Type::kBool : level == ShapeRules::kIntType ? Type::kInt : Type::kFloat; }

bool is_whole(double value) { return std::abs(value) <= 9007199254740992.0 && value == std::floor(value); }

}  // namespace

ShapeRules::ShapeRules(Graph& graph)
    : graph_(graph),
      declared_(static_cast<std::size_t>(graph.size())),
      known_(static_cast<std::size_t>(graph.size())),
      types_(static_cast<std::size_t>(graph.size()), kUnknownType) {
  for (NodeId id = 0; id < graph.size(); ++id) declared_[at(id)] = graph[id].shape;
}

void ShapeRules::set(NodeId id, const Shape& shape, int type) {
  graph_[id].shape = shape;
  known_[at(id)] = 1;
  types_[at(id)] = type;
}

Type ShapeRules::final_type(NodeId id) const { return type_of(types_[at(id)]); }

// A start value does not make the shape of what it starts.
bool ShapeRules::needs(NodeId id, NodeId operand) const {
  const Node& node = graph_[id];
  return !node.kind || node.kind->role != Role::kMove || node.operands[0] == operand;
}

bool ShapeRules::is_declared_copy(NodeId id) const { return graph_[id].kind && find_attribute(graph_[id].attributes, "declared"); }

bool ShapeRules::may_be_partial(NodeId id) const { return graph_[id].kind && graph_[id].kind->role == Role::kPoint; }

int ShapeRules::order_of_partial(NodeId id) const {
  std::size_t rank = 0;
  for (const NodeId operand : graph_[id].operands) {
    if (known(operand)) rank = std::max(rank, graph_[operand].shape.size());
  }
  return -static_cast<int>(rank);
}

bool ShapeRules::may_start_as_scalar(NodeId id) const {
  const Node& node = graph_[id];
  const auto here = [](const Move& move) { return move.from == Move::From::kHere; };
  const bool named_tap =
      node.kind && node.kind->role == Role::kMove && !node.is_part && std::all_of(node.moves.begin(), node.moves.end(), here);
  return node.kind && !is_declared_copy(id) && (node.kind->role == Role::kPoint || named_tap);
}

ShapeRules::Found ShapeRules::apply(NodeId id, Operands operands) {
  const Node& node = graph_[id];
  switch (node.kind->role) {
    case Role::kInput:
      return {graph_.sizes.resolve(declared_[at(id)]), level(node.type), {}, {}};
    case Role::kParameter:
    case Role::kZeros:
      return {graph_.sizes.resolve(declared_[at(id)]), kFloatType, {}, {}};
    case Role::kConstant:
      return {declared_[at(id)], is_whole(node.value) ? kIntType : kFloatType, {}, {}};
    case Role::kIndex:
    case Role::kLength:
    case Role::kCount:
      return {{}, kIntType, {}, {}};
    case Role::kMove:
    case Role::kRemap:
    case Role::kSumTo:
    case Role::kExtremeAlong:
      return same_as_operand(id);
    case Role::kPoint:
      return is_declared_copy(id) ? declared_copy(id) : point(id, operands);
    default:
      return local(id);
  }
}

ShapeRules::Found ShapeRules::same_as_operand(NodeId id) {
  const Node& node = graph_[id];
  Found found{graph_.sizes.resolve(graph_[node.operands[0]].shape), types_[at(node.operands[0])], {}, {}};
  if (node.kind->role == Role::kSumTo && found.type == kBoolType) found.type = kIntType;
  if (node.kind->role == Role::kExtremeAlong && (node.kind->result_type == Type::kInt || node.kind->name.starts_with("arg")))
    found.type = kIntType;
  for (const Outside& outside : node.outsides) {
    const NodeId start = node.operands[at(outside.operand)];
    if (known(start)) found.type = std::max(found.type, types_[at(start)]);
  }
  return found;
}

ShapeRules::Found ShapeRules::point(NodeId id, Operands operands) {
  const Node& node = graph_[id];
  Found found;
  int type = kUnknownType;
  bool any = false;
  for (const NodeId operand : node.operands) {
    if (!known(operand)) continue;
    any = true;
    type = std::max(type, types_[at(operand)]);
    if (!broadcast(found.shape, graph_.sizes.resolve(graph_[operand].shape), graph_.sizes)) {
      found.message = "shapes do not fit";
      found.help = "shapes are aligned at their ends; each size must be the same, or 1, or missing";
      return found;
    }
  }
  if (!any && operands == Operands::kAll) found.message = "nothing is known yet";
  found.type = level(node.kind->result_type);
  if (node.kind->keeps_type && type != kFloatType) {
    const bool sum_of_bools = type == kBoolType && node.operands.size() > 1;
    found.type = sum_of_bools ? kIntType : type;
  }
  return found;
}

// An input of an inner container has the rank and the sizes that it declares.
ShapeRules::Found ShapeRules::declared_copy(NodeId id) {
  const NodeId operand = graph_[id].operands[0];
  const Shape& declared = declared_[at(id)];
  Found found{graph_.sizes.resolve(declared), types_[at(operand)], {}, {}};
  if (!known(operand)) return found;
  const Shape shape = graph_.sizes.resolve(graph_[operand].shape);
  bool fits = shape.size() == declared.size();
  for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = graph_.sizes.unify(declared[k], shape[k]);
  if (!fits) {
    found.message = "the input is declared " + graph_.sizes.text(declared);
    found.help = "an inner container's input has the shape that the container declares";
  }
  found.shape = shape;
  return found;
}

ShapeRules::Found ShapeRules::local(NodeId id) {
  const Node& node = graph_[id];
  std::vector<Shape> shapes;
  std::vector<Type> types;
  for (const NodeId operand : node.operands) {
    shapes.push_back(graph_.sizes.resolve(graph_[operand].shape));
    types.push_back(type_of(types_[at(operand)]));
  }
  InferContext context(shapes, types, node.attributes, graph_.sizes);
  if (node.kind->infer) node.kind->infer(context);
  return {graph_.sizes.resolve(context.shape), level(context.type), context.message, context.help};
}

// "'x' is [3] (gru.yaml:4), 'W' is [5, 4] (gru.yaml:6)"
std::string ShapeRules::operand_texts(NodeId id) const {
  std::string text;
  for (const NodeId operand : graph_[id].operands) {
    if (operand == kNone || !known(operand)) continue;
    const Node& node = graph_[operand];
    text += (text.empty() ? "" : ", ") + ("'" + (node.is_part && !node.text.empty() ? node.text : node.name)) + "' is " +
            graph_.sizes.text(node.shape);
    const bool elsewhere = node.source.known() && node.source.text(false) != graph_[id].source.text(false);
    if (elsewhere) text += " (" + node.source.text(false) + ")";
  }
  return text;
}

void ShapeRules::report(NodeId id, const Found& found, Diagnostics& diagnostics) const {
  const Node& node = graph_[id];
  const std::string name = node.is_part && !node.text.empty() ? node.text : node.name;
  diagnostics.error(is_declared_copy(id) ? "E0504" : "E0501", node.source, "'" + name + "': " + found.message + ": " + operand_texts(id),
                    found.help);
}

void StartRules::run() {
  for (Node& node : graph_.nodes) {
    if (!node.kind || node.kind->role != Role::kMove) continue;
    for (Outside& outside : node.outsides) check(node, outside);
  }
}

bool StartRules::fits(const Shape& value, const Shape& start, std::size_t from) {
  if (start.size() - from > value.size()) return false;
  const std::size_t lead = value.size() - (start.size() - from);
  for (std::size_t k = from; k < start.size(); ++k) {
    const Dim size = graph_.sizes.resolve(start[k]);
    if (!(size == Dim(1)) && !graph_.sizes.unify(value[lead + k - from], size)) return false;
  }
  return true;
}

void StartRules::check(Node& move, Outside& outside) {
  const Node& value = graph_[move.operands[0]];
  const Node& start = graph_[move.operands[at(outside.operand)]];
  if (!value.kind || !start.kind) return;  // wrong, and reported
  const std::string along = graph_.axes[at(outside.axis)].name;
  const bool slots = start.shape.size() == value.shape.size() + 1;
  if (!fits(value.shape, start.shape, slots ? 1 : 0)) {
    diagnostics_.error("E0508", start.source,
                       "the start of '" + value.name + "' along " + along + " has shape " + graph_.sizes.text(start.shape) + "; expected " +
                           graph_.sizes.text(value.shape) + (value.source.known() ? ", as in " + value.source.text(false) : ""),
                       "or one more dimension in front: a start for each position");
    return;
  }
  if (!slots) return;
  std::int32_t farthest = 1;
  for (const Move& one : move.moves) {
    if (one.axis != outside.axis) continue;
    const bool counts_from_zero = one.from != Move::From::kHere && one.offset >= 0;
    farthest = std::max({farthest, std::abs(one.offset), counts_from_zero ? one.offset + 1 : 0});
  }
  const Dim count = graph_.sizes.resolve(start.shape[0]);
  outside.slots = count.is_number() ? static_cast<std::int32_t>(count.number()) : farthest;
  if (outside.slots >= farthest) return;
  diagnostics_.error("E0413", start.source,
                     "'" + value.name + "' has " + std::to_string(outside.slots) + " starts along " + along +
                         ", one for each position; it is read " + std::to_string(farthest) + " positions outside" +
                         (move.source.known() ? " in " + move.source.text(false) : ""),
                     "give " + std::to_string(farthest) + " starts");
}

}  // namespace tapeloop
