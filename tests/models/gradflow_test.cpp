// Gradients between inner values: against the complex step of the forward equations, and in words where there are none.
#include "models/facade/gradflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/facade/trial_feed.h"
#include "runtime/complex_step.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::model_of;

// v becomes v + addend, so that the derivative by the addend is that by v: no adjoint rule is asked.
Graph with_addend(Graph graph, NodeId id) {
  Node addend;
  addend.kind = &built_in_kinds().at("input");
  addend.space = graph[id].space;
  addend.shape = graph[id].shape;
  addend.name = "addend";
  const NodeId before = graph.add(graph[id]);
  const NodeId added = graph.add(addend);
  Node sum = addend;
  sum.kind = &built_in_kinds().at("add");
  sum.operands = {before, added};
  sum.name = "sum";
  graph[id] = sum;
  return graph;
}

std::vector<std::int64_t> dims_of(const Graph& graph, NodeId id, Reference<double>& forward) {
  std::vector<std::int64_t> dims = forward.dense(id).dims;
  if (!graph[id].space.on_batch()) dims.erase(dims.begin());
  return dims;
}

// The norms that a heat map shows of one value, by the complex step, for a batch of one example.
std::vector<double> exact_norms(const Graph& graph, const Batch<double>& batch, const std::map<std::string, Array<double>>& parameters,
                                NodeId from, std::int64_t last, NodeId of) {
  Reference<double> forward(graph, batch, parameters, 1);
  Array<double> cotangent{dims_of(graph, from, forward), {}};
  std::int64_t size = 1, shape = 1;
  for (const std::int64_t dim : cotangent.dims) size *= dim;
  for (const std::int64_t dim : numbers(graph.sizes.resolve(graph[from].shape))) shape *= dim;
  Batch<double> fed = batch;
  Array<double>& addend = fed.inputs["addend"];
  addend.dims = dims_of(graph, of, forward);
  std::int64_t entries = 1;
  for (const std::int64_t dim : addend.dims) entries *= dim;
  addend.data.assign(static_cast<std::size_t>(entries), 0);
  const Graph changed = with_addend(graph, of);
  std::vector<double> squares(static_cast<std::size_t>(addend.dims[1]));
  for (std::int64_t entry = last ? size - shape : 0; entry < size; ++entry) {
    cotangent.data.assign(static_cast<std::size_t>(size), 0);
    cotangent.data[static_cast<std::size_t>(entry)] = 1;
    ComplexStep step(changed, fed, parameters, {{from, cotangent}}, 1);
    for (std::int64_t k = 0; k < entries; ++k) {
      const double derivative = step.derivative(changed.size() - 1, k);
      squares[static_cast<std::size_t>(k / (entries / addend.dims[1]))] += derivative * derivative;
    }
  }
  for (double& square : squares) square = std::sqrt(square);
  return squares;
}

// Every value of the model that has an axis.
void expect_exact(const std::string& name, const std::vector<std::string>& key_values, const std::string& from) {
  const Model model = Model::load(testing::source_path("models/" + name + ".yaml"), key_values);
  const Feed feed = trial_feed(model, Mode::kTrain, 3, {1, 3, 2, false});
  GradflowOptions options;
  options.feed = &feed;
  options.from = from;
  options.exact = true;
  const Gradflow flow = gradient_flow(model, options);
  CompileOptions compile;
  Diagnostics diagnostics;
  compile.fed_shapes = fed_shapes(feed, model.expanded(diagnostics));
  const Graph graph = model.compile(compile).graph;
  const Batch<double> batch = batch_of<double>(feed, graph, diagnostics);
  const auto parameters = parameters_of<double>(feed, graph, diagnostics);
  const NodeId start = from == "loss" ? graph.total_loss : graph.names.at(from.substr(0, from.find('[')));
  std::size_t compared = 0;
  for (const ValueNorms& value : flow.values) {
    if (value.axis.empty()) continue;
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.name == value.name; });
    const std::vector<double> exact =
        exact_norms(graph, batch, parameters, start, from != "loss", static_cast<NodeId>(node - graph.nodes.begin()));
    for (std::size_t p = 0; p < value.norms.size(); ++p) {
      EXPECT_NEAR(value.norms[p].value(), exact[p], 1e-12 * std::max(1.0, exact[p])) << name << ": " << value.name << " at " << p;
      compared += exact[p] != 0;
    }
  }
  EXPECT_GE(compared, 5U) << name;
}

