#include "compiler/passes/simplify.h"

#include <fmt/format.h>

#include <functional>
#include <unordered_map>
#include <utility>

#include "core/builder.h"
#include "core/live_nodes.h"

namespace tapeloop {
namespace {

std::size_t mixed(std::size_t seed, std::size_t value) { return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2)); }

std::size_t hash_of(const AttributeValue& value) {
  if (const double* number = std::get_if<double>(&value)) return std::hash<double>()(*number);
  if (const std::string* word = std::get_if<std::string>(&value)) return std::hash<std::string>()(*word);
  std::size_t seed = 1;
  for (const double number : std::get<std::vector<double>>(value)) seed = mixed(seed, std::hash<double>()(number));
  return seed;
}

// Finds earlier nodes that compute the same thing from the same operands.
class EqualNodes {
 public:
  explicit EqualNodes(const Graph& graph) : graph_(graph) {}

  NodeId find_or_add(NodeId id) {
    const auto [first, last] = seen_.equal_range(hash(graph_[id]));
    for (auto at = first; at != last; ++at) {
      if (equal(graph_[at->second], graph_[id])) return at->second;
    }
    seen_.emplace(hash(graph_[id]), id);
    return id;
  }

 private:
  std::size_t hash(const Node& node) const {
    std::size_t seed = std::hash<const void*>()(node.kind);
    seed = mixed(seed, node.space.bits());
    seed = mixed(seed, std::hash<double>()(node.value));
    seed = mixed(seed, static_cast<std::size_t>(node.axis));
    for (const NodeId operand : node.operands) seed = mixed(seed, static_cast<std::size_t>(operand));
    for (const Move& move : node.moves)
      seed = mixed(mixed(seed, static_cast<std::size_t>(move.axis)), static_cast<std::size_t>(move.offset));
    seed = mixed(mixed(seed, static_cast<std::size_t>(node.remap.from)), static_cast<std::size_t>(node.remap.first));
    for (const auto& [name, value] : node.attributes) seed = mixed(mixed(seed, std::hash<std::string>()(name)), hash_of(value));
    return seed;
  }

  bool equal(const Node& a, const Node& b) const {
    return a.kind == b.kind && a.operands == b.operands && a.space == b.space && a.value == b.value && a.axis == b.axis &&
           a.counted == b.counted && a.moves == b.moves && a.remap == b.remap && a.outsides == b.outsides && a.attributes == b.attributes &&
           graph_.sizes.resolve(a.shape) == graph_.sizes.resolve(b.shape);
  }

  const Graph& graph_;
  std::unordered_multimap<std::size_t, NodeId> seen_;
};

class Simplification {
 public:
  Simplification(Graph& graph, const Registry& registry)
      : graph_(graph),
        copy_(&registry.at("copy")),
        add_(&registry.at("add")),
        subtract_(&registry.at("subtract")),
        multiply_(&registry.at("multiply")),
        divide_(&registry.at("divide")),
        negate_(&registry.at("negate")),
        constant_(&registry.at("constant")),
        equal_(graph) {}

  void run() {
    same_.resize(graph_.nodes.size());
    for (NodeId id = 0; id < graph_.size(); ++id) same_[static_cast<std::size_t>(id)] = id;
    const std::vector<NodeId> order = operands_first();
    for (const NodeId id : order) visit(id);
    redirect();
    for (const NodeId id : order) rewrite(graph_[id]);
  }

 private:
  // Forward nodes before backward ones, operands before readers but where a cycle closes.
  std::vector<NodeId> operands_first() const {
    std::vector<NodeId> order;
    std::vector<char> state(graph_.nodes.size());
    std::vector<std::pair<NodeId, std::size_t>> work;
    const auto visit_from = [&](NodeId root) {
      if (state[static_cast<std::size_t>(root)]) return;
      state[static_cast<std::size_t>(root)] = 1;
      work.emplace_back(root, 0);
      while (!work.empty()) {
        auto& [id, next] = work.back();
        const std::vector<NodeId>& operands = graph_[id].operands;
        if (next == operands.size()) {
          order.push_back(id);
          work.pop_back();
          continue;
        }
        const NodeId operand = operands[next++];
        if (operand == kNone || state[static_cast<std::size_t>(operand)]) continue;
        state[static_cast<std::size_t>(operand)] = 1;
        work.emplace_back(operand, 0);
      }
    };
    for (const Phase phase : {Phase::kForward, Phase::kBackward}) {
      for (NodeId id = 0; id < graph_.size(); ++id) {
        if (graph_[id].phase == phase) visit_from(id);
      }
    }
    return order;
  }

