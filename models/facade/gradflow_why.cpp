#include "models/facade/gradflow_why.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/kind.h"

namespace tapeloop {
namespace {

std::string shown(const Node& node) { return node.is_part && !node.text.empty() ? node.text : node.name; }

std::string equation(const Node& node) {
  const std::string text = node.is_part || node.text.empty() ? shown(node) : node.name + " = " + node.text;
  return node.source.known() ? fmt::format("{} ({})", text, node.source.text(false)) : text;
}

std::string cut_text(const Node& reader, const Node& read) {
  if (read.type != Type::kFloat) {
    return fmt::format("'{}' is {}: whole numbers and decisions have no derivative", shown(read), type_name(read.type));
  }
  if (reader.kind->name == "stop_gradient") return fmt::format("cut at {}: stop_gradient lets none through", equation(reader));
  if (reader.type != Type::kFloat) {
    return fmt::format("cut at {}: it is {}, and whole numbers and decisions have no derivative", equation(reader), type_name(reader.type));
  }
  return fmt::format("cut at {}: {} has no derivative", equation(reader), reader.kind->name);
}

class ReasonSearch {
 public:
  ReasonSearch(const Graph& graph, ReferencePoints& points, FlowPaths& paths, const Unconnected& ends)
      : graph_(graph), points_(points), paths_(paths), ends_(ends) {}

  FlowReason find(const std::function<bool(const FlowPoint&)>& alive) {
    const PassageRule open_only = [&](const FlowPoint& reader, const FlowPoint& read) {
      return passage_of_gradient(graph_, reader.node, read.node) == Passage::kOpen ? Passage::kOpen : Passage::kClosed;
    };
    const PassageRule any = [&](const FlowPoint& reader, const FlowPoint& read) {
      return passage_of_gradient(graph_, reader.node, read.node);
    };
    std::vector<FlowPoint> path = paths_.find(ends_.from_points, ends_.to_points, open_only);
    if (!path.empty()) return {path, zero_text(path, alive)};
    path = paths_.find(ends_.from_points, ends_.to_points, any);
    if (!path.empty()) return {path, first_cut(path)};
    const std::vector<FlowPoint> reached = paths_.reached(ends_.from_points, any);
    const std::string elsewhere = other_positions(reached);
    return {{}, elsewhere.empty() ? unconnected() : elsewhere};
  }

 private:
  std::string at(const FlowPoint& point) { return point_text(graph_, point.node, point.point, points_); }

  std::string zero_text(const std::vector<FlowPoint>& path, const std::function<bool(const FlowPoint&)>& alive) {
    for (std::size_t k = 1; k < path.size(); ++k) {
      if (alive(path[k])) continue;
      return fmt::format("there is a way, but at these numbers its derivative is exactly 0: that of {} by '{}'",
                         equation(graph_[path[k - 1].node]), shown(graph_[path[k].node]));
    }
    return "there is a way, but its derivative by these entries is exactly 0 at these numbers";
  }

  std::string first_cut(const std::vector<FlowPoint>& path) {
    for (std::size_t k = 1; k < path.size(); ++k) {
      if (passage_of_gradient(graph_, path[k - 1].node, path[k].node) != Passage::kCut) continue;
      while (k + 1 < path.size() && graph_[path[k].node].type != Type::kFloat) ++k;  // to what made a number whole
      return cut_text(graph_[path[k - 1].node], graph_[path[k].node]);
    }
    return "";
  }

  // Where the value that is asked about is read, if not at the positions that are meant.
  std::string other_positions(const std::vector<FlowPoint>& reached) {
    std::vector<FlowPoint> found;
    for (const FlowPoint& point : reached) {
      if (point.node == ends_.to.node) found.push_back(point);
    }
    if (found.empty()) return "";
    const std::string where =
        found.size() == 1 ? at(found.front()) + " alone" : fmt::format("{} to {}", at(found.front()), at(found.back()));
    return fmt::format("no read leads there: of '{}', {} depends on {}", ends_.to.name, at(ends_.from_points.front()), where);
  }

