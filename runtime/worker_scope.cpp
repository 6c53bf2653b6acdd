#include "runtime/worker_scope.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tapeloop {

#if defined(__x86_64__)
WorkerScope::WorkerScope() : saved_control_(_mm_getcsr()) {
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  _mm_setcsr(saved_control_ | kFlushToZero | kDenormalsAreZero);
}

WorkerScope::~WorkerScope() { _mm_setcsr(saved_control_); }
#else
WorkerScope::WorkerScope() = default;
WorkerScope::~WorkerScope() = default;
#endif

}  // namespace tapeloop
