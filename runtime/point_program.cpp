#include "runtime/point_program.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/point_op.h"

namespace tapeloop {
namespace {

constexpr std::size_t kMostDims = 16;
constexpr std::int64_t kLongRow = 64;  // elements from which on a row is worth a loop of its own

// out [rows, n] = the rows, one after the other; `repeat`: of each row the first number n times.
template <class T>
void lay_out(const T* from, std::int64_t stride, bool repeat, std::int64_t rows, std::int64_t n, T* out) {
  for (std::int64_t row = 0; row < rows; ++row, from += stride, out += n) {
    for (std::int64_t k = 0; k < n; ++k) out[k] = from[repeat ? 0 : k];
  }
}

template <class T>
void copy_out(const T* from, std::int64_t rows, std::int64_t n, T* to, std::int64_t stride) {
  for (std::int64_t row = 0; row < rows; ++row, from += n, to += stride) std::copy_n(from, n, to);
}

// One point of an op whose operands stretch within it: line by line along the innermost dimension.
template <class T>
void stretched_point(const PointBodies<T>& bodies, const PointLoop& loop, const std::array<const T*, kMostPointInputs>& in,
                     std::size_t operands, T* out) {
  std::array<const T*, kMostPointInputs> line = in;
  std::array<std::uint8_t, kMostPointInputs> step{};
  std::array<std::int64_t, kMostDims> at{};
  const std::size_t rank = loop.dims.size();
  const std::int64_t length = rank == 0 ? 1 : loop.dims[rank - 1];
  for (std::size_t k = 0; k < operands; ++k) step[k] = rank == 0 ? 0 : static_cast<std::uint8_t>(loop.strides[k][rank - 1]);
  if (std::any_of(loop.dims.begin(), loop.dims.end(), [](std::int64_t dim) { return dim == 0; })) return;
  while (true) {
    run_op<T>(bodies, operands, line.data(), step.data(), nullptr, out, 0, 1, static_cast<std::size_t>(length));
    out += length;
    std::size_t d = rank < 2 ? 0 : rank - 1;  // carries into the dimensions outside the innermost
    while (d > 0) {
      const std::size_t outer = d - 1;
      for (std::size_t k = 0; k < operands; ++k) line[k] += loop.strides[k][outer];
      if (++at[outer] < loop.dims[outer]) break;
      for (std::size_t k = 0; k < operands; ++k) line[k] -= loop.strides[k][outer] * loop.dims[outer];
      at[outer] = 0;
      d = outer;
    }
    if (d == 0) return;
  }
}

}  // namespace

template <class T>
PointProgram<T>::PointProgram(const Plan& plan, const Step& step) : instruction_(step.instruction) {
  const Instruction& made = *instruction_;
  operands_ = made.operands.size();
  std::vector<std::int64_t> elements_of;  // [register]
  for (const BoundOperand& operand : step.operands) elements_of.push_back(operand.elements);
  for (const PointOp& op : made.program) elements_of.push_back(elements(plan.value(op.node).shape));
  elements_ = *std::max_element(elements_of.begin(), elements_of.end());
  for (std::size_t k = 0; k < made.program.size(); ++k) {
    const std::size_t most = op(k).kind->role == Role::kLocal ? kMostLocalInputs : kMostPointInputs;
    if (op(k).inputs.size() > most) throw std::logic_error("'" + op(k).text + "' has too many operands");
    if (op(k).kind->role != Role::kLocal) runner_ = op(k).kind->point.template of<T>().run;  // the same of all
  }
  for (const std::int64_t count : elements_of) wide_.push_back(count == elements_);
  stretched_ = std::any_of(elements_of.begin(), elements_of.end(), [&](std::int64_t n) { return n != 1 && n != elements_; });
  if (stretched_ && (made.program.size() > 1 || made.loop.dims.size() > kMostDims))
    throw std::logic_error("'" + made.text + "' cannot stretch");
  stretches_ = point_stretches<T>(made, wide_);
  for (std::size_t k = 0; k < made.program.size(); ++k) {
    if (in_memory(k) || stretches_.tile[k] != kNone) placed_.push_back(k);
  }
  rows_ = std::clamp<std::int64_t>(kPointTile<T> / std::max<std::int64_t>(elements_, 1), 1, step.tile);
  // Tiles a multiple of 4096 bytes apart would get in each other's way in the cache.
  pitch_ = rows_ * elements_ + 128 / static_cast<std::int64_t>(sizeof(T));
}

template <class T>
void PointProgram<T>::make_ready(PointScratch<T>& scratch) const {
  std::size_t uses = 0;
  bool short_rows = elements_ < kLongRow;
  for (const PointStretch& stretch : stretches_.all) {
    uses = std::max(uses, stretch.uses.size());
    short_rows = short_rows || !stretch.wide;
  }
  scratch.registers.resize(std::max(scratch.registers.size(), operands_ + instruction_->program.size()));
  scratch.of_code.resize(std::max(scratch.of_code.size(), uses));
  scratch.blocks.grow(uses * kPointBlockBytes / sizeof(T));
  // After the tiles there is room for what is laid out anew: results of kernels, and short rows.
  scratch.tiles.grow((static_cast<std::size_t>(stretches_.tiles) + 1 + (short_rows ? uses : 0)) * static_cast<std::size_t>(pitch_));
}

template <class T>
void PointProgram<T>::run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch) const {
  const Range range = frame.points(step);
  if (range.size() <= 0 || elements_ == 0) return;
  if (stretched_) return stretched(frame, step);
  const bool gathered = place_operands(frame, step, range, scratch);
  place_results(frame, step, range.begin, scratch);
  const PointStretch& first = stretches_.all.front();
  const bool at_once = !gathered && stretches_.all.size() == 1 && elements_ >= kLongRow && first.wide && !first.local;
  for (std::int32_t begin = range.begin; begin < range.end;) {
    const std::int64_t rows = at_once ? range.size() : std::min<std::int64_t>(rows_, range.end - begin);
    const auto end = static_cast<std::int32_t>(begin + rows);
    if (gathered) gather(frame, step, begin, end, scratch);
    for (const PointStretch& stretch : stretches_.all) execute(stretch, {0, static_cast<std::int32_t>(rows)}, frame, scratch);
    begin = end;
    if (begin < range.end) next_tile(rows, scratch);
  }
}

