#include "core/builder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace tapeloop {
namespace {

constexpr std::size_t kLongestPartText = 40;  // a part's equation is quoted in another's up to this length

// How the operand appears in an equation: a part by its own equation, all else by name.
std::string quoted(const Graph& graph, NodeId id, bool in_operator) {
  if (id == kNone) return "0";
  const Node& node = graph[id];
  if (node.kind->role == Role::kInput && node.phase == Phase::kBackward) return node.text;
  const bool adjoint = node.name.ends_with(')');  // d(n#5) is known by that name
  if (!node.is_part || adjoint || node.text.empty() || node.text.size() > kLongestPartText) return node.name;
  const bool loose = in_operator && node.kind->role == Role::kPoint && !node.kind->symbol.empty();
  return loose ? "(" + node.text + ")" : node.text;
}

const std::string& axis_name(const Graph& graph, const Node& node) { return graph.axes[static_cast<std::size_t>(node.axis)].name; }

}  // namespace

const Shape& Term::shape() const { return builder->graph()[id].shape; }
Space Term::space() const { return builder->graph()[id].space; }

Term operator+(Term a, Term b) { return a.builder->call("add", {a, b}); }
Term operator-(Term a, Term b) { return a.builder->call("subtract", {a, b}); }
Term operator*(Term a, Term b) { return a.builder->call("multiply", {a, b}); }
Term operator/(Term a, Term b) { return a.builder->call("divide", {a, b}); }
Term operator-(Term a) { return a.builder->call("negate", {a}); }
Term operator+(Term a, double b) { return a + a.builder->constant(b); }
Term operator-(Term a, double b) { return a - a.builder->constant(b); }
Term operator-(double a, Term b) { return b.builder->constant(a) - b; }
Term operator*(Term a, double b) { return a * a.builder->constant(b); }
Term operator*(double a, Term b) { return b.builder->constant(a) * b; }

void GraphBuilder::set_context(Phase phase, std::string owner, Source source) {
  phase_ = phase;
  if (owner != owner_) parts_ = 0;
  owner_ = std::move(owner);
  source_ = std::move(source);
}

NodeId GraphBuilder::add(Node node) {
  node.phase = phase_;
  node.source = source_;
  node.is_part = true;
  node.name = owner_ + "#" + std::to_string(++parts_);
  node.text = equation_text(graph_, node);
  return graph_.add(std::move(node));
}

Term GraphBuilder::constant(double value) {
  Node node;
  node.kind = &registry_.at("constant");
  node.value = value;
  return term(add(std::move(node)));
}

Term GraphBuilder::zeros(const Shape& shape) {
  Node node;
  node.kind = &registry_.at("zeros");
  node.shape = shape;
  return term(add(std::move(node)));
}

Term GraphBuilder::call(std::string_view name, const std::vector<Term>& operands, Attributes attributes) {
  Node node;
  node.kind = &registry_.at(name);
  node.attributes = std::move(attributes);
  std::vector<Shape> shapes;
  std::vector<Type> types;
  bool whole_numbers = node.kind->keeps_type && !operands.empty();
  for (const Term& operand : operands) {
    node.operands.push_back(operand.id);
    node.space = node.space | operand.space();
    shapes.push_back(graph_.sizes.resolve(operand.shape()));
    types.push_back(graph_[operand.id].type);
    whole_numbers = whole_numbers && types.back() != Type::kFloat;
  }
  if (node.kind->role == Role::kPoint) {
    for (const Shape& shape : shapes) {
      if (!broadcast(node.shape, shape, graph_.sizes)) throw std::logic_error("shapes do not fit '" + std::string(name) + "' in " + owner_);
    }
    node.type = whole_numbers ? Type::kInt : node.kind->result_type;
  } else {
    InferContext context(shapes, types, node.attributes, graph_.sizes);
    node.kind->infer(context);
    if (context.failed()) throw std::logic_error("'" + std::string(name) + "' in " + owner_ + ": " + context.message);
    node.shape = context.shape;
    node.type = context.type;
  }
  return term(add(std::move(node)));
}

Term GraphBuilder::shaped(std::string_view name, const std::vector<Term>& operands, Space space, Shape shape, Attributes attributes) {
  Node node;
  node.kind = &registry_.at(name);
  for (const Term& operand : operands) node.operands.push_back(operand.id);
  node.attributes = std::move(attributes);
  node.space = space;
  node.shape = std::move(shape);
  return term(add(std::move(node)));
}

Term GraphBuilder::sum_to_space(Term value, Space space) {
  if (value.space() == space) return value;
  Node node;
  node.kind = &registry_.at("sum_to");
  node.operands = {value.id};
  node.space = space;
  node.shape = value.shape();
  return term(add(std::move(node)));
}

Term GraphBuilder::sum_to_shape(Term value, const Shape& shape) {
  const Shape wanted = graph_.sizes.resolve(shape);
  if (graph_.sizes.resolve(value.shape()) == wanted) return value;
  Node node;
  node.kind = &registry_.at("sum_to_shape");
  node.operands = {value.id};
  node.space = value.space();
  node.shape = wanted;
  if (is_known(wanted)) {
    std::vector<double> dims;
    for (const Dim& dim : wanted) dims.push_back(static_cast<double>(dim.number()));
    node.attributes = {{"shape", dims}};
  }
  return term(add(std::move(node)));
}