  // Does the equation of `reader` need that of `read`, at whatever positions?
  bool needs(NodeId reader, NodeId read, bool lengths) const {
    std::vector<char> seen(static_cast<std::size_t>(graph_.size()));
    std::vector<NodeId> work{reader};
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (id == kNone || seen[static_cast<std::size_t>(id)]) continue;
      seen[static_cast<std::size_t>(id)] = 1;
      work.insert(work.end(), graph_[id].operands.begin(), graph_[id].operands.end());
      for (const AxisId axis : graph_[id].space.axes()) {
        if (!lengths) break;
        const Axis& spec = graph_.axes[static_cast<std::size_t>(axis)];
        work.push_back(spec.length);
        work.push_back(spec.until);
      }
    }
    return seen[static_cast<std::size_t>(read)] != 0;
  }

  std::string unconnected() {
    const std::string& from = ends_.from.name;
    const std::string& to = ends_.to.name;
    if (needs(ends_.from.node, ends_.to.node, false)) {
      const std::string empty = empty_run();
      return fmt::format("the equations connect '{}' with '{}', but no positions of this batch{}", from, to, empty);
    }
    if (needs(ends_.from.node, ends_.to.node, true)) {
      return fmt::format("'{}' decides only how long runs are that '{}' needs; lengths have no derivative", to, from);
    }
    const bool turned = needs(ends_.to.node, ends_.from.node, true);
    return fmt::format("'{}' does not depend on '{}'{}", from, to, turned ? ": it is the other way round" : "");
  }

  // ": the run along u is empty at [t=2]", of a run at a position that is meant.
  std::string empty_run() {
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      const Space outer = graph_.within(axis);
      ReferencePlace place;
      for (std::int32_t point = 0; point < points_.count(outer); ++point) {
        points_.place(outer, point, place);
        if (points_.length(axis, place) > 0 || !meant(place, outer)) continue;
        std::string where;
        for (const AxisId other : outer.axes())
          where += fmt::format("{}{}={}", where.empty() ? " at [" : ", ", name(other), position(place, other));
        return fmt::format(": the run along '{}' is empty{}", name(axis), where.empty() ? "" : where + "]");
      }
    }
    return "";
  }

  const std::string& name(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)].name; }
  static std::int32_t position(const ReferencePlace& place, AxisId axis) { return place.at[static_cast<std::size_t>(axis)]; }

  bool meant(const ReferencePlace& place, Space outer) const {
    bool result = true;
    for (const GradientPlace* end : {&ends_.from, &ends_.to}) {
      for (const auto& [axis, wanted] : end->positions) {
        if (axis == "example") result = result && (wanted < 0 || wanted == place.row);
        for (const AxisId other : outer.axes()) result = result && (name(other) != axis || wanted < 0 || wanted == position(place, other));
      }
    }
    return result;
  }

  const Graph& graph_;
  ReferencePoints& points_;
  FlowPaths& paths_;
  const Unconnected& ends_;
};

}  // namespace

FlowReason reason_of(const Graph& graph, ReferencePoints& points, FlowPaths& paths, const Unconnected& ends,
                     const std::function<bool(const FlowPoint&)>& alive) {
  return ReasonSearch(graph, points, paths, ends).find(alive);
}

// A step of the losses of `every` positions goes back through `back`, which is `every` if it is not said.
std::string cut_in_training(const Model& model, std::optional<std::int64_t> from, std::optional<std::int64_t> to) {
  const Tree* train = model.container().train ? &*model.container().train : nullptr;
  const Tree* truncate = train ? train->find("truncate") : nullptr;
  if (!truncate) return "";
  const auto number = [&](const char* key, std::int64_t otherwise) {
    const Tree* tree = truncate->find(key);
    if (tree) std::from_chars(tree->scalar.data(), tree->scalar.data() + tree->scalar.size(), otherwise);
    return otherwise;
  };
  const std::int64_t every = number("every", 0), back = number("back", every);
  if (every < 1 || back < 1) return "";
  if (!from || !to)
    return fmt::format("in training, train.truncate ends back-propagation after {} positions; the norm is without it", back);
  const std::int64_t end = (*from / every + 1) * every;
  if (*to >= end - back) return "";
  return fmt::format("not in training: train.truncate takes the losses of t={} to {} back to t={} only", end - every, end - 1, end - back);
}

}  // namespace tapeloop
