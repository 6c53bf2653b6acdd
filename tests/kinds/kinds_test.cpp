// Every kind that the registry has, at every one of its example shapes, without being named here.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "compiler/passes/differentiate.h"
#include "core/builder.h"
#include "nodes/registry.h"
#include "tests/kinds/gradients.h"

namespace tapeloop {
namespace {

// Its adjoint is a rule that the kind states, not the derivative.
bool states_its_gradient(const NodeKind& kind) { return kind.name == "straight_through"; }

bool has_own_rule(const NodeKind& kind) {
  return kind.role == Role::kPoint || kind.role == Role::kLocal || kind.role == Role::kAlias || kind.role == Role::kProduct;
}

// One node y = kind(operands). Operands are inputs on [t]; those in `as_parameters` are parameters; ints are always inputs.
struct OneNode {
  Graph graph;
  Batch<double> batch;
  Parameters parameters;
  NodeId y = kNone;

  OneNode(const NodeKind& kind, const Example& example, const Registry& registry, const std::vector<bool>& as_parameters) {
    graph.axes.emplace_back().name = "t";
    batch.rows = 3;
    batch.lengths["t"] = {2, 0, 1};
    GraphBuilder build(graph, registry);
    build.set_context(Phase::kForward, "y", {});
    std::vector<Term> operands;
    for (std::size_t k = 0; k < example.operands.size(); ++k) {
      const std::int64_t int_below = k < example.int_below.size() ? example.int_below[k] : 0;
      operands.push_back(build.term(leaf(registry, example, k, int_below, as_parameters[k] && int_below == 0)));
    }
    y = build.call(kind.name, operands, example.attributes).id;
    graph.outputs.push_back({"y", y});
  }

  // Another reader of each float operand: its adjoint has a contribution before and after the kind's own.
  void read_twice(const Registry& registry) {
    GraphBuilder build(graph, registry);
    build.set_context(Phase::kForward, "z", {});
    const NodeId leaves = y;
    for (NodeId id = 0; id < leaves; ++id) {
      if (graph[id].type == Type::kFloat) graph.outputs.push_back({"z" + std::to_string(id), build.call("copy", {build.term(id)}).id});
    }
  }

 private:
  NodeId leaf(const Registry& registry, const Example& example, std::size_t k, std::int64_t int_below, bool parameter) {
    Node node;
    node.name = "x" + std::to_string(k);
    node.kind = &registry.at(parameter ? "parameter" : "input");
    if (!parameter) node.space = Space::batch().with(0);
    for (const std::int64_t dim : example.operands[k]) node.shape.push_back(Dim(dim));
    node.type = int_below > 0 ? Type::kInt : Type::kFloat;
    std::vector<std::int64_t> dims = example.operands[k];
    if (!parameter) dims.insert(dims.begin(), {batch.rows, 2});
    auto& to = parameter ? parameters : batch.inputs;
    to[node.name] = random_array(dims, node.name, example.low, example.high, int_below);
    return graph.add(std::move(node));
  }
};

std::string described(const NodeKind& kind, const Example& example, const std::vector<bool>& as_parameters) {
  std::string text = std::string(kind.name) + "(";
  for (std::size_t k = 0; k < example.operands.size(); ++k) {
    text += (k ? ", [" : "[");
    for (const std::int64_t dim : example.operands[k]) text += " " + std::to_string(dim);
    text += as_parameters[k] ? " ] parameter" : " ]";
  }
  return text + ")";
}

// All inputs, all parameters, each operand alone as a parameter.
std::vector<std::vector<bool>> placements(std::size_t operands) {
  std::vector<std::vector<bool>> result = {std::vector<bool>(operands, false), std::vector<bool>(operands, true)};
  for (std::size_t k = 0; operands > 1 && k < operands; ++k) {
    result.emplace_back(operands, false);
    result.back()[k] = true;
  }
  return result;
}

GradientReport check_kind(const NodeKind& kind, const Registry& registry, std::string* where = nullptr) {
  GradientReport total;
  for (const Example& example : kind.examples) {
    for (const std::vector<bool>& as_parameters : placements(example.operands.size())) {
      OneNode model(kind, example, registry, as_parameters);
      model.read_twice(registry);
      const GradientReport report = check_gradients(model.graph, registry, model.batch, model.parameters);
      total.compared += report.compared;
      if (!report.bad.empty() && where) *where += described(kind, example, as_parameters) + ": " + report.text();
      total.bad.insert(total.bad.end(), report.bad.begin(), report.bad.end());
    }
  }
  return total;
}

TEST(Kinds, EveryKindWithARuleOfItsOwnHasExamples) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (has_own_rule(*kind)) {
      EXPECT_FALSE(kind->examples.empty()) << kind->name;
    }
  }
}

