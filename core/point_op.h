// One point op by itself.
#pragma once

#include "core/point_code.h"

namespace tapeloop {

// Rows of n numbers: within a row in[k] advances by step[k] in {0, 1} and out by 1, from row to row in[k] by stride[k] and out by
// out_stride. With one row `stride` may be null. out may be one of the inputs with step 1 and the stride of out.
template <class T>
void run_op(const PointBodies<T>& bodies, std::size_t operands, const T* const* in, const std::uint8_t* step, const std::int64_t* stride,
            T* out, std::int64_t out_stride, std::size_t rows, std::size_t n) {
  using Place = typename PointRegister<T>::Place;
  PointCode code[2];
  PointRegister<T> registers[kMostPointInputs + 1];
  code[0].block = bodies.block;
  code[0].rest = bodies.rest;
  code[0].keep = true;
  code[0].out = static_cast<std::uint8_t>(operands);
  for (std::size_t k = 0; k < operands; ++k) {
    code[0].source[k] = step[k] ? PointSource::kRow : PointSource::kNumber;
    code[0].in[k] = static_cast<std::uint8_t>(k);
    registers[k] = {const_cast<T*>(in[k]), stride ? stride[k] : 0, step[k] ? Place::kRow : Place::kNumber};
  }
  registers[operands] = {out, out_stride, Place::kRow};
  bodies.run(code, registers, operands + 1, nullptr, rows, n);
}

}  // namespace tapeloop
