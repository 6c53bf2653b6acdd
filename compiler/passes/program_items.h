// A program as a graph: what each scan, and each instruction in bulk, reads of the others. For passes that put them together anew.
#pragma once

#include <map>
#include <vector>

#include "compiler/passes/plan_use.h"
#include "core/plan.h"

namespace tapeloop {

// A scan with all that is in it, or one instruction in bulk.
struct ProgramItem {
  Segment segment;
  bool whole = false;        // into P
  int group = kNone;         // the scan whose strips it stands in
  std::vector<int> reads;    // items
  std::vector<int> readers;  // items
  BufferId result = kNone;   // of an instruction
};

class ProgramItems {
 public:
  ProgramItems(const Plan& plan, const Program& program);

  int count() const { return static_cast<int>(items_.size()); }
  ProgramItem& item(int at) { return items_[static_cast<std::size_t>(at)]; }
  const ProgramItem& item(int at) const { return items_[static_cast<std::size_t>(at)]; }
  bool is_scan(int at) const { return item(at).segment.kind == Segment::Kind::kScan; }
  const Instruction& instruction(InstructionId id) const { return plan_.instructions[static_cast<std::size_t>(id)]; }
  const Instruction& made_by(int at) const { return instruction(item(at).segment.instructions.front()); }  // REQUIRES: no scan
  int maker(BufferId id) const { return maker_[static_cast<std::size_t>(id)]; }                            // kNone: none of them

  template <class Visit>
  static void each_instruction(const Segment& segment, const Visit& visit) {
    for (const InstructionId id : segment.instructions) visit(id);
    for (const Segment& part : segment.body) each_instruction(part, visit);
  }
  // visit(buffer, along which positions it is read, seen on the axis)
  template <class Visit>
  void each_read(const Instruction& made, AxisId axis, const Visit& visit) const {
    for (const Operand& operand : made.operands) {
      if (operand.buffer != kNone) visit(operand.buffer, reach_of(plan_, made, operand, axis));
      for (const BufferId start : operand.starts) visit(start, Reach::kAny);
    }
  }
  template <class Visit>
  void each_read(int at, AxisId axis, const Visit& visit) const {
    each_instruction(item(at).segment, [&](InstructionId id) { each_read(instruction(id), axis, visit); });
  }

  // The program again, each group as one segment of strips around its scan. members: by scan, ascending; item().group says the same.
  // Throws std::logic_error if groups wait for each other.
  Program with_strips(const std::map<int, std::vector<int>>& members) const;

 private:
  void add(Segment segment);
  void lengths_first();
  Segment strips_of(int scan, const std::vector<int>& group) const;
  std::vector<char> after_scan(int scan, const std::vector<int>& group) const;

  const Plan& plan_;
  std::vector<ProgramItem> items_;
  std::vector<int> maker_;  // [buffer]: item
};

}  // namespace tapeloop
