#include "runtime/whole_sums.h"

#include <algorithm>
#include <stdexcept>

namespace tapeloop {
namespace {

constexpr std::int64_t kTileRows = kStripColumns;  // of a product's result: enough to use what is loaded of the right side often
constexpr std::int64_t kTileElements = 256;        // of a sum's: a few cache lines of each row that is read
constexpr std::int32_t kSumBlock = 256;            // rows of a sum that are added up first

std::int64_t tile_size(const Instruction& made) { return made.op == OpCode::kProductSum ? kTileRows : kTileElements; }

std::int64_t tiled_size(const Plan& plan, const Instruction& made) {
  if (made.op == OpCode::kProductSum) return made.product.k;
  if (made.op == OpCode::kSumTo) return plan.buffers[static_cast<std::size_t>(made.result())].elements;
  return 1;
}

}  // namespace

bool sums_shards(const Plan& plan, const Instruction& made) {
  if (made.op == OpCode::kCount) return made.counted.on_batch();
  if (made.op == OpCode::kProductSum || made.op == OpCode::kSumTo) return made.layout != kNone;
  return made.op == OpCode::kMoveOutside && plan.groups[static_cast<std::size_t>(made.group)].source != kNone;
}

std::int64_t tiles_of(const Plan& plan, const Instruction& made) {
  return std::max<std::int64_t>((tiled_size(plan, made) + tile_size(made) - 1) / tile_size(made), 1);
}

template <class T>
WholeSums<T>::WholeSums(Frame<T>& frame) : frame_(frame), products_(frame.plan()), block_(static_cast<std::size_t>(kTileElements)) {}

template <class T>
void WholeSums<T>::add_up(const Step& step, std::int64_t tile, Shards<T> shards) {
  const Instruction& made = *step.instruction;
  const std::int64_t begin = tile * tile_size(made);
  const Tile part{begin, std::min(begin + tile_size(made), tiled_size(frame_.plan(), made))};
  switch (made.op) {
    case OpCode::kCount:
      return count(step, shards);
    case OpCode::kProductSum:
      return products(step, part, shards);
    case OpCode::kSumTo:
      return sums(step, part, shards);
    default:
      return sums_outside(step, shards);
  }
}

template <class T>
std::int64_t WholeSums<T>::points(const Step& step, Shards<T> shards) {
  if (step.instruction->layout == kNone) return 1;
  std::int64_t points = 0;
  for (const auto& shard : shards) {
    frame_.enter(*shard);
    points += frame_.points(step).size();
  }
  return points;
}

template <class T>
void WholeSums<T>::count(const Step& step, Shards<T> shards) {
  std::int64_t points = 0;
  for (const auto& shard : shards) points += shard->extents().space(step.instruction->counted).points;
  frame_.enter(*shards.front());
  std::fill_n(frame_.result(step, 0), step.elements, static_cast<T>(points));
}

// dW += x^T dy over the points of every shard, for one or several dy beside each other.
template <class T>
void WholeSums<T>::products(const Step& step, Tile tile, Shards<T> shards) {
  const std::int64_t m = step.instruction->product.m;
  frame_.enter(*shards.front());
  for (std::size_t k = 1; k < step.operands.size() && !frame_.strip_number().added; ++k) {
    const std::int64_t n = step.operands[k].elements / m;
    std::fill_n(frame_.result(step, 0, k - 1) + tile.begin * n, (tile.end - tile.begin) * n, T(0));
  }
  for (const auto& shard : shards) {
    frame_.enter(*shard);
    frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
      const Rows<T> a = frame_.read(step, 0, begin, end);
      if (!a.zeros || step.instruction->kind->adds_by_number) add_products(step, tile, a, begin, end);  // 0 is a row number, too
    });
  }
}

