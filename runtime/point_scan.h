// A scan whose step is one point program, all positions in one pass: there is nothing to be asked for at each of them but where the
// taps of its own values lie.
//
//   points     t0    t1    t2   t3 ..     as many steps as fill a tile, of several rows each:
//   before   [ u     u     u     u  ]     ops that wait for no tap: all rows of the tile at once
//   step       h  -> h  -> h  -> h        ops in the cycle: step by step; a linear chain goes through in registers
//   after    [ y     y     y     y  ]     ops that the cycle does not wait for
//
// The same arithmetic as step by step, so the same bits. Steps with more rows than a tile are done like any other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/chain_kernels.h"
#include "runtime/frame.h"
#include "runtime/point_program.h"

namespace tapeloop {

// Blocks of a scan: first .. end - 1.
struct ScanBlocks {
  std::int32_t first = 0, end = 0;
  bool backwards = false;
  std::int32_t size() const { return end - first; }
  std::int32_t nth(std::int32_t k) const { return backwards ? end - 1 - k : first + k; }  // in the order of the scan
};

template <class T>
class PointScan {
 public:
  PointScan(const PointProgram<T>& program, const Step& step);

  // REQUIRES: the step's instruction is in one pass; the scratch has been made ready for the program.
  void run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch, const ScanBlocks& blocks) const;

 private:
  // What the steps of a tile work with.
  struct Work {
    Frame<T>& frame;
    const Step& step;
    PointScratch<T>& scratch;
    const std::vector<std::int32_t>& start;  // [block]: first point
    Range points;                            // of the tile
    Range of(std::int32_t block) const { return {start[static_cast<std::size_t>(block)], start[static_cast<std::size_t>(block) + 1]}; }
    Range in_tile(Range range) const { return {range.begin - points.begin, range.end - points.begin}; }
  };

  void run_tile(const Work& work, const ScanBlocks& blocks) const;
  void place(const Work& work) const;
  void run_step(const Work& work, std::int32_t block) const;
  std::int32_t linked_steps(const Work& work, const ScanBlocks& blocks) const;
  bool run_linked(const Work& work, const ScanBlocks& blocks) const;
  bool known(const Work& work, std::size_t link, Range rows, std::int64_t direction, ChainKnown<T>& known) const;

  const PointProgram<T>& program_;
  std::vector<bool> carried_;     // [operand]: a tap of one of the program's own values
  std::size_t first_step_ = 0;    // op of the program
  std::size_t tapped_ = 0;        // operand that the chain begins with
  bool linked_ = false;           // its steps are a chain
  std::vector<bool> chain_read_;  // [link]: somebody reads its result
};

extern template class PointScan<float>;
extern template class PointScan<double>;

}  // namespace tapeloop
