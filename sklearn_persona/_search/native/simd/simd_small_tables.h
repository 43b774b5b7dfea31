/* Tables of a small level; see simd_small.h. */
#ifndef PERSONA_SIMD_SMALL_TABLES_H
#define PERSONA_SIMD_SMALL_TABLES_H

enum { BY_FLOATS, BY_ROOTS, BY_TOTAL };

static void small_slice(const tables_t *tables, const uint64_t *universe,
                        const uint64_t *extents, int n_words, int64_t n,
                        uint8_t *slices, int64_t stride)
{
    const small_table_t *table = &tables->small_table;
    int64_t j;
    int g, i, w, filled;
    for (j = 0; j < n; j += 8) {
        const int more = n - j < 8 ? (int)(n - j) : 8;
        uint64_t packed[8] = {0}, bits;
        __m512i x;
        if (n_words == 1)
            memcpy(packed, extents + j, (size_t)more * sizeof(uint64_t));
        for (w = 0, filled = 0; w < n_words && n_words > 1; w++) {
            for (i = 0; i < more && universe[w]; i++)
                packed[i] |= _pext_u64(extents[(j + i) * n_words + w], universe[w])
                             << filled;
            filled += popcount64(universe[w]);
        }
        x = _mm512_loadu_si512(packed);
        for (g = 0; g < table->first[2]; g++) {
            bits = _mm512_mask_bitshuffle_epi64_mask(
                table->valid[g], x, _mm512_set1_epi64((long long)table->bits[g]));
            memcpy(slices + g * stride + j, &bits, 8);
        }
    }
}

/* The places of the rows, and the sums of their groups. */
static void small_layout(tables_t *tables, const problem_t *problem,
                         const uint64_t *universe)
{
    small_table_t *table = &tables->small_table;
    const shape_t *shape = problem->shape;
    uint64_t rest = universe[0];
    double x[SMALL_ROWS], total[2] = {0, 0}, largest = 0, room, per_step;
    int arm, g = 0, i, k, v;
    const int a = tables->end[0] - tables->start[0];
    const int b = tables->end[1] - tables->start[1];
    table->form = tables->form == TOTAL ? BY_TOTAL
                  : tables->form == DIFFERENCE && shape->beta[0] == 0 ? BY_ROOTS
                                                                      : BY_FLOATS;
    memset(table->valid, 0, sizeof table->valid);
    for (arm = 0; arm < 2; arm++) {
        table->first[arm] = g;
        for (i = tables->start[arm]; i < tables->end[arm]; i += GROUP_ROWS, g++) {
            double size = 0;
            table->bits[g] = 0;
            for (k = 0; k < GROUP_ROWS && i + k < tables->end[arm]; k++) {
                const int at = problem->n_words == 1 ? lowest_bit(rest) : i + k;
                rest &= rest - 1;
                table->bits[g] |= (uint64_t)at << (8 * k);
                table->valid[g] |= 0x0101010101010101ULL << k;
                x[i + k] = tables->y[i + k] + shape->gamma[arm];
                size += fabs(x[i + k]);
            }
            largest = size > largest ? size : largest;
            total[arm] += size;
        }
    }
    table->first[2] = g;
    /* Room for the products of the test by roots; a group of rows fits a byte. */
    room = 16000 / (a > b ? a > 0 ? a : 1 : b > 0 ? b : 1);
    table->room = table->form == BY_ROOTS ? room : 28000;
    table->step = largest / 250;
    for (arm = 0; arm < 2; arm++)
        if (table->form == BY_ROOTS && table->step * (room - MAX_GROUPS) < total[arm])
            table->step = total[arm] / (room - MAX_GROUPS);
    if (!(table->step > 0))
        table->step = 1;
    per_step = 1 / table->step;
    for (arm = 0; arm < 2; arm++) {
        int start = 0;
        for (g = table->first[arm]; g < table->first[arm + 1]; g++) {
            const int row = tables->start[arm] + GROUP_ROWS * (g - table->first[arm]);
            /* Bit k of the lane numbers. */
            const __mmask16 has[4] = {0xaaaa, 0xcccc, 0xf0f0, 0xff00};
            __m512 one[GROUP_ROWS], sum;
            float lift = 0;
            int up;
            for (k = 0; k < GROUP_ROWS; k++) {
                const float steps =
                    row + k < tables->end[arm] ? (float)(x[row + k] * per_step) : 0;
                lift -= steps < 0 ? steps : 0;
                one[k] = _mm512_set1_ps(steps);
            }
            up = (int)(lift + 1);
            start -= up;
            /* Rounded up, except for errors that small_threshold allows for. */
            sum = _mm512_set1_ps((float)up + 0.999f);
            for (k = 0; k < 4; k++)
                sum = _mm512_mask_add_ps(sum, has[k], sum, one[k]);
            for (v = 0; v < 4; v++) {
                const __m512 low = v & 1 ? _mm512_add_ps(sum, one[4]) : sum;
                _mm_storeu_si128((__m128i *)(table->sum[g] + 16 * v),
                                 _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(
                                     v & 2 ? _mm512_add_ps(low, one[5]) : low)));
            }
        }
        table->start[arm] = start;
        tables->step[arm] = (float)table->step;
        tables->alpha[arm] = (float)shape->alpha[arm];
        tables->beta[arm] = (float)shape->beta[arm];
        tables->slack[arm] = (float)((table->first[arm + 1] - table->first[arm] + 0.1) *
                                     table->step + 1e-5 * total[arm]);
    }
}