// True if an operand is to be gathered for each tile.
template <class T>
bool PointProgram<T>::place_operands(Frame<T>& frame, const Step& step, Range range, PointScratch<T>& scratch) const {
  bool gathered = false;
  for (std::size_t k = 0; k < operands_; ++k) gathered = place_operand(frame, step, k, range, scratch) || gathered;
  return gathered;
}

template <class T>
bool PointProgram<T>::place_operand(Frame<T>& frame, const Step& step, std::size_t k, Range range, PointScratch<T>& scratch) const {
  using Place = typename RegisterRows<T>::Place;
  const BoundOperand& operand = step.operands[k];
  RegisterRows<T>& rows = scratch.registers[k];
  if (frame.reader().scattered(operand, step.instruction->depth)) {
    rows = {frame.scratch(k), operand.elements, Place::kGathered, wide_[k]};
    return true;
  }
  const Rows<T> read = frame.read(step, k, range.begin, range.end);
  rows = {const_cast<T*>(read.data), read.stride, Place::kMemory, wide_[k]};
  // A short row that all points read is laid out once for all tiles.
  if (rows.wide && rows.stride == 0 && elements_ < kLongRow && range.size() > 1) {
    lay_out<T>(rows.data, 0, false, std::min<std::int64_t>(rows_, range.size()), elements_, frame.scratch(k));
    rows = {frame.scratch(k), elements_, Place::kRepeated, true};
  }
  return false;
}

template <class T>
void PointProgram<T>::place_results(Frame<T>& frame, const Step& step, std::int32_t begin, PointScratch<T>& scratch) const {
  using Place = typename RegisterRows<T>::Place;
  for (const std::size_t k : placed_) {
    RegisterRows<T>& rows = scratch.registers[operands_ + k];
    if (in_memory(k)) {
      const ResultRows<T> result = frame.result_rows(step, begin, k);
      rows = {result.data, result.stride, Place::kMemory, wide_[operands_ + k]};
    } else {
      rows = {tile(scratch, stretches_.tile[k]), wide_[operands_ + k] ? elements_ : 1, Place::kTile, wide_[operands_ + k]};
    }
  }
}

template <class T>
void PointProgram<T>::gather(Frame<T>& frame, const Step& step, std::int32_t begin, std::int32_t end, PointScratch<T>& scratch) const {
  for (std::size_t k = 0; k < operands_; ++k) {
    if (scratch.registers[k].place != RegisterRows<T>::Place::kGathered) continue;
    frame.reader().gather(step.operands[k], step.instruction->depth, begin, end, scratch.registers[k].data);
  }
}

template <class T>
void PointProgram<T>::next_tile(std::int64_t rows, PointScratch<T>& scratch) const {
  const auto advance = [&](RegisterRows<T>& at) {
    if (at.place == RegisterRows<T>::Place::kMemory) at.data += rows * at.stride;
  };
  for (std::size_t k = 0; k < operands_; ++k) advance(scratch.registers[k]);
  for (const std::size_t k : placed_) advance(scratch.registers[operands_ + k]);
}

template <class T>
void PointProgram<T>::execute(When when, Range rows, Frame<T>& frame, PointScratch<T>& scratch) const {
  for (const PointStretch& stretch : stretches_.all) {
    if (stretch.when == when) execute(stretch, rows, frame, scratch);
  }
}

template <class T>
void PointProgram<T>::execute(const PointStretch& stretch, Range rows, Frame<T>& frame, PointScratch<T>& scratch) const {
  if (stretch.local) return execute_local(stretch.ops.front(), rows, frame, scratch);
  execute_code(stretch, rows, scratch);
}

