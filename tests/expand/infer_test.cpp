// Axes, start values, shapes and types of small models.
#include <gmock/gmock.h>

#include <utility>

#include "tests/expand/inferred.h"

namespace tapeloop::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kCell = R"yaml(
options: {units: 3}
inputs: {x: {shape: [features]}}
nodes: {h: "tanh(linear(x, h_tm1, units=units))", e: "last(h, along=t)"}
outputs: [h]
)yaml";

TEST(InferAxes, AreThoseOfWhatIsReadLessTheReducedOne) {
  const Inferred m = infer(R"(
axes: {t: {}, u: {within: t}}
inputs: {x: {}, z: {axes: [t, u]}}
parameters: {w: []}
nodes:
  a: w * 2
  b: x * a
  c: b + z
  d: sum(c, along=u)
  e: mean(d, along=t)
outputs: [c, e]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "P");
  EXPECT_EQ(m.space("b"), "[t]");
  EXPECT_EQ(m.space("c"), "[t, u]");
  EXPECT_EQ(m.space("d"), "[t]");
  EXPECT_EQ(m.space("e"), "[]");
}

TEST(InferAxes, OuterAxesComeFirstWhateverTheirOrderInTheFile) {
  const Inferred m = infer("axes: {u: {within: t}, t: {}}\ninputs: {z: {axes: [t, u]}}\nnodes: {y: z + 1}\noutputs: [y]\n");
  EXPECT_EQ(m.graph.axes[0].name, "t");
  EXPECT_EQ(m.space("y"), "[t, u]");
}

TEST(InferAxes, ATapMakesItsReaderVaryAndAStartPassesItsAxesOn) {
  const Inferred m = infer(R"(
axes: {s: {}, t: {}}
inputs: {x: {}, h0: {axes: [s]}}
states: {h: h0}
nodes: {h: h_tm1 + 0 * x}
outputs: [h]
)");
  EXPECT_EQ(m.space("h"), "[s, t]");
}

