/* Quick test of a row set of one word, for processors without vector loops.
 *
 * A look-up for each byte adds up both counts (8 bits each) and both sums of outcomes
 * above the least of their arm (24 bits each, rounded down). Row sets that may reach
 * the threshold are evaluated exactly.
 */
#ifndef PERSONA_PACKED_H
#define PERSONA_PACKED_H

#include "../simd/tables.h"

#define PACKED_ROWS 64
#define MOST_SUM ((1 << 24) - 1)

/* With w and x of an arm as in problem.h, the factor by counts n0 and n1 is w0 w1 /
 * (w0 + w1) for DIFFERENCE, 1 / (w0 + w1) for TOTAL, 1 for SQUARES; 0 where the
 * complement is too small, below 0 where the row set is. */
typedef struct packed {
    int form;
    uint64_t cell[8][256];
    float factor[PACKED_ROWS + 1][PACKED_ROWS + 1];
    double base[2][PACKED_ROWS + 1];    /* of x, by count */
    double inverse[2][PACKED_ROWS + 1]; /* 1 / w, by count */
    double step[2], slack[2];
} packed_t;

static inline double packed_factor(const packed_t *packed, const problem_t *problem,
                                   int64_t n0, int64_t n1)
{
    const int two = problem->n_arms == 2;
    const double v0 = packed->inverse[0][n0], v1 = two ? packed->inverse[1][n1] : 0;
    if (n0 + n1 < problem->least_members || n0 < problem->least[0] ||
        (two ? n1 < problem->least[1] : n1 > 0))
        return -1;
    if (n0 > problem->most[0] || (two && n1 > problem->most[1]))
        return 0;
    if (packed->form == DIFFERENCE)
        return 1 / (v0 + v1);
    return packed->form == SQUARES ? 1 : 1 / (1 / v0 + (two ? 1 / v1 : 0));
}

static inline void packed_make(packed_t *packed, const problem_t *problem)
{
    const shape_t *shape = problem->shape;
    uint64_t row[PACKED_ROWS];
    int arm, i, b, v;
    memset(packed, 0, sizeof *packed);
    memset(row, 0, sizeof row);
    packed->form = shape->form;
    for (arm = 0; arm < problem->n_arms; arm++) {
        double least = 0, total = 0, sizes = 0, scale;
        int n = 0, k;
        for (i = 0; i < problem->n_rows; i++)
            if (problem->mask[arm][0] >> i & 1)
                least = !n++ || problem->outcome[i] < least ? problem->outcome[i]
                                                            : least;
        for (i = 0; i < problem->n_rows; i++)
            if (problem->mask[arm][0] >> i & 1) {
                total += problem->outcome[i] - least;
                sizes += fabs(problem->outcome[i]);
            }
        scale = total > 0 ? MOST_SUM * (1 - 1e-9) / total : 0;
        packed->step[arm] = scale > 0 ? 1 / scale : 0;
        /* Each row loses less than a step; the rest covers the additions. */
        sizes += n * (fabs(least) + fabs(shape->gamma[arm]));
        packed->slack[arm] = n * packed->step[arm] + 1e-12 * sizes;
        for (i = 0; i < problem->n_rows; i++)
            if (problem->mask[arm][0] >> i & 1)
                row[i] = 1ULL << (8 * arm) |
                         (uint64_t)((problem->outcome[i] - least) * scale)
                             << (16 + 24 * arm);
        for (k = 0; k <= PACKED_ROWS; k++) {
            const double w = k * (shape->alpha[arm] + shape->beta[arm] * k);
            packed->base[arm][k] = k * (least + shape->gamma[arm]);
            packed->inverse[arm][k] = w > 0 ? 1 / w : 0;
        }
    }
    for (b = 0; b < 8; b++)
        for (v = 1; v < 256; v++)
            packed->cell[b][v] = packed->cell[b][v & (v - 1)] +
                                 row[8 * b + lowest_bit((uint64_t)v)];
    for (i = 0; i <= PACKED_ROWS; i++)
        for (v = 0; v <= PACKED_ROWS; v++)
            packed->factor[i][v] = (float)packed_factor(packed, problem, i, v);
}

/* Whether a row set may reach the squared value, and whether it is a rule at all.
 * Without branches, which would be unpredictable. */
static ALWAYS_INLINE int packed_reaches(const packed_t *packed, uint64_t rows, int form,
                                        double threshold, int *is_rule)
{
    const uint64_t cell =
        ((packed->cell[0][rows & 255] + packed->cell[1][rows >> 8 & 255]) +
         (packed->cell[2][rows >> 16 & 255] + packed->cell[3][rows >> 24 & 255])) +
        ((packed->cell[4][rows >> 32 & 255] + packed->cell[5][rows >> 40 & 255]) +
         (packed->cell[6][rows >> 48 & 255] + packed->cell[7][rows >> 56]));
    const int n0 = (int)(cell & 255), n1 = (int)(cell >> 8 & 255);
    const double factor = packed->factor[n0][n1];
    const double x0 = (double)(int32_t)(cell >> 16 & MOST_SUM) * packed->step[0] +
                      packed->base[0][n0];
    const double x1 = (double)(int32_t)(cell >> 40) * packed->step[1] +
                      packed->base[1][n1];
    const double u0 = packed->inverse[0][n0], u1 = packed->inverse[1][n1];
    const double slack0 = packed->slack[0], slack1 = packed->slack[1];
    double most, value;
    *is_rule = factor >= 0;
    if (form == TOTAL) {
        most = x0 + x1 + slack0 + slack1;
        return (most >= 0) & (most * most * factor >= threshold);
    }
    most = (x0 + slack0) * u0 - (x1 - slack1) * u1;
    value = most * most;
    if (form == SQUARES) {
        const double a0 = fabs(x0) + slack0, a1 = fabs(x1) + slack1;
        value = a0 * a0 * u0 + a1 * a1 * u1;
    }
    return (most >= 0) & (value * factor >= threshold);
}

#endif
