// The record of a node kind: everything that any part of Tapeloop knows about an op stands in one file of nodes/.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/graph.h"
#include "core/point_code.h"

namespace tapeloop {

class Registry;
class AdjointBuilder;

// What the compiler and the runtime do with a node: the instruction that it becomes.
enum class Role {
  kComposite,     // an equation over other kinds; expanded before anything else sees it
  kSugar,         // expanded by rules of its own in expand: linear, last, first, reductions by `along`, index of an axis ...
  kPoint,         // element by element, shapes broadcast as in numpy
  kLocal,         // a kernel of its own at each point: concat, slice, embedding, reductions over the shape ...
  kAlias,         // the same numbers under another shape: reshape
  kProduct,       // matmul on the shape: [.., k] @ [k, n]
  kProductSum,    // a^T b of the points' matrices, summed over the axes that the result lacks: gradients of weights
  kSumTo,         // see core/graph.h
  kExtremeAlong,  // max_along, min_along, argmax_along, argmin_along: see finds_least, gives_position
  kMove,
  kUnmove,
  kMoveOutside,  // see core/graph.h. move: operands[0] = v or kNone (zeros), then the start values
  kRemap,
  kUnremap,   // see core/graph.h
  kIndex,     // position on node.axis, from 0; attribute "reversed" = 1: from the end
  kLength,    // length of the run along node.axis
  kCount,     // in P: number of points of node.counted in the batch
  kDraw,      // random numbers: see draws_normal
  kConstant,  // node.value, shape []
  kZeros,     // zeros of node.shape
  kInput,
  kParameter,
};

// Point kinds of which the compiler knows what they compute: a + b, a - b, a * b.
enum class Arithmetic { kOther, kSum, kDifference, kProduct };

struct OptionSpec {
  enum class Type { kNumber, kInteger, kWord, kFlag, kAxis, kNumbers };
  std::string_view name;
  Type type = Type::kNumber;
  std::optional<AttributeValue> otherwise;  // none: must be given
  std::vector<std::string_view> words;      // allowed words; empty: any
  std::string_view doc;
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();  // of a number
  bool below = false;                                                                                       // `most` is not reached
};

// What `infer` of a point-local kind sees and says. Shapes are resolved; free sizes may remain.
class InferContext {
 public:
  InferContext(std::span<const Shape> shapes, std::span<const Type> types, const Attributes& attributes, Sizes& sizes)
      : shapes(shapes), types(types), attributes(attributes), sizes(sizes) {}
  std::span<const Shape> shapes;
  std::span<const Type> types;
  const Attributes& attributes;
  Sizes& sizes;

  // Results.
  Shape shape;
  Type type = Type::kFloat;

  // Records the first thing that does not fit, in the user's words; infer returns after it.
  void fail(std::string what, std::string help_text = {});
  bool failed() const { return !message.empty(); }
  // True, or fails with "'what': expected A, found B".
  bool same(const Dim& expected, const Dim& found, std::string_view what);
  double number(std::string_view option, double otherwise = 0) const { return number_of(attributes, option, otherwise); }
  std::string message, help;
};

// numpy's broadcasting of a onto the shape so far: aligned at the end, 1 stretches, a free unnamed size takes the other's.
// Returns false if they do not fit.
bool broadcast(Shape& onto, const Shape& shape, Sizes& sizes);

// One body for all: Highway's vectors (chosen at run time for this processor) and the plain scalars of the reference.
struct PointKernel {
  PointBodies<float> f32;
  PointBodies<double> f64;
  double (*reference)(const double*) = nullptr;
  std::complex<double> (*reference_complex)(const std::complex<double>*) = nullptr;

  template <class T>
  const PointBodies<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else {
      return f64;
    }
  }
};

// The shapes that a local kernel works on, as numbers.
struct LocalShapes {
  std::vector<std::vector<std::int64_t>> operands;
  std::vector<std::int64_t> result;
};
// Numbers worked out once, when the plan is made (strides, offsets, counts), and scratch elements a call needs.
struct LocalParams {
  std::vector<std::int64_t> numbers;
  std::int64_t scratch = 0;
};
template <class T>
struct LocalCall {
  std::int64_t points = 0;
  const T* const* in = nullptr;             // [points, elements of the operand]
  const std::int64_t* in_stride = nullptr;  // elements from point to point: the operand's elements, or 0: one for all
  T* out = nullptr;                         // [points, elements of the result], overwritten
  const std::int64_t* params = nullptr;     // LocalParams::numbers
  T* scratch = nullptr;
};
template <class T>
using LocalFunction = void (*)(const LocalCall<T>&);

