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

#define MAX_ARM 1020                    /* rows of an arm: sums have 16 bits */
#define MAX_SLICES 256                  /* bytes of a row set */
/* The same for all loops but the joins of a wide level: counts are bytes. */
#define BYTE_ARM 255
#define BYTE_SLICES 64
#define PLAN_CENTERS 3
#define NARROW_ROWS 63                  /* of the universe of a narrow level */
#define GROUP_ROWS 6
#define MAX_GROUPS 12

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
    int rows[2];                        /* first, last exclusive */
    float sign, gamma, alpha, beta, least_w, start;
    float z[2 * BYTE_ARM];              /* of each row of the universe */
    /* Of each nibble: z of its first row, and what a set of its rows lacks to as many
     * rows of that z: in total, and its first row alone. */
    float least, most;
    float base[BYTE_SLICES][2], total_step[BYTE_SLICES][2], top_step[BYTE_SLICES][2];
    uint8_t total[BYTE_SLICES][2][16], top[BYTE_SLICES][2][16];
} scan_t;

typedef struct {
    int group, bit, helps;              /* helps: may raise a bound */
    uint32_t tests[2], gain[PLAN_CENTERS]; /* in pairs of 16 bits */
} narrow_row_t;

/* A level of few rows, see narrow.h: groups of six rows of an arm. */
typedef struct {
    int form, first[3];                 /* groups of arm i: first[i]..first[i + 1] */
    uint64_t bits[MAX_GROUPS], valid[MAX_GROUPS]; /* where their rows are */
    uint8_t sum[MAX_GROUPS][64];        /* in steps, rounded up */
    int start[2];                       /* what the sums of an arm start from */
    double step, room;
    narrow_row_t rows[4][NARROW_ROWS];  /* by scan */
    int16_t share[2][64];               /* 1 / sqrt(w) by count */
    float unit;                         /* of a bound */
} narrow_t;

/* Rows are those of a universe: the members of the parent of a level's row sets. */
typedef struct plan {
    int n_bytes, form, is_wide;         /* wide: more than BYTE_ARM rows in an arm */
    int start[2], end[2];               /* rows of an arm, last exclusive */
    double y[2 * MAX_ARM];              /* outcome of each row */
    int first[2], last[2];              /* bytes of an arm */
    uint8_t mask[2][MAX_SLICES];
    uint8_t sum[2][MAX_SLICES][2][16];  /* in steps, from the arm's least outcome */
    float step[2], gamma[2], alpha[2], beta[2], slack[2];
    int least[2], most[2], least_members;
    int n_scans, n_centers;
    float centers[PLAN_CENTERS];
    scan_t scan[4];
    int is_narrow;
    narrow_t narrow;
} plan_t;

static inline void plan_sums(plan_t *plan, const shape_t *shape, int arm)
{
    const double *y = plan->y;
    const int start = plan->start[arm], end = plan->end[arm];
    double least = 0, most = 0, largest = 0, sizes = 0, error = 0, scale;
    int b, half, v, i;
    for (i = start; i < end; i++) {
        least = i == start || y[i] < least ? y[i] : least;
        most = i == start || y[i] > most ? y[i] : most;
        sizes += fabs(y[i]);
    }
    sizes += (end - start) * (most - least);
    for (i = start; i < end;) {
        const int next = (i / 4 + 1) * 4 < end ? (i / 4 + 1) * 4 : end;
        double sum = 0;
        for (; i < next; i++)
            sum += y[i] - least;
        largest = sum > largest ? sum : largest;
    }
    scale = largest > 0 ? 255 / largest : 1;
    for (b = plan->first[arm]; b < plan->last[arm]; b++)
        for (half = 0; half < 2; half++) {
            double sum[16], worst = 0;
            sum[0] = 0;
            plan->sum[arm][b][half][0] = 0;
            for (v = 1; v < 16; v++) {
                const int row = 8 * b + 4 * half + lowest_bit((uint64_t)v);
                double exact, rounded;
                sum[v] = sum[v & (v - 1)] +
                         (row >= start && row < end ? y[row] - least : 0);
                exact = sum[v] * scale;
                rounded = (double)(int)(exact + 0.5);
                rounded = rounded > 255 ? 255 : rounded;
                plan->sum[arm][b][half][v] = (uint8_t)rounded;
                if (fabs(exact - rounded) > worst)
                    worst = fabs(exact - rounded);
            }
            error += worst;
        }
    plan->step[arm] = (float)(1 / scale);
    plan->gamma[arm] = (float)(shape->gamma[arm] + least);
    plan->alpha[arm] = (float)shape->alpha[arm];
    plan->beta[arm] = (float)shape->beta[arm];
    /* The second part is for single precision. */
    plan->slack[arm] = (float)(error / scale +
                               1e-5 * (sizes + (end - start) * fabs(shape->gamma[arm])));
}

/* Limits are exact only within the counts of a level. */
static inline int clip_size(const plan_t *plan, int64_t size)
{
    const int most = plan->is_wide ? 2 * MAX_ARM : BYTE_ARM;
    return size < 0 ? 0 : size > most ? most : (int)size;
}

