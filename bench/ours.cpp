// Our side of bench/compare: times one case as a user runs it, through Session, from a batch of examples to outputs or gradients.
//
//   bench_ours CELL infer|train STEPS ROWS FEATURES UNITS [options]
//
//   --input-gradients   train: gradients of the input too
//   --ragged            lengths spread evenly over 1 .. STEPS
//   --decay             simple_rnn: a state that starts at 1e-36 and decays to nothing
//   --without PASS      leave an optimisation out
//   --recompute         keep less for backward and work it out again, in chunks
//   --bytes             print the bytes of all buffers, in MiB, and end
//   --flops             print the flops of the products of one run (a million of them), and end
//
// Inference is compiled for eval, without gradients. A training step changes every parameter, so that nothing that was made
// from one may be kept, then runs forward and backward from the loss, or from cotangents of the outputs.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "bench/timed_case.h"
#include "compiler/pipeline.h"
#include "models/facade/session.h"
#include "models/facade/stepper.h"
#include "runtime/instruction_times.h"

namespace tapeloop::bench {
namespace {

bool asks(const Case& what, const std::string& option) {
  return std::find(what.options.begin(), what.options.end(), option) != what.options.end();
}

Model model_of(const Case& what) {
  const std::string units = "options.units=" + std::to_string(what.units), own = TAPELOOP_BENCH_MODELS "/";
  if (what.cell == "gf_rnn") return Model::load(own + "gf_last.yaml", {units});
  if (what.cell == "gf_lstm") return Model::load("gf_lstm", {units, "options.layers=3"});
  if (what.cell == "narx") return Model::load("narx", {units, "options.size=" + std::to_string(what.units), "options.taps=4"});
  const std::vector<std::string> here = {"gru_stack", "min_gru", "far_taps", "cascade"};
  if (std::find(here.begin(), here.end(), what.cell) != here.end()) return Model::load(own + what.cell + ".yaml", {units});
  if (what.cell.starts_with("bidirectional_")) {
    return Model::load(own + "bidirectional_stack.yaml", {units, "options.features=" + std::to_string(what.features),
                                                          "options.cell=" + what.cell.substr(std::string("bidirectional_").size())});
  }
  const std::string classifier = "classifier_";
  if (what.cell.starts_with(classifier)) {
    return Model::load(own + "classifier.yaml",
                       {units, "options.features=" + std::to_string(what.features), "options.cell=" + what.cell.substr(classifier.size())});
  }
  return Model::load(what.cell, {units});
}

SessionOptions session_options(const Case& what) {
  SessionOptions options;
  options.mode = what.train ? Mode::kTrain : Mode::kEval;
  options.gradients = what.train;
  options.input_gradients = asks(what, "--input-gradients");
  options.recompute = asks(what, "--recompute");
  if (!what.cell.starts_with("classifier_")) options.shapes = {{"x", {what.features}}};
  for (std::size_t k = 0; k + 1 < what.options.size(); ++k) {
    if (what.options[k] == "--without") options.without.push_back(what.options[k + 1]);
  }
  for (const PassInfo& pass : passes()) {
    if (asks(what, "--flops") && pass.name.starts_with("fuse")) options.without.emplace_back(pass.name);
  }
  return options;
}

// The name without that of the instance it belongs to: peers know "h1.linear.h0", not "all.h1.linear.h0".
std::string cell_name(const std::string& name) { return name.starts_with("all.") ? name.substr(4) : name; }

void fill_parameters(const Case& what, Parameters<float>& parameters) {
  for (std::size_t k = 0; k < parameters.entries().size(); ++k) {
    const std::string name = cell_name(parameters.entries()[k].spec.name);
    const std::span<float> values = parameters.values(k);
    const bool none = what.cell == "gf_rnn" && name.ends_with(".bias");  // peers have none there
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = none ? 0 : kWeight * number_of(name, static_cast<std::uint32_t>(i));
    if (!asks(what, "--decay")) continue;
    std::fill(values.begin(), values.end(), 0.0F);
    if (values.size() != static_cast<std::size_t>(what.units * what.units)) continue;
    for (std::int64_t i = 0; i < what.units; ++i) values[static_cast<std::size_t>(i * what.units + i)] = name == "h.linear.x" ? 1 : 0.99F;
  }
}

// [steps, rows, n] and [rows, steps, n] are each other's transposes.
Array<float> transposed(const std::vector<float>& numbers, std::int64_t outer, std::int64_t inner) {
  const std::int64_t width = static_cast<std::int64_t>(numbers.size()) / std::max<std::int64_t>(outer * inner, 1);
  Array<float> result{{inner, outer, width}, std::vector<float>(numbers.size())};
  for (std::int64_t i = 0; i < inner; ++i) {
    for (std::int64_t o = 0; o < outer; ++o) std::copy_n(&numbers[(o * inner + i) * width], width, &result.data[(i * outer + o) * width]);
  }
  return result;
}

std::vector<float> input_numbers(const Case& what) {
  std::vector<float> x(static_cast<std::size_t>(what.steps * what.rows * what.features));
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = number_of("x", static_cast<std::uint32_t>(k));
  if (asks(what, "--decay")) {
    std::fill(x.begin(), x.end(), 0.0F);
    std::fill_n(x.begin(), what.rows * what.features, 1e-36F);
  }
  return x;
}

// Whole numbers in [0, below).
Array<float> whole_numbers(const std::string& name, std::vector<std::int64_t> dims, float below) {
  Array<float> array{std::move(dims), {}};
  std::int64_t count = 1;
  for (const std::int64_t dim : array.dims) count *= dim;
  for (std::int64_t k = 0; k < count; ++k) {
    array.data.push_back(std::floor((number_of(name, static_cast<std::uint32_t>(k)) + 1) / 2 * below));
  }
  return array;
}

Batch<float> make_batch(const Case& what) {
  Batch<float> batch;
  batch.rows = what.rows;
  if (what.cell.starts_with("classifier_")) {
    batch.inputs["word"] = whole_numbers("word", {what.rows, what.steps}, 2000);
    batch.inputs["label"] = whole_numbers("label", {what.rows}, 2);
    return batch;
  }
  batch.inputs["x"] = transposed(input_numbers(what), what.steps, what.rows);
  if (what.cell.starts_with("cascade")) {
    Array<float>& steps = batch.inputs["steps"] = whole_numbers("steps", {what.rows, what.steps}, 10);
    for (float& count : steps.data) ++count;  // 1 .. 10
  }
  for (std::int64_t row = 0; asks(what, "--ragged") && row < what.rows; ++row) {
    const std::int64_t place = row * 7 % what.rows;  // in no order
    batch.lengths["t"].push_back(static_cast<std::int32_t>(1 + place * (what.steps - 1) / std::max<std::int64_t>(what.rows - 1, 1)));
  }
  return batch;
}

class Ours {
 public:
  explicit Ours(const Case& what) : what_(what), session_(model_of(what), session_options(what)), batch_(make_batch(what)) {
    fill_parameters(what, session_.parameters());
    if (!what.train || session_.has_loss()) return;
    session_.forward(batch_);
    for (const OutputRef& output : session_.plan().outputs) {
      Array<float>& dy = cotangents_[output.name] = session_.value(output.name);
      for (std::size_t k = 0; k < dy.data.size(); ++k) dy.data[k] = number_of("dy", static_cast<std::uint32_t>(k));
    }
  }

