// The shape and type of one node from those of its operands; used by infer_shapes, which knows in which order.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

class ShapeRules {
 public:
  // Types grow: bool, int, float.
  static constexpr int kUnknownType = -1, kBoolType = 0, kIntType = 1, kFloatType = 2;
  enum class Operands { kAll, kKnown };  // kKnown: a point node goes by those that are known

  struct Found {
    Shape shape;
    int type = kUnknownType;
    std::string message;  // what does not fit
    std::string help;
    bool ok() const { return message.empty(); }
  };

  explicit ShapeRules(Graph& graph);

  Found apply(NodeId id, Operands operands);
  void set(NodeId id, const Shape& shape, int type);
  bool known(NodeId id) const { return known_[static_cast<std::size_t>(id)]; }
  int type(NodeId id) const { return types_[static_cast<std::size_t>(id)]; }
  Type final_type(NodeId id) const;

  // True: the operand must be known before the node can be.
  bool needs(NodeId id, NodeId operand) const;
  bool may_be_partial(NodeId id) const;
  // Of nodes that could go first in a cycle, the one with the least number should: it knows most of its rank.
  int order_of_partial(NodeId id) const;
  bool may_start_as_scalar(NodeId id) const;
  void report(NodeId id, const Found& found, Diagnostics& diagnostics) const;

 private:
  Found point(NodeId id, Operands operands);
  Found declared_copy(NodeId id);
  Found local(NodeId id);
  Found same_as_operand(NodeId id);
  bool is_declared_copy(NodeId id) const;
  std::string operand_texts(NodeId id) const;

  Graph& graph_;
  std::vector<Shape> declared_;  // of inputs, parameters, constants and the inputs of inner containers
  std::vector<char> known_;
  std::vector<int> types_;
};

// Start values: shape, slots, number of slots. REQUIRES: shapes.
class StartRules {
 public:
  StartRules(Graph& graph, Diagnostics& diagnostics) : graph_(graph), diagnostics_(diagnostics) {}
  void run();

 private:
  void check(Node& move, Outside& outside);
  bool fits(const Shape& value, const Shape& start, std::size_t from);

  Graph& graph_;
  Diagnostics& diagnostics_;
};

}  // namespace tapeloop
