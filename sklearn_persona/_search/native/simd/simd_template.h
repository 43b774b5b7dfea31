/* Many row sets at once, for one ISA. Included by simd.h, which defines
 *     ISA, V (vector of LANES bytes), F (vector of LANES / 4 floats),
 *     V_* and F_* (operations), M (bit mask of a byte comparison).
 */

#define JOIN_(isa, name) isa##_##name
#define JOIN(isa, name) JOIN_(isa, name)
#define FN(name) JOIN(ISA, name)
#define QUARTER (LANES / 4)

/* Byte-slice n row sets, of the rows of the universe only. */
static void FN(slice)(const uint64_t *universe, const uint64_t *extents, int n_words,
                      int n_bytes, int64_t n, uint8_t *slices, int64_t stride)
{
    int64_t j;
    int w, b, i;
    for (j = 0; j < n; j += 8) {
        const int more = n - j < 8 ? (int)(n - j) : 8;
        uint64_t x[MAX_SLICES / 8 + 2][8];
        int filled = 0;
        memset(x, 0, (size_t)(n_bytes / 8 + 2) * sizeof x[0]);
        for (w = 0; w < n_words; w++) {
            const int size = popcount64(universe[w]), at = filled / 64;
            const int shift = filled % 64;
            if (!size)
                continue;
            for (i = 0; i < more; i++) {
                const uint64_t bits = _pext_u64(extents[(j + i) * n_words + w],
                                                universe[w]);
                x[at][i] |= bits << shift;
                if (shift + size > 64)
                    x[at + 1][i] = bits >> (64 - shift);
            }
            filled += size;
        }
        for (w = 0; 8 * w < n_bytes; w++) {
            transpose_bytes(x[w]);
            for (b = 0; b < 8 && 8 * w + b < n_bytes; b++)
                memcpy(slices + (8 * w + b) * stride + j, x[w] + b, 8);
        }
    }
}

/* Counts (bytes) and sums (16 bits, even and odd row sets) of an arm. */
static ALWAYS_INLINE void FN(sums)(const tables_t *tables, int arm, const uint8_t *mine,
                                   const uint8_t *slices, int64_t stride, V *count,
                                   V *even, V *odd)
{
    const V nibble = V_SET1_8(15);
    V n = V_ZERO(), all = V_ZERO(), high = V_ZERO();
    int b;
    for (b = tables->first[arm]; b < tables->last[arm]; b++) {
        const V x = V_AND(V_LOAD(slices + b * stride),
                          V_SET1_8(mine[b] & tables->mask[arm][b]));
        const V low = V_SHUFFLE(tables->sum[arm][b][0], V_AND(x, nibble));
        const V top = V_SHUFFLE(tables->sum[arm][b][1], V_AND(V_SRL16(x, 4), nibble));
        n = V_ADD8(n, V_POPCNT8(x));
        /* High bytes are added too and subtracted below, which saves masks. */
        all = V_ADD16(V_ADD16(all, low), top);
        high = V_ADD16(V_ADD16(high, V_SRL16(low, 8)), V_SRL16(top, 8));
    }
    *count = n;
    *even = V_SUB16(all, V_SLL16(high, 8));
    *odd = high;
}

/* As sums, with counts of 16 bits. */
static ALWAYS_INLINE void FN(wide_sums)(const tables_t *tables, int arm,
                                        const uint8_t *mine, const uint8_t *slices,
                                        int64_t stride, V count[2], V sum[2])
{
    const V nibble = V_SET1_8(15);
    V counts = V_ZERO(), counts_high = V_ZERO(), all = V_ZERO(), high = V_ZERO();
    int b, next;
    for (b = tables->first[arm]; b < tables->last[arm]; b = next) {
        V n = V_ZERO();
        for (next = b; next < tables->last[arm] && next < b + 31; next++) {
            const V x = V_AND(V_LOAD(slices + next * stride),
                              V_SET1_8(mine[next] & tables->mask[arm][next]));
            const V low = V_SHUFFLE(tables->sum[arm][next][0], V_AND(x, nibble));
            const V top = V_SHUFFLE(tables->sum[arm][next][1],
                                    V_AND(V_SRL16(x, 4), nibble));
            n = V_ADD8(n, V_POPCNT8(x));
            all = V_ADD16(V_ADD16(all, low), top);
            high = V_ADD16(V_ADD16(high, V_SRL16(low, 8)), V_SRL16(top, 8));
        }
        counts = V_ADD16(counts, n);
        counts_high = V_ADD16(counts_high, V_SRL16(n, 8));
    }
    count[0] = V_SUB16(counts, V_SLL16(counts_high, 8));
    count[1] = counts_high;
    sum[0] = V_SUB16(all, V_SLL16(high, 8));
    sum[1] = high;
}

