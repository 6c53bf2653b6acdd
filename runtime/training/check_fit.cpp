// Holds `train:` against the model that it is to train.
#include <algorithm>
#include <optional>

#include "runtime/training/name_pattern.h"
#include "runtime/training/parameters.h"
#include "runtime/training/trainer.h"

namespace tapeloop {
namespace {

std::string place_text(const std::vector<std::string>& axes) {
  if (axes.empty()) return "on no axis";
  std::string text;
  for (const std::string& axis : axes) text += (text.empty() ? (axes.size() > 1 ? "on axes " : "on axis ") : ", ") + axis;
  return text;
}

std::vector<std::string> axis_names(const Plan& plan, Space space) {
  std::vector<std::string> names;
  for (const AxisId axis : space.axes()) names.push_back(plan.axes[static_cast<std::size_t>(axis)].name);
  return names;
}

void check_input(const InputForm& form, const Plan& plan, const PlanValue& value, Diagnostics& diagnostics) {
  const std::vector<std::int64_t> shape = numbers(plan.sizes.resolve(value.shape));
  if (shape != form.shape) {
    diagnostics.error("E0810", form.source,
                      "train.data.inputs." + form.name + " has shape " + dims_text(form.shape) + "; the model's '" + form.name + "' has " +
                          dims_text(shape) + " (" + value.source.text() + ")",
                      "`column: c` has shape [], `columns: [c]` has [1]");
  }
  const std::vector<std::string> axes = axis_names(plan, value.space);
  if (axes == form.axes) return;
  diagnostics.error("E0810", form.source,
                    "train.data.inputs." + form.name + " lies " + place_text(form.axes) + "; the model's '" + form.name + "' lies " +
                        place_text(axes) + " (" + value.source.text() + ")",
                    "with a window, `at: next` is a single row and lies on no axis; such an input has axes: [] in the model");
}

// Ids and classes must be there, before a batch brings them into a run.
void check_whole(std::size_t input, const Dataset& data, const PlanValue& value, Diagnostics& diagnostics) {
  if (value.type == Type::kFloat) return;
  const auto fits = [&](double number) { return value.whole.hold(number, kLargestFloat); };
  const std::optional<Dataset::Place> misfit = data.find_misfit(input, fits);
  if (!misfit) return;
  const InputForm& form = data.forms()[input];
  diagnostics.error("E0704", misfit->source,
                    "train.data.inputs." + form.name + " (" + form.source.text() + ") feeds '" + value.name + "' (" + value.source.text() +
                        "), and " + value.whole.mismatch(value.name, misfit->value, kLargestFloat),
                    value.whole.help());
}

void check_prediction(const MetricsSpec& metrics, const Dataset& data, const Plan& plan, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const OutputRef& output : plan.outputs) names.push_back(output.name);
  const auto at = std::find(names.begin(), names.end(), metrics.output.name);
  if (at == names.end()) {
    diagnostics.error(
        "E0810", metrics.output.source,
        "train.metrics.output: the model has no value '" + metrics.output.name + "'" + did_you_mean(metrics.output.name, names));
    return;
  }
  const PlanValue& value = plan.value(plan.outputs[static_cast<std::size_t>(at - names.begin())].node);
  if (!value.space.on_batch()) {
    diagnostics.error("E0810", metrics.output.source,
                      "train.metrics.output: '" + metrics.output.name + "' depends on parameters alone; it says nothing of an example (" +
                          value.source.text() + ")");
    return;
  }
  if (metrics.target.name.empty()) return;
  const InputForm& target = data.forms()[data.input(metrics.target.name)];
  const bool classes = std::find(metrics.report.begin(), metrics.report.end(), Metric::kAccuracy) != metrics.report.end();
  std::int64_t expected = 1;
  for (const std::int64_t dim : target.shape) expected *= dim;
  const bool fits =
      axis_names(plan, value.space) == target.axes && (classes ? expected == 1 : elements(plan.sizes.resolve(value.shape)) == expected);
  if (fits) return;
  diagnostics.error("E0810", metrics.output.source,
                    "train.metrics: the output '" + metrics.output.name + "' of shape " +
                        dims_text(numbers(plan.sizes.resolve(value.shape))) + " cannot be held against '" + target.name + "' of shape " +
                        dims_text(target.shape) + (target.axes.empty() ? "" : " " + place_text(target.axes)));
}

void check_decoding(const DecodingSpec& spec, const Dataset& data, const Plan& plan, Diagnostics& diagnostics) {
  if (!data.vocabulary(data.input(spec.target.name))) {
    diagnostics.error("E0810", spec.target.source, "train.decoding.target: '" + spec.target.name + "' has no tokens",
                      "an input of tokens has tokens: NAME in train.data.inputs");
  }
  std::vector<std::string> names;
  for (const OutputRef& output : plan.outputs) names.push_back(output.name);
  const auto at = std::find(names.begin(), names.end(), spec.output.name);
  if (at == names.end()) {
    diagnostics.error("E0810", spec.output.source,
                      "train.decoding.output: the model has no output '" + spec.output.name + "'" + did_you_mean(spec.output.name, names));
    return;
  }
  const PlanValue& value = plan.value(plan.outputs[static_cast<std::size_t>(at - names.begin())].node);
  if (value.type == Type::kInt && value.shape.empty() && value.space.on_batch()) return;
  diagnostics.error(
      "E0810", spec.output.source,
      "train.decoding.output: '" + spec.output.name + "' is no token: expected an int of shape [] (" + value.source.text() + ")",
      "argmax(logits, along=shape) is one");
}

// Axes that lengths are asked of must be there.
void check_axis(const NamedAt& axis, const char* path, const Dataset& data, Diagnostics& diagnostics) {
  if (axis.name.empty()) return;
  std::vector<std::string> known;
  for (const InputForm& form : data.forms()) known.insert(known.end(), form.axes.begin(), form.axes.end());
  if (std::find(known.begin(), known.end(), axis.name) != known.end()) return;
  diagnostics.error("E0810", axis.source,
                    std::string(path) + ": no input of train.data lies on an axis '" + axis.name + "'" + did_you_mean(axis.name, known));
}

// A number of its own for every example, the same for all.
void check_scheduled(const ScheduledInput& input, const Plan& plan, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    names.push_back(value.name);
    if (value.name != input.input.name) continue;
    if (value.type == Type::kFloat && value.shape.empty() && value.space.axes().empty()) return;
    diagnostics.error(
        "E0810", input.input.source,
        "train.inputs." + value.name + " is one number; the model's '" + value.name + "' is something else (" + value.source.text() + ")",
        "write " + value.name + ": {axes: []} in the model's inputs");
    return;
  }
  diagnostics.error("E0810", input.input.source,
                    "train.inputs: the model has no input '" + input.input.name + "'" + did_you_mean(input.input.name, names));
}

