/* Rate of AND + popcount on this machine, by instruction set.
 *
 * ns per 64-bit word of `sum += popcount(words[i] & fixed)` over an array that stays in
 * the first or second cache level; best of several runs, because noise only adds.
 * Output: one line of JSON per variant and array; sets the machine lacks are left out.
 *
 * gcc -O3 -std=c11 instruction_rate.c -o instruction_rate
 */
#define _POSIX_C_SOURCE 200112L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS 15
#define WORDS_PER_RUN (1 << 25)

#if defined(__x86_64__) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif

typedef uint64_t count_t(const uint64_t *, int, uint64_t);

static uint64_t count_portable(const uint64_t *words, int n, uint64_t fixed)
{
    uint64_t sum = 0;
    int i;
    for (i = 0; i < n; i++) {
        uint64_t x = words[i] & fixed;
        x -= (x >> 1) & 0x5555555555555555ULL;
        x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
        sum += (x * 0x0101010101010101ULL) >> 56;
    }
    return sum;
}

#if X86
__attribute__((target("popcnt"))) static uint64_t
count_popcnt(const uint64_t *words, int n, uint64_t fixed)
{
    /* Four sums: one alone would wait for its own last addition. */
    uint64_t sum[4] = {0, 0, 0, 0};
    int i, k;
    for (i = 0; i < n; i += 4)
        for (k = 0; k < 4; k++)
            sum[k] += (uint64_t)_mm_popcnt_u64(words[i + k] & fixed);
    return sum[0] + sum[1] + sum[2] + sum[3];
}

__attribute__((target("avx2"))) static uint64_t
count_avx2(const uint64_t *words, int n, uint64_t fixed)
{
    const __m256i digits = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15), mine = _mm256_set1_epi64x((int64_t)fixed);
    const __m256i zero = _mm256_setzero_si256();
    __m256i sum[2] = {zero, zero};
    uint64_t out[4];
    int i, k;
    for (i = 0; i < n; i += 8)
        for (k = 0; k < 2; k++) {
            const __m256i x = _mm256_and_si256(
                _mm256_loadu_si256((const __m256i *)(words + i + 4 * k)), mine);
            const __m256i bytes = _mm256_add_epi8(
                _mm256_shuffle_epi8(digits, _mm256_and_si256(x, low)),
                _mm256_shuffle_epi8(digits,
                                    _mm256_and_si256(_mm256_srli_epi16(x, 4), low)));
            /* One sum a word, as a search needs them. */
            sum[k] = _mm256_add_epi64(sum[k], _mm256_sad_epu8(bytes, zero));
        }
    _mm256_storeu_si256((__m256i *)out, _mm256_add_epi64(sum[0], sum[1]));
    return out[0] + out[1] + out[2] + out[3];
}

__attribute__((target("avx512f,avx512vpopcntdq"))) static uint64_t
count_avx512(const uint64_t *words, int n, uint64_t fixed)
{
    const __m512i mine = _mm512_set1_epi64((int64_t)fixed);
    __m512i sum[4];
    int i, k;
    for (k = 0; k < 4; k++)
        sum[k] = _mm512_setzero_si512();
    for (i = 0; i < n; i += 32)
        for (k = 0; k < 4; k++)
            sum[k] = _mm512_add_epi64(
                sum[k], _mm512_popcnt_epi64(_mm512_and_si512(
                            _mm512_loadu_si512(words + i + 8 * k), mine)));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(
        _mm512_add_epi64(sum[0], sum[1]), _mm512_add_epi64(sum[2], sum[3])));
}
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static void measure(const char *name, count_t *count, const char *level,
                    const uint64_t *words, int n)
{
    const int passes = WORDS_PER_RUN / n;
    double best = 0;
    uint64_t check = 0;
    int run, pass;
    for (run = 0; run < RUNS; run++) {
        const double start = now();
        double ns;
        for (pass = 0; pass < passes; pass++)
            check += count(words, n, ~(uint64_t)pass);
        ns = (now() - start) / ((double)passes * n);
        if (run == 0 || ns < best)
            best = ns;
    }
    printf("{\"isa\": \"%s\", \"cache\": \"%s\", \"bytes\": %d, "
           "\"ns_per_word\": %.5f, \"check\": %llu}\n",
           name, level, 8 * n, best, (unsigned long long)check);
    fflush(stdout);
}

int main(void)
{
    /* 16 KB and 512 KB: within the first and second level of today's machines. */
    const int sizes[2] = {1 << 11, 1 << 16};
    const char *const levels[2] = {"L1", "L2"};
    uint64_t *words = malloc(sizeof(uint64_t) << 16), state = 1;
    int i;
    if (!words)
        return 2;
    for (i = 0; i < 1 << 16; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        words[i] = state ^ state >> 31;
    }
    for (i = 0; i < 2; i++) {
        measure("portable", count_portable, levels[i], words, sizes[i]);
#if X86
        if (__builtin_cpu_supports("popcnt"))
            measure("popcnt", count_popcnt, levels[i], words, sizes[i]);
        if (__builtin_cpu_supports("avx2"))
            measure("avx2", count_avx2, levels[i], words, sizes[i]);
        if (__builtin_cpu_supports("avx512f") &&
            __builtin_cpu_supports("avx512vpopcntdq"))
            measure("avx512", count_avx512, levels[i], words, sizes[i]);
#endif
    }
    free(words);
    return 0;
}
