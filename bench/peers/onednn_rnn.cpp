// Peer: oneDNN's own GRU (reset before the product) and LSTM primitives, the hand-written cells of its vendor.
//
// Training is forward, the reorders of the weights that backward needs once they have changed, and backward: gradients of the input,
// the weights and the biases, from given cotangents. Weights come packed, as oneDNN wants them.
#include "bench/timed_case.h"

#ifdef TAPELOOP_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace tapeloop::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;
constexpr auto kFloat = memory::data_type::f32;
constexpr auto kForwards = dnnl::rnn_direction::unidirectional_left2right;

struct Shapes {
  explicit Shapes(const Case& what, std::int64_t gates)
      : x({what.steps, what.rows, what.features}, kFloat, Tag::tnc),
        h({1, 1, what.rows, what.units}, kFloat, Tag::ldnc),
        y({what.steps, what.rows, what.units}, kFloat, Tag::tnc),
        bias({1, 1, gates, what.units}, kFloat, Tag::ldgo),
        w({1, 1, what.features, gates, what.units}, kFloat, Tag::any),
        u({1, 1, what.units, gates, what.units}, kFloat, Tag::any),
        plain_w({1, 1, what.features, gates, what.units}, kFloat, Tag::ldigo),
        plain_u({1, 1, what.units, gates, what.units}, kFloat, Tag::ldigo) {}
  memory::desc x, h, y, bias, w, u, plain_w, plain_u;
};

// A gate's parameters by their names in models/cells/.
struct Gate {
  std::string w, u, bias;
};
std::vector<Gate> gates_of(const std::string& cell) {
  const auto gate = [](const std::string& name, const std::string& u = "h_tm1") {
    return Gate{name + ".linear.x", name + ".linear." + u, name + ".linear.bias"};
  };
  if (cell == "gru") return {gate("z"), gate("r"), gate("n", "2")};
  if (cell == "lstm") return {gate("i"), gate("f"), gate("g"), gate("o")};
  throw std::runtime_error("oneDNN has no cell '" + cell + "'");
}

// The descriptions of one cell; `h` stands twice where an LSTM has its two states.
struct Gru {
  using Forward = dnnl::gru_forward;
  using Backward = dnnl::gru_backward;
  static Forward::desc forward(dnnl::prop_kind kind, const Shapes& s) { return {kind, kForwards, s.x, s.h, s.w, s.u, s.bias, s.y, s.h}; }
  static Backward::desc backward(const Shapes& s) {
    return {dnnl::prop_kind::backward, kForwards, s.x, s.h, s.w, s.u, s.bias, s.y, s.h, s.x, s.h, s.w, s.u, s.bias, s.y, s.h};
  }
};
struct Lstm {
  using Forward = dnnl::lstm_forward;
  using Backward = dnnl::lstm_backward;
  static Forward::desc forward(dnnl::prop_kind kind, const Shapes& s) {
    return {kind, kForwards, s.x, s.h, s.h, s.w, s.u, s.bias, s.y, s.h, s.h};
  }
  static Backward::desc backward(const Shapes& s) {
    return {dnnl::prop_kind::backward,
            kForwards,
            s.x,
            s.h,
            s.h,
            s.w,
            s.u,
            s.bias,
            s.y,
            s.h,
            s.h,
            s.x,
            s.h,
            s.h,
            s.w,
            s.u,
            s.bias,
            s.y,
            s.h,
            s.h};
  }
};

class Cell {
 public:
  explicit Cell(const Case& what) : what_(what), gates_(gates_of(what.cell)), shapes_(what, static_cast<std::int64_t>(gates_.size())) {}

  template <class Kind>
  void run() {
    const typename Kind::Forward::primitive_desc infer(Kind::forward(dnnl::prop_kind::forward_inference, shapes_), cpu_);
    if (!what_.train) {
      Arguments arguments = forward_arguments(infer.weights_layer_desc(), infer.weights_iter_desc());
      const typename Kind::Forward primitive(infer);
      return serve_with(arguments, [&] { primitive.execute(stream_, arguments); });
    }
    const typename Kind::Forward::primitive_desc train(Kind::forward(dnnl::prop_kind::forward_training, shapes_), cpu_);
    const typename Kind::Backward::primitive_desc back(Kind::backward(shapes_), cpu_, train);
    Arguments forward = forward_arguments(train.weights_layer_desc(), train.weights_iter_desc());
    forward.emplace(DNNL_ARG_WORKSPACE, memory(train.workspace_desc(), cpu_));
    Arguments backward = backward_arguments(forward, back.weights_layer_desc(), back.weights_iter_desc());
    backward.emplace(DNNL_ARG_DIFF_WEIGHTS_LAYER, zeros(back.diff_weights_layer_desc()));
    backward.emplace(DNNL_ARG_DIFF_WEIGHTS_ITER, zeros(back.diff_weights_iter_desc()));
    memory &w = forward.at(DNNL_ARG_WEIGHTS_LAYER), &u = forward.at(DNNL_ARG_WEIGHTS_ITER);
    memory &back_w = backward.at(DNNL_ARG_WEIGHTS_LAYER), &back_u = backward.at(DNNL_ARG_WEIGHTS_ITER);
    dnnl::reorder reorder_w(w, back_w), reorder_u(u, back_u);
    const typename Kind::Forward forward_primitive(train);
    const typename Kind::Backward backward_primitive(back);
    serve_with(forward, [&] {
      forward_primitive.execute(stream_, forward);
      reorder_w.execute(stream_, w, back_w);
      reorder_u.execute(stream_, u, back_u);
      backward_primitive.execute(stream_, backward);
    });
  }

