#include "runtime/point_scan.h"

#include <algorithm>
#include <stdexcept>

namespace tapeloop {
namespace {

// The first so many, in the order of the scan.
ScanBlocks take(const ScanBlocks& blocks, std::int32_t count) {
  if (blocks.backwards) return {blocks.end - count, blocks.end, true};
  return {blocks.first, blocks.first + count, false};
}

ScanBlocks rest(const ScanBlocks& blocks, std::int32_t count) {
  if (blocks.backwards) return {blocks.first, blocks.end - count, true};
  return {blocks.first + count, blocks.end, false};
}

}  // namespace

template <class T>
PointScan<T>::PointScan(const PointProgram<T>& program, const Step& step) : program_(program) {
  const Instruction& made = *step.instruction;
  if (!made.one_pass) return;
  if (program_.is_stretched() || made.layout == kNone) throw std::logic_error("'" + made.text + "' cannot be done in one pass");
  for (const Operand& operand : made.operands) {
    const auto own = [&](const Result& result) { return result.buffer != kNone && result.buffer == operand.buffer; };
    carried_.push_back(operand.table != kNone && std::any_of(made.results.begin(), made.results.end(), own));
  }
  const auto first_of = [&](When when) {
    const auto at = std::find_if(made.program.begin(), made.program.end(), [&](const PointOp& op) { return op.when >= when; });
    return static_cast<std::size_t>(at - made.program.begin());
  };
  first_step_ = first_of(When::kStep);
  linked_ = !made.chain.empty();
  if (!linked_) return;
  const std::vector<std::int32_t>& inputs = made.program[first_step_].inputs;
  tapped_ = static_cast<std::size_t>(inputs[0] == made.chain[0].known ? inputs[1] : inputs[0]);
  linked_ = step.operands[tapped_].stride == step.operands[tapped_].elements;
  for (std::size_t k = first_step_; k < first_of(When::kAfter); ++k) {
    linked_ = linked_ && program_.is_wide(made.operands.size() + k);
    const auto reads = [&](const PointOp& op) {
      const auto reg = static_cast<std::int32_t>(made.operands.size() + k);
      return op.when == When::kAfter && std::find(op.inputs.begin(), op.inputs.end(), reg) != op.inputs.end();
    };
    chain_read_.push_back(made.results[k].buffer != kNone || std::any_of(made.program.begin(), made.program.end(), reads));
  }
}

template <class T>
void PointScan<T>::run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch, const ScanBlocks& blocks) const {
  const auto depth = static_cast<std::size_t>(step.instruction->depth);
  const std::vector<std::int32_t>& start = frame.extents().layout(step.instruction->layout).start[depth];
  const auto points = [&](const ScanBlocks& some) {
    return Range{start[static_cast<std::size_t>(some.first)], start[static_cast<std::size_t>(some.end)]};
  };
  ScanBlocks left = blocks;
  while (left.size() > 0) {
    std::int32_t count = 1;
    while (count < left.size() && points(take(left, count + 1)).size() <= program_.tile_rows()) ++count;
    const ScanBlocks next = take(left, count);
    left = rest(left, count);
    const Range range = points(next);
    if (range.size() > program_.tile_rows()) {
      frame.stand_in(depth, next.first);
      program_.run(frame, step, scratch);
    } else if (range.size() > 0 && program_.width() > 0) {
      run_tile({frame, step, scratch, start, range}, next);
    }
  }
}

template <class T>
void PointScan<T>::run_tile(const Work& work, const ScanBlocks& blocks) const {
  place(work);
  const Range all = work.in_tile(work.points);
  program_.execute(When::kBefore, all, work.frame, work.scratch);
  ScanBlocks left = blocks;
  while (left.size() > 0) {
    const std::int32_t linked = linked_steps(work, left);
    const ScanBlocks next = take(left, std::max(linked, 1));
    if (linked == 0 || !run_linked(work, next)) {
      for (std::int32_t k = 0; k < next.size(); ++k) run_step(work, next.nth(k));
    }
    left = rest(left, next.size());
  }
  program_.execute(When::kAfter, all, work.frame, work.scratch);
}

