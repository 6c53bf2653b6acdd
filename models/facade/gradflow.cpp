#include "models/facade/gradflow.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "compiler/passes/differentiate.h"
#include "core/kind.h"
#include "models/facade/gradflow_place.h"
#include "models/facade/gradflow_why.h"
#include "models/facade/not_finite.h"
#include "models/facade/trial_feed.h"
#include "runtime/reference.h"
#include "runtime/training/parameters.h"

namespace tapeloop {
namespace {

constexpr std::size_t kEntries = 256;  // of `from` that are each gone back from by themselves

Source place_of(const std::string& text) { return {std::make_shared<const std::string>(text), 0, 0}; }

// A model with all its numbers.
struct Subject {
  CompileOptions compile;
  Graph graph;
  Batch<double> batch;
  std::map<std::string, Array<double>> parameters;
};

Subject prepare(const Model& model, const GradflowOptions& options) {
  Diagnostics diagnostics;
  const Feed feed = options.feed ? *options.feed : trial_feed(model, options.mode, options.seed, {options.rows, options.length, 0, false});
  const Graph expanded = model.expanded(diagnostics, options.mode);
  raise_errors(diagnostics);
  CompileOptions compile;
  compile.mode = options.mode;
  compile.gradients = false;
  compile.fed_shapes = fed_shapes(feed, expanded);
  const Compiled compiled = model.compile(compile);
  if (!compiled.plan.executable) {
    diagnostics.error("E0730", place_of(feed.file), fmt::format("nothing tells the size {}", compiled.plan.free_sizes.front()),
                      "feed the input that has it, or set an option of that name");
    raise_errors(diagnostics);
  }
  Subject subject{compile, compiled.graph, batch_of<double>(feed, compiled.graph, diagnostics), {}};
  Parameters<double> start(compiled.plan);
  start.initialise(options.seed);
  if (!options.weights.empty()) start.take_from(load_safetensors(options.weights), options.weights);
  for (const auto& entry : start.entries()) subject.parameters[entry.spec.name] = start.get(entry.spec.name);
  if (options.feed && !feed.parameters.empty()) subject.parameters = parameters_of<double>(feed, compiled.graph, diagnostics);
  raise_errors(diagnostics);
  return subject;
}

// Where gradients start if nobody says: the loss, else the first output that has a derivative, at its last positions.
std::string default_from(const Graph& graph) {
  if (graph.total_loss != kNone || graph.outputs.empty()) return "loss";
  const auto has_derivative = [&](const OutputRef& output) { return graph[output.node].type == Type::kFloat; };
  const auto found = std::find_if(graph.outputs.begin(), graph.outputs.end(), has_derivative);
  const OutputRef& output = found == graph.outputs.end() ? graph.outputs.front() : *found;
  std::string text;
  for (const AxisId axis : graph[output.node].space.axes()) {
    text += fmt::format("{}{}=-1", text.empty() ? "" : ", ", graph.axes[static_cast<std::size_t>(axis)].name);
  }
  return output.name + (text.empty() ? "" : "[" + text + "]");
}

class Analysis {
 public:
  Analysis(const Subject& subject, const GradflowOptions& options)
      : graph_(subject.graph),
        subject_(subject),
        options_(options),
        forward_(graph_, subject.batch, subject.parameters, options.seed),
        points_(forward_.points()) {}

  Gradflow run(const Model& model) {
    read_places();
    differentiate_from();
    go_back();
    Gradflow result;
    result.from = from_.text;
    result.estimated = estimated_;
    result.not_finite = not_finite(model);
    if (!options_.to.empty()) result.link = link(model);
    picture(result);
    return result;
  }

 private:
  const std::string& axis_name(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)].name; }

  void read_places() {
    Diagnostics diagnostics;
    from_ = read_place(options_.from.empty() ? default_from(graph_) : options_.from, "--from", graph_, diagnostics);
    if (!options_.to.empty()) to_ = read_place(options_.to, "--to", graph_, diagnostics);
    raise_errors(diagnostics);
    if (graph_[from_.node].type != Type::kFloat && options_.to.empty()) {
      diagnostics.error("E0923", place_of("--from " + from_.text),
                        fmt::format("'{}' ({}) is {}: no gradient passes through the choice of a token, or through any other decision",
                                    from_.name, graph_[from_.node].source.text(), type_name(graph_[from_.node].type)),
                        "start from what it is chosen by, such as --from 'logits[t=-1]'");
      raise_errors(diagnostics);
    }
    from_points_ = found_points(from_, "--from", diagnostics);
    if (!options_.to.empty()) to_points_ = found_points(to_, "--to", diagnostics);
    raise_errors(diagnostics);
  }

