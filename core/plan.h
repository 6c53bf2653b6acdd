// The contract between compiler and runtime: what is done, in which order, on which buffers, and why.
//
// A value is one matrix [points, elements], row-major. The order of its points is its buffer's layout. A program is a list of
// segments; a scan runs its body once for every position of its axis, and each instruction in it works on the block of its
// layout that belongs to the position: always a contiguous range of points. Lengths are unknown here: the runtime makes the
// extents, tables and groups anew for each batch.
//
// A batch is cut into shards of neighbouring examples, each with extents, tables, groups and buffers of its own; what is in P is
// there once. Stages that work shard by shard and stages that work on P take turns: see Segment::stage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"
#include "core/lookup.h"

namespace tapeloop {

using BufferId = std::int32_t;
using LayoutId = std::int32_t;
using TableId = std::int32_t;
using GroupId = std::int32_t;
using InstructionId = std::int32_t;

// Order of the points of a space: by position on steps[0], then steps[1] ..; within the same positions by rank, then by position
// on runs[0], runs[1] .. The rank of what is stepped is by length, longest first (stable), level by level, so those alive at a
// step are a prefix of those alive at the step before. steps and runs together are the axes of the space.
//   GRU on [t]:          steps {t}          one scan along u, t in the batch: steps {u}, runs {t}
//   u carried across t:  steps {t, u}       keys on [s]: runs {s}           P: no points, one row
struct Layout {
  Space space;
  std::vector<AxisId> steps;
  std::vector<AxisId> runs;
  bool operator==(const Layout&) const = default;
};

// For every point of `reader`: the row to read, in operand's buffer or in that of a start value, or none (zeros).
struct TableSpec {
  enum class Kind { kSpread, kMove, kUnmove, kRemap };
  Kind kind = Kind::kSpread;
  LayoutId reader = kNone;
  LayoutId source = kNone;  // of the operand; kNone: a move of zeros
  std::vector<Move> moves;
  Remap remap;
  std::vector<Outside> outsides;  // `operand` counts 1.. in Operand::starts; a start is read at the reader's own position
  std::vector<LayoutId> starts;   // layout of each start value; kNone: in P
  int depth = 0;                  // open scans of the reader: blocks at this depth are resolved one at a time
  std::int32_t together = 1;      // blocks that are resolved together: see Segment::together
  bool operator==(const TableSpec&) const = default;
};

// For every point of `result`: the source points that are summed into it, ascending.
struct GroupSpec {
  enum class Kind { kReduce, kMoveOutside, kUnremap };
  Kind kind = Kind::kReduce;
  LayoutId result = kNone;  // kNone: P, one group of all points
  LayoutId source = kNone;
  std::vector<Move> moves;  // of kMoveOutside, with the axis left, and how many slots (each result point has that many groups)
  Remap remap;              // of kUnremap: read by the points of `source`
  AxisId outside = kNone;
  std::vector<AxisId> may_leave;  // of kMoveOutside: axes checked before `outside`, in order: those that the moved value has
  std::int32_t slots = 0;
  bool operator==(const GroupSpec&) const = default;
};

struct Buffer {
  enum class Kind { kValue, kInput, kParameter, kConstant };
  Kind kind = Kind::kValue;
  LayoutId layout = kNone;    // kNone: P, one row
  Shape shape;                // of one row; all numbers in an executable plan
  std::int64_t elements = 0;  // of one row; 0 in a plan with free sizes
  int block_depth = kNone;    // >= 0: holds only the current block at this depth of scans; 0: the strip at work
  std::int32_t together = 1;  // current blocks that there are at a time: see Segment::together
  bool taped = false;         // forward writes it, backward reads it
};

struct Operand {
  BufferId buffer = kNone;       // kNone: zeros (of a move)
  TableId table = kNone;         // kNone: row i of the block, or the one row of P
  std::vector<BufferId> starts;  // start values that the table refers to
  std::vector<Shape> shapes;     // of the value, then of each start of a table; empty: as their buffers have them
  std::int64_t column = 0;       // of the buffer's row, where the value begins: it may lie beside others
  bool operator==(const Operand&) const = default;
};

enum class OpCode {
  kPoint,
  kLocal,
  kPack,
  kProduct,
  kProductSum,
  kSumTo,
  kExtremeAlong,
  kMove,
  kMoveOutside,
  kIndex,
  kLength,
  kCount,
  kDraw,
  kFill,
  kSetLengths,
};
const char* op_name(OpCode op);

// Loop over the elements of one point of a point instruction: dims with neighbours merged, strides per operand (0: stretched).
struct PointLoop {
  std::vector<std::int64_t> dims;                  // innermost last; empty: one element
  std::vector<std::vector<std::int64_t>> strides;  // [operand][dim]
  // Every operand either has the result's shape at each point or is one number of P: points * elements in one go.
  bool flat = false;
};

// y[m, n] = a[m, k] b[k, n] at each point, or summed (a^T b) for kProductSum.
struct ProductSize {
  std::int64_t m = 1, k = 1, n = 1;
};

// Room for weights [k, n] in panels of columns, whatever the processor's panels are.
inline constexpr std::int64_t kPackedColumns = 32;
constexpr std::int64_t packed_elements(std::int64_t k, std::int64_t n) {
  return k * ((n + kPackedColumns - 1) / kPackedColumns * kPackedColumns);
}

// kPack: weights [k, n], or [n, k] to be turned round, beside others: columns column .. column + n - 1 of what is packed.
struct WeightBlock {
  std::int64_t n = 1;
  std::int64_t column = 0;
  bool transposed = false;
};

// Why an instruction stands where it does; partition's own words.
struct Reason {
  enum class Kind { kNoCycle, kInCycle, kReadByStep, kNotHoisted, kParameters, kLengths };
  Kind kind = Kind::kNoCycle;
  AxisId axis = kNone;    // of the scan
  NodeId reader = kNone;  // kInCycle: `reader` reads `producer` tapped ...
  NodeId producer = kNone;
  std::int32_t shift = 0;
  std::string text;  // the sentence: "in the scan: h reads h_tm1"
};

// A line of the plan: what is worked out, where it stands and why, and what it costs.
struct Equation {
  const NodeKind* kind = nullptr;
  NodeId node = kNone;  // in Plan::nodes
  std::string text;     // "h = z * h_tm1 + h#1"
  Reason reason;
  std::string flops;  // of one point: "65536", "256*features"
  std::string bytes;  // read and written for one point, in elements of 4 bytes
};

// Of an op of a recurrence that is worked out in one pass: for many positions at once, before or after the steps that it waits for
// or is waited for by, or in each step.
enum class When { kBefore, kStep, kAfter };

// One op of a recurrence that runs through one value y only: y * c, y + c, y - c, or c - y, where c is known beforehand.
struct Link {
  enum class Form { kTimes, kPlus, kMinus, kFrom };
  Form form = Form::kTimes;
  std::int32_t known = kNone;  // register of c
};

// One op of a point program. Registers 0 .. operands - 1 are the operands of the instruction; op k writes register operands + k
// and, if anybody outside the program wants it, results[k].
struct PointOp : Equation {
  std::vector<std::int32_t> inputs;  // registers
  LocalParams local;                 // of a kind with a kernel of its own: a reduction over the shape
  When when = When::kStep;           // of a program in one pass
};

struct Result {
  BufferId buffer = kNone;  // kNone: of a point program, read by its later ops only
};

struct Instruction : Equation {
  OpCode op = OpCode::kPoint;
  std::vector<Operand> operands;
  std::vector<NodeId> reads;     // the value that each operand reads, for dumps and messages
  std::vector<Result> results;   // one for each op of a point program; else one, or none of kSetLengths
  std::vector<PointOp> program;  // of kPoint, never empty
  LayoutId layout = kNone;       // of the result's points that a block means; kNone: P
  int depth = 0;                 // open scans
  GroupId group = kNone;         // kSumTo, kExtremeAlong, kMoveOutside, kProductSum not into P

