#include "tests/training/allocations.h"

#include <cstdlib>

namespace {

thread_local bool counting = false;
thread_local std::int64_t counted = 0;

[[maybe_unused]] void note() { counted += counting; }

}  // namespace

// glibc lets a program put its own functions in the place of these; new, and every library, ends up here.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define TAPELOOP_COUNTS_ALLOCATIONS 1
#else
#define TAPELOOP_COUNTS_ALLOCATIONS 0
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef TAPELOOP_COUNTS_ALLOCATIONS
#define TAPELOOP_COUNTS_ALLOCATIONS 0
#endif
#endif

#if TAPELOOP_COUNTS_ALLOCATIONS
extern "C" {
void* __libc_malloc(std::size_t size);                       // NOLINT(bugprone-reserved-identifier): glibc's name
void* __libc_calloc(std::size_t count, std::size_t size);    // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t size);         // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t align, std::size_t size);  // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) noexcept {
  note();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  note();
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) noexcept {
  note();
  return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t align, std::size_t size) noexcept {
  note();
  return __libc_memalign(align, size);
}
int posix_memalign(void** block, std::size_t align, std::size_t size) noexcept {
  note();
  *block = __libc_memalign(align, size);
  return *block == nullptr ? 12 : 0;  // ENOMEM
}
}
#endif

namespace tapeloop {

AllocationCount::AllocationCount() {
  counted = 0;
  counting = true;
}
AllocationCount::~AllocationCount() { counting = false; }
std::int64_t AllocationCount::count() const { return counted; }
bool AllocationCount::works() { return TAPELOOP_COUNTS_ALLOCATIONS == 1; }

}  // namespace tapeloop
