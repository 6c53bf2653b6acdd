// y[j] = the position of the j-th largest element, counted row by row; of equals the first comes first        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

struct Top {
  static void infer(InferContext& c) {
    const double count = c.number("count");
    const Shape shape = c.sizes.resolve(c.shapes[0]);
    if (is_known(shape) && static_cast<double>(elements(shape)) < count) {
      return c.fail("top: expected at least " + std::to_string(std::llround(count)) + " elements, found " + c.sizes.text(shape));
    }
    c.shape = {Dim(static_cast<std::int64_t>(count))};
    c.type = Type::kInt;
  }

  // numbers: elements, how many of them
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    params.numbers = {elements_of(shapes.operands[0]), elements_of(shapes.result)};
    return params;
  }

  // Each goes in where it belongs among those found before; what is not a number comes last.
  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t elements = call.params[0];
    const std::int64_t count = call.params[1];
    const auto key = [](T value) { return std::isnan(value) ? -std::numeric_limits<T>::infinity() : value; };
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * count;
      for (std::int64_t k = 0, found = 0; k < elements; ++k) {
        const T value = key(x[k]);
        if (found == count && !(value > key(x[static_cast<std::int64_t>(out[count - 1])]))) continue;
        std::int64_t place = found < count ? found++ : count - 1;
        for (; place > 0 && value > key(x[static_cast<std::int64_t>(out[place - 1])]); --place) out[place] = out[place - 1];
        out[place] = static_cast<T>(k);
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    std::vector<std::int64_t> order;
    for (std::int64_t k = 0; k < elements_of(call.shapes->operands[0]); ++k) order.push_back(k);
    const auto key = [&](std::int64_t k) {
      const double value = real_part(call.in[0][k]);
      return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
    };
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return key(a) > key(b); });
    for (std::int64_t j = 0; j < elements_of(call.shapes->result); ++j) {
      call.out[j] = S(static_cast<double>(order[static_cast<std::size_t>(j)]));
    }
  }
};

TAPELOOP_KIND(top) {
  kind.doc = "Positions of the largest elements, counted row by row from 0, the largest first.";
  kind.usage = "top(x, count)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {from(1, option("count", OptionSpec::Type::kInteger, "how many"))};
  kind.infer = &Top::infer;
  kind.differentiable = false;
  kind.local = local_kernel<Top>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = {example({{5}}, {{"count", 3.0}}), example({{2, 3}}, {{"count", 6.0}}), example({{4}}, {{"count", 1.0}})};
}

}  // namespace tapeloop::kinds
