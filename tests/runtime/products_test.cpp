#include "runtime/products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "runtime/worker_scope.h"
#include "tests/allocations.h"

namespace tapeloop::test {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 3, 16, 129, 256};

template <class T>
std::vector<T> random_numbers(std::int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<T> any(-1, 1);
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (T& number : numbers) number = any(random);
  return numbers;
}

template <class T>
class ProductsTest : public ::testing::Test {
 protected:
  static constexpr double kTolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ProductsTest, Numbers);

TYPED_TEST(ProductsTest, EqualTheDefinitionAtManySizes) {
  using T = TypeParam;
  std::mt19937 random(1);
  Products<T> products;
  for (const std::int64_t m : {0, 1, 3, 16, 65}) {
    for (const std::int64_t k : {0, 1, 5, 64}) {
      for (const std::int64_t n : {0, 1, 7, 96}) {
        const std::vector<T> a = random_numbers<T>(m * k, random);
        const std::vector<T> b = random_numbers<T>(k * n, random);
        const std::vector<T> c = random_numbers<T>(m * n, random);
        std::vector<T> y(static_cast<std::size_t>(m * n), T(9));
        products.multiply({m, k, n}, a.data(), b.data(), y.data());
        for (std::int64_t i = 0; i < m * n; ++i) {
          double sum = 0;
          for (std::int64_t j = 0; j < k; ++j) {
            sum += static_cast<double>(a[static_cast<std::size_t>(i / n * k + j)]) * b[static_cast<std::size_t>(j * n + i % n)];
          }
          EXPECT_NEAR(y[static_cast<std::size_t>(i)], sum, this->kTolerance);
        }
        for (const bool add : {false, true}) {
          std::vector<T> z(static_cast<std::size_t>(k * n), T(2));
          products.multiply_transposed({m, k, n}, a.data(), k, c.data(), n, z.data(), add);
          for (std::int64_t i = 0; i < k * n; ++i) {
            double sum = add ? 2 : 0;
            for (std::int64_t r = 0; r < m; ++r) {
              sum += static_cast<double>(a[static_cast<std::size_t>(r * k + i / n)]) * c[static_cast<std::size_t>(r * n + i % n)];
            }
            EXPECT_NEAR(z[static_cast<std::size_t>(i)], sum, this->kTolerance);
          }
        }
      }
    }
  }
}

TEST(AllocationCount, SeesOperatorsAndLibraries) {
  if (!AllocationCount::works()) GTEST_SKIP() << "the allocator cannot be watched here";
  const AllocationCount allocations;
  const auto number = std::make_unique<volatile int>(1);
  void* volatile block = std::malloc(100);
  std::free(block);
  EXPECT_EQ(allocations.news(), 1);
  EXPECT_EQ(allocations.all(), 2);
}

// Weights of two blocks side by side, one of them transposed, packed; rows of a and of the result lie apart.
TYPED_TEST(ProductsTest, PackedOnesHaveTheBitsOfPlainOnesInAnyCompany) {
  using T = TypeParam;
  std::mt19937 random(3);
  Products<T> products;
  const ProductKernels<T>& kernels = product_kernels<T>();
  for (const std::int64_t k : {1, 5, 64}) {
    for (const std::int64_t n1 : {1, 7, 33, 128}) {
      const std::int64_t n2 = 30;
      const std::int64_t n = n1 + n2;
      const std::int64_t apart = 3;
      const std::vector<T> b1 = random_numbers<T>(k * n1, random);
      const std::vector<T> b2 = random_numbers<T>(n2 * k, random);
      const std::vector<T> a = random_numbers<T>(21 * (k + apart), random);
      const auto room = static_cast<std::size_t>(k) * (static_cast<std::size_t>(n) + kPanelRoom);
      std::vector<T> packed(room, T(0));
      kernels.pack(static_cast<std::size_t>(k), static_cast<std::size_t>(n1), b1.data(), static_cast<std::size_t>(n1), 1,
                   static_cast<std::size_t>(k), 0, 0, packed.data());
      kernels.pack(static_cast<std::size_t>(k), static_cast<std::size_t>(n2), b2.data(), 1, static_cast<std::size_t>(k),
                   static_cast<std::size_t>(k), 0, static_cast<std::size_t>(n1), packed.data());
      std::vector<T> whole(static_cast<std::size_t>(21 * n), T(0));
      products.multiply_packed({21, k, n}, {a.data(), k + apart}, packed.data(), {}, {whole.data(), n}, false);
      for (std::int64_t i = 0; i < 21; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (std::int64_t p = 0; p < k; ++p) {
            const T right = j < n1 ? b1[static_cast<std::size_t>(p * n1 + j)] : b2[static_cast<std::size_t>((j - n1) * k + p)];
            sum += static_cast<double>(a[static_cast<std::size_t>(i * (k + apart) + p)]) * static_cast<double>(right);
          }
          EXPECT_NEAR(whole[static_cast<std::size_t>(i * n + j)], sum, this->kTolerance);
        }
      }
      for (const std::int64_t m : {1, 2, 3, 4, 9, 16}) {
        const std::int64_t ld = n + 5;
        std::vector<T> part(static_cast<std::size_t>(m * ld), T(0));
        products.multiply_packed({m, k, n}, {a.data() + (k + apart), k + apart}, packed.data(), {part.data(), ld}, {part.data(), ld},
                                 m % 2 == 1);
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < ld; ++j) {
            const T expected = j < n ? whole[static_cast<std::size_t>((i + 1) * n + j)] : T(0);
            EXPECT_EQ(part[static_cast<std::size_t>(i * ld + j)], expected) << m << " rows, " << k << " x " << n;
          }
        }
      }
    }
  }
}

