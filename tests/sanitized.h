// Whether the tests run under the address sanitizer, which takes many times the time and memory and has an allocator of its own.
#pragma once

namespace tapeloop {

constexpr bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return true;
#else
  return false;
#endif
#else
  return false;
#endif
}

}  // namespace tapeloop
