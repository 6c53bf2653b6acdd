// The kernels of local kinds against their reference rules, at every example shape, over several points, and the rules
// themselves against numbers worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <random>
#include <vector>

#include "core/kind.h"
#include "nodes/registry.h"

namespace tapeloop {
namespace {

using Dims = std::vector<std::int64_t>;

std::int64_t count(const Dims& dims) {
  std::int64_t product = 1;
  for (const std::int64_t dim : dims) product *= dim;
  return product;
}

LocalShapes shapes_of(const NodeKind& kind, const Example& example) {
  LocalShapes shapes;
  std::vector<Shape> operands;
  std::vector<Type> types;
  for (std::size_t k = 0; k < example.operands.size(); ++k) {
    shapes.operands.push_back(example.operands[k]);
    operands.emplace_back(example.operands[k].begin(), example.operands[k].end());
    types.push_back(k < example.int_below.size() && example.int_below[k] > 0 ? Type::kInt : Type::kFloat);
  }
  Sizes sizes;
  InferContext context(operands, types, example.attributes, sizes);
  kind.infer(context);
  EXPECT_FALSE(context.failed()) << kind.name << ": " << context.message;
  shapes.result = numbers(context.shape);
  return shapes;
}

template <class T>
LocalFunction<T> kernel_of(const NodeKind& kind) {
  if constexpr (sizeof(T) == sizeof(float)) return kind.local.f32;
  if constexpr (sizeof(T) == sizeof(double)) return kind.local.f64;
}

// `points` points side by side; an operand may be the same one for all (stride 0).
template <class T>
std::vector<T> run_kernel(const NodeKind& kind, const LocalShapes& shapes, const Attributes& attributes, std::int64_t points,
                          const std::vector<std::vector<T>>& operands, const std::vector<bool>& shared) {
  const LocalParams params = kind.local.prepare ? kind.local.prepare(shapes, attributes) : LocalParams{};
  std::vector<const T*> in;
  std::vector<std::int64_t> stride;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    in.push_back(operands[k].data());
    stride.push_back(shared[k] ? 0 : count(shapes.operands[k]));
  }
  std::vector<T> out(static_cast<std::size_t>(points * count(shapes.result)) + 1, T(-77));
  std::vector<T> scratch(static_cast<std::size_t>(params.scratch));
  LocalCall<T> call;
  call.points = points;
  call.in = in.data();
  call.in_stride = stride.data();
  call.out = out.data();
  call.params = params.numbers.data();
  call.scratch = scratch.data();
  kernel_of<T>(kind)(call);
  EXPECT_EQ(out.back(), T(-77)) << kind.name << " writes past the end";
  out.pop_back();
  return out;
}

template <class T>
void check(const NodeKind& kind, const Example& example, std::size_t which_shared, double tolerance) {
  constexpr std::int64_t kPoints = 3;
  const LocalShapes shapes = shapes_of(kind, example);
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> draw(-2, 2);
  std::vector<std::vector<T>> operands;
  std::vector<bool> shared;
  for (std::size_t k = 0; k < example.operands.size(); ++k) {
    shared.push_back(k == which_shared);
    const std::int64_t below = k < example.int_below.size() ? example.int_below[k] : 0;
    std::vector<T> values(static_cast<std::size_t>((shared[k] ? 1 : kPoints) * count(shapes.operands[k])));
    for (T& value : values) value = below > 0 ? static_cast<T>(random() % static_cast<std::uint64_t>(below)) : static_cast<T>(draw(random));
    operands.push_back(std::move(values));
  }
  const std::vector<T> found = run_kernel(kind, shapes, example.attributes, kPoints, operands, shared);
  const std::int64_t size = count(shapes.result);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    ReferenceCall<double> reference;
    std::vector<std::vector<double>> at;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const auto* from = operands[k].data() + (shared[k] ? 0 : point * count(shapes.operands[k]));
      at.emplace_back(from, from + count(shapes.operands[k]));
    }
    for (const auto& operand : at) reference.in.push_back(operand.data());
    std::vector<double> expected(static_cast<std::size_t>(size));
    reference.shapes = &shapes;
    reference.attributes = &example.attributes;
    reference.out = expected.data();
    kind.local.reference(reference);
    for (std::int64_t i = 0; i < size; ++i) {
      ASSERT_NEAR(static_cast<double>(found[static_cast<std::size_t>(point * size + i)]), expected[static_cast<std::size_t>(i)], tolerance)
          << kind.name << ", point " << point << ", element " << i;
    }
  }
}