/* Row sets 4 l + group as floats. */
static ALWAYS_INLINE F FN(counts_of)(V count, int group)
{
    const V byte = V_SET1_32(255);
    return V_TO_F(group == 0   ? V_AND(count, byte)
                  : group == 1 ? V_AND(V_SRL32(count, 8), byte)
                  : group == 2 ? V_AND(V_SRL32(count, 16), byte)
                               : V_SRL32(count, 24));
}

/* The same from 16 bits. */
static ALWAYS_INLINE F FN(halves_of)(V even, V odd, int group)
{
    const V x = group % 2 ? odd : even;
    return V_TO_F(group < 2 ? V_AND(x, V_SET1_32(65535)) : V_SRL32(x, 16));
}

/* Their x = s + gamma n. */
static ALWAYS_INLINE F FN(sums_of)(const tables_t *tables, int arm, V even, V odd, F n,
                                   int group)
{
    return F_FMA(FN(halves_of)(even, odd, group), F_SET1(tables->step[arm]),
                 F_MUL(n, F_SET1(tables->gamma[arm])));
}

static ALWAYS_INLINE F FN(absolute)(F x)
{
    return F_MAX(x, F_SUB(F_SET1(0), x));
}

/* The row sets of the group that may reach the threshold joined with mine. */
static ALWAYS_INLINE uint32_t FN(may_reach)(const tables_t *tables, int form, F n0,
                                            F n1, F x0, F x1, F threshold)
{
    const F zero = F_SET1(0);
    const F e0 = F_SET1(tables->slack[0]), e1 = F_SET1(tables->slack[1]);
    const F w0 = F_MUL(
        n0, F_FMA(n0, F_SET1(tables->beta[0]), F_SET1(tables->alpha[0])));
    const F w1 = F_MUL(
        n1, F_FMA(n1, F_SET1(tables->beta[1]), F_SET1(tables->alpha[1])));
    if (form == TOTAL) {
        const F x = F_MAX(F_ADD(F_ADD(x0, e0), F_ADD(x1, e1)), zero);
        return F_GE(F_MUL(x, x), F_MUL(threshold, F_ADD(w0, w1)));
    } else {
        const F gain = F_MAX(F_SUB(F_MUL(F_ADD(x0, e0), w1),
                                   F_MUL(F_SUB(x1, e1), w0)), zero);
        const F both = F_MUL(F_MUL(w0, w1), threshold);
        if (form == DIFFERENCE)
            return F_GE(F_MUL(gain, gain), F_MUL(both, F_ADD(w0, w1)));
        else {
            const F a0 = F_ADD(FN(absolute)(x0), e0), a1 = F_ADD(FN(absolute)(x1), e1);
            return F_GE(F_FMA(F_MUL(a0, a0), w1, F_MUL(F_MUL(a1, a1), w0)), both) &
                   F_GE(gain, F_SET1(1e-30f));
        }
    }
}

/* Row sets from..to that are large enough joined with row set mine: all of them, as
 * PICK; with leaves those that may reach the threshold, as j. */