TEST(Gradflow, NormsAreThoseOfTheComplexStep) {
  expect_exact("cells/gru", {"options.units=2"}, "h[t=-1]");
  expect_exact("cells/bidirectional", {"options.units=2"}, "y[t=-1]");
  expect_exact("systems/sunspots", {"options.units=2"}, "loss");
  expect_exact("systems/cascade", {"options.units=2", "options.width=2", "options.tokens=3", "options.symbols=3"}, "loss");
  expect_exact("systems/seq2seq", {"options.units=2"}, "loss");
}

GradientLink link(const std::string& yaml, const std::string& from, const std::string& to, const std::string& feed_text = {}) {
  const Model model = model_of(yaml);
  GradflowOptions options;
  options.from = from;
  options.to = to;
  options.length = 8;
  Feed feed;
  if (!feed_text.empty()) {
    feed = parse_feed(feed_text, "feed.json");
    options.feed = &feed;
  }
  return gradient_flow(model, options).link.value();
}

std::vector<std::string> values_of(const GradientLink& link) {
  std::vector<std::string> result;
  for (const FlowStep& step : link.path) result.push_back(step.value + (step.via.empty() ? "" : " via " + step.via));
  return result;
}

constexpr const char* kDecay =
    "tapeloop: 1\n"
    "inputs: {x: {}}\n"
    "nodes:\n"
    "  h: 0.5 * h_tm1 + x\n"
    "  y: 3 * h\n"
    "outputs: [y]\n"
    "loss: y\n";

TEST(Gradflow, AWayIsNamedByValuesAndTaps) {
  const GradientLink found = link(kDecay, "y[t=5]", "h[t=3]");
  EXPECT_DOUBLE_EQ(found.norm, 0.75);
  EXPECT_THAT(values_of(found), ElementsAre("y[t=5]", "h[t=5]", "h[t=4] via h_tm1", "h[t=3] via h_tm1"));
  EXPECT_THAT(values_of(link(kDecay, "loss", "x[t=7]")), ElementsAre("loss", "y[t=7]", "h[t=7]", "x[t=7]"));
  EXPECT_DOUBLE_EQ(link(kDecay, "loss", "x[t=-1]").norm, 3.0 / 8);
}

TEST(Gradflow, TheStepBackTellsHowItVanishes) {
  GradflowOptions options;
  options.from = "h[t=-1]";
  const Gradflow flow = gradient_flow(model_of(kDecay), options);
  ASSERT_EQ(flow.values.front().name, "h");
  EXPECT_NEAR(flow.values.front().step.value(), 0.5, 1e-12);
}

TEST(Gradflow, ThePastIsReadAndNotTheFuture) {
  const GradientLink none = link(kDecay, "y[t=3]", "x[t=5]");
  EXPECT_FALSE(none.flows());
  EXPECT_THAT(none.why, HasSubstr("of 'x', y[t=3] depends on x[t=0] to x[t=3]"));
  EXPECT_THAT(link(kDecay, "h[t=3]", "y[t=3]").why, HasSubstr("'h' does not depend on 'y': it is the other way round"));
}

TEST(Gradflow, WhatCutsAGradientIsNamed) {
  const std::string head = "tapeloop: 1\ninputs: {x: {shape: [2]}, k: {type: int}}\nparameters: {w: [4, 2]}\nnodes:\n";
  EXPECT_THAT(link(head + "  g: stop_gradient(x)\n  y: g + embedding(k, w)\noutputs: [y]\n", "y[t=1]", "x[t=1]").why,
              AllOf(HasSubstr("cut at g = stop_gradient(x)"), HasSubstr(":5)")));
  EXPECT_THAT(link(head + "  y: argmax(x, along=shape) * sum(embedding(k, w), along=shape)\noutputs: [y]\n", "y[t=1]", "x[t=1]").why,
              AllOf(HasSubstr("cut at argmax"), HasSubstr("it is int")));
  EXPECT_THAT(link(head + "  y: where(x > 0, 1, 2) * embedding(k, w)\noutputs: [y]\n", "y[t=1]", "x[t=1]").why,
              AllOf(HasSubstr("cut at x > 0"), HasSubstr("it is bool")));
  EXPECT_THAT(link(head + "  y: x + embedding(k, w)\noutputs: [y]\n", "y[t=1]", "k[t=1]").why, HasSubstr("'k' is int"));
}

