// Graphs made by hand, with a registry of a few kinds of the test's own: what the reference evaluator says must follow from
// core/graph.h alone.
#pragma once

#include <complex>
#include <map>
#include <string>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"
#include "runtime/batch.h"
#include "runtime/reference.h"

namespace tapeloop {

Registry small_registry();

// Adds named nodes; ids come back, so that a tap can be made before what it reads: see `set`.
class SmallGraph {
 public:
  SmallGraph() : registry_(small_registry()) {}

  AxisId axis(const std::string& name, AxisId within = kNone, NodeId length = kNone);
  Space on(const std::vector<AxisId>& axes) const;
  NodeId input(const std::string& name, Space space, Shape shape = {});
  NodeId parameter(const std::string& name, Shape shape = {});
  NodeId constant(double value);
  NodeId call(const std::string& kind, const std::vector<NodeId>& operands, Space space, Shape shape = {});
  NodeId declare(Space space, Shape shape = {});  // defined later by `define`
  void define(NodeId id, const std::string& kind, const std::vector<NodeId>& operands);
  NodeId move(const std::vector<NodeId>& operands, std::vector<Move> moves, std::vector<Outside> outsides, Space space, Shape shape = {});
  NodeId tap(NodeId value, AxisId axis, int offset) { return move({value}, {{axis, Move::From::kHere, offset}}, {}, graph[value].space); }

  Graph graph;

 private:
  NodeId add(const std::string& kind, const std::vector<NodeId>& operands, Space space, Shape shape);
  Registry registry_;
};

using Parameters = std::map<std::string, Array<double>>;
// The numbers of `dense`, without padding rows being checked apart.
std::vector<double> dense(const Graph& graph, const Batch<double>& batch, NodeId node, const Parameters& parameters = {});

}  // namespace tapeloop
