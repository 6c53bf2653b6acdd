// y[.., n] = sum_k a[.., k] b[k, n]        da += dy b^T        db[k, n] += sum over the points and a's leading dimensions of a^T dy
// y[..]    = sum_k a[.., k] b[k]           da += dy[.., 1] b   db[k] += the same of a^T dy
// A weight's gradient is one product over all points, in no cycle.
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

inline void infer_matmul(InferContext& c) {
  const Shape& a = c.shapes[0];
  const Shape& b = c.shapes[1];
  if (a.empty() || b.empty()) return c.fail("@ needs a vector or a matrix on both sides, found a scalar", "write * for a scalar factor");
  if (b.size() > 2) return c.fail("the right side of @ has at most two dimensions, found " + c.sizes.text(b));
  if (!c.same(a.back(), b.front(), c.sizes.text(a) + " @ " + c.sizes.text(b))) return;
  c.shape.assign(a.begin(), a.end() - 1);
  if (b.size() == 2) c.shape.push_back(b[1]);
}

// [..] as [.., 1]
inline Term as_column(AdjointBuilder& d, Term value) {
  Shape shape = value.shape();
  shape.push_back(Dim(1));
  return reshaped(d, value, shape);
}

// da where `a` is the same at all points (W @ x): one product over the points, as for b, instead of a matrix at each point.
inline Term left_gradient_summed(AdjointBuilder& d, Term a, Term b) {
  Term dy = d.dy();  // [m, n], [m], [n] or []
  if (a.shape().size() == 1) dy = reshaped(d, dy, b.shape().size() == 2 ? Shape{Dim(1), b.shape()[1]} : Shape{Dim(1)});
  const bool vector = b.shape().size() == 1;
  const Term gradient = vector ? d.builder().product_sum(dy, b, a.space())
                               : d.builder().product_sum(d.call("transpose", {dy}), d.call("transpose", {b}), a.space());
  return a.shape().size() == 1 ? reshaped(d, gradient, a.shape()) : gradient;
}

inline void adjoint_of_matmul(AdjointBuilder& d) {
  const Term a = d.x(0);
  const Term b = d.x(1);
  const bool vector = b.shape().size() == 1;
  if (d.wants(0)) {
    const bool summed = !a.space().contains(d.dy().space()) && a.shape().size() <= 2;
    d.add(0, summed   ? left_gradient_summed(d, a, b)
             : vector ? as_column(d, d.dy()) * b
                      : d.call("matmul", {d.dy(), d.call("transpose", {b})}));
  }
  if (!d.wants(1)) return;
  const Term gradient = d.builder().product_sum(a, vector ? as_column(d, d.dy()) : d.dy(), b.space());
  d.add(1, vector ? reshaped(d, gradient, b.shape()) : gradient);
}

TAPELOOP_KIND(matmul) {
  kind.symbol = "@";
  kind.doc = "Matrix product on the shape: of a vector or rows of a matrix with a matrix, or a vector.";
  kind.usage = "a @ b";
  kind.role = Role::kProduct;
  kind.operands = {"a", "b"};
  kind.infer = infer_matmul;
  kind.adjoint = adjoint_of_matmul;
  kind.cost = [](const LocalShapes& s) {
    return Cost{2.0 * static_cast<double>(elements_of(s.operands[0])) *
                static_cast<double>(s.operands[1].size() == 2 ? s.operands[1][1] : 1)};
  };
  kind.examples = {example({{4}, {4, 3}}), example({{5, 4}, {4, 3}}), example({{2, 5, 4}, {4, 3}}),
                   example({{4}, {4}}),    example({{5, 4}, {4}}),    example({{17}, {17, 33}})};
}

}  // namespace tapeloop::kinds