  PointLoop loop;  // of a point program of one op
  // kPoint: it is all that its scan does, and does all positions in one pass; its ops stand in the order before, step, after.
  bool one_pass = false;
  std::vector<Link> chain;  // of a program in one pass: its ops of the step, if they are one chain that is linear in what is tapped
  // kProduct: operands are a and b, or pairs of a and packed b whose products are added up (k of each pair is its a's width), and
  // maybe one more at the end that they are added to.
  ProductSize product;
  bool packed = false;               // kProduct: every b was made by kPack
  std::vector<WeightBlock> weights;  // kPack: of each operand
  bool once = false;                 // kPack: of parameters alone: again only after they have changed
  LocalParams local;
  double value = 0;             // kFill
  AxisId axis = kNone;          // kIndex, kLength, kExtremeAlong, kSetLengths
  Space counted;                // kCount
  bool flag = false;            // kIndex: from the end. kExtremeAlong: min. kDraw: normal
  bool give_position = false;   // kExtremeAlong
  std::uint64_t draw_name = 0;  // kDraw: hash of the node's full name

  BufferId result() const { return results.empty() ? kNone : results.front().buffer; }  // of all but point programs
};

// Strips are a loop over chunks of neighbouring positions of an axis, outside all scans; the run chooses how many positions. What
// is in it works on the points of the chunk only: bulk on all of them at once, a scan step by step. Sums into P are added to.
struct Segment {
  enum class Kind { kBulk, kScan, kStrips };
  Kind kind = Kind::kBulk;
  std::vector<InstructionId> instructions;  // of a bulk segment
  AxisId axis = kNone;                      // of a scan or of strips; that is the first step of all layouts in it
  bool backwards = false;
  std::vector<AxisId> nest;   // of a scan: axes of the open scans, this one last
  std::int32_t together = 1;  // positions that a step of a scan does at once: no tap of it reaches less far
  NodeId goes_on = kNone;     // of a scan: once this value is 0 for all rows, it is over; its results are zeros from there on
  std::vector<Segment> body;  // of strips: with stages of their own
  std::string reason;
  // Of a segment at the top level; never less than that of the segment before. Odd: done for each shard of the batch by itself, all
  // results are on the batch. Even: done once, when every shard has finished the stages before: all results are in P, what they
  // read is in P or summed over the shards.
  int stage = 1;

