// Instructions that multiply matrices or bring points of a shard together: products, sums, extremes. Sums over all shards: whole_sums.h.
#pragma once

#include "runtime/frame.h"
#include "runtime/products.h"

namespace tapeloop {

template <class T>
class SumWork {
 public:
  explicit SumWork(Frame<T>& frame) : frame_(frame), products_(frame.plan()) {}

  void pack(const Step& step);
  void product(const Step& step);
  void product_sum(const Step& step);
  void sum(const Step& step);  // by groups: ascending
  void extreme(const Step& step);

 private:
  void sum_groups(const Step& step);
  void product_each(const Step& step);
  void product_groups(const Step& step);
  void product_packed(const Step& step);
  void add_packed(const ProductSize& size, std::int64_t width, std::int64_t points, const Rows<T>& a, const T* b,
                  const Strided<const T>& from, const Strided<T>& out, bool back);
  static void copy_rows(const Strided<const T>& from, std::int64_t points, const Strided<T>& out);
  void multiply_transposed(const Instruction& made, const ProductSize& size, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
                           T* out, bool add);
  // The source point's row of a grouped instruction's operand.
  const T* source(const Step& step, std::size_t operand, std::int32_t point) const {
    return frame_.reader().row(step.operands[operand].buffer, point) + step.operands[operand].column;
  }

  Frame<T>& frame_;
  Products<T> products_;
};

extern template class SumWork<float>;
extern template class SumWork<double>;

}  // namespace tapeloop
