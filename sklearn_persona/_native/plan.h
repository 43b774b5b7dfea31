/* Tables for looking at many row sets at once; see lanes_template.h.
 *
 * A level keeps its row sets byte-sliced: byte b of all of them in a row of its own. A
 * vector then holds one byte of 32 or 64 row sets, and a byte shuffle adds up the
 * outcomes of four rows (a nibble) for all of them. Sums from the tables are rounded;
 * whatever they let through is evaluated exactly.
 */
#ifndef PERSONA_PLAN_H
#define PERSONA_PLAN_H

#include <math.h>
#include "column.h"

#define MAX_SLICES 64                   /* bytes of a row set */
#define MAX_ARM 255                     /* rows of an arm: counts are bytes */
#define PLAN_CENTERS 3

/* Value of a rule from w = n (alpha + beta n) and x = s + gamma n of each arm:
 *     DIFFERENCE  (x0 w1 - x1 w0)^2 / (w0 w1 (w0 + w1)), counted when x0 w1 > x1 w0
 *     SQUARES     x0^2 / w0 + x1^2 / w1, counted when x0 w1 > x1 w0
 *     TOTAL       (x0 + x1)^2 / (w0 + w1), counted when x0 + x1 > 0
 */
enum { DIFFERENCE, SQUARES, TOTAL };

typedef struct shape {
    int form;
    int scans[2];                       /* of an arm: SCAN_FORWARD, SCAN_BACKWARD */
    double alpha[2], beta[2], gamma[2];
} shape_t;

/* One direction through the rows of an arm, by falling z (the outcome or minus it). */
typedef struct {
    int arm, backward, first, last;     /* bytes, last exclusive */
    float sign, gamma, alpha, beta, least_w, start;
    /* Of each nibble: z of its first row, and what a set of its rows lacks to as many
     * rows of that z: in total, and if all had the z of the set's first row. */
    float base[MAX_SLICES][2], total_step[MAX_SLICES][2], first_step[MAX_SLICES][2];
    uint8_t total[MAX_SLICES][2][16], top[MAX_SLICES][2][16];
} scan_t;

typedef struct plan {
    int n_bytes;
    shape_t shape;
    int first[2], last[2];              /* bytes of an arm */
    uint8_t mask[2][MAX_SLICES];
    uint8_t sum[2][MAX_SLICES][2][16];  /* in steps, from the arm's least outcome */
    float step[2], gamma[2], alpha[2], beta[2], slack[2];
    int least[2], most[2], least_members;
    int n_scans, n_centers;
    float centers[PLAN_CENTERS];
    scan_t scan[4];
} plan_t;

static int in_arm(const column_t *column, int arm, int row)
{
    return row < column->n_rows && (column->mask[arm][row / 64] >> (row % 64) & 1);
}

static void plan_sums(plan_t *plan, const column_t *column, int arm)
{
    double least = 0, most = 0, largest = 0, sizes = 0, error = 0;
    int b, half, v, i, seen = 0;
    for (i = 0; i < column->n_rows; i++)
        if (in_arm(column, arm, i)) {
            const double y = column->outcome[i];
            least = !seen || y < least ? y : least;
            most = !seen || y > most ? y : most;
            sizes += fabs(y);
            seen++;
        }
    sizes += seen * (most - least);
    for (b = plan->first[arm]; b < plan->last[arm]; b++)
        for (half = 0; half < 2; half++) {
            double sum = 0;
            for (i = 0; i < 4; i++)
                if (in_arm(column, arm, 8 * b + 4 * half + i))
                    sum += column->outcome[8 * b + 4 * half + i] - least;
            largest = sum > largest ? sum : largest;
        }
    plan->step[arm] = largest > 0 ? (float)(largest / 255) : 1.0f;
    for (b = plan->first[arm]; b < plan->last[arm]; b++)
        for (half = 0; half < 2; half++) {
            double worst = 0;
            for (v = 0; v < 16; v++) {
                const double step = plan->step[arm];
                double sum = 0, rounded;
                for (i = 0; i < 4; i++)
                    if ((v >> i & 1) && in_arm(column, arm, 8 * b + 4 * half + i))
                        sum += column->outcome[8 * b + 4 * half + i] - least;
                rounded = floor(sum / step + 0.5);
                rounded = rounded > 255 ? 255 : rounded;
                plan->sum[arm][b][half][v] = (uint8_t)rounded;
                if (fabs(sum - rounded * step) > worst)
                    worst = fabs(sum - rounded * step);
            }
            error += worst;
        }
    plan->gamma[arm] = (float)(plan->shape.gamma[arm] + least);
    plan->alpha[arm] = (float)plan->shape.alpha[arm];
    plan->beta[arm] = (float)plan->shape.beta[arm];
    /* The second part is for single precision. */
    plan->slack[arm] =
        (float)(error + 1e-5 * (sizes + seen * fabs(plan->shape.gamma[arm])));
}

