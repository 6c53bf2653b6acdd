// What does not depend on how a batch is worked on, to the bit: the number of threads, the examples beside an example, padding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "models/facade/session.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kFeatures = 7;  // no multiples of a vector or a panel
constexpr std::int64_t kSteps = 40;    // with 20 rows or more enough work for several threads

template <class T>
struct Case {
  Batch<T> batch;
  Cotangents<T> cotangents;
};

template <class T>
struct Found {
  Array<T> h, dx;
  std::map<std::string, Array<T>> gradients;
};

template <class T>
Case<T> random_case(std::int64_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<T> any(-1, 1);
  const auto array = [&](std::vector<std::int64_t> dims) {
    Array<T> made{dims, {}};
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    for (std::int64_t k = 0; k < count; ++k) made.data.push_back(any(random));
    return made;
  };
  Case<T> made;
  made.batch.rows = rows;
  made.batch.inputs["x"] = array({rows, kSteps, kFeatures});
  made.cotangents["h"] = array({rows, kSteps, 13});
  for (std::int64_t row = 0; row < rows; ++row) {
    made.batch.lengths["t"].push_back(row == 1 ? kSteps : static_cast<std::int32_t>(random() % (kSteps + 1)));
    made.batch.example_ids.push_back(row);
  }
  return made;
}

// Rows `rows` of an array in that order, with `steps` positions: more than there are is padding that nobody reads.
template <class T>
Array<T> rows_of(const Array<T>& array, const std::vector<std::size_t>& rows, std::int64_t steps) {
  Array<T> made{{static_cast<std::int64_t>(rows.size()), steps, array.dims[2]}, {}};
  const std::int64_t width = array.dims[2];
  for (const std::size_t row : rows) {
    for (std::int64_t k = 0; k < steps * width; ++k) {
      const bool inside = k < array.dims[1] * width;
      made.data.push_back(inside ? array.data[row * static_cast<std::size_t>(array.dims[1] * width) + static_cast<std::size_t>(k)] : T(99));
    }
  }
  return made;
}

template <class T>
Case<T> part_of(const Case<T>& whole, const std::vector<std::size_t>& rows, std::int64_t steps = kSteps) {
  Case<T> made;
  made.batch.rows = static_cast<std::int64_t>(rows.size());
  made.batch.inputs["x"] = rows_of(whole.batch.inputs.at("x"), rows, steps);
  made.cotangents["h"] = rows_of(whole.cotangents.at("h"), rows, steps);
  for (const std::size_t row : rows) {
    made.batch.lengths["t"].push_back(whole.batch.lengths.at("t")[row]);
    made.batch.example_ids.push_back(whole.batch.example_ids[row]);
  }
  return made;
}

template <class T>
class Shards : public testing::Test {
 protected:
  static Found<T> run(Session<T>& session, const Case<T>& with) {
    session.forward(with.batch);
    session.backward(with.cotangents);
    Found<T> found{session.value("h"), session.gradient("x"), {}};
    for (const auto& [leaf, gradient] : session.plan().gradients) {
      const std::string& name = session.plan().value(leaf).name;
      if (name != "x") found.gradients[name] = session.gradient(name);
    }
    return found;
  }

  static Session<T> session(const std::string& cell, int threads) {
    SessionOptions options;
    options.mode = Mode::kTrain;
    options.shapes = {{"x", {kFeatures}}};
    options.input_gradients = true;
    options.cotangents = true;
    options.seed = 5;
    options.threads = threads;
    return Session<T>(Model::load(cell, {"options.units=13"}), options);
  }

