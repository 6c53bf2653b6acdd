// A point program as the run needs it: its ops in stretches, each of which passes over memory once.
//
//   h = z * h_tm1 + (1 - z) * n     registers 0 z, 1 h_tm1, 2 one, 3 n: operands, read where they lie
//                                   4 = 0 * 1, 5 = 2 - 0, 6 = 5 * 3: never in memory; 7 = 4 + 6: written where h lies
//
// A register is wide (the program's elements at each point) or narrow (one number at each point, or one for all). Ops on narrow
// registers alone are narrow; a reduction over the shape makes a narrow one of a wide one. What goes from stretch to stretch lies in
// tiles: a few rows, which all stretches do before the next ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/kind.h"
#include "runtime/buffers.h"
#include "runtime/frame.h"
#include "runtime/point_stretches.h"

namespace tapeloop {

// Elements of a tile, unless a row is longer: a few tiles stay in the first level of cache.
template <class T>
inline constexpr std::int64_t kPointTile = 4096 / static_cast<std::int64_t>(sizeof(T));

// Operands of a kind with a kernel of its own, at most.
inline constexpr std::size_t kMostLocalInputs = 64;

// Where the rows of a register lie, from the first row of the tile at hand.
template <class T>
struct RegisterRows {
  enum class Place : std::int8_t { kMemory, kGathered, kRepeated, kTile, kStep };  // kStep: those of one step of a scan
  T* data = nullptr;                                                               // of operands never written
  std::int64_t stride = 0;                                                         // elements from row to row
  Place place = Place::kMemory;
  bool wide = false;
  T* at(std::int64_t row) const { return place == Place::kStep ? data : data + row * stride; }
};

// What programs work with; shared by all programs of a run.
template <class T>
struct PointScratch {
  std::vector<RegisterRows<T>> registers;
  std::vector<PointRegister<T>> of_code;
  AlignedArray<T> tiles;
  AlignedArray<T> blocks;
};

template <class T>
class PointProgram {
 public:
  PointProgram(const Plan& plan, const Step& step);

  // All points of the current block. REQUIRES: the scratch has been made ready for this program.
  void run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch) const;
  void make_ready(PointScratch<T>& scratch) const;

  // The same by hand, for those who do a scan's steps in one pass. Registers have to be placed before they are read; place_operand is
  // true if its rows are still to be gathered.
  bool is_stretched() const { return stretched_; }
  bool is_wide(std::size_t reg) const { return wide_[reg]; }
  std::int64_t width() const { return elements_; }  // of a wide register
  std::int64_t tile_rows() const { return rows_; }  // at most
  bool place_operand(Frame<T>& frame, const Step& step, std::size_t k, Range range, PointScratch<T>& scratch) const;
  void place_results(Frame<T>& frame, const Step& step, std::int32_t begin, PointScratch<T>& scratch) const;
  // Of the rows at which the registers have been placed, rows.begin .. rows.end - 1.
  void execute(When when, Range rows, Frame<T>& frame, PointScratch<T>& scratch) const;

 private:
  const PointOp& op(std::size_t number) const { return instruction_->program[number]; }
  bool in_memory(std::size_t number) const { return instruction_->results[number].buffer != kNone; }
  T* tile(PointScratch<T>& scratch, std::int64_t number) const { return scratch.tiles.data() + number * pitch_; }
  bool place_operands(Frame<T>& frame, const Step& step, Range range, PointScratch<T>& scratch) const;
  void gather(Frame<T>& frame, const Step& step, std::int32_t begin, std::int32_t end, PointScratch<T>& scratch) const;
  void next_tile(std::int64_t rows, PointScratch<T>& scratch) const;
  void execute(const PointStretch& stretch, Range rows, Frame<T>& frame, PointScratch<T>& scratch) const;
  void execute_code(const PointStretch& stretch, Range range, PointScratch<T>& scratch) const;
  void execute_local(std::size_t number, Range range, Frame<T>& frame, PointScratch<T>& scratch) const;
  void stretched(Frame<T>& frame, const Step& step) const;

  const Instruction* instruction_;
  std::int64_t elements_ = 0;  // of a row of a wide register
  std::int64_t rows_ = 1;      // of a tile
  std::int64_t pitch_ = 0;     // elements from tile to tile in the scratch
  bool stretched_ = false;     // one op whose operands stretch within a point: by its PointLoop
  std::size_t operands_ = 0;
  PointRunner<T> runner_ = nullptr;
  std::vector<bool> wide_;  // [register]
  PointStretches stretches_;
  std::vector<std::size_t> placed_;  // ops whose results are in memory or in a tile
};

extern template class PointProgram<float>;
extern template class PointProgram<double>;

}  // namespace tapeloop
