// What an instruction reads: rows of buffers, straight from where they lie if they are neighbours, else gathered into scratch.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "runtime/shard.h"

namespace tapeloop {

// Rows of neighbouring points. stride: elements from row to row, maybe more than a row has; 0: the same row for all.
template <class T>
struct Rows {
  const T* data = nullptr;
  std::int64_t stride = 0;
  bool zeros = false;
};

// An operand as the run needs it.
struct BoundOperand {
  // A start value stretched to the shape of what is moved: element i is its element stretch[i]. Empty: no stretching.
  struct Start {
    BufferId buffer = kNone;
    std::int64_t elements = 0;  // of one slot
    std::int64_t slots = 1;
    std::vector<std::int32_t> stretch;
  };
  BufferId buffer = kNone;
  TableId table = kNone;
  std::int64_t column = 0;
  std::int64_t elements = 0;  // of one row as the instruction sees it
  std::int64_t stride = 0;    // of the buffer, from row to row: more than `elements` if the value lies beside others
  std::vector<Start> starts;
};

// REQUIRES: the start values' shapes stretch to that of what is moved.
BoundOperand bind_operand(const Plan& plan, const Operand& operand);
// Element of `shape` that each element of `like` is; empty if they have as many elements.
std::vector<std::int32_t> stretch_of(const Shape& shape, const Shape& like);

// Positions begin .. end - 1 of an axis: the chunk of strips in which the run stands, if any.
struct Strip {
  AxisId axis = kNone;
  std::int32_t begin = 0, end = 0;
};

// blocks[d]: the block at depth d in which the run stands.
template <class T>
class OperandReader {
 public:
  OperandReader(const Plan& plan, const std::vector<std::int32_t>& blocks, const Strip& strip)
      : plan_(plan), blocks_(blocks), strip_(strip) {}

  // Reads from this shard from now on.
  void enter(const Shard<T>& shard) { shard_ = &shard; }

  // All zeros may be read from here. Grows with the largest row that is asked for.
  void reserve_zeros(std::int64_t elements);

  // True if the reader's points of the current block at `depth` cannot be read from where they lie.
  bool scattered(const BoundOperand& operand, int depth) const;
  // Rows of the reader's points begin .. end - 1, all in the current block at `depth`; scratch has room for them.
  Rows<T> read(const BoundOperand& operand, int depth, std::int32_t begin, std::int32_t end, T* scratch) const;
  // The same, copied: out [end - begin, elements].
  void gather(const BoundOperand& operand, int depth, std::int32_t begin, std::int32_t end, T* out) const;
  // The row that one point of the reader reads, whatever block it is in.
  void copy(const BoundOperand& operand, std::int32_t point, T* out) const;
  // A row of a buffer, by its point in the buffer's layout; row 0 of P.
  const T* row(BufferId buffer, std::int32_t point) const;
  std::int64_t first_row(BufferId buffer) const;  // point of the buffer's layout that stands in its first row

 private:
  void copy_row(const BoundOperand& operand, std::int8_t source, std::int32_t row, T* out) const;
  Rows<T> block_rows(const BoundOperand& operand, const TableBlock& block, std::int32_t offset) const;
  const TableBlock& block_of(const BoundOperand& operand, int depth) const {
    return shard_->tables().table(operand.table).blocks[static_cast<std::size_t>(blocks_[static_cast<std::size_t>(depth)])];
  }

  const Buffer& of(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

  const Plan& plan_;
  const Shard<T>* shard_ = nullptr;
  const std::vector<std::int32_t>& blocks_;
  const Strip& strip_;
  AlignedArray<T> zeros_;
};

extern template class OperandReader<float>;
extern template class OperandReader<double>;

}  // namespace tapeloop
