// Cuts a batch along t: chunk k has positions first .. first + count - 1 of every row, fewer or none of rows that end before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/plan.h"
#include "runtime/batch.h"

namespace tapeloop {

template <class T>
class ChunkCutter {
 public:
  // chunk: the plan of one chunk; its axis t lies within none.
  explicit ChunkCutter(const Plan& chunk);

  // Finds the length of every row. The batch must stay there as long as it is cut. Throws ModelError (E0705).
  void start(const Batch<T>& batch);
  const std::vector<std::int32_t>& lengths() const { return lengths_; }  // [rows], along t
  std::int32_t longest() const;

  // Inputs on t and the lengths of t and of the axes within it. All else in `chunk` stays as it is.
  void cut(std::int64_t first, std::int64_t count, Batch<T>& chunk) const;
  // One array of a value on that space; `from` is handed on whole if it has another rank than that.
  void cut(const Array<T>& from, const PlanValue& value, std::int64_t first, std::int64_t count, Array<T>& part) const;
  // Where t is among the dims of a value's array. REQUIRES: the value is on t.
  std::size_t column(Space space) const;
  bool on_axis(Space space) const { return space.has(axis_); }
  bool is_within(const std::string& axis) const;  // it lies within t

 private:
  // The lengths of an axis within t: those of the runs at point p of t are begin[p] .. begin[p + 1] - 1.
  struct Inner {
    std::string name;
    const std::vector<std::int32_t>* lengths = nullptr;
    std::vector<std::size_t> begin;
  };

  void find_lengths();
  void find_inner();
  bool within_computed(AxisId axis) const;
  std::vector<std::size_t> runs_within(AxisId axis) const;

  const Plan& plan_;
  AxisId axis_ = kNone;
  const Batch<T>* batch_ = nullptr;
  std::vector<std::int32_t> lengths_;
  std::vector<std::size_t> offset_;  // [rows + 1]: first point of t of each row
  std::vector<Inner> inner_;
};

extern template class ChunkCutter<float>;
extern template class ChunkCutter<double>;

}  // namespace tapeloop
