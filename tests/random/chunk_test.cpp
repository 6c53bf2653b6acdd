// Random models that are causal along t, run in chunks of several sizes: what a whole run gives.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "compiler/frontend/container_reader.h"
#include "compiler/pipeline.h"
#include "core/chunk_names.h"
#include "nodes/registry.h"
#include "runtime/chunked_run.h"
#include "runtime/draws.h"
#include "tests/random/random_model.h"

namespace tapeloop {
namespace {

using Arrays = std::map<std::string, Array<double>>;

constexpr int kGraphs = 2000;

std::shared_ptr<const Plan> compiled(const RandomModel& model, const Registry& registry, ChunkPart part, Diagnostics& diagnostics) {
  const auto container = read_container(model.yaml, fmt::format("seed-{}.yaml", model.seed), "", diagnostics);
  CompileOptions options;
  options.input_gradients = true;
  options.chunk.part = part;
  options.cotangents = part == ChunkPart::kChunk;
  for (const auto& [name, array] : model.parameters) options.fed_shapes[name] = array.dims;
  return std::make_shared<const Plan>(compile(*container, options, registry, diagnostics).plan);
}

Array<double> random(std::vector<std::int64_t> dims, std::uint64_t seed, const std::string& name) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  Array<double> array{std::move(dims), std::vector<double>(static_cast<std::size_t>(count))};
  draw_uniform(draw_key(seed, draw_name(name)), {}, array.data.data(), count);
  return array;
}

struct Results {
  Arrays values, gradients;
};

Results whole_results(const RandomModel& model, const std::shared_ptr<const Plan>& plan, Cotangents<double>& cotangents) {
  Run<double> run(plan, {.poison = true});
  run.set_parameters(model.parameters);
  run.forward(model.batch);
  Results found;
  for (const OutputRef& output : plan->outputs) {
    found.values[output.name] = run.value(output.node);
    if (plan->loss == kNone) cotangents[output.name] = random(found.values[output.name].dims, model.seed, output.name);
  }
  run.backward(cotangents);
  if (plan->loss != kNone) found.values["loss"] = {{}, {run.loss()}};
  for (std::size_t k = 0; k < plan->gradients.size(); ++k) {
    found.gradients[plan->value(plan->gradients[k].first).name] = run.gradient_value(k);
  }
  return found;
}

double largest(const Arrays& arrays) {
  double found = 1e-3;
  for (const auto& [name, array] : arrays) {
    for (const double value : array.data) found = std::max(found, std::abs(value));
  }
  return found;
}

template <class Find>
std::string differences(const Arrays& expected, const Find& find) {
  std::string text;
  const double bound = 1e-12 * largest(expected);
  for (const auto& [name, array] : expected) {
    const Array<double> found = find(name);
    if (found.dims != array.dims) {
      text += fmt::format("  {}: [{}] expected, [{}] found\n", name, fmt::join(array.dims, ", "), fmt::join(found.dims, ", "));
      continue;
    }
    for (std::size_t k = 0; k < array.data.size(); ++k) {
      if (std::abs(found.data[k] - array.data[k]) <= bound) continue;
      text += fmt::format("  {}[{}]: expected {:.17g}, found {:.17g}\n", name, k, array.data[k], found.data[k]);
      break;
    }
  }
  return text;
}

// "" if all is equal.
std::string problems(const RandomModel& model, const std::shared_ptr<const Plan>& plan, const ChunkPlans& chunks) {
  Cotangents<double> cotangents;
  const Results expected = whole_results(model, plan, cotangents);
  const auto unread = [&](const std::string& name) {  // what neither part reads
    Array<double> zeros = expected.gradients.at(name);
    std::fill(zeros.data.begin(), zeros.data.end(), 0.0);
    return zeros;
  };
  std::string text;
  for (const std::int64_t positions : {0, 1, 2, 7, 50}) {
    ChunkedRun<double> run(chunks, {.positions = positions, .run = {.poison = true}});
    run.set_parameters(model.parameters);
    run.forward(model.batch);
    run.backward(cotangents);
    const std::string found = differences(expected.values,
                                          [&](const std::string& name) {
                                            return name == "loss" ? Array<double>{{}, {run.loss()}} : run.value(name);
                                          }) +
                              differences(expected.gradients, [&](const std::string& name) {
                                return run.has_gradient(name) ? run.gradient(name) : unread(name);
                              });
    if (!found.empty()) text += fmt::format(" chunks of {}:\n{}", positions, found);
  }
  return text;
}

TEST(RandomChunks, GiveWhatTheWholeRunGives) {
  const Registry registry = make_registry();
  const char* asked = std::getenv("TAPELOOP_RANDOM_GRAPHS");
  const int graphs = asked ? std::atoi(asked) : kGraphs;
  int causal = 0, carrying = 0, failures = 0;
  for (int seed = 0; seed < graphs; ++seed) {
    const RandomModel model = random_model(static_cast<std::uint64_t>(seed));
    Diagnostics refused;
    const auto chunk = compiled(model, registry, ChunkPart::kChunk, refused);
    if (refused.has_errors()) {
      for (const Diagnostic& diagnostic : refused.sorted()) {
        EXPECT_TRUE(diagnostic.severity == Severity::kWarning || diagnostic.code == "E0610") << format(diagnostic);
      }
      continue;
    }
    ++causal;
    carrying +=
        std::any_of(chunk->inputs.begin(), chunk->inputs.end(), [&](NodeId id) { return chunk->value(id).name.starts_with(kCarryPrefix); });
    Diagnostics diagnostics;
    const auto tail = compiled(model, registry, ChunkPart::kTail, diagnostics);
    const auto whole = compiled(model, registry, ChunkPart::kWhole, diagnostics);
    raise_errors(diagnostics);
    std::string text;
    try {
      text = problems(model, whole, {chunk, tail});
    } catch (const std::exception& error) {
      text = fmt::format("  thrown: {}\n", error.what());
    }
    if (!text.empty() && ++failures <= 3) ADD_FAILURE() << "seed " << seed << "\n" << text << model.yaml;
  }
  EXPECT_EQ(failures, 0) << "of " << causal;
  EXPECT_GT(carrying, graphs / 25 - 3);
}

}  // namespace
}  // namespace tapeloop
