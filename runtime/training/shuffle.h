// Orders drawn at random, the same everywhere.
#pragma once

#include <cstdint>
#include <vector>

#include "core/philox.h"

namespace tapeloop {

// Fisher & Yates, each exchange drawn by its own counter: a function of the key and the two numbers alone.
void shuffle(std::vector<std::uint32_t>& order, PhiloxKey key, std::uint32_t epoch, std::uint32_t part = 0);

}  // namespace tapeloop
