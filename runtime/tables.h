// Who reads whom, for the lengths of a batch: the tables and groups of a plan, filled in. Built when all lengths that one depends
// on are known, and again only when they change.
//
// A move reads v where the moved position is inside all of v's axes. Outside, the outermost axis that it has left decides: its
// start value, at the reader's own position, or zeros.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "runtime/extents.h"
#include "runtime/mover.h"

namespace tapeloop {

inline constexpr std::int8_t kZerosSource = -1;  // else 0: the operand; k: start value k

// What the points of one block read, if it is simple: rows `first`, `first` + 1 .. or always row `first` of one source.
struct TableBlock {
  enum class Kind : std::int8_t { kMixed, kRun, kSame };
  Kind kind = Kind::kMixed;
  std::int8_t source = kZerosSource;
  std::int32_t first = 0;
};

struct Table {
  std::vector<std::int32_t> row;    // [points of the reader]; of a start value with slots: row * slots + slot
  std::vector<std::int8_t> source;  // [points of the reader]
  std::vector<TableBlock> blocks;   // [blocks of the reader at the depth of the spec]; of those done together, at the first one
  std::uint64_t stamp = 0;          // 0: not yet built
};

// The members of group g are member[first[g]] .. member[first[g + 1] - 1], ascending.
struct Groups {
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> member;
  std::uint64_t stamp = 0;
};

class Tables {
 public:
  // `swapped`: a table of which two rows are exchanged whenever it is built, to see that tests notice.
  Tables(const Plan& plan, const Extents& extents, TableId swapped = kNone);

  // Builds what has become ready or has changed. Throws ModelError (E0710) if a position outside has no start among the slots.
  void build();

  const Table& table(TableId id) const { return tables_[static_cast<std::size_t>(id)]; }
  const Groups& groups(GroupId id) const { return groups_[static_cast<std::size_t>(id)]; }

  std::int64_t builds() const { return builds_; }  // how many have been built so far, for tests

 private:
  void build_table(TableId id);
  void fill_spread(const TableSpec& spec, Table& table);
  void fill_move(const TableSpec& spec, Mover& mover, Table& table);
  void fill_unmove(const TableSpec& spec, Mover& mover, Table& table);
  void fill_remap(const TableSpec& spec, Table& table);
  void swap_rows(const TableSpec& spec, Table& table);
  void summarise(const TableSpec& spec, Table& table);
  static void summarise(const std::vector<std::int32_t>& start, std::int32_t first, std::int32_t last, std::int32_t together, Table& table);
  void build_groups(GroupId id);
  void assign_reduce(const GroupSpec& spec);
  void assign_outside(const GroupSpec& spec, Mover& mover);
  void assign_unremap(const GroupSpec& spec);
  std::int32_t start_row(LayoutId start, const SpaceExtent& points, const std::int32_t* place, const Mover& mover,
                         std::int32_t slots) const;
  const LayoutExtent* layout(LayoutId id) const { return id == kNone ? nullptr : &extents_.layout(id); }
  Space space_of(LayoutId id) const;
  Space needed(const TableSpec& spec) const;

  const Plan& plan_;
  const Extents& extents_;
  TableId swapped_;
  std::int64_t builds_ = 0;
  std::vector<Table> tables_;
  std::vector<Groups> groups_;
  std::vector<Mover> table_movers_, group_movers_;
  std::vector<Space> table_needs_, group_needs_;
  std::vector<std::int32_t> assigned_;  // scratch: group of each source point, or kNone
  std::vector<std::int32_t> next_;      // scratch
};

}  // namespace tapeloop
