/* Levels over a universe of at most 63 rows, with AVX-512: 64 row sets at once.
 *
 * A slice is a group of six rows of an arm, and one byte permutation adds up their
 * outcomes. All arithmetic is integer and rounded outwards, so that skipped row
 * sets are below the threshold; the rest is evaluated exactly. Included by simd.h.
 *
 * Values, w = n: of (x0/n0 - x1/n1)^2 >= T/n0 + T/n1 follows
 *     x0/n0 - x1/n1 >= k/sqrt(n0) + k/sqrt(n1), k = sqrt(T/2), and hence
 *     (x0 - k sqrt(n0)) n1 >= (x1 + k sqrt(n1)) n0,
 * which is nearly equivalent unless one arm is much larger. The roots are looked up by
 * count, the sums by rows. TOTAL: x0 + x1 >= sqrt(T w). Otherwise in floats.
 */
#ifndef PERSONA_SIMD_SMALL_H
#define PERSONA_SIMD_SMALL_H

#include "simd_small_tables.h"

#define ODD_LANES 0xaaaaaaaaaaaaaaaaULL
#define EVEN_LANES 0x5555555555555555ULL
#define MOST_PAIRS (1 << 20)            /* evaluated between two pauses */

typedef struct {
    __m512i n, even, odd;               /* counts; sums of the even and odd row sets */
} small_cells_t;

/* Row sets to be joined with `mine`, those in the lanes `others` with `other`. */
typedef struct {
    const uint8_t *slices;
    int64_t stride;
    const uint32_t *mine, *other;       /* their bytes, fourfold; other may be NULL */
    __mmask64 others;
} small_join_t;

/* Counts and sums of an arm; the limit of the count is added to them. */
static ALWAYS_INLINE small_cells_t small_cells(const small_table_t *table, int arm,
                                               small_join_t join, int start,
                                               const uint8_t *limit)
{
    small_cells_t cells;
    __m512i n = _mm512_setzero_si512(), high = _mm512_set1_epi16((short)start);
    __m512i all = _mm512_set1_epi16((short)(start * 257)), t;
    int g;
    for (g = table->first[arm]; g < table->first[arm + 1]; g++) {
        __m512i x = _mm512_set1_epi32((int)join.mine[g]);
        if (join.other)
            x = _mm512_mask_mov_epi8(x, join.others,
                                     _mm512_set1_epi32((int)join.other[g]));
        x = _mm512_and_si512(x, _mm512_loadu_si512(join.slices + g * join.stride));
        t = _mm512_permutexvar_epi8(x, _mm512_loadu_si512(table->sum[g]));
        n = _mm512_add_epi8(n, _mm512_popcnt_epi8(x));
        all = _mm512_add_epi16(all, t);
        high = _mm512_add_epi16(high, _mm512_srli_epi16(t, 8));
    }
    if (limit) {
        t = _mm512_permutexvar_epi8(n, _mm512_loadu_si512(limit));
        all = _mm512_add_epi16(all, t);
        high = _mm512_add_epi16(high, _mm512_srli_epi16(t, 8));
    }
    cells.n = n;
    cells.even = _mm512_sub_epi16(all, _mm512_slli_epi16(high, 8));
    cells.odd = high;
    return cells;
}

static ALWAYS_INLINE __m512 small_floats(small_cells_t cells, int group, float step)
{
    const __m512i x = group % 2 ? cells.odd : cells.even;
    return _mm512_mul_ps(
        _mm512_cvtepi32_ps(_mm512_srai_epi32(
            group < 2 ? _mm512_slli_epi32(x, 16) : x, 16)), _mm512_set1_ps(step));
}

/* The row sets that may reach the threshold joined with mine; fits keeps those that are
 * large enough. */
