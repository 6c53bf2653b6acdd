// y = the numbers of x in the same (row-major) order under another shape        dx += dy under x's shape
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

inline void infer_reshape(InferContext& c) {
  const AttributeValue* option = find_attribute(c.attributes, "shape");
  const auto* dims = option ? std::get_if<std::vector<double>>(option) : nullptr;
  if (!dims) return c.fail("reshape needs shape=[..]", "say the new shape: shape=[28, 28]");
  std::int64_t product = 1;
  for (const double dim : *dims) {
    if (dim < 0) return c.fail("reshape: a size below 0");
    c.shape.push_back(Dim(static_cast<std::int64_t>(dim)));
    product *= static_cast<std::int64_t>(dim);
  }
  const Shape& x = c.shapes[0];
  const bool fits = is_known(x) ? elements(x) == product : x.size() == 1 && c.sizes.unify(x[0], Dim(product));
  if (!fits) {
    return c.fail("reshape: expected a shape with as many elements as " + c.sizes.text(x) + ", found " + c.sizes.text(c.shape) +
                  (is_known(x) ? "" : ": the sizes must be known"));
  }
  c.type = c.types[0];
}

TAPELOOP_KIND(reshape) {
  kind.doc = "The same numbers, row-major, under another shape.";
  kind.usage = "reshape(x, shape=[..])";
  kind.role = Role::kAlias;
  kind.operands = {"x"};
  kind.options = {option("shape", OptionSpec::Type::kNumbers, "the new shape")};
  kind.infer = infer_reshape;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, reshaped(d, d.dy(), d.x(0).shape())); };
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{6}}, {{"shape", std::vector<double>{2, 3}}}), example({{2, 3}}, {{"shape", std::vector<double>{3, 2, 1}}}),
                   example({{}}, {{"shape", std::vector<double>{1}}}), example({{1, 1}}, {{"shape", std::vector<double>{}}})};
}

}  // namespace tapeloop::kinds
