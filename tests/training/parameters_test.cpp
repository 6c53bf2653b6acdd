#include "runtime/training/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>

#include "runtime/training/atomic_file.h"
#include "runtime/training/initialisers.h"

namespace tapeloop {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Init init(const std::string& name) { return {name, 0, false}; }
Init init(const std::string& name, double value) { return {name, value, true}; }

std::vector<double> started(const Init& how, const std::vector<std::int64_t>& dims, std::uint64_t seed = 1, const std::string& name = "w") {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  std::vector<double> values(count, -99);
  initialise<double>(how, dims, seed, name, values);
  return values;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}
double mean_square(std::vector<double> values) {
  for (double& value : values) value *= value;
  return mean(values);
}

TEST(Initialisers, ConstantsAreWhatTheySay) {
  EXPECT_EQ(started(init("zeros"), {2}), (std::vector<double>{0, 0}));
  EXPECT_EQ(started(init("ones"), {2}), (std::vector<double>{1, 1}));
  EXPECT_EQ(started(init("constant", -3), {}), std::vector<double>{-3});
}

TEST(Initialisers, WithoutANameVectorsAreZeroAndMatricesGlorot) {
  EXPECT_EQ(started({}, {3}), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(started({}, {3, 4}), started(init("glorot"), {3, 4}));
}

// Uniform in +-sqrt(6 / (in + out)) has the variance 2 / (in + out).
TEST(Initialisers, GlorotHasItsVarianceAndBound) {
  const std::vector<double> values = started(init("glorot"), {100, 200});
  EXPECT_NEAR(mean_square(values), 2.0 / 300, 2e-4);
  EXPECT_NEAR(mean(values), 0, 2e-3);
  for (const double value : values) EXPECT_LE(std::abs(value), std::sqrt(6.0 / 300));
}

TEST(Initialisers, GlorotCountsThePlacesOfAConvolution) {
  const double bound = std::sqrt(6.0 / (5 * (8 + 16)));
  double largest = 0;
  for (const double value : started(init("glorot"), {5, 8, 16})) largest = std::max(largest, std::abs(value));
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.95 * bound);
}

TEST(Initialisers, NormalAndUniformHaveTheirWidth) {
  EXPECT_NEAR(mean_square(started(init("normal", 2), {20000})), 4, 0.15);
  EXPECT_NEAR(mean_square(started(init("uniform", 3), {20000})), 3, 0.1);
}

TEST(Initialisers, OrthogonalRowsOrColumnsAreOrthonormal) {
  const std::vector<std::vector<std::int64_t>> shapes{{16, 16}, {3, 8}, {8, 3}, {1, 4}, {4, 2, 3}};
  for (const auto& dims : shapes) {
    const std::vector<double> w = started(init("orthogonal"), dims);
    const auto rows = static_cast<std::size_t>(dims[0]);
    const std::size_t columns = w.size() / rows;
    const bool by_rows = rows <= columns;
    const std::size_t count = std::min(rows, columns), length = std::max(rows, columns);
    const auto at = [&](std::size_t v, std::size_t k) { return by_rows ? w[v * columns + k] : w[k * columns + v]; };
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        double dot = 0;
        for (std::size_t k = 0; k < length; ++k) dot += at(a, k) * at(b, k);
        EXPECT_NEAR(dot, a == b ? 1 : 0, 1e-14);
      }
    }
  }
}

TEST(Initialisers, DependOnSeedAndNameAlone) {
  EXPECT_EQ(started({}, {3, 3}, 7, "r"), started({}, {3, 3}, 7, "r"));
  EXPECT_NE(started({}, {3, 3}, 7, "r"), started({}, {3, 3}, 8, "r"));
  EXPECT_NE(started({}, {3, 3}, 7, "r"), started({}, {3, 3}, 7, "z"));
}

std::vector<ParameterSpec> specs() { return {{"W", {3, 5}, {}}, {"b", {5}, init("ones")}, {"s", {}, init("constant", 4)}}; }

TEST(Parameters, LieInOneAlignedBlockWithZerosBetween) {
  Parameters<float> parameters(specs());
  parameters.fill(1);
  float sum = 0;
  for (const float value : parameters.block()) sum += value;
  EXPECT_EQ(sum, 21);
  EXPECT_EQ(parameters.count(), 21U);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(parameters.values(k).data()) % 64, 0U);
}

TEST(Parameters, OrderAndCompanyDoNotMatterToTheStart) {
  Parameters<double> all(specs());
  Parameters<double> alone({{"W", {3, 5}, {}}});
  all.initialise(3);
  alone.initialise(3);
  EXPECT_EQ(all.get("W").data, alone.get("W").data);
}

TEST(Parameters, SetChecksNameAndShape) {
  Parameters<double> parameters(specs());
  parameters.set("b", {{5}, {1, 2, 3, 4, 5}});
  EXPECT_EQ(parameters.get("b").data, (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_THROW(parameters.set("b", {{1, 5}, {1, 2, 3, 4, 5}}), std::invalid_argument);
  EXPECT_THROW(parameters.set("c", {{}, {1}}), std::invalid_argument);
}

TEST(Parameters, CopiesAreDeep) {
  Parameters<double> first(specs());
  Parameters<double> second = first;
  second.fill(1);
  EXPECT_EQ(first.get("s").data[0], 0);
  first = second;
  EXPECT_EQ(first.get("s").data[0], 1);
}

TEST(Parameters, ComeBackFromAFileToTheBit) {
  Parameters<float> saved(specs()), loaded(specs());
  saved.initialise(5);
  TensorFile file;
  saved.append_to(file);
  loaded.take_from(decode_safetensors(encode_safetensors(file), "w"), "w");
  EXPECT_EQ(saved.get("W").data, loaded.get("W").data);
}

TEST(Parameters, AnotherModelsFileIsRefusedWithEveryDifference) {
  Parameters<float> other({{"W", {3, 4}, {}}, {"bb", {5}, {}}, {"s", {}, {}}});
  TensorFile file;
  other.append_to(file);
  Parameters<float> parameters(specs());
  parameters.fill(7);
  try {
    parameters.take_from(file, "w.safetensors");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), "E0906");
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'W' is [3, 4]; the model has [3, 5]"), HasSubstr("'b' is missing; did you mean 'bb'?"),
                                    HasSubstr("the model has no 'bb'")));
  }
  EXPECT_EQ(parameters.get("s").data[0], 7);  // nothing was taken
}

}  // namespace
}  // namespace tapeloop
