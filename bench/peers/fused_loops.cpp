#include "bench/peers/fused_loops.h"

#define TAPELOOP_BODIES
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peers/fused_loops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nodes/kind_file.h"
#include "nodes/lanes-inl.h"

HWY_BEFORE_NAMESPACE();

#include "nodes/kinds/sigmoid.h"
#include "nodes/kinds/tanh.h"

namespace tapeloop::HWY_NAMESPACE {
namespace {

using V = Lanes<float>;

HWY_INLINE V Load(const float* from) { return V(hn::LoadU(V::Tag(), from)); }
HWY_INLINE void Store(const V& x, float* to) { hn::StoreU(x.raw, V::Tag(), to); }

// do(row, i): the vector at number i of arrays that are [rows, n].
template <class Do>
HWY_INLINE void EachVector(std::size_t rows, std::size_t n, Do work) {
  const std::size_t lanes = hn::Lanes(V::Tag());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < n; i += lanes) work(row, row * n + i);
  }
}

// r, z = sigmoid(gates), r h_tm1
void GruGates(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t row, std::size_t i) {
    const float* gates = a[0] + row * n;  // of this row: 2 n numbers
    const V r = sigmoid_body(Load(gates + i)), z = sigmoid_body(Load(gates + n + i)), h_tm1 = Load(a[1] + i);
    Store(r, a[2] + i);
    Store(z, a[3] + i);
    Store(r * h_tm1, a[4] + i);
  });
}

// n = tanh(gate), h = z h_tm1 + (1 - z) n
void GruState(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t, std::size_t i) {
    const V z = Load(a[1] + i), h_tm1 = Load(a[2] + i), state = tanh_body(Load(a[0] + i));
    Store(state, a[3] + i);
    Store(z * h_tm1 + (V(1.0) - z) * state, a[4] + i);
  });
}

void GruStateAdjoint(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t, std::size_t i) {
    const V dh = Load(a[0] + i) + Load(a[1] + i), z = Load(a[2] + i), state = Load(a[3] + i), h_tm1 = Load(a[4] + i);
    const V less = V(1.0) - z;
    Store(dh * less * (V(1.0) - state * state), a[5] + i);
    Store((-(dh * state) + dh * h_tm1) * (z * less), a[6] + i);
    Store(dh * z, a[7] + i);
  });
}

void GruResetAdjoint(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t, std::size_t i) {
    const V r = Load(a[2] + i);
    Store(Load(a[0] + i) * Load(a[1] + i) * (r * (V(1.0) - r)), a[3] + i);
  });
}

void GruLastAdjoint(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t, std::size_t i) { Store(Load(a[0] + i) * Load(a[1] + i) + Load(a[2] + i), a[3] + i); });
}

// i, f, o = sigmoid(gates), g = tanh(gate), c = f c_tm1 + i g, h = o tanh(c)
void Lstm(float* const* a, std::size_t rows, std::size_t n) {
  EachVector(rows, n, [&](std::size_t row, std::size_t k) {
    const float* gates = a[0] + 3 * row * n + k;  // of this row: 4 n numbers
    const V i = sigmoid_body(Load(gates)), f = sigmoid_body(Load(gates + n)), o = sigmoid_body(Load(gates + 2 * n));
    const V g = tanh_body(Load(gates + 3 * n)), c = f * Load(a[1] + k) + i * g, t = tanh_body(c);
    Store(i, a[2] + k);
    Store(f, a[3] + k);
    Store(o, a[4] + k);
    Store(g, a[5] + k);
    Store(c, a[6] + k);
    Store(t, a[7] + k);
    Store(o * t, a[8] + k);
  });
}

void LstmAdjoint(float* const* a, std::size_t rows, std::size_t n) {
  const V one(1.0);
  EachVector(rows, n, [&](std::size_t, std::size_t k) {
    const V dh = Load(a[0] + k) + Load(a[1] + k), c_tm1 = Load(a[3] + k), t = Load(a[4] + k), i = Load(a[5] + k);
    const V f = Load(a[6] + k), o = Load(a[7] + k), g = Load(a[8] + k);
    const V dc = Load(a[2] + k) + dh * o * (one - t * t);
    Store(dh * t * (o * (one - o)), a[9] + k);
    Store(dc * g * (i * (one - i)), a[10] + k);
    Store(dc * c_tm1 * (f * (one - f)), a[11] + k);
    Store(dc * i * (one - g * g), a[12] + k);
    Store(dc * f, a[13] + k);
  });
}

}  // namespace

const bench::FusedStep* FusedSteps() {
  static const bench::FusedStep table[] = {{"gru", {&GruGates, &GruState}, {&GruStateAdjoint, &GruResetAdjoint, &GruLastAdjoint}},
                                           {"lstm", {&Lstm}, {&LstmAdjoint}},
                                           {nullptr, {}, {}}};
  return table;
}

}  // namespace tapeloop::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tapeloop {

HWY_EXPORT(FusedSteps);
const bench::FusedStep* bench::fused_steps() { return HWY_DYNAMIC_DISPATCH(FusedSteps)(); }

}  // namespace tapeloop
#endif
