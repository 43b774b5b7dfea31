/* The vector variants of the search's inner loops, and the choice between them. */
#ifndef PERSONA_SIMD_H
#define PERSONA_SIMD_H

#include "tables.h"

/* Row sets of a level are padded to a multiple of this. */
#define MAX_LANES 64

typedef int64_t (*join_t)(const tables_t *, int64_t, const uint8_t *, int64_t, int64_t,
                          int64_t, float, int32_t *, int64_t *);

/* The loops of small levels. */
struct small_loops {
    void (*layout)(tables_t *, const problem_t *, const uint64_t *);
    void (*scans)(tables_t *, const problem_t *);
    void (*slice)(const tables_t *, const uint64_t *, const uint64_t *, int, int64_t,
                  uint8_t *, int64_t);
    void (*threshold)(const tables_t *, double, threshold_t *);
    void (*bounds)(const tables_t *, const uint8_t *, int64_t, int64_t, float *);
    int64_t (*children)(const tables_t *, const threshold_t *, int64_t, const uint8_t *,
                        int64_t, int64_t, int64_t, int32_t *, float *, int64_t *);
    int64_t (*leaves)(const tables_t *, const threshold_t *, int64_t, const uint8_t *,
                      int64_t, int64_t, int64_t, int32_t *, int64_t *);
    int64_t (*pairs)(const tables_t *, const threshold_t *, const uint8_t *, int64_t,
                     int64_t, int64_t *, int32_t *, int64_t *);
};

typedef struct simd {
    join_t children[3], leaves[3];      /* by form */
    join_t wide_leaves;
    /* Quick and loose, and row by row. */
    void (*bounds[2])(const tables_t *, const uint8_t *, int64_t, int64_t, float *);
    void (*slice)(const uint64_t *, const uint64_t *, int, int, int64_t, uint8_t *,
                  int64_t);
    const struct small_loops *small_loops; /* or NULL */
} simd_t;

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SIMD 1
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2,popcnt")
#endif
#define ISA avx2
#define SMALL_LOOPS NULL
#define LANES 32
#define V __m256i
#define M uint32_t
#define F __m256
#define V_ZERO() _mm256_setzero_si256()
#define V_LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define V_STORE(p, x) _mm256_storeu_si256((__m256i *)(p), x)
#define V_SET1_8(x) _mm256_set1_epi8((char)(x))
#define V_SET1_32(x) _mm256_set1_epi32(x)
#define V_AND(a, b) _mm256_and_si256(a, b)
#define V_SRL16(a, n) _mm256_srli_epi16(a, n)
#define V_SLL16(a, n) _mm256_slli_epi16(a, n)
#define V_SRL32(a, n) _mm256_srli_epi32(a, n)
#define V_ADD8(a, b) _mm256_add_epi8(a, b)
#define V_ADDS8(a, b) _mm256_adds_epu8(a, b)
#define V_ADD16(a, b) _mm256_add_epi16(a, b)
#define V_SUB16(a, b) _mm256_sub_epi16(a, b)
#define V_SHUFFLE(table, x) \
    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256( \
        _mm_loadu_si128((const __m128i *)(table))), x)
#define V_POPCNT8(x) avx2_popcnt(x)
#define V_GE8(a, b) \
    ((uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a)))
#define V_TO_F(x) _mm256_cvtepi32_ps(x)
#define M_COUNT(m) __builtin_popcount(m)
#define M_FIRST(m) __builtin_ctz(m)
#define M_JOIN(p) \
    (_pdep_u32(p[0], 0x11111111u) | _pdep_u32(p[1], 0x22222222u) | \
     _pdep_u32(p[2], 0x44444444u) | _pdep_u32(p[3], 0x88888888u))
#define F_SET1(x) _mm256_set1_ps(x)
#define F_ADD(a, b) _mm256_add_ps(a, b)
#define F_SUB(a, b) _mm256_sub_ps(a, b)
#define F_MUL(a, b) _mm256_mul_ps(a, b)
#define F_MAX(a, b) _mm256_max_ps(a, b)
#define F_MIN(a, b) _mm256_min_ps(a, b)
#define F_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define F_FNMA(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define F_RECIPROCAL(x) _mm256_rcp_ps(x)
#define F_GE(a, b) \
    ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NLT_UQ)))
#define F_WHERE_GE(a, b, x) \
    _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_NLT_UQ), x)