static ALWAYS_INLINE uint64_t small_form(const tables_t *tables,
                                         const threshold_t *threshold, int form,
                                         small_join_t join, int leaves,
                                         uint64_t *fits)
{
    const small_table_t *table = &tables->small_table;
    const int *start = form == BY_FLOATS ? table->start : threshold->start;
    const small_cells_t one = small_cells(
        table, 0, join, start[0], form == BY_ROOTS ? threshold->limit[0] : NULL);
    const small_cells_t two = small_cells(
        table, 1, join, start[1], form == BY_ROOTS ? threshold->limit[1] : NULL);
    const __m512i n = _mm512_add_epi8(one.n, two.n), low = _mm512_set1_epi16(255);
    uint32_t even, odd;
    *fits &= _mm512_cmpge_epu8_mask(one.n, _mm512_set1_epi8((char)tables->least[0])) &
             _mm512_cmpge_epu8_mask(two.n, _mm512_set1_epi8((char)tables->least[1])) &
             _mm512_cmpge_epu8_mask(n, _mm512_set1_epi8((char)tables->least_members));
    if (leaves)
        *fits &=
            _mm512_cmple_epu8_mask(one.n, _mm512_set1_epi8((char)tables->most[0])) &
            _mm512_cmple_epu8_mask(two.n, _mm512_set1_epi8((char)tables->most[1]));
    if (form == BY_FLOATS) {
        const __m512 least = _mm512_set1_ps((float)threshold->value);
        uint32_t part[4];
        int i;
        for (i = 0; i < 4; i++)
            part[i] = avx512_may_reach(tables, tables->form, avx512_counts_of(one.n, i),
                                       avx512_counts_of(two.n, i),
                                       small_floats(one, i, tables->step[0]),
                                       small_floats(two, i, tables->step[1]), least);
        return M_JOIN(part) & *fits;
    }
    if (form == BY_TOTAL) {
        const __m512i t =
            _mm512_permutexvar_epi8(n, _mm512_loadu_si512(threshold->limit[0]));
        even = (uint32_t)~_mm512_movepi16_mask(_mm512_add_epi16(
            _mm512_add_epi16(one.even, two.even), _mm512_and_si512(t, low)));
        odd = (uint32_t)~_mm512_movepi16_mask(_mm512_add_epi16(
            _mm512_add_epi16(one.odd, two.odd), _mm512_srli_epi16(t, 8)));
    } else {
        even = _mm512_cmpge_epi16_mask(
            _mm512_mullo_epi16(one.even, _mm512_and_si512(two.n, low)),
            _mm512_mullo_epi16(two.even, _mm512_and_si512(one.n, low)));
        odd = _mm512_cmpge_epi16_mask(
            _mm512_mullo_epi16(one.odd, _mm512_srli_epi16(two.n, 8)),
            _mm512_mullo_epi16(two.odd, _mm512_srli_epi16(one.n, 8)));
    }
    return (_pdep_u64(even, EVEN_LANES) | _pdep_u64(odd, ODD_LANES)) & *fits;
}

static ALWAYS_INLINE __m512i small_share(__m512i k, const int16_t *share, int few)
{
    const __m512i low = _mm512_loadu_si512(share);
    return few ? _mm512_permutexvar_epi16(k, low)
               : _mm512_permutex2var_epi16(low, k, _mm512_loadu_si512(share + 32));
}

/* Upper bounds of the row sets that fit, joined with mine, in the order of
 * small_place. Rows are the ones of mine, by scan; in halves, even and odd. */
