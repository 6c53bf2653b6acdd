// Instructions that multiply matrices or bring points together: products, sums, extremes.
#pragma once

#include "runtime/frame.h"
#include "runtime/products.h"

namespace tapeloop {

template <class T>
class SumWork {
 public:
  explicit SumWork(Frame<T>& frame) : frame_(frame) {}

  void pack(const Step& step);
  void product(const Step& step);
  void product_sum(const Step& step);
  // Into P: blocks of kSumBlock rows, each summed in order, then the blocks in order. By groups: ascending.
  void sum(const Step& step);
  void extreme(const Step& step);

 private:
  void sum_all(const Step& step);
  void sum_groups(const Step& step);
  void product_all(const Step& step);
  void product_groups(const Step& step);
  void product_packed(const Step& step);
  void multiply_transposed(const Instruction& made, const ProductSize& size, const T* a, std::int64_t lda, const T* b, std::int64_t ldb,
                           T* out, bool add);
  void add_products(const Step& step, const Rows<T>& a, const Rows<T>& b, std::int32_t points, T* out, bool add);
  // The source point's row of a grouped instruction's operand.
  const T* source(const Step& step, std::size_t operand, std::int32_t point) const {
    return frame_.reader().row(step.operands[operand].buffer, point) + step.operands[operand].column;
  }

  static constexpr std::int32_t kSumBlock = 256;
  Frame<T>& frame_;
  Products<T> products_;
};

extern template class SumWork<float>;
extern template class SumWork<double>;

}  // namespace tapeloop
