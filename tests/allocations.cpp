#include "tests/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/sanitized.h"

// glibc lets a program put its own functions in the place of malloc and its kin; every library ends up in them.
#if defined(__GLIBC__) && !defined(TAPELOOP_SANITIZED)
#define TAPELOOP_COUNTS_ALLOCATIONS
#endif

namespace {

std::atomic<std::int64_t> news_count{0};
std::atomic<std::int64_t> mallocs_count{0};

}  // namespace

#if defined(TAPELOOP_COUNTS_ALLOCATIONS)

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t align, std::size_t size);

void* malloc(std::size_t size) noexcept {
  ++mallocs_count;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  ++mallocs_count;
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) noexcept {
  ++mallocs_count;
  return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t align, std::size_t size) noexcept {
  ++mallocs_count;
  return __libc_memalign(align, size);
}
int posix_memalign(void** block, std::size_t align, std::size_t size) noexcept {
  ++mallocs_count;
  *block = __libc_memalign(align, size);
  return *block == nullptr ? 12 : 0;  // ENOMEM
}
}

namespace {

void* new_memory(void* memory) {
  ++news_count;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* new_memory(std::size_t size) { return new_memory(std::malloc(size == 0 ? 1 : size)); }

void* new_memory(std::size_t size, std::align_val_t alignment) {
  const auto boundary = static_cast<std::size_t>(alignment);
  return new_memory(std::aligned_alloc(boundary, (size + boundary - 1) / boundary * boundary));
}

}  // namespace

void* operator new(std::size_t size) { return new_memory(size); }
void* operator new[](std::size_t size) { return new_memory(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return new_memory(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return new_memory(size, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif

namespace tapeloop {

AllocationCount::AllocationCount() : news_before_(news_count), all_before_(mallocs_count) {}
std::int64_t AllocationCount::news() const { return news_count - news_before_; }
std::int64_t AllocationCount::all() const { return mallocs_count - all_before_; }

bool AllocationCount::works() {
#if defined(TAPELOOP_COUNTS_ALLOCATIONS)
  return true;
#else
  return false;
#endif
}

}  // namespace tapeloop
