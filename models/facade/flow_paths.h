// Ways on which one value at one position depends on another, point by point: from a reader to what it reads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/graph.h"
#include "runtime/reference_points.h"
#include "runtime/reference_reads.h"

namespace tapeloop {

struct FlowPoint {
  NodeId node = kNone;
  std::int32_t point = 0;  // as ReferencePoints numbers them
  auto operator<=>(const FlowPoint&) const = default;
};

// A named value on the way, and the taps by which the one before it reads it.
struct FlowStep {
  std::string value;   // "h[t=1]"
  std::string via;     // "h_tm1", or ""
  std::string source;  // "gru.yaml:11", or ""
};

enum class Passage { kOpen, kCut, kClosed };
// May one go from a reader to what it reads? A cut counts: ways with few of them come first.
using PassageRule = std::function<Passage(const FlowPoint& reader, const FlowPoint& read)>;

// Lets a cotangent through where the reader's kind has an adjoint and both are floats.
Passage passage_of_gradient(const Graph& graph, NodeId reader, NodeId read);

class FlowPaths {
 public:
  // Both must outlive this. REQUIRES: explicit reads, known shapes.
  FlowPaths(const Graph& graph, ReferencePoints& points) : graph_(graph), points_(points) {}

  // Of the ways with the fewest cuts the shortest, both ends included; empty: there is none.
  std::vector<FlowPoint> find(const std::vector<FlowPoint>& from, const std::vector<FlowPoint>& to, const PassageRule& rule);
  // Every point that some way leads to.
  std::vector<FlowPoint> reached(const std::vector<FlowPoint>& from, const PassageRule& rule);
  // Its named values, in order; parts of equations appear as taps only.
  std::vector<FlowStep> steps(const std::vector<FlowPoint>& path);

 private:
  using Came = std::map<FlowPoint, FlowPoint>;  // each point by the one that reads it; the first ones by themselves
  Came walk(const std::vector<FlowPoint>& from, const std::vector<FlowPoint>& to, const PassageRule& rule);
  const ReferenceReads& reads(NodeId node);

  const Graph& graph_;
  ReferencePoints& points_;
  std::map<NodeId, ReferenceReads> reads_;
};

}  // namespace tapeloop
