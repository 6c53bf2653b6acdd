#include "runtime/reference_reads.h"

#include <algorithm>
#include <stdexcept>

#include "core/kind.h"

namespace tapeloop {
namespace {

// Where a move leads from one place.
struct Target {
  ReferencePlace place;
  AxisId outside = kNone;  // the axis that it leaves: the outermost, if several
};

// `moved` are the axes of the value that is read. Ends of runs are those of the runs that the reader stands in. Past an axis that
// is left nothing more is asked: there are no runs.
Target follow(ReferencePoints& points, const ReferencePlace& reader, const std::vector<Move>& moves, Space moved) {
  Target target{reader, kNone};
  ReferencePlace ends = reader;
  for (const AxisId axis : moved.axes()) {
    const auto a = static_cast<std::size_t>(axis);
    const auto move = std::find_if(moves.begin(), moves.end(), [axis](const Move& m) { return m.axis == axis; });
    if (move != moves.end()) {
      const std::int32_t start = move->from == Move::From::kHere  ? reader.at[a]
                                 : move->from == Move::From::kEnd ? points.length(axis, ends)
                                                                  : 0;
      target.place.at[a] = start + move->offset;
      if (move->from != Move::From::kHere) ends.at[a] = target.place.at[a];
    }
    if (target.place.at[a] < 0 || target.place.at[a] >= points.length(axis, target.place)) {
      target.outside = axis;
      break;
    }
  }
  return target;
}

// Of `slots` starts in the order of the positions, the one for the target: the last is nearest before the axis, the first
// behind it.
std::int32_t slot_of(ReferencePoints& points, const Target& target, std::int32_t slots) {
  if (slots == 0) return 0;
  const std::int32_t position = target.place.at[static_cast<std::size_t>(target.outside)];
  const std::int32_t slot = position < 0 ? position + slots : position - points.length(target.outside, target.place);
  if (slot < 0 || slot >= slots) throw std::runtime_error("a start with " + std::to_string(slots) + " positions is read beyond them");
  return slot;
}

Space with_moved(Space space, const std::vector<Move>& moves) {
  for (const Move& move : moves) space = space.with(move.axis);
  return space;
}

class Finder {
 public:
  Finder(const Graph& graph, NodeId id, ReferencePoints& points) : graph_(graph), node_(graph[id]), points_(points) {
    lists_.resize(static_cast<std::size_t>(points.count(node_.space)));
  }

  ReferenceReads find() {
    switch (node_.kind->role) {
      case Role::kMove:
        move();
        break;
      case Role::kUnmove:
      case Role::kMoveOutside:
        turned_round();
        break;
      case Role::kRemap:
        remap(false);
        break;
      case Role::kUnremap:
        remap(true);
        break;
      case Role::kSumTo:
      case Role::kProductSum:
      case Role::kExtremeAlong:
        reduced();
        break;
      case Role::kDraw:
        break;  // its operand says only where and how large
      default:
        spread();
    }
    return joined();
  }

 private:
  std::vector<ReferenceRead>& list(std::int32_t point) { return lists_[static_cast<std::size_t>(point)]; }
  const Node& operand(std::size_t k) const { return graph_[node_.operands[k]]; }

  void spread() {
    for (std::size_t k = 0; k < node_.operands.size(); ++k) {
      const std::vector<std::int32_t>& at = points_.projection(node_.space, operand(k).space);
      for (std::int32_t p = 0; p < points_.count(node_.space); ++p) {
        list(p).push_back({node_.operands[k], at[static_cast<std::size_t>(p)], static_cast<std::int32_t>(k), 0});
      }
    }
  }

  void move() {
    const NodeId value = node_.operands[0];
    const Space moved = value == kNone ? with_moved(node_.space, node_.moves) : graph_[value].space;
    ReferencePlace reader;
    for (std::int32_t p = 0; p < points_.count(node_.space); ++p) {
      points_.place(node_.space, p, reader);
      const Target target = follow(points_, reader, node_.moves, moved);
      if (target.outside == kNone) {
        list(p).push_back({value, points_.index(moved, target.place), 0, 0});
      } else {
        list(p).push_back(start(target, reader));
      }
    }
  }

  // Read at the reader's own position.
  ReferenceRead start(const Target& target, const ReferencePlace& reader) {
    for (const Outside& outside : node_.outsides) {
      if (outside.axis != target.outside) continue;
      const NodeId id = node_.operands[static_cast<std::size_t>(outside.operand)];
      return {id, points_.index(graph_[id].space, reader), outside.operand, slot_of(points_, target, outside.slots)};
    }
    return {};
  }