TEST(Kinds, EveryDifferentiableKindHasAnAdjoint) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    const bool is_leaf = kind->operands.empty() || kind->role == Role::kComposite || kind->role == Role::kSugar;
    if (!is_leaf && kind->differentiable) {
      EXPECT_TRUE(kind->adjoint) << kind->name;
    }
  }
}

TEST(Kinds, AdjointsAgreeWithTheComplexStepOverAllExamples) {
  const Registry registry = make_registry();
  std::int64_t compared = 0;
  for (const NodeKind* kind : registry.all()) {
    if (!has_own_rule(*kind) || !kind->differentiable || states_its_gradient(*kind)) continue;
    std::string where;
    const GradientReport report = check_kind(*kind, registry, &where);
    EXPECT_TRUE(report.bad.empty()) << where;
    EXPECT_GT(report.compared, 0) << kind->name;
    compared += report.compared;
  }
  RecordProperty("compared", std::to_string(compared));
}

// One operand wants a gradient, the others are frozen: each part of a rule asks for its own operand.
TEST(Kinds, AnOperandThatAloneWantsAGradientGetsIt) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (!has_own_rule(*kind) || !kind->differentiable || states_its_gradient(*kind)) continue;
    for (const Example& example : kind->examples) {
      for (std::size_t k = 0; example.operands.size() > 1 && k < example.operands.size(); ++k) {
        std::vector<bool> as_parameters(example.operands.size(), true);
        as_parameters[k] = false;
        const OneNode model(*kind, example, registry, as_parameters);
        const GradientReport report = check_input_gradients(model.graph, registry, model.batch, model.parameters);
        EXPECT_TRUE(report.bad.empty()) << described(*kind, example, as_parameters) << ": " << report.text();
      }
    }
  }
}

bool stretches(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  const std::size_t before = to.size() - from.size();
  for (std::size_t k = 0; k < from.size(); ++k) {
    if (from[k] != to[before + k] && from[k] != Dim(1)) return false;
  }
  return true;
}

void expect_adjoints_fit(const Graph& graph, std::string_view kind) {
  for (const Node& node : graph.nodes) {
    const AttributeValue* start = find_attribute(node.attributes, "start");
    const AttributeValue* stop = find_attribute(node.attributes, "stop");
    if (node.kind->name == "slice" && start && stop) {
      EXPECT_EQ(std::get<double>(*stop) - std::get<double>(*start), static_cast<double>(node.shape.back().number())) << kind;
    }
    if (node.kind->name != "sum_to_shape") continue;
    EXPECT_TRUE(stretches(node.shape, graph[node.operands[0]].shape)) << kind << ": " << node.text;
  }
  for (const auto& [leaf, adjoint] : graph.gradients) {
    EXPECT_TRUE(graph[adjoint].shape == graph[leaf].shape && graph[adjoint].space == graph[leaf].space) << kind;
    if (graph[adjoint].kind->name != "add" && graph[adjoint].kind->name != "copy") continue;  // a rule's own node, not a sum
    for (const NodeId part : graph[adjoint].operands) {
      EXPECT_TRUE(stretches(graph[part].shape, graph[leaf].shape)) << kind << ": " << graph.sizes.text(graph[part].shape);
    }
  }
}

