#include "runtime/sum_work.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace tapeloop {

// Weights beside each other, in panels.
template <class T>
void SumWork<T>::pack(const Step& step) {
  const Instruction& made = *step.instruction;
  T* out = frame_.result(step, 0);
  products_.clear_past_end(made.product, out);
  for (std::size_t k = 0; k < step.operands.size(); ++k) {
    const WeightBlock& block = made.weights[k];
    products_.pack(made.product, block, frame_.reader().row(step.operands[k].buffer, 0), out);
  }
}

// What is there to begin with, if anything, plus the sum of a @ b over the pairs of operands; b packed, the same for all points.
template <class T>
void SumWork<T>::product_packed(const Step& step) {
  const Instruction& made = *step.instruction;
  const std::size_t pairs = step.operands.size() / 2;
  const bool back = frame_.turn(static_cast<std::size_t>(made.depth)) % 2 == 1;
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    Strided<T> out{frame_.result(step, begin), step.elements};
    Strided<const T> from{nullptr, 0};
    if (step.operands.size() % 2 == 1) {
      const Rows<T> first = frame_.read(step, 2 * pairs, begin, end);
      if (!first.zeros) from = {first.data, first.stride};
    }
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const Rows<T> a = frame_.read(step, 2 * pair, begin, end);
      const T* b = frame_.reader().row(step.operands[2 * pair + 1].buffer, 0);
      if (a.zeros) continue;
      add_packed(made.product, step.operands[2 * pair].elements, end - begin, a, b, from, out, back);
      from = {out.data, out.stride};
    }
    if (from.data != out.data) copy_rows(from, end - begin, out);
  });
}

// out = from + a b for some points.
template <class T>
void SumWork<T>::add_packed(const ProductSize& size, std::int64_t width, std::int64_t points, const Rows<T>& a, const T* b,
                            const Strided<const T>& from, const Strided<T>& out, bool back) {
  const std::int64_t k = width / size.m;
  const bool together = size.m == 1 || (a.stride == width && (!from.data || from.stride == out.stride));
  if (together) {  // rows of all points are one tall matrix
    const std::int64_t apart = size.m == 1 ? from.stride : size.n;
    const Strided<T> rows{out.data, size.m == 1 ? out.stride : size.n};
    products_.multiply_packed({points * size.m, k, size.n}, {a.data, size.m == 1 ? a.stride : k}, b, {from.data, apart}, rows, back);
    return;
  }
  for (std::int64_t point = 0; point < points; ++point) {
    const T* first = from.data ? from.data + point * from.stride : nullptr;
    products_.multiply_packed({size.m, k, size.n}, {a.data + point * a.stride, k}, b, {first, size.n},
                              {out.data + point * out.stride, size.n}, back);
  }
}

template <class T>
void SumWork<T>::copy_rows(const Strided<const T>& from, std::int64_t points, const Strided<T>& out) {
  for (std::int64_t point = 0; point < points; ++point) {
    T* to = out.data + point * out.stride;
    if (from.data) {
      std::copy_n(from.data + point * from.stride, out.stride, to);
    } else {
      std::fill_n(to, out.stride, T(0));
    }
  }
}

template <class T>
void SumWork<T>::product(const Step& step) {
  if (step.instruction->packed) return product_packed(step);
  const ProductSize& size = step.instruction->product;
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    Rows<T> a = frame_.read(step, 0, begin, end);
    Rows<T> b = frame_.read(step, 1, begin, end);
    T* out = frame_.result(step, begin);
    const std::int64_t points = end - begin;
    if (a.zeros || b.zeros) {
      std::fill_n(out, points * step.elements, T(0));
    } else if (b.stride == 0 &&
               (a.stride == size.m * size.k || points == 1)) {  // one right side for all: the points' rows are one tall matrix
      products_.multiply({points * size.m, size.k, size.n}, a.data, b.data, out);
    } else {
      for (std::int64_t k = 0; k < points; ++k) {
        products_.multiply(size, a.data, b.data, out);
        a.data += a.stride;
        b.data += b.stride;
        out += step.elements;
      }
    }
  });
}

template <class T>
void SumWork<T>::product_sum(const Step& step) {
  if (step.instruction->group != kNone) return product_groups(step);
  product_each(step);
}

// out[k, n] = (or +=) a^T b, where a is [m, k], or [m] row numbers that stand for one-hot rows.
template <class T>
void SumWork<T>::multiply_transposed(const Instruction& made, const ProductSize& size, const T* a, std::int64_t lda, const T* b,
                                     std::int64_t ldb, T* out, bool add) {
  if (!made.kind->adds_by_number) return products_.multiply_transposed(size, a, lda, b, ldb, out, add);
  if (!add) std::fill_n(out, size.k * size.n, T(0));
  for (std::int64_t i = 0; i < size.m; ++i, a += lda, b += ldb) {
    if (!(*a > T(-0.5) && *a < static_cast<T>(size.k) - T(0.5))) continue;
    T* row = out + static_cast<std::int64_t>(*a + T(0.5)) * size.n;
    for (std::int64_t k = 0; k < size.n; ++k) row[k] += b[k];
  }
}