// All registers but those of the taps.
template <class T>
void PointScan<T>::place(const Work& work) const {
  using Place = typename RegisterRows<T>::Place;
  program_.place_results(work.frame, work.step, work.points.begin, work.scratch);
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    const BoundOperand& operand = work.step.operands[k];
    if (carried_[k]) continue;
    if (operand.table == kNone) {
      program_.place_operand(work.frame, work.step, k, work.points, work.scratch);
      continue;
    }
    T* out = work.frame.scratch(k);
    work.scratch.registers[k] = {out, operand.elements, Place::kGathered, program_.is_wide(k)};
    for (std::int32_t point = work.points.begin; point < work.points.end; ++point, out += operand.elements) {
      work.frame.reader().copy(operand, point, out);
    }
  }
}

template <class T>
void PointScan<T>::run_step(const Work& work, std::int32_t block) const {
  using Place = typename RegisterRows<T>::Place;
  const Range range = work.of(block);
  if (range.size() == 0) return;
  const int depth = work.step.instruction->depth;
  work.frame.stand_in(static_cast<std::size_t>(depth), block);
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    if (!carried_[k]) continue;
    const bool gathered = program_.place_operand(work.frame, work.step, k, range, work.scratch);
    RegisterRows<T>& rows = work.scratch.registers[k];
    if (gathered) work.frame.reader().gather(work.step.operands[k], depth, range.begin, range.end, rows.data);
    rows.place = Place::kStep;
  }
  program_.execute(When::kStep, work.in_tile(range), work.frame, work.scratch);
}

// How many steps, from the first one on, have the same rows and read the result of the step before, row by row; the first one may
// read any neighbouring rows. 0: not even that.
template <class T>
std::int32_t PointScan<T>::linked_steps(const Work& work, const ScanBlocks& blocks) const {
  if (!linked_) return 0;
  const std::vector<TableBlock>& reads = work.frame.tables().table(work.step.operands[tapped_].table).blocks;
  const std::int32_t rows = work.of(blocks.nth(0)).size();
  std::int32_t steps = 0;
  for (; steps < blocks.size(); ++steps) {
    const TableBlock& read = reads[static_cast<std::size_t>(blocks.nth(steps))];
    if (read.kind != TableBlock::Kind::kRun || read.source != 0) break;
    if (steps == 0) continue;
    if (work.of(blocks.nth(steps)).size() != rows || read.first != work.of(blocks.nth(steps - 1)).begin) break;
  }
  return steps;
}

// REQUIRES: these steps are linked. False: nothing has been done.
template <class T>
bool PointScan<T>::run_linked(const Work& work, const ScanBlocks& blocks) const {
  const Instruction& made = *work.step.instruction;
  const std::int64_t direction = blocks.backwards ? -1 : 1;
  const Range range = work.of(blocks.nth(0));
  if (range.size() == 0) return true;
  const Range rows = work.in_tile(range);
  ChainCall<T> call;
  call.steps = blocks.size();
  call.n = range.size() * program_.width();
  call.links = made.chain.size();
  work.frame.stand_in(static_cast<std::size_t>(made.depth), blocks.nth(0));
  call.before = work.frame.read(work.step, tapped_, range.begin, range.end).data;
  for (std::size_t k = 0; k < call.links; ++k) {
    call.forms[k] = static_cast<int>(made.chain[k].form);
    if (!known(work, k, rows, direction, call.known[k])) return false;
    call.out_step[k] = direction * call.n;
    if (!chain_read_[k]) continue;
    const RegisterRows<T>& result = work.scratch.registers[made.operands.size() + first_step_ + k];
    if (result.stride != program_.width()) return false;
    call.out[k] = result.at(rows.begin);
  }
  run_chain(call);
  return true;
}

// False: its numbers do not lie as the kernel wants them.
template <class T>
bool PointScan<T>::known(const Work& work, std::size_t link, Range rows, std::int64_t direction, ChainKnown<T>& known) const {
  using Place = typename RegisterRows<T>::Place;
  const RegisterRows<T>& from = work.scratch.registers[static_cast<std::size_t>(work.step.instruction->chain[link].known)];
  const bool one_row = rows.size() == 1;
  known.data = from.at(rows.begin);
  known.each = from.wide;
  known.step = from.place == Place::kRepeated ? 0 : direction * rows.size() * from.stride;
  return one_row || (from.wide ? from.stride == program_.width() : from.stride == 0);
}

template class PointScan<float>;
template class PointScan<double>;

}  // namespace tapeloop
