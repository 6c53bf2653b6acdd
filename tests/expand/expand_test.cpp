// What the language's constructs become: names, equations of parts, weights.
#include "compiler/passes/expand.h"

#include <gmock/gmock.h>

#include "tests/expand/inferred.h"

namespace tapeloop::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const char* const kCell = R"(
options: {units: 3, activation: tanh}
inputs: {x: {shape: [features]}}
nodes:
  h: activation(linear(x, h_tm1, units=units))
outputs: [h]
)";

TEST(Expand, PartsOfAnEquationAreNodesNamedAfterTheirOwner) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [4]}}
nodes:
  z: sigmoid(x)
  h: z * h_tm1 + (1 - z) * x
outputs: [h]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.text("h#1"), "z * h_tm1");
  EXPECT_EQ(m.text("h#3"), "1 - z");
  EXPECT_EQ(m.text("h"), "h#1 + h#4");
  EXPECT_TRUE(m.node("h#1").is_part);
  EXPECT_FALSE(m.node("h").is_part);
}

TEST(Expand, AxesThatAreDerivedAlikeAreOneAndHaveTheUsersName) {
  const Inferred m = infer(R"(
axes: {t: {}, u: {within: t}, half: {derived: t, stride: 2}}
inputs: {x: {}, z: {axes: [t, u]}}
nodes:
  a: pool(x, 2) + pool(x_tm1, 3, stride=2, how=mean)
  b: pool(pool(x, 3), 2)
  c: pool(z, 2)
  d: upsample(a, 2)
  e: concat(x, x, along=t)
  f: slice(x, 1, -1, along=t)
outputs: [a, b, c, d, e, f]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "[half]");
  EXPECT_EQ(m.space("b"), "[t/3/2]");
  EXPECT_EQ(m.space("c"), "[t, u/2]");
  EXPECT_EQ(m.space("d"), "[half*2]");
  EXPECT_EQ(m.space("e"), "[t+t]");
  EXPECT_EQ(m.space("f"), "[t[1:-1]]");
}

TEST(Expand, ReadersOfOneTapShareItsMove) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {a: x_tm1 + 1, b: x_tm1 * a, c: \"x[t-1] - b\"}\noutputs: [c]\n");
  int moves = 0;
  for (const Node& node : m.graph.nodes) moves += node.kind->role == Role::kMove;
  EXPECT_EQ(moves, 1);
}

TEST(Expand, LinearNamesItsWeightsAfterItsOperands) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [2]}}
nodes:
  a: linear(x, x_tm1, x[t+1], tanh(x), units=2) + linear(x, units=2, bias=false)
outputs: [a]
)");
  EXPECT_THAT(m.parameters(), ElementsAre("a.linear.x", "a.linear.x_tm1", "a.linear.x_tp1", "a.linear.4", "a.linear.bias", "a.linear2.x"));
  EXPECT_EQ(m.text("a#1"), "x @ a.linear.x");
}

TEST(Expand, LinearWithinLinearHasWeightsOfItsOwn) {
  const Inferred m = infer("inputs: {x: {shape: [2]}}\nnodes: {a: \"linear(tanh(linear(x, units=8)), units=1)\"}\noutputs: [a]\n");
  EXPECT_EQ(m.shape("a.linear.1"), "[8, 1]");
  EXPECT_EQ(m.shape("a.linear2.x"), "[2, 8]");
}

TEST(Expand, WeightsOfAGroupAreSharedAndNumbered) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [2]}}
nodes:
  a: linear(x, a_tm1, units=2, weights=w)
  b: linear(a, b_tm1, units=2, weights=w)
outputs: [b]
)");
  EXPECT_THAT(m.parameters(), ElementsAre("w.1", "w.2", "w.bias"));
}

TEST(Expand, MergeJoinsProductsOfLinearAndOperandsOfOthers) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [2]}, y: {shape: [2]}}
nodes:
  a: linear(x, y, units=3, merge=concat)
  b: tanh(x, y, merge=max)
outputs: [a, b]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("a"), "[6]");
  EXPECT_EQ(m.text("b#1"), "maximum(x, y)");
}