// Narrow right sides share panels, and what is packed once is used by all.
TYPED_TEST(ProductsTest, SumsBesideEachOtherHaveTheBitsOfSingleOnes) {
  using T = TypeParam;
  std::mt19937 random(4);
  Products<T> products;
  const std::int64_t m = 530;  // more than a block of rows
  for (const std::int64_t k : {1, 7, 8, 21, 300}) {
    const std::vector<T> a = random_numbers<T>(m * k, random);
    const std::vector<std::int64_t> widths{1, 1, 40, 3, 64, 31, 1, 30, 32, 2};
    std::vector<std::vector<T>> b, together, alone;
    std::vector<SummedRight<T>> right;
    for (const std::int64_t n : widths) {
      b.push_back(random_numbers<T>(m * n, random));
      together.emplace_back(static_cast<std::size_t>(k * n), T(1));
      alone.emplace_back(static_cast<std::size_t>(k * n), T(1));
    }
    for (std::size_t q = 0; q < widths.size(); ++q) {
      const auto n = static_cast<std::size_t>(widths[q]);
      right.push_back({n, b[q].data(), n, together[q].data(), n});
      products.multiply_transposed({m, k, widths[q]}, a.data(), k, b[q].data(), widths[q], alone[q].data(), true);
    }
    products.add_transposed(m, k, a.data(), k, right);
    EXPECT_EQ(together, alone) << k;
    for (std::size_t q = 0; q < widths.size(); ++q) {
      for (std::int64_t i = 0; i < k * widths[q]; ++i) {
        double sum = 1;
        for (std::int64_t r = 0; r < m; ++r) {
          sum += static_cast<double>(a[static_cast<std::size_t>(r * k + i / widths[q])]) *
                 static_cast<double>(b[q][static_cast<std::size_t>(r * widths[q] + i % widths[q])]);
        }
        ASSERT_NEAR(alone[q][static_cast<std::size_t>(i)], sum, 100 * this->kTolerance) << k << " " << q;
      }
    }
  }
}

TYPED_TEST(ProductsTest, TakeNothingFromTheHeap) {
  using T = TypeParam;
  const WorkerScope scope;
  std::mt19937 random(2);
  const std::vector<T> a = random_numbers<T>(256 * 256, random);
  const std::vector<T> b = random_numbers<T>(256 * 256, random);
  std::vector<T> y(256 * 256);
  Products<T> products;
  products.multiply({256, 256, 256}, a.data(), b.data(), y.data());
  products.multiply_transposed({256, 256, 256}, a.data(), 256, b.data(), 256, y.data(), true);
  const AllocationCount allocations;
  for (const std::int64_t m : kSizes) {
    for (const std::int64_t k : kSizes) {
      for (const std::int64_t n : {1, 24, 200}) {
        products.multiply({m, k, n}, a.data(), b.data(), y.data());
        products.multiply_transposed({m, k, n}, a.data(), k, b.data(), n, y.data(), true);
      }
    }
  }
  EXPECT_EQ(allocations.all(), 0);
}

TEST(WorkerScope, FlushesDenormalsAndPutsEverythingBack) {
  volatile float small = 1e-38F;
  {
    const WorkerScope scope;
    volatile float denormal = small * 0.01F;
    EXPECT_EQ(denormal, 0.0F);
  }
  volatile float denormal = small * 0.01F;
  EXPECT_GT(denormal, 0.0F);
}

}  // namespace
}  // namespace tapeloop::test