static ALWAYS_INLINE int64_t FN(join)(const tables_t *tables, int form, int leaves,
                                      int64_t mine, const uint8_t *slices,
                                      int64_t stride, int64_t from, int64_t to,
                                      float threshold, int32_t *out,
                                      int64_t *n_evaluated)
{
    const F least = F_SET1(threshold);
    uint8_t bytes[MAX_SLICES];
    int64_t j, n = 0, evaluated = 0;
    int b;
    for (b = 0; b < tables->n_bytes; b++)
        bytes[b] = slices[b * stride + mine];
    for (j = from; j < to; j += LANES) {
        V n0, n1, even0, odd0, even1, odd1, members;
        F k0, k1;
        uint32_t part[4];
        M fits, reaches;
        FN(sums)(tables, 0, bytes, slices + j, stride, &n0, &even0, &odd0);
        fits = V_GE8(n0, V_SET1_8(tables->least[0]));
        FN(sums)(tables, 1, bytes, slices + j, stride, &n1, &even1, &odd1);
        fits &= V_GE8(n1, V_SET1_8(tables->least[1]));
        /* Saturated: the limit fits a byte here, and is checked exactly later. */
        members = V_ADDS8(n0, n1);
        fits &= V_GE8(members, V_SET1_8(tables->least_members));
        if (to - j < LANES)
            fits &= ((M)1 << (to - j)) - 1;
        if (!fits)
            continue;
        if (leaves)
            fits &= V_GE8(V_SET1_8(tables->most[0]), n0) &
                    V_GE8(V_SET1_8(tables->most[1]), n1);
        evaluated += M_COUNT(fits);
#define REACH(g)                                                                     \
    k0 = FN(counts_of)(n0, g);                                                       \
    k1 = FN(counts_of)(n1, g);                                                       \
    part[g] = FN(may_reach)(tables, form, k0, k1,                                    \
                            FN(sums_of)(tables, 0, even0, odd0, k0, g),              \
                            FN(sums_of)(tables, 1, even1, odd1, k1, g), least)
        REACH(0);
        REACH(1);
        REACH(2);
        REACH(3);
#undef REACH
        reaches = M_JOIN(part) & fits;
        if (leaves)
            for (; reaches; reaches &= reaches - 1)
                out[n++] = (int32_t)(j + M_FIRST(reaches));
        else
            for (; fits; fits &= fits - 1) {
                const int32_t i = (int32_t)(j + M_FIRST(fits));
                out[n++] = PICK(i, (int32_t)(reaches >> (i - j) & 1), 1);
            }
    }
    *n_evaluated += evaluated;
    return n;
}

/* The leaves of a wide level. */
static int64_t FN(wide_leaves)(const tables_t *tables, int64_t mine,
                               const uint8_t *slices, int64_t stride, int64_t from,
                               int64_t to, float threshold, int32_t *out,
                               int64_t *n_evaluated)
{
    const F least = F_SET1(threshold);
    uint8_t bytes[MAX_SLICES];
    int64_t j, n = 0;
    int b, g;
    for (b = 0; b < tables->n_bytes; b++)
        bytes[b] = slices[b * stride + mine];
    for (j = from; j < to; j += LANES) {
        V count[2][2], sum[2][2];
        uint32_t fit[4], part[4];
        M fits, reaches;
        FN(wide_sums)(tables, 0, bytes, slices + j, stride, count[0], sum[0]);
        FN(wide_sums)(tables, 1, bytes, slices + j, stride, count[1], sum[1]);
        for (g = 0; g < 4; g++) {
            const F n0 = FN(halves_of)(count[0][0], count[0][1], g);
            const F n1 = FN(halves_of)(count[1][0], count[1][1], g);
            const F x0 = FN(sums_of)(tables, 0, sum[0][0], sum[0][1], n0, g);
            const F x1 = FN(sums_of)(tables, 1, sum[1][0], sum[1][1], n1, g);
            fit[g] = F_GE(n0, F_SET1((float)tables->least[0])) &
                     F_GE(n1, F_SET1((float)tables->least[1])) &
                     F_GE(F_ADD(n0, n1), F_SET1((float)tables->least_members)) &
                     F_GE(F_SET1((float)tables->most[0]), n0) &
                     F_GE(F_SET1((float)tables->most[1]), n1);
            part[g] = FN(may_reach)(tables, tables->form, n0, n1, x0, x1, least);
        }
        fits = M_JOIN(fit);
        if (to - j < LANES)
            fits &= ((M)1 << (to - j)) - 1;
        *n_evaluated += M_COUNT(fits);
        for (reaches = M_JOIN(part) & fits; reaches; reaches &= reaches - 1)
            out[n++] = (int32_t)(j + M_FIRST(reaches));
    }
    return n;
}

#define JOINED(name, form, leaves)                                                    \
    static int64_t FN(name)(const tables_t *tables, int64_t mine,                     \
                            const uint8_t *slices, int64_t stride, int64_t from,      \
                            int64_t to, float threshold, int32_t *out, int64_t *seen) \
    {                                                                                 \
        return FN(join)(tables, form, leaves, mine, slices, stride, from, to,         \
                        threshold, out, seen);                                        \
    }
