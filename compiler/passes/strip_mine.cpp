#include "compiler/passes/strip_mine.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace tapeloop {
namespace {

constexpr std::int32_t kAny = std::numeric_limits<std::int32_t>::max();

class StripMining {
 public:
  explicit StripMining(Plan plan) : plan_(std::move(plan)), made_in_(plan_.buffers.size(), kNone) {}

  Plan run() {
    walk(plan_.forward);
    walk(plan_.backward);
    return std::move(plan_);
  }

 private:
  Instruction& instruction(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }

  void walk(Program& program) {
    for (Segment& segment : program) {
      if (segment.kind != Segment::Kind::kScan) continue;
      const auto is_scan = [](const Segment& body) { return body.kind == Segment::Kind::kScan; };
      if (std::any_of(segment.body.begin(), segment.body.end(), is_scan)) {
        walk(segment.body);
      } else {
        widen(segment);
      }
    }
  }

  void widen(Segment& scan) {
    note_results(scan);
    std::int32_t reach = kAny;
    for (const Segment& body : scan.body) {
      for (const InstructionId id : body.instructions) reach = std::min(reach, reach_of(instruction(id), scan));
    }
    if (reach < 2 || reach == kAny) return;
    scan.together = reach;
    scan.reason += "; " + std::to_string(reach) + " positions a step: no tap reaches less far";
    for (const Segment& body : scan.body) {
      for (const InstructionId id : body.instructions) {
        for (Operand& operand : instruction(id).operands) {
          if (operand.table != kNone) operand.table = stripped(operand.table, reach);
        }
      }
    }
  }

  void note_results(const Segment& scan) {
    ++scan_;
    for (const Segment& body : scan.body) {
      for (const InstructionId id : body.instructions) {
        for (const Result& result : instruction(id).results) {
          if (result.buffer != kNone) made_in_[static_cast<std::size_t>(result.buffer)] = scan_;
        }
      }
    }
  }

  bool made_here(BufferId id) const { return id != kNone && made_in_[static_cast<std::size_t>(id)] == scan_; }

  // Positions back, along the scan's axis, of the nearest value of this scan that the instruction waits for; kAny: of its own only.
  std::int32_t reach_of(const Instruction& made, const Segment& scan) const {
    const bool outside = made.op == OpCode::kMoveOutside;
    std::int32_t reach = kAny;
    for (const Operand& operand : made.operands) {
      if (!made_here(operand.buffer)) continue;
      if (outside) return 1;
      if (operand.table != kNone) reach = std::min(reach, reach_of(plan_.tables[static_cast<std::size_t>(operand.table)].moves, scan));
    }
    return reach;
  }

  // What a scan around this one carries is there already.
  static std::int32_t reach_of(const std::vector<Move>& moves, const Segment& scan) {
    std::int32_t reach = kAny;
    for (const Move& move : moves) {
      const bool here = move.from == Move::From::kHere;
      const bool open = std::find(scan.nest.begin(), scan.nest.end(), move.axis) != scan.nest.end();
      if (!open || (here && move.offset == 0)) continue;
      if (!here) return 1;
      if (move.axis != scan.axis) return kAny;
      reach = std::abs(move.offset);
    }
    return reach;
  }

  TableId stripped(TableId id, std::int32_t together) {
    TableSpec spec = plan_.tables[static_cast<std::size_t>(id)];
    spec.together = together;
    const auto at = std::find(plan_.tables.begin(), plan_.tables.end(), spec);
    if (at != plan_.tables.end()) return static_cast<TableId>(at - plan_.tables.begin());
    plan_.tables.push_back(std::move(spec));
    return static_cast<TableId>(plan_.tables.size() - 1);
  }

  Plan plan_;
  std::vector<int> made_in_;  // [buffer]: the scan that makes it, as counted
  int scan_ = 0;
};

}  // namespace

Plan strip_mine(Plan plan) { return StripMining(std::move(plan)).run(); }

}  // namespace tapeloop
