// Linear chains against their definition, to the bit: rows shorter and longer than vectors, both directions, each form.
#include "runtime/chain_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tapeloop::test {
namespace {

template <class T>
T linked(int form, T y, T c) {
  if (form == 0) {
    volatile T product = y * c;  // no multiply-add
    return product;
  }
  return form == 1 ? y + c : form == 2 ? y - c : c - y;
}

constexpr std::int64_t kSteps = 9;

// Links in the forms `forms`; known numbers for each of n, or one a step.
template <class T>
void expect_chain(std::int64_t n, std::vector<int> forms, bool backwards, std::vector<bool> each) {
  std::mt19937 random(3);
  std::uniform_real_distribution<T> any(-2, 2);
  std::vector<T> before(static_cast<std::size_t>(n));
  for (T& number : before) number = any(random);
  std::vector<std::vector<T>> known(forms.size()), out(forms.size());
  ChainCall<T> call;
  call.steps = kSteps;
  call.n = n;
  call.before = before.data();
  call.links = forms.size();
  const std::int64_t first = backwards ? kSteps - 1 : 0, direction = backwards ? -1 : 1;
  for (std::size_t k = 0; k < forms.size(); ++k) {
    const std::int64_t width = each[k] ? n : 1;
    for (std::int64_t i = 0; i < width * kSteps; ++i) known[k].push_back(any(random));
    out[k].assign(static_cast<std::size_t>(n * kSteps + 1), T(77));
    call.forms[k] = forms[k];
    call.known[k] = {known[k].data() + first * width, direction * width, each[k]};
    call.out[k] = out[k].data() + first * n;
    call.out_step[k] = direction * n;
  }
  run_chain(call);
  for (std::int64_t i = 0; i < n; ++i) {
    T y = before[static_cast<std::size_t>(i)];
    for (std::int64_t s = 0; s < kSteps; ++s) {
      const std::int64_t t = first + direction * s;
      for (std::size_t k = 0; k < forms.size(); ++k) {
        y = linked(forms[k], y, known[k][static_cast<std::size_t>(each[k] ? t * n + i : t)]);
        ASSERT_EQ(out[k][static_cast<std::size_t>(t * n + i)], y) << n << " numbers, number " << i << ", step " << s << ", link " << k;
      }
    }
  }
  for (const std::vector<T>& array : out) EXPECT_EQ(array.back(), T(77));
}

template <class T>
class ChainKernels : public testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(ChainKernels, Numbers);

TYPED_TEST(ChainKernels, EveryPairOfFormsHasTheBitsOfOneOpAfterTheOther) {
  for (int first = 0; first < 4; ++first) {
    for (const bool backwards : {false, true}) {
      expect_chain<TypeParam>(37, {first}, backwards, {true});
      for (int second = 0; second < 4; ++second) expect_chain<TypeParam>(37, {first, second}, backwards, {true, true});
    }
  }
}

TYPED_TEST(ChainKernels, AnyNumberSideBySide) {
  for (std::int64_t n = 1; n < 300; n += n < 140 ? 1 : 13) {
    expect_chain<TypeParam>(n, {0, 1}, false, {true, true});
    expect_chain<TypeParam>(n, {0, 1}, true, {false, true});
    expect_chain<TypeParam>(n, {1, 0}, true, {true, false});
  }
}

}  // namespace
}  // namespace tapeloop::test
