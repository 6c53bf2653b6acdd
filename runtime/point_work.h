// Instructions that work point by point: kernels, moves, positions, draws.
#pragma once

#include <vector>

#include "runtime/batch_feed.h"
#include "runtime/frame.h"
#include "runtime/point_program.h"
#include "runtime/point_scan.h"

namespace tapeloop {

template <class T>
class PointWork {
 public:
  explicit PointWork(Frame<T>& frame);

  void point(const Step& step) { programs_[step.program].run(frame_, step, scratch_); }  // kPoint
  // kPoint that does all positions of its scan.
  void scan(const Step& step, const ScanBlocks& blocks) { scans_[step.program].run(frame_, step, scratch_, blocks); }
  void local(const Step& step);                                               // kLocal
  void move(const Step& step);                                                // kMove
  void fill(const Step& step);                                                // kFill, kCount
  void positions(const Step& step);                                           // kIndex, kLength
  void draw(const Step& step, const BatchFeed<T>& feed, std::uint64_t seed);  // kDraw

 private:
  Frame<T>& frame_;
  std::vector<PointProgram<T>> programs_;
  std::vector<PointScan<T>> scans_;  // [program]
  PointScratch<T> scratch_;
};

extern template class PointWork<float>;
extern template class PointWork<double>;

}  // namespace tapeloop
