// Makes nodes whose space, shape and type follow from their operands: for adjoint rules, passes and tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

class GraphBuilder;

// The equation of a node over the names of what it reads; short parts appear by their own equations.
std::string equation_text(const Graph& graph, const Node& node);
// How a plan writes a move: "h_tm1", "b[u-1]", "h[t=end-1]".
std::string move_text(const Graph& graph, const Node& node);
// Where a remap reads, "t = t/4 * 4 + t/4:4", and how a plan writes it: "x[t = t/4 * 4 + t/4:4]".
std::string place_text(const std::vector<Axis>& axes, const Remap& remap);
std::string remap_text(const Graph& graph, const Node& node);

// A node under construction, with operators. Works on one GraphBuilder.
struct Term {
  GraphBuilder* builder = nullptr;
  NodeId id = kNone;

  const Shape& shape() const;
  Space space() const;
};
Term operator+(Term a, Term b);
Term operator-(Term a, Term b);
Term operator*(Term a, Term b);
Term operator/(Term a, Term b);
Term operator-(Term a);
Term operator+(Term a, double b);
Term operator-(Term a, double b);
Term operator-(double a, Term b);
Term operator*(Term a, double b);
Term operator*(double a, Term b);

class GraphBuilder {
 public:
  GraphBuilder(Graph& graph, const Registry& registry) : graph_(graph), registry_(registry) {}

  // Given to every node made from here on.
  void set_context(Phase phase, std::string owner, Source source);

  Term term(NodeId id) { return {this, id}; }
  Term constant(double value);
  Term zeros(const Shape& shape);
  // Any kind but the axis operations; space = union of the operands', shape by the kind's inference.
  // REQUIRES: the shapes fit (throws std::logic_error: a defect of an adjoint rule).
  Term call(std::string_view kind, const std::vector<Term>& operands, Attributes attributes = {});
  // A node whose space or shape its operands do not tell: reshape, slice, one_hot ... No inference, no check.
  Term shaped(std::string_view kind, const std::vector<Term>& operands, Space space, Shape shape, Attributes attributes = {});
  Term sum_to_space(Term value, Space space);         // value itself if it is there already
  Term sum_to_shape(Term value, const Shape& shape);  // undoes broadcasting
  Term product_sum(Term a, Term b, Space space);      // [m.., k]^T [m.., n] summed: [k, n] on `space`
  Term move(Term v, std::vector<Move> moves, std::vector<Outside> outsides, const std::vector<Term>& starts, Space space);
  Term unmove(Term dy, std::vector<Move> moves, Space space);  // on the space of the value that was moved
  // Sum of dy over the points that read the start value `outside` (its slots and axis); on the start value's space and shape.
  Term move_outside(Term dy, std::vector<Move> moves, Outside outside, Space space, const Shape& shape);
  Term remap(Term v, const Remap& remap, Space space);
  Term unremap(Term dy, const Remap& remap, Space space);              // on the space of the value that was read
  Term extreme_along(std::string_view kind, Term value, AxisId axis);  // max_along, argmax_along ...: without the axis
  Term index(AxisId axis);
  Term length(AxisId axis);
  Term count(Space space);  // in P: how many points the batch has there

  Graph& graph() { return graph_; }
  const Registry& registry() const { return registry_; }

 private:
  friend class AdjointBuilder;
  NodeId add(Node node);
  Term as_matrix(Term value);

  Graph& graph_;
  const Registry& registry_;
  Phase phase_ = Phase::kForward;
  std::string owner_;
  Source source_;
  int parts_ = 0;
};

// What an adjoint rule sees: operands, result, its adjoint; it adds contributions to the operands' adjoints.
//   .adjoint = [](AdjointBuilder& b) { b.add(0, b.dy() * (1 - b.call("square", {b.y()}))); }
class AdjointBuilder {
 public:
  AdjointBuilder(GraphBuilder& builder, NodeId node, NodeId adjoint, std::vector<bool> wanted)
      : builder_(builder), node_(node), adjoint_(adjoint), wanted_(std::move(wanted)) {}

  Term x(std::size_t k) { return builder_.term(node().operands[k]); }
  Term y() { return builder_.term(node_); }
  Term dy() { return builder_.term(adjoint_); }
  std::size_t operands() { return node().operands.size(); }
  bool wants(std::size_t k) const { return wanted_[k]; }  // false: nobody reads this operand's adjoint
  Node node() { return builder_.graph()[node_]; }         // a copy: building moves nodes
  Term call(std::string_view kind, const std::vector<Term>& operands, Attributes attributes = {}) {
    return builder_.call(kind, operands, std::move(attributes));
  }
  GraphBuilder& builder() { return builder_; }

  // Adds a contribution to d(operand k); what it has too much, broadcast dimensions and axes, is summed away.
  void add(std::size_t k, Term contribution);

  // (operand, contribution) in the order of the calls.
  const std::vector<std::pair<std::size_t, NodeId>>& contributions() const { return contributions_; }

 private:
  bool elements_differ(const Shape& contribution, const Shape& operand) const;

  GraphBuilder& builder_;
  NodeId node_;
  NodeId adjoint_;
  std::vector<bool> wanted_;
  std::vector<std::pair<std::size_t, NodeId>> contributions_;
};

}  // namespace tapeloop