  std::vector<FlowPoint> found_points(const GradientPlace& place, const std::string& option, Diagnostics& diagnostics) {
    std::vector<FlowPoint> result;
    for (const std::int32_t point : points_of(place, graph_, points_)) result.push_back({place.node, point});
    if (!result.empty()) return result;
    std::string longest = fmt::format("{} example{}", points_.rows(), points_.rows() == 1 ? "" : "s");
    for (const AxisId axis : graph_[place.node].space.axes()) {
      longest += fmt::format(", at most {} positions along {}", points_.extent(axis), axis_name(axis));
    }
    diagnostics.error("E0922", place_of(option + " " + place.text), fmt::format("the batch has no such position: there are {}", longest),
                      "positions and examples count from 0; --length and --rows say how many are drawn");
    return result;
  }

  // Every value gets an adjoint, not parameters alone.
  void differentiate_from() {
    Graph graph = graph_;
    graph.outputs = {{"from", from_.node}};
    DifferentiateOptions options;
    options.cotangents = options.inner = true;
    adjoint_ = differentiate(std::move(graph), options, built_in_kinds());
  }

  // Whether gradients of parameters are asked for: of a value of each example they are sums over the examples, whose norms say nothing.
  bool asks_of_parameters() const {
    return graph_[from_.node].space.on_batch() && (options_.to.empty() || !graph_[to_.node].space.on_batch());
  }

  // One cotangent for each entry of `from`, examples side by side if none is added to another; random signs of all where there are too
  // many: the mean square of the result is the same (Hutchinson 1990).
  void go_back() {
    squares_.resize(static_cast<std::size_t>(graph_.size()));
    std::map<std::vector<std::int32_t>, std::vector<std::int32_t>> by_position;  // of all examples
    ReferencePlace place;
    for (const FlowPoint& from : from_points_) {
      points_.place(graph_[from_.node].space, from.point, place);
      std::vector<std::int32_t> at;
      if (asks_of_parameters()) at.push_back(place.row);
      for (const AxisId axis : graph_[from_.node].space.axes()) at.push_back(place.at[static_cast<std::size_t>(axis)]);
      by_position[at].push_back(from.point);
    }
    const std::vector<std::int64_t> elements = elements_of(from_, graph_);
    estimated_ = !options_.exact && by_position.size() * elements.size() > kEntries;
    if (estimated_) return random_signs(elements);
    for (const auto& [at, points] : by_position) {
      for (const std::int64_t element : elements) {
        Array<double> cotangent = no_cotangent();
        for (const std::int32_t point : points) entry(cotangent, point, element) = 1;
        add_squares(cotangent, 1);
      }
    }
  }

  void random_signs(const std::vector<std::int64_t>& elements) {
    std::mt19937_64 random(options_.seed);
    for (int k = 0; k < kGradflowProbes; ++k) {
      Array<double> cotangent = no_cotangent();
      for (const FlowPoint& from : from_points_) {
        for (const std::int64_t element : elements) entry(cotangent, from.point, element) = (random() >> 63) != 0 ? 1 : -1;
      }
      add_squares(cotangent, 1.0 / kGradflowProbes);
    }
  }

  std::vector<std::int64_t> shape_of(NodeId node) const { return numbers(graph_.sizes.resolve(graph_[node].shape)); }

  Array<double> no_cotangent() {
    Array<double> result;
    const Space space = graph_[from_.node].space;
    if (space.on_batch()) result.dims.push_back(points_.rows());
    for (const AxisId axis : space.axes()) result.dims.push_back(points_.extent(axis));
    for (const std::int64_t dim : shape_of(from_.node)) result.dims.push_back(dim);
    std::int64_t size = 1;
    for (const std::int64_t dim : result.dims) size *= dim;
    result.data.assign(static_cast<std::size_t>(size), 0);
    return result;
  }

  double& entry(Array<double>& cotangent, std::int32_t point, std::int64_t element) {
    const Space space = graph_[from_.node].space;
    ReferencePlace place;
    points_.place(space, point, place);
    std::int64_t index = space.on_batch() ? place.row : 0, elements = 1;
    for (const AxisId axis : space.axes()) index = index * points_.extent(axis) + place.at[static_cast<std::size_t>(axis)];
    for (const std::int64_t dim : shape_of(from_.node)) elements *= dim;
    return cotangent.data[static_cast<std::size_t>(index * elements + element)];
  }

