#include "compiler/passes/plan_memory.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "compiler/passes/plan_use.h"

namespace tapeloop {
namespace {

struct Turns {
  int first = -1;  // -1: never
  int last = -1;

  void take(const Turns& other) {
    first = first < 0 ? other.first : std::min(first, other.first);
    last = std::max(last, other.last);
  }
};

// Where an instruction stands: its turn, those of the outermost scan around it, and those of the strips around that, if any.
struct Place {
  Turns own, scan, loop;
  int scan_id = kNone;  // the scan right around it
  int strips_id = kNone;
  AxisId strips_axis = kNone;
  std::int32_t together = 1;  // of that scan
};

struct Life {
  Turns own, scan, loop;  // of all uses
  Turns turns;            // that count
  bool pinned = false;
  bool one_block = true;  // so far every use is within one step of one scan
  bool one_strip = true;  // so far every use is within one chunk of the same strips
  int scan_id = kNone;
  int strips_id = kNone;
  int depth = 0;

  std::int32_t together = 1;  // of the scan

  bool made() const { return own.first >= 0; }
};

class MemoryPlanning {
 public:
  MemoryPlanning(Plan& plan, const std::vector<NodeId>& keep) : plan_(plan), lives_(plan.buffers.size()) {
    places_.resize(plan.instructions.size());
    number(plan.forward, Place());
    number(plan.backward, Place());
    pin(keep);
  }

  void mark_readable() {
    for (PlanValue& value : plan_.nodes) {
      value.readable = value.buffer != kNone && lives_[static_cast<std::size_t>(value.buffer)].pinned;
    }
  }

  void pin_all() {
    for (Life& life : lives_) life.pinned = true;
  }

  void run() {
    for (std::size_t k = 0; k < plan_.instructions.size(); ++k) follow(plan_.instructions[k], places_[k]);
    const std::vector<BufferId> by_turn = in_order_of_birth();
    std::vector<BufferId> shared(plan_.buffers.size(), kNone);
    std::vector<Buffer> buffers;
    std::map<std::tuple<LayoutId, std::string, int, int>, std::vector<std::pair<int, BufferId>>> free_from;  // last turn, buffer
    for (const BufferId id : by_turn) {
      const Life& life = lives_[static_cast<std::size_t>(id)];
      Buffer made = plan_.buffers[static_cast<std::size_t>(id)];
      if (life.made() && !life.pinned && (life.one_block || life.one_strip)) {
        made.block_depth = life.one_block ? life.depth : 0;
        made.together = life.one_block ? life.together : 1;
      }
      if (life.pinned || !life.made()) {
        shared[static_cast<std::size_t>(id)] = static_cast<BufferId>(buffers.size());
        buffers.push_back(std::move(made));
        continue;
      }
      auto& candidates = free_from[{made.layout, size_key(made), made.block_depth, made.block_depth > 0 ? life.scan_id : kNone}];
      const auto unused = std::find_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.first < life.turns.first; });
      if (unused != candidates.end()) {
        unused->first = life.turns.last;
        shared[static_cast<std::size_t>(id)] = unused->second;
      } else {
        shared[static_cast<std::size_t>(id)] = static_cast<BufferId>(buffers.size());
        candidates.emplace_back(life.turns.last, static_cast<BufferId>(buffers.size()));
        buffers.push_back(std::move(made));
      }
    }
    rename(shared, std::move(buffers));
  }

 private:
  void number(const Program& program, const Place& around) {
    for (const Segment& segment : program) {
      Place inside = around;
      const int first = next_;
      const std::size_t already = numbered_.size();
      const bool outermost = around.scan_id == kNone;
      if (segment.kind == Segment::Kind::kScan) {
        inside.scan_id = loops_++;
        inside.together = segment.together;
      }
      if (segment.kind == Segment::Kind::kStrips) {
        inside.strips_id = loops_++;
        inside.strips_axis = segment.axis;
      }
      number(segment.body, inside);
      for (const InstructionId id : segment.instructions) {
        const Turns now{next_, next_};
        place(id) = {now, now, now, around.scan_id, around.strips_id, around.strips_axis, around.together};
        numbered_.push_back(id);
        ++next_;
      }
      if (!outermost || segment.kind == Segment::Kind::kBulk) continue;
      for (std::size_t k = already; k < numbered_.size(); ++k) {
        Place& done = place(numbered_[k]);
        done.loop = {first, next_ - 1};
        if (segment.kind == Segment::Kind::kScan) done.scan = done.loop;
      }
    }
  }

  Place& place(InstructionId id) { return places_[static_cast<std::size_t>(id)]; }

  void pin_value(NodeId id) {
    if (id != kNone && plan_.value(id).buffer != kNone) lives_[static_cast<std::size_t>(plan_.value(id).buffer)].pinned = true;
  }