  NodeId find(NodeId id) const {
    while (id != kNone && same_[static_cast<std::size_t>(id)] != id) id = same_[static_cast<std::size_t>(id)];
    return id;
  }

  void replace(NodeId id, NodeId by) {
    by = find(by);
    if (by == id) return;
    same_[static_cast<std::size_t>(id)] = by;
    Node& kept = graph_[by];
    const Node& gone = graph_[id];
    const Role role = kept.kind->role;
    const bool nameless = role == Role::kConstant || role == Role::kZeros || role == Role::kDraw;  // what is drawn goes by the name
    if (kept.is_part && !gone.is_part && !nameless && kept.phase == gone.phase) {
      kept.name = gone.name;
      kept.source = gone.source;
      kept.is_part = false;
    }
  }

  bool fits(NodeId operand, const Node& node) const {
    return graph_[operand].space == node.space && graph_.sizes.resolve(graph_[operand].shape) == graph_.sizes.resolve(node.shape) &&
           graph_[operand].type == node.type;
  }

  bool is_constant(NodeId id, double value) const { return graph_[id].kind == constant_ && graph_[id].value == value; }

  void visit(NodeId id) {
    Node& node = graph_[id];
    for (NodeId& operand : node.operands) operand = find(operand);
    const Role role = node.kind->role;
    if (role == Role::kInput || role == Role::kParameter || role == Role::kDraw) return;
    if (node.kind->of_shapes) fold_shapes(node);
    if (role == Role::kPoint) {
      fold(node);
      take_signs(node);
      const NodeId neutral = neutral_operand(node);
      if (neutral != kNone && fits(neutral, node)) {
        replace(id, neutral);
        return;
      }
    }
    const NodeId earlier = equal_.find_or_add(id);
    if (earlier != id) replace(id, earlier);
  }

  // An operation on constants is a constant.
  void fold(Node& node) {
    if (node.operands.empty() || !node.shape.empty() || !node.kind->point.reference) return;
    std::vector<double> values;
    for (const NodeId operand : node.operands) {
      if (operand == kNone || graph_[operand].kind != constant_) return;
      values.push_back(graph_[operand].value);
    }
    if (node.space != Space::parameters()) return;
    node.value = node.kind->point.reference(values.data());
    node.kind = constant_;
    node.operands.clear();
    node.text = fmt::format("{}", node.value);
  }

  // (-a) + b = b - a, a + (-b) = a - b, a - (-b) = a + b: the same bits by one op less.
  void take_signs(Node& node) const {
    if (node.kind == add_ && graph_[node.operands[0]].kind == negate_) std::swap(node.operands[0], node.operands[1]);
    if ((node.kind != add_ && node.kind != subtract_) || graph_[node.operands[1]].kind != negate_) return;
    node.kind = node.kind == add_ ? subtract_ : add_;
    node.operands[1] = graph_[node.operands[1]].operands[0];
  }

  // What follows from shapes alone is a constant once they are known.
  void fold_shapes(Node& node) {
    LocalShapes shapes;
    for (const NodeId operand : node.operands) {
      const Shape shape = graph_.sizes.resolve(graph_[operand].shape);
      if (!is_known(shape)) return;
      shapes.operands.push_back(numbers(shape));
    }
    ReferenceCall<double> call;
    call.in.resize(node.operands.size());
    call.shapes = &shapes;
    call.attributes = &node.attributes;
    call.out = &node.value;
    node.kind->local.reference(call);
    node.kind = constant_;
    node.operands.clear();
    node.attributes.clear();
    node.space = Space::parameters();
    node.text = fmt::format("{}", node.value);
  }

