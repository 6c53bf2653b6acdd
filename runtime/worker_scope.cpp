#include "runtime/worker_scope.h"

#ifdef TAPELOOP_ONEDNN
#include <dlfcn.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tapeloop {
namespace {

#ifdef TAPELOOP_ONEDNN
// oneDNN brings an OpenMP runtime along; which one, and with which header, is its own affair.
int openmp_threads() {
  static const auto get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  return get ? get() : 1;
}
void set_openmp_threads(int threads) {
  static const auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set) set(threads);
}
#else
int openmp_threads() { return 1; }
void set_openmp_threads(int) {}
#endif

}  // namespace

WorkerScope::WorkerScope() : saved_threads_(openmp_threads()) {
  if (saved_threads_ != 1) set_openmp_threads(1);
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  saved_control_ = _mm_getcsr();
  _mm_setcsr(saved_control_ | kFlushToZero | kDenormalsAreZero);
#endif
}

WorkerScope::~WorkerScope() {
#if defined(__x86_64__)
  _mm_setcsr(saved_control_);
#endif
  if (saved_threads_ != 1) set_openmp_threads(saved_threads_);
}

}  // namespace tapeloop
