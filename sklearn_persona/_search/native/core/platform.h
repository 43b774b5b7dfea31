/* Compiler differences, in one place: inlining, popcount, bit scans, atomics,
 * instruction sets. */
#ifndef PERSONA_PLATFORM_H
#define PERSONA_PLATFORM_H

#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER)
#include <intrin.h>
#define ALWAYS_INLINE __forceinline
static __forceinline int lowest_bit(uint64_t x)
{
    unsigned long i;
    _BitScanForward64(&i, x);
    return (int)i;
}
static __forceinline int highest_bit(uint64_t x)
{
    unsigned long i;
    _BitScanReverse64(&i, x);
    return (int)i;
}
static __forceinline int popcount64(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return (int)((x * 0x0101010101010101ULL) >> 56);
}
static __forceinline int64_t atomic_next(volatile int64_t *p)
{
    return _InterlockedExchangeAdd64(p, 1);
}
static __forceinline uint64_t atomic_read(volatile uint64_t *p)
{
    return (uint64_t)_InterlockedOr64((volatile __int64 *)p, 0);
}
static __forceinline int atomic_swap_if(volatile uint64_t *p, uint64_t old,
                                        uint64_t new_)
{
    return (uint64_t)_InterlockedCompareExchange64(
               (volatile __int64 *)p, (__int64)new_, (__int64)old) == old;
}
#else
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define lowest_bit(x) __builtin_ctzll(x)
#define highest_bit(x) (63 - __builtin_clzll(x))
#define popcount64(x) __builtin_popcountll(x)
#define atomic_next(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)
#define atomic_read(p) __atomic_load_n((p), __ATOMIC_RELAXED)
static inline int atomic_swap_if(volatile uint64_t *p, uint64_t old, uint64_t new_)
{
    return __atomic_compare_exchange_n(p, &old, new_, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}
#endif

/* Nonnegative doubles have the order of their bit patterns. */
static inline double bits_to_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t double_to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline void atomic_raise(volatile uint64_t *p, double value)
{
    uint64_t bits = double_to_bits(value), seen = atomic_read(p);
    while (seen < bits && !atomic_swap_if(p, seen, bits))
        seen = atomic_read(p);
}

/* x86 with a bit count but no AVX2 (before 2013) takes the portable loops. */
enum { ISA_PORTABLE, ISA_AVX2, ISA_AVX512 };

/* Whether this machine runs an ISA_. */
static inline int has_isa(int isa)
{
    if (isa == ISA_PORTABLE)
        return 1;
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("popcnt") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("avx2") ||
        !__builtin_cpu_supports("fma"))
        return 0;
    return isa == ISA_AVX2 || (__builtin_cpu_supports("avx512f") &&
                               __builtin_cpu_supports("avx512bw") &&
                               __builtin_cpu_supports("avx512vl") &&
                               __builtin_cpu_supports("avx512bitalg") &&
                               __builtin_cpu_supports("avx512vbmi"));
#else
    return 0;
#endif
}

#endif
