// What a C++ program does with a model.
#include "models/facade/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/facade/stepper.h"
#include "models/facade/tapeloop.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::model_of;

Container gru_in_cpp() {
  using namespace api;
  Definition gru{"gru", "Gated recurrent unit, reset before the product. Cho et al. 2014, arXiv:1406.1078."};
  const Expr units = gru.option("units", 128);
  const Expr x = gru.input("x", {.shape = {free("features")}});
  const Expr h = gru.declare("h");
  const Expr r = gru.node("r", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr z = gru.node("z", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr n = gru.node("n", tanh(linear({x, r * h.tm(1)}, {.units = units})));
  gru.define(h, z * h.tm(1) + (1 - z) * n);
  gru.output(h);
  return gru.container();
}

template <class T>
Batch<T> batch_of_two(std::int64_t steps, std::int64_t features) {
  Batch<T> batch;
  batch.rows = 2;
  Array<T> x{{2, steps, features}, {}};
  for (std::int64_t k = 0; k < 2 * steps * features; ++k) x.data.push_back(static_cast<T>(std::sin(0.5 * static_cast<double>(k))));
  batch.inputs["x"] = x;
  batch.lengths["t"] = {static_cast<std::int32_t>(steps), static_cast<std::int32_t>(steps - 2)};
  return batch;
}

SessionOptions three_features() {
  SessionOptions options;
  options.shapes = {{"x", {3}}};
  options.seed = 1;
  return options;
}

// One step after the other gives what the whole sequence gives.
void expect_steps_equal_whole(const Model& model, const SessionOptions& options) {
  constexpr std::int64_t kSteps = 6;
  Session<double> session(model, options);
  Batch<double> batch = batch_of_two<double>(kSteps, 3);
  batch.lengths["t"] = {kSteps, kSteps};
  session.forward(batch);
  Stepper<double> stepper(model, 2, options);
  for (int again = 0; again < 2; ++again, stepper.reset()) {
    for (std::int64_t t = 0; t < kSteps; ++t) {
      Array<double> x{{2, 3}, {}};
      for (std::int64_t k = 0; k < 6; ++k)
        x.data.push_back(batch.inputs["x"].data[static_cast<std::size_t>((k / 3 * kSteps + t) * 3 + k % 3)]);
      for (const auto& [name, found] : stepper.step({{"x", x}})) {
        const Array<double> whole = session.value(name);
        const std::int64_t size = static_cast<std::int64_t>(found.data.size()) / 2;
        for (std::int64_t k = 0; k < 2 * size; ++k) {
          const double expected = whole.data[static_cast<std::size_t>((k / size * kSteps + t) * size + k % size)];
          EXPECT_NEAR(found.data[static_cast<std::size_t>(k)], expected, 1e-12) << name << " at " << t;
        }
      }
    }
  }
}

TEST(CppApi, GivesThePlanOfTheYamlByteForByte) {
  // The shipped cell has its activations as options; this one has them in its equations.
  const std::string yaml =
      "tapeloop: 1\n"
      "options: {units: 128}\n"
      "inputs: {x: {shape: [features]}}\n"
      "nodes:\n"
      "  r: sigmoid(linear(x, h_tm1, units=units))\n"
      "  z: sigmoid(linear(x, h_tm1, units=units))\n"
      "  n: tanh(linear(x, r * h_tm1, units=units))\n"
      "  h: z * h_tm1 + (1 - z) * n\n"
      "outputs: [h]\n";
  Container from_yaml = model_of(yaml).container();
  from_yaml.name = "gru";
  DumpOptions dump;
  dump.source = false;
  dump.step = true;
  const std::string expected = Model(from_yaml).plan_text({}, dump);
  EXPECT_EQ(Model(gru_in_cpp()).plan_text({}, dump), expected);
  EXPECT_EQ(Model::load("gru").plan_text({}, dump), expected);
}

TEST(Session, GivesValuesAndGradientsByName) {
  Session<float> session(Model(gru_in_cpp(), {"options.units=4"}), three_features());
  session.forward(batch_of_two<float>(5, 3));
  const Array<float> h = session.value("h");
  EXPECT_THAT(h.dims, ::testing::ElementsAre(2, 5, 4));
  EXPECT_NE(h.data[0], 0);
  EXPECT_EQ(h.data.back(), 0);  // past the end of the second example
  session.backward({{"h", h}});
  EXPECT_THAT(session.gradient("r.linear.x").dims, ::testing::ElementsAre(3, 4));
  EXPECT_NE(session.gradient("n.linear.bias").data[0], 0);
}

TEST(Session, SaysWhatItDoesNotHave) {
  Session<float> session(Model(gru_in_cpp()), three_features());
  session.forward(batch_of_two<float>(3, 3));
  const auto message = [&](const std::function<void()>& action) -> std::string {
    try {
      action();
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message([&] { (void)session.value("hh"); }), HasSubstr("no value 'hh'; did you mean 'h'?"));
  EXPECT_THAT(message([&] { (void)session.gradient("r.linear.y"); }), HasSubstr("did you mean 'r.linear.x'?"));
  EXPECT_THAT(message([&] { (void)session.loss(); }), HasSubstr("no loss"));
  EXPECT_THAT(message([&] { Session<float>{Model(gru_in_cpp())}; }), HasSubstr("nothing tells the size features"));
}

TEST(Session, KeepsTheValuesThatItIsAskedFor) {
  SessionOptions options = three_features();
  options.keep = {"z"};
  Session<float> session(Model(gru_in_cpp(), {"options.units=4"}), options);
  session.forward(batch_of_two<float>(3, 3));
  EXPECT_THAT(session.value("z").dims, ::testing::ElementsAre(2, 3, 4));
}

TEST(Session, WeightsGoToAFileAndBack) {
  const std::string path = (std::filesystem::temp_directory_path() / "tapeloop_session_weights.safetensors").string();
  SessionOptions other = three_features();
  other.seed = 2;
  Session<float> first(Model(gru_in_cpp()), three_features()), second(Model(gru_in_cpp()), other);
  EXPECT_NE(first.parameters().get("r.linear.x").data, second.parameters().get("r.linear.x").data);
  first.save(path);
  second.load(path);
  std::filesystem::remove(path);
  EXPECT_EQ(first.parameters().get("r.linear.x").data, second.parameters().get("r.linear.x").data);
}

TEST(Stepper, StepsDrawWhatTheWholeDraws) {
  SessionOptions options = three_features();
  options.mode = Mode::kTrain;
  expect_steps_equal_whole(model_of("tapeloop: 1\n"
                                    "inputs: {x: {shape: [features]}}\n"
                                    "nodes:\n"
                                    "  h: tanh(linear(dropout(x, rate=0.4), h_tm1, units=4))\n"
                                    "outputs: [h]\n"),
                           options);
}

TEST(Stepper, StepsOfACellEqualTheWhole) {
  expect_steps_equal_whole(Model::load("gru", {"options.units=4"}), three_features());
  expect_steps_equal_whole(Model::load("gf_lstm", {"options.units=2"}), three_features());
}

TEST(Stepper, CarriesLongTapsOfInputsAndStates) {
  expect_steps_equal_whole(Model::load("narx", {"options.units=4", "options.taps=4"}), three_features());
}

TEST(Stepper, StartsWhereTheStatesSay) {
  expect_steps_equal_whole(model_of("tapeloop: 1\n"
                                    "inputs: {x: {shape: [3]}}\n"
                                    "parameters: {h0: {shape: [3], init: {constant: 0.7}}, g0: {shape: [2, 3], init: {normal: 1}}}\n"
                                    "states: {h: h0, g: g0, k: 2}\n"
                                    "nodes:\n"
                                    "  h: 0.5 * h_tm1 + x\n"
                                    "  g: 0.5 * g_tm2 + h\n"
                                    "  k: 0.5 * k_tm1 + sum(x, along=shape) + index(t)\n"
                                    "outputs: [h, g, k]\n"),
                           three_features());
}

TEST(Stepper, RefusesWhatReadsTheFuture) {
  EXPECT_THROW(Stepper<float>(Model::load("bidirectional", {"options.units=4"}), 1, three_features()), ModelError);
}

// All taps of a batch may lie outside: they read row 0, and its gradient comes from there.
TEST(Session, RunsOfOnePositionReadTokenZeroBeforeThem) {
  Session<double> session(
      model_of("tapeloop: 1\ninputs: {k: {type: int}}\nparameters: {table: [3, 2]}\n"
               "nodes: {y: 'embedding(k_tm1, table)'}\noutputs: [y]\n"));
  Batch<double> batch;
  batch.rows = 2;
  batch.inputs["k"] = {{2, 1}, {1, 2}};
  session.forward(batch);
  session.backward({{"y", {{2, 1, 2}, {1, 2, 3, 4}}}});
  EXPECT_THAT(session.gradient("table").data, ElementsAre(4, 6, 0, 0, 0, 0));
}

}  // namespace
}  // namespace tapeloop
