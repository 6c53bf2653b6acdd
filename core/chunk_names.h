// What the plans of a batch that is run chunk by chunk along t call the values that go from one chunk to the next, and from all
// chunks to the plan of what comes after them. Names with these prefixes are no user's: a dot stands only behind an instance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tapeloop {

inline constexpr std::string_view kCarryPrefix = "carry.";  // input [], [K, shape]: the last K values before the chunk, in order
inline constexpr std::string_view kSumPrefix = "sum.";      // output of a chunk, to be summed; input of what comes after

inline constexpr std::string_view kChunkFirst = "chunk.first";        // P: 1 in the first chunk, else 0
inline constexpr std::string_view kChunkPosition = "chunk.position";  // P: position of the chunk's first along t
inline constexpr std::string_view kChunkLength = "chunk.length";      // []: length of the whole run along t

// Output of a chunk: what stands in slot k of "carry.V" after it. With the last chunk's, input of what comes after.
inline std::string carried_out(std::string_view carry, std::int64_t k) { return std::string(carry) + "#" + std::to_string(k); }

}  // namespace tapeloop
