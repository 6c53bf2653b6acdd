#include "compiler/passes/infer_shapes.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>
#include <tuple>
#include <vector>

#include "compiler/passes/shape_rules.h"

namespace tapeloop {
namespace {

constexpr int kMostChanges = 100;  // of one node's shape, before it is said to grow without end

class ShapesInference {
 public:
  ShapesInference(Graph& graph, Diagnostics& diagnostics) : graph_(graph), diagnostics_(diagnostics), rules_(graph) {}

  void run() {
    prepare();
    do {
      spread();
    } while (!endless_ && retry());
    graph_.sizes.settle_unnamed();
    if (!endless_) check_all();
    for (Node& node : graph_.nodes) node.shape = graph_.sizes.resolve(node.shape);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_judged(id)) graph_[id].kind = nullptr;
    }
    StartRules(graph_, diagnostics_).run();
    check_scalars();
    check_sizes();
    finish();
  }

 private:
  // So that no product of sizes overflows further on. Only the first of values that are too large: the others follow from it.
  void check_sizes() {
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // numbers of one value at one position
    for (const Node& node : graph_.nodes) {
      std::int64_t count = 1;
      bool fits = true;
      for (const Dim& dim : node.shape) {
        if (!dim.is_number() || dim.number() <= 0) continue;
        fits = fits && dim.number() <= kMost / count;
        if (fits) count *= dim.number();
      }
      if (fits) continue;
      diagnostics_.error("E0505", node.source,
                         "'" + node.name + "' has the shape " + graph_.sizes.text(node.shape) + ": more than 2^40 numbers",
                         "is a size of it given twice, or in other units?");
      return;
    }
  }

  static std::size_t at(NodeId id) { return static_cast<std::size_t>(id); }
  bool is_judged(NodeId id) const { return id != kNone && !wrong_[at(id)] && rules_.known(id); }

