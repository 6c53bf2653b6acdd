// y[.., j] = x[.., start + j], start + j < stop        dx += dy between zeros
#include "nodes/kind_file.h"
#include "nodes/part_of_last.h"

namespace tapeloop::kinds {

inline void infer_slice(InferContext& c) {
  if (c.shapes[0].empty()) return c.fail("slice takes a part of the last dimension, found a scalar");
  const double start = c.number("start");
  const double stop = c.number("stop");
  const Dim width = c.shapes[0].back();
  if (start < 0 || stop <= start || (width.is_number() && stop > static_cast<double>(width.number()))) {
    return c.fail("slice: expected 0 <= start < stop <= " + c.sizes.text(width) + ", found start=" + std::to_string(std::llround(start)) +
                  ", stop=" + std::to_string(std::llround(stop)));
  }
  c.shape = c.shapes[0];
  c.shape.back() = Dim(static_cast<std::int64_t>(stop - start));
  c.type = type_of_all(c);
}

inline std::int64_t start_of_slice(const LocalShapes&, const Attributes& attributes) {
  return std::llround(number_of(attributes, "start", 0));
}

TAPELOOP_KIND(slice) {
  kind.doc = "A part of the last dimension: positions start, start + 1 .. stop - 1.";
  kind.usage = "slice(x, start, stop)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {option("start", OptionSpec::Type::kInteger, "first position, from 0"),
                  option("stop", OptionSpec::Type::kInteger, "the position after the last")};
  kind.infer = infer_slice;
  kind.adjoint = [](AdjointBuilder& d) {
    const Node node = d.node();
    add_between_zeros(d, *find_attribute(node.attributes, "start"));
  };
  kind.local = local_kernel<PartOfLast<start_of_slice>>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{5}}, {{"start", 1.0}, {"stop", 4.0}}), example({{5}}, {{"start", 0.0}, {"stop", 5.0}}),
                   example({{3, 4}}, {{"start", 3.0}, {"stop", 4.0}}), example({{2, 3, 4}}, {{"start", 1.0}, {"stop", 3.0}})};
}

}  // namespace tapeloop::kinds
