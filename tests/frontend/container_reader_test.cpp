#include "compiler/frontend/container_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Reading {
  std::optional<Container> container;
  std::vector<std::string> found;  // "E0114 3:1"
  std::string messages;
};

Reading reading_of(const std::string& text) {
  Diagnostics diagnostics;
  Reading result;
  result.container = read_container(text, "models/m.yaml", "models", diagnostics);
  for (const Diagnostic& d : diagnostics.sorted()) {
    result.found.push_back(d.code + " " + std::to_string(d.source.line) + ":" + std::to_string(d.source.column));
    result.messages += format(d) + "\n";
  }
  EXPECT_TRUE(result.container || !result.found.empty());
  return result;
}

// The mistakes of a container that is sound but for these lines; they begin on line 4.
std::vector<std::string> mistakes(const std::string& lines) {
  return reading_of("tapeloop: 1\nnodes: {h: x}\noutputs: [h]\n" + lines).found;
}
std::vector<std::string> node_mistakes(const std::string& lines) { return reading_of("tapeloop: 1\noutputs: [h]\nnodes:\n" + lines).found; }
Container sound(const std::string& lines) {
  const Reading r = reading_of("tapeloop: 1\noutputs: [h]\n" + lines);
  EXPECT_THAT(r.found, IsEmpty()) << r.messages;
  return r.container.value_or(Container{});
}

TEST(ContainerReader, ReadsEverySection) {
  const Container c = sound(R"(doc: A cell
  over two lines.
options: {units: 4, act: tanh, start: [0, 1]}
use: {lstm: cells/lstm.yaml}
axes: {t: {}, u: {within: t, length: steps + 1}}
inputs: {x: {shape: [features, 2 * units]}, c: {axes: [], type: int}, d:}
parameters: {W: [_, units], g: {shape: [units], init: {constant: 1}}, U: {shape: [units, units], init: orthogonal}}
states: {h: h0, d.c: {init: 0}, b: [{along: u, init: b_end_tm1}, {init: g}]}
nodes:
  for j in 1..2, k in [a, b]:
    for i in 1..j:
      h{j}{k}: h{j}{k}_tm1 + x
  i, f: sigmoid(x)
loss: h
train: {data: {file: x.csv}}
)");
  EXPECT_EQ(c.name, "m");
  EXPECT_EQ(c.folder, "models");
  EXPECT_EQ(c.doc, "A cell over two lines.");
  ASSERT_EQ(c.options.size(), 3U);
  EXPECT_EQ(c.options[1].value.values[0]->text, "tanh");
  EXPECT_TRUE(c.options[2].value.is_list);
  EXPECT_EQ(c.use[0].value, "cells/lstm.yaml");
  EXPECT_EQ(c.axes[1].value.within, "t");
  EXPECT_EQ(to_text(*c.axes[1].value.length.length), "steps + 1");
  EXPECT_EQ(to_text(*c.inputs[0].value.shape[1]), "2 * units");
  EXPECT_FALSE(c.inputs[0].value.has_axes);
  EXPECT_TRUE(c.inputs[1].value.has_axes);
  EXPECT_EQ(c.inputs[1].value.type, "int");
  EXPECT_EQ(c.parameters[1].value.init, "constant");
  EXPECT_EQ(c.parameters[1].value.init_value->number, 1);
  EXPECT_EQ(c.states[1].key, "d.c");
  EXPECT_EQ(c.states[2].value.starts[0].along, "u");
  EXPECT_EQ(c.states[2].value.starts[1].along, "t");
  ASSERT_EQ(c.nodes.size(), 2U);
  ASSERT_TRUE(c.nodes[0].is_block());
  EXPECT_EQ(c.nodes[0].ranges.size(), 2U);
  EXPECT_EQ(c.nodes[0].body[0].body[0].key, "h{j}{k}");
  EXPECT_EQ(c.nodes[1].key, "i, f");
  ASSERT_EQ(c.losses.size(), 1U);
  EXPECT_EQ(c.losses[0].name, "h");
  EXPECT_TRUE(c.train->find("data"));
}

TEST(ContainerReader, TheLongFormIsACall) {
  const Container c = sound(R"(nodes:
  h: {op: linear, inputs: [x, h_tm1 * r], units: 2 * n, merge: sum, activation: sigmoid, axes: [t, s]}
  p: {op: reshape, inputs: [{op: tanh, inputs: [x]}], shape: [2, n]}
)");
  EXPECT_EQ(to_text(*c.nodes[0].value.equation), "sigmoid(linear(x, h_tm1 * r, units=2 * n, merge=sum))");
  EXPECT_THAT(c.nodes[0].value.axes, ElementsAre("t", "s"));
  EXPECT_EQ(to_text(*c.nodes[1].value.equation), "reshape(tanh(x), shape=[2, n])");
}

