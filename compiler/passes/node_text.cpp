#include "compiler/passes/node_text.h"

#include <cmath>

#include "core/builder.h"
#include "core/expression.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

const std::string& axis_name(const Graph& graph, AxisId axis) { return graph.axes[static_cast<std::size_t>(axis)].name; }

std::string operand_text(const Graph& graph, NodeId id) {
  if (id == kNone) return "0";
  const Node& node = graph[id];
  if (!node.kind) return "?";
  return node.kind->role == Role::kConstant ? number_text(node.value) : node.name;
}

std::string offset_text(std::int32_t offset) {
  if (offset == 0) return "";
  return (offset < 0 ? "-" : "+") + std::to_string(std::abs(offset));
}

// One tap along t reads as in equations; the plain ends of a run by their op; all else with positions in brackets.
std::string read_text(const Graph& graph, const Node& node) {
  const std::string value = operand_text(graph, node.operands[0]);
  if (node.moves.size() == 1) {
    const Move& move = node.moves[0];
    const std::string& axis = axis_name(graph, move.axis);
    if (move.from == Move::From::kHere && axis == "t")
      return value + (move.offset < 0 ? "_tm" : "_tp") + std::to_string(std::abs(move.offset));
    if (move.from == Move::From::kEnd && move.offset == -1) return "last(" + value + ", along=" + axis + ")";
    if (move.from == Move::From::kStart && move.offset == 0) return "first(" + value + ", along=" + axis + ")";
  }
  std::string places;
  for (const Move& move : node.moves) {
    places += (places.empty() ? "" : ", ") + axis_name(graph, move.axis);
    if (move.from != Move::From::kHere) places += move.from == Move::From::kEnd ? "=end" : "=0";
    places += offset_text(move.offset);
  }
  return value + "[" + places + "]";
}

std::string attribute_text(const AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  if (const auto* word = std::get_if<std::string>(&value)) return *word;
  std::string text = "[";
  for (const double number : std::get<std::vector<double>>(value)) text += (text.size() > 1 ? ", " : "") + number_text(number);
  return text + "]";
}

}  // namespace

std::string node_text(const Graph& graph, const Node& node) {
  switch (node.kind->role) {
    case Role::kConstant:
      return number_text(node.value);
    case Role::kMove:
      return read_text(graph, node);
    case Role::kRemap:
      return remap_text(graph, node);
    case Role::kIndex:
    case Role::kLength:
      return std::string(node.kind->name) + "(" + (find_attribute(node.attributes, "reversed") ? "-" : "") + axis_name(graph, node.axis) +
             ")";
    default:
      break;
  }
  const std::string_view symbol = node.kind->symbol;
  if (node.operands.size() == 2 && !symbol.empty()) {
    return operand_text(graph, node.operands[0]) + " " + std::string(symbol) + " " + operand_text(graph, node.operands[1]);
  }
  if (node.operands.size() == 1 && symbol == "neg") return "-" + operand_text(graph, node.operands[0]);
  if (node.kind->name == "copy" && !node.operands.empty()) return operand_text(graph, node.operands[0]);
  std::string text(node.kind->role == Role::kSumTo ? "sum" : node.kind->name);
  text += "(";
  for (const NodeId operand : node.operands) text += (text.back() == '(' ? "" : ", ") + operand_text(graph, operand);
  if (node.axis != kNone) text += ", along=" + axis_name(graph, node.axis);
  for (const auto& [name, value] : node.attributes) text += ", " + name + "=" + attribute_text(value);
  return text + ")";
}

}  // namespace tapeloop
