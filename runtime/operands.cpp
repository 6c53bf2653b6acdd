#include "runtime/operands.h"

#include <algorithm>
#include <stdexcept>

namespace tapeloop {

std::vector<std::int32_t> stretch_of(const Shape& shape, const Shape& like) {
  if (elements(shape) == elements(like)) return {};
  const std::vector<std::int64_t> to = numbers(like);
  std::vector<std::int64_t> from = numbers(shape);
  if (from.size() > to.size()) throw std::logic_error("a start value has more dimensions than what it starts");
  from.insert(from.begin(), to.size() - from.size(), 1);
  std::vector<std::int32_t> stretch(static_cast<std::size_t>(elements(like)));
  for (std::size_t k = 0; k < stretch.size(); ++k) {
    auto left = static_cast<std::int64_t>(k);
    std::int64_t at = 0;
    std::int64_t stride = 1;
    for (std::size_t d = to.size(); d-- > 0;) {
      if (from[d] != 1 && from[d] != to[d]) throw std::logic_error("a start value does not stretch to what it starts");
      if (from[d] != 1) at += left % to[d] * stride;
      left /= to[d];
      stride *= from[d];
    }
    stretch[k] = static_cast<std::int32_t>(at);
  }
  return stretch;
}

namespace {

// Of what a table's operand is: that of the value, or of the largest start (without slots) if zeros are moved.
Shape moved_shape(const Plan& plan, const Operand& operand) {
  if (!operand.shapes.empty()) return operand.shapes.front();
  if (operand.buffer != kNone) return plan.buffers[static_cast<std::size_t>(operand.buffer)].shape;
  Shape largest;
  for (const Outside& outside : plan.tables[static_cast<std::size_t>(operand.table)].outsides) {
    Shape shape = plan.buffers[static_cast<std::size_t>(operand.starts[static_cast<std::size_t>(outside.operand) - 1])].shape;
    if (outside.slots > 0) shape.erase(shape.begin());
    if (elements(shape) > elements(largest)) largest = shape;
  }
  return largest;
}

}  // namespace

BoundOperand bind_operand(const Plan& plan, const Operand& operand) {
  const Shape like = moved_shape(plan, operand);
  BoundOperand bound;
  bound.buffer = operand.buffer;
  bound.table = operand.table;
  bound.column = operand.column;
  bound.elements = elements(like);
  bound.stride = operand.buffer == kNone ? bound.elements : plan.buffers[static_cast<std::size_t>(operand.buffer)].elements;
  if (operand.table == kNone) return bound;
  for (std::size_t k = 0; k < operand.starts.size(); ++k) {
    Shape shape = operand.shapes.empty() ? plan.buffers[static_cast<std::size_t>(operand.starts[k])].shape : operand.shapes[k + 1];
    std::int64_t count = 1;
    for (const Outside& outside : plan.tables[static_cast<std::size_t>(operand.table)].outsides) {
      if (outside.operand != static_cast<std::int32_t>(k) + 1 || outside.slots == 0) continue;
      shape.erase(shape.begin());
      count = outside.slots;
    }
    bound.starts.push_back({operand.starts[k], elements(shape), count, stretch_of(shape, like)});
  }
  return bound;
}

template <class T>
void OperandReader<T>::reserve_zeros(std::int64_t elements) {
  zeros_.grow(static_cast<std::size_t>(elements));
  std::fill_n(zeros_.data(), zeros_.size(), T(0));
}

template <class T>
std::int64_t OperandReader<T>::first_row(BufferId id) const {
  const Buffer& buffer = of(id);
  if (buffer.layout == kNone || buffer.block_depth == kNone) return 0;
  const auto depth = static_cast<std::size_t>(buffer.block_depth);
  if (depth == 0) return shard_->extents().layout(buffer.layout).start[1][static_cast<std::size_t>(strip_.begin)];
  return shard_->extents().layout(buffer.layout).start[depth][static_cast<std::size_t>(blocks_[depth])];
}

template <class T>
const T* OperandReader<T>::row(BufferId id, std::int32_t point) const {
  if (of(id).layout == kNone) return shard_->buffers().data(id);
  return shard_->buffers().data(id) + (point - first_row(id)) * of(id).elements;
}

template <class T>
bool OperandReader<T>::scattered(const BoundOperand& operand, int depth) const {
  if (operand.table == kNone) return false;
  const TableBlock& block = block_of(operand, depth);
  if (block.kind == TableBlock::Kind::kMixed) return true;
  return block.source > 0 && !operand.starts[static_cast<std::size_t>(block.source) - 1].stretch.empty();
}

// Of a block that is simple; offset: how far into the block the rows begin.
template <class T>
Rows<T> OperandReader<T>::block_rows(const BoundOperand& operand, const TableBlock& block, std::int32_t offset) const {
  if (block.source == kZerosSource) return {zeros_.data(), 0, true};
  const bool run = block.kind == TableBlock::Kind::kRun;
  const std::int64_t first = block.first + (run ? offset : 0);
  if (block.source == 0) {
    const T* data = shard_->buffers().data(operand.buffer) + (first - first_row(operand.buffer)) * operand.stride + operand.column;
    return {data, run ? operand.stride : 0};
  }
  const BoundOperand::Start& start = operand.starts[static_cast<std::size_t>(block.source) - 1];
  return {shard_->buffers().data(start.buffer) + (first - first_row(start.buffer) * start.slots) * start.elements,
          run ? start.elements : 0};
}

template <class T>
Rows<T> OperandReader<T>::read(const BoundOperand& operand, int depth, std::int32_t begin, std::int32_t end, T* scratch) const {
  if (operand.table == kNone) {
    if (of(operand.buffer).layout == kNone) return {shard_->buffers().data(operand.buffer), 0};
    return {row(operand.buffer, begin) + operand.column, operand.stride};
  }
  if (!scattered(operand, depth)) {
    const LayoutExtent& reader = shard_->extents().layout(plan_.tables[static_cast<std::size_t>(operand.table)].reader);
    const std::int32_t block = blocks_[static_cast<std::size_t>(depth)];
    return block_rows(operand, block_of(operand, depth),
                      begin - reader.start[static_cast<std::size_t>(depth)][static_cast<std::size_t>(block)]);
  }
  gather(operand, depth, begin, end, scratch);
  return {scratch, operand.elements};
}

template <class T>
void OperandReader<T>::copy_row(const BoundOperand& operand, std::int8_t source, std::int32_t row, T* out) const {
  if (source == kZerosSource) {
    std::fill_n(out, operand.elements, T(0));
    return;
  }
  if (source == 0) {
    std::copy_n(this->row(operand.buffer, row) + operand.column, operand.elements, out);
    return;
  }
  const BoundOperand::Start& start = operand.starts[static_cast<std::size_t>(source) - 1];
  const T* from = shard_->buffers().data(start.buffer) + (row - first_row(start.buffer) * start.slots) * start.elements;
  if (start.stretch.empty()) {
    std::copy_n(from, operand.elements, out);
    return;
  }
  for (std::int64_t k = 0; k < operand.elements; ++k) out[k] = from[start.stretch[static_cast<std::size_t>(k)]];
}

template <class T>
void OperandReader<T>::copy(const BoundOperand& operand, std::int32_t point, T* out) const {
  if (operand.table == kNone) return copy_row(operand, 0, point, out);
  const Table& table = shard_->tables().table(operand.table);
  copy_row(operand, table.source[static_cast<std::size_t>(point)], table.row[static_cast<std::size_t>(point)], out);
}

template <class T>
void OperandReader<T>::gather(const BoundOperand& operand, int depth, std::int32_t begin, std::int32_t end, T* out) const {
  if (operand.table != kNone && scattered(operand, depth)) {
    const Table& table = shard_->tables().table(operand.table);
    for (std::int32_t point = begin; point < end; ++point, out += operand.elements) {
      copy_row(operand, table.source[static_cast<std::size_t>(point)], table.row[static_cast<std::size_t>(point)], out);
    }
    return;
  }
  const Rows<T> rows = read(operand, depth, begin, end, nullptr);
  if (rows.stride == operand.elements) {
    std::copy_n(rows.data, (end - begin) * operand.elements, out);
    return;
  }
  const T* row = rows.data;
  for (std::int32_t point = begin; point < end; ++point, out += operand.elements, row += rows.stride) {
    std::copy_n(row, operand.elements, out);
  }
}

template class OperandReader<float>;
template class OperandReader<double>;

}  // namespace tapeloop