TEST(Expand, ForBlocksListsAndSeriesAreWrittenOut) {
  const Inferred m = infer(R"(
options: {layers: 3}
inputs: {x: {shape: [2]}}
nodes:
  h0: x
  for j in 1..layers:
    h{j}: tanh(h{j-1} + sum(h{i}_tm1 for i in j..layers))
  p, q: sigmoid(x)
  for k in [p, q]:
    last_{k}: last({k}, along=t)
  y: concat(h{j} for j in 1..layers)
outputs: [y, last_p, last_q]
)",
                           {.overrides = {{"layers", "4"}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("y"), "[8]");
  EXPECT_EQ(m.text("last_q"), "last(q, along=t)");
  EXPECT_EQ(m.text("h4#1"), "h3 + h4_tm1");
}

TEST(Expand, OptionsThatFollowFromAnOverriddenOneFollowIt) {
  const Inferred m = infer("options: {n: 2, twice: 2 * n}\ninputs: {x: {shape: [twice]}}\nnodes: {y: tanh(x)}\noutputs: [y]\n",
                           {.overrides = {{"n", "5"}}});
  EXPECT_EQ(m.shape("y"), "[10]");
}

TEST(Expand, AnOptionMayNameAnActivation) {
  const Setting relu{.overrides = {{"f", "relu"}}};
  const Inferred m = infer("options: {f: tanh}\ninputs: {x: {}}\nnodes: {y: f(x), z: \"{f}(y)\"}\noutputs: [z]\n", relu);
  EXPECT_EQ(m.text("y"), "relu(x)");
  EXPECT_EQ(m.text("z"), "relu(y)");
}

TEST(Expand, AnInstanceIsItsFirstOutputAndShowsItsInnerValues) {
  const Inferred m =
      infer("inputs: {x: {shape: [2]}}\nnodes: {d: \"cell(x, units=5)\", y: d + d.h_tm1}\noutputs: [y]\n", {.cells = {{"cell", kCell}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.graph.names.at("d"), m.graph.names.at("d.h"));
  EXPECT_THAT(m.parameters(), ElementsAre("d.h.linear.x", "d.h.linear.h_tm1", "d.h.linear.bias"));
  EXPECT_EQ(m.shape("d.h.linear.x"), "[2, 5]");
}

TEST(Expand, InstancesInsideAnEquationTakeFreeNames) {
  const Inferred m = infer("inputs: {x: {shape: [3]}}\nnodes: {y: cell(x) + cell(cell(x))}\noutputs: [y]\n", {.cells = {{"cell", kCell}}});
  EXPECT_EQ(m.parameters()[0], "y.cell.h.linear.x");
  EXPECT_EQ(m.parameters()[3], "y.cell2.h.linear.x");
  EXPECT_EQ(m.parameters()[6], "y.cell3.h.linear.x");
}

TEST(Expand, AnInstanceReadBackwardsTurnsItsTapsAndEnds) {
  const char* const cell = "inputs: {x: {}}\nnodes: {h: x + h_tm1, e: \"last(h_tm1, along=t)\", i: index(t)}\noutputs: [h, e, i]\n";
  const Inferred m = infer("inputs: {x: {}}\nnodes: {b: \"cell(x, along=-t)\"}\noutputs: [b, b.e, b.i]\n", {.cells = {{"cell", cell}}});
  EXPECT_EQ(m.text("b.h"), "b.x + b.h_tp1");
  EXPECT_EQ(m.node("b.e").moves, (std::vector<Move>{{0, Move::From::kStart, 1}}));
  EXPECT_EQ(m.text("b.i"), "index(-t)");
}

TEST(Expand, AnInstanceMayShareTheWeightsOfAnother) {
  const Inferred m =
      infer("inputs: {x: {shape: [3]}}\nnodes: {a: cell(x), b: \"cell(a, weights=a)\"}\noutputs: [b]\n", {.cells = {{"cell", kCell}}});
  EXPECT_EQ(m.parameters().size(), 3U);
  EXPECT_EQ(m.graph.names.at("b.h.linear.x"), m.graph.names.at("a.h.linear.x"));
}

TEST(Expand, ASecondNameIsTheSameValueAndANamedTapIsNot) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {h: x + 1, y: h, z: h_tm1, w: y_tm1 + z_tm1}\nstates: {y: 3}\noutputs: [w]\n");
  EXPECT_EQ(m.graph.names.at("y"), m.graph.names.at("h"));
  EXPECT_EQ(m.node("h_tm1").outsides.size(), 1U);
  EXPECT_EQ(m.node("z_tm1").outsides.size(), 0U);
}

TEST(Expand, DropoutIsACopyOutsideTraining) {
  const char* const model = "inputs: {x: {shape: [3]}}\nnodes: {y: \"dropout(x, 0.5)\", z: y_tm1}\noutputs: [z]\n";
  const Inferred train = infer(model);
  EXPECT_EQ(train.node("y").kind->name, "where");
  EXPECT_TRUE(train.node("y#1").operands.empty()) << "a draw reads nothing: only the shape counts";
  EXPECT_EQ(infer(model, {.mode = Mode::kEval}).text("y"), "x");
}

TEST(Expand, OperandsMayBeNamed) {
  const auto text = [](const std::string& node) {
    const Inferred m = infer("inputs: {x: {shape: [2]}, low: {shape: [2]}, high: {shape: [2]}}\nnodes:\n  y: " + node +
                             "\n  all: x + low + high\noutputs: [y, all]\n");
    std::string found = m.codes().empty() ? m.text("y") : "";
    for (const std::string& code : m.codes()) found += code;
    return found;
  };
  EXPECT_EQ(text("clip(x, high=high, low=low)"), "clip(x, low, high)");
  EXPECT_EQ(text("{op: clip, inputs: {high: high, x: x, low: low}}"), "clip(x, low, high)");
  EXPECT_EQ(text("clip(x, high=high)"), "E0307");
  EXPECT_EQ(text("clip(x, low, x=high)"), "E0307");
  EXPECT_EQ(text("clip(x, low=low, hgih=high)"), "E0303");
  EXPECT_EQ(text("{op: linear, inputs: {a: x}, units: 2}"), "E0303");
}

TEST(Expand, WhereTakesPairs) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {y: \"where(x > 1, 1, x < 0, 2, x)\"}\noutputs: [y]\n");
  EXPECT_EQ(m.text("y"), "where(y#2, 1, y#7)");
  EXPECT_EQ(m.text("y#7"), "where(y#5, 2, x)");
}

// Equations over the values of the next test, the code that each gets, and what is said of it.
struct RefusedCall {
  const char* equation;
  const char* code;
  const char* said;
};
constexpr RefusedCall kRefusedCalls[] = {
    {"tanh()", "E0307", "'tanh' takes 1 operand, found 0"},
    {"tanh(x, x, merge=add)", "E0315", "unknown merge 'add'"},
    {"tanh(x, along=t)", "E0407", "'tanh' takes no along="},
    {"tanh(x, size=3)", "E0303", "'tanh' has no option 'size'"},
    {"last(x, x, along=t)", "E0307", "'last' takes 1 operand, found 2"},
    {"last(x, along=[1])", "E0407", "along= takes an axis or shape, found '[1]'"},
    {"index(3)", "E0307", "'index' takes the name of an axis"},
    {"where(s > 0, s)", "E0307", "found 2 operands"},
    {"where(s > 0, s, s, along=t)", "E0407", "'where' takes no along="},
    {"where(s > 0, s, s, size=3)", "E0303", "'where' has no option 'size'"},
    {"cell(x, along=shape)", "E0407", "'cell' is a container: along= takes an axis"},
    {"layer_norm(x, foo=3)", "E0303", "'layer_norm' has no option 'foo'"},
    {"mse(x, x, along=t)", "E0407", "'mse' takes no along="},
    {"slice(x, start=0)", "E0304", "'slice' needs stop="},
    {"slice(x, 0, act)", "E0305", "'act' is not a number"},
    {"slice(f, 0, features)", "E0305", "nothing has given the size 'features' yet"},
    {"slice(x, 0, s)", "E0305", "'s' is a value of the model"},
    {"slice(x, 0, tanh(1))", "E0305", "found 'tanh(1)'"},
    {"reshape(x, shape=act)", "E0305", "shape= takes a list of numbers, found 'act'"},
    {"linear(x, units=0-5)", "E0310", "a size is -5"},
    {"x[t-99999999999]", "E0310", "a tap of 99999999999 positions is too far"},
};

TEST(Expand, EveryCallSaysWhatItTakes) {
  const std::string values = R"yaml(
options: {act: tanh, n: 2}
inputs: {x: {shape: [3]}, s: {}, f: {shape: [features]}, i: {type: int}}
outputs: [y]
nodes:
  y: )yaml";
  const Setting setting{.cells = {{"cell", "inputs: {x: {}}\nnodes: {h: x + h_tm1}\noutputs: [h]\n"}}};
  const auto errors_of = [&](const std::string& equation) {
    std::vector<Diagnostic> errors = infer(values + '"' + equation + "\"\n", setting).diagnostics.sorted();
    std::erase_if(errors, [](const Diagnostic& diagnostic) { return diagnostic.severity != Severity::kError; });
    return errors;
  };
  for (const RefusedCall& refused : kRefusedCalls) {
    const std::vector<Diagnostic> errors = errors_of(refused.equation);
    ASSERT_EQ(errors.size(), 1U) << refused.equation;
    EXPECT_EQ(errors[0].code, refused.code) << refused.equation;
    EXPECT_THAT(errors[0].message, ::testing::HasSubstr(refused.said)) << refused.equation;
  }
  for (const char* allowed : {"slice(x, 0, n ** 1)", "one_hot(i, n * 2 + 1)", "reshape(s, shape=1)"}) {
    EXPECT_TRUE(errors_of(allowed).empty()) << allowed;
  }
}