#define F_BYTES(p) \
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define F_BIT(p, bit) \
    _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_and_si256( \
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))), \
        _mm256_set1_epi32(1 << (bit))), _mm256_setzero_si256())), _mm256_set1_ps(1))
#define F_STORE(p, x) _mm256_storeu_ps(p, x)
static ALWAYS_INLINE __m256i avx2_popcnt(__m256i x)
{
    const __m256i bits = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i nibble = _mm256_set1_epi8(15);
    return _mm256_add_epi8(
        _mm256_shuffle_epi8(bits, _mm256_and_si256(x, nibble)),
        _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble)));
}
#include "simd_template.h"
#include "simd_undefine.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target( \
        "avx512f,avx512bw,avx512vl,avx512bitalg,avx512vbmi,avx2,fma,bmi,bmi2," \
        "popcnt"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512bitalg,avx512vbmi", \
                   "avx2,fma,bmi,bmi2,popcnt")
#endif
static const struct small_loops small_avx512;
#define ISA avx512
#define SMALL_LOOPS &small_avx512
#define LANES 64
#define V __m512i
#define M uint64_t
#define F __m512
#define V_ZERO() _mm512_setzero_si512()
#define V_LOAD(p) _mm512_loadu_si512((const void *)(p))
#define V_STORE(p, x) _mm512_storeu_si512((void *)(p), x)
#define V_SET1_8(x) _mm512_set1_epi8((char)(x))
#define V_SET1_32(x) _mm512_set1_epi32(x)
#define V_AND(a, b) _mm512_and_si512(a, b)
#define V_SRL16(a, n) _mm512_srli_epi16(a, n)
#define V_SLL16(a, n) _mm512_slli_epi16(a, n)
#define V_SRL32(a, n) _mm512_srli_epi32(a, n)
#define V_ADD8(a, b) _mm512_add_epi8(a, b)
#define V_ADDS8(a, b) _mm512_adds_epu8(a, b)
#define V_ADD16(a, b) _mm512_add_epi16(a, b)
#define V_SUB16(a, b) _mm512_sub_epi16(a, b)
#define V_SHUFFLE(table, x) \
    _mm512_shuffle_epi8(_mm512_broadcast_i32x4( \
        _mm_loadu_si128((const __m128i *)(table))), x)
#define V_POPCNT8(x) _mm512_popcnt_epi8(x)
#define V_GE8(a, b) ((uint64_t)_mm512_cmpge_epu8_mask(a, b))
#define V_TO_F(x) _mm512_cvtepi32_ps(x)
#define M_COUNT(m) __builtin_popcountll(m)
#define M_FIRST(m) __builtin_ctzll(m)
#define M_JOIN(p) \
    (_pdep_u64(p[0], 0x1111111111111111ULL) | \
     _pdep_u64(p[1], 0x2222222222222222ULL) | \
     _pdep_u64(p[2], 0x4444444444444444ULL) | \
     _pdep_u64(p[3], 0x8888888888888888ULL))
#define F_SET1(x) _mm512_set1_ps(x)
#define F_ADD(a, b) _mm512_add_ps(a, b)
#define F_SUB(a, b) _mm512_sub_ps(a, b)
#define F_MUL(a, b) _mm512_mul_ps(a, b)
#define F_MAX(a, b) _mm512_max_ps(a, b)
#define F_MIN(a, b) _mm512_min_ps(a, b)
#define F_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define F_FNMA(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define F_RECIPROCAL(x) _mm512_rcp14_ps(x)
#define F_GE(a, b) ((uint32_t)_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ))
#define F_WHERE_GE(a, b, x) \
    _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ), x)
#define F_BYTES(p) \
    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#define F_BIT(p, bit) \
    _mm512_maskz_mov_ps(_mm_test_epi8_mask(_mm_loadu_si128((const __m128i *)(p)), \
                                           _mm_set1_epi8((char)(1 << (bit)))), \
                        _mm512_set1_ps(1))
#define F_STORE(p, x) _mm512_storeu_ps(p, x)
#include "simd_template.h"
#include "simd_small.h"
#include "simd_undefine.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else
#define HAVE_SIMD 0
#endif

/* NULL for an ISA without vectors. */
static inline const simd_t *find_simd(int isa)
{
#if HAVE_SIMD
    if (isa == ISA_AVX512)
        return &avx512_simd;
    if (isa == ISA_AVX2)
        return &avx2_simd;
#endif
    (void)isa;
    return NULL;
}

#endif
