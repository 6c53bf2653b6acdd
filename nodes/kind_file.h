// What a file of nodes/kinds includes. Such a file is read in two ways, so it has no include guard:
//   as a record   TAPELOOP_RECORDS is defined; everything counts, bodies become the plain scalar functions of the reference
//   as a body     once for every instruction set, within Highway's unit; the record is left out by #ifdef TAPELOOP_RECORDS
//
//   TAPELOOP_POINT(tanh, 1) { return Tanh(x0); }      one body for Highway's vectors, double and complex<double>; T is the type,
//                                                     x0, x1 .. the operands; the functions are those of nodes/scalar_math.h
//   TAPELOOP_KIND(tanh) { kind.doc = ...; }           fills the record; name and kernel are there already
#pragma once

#ifdef TAPELOOP_BODIES

#define TAPELOOP_NAMESPACE HWY_NAMESPACE
#define TAPELOOP_BODY HWY_INLINE

#else

#define TAPELOOP_RECORDS
#define TAPELOOP_NAMESPACE kinds
#define TAPELOOP_BODY inline
#include "nodes/record.h"
#include "nodes/scalar_math.h"
#define TAPELOOP_KIND(name) inline void describe_##name([[maybe_unused]] NodeKind& kind)

#endif

#define TAPELOOP_POINT(name, arity) TAPELOOP_POINT_##arity(name)

#define TAPELOOP_POINT_1(name)               \
  template <class T>                         \
  TAPELOOP_BODY T name##_body(const T& x0);  \
  struct name##_point {                      \
    static constexpr int arity = 1;          \
    template <class T>                       \
    static TAPELOOP_BODY T run(const T* x) { \
      return name##_body(x[0]);              \
    }                                        \
  };                                         \
  template <class T>                         \
  TAPELOOP_BODY T name##_body([[maybe_unused]] const T& x0)

#define TAPELOOP_POINT_2(name)                           \
  template <class T>                                     \
  TAPELOOP_BODY T name##_body(const T& x0, const T& x1); \
  struct name##_point {                                  \
    static constexpr int arity = 2;                      \
    template <class T>                                   \
    static TAPELOOP_BODY T run(const T* x) {             \
      return name##_body(x[0], x[1]);                    \
    }                                                    \
  };                                                     \
  template <class T>                                     \
  TAPELOOP_BODY T name##_body([[maybe_unused]] const T& x0, [[maybe_unused]] const T& x1)

#define TAPELOOP_POINT_3(name)                                        \
  template <class T>                                                  \
  TAPELOOP_BODY T name##_body(const T& x0, const T& x1, const T& x2); \
  struct name##_point {                                               \
    static constexpr int arity = 3;                                   \
    template <class T>                                                \
    static TAPELOOP_BODY T run(const T* x) {                          \
      return name##_body(x[0], x[1], x[2]);                           \
    }                                                                 \
  };                                                                  \
  template <class T>                                                  \
  TAPELOOP_BODY T name##_body([[maybe_unused]] const T& x0, [[maybe_unused]] const T& x1, [[maybe_unused]] const T& x2)