  void prepare() {
    const auto count = static_cast<std::size_t>(graph_.size());
    readers_.assign(count, {});
    unknown_.assign(count, 0);
    changes_.assign(count, 0);
    wrong_.assign(count, 0);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      for (const NodeId operand : graph_[id].operands) {
        if (operand == kNone) continue;
        readers_[at(operand)].push_back(id);
        unknown_[at(id)] += rules_.needs(id, operand);
      }
    }
    std::vector<NodeId> work;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!graph_[id].kind) work.push_back(id);
    }
    while (!work.empty()) {  // what depends on something wrong is not judged
      const NodeId id = work.back();
      work.pop_back();
      if (wrong_[at(id)]) continue;
      wrong_[at(id)] = 1;
      work.insert(work.end(), readers_[at(id)].begin(), readers_[at(id)].end());
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (unknown_[at(id)] == 0 && !wrong_[at(id)]) ready_.push(id);
    }
  }

  // In source order, each node as soon as its operands are known. Where a cycle stops this, the most telling node of it that
  // can do with what is known goes first: it may be corrected later.
  void spread() {
    while (!endless_) {
      if (!ready_.empty()) {
        const NodeId id = ready_.top();
        ready_.pop();
        settle(id, ShapeRules::Operands::kAll);
      } else if (!open_one()) {
        return;
      }
    }
  }

  bool open_one() {
    while (!partial_.empty()) {
      const auto [order, id] = *partial_.begin();
      partial_.erase(partial_.begin());
      if (rules_.known(id)) continue;
      settle(id, ShapeRules::Operands::kKnown);
      if (rules_.known(id)) return true;
    }
    for (; next_loose_ < graph_.size(); ++next_loose_) {  // a cycle that reads only itself starts as a scalar
      const NodeId id = next_loose_;
      if (rules_.known(id) || wrong_[at(id)] || !rules_.may_start_as_scalar(id)) continue;
      set(id, {}, ShapeRules::kUnknownType);
      return true;
    }
    return false;
  }

  void settle(NodeId id, ShapeRules::Operands operands) {
    const ShapeRules::Found found = rules_.apply(id, operands);
    if (found.ok()) set(id, found.shape, found.type);
  }

  void set(NodeId id, const Shape& shape, int type) {
    const bool first = !rules_.known(id);
    if (!first && rules_.type(id) == type && graph_.sizes.resolve(graph_[id].shape) == graph_.sizes.resolve(shape)) return;
    if (++changes_[at(id)] > kMostChanges) {
      diagnostics_.error("E0503", graph_[id].source, "the shape of '" + graph_[id].name + "' grows without end: it is part of itself",
                         "slice it, or make the part that is read back of a fixed size");
      endless_ = true;
      return;
    }
    rules_.set(id, shape, type);
    for (const NodeId reader : readers_[at(id)]) {
      if (first && rules_.needs(reader, id)) --unknown_[at(reader)];
      if (unknown_[at(reader)] == 0 || rules_.known(reader)) {
        ready_.push(reader);
      } else if (rules_.may_be_partial(reader)) {
        partial_.insert({rules_.order_of_partial(reader), reader});
      }
    }
  }

  // What could not be found at first may follow from sizes that were found since.
  bool retry() {
    bool progress = false;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (rules_.known(id) || wrong_[at(id)] || unknown_[at(id)] > 0) continue;
      settle(id, ShapeRules::Operands::kAll);
      progress = progress || rules_.known(id);
    }
    return progress;
  }

  void check_all() {
    NodeId unknown = kNone;
    const std::size_t before = diagnostics_.errors();
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (wrong_[at(id)]) continue;
      if (!rules_.known(id) && unknown == kNone) unknown = id;
      if (unknown_[at(id)] > 0) continue;
      const ShapeRules::Found found = rules_.apply(id, ShapeRules::Operands::kAll);
      if (!found.ok()) {
        rules_.report(id, found, diagnostics_);
        wrong_[at(id)] = 1;
      }
      if (found.ok()) rules_.set(id, found.shape, found.type);
    }
    if (unknown == kNone || diagnostics_.errors() > before) return;
    const Node& node = graph_[unknown];
    diagnostics_.error("E0502", node.source, "the shape of '" + node.name + "' cannot be found: it depends on itself",
                       "declare the sizes of the parameters that it reads");
  }

  void check_loss(NodeId id, const Source& source, const std::string& rule) {
    if (!is_judged(id) || graph_[id].shape.empty()) return;
    const Node& node = graph_[id];
    diagnostics_.error("E0506", source.known() ? source : node.source,
                       rule + ": '" + node.name + "' has shape " + graph_.sizes.text(node.shape),
                       "for example mean(" + node.name + ", along=shape)");
  }

  void check_weights(const LossTerm& term) {
    if (!is_judged(term.weights) || !is_judged(term.value) || graph_[term.value].space.contains(graph_[term.weights].space)) return;
    diagnostics_.error("E0510", term.weights_source,
                       "the weights '" + graph_[term.weights].name + "' lie on " + graph_.text(graph_[term.weights].space) +
                           ", the loss '" + graph_[term.value].name + "' on " + graph_.text(graph_[term.value].space),
                       "weights may only vary along the axes of what they weigh");
  }

  void check_scalars() {
    for (const LossTerm& term : graph_.losses) {
      check_loss(term.value, term.source, "the loss is a scalar at each position");
      check_loss(term.weights, term.weights_source, "the weights of a loss are a scalar at each position");
      check_weights(term);
    }
    for (const Axis& axis : graph_.axes) {
      if (axis.decided() && is_judged(axis.until)) check_decision(axis);
      if (!is_judged(axis.length)) continue;
      const Node& length = graph_[axis.length];
      if (length.shape.empty() && rules_.type(axis.length) != ShapeRules::kFloatType) continue;
      diagnostics_.error("E0507", axis.source,
                         "the length of axis " + axis.name + " is an int: '" + length.name + "' is " +
                             (length.shape.empty() ? "a float" : "of shape " + graph_.sizes.text(length.shape)),
                         length.shape.empty() ? "say type: int where it is declared, or take floor(...)" : "");
    }
  }

  void check_decision(const Axis& axis) {
    const Node& done = graph_[axis.until];
    if (done.shape.empty() && rules_.type(axis.until) != ShapeRules::kFloatType) return;
    diagnostics_.error("E0511", done.source,
                       "'" + done.name + "' decides how long " + axis.name + " is: expected true or false, found " +
                           (done.shape.empty() ? "a float" : "shape " + graph_.sizes.text(done.shape)),
                       done.shape.empty() ? "compare it: until: p > 0.5" : "for example max(.., along=shape)");
  }

  // Types as they came out; draws only needed a shape, and no longer read what gave it.
  void finish() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      Node& node = graph_[id];
      if (!node.kind) continue;
      node.type = rules_.final_type(id);
      std::erase_if(node.attributes, [](const auto& attribute) { return attribute.first == "declared"; });
      if (node.kind->role == Role::kDraw) node.operands.clear();
    }
  }

  Graph& graph_;
  Diagnostics& diagnostics_;
  ShapeRules rules_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<int> unknown_;  // operands that must be known and are not yet
  std::vector<int> changes_;
  std::vector<char> wrong_;
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready_;
  std::set<std::pair<int, NodeId>> partial_;
  NodeId next_loose_ = 0;
  bool endless_ = false;
};

}  // namespace

Graph infer_shapes(Graph graph, Diagnostics& diagnostics) {
  ShapesInference(graph, diagnostics).run();
  return graph;
}

}  // namespace tapeloop