TEST(InferAxes, TheTOfAnInstanceIsTheInnermostAxisOfWhatFeedsIt) {
  const Inferred m = infer(R"(
axes: {m: {}, t: {within: m}}
inputs: {x: {axes: [m, t], shape: [2]}}
nodes:
  last_one: cell(c, units=2)
  c: linear(b.e, units=2)
  b: cell(a, along=-t)
  a: cell(x)
outputs: [last_one]
)",
                           {.cells = {{"cell", kCell}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "[m, t]");
  EXPECT_EQ(m.space("c"), "[m]");
  EXPECT_EQ(m.text("last_one.h#2"), "last_one.h[m-1] @ last_one.h.linear.h_tm1");
}

TEST(InferAxes, AnInstanceFedByItsOwnPastGoesAlongWhatElseFeedsIt) {
  const Inferred m =
      infer("inputs: {x: {shape: [3]}}\nnodes: {a: cell(b_tm1), b: x + cell(a)}\noutputs: [b]\n", {.cells = {{"cell", kCell}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "[t]");
}

TEST(InferAxes, AlongRepeatsAnOperandThatLacksTheAxis) {
  const Inferred m = infer(R"yaml(
axes: {s: {}, t: {}}
inputs: {x: {axes: [s], shape: [3]}, y: {shape: [3]}}
nodes: {a: "cell(last(x, along=s), along=t)", z: a + y}
outputs: [z]
)yaml",
                           {.cells = {{"cell", kCell}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.space("a"), "[t]");
}

TEST(InferAxes, ProductsOfLengthsNeedAReductionOrAxes) {
  const std::string inputs = "axes: {s: {}, t: {}}\ninputs: {x: {axes: [s]}, y: {}}\n";
  EXPECT_THAT(infer(inputs + "nodes: {z: x + y}\noutputs: [z]\n").codes(), ElementsAre("E0405"));
  EXPECT_THAT(infer(inputs + "nodes: {z: \"sum(tanh(x + y), along=s)\"}\noutputs: [z]\n").codes(), IsEmpty());
  EXPECT_THAT(infer(inputs + "nodes: {z: \"attend(x * y, x, along=s)\"}\noutputs: [z]\n").codes(), IsEmpty());
  EXPECT_THAT(infer(inputs + "nodes: {z: {op: mul, inputs: [x, y], axes: [s, t]}}\noutputs: [z]\n").codes(), IsEmpty());
}

TEST(InferAxes, ReportsReadsAlongAxesThatAreNotThere) {
  const std::string inputs = "axes: {t: {}, u: {within: t}}\ninputs: {x: {}, z: {axes: [t, u]}}\n";
  EXPECT_THAT(infer(inputs + "nodes: {y: \"x[u-1] + z\"}\noutputs: [y]\n").codes(), ElementsAre("E0402"));
  EXPECT_THAT(infer(inputs + "nodes: {y: \"sum(x, along=u) + sum(z, along=u)\"}\noutputs: [y]\n").codes(), ElementsAre("E0402"));
  EXPECT_THAT(infer(inputs + "nodes: {y: \"last(z, along=t) + sum(x, along=t)\"}\noutputs: [y]\n").codes(), ElementsAre("E0404"));
  EXPECT_THAT(infer(inputs + "nodes: {y: \"z[u-1] + x\"}\nstates: {y: {along: u, init: z}}\noutputs: [y]\n").codes(), ElementsAre("E0403"));
}

// v[i-1, j-1] may leave i (then it is `row`, moved along j) or j (then `col`, moved along i).
TEST(ExplicitReads, AStartThatVariesAlongAnotherMovedAxisIsMovedItself) {
  const Inferred m = infer(R"(
axes: {i: {}, j: {}}
inputs: {x: {axes: [i, j]}, row: {axes: [j]}, corner: {axes: []}}
states: {v: {along: i, init: row}, row: {along: j, init: corner}}
nodes: {v: "v[i-1, j-1] + v[i-1] + x"}
outputs: [v]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  const Node& both = m.node("v[i-1, j-1]");
  ASSERT_EQ(both.outsides.size(), 1U);
  const Node& start = m.graph[both.operands[1]];
  EXPECT_EQ(start.text, "row[j-1]");
  EXPECT_EQ(m.graph[start.operands[1]].name, "corner");
  EXPECT_EQ(m.graph[m.node("v[i-1]").operands[1]].name, "row");
}

TEST(ExplicitReads, AMoveMayAlsoFallOffAnAxisWithinTheMovedOne) {
  const Inferred m = infer(R"(
axes: {t: {}, u: {within: t}}
inputs: {z: {axes: [t, u]}, x: {}}
states: {b: {along: u, init: x}}
nodes: {b: "z + b[t-1]"}
outputs: [b]
)");
  const Node& move = m.node("b_tm1");
  ASSERT_EQ(move.outsides.size(), 1U);
  EXPECT_EQ(move.outsides[0].axis, 1);
  EXPECT_EQ(m.graph[move.operands[1]].text, "x_tm1");
}

TEST(ExplicitReads, TheEndOfATapIsOneMove) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {h: x + h_tm1, y: \"last(h_tm2, along=t)\"}\nstates: {h: 1}\noutputs: [y]\n");
  EXPECT_EQ(m.node("y").moves, (std::vector<Move>{{0, Move::From::kEnd, -3}}));
  EXPECT_EQ(m.node("y").outsides.size(), 1U);
}

TEST(ExplicitReads, TheStartThatTheOuterContainerGivesCounts) {
  const char* const cell = "inputs: {x: {}}\nstates: {h: 1}\nnodes: {h: x + h_tm1}\noutputs: [h]\n";
  const Inferred m = infer("inputs: {x: {}}\nnodes: {d: cell(x)}\nstates: {d.h: 7}\noutputs: [d]\n", {.cells = {{"cell", cell}}});
  EXPECT_EQ(m.graph[m.node("d.h_tm1").operands[1]].value, 7);
}

TEST(InferShapes, FreeSizesAreBoundByUseByFeedsOrKeepTheirNames) {
  const std::string model = "inputs: {x: {shape: [features]}}\nparameters: {W: [_, 4], b: [_]}\nnodes: {y: x @ W + b}\noutputs: [y]\n";
  EXPECT_EQ(infer(model).shape("W"), "[features, 4]");
  EXPECT_EQ(infer(model).shape("b"), "[4]");
  EXPECT_EQ(infer(model, {.fed_shapes = {{"x", {7}}}}).shape("W"), "[7, 4]");
  EXPECT_THAT(infer(model, {.fed_shapes = {{"W", {3, 5}}}}).codes(), ElementsAre("E0509"));
}

TEST(InferShapes, WhatIsFedAsAVectorOfOneNumberIsToldHowToBeANumber) {
  const Inferred m = infer("inputs: {x: {}}\nnodes: {y: tanh(x)}\noutputs: [y]\n", {.fed_shapes = {{"x", {1}}}});
  ASSERT_EQ(m.codes(), std::vector<std::string>{"E0509"});
  EXPECT_THAT(m.diagnostics.sorted().front().help, ::testing::HasSubstr("column: NAME"));
}

// A vocabulary says how many letters there are; an inner container's size of that name is its own.
TEST(InferShapes, FreeSizesOfTheOutermostContainerAreBoundByName) {
  const std::string model =
      "inputs: {x: {type: int}}\nparameters: {table: [letters, 3]}\nnodes:\n  e: cell(embedding(x, table))\n"
      "  y: linear(e, units=letters)\n"
      "outputs: [y]\n";
  const std::string cell = "inputs: {x: {shape: [letters]}}\nnodes: {h: x + h_tm1}\noutputs: [h]\n";
  const Inferred m = infer(model, {.fed_sizes = {{"letters", 7}, {"unused", 2}}, .cells = {{"cell", cell}}});
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("table"), "[7, 3]");
  EXPECT_EQ(m.shape("e"), "[3]");
  EXPECT_EQ(m.shape("y"), "[7]");
}

TEST(InferShapes, ACycleGrowsFromWhatIsKnownOfIt) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [4]}}
parameters: {U: [_, _]}
nodes:
  g: sigmoid(s_tm1 * 2)
  h: 0.5 * h_tm1 + g * (h_tm1 @ U) + x
  s: sum(h, along=shape)
outputs: [h]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("h"), "[4]");
  EXPECT_EQ(m.shape("g"), "[]");
  EXPECT_EQ(m.shape("U"), "[4, 4]");
}