template <class T>
void WholeSums<T>::add_products(const Step& step, Tile tile, Rows<T> a, std::int32_t begin, std::int32_t end) {
  const Instruction& made = *step.instruction;
  const std::int64_t m = made.product.m;
  const std::int64_t width = step.operands[0].elements;  // of a point's row of a
  const std::int64_t points = end - begin;
  right_.clear();
  for (std::size_t k = 1; k < step.operands.size(); ++k) {
    const Rows<T> b = frame_.read(step, k, begin, end);
    if (b.zeros) continue;
    const std::int64_t n = step.operands[k].elements / m;
    // The rows of all points are one tall matrix unless they lie apart, or one stands for all.
    const bool apart = m > 1 && (a.stride != width || b.stride != m * n);
    const bool together = a.stride != 0 && b.stride != 0 && !apart;
    T* out = frame_.result(step, 0, k - 1) + tile.begin * n;
    const auto columns = static_cast<std::size_t>(n);
    if (together && !made.kind->adds_by_number) {
      right_.push_back({columns, b.data, m == 1 ? static_cast<std::size_t>(b.stride) : columns, out, columns});
      continue;
    }
    const std::int64_t at_once = together ? points : 1;
    const std::int64_t lda = m == 1 && together ? a.stride : width / m;
    const std::int64_t ldb = m == 1 && together ? b.stride : n;
    for (std::int64_t point = 0; point < points; point += at_once) {
      const T* left = a.data + point * a.stride;
      const T* right = b.data + point * b.stride;
      if (made.kind->adds_by_number) {
        add_rows_by_number(step, tile, left, lda, right, ldb, at_once * m);
      } else {
        products_.multiply_transposed({at_once * m, tile.end - tile.begin, n}, left + tile.begin, lda, right, ldb, out, true);
      }
    }
  }
  if (right_.empty()) return;
  products_.add_transposed(points * m, tile.end - tile.begin, a.data + tile.begin, m == 1 ? a.stride : width / m, right_);
}

// Row numbers stand for one-hot rows of a.
template <class T>
void WholeSums<T>::add_rows_by_number(const Step& step, Tile tile, const T* numbers, std::int64_t lda, const T* b, std::int64_t ldb,
                                      std::int64_t rows) {
  const std::int64_t n = step.instruction->product.n;
  for (std::int64_t i = 0; i < rows; ++i, numbers += lda, b += ldb) {
    if (!(*numbers > static_cast<T>(tile.begin) - T(0.5) && *numbers < static_cast<T>(tile.end) - T(0.5))) continue;
    T* row = frame_.result(step, 0) + static_cast<std::int64_t>(*numbers + T(0.5)) * n;
    for (std::int64_t k = 0; k < n; ++k) row[k] += b[k];
  }
}

// Blocks of kSumBlock points, each summed in order, then the blocks in order.
template <class T>
void WholeSums<T>::sums(const Step& step, Tile tile, Shards<T> shards) {
  const auto width = static_cast<std::size_t>(tile.end - tile.begin);
  frame_.enter(*shards.front());
  T* out = frame_.result(step, 0) + tile.begin;
  if (!frame_.strip_number().added) std::fill_n(out, width, T(0));
  for (const auto& shard : shards) {
    frame_.enter(*shard);
    const Range range = frame_.points(step);
    if (range.size() == 0) continue;
    const Rows<T> rows = frame_.read(step, 0, range.begin, range.end);
    for (std::int32_t begin = 0; begin < range.size(); begin += kSumBlock) {
      const std::int32_t end = std::min(begin + kSumBlock, range.size());
      std::fill_n(block_.begin(), width, T(0));
      for (std::int32_t k = begin; k < end; ++k) {
        const T* row = rows.data + k * rows.stride + tile.begin;
        for (std::size_t e = 0; e < width; ++e) block_[e] += row[e];
      }
      for (std::size_t e = 0; e < width; ++e) out[e] += block_[e];
    }
  }
}

// Of a start value that is a parameter: every point that reads it, by slot.
template <class T>
void WholeSums<T>::sums_outside(const Step& step, Shards<T> shards) {
  const Instruction& made = *step.instruction;
  const GroupSpec& spec = frame_.plan().groups[static_cast<std::size_t>(made.group)];
  const std::int64_t elements = step.operands[0].elements;
  frame_.enter(*shards.front());
  T* out = frame_.result(step, 0);
  std::fill_n(out, step.elements, T(0));
  for (const auto& shard : shards) {
    frame_.enter(*shard);
    const Groups& groups = frame_.tables().groups(made.group);
    for (std::int32_t slot = 0; slot < std::max(spec.slots, 1); ++slot) {
      const auto group = static_cast<std::size_t>(slot);
      for (std::int32_t k = groups.first[group]; k < groups.first[group + 1]; ++k) {
        const T* row = frame_.reader().row(step.operands[0].buffer, groups.member[static_cast<std::size_t>(k)]) + step.operands[0].column;
        for (std::int64_t e = 0; e < elements; ++e) out[slot * elements + e] += row[e];
      }
    }
  }
}

template class WholeSums<float>;
template class WholeSums<double>;

}  // namespace tapeloop
