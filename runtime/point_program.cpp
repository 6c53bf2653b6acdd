#include "runtime/point_program.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace tapeloop {
namespace {

constexpr std::size_t kMostInputs = 3;  // of a point kind
constexpr std::size_t kMostDims = 16;
constexpr std::int64_t kFlat = kMostInputs + 1;  // tiles for inputs and a result that are laid out anew
constexpr std::int64_t kLongRow = 64;            // elements from which on a row is worth a loop of its own

// out [rows, n] = the rows, one after the other; a narrow register's number n times.
template <class T>
void flatten(const RegisterRows<T>& from, const T* data, bool repeat, std::int64_t rows, std::int64_t n, T* out) {
  for (std::int64_t row = 0; row < rows; ++row, data += from.stride, out += n) {
    for (std::int64_t k = 0; k < n; ++k) out[k] = data[repeat ? 0 : k];
  }
}

template <class T>
void copy_out(const T* from, std::int64_t rows, std::int64_t n, T* to, std::int64_t stride) {
  for (std::int64_t row = 0; row < rows; ++row, from += n, to += stride) std::copy_n(from, n, to);
}

// One point of an op whose operands stretch within it: a kernel call for each line along the innermost dimension.
template <class T>
void stretched_point(PointFunction<T> kernel, const PointLoop& loop, const std::array<const T*, kMostInputs>& in, std::size_t operands,
                     T* out) {
  std::array<const T*, kMostInputs> line = in;
  std::array<std::uint8_t, kMostInputs> step{};
  std::array<std::int64_t, kMostDims> at{};
  const std::size_t rank = loop.dims.size();
  const std::int64_t length = rank == 0 ? 1 : loop.dims[rank - 1];
  for (std::size_t k = 0; k < operands; ++k) step[k] = rank == 0 ? 0 : static_cast<std::uint8_t>(loop.strides[k][rank - 1]);
  if (std::any_of(loop.dims.begin(), loop.dims.end(), [](std::int64_t dim) { return dim == 0; })) return;
  while (true) {
    kernel(line.data(), step.data(), nullptr, out, 0, 1, static_cast<std::size_t>(length));
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
PointProgram<T>::PointProgram(const Plan& plan, const Step& step) {
  const Instruction& made = *step.instruction;
  operands_ = made.operands.size();
  std::vector<std::int64_t> elements_of;  // [register]
  for (const BoundOperand& operand : step.operands) elements_of.push_back(operand.elements);
  for (const PointOp& op : made.program) elements_of.push_back(elements(plan.value(op.node).shape));
  elements_ = *std::max_element(elements_of.begin(), elements_of.end());
  bool whole_rows = false;
  for (std::size_t k = 0; k < made.program.size(); ++k) {
    const PointOp& op = made.program[k];
    const bool local = op.kind->role == Role::kLocal;
    whole_rows = whole_rows || local;
    if (op.inputs.size() > (local ? kMostLocalInputs : kMostInputs)) throw std::logic_error("'" + op.text + "' has too many operands");
    ops_.push_back({local ? nullptr : op.kind->point.template of<T>(), local ? op.kind->local.template of<T>() : nullptr, &op,
                    elements_of[operands_ + k] == elements_, kNone});
  }
  stretched_ = std::any_of(elements_of.begin(), elements_of.end(), [&](std::int64_t n) { return n != 1 && n != elements_; });
  if (stretched_ && (ops_.size() > 1 || made.loop.dims.size() > kMostDims)) throw std::logic_error("'" + made.text + "' cannot stretch");
  columns_ = whole_rows ? elements_ : std::min(elements_, kPointTile<T>);
  rows_ = std::clamp<std::int64_t>(kPointTile<T> / std::max<std::int64_t>(elements_, 1), 1, step.tile);
  // Tiles a multiple of 4096 bytes apart would get in each other's way in the cache.
  pitch_ = rows_ * columns_ + 128 / static_cast<std::int64_t>(sizeof(T));
  assign_slots(step);
}

// A tile is free again after the last op that reads it, for that op's own result too if the op works in place.
template <class T>
void PointProgram<T>::assign_slots(const Step& step) {
  const Instruction& made = *step.instruction;
  std::vector<std::size_t> last(ops_.size(), 0);  // op that reads the result of each op last
  for (std::size_t k = 0; k < ops_.size(); ++k) {
    for (const std::int32_t input : made.program[k].inputs) {
      if (static_cast<std::size_t>(input) >= operands_) last[static_cast<std::size_t>(input) - operands_] = k;
    }
  }
  std::vector<std::int32_t> free;
  std::vector<std::int32_t> after_steps;  // of a program in one pass: a step may not write what a later step is still to read
  const auto release = [&](std::size_t k) {
    const bool wait = made.one_pass && made.program[k].when == When::kStep;
    for (std::size_t made_by = 0; made_by < k; ++made_by) {
      if (last[made_by] == k && ops_[made_by].slot != kNone) (wait ? after_steps : free).push_back(ops_[made_by].slot);
    }
  };
  for (std::size_t k = 0; k < ops_.size(); ++k) {
    if (made.program[k].when == When::kAfter) {
      free.insert(free.end(), after_steps.begin(), after_steps.end());
      after_steps.clear();
    }
    const auto same_width = [&](std::int32_t input) {
      return static_cast<std::size_t>(input) < operands_ || ops_[static_cast<std::size_t>(input) - operands_].wide == ops_[k].wide;
    };
    const std::vector<std::int32_t>& inputs = made.program[k].inputs;
    const bool in_place = ops_[k].point && std::all_of(inputs.begin(), inputs.end(), same_width);
    if (in_place) release(k);
    if (made.results[k].buffer == kNone) {
      if (free.empty()) free.push_back(static_cast<std::int32_t>(slots_++));
      ops_[k].slot = free.back();
      free.pop_back();
    }
    if (!in_place) release(k);
  }
}

template <class T>
void PointProgram<T>::make_ready(PointScratch<T>& scratch) const {
  scratch.registers.resize(std::max(scratch.registers.size(), operands_ + ops_.size()));
  scratch.tiles.grow(static_cast<std::size_t>((slots_ + kFlat) * pitch_));
}

template <class T>
void PointProgram<T>::run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch) const {
  const Range range = frame.points(step);
  if (range.size() <= 0 || elements_ == 0) return;
  if (stretched_) return stretched(frame, step);
  place_operands(frame, step, range, scratch);
  place_results(frame, step, range.begin, scratch);
  for (std::int32_t begin = range.begin; begin < range.end;) {
    Tile tile;
    tile.rows = std::min<std::int64_t>(rows_, range.end - begin);
    const auto end = static_cast<std::int32_t>(begin + tile.rows);
    gather(frame, step, begin, end, scratch);
    for (; tile.column < elements_; tile.column += columns_) {
      tile.columns = std::min(columns_, elements_ - tile.column);
      for (std::size_t k = 0; k < ops_.size(); ++k) execute(k, tile, frame, scratch);
    }
    begin = end;
    if (begin < range.end) next_tile(tile.rows, scratch);
  }
}

template <class T>
void PointProgram<T>::place_operands(Frame<T>& frame, const Step& step, Range range, PointScratch<T>& scratch) const {
  for (std::size_t k = 0; k < operands_; ++k) place_operand(frame, step, k, range, scratch);
}

template <class T>
void PointProgram<T>::place_operand(Frame<T>& frame, const Step& step, std::size_t k, Range range, PointScratch<T>& scratch) const {
  using Place = typename RegisterRows<T>::Place;
  const BoundOperand& operand = step.operands[k];
  RegisterRows<T>& rows = scratch.registers[k];
  rows.wide = operand.elements == elements_;
  rows.place = Place::kMemory;
  if (frame.reader().scattered(operand, step.instruction->depth)) {
    rows = {frame.scratch(k), operand.elements, Place::kGathered, rows.wide};
    return;
  }
  const Rows<T> read = frame.read(step, k, range.begin, range.end);
  rows.data = const_cast<T*>(read.data);
  rows.stride = read.stride;
  if (read.zeros) rows.wide = false;  // one number for all
  // A short row that all points read is laid out once for all tiles.
  if (rows.wide && rows.stride == 0 && elements_ > 1 && elements_ < kLongRow && range.size() > 1) {
    flatten<T>(rows, rows.data, false, std::min<std::int64_t>(rows_, range.size()), elements_, frame.scratch(k));
    rows = {frame.scratch(k), elements_, Place::kRepeated, true};
  }
}

template <class T>
void PointProgram<T>::place_results(Frame<T>& frame, const Step& step, std::int32_t begin, PointScratch<T>& scratch) const {
  using Place = typename RegisterRows<T>::Place;
  for (std::size_t k = 0; k < ops_.size(); ++k) {
    RegisterRows<T>& rows = scratch.registers[operands_ + k];
    if (ops_[k].slot == kNone) {
      const ResultRows<T> result = frame.result_rows(step, begin, k);
      rows = {result.data, result.stride, Place::kMemory, ops_[k].wide};
    } else {
      rows = {slot(scratch, ops_[k].slot), ops_[k].wide ? columns_ : 1, Place::kTile, ops_[k].wide};
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
  for (std::size_t k = 0; k < operands_ + ops_.size(); ++k) {
    RegisterRows<T>& at = scratch.registers[k];
    if (at.place == RegisterRows<T>::Place::kMemory) at.data += rows * at.stride;
  }
}

template <class T>
void PointProgram<T>::execute(std::size_t number, const Tile& tile, Frame<T>& frame, PointScratch<T>& scratch) const {
  if (ops_[number].local) return execute_local(number, tile, frame, scratch);
  execute_point(number, tile, scratch);
}

// One kernel call: over all rows at once if the numbers of every input and of the result follow each other, else row by row; short
// rows are laid out anew first.
template <class T>
void PointProgram<T>::execute_point(std::size_t number, const Tile& tile, PointScratch<T>& scratch) const {
  const Op& op = ops_[number];
  const std::int64_t n = op.wide ? tile.columns : 1;
  const RegisterRows<T>& result = scratch.registers[operands_ + number];
  T* out = at(result, tile);
  std::array<const T*, kMostInputs> in{};
  std::array<std::uint8_t, kMostInputs> step{};
  std::array<std::int64_t, kMostInputs> stride{};
  std::array<bool, kMostInputs> follows{};
  bool flat = tile.rows == 1 || result.stride == n;
  const std::size_t inputs = op.op->inputs.size();
  for (std::size_t k = 0; k < inputs; ++k) {
    const RegisterRows<T>& rows = scratch.registers[static_cast<std::size_t>(op.op->inputs[k])];
    const bool alike = rows.wide == op.wide;  // an element for each of the result's
    in[k] = at(rows, tile);
    stride[k] = rows.stride;
    const bool one_for_all = rows.stride == 0 && (!alike || n == 1);
    step[k] = alike && !(one_for_all && tile.rows > 1) ? 1 : 0;
    follows[k] = tile.rows == 1 || one_for_all || (alike && rows.stride == n);
    flat = flat && follows[k];
  }
  const auto rows = static_cast<std::size_t>(tile.rows);
  const auto width = static_cast<std::size_t>(n);
  if (flat) return op.point(in.data(), step.data(), nullptr, out, 0, 1, rows * width);
  if (n >= kLongRow) return op.point(in.data(), step.data(), stride.data(), out, result.stride, rows, width);
  for (std::size_t k = 0; k < inputs; ++k) {
    if (follows[k]) continue;
    T* flat_rows = slot(scratch, slots_ + static_cast<std::int64_t>(k));
    flatten<T>(scratch.registers[static_cast<std::size_t>(op.op->inputs[k])], in[k], step[k] == 0, tile.rows, n, flat_rows);
    in[k] = flat_rows;
    step[k] = 1;
  }
  T* made = result.stride == n ? out : slot(scratch, slots_ + static_cast<std::int64_t>(kMostInputs));
  op.point(in.data(), step.data(), nullptr, made, 0, 1, rows * width);
  if (made != out) copy_out(made, tile.rows, n, out, result.stride);
}

template <class T>
void PointProgram<T>::execute_local(std::size_t number, const Tile& tile, Frame<T>& frame, PointScratch<T>& scratch) const {
  const Op& op = ops_[number];
  const RegisterRows<T>& result = scratch.registers[operands_ + number];
  const std::int64_t n = op.wide ? elements_ : 1;
  std::array<const T*, kMostLocalInputs> in{};
  std::array<std::int64_t, kMostLocalInputs> stride{};
  for (std::size_t k = 0; k < op.op->inputs.size(); ++k) {
    const RegisterRows<T>& rows = scratch.registers[static_cast<std::size_t>(op.op->inputs[k])];
    in[k] = at(rows, {tile.rows, 0, 0, tile.row});
    stride[k] = rows.stride;
  }
  T* out = at(result, {tile.rows, 0, 0, tile.row});
  const bool flat = tile.rows == 1 || result.stride == n;
  LocalCall<T> call;
  call.points = tile.rows;
  call.in = in.data();
  call.in_stride = stride.data();
  call.out = flat ? out : slot(scratch, slots_ + static_cast<std::int64_t>(kMostInputs));
  call.params = op.op->local.numbers.data();
  call.scratch = frame.local_scratch();
  op.local(call);
  if (!flat) copy_out<T>(call.out, tile.rows, n, out, result.stride);
}

template <class T>
void PointProgram<T>::stretched(Frame<T>& frame, const Step& step) const {
  const Instruction& made = *step.instruction;
  frame.in_tiles(step, frame.points(step), [&](std::int32_t begin, std::int32_t end) {
    std::array<const T*, kMostInputs> in{};
    std::array<std::int64_t, kMostInputs> stride{};
    for (std::size_t k = 0; k < operands_; ++k) {
      const Rows<T> rows = frame.read(step, k, begin, end);
      in[k] = rows.data;
      stride[k] = rows.stride;
    }
    ResultRows<T> result = frame.result_rows(step, begin, 0);
    for (std::int32_t point = begin; point < end; ++point, result.data += result.stride) {
      stretched_point(ops_[0].point, made.loop, in, operands_, result.data);
      for (std::size_t k = 0; k < operands_; ++k) in[k] += stride[k];
    }
  });
}

template class PointProgram<float>;
template class PointProgram<double>;

}  // namespace tapeloop
