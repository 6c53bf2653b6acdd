// y[.., :] = table[i[..], :]; NaN where the table has no such row        dtable[r, :] += sum of dy[.., :] over the points where i = r
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Embedding {
  static void infer(InferContext& c) {
    if (c.types[0] == Type::kFloat) return c.fail("embedding: expected ints, found floats", "declare the input with type: int");
    if (c.shapes[1].size() != 2) return c.fail("embedding: expected a table [rows, size], found " + c.sizes.text(c.shapes[1]));
    c.shape = c.shapes[0];
    c.shape.push_back(c.shapes[1][1]);
  }

  // numbers: how many, rows of the table, size of a row
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    params.numbers = {elements_of(shapes.operands[0]), shapes.operands[1][0], shapes.operands[1][1]};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t count = call.params[0];
    const std::int64_t size = call.params[2];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* i = call.in[0] + point * call.in_stride[0];
      const T* table = call.in[1] + point * call.in_stride[1];
      T* out = call.out + point * count * size;
      for (std::int64_t k = 0; k < count; ++k, out += size) {
        const std::int64_t row = whole_below(i[k], call.params[1]);
        if (row < 0) {
          std::fill(out, out + size, std::numeric_limits<T>::quiet_NaN());
        } else {
          std::copy(table + row * size, table + (row + 1) * size, out);
        }
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t size = call.shapes->operands[1][1];
    const auto rows = static_cast<double>(call.shapes->operands[1][0]);
    for (std::int64_t k = 0; k < elements_of(call.shapes->result); ++k) {
      const double row = std::round(real_part(call.in[0][k / size]));
      const bool inside = row >= 0 && row < rows;
      call.out[k] = inside ? call.in[1][static_cast<std::int64_t>(row) * size + k % size] : S(std::numeric_limits<double>::quiet_NaN());
    }
  }

  // A table of its own at every point.
  static void add_each(AdjointBuilder& d, Term table) {
    const Dim rows = table.shape()[0];
    Shape spots = d.x(0).shape();
    spots.push_back(rows);
    const Term spot = d.builder().shaped("one_hot", {d.x(0)}, d.x(0).space(), spots, {{"n", size_option(d.builder().graph().sizes, rows)}});
    d.add(1, d.builder().product_sum(spot, d.dy(), table.space()));
  }
};

TAPELOOP_KIND(embedding) {
  kind.doc = "Rows of a table, by number.";
  kind.usage = "embedding(i, table)";
  kind.role = Role::kLocal;
  kind.operands = {"i", "table"};
  kind.infer = &Embedding::infer;
  kind.lookup = {0, 1, false};
  kind.adjoint = [](AdjointBuilder& d) {
    if (!d.wants(1)) return;
    const Term table = d.x(1);
    if (table.space() != Space::parameters()) return Embedding::add_each(d, table);
    d.add(1, d.builder().shaped("embedding_sum", {d.x(0), d.dy()}, table.space(), table.shape()));
  };
  kind.local = local_kernel<Embedding>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{}, {5, 3}}, {}, {5, 0}), example({{4}, {5, 3}}, {}, {5, 0}), example({{2, 3}, {6, 1}}, {}, {6, 0})};
}

}  // namespace tapeloop::kinds
