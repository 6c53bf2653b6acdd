#include "models/facade/flow_paths.h"

#include <algorithm>
#include <set>

#include "core/kind.h"
#include "models/facade/gradflow_place.h"

namespace tapeloop {

Passage passage_of_gradient(const Graph& graph, NodeId reader, NodeId read) {
  const Node& node = graph[reader];
  const bool passes = node.kind->differentiable && node.kind->adjoint && node.type == Type::kFloat;
  return passes && graph[read].type == Type::kFloat ? Passage::kOpen : Passage::kCut;
}

const ReferenceReads& FlowPaths::reads(NodeId node) {
  const auto found = reads_.find(node);
  return found != reads_.end() ? found->second : reads_.emplace(node, find_reads(graph_, node, points_)).first->second;
}

// Breadth first, once for each number of cuts.
FlowPaths::Came FlowPaths::walk(const std::vector<FlowPoint>& from, const std::vector<FlowPoint>& to, const PassageRule& rule) {
  const std::set<FlowPoint> targets(to.begin(), to.end());
  Came came;
  std::vector<std::pair<FlowPoint, FlowPoint>> now, later;  // a point, and who reads it
  for (const FlowPoint& point : from) now.emplace_back(point, point);
  while (!now.empty()) {
    for (std::size_t k = 0; k < now.size(); ++k) {
      const auto [point, reader] = now[k];
      if (!came.emplace(point, reader).second) continue;
      if (targets.contains(point)) return came;
      if (graph_[point.node].operands.empty()) continue;
      for (const ReferenceRead& read : reads(point.node).of(point.point)) {
        if (read.node == kNone) continue;
        const FlowPoint next{read.node, read.point};
        const Passage passage = rule(point, next);
        if (passage == Passage::kOpen) now.emplace_back(next, point);
        if (passage == Passage::kCut) later.emplace_back(next, point);
      }
    }
    now = std::move(later);
    later.clear();
  }
  return came;
}

std::vector<FlowPoint> FlowPaths::find(const std::vector<FlowPoint>& from, const std::vector<FlowPoint>& to, const PassageRule& rule) {
  const Came came = walk(from, to, rule);
  const auto end = std::find_if(to.begin(), to.end(), [&](const FlowPoint& point) { return came.contains(point); });
  if (end == to.end()) return {};
  std::vector<FlowPoint> path{*end};
  while (came.at(path.back()) != path.back()) path.push_back(came.at(path.back()));
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<FlowPoint> FlowPaths::reached(const std::vector<FlowPoint>& from, const PassageRule& rule) {
  std::vector<FlowPoint> result;
  for (const auto& [point, reader] : walk(from, {}, rule)) result.push_back(point);
  return result;
}

std::vector<FlowStep> FlowPaths::steps(const std::vector<FlowPoint>& path) {
  std::vector<FlowStep> result;
  std::string via;
  for (std::size_t k = 0; k < path.size(); ++k) {
    const Node& node = graph_[path[k].node];
    const std::string tap = node.kind->role == Role::kMove ? (node.text.empty() ? node.name : node.text) : "";
    if (!node.is_part || k == 0 || k + 1 == path.size()) {
      result.push_back({point_text(graph_, path[k].node, path[k].point, points_), via, node.source.known() ? node.source.text(false) : ""});
      via.clear();
    }
    if (!tap.empty()) via += (via.empty() ? "" : ", ") + tap;
  }
  return result;
}

}  // namespace tapeloop