// [m.., k] as [m, k]; of several free sizes m gets one of its own, named after them: "a*b".
Term GraphBuilder::as_matrix(Term value) {
  const Shape shape = graph_.sizes.resolve(value.shape());
  if (shape.size() <= 2) return value;
  Dim rows = 1;
  for (std::size_t k = 0; k + 1 < shape.size(); ++k) {
    if (!rows.is_number() && !shape[k].is_number()) {
      rows = graph_.sizes.fresh(graph_.sizes.text(rows) + "*" + graph_.sizes.text(shape[k]));
    } else {
      rows = rows.is_number() ? shape[k] * rows.number() : rows * shape[k].number();
    }
  }
  return shaped("reshape", {value}, value.space(), {rows, shape.back()});
}

Term GraphBuilder::product_sum(Term a, Term b, Space space) {
  if (space != Space::parameters()) {
    const bool vectors = a.shape().size() < 2 && b.shape().size() < 2;
    return sum_to_space(vectors ? call("outer", {a, b}) : call("matmul", {call("transpose", {as_matrix(a)}), as_matrix(b)}), space);
  }
  // An operand that is the same at all points is multiplied once, with the sum of the other.
  if (a.space() == Space::parameters()) b = sum_to_space(b, b.space() & space);
  if (b.space() == Space::parameters()) a = sum_to_space(a, a.space() & space);
  Node node;
  node.kind = &registry_.at("matmul_sum");
  node.operands = {a.id, b.id};
  node.space = space;
  node.shape = {a.shape().back(), b.shape().back()};
  return term(add(std::move(node)));
}

Term GraphBuilder::move(Term v, std::vector<Move> moves, std::vector<Outside> outsides, const std::vector<Term>& starts, Space space) {
  Node node;
  node.kind = &registry_.at("move");
  node.operands = {v.id};
  for (const Term& start : starts) node.operands.push_back(start.id);
  node.moves = std::move(moves);
  node.outsides = std::move(outsides);
  node.space = space;
  if (v.id != kNone) {
    node.shape = v.shape();
  } else {
    const Shape& start = starts.at(0).shape();
    node.shape = Shape(start.begin() + (node.outsides.at(0).slots > 0 ? 1 : 0), start.end());
  }
  return term(add(std::move(node)));
}

Term GraphBuilder::unmove(Term dy, std::vector<Move> moves, Space space) {
  Node node;
  node.kind = &registry_.at("unmove");
  node.operands = {dy.id};
  node.moves = std::move(moves);
  node.space = space;
  node.shape = dy.shape();
  return term(add(std::move(node)));
}

Term GraphBuilder::move_outside(Term dy, std::vector<Move> moves, Outside outside, Space space, const Shape& shape) {
  Node node;
  node.kind = &registry_.at("move_outside");
  node.operands = {dy.id};
  node.moves = std::move(moves);
  outside.operand = 0;
  node.outsides = {outside};
  node.space = space;
  node.shape = shape;
  return term(add(std::move(node)));
}

Term GraphBuilder::remap(Term v, const Remap& remap, Space space) {
  Node node;
  node.kind = &registry_.at("remap");
  node.operands = {v.id};
  node.remap = remap;
  node.space = space;
  node.shape = v.shape();
  return term(add(std::move(node)));
}

Term GraphBuilder::unremap(Term dy, const Remap& remap, Space space) {
  Node node;
  node.kind = &registry_.at("unremap");
  node.operands = {dy.id};
  node.remap = remap;
  node.space = space;
  node.shape = dy.shape();
  return term(add(std::move(node)));
}

Term GraphBuilder::extreme_along(std::string_view kind, Term value, AxisId axis) {
  Node node;
  node.kind = &registry_.at(kind);
  node.operands = {value.id};
  node.axis = axis;
  node.space = value.space().without(axis);
  node.shape = value.shape();
  node.type = kind.starts_with("arg") ? Type::kInt : graph_[value.id].type;
  node.text =
      std::string(kind) + "(" + quoted(graph_, value.id, false) + ", along=" + graph_.axes[static_cast<std::size_t>(axis)].name + ")";
  return term(add(std::move(node)));
}

Term GraphBuilder::index(AxisId axis) {
  Node node;
  node.kind = &registry_.at("index");
  node.axis = axis;
  node.space = graph_.within(axis).with(axis);
  node.type = Type::kInt;
  return term(add(std::move(node)));
}

Term GraphBuilder::length(AxisId axis) {
  Node node;
  node.kind = &registry_.at("length");
  node.axis = axis;
  node.space = graph_.within(axis);
  node.type = Type::kInt;
  return term(add(std::move(node)));
}

Term GraphBuilder::count(Space space) {
  Node node;
  node.kind = &registry_.at("count");
  node.counted = space;
  node.type = Type::kInt;
  return term(add(std::move(node)));
}