  // The operand that the result equals: of a copy, of x * 1, x + 0, x - 0, x / 1.
  NodeId neutral_operand(const Node& node) const {
    if (node.kind == copy_) return node.operands[0];
    if (node.operands.size() != 2) return kNone;
    const NodeId a = node.operands[0];
    const NodeId b = node.operands[1];
    const auto zero = [&](NodeId id) { return is_constant(id, 0) || graph_[id].kind->role == Role::kZeros; };
    if (node.kind == multiply_ && is_constant(a, 1)) return b;
    if ((node.kind == multiply_ || node.kind == divide_) && is_constant(b, 1)) return a;
    if (node.kind == add_ && zero(a)) return b;
    if ((node.kind == add_ || node.kind == subtract_) && zero(b)) return a;
    return kNone;
  }

  // The equation of an adjoint names what it reads now. Forward ones stay as the user wrote them.
  void rewrite(Node& node) const {
    if (node.phase == Phase::kBackward && node.kind->role != Role::kInput) node.text = equation_text(graph_, node);
  }

  void redirect() {
    for (Node& node : graph_.nodes) {
      for (NodeId& operand : node.operands) operand = find(operand);
    }
    for (OutputRef& output : graph_.outputs) output.node = find(output.node);
    for (auto& [name, id] : graph_.names) id = find(id);
    for (auto& [leaf, gradient] : graph_.gradients) gradient = find(gradient);
    for (Axis& axis : graph_.axes) {
      for (NodeId* id : {&axis.length, &axis.until, &axis.goes_on}) *id = find(*id);
    }
    for (LossTerm& term : graph_.losses) {
      term.value = find(term.value);
      term.weights = find(term.weights);
    }
    graph_.total_loss = find(graph_.total_loss);
  }

  Graph& graph_;
  const NodeKind* copy_;
  const NodeKind* add_;
  const NodeKind* subtract_;
  const NodeKind* multiply_;
  const NodeKind* divide_;
  const NodeKind* negate_;
  const NodeKind* constant_;
  EqualNodes equal_;
  std::vector<NodeId> same_;  // node -> the node that stands for it
};

std::vector<char> needed(const Graph& graph, const std::vector<std::string>& keep) {
  std::vector<NodeId> work;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Role role = graph[id].kind->role;
    if (role == Role::kInput || role == Role::kParameter) work.push_back(id);
  }
  for (const std::string& name : keep) {
    const auto at = graph.names.find(name);
    if (at != graph.names.end()) work.push_back(at->second);
  }
  return live_nodes(graph, std::move(work));
}

}  // namespace

Graph simplify(Graph graph, const std::vector<std::string>& keep, const Registry& registry) {
  Simplification(graph, registry).run();
  return drop_dead(std::move(graph), keep);
}

Graph drop_dead(Graph graph, const std::vector<std::string>& keep) {
  const std::vector<char> marks = needed(graph, keep);
  std::vector<NodeId> number(graph.nodes.size(), kNone);
  std::vector<Node> nodes;
  for (std::size_t k = 0; k < graph.nodes.size(); ++k) {
    if (!marks[k]) continue;
    number[k] = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(graph.nodes[k]));
  }
  const auto renumber = [&](NodeId& id) { id = id == kNone ? kNone : number[static_cast<std::size_t>(id)]; };
  for (Node& node : nodes) {
    for (NodeId& operand : node.operands) renumber(operand);
  }
  for (OutputRef& output : graph.outputs) renumber(output.node);
  for (NodeId& seed : graph.seeds) renumber(seed);
  for (auto& [leaf, gradient] : graph.gradients) {
    renumber(leaf);
    renumber(gradient);
  }
  for (Axis& axis : graph.axes) {
    for (NodeId* id : {&axis.length, &axis.until, &axis.goes_on}) renumber(*id);
  }
  for (StateRef& state : graph.states) {
    renumber(state.node);
    renumber(state.init);
  }
  for (LossTerm& term : graph.losses) {
    renumber(term.value);
    renumber(term.weights);
  }
  renumber(graph.total_loss);
  std::erase_if(graph.names, [&](const auto& entry) { return number[static_cast<std::size_t>(entry.second)] == kNone; });
  for (auto& [name, id] : graph.names) renumber(id);
  graph.nodes = std::move(nodes);
  return graph;
}

}  // namespace tapeloop
