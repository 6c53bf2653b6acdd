#include "runtime/budget.h"

#include <unistd.h>

#include <limits>
#include <string>

#include "core/diagnostics.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::int64_t sum(std::int64_t a, std::int64_t b) { return a > kMost - b ? kMost : a + b; }

}  // namespace

Budget::Budget(std::int64_t max_bytes) : max_bytes_(max_bytes) {
  if (max_bytes_ <= 0) max_bytes_ = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

void Budget::announce(std::int64_t bytes) {
  std::int64_t before = bytes_;
  while (!bytes_.compare_exchange_weak(before, sum(before, bytes))) {
  }
  check(0);
}

void Budget::check(std::int64_t bytes) const {
  const std::int64_t needed = sum(bytes_, bytes);
  if (needed <= max_bytes_) return;
  Diagnostics diagnostics;
  diagnostics.error("E0711", {},
                    "this batch needs " + (needed == kMost ? "more than 2^63 bytes" : std::to_string(needed >> 20) + " MiB") +
                        " of memory, and a run may take " + std::to_string(max_bytes_ >> 20) + " MiB",
                    "use a smaller batch or shorter sequences");
  throw ModelError(diagnostics.sorted());
}

}  // namespace tapeloop