TEST(ContainerReader, EquationsKnowTheirPlaceInTheFile) {
  const Container c = sound("nodes:\n  h: z * a\n     + f(b)\n  k: \"{j} + b\"\n");
  const Expression& sum = *c.nodes[0].value.equation;
  EXPECT_EQ(sum.source.text(), "models/m.yaml:4:6");
  EXPECT_EQ(sum.args[1]->source.text(), "models/m.yaml:5:8");
  EXPECT_EQ(sum.args[1]->args[0]->source.text(), "models/m.yaml:5:10");
  EXPECT_EQ(c.nodes[1].value.equation->args[1]->source.text(), "models/m.yaml:6:13");
  EXPECT_EQ(c.nodes[1].source.text(), "models/m.yaml:6:3");
}

TEST(ContainerReader, WantsTheVersionFirst) {
  EXPECT_THAT(reading_of("nodes: {h: (}\n").found, ElementsAre("E0112 1:1"));
  EXPECT_THAT(reading_of("tapeloop: 2\nnodes: {h: (}\n").found, ElementsAre("E0113 1:11"));
  EXPECT_THAT(reading_of("just text\n").found, ElementsAre("E0115 1:1"));
}

TEST(ContainerReader, ReportsWhatIsMissingOrUnknown) {
  EXPECT_THAT(reading_of("tapeloop: 1\n").found, ElementsAre("E0116 1:1"));
  EXPECT_THAT(reading_of("tapeloop: 1\nnodes: {h: x}\n").found, ElementsAre("E0116 1:1"));
  const Reading r = reading_of("tapeloop: 1\nnods: {h: x}\noutputs: [h]\n");
  EXPECT_THAT(r.found, ElementsAre("E0114 2:1"));
  EXPECT_THAT(r.messages, HasSubstr("a container has no key 'nods'; did you mean 'nodes'?"));
  EXPECT_FALSE(r.container);
  EXPECT_THAT(mistakes("inputs: {x: {shpe: [3]}}\n"), ElementsAre("E0114 4:14"));
  EXPECT_THAT(mistakes("axes: {t: {withn: u}}\n"), ElementsAre("E0114 4:12"));
  EXPECT_THAT(mistakes("parameters: {W: {init: zeros}}\n"), ElementsAre("E0116 4:17"));
  EXPECT_THAT(mistakes("states: {h: {along: t}}\n"), ElementsAre("E0116 4:13"));
  EXPECT_THAT(mistakes("states: {h: {int: 0}}\n"), ElementsAre("E0116 4:13", "E0114 4:14"));
  EXPECT_THAT(node_mistakes("  h: {inputs: [x]}\n"), ElementsAre("E0116 4:6"));
  EXPECT_THAT(reading_of("tapeloop: 1\nnodes: {h: x}\noutputs: []\n").found, ElementsAre("E0116 3:10"));
}

TEST(ContainerReader, ReportsValuesOfTheWrongKind) {
  EXPECT_THAT(mistakes("inputs: [x]\n"), ElementsAre("E0115 4:9"));
  EXPECT_THAT(mistakes("inputs: {x: {shape: 3}}\n"), ElementsAre("E0115 4:21"));
  EXPECT_THAT(mistakes("inputs: {x: {axes: t}}\n"), ElementsAre("E0115 4:20"));
  EXPECT_THAT(mistakes("inputs: {x: {type: double}}\n"), ElementsAre("E0121 4:20"));
  EXPECT_THAT(mistakes("inputs: {x: [3]}\n"), ElementsAre("E0115 4:13"));
  EXPECT_THAT(mistakes("parameters: {W: 3}\n"), ElementsAre("E0115 4:17"));
  EXPECT_THAT(mistakes("parameters: {W: {shape: [3], init: glorott}}\n"), ElementsAre("E0122 4:36"));
  EXPECT_THAT(mistakes("parameters: {W: {shape: [3], init: constant}}\n"), ElementsAre("E0122 4:36"));
  EXPECT_THAT(mistakes("parameters: {W: {shape: [3], init: {zeros: 1}}}\n"), ElementsAre("E0122 4:37"));
  EXPECT_THAT(mistakes("parameters: {W: {shape: [3], init: [1]}}\n"), ElementsAre("E0115 4:36"));
  EXPECT_THAT(mistakes("options: {units: {a: 1}}\n"), ElementsAre("E0115 4:18"));
  EXPECT_THAT(mistakes("states: {y: [0, 1]}\n"), ElementsAre("E0123 4:17"));
  EXPECT_THAT(node_mistakes("  h: [x]\n"), ElementsAre("E0115 4:6"));
  EXPECT_THAT(node_mistakes("  h: {op: linear, inputs: x}\n"), ElementsAre("E0115 4:27"));
  EXPECT_THAT(node_mistakes("  h:\n"), ElementsAre("E0206 4:3"));
  EXPECT_THAT(reading_of("tapeloop: 1\nnodes: {h: x}\noutputs: h\n").found, ElementsAre("E0115 3:10"));
}

