#include "compiler/pipeline.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "compiler/passes/beam.h"
#include "compiler/passes/carry.h"
#include "compiler/passes/differentiate.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/explicit_reads.h"
#include "compiler/passes/fuse_points.h"
#include "compiler/passes/fuse_steps.h"
#include "compiler/passes/infer_axes.h"
#include "compiler/passes/infer_shapes.h"
#include "compiler/passes/layouts.h"
#include "compiler/passes/leave_out_unknown.h"
#include "compiler/passes/lower.h"
#include "compiler/passes/partition.h"
#include "compiler/passes/plan_memory.h"
#include "compiler/passes/plan_use.h"
#include "compiler/passes/product_terms.h"
#include "compiler/passes/recompute.h"
#include "compiler/passes/rematerialise.h"
#include "compiler/passes/simplify.h"
#include "compiler/passes/sink.h"
#include "compiler/passes/stages.h"
#include "compiler/passes/strip_mine.h"
#include "compiler/passes/strips.h"
#include "compiler/passes/total_loss.h"
#include "compiler/passes/until.h"

namespace tapeloop {

const std::vector<PassInfo>& passes() {
  static const std::vector<PassInfo> kPasses = {
      {"expand", "writes out macros, inner containers, composite kinds and linear, for one mode", false},
      {"split_products", "part of expand: one product for each operand of linear, so that each may leave a loop by itself", true},
      {"infer_axes", "finds the axes of every value: the least fixed point", false},
      {"explicit_reads", "puts start values into the taps that may read them", false},
      {"infer_shapes", "finds shapes and types, binds the free sizes", false},
      {"leave_out_unknown", "drops what reads an input along an axis whose length this mode decides", false},
      {"beam", "an axis decided by a beam search gets an axis of hypotheses, and the best one is followed back", false},
      {"total_loss", "adds up the terms of the loss: means or sums over all real positions", false},
      {"carry", "for streams: taps read carried values before the first position", false},
      {"chunk", "for checkpointing: the part that is done for each chunk of t, or the one that comes after them", false},
      {"until", "an axis whose length a value decides gets it from a trial run of what that value needs", false},
      {"simplify_forward", "before differentiation, so that no adjoint is made of what is not needed; left out with simplify", false},
      {"differentiate", "adds the adjoints as equations of their own, their taps turned round", false},
      {"simplify", "folds constants, merges equal values, drops what nobody needs", true},
      {"recompute", "for checkpointing: backward works out again what is inside a scan, all but what taps read", false},
      {"rematerialise", "recomputes in backward what is cheaper to compute than to keep", true},
      {"partition", "finds what needs a loop: strong components become scans, all else is bulk", false},
      {"hoist", "part of partition: what is in no cycle leaves the loop", true},
      {"assign_layouts", "orders the points of each value as its scan walks over them", false},
      {"lower", "makes instructions, buffers and tables", false},
      {"strips", "for checkpointing: loops over chunks of positions, each around a scan and what it shares with bulk", false},
      {"sink", "puts cheap point work that only a step reads into the step", true},
      {"fuse_products", "makes one product of several that read the same, or that are only added up", true},
      {"pack_weights", "brings weights into the order in which products read them, once for all steps", false},
      {"order_stages", "parts what is done for each shard of a batch from what is done once for all", false},
      {"fuse_points", "joins ops that work point by point into programs that pass over memory once", true},
      {"strip_mine", "does K positions of a scan in a step where no tap reaches less than K: products have K times the rows", true},
      {"fuse_steps", "runs a scan in one pass where a step is point work only; what is linear stays in registers", true},
      {"plan_memory", "gives every value its buffer before anything runs", false},
      {"share", "part of plan_memory: values whose lives do not overlap take turns in one buffer", true},
  };
  return kPasses;
}

namespace {

class Compilation {
 public:
  Compilation(const Container& container, const CompileOptions& options, const Registry& registry, Diagnostics& diagnostics,
              const PassObserver& observe)
      : container_(container), options_(options), registry_(registry), diagnostics_(diagnostics), observe_(observe) {}

  Compiled run() {
    Compiled result;
    Graph graph = meaning();
    if (diagnostics_.has_errors()) return result;
    result.graph = graph;
    if (options_.gradients) {
      result.differentiated = differentiate(graph, adjoints(), registry_);
    }
    graph = optimised(std::move(tried_));
    Schedule schedule = partition(graph, {on("hoist")}, diagnostics_);
    if (diagnostics_.has_errors()) return result;
    observed("partition", graph);
    result.kept = kept(graph);
    std::vector<NodeId> keep;
    for (const auto& [name, node] : result.kept) keep.push_back(node);
    result.plan = lower(graph, schedule, assign_layouts(graph, schedule), keep);
    result.plan.model = container_.name;
    // Before products are fused: by then whatever is in P stands before the stage that reads it, so a product may begin with a row
    // of it, or be joined with others, wherever it stands in its own stage. And again, for the packing that fusion leaves behind.
    result.plan = order_stages(std::move(result.plan));
    if (options_.recompute) {
      const std::vector<bool> fixed = fixed_buffers(result.plan, keep);
      result.plan = strips(std::move(result.plan), fixed);
    }
    fuse(result.plan, fixed_buffers(result.plan, keep));
    result.plan = order_stages(std::move(result.plan));
    const std::vector<bool> fixed = fixed_buffers(result.plan, keep);
    if (on("fuse_points")) result.plan = fuse_points(std::move(result.plan), fixed);
    if (on("strip_mine")) result.plan = strip_mine(std::move(result.plan));
    if (on("fuse_steps")) result.plan = fuse_steps(std::move(result.plan));
    result.plan = plan_memory(std::move(result.plan), on("share"), keep);
    return result;
  }

