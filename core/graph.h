// The flat graph that passes transform: nodes on spaces, reading each other. Every pass takes a Graph and returns one.
//
// After `expand` the axis operations are:
//   move          y(p) = v at p moved along some axes: a tap (here + K), or an end of a run (start or end + K, which removes
//                 the axis). A position outside reads the axis' start value (an operand), or zeros.
//   unmove        the transpose of move for v: y(s) = dy at the point that read s, or zeros.
//   move_outside  the transpose of move for one start value: y(o) = sum of dy over the points at o's position that read it.
//   remap         y(p) = v at a place that p's positions on other axes give: pool, upsample, concat, slice, reverse.
//   unremap       the transpose of remap: y(s) = sum of dy over the points that read s.
//   sum_to        sum over the axes (and the batch) that the result lacks.
//   max_along, min_along, argmax_along, argmin_along   over one axis; empty runs give 0.
// Everything else works point by point; an operand that lacks axes of its reader is read at the reader's position on those it
// has (that is what "spread" is: no node of its own). Transposing the latter is sum_to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/derived_axis.h"
#include "core/shape.h"
#include "core/source.h"

namespace tapeloop {

struct NodeKind;

using NodeId = std::int32_t;
inline constexpr std::int32_t kNone = -1;

// Where a value lives: on the batch or not, and on a set of axes. The empty space is that of parameters ("P").
class Space {
 public:
  Space() = default;
  static Space parameters() { return {}; }
  static Space batch() { return Space(kBatch); }
  bool on_batch() const { return (bits_ & kBatch) != 0; }
  bool has(AxisId axis) const { return ((bits_ >> axis) & 1U) != 0; }
  Space with(AxisId axis) const { return Space(bits_ | kBatch | (std::uint64_t{1} << axis)); }
  Space without(AxisId axis) const { return Space(bits_ & ~(std::uint64_t{1} << axis)); }
  bool contains(Space other) const { return (other.bits_ & ~bits_) == 0; }
  std::vector<AxisId> axes() const;  // ascending: outer axes come first
  Space operator|(Space other) const { return Space(bits_ | other.bits_); }
  Space operator&(Space other) const { return Space(bits_ & other.bits_); }
  bool operator==(const Space&) const = default;
  std::uint64_t bits() const { return bits_; }

 private:
  explicit Space(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t kBatch = std::uint64_t{1} << 63;
  std::uint64_t bits_ = 0;
};
inline constexpr AxisId kMaxAxes = 62;

enum class Type { kFloat, kInt, kBool };  // stored as the working float; ints are exact to 2^24 (float), 2^53 (double)
const char* type_name(Type type);

struct Axis {
  std::string name;       // "t", "u", "d.s"
  AxisId within = kNone;  // smaller id: outer axes come first
  NodeId length = kNone;  // int node that gives the lengths (on the axes this one lies within), or kNone
  Source source;
  Derivation derivation = {};  // or how they follow from those of other axes
  NodeId until = kNone;        // or bool node along this axis: the first position where it is true is the last of the run
  std::int32_t most = 0;       // with until: positions of a run at most, 1 or more
  std::int32_t beam = 1;       // with until: hypotheses of a beam search (see passes/beam.h)
  double length_penalty = 0;   // of the search; 0: none
  NodeId goes_on = kNone;      // of an axis of trial positions (see passes/until.h): 0 where the rest of a row is of no use

  bool derived() const { return derivation.rule != Derivation::Rule::kNone; }
  bool decided() const { return until != kNone; }
  bool fed() const { return length == kNone && !derived() && !decided(); }  // its lengths come with the data
};

// One axis of a move: read position (here | start | end) + offset, seen along the axis.
struct Move {
  enum class From { kHere, kStart, kEnd };
  AxisId axis = kNone;
  From from = From::kHere;
  std::int32_t offset = 0;
  bool operator==(const Move&) const = default;
};

// A start value that a move may read: operand k of the node, for positions outside `axis`. slots = 0: one value for every
// position outside; else it has one more dimension in front, a start for each of `slots` positions, in position order:
// before the axis the last is nearest, after it the first. Where a position is outside several axes, the outermost decides.
// The start value is read at the reader's own position, unmoved: if it has one of the other moved axes, its operand is a move
// itself (explicit_reads sees to that). So start values never lack, nor add, an axis of the move.
struct Outside {
  AxisId axis = kNone;
  std::int32_t operand = 0;
  std::int32_t slots = 0;
  bool operator==(const Outside&) const = default;
};

using AttributeValue = std::variant<double, std::string, std::vector<double>>;
// Options of a kind by name: units=128 is {"units", 128.0}, merge=sum is {"merge", "sum"}. Sorted by name.
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

enum class Phase { kForward, kBackward };

// How a parameter starts; a kind of distribution and its argument (see runtime/initialisers.h).
struct Init {
  std::string name;  // "" (by rank), zeros, ones, constant, normal, uniform, glorot, orthogonal
  double value = 0;  // of constant; standard deviation of normal; half width of uniform
  bool has_value = false;
  bool operator==(const Init&) const = default;
};

struct Node {
  const NodeKind* kind = nullptr;
  std::vector<NodeId> operands;  // of move and move_outside: see Role in core/kind.h
  Attributes attributes;
  Space space;
  Shape shape;
  Type type = Type::kFloat;
  Phase phase = Phase::kForward;