JOINED(difference, DIFFERENCE, 0)
JOINED(squares, SQUARES, 0)
JOINED(total, TOTAL, 0)
JOINED(difference_leaves, DIFFERENCE, 1)
JOINED(squares_leaves, SQUARES, 1)
JOINED(total_leaves, TOTAL, 1)
#undef JOINED

/* Looked-up terms of each nibble of a scan, for LANES row sets. */
typedef struct {
    uint8_t count[2 * BYTE_SLICES][LANES], total[2 * BYTE_SLICES][LANES],
        top[2 * BYTE_SLICES][LANES];
    float base[2 * BYTE_SLICES], total_step[2 * BYTE_SLICES], top_step[2 * BYTE_SLICES];
    int n;
} FN(nibbles_t);

static ALWAYS_INLINE void FN(look_up)(const tables_t *tables, const scan_t *scan,
                                      const uint8_t *slices, int64_t stride,
                                      FN(nibbles_t) *out)
{
    const V nibble = V_SET1_8(15);
    const int last = 2 * scan->last - 1;
    int i;
    out->n = 2 * (scan->last - scan->first);
    for (i = 0; i < out->n; i++) {
        const int q = scan->backward ? last - i : 2 * scan->first + i;
        const int b = q / 2, half = q % 2;
        V x = V_AND(V_LOAD(slices + b * stride), V_SET1_8(tables->mask[scan->arm][b]));
        x = V_AND(half ? V_SRL16(x, 4) : x, nibble);
        V_STORE(out->count[i], V_POPCNT8(x));
        V_STORE(out->total[i], V_SHUFFLE(scan->total[b][half], x));
        V_STORE(out->top[i], V_SHUFFLE(scan->top[b][half], x));
        out->base[i] = scan->base[b][half];
        out->total_step[i] = scan->total_step[b][half];
        out->top_step[i] = scan->top_step[b][half];
    }
}

/* The term of k rows with sum x at each center, where that is enough rows. */
static ALWAYS_INLINE void FN(raise)(F best[TABLE_CENTERS],
                                    const F centers[TABLE_CENTERS], int n_centers, F k,
                                    F x, F alpha, F beta, F least_w, F enough, F least)
{
    const F share = F_WHERE_GE(
        enough, least, F_RECIPROCAL(F_MAX(F_MUL(k, F_FMA(k, beta, alpha)), least_w)));
    int c;
    for (c = 0; c < n_centers; c++) {
        const F t = F_MAX(F_FNMA(k, centers[c], x), F_SET1(0));
        best[c] = F_MAX(best[c], F_MUL(F_MUL(t, t), share));
    }
}

/* Largest term of a scan for a quarter of the row sets, at each center.
 *
 * Over the first rows of a nibble the term is convex in their number and sum, and the
 * sum is at most that of as many rows with the outcome of the first. So the ends of the
 * nibble suffice, and where the rows become enough inside of it that point. */
static ALWAYS_INLINE void FN(term)(const scan_t *scan, const tables_t *tables,
                                   const FN(nibbles_t) *all, int from, int n_centers,
                                   F best[TABLE_CENTERS])
{
    const F alpha = F_SET1(scan->alpha), beta = F_SET1(scan->beta);
    const F gamma = F_SET1(scan->gamma), least_w = F_SET1(scan->least_w);
    const F least = F_SET1(scan->least);
    F k = F_SET1(0), z = F_SET1(scan->start), centers[TABLE_CENTERS];
    int i, c;
    for (c = 0; c < n_centers; c++)
        centers[c] = F_SET1(scan->sign * tables->centers[c]);
    for (i = 0; i < all->n; i++) {
        const F m = F_BYTES(all->count[i] + from), base = F_SET1(all->base[i]);
        const F top = F_FNMA(F_BYTES(all->top[i] + from), F_SET1(all->top_step[i]),
                             base);
        const F end = F_ADD(k, m), inner = F_MAX(k, least);
        FN(raise)(best, centers, n_centers, end,
                  F_FMA(end, gamma, F_FMA(m, top, z)), alpha, beta, least_w, end,
                  least);
        FN(raise)(best, centers, n_centers, inner,
                  F_FMA(inner, gamma, F_FMA(F_SUB(inner, k), top, z)), alpha, beta,
                  least_w, end, inner);
        z = F_FNMA(F_BYTES(all->total[i] + from), F_SET1(all->total_step[i]),
                   F_FMA(m, base, z));
        k = end;
    }
    /* Without a complement the ends of the last nibble do not suffice. */
    if (scan->beta != 0)
        best[0] = F_MAX(best[0], F_WHERE_GE(k, F_SET1(-0.999f / scan->beta),
                                            F_SET1(1e30f)));
}