  // The transposes of a move: where it reads, its reader's adjoint is added.
  void turned_round() {
    const bool for_value = node_.kind->role == Role::kUnmove;
    const Space reader_space = operand(0).space;
    const Space moved = for_value ? node_.space : with_moved(reader_space, node_.moves);
    ReferencePlace reader;
    for (std::int32_t r = 0; r < points_.count(reader_space); ++r) {
      points_.place(reader_space, r, reader);
      const Target target = follow(points_, reader, node_.moves, moved);
      if (target.outside != (for_value ? kNone : node_.outsides[0].axis)) continue;
      const std::int32_t point = points_.index(node_.space, for_value ? target.place : reader);
      list(point).push_back({node_.operands[0], r, 0, for_value ? 0 : slot_of(points_, target, node_.outsides[0].slots)});
    }
  }

  // A remap reads where the positions of its point lead; its transpose gathers, for a place, the points that read there.
  void remap(bool turned) {
    const Space reader_space = turned ? operand(0).space : node_.space;
    const Space read_space = turned ? node_.space : operand(0).space;
    ReferencePlace place;
    for (std::int32_t p = 0; p < points_.count(reader_space); ++p) {
      points_.place(reader_space, p, place);
      const std::int32_t found = read_at(place) ? points_.index(read_space, place) : kNone;
      if (turned && found != kNone) list(found).push_back({node_.operands[0], p, 0, 0});
      if (!turned) list(p).push_back(found == kNone ? ReferenceRead{} : ReferenceRead{node_.operands[0], found, 0, 0});
    }
  }

  // Goes from the reader's place to the one that it reads; false: there is none.
  bool read_at(ReferencePlace& place) {
    const Remap& remap = node_.remap;
    std::int64_t sum = 0, skipped = 0;
    for (const Remap::Step& step : remap.steps) {
      const std::int32_t position = place.at[static_cast<std::size_t>(step.axis)];
      sum += std::int64_t{step.times} * (step.backwards ? points_.length(step.axis, place) - 1 - position : position);
    }
    for (const AxisId axis : remap.after) skipped += points_.length(axis, place);
    const std::int64_t found = remap.position(sum, points_.length(remap.from, place), skipped);
    place.at[static_cast<std::size_t>(remap.from)] = static_cast<std::int32_t>(found);
    return found >= 0;
  }

  void reduced() {
    Space all = node_.space;
    for (std::size_t k = 0; k < node_.operands.size(); ++k) all = all | operand(k).space;
    const std::vector<std::int32_t>& result = points_.projection(all, node_.space);
    ReferencePlace place;
    for (std::int32_t p = 0; p < points_.count(all); ++p) {
      points_.place(all, p, place);
      const std::int32_t position = node_.axis == kNone ? 0 : place.at[static_cast<std::size_t>(node_.axis)];
      for (std::size_t k = 0; k < node_.operands.size(); ++k) {
        const std::int32_t point = points_.projection(all, operand(k).space)[static_cast<std::size_t>(p)];
        list(result[static_cast<std::size_t>(p)]).push_back({node_.operands[k], point, static_cast<std::int32_t>(k), position});
      }
    }
  }

  ReferenceReads joined() const {
    ReferenceReads reads;
    reads.first.push_back(0);
    for (const auto& list : lists_) {
      reads.list.insert(reads.list.end(), list.begin(), list.end());
      reads.first.push_back(static_cast<std::int32_t>(reads.list.size()));
    }
    return reads;
  }

  const Graph& graph_;
  const Node& node_;
  ReferencePoints& points_;
  std::vector<std::vector<ReferenceRead>> lists_;  // by point of the node
};

}  // namespace

std::span<const ReferenceRead> ReferenceReads::of(std::int32_t point) const {
  const auto p = static_cast<std::size_t>(point);
  return std::span(list).subspan(static_cast<std::size_t>(first[p]), static_cast<std::size_t>(first[p + 1] - first[p]));
}

ReferenceReads find_reads(const Graph& graph, NodeId node, ReferencePoints& points) { return Finder(graph, node, points).find(); }

std::vector<std::int32_t> stretch(std::span<const std::int64_t> from, std::span<const std::int64_t> to) {
  std::int64_t count = 1;
  for (const std::int64_t dim : to) count *= dim;
  if (from.size() > to.size()) throw std::logic_error("a value is stretched to fewer dimensions");
  const std::size_t lead = to.size() - from.size();
  std::vector<std::int32_t> result(static_cast<std::size_t>(count));
  for (std::int64_t element = 0; element < count; ++element) {
    std::int64_t rest = element, source = 0, stride = 1;
    for (std::size_t k = to.size(); k-- > 0;) {
      const std::int64_t position = rest % to[k];
      rest /= to[k];
      if (k < lead) continue;
      const std::int64_t dim = from[k - lead];
      if (dim != to[k] && dim != 1) throw std::logic_error("shapes that do not fit are stretched");
      if (dim != 1) source += position * stride;
      stride *= dim;
    }
    result[static_cast<std::size_t>(element)] = static_cast<std::int32_t>(source);
  }
  return result;
}

}  // namespace tapeloop