 private:
  DifferentiateOptions adjoints() const {
    const bool chunked = options_.chunk.part != ChunkPart::kWhole;
    return {options_.input_gradients, options_.cotangents, options_.frozen, chunked};
  }

  bool on(std::string_view pass) const {
    return std::find(options_.without.begin(), options_.without.end(), pass) == options_.without.end();
  }

  // A graph with mistakes is neither shown nor verified.
  const Graph& observed(std::string_view pass, const Graph& graph) const {
    if (diagnostics_.has_errors()) return graph;
    const std::string wrong = verify(graph);
    if (!wrong.empty()) throw std::logic_error("after " + std::string(pass) + ": " + wrong);
    if (observe_) observe_(pass, graph);
    return graph;
  }

  // The passes that give every equation its meaning: what the reference evaluator works on. What is wrong stands in the graph as
  // nodes without kind, which the passes after it step over: so one run reports mistakes in names, axes and shapes.
  Graph meaning() {
    Graph graph = expand(container_,
                         {options_.overrides, options_.mode, options_.load, options_.fed_shapes, on("split_products"), options_.fed_sizes},
                         registry_, diagnostics_);
    observe("expand", graph);
    graph = infer_axes(std::move(graph), diagnostics_);
    observe("infer_axes", graph);
    graph = explicit_reads(std::move(graph), registry_);
    observed("explicit_reads", graph);
    graph = infer_shapes(std::move(graph), diagnostics_);
    if (diagnostics_.has_errors()) return graph;
    observed("infer_shapes", graph);
    graph = leave_out_unknown(std::move(graph), options_.keep, diagnostics_);
    if (diagnostics_.has_errors()) return graph;
    observed("leave_out_unknown", graph);
    graph = beam(std::move(graph), registry_, diagnostics_);
    if (diagnostics_.has_errors()) return graph;
    observed("beam", graph);
    graph = total_loss(std::move(graph), registry_);
    if (options_.carry) graph = carry(std::move(graph), registry_, diagnostics_);
    if (options_.chunk.part != ChunkPart::kWhole) {
      graph = until(std::move(graph), false, registry_, diagnostics_);
      if (!diagnostics_.has_errors()) graph = chunk(std::move(graph), options_.chunk, registry_, diagnostics_);
    }
    if (diagnostics_.has_errors()) return graph;
    tried_ = until(graph, !options_.gradients, registry_, diagnostics_);
    if (diagnostics_.has_errors()) return graph;
    observed("until", tried_);
    check_trials();
    check_legal(tried_);
    return graph;
  }

  void observe(std::string_view pass, const Graph& graph) const {
    if (observe_ && !diagnostics_.has_errors()) observe_(pass, graph);
  }

  // To stop early, all that a decision needs is done step by step. Where that cannot be, trials go through all their positions.
  void check_trials() {
    const auto stops = [](const Axis& axis) { return axis.goes_on != kNone; };
    Diagnostics illegal;
    if (std::any_of(tried_.axes.begin(), tried_.axes.end(), stops)) partition(tried_, {true}, illegal);
    if (!illegal.has_errors()) return;
    for (Axis& axis : tried_.axes) axis.goes_on = kNone;
  }

  // Before anything is optimised away: a mistake is reported whether or not an output needs it.
  void check_legal(const Graph& graph) {
    if (!diagnostics_.has_errors()) partition(graph, {true}, diagnostics_);
  }

  Graph optimised(Graph graph) {
    if (on("simplify")) graph = simplify(std::move(graph), options_.keep, registry_);
    observed("simplify_forward", graph);
    if (options_.gradients) graph = differentiate(std::move(graph), adjoints(), registry_);
    observed("differentiate", graph);
    graph = on("simplify") ? simplify(std::move(graph), options_.keep, registry_) : drop_dead(std::move(graph), options_.keep);
    observed("simplify", graph);
    if (options_.recompute && options_.gradients) graph = drop_dead(recompute(std::move(graph), options_.keep), options_.keep);
    observed("recompute", graph);
    if (on("rematerialise")) graph = drop_dead(rematerialise(std::move(graph)), options_.keep);
    observed("rematerialise", graph);
    return graph;
  }

  void fuse(Plan& plan, const std::vector<bool>& fixed) const {
    if (on("sink")) sink(plan, fixed);
    ProductSums sums = product_sums(plan);
    if (on("fuse_products")) {
      add_up_products(plan, sums, fixed);
      join_products(plan, sums, fixed);
    }
    pack_weights(plan, sums, fixed);
  }

  std::map<std::string, NodeId> kept(const Graph& graph) const {
    std::map<std::string, NodeId> nodes;
    for (const std::string& name : options_.keep) {
      const auto at = graph.names.find(name);
      if (at != graph.names.end()) nodes.insert(*at);
    }
    return nodes;
  }

  const Container& container_;
  const CompileOptions& options_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
  const PassObserver& observe_;
  Graph tried_;  // the meaning without decisions: lengths come from values
};

void check_names(const std::vector<std::string>& without) {
  std::vector<std::string> known;
  for (const PassInfo& pass : passes()) {
    if (pass.optimisation) known.emplace_back(pass.name);
  }
  for (const std::string& name : without) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw std::invalid_argument("there is no optimisation '" + name + "'" + did_you_mean(name, known));
  }
}

}  // namespace

Compiled compile(const Container& container, const CompileOptions& options, const Registry& registry, Diagnostics& diagnostics,
                 const PassObserver& observe) {
  check_names(options.without);
  return Compilation(container, options, registry, diagnostics, observe).run();
}

}  // namespace tapeloop