static void plan_scan(plan_t *plan, const column_t *column, int arm, int backward)
{
    scan_t *scan = plan->scan + plan->n_scans++;
    const double sign = (arm == 0) != backward ? 1 : -1;
    double sizes = 0;
    int b, half, v, i;
    scan->arm = arm;
    scan->backward = backward;
    scan->first = plan->first[arm];
    scan->last = plan->last[arm];
    scan->sign = (float)sign;
    scan->gamma = (float)(sign * plan->shape.gamma[arm]);
    scan->alpha = plan->alpha[arm];
    scan->beta = plan->beta[arm];
    /* The least weight of a row set that has a complement; below it is no rule. */
    scan->least_w = scan->alpha + scan->beta;
    for (b = scan->first; b < scan->last; b++)
        for (half = 0; half < 2; half++) {
            const int start = 8 * b + 4 * half;
            double z[4], base = 0, total[16], top[16], most_total = 0, most_top = 0;
            int seen = 0;
            for (i = 0; i < 4; i++) {
                const int at = backward ? 3 - i : i;
                z[at] = 0;
                if (!in_arm(column, arm, start + at))
                    continue;
                z[at] = sign * column->outcome[start + at];
                sizes += fabs(z[at]);
                if (!seen++)
                    base = z[at];
            }
            for (v = 0; v < 16; v++) {
                int first = -1, count = 0;
                total[v] = 0;
                for (i = 0; i < 4; i++) {
                    const int at = backward ? 3 - i : i;
                    if (!(v >> at & 1) || !in_arm(column, arm, start + at))
                        continue;
                    total[v] += base - z[at];
                    first = first < 0 ? at : first;
                    count++;
                }
                top[v] = count ? count * (base - z[first]) : 0;
                most_total = total[v] > most_total ? total[v] : most_total;
                most_top = top[v] > most_top ? top[v] : most_top;
            }
            scan->base[b][half] = (float)base;
            scan->total_step[b][half] = (float)(most_total / 255);
            scan->first_step[b][half] = (float)(most_top / 255);
            /* Rounded down: the bound may only be too large. */
            for (v = 0; v < 16; v++) {
                scan->total[b][half][v] =
                    most_total > 0 ? (uint8_t)(total[v] / most_total * 255) : 0;
                scan->top[b][half][v] =
                    most_top > 0 ? (uint8_t)(top[v] / most_top * 255) : 0;
            }
        }
    scan->start =
        (float)(1e-5 * (sizes + column->all.n[arm] * fabs(plan->shape.gamma[arm])));
}

static int clip_size(int64_t size)
{
    return size < 0 ? 0 : size > MAX_ARM ? MAX_ARM : (int)size;
}

/* NULL when there are too many rows, or no memory. */
static plan_t *plan_new(const column_t *column, const shape_t *shape, int arms)
{
    plan_t *plan;
    int arm, b, i;
    if (column->all.n[0] > MAX_ARM || column->all.n[1] > MAX_ARM)
        return NULL;
    plan = (plan_t *)calloc(1, sizeof *plan);
    if (!plan)
        return NULL;
    plan->shape = *shape;
    plan->n_bytes = (column->n_rows + 7) / 8;
    plan->least_members = (int)(column->least_members < 0 ? 0
                                : column->least_members > 2 * MAX_ARM + 1
                                    ? 2 * MAX_ARM + 1
                                    : column->least_members);
    /* The centers other than the first are for w = n only. */
    plan->n_centers = shape->beta[0] == 0 && column->n_centers >= PLAN_CENTERS
                          ? PLAN_CENTERS : 1;
    for (i = 0; i < plan->n_centers; i++)
        plan->centers[i] = (float)column->centers[i];
    for (arm = 0; arm < 2; arm++) {
        for (b = 0; b < plan->n_bytes; b++)
            plan->mask[arm][b] = (uint8_t)(column->mask[arm][b / 8] >> (8 * (b % 8)));
        plan->least[arm] = clip_size(column->least[arm]);
        plan->most[arm] = arm < arms ? clip_size(column->most[arm]) : MAX_ARM;
        if (arm >= arms)
            continue;
        while (plan->first[arm] < plan->n_bytes && !plan->mask[arm][plan->first[arm]])
            plan->first[arm]++;
        plan->last[arm] = plan->n_bytes;
        while (plan->last[arm] > plan->first[arm] &&
               !plan->mask[arm][plan->last[arm] - 1])
            plan->last[arm]--;
        plan_sums(plan, column, arm);
        if (shape->scans[arm] & SCAN_FORWARD)
            plan_scan(plan, column, arm, 0);
        if (shape->scans[arm] & SCAN_BACKWARD)
            plan_scan(plan, column, arm, 1);
    }
    return plan;
}

/* Swap rows and columns of 8 x 8 bytes. */
static inline void swap_bytes(uint64_t x[8])
{
    int i;
    for (i = 0; i < 4; i++) {
        const uint64_t a = x[i], b = x[i + 4];
        x[i] = (a & 0x00000000ffffffffULL) | b << 32;
        x[i + 4] = a >> 32 | (b & 0xffffffff00000000ULL);
    }
    for (i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) {
        const uint64_t a = x[i], b = x[i + 2];
        x[i] = (a & 0x0000ffff0000ffffULL) | (b & 0x0000ffff0000ffffULL) << 16;
        x[i + 2] = (a >> 16 & 0x0000ffff0000ffffULL) | (b & 0xffff0000ffff0000ULL);
    }
    for (i = 0; i < 8; i += 2) {
        const uint64_t a = x[i], b = x[i + 1];
        x[i] = (a & 0x00ff00ff00ff00ffULL) | (b & 0x00ff00ff00ff00ffULL) << 8;
        x[i + 1] = (a >> 8 & 0x00ff00ff00ff00ffULL) | (b & 0xff00ff00ff00ff00ULL);
    }
}

/* Byte-slice n row sets; slices has room for n rounded up to a multiple of 8. */
static void slice_rows(const uint64_t *extents, int n_words, int n_bytes, int64_t n,
                       uint8_t *slices, int64_t stride)
{
    int64_t j;
    int w, b, i;
    for (j = 0; j < n; j += 8)
        for (w = 0; 8 * w < n_bytes; w++) {
            uint64_t x[8];
            for (i = 0; i < 8; i++)
                x[i] = j + i < n ? extents[(j + i) * n_words + w] : 0;
            swap_bytes(x);
            for (b = 0; b < 8 && 8 * w + b < n_bytes; b++)
                memcpy(slices + (8 * w + b) * stride + j, x + b, 8);
        }
}

#endif
