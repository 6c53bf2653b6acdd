#include "core/lookup.h"

#include <cmath>
#include <set>

#include "core/kind.h"

namespace tapeloop {
namespace {

bool hands_on(Role role) { return role == Role::kMove || role == Role::kRemap || role == Role::kAlias; }

// The rows or elements that there are; 0: not known yet.
std::int64_t count_of(const Graph& graph, const Node& node) {
  const Lookup& lookup = *node.kind->lookup;
  const Shape shape = graph.sizes.resolve(graph[node.operands[static_cast<std::size_t>(lookup.of)]].shape);
  if (shape.empty()) return 0;
  const Dim& dim = lookup.last ? shape.back() : shape.front();
  return dim.is_number() ? dim.number() : 0;
}

// "'nll' (m.yaml:9:8)": parts of an equation go by its name.
std::string name_of(const Node& node) { return "'" + node.name.substr(0, node.name.find('#')) + "' (" + node.source.text() + ")"; }

}  // namespace

bool WholeNumbers::hold(double number, double largest) const {
  if (std::trunc(number) != number || std::abs(number) > largest) return false;
  if (type == Type::kBool && number != 0 && number != 1) return false;
  return below == 0 || (number >= 0 && number < static_cast<double>(below));
}

std::string WholeNumbers::mismatch(const std::string& name, double number, double largest) const {
  const auto whole = [](double value) { return std::to_string(static_cast<std::int64_t>(value)); };
  std::string expected = "whole numbers up to " + whole(largest);
  if (type == Type::kBool && below != 1) {
    expected = "0 or 1";
  } else if (below > 0) {
    expected =
        "a whole number from 0 to " + std::to_string(below - 1) + ", by which " + reader + " looks up one of " + std::to_string(below);
  }
  const bool is_whole = std::trunc(number) == number && std::abs(number) <= kLargestDouble;
  return "'" + name + "' is " + type_name(type) + ": expected " + expected + ", found " +
         (is_whole ? whole(number) : std::to_string(number));
}

std::string WholeNumbers::help() const {
  if (below == 0) return "";
  return "ids and classes count from 0: take a larger table, or more classes, or an id for all that is unknown; a position that a mask "
         "leaves "
         "out takes any that is there";
}

std::vector<WholeNumbers> whole_numbers(const Graph& graph) {
  std::vector<WholeNumbers> result(graph.nodes.size());
  for (std::size_t k = 0; k < graph.nodes.size(); ++k) result[k].type = graph.nodes[k].type;
  for (const Node& node : graph.nodes) {
    if (!node.kind || !node.kind->lookup || node.phase != Phase::kForward) continue;
    const std::int64_t count = count_of(graph, node);
    if (count == 0) continue;
    std::vector<NodeId> open{node.operands[static_cast<std::size_t>(node.kind->lookup->by)]};
    std::set<NodeId> seen;
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (id == kNone || !seen.insert(id).second) continue;
      const Node& from = graph[id];
      WholeNumbers& numbers = result[static_cast<std::size_t>(id)];
      if (hands_on(from.kind->role)) open.insert(open.end(), from.operands.begin(), from.operands.end());
      if (from.kind->role != Role::kInput || (numbers.below > 0 && numbers.below <= count)) continue;
      numbers.below = count;
      numbers.reader = name_of(node);
    }
  }
  return result;
}

}  // namespace tapeloop
