// y = (x - mean) / sqrt(variance + eps) gain + bias, mean and variance over the last dimension        composite
// with parameters NODE.layer_norm.gain, 1 at first, and NODE.layer_norm.bias, 0 at first
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(layer_norm) {
  kind.role = Role::kComposite;
  kind.doc = "Normalised over the features, with learned gain and bias. Ba, Kiros & Hinton 2016, arXiv:1607.06450.";
  kind.usage = "layer_norm(x, eps=1e-5)";
  kind.operands = {"x"};
  kind.options = {from(0, option("eps", OptionSpec::Type::kNumber, 1e-5, "added to the variance"))};
  kind.parameters = {{"gain", {"_"}, "ones"}, {"bias", {"_"}, "zeros"}};
  kind.equation = "(x - mean_last(x)) / sqrt(mean_last(square(x - mean_last(x))) + eps) * gain + bias";
  kind.examples = {example({{5}}), example({{17}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