TEST(ContainerReader, ChecksNames) {
  EXPECT_THAT(node_mistakes("  h: x\n  h_tm1: x\n"), ElementsAre("E0119 5:3"));
  EXPECT_THAT(node_mistakes("  h: x\n  1st: x\n"), ElementsAre("E0118 5:3"));
  EXPECT_THAT(node_mistakes("  h: x\n  d.h: x\n"), ElementsAre("E0118 5:3"));
  EXPECT_THAT(node_mistakes("  h: x\n  a, b-c: x\n"), ElementsAre("E0118 5:6"));
  EXPECT_THAT(node_mistakes("  h: x\n  a, a: x\n"), ElementsAre("E0123 5:6"));
  EXPECT_THAT(node_mistakes("  h: x\n  inf: x\n"), ElementsAre("E0120 5:3"));
  EXPECT_THAT(node_mistakes("  h: x\n  a{j-}: x\n"), ElementsAre("E0202 5:7"));
  EXPECT_THAT(node_mistakes("  h: x\n  for j to 3:\n    a: x\n"), ElementsAre("E0210 5:9"));
  EXPECT_THAT(reading_of("tapeloop: 1\nnodes: {h: x}\noutputs: [h, h, 2 * h]\n").found, ElementsAre("E0123 3:14", "E0118 3:17"));
  EXPECT_THAT(mistakes("loss: h - y\n"), ElementsAre("E0118 4:7"));
}

TEST(ContainerReader, SaysWhatComesLater) {
  EXPECT_THAT(mistakes("loss: [h, {sum: h, times: 0.5}]\n"), IsEmpty());
  EXPECT_THAT(mistakes("loss: {total: h}\n"), ElementsAre("E0116 4:7", "E0114 4:8"));
}

TEST(ContainerReader, ReadsLengthsOfEachMode) {
  const Container c =
      sound("axes:\n  t: {length: {train: steps, decode: {until: done, max: 2 * n}}}\n  u: {until: over, max: 4}\nnodes: {h: x}\n");
  const AxisDecl& t = c.axes[0].value;
  EXPECT_EQ(to_text(*t.length_in(Mode::kTrain).length), "steps");
  EXPECT_EQ(to_text(*t.length_in(Mode::kEval).length), "steps");
  EXPECT_EQ(to_text(*t.length_in(Mode::kDecode).until), "done");
  EXPECT_EQ(to_text(*t.length_in(Mode::kDecode).most), "2 * n");
  for (const Mode mode : {Mode::kTrain, Mode::kEval, Mode::kDecode}) EXPECT_EQ(to_text(*c.axes[1].value.length_in(mode).until), "over");
}

TEST(ContainerReader, ReportsMistakesInLengths) {
  EXPECT_THAT(mistakes("axes: {t: {length: {decode: {until: done}}}}\n"), ElementsAre("E0116 4:37"));
  EXPECT_THAT(mistakes("axes: {t: {max: 40}}\n"), ElementsAre("E0116 4:17"));
  EXPECT_THAT(mistakes("axes: {t: {length: n, until: done, max: 40}}\n"), ElementsAre("E0116 4:20"));
  EXPECT_THAT(mistakes("axes: {t: {length: {trian: n}}}\n"), ElementsAre("E0114 4:21"));
  EXPECT_THAT(mistakes("axes: {t: {length: {}}}\n"), ElementsAre("E0116 4:20"));
  EXPECT_THAT(mistakes("axes: {t: {length: {decode: {until: done, most: 40}}}}\n"), ElementsAre("E0114 4:43"));
}

TEST(ContainerReader, ReadsAStartForEachSide) {
  const Container c = sound("states: {h: {before: a, after: 2 * b}, g: [{along: u, after: c}]}\nnodes: {h: x}\n");
  const StateDecl::Start& h = c.states[0].value.starts[0];
  EXPECT_EQ(to_text(*h.before), "a");
  EXPECT_EQ(to_text(*h.after), "2 * b");
  EXPECT_EQ(h.init, nullptr);
  EXPECT_EQ(c.states[1].value.starts[0].before, nullptr);
  EXPECT_EQ(c.states[1].value.starts[0].along, "u");
  EXPECT_THAT(mistakes("states: {h: {before: 0, init: 1}}\n"), ElementsAre("E0116 4:31"));
}

TEST(ContainerReader, StaysBelowItsFolder) {
  EXPECT_THAT(mistakes("use: {a: ../a.yaml}\n"), ElementsAre("E0901 4:10"));
  EXPECT_THAT(mistakes("use: {a: /etc/a.yaml}\n"), ElementsAre("E0901 4:10"));
  EXPECT_THAT(mistakes("use: {a: b/../../a.yaml}\n"), ElementsAre("E0901 4:10"));
  EXPECT_THAT(mistakes("use: {a: cells/a..b.yaml}\n"), IsEmpty());
}

TEST(ContainerReader, ReportsAllMistakesOfAFileInOneRun) {
  const Reading r = reading_of(R"(tapeloop: 1
inputs: {x: {shape: [f +]}, y: {typo: 1}}
parameters: {W: 3}
nodes:
  h: a * b @ c
  h: 3
  g: sum(a, )b
outputs: [h]
)");
  EXPECT_THAT(r.found, ElementsAre("E0202 2:25", "E0114 2:33", "E0115 3:17", "E0203 5:12", "E0108 6:3", "E0202 7:14"));
  ASSERT_TRUE(r.container);  // expand goes on with what there is
  EXPECT_EQ(r.container->nodes[0].value.equation, nullptr);
}

}  // namespace
}  // namespace tapeloop