static ALWAYS_INLINE void small_bound(const tables_t *tables, int n_centers, int few,
                                      const small_row_t *const *rows,
                                      const int *n_rows, const uint8_t *slices,
                                      int64_t stride, uint64_t fits, float *out)
{
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi16(1);
    const __m512 unit = _mm512_set1_ps(tables->small_table.unit);
    const __mmask32 fit[2] = {(uint32_t)_pext_u64(fits, EVEN_LANES),
                              (uint32_t)_pext_u64(fits, ODD_LANES)};
    __m512i best[2][2][TABLE_CENTERS];  /* arm, half */
    int s, i, c, h;
    for (c = 0; c < n_centers; c++)
        best[0][0][c] = best[0][1][c] = best[1][0][c] = best[1][1][c] = zero;
    for (s = 0; s < tables->n_scans; s++) {
        const int arm = tables->scan[s].arm;
        const __m512i least = _mm512_set1_epi16((short)tables->least[arm]);
        const int16_t *share = tables->small_table.share[arm];
        __m512i k[2] = {zero, zero}, u[2][TABLE_CENTERS], top[2][TABLE_CENTERS];
        for (c = 0; c < n_centers; c++) {
            u[0][c] = u[1][c] = zero;
            top[0][c] = best[arm][0][c];
            top[1][c] = best[arm][1][c];
        }
        for (i = 0; i < n_rows[s]; i++) {
            const small_row_t *row = rows[i];
            const __m512i x = _mm512_loadu_si512(slices + row->group * stride);
            const __mmask32 in[2] = {
                _mm512_test_epi16_mask(x, _mm512_set1_epi32((int)row->tests[0])),
                _mm512_test_epi16_mask(x, _mm512_set1_epi32((int)row->tests[1]))};
            /* Further rows only help row sets that are too small without them. */
            if (!row->helps &&
                !(_mm512_mask_cmplt_epi16_mask(fit[0], k[0], least) |
                  _mm512_mask_cmplt_epi16_mask(fit[1], k[1], least)))
                break;
            for (h = 0; h < 2; h++) {
                __m512i f;
                k[h] = _mm512_mask_add_epi16(k[h], in[h], k[h], one);
                f = small_share(k[h], share, few);
                for (c = 0; c < n_centers; c++) {
                    u[h][c] = _mm512_mask_add_epi16(
                        u[h][c], in[h], u[h][c], _mm512_set1_epi32((int)row->gain[c]));
                    top[h][c] = _mm512_max_epi16(top[h][c],
                                                 _mm512_mulhi_epi16(u[h][c], f));
                }
            }
        }
        rows += n_rows[s];
        for (c = 0; c < n_centers; c++) {
            best[arm][0][c] = top[0][c];
            best[arm][1][c] = top[1][c];
        }
    }
    for (h = 0; h < 2; h++) {
        __m512i low = zero, high = zero;
        for (c = 0; c < n_centers; c++) {
            /* One more: products were rounded down. */
            const __m512i a = _mm512_add_epi16(best[0][h][c], one);
            const int two = tables->small_table.first[2] > tables->small_table.first[1];
            const __m512i b = two ? _mm512_add_epi16(best[1][h][c], one) : zero;
            const __m512i p = _mm512_or_si512(
                _mm512_and_si512(a, _mm512_set1_epi32(65535)),
                _mm512_slli_epi32(b, 16));
            const __m512i q =
                _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_srli_epi32(a, 16), b);
            const __m512i sum_p = _mm512_madd_epi16(p, p);
            const __m512i sum_q = _mm512_madd_epi16(q, q);
            low = c ? _mm512_min_epi32(low, sum_p) : sum_p;
            high = c ? _mm512_min_epi32(high, sum_q) : sum_q;
        }
        _mm512_storeu_ps(out + 16 * h, _mm512_mul_ps(_mm512_cvtepi32_ps(low), unit));
        _mm512_storeu_ps(out + 32 + 16 * h,
                         _mm512_mul_ps(_mm512_cvtepi32_ps(high), unit));
    }
}

/* Position of the bound of row set i in the output of small_bound. */
#define small_place(i) ((i) % 4 * 16 + (i) / 4)

/* The rows of mine that the scans visit. */
static inline void small_choose(const tables_t *tables, const uint32_t *mine,
                                const small_row_t **rows, int *n_rows)
{
    int s, i;
    for (s = 0; s < tables->n_scans; s++) {
        const scan_t *scan = tables->scan + s;
        const small_row_t *row = tables->small_table.rows[s];
        n_rows[s] = 0;
        for (i = scan->rows[0]; i < scan->rows[1]; i++, row++)
            if (mine[row->group] & row->bit) {
                *rows++ = row;
                n_rows[s]++;
            }
    }
}