TEST(Gradflow, ADerivativeThatIsZeroHereIsNoCut) {
  const std::string yaml = "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  y: relu(x)\noutputs: [y]\n";
  EXPECT_THAT(link(yaml, "y[t=0]", "x[t=0]", R"({"inputs": {"x": [[-1, 2]]}})").why, HasSubstr("exactly 0: that of y = relu(x)"));
  EXPECT_DOUBLE_EQ(link(yaml, "y[t=1]", "x[t=1]", R"({"inputs": {"x": [[-1, 2]]}})").norm, 1);
}

TEST(Gradflow, EmptyRunsAndLengthsHaveTheirWords) {
  const std::string yaml =
      "tapeloop: 1\n"
      "axes: {t: {}, u: {within: t, length: steps}}\n"
      "inputs: {x: {}, steps: {type: int}}\n"
      "states: {b: {along: u, init: b_end_tm1}}\n"
      "nodes:\n"
      "  a: 2 * x\n"
      "  b: a + b[u-1]\n"
      "  b_end: last(b, along=u)\n"
      "outputs: [b_end]\n";
  const std::string feed = R"({"inputs": {"x": [[1, 2, 3]], "steps": [[2, 0, 1]]}})";
  EXPECT_DOUBLE_EQ(link(yaml, "b_end[t=1]", "x[t=0]", feed).norm, 4);
  EXPECT_THAT(values_of(link(yaml, "b_end[t=1]", "x[t=0]", feed)),
              ::testing::Contains(HasSubstr("b_end[t=0] via last(b, along=u), b_end_tm1")));
  EXPECT_THAT(link(yaml, "b_end[t=1]", "x[t=1]", feed).why, HasSubstr("x[t=0] alone"));
  EXPECT_THAT(link(yaml, "b_end[t=1]", "steps[t=1]", feed).why, HasSubstr("lengths have no derivative"));
  EXPECT_THAT(link(yaml, "b_end[t=0]", "b[t=0, u=1]", feed).path.front().value, "b_end[t=0]");
}

TEST(Gradflow, AnEmptyRunIsWhyNothingIsReached) {
  const std::string yaml =
      "tapeloop: 1\n"
      "axes: {t: {}, u: {within: t, length: steps}}\n"
      "inputs: {x: {}, steps: {type: int}}\n"
      "nodes:\n  b: tanh(x) + 0 * index(u)\n  y: mean(b, along=u)\n"
      "outputs: [y]\n";
  EXPECT_THAT(link(yaml, "y[t=1]", "x[t=1]", R"({"inputs": {"x": [[1, 2]], "steps": [[2, 0]]}})").why,
              HasSubstr("the run along 'u' is empty at [t=1]"));
}

TEST(Gradflow, TruncatedTrainingIsSaid) {
  const std::string yaml = std::string(kDecay) + "train:\n  truncate: {every: 2, back: 4}\n";
  EXPECT_THAT(link(yaml, "y[t=7]", "x[t=3]").why, HasSubstr("losses of t=6 to 7 back to t=4 only"));
  EXPECT_EQ(link(yaml, "y[t=7]", "x[t=4]").why, "");
  EXPECT_THAT(link(yaml, "loss", "x[t=4]").why, HasSubstr("after 4 positions"));
}

TEST(Gradflow, TruncationGoesAsFarBackAsItsStepsAreLongIfNothingElseIsSaid) {
  const std::string yaml = std::string(kDecay) + "train:\n  truncate: {every: 2}\n";
  EXPECT_THAT(link(yaml, "y[t=7]", "x[t=5]").why, HasSubstr("losses of t=6 to 7 back to t=6 only"));
  EXPECT_THAT(link(yaml, "loss", "x[t=4]").why, HasSubstr("after 2 positions"));
}

