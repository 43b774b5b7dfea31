/* Tables for many row sets at once; see simd_template.h.
 *
 * A level keeps its row sets byte-sliced: byte b of all sets is contiguous. A
 * vector then holds one byte of 32 or 64 row sets, and a byte shuffle adds up the
 * outcomes of four rows (a nibble) for all of them. Sums from the tables are rounded;
 * row sets that pass are evaluated exactly.
 */
#ifndef PERSONA_TABLES_H
#define PERSONA_TABLES_H

#include <math.h>
#include "../core/problem.h"

#define MAX_ARM 1020                    /* rows of an arm: sums have 16 bits */
#define MAX_SLICES 256                  /* bytes of a row set */
/* The same except for the joins of a wide level: counts are bytes. */
#define BYTE_ARM 255
#define BYTE_SLICES 64
#define TABLE_CENTERS 3
#define SMALL_ROWS 63                   /* of the universe of a small level */
#define GROUP_ROWS 6
#define MAX_GROUPS 12

/* One direction through the rows of an arm, by falling z (the outcome or minus it). */
typedef struct {
    int arm, backward, first, last;     /* bytes, last exclusive */
    int rows[2];                        /* first, last exclusive */
    float sign, gamma, alpha, beta, least_w, start;
    float z[2 * BYTE_ARM];              /* of each row of the universe */
    /* Of each nibble: z of its first row, and by how much a set of its rows falls short
     * of as many rows with that z: in total, and of its first row alone. */
    float least, most;
    float base[BYTE_SLICES][2], total_step[BYTE_SLICES][2], top_step[BYTE_SLICES][2];
    uint8_t total[BYTE_SLICES][2][16], top[BYTE_SLICES][2][16];
} scan_t;

typedef struct {
    int group, bit, helps;              /* helps: may raise a bound */
    uint32_t tests[2], gain[TABLE_CENTERS]; /* in pairs of 16 bits */
} small_row_t;

/* A small level, see simd_small.h: groups of six rows of an arm. */
typedef struct {
    int form, first[3];                 /* groups of arm i: first[i]..first[i + 1] */
    uint64_t bits[MAX_GROUPS], valid[MAX_GROUPS]; /* where their rows are */
    uint8_t sum[MAX_GROUPS][64];        /* in steps, rounded up */
    int start[2];                       /* offset of an arm's sums */
    double step, room;
    small_row_t rows[4][SMALL_ROWS];    /* by scan */
    int16_t share[2][64];               /* 1 / sqrt(w) by count */
    float unit;                         /* of a bound */
} small_table_t;

/* Rows are those of a universe: the members of the parent of a level's row sets. */
typedef struct tables {
    int n_bytes, form, is_wide;         /* wide: more than BYTE_ARM rows in an arm */
    int start[2], end[2];               /* rows of an arm, last exclusive */
    double y[2 * MAX_ARM];              /* outcome of each row */
    int first[2], last[2];              /* bytes of an arm */
    uint8_t mask[2][MAX_SLICES];
    uint8_t sum[2][MAX_SLICES][2][16];  /* in steps, from the arm's least outcome */
    float step[2], gamma[2], alpha[2], beta[2], slack[2];
    int least[2], most[2], least_members;
    int n_scans, n_centers;
    float centers[TABLE_CENTERS];
    scan_t scan[4];
    int is_small;
    small_table_t small_table;
} tables_t;

static inline void tables_sums(tables_t *tables, const shape_t *shape, int arm)
{
    const double *y = tables->y;
    const int start = tables->start[arm], end = tables->end[arm];
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
    for (b = tables->first[arm]; b < tables->last[arm]; b++)
        for (half = 0; half < 2; half++) {
            double sum[16], worst = 0;
            sum[0] = 0;
            tables->sum[arm][b][half][0] = 0;
            for (v = 1; v < 16; v++) {
                const int row = 8 * b + 4 * half + lowest_bit((uint64_t)v);
                double exact, rounded;
                sum[v] = sum[v & (v - 1)] +
                         (row >= start && row < end ? y[row] - least : 0);
                exact = sum[v] * scale;
                rounded = (double)(int)(exact + 0.5);
                rounded = rounded > 255 ? 255 : rounded;
                tables->sum[arm][b][half][v] = (uint8_t)rounded;
                if (fabs(exact - rounded) > worst)
                    worst = fabs(exact - rounded);
            }
            error += worst;
        }
    tables->step[arm] = (float)(1 / scale);
    tables->gamma[arm] = (float)(shape->gamma[arm] + least);
    tables->alpha[arm] = (float)shape->alpha[arm];
    tables->beta[arm] = (float)shape->beta[arm];
    /* The second part covers single precision. */
    sizes += (end - start) * fabs(shape->gamma[arm]);
    tables->slack[arm] = (float)(error / scale + 1e-5 * sizes);
}