static ALWAYS_INLINE void small_any_bound(const tables_t *tables,
                                          const small_row_t *const *rows,
                                          const int *n_rows, const uint8_t *slices,
                                          int64_t stride, uint64_t fits, float *out)
{
    const int few = tables->end[0] < 32 && tables->end[1] - tables->start[1] < 32;
    if (tables->n_centers == 1)
        small_bound(tables, 1, 0, rows, n_rows, slices, stride, fits, out);
    else if (few)
        small_bound(tables, TABLE_CENTERS, 1, rows, n_rows, slices, stride, fits, out);
    else
        small_bound(tables, TABLE_CENTERS, 0, rows, n_rows, slices, stride, fits, out);
}

/* Upper bounds of n row sets. */
static void small_bounds(const tables_t *tables, const uint8_t *slices, int64_t stride,
                         int64_t n, float *out)
{
    const small_row_t *rows[4 * SMALL_ROWS];
    uint32_t mine[MAX_GROUPS];
    float bounds[64];
    int n_rows[4], i;
    int64_t j;
    memset(mine, 255, sizeof mine);
    small_choose(tables, mine, rows, n_rows);
    for (j = 0; j < n; j += 64) {
        small_any_bound(tables, rows, n_rows, slices + j, stride, ~0ULL, bounds);
        for (i = 0; i < 64 && j + i < n; i++)
            out[j + i] = bounds[small_place(i)];
    }
}

static ALWAYS_INLINE uint64_t small_values(const tables_t *tables,
                                           const threshold_t *threshold,
                                           small_join_t join, int leaves,
                                           uint64_t *fits)
{
    if (tables->small_table.form == BY_ROOTS)
        return small_form(tables, threshold, BY_ROOTS, join, leaves, fits);
    if (tables->small_table.form == BY_TOTAL)
        return small_form(tables, threshold, BY_TOTAL, join, leaves, fits);
    return small_form(tables, threshold, BY_FLOATS, join, leaves, fits);
}

/* Row set i in every lane. */
static ALWAYS_INLINE void small_spread(const tables_t *tables, const uint8_t *slices,
                                       int64_t stride, int64_t i, uint32_t *out)
{
    int g;
    for (g = 0; g < tables->small_table.first[2]; g++)
        out[g] = 0x01010101u * slices[g * stride + i];
}

/* Row sets from..to joined with row set mine: those whose value or bound may reach the
 * threshold, see PICK, and the bounds. */
static int64_t small_children(const tables_t *tables, const threshold_t *threshold,
                              int64_t mine, const uint8_t *slices, int64_t stride,
                              int64_t from, int64_t to, int32_t *out, float *bounds,
                              int64_t *seen)
{
    const float least = (float)threshold->value;
    const small_row_t *rows[4 * SMALL_ROWS];
    uint32_t bytes[MAX_GROUPS];
    int n_rows[4], g;
    int64_t j, n = 0;
    small_spread(tables, slices, stride, mine, bytes);
    small_choose(tables, bytes, rows, n_rows);
    for (j = from; j < to; j += 64) {
        uint64_t fits = to - j < 64 ? (1ULL << (to - j)) - 1 : ~0ULL, reaches;
        float all[64];
        uint32_t part[4];
        const small_join_t join = {slices + j, stride, bytes, NULL, 0};
        reaches = small_values(tables, threshold, join, 0, &fits);
        if (!fits)
            continue;
        *seen += M_COUNT(fits);
        small_any_bound(tables, rows, n_rows, slices + j, stride, fits, all);
        for (g = 0; g < 4; g++)
            part[g] = F_GE(_mm512_loadu_ps(all + 16 * g), F_SET1(least));
        fits &= M_JOIN(part) | reaches;
        for (; fits; fits &= fits - 1) {
            const int i = M_FIRST(fits);
            const float bound = all[small_place(i)];
            bounds[n] = bound;
            out[n++] = PICK(j + i, (int32_t)(reaches >> i & 1), bound >= least);
        }
    }
    return n;
}

/* All pairs of `size` <= 64 row sets, two of which share a vector. Each is joined with
 * the half of them that follows it, in a circle: with the circle written twice, the
 * partners of i are the lanes from i + 1 on, then come those of i + half. */