  void pin(const std::vector<NodeId>& keep) {
    for (const NodeId id : plan_.inputs) pin_value(id);
    for (const NodeId id : plan_.parameters) pin_value(id);
    for (const NodeId id : plan_.seeds) pin_value(id);
    for (const NodeId id : keep) pin_value(id);
    for (const OutputRef& output : plan_.outputs) pin_value(output.node);
    for (const auto& [leaf, gradient] : plan_.gradients) pin_value(gradient);
    for (const Axis& axis : plan_.axes) {
      pin_value(axis.length);
      pin_value(axis.goes_on);
    }
    pin_value(plan_.loss);
    for (std::size_t k = 0; k < lives_.size(); ++k) lives_[k].pinned = lives_[k].pinned || plan_.buffers[k].taped;
    for (const Instruction& made : plan_.instructions) {
      if (made.once) lives_[static_cast<std::size_t>(made.result())].pinned = true;
    }
  }

  void follow(const Instruction& instruction, const Place& place) {
    const bool by_group = instruction.group != kNone || instruction.op == OpCode::kSumTo || instruction.op == OpCode::kSetLengths;
    for (const Result& result : instruction.results) use(result.buffer, instruction, place, true, true);
    for (const Operand& operand : instruction.operands) {
      const bool in_strip = place.strips_id != kNone && reach_of(plan_, instruction, operand, place.strips_axis) == Reach::kOwn;
      use(operand.buffer, instruction, place, operand.table == kNone && !by_group, in_strip);
      for (const BufferId start : operand.starts) use(start, instruction, place, false, false);
    }
  }

  // `in_block`: only the rows of the reader's own block. `in_strip`: only those of its own position on the axis of the strips.
  void use(BufferId id, const Instruction& instruction, const Place& place, bool in_block, bool in_strip) {
    if (id == kNone) return;
    Life& life = lives_[static_cast<std::size_t>(id)];
    const LayoutId layout = plan_.buffers[static_cast<std::size_t>(id)].layout;
    const bool same_rows = instruction.layout == layout && instruction.layout != kNone;
    if (!life.made()) {
      life.scan_id = place.scan_id;
      life.strips_id = place.strips_id;
      life.depth = instruction.depth;
      life.together = place.together;
    }
    if (!in_block || !same_rows || place.scan_id == kNone || place.scan_id != life.scan_id) life.one_block = false;
    const bool same_strips = place.strips_id != kNone && place.strips_id == life.strips_id;
    if (!in_strip || !same_strips || !begins_with(plan_, layout, place.strips_axis)) life.one_strip = false;
    life.own.take(place.own);
    life.scan.take(place.scan);
    life.loop.take(place.loop);
  }

  // What does not live within one step lives as long as the scan; what does not live within one chunk, as long as the strips.
  std::vector<BufferId> in_order_of_birth() {
    std::vector<BufferId> order;
    for (std::size_t k = 0; k < lives_.size(); ++k) {
      Life& life = lives_[k];
      life.turns = life.one_block ? life.own : life.one_strip ? life.scan : life.loop;
      order.push_back(static_cast<BufferId>(k));
    }
    std::stable_sort(order.begin(), order.end(), [&](BufferId a, BufferId b) {
      return lives_[static_cast<std::size_t>(a)].turns.first < lives_[static_cast<std::size_t>(b)].turns.first;
    });
    return order;
  }

  // Buffers of one size in elements can stand in for each other, whatever their shape.
  std::string size_key(const Buffer& buffer) const {
    return buffer.elements > 0 || is_known(buffer.shape) ? std::to_string(buffer.elements) : plan_.sizes.text(buffer.shape);
  }

  void rename(const std::vector<BufferId>& shared, std::vector<Buffer> buffers) {
    const auto now = [&](BufferId& id) { id = id == kNone ? kNone : shared[static_cast<std::size_t>(id)]; };
    std::vector<Life> lives(buffers.size());
    for (std::size_t k = 0; k < lives_.size(); ++k) {
      if (lives_[k].pinned) lives[static_cast<std::size_t>(shared[k])].pinned = true;
    }
    for (PlanValue& value : plan_.nodes) now(value.buffer);
    for (Instruction& instruction : plan_.instructions) {
      for (Result& result : instruction.results) now(result.buffer);
      for (Operand& operand : instruction.operands) {
        now(operand.buffer);
        for (BufferId& start : operand.starts) now(start);
      }
    }
    plan_.buffers = std::move(buffers);
    lives_ = std::move(lives);
  }

  Plan& plan_;
  std::vector<Life> lives_;
  std::vector<Place> places_;            // [instruction]
  std::vector<InstructionId> numbered_;  // in the order of their turns
  int next_ = 0;
  int loops_ = 0;
};

}  // namespace

Plan plan_memory(Plan plan, bool share, const std::vector<NodeId>& keep) {
  MemoryPlanning planning(plan, keep);
  if (share) {
    planning.run();
  } else {
    planning.pin_all();
  }
  planning.mark_readable();
  return plan;
}

}  // namespace tapeloop
