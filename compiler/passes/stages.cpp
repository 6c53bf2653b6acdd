#include "compiler/passes/stages.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tapeloop {
namespace {

// A scan or strips with all that is in them, or one instruction in bulk.
struct Item {
  Segment segment;
  bool whole = false;
  int stage = 0;
  int level = 0;  // in a whole stage: how many values of the same stage it waits for, one after the other
};

class Staging {
 public:
  explicit Staging(Plan plan)
      : plan_(std::move(plan)), made_(plan_.buffers.size(), 0), levels_(plan_.buffers.size(), -1), known_(plan_.axes.size(), 0) {}

  Plan run() {
    plan_.forward = staged(plan_.forward);
    // Backward begins when all of forward is done, lengths included.
    std::fill(made_.begin(), made_.end(), 0);
    std::fill(levels_.begin(), levels_.end(), -1);
    std::fill(known_.begin(), known_.end(), 0);
    plan_.backward = staged(plan_.backward);
    return std::move(plan_);
  }

 private:
  const Instruction& instruction(InstructionId id) const { return plan_.instructions[static_cast<std::size_t>(id)]; }
  bool is_whole(const Instruction& made) const {
    return std::any_of(made.results.begin(), made.results.end(),
                       [&](const Result& result) { return result.buffer != kNone && layout_of(result.buffer) == kNone; });
  }
  LayoutId layout_of(BufferId id) const { return id == kNone ? kNone : plan_.buffers[static_cast<std::size_t>(id)].layout; }

  Program staged(const Program& program) {
    std::vector<Item> items;
    for (const Segment& segment : program) {
      if (segment.kind != Segment::Kind::kBulk) {
        items.push_back({segment});
        continue;
      }
      for (const InstructionId id : segment.instructions) {
        Segment alone;  // not a copy, whose list would be as long as the segment's
        alone.reason = segment.reason;
        alone.instructions = {id};
        items.push_back({std::move(alone), is_whole(instruction(id))});
      }
    }
    for (Item& item : items) place(item);
    std::stable_sort(items.begin(), items.end(),
                     [](const Item& a, const Item& b) { return std::pair(a.stage, a.level) < std::pair(b.stage, b.level); });
    return joined(items);
  }

  void place(Item& item) {
    item.stage = item.whole ? 0 : 1;
    wait_for(item.segment, item);
    note_results(item.segment, item);
  }

  static void wait(Item& item, int stage) {
    item.stage = std::max(item.stage, stage);
    const bool whole_turn = item.stage % 2 == 0;
    if (whole_turn != item.whole) ++item.stage;
  }

  void wait_for(const Segment& segment, Item& item) {
    for (const InstructionId id : segment.instructions) {
      const Instruction& made = instruction(id);
      wait_for_axes(axes_of(made), item);
      for (const Operand& operand : made.operands) {
        wait_for_buffer(operand.buffer, item);
        for (const BufferId start : operand.starts) wait_for_buffer(start, item);
      }
    }
    for (const Segment& body : segment.body) wait_for(body, item);
  }

  void wait_for_buffer(BufferId id, Item& item) {
    if (id == kNone) return;
    const int before = item.stage;
    wait(item, made_[static_cast<std::size_t>(id)]);
    if (item.stage > before) item.level = 0;
    const bool same_stage = item.whole && made_[static_cast<std::size_t>(id)] == item.stage;
    if (same_stage) item.level = std::max(item.level, levels_[static_cast<std::size_t>(id)] + 1);
  }

  void wait_for_axes(Space space, Item& item) {
    const int before = item.stage;
    for (const AxisId axis : space.axes()) wait(item, known_[static_cast<std::size_t>(axis)]);
    if (item.stage > before) item.level = 0;
  }

  Space space_of(LayoutId id) const { return id == kNone ? Space() : plan_.layouts[static_cast<std::size_t>(id)].space; }