static int64_t small_block(const tables_t *tables, const threshold_t *threshold,
                           const uint8_t *slices, int64_t stride, int64_t from,
                           int size, int32_t *out, int64_t n, int64_t *seen)
{
    const int half = size / 2;
    const uint64_t near = (1ULL << half) - 1;
    uint8_t twice[MAX_GROUPS][128];
    uint32_t mine[MAX_GROUPS], other[MAX_GROUPS];
    int g, i;
    for (g = 0; g < tables->small_table.first[2]; g++) {
        const __m512i x = _mm512_loadu_si512(slices + g * stride + from);
        _mm512_storeu_si512(twice[g], x);
        _mm512_mask_storeu_epi8(twice[g] + size, (2ULL << (size - 1)) - 1, x);
    }
    for (i = 0; i < half + size % 2; i++) {
        /* If the number is odd, one is left over; if even, opposites come twice. */
        const int at = i < half ? i : size - 1;
        const small_join_t join = {twice[0] + at + 1, 128, mine, other, ~near};
        uint64_t fits = i < half ? (1ULL << (size - 1)) - 1 : near, reaches;
        small_spread(tables, twice[0], 128, at, mine);
        small_spread(tables, twice[0], 128, i + half, other);
        reaches = small_values(tables, threshold, join, 1, &fits);
        *seen += M_COUNT(fits);
        for (; reaches; reaches &= reaches - 1, n++) {
            const int lane = M_FIRST(reaches);
            out[2 * n] = (int32_t)(from + (lane < half ? at : i + half));
            out[2 * n + 1] = (int32_t)(from + (at + 1 + lane) % size);
        }
    }
    return n;
}

/* Row set `mine` joined with from..to: those whose value may reach the threshold. */
static int64_t small_leaves(const tables_t *tables, const threshold_t *threshold,
                            int64_t mine, const uint8_t *slices, int64_t stride,
                            int64_t from, int64_t to, int32_t *out, int64_t *seen)
{
    uint32_t bytes[MAX_GROUPS];
    int64_t j, n = 0;
    small_spread(tables, slices, stride, mine, bytes);
    for (j = from; j < to; j += 64) {
        const small_join_t join = {slices + j, stride, bytes, NULL, 0};
        uint64_t fits = to - j < 64 ? (1ULL << (to - j)) - 1 : ~0ULL;
        uint64_t reaches = small_values(tables, threshold, join, 1, &fits);
        *seen += M_COUNT(fits);
        for (; reaches; reaches &= reaches - 1)
            out[n++] = (int32_t)(j + M_FIRST(reaches));
    }
    return n;
}

/* Pairs (i, j) of row sets whose value may reach the threshold: from the pair that `at`
 * holds, until there is no more room. */
static int64_t small_pairs(const tables_t *tables, const threshold_t *threshold,
                           const uint8_t *slices, int64_t stride, int64_t n_sets,
                           int64_t *at, int32_t *out, int64_t *seen)
{
    uint32_t bytes[MAX_GROUPS];
    int64_t i, j = at[1], n = 0, before = *seen;
    for (i = at[0]; i < n_sets && *seen - before < MOST_PAIRS; i++, j = 0) {
        const int64_t to = i / 64 * 64;
        if (i == to && !j) {
            if (n + 34 * 64 > PAIRS)
                break;
            n = small_block(tables, threshold, slices, stride, i,
                            n_sets - i < 64 ? (int)(n_sets - i) : 64, out, n, seen);
        }
        if (!to)
            continue;
        small_spread(tables, slices, stride, i, bytes);
        for (; j < to && n + 64 <= PAIRS; j += 64) {
            const small_join_t join = {slices + j, stride, bytes, NULL, 0};
            uint64_t fits = ~0ULL, reaches;
            reaches = small_values(tables, threshold, join, 1, &fits);
            *seen += M_COUNT(fits);
            for (; reaches; reaches &= reaches - 1, n++) {
                out[2 * n] = (int32_t)i;
                out[2 * n + 1] = (int32_t)(j + M_FIRST(reaches));
            }
        }
        if (j < to)
            break;
    }
    at[0] = i;
    at[1] = j;
    return n;
}

static const struct small_loops small_avx512 = {
    small_layout, small_scans, small_slice, small_threshold,
    small_bounds, small_children, small_leaves, small_pairs,
};

#endif
