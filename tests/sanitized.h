// Whether the tests run under the address or the thread sanitizer, which take many times the time and memory and have allocators of
// their own: TAPELOOP_SANITIZED for the preprocessor, is_sanitized() for the rest.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAPELOOP_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TAPELOOP_SANITIZED
#endif
#endif

namespace tapeloop {

constexpr bool is_sanitized() {
#if defined(TAPELOOP_SANITIZED)
  return true;
#else
  return false;
#endif
}

}  // namespace tapeloop