TEST(InferShapes, ACycleThatReadsOnlyItselfIsAScalar) {
  const Inferred m =
      infer("inputs: {n: {}}\noptions: {a: [0, 1]}\nnodes: {y: y_tm1 + y_tm2, z: y + 0 * n}\nstates: {y: a}\noutputs: [z]\n");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("y"), "[]");
  EXPECT_EQ(m.node("y_tm2").outsides[0].slots, 2);
}

TEST(InferShapes, ReportsWhatDoesNotFitWithTheLinesThatMadeItSo) {
  const Inferred m = infer("inputs:\n  x: {shape: [3]}\nparameters:\n  W: [5, 4]\nnodes:\n  y: x @ W\noutputs: [y]\n");
  ASSERT_THAT(m.codes(), ElementsAre("E0501"));
  const std::string message = m.diagnostics.sorted()[0].message;
  EXPECT_NE(message.find("'x' is [3] (model.yaml:3)"), std::string::npos) << message;
  EXPECT_NE(message.find("'W' is [5, 4] (model.yaml:5)"), std::string::npos) << message;
}

// Equations over the values of the next test, and what is said of them.
constexpr std::pair<const char*, const char*> kRefused[] = {
    {"concat(x, s)", "concat joins vectors, operand 2 is a scalar"},
    {"concat(x, m)", "operands with as many dimensions, found [3] and [4, 3]"},
    {"embedding(s, T)", "expected ints, found floats"},
    {"embedding(i, K)", "expected a table [rows, size], found [3, 3, 4]"},
    {"one_hot(s, 3)", "expected an int, found a float"},
    {"outer(x, m)", "expected two vectors, found [3] and [4, 3]"},
    {"pick(s, i)", "pick takes from the last dimension, found a scalar"},
    {"pick(x, s)", "expected an int position, found a float"},
    {"pick(x, l)", "expected one position or a vector of them, found [2, 2]"},
    {"reshape(x, shape=[-1])", "a size below 0"},
    {"reshape(x, shape=[4])", "as many elements as [3], found [4]"},
    {"reshape(q, shape=[4])", "the sizes must be known"},
    {"slice(s, 0, 1)", "slice takes a part of the last dimension, found a scalar"},
    {"slice(x, 2, 1)", "expected 0 <= start < stop <= 3, found start=2, stop=1"},
    {"split(s, 2, 1)", "split takes a part of the last dimension, found a scalar"},
    {"split(x, 0, 1)", "expected n >= 1 parts, found n=0"},
    {"split(x, 3, 4)", "expected k from 1 to 3, found k=4"},
    {"split(x, 2, 1)", "3 does not divide into 2 equal parts"},
    {"stack(x, m)", "operands of one shape, found [3] and [4, 3]"},
    {"top(x, 4)", "expected at least 4 elements, found [3]"},
    {"transpose(x)", "transpose swaps the last two dimensions, found [3]"},
    {"unstack(s, 0)", "unstack takes a part of the first dimension, found a scalar"},
    {"unstack(q, 0)", "expected a first dimension of known size, found rows"},
    {"unstack(m, 4)", "expected 0 <= k < 4, found k=4"},
    {"s @ T", "found a scalar"},
    {"x @ K", "the right side of @ has at most two dimensions, found [3, 3, 4]"},
    {"conv1d(x, K)", "expected x of shape [width, channels], found [3]"},
    {"conv1d(m, T)", "expected a kernel of shape [taps, channels, out], found [8, 3]"},
    {"conv1d(m, k)", "the number of the kernel's taps must be known"},
    {"conv2d(x, C)", "expected x of shape [height, width, channels], found [3]"},
    {"conv2d(p, K)", "expected a kernel of shape [rows, columns, channels, out], found [3, 3, 4]"},
    {"conv2d(p, c)", "the kernel's rows and columns must be known"},
    {"conv2d(p, C, stride=0)", "expected a stride of 1 or more, found 0"},
    {"conv2d(g, C, stride=2)", "with a stride the plane's size must be known, found [high, wide, 2]"},
};