void check_rates(const TrainSpec& spec, const Plan& plan, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const NodeId id : plan.parameters) names.push_back(plan.value(id).name);
  for (const RateOf& rate : spec.rates) {
    const std::string& pattern = rate.pattern.name;
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return matches(pattern, name); })) continue;
    diagnostics.error("E0810", rate.pattern.source,
                      "train.rates: no parameter's name fits '" + pattern + "'" + did_you_mean(pattern, names),
                      "`*` stands for any characters; `tapeloop summary` lists the parameters");
  }
}

}  // namespace

void check_fit(const TrainSpec& spec, const Dataset& data, const Plan& plan, const Plan& eval, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const NodeId id : plan.inputs) names.push_back(plan.value(id).name);
  std::vector<std::string> given;
  for (std::size_t k = 0; k < data.forms().size(); ++k) {
    const InputForm& form = data.forms()[k];
    given.push_back(form.name);
    const auto at = std::find(names.begin(), names.end(), form.name);
    if (at == names.end()) {
      diagnostics.error("E0810", form.source,
                        "train.data.inputs: the model has no input '" + form.name + "'" + did_you_mean(form.name, names));
    } else {
      const PlanValue& value = plan.value(plan.inputs[static_cast<std::size_t>(at - names.begin())]);
      check_input(form, plan, value, diagnostics);
      check_whole(k, data, value, diagnostics);
    }
  }
  for (const ScheduledInput& input : spec.inputs) {
    given.push_back(input.input.name);
    check_scheduled(input, plan, diagnostics);
  }
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    if (std::find(given.begin(), given.end(), value.name) != given.end()) continue;
    diagnostics.error("E0810", spec.data.source,
                      "train.data.inputs lacks the model's input '" + value.name + "' (" + value.source.text() + ")");
  }
  if (plan.loss == kNone) {
    diagnostics.error("E0814", spec.data.source, "the model has no loss to train on", "add loss: NAME to the model");
  }
  for (const MetricsSpec& metrics : spec.metrics) {
    check_prediction(metrics, data, eval, diagnostics);
    check_axis(metrics.by, "train.metrics.by", data, diagnostics);
  }
  if (spec.decoding) check_decoding(*spec.decoding, data, plan, diagnostics);
  check_axis(spec.bucket, "train.batch.bucket", data, diagnostics);
  check_rates(spec, plan, diagnostics);
}

}  // namespace tapeloop
