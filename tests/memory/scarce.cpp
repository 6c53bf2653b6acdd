#include "tests/memory/scarce.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> call{0};
std::atomic<std::int64_t> failing{0};
std::atomic<std::int64_t> blocks{0};

void* taken(std::size_t size, std::size_t boundary) {
  if (++call == failing) throw std::bad_alloc();
  const std::size_t whole = (size + boundary - 1) / boundary * boundary;
  void* block = boundary <= alignof(std::max_align_t) ? std::malloc(size == 0 ? 1 : size) : std::aligned_alloc(boundary, whole);
  if (block == nullptr) throw std::bad_alloc();
  ++blocks;
  return block;
}

void* taken_or_null(std::size_t size) noexcept {
  try {
    return taken(size, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void given_back(void* block) noexcept {
  if (block != nullptr) --blocks;
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return taken(size, 1); }
void* operator new[](std::size_t size) { return taken(size, 1); }
void* operator new(std::size_t size, std::align_val_t boundary) { return taken(size, static_cast<std::size_t>(boundary)); }
void* operator new[](std::size_t size, std::align_val_t boundary) { return taken(size, static_cast<std::size_t>(boundary)); }
// A sanitizer has its own of those that do not throw.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return taken_or_null(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return taken_or_null(size); }
void operator delete(void* block) noexcept { given_back(block); }
void operator delete[](void* block) noexcept { given_back(block); }
void operator delete(void* block, std::size_t) noexcept { given_back(block); }
void operator delete[](void* block, std::size_t) noexcept { given_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { given_back(block); }
void operator delete[](void* block, std::align_val_t) noexcept { given_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { given_back(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { given_back(block); }

namespace tapeloop::scarce {

void fail_at(std::int64_t next) {
  call = 0;
  failing = next;
}
std::int64_t calls() { return call; }
std::int64_t live() { return blocks; }

}  // namespace tapeloop::scarce