// The reference evaluator's rule at one point: written apart from the kernel, straight from the definition.
template <class S>
struct ReferenceCall {
  std::vector<const S*> in;
  const LocalShapes* shapes = nullptr;
  const Attributes* attributes = nullptr;
  S* out = nullptr;
};
template <class S>
using ReferenceFunction = void (*)(const ReferenceCall<S>&);

struct LocalKernel {
  LocalFunction<float> f32 = nullptr;
  LocalFunction<double> f64 = nullptr;
  LocalParams (*prepare)(const LocalShapes&, const Attributes&) = nullptr;  // may be null
  ReferenceFunction<double> reference = nullptr;
  ReferenceFunction<std::complex<double>> reference_complex = nullptr;

  template <class T>
  LocalFunction<T> of() const {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else {
      return f64;
    }
  }
};

// Work of one point. A free size makes flops unknown (the plan prints the formula's shape instead).
struct Cost {
  double flops = 0;  // a multiply-add is 2
};

// Parameters that a composite brings along: named NODE.KIND.name, or GROUP.name with weights=GROUP.
struct OwnParameter {
  std::string_view name;
  std::vector<std::string_view> shape;  // each a number, an option's name or "_"
  std::string_view init;                // "", zeros, ones ...
};

// Shapes (and options) at which tests, docs and benchmarks use the kind.
struct Example {
  std::vector<std::vector<std::int64_t>> operands;
  Attributes attributes;
  double low = -2, high = 2;            // operands are drawn from this range
  std::vector<std::int64_t> int_below;  // per operand: 0 = float, n = ints in [0, n)
};

// Operand `by` holds positions on the first or last dimension of operand `of`; one that is not there gives NaN.
struct Lookup {
  int by = 0, of = 0;
  bool last = false;
};

struct NodeKind {
  std::string_view name;
  std::string_view symbol;  // operator, if it is written as one: "+"
  std::string_view doc;     // one line: what it is, its source
  std::string_view usage;   // "softmax(x, along=AXIS|shape)"
  Role role = Role::kPoint;
  std::vector<std::string_view> operands;  // names
  bool variadic = false;                   // the last operand may repeat (concat, sum, max ...)
  int optional_operands = 0;               // how many at the end may be missing
  std::vector<OptionSpec> options;

  // Composite: an equation over the operands' and options' names; `train_only` kinds are `otherwise` in other modes.
  std::string_view equation;
  std::string_view outside_train;  // equation used when the mode is not train; empty: the same
  std::vector<OwnParameter> parameters;

  std::function<void(InferContext&)> infer;  // not of kPoint: those broadcast
  Type result_type = Type::kFloat;           // of kPoint: kBool for comparisons
  bool keeps_type = false;                   // of kPoint: int operands give an int result (+, -, *, min, max, mod ...)
  // false: no cotangent passes (comparisons, floor, sign, argmax, stop_gradient, draws ...).
  bool differentiable = true;
  std::function<void(AdjointBuilder&)> adjoint;  // one body; adds a contribution to every operand that wants one

  PointKernel point;
  LocalKernel local;
  Cost (*cost)(const LocalShapes&) = nullptr;  // per point; null: one flop per element of the result
  bool cheap = false;                          // recomputing it in backward is cheaper than keeping it (no transcendental function)
  // Where the kind may run: true if it may be done for one position of an axis at a time. False only for kinds that mix
  // positions in a way the axis operations do not express.
  bool moves_freely = true;
  Arithmetic arithmetic = Arithmetic::kOther;
  bool finds_least = false;      // of kExtremeAlong: the smallest, not the largest
  bool gives_position = false;   // of kExtremeAlong: where it is, not what it is
  bool of_shapes = false;        // of kLocal: a scalar that follows from the operands' shapes alone: simplify makes it a constant
  bool adds_by_number = false;   // of kProductSum: `a` [..] holds row numbers and stands for one-hot rows: y[a[i], :] += b[i, :]
  std::optional<Lookup> lookup;  // of kLocal
  bool turns_matrix = false;     // of kLocal: the operand with its last two dimensions swapped: packing weights reads them that way
  bool draws_normal = false;     // of kDraw: a standard normal, not a uniform in [0, 1)
  std::vector<Example> examples;
};

// The kinds there are, by name. Made once by nodes/; tests make their own with kinds replaced or added.
class Registry {
 public:
  void add(NodeKind kind);                            // replaces one of the same name
  const NodeKind* find(std::string_view name) const;  // by name or operator symbol; null if there is none
  const NodeKind& at(std::string_view name) const;    // REQUIRES: it is there
  std::vector<const NodeKind*> all() const;           // by name

 private:
  std::map<std::string, NodeKind, std::less<>> kinds_;  // node addresses are stable
  std::map<std::string, std::string, std::less<>> symbols_;
};

}  // namespace tapeloop
