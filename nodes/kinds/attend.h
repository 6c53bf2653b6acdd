// y = sum_s softmax_s(scores(s)) values(s)        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(attend) {
  kind.role = Role::kComposite;
  kind.doc = "Values averaged along an axis with weights softmax(scores). Bahdanau, Cho & Bengio 2015, arXiv:1409.0473.";
  kind.usage = "attend(scores, values, along=AXIS)";
  kind.operands = {"scores", "values"};
  kind.options = {option("along", OptionSpec::Type::kAxis, "the axis of the values")};
  kind.equation = "sum(softmax(scores, along=along) * values, along=along)";
  kind.examples = {example({{}, {5}}), example({{}, {}}), example({{4}, {4}})};
}

}  // namespace tapeloop::kinds
