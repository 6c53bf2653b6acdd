// One target under libFuzzer: TAPELOOP_FUZZ_TARGET is its name.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/targets.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tapeloop::fuzz::TAPELOOP_FUZZ_TARGET;
  tapeloop::fuzz::run({"", &TAPELOOP_FUZZ_TARGET}, {reinterpret_cast<const char*>(data), size});
  return 0;
}
