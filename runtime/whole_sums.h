// Sums over all shards into P, by tiles of the result: whoever works on a tile adds shards 0, 1, 2 .. to it, so there are no
// partial sums, and the bits do not depend on the number of threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/frame.h"
#include "runtime/products.h"

namespace tapeloop {

template <class T>
using Shards = std::span<const std::unique_ptr<Shard<T>>>;

// Whether the instruction adds up what is on the batch; else everything that it reads is in P. REQUIRES: its result is in P.
bool sums_shards(const Plan& plan, const Instruction& made);
// Tiles of its result, fixed by the plan alone.
std::int64_t tiles_of(const Plan& plan, const Instruction& made);

template <class T>
class WholeSums {
 public:
  explicit WholeSums(Frame<T>& frame);

  // Overwrites one tile of the result, or adds what the next chunk of strips has to it. REQUIRES: sums_shards. Afterwards the frame is in
  // the last of the shards.
  void add_up(const Step& step, std::int64_t tile, Shards<T> shards);
  // That the instruction walks over; 1 where it only counts.
  std::int64_t points(const Step& step, Shards<T> shards);

 private:
  // Rows [begin, end) of a product's result, or elements of a sum's.
  struct Tile {
    std::int64_t begin = 0, end = 0;
  };

  void count(const Step& step, Shards<T> shards);
  void products(const Step& step, Tile tile, Shards<T> shards);
  void sums(const Step& step, Tile tile, Shards<T> shards);
  void sums_outside(const Step& step, Shards<T> shards);
  void add_products(const Step& step, Tile tile, Rows<T> a, std::int32_t begin, std::int32_t end);
  void add_rows_by_number(const Step& step, Tile tile, const T* numbers, std::int64_t lda, const T* b, std::int64_t ldb, std::int64_t rows);

  Frame<T>& frame_;
  Products<T> products_;
  std::vector<SummedRight<T>> right_;  // scratch: the right sides of one product
  std::vector<T> block_;               // scratch: elements of a tile of a sum
};

extern template class WholeSums<float>;
extern template class WholeSums<double>;

}  // namespace tapeloop
