#include "compiler/passes/plan_memory.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace tapeloop {
namespace {

// Where an instruction stands: its turn, the scan right around it, and the turns of the outermost scan around it.
struct Turn {
  int at = 0;
  int scan = kNone;
  int first = 0;
  int last = 0;
  std::int32_t together = 1;  // of that scan
};

struct Life {
  int first = -1;  // turns; -1: never made
  int last = -1;
  bool pinned = false;
  bool one_block = true;  // so far every use is within one step of one scan
  int scan = kNone;
  int depth = 0;
  std::int32_t together = 1;
};

class MemoryPlanning {
 public:
  MemoryPlanning(Plan& plan, const std::vector<NodeId>& keep) : plan_(plan), lives_(plan.buffers.size()) {
    turns_.resize(plan.instructions.size());
    number(plan.forward, {});
    number(plan.backward, {});
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
    for (std::size_t k = 0; k < plan_.instructions.size(); ++k) follow(plan_.instructions[k], turns_[k]);
    const std::vector<BufferId> by_turn = in_order_of_birth();
    std::vector<BufferId> shared(plan_.buffers.size(), kNone);
    std::vector<Buffer> buffers;
    std::map<std::tuple<LayoutId, std::string, int, int>, std::vector<std::pair<int, BufferId>>> free_from;  // last turn, buffer
    for (const BufferId id : by_turn) {
      const Life& life = lives_[static_cast<std::size_t>(id)];
      Buffer made = plan_.buffers[static_cast<std::size_t>(id)];
      if (life.one_block && !life.pinned && life.first >= 0) {
        made.block_depth = life.depth;
        made.together = life.together;
      }
      if (life.pinned || life.first < 0) {
        shared[static_cast<std::size_t>(id)] = static_cast<BufferId>(buffers.size());
        buffers.push_back(std::move(made));
        continue;
      }
      auto& candidates = free_from[{made.layout, size_key(made), made.block_depth, made.block_depth == kNone ? kNone : life.scan}];
      const auto unused = std::find_if(candidates.begin(), candidates.end(), [&](const auto& c) { return c.first < life.first; });
      if (unused != candidates.end()) {
        unused->first = life.last;
        shared[static_cast<std::size_t>(id)] = unused->second;
      } else {
        shared[static_cast<std::size_t>(id)] = static_cast<BufferId>(buffers.size());
        candidates.emplace_back(life.last, static_cast<BufferId>(buffers.size()));
        buffers.push_back(std::move(made));
      }
    }
    rename(shared, std::move(buffers));
  }

 private:
  // The scan right around a program, and the first turn of the outermost one.
  struct Around {
    int scan = kNone;
    int outermost_first = kNone;
    std::int32_t together = 1;
  };

  void number(const Program& program, const Around& around) {
    const bool top = around.outermost_first == kNone;
    for (const Segment& segment : program) {
      if (segment.kind == Segment::Kind::kScan) {
        const int first = top ? next_ : around.outermost_first;
        number(segment.body, {scans_++, first, segment.together});
        if (top) close(first);
        continue;
      }
      for (const InstructionId id : segment.instructions) {
        Turn& turn = turns_[static_cast<std::size_t>(id)];
        turn = {next_, around.scan, top ? next_ : around.outermost_first, next_, around.together};
        if (!top) open_.push_back(id);
        ++next_;
      }
    }
  }

  void close(int first) {
    for (const InstructionId id : open_) {
      turns_[static_cast<std::size_t>(id)].first = first;
      turns_[static_cast<std::size_t>(id)].last = next_ - 1;
    }
    open_.clear();
  }

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
    for (const Axis& axis : plan_.axes) pin_value(axis.length);
    pin_value(plan_.loss);
    for (std::size_t k = 0; k < lives_.size(); ++k) lives_[k].pinned = lives_[k].pinned || plan_.buffers[k].taped;
    for (const Instruction& made : plan_.instructions) {
      if (made.once) lives_[static_cast<std::size_t>(made.result())].pinned = true;
    }
  }

  void follow(const Instruction& instruction, const Turn& turn) {
    const bool by_group = instruction.group != kNone || instruction.op == OpCode::kSumTo || instruction.op == OpCode::kSetLengths;
    for (const Result& result : instruction.results) use(result.buffer, instruction, turn, true);
    for (const Operand& operand : instruction.operands) {
      use(operand.buffer, instruction, turn, operand.table == kNone && !by_group);
      for (const BufferId start : operand.starts) use(start, instruction, turn, false);
    }
  }

  // `in_block`: only the rows of the reader's own block.
  void use(BufferId id, const Instruction& instruction, const Turn& turn, bool in_block) {
    if (id == kNone) return;
    Life& life = lives_[static_cast<std::size_t>(id)];
    const bool born = life.first < 0;
    const bool same_rows = instruction.layout == plan_.buffers[static_cast<std::size_t>(id)].layout && instruction.layout != kNone;
    if (born) {
      life.scan = turn.scan;
      life.depth = instruction.depth;
      life.together = turn.together;
    }
    if (!in_block || !same_rows || turn.scan == kNone || turn.scan != life.scan) life.one_block = false;
    // Until it is known to live within one step, a value touched in a scan lives as long as the outermost scan.
    exact_[id].emplace_back(turn.at);
    life.first = born ? turn.first : std::min(life.first, turn.first);
    life.last = std::max(life.last, turn.last);
  }

  std::vector<BufferId> in_order_of_birth() {
    std::vector<BufferId> order;
    for (std::size_t k = 0; k < lives_.size(); ++k) {
      Life& life = lives_[k];
      if (life.one_block && life.first >= 0) {
        const auto [least, most] = std::minmax_element(exact_[static_cast<BufferId>(k)].begin(), exact_[static_cast<BufferId>(k)].end());
        life.first = *least;
        life.last = *most;
      }
      order.push_back(static_cast<BufferId>(k));
    }
    std::stable_sort(order.begin(), order.end(), [&](BufferId a, BufferId b) {
      return lives_[static_cast<std::size_t>(a)].first < lives_[static_cast<std::size_t>(b)].first;
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
  std::vector<Turn> turns_;
  std::map<BufferId, std::vector<int>> exact_;  // turns at which each buffer is used
  std::vector<InstructionId> open_;             // instructions of the outermost scan being numbered
  int next_ = 0;
  int scans_ = 0;
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
