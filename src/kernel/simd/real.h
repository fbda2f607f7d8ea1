/* real.h: the dtype a kernel is compiled for, chosen by -DSJ_REAL_f32 or -DSJ_REAL_f64. Below every kernel file. */
#ifndef SJ_KERNEL_REAL_H
#define SJ_KERNEL_REAL_H

#include <softjac.h>

#include <stdint.h>

#if defined(SJ_REAL_f32)
typedef float real;
typedef double real_other;
typedef uint32_t real_bits;
typedef int32_t real_int;
#define SJ_REAL f32
#define REAL_DTYPE SJ_F32
#define SUM_LANES 16     /* partial sums of a row, the same in every set */
#define REAL_MANTISSA 23 /* explicit bits */
#define REAL_BIAS 127
#define REAL_LARGEST 0x1.fffffep127f
#define REAL_LEAST_NORMAL 0x1p-126f
#elif defined(SJ_REAL_f64)
typedef double real;
typedef float real_other;
typedef uint64_t real_bits;
typedef int64_t real_int;
#define SJ_REAL f64
#define REAL_DTYPE SJ_F64
#define SUM_LANES 8
#define REAL_MANTISSA 52
#define REAL_BIAS 1023
#define REAL_LARGEST 0x1.fffffffffffffp1023
#define REAL_LEAST_NORMAL 0x1p-1022
#else
#error "compile with -DSJ_REAL_f32 or -DSJ_REAL_f64"
#endif

#define REAL(x) ((real)(x))

/* Vectors must not travel through memory between functions: the vocabulary and what is built of it is inlined always.
 */
#if defined(__GNUC__)
#define V_INLINE static inline __attribute__((always_inline))
#define V_OUTLINE static __attribute__((noinline)) /* rare, and a burden on the frame of its caller */
#else
#define V_INLINE static inline
#define V_OUTLINE static
#endif

#endif