  bool whole() const { return stage % 2 == 0; }
};
using Program = std::vector<Segment>;

// What a plan keeps of a node: names for messages, reading back and dumps.
struct PlanValue {
  std::string name;
  std::string text;
  Source source;
  Space space;
  Shape shape;
  Type type = Type::kFloat;
  BufferId buffer = kNone;  // kNone: optimised away
  Init init;                // of a parameter
  bool is_part = false;
  bool readable = false;    // its buffer still holds it after a run
  std::int64_t column = 0;  // of the buffer's row, where it begins
  WholeNumbers whole = {};  // of an int or bool input: what it may hold
};

struct Plan {
  std::string model;
  std::vector<Axis> axes;
  std::vector<PlanValue> nodes;
  Sizes sizes;
  std::vector<Layout> layouts;
  std::vector<TableSpec> tables;
  std::vector<GroupSpec> groups;
  std::vector<Buffer> buffers;
  std::vector<Instruction> instructions;
  Program forward;
  Program backward;

  std::vector<NodeId> inputs;  // in declared order, seeds not among them
  std::vector<NodeId> parameters;
  std::vector<OutputRef> outputs;
  std::vector<NodeId> seeds;                         // cotangent input of each output; empty with a loss
  NodeId loss = kNone;                               // total loss, in P
  std::vector<std::pair<NodeId, NodeId>> gradients;  // (parameter or input, adjoint)
  bool executable = true;                            // false: a size is free
  std::vector<std::string> free_sizes;

  const PlanValue& value(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
};

}  // namespace tapeloop