  void run() {
    if (!what_.train) return session_.forward(batch_);
    change_parameters();
    session_.forward(batch_);
    if (session_.has_loss())
      session_.backward();
    else
      session_.backward(cotangents_);
  }

  std::vector<float> outputs() const {
    return transposed(session_.value(session_.plan().outputs.front().name).data, what_.rows, what_.steps).data;
  }

  double mebibytes() {
    run();
    return static_cast<double>(session_.run().bytes()) / 1048576;
  }

  double flops_of_products() {
    InstructionTimes times(session_.plan());
    session_.run().set_times(&times);
    run();
    session_.run().set_times(nullptr);
    double flops = 0;
    for (std::size_t k = 0; k < session_.plan().instructions.size(); ++k) {
      const Instruction& made = session_.plan().instructions[k];
      if (made.op != OpCode::kProduct && made.op != OpCode::kProductSum) continue;
      const double of_a_point = 2.0 * static_cast<double>(made.product.m * made.product.k * made.product.n);
      flops += of_a_point * static_cast<double>(times.of(static_cast<InstructionId>(k)).points);
    }
    return flops;
  }

 private:
  void change_parameters() {
    change_ = -change_;
    for (std::size_t k = 0; k < session_.parameters().entries().size(); ++k) session_.parameters().values(k)[0] += change_;
  }

