// tapeloop run MODEL --feed FEED.json: outputs, loss and gradients of any model on given parameters and inputs.
#include <fmt/format.h>

#include "models/facade/evaluate.h"
#include "models/facade/feed.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {
namespace {

// Without --json: a name, its dimensions and its first numbers, one line each.
template <class T>
std::string line_of(const std::string& what, const std::string& name, const Array<T>& array) {
  constexpr std::size_t kShown = 8;
  std::string text = fmt::format("{:<9}{:<24}", what, name);
  for (const std::int64_t dim : array.dims) text += fmt::format("[{}]", dim);
  text += " ";
  for (std::size_t k = 0; k < array.data.size() && k < kShown; ++k) text += fmt::format(" {:.6g}", array.data[k]);
  return text + (array.data.size() > kShown ? " ..\n" : "\n");
}

template <class T>
void run_in(const RunRequest& request, const Model& model, const Feed& feed, const EvaluateOptions& options) {
  const Evaluated<T> result = evaluate<T>(model, feed, options);
  if (request.json) return print_result(result.json());
  std::string text;
  for (const auto& [name, array] : result.outputs) text += line_of("output", name, array);
  for (const auto& [name, array] : result.watched) text += line_of("watched", name, array);
  for (const auto& [name, array] : result.lengths) text += line_of("length", name, array);
  if (result.loss) text += fmt::format("{:<33}{:.17g}\n", "loss", *result.loss);
  for (const auto& [name, array] : result.gradients) text += line_of("gradient", name, array);
  print_result(text);
}

}  // namespace

int run_command(const RunRequest& request) {
  if (!are_optimisations(request.without)) return kUsage;
  std::string weights = request.weights;
  const std::optional<Asked> asked = asked_model(request, weights);
  if (!asked) return kUsage;
  const Model model = Model::load(asked->model, asked->key_values);
  Feed feed = read_feed(request.feed);
  if (!weights.empty()) add_weights(feed, weights);
  EvaluateOptions options;
  options.gradients = request.gradients;
  options.loss = request.loss;
  options.watch = request.watch;
  options.reference = request.reference;
  options.mode = mode_of(request.mode);
  options.without = request.without;
  options.seed = request.seed;
  options.chunks = request.chunks;
  options.threads = request.threads.value_or(0);
  if (request.f64 || request.reference) {
    run_in<double>(request, model, feed, options);
  } else {
    run_in<float>(request, model, feed, options);
  }
  return kDone;
}

}  // namespace tapeloop::tool
