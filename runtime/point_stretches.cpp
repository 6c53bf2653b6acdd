#include "runtime/point_stretches.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/kind.h"

namespace tapeloop {
namespace {

template <class T>
class Stretching {
 public:
  Stretching(const Instruction& instruction, const std::vector<bool>& wide)
      : instruction_(instruction), wide_(wide), operands_(instruction.operands.size()), stretch_of_(ops(), 0) {
    made_.tile.assign(ops(), kNone);
  }

  PointStretches run() {
    cut_into_stretches();
    give_tiles();
    for (PointStretch& stretch : made_.all) {
      if (!stretch.local) write_code(stretch);
    }
    return std::move(made_);
  }

 private:
  std::size_t ops() const { return instruction_.program.size(); }
  const PointOp& op(std::size_t number) const { return instruction_.program[number]; }
  bool in_memory(std::size_t number) const { return instruction_.results[number].buffer != kNone; }

  // What is before the step, in it, after it. As few stretches as there may be, and in them every op right after one that it reads, if it
  // can be: then its operand is there.
  void cut_into_stretches() {
    std::vector<bool> done(ops(), false);
    const auto made_by = [&](std::int32_t input) { return static_cast<std::size_t>(input) - operands_; };
    const auto from_op = [&](std::int32_t input) { return static_cast<std::size_t>(input) >= operands_; };
    const auto ready = [&](std::size_t k) {
      return !done[k] && std::all_of(op(k).inputs.begin(), op(k).inputs.end(),
                                     [&](std::int32_t input) { return !from_op(input) || done[made_by(input)]; });
    };
    const auto fits = [&](std::size_t k, const PointStretch& stretch) {
      return !stretch.local && op(k).kind->role != Role::kLocal && wide_[operands_ + k] == stretch.wide && op(k).when == stretch.when;
    };
    const auto reads_last = [&](std::size_t k, const PointStretch& stretch) {
      const auto last = static_cast<std::int32_t>(operands_ + stretch.ops.back());
      return std::find(op(k).inputs.begin(), op(k).inputs.end(), last) != op(k).inputs.end();
    };
    // What is narrow first, for what is wide may read it; kernels of their own last, for they may read both.
    const auto worth = [&](std::size_t k) {
      int points = -100 * static_cast<int>(op(k).when);
      points += op(k).kind->role == Role::kLocal ? 0 : wide_[operands_ + k] ? 1 : 2;
      if (!made_.all.empty() && fits(k, made_.all.back())) points += reads_last(k, made_.all.back()) ? 20 : 10;
      return points;
    };
    for (std::size_t count = 0; count < ops(); ++count) {
      std::size_t next = ops();
      for (std::size_t k = 0; k < ops(); ++k) {
        if (ready(k) && (next == ops() || worth(k) > worth(next))) next = k;
      }
      if (made_.all.empty() || !fits(next, made_.all.back())) {
        made_.all.emplace_back();
        made_.all.back().when = op(next).when;
        made_.all.back().wide = wide_[operands_ + next];
        made_.all.back().local = op(next).kind->role == Role::kLocal;
      }
      made_.all.back().ops.push_back(next);
      stretch_of_[next] = made_.all.size() - 1;
      done[next] = true;
    }
  }

  // A result that another stretch reads has a tile until the last of them is done.
  void give_tiles() {
    std::vector<std::size_t> last(ops(), 0);  // stretch that reads the result of each op last
    for (std::size_t k = 0; k < ops(); ++k) {
      for (const std::int32_t input : op(k).inputs) {
        if (static_cast<std::size_t>(input) < operands_) continue;
        std::size_t& by = last[static_cast<std::size_t>(input) - operands_];
        by = std::max(by, stretch_of_[k]);
      }
    }
    std::vector<std::int32_t> free;
    std::vector<std::int32_t> after_steps;  // of a program in one pass: a step may not write what a later step is still to read
    for (std::size_t at = 0; at < made_.all.size(); ++at) {
      const bool step = instruction_.one_pass && made_.all[at].when == When::kStep;
      if (!step) {
        free.insert(free.end(), after_steps.begin(), after_steps.end());
        after_steps.clear();
      }
      for (const std::size_t k : made_.all[at].ops) {
        if (in_memory(k) || (last[k] <= at && !made_.all[at].local)) continue;
        if (free.empty()) free.push_back(static_cast<std::int32_t>(made_.tiles++));
        made_.tile[k] = free.back();
        free.pop_back();
      }
      for (std::size_t k = 0; k < ops(); ++k) {
        const bool done = made_.tile[k] != kNone && stretch_of_[k] <= at && std::max(last[k], stretch_of_[k]) == at;
        if (done) (step ? after_steps : free).push_back(made_.tile[k]);
      }
    }
  }