TEST(Expand, SizesOfParametersMayBeSumsAndMultiplesOfOthers) {
  const Inferred m = infer(R"yaml(
inputs: {x: {shape: [k]}}
parameters: {A: [k + 1, 2], B: [2 * k], C: [k - 1, k * 3]}
nodes: {y: "x * sum(A, along=shape) + sum(B, along=shape) + sum(C, along=shape)"}
outputs: [y]
)yaml");
  EXPECT_EQ(m.shape("A"), "[k+1, 2]");
  EXPECT_EQ(m.shape("B"), "[2*k]");
  EXPECT_EQ(m.shape("C"), "[k-1, 3*k]");
}

TEST(Expand, SaysWhatNothingDependsOn) {
  const Inferred m = infer("inputs: {x: {}, v: {}}\nparameters: {w: []}\nnodes:\n  y: x\n  z: x + 1\noutputs: [y]\n");
  EXPECT_THAT(m.codes(), ElementsAre("W0301", "W0301", "W0301"));
}

TEST(Expand, SizesAddUp) {
  const Inferred m =
      infer("inputs: {x: {shape: [n]}}\nparameters: {W: [n + 1], V: [n - 1]}\nnodes: {y: x, a: W * 2, b: V * 2}\noutputs: [y, a, b]\n",
            {.fed_shapes = {{"x", {3}}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("a"), "[4]");
  EXPECT_EQ(m.shape("b"), "[2]");
}

TEST(Expand, FreeSizesAddUpToo) {
  const Inferred m = infer("inputs: {x: {shape: [n]}, v: {shape: [n + 2]}}\nnodes: {y: x, z: v}\noutputs: [y, z]\n");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("z"), "[n+2]");
}

TEST(Expand, WhatIsUsedUnderANameOfItsOwnIsSuggested) {
  const Inferred m = infer("use: {mine: other}\ninputs: {x: {shape: [3]}}\nnodes: {y: mime(x)}\noutputs: [y]\n");
  ASSERT_THAT(m.codes(), ElementsAre("E0302"));
  EXPECT_NE(m.diagnostics.sorted()[0].message.find("did you mean 'mine'"), std::string::npos);
}

TEST(Expand, ALossTimesWhatIsNoNumberIsNone) {
  const std::string model = "inputs: {x: {shape: [3]}}\nnodes: {y: \"sum(x, along=shape)\"}\noutputs: [y]\nloss: ";
  const Inferred m = infer(model + "{mean: y, times: nobody}\n");
  EXPECT_THAT(m.codes(), ElementsAre("E0303"));
  EXPECT_TRUE(m.graph.losses.empty());
  EXPECT_EQ(infer(model + "{mean: y, times: 0.5}\n").graph.losses.at(0).times, 0.5);
}

TEST(Expand, EachMistakeIsReportedOnceAndWhatFollowsFromItNotAtAll) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [3]}}
nodes:
  a: tanh(xx)
  b: tanhh(a)
  c: b.inner + a[s-1]
  d: linear(c)
  e: d @ x
outputs: [e]
)");
  EXPECT_THAT(m.codes(), ElementsAre("E0301", "E0302", "E0401", "E0304"));
  EXPECT_NE(m.diagnostics.sorted()[0].message.find("did you mean 'x'"), std::string::npos);
}

}  // namespace
}  // namespace tapeloop::testing
