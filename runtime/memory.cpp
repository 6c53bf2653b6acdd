#include "runtime/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace tapeloop {
namespace {

constexpr std::size_t kLargePage = std::size_t{1} << 21;

}  // namespace

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, bytes < kLargePage ? kAlignment : kLargePage, bytes) != 0) throw std::bad_alloc();
  // A wish: whether it is granted changes nothing but the time.
  if (bytes >= kLargePage) static_cast<void>(madvise(memory, bytes, MADV_HUGEPAGE));
  return memory;
}

void release(void* memory) { std::free(memory); }

}  // namespace tapeloop