  // The axes whose lengths must be known before the instruction is done.
  Space axes_of(const Instruction& made) const {
    Space space = space_of(made.layout) | space_of(layout_of(made.result())) | made.counted;
    if (made.op == OpCode::kSetLengths) {  // one for each run of what it lies within, even if they are all alike
      for (AxisId outer = plan_.axes[static_cast<std::size_t>(made.axis)].within; outer != kNone;) {
        space = space.with(outer);
        outer = plan_.axes[static_cast<std::size_t>(outer)].within;
      }
    }
    if (made.op == OpCode::kLength || made.op == OpCode::kExtremeAlong || made.op == OpCode::kIndex) space = space.with(made.axis);
    if (made.group != kNone) {
      const GroupSpec& group = plan_.groups[static_cast<std::size_t>(made.group)];
      space = space | space_of(group.result) | space_of(group.source);
      for (const Move& move : group.moves) space = space.with(move.axis);
      space = space | measured_axes(group.remap);
    }
    for (const Operand& operand : made.operands) {
      space = space | space_of(layout_of(operand.buffer));
      if (operand.table == kNone) continue;
      const TableSpec& table = plan_.tables[static_cast<std::size_t>(operand.table)];
      for (const Move& move : table.moves) space = space.with(move.axis);
      space = space | measured_axes(table.remap);
      for (const Outside& outside : table.outsides) space = space.with(outside.axis);
    }
    return space;
  }

  void note_results(const Segment& segment, const Item& item) {
    for (const InstructionId id : segment.instructions) {
      const Instruction& made = instruction(id);
      if (made.op == OpCode::kSetLengths) note_lengths(made.axis, item.stage);
      for (const Result& result : made.results) {
        if (result.buffer == kNone) continue;
        made_[static_cast<std::size_t>(result.buffer)] = item.stage;
        levels_[static_cast<std::size_t>(result.buffer)] = item.level;
      }
    }
    for (const Segment& body : segment.body) note_results(body, item);
  }

  // An axis from the data that lies within this one gets its lengths between two stages: which of the batch's lengths belong to a
  // shard depends on all shards before it.
  void note_lengths(AxisId axis, int stage) {
    known_[static_cast<std::size_t>(axis)] = stage;
    for (bool more = true; more;) {
      more = false;
      for (std::size_t k = 0; k < plan_.axes.size(); ++k) {
        const int waits = known_after(plan_.axes[k]);
        more = more || waits > known_[k];
        known_[k] = std::max(known_[k], waits);
      }
    }
  }

  int known_after(const Axis& axis) const {
    if (axis.length != kNone) return 0;
    int waits = 0;
    for (const AxisId from : axis.derivation.from) waits = std::max(waits, known_[static_cast<std::size_t>(from)]);
    if (axis.within == kNone) return waits;
    const int outer = known_[static_cast<std::size_t>(axis.within)];
    const bool between = axis.fed() && !plan_.axes[static_cast<std::size_t>(axis.within)].fed() && outer > 0;
    return std::max(waits, between ? outer + 2 : outer);
  }

  // Instructions of one stage that follow each other become one bulk segment again.
  static Program joined(std::vector<Item>& items) {
    Program program;
    for (Item& item : items) {
      Segment& segment = item.segment;
      segment.stage = item.stage;
      const bool bulk = segment.kind == Segment::Kind::kBulk;
      if (bulk && !program.empty() && program.back().kind == Segment::Kind::kBulk && program.back().stage == item.stage) {
        program.back().instructions.push_back(segment.instructions[0]);
      } else {
        program.push_back(std::move(segment));
      }
    }
    return program;
  }

  Plan plan_;
  std::vector<int> made_;    // [buffer]: the stage that makes it; 0: there from the start
  std::vector<int> levels_;  // [buffer]: in that stage; -1: there from the start
  std::vector<int> known_;   // [axis]: the stage that makes its lengths known
};

}  // namespace

Plan order_stages(Plan plan) { return Staging(std::move(plan)).run(); }

}  // namespace tapeloop