TEST(LocalKernels, AgreeWithTheirReferenceRules) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kLocal) continue;
    for (const Example& example : kind->examples) {
      for (std::size_t shared = 0; shared <= example.operands.size(); ++shared) {  // each operand in turn one for all, then none
        check<float>(*kind, example, shared, 1e-5);
        check<double>(*kind, example, shared, 1e-13);
      }
    }
  }
}

std::vector<double> reference(const std::string& name, const std::vector<std::pair<Dims, std::vector<double>>>& operands,
                              const Attributes& attributes = {}, std::vector<std::int64_t> int_below = {}) {
  const Registry registry = make_registry();
  const NodeKind& kind = registry.at(name);
  Example example;
  for (const auto& [dims, values] : operands) example.operands.push_back(dims);
  example.attributes = attributes;
  example.int_below = std::move(int_below);
  const LocalShapes shapes = shapes_of(kind, example);
  ReferenceCall<double> call;
  for (const auto& [dims, values] : operands) call.in.push_back(values.data());
  std::vector<double> out(static_cast<std::size_t>(count(shapes.result)));
  call.shapes = &shapes;
  call.attributes = &attributes;
  call.out = out.data();
  kind.local.reference(call);
  return out;
}

using ::testing::ElementsAre;
const std::pair<Dims, std::vector<double>> kMatrix = {{2, 3}, {1, 2, 3, 4, 6, 5}};