// y = x w for x = 1 and -1: each example's derivative by w is 1 in size, and their sum is 0.
TEST(Gradflow, GradientsOfParametersDoNotCancelBetweenExamples) {
  const std::string yaml = "tapeloop: 1\ninputs: {x: {axes: []}}\nparameters: {w: []}\nnodes: {y: x * w}\noutputs: [y]\n";
  const std::string feed = R"({"inputs": {"x": [1, -1]}, "parameters": {"w": 1}})";
  EXPECT_DOUBLE_EQ(link(yaml, "y", "w", feed).norm, std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(link(yaml, "y", "x", feed).norm, std::sqrt(2.0));
}

std::string refusal(const std::string& yaml, const std::string& from, const std::string& to) {
  try {
    link(yaml, from, to);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Gradflow, ALossHasNoPositions) {
  EXPECT_THAT(refusal(kDecay, "loss[t=1]", "h"),
              AllOf(HasSubstr("E0921"), HasSubstr("the loss is one number"), HasSubstr("it is made of ")));
}

TEST(Gradflow, AChoiceHasNoPicture) {
  const std::string yaml = "tapeloop: 1\ninputs: {x: {shape: [2]}}\nnodes:\n  h: tanh(x + h_tm1)\n  k: argmax(h, along=shape)\noutputs: ";
  EXPECT_THAT(refusal(yaml + "[k]\n", "", ""), AllOf(HasSubstr("E0923"), HasSubstr("'k' ("), HasSubstr("the choice of a token")));
  EXPECT_EQ(gradient_flow(model_of(yaml + "[k, h]\n")).from, "h[t=-1]");  // the first that has a derivative
}

TEST(Gradflow, WhatIsNotFiniteIsNamed) {
  const auto named = [](const std::string& equation, const std::string& x) {
    const Feed feed = parse_feed("{\"inputs\": {\"x\": " + x + "}}", "feed.json");
    GradflowOptions options;
    options.feed = &feed;
    const std::string yaml = "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  e: " + equation + "\n  h: e + 0.5 * h_tm1\noutputs: [h]\n";
    return gradient_flow(model_of(yaml), options).not_finite;
  };
  EXPECT_EQ(named("log(x)", "[[1, 2]]"), "");
  EXPECT_THAT(named("log(x)", "[[1, -2]]"), AllOf(HasSubstr("'e' ("), HasSubstr("is nan at t=1 of example 0")));
  EXPECT_THAT(named("sqrt(x)", "[[1, 0]]"), AllOf(HasSubstr("all values are finite"), HasSubstr("a derivative of 'e' (")));
}

TEST(Gradflow, ManyEntriesAreEstimated) {
  GradflowOptions options;
  const Model model = Model::load("gru", {"options.units=300"});
  options.length = 3;
  const Gradflow estimated = gradient_flow(model, options);
  EXPECT_TRUE(estimated.estimated);
  const Gradflow small = gradient_flow(Model::load("gru", {"options.units=8"}), options);
  EXPECT_FALSE(small.estimated);
  EXPECT_DOUBLE_EQ(estimated.values.front().norms.back().value(), std::sqrt(300.0));  // of h by itself: the identity
}

TEST(Gradflow, PlacesThatAreNotThereAreRefused) {
  const auto message = [](const std::string& from, const std::string& to) -> std::string {
    try {
      link(kDecay, from, to);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message("loss", "hh"), HasSubstr("--to hh: error E0721: no value 'hh'; did you mean 'h'?"));
  EXPECT_THAT(message("y[s=1]", "h"), AllOf(HasSubstr("E0921"), HasSubstr("its axes are t, example")));
  EXPECT_THAT(message("y[t=1", "h"), HasSubstr("E0921"));
  EXPECT_THAT(message("y[t=1.5]", "h"), HasSubstr("'t=1.5' is no position"));
  EXPECT_THAT(message("y[t=1, t=2]", "h"), HasSubstr("given twice"));
  EXPECT_THAT(message("y[t=1][0]", "h"), HasSubstr("has the shape []"));
  EXPECT_THAT(message("y[t=8]", "h"), AllOf(HasSubstr("E0922"), HasSubstr("at most 8 positions along t")));
}

}  // namespace
}  // namespace tapeloop