  const Case& what_;
  Session<float> session_;
  Batch<float> batch_;
  Cotangents<float> cotangents_;
  float change_ = 1e-6F;
};

// The cascade as one would write it without nested axes: a loop over the outer steps, and in it one over the inner steps. Either all
// rows go side by side, each inner loop as long as the longest of them, or one row after the other, each as long as it is.
class CascadeBySteps {
 public:
  CascadeBySteps(const Case& what, std::int64_t side_by_side)
      : what_(what),
        side_(side_by_side),
        x_(input_numbers(what)),
        steps_(make_batch(what).inputs.at("steps")),
        outer_(Model::load("simple_rnn", {"options.units=" + std::to_string(what.units)}), side_, options("x", what.features)),
        inner_(Model::load(TAPELOOP_BENCH_MODELS "/cascade_inner.yaml", {"options.units=" + std::to_string(what.units)}), side_,
               options("a", what.units)) {}

  void run() {
    for (std::int64_t row = 0; row < what_.rows; row += side_) run_from(row);
  }

 private:
  void run_from(std::int64_t row) {
    outer_.reset();
    const std::int64_t width = side_ * what_.features;
    Stepper<float>::Arrays x{{"x", {{side_, what_.features}, std::vector<float>(static_cast<std::size_t>(width))}}};
    for (std::int64_t t = 0; t < what_.steps; ++t) {
      std::copy_n(x_.begin() + (t * what_.rows + row) * what_.features, width, x.at("x").data.begin());
      const Stepper<float>::Arrays a{{"a", outer_.step(x).at("h")}};
      float longest = 0;
      for (std::int64_t k = row; k < row + side_; ++k) {
        longest = std::max(longest, steps_.data[static_cast<std::size_t>(k * what_.steps + t)]);
      }
      inner_.reset();
      for (float u = 0; u < longest; ++u) inner_.step(a);
    }
  }

  static SessionOptions options(const std::string& input, std::int64_t width) {
    SessionOptions options;
    options.gradients = false;
    options.shapes = {{input, {width}}};
    return options;
  }

  const Case& what_;
  std::int64_t side_;
  std::vector<float> x_;
  Array<float> steps_;
  Stepper<float> outer_, inner_;
};

void run_case(const Case& what) {
  if (what.cell.starts_with("cascade_by_")) {
    CascadeBySteps cascade(what, what.cell == "cascade_by_rows" ? 1 : what.rows);
    return serve(
        what, [&] { cascade.run(); }, [] { return std::vector<float>(); });
  }
  Ours ours(what);
  if (asks(what, "--bytes")) {
    std::cout << ours.mebibytes() << std::endl;
    return;
  }
  if (asks(what, "--flops")) {
    std::cout << ours.flops_of_products() / 1e6 << std::endl;
    return;
  }
  serve(
      what, [&] { ours.run(); }, [&] { return ours.outputs(); });
}

}  // namespace
}  // namespace tapeloop::bench

int main(int argc, char** argv) {
  return tapeloop::bench::guarded([&] { tapeloop::bench::run_case(tapeloop::bench::read_case(argc, argv)); });
}
