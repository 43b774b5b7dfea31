/* Reorder the rows of row sets, 64 sets and 64 rows at a time.
 *
 * Sets store a bit per row. Transposed, a block of up to 64 sets has one word per
 * row, so a new order is a gather of words between two transposes of bits. */
#ifndef PERSONA_TRANSPOSE_H
#define PERSONA_TRANSPOSE_H

#include <stdint.h>

/* Bit j of word i becomes bit i of word j (Warren, Hacker's Delight, section 7-3). */
static inline void transpose64(uint64_t a[64])
{
    uint64_t mask = 0xffffffffULL;
    int j, k;
    for (j = 32; j; j >>= 1, mask ^= mask << j)
        for (k = 0; k < 64; k = (k + j + 1) & ~j) {
            const uint64_t t = ((a[k] >> j) ^ a[k + j]) & mask;
            a[k] ^= t << j;
            a[k + j] ^= t;
        }
}

/* From n_sets <= 64 sets of n_words words to 64 * n_words words, one per row. */
static inline void sets_to_rows(const uint64_t *bits, int64_t n_words, int n_sets,
                                uint64_t *rows)
{
    int64_t w;
    int i;
    for (w = 0; w < n_words; w++) {
        uint64_t *block = rows + 64 * w;
        for (i = 0; i < n_sets; i++)
            block[i] = bits[i * n_words + w];
        for (; i < 64; i++)
            block[i] = 0;
        transpose64(block);
    }
}

/* Back to sets, with row order[i] as row i; bits beyond n_rows are 0. */
static inline void rows_to_sets(const uint64_t *rows, const int64_t *order,
                                int64_t n_rows, int64_t n_words, int n_sets,
                                uint64_t *bits)
{
    uint64_t block[64];
    int64_t w;
    int i;
    for (w = 0; w < n_words; w++) {
        const int64_t left = n_rows - 64 * w;
        const int here = left >= 64 ? 64 : left > 0 ? (int)left : 0;
        for (i = 0; i < here; i++)
            block[i] = rows[order[64 * w + i]];
        for (; i < 64; i++)
            block[i] = 0;
        transpose64(block);
        for (i = 0; i < n_sets; i++)
            bits[i * n_words + w] = block[i];
    }
}

#endif