/* For the bounds: the rows of each scan in order, and their gains. */
static void small_scans(tables_t *tables, const problem_t *problem)
{
    small_table_t *table = &tables->small_table;
    const shape_t *shape = problem->shape;
    double weight[2][64], largest = 0, least_w = INFINITY, scale;
    int s, i, c, arm, k;
    for (s = 0; s < tables->n_scans; s++)
        for (c = 0; c < tables->n_centers; c++) {
            double sizes = 0;
            arm = tables->scan[s].arm;
            for (i = tables->start[arm]; i < tables->end[arm]; i++)
                sizes += fabs(tables->y[i] + shape->gamma[arm] - problem->centers[c]);
            largest = sizes > largest ? sizes : largest;
        }
    largest = largest > 0 ? largest : 1;
    for (s = 0; s < tables->n_scans; s++) {
        const scan_t *scan = tables->scan + s;
        arm = scan->arm;
        for (i = tables->start[arm]; i < tables->end[arm]; i++) {
            const int at = i - tables->start[arm];
            small_row_t *row =
                table->rows[s] + (scan->backward ? tables->end[arm] - 1 - i : at);
            row->group = table->first[arm] + at / GROUP_ROWS;
            row->bit = 1 << at % GROUP_ROWS;
            row->tests[0] = (uint32_t)row->bit * 0x10001u;
            row->tests[1] = row->tests[0] << 8;
            row->helps = shape->beta[arm] != 0;
            for (c = 0; c < tables->n_centers; c++) {
                const double gain = (tables->y[i] + shape->gamma[arm] -
                                     problem->centers[c]) * (double)scan->sign;
                /* Rounded up. */
                const int steps = (int)ceil(gain / largest * 32000 + 1e-6);
                row->gain[c] = (uint32_t)(uint16_t)steps * 0x10001u;
                row->helps |= steps > 0;
            }
        }
    }
    for (arm = 0; arm < 2; arm++)
        for (k = 0; k < 64; k++) {
            double w = k * (shape->alpha[arm] + k * shape->beta[arm]);
            const double smallest = shape->alpha[arm] + shape->beta[arm];
            w = w < smallest ? smallest : w;
            weight[arm][k] =
                arm < problem->n_arms && k > 0 && k >= tables->least[arm] &&
                k <= tables->most[arm] &&
                k <= tables->end[arm] - tables->start[arm] ? w : 0;
            if (weight[arm][k] > 0 && w < least_w)
                least_w = w;
        }
    for (arm = 0; arm < 2; arm++)
        for (k = 0; k < 64; k++) {
            const double w = weight[arm][k];
            const double share = w > 0 ? ceil(32767 * sqrt(least_w / w)) : 0;
            table->share[arm][k] = (int16_t)share;
        }
    scale = least_w < INFINITY ? largest / 32000 * 65536 / 32767 / sqrt(least_w) : 0;
    table->unit = (float)(scale * scale * (1 + 1e-5));
}

/* The threshold in the steps of the sums. */
static void small_threshold(const tables_t *tables, double value,
                            threshold_t *threshold)
{
    const small_table_t *table = &tables->small_table;
    int arm, i;
    threshold->value = value;
    for (arm = 0; arm < 2 && table->form != BY_FLOATS; arm++) {
        const int total = table->form == BY_TOTAL;
        const int size = tables->end[arm] - tables->start[arm];
        const double alpha = tables->alpha[arm], beta = tables->beta[arm];
        const double square = (total ? value : value / 2) /
                              (table->step * table->step);
        const int least = tables->least[arm] > 1 ? tables->least[arm] : 1;
        const int most = tables->most[arm] < size ? tables->most[arm] : size;
        double base = sqrt(square * least * (alpha + beta * least)), other;
        __m512 n = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        if (beta != 0 && most > least) {
            other = most * (alpha + beta * most);
            other = other > 0 ? sqrt(square * other) : 0;
            base = other < base ? other : base;
        }
        base = floor(base < table->room ? base : table->room);
        for (i = 0; i < 64; i += 16) {
            const __m512 w = _mm512_max_ps(
                _mm512_mul_ps(n, _mm512_fmadd_ps(n, _mm512_set1_ps((float)beta),
                                                 _mm512_set1_ps((float)alpha))),
                _mm512_setzero_ps());
            /* Rounded down, with room for the rounding of the sums. */
            const __m512 root =
                _mm512_sqrt_ps(_mm512_mul_ps(w, _mm512_set1_ps((float)square)));
            const __m512 above = _mm512_sub_ps(
                _mm512_min_ps(root, _mm512_set1_ps((float)table->room)),
                _mm512_set1_ps((float)base + 0.05f));
            const __m512i e = _mm512_max_epi32(_mm512_cvttps_epi32(above),
                                               _mm512_setzero_si512());
            __m128i bytes = _mm512_cvtusepi32_epi8(e);
            if (arm == 0)
                bytes = _mm_sub_epi8(_mm_set1_epi8(-1), bytes);
            _mm_storeu_si128((__m128i *)(threshold->limit[arm] + i), bytes);
            n = _mm512_add_ps(n, _mm512_set1_ps(16));
        }
        threshold->start[arm] = table->start[arm];
        /* Sums of the control arm must be too small rather than too large. */
        threshold->start[arm] += arm == 0 ? -(int)base - 255
                                      : (int)base - table->first[2] + table->first[1];
        if (total) {
            threshold->start[1] = table->start[1];
            break;
        }
    }
}

#endif
