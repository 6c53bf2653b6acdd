// Targets that read the language.
#include <memory>
#include <string>

#include "compiler/frontend/container_reader.h"
#include "compiler/frontend/equation_parser.h"
#include "models/facade/evaluate.h"
#include "models/facade/trial_feed.h"
#include "runtime/run.h"
#include "runtime/training/train_spec.h"
#include "tests/fuzz/targets.h"

namespace tapeloop::fuzz {
namespace {

constexpr std::int64_t kMostElements = 1 << 16;  // of what is fed, so that a pass takes milliseconds
constexpr std::int64_t kMostBytes = 1 << 25;
constexpr std::size_t kMostInstructions = 2000;

// Sizes that nobody gave are fed as small numbers.
bool is_small(const Compiled& compiled) {
  std::int64_t elements = 0;
  for (NodeId id = 0; id < compiled.graph.size(); ++id) {
    std::int64_t node = 1;
    for (const Dim& dim : compiled.graph.sizes.resolve(compiled.graph[id].shape)) {
      const std::int64_t size = dim.is_number() ? dim.number() : 8;
      if (size > kMostElements || (node *= std::max<std::int64_t>(size, 1)) > kMostElements) return false;
    }
    elements += node;
  }
  for (const Axis& axis : compiled.graph.axes) {
    if (axis.most > 64) return false;
  }
  return elements <= kMostElements && compiled.plan.instructions.size() <= kMostInstructions;
}

void step(const Model& model, const Compiled& compiled, Mode mode) {
  TrialSizes sizes;
  sizes.rows = 2;
  sizes.longest = 3;
  const Feed feed = trial_feed(model, mode, 1, sizes);
  EvaluateOptions options;
  options.mode = mode;
  options.gradients = mode == Mode::kTrain && !compiled.graph.losses.empty();
  Prepared<float> prepared = prepare<float>(model, feed, options);
  RunOptions run_options;
  run_options.max_bytes = kMostBytes;
  run_options.threads = 1;
  Run<float> run(std::make_shared<const Plan>(std::move(prepared.compiled.plan)), run_options);
  run.set_parameters(prepared.parameters);
  run.forward(prepared.batch);
  if (options.gradients) run.backward();
}

}  // namespace

void model(std::string_view bytes) {
  Diagnostics diagnostics;
  const std::optional<Container> container = read_container(bytes, "fuzz.yaml", "", diagnostics);
  for (const Diagnostic& one : diagnostics.sorted()) static_cast<void>(format(one));
  if (!container) return;
  if (container->train) read_train_spec(*container->train, {}, diagnostics);
  const Model model(*container);
  for (const Mode mode : {Mode::kTrain, Mode::kDecode}) {
    CompileOptions options;
    options.mode = mode;
    options.gradients = mode == Mode::kTrain && !container->losses.empty();
    Diagnostics found = diagnostics;
    const Compiled compiled = model.compile_into(found, options);
    for (const Diagnostic& one : found.sorted()) static_cast<void>(format(one));
    if (!found.has_errors() && is_small(compiled)) step(model, compiled, mode);
  }
}

void equation(std::string_view bytes) {
  Diagnostics diagnostics;
  const Source source{std::make_shared<const std::string>("fuzz.yaml"), 3, 6};
  if (const ExpressionPtr tree = parse_equation(bytes, source, diagnostics)) {
    const std::string text = to_text(*tree);
    Diagnostics again;
    const ExpressionPtr same = parse_equation(text, source, again);
    if (!diagnostics.has_errors() && text.size() <= kMaxEquationBytes && (!same || to_text(*same) != text)) __builtin_trap();
  }
  parse_ranges(bytes, source, diagnostics);
  for (const Diagnostic& one : diagnostics.sorted()) static_cast<void>(format(one));
}

void feed(std::string_view bytes) {
  static const Model kModel = [] {
    Diagnostics diagnostics;
    const char* yaml = R"(tapeloop: 1
axes: {t: {}, u: {within: t}}
inputs: {x: {shape: [n]}, word: {axes: [t, u], type: int}, on: {axes: [], type: bool}}
parameters: {table: [5, n]}
nodes:
  h: tanh(x + sum(embedding(word, table), along=u) + h_tm1)
  y: where(on, h, x)
outputs: [y]
)";
    return Model(*read_container(yaml, "fed.yaml", "", diagnostics));
  }();
  const Feed feed = parse_feed(bytes, "fuzz.json");
  if (parse_feed(feed_json(feed), "again.json").inputs.size() != feed.inputs.size()) __builtin_trap();
  EvaluateOptions options;
  options.threads = 1;
  evaluate<float>(kModel, feed, options);
}

}  // namespace tapeloop::fuzz