  // Results of the stretch that stay in the processor's registers from where they are made to where they are last read: one at a time,
  // those that are read most often.
  std::vector<bool> held_results(const PointStretch& stretch) const {
    struct Life {
      std::size_t made = 0, last = 0;
      int reads = 0;  // but for those of the next op
      std::size_t op = 0;
    };
    std::vector<Life> lives;
    for (std::size_t at = 0; at < stretch.ops.size(); ++at) {
      Life life{at, at, 0, stretch.ops[at]};
      for (std::size_t later = at + 2; later < stretch.ops.size(); ++later) {
        const std::vector<std::int32_t>& inputs = op(stretch.ops[later]).inputs;
        const auto reads = std::count(inputs.begin(), inputs.end(), static_cast<std::int32_t>(operands_ + life.op));
        if (reads > 0) life.last = later;
        life.reads += static_cast<int>(reads);
      }
      if (life.reads > 0) lives.push_back(life);
    }
    std::stable_sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.reads > b.reads; });
    std::vector<bool> held(ops(), false);
    std::vector<Life> taken;
    for (const Life& life : lives) {
      const auto apart = [&](const Life& other) { return life.last <= other.made || other.last <= life.made; };
      if (!std::all_of(taken.begin(), taken.end(), apart)) continue;
      taken.push_back(life);
      held[life.op] = true;
    }
    return held;
  }

  void write_code(PointStretch& stretch) const {
    const std::vector<bool> held = held_results(stretch);
    std::vector<std::int32_t> place(operands_ + ops(), kNone);  // [register of the program]: register of the code
    std::vector<int> readers(ops(), 0);                         // ops that read the block of a result, and are yet to come
    std::vector<std::int32_t> free;                             // registers that are blocks
    const auto add_use = [&](std::int32_t id, bool made) {
      stretch.uses.push_back({id, made});
      return static_cast<std::int32_t>(stretch.uses.size()) - 1;
    };
    const auto source_of = [&](std::size_t input, std::size_t at) {
      const bool made_here = input >= operands_ && stretch_of_[input - operands_] == stretch_of_[stretch.ops[at]];
      if (made_here && at > 0 && stretch.ops[at - 1] == input - operands_) return PointSource::kLast;
      if (made_here && held[input - operands_]) return PointSource::kHeld;
      return wide_[input] == stretch.wide ? PointSource::kRow : PointSource::kNumber;
    };
    for (std::size_t at = 0; at < stretch.ops.size(); ++at) {
      for (const std::int32_t input : op(stretch.ops[at]).inputs) {
        const auto from = static_cast<std::size_t>(input);
        if (from >= operands_ && source_of(from, at) == PointSource::kRow) ++readers[from - operands_];
      }
    }
    for (std::size_t at = 0; at < stretch.ops.size(); ++at) {
      const std::size_t k = stretch.ops[at];
      const PointBodies<T>& bodies = op(k).kind->point.template of<T>();
      PointCode code;
      code.block = bodies.block;
      code.rest = bodies.rest;
      for (std::size_t n = 0; n < op(k).inputs.size(); ++n) {
        const auto input = static_cast<std::size_t>(op(k).inputs[n]);
        code.source[n] = source_of(input, at);
        if (code.source[n] == PointSource::kLast || code.source[n] == PointSource::kHeld) continue;
        if (place[input] == kNone) place[input] = add_use(static_cast<std::int32_t>(input), false);
        code.in[n] = static_cast<std::uint8_t>(place[input]);
        const bool block = stretch.uses[static_cast<std::size_t>(place[input])].id == kNone;
        if (block && --readers[input - operands_] == 0) free.push_back(place[input]);
      }
      const bool stays = in_memory(k) || made_.tile[k] != kNone;
      code.hold = held[k];
      code.keep = stays || readers[k] > 0;
      if (stays) {
        code.out = static_cast<std::uint8_t>(place[operands_ + k] = add_use(static_cast<std::int32_t>(operands_ + k), true));
      } else if (code.keep) {
        if (free.empty()) free.push_back(add_use(kNone, true));
        code.out = static_cast<std::uint8_t>(place[operands_ + k] = free.back());
        free.pop_back();
      }
      stretch.code.push_back(code);
    }
    stretch.code.emplace_back();
    stretch.laid_out = stretch.code;
    for (PointCode& code : stretch.laid_out) {
      for (PointSource& source : code.source) source = source == PointSource::kNumber ? PointSource::kRow : source;
    }
    if (stretch.uses.size() > kMostPointRegisters) throw std::logic_error("'" + instruction_.text + "' has too many registers");
  }

  const Instruction& instruction_;
  const std::vector<bool>& wide_;  // [register]
  const std::size_t operands_;
  std::vector<std::size_t> stretch_of_;  // [op]
  PointStretches made_;
};

}  // namespace

template <class T>
PointStretches point_stretches(const Instruction& instruction, const std::vector<bool>& wide) {
  return Stretching<T>(instruction, wide).run();
}

template PointStretches point_stretches<float>(const Instruction& instruction, const std::vector<bool>& wide);
template PointStretches point_stretches<double>(const Instruction& instruction, const std::vector<bool>& wide);

}  // namespace tapeloop