static inline void scan_rows(plan_t *plan, const shape_t *shape, int arm, int backward)
{
    scan_t *scan = plan->scan + plan->n_scans++;
    const double sign = (arm == 0) != backward ? 1 : -1;
    const int start = plan->start[arm], end = plan->end[arm];
    double sizes = 0;
    int i;
    scan->arm = arm;
    scan->backward = backward;
    scan->first = plan->first[arm];
    scan->last = plan->last[arm];
    scan->rows[0] = start;
    scan->rows[1] = end;
    scan->least = (float)plan->least[arm];
    scan->most = (float)plan->most[arm];
    scan->sign = (float)sign;
    scan->gamma = (float)(sign * shape->gamma[arm]);
    scan->alpha = (float)shape->alpha[arm];
    scan->beta = (float)shape->beta[arm];
    /* The least weight of a row set that has a complement; below it is no rule. */
    scan->least_w = scan->alpha + scan->beta;
    for (i = start; i < end; i++) {
        scan->z[i] = (float)(sign * plan->y[i]);
        sizes += fabs(plan->y[i]);
    }
    scan->start = (float)(1e-5 * (sizes + (end - start) * fabs(shape->gamma[arm])));
}

static inline void scan_tables(scan_t *scan)
{
    const int backward = scan->backward;
    int b, half, v, i;
    for (b = scan->first; b < scan->last; b++)
        for (half = 0; half < 2; half++) {
            /* Bits of the nibble in scan order: what each row lacks to the first. */
            const int origin = 8 * b + 4 * half;
            float lack[4] = {0, 0, 0, 0}, base = 0, total[16], most_total = 0, most_top = 0;
            int seen = 0;
            for (i = 0; i < 4; i++) {
                const int at = backward ? 3 - i : i, row = origin + at;
                if (row < scan->rows[0] || row >= scan->rows[1])
                    continue;
                if (!seen++)
                    base = scan->z[row];
                lack[at] = base - scan->z[row];
                most_total += lack[at];
                most_top = lack[at];
            }
            total[0] = 0;
            for (v = 1; v < 16; v++)
                total[v] = total[v & (v - 1)] + lack[lowest_bit((uint64_t)v)];
            scan->base[b][half] = base;
            scan->total_step[b][half] = most_total / 255;
            scan->top_step[b][half] = most_top / 255;
            /* Rounded down: the bound may only be too large. */
            most_total = most_total > 0 ? 254.99f / most_total : 0;
            most_top = most_top > 0 ? 254.99f / most_top : 0;
            scan->total[b][half][0] = scan->top[b][half][0] = 0;
            for (v = 1; v < 16; v++) {
                const int first = backward ? highest_bit((uint64_t)v)
                                           : lowest_bit((uint64_t)v);
                scan->total[b][half][v] = (uint8_t)(total[v] * most_total);
                scan->top[b][half][v] = (uint8_t)(lack[first] * most_top);
            }
        }
}

/* Lay out a level whose row sets are subsets of the universe. */
static inline void plan_rows(plan_t *plan, const column_t *column, const uint64_t *universe)
{
    const shape_t *shape = column->shape;
    int arm, b, i, w, n = 0;
    plan->form = shape->form;
    plan->n_scans = 0;
    /* The centers other than the first are for w = n only. */
    plan->n_centers = shape->beta[0] == 0 && column->n_centers >= PLAN_CENTERS
                          ? PLAN_CENTERS : 1;
    for (i = 0; i < plan->n_centers; i++)
        plan->centers[i] = (float)column->centers[i];
    for (arm = 0; arm < 2; arm++) {
        const int start = n;
        for (w = column->first[arm]; w < column->last[arm]; w++) {
            uint64_t x = universe[w] & column->mask[arm][w];
            for (; x; x &= x - 1)
                plan->y[n++] = column->outcome[64 * w + lowest_bit(x)];
        }
        plan->start[arm] = start;
        plan->end[arm] = n;
        plan->first[arm] = start / 8;
        plan->last[arm] = n > start ? (n + 7) / 8 : start / 8;
        for (b = plan->first[arm]; b < plan->last[arm]; b++) {
            const int low = start > 8 * b ? start - 8 * b : 0;
            const int high = n < 8 * b + 8 ? 8 * b + 8 - n : 0;
            plan->mask[arm][b] = (uint8_t)(255 << low & 255 >> high);
        }
    }
    plan->n_bytes = (n + 7) / 8;
    plan->is_wide = plan->end[0] > BYTE_ARM || n - plan->start[1] > BYTE_ARM;
    plan->least_members = clip_size(plan, column->least_members);
    for (arm = 0; arm < 2; arm++) {
        const int64_t most = arm < column->n_arms ? column->most[arm] : MAX_ARM;
        plan->least[arm] = clip_size(plan, column->least[arm]);
        plan->most[arm] = clip_size(plan, most);
        if (arm >= column->n_arms || plan->is_wide)
            continue;
        if (shape->scans[arm] & SCAN_FORWARD)
            scan_rows(plan, shape, arm, 0);
        if (shape->scans[arm] & SCAN_BACKWARD)
            scan_rows(plan, shape, arm, 1);
    }
}

/* Tables for the quick bounds. */
static inline void plan_scans(plan_t *plan)
{
    int i;
    for (i = 0; i < plan->n_scans; i++)
        scan_tables(plan->scan + i);
}

/* Tables for joining two row sets. */
static inline void plan_joins(plan_t *plan, const column_t *column)
{
    int arm;
    for (arm = 0; arm < 2; arm++)
        if (arm < column->n_arms)
            plan_sums(plan, column->shape, arm);
        else {
            plan->step[arm] = plan->gamma[arm] = plan->slack[arm] = 0;
            plan->alpha[arm] = plan->beta[arm] = 0;
        }
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

#endif