 private:
  static float* numbers(const memory& m) { return static_cast<float*>(m.get_data_handle()); }
  memory zeros(const memory::desc& description) {
    memory m(description, cpu_);
    std::fill_n(numbers(m), description.get_size() / sizeof(float), 0.0F);
    return m;
  }
  memory named(const memory::desc& description, const std::string& name) {
    memory m(description, cpu_);
    for (std::size_t k = 0; k < description.get_size() / sizeof(float); ++k) numbers(m)[k] = number_of(name, static_cast<std::uint32_t>(k));
    return m;
  }
  // Weights [operand's features][gate][unit], reordered to how the primitive wants them.
  memory weights(const memory::desc& plain, const memory::desc& wanted, std::string Gate::*name) {
    memory from(plain, cpu_), to(wanted, cpu_);
    const std::int64_t features = plain.dims()[2], units = what_.units;
    float* number = numbers(from);
    for (std::int64_t i = 0; i < features; ++i) {
      for (const Gate& gate : gates_) {
        for (std::int64_t k = 0; k < units; ++k) *number++ = kWeight * number_of(gate.*name, static_cast<std::uint32_t>(i * units + k));
      }
    }
    dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
    return to;
  }
  memory biases() {
    memory m(shapes_.bias, cpu_);
    float* number = numbers(m);
    for (const Gate& gate : gates_) {
      for (std::int64_t k = 0; k < what_.units; ++k) *number++ = kWeight * number_of(gate.bias, static_cast<std::uint32_t>(k));
    }
    return m;
  }
  Arguments forward_arguments(const memory::desc& w, const memory::desc& u) {
    Arguments arguments = {{DNNL_ARG_SRC_LAYER, named(shapes_.x, "x")},
                           {DNNL_ARG_SRC_ITER, zeros(shapes_.h)},
                           {DNNL_ARG_WEIGHTS_LAYER, weights(shapes_.plain_w, w, &Gate::w)},
                           {DNNL_ARG_WEIGHTS_ITER, weights(shapes_.plain_u, u, &Gate::u)},
                           {DNNL_ARG_BIAS, biases()},
                           {DNNL_ARG_DST_LAYER, zeros(shapes_.y)},
                           {DNNL_ARG_DST_ITER, zeros(shapes_.h)}};
    if (what_.cell == "lstm") {
      arguments.emplace(DNNL_ARG_SRC_ITER_C, zeros(shapes_.h));
      arguments.emplace(DNNL_ARG_DST_ITER_C, zeros(shapes_.h));
    }
    return arguments;
  }
  Arguments backward_arguments(const Arguments& forward, const memory::desc& w, const memory::desc& u) {
    Arguments arguments = forward;
    arguments.at(DNNL_ARG_WEIGHTS_LAYER) = memory(w, cpu_);
    arguments.at(DNNL_ARG_WEIGHTS_ITER) = memory(u, cpu_);
    arguments.emplace(DNNL_ARG_DIFF_DST_LAYER, named(shapes_.y, "dy"));
    arguments.emplace(DNNL_ARG_DIFF_DST_ITER, zeros(shapes_.h));
    arguments.emplace(DNNL_ARG_DIFF_SRC_LAYER, zeros(shapes_.x));
    arguments.emplace(DNNL_ARG_DIFF_SRC_ITER, zeros(shapes_.h));
    arguments.emplace(DNNL_ARG_DIFF_BIAS, zeros(shapes_.bias));
    if (what_.cell == "lstm") {
      arguments.emplace(DNNL_ARG_DIFF_SRC_ITER_C, zeros(shapes_.h));
      arguments.emplace(DNNL_ARG_DIFF_DST_ITER_C, zeros(shapes_.h));
    }
    return arguments;
  }
  template <class Action>
  void serve_with(const Arguments& forward, Action execute) {
    const auto action = [&] {
      execute();
      stream_.wait();
    };
    serve(what_, action, [&] {
      const float* y = numbers(forward.at(DNNL_ARG_DST_LAYER));
      return std::vector<float>(y, y + what_.steps * what_.rows * what_.units);
    });
  }

  const Case& what_;
  std::vector<Gate> gates_;
  Shapes shapes_;
  dnnl::engine cpu_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{cpu_};
};

}  // namespace
}  // namespace tapeloop::bench

int main(int argc, char** argv) {
  using namespace tapeloop::bench;
  return guarded([&] {
    const Case what = read_case(argc, argv);
    Cell cell(what);
    if (what.cell == "lstm")
      cell.run<Lstm>();
    else
      cell.run<Gru>();
  });
}
#else
int main() {
  return tapeloop::bench::guarded([] { throw std::runtime_error("this build found no oneDNN (libdnnl-dev)"); });
}
#endif