  static void expect_same_bits(const Array<T>& a, const Array<T>& b) {
    ASSERT_EQ(a.dims, b.dims);
    EXPECT_EQ(std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(T)), 0);
  }

  // Row `row` of a is row `other` of b, as far as both go; past that there are zeros.
  static void expect_same_row(const Array<T>& a, std::size_t row, const Array<T>& b, std::size_t other) {
    const auto row_a = static_cast<std::size_t>(a.dims[1] * a.dims[2]);
    const auto row_b = static_cast<std::size_t>(b.dims[1] * b.dims[2]);
    EXPECT_EQ(std::memcmp(&a.data[row * row_a], &b.data[other * row_b], std::min(row_a, row_b) * sizeof(T)), 0);
  }

  static void expect_rows(const Found<T>& whole, const Found<T>& part, const std::vector<std::size_t>& rows) {
    for (std::size_t k = 0; k < rows.size(); ++k) {
      expect_same_row(whole.h, rows[k], part.h, k);
      expect_same_row(whole.dx, rows[k], part.dx, k);
    }
  }

  static std::vector<std::size_t> range(std::size_t begin, std::size_t end) {
    std::vector<std::size_t> rows;
    for (std::size_t row = begin; row < end; ++row) rows.push_back(row);
    return rows;
  }
};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(Shards, Numbers);

constexpr const char* kCells[] = {"gru", "lstm"};

TYPED_TEST(Shards, AnyNumberOfThreadsAndAnotherTimeGiveTheSameBits) {
  const Case<TypeParam> with = random_case<TypeParam>(53, 1);
  for (const char* cell : kCells) {
    Session<TypeParam> alone = this->session(cell, 1);
    const Found<TypeParam> expected = this->run(alone, with);
    for (const int threads : {1, 2, 3}) {
      Session<TypeParam> session = this->session(cell, threads);
      for (int again = 0; again < 2; ++again) {
        const Found<TypeParam> found = this->run(session, with);
        this->expect_same_bits(found.h, expected.h);
        this->expect_same_bits(found.dx, expected.dx);
        for (const auto& [name, gradient] : expected.gradients) this->expect_same_bits(found.gradients.at(name), gradient);
      }
    }
  }
}

TYPED_TEST(Shards, ABatchCutInTwoGivesTheSameBits) {
  const Case<TypeParam> whole = random_case<TypeParam>(53, 2);
  for (const char* cell : kCells) {
    Session<TypeParam> session = this->session(cell, 2);
    const Found<TypeParam> expected = this->run(session, whole);
    for (const std::size_t cut : {1U, 16U, 21U, 52U}) {
      for (const auto& rows : {this->range(0, cut), this->range(cut, 53)}) {
        this->expect_rows(expected, this->run(session, part_of(whole, rows)), rows);
      }
    }
  }
}

TYPED_TEST(Shards, APermutedBatchGivesTheSameBits) {
  const Case<TypeParam> whole = random_case<TypeParam>(37, 3);
  std::vector<std::size_t> rows = this->range(0, 37);
  std::shuffle(rows.begin(), rows.end(), std::mt19937(4));
  for (const char* cell : kCells) {
    Session<TypeParam> session = this->session(cell, 2);
    this->expect_rows(this->run(session, whole), this->run(session, part_of(whole, rows)), rows);
  }
}

TYPED_TEST(Shards, PaddingChangesNoBit) {
  const Case<TypeParam> tight = random_case<TypeParam>(20, 5);
  const std::vector<std::size_t> rows = this->range(0, 20);
  for (const char* cell : kCells) {
    Session<TypeParam> session = this->session(cell, 2);
    this->expect_rows(this->run(session, tight), this->run(session, part_of(tight, rows, kSteps + 4)), rows);
  }
}

TYPED_TEST(Shards, AnErrorInAWorkerReachesTheCaller) {
  Session<TypeParam> session = this->session("gru", 2);
  Case<TypeParam> with = random_case<TypeParam>(40, 6);
  with.batch.lengths["t"][39] = 100;  // past the input's end, in the last shard
  EXPECT_THROW(session.forward(with.batch), ModelError);
  with.batch.lengths["t"][39] = 2;
  EXPECT_NO_THROW(this->run(session, with));
}

}  // namespace
}  // namespace tapeloop