// What a rule adds is as large as the operand, or is stretched to it; none is cut.
TEST(Kinds, WhatAdjointsAreMadeOfFitsThem) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (!has_own_rule(*kind) || !kind->differentiable) continue;
    for (const Example& example : kind->examples) {
      for (const bool twice : {false, true}) {
        OneNode model(*kind, example, registry, std::vector<bool>(example.operands.size(), false));
        if (twice) model.read_twice(registry);
        expect_adjoints_fit(differentiate(model.graph, {.inputs = true, .cotangents = true}, registry), kind->name);
      }
    }
  }
}

// 0 ** 0 is 1, and flat both ways; the rule's x ** (n - 1) alone would be infinite.
TEST(Kinds, ZeroToThePowerOfZeroHasNoSlope) {
  const Registry registry = make_registry();
  const NodeKind& kind = registry.at("power");
  OneNode model(kind, kind.examples.front(), registry, {false, false});
  for (auto& [name, array] : model.batch.inputs) std::fill(array.data.begin(), array.data.end(), 0.0);
  const GradientReport report = check_gradients(model.graph, registry, model.batch, model.parameters);
  EXPECT_TRUE(report.bad.empty()) << report.text();
  EXPECT_GT(report.compared, 0);
}

// Kinds that pass no cotangent: constant between jumps, or told to be.
TEST(Kinds, KindsThatAreNotDifferentiableGiveTheirOperandsNoGradient) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (!has_own_rule(*kind) || kind->differentiable) continue;
    const bool steps = kind->name != "stop_gradient";
    for (const Example& example : kind->examples) {
      OneNode model(*kind, example, registry, std::vector<bool>(example.operands.size(), false));
      const GradientReport report = check_gradients(model.graph, registry, model.batch, model.parameters);
      EXPECT_EQ(report.bad.empty(), steps) << kind->name << ": " << report.text();
      for (const BadEntry& entry : report.bad) EXPECT_EQ(entry.adjoint, 0) << kind->name;
    }
  }
}

// y = hard, so the derivative is 1 and 0; the rule is 0 and 1.
TEST(Kinds, StraightThroughGivesTheCotangentToTheSecondOperand) {
  const Registry registry = make_registry();
  const NodeKind& kind = registry.at("straight_through");
  for (const Example& example : kind.examples) {
    if (example.operands[0] != example.operands[1]) continue;  // else sums over what was broadcast come into it
    OneNode model(kind, example, registry, {false, false});
    const GradientReport report = check_gradients(model.graph, registry, model.batch, model.parameters);
    std::map<std::int64_t, double> given, expected;  // by element
    for (const BadEntry& entry : report.bad) {
      EXPECT_EQ(entry.adjoint == 0, entry.leaf == "x0") << entry.leaf;
      EXPECT_EQ(entry.complex_step == 0, entry.leaf == "x1") << entry.leaf;
      if (entry.leaf == "x1") given[entry.element] = entry.adjoint;
      if (entry.leaf == "x0") expected[entry.element] = entry.complex_step;
    }
    EXPECT_FALSE(given.empty());
    EXPECT_EQ(given.size(), expected.size());
    for (const auto& [element, value] : given) EXPECT_NEAR(value, expected[element], 1e-12) << element;
  }
}

TEST(Kinds, AnAdjointMadeWrongOnPurposeFails) {
  Registry registry = make_registry();
  NodeKind wrong = registry.at("tanh");
  wrong.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * (1.0 - d.y())); };  // y where y^2 belongs
  registry.add(wrong);
  EXPECT_FALSE(check_kind(registry.at("tanh"), registry).bad.empty());
}

TEST(Kinds, AnAdjointThatForgetsAnOperandFails) {
  Registry registry = make_registry();
  NodeKind wrong = registry.at("multiply");
  wrong.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.x(1)); };
  registry.add(wrong);
  EXPECT_FALSE(check_kind(registry.at("multiply"), registry).bad.empty());
}

}  // namespace
}  // namespace tapeloop