TEST(InferShapes, EveryKindSaysWhichShapesAndTypesItTakes) {
  const std::string values = R"yaml(
inputs:
  x: {shape: [3]}
  s: {}
  m: {shape: [4, 3]}
  q: {shape: [rows, 3]}
  p: {shape: [5, 4, 2]}
  g: {shape: [high, wide, 2]}
  i: {type: int}
  l: {type: int, shape: [2, 2]}
parameters: {K: [3, 3, 4], C: [3, 3, 2, 4], T: [8, 3], k: [taps, 3, 4], c: [r, c, 2, 4]}
outputs: [y]
nodes:
  y: )yaml";
  for (const auto& [equation, said] : kRefused) {
    const Inferred m = infer(values + '"' + equation + "\"\n");
    std::vector<Diagnostic> errors = m.diagnostics.sorted();
    std::erase_if(errors, [](const Diagnostic& diagnostic) { return diagnostic.severity != Severity::kError; });
    ASSERT_EQ(errors.size(), 1U) << equation;
    EXPECT_EQ(errors[0].code, "E0501") << equation;
    EXPECT_THAT(errors[0].message, HasSubstr(said)) << equation;
  }
}

TEST(InferShapes, ReportsShapesThatGrowCannotBeFoundOrAreNotDeclared) {
  EXPECT_THAT(infer("inputs: {x: {shape: [1]}}\nnodes: {h: \"concat(h_tm1 + x, x)\"}\noutputs: [h]\n").codes(), ElementsAre("E0503"));
  EXPECT_THAT(infer("inputs: {x: {}}\nnodes: {h: \"slice(h_tm1, 0, 1)\", y: x}\noutputs: [h, y]\n").codes(), ElementsAre("E0502"));
  EXPECT_THAT(infer("inputs: {x: {}}\nnodes: {d: cell(x)}\noutputs: [d]\n", {.cells = {{"cell", kCell}}}).codes(), ElementsAre("E0504"));
}

