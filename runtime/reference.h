// The reference evaluator: what a graph means. A memoised recursion over the equations, a value at a point asking for the values
// it reads: no order of evaluation, no loop over time, no layout, and none of the kernels, so that plans can be checked against
// it. With complex numbers it gives derivatives of the forward equations that no adjoint rule has touched:
//   dy/dx = Im y(x + i e) / e, e = 1e-30: exact to rounding (comparisons, max, lengths look at real parts)
#pragma once

#include <complex>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/graph.h"
#include "core/kind.h"
#include "core/lookup.h"
#include "runtime/batch.h"
#include "runtime/reference_points.h"
#include "runtime/reference_reads.h"

namespace tapeloop {

// S: double or std::complex<double>. Keeps references to the graph: it must outlive the evaluator.
template <class S>
class Reference {
 public:
  // REQUIRES: axis operations are explicit, spaces and shapes inferred, all sizes numbers. Seeds of adjoints are inputs.
  // Inputs and parameters that no value asks for need not be there. `seed` is that of random draws.
  Reference(const Graph& graph, const Batch<double>& batch, const std::map<std::string, Array<double>>& parameters, std::uint64_t seed = 0);

  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  // All examples and positions, [rows, longest run of each axis, shape], 0 past the end of each run. A value that depends on
  // parameters alone is repeated for each row.
  // These throw std::runtime_error for a value that needs itself, and for an input, parameter or length that is missing or does
  // not fit; ModelError E0704 for an int or bool input with a number that it cannot have.
  Array<S> dense(NodeId node);
  Array<S> parameter_space(NodeId node);                      // [shape]. REQUIRES: the node lives on no batch
  Array<S> lengths_of_runs(AxisId axis);                      // [rows, longest run of each axis that it lies within]
  std::span<const S> value(NodeId node, std::int32_t point);  // [elements]; points as ReferencePoints numbers them
  ReferencePoints& points();

  // Adds to one element of an input or parameter, as the user's array counts them, and forgets what was computed.
  void perturb(NodeId leaf, std::int64_t element, S by);

 private:
  struct State {
    bool ready = false;
    std::int64_t elements = 0;
    std::vector<S> values;            // [points, elements]
    std::vector<std::uint8_t> marks;  // [points]: new, open, done
    ReferenceReads reads;
    std::vector<std::vector<std::int32_t>> stretched;  // by operand: see stretch()
    LocalShapes shapes;
  };
  struct Frame {
    NodeId node = kNone;
    std::int32_t point = 0;
    std::size_t next = 0;  // the first of its reads that may not be done yet
  };

  Reference(const Reference& of, const Graph& graph, const std::map<std::string, std::vector<std::int32_t>>& lengths);
  void forget();
  void demand(NodeId node, std::int32_t point);  // with all that it needs
  void open(NodeId node, std::int32_t point);
  bool is_done(const ReferenceRead& read) const;
  [[noreturn]] void fail_cycle(NodeId node, std::int32_t point) const;
  void prepare(NodeId node);
  void find_stretches(const Node& node, State& state);
  void fill_leaf(NodeId node, State& state);
  void check_whole(const Node& node, const State& state, NodeId id);
  std::vector<std::int32_t> lengths(AxisId axis);
  std::vector<std::int32_t> derived_lengths(AxisId axis);
  std::vector<std::int32_t> decided(AxisId axis);
  std::vector<std::int32_t> tried(AxisId axis, const Graph& graph, const std::vector<std::int32_t>& lengths);
  void compute(NodeId node, std::int32_t point);
  bool compute_own(const Node& node, std::int32_t point, std::span<S> out);
  void draw(const Node& node, const ReferencePlace& place, std::span<S> out);
  State& state(NodeId node) { return states_[static_cast<std::size_t>(node)]; }
  const State& state(NodeId node) const { return states_[static_cast<std::size_t>(node)]; }
  const S* read(const ReferenceRead& read) const;
  std::vector<std::int64_t> shape_of(NodeId node) const;

  const Graph& graph_;
  const std::int64_t rows_;
  const std::map<std::string, std::vector<std::int32_t>> lengths_;
  const std::vector<std::int64_t> example_ids_;
  const std::uint64_t seed_;
  const std::string file_;                 // of the batch
  const std::vector<WholeNumbers> whole_;  // by node; empty: they are checked elsewhere
  std::map<NodeId, Array<S>> leaves_;      // inputs and parameters
  std::optional<ReferencePoints> points_;
  std::vector<State> states_;
  bool fresh_ = false;                                   // nothing was computed since the leaves changed
  std::map<AxisId, std::vector<std::int32_t>> decided_;  // lengths found so far; imaginary steps do not change them
  std::vector<const S*> values_;                         // scratch of compute
  ReferencePlace place_;                                 // likewise
  std::vector<Frame> frames_;                            // values being computed: each needs the next one
};

extern template class Reference<double>;
extern template class Reference<std::complex<double>>;

}  // namespace tapeloop
