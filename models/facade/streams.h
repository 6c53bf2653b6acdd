// A model run chunk by chunk along t, its state kept for each stream by the stream's number: for data that arrive as they are measured.
//
//   Streams<float> streams(model, {.shapes = {{"x", {3}}}});
//   streams.load("weights.safetensors");
//   auto y = streams.run({7, 2}, batch).at("y");        // batch.inputs["x"] [2, steps, 3], row 0 goes on where stream 7 ended
//   streams.run({2, 9, 7}, next);                       // other rows, another order, chunks of another length; 9 begins
//   streams.close(7);
//
// Whatever the chunks and batches, a stream's values are those of one run over all its positions, to the bit in float; random draws
// too, with the stream's number as the example's. For models causal along t (no read of the future, none of all of t).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/facade/session.h"

namespace tapeloop {

template <class T>
class Streams {
 public:
  using Arrays = std::map<std::string, Array<T>>;

  // Throws ModelError: E0609 for a model that is not causal along t, with the read that is not.
  explicit Streams(const Model& model, SessionOptions options = {});

  Parameters<T>& parameters() { return session_.parameters(); }
  void load(const std::string& path) { session_.load(path); }
  const Plan& plan() const { return session_.plan(); }

  // The next positions of some streams: row k goes on where stream ids[k] ended, or begins it. batch.lengths["t"] says how many, none
  // being as good as any; without it all have as many as the first input on t. What does not live on t is fed each time. Returns the
  // outputs, [rows, longest, shape] or [rows, shape]. Throws ModelError for a batch that does not fit, or a stream that is there twice
  // (E0733): then no stream has moved.
  Arrays run(const std::vector<std::int64_t>& ids, Batch<T> batch);

  std::int64_t position(std::int64_t id) const;  // positions that the stream has had; 0 if it has not begun
  std::int64_t open() const { return static_cast<std::int64_t>(states_.size()); }
  void close(std::int64_t id) { states_.erase(id); }  // should it come again it begins
  void close() { states_.clear(); }                   // all

 private:
  struct State {
    std::vector<std::vector<T>> last;  // of each carried value: its last K, [K, shape]
    std::int64_t position = 0;
  };
  struct Carried {
    std::string name;                // of the input
    std::vector<std::int64_t> dims;  // [K, shape]
    NodeId value = kNone;            // of the plan
    NodeId start = kNone;            // what stood before the chunk, where the model says how it starts
    std::int64_t elements = 0;       // of one position
  };

  void find_lengths(Batch<T>& batch) const;
  void take_up(const std::vector<std::int64_t>& ids, Batch<T>& batch) const;
  void keep(const std::vector<std::int64_t>& ids, const std::vector<std::int32_t>& lengths);

  Session<T> session_;
  std::vector<Carried> carried_;
  std::map<std::int64_t, State> states_;
};

extern template class Streams<float>;
extern template class Streams<double>;

}  // namespace tapeloop