// Of each point by itself: a sum over no axis.
template <class T>
void SumWork<T>::product_each(const Step& step) {
  const Instruction& made = *step.instruction;
  if (frame_.plan().buffers[static_cast<std::size_t>(made.result())].layout != made.layout) {
    throw std::logic_error("'" + made.text + "' has no groups");
  }
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    const Rows<T> a = frame_.read(step, 0, begin, end);
    const Rows<T> b = frame_.read(step, 1, begin, end);
    for (std::int32_t k = 0; k < end - begin; ++k) {
      multiply_transposed(made, made.product, a.data + k * a.stride, step.operands[0].elements / made.product.m, b.data + k * b.stride,
                          made.product.n, frame_.result(step, begin + k), false);
    }
  });
}

// The members of each group are gathered, then multiplied at once.
template <class T>
void SumWork<T>::product_groups(const Step& step) {
  const Instruction& made = *step.instruction;
  const Groups& groups = frame_.tables().groups(made.group);
  const Range range = frame_.points(frame_.plan().groups[static_cast<std::size_t>(made.group)].result, made.depth);
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    T* out = frame_.result(step, point);
    std::int32_t member = groups.first[static_cast<std::size_t>(point)];
    const std::int32_t end = groups.first[static_cast<std::size_t>(point) + 1];
    if (member == end) std::fill_n(out, step.elements, T(0));
    for (bool add = false; member < end; add = true) {
      const std::int32_t count = std::min(step.tile, end - member);
      for (std::size_t k = 0; k < 2; ++k) {
        const std::int64_t width = step.operands[k].elements;
        for (std::int32_t m = 0; m < count; ++m) {
          frame_.reader().copy(step.operands[k], groups.member[static_cast<std::size_t>(member) + static_cast<std::size_t>(m)],
                               frame_.scratch(k) + m * width);
        }
      }
      const ProductSize& size = made.product;
      multiply_transposed(*step.instruction, {count * size.m, size.k, size.n}, frame_.scratch(0), step.operands[0].elements / size.m,
                          frame_.scratch(1), size.n, out, add);
      member += count;
    }
  }
}

template <class T>
void SumWork<T>::sum(const Step& step) {
  if (step.instruction->group != kNone) return sum_groups(step);
  std::copy_n(frame_.read(step, 0, 0, 1).data, step.elements, frame_.result(step, 0));  // of what is in P: over its one point
}

// kSumTo and kMoveOutside; a result of the latter has a group for each slot.
template <class T>
void SumWork<T>::sum_groups(const Step& step) {
  const Instruction& made = *step.instruction;
  const Groups& groups = frame_.tables().groups(made.group);
  const GroupSpec& spec = frame_.plan().groups[static_cast<std::size_t>(made.group)];
  const std::int32_t slots = std::max(spec.slots, 1);
  const std::int64_t elements = step.operands[0].elements;
  const Range range = frame_.points(spec.result, made.depth);
  // Over the axis of strips: of each chunk what is there, added to what there was before. The transpose of a remap reads all of it.
  const bool in_strips = made.depth == 0 && frame_.strip().axis != kNone && spec.kind != GroupSpec::Kind::kUnremap;
  const Range there = in_strips ? frame_.points(spec.source, 0) : Range();
  const bool adds = in_strips && frame_.strip_number().added && !frame_.is_in_strips(spec.result);
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    T* out = frame_.result(step, point);
    if (!adds) std::fill_n(out, step.elements, T(0));
    for (std::int32_t slot = 0; slot < slots; ++slot, out += elements) {
      const auto group = static_cast<std::size_t>(point) * static_cast<std::size_t>(slots) + static_cast<std::size_t>(slot);
      const std::int32_t* member = groups.member.data() + groups.first[group];
      const std::int32_t* end = groups.member.data() + groups.first[group + 1];
      if (in_strips) {  // they ascend
        member = std::lower_bound(member, end, there.begin);
        end = std::lower_bound(member, end, there.end);
      }
      for (; member < end; ++member) {
        const T* row = source(step, 0, *member);
        for (std::int64_t e = 0; e < elements; ++e) out[e] += row[e];
      }
    }
  }
}

// Of an empty run 0; of equals the first; of numbers with a NaN among them NaN.
template <class T>
void SumWork<T>::extreme(const Step& step) {
  const Instruction& made = *step.instruction;
  const Groups& groups = frame_.tables().groups(made.group);
  const GroupSpec& spec = frame_.plan().groups[static_cast<std::size_t>(made.group)];
  const LayoutExtent& layout = frame_.extents().layout(spec.source);
  const SpaceExtent& points = frame_.extents().points(layout);
  const auto column = 1 + static_cast<std::size_t>(std::find(points.axes.begin(), points.axes.end(), made.axis) - points.axes.begin());
  const Range range = frame_.points(spec.result, made.depth);
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    T* out = frame_.result(step, point);
    const std::int32_t first = groups.first[static_cast<std::size_t>(point)];
    const std::int32_t end = groups.first[static_cast<std::size_t>(point) + 1];
    for (std::int64_t e = 0; e < step.elements; ++e) {
      T best = 0;
      std::int32_t where = kNone;
      for (std::int32_t k = first; k < end; ++k) {
        const std::int32_t member = groups.member[static_cast<std::size_t>(k)];
        const T number = source(step, 0, member)[e];
        const bool better = made.flag ? number < best : number > best;
        if (where != kNone && !better && !(std::isnan(number) && !std::isnan(best))) continue;
        best = number;
        where = member;
      }
      const std::int32_t position = where == kNone ? 0 : points.at(layout.canonical[static_cast<std::size_t>(where)])[column];
      out[e] = made.give_position ? static_cast<T>(position) : best;
    }
  }
}

template class SumWork<float>;
template class SumWork<double>;

}  // namespace tapeloop