  void add_squares(const Array<double>& cotangent, double weight) {
    Batch<double> batch = subject_.batch;
    batch.inputs["d(from)"] = cotangent;
    Reference<double> reference(adjoint_, batch, subject_.parameters, options_.seed);
    const std::vector<std::int64_t> wanted = options_.to.empty() ? std::vector<std::int64_t>{} : elements_of(to_, graph_);
    for (const auto& [of, gradient] : adjoint_.gradients) {
      std::vector<double>& squares = squares_[static_cast<std::size_t>(of)];
      squares.resize(static_cast<std::size_t>(points_.count(graph_[of].space)));
      for (std::size_t p = 0; p < squares.size(); ++p) {
        for (const double value : reference.value(gradient, static_cast<std::int32_t>(p))) squares[p] += weight * value * value;
      }
      if (options_.to.empty() || of != to_.node) continue;
      for (const FlowPoint& to : to_points_) {
        const std::span<const double> values = reference.value(gradient, to.point);
        for (const std::int64_t element : wanted) {
          const double value = values[static_cast<std::size_t>(element)];
          to_squares_ += weight * value * value;
        }
      }
    }
  }

  bool alive(const FlowPoint& point) const {
    const std::vector<double>& squares = squares_[static_cast<std::size_t>(point.node)];
    return !squares.empty() && squares[static_cast<std::size_t>(point.point)] != 0;
  }

  GradientLink link(const Model& model) {
    GradientLink result{from_.text, to_.text, std::sqrt(to_squares_), {}, {}};
    FlowPaths paths(graph_, points_);
    if (result.flows()) {
      const PassageRule rule = [&](const FlowPoint& reader, const FlowPoint& read) {
        const bool open = passage_of_gradient(graph_, reader.node, read.node) == Passage::kOpen;
        return open && alive(read) ? Passage::kOpen : Passage::kClosed;
      };
      result.path = paths.steps(paths.find(from_points_, to_points_, rule));
      if (options_.mode == Mode::kTrain) result.why = cut_in_training(model, time_of(from_points_), time_of(to_points_));
    } else {
      const FlowReason reason =
          reason_of(graph_, points_, paths, {from_, to_, from_points_, to_points_}, [&](const FlowPoint& point) { return alive(point); });
      result.path = paths.steps(reason.path);
      result.why = reason.text;
    }
    return result;
  }

  bool is_finite(NodeId id) const {
    const std::vector<double>& squares = squares_[static_cast<std::size_t>(id)];
    return std::all_of(squares.begin(), squares.end(), [](double square) { return std::isfinite(square); });
  }

  // "'e' (m.yaml:7:6) is inf at t=3 of example 0".
  std::string not_finite(const Model& model) {
    NodeId first = kNone;
    for (NodeId id = 0; id < graph_.size() && first == kNone; ++id) {
      if (!is_finite(id)) first = id;
    }
    const bool finite = std::all_of(from_points_.begin(), from_points_.end(), [&](const FlowPoint& point) {
      const std::span<const double> values = forward_.value(point.node, point.point);
      return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
    });
    if (first == kNone && finite) return "";
    const std::optional<NotFinite> value =
        find_not_finite<double>(model, subject_.compile, subject_.parameters, subject_.batch, options_.seed);
    if (value || first == kNone) return value ? text(*value) : named(from_.node) + " is not";
    for (NodeId reader = 0; reader < graph_.size(); ++reader) {
      if (!is_finite(reader)) continue;
      for (const NodeId read : graph_[reader].operands) {
        if (read != kNone && !is_finite(read)) return fmt::format("all values are finite, but a derivative of {} is not", named(reader));
      }
    }
    return fmt::format("all values are finite, but the derivative by {} is not", named(first));
  }

  // "'h' (m.yaml:7:6)": parts of an equation go by its name.
  std::string named(NodeId id) const {
    const Node& node = graph_[id];
    return fmt::format("'{}' ({})", node.name.substr(0, node.name.find('#')), node.source.text());
  }

  // The position along the axis named t; none of a value without it, or of several positions.
  std::optional<std::int64_t> time_of(const std::vector<FlowPoint>& points) {
    std::optional<std::int64_t> result;
    ReferencePlace place;
    for (const FlowPoint& point : points) {
      const Space space = graph_[point.node].space;
      points_.place(space, point.point, place);
      for (const AxisId axis : space.axes()) {
        if (axis_name(axis) != "t") continue;
        const std::int64_t at = place.at[static_cast<std::size_t>(axis)];
        if (result && *result != at) return std::nullopt;
        result = at;
      }
    }
    return result;
  }

