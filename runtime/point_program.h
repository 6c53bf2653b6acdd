// A point program as the run needs it: a list of ops over registers, done tile by tile, so that what only later ops read never
// leaves the first level of cache.
//
//   h = z * h_tm1 + (1 - z) * n     registers 0 z, 1 h_tm1, 2 one, 3 n: operands, read where they lie
//                                   4 = 0 * 1, 5 = 2 - 0, 6 = 5 * 3: tiles; 7 = 4 + 6: written where h lies
//
// A register is wide (the program's elements at each point) or narrow (one number at each point, or one for all). Ops on narrow
// registers alone are narrow; a reduction over the shape makes a narrow one of a wide one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/kind.h"
#include "runtime/buffers.h"
#include "runtime/frame.h"

namespace tapeloop {

// Elements of a tile, unless a row that must stay whole is longer: a few tiles stay in the first level of cache.
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
};

// What programs work with; shared by all programs of a run.
template <class T>
struct PointScratch {
  std::vector<RegisterRows<T>> registers;
  AlignedArray<T> tiles;
};

template <class T>
class PointScan;

template <class T>
class PointProgram {
 public:
  PointProgram(const Plan& plan, const Step& step);

  // All points of the current block. REQUIRES: the scratch has been made ready for this program.
  void run(Frame<T>& frame, const Step& step, PointScratch<T>& scratch) const;
  void make_ready(PointScratch<T>& scratch) const;

 private:
  friend class PointScan<T>;

  struct Op {
    PointFunction<T> point = nullptr;
    LocalFunction<T> local = nullptr;
    const PointOp* op = nullptr;
    bool wide = false;
    std::int32_t slot = kNone;  // tile that the result goes to; kNone: where it lies in memory
  };
  struct Tile {
    std::int64_t rows = 0;
    std::int64_t column = 0;   // of wide registers, where this piece of the rows begins
    std::int64_t columns = 0;  // of this piece
    std::int64_t row = 0;      // where it begins among the rows of the registers
  };

  void assign_slots(const Step& step);
  T* slot(PointScratch<T>& scratch, std::int64_t number) const { return scratch.tiles.data() + number * pitch_; }
  T* at(const RegisterRows<T>& rows, const Tile& tile) const {
    const std::int64_t row = rows.place == RegisterRows<T>::Place::kStep ? 0 : tile.row;
    return rows.data + row * rows.stride + (rows.wide && rows.place != RegisterRows<T>::Place::kTile ? tile.column : 0);
  }
  void place_operands(Frame<T>& frame, const Step& step, Range range, PointScratch<T>& scratch) const;
  void place_operand(Frame<T>& frame, const Step& step, std::size_t k, Range range, PointScratch<T>& scratch) const;
  void place_results(Frame<T>& frame, const Step& step, std::int32_t begin, PointScratch<T>& scratch) const;
  void gather(Frame<T>& frame, const Step& step, std::int32_t begin, std::int32_t end, PointScratch<T>& scratch) const;
  void next_tile(std::int64_t rows, PointScratch<T>& scratch) const;
  void execute(std::size_t number, const Tile& tile, Frame<T>& frame, PointScratch<T>& scratch) const;
  void execute_point(std::size_t number, const Tile& tile, PointScratch<T>& scratch) const;
  void execute_local(std::size_t number, const Tile& tile, Frame<T>& frame, PointScratch<T>& scratch) const;
  void stretched(Frame<T>& frame, const Step& step) const;

  std::int64_t elements_ = 0;  // of a row of a wide register
  std::int64_t rows_ = 1;      // of a tile
  std::int64_t columns_ = 1;
  std::int64_t pitch_ = 0;  // elements from tile to tile in the scratch
  std::int64_t slots_ = 0;
  bool stretched_ = false;  // one op whose operands stretch within a point: by its PointLoop
  std::size_t operands_ = 0;
  std::vector<Op> ops_;
};

extern template class PointProgram<float>;
extern template class PointProgram<double>;

}  // namespace tapeloop
