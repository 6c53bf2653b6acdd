#include "core/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/frontend/container_reader.h"

namespace tapeloop::api {

TAPELOOP_KIND_FUNCTION(sigmoid)
TAPELOOP_KIND_FUNCTION(tanh)
TAPELOOP_KIND_FUNCTION(exp)
TAPELOOP_KIND_FUNCTION(last)
TAPELOOP_KIND_FUNCTION(concat)

}  // namespace tapeloop::api

namespace api_test {
namespace {

using namespace tapeloop::api;  // NOLINT(google-build-using-namespace): as users do, so that exp() below has two meanings
using tapeloop::Container;
using tapeloop::Diagnostics;
using tapeloop::ModelError;
using tapeloop::read_container;
using tapeloop::to_text;

using testing::HasSubstr;

std::string text(const Expr& expr) { return to_text(*expr.expression()); }

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ModelError& error) {
    return error.list().at(0).code;
  }
  return "";
}

TEST(Api, BuildsTheContainerThatYamlGives) {
  Definition gru{"gru"};
  const Expr units = gru.option("units", 128);
  const Expr x = gru.input("x", {.shape = {free("features")}});
  const Expr h = gru.declare("h", {.shape = {units}});
  const Expr r = gru.node("r", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr z = gru.node("z", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr n = gru.node("n", tanh(linear({x, r * h.tm(1)}, {.units = units})));
  gru.define(h, z * h.tm(1) + (1 - z) * n);
  gru.output(h);

  Diagnostics diagnostics;
  const auto yaml = read_container(R"(tapeloop: 1
options: {units: 128}
inputs: {x: {shape: [features]}}
nodes:
  r: sigmoid(linear(x, h_tm1, units=units))
  z: sigmoid(linear(x, h_tm1, units=units))
  n: tanh(linear(x, r * h_tm1, units=units))
  h: z * h_tm1 + (1 - z) * n
outputs: [h]
)",
                                   "gru.yaml", "", diagnostics);
  ASSERT_TRUE(yaml);
  const Container& built = gru.container();
  EXPECT_EQ(built.name, yaml->name);
  ASSERT_EQ(built.nodes.size(), yaml->nodes.size());
  for (std::size_t k = 0; k < built.nodes.size(); ++k) {
    EXPECT_EQ(built.nodes[k].key, yaml->nodes[k].key);
    EXPECT_EQ(to_text(*built.nodes[k].value.equation), to_text(*yaml->nodes[k].value.equation));
  }
  EXPECT_EQ(to_text(*built.inputs[0].value.shape[0]), "features");
  EXPECT_EQ(built.outputs[0].name, "h");
}

TEST(Api, WritesTapsOnAnyAxisAndInnerValues) {
  Definition d{"d"};
  const Expr x = d.input("x");
  const Expr u = d.axis("u", {.within = "t", .length = x + 1});
  EXPECT_EQ(text(x.tp(2)), "x_tp2");
  EXPECT_EQ(text(x.tm(1).at("u", -1)), "x_tm1[u-1]");
  EXPECT_EQ(text(x.tm(0)), "x");
  EXPECT_EQ(text(x["c"].tm(1)), "x.c_tm1");
  EXPECT_EQ(text(last(x, along(u))), "last(x, along=u)");
  EXPECT_EQ(text(last(x, along(reversed(u)))), "last(x, along=-u)");
  EXPECT_EQ(text(call("reshape", {x}, {{"shape", list({2, -1})}})), "reshape(x, shape=[2, -1])");
  EXPECT_EQ(text(call("linear", {x}, {{"bias", false}})), "linear(x, bias=false)");
}

TEST(Api, NumbersStandOnEitherSide) {
  Definition d{"d"};
  const Expr x = d.input("x");
  EXPECT_EQ(text(-2 * x + 1), "-2 * x + 1");
  EXPECT_EQ(text(1 / (2 - x)), "1 / (2 - x)");
  EXPECT_EQ(text(pow(-x, 2)), "(-x) ** 2");
  EXPECT_EQ(text(less(x, 3) * matmul(x, x)), "(x < 3) * (x @ x)");
  EXPECT_EQ((-1 * x).expression()->args[0]->text, "neg");
  EXPECT_EQ(text(concat(x, 1.5, option("axis", 0))), "concat(x, 1.5, axis=0)");
  EXPECT_EQ(text(concat({x, x})), "concat(x, x)");
  EXPECT_DOUBLE_EQ(exp(1.0), std::exp(1.0));  // numbers still have the functions of <cmath>
}

TEST(Api, KnowsTheLineOfADeclaration) {
  Definition d{"d"};
  const Expr x = d.input("x");
  const int line = __LINE__ + 1;
  d.node("y", x + 1);
  d.output(x);
  EXPECT_EQ(d.container().nodes[0].source.line, line);
  EXPECT_EQ(d.container().nodes[0].value.equation->args[1]->source.line, line);
  EXPECT_THAT(*d.container().nodes[0].source.file, HasSubstr("api_test.cpp"));
}

TEST(Api, RefusesMistakes) {
  Definition a{"a"};
  Definition b{"b"};
  const Expr x = a.input("x");
  const Expr y = b.input("y");
  EXPECT_EQ(code_of([&] { x + y; }), "E0390");
  EXPECT_EQ(code_of([&] { a.node("n", y); }), "E0390");
  EXPECT_EQ(code_of([&] { a.input("x"); }), "E0391");
  EXPECT_EQ(code_of([&] { a.input("h_tm1"); }), "E0391");
  EXPECT_EQ(code_of([&] { a.node("2h", x); }), "E0391");
  EXPECT_EQ(code_of([&] { a.define(x, x); }), "E0391");
  EXPECT_EQ(code_of([&] { (x + 1).tm(1); }), "E0392");
  EXPECT_EQ(code_of([&] { x.tm(1).tm(1); }), "E0392");
  EXPECT_EQ(code_of([&] { a.output(x + 1); }), "E0392");
  EXPECT_EQ(code_of([&] { a.container(); }), "E0393");
  a.output(x);
  a.declare("h");
  EXPECT_EQ(code_of([&] { a.container(); }), "E0393");
}

TEST(Api, RefusesNumbersTapsAndNamesThatNoModelCanHave) {
  Definition d{"d"};
  const Expr x = d.input("x");
  EXPECT_EQ(code_of([&] { x + std::nan(""); }), "E0392");
  EXPECT_EQ(text(x + std::numeric_limits<double>::infinity()), "x + inf");
  EXPECT_EQ(text(x * -std::numeric_limits<double>::infinity()), "x * -inf");
  EXPECT_EQ(code_of([&] { (x + 1)["c"]; }), "E0392");
  EXPECT_EQ(code_of([&] { x.tm(1)["c"]; }), "E0392");
  EXPECT_EQ(code_of([&] { free("2"); }), "E0391");
  EXPECT_EQ(code_of([&] { call("clip", {x}, {{"low", 0}, {"low", 1}}); }), "E0207");
  EXPECT_EQ(code_of([&] { d.input("token", {.type = "byte"}); }), "E0121");
}

TEST(Api, RefusesAxesWithHalfALength) {
  Definition d{"d"};
  const Expr x = d.input("x");
  EXPECT_EQ(code_of([&] { d.axis("2u"); }), "E0391");
  EXPECT_EQ(code_of([&] { d.axis("u", {.until = greater(x, 0)}); }), "E0391");
  EXPECT_EQ(code_of([&] { d.axis("u", {.length = x, .until = greater(x, 0), .most = 3}); }), "E0391");
  EXPECT_EQ(code_of([&] { d.axis("u", {.length = x, .beam = 2}); }), "E0391");
  EXPECT_EQ(code_of([&] { d.axis("u", {.until = greater(x, 0), .most = 3, .length_penalty = 0.5}); }), "E0391");
  d.axis("u", {.until = greater(x, 0), .most = 3, .beam = 2, .length_penalty = 0.5});
  EXPECT_EQ(code_of([&] { d.axis("u"); }), "E0391");
}

TEST(Api, ParametersHaveStartsAndALossIsAValueByName) {
  Definition d{"d"};
  const Expr x = d.input("x", {.shape = {3}});
  const Expr W = d.parameter("W", {.shape = {3, 1}, .init = "normal", .init_value = 0.5});
  const Expr e = d.node("e", matmul(x, W));
  d.output(e);
  d.loss(e);
  EXPECT_EQ(d.container().parameters[0].value.init, "normal");
  EXPECT_EQ(to_text(*d.container().parameters[0].value.init_value), "0.5");
  EXPECT_EQ(d.container().losses[0].name, "e");
  EXPECT_EQ(code_of([&] { d.loss(e + 1); }), "E0392");
}

TEST(Api, HasTheComparisonsAndTheOptionsOfLinear) {
  Definition d{"d"};
  const Expr x = d.input("x");
  EXPECT_EQ(text(less_equal(x, 1)), "x <= 1");
  EXPECT_EQ(text(greater(x, 1)), "x > 1");
  EXPECT_EQ(text(greater_equal(x, 1)), "x >= 1");
  EXPECT_EQ(text(equal(x, 1)), "x == 1");
  EXPECT_EQ(text(not_equal(x, 1)), "x != 1");
  EXPECT_EQ(text(linear({x, x}, {.units = 3, .bias = false, .weights = "W", .merge = "mul"})),
            "linear(x, x, units=3, bias=false, weights=W, merge=mul)");
}

TEST(Api, StatesOfSeveralAxesAreOneEntry) {
  Definition d{"d"};
  const Expr x = d.input("x");
  d.state(x, 0);
  d.state(x, 1, "u");
  d.output(x);
  ASSERT_EQ(d.container().states.size(), 1U);
  EXPECT_EQ(d.container().states[0].value.starts[1].along, "u");
  EXPECT_EQ(code_of([&] { d.state(x, 2, "u"); }), "E0391");
}

TEST(Api, RefusesEquationsThatGrowWithoutEnd) {
  Definition d{"d"};
  const Expr x = d.input("x");
  EXPECT_EQ(code_of([&] {
              Expr sum = x;
              for (int k = 0; k < 2000; ++k) sum = sum + 1;
            }),
            "E0394");
  EXPECT_EQ(code_of([&] {
              Expr doubled = x;
              for (int k = 0; k < 100; ++k) doubled = doubled * doubled;
            }),
            "E0394");
}

}  // namespace
}  // namespace api_test
