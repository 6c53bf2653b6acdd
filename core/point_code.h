// How the runtime has point ops done one after the other by the bodies that nodes/ compiles for every instruction set.
//
// An op works on a block, a few vectors of each of its operands, leaves its result in the processor's registers and jumps to the
// next op: a chain of ops passes over memory once. One result more can be held there. Any other that is read later is kept: in memory,
// or in a block of its own.
//
//   h = z * h_tm1 + (1 - z) * n      multiply z h_tm1, hold; subtract 1 z; multiply LAST n; add HELD LAST -> h
//
// Plain structures and <cstd..> only: units compiled for several instruction sets include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapeloop {

inline constexpr std::size_t kMostPointInputs = 3;       // of an op
inline constexpr std::size_t kMostPointRegisters = 192;  // of a code
inline constexpr std::size_t kPointBlockBytes = 256;     // room for a block, on every processor

// A function that only the unit that it is compiled in can call.
using PointBody = void (*)();

enum class PointSource : std::uint8_t {
  kRow,     // the register `in`: a number for each of the row's
  kNumber,  // the register `in`: one for all of the row's
  kLast,    // the result of the op before
  kHeld,    // the result that is held
};

// One op; after the last one of a code stands an empty one.
struct PointCode {
  PointBody block = nullptr;  // does a block
  PointBody rest = nullptr;   // does what is left of a row: a vector, or less
  PointSource source[kMostPointInputs] = {};
  std::uint8_t in[kMostPointInputs] = {};
  std::uint8_t out = 0;
  bool keep = false;  // the result goes to the register `out`
  bool hold = false;  // the result is the one that is held from now on
};

template <class T>
struct PointRegister {
  enum class Place : std::uint8_t {
    kRow,     // a number for each of the row's
    kNumber,  // one for all of the row's
    kBlock,   // in a block of its own, read again before the next one is made
  };
  T* data = nullptr;        // of operands never written
  std::int64_t stride = 0;  // numbers from row to row
  Place place = Place::kRow;
};

// Does `code` on `rows` rows of n numbers. blocks: room for one of each register, on a cache line's boundary.
template <class T>
using PointRunner = void (*)(const PointCode* code, const PointRegister<T>* registers, std::size_t count, T* blocks, std::size_t rows,
                             std::size_t n);

// What a kind has for one type of numbers. `run` is the same for all kinds.
template <class T>
struct PointBodies {
  PointBody block = nullptr;
  PointBody rest = nullptr;
  PointRunner<T> run = nullptr;
};

}  // namespace tapeloop