  double value = 0;                // of constant
  AxisId axis = kNone;             // of index, length, max_along ...
  Space counted;                   // of count
  std::vector<Move> moves;         // of move, unmove, move_outside
  Remap remap;                     // of remap, unremap
  std::vector<Outside> outsides;   // of move: which operand starts which axis; of move_outside: exactly one, the target
  Init init;                       // of parameter
  std::vector<AxisId> extra_axes;  // axes that the user says the node has whatever it reads

  std::string name;  // "h", "r.linear.x"; "h#2" for a part of h's equation; "d(h)" for an adjoint
  std::string text;  // canonical equation for the plan: "sigmoid(r#1)"
  Source source;
  bool is_part = false;  // a part of an equation, not named by the user
  bool again = false;    // a forward value that backward works out once more, not to keep it
};

struct OutputRef {
  std::string name;
  NodeId node = kNone;
};

// The start of a value outside an axis, before explicit_reads has put it into the moves.
struct StateRef {
  enum class Side { kBoth, kBefore, kAfter };
  NodeId node = kNone;
  AxisId axis = kNone;
  NodeId init = kNone;
  Source source;
  Side side = Side::kBoth;  // for positions before the axis, after it, or wherever outside
};

// A part of the loss: times * mean (or sum) over the positions of `value`, each of them weighted.
struct LossTerm {
  NodeId value = kNone;
  NodeId weights = kNone;  // kNone: 1
  double times = 1;
  bool sum = false;
  Source source;  // of the declaration
  Source weights_source;
};

struct Graph {
  std::vector<Axis> axes;   // outer axes before those within them
  std::vector<Node> nodes;  // any order: reads may point forward (taps); ids are positions
  Sizes sizes;
  std::vector<StateRef> states;
  std::vector<OutputRef> outputs;
  std::vector<LossTerm> losses;         // as declared
  NodeId total_loss = kNone;            // in P: its mean over all real positions (made by `differentiate` or `add_loss`)
  std::map<std::string, NodeId> names;  // user-visible names and aliases, "d.h" included

  // After differentiate: seeds[i] is the cotangent input of outputs[i] (kNone with a loss), and the gradients of
  // parameters and, if asked for, of float inputs.
  std::vector<NodeId> seeds;
  std::vector<std::pair<NodeId, NodeId>> gradients;  // (parameter or input, its adjoint)

  Node& operator[](NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  const Node& operator[](NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
  NodeId add(Node node);
  NodeId size() const { return static_cast<NodeId>(nodes.size()); }
  Space within(AxisId axis) const;      // batch and the axes that this one lies within
  Space closure(Space space) const;     // with all axes that its own lie within
  std::string text(Space space) const;  // "[t, u]"; "P" has no axes: "[]", written "" by callers that care
};

// One operand of a node as partition sees it: at which positions of the operand's axes it is read.
struct ReadEdge {
  NodeId producer = kNone;
  std::vector<std::pair<AxisId, std::int32_t>> shifts;  // axis, offset != 0
  Space whole = Space::parameters();                    // axes read at any position
};
std::vector<ReadEdge> read_edges(const Graph& graph, NodeId reader);

// The axes whose lengths follow from those of `axis`, directly or not.
Space derived_from(const Graph& graph, AxisId axis);

// Axes whose lengths a remap asks for; none of one that is not there.
Space measured_axes(const Remap& remap);

// Attribute access; REQUIRES: present and of that type unless a default is given.
const AttributeValue* find_attribute(const Attributes& attributes, std::string_view name);
double number_of(const Attributes& attributes, std::string_view name, double otherwise);
std::string word_of(const Attributes& attributes, std::string_view name, std::string_view otherwise);

// Checks what every pass must keep: ids in range, operands' spaces within the reader's (but for axis operations), shapes of
// operands that fit. Returns "" or what is wrong, in internal terms: a failure is a defect of Tapeloop.
std::string verify(const Graph& graph);

}  // namespace tapeloop