TEST(LocalRules, MoveNumbersAsTheirNamesSay) {
  EXPECT_THAT(reference("concat", {{{2, 1}, {7, 8}}, kMatrix}), ElementsAre(7, 1, 2, 3, 8, 4, 6, 5));
  EXPECT_THAT(reference("slice", {kMatrix}, {{"start", 1.0}, {"stop", 3.0}}), ElementsAre(2, 3, 6, 5));
  EXPECT_THAT(reference("split", {{{4}, {1, 2, 3, 4}}}, {{"k", 2.0}, {"n", 2.0}}), ElementsAre(3, 4));
  EXPECT_THAT(reference("pad_last", {{{2}, {1, 2}}}, {{"start", 1.0}, {"width", 4.0}}), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(reference("transpose", {kMatrix}), ElementsAre(1, 4, 2, 6, 3, 5));
  EXPECT_THAT(reference("outer", {{{2}, {1, 2}}, {{3}, {3, 4, 5}}}), ElementsAre(3, 4, 5, 6, 8, 10));
  EXPECT_THAT(reference("one_hot", {{{2}, {2, 0}}}, {{"n", 3.0}}, {3}), ElementsAre(0, 0, 1, 1, 0, 0));
  EXPECT_THAT(reference("pick", {kMatrix, {{}, {2}}}, {}, {0, 3}), ElementsAre(3, 5));
  EXPECT_THAT(reference("pick", {kMatrix, {{2}, {2, 0}}}, {}, {0, 3}), ElementsAre(3, 1, 5, 4));
  EXPECT_THAT(reference("embedding", {{{2}, {1, 0}}, kMatrix}, {}, {2, 0}), ElementsAre(4, 6, 5, 1, 2, 3));
}

TEST(LocalRules, ReduceTheShape) {
  EXPECT_THAT(reference("sum_shape", {kMatrix}), ElementsAre(21));
  EXPECT_THAT(reference("sum_last", {kMatrix}), ElementsAre(6, 15));
  EXPECT_THAT(reference("max_last", {kMatrix}), ElementsAre(3, 6));
  EXPECT_THAT(reference("argmax", {kMatrix}), ElementsAre(2, 1));
  EXPECT_THAT(reference("argmin", {kMatrix}), ElementsAre(0, 0));
  EXPECT_THAT(reference("argmax_shape", {kMatrix}), ElementsAre(4));
  EXPECT_THAT(reference("argmax", {{{3}, {5, 5, 1}}}), ElementsAre(0));
  EXPECT_THAT(reference("max_shape", {kMatrix}), ElementsAre(6));
  EXPECT_THAT(reference("min_shape", {kMatrix}), ElementsAre(1));
  EXPECT_THAT(reference("shape_size", {kMatrix}), ElementsAre(6));
  EXPECT_THAT(reference("last_size", {kMatrix}), ElementsAre(3));
  EXPECT_THAT(reference("sum_to_shape", {kMatrix}, {{"shape", std::vector<double>{3}}}), ElementsAre(5, 8, 8));
  EXPECT_THAT(reference("sum_to_shape", {kMatrix}, {{"shape", std::vector<double>{2, 1}}}), ElementsAre(6, 15));
}

// A window of two taps reads this position and the next, one of three the neighbours: padded with (taps - 1) / 2 before.
TEST(LocalRules, WindowsStandAsAConvolutionReadsThem) {
  EXPECT_THAT(reference("unfold", {{{3, 1}, {1, 2, 3}}, {{2, 1, 1}, {0, 0}}}), ElementsAre(1, 2, 2, 3, 3, 0));
  EXPECT_THAT(reference("unfold", {{{3, 1}, {1, 2, 3}}, {{3, 1, 1}, {0, 0, 0}}}), ElementsAre(0, 1, 2, 1, 2, 3, 2, 3, 0));
  EXPECT_THAT(reference("fold", {{{3, 2}, {1, 2, 3, 4, 5, 6}}, {{2, 1, 1}, {0, 0}}}), ElementsAre(1, 5, 9));
}

TEST(LocalRules, APositionThatIsNotThereIsNoNumber) {
  EXPECT_TRUE(std::isnan(reference("pick", {{{2}, {1, 2}}, {{}, {2}}}, {}, {0, 3})[0]));
  EXPECT_TRUE(std::isnan(reference("embedding", {{{}, {-1}}, {{1, 1}, {5}}}, {}, {3, 0})[0]));
  EXPECT_THAT(reference("one_hot", {{{}, {7}}}, {{"n", 2.0}}, {9}), ElementsAre(0, 0));
}

struct BadCall {
  const char* kind;
  std::vector<Dims> operands;
  Attributes attributes;
  const char* says;
};

TEST(LocalRules, SayWhatDoesNotFit) {
  const Registry registry = make_registry();
  const std::vector<BadCall> calls = {{"concat", {{}, {2}}, {}, "scalar"},
                                      {"concat", {{2, 3}, {3, 3}}, {}, "concat, dimension 1: expected 2, found 3"},
                                      {"slice", {{4}}, {{"start", 2.0}, {"stop", 5.0}}, "0 <= start < stop <= 4"},
                                      {"split", {{5}}, {{"k", 1.0}, {"n", 2.0}}, "5 does not divide into 2 equal parts"},
                                      {"split", {{4}}, {{"k", 0.0}, {"n", 2.0}}, "k from 1 to 2, found k=0"},
                                      {"reshape", {{4}}, {{"shape", std::vector<double>{3}}}, "as many elements as [4], found [3]"},
                                      {"transpose", {{4}}, {}, "last two dimensions, found [4]"},
                                      {"outer", {{4}, {2, 2}}, {}, "two vectors, found [4] and [2, 2]"},
                                      {"matmul", {{4}, {3, 2}}, {}, "[4] @ [3, 2]: expected 4, found 3"},
                                      {"matmul", {{}, {3, 2}}, {}, "scalar"},
                                      {"pick", {{4}, {}}, {}, "expected an int"},
                                      {"embedding", {{4}, {3, 3}}, {}, "expected ints"},
                                      {"unfold", {{4}, {3, 1, 1}}, {}, "[width, channels], found [4]"}};
  for (const BadCall& call : calls) {
    std::vector<Shape> shapes;
    for (const Dims& dims : call.operands) shapes.emplace_back(dims.begin(), dims.end());
    const std::vector<Type> types(shapes.size(), Type::kFloat);
    Sizes sizes;
    InferContext context(shapes, types, call.attributes, sizes);
    registry.at(call.kind).infer(context);
    EXPECT_THAT(context.message, ::testing::HasSubstr(call.says)) << call.kind;
  }
}

TEST(LocalRules, FreeSizesAreFoundFromUse) {
  const Registry registry = make_registry();
  Sizes sizes;
  const Dim features = sizes.fresh("features");
  const Attributes none;
  const std::vector<Shape> shapes = {{features}, {Dim(4), Dim(3)}};
  const std::vector<Type> types(2, Type::kFloat);
  InferContext product(shapes, types, none, sizes);
  registry.at("matmul").infer(product);
  EXPECT_EQ(sizes.text(features), "4");
  EXPECT_EQ(sizes.text(product.shape), "[3]");

  const Dim width = sizes.fresh("width");
  const std::vector<Shape> vector = {{width}};
  const Attributes third = {{"k", 2.0}, {"n", 3.0}};
  InferContext part(vector, types, third, sizes);
  registry.at("split").infer(part);
  EXPECT_FALSE(part.failed());
  EXPECT_TRUE(sizes.unify(width, Dim(12)));
  EXPECT_EQ(sizes.text(part.shape), "[4]");
}

}  // namespace
}  // namespace tapeloop