void AdjointBuilder::add(std::size_t k, Term contribution) {
  if (!wanted_[k]) return;
  const NodeId operand = node().operands[k];
  const Shape shape = builder_.graph()[operand].shape;
  const Space space = builder_.graph()[operand].space;
  if (contribution.shape().size() > shape.size() || elements_differ(contribution.shape(), shape)) {
    contribution = builder_.sum_to_shape(contribution, shape);
  }
  contribution = builder_.sum_to_space(contribution, contribution.space() & space);
  contributions_.emplace_back(k, contribution.id);
}

bool AdjointBuilder::elements_differ(const Shape& contribution, const Shape& operand) const {
  // A contribution of a smaller shape is stretched where it is read; only larger ones are summed.
  const Sizes& sizes = builder_.graph().sizes;
  const std::size_t lead = operand.size() - contribution.size();
  for (std::size_t k = 0; k < contribution.size(); ++k) {
    const Dim found = sizes.resolve(contribution[k]);
    if (!(found == sizes.resolve(operand[lead + k])) && !(found == Dim(1))) return true;
  }
  return false;
}

std::string equation_text(const Graph& graph, const Node& node) {
  const std::vector<NodeId>& operands = node.operands;
  const std::string symbol(node.kind->symbol);
  switch (node.kind->role) {
    case Role::kMove:
    case Role::kUnmove:
    case Role::kMoveOutside:
      return move_text(graph, node);
    case Role::kRemap:
    case Role::kUnremap:
      return remap_text(graph, node);
    case Role::kConstant:
      return fmt::format("{}", node.value);
    case Role::kZeros:
      return "0";
    case Role::kSumTo:
      return "sum(" + quoted(graph, operands[0], false) + ")";
    case Role::kProductSum:
      return "sum(" + quoted(graph, operands[0], true) + "^T @ " + quoted(graph, operands[1], true) + ")";
    case Role::kExtremeAlong:
      return std::string(node.kind->name) + "(" + quoted(graph, operands[0], false) + ", along=" + axis_name(graph, node) + ")";
    case Role::kIndex:
    case Role::kLength:
      return std::string(node.kind->name) + "(" + axis_name(graph, node) + ")";
    case Role::kCount:
      return "count" + graph.text(node.counted);
    default:
      break;
  }
  if (operands.size() == 2 && !symbol.empty())
    return quoted(graph, operands[0], true) + " " + symbol + " " + quoted(graph, operands[1], true);
  if (operands.size() == 1 && symbol == "neg") return "-" + quoted(graph, operands[0], true);
  std::string text = std::string(node.kind->name) + "(";
  for (std::size_t k = 0; k < operands.size(); ++k) text += (k ? ", " : "") + quoted(graph, operands[k], false);
  return text + ")";
}

std::string move_text(const Graph& graph, const Node& node) {
  const bool turned = node.kind->role != Role::kMove;  // the transpose reads the other way round
  std::string at;
  std::string tap;
  for (const Move& move : node.moves) {
    const std::string& axis = graph.axes[static_cast<std::size_t>(move.axis)].name;
    const std::int32_t offset = turned && move.from == Move::From::kHere ? -move.offset : move.offset;
    const std::string distance = std::to_string(std::abs(offset));
    const std::string moved = offset == 0 ? "" : (offset < 0 ? "-" : "+") + distance;
    if (!at.empty()) at += ", ";
    if (move.from == Move::From::kHere) {
      at += axis + moved;
      if (axis == "t" && node.moves.size() == 1) tap = std::string("_t") + (offset < 0 ? "m" : "p") + distance;
    } else {
      at += axis + (move.from == Move::From::kStart ? "=start" : "=end") + moved;
    }
  }
  const std::string read = node.operands.empty() || node.operands[0] == kNone ? "0" : graph[node.operands[0]].name;
  const std::string value = tap.empty() ? read + "[" + at + "]" : read + tap;
  switch (node.kind->role) {
    case Role::kMoveOutside:
      return "before_start(" + value + ")";
    case Role::kUnmove:
      return tap.empty() ? "put(" + value + ")" : value;
    default:
      return value;
  }
}

std::string place_text(const std::vector<Axis>& axes, const Remap& remap) {
  const auto name = [&](AxisId axis) { return axes[static_cast<std::size_t>(axis)].name; };
  std::string place = remap.first == 0 ? "" : std::to_string(remap.first);
  for (const Remap::Step& step : remap.steps) {
    place += (place.empty() ? "" : " + ") + std::string(step.backwards ? "-" : "") + name(step.axis);
    if (step.times != 1) place += " * " + std::to_string(step.times);
  }
  if (remap.divide != 1) place += " / " + std::to_string(remap.divide);
  for (const AxisId axis : remap.after) place += " - length(" + name(axis) + ")";
  return (remap.backwards ? "-" : "") + name(remap.from) + " = " + place;
}

std::string remap_text(const Graph& graph, const Node& node) {
  const std::string read = graph[node.operands[0]].name + "[" + place_text(graph.axes, node.remap) + "]";
  return node.kind->role == Role::kUnremap ? "sum of " + read : read;
}

}  // namespace tapeloop