/* Limits are exact only within the counts of a level. */
static inline int clip_size(const tables_t *tables, int64_t size)
{
    const int most = tables->is_wide ? 2 * MAX_ARM : BYTE_ARM;
    return size < 0 ? 0 : size > most ? most : (int)size;
}

static inline void scan_rows(tables_t *tables, const shape_t *shape, int arm,
                             int backward)
{
    scan_t *scan = tables->scan + tables->n_scans++;
    const double sign = (arm == 0) != backward ? 1 : -1;
    const int start = tables->start[arm], end = tables->end[arm];
    double sizes = 0;
    int i;
    scan->arm = arm;
    scan->backward = backward;
    scan->first = tables->first[arm];
    scan->last = tables->last[arm];
    scan->rows[0] = start;
    scan->rows[1] = end;
    scan->least = (float)tables->least[arm];
    scan->most = (float)tables->most[arm];
    scan->sign = (float)sign;
    scan->gamma = (float)(sign * shape->gamma[arm]);
    scan->alpha = (float)shape->alpha[arm];
    scan->beta = (float)shape->beta[arm];
    /* The least weight of a row set that has a complement. */
    scan->least_w = scan->alpha + scan->beta;
    for (i = start; i < end; i++) {
        scan->z[i] = (float)(sign * tables->y[i]);
        sizes += fabs(tables->y[i]);
    }
    scan->start = (float)(1e-5 * (sizes + (end - start) * fabs(shape->gamma[arm])));
}

static inline void scan_tables(scan_t *scan)
{
    const int backward = scan->backward;
    int b, half, v, i;
    for (b = scan->first; b < scan->last; b++)
        for (half = 0; half < 2; half++) {
            /* By how much each row falls short of the first in scan order. */
            const int origin = 8 * b + 4 * half;
            float lack[4] = {0, 0, 0, 0}, base = 0, total[16];
            float most_total = 0, most_top = 0;
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
static inline void tables_layout(tables_t *tables, const problem_t *problem,
                                 const uint64_t *universe)
{
    const shape_t *shape = problem->shape;
    int arm, b, i, w, n = 0;
    tables->form = shape->form;
    tables->n_scans = 0;
    /* Further centers are used for w = n only. */
    tables->n_centers = shape->beta[0] == 0 && problem->n_centers >= TABLE_CENTERS
                          ? TABLE_CENTERS : 1;
    for (i = 0; i < tables->n_centers; i++)
        tables->centers[i] = (float)problem->centers[i];
    for (arm = 0; arm < 2; arm++) {
        const int start = n;
        for (w = problem->first[arm]; w < problem->last[arm]; w++) {
            uint64_t x = universe[w] & problem->mask[arm][w];
            for (; x; x &= x - 1)
                tables->y[n++] = problem->outcome[64 * w + lowest_bit(x)];
        }
        tables->start[arm] = start;
        tables->end[arm] = n;
        tables->first[arm] = start / 8;
        tables->last[arm] = n > start ? (n + 7) / 8 : start / 8;
        for (b = tables->first[arm]; b < tables->last[arm]; b++) {
            const int low = start > 8 * b ? start - 8 * b : 0;
            const int high = n < 8 * b + 8 ? 8 * b + 8 - n : 0;
            tables->mask[arm][b] = (uint8_t)(255 << low & 255 >> high);
        }
    }
    tables->n_bytes = (n + 7) / 8;
    tables->is_wide = tables->end[0] > BYTE_ARM || n - tables->start[1] > BYTE_ARM;
    tables->least_members = clip_size(tables, problem->least_members);
    for (arm = 0; arm < 2; arm++) {
        const int64_t most = arm < problem->n_arms ? problem->most[arm] : MAX_ARM;
        tables->least[arm] = clip_size(tables, problem->least[arm]);
        tables->most[arm] = clip_size(tables, most);
        if (arm >= problem->n_arms || tables->is_wide)
            continue;
        if (shape->scans[arm] & SCAN_FORWARD)
            scan_rows(tables, shape, arm, 0);
        if (shape->scans[arm] & SCAN_BACKWARD)
            scan_rows(tables, shape, arm, 1);
    }
}

/* Tables for the quick bounds. */
static inline void tables_scans(tables_t *tables)
{
    int i;
    for (i = 0; i < tables->n_scans; i++)
        scan_tables(tables->scan + i);
}

/* Tables for joining two row sets. */
static inline void tables_joins(tables_t *tables, const problem_t *problem)
{
    int arm;
    for (arm = 0; arm < 2; arm++)
        if (arm < problem->n_arms)
            tables_sums(tables, problem->shape, arm);
        else {
            tables->step[arm] = tables->gamma[arm] = tables->slack[arm] = 0;
            tables->alpha[arm] = tables->beta[arm] = 0;
        }
}

/* Transpose 8 x 8 bytes. */
static inline void transpose_bytes(uint64_t x[8])
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