/* The same, row by row and exact but for rounding. */
static ALWAYS_INLINE void FN(exact_term)(const scan_t *scan, const tables_t *tables,
                                         const uint8_t *slices, int64_t stride,
                                         int n_centers, F best[TABLE_CENTERS])
{
    const F alpha = F_SET1(scan->alpha), beta = F_SET1(scan->beta);
    const F gamma = F_SET1(scan->gamma), least_w = F_SET1(scan->least_w);
    const F least = F_SET1(scan->least), most = F_SET1(scan->most);
    const int n = scan->rows[1] - scan->rows[0];
    F k = F_SET1(0), z = F_SET1(scan->start), centers[TABLE_CENTERS];
    int i, c;
    for (c = 0; c < n_centers; c++)
        centers[c] = F_SET1(scan->sign * tables->centers[c]);
    for (i = 0; i < n; i++) {
        const int row = scan->backward ? scan->rows[1] - 1 - i : scan->rows[0] + i;
        const F m = F_BIT(slices + (row / 8) * stride, row % 8);
        k = F_ADD(k, m);
        z = F_FMA(m, F_SET1(scan->z[row]), z);
        FN(raise)(best, centers, n_centers, k, F_FMA(k, gamma, z), alpha, beta, least_w,
                  F_WHERE_GE(most, k, k), least);
    }
}

/* Upper bounds of LANES row sets. */
static ALWAYS_INLINE void FN(bound)(const tables_t *tables, int n_centers, int exact,
                                    const uint8_t *slices, int64_t stride, float *out)
{
    FN(nibbles_t) all[4];
    int i, from, c;
    for (i = 0; i < tables->n_scans && !exact; i++)
        FN(look_up)(tables, tables->scan + i, slices, stride, all + i);
    for (from = 0; from < LANES; from += QUARTER) {
        F sum[TABLE_CENTERS];
        for (c = 0; c < n_centers; c++)
            sum[c] = F_SET1(0);
        for (i = 0; i < tables->n_scans;) {
            const int arm = tables->scan[i].arm;
            F best[TABLE_CENTERS];
            for (c = 0; c < n_centers; c++)
                best[c] = F_SET1(0);
            for (; i < tables->n_scans && tables->scan[i].arm == arm; i++)
                if (exact)
                    FN(exact_term)(tables->scan + i, tables, slices + from, stride,
                                   n_centers, best);
                else
                    FN(term)(tables->scan + i, tables, all + i, from, n_centers, best);
            for (c = 0; c < n_centers; c++)
                sum[c] = F_ADD(sum[c], best[c]);
        }
        for (c = 1; c < n_centers; c++)
            sum[0] = F_MIN(sum[0], sum[c]);
        /* The reciprocal is accurate to 12 bits or more. */
        F_STORE(out + from, F_MUL(sum[0], F_SET1(1.001f)));
    }
}

static ALWAYS_INLINE void FN(all_bounds)(const tables_t *tables, int exact,
                                         const uint8_t *slices, int64_t stride,
                                         int64_t n, float *out)
{
    int64_t j;
    for (j = 0; j < n; j += LANES)
        if (tables->n_centers == 1)
            FN(bound)(tables, 1, exact, slices + j, stride, out + j);
        else
            FN(bound)(tables, TABLE_CENTERS, exact, slices + j, stride, out + j);
}

static void FN(bounds)(const tables_t *tables, const uint8_t *slices, int64_t stride,
                       int64_t n, float *out)
{
    FN(all_bounds)(tables, 0, slices, stride, n, out);
}

static void FN(exact_bounds)(const tables_t *tables, const uint8_t *slices,
                             int64_t stride, int64_t n, float *out)
{
    FN(all_bounds)(tables, 1, slices, stride, n, out);
}

static const simd_t FN(simd) = {
    {FN(difference), FN(squares), FN(total)},
    {FN(difference_leaves), FN(squares_leaves), FN(total_leaves)},
    FN(wide_leaves),
    {FN(bounds), FN(exact_bounds)},
    FN(slice),
    SMALL_LOOPS,
};

#undef JOIN_
#undef JOIN
#undef FN
#undef QUARTER
