#include "nodes/reductions.h"

namespace tapeloop::kinds {

void infer_reduced_shape(InferContext& c) {
  c.shape = {};
  c.type = c.types[0];
}

void infer_without_last(InferContext& c) {
  c.shape = c.shapes[0];
  if (!c.shape.empty()) c.shape.pop_back();
  c.type = c.types[0];
}

void infer_last_as_one(InferContext& c) {
  c.shape = c.shapes[0];
  if (!c.shape.empty()) c.shape.back() = Dim(1);
  c.type = c.types[0];
}

void add_at_position(AdjointBuilder& d, std::string_view position_kind) {
  const Term x = d.x(0);
  const Term position = d.call(position_kind, {x});
  d.add(0, d.dy() * d.builder().shaped("one_hot", {position}, x.space(), x.shape()));
}

Cost reduction_cost(const LocalShapes& shapes) { return {static_cast<double>(elements_of(shapes.operands[0]))}; }

std::vector<Example> reduction_examples() {
  return {example({{}}), example({{1}}), example({{5}}), example({{17}}), example({{3, 4}}), example({{2, 3, 9}})};
}

}  // namespace tapeloop::kinds
