// Where a thread stands in a run: in which shard, where in its scans, and what the instruction there works on: the points of its block,
// rows of operands, the result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "runtime/operands.h"
#include "runtime/shard.h"

namespace tapeloop {

// An instruction as the run needs it.
struct Step {
  const Instruction* instruction = nullptr;
  std::vector<BoundOperand> operands;
  std::int64_t elements = 0;  // of a row of the result
  std::int32_t tile = 1;      // points at a time when an operand must be gathered
  std::size_t program = 0;    // of kPoint: which of the plan's point programs
};

// Neighbouring points of a layout.
struct Range {
  std::int32_t begin = 0, end = 0;
  std::int32_t size() const { return end - begin; }
};

// stride: elements from row to row.
template <class T>
struct ResultRows {
  T* data = nullptr;
  std::int64_t stride = 0;
};

// Which chunk of strips a run is at. added: sums into P have something of other chunks in them.
struct StripNumber {
  AxisId axis = kNone;  // kNone: in no strips
  std::int32_t chunk = 0;
  bool added = false;
};

template <class T>
class Frame {
 public:
  // Checks that the instructions fit their operands' layouts (throws std::logic_error: a defect of the compiler).
  Frame(const Plan& plan, Buffers<T>& whole);

  // Works on this shard from now on, outside all scans, in the same chunk of strips as before.
  void enter(Shard<T>& shard);
  // In that chunk, if any, of whatever shard comes next.
  void go_to(const StripNumber& number) { number_ = number; }
  const StripNumber& strip_number() const { return number_; }
  const Strip& strip() const { return strip_; }
  bool is_in_strips(LayoutId layout) const;  // their axis comes first in it

  const Step& step(InstructionId id) const { return steps_[static_cast<std::size_t>(id)]; }
  std::int32_t block(std::size_t depth) const { return blocks_[depth]; }
  // Steps take turns: which one this is, about, where several blocks are one.
  std::int32_t turn(std::size_t depth) const { return blocks_[depth] / (ends_[depth] - blocks_[depth]); }
  // From now on the run stands, at this depth, in this block, or in this one and the next ones up to `end`.
  void stand_in(std::size_t depth, std::int32_t block) { stand_in(depth, block, block + 1); }
  void stand_in(std::size_t depth, std::int32_t block, std::int32_t end) {
    blocks_[depth] = block;
    ends_[depth] = end;
  }

  // Of the current blocks, or of the chunk of strips if their axis comes first in the layout; one point in P.
  Range points(LayoutId layout, int depth) const;
  Range points(const Step& step) const { return points(step.instruction->layout, step.instruction->depth); }
  Rows<T> read(const Step& step, std::size_t operand, std::int32_t begin, std::int32_t end) {
    return reader_.read(step.operands[operand], step.instruction->depth, begin, end, scratch_[operand].data());
  }
  T* result(const Step& step, std::int32_t point, std::size_t which = 0) {
    const BufferId id = step.instruction->results[which].buffer;
    return whole_.of(id).layout == kNone ? whole_.data(id) : shard_->buffers().row(id, point - reader_.first_row(id));
  }
  // Rows of result `which`, from that of the point on.
  ResultRows<T> result_rows(const Step& step, std::int32_t point, std::size_t which) {
    return {result(step, point, which), whole_.of(step.instruction->results[which].buffer).elements};
  }
  // Calls work(begin, end) with the points of the block, in tiles where an operand has to be gathered.
  template <class Work>
  void in_tiles(const Step& step, Range range, Work work) const {
    bool scattered = false;
    for (const BoundOperand& operand : step.operands) scattered = scattered || reader_.scattered(operand, step.instruction->depth);
    const std::int32_t tile = scattered ? step.tile : std::max(range.size(), 1);
    for (std::int32_t begin = range.begin; begin < range.end; begin += std::min(tile, range.end - begin)) {
      work(begin, begin + std::min(tile, range.end - begin));
    }
  }

  const Plan& plan() const { return plan_; }
  Shard<T>& shard() { return *shard_; }
  const Extents& extents() const { return shard_->extents(); }
  const Tables& tables() const { return shard_->tables(); }
  const OperandReader<T>& reader() const { return reader_; }
  T* scratch(std::size_t operand) { return scratch_[operand].data(); }  // room for a tile of the operand, or for a row of the result
  T* local_scratch() { return local_scratch_.data(); }

 private:
  void bind(const Instruction& instruction);

  const Plan& plan_;
  Buffers<T>& whole_;  // of P
  Shard<T>* shard_ = nullptr;
  std::vector<std::int32_t> blocks_;  // [depth]; block 0 at depth 0 is everything
  std::vector<std::int32_t> ends_;    // [depth]: past the last one that is worked on together
  StripNumber number_;
  Strip strip_;
  OperandReader<T> reader_;
  std::vector<Step> steps_;               // of every instruction of the plan
  std::vector<AlignedArray<T>> scratch_;  // one for each operand of an instruction
  AlignedArray<T> local_scratch_;
  std::size_t programs_ = 0;  // of points, so far
};

extern template class Frame<float>;
extern template class Frame<double>;

}  // namespace tapeloop
