// What the lengths of a batch make of the axes of a plan: points of spaces, blocks of scans, orders of points.
//
// Canonical order of a space: row by row as the batch has them, then position by position on each axis, outer axes first. The
// points of a space are those of the space without its last axis, each with its run:
//
//   lengths of t: 2 0 3        [t]:  (0,0) (0,1) (2,0) (2,1) (2,2)        offset: 0 2 2 5
//
// Lengths become known one axis after the other (those from a value only while the plan runs); whatever an axis completes is
// built then. Rows are ranked by their length along the primary axis, longest first (stable): the first axis that lies within
// none and whose lengths come from the data. Storage is kept, and what still holds for the next batch is not built again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/plan.h"

namespace tapeloop {

struct SpaceExtent {
  Space space;
  std::vector<AxisId> axes;               // ascending
  int parent = kNone;                     // the space without its last axis
  std::int32_t points = 0;                // in the batch
  std::vector<std::int32_t> offset;       // [points of parent + 1]: first child of each
  std::vector<std::int32_t> coordinates;  // [points, 1 + axes]: row, positions
  std::uint64_t stamp = 0;

  std::size_t width() const { return 1 + axes.size(); }
  const std::int32_t* at(std::int32_t point) const { return coordinates.data() + static_cast<std::size_t>(point) * width(); }
};

// Blocks of nested scans: block b of the enclosing scan has the children child[b] .. child[b + 1] - 1, one for each position.
// There are as many as the longest run among the points of the block.
struct NestExtent {
  std::vector<AxisId> axes;  // the last one is this scan's
  std::vector<int> outer;    // the enclosing nests, outermost first; none: block 0, everything
  int space = kNone;         // whose runs are measured: the closure of the enclosing scans and of `within`
  std::int32_t blocks = 0;
  std::vector<std::int32_t> child;  // [blocks of parent + 1]
  std::uint64_t stamp = 0;
};

// The order of a layout's points. start[d][b] is the first point of block b at depth d; the last entry is the end.
struct LayoutExtent {
  Layout layout;
  int space = kNone;
  std::vector<int> nests;                        // of steps[0], of steps[0], steps[1] ..
  std::vector<std::int32_t> point_of;            // [points]: of a canonical point
  std::vector<std::int32_t> canonical;           // [points]: its inverse
  std::vector<std::vector<std::int32_t>> start;  // [depth 0 .. steps][blocks + 1]
  std::vector<std::int32_t> largest_block;       // [depth]: points
  std::uint64_t stamp = 0;                       // 0: not yet built

  std::int32_t points() const { return static_cast<std::int32_t>(canonical.size()); }
};

class Extents {
 public:
  // positions: of a chunk of the plan's strips; 0: see chunk_positions.
  explicit Extents(const Plan& plan, std::int64_t positions = 0);

  // Calls this before the points of a space are built, to throw if there are too many.
  void ask(std::function<void(Space, std::int64_t)> before) { before_ = std::move(before); }

  // A new batch: no lengths are known. Throws ModelError (E0709) here or in set_lengths if there are 2^31 points or more.
  void start(std::int64_t rows);
  // One length for each canonical point of the axes that it lies within, none negative; axes that are derived from it get theirs.
  // REQUIRES: the axes that it lies within have theirs.
  void set_lengths(AxisId axis, std::span<const std::int32_t> lengths);

  std::int64_t rows() const { return rows_; }
  bool known(AxisId axis) const { return axes_[static_cast<std::size_t>(axis)].known; }
  // All axes of the space, those they lie within and the primary axis have their lengths.
  bool ready(Space space) const;
  // Grows whenever anything that a structure over this space is made from has changed. REQUIRES: ready.
  std::uint64_t stamp(Space space) const;