// Over all rows at once if the numbers of every register follow each other, else row by row; short rows are laid out anew first.
template <class T>
void PointProgram<T>::execute_code(const PointStretch& stretch, Range range, PointScratch<T>& scratch) const {
  using Place = typename PointRegister<T>::Place;
  const std::int64_t rows = range.size();
  const std::int64_t n = stretch.wide ? elements_ : 1;
  const auto run = [&](const std::vector<PointCode>& code, std::int64_t count, std::int64_t width) {
    runner_(code.data(), scratch.of_code.data(), stretch.uses.size(), scratch.blocks.data(), static_cast<std::size_t>(count),
            static_cast<std::size_t>(width));
  };
  bool flat = true;
  for (std::size_t k = 0; k < stretch.uses.size(); ++k) {
    if (stretch.uses[k].id == kNone) {
      scratch.of_code[k] = {nullptr, 0, Place::kBlock};
      continue;
    }
    const RegisterRows<T>& at = scratch.registers[static_cast<std::size_t>(stretch.uses[k].id)];
    const bool number = at.wide != stretch.wide;
    scratch.of_code[k] = {at.at(range.begin), at.stride, number ? Place::kNumber : Place::kRow};
    flat = flat && at.stride == (number ? 0 : n);
  }
  if (flat || rows == 1) return run(stretch.code, 1, rows * n);
  if (n >= kLongRow) return run(stretch.code, rows, n);
  for (std::size_t k = 0; k < stretch.uses.size(); ++k) {
    PointRegister<T>& to = scratch.of_code[k];
    if (to.place == Place::kBlock || (to.place == Place::kRow && to.stride == n)) continue;
    T* anew = tile(scratch, stretches_.tiles + 1 + static_cast<std::int64_t>(k));
    if (to.place == Place::kNumber && to.stride == 0) {  // the same in all rows: a block of it is read again and again
      std::fill_n(anew, std::min<std::int64_t>(rows * n, kPointBlockBytes / sizeof(T)), *to.data);
      to = {anew, 0, Place::kNumber};
      continue;
    }
    if (!stretch.uses[k].made) lay_out<T>(to.data, to.stride, to.place == Place::kNumber, rows, n, anew);
    to = {anew, n, Place::kRow};
  }
  run(stretch.laid_out, 1, rows * n);
  for (std::size_t k = 0; k < stretch.uses.size(); ++k) {
    if (!stretch.uses[k].made || stretch.uses[k].id == kNone) continue;
    const RegisterRows<T>& at = scratch.registers[static_cast<std::size_t>(stretch.uses[k].id)];
    T* to = at.at(range.begin);
    if (to != scratch.of_code[k].data) copy_out<T>(scratch.of_code[k].data, rows, n, to, at.stride);
  }
}

template <class T>
void PointProgram<T>::execute_local(std::size_t number, Range range, Frame<T>& frame, PointScratch<T>& scratch) const {
  const RegisterRows<T>& result = scratch.registers[operands_ + number];
  const std::int64_t n = wide_[operands_ + number] ? elements_ : 1;
  std::array<const T*, kMostLocalInputs> in{};
  std::array<std::int64_t, kMostLocalInputs> stride{};
  for (std::size_t k = 0; k < op(number).inputs.size(); ++k) {
    const RegisterRows<T>& at = scratch.registers[static_cast<std::size_t>(op(number).inputs[k])];
    in[k] = at.at(range.begin);
    stride[k] = at.stride;
  }
  T* out = result.at(range.begin);
  const bool flat = range.size() == 1 || result.stride == n;
  LocalCall<T> call;
  call.points = range.size();
  call.in = in.data();
  call.in_stride = stride.data();
  call.out = flat ? out : tile(scratch, stretches_.tiles);
  call.params = op(number).local.numbers.data();
  call.scratch = frame.local_scratch();
  op(number).kind->local.template of<T>()(call);
  if (!flat) copy_out<T>(call.out, call.points, n, out, result.stride);
}

template <class T>
void PointProgram<T>::stretched(Frame<T>& frame, const Step& step) const {
  const Instruction& made = *step.instruction;
  const PointBodies<T>& bodies = op(0).kind->point.template of<T>();
  frame.in_tiles(step, frame.points(step), [&](std::int32_t begin, std::int32_t end) {
    std::array<const T*, kMostPointInputs> in{};
    std::array<std::int64_t, kMostPointInputs> stride{};
    for (std::size_t k = 0; k < operands_; ++k) {
      const Rows<T> rows = frame.read(step, k, begin, end);
      in[k] = rows.data;
      stride[k] = rows.stride;
    }
    ResultRows<T> result = frame.result_rows(step, begin, 0);
    for (std::int32_t point = begin; point < end; ++point, result.data += result.stride) {
      stretched_point(bodies, made.loop, in, operands_, result.data);
      for (std::size_t k = 0; k < operands_; ++k) in[k] += stride[k];
    }
  });
}

template class PointProgram<float>;
template class PointProgram<double>;

}  // namespace tapeloop