TEST(InferShapes, ASharedParameterHasAsManyDimensionsAsWhereItIsFrom) {
  const char* const vector = "inputs: {x: {shape: [3]}}\nparameters: {W: [3]}\nnodes: {y: x * W}\noutputs: [y]\n";
  const char* const matrix = "inputs: {x: {shape: [3]}}\nparameters: {W: [3, 3]}\nnodes: {y: x @ W}\noutputs: [y]\n";
  EXPECT_THAT(infer("inputs: {x: {shape: [3]}}\nnodes: {d: matrix(x), e: \"vector(x, weights=d)\"}\noutputs: [d, e]\n",
                    {.cells = {{"vector", vector}, {"matrix", matrix}}})
                  .codes(),
              ElementsAre("E0504"));
}

TEST(InferShapes, StartsMustFitAndReachFarEnough) {
  const std::string model = "inputs: {x: {shape: [3]}}\nnodes: {h: x + h_tm3}\nstates: {h: h0}\noutputs: [h]\nparameters: ";
  EXPECT_EQ(infer(model + "{h0: [3]}").node("h_tm3").outsides[0].slots, 0);
  EXPECT_EQ(infer(model + "{h0: [4, 3]}").node("h_tm3").outsides[0].slots, 4);
  EXPECT_THAT(infer(model + "{h0: [2, 3]}").codes(), ElementsAre("E0413"));
  EXPECT_THAT(infer(model + "{h0: [5]}").codes(), ElementsAre("E0508"));
}

// What is known of a gives [1], of b [4, 3]: it is b that says what W takes.
TEST(InferShapes, OfACycleThatIsKnownInPartsTheOneOfHighestRankSaysTheSizes) {
  const Inferred m = infer(R"(
inputs: {x: {shape: [4, 3]}, s: {shape: [1]}}
parameters: {W: [_, 3]}
nodes:
  a: s + b_tm1
  b: x + a @ W
outputs: [b]
)");
  EXPECT_THAT(m.codes(), IsEmpty());
  EXPECT_EQ(m.shape("a"), "[4, 3]");
  EXPECT_EQ(m.shape("W"), "[3, 3]");
}

TEST(InferShapes, TypesFollowFromOperands) {
  const Inferred m = infer(R"(
inputs: {n: {type: int}, x: {}}
nodes:
  a: n + 1
  b: n + x
  c: n / 2
  d: a > b
  e: max(n, 3)
  f: index(t) + length(t)
  y: where(d, b, c) + e + f
outputs: [y]
)");
  EXPECT_EQ(m.node("a").type, Type::kInt);
  EXPECT_EQ(m.node("b").type, Type::kFloat);
  EXPECT_EQ(m.node("c").type, Type::kFloat);
  EXPECT_EQ(m.node("d").type, Type::kBool);
  EXPECT_EQ(m.node("e").type, Type::kInt);
  EXPECT_EQ(m.node("f").type, Type::kInt);
  EXPECT_EQ(m.node("y").type, Type::kFloat);
}

TEST(InferShapes, LengthsAreIntsAndLossesScalars) {
  EXPECT_THAT(infer("axes: {t: {}, u: {within: t, length: n}}\ninputs: {n: {}, z: {axes: [t, u]}}\nnodes: {y: z}\noutputs: [y]\n").codes(),
              ElementsAre("E0507"));
  EXPECT_THAT(infer("inputs: {x: {shape: [3]}}\nnodes: {y: tanh(x)}\noutputs: [y]\nloss: y\n").codes(), ElementsAre("E0506"));
}

}  // namespace
}  // namespace tapeloop::testing