  // REQUIRES of all below: ready.
  const SpaceExtent& space(Space space) const { return spaces_[static_cast<std::size_t>(space_ids_.at(space.bits()))]; }
  const SpaceExtent& within(AxisId axis) const;  // the points that have a length each
  const LayoutExtent& layout(LayoutId id) const { return layouts_[static_cast<std::size_t>(id)]; }
  const SpaceExtent& points(const LayoutExtent& layout) const { return spaces_[static_cast<std::size_t>(layout.space)]; }
  const NestExtent& nest(int id) const { return nests_[static_cast<std::size_t>(id)]; }
  int nest_id(const std::vector<AxisId>& axes) const { return nest_ids_.at(axes); }  // REQUIRES: a scan or layout of the plan has it
  std::span<const std::int32_t> lengths(AxisId axis) const { return axes_[static_cast<std::size_t>(axis)].lengths; }
  std::int32_t longest(AxisId axis) const { return axes_[static_cast<std::size_t>(axis)].longest; }
  const std::vector<std::int32_t>& ranked_rows() const { return ranked_; }
  // Of strips of the axis: how many chunks, how many positions each, the points of a layout ordered by it in the largest of them.
  std::int32_t strips(AxisId axis) const;
  std::int32_t strip_positions(AxisId axis) const;
  std::int32_t largest_strip(const LayoutExtent& layout) const;

  // Length of the run at a place. at: positions by AxisId; read on the axes that `axis` lies within, which must be inside.
  std::int32_t length(AxisId axis, std::int32_t row, const std::int32_t* at) const;
  // The point of the space at a place, or kNone if that is outside one of its axes.
  std::int32_t find(const SpaceExtent& space, std::int32_t row, const std::int32_t* at) const;
  // Of a place that is inside.
  std::int32_t index(const SpaceExtent& space, std::int32_t row, const std::int32_t* at) const;

  std::int64_t builds() const { return builds_; }  // how many structures have been built so far, for tests

 private:
  struct AxisExtent {
    std::int32_t longest = 0;
    bool known = false;
    int within = kNone;         // space
    std::vector<AxisId> outer;  // the axes that it lies within, outermost first
    Derivation derivation;
    std::vector<std::int32_t> lengths;
    std::uint64_t stamp = 0;
  };
  struct Item {  // the points of one row and one position on each outer run, within a block
    std::int32_t key = 0, begin = 0, end = 0;
  };

  Space closure(Space space) const;
  void keep_lengths(AxisExtent& axis, std::span<const std::int32_t> lengths);
  void derive_lengths();
  bool may_derive(const AxisExtent& axis) const;
  int add_space(Space space);
  int add_nest(const std::vector<AxisId>& axes);
  void add_programs(const Plan& plan, const Program& program);
  void build();
  template <class Build>
  void refresh(std::uint64_t& stamp, Space space, Build build);
  void rank_rows();
  void build_space(SpaceExtent& space);
  void build_nest(NestExtent& nest);
  void build_layout(LayoutExtent& layout);
  std::int32_t first_of_row(const SpaceExtent& space, std::int32_t row) const;
  void order_items(const LayoutExtent& layout);
  void split(LayoutExtent& layout, std::size_t depth);
  void collect_items(std::int32_t begin, std::int32_t end, const SpaceExtent& points, std::size_t column);

  std::function<void(Space, std::int64_t)> before_;
  std::int64_t positions_;
  std::int64_t rows_ = 0;
  std::uint64_t rows_stamp_ = 0;
  std::uint64_t clock_ = 0;
  std::int64_t builds_ = 0;
  AxisId primary_ = kNone;
  std::vector<AxisExtent> axes_;
  std::vector<SpaceExtent> spaces_;  // those with fewer axes first
  std::vector<NestExtent> nests_;    // enclosing ones first
  std::vector<LayoutExtent> layouts_;
  std::map<std::uint64_t, int> space_ids_;
  std::map<std::vector<AxisId>, int> nest_ids_;
  std::uint64_t ranked_stamp_ = 0;
  std::vector<std::int32_t> ranked_;  // rows, longest first

  // Scratch of build_layout.
  std::vector<std::int32_t> order_, next_, item_, count_;
  std::vector<Item> items_;
  std::vector<std::int32_t> derived_, sources_;  // scratch of derive_lengths
};

}  // namespace tapeloop
