#include "compiler/passes/sink.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/passes/plan_use.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

class Sinking {
 public:
  Sinking(Plan& plan, const std::vector<bool>& fixed)
      : plan_(plan), fixed_(fixed), readers_(plan.buffers.size()), homes_(plan.instructions.size()) {
    for (std::size_t id = 0; id < plan.instructions.size(); ++id) {
      for_each_read(plan.instructions[id],
                    [&](BufferId read) { readers_[static_cast<std::size_t>(read)].push_back(static_cast<InstructionId>(id)); });
    }
  }

  void run(Program& program) {
    for (Segment& segment : program) {
      for (Segment& part : segment.body) settle(part);
    }
    take_from(program);
    for (auto& [list, arrivals] : arrivals_) insert(*list, arrivals);
    arrivals_.clear();
    drop_empty(program);
  }

 private:
  Instruction& at(InstructionId id) { return plan_.instructions[static_cast<std::size_t>(id)]; }
  const Buffer& buffer(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

  static void drop_empty(Program& program) {
    std::erase_if(program, [](const Segment& s) { return s.kind == Segment::Kind::kBulk && s.instructions.empty(); });
    for (Segment& segment : program) {
      if (segment.kind == Segment::Kind::kStrips) drop_empty(segment.body);
    }
  }

  // From bulk outside all scans.
  void take_from(Program& program) {
    for (Segment& segment : program) {
      if (segment.kind == Segment::Kind::kStrips) take_from(segment.body);
      if (segment.kind != Segment::Kind::kBulk) continue;
      std::vector<bool> moved(segment.instructions.size());
      for (std::size_t k = moved.size(); k-- > 0;) {  // readers before what they read
        const InstructionId id = segment.instructions[k];
        moved[k] = may_move(at(id)) && place(id);
      }
      std::size_t kept = 0;
      for (std::size_t k = 0; k < moved.size(); ++k) {
        if (!moved[k]) segment.instructions[kept++] = segment.instructions[k];
      }
      segment.instructions.resize(kept);
    }
  }

  // Every operand is at hand in any step: in P, or the point's own row.
  bool may_move(const Instruction& made) const {
    if (made.op != OpCode::kPoint || made.layout == kNone || plan_.layouts[static_cast<std::size_t>(made.layout)].steps.empty())
      return false;
    if (!std::all_of(made.program.begin(), made.program.end(), [](const PointOp& op) { return op.kind->cheap; })) return false;
    const BufferId result = made.results.front().buffer;
    if (made.results.size() != 1 || fixed_[static_cast<std::size_t>(result)] || buffer(result).taped) return false;
    return std::all_of(made.operands.begin(), made.operands.end(), [&](const Operand& operand) {
      if (operand.buffer == kNone || operand.table != kNone) return false;
      const LayoutId layout = buffer(operand.buffer).layout;
      return layout == kNone || layout == made.layout;
    });
  }

  using List = std::vector<InstructionId>;
  // Where an instruction of a scan's body stands; of one that has moved there, what it was put in front of.
  struct Home {
    List* list = nullptr;
    std::size_t position = 0;
  };

  void settle(Segment& segment) {
    for (std::size_t k = 0; k < segment.instructions.size(); ++k) {
      homes_[static_cast<std::size_t>(segment.instructions[k])] = {&segment.instructions, k};
    }
    for (Segment& part : segment.body) settle(part);
  }

  // Puts the instruction before its first reader if all of them stand in one list of one scan's body and read their own points.
  bool place(InstructionId id) {
    const std::vector<InstructionId>& readers = readers_[static_cast<std::size_t>(at(id).results.front().buffer)];
    if (readers.empty()) return false;
    Home home = homes_[static_cast<std::size_t>(readers.front())];
    for (const InstructionId reader : readers) {
      const Home& other = homes_[static_cast<std::size_t>(reader)];
      if (other.list == nullptr || other.list != home.list || !reads_own(reader, id)) return false;
      home.position = std::min(home.position, other.position);
    }
    homes_[static_cast<std::size_t>(id)] = home;
    arrivals_[home.list].emplace_back(home.position, id);
    Instruction& made = at(id);
    const AxisId axis = plan_.layouts[static_cast<std::size_t>(made.layout)].steps.front();
    made.depth = at(readers.front()).depth;
    made.reason.kind = Reason::Kind::kReadByStep;
    made.reason.text = "in the step of the scan along " + plan_.axes[static_cast<std::size_t>(axis)].name +
                       ": cheaper worked out where it is read than kept for all positions";
    for (PointOp& op : made.program) op.reason = made.reason;
    return true;
  }

  // Those that came last read those that came before them.
  static void insert(List& list, std::vector<std::pair<std::size_t, InstructionId>>& arrivals) {
    std::reverse(arrivals.begin(), arrivals.end());
    std::stable_sort(arrivals.begin(), arrivals.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    List out;
    std::size_t next = 0;
    for (std::size_t k = 0; k < list.size(); ++k) {
      for (; next < arrivals.size() && arrivals[next].first == k; ++next) out.push_back(arrivals[next].second);
      out.push_back(list[k]);
    }
    list = std::move(out);
  }

  bool reads_own(InstructionId reader, InstructionId id) {
    const Instruction& read = at(reader);
    const Instruction& made = at(id);
    if (read.depth == 0 || read.layout != made.layout || read.group != kNone) return false;
    return std::all_of(read.operands.begin(), read.operands.end(), [&](const Operand& operand) {
      const bool starts = std::find(operand.starts.begin(), operand.starts.end(), made.results.front().buffer) != operand.starts.end();
      return !starts && (operand.buffer != made.results.front().buffer || operand.table == kNone);
    });
  }

  Plan& plan_;
  const std::vector<bool>& fixed_;
  std::vector<std::vector<InstructionId>> readers_;  // [buffer]
  std::vector<Home> homes_;                          // [instruction]
  std::map<List*, std::vector<std::pair<std::size_t, InstructionId>>> arrivals_;
};

}  // namespace

void sink(Plan& plan, const std::vector<bool>& fixed) {
  Sinking sinking(plan, fixed);
  sinking.run(plan.forward);
  sinking.run(plan.backward);
}

}  // namespace tapeloop