  // The picture.

  bool is_shown(NodeId id) const {
    const Node& node = graph_[id];
    const Role role = node.kind->role;
    return !node.is_part && node.phase == Phase::kForward && node.type == Type::kFloat && role != Role::kConstant && role != Role::kZeros &&
           id != graph_.total_loss;
  }

  // kNone: not said.
  AxisId picture_axis() const {
    if (options_.along.empty()) return kNone;
    std::vector<std::string> names;
    for (const Axis& axis : graph_.axes) names.push_back(axis.name);
    const auto found = std::find(names.begin(), names.end(), options_.along);
    Diagnostics diagnostics;
    if (found == names.end()) {
      diagnostics.error("E0401", place_of("--along " + options_.along),
                        fmt::format("no axis '{}'{}", options_.along, did_you_mean(options_.along, names)));
    }
    raise_errors(diagnostics);
    return static_cast<AxisId>(found - names.begin());
  }

  void picture(Gradflow& result) {
    const AxisId said = picture_axis();
    const auto add = [&](NodeId id) {
      const std::vector<AxisId> axes = graph_[id].space.axes();
      result.values.push_back(norms_of(id, said != kNone || axes.empty() ? said : axes.front()));
    };
    if (is_shown(from_.node)) add(from_.node);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (is_shown(id) && id != from_.node) add(id);
    }
    const auto order = [&](const ValueNorms& value) {
      const auto same = [&](const Axis& axis) { return axis.name == value.axis; };
      return std::find_if(graph_.axes.begin(), graph_.axes.end(), same);
    };
    std::stable_sort(result.values.begin(), result.values.end(),
                     [&](const ValueNorms& a, const ValueNorms& b) { return order(a) < order(b); });
  }

  ValueNorms norms_of(NodeId id, AxisId axis) {
    const Node& node = graph_[id];
    ValueNorms result{node.name, node.source.known() ? node.source.text(false) : "", {}, "", {}, {}};
    const std::vector<double>& squares = squares_[static_cast<std::size_t>(id)];
    double whole = 0;
    for (const double square : squares) whole += square;
    result.whole = std::sqrt(whole);
    if (axis == kNone || !node.space.has(axis)) return result;
    result.axis = axis_name(axis);
    ReferencePlace place;
    for (std::int32_t point = 0; point < points_.count(node.space); ++point) {
      points_.place(node.space, point, place);
      const auto at = static_cast<std::size_t>(place.at[static_cast<std::size_t>(axis)]);
      if (result.norms.size() <= at) result.norms.resize(at + 1);
      result.norms[at] = result.norms[at].value_or(0) + squares[static_cast<std::size_t>(point)];
    }
    for (std::optional<double>& norm : result.norms) {
      if (norm) norm = std::sqrt(*norm);
    }
    result.step = step_of(result.norms);
    return result;
  }

  // Least squares on the logarithms.
  static std::optional<double> step_of(const std::vector<std::optional<double>>& norms) {
    double n = 0, sum_p = 0, sum_y = 0, sum_pp = 0, sum_py = 0;
    for (std::size_t k = 0; k < norms.size(); ++k) {
      if (!norms[k] || !(*norms[k] > 0) || !std::isfinite(*norms[k])) continue;
      const double p = static_cast<double>(k), y = std::log(*norms[k]);
      n += 1, sum_p += p, sum_y += y, sum_pp += p * p, sum_py += p * y;
    }
    if (n < 3) return std::nullopt;
    return std::exp(-(n * sum_py - sum_p * sum_y) / (n * sum_pp - sum_p * sum_p));
  }

  const Graph& graph_;
  const Subject& subject_;
  const GradflowOptions& options_;
  Reference<double> forward_;
  ReferencePoints& points_;
  Graph adjoint_;
  GradientPlace from_, to_;
  std::vector<FlowPoint> from_points_, to_points_;
  bool estimated_ = false;
  std::vector<std::vector<double>> squares_;  // by node: of each of its points
  double to_squares_ = 0;
};

}  // namespace

Gradflow gradient_flow(const Model& model, const GradflowOptions& options) {
  const Subject subject = prepare(model, options);
  return Analysis(subject, options).run(model);
}

}  // namespace tapeloop
