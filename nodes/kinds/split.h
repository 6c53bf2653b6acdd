// y[.., j] = x[.., (k - 1) w + j], w = last dimension / n, k = 1 .. n        dx += dy between zeros
#include "nodes/kind_file.h"
#include "nodes/part_of_last.h"

namespace tapeloop::kinds {

inline void infer_split(InferContext& c) {
  const double n = c.number("n");
  const double k = c.number("k");
  if (c.shapes[0].empty()) return c.fail("split takes a part of the last dimension, found a scalar");
  if (n < 1) return c.fail("split: expected n >= 1 parts, found n=" + std::to_string(std::llround(n)));
  if (k < 1 || k > n) {
    return c.fail("split: expected k from 1 to " + std::to_string(std::llround(n)) + ", found k=" + std::to_string(std::llround(k)),
                  "the first part is k=1");
  }
  const Dim width = c.shapes[0].back();
  const auto parts = static_cast<std::int64_t>(n);
  const Dim part = width.is_number() && width.number() % parts == 0 ? Dim(width.number() / parts) : c.sizes.fresh("");
  if (!c.sizes.unify(width, part * parts)) {
    return c.fail("split: " + c.sizes.text(width) + " does not divide into " + std::to_string(parts) + " equal parts");
  }
  c.shape = c.shapes[0];
  c.shape.back() = c.sizes.resolve(part);
  c.type = type_of_all(c);
}

inline std::int64_t start_of_split(const LocalShapes& shapes, const Attributes& attributes) {
  return (std::llround(number_of(attributes, "k", 1)) - 1) * shapes.result.back();
}

TAPELOOP_KIND(split) {
  kind.doc = "The k-th of n equal parts of the last dimension, k from 1.";
  kind.usage = "split(x, n, k)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {option("n", OptionSpec::Type::kInteger, "how many parts"), option("k", OptionSpec::Type::kInteger, "which one, from 1")};
  kind.infer = infer_split;
  kind.adjoint = [](AdjointBuilder& d) {
    const auto before = static_cast<std::int64_t>(number_of(d.node().attributes, "k", 1)) - 1;
    add_between_zeros(d, size_option(d.builder().graph().sizes, d.y().shape().back() * before));
  };
  kind.local = local_kernel<PartOfLast<start_of_split>>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{6}}, {{"k", 1.0}, {"n", 3.0}}), example({{6}}, {{"k", 3.0}, {"n", 3.0}}),
                   example({{2, 8}}, {{"k", 2.0}, {"n", 2.0}}), example({{2, 3, 4}}, {{"k", 2.0}, {"n", 4.0}})};
}

}  // namespace tapeloop::kinds
