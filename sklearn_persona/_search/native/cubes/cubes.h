/* Contingency cubes: every rule of a tuple of features from one pass over the rows.
 *
 * Rows that satisfy the same conditions of a feature share a cell of it. The pass
 * adds up counts and outcomes by arm in the cells of the tuple; conditions are runs of
 * cells, so running sums along each axis give the sums of every rule.
 */
#ifndef PERSONA_CUBES_H
#define PERSONA_CUBES_H

#include "../core/problem.h"
#include "../core/rules.h"
#include "../core/transpose.h"
#include "../objectives/all.h"

#define MAX_CELLS 255
#define ROW_BLOCK 8192
/* Most cells that one pass over the rows fills. */
#define SWEEP_CELLS (1 << 16)
/* Rows or rules, about a nanosecond each, between two looks at the clock. */
#define POLL_WORK (1 << 23)

typedef struct {
    int64_t sum, count;
} cell_t;
#if defined(__GNUC__)
/* Both in one addition. */
typedef int64_t pair_t __attribute__((vector_size(16), aligned(8), may_alias));
#endif

/* The part that does not depend on outcomes and arms. */
typedef struct {
    int64_t n_rows;
    const uint8_t *codes;     /* n_features x n_rows: the cell of a row */
    const int32_t *n_cells;   /* n_features */
    const int32_t *selectors; /* n_features + 1: first selector of each */
    const int32_t *runs;      /* n_selectors + 1: first run of each */
    const int32_t *edges;     /* n_runs x 2: first cell, last exclusive */
    const int32_t *tuples;    /* n_tuples x MAX_VARIABLES, -1 beyond the last */
} cell_table_t;

/* Sums by arm of many rules; counts are whole numbers. */
typedef struct {
    int64_t *s[2];
    double *n[2];
} slab_t;

typedef int64_t (*values_t)(const problem_t *, const slab_t *, const slab_t *, int64_t,
                            double *, double *);

/* One visit of tuples, shared by the threads. The tuples of a task differ in their
 * last feature only. */
typedef struct {
    const cell_table_t *table;
    const int64_t *fixed;     /* n_rows: outcome, fixed point */
    const uint8_t *arm;       /* n_rows: 0 treated, 1 control; NULL: one arm */
    const int32_t *visit;     /* tuples in the order of the visit */
    const int64_t *tasks;     /* n_tasks + 1: start of each task */
    int64_t n_tasks;
    int n_directions;
    double *largest[2];       /* n_tuples: largest value, by direction */
    int known;                /* whether largest is known; visit then sorts by it */
} sweep_t;

/* Working memory of a thread. */
typedef struct {
    const sweep_t *sweep;
    worker_t *workers[2];     /* by direction */
    values_t values;
    int arms;
    /* Slots of an expanded cube that stay in cache; a larger one is expanded condition
     * by condition of its first feature. */
    int64_t most_slots;
    uint16_t *prefix;         /* ROW_BLOCK: cell of all features but the last */
    uint32_t *index;          /* ROW_BLOCK: cell of all of them */
    cell_t *cells;
    int64_t n_cells;
    cell_t *parts[MAX_VARIABLES]; /* one condition of the first features fixed */
    int64_t n_parts[MAX_VARIABLES];
    slab_t slabs[4];          /* two to swap, one to add runs in, zeros */
    double *out;
    int64_t n_slots;
    uint64_t *extent;
    /* The current tuple. */
    int32_t features[MAX_VARIABLES];
    int n_features;
    double largest[2];
} cube_t;

static int slab_reserve(slab_t *slab, int64_t n)
{
    int arm;
    for (arm = 0; arm < 2; arm++) {
        free(slab->s[arm]);
        free(slab->n[arm]);
        slab->s[arm] = (int64_t *)calloc((size_t)n, sizeof(int64_t));
        slab->n[arm] = (double *)calloc((size_t)n, sizeof(double));
        if (!slab->s[arm] || !slab->n[arm])
            return 0;
    }
    return 1;
}

static int cube_reserve(cube_t *cube, int64_t n_slots)
{
    int i;
    if (n_slots <= cube->n_slots)
        return 1;
    for (i = 0; i < 4; i++)
        if (!slab_reserve(cube->slabs + i, n_slots))
            return 0;
    free(cube->out);
    cube->out = (double *)malloc((size_t)n_slots * sizeof(double));
    if (!cube->out)
        return 0;
    cube->n_slots = n_slots;
    return 1;
}

static cell_t *cells_reserve(cell_t **cells, int64_t *capacity, int64_t n)
{
    if (n > *capacity) {
        free(*cells);
        *cells = (cell_t *)malloc((size_t)n * sizeof(cell_t));
        *capacity = *cells ? n : 0;
    }
    return *cells;
}

static void cube_free(cube_t *cube)
{
    int i, arm;
    for (i = 0; i < 4; i++)
        for (arm = 0; arm < 2; arm++) {
            free(cube->slabs[i].s[arm]);
            free(cube->slabs[i].n[arm]);
        }
    for (i = 0; i < MAX_VARIABLES; i++)
        free(cube->parts[i]);
    free(cube->prefix);
    free(cube->index);
    free(cube->cells);
    free(cube->out);
    free(cube->extent);
}

/* Adopt the best value of other threads; 0 if the search must end. */
static int cube_refresh(cube_t *cube, int64_t done)
{
    worker_t *worker = cube->workers[0];
    int d;
    for (d = 0; d < cube->sweep->n_directions; d++) {
        worker_t *other = cube->workers[d];
        const double best = bits_to_double(atomic_read(&other->shared->best));
        if (best > other->threshold)
            other->threshold = best;
        if (other->failed || other->shared->stop)
            return 0;
    }
    worker->work += done;
    if (worker->work > POLL_WORK) {
        worker->work = 0;
        if (worker->poll(worker->context))
            worker->shared->stop = 1;
    }
    return !worker->shared->stop;
}

/* The rule of the path reached the threshold. Its members matter only if rules are kept
 * or collected. */
static void cube_consider(cube_t *cube, worker_t *worker, int n, double value)
{
    const problem_t *problem = worker->problem;
    int i, w;
    if (canonical(value) < worker->threshold)
        return;
    if (worker->shared->n_kept || worker->collection)
        for (i = 0; i < n; i++) {
            const uint64_t *bits =
                problem->bits + (int64_t)worker->path[i] * problem->n_words;
            for (w = 0; w < problem->n_words; w++)
                cube->extent[w] = i ? cube->extent[w] & bits[w] : bits[w];
        }
    consider(worker, cube->extent, n, value);
}

#define ISA portable
#include "cubes_isa.h"
#undef ISA

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAVE_AVX2 1
#pragma GCC push_options
#pragma GCC target("avx2,popcnt,bmi")
#define ISA avx2
#include "cubes_isa.h"
#undef ISA
#pragma GCC pop_options
#elif defined(__x86_64__) && defined(__clang__)
#define HAVE_AVX2 1
#pragma clang attribute push(__attribute__((target("avx2,popcnt,bmi"))), \
                             apply_to = function)
#define ISA avx2
#include "cubes_isa.h"
#undef ISA
#pragma clang attribute pop
#else
#define HAVE_AVX2 0
#endif

/* Visit tuples until none is left; the caller frees the memory. */
static void cube_search(cube_t *cube, int objective, int isa)
{
    const worker_t *worker = cube->workers[0];
    cube->prefix = (uint16_t *)malloc(ROW_BLOCK * sizeof(uint16_t));
    cube->index = (uint32_t *)malloc(ROW_BLOCK * sizeof(uint32_t));
    cube->extent =
        (uint64_t *)malloc((size_t)worker->problem->n_words * sizeof(uint64_t));
    if (!cube->prefix || !cube->index || !cube->extent) {
        cube->workers[0]->failed = 1;
        return;
    }
#if HAVE_AVX2
    if (isa >= ISA_AVX2) {
        cube->values = avx2_values[objective][cube->arms - 1];
        avx2_search(cube);
        return;
    }
#endif
    (void)isa;
    cube->values = portable_values[objective][cube->arms - 1];
    portable_search(cube);
}

#define CHUNK 56
#define SLOTS 1024

/* Number the rows by the selectors that they satisfy, in order of appearance.
 * Returns the number of cells, 0 when there are more than MAX_CELLS; sample holds
 * one row of each. */
static int find_cells(const uint64_t *bits, int n_selectors, int n_words,
                      int64_t n_rows, uint8_t *codes, int64_t *sample)
{
    uint64_t keys[SLOTS], block[64];
    int16_t ids[SLOTS];
    int first, n_cells = 0, i;
    int64_t row;
    for (first = 0; first == 0 || first < n_selectors; first += CHUNK) {
        const int last = first + CHUNK < n_selectors ? first + CHUNK : n_selectors;
        n_cells = 0;
        for (i = 0; i < SLOTS; i++)
            ids[i] = -1;
        for (row = 0; row < n_rows; row++) {
            uint64_t key;
            uint32_t slot;
            if (row % 64 == 0) {
                for (i = 0; i < 64; i++)
                    block[i] = first + i < last ?
                        bits[(int64_t)(first + i) * n_words + row / 64] : 0;
                transpose64(block);
            }
            /* Split the cells of earlier chunks further. */
            key = block[row % 64];
            if (first)
                key |= (uint64_t)codes[row] << CHUNK;
            slot = (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 54);
            while (ids[slot] >= 0 && keys[slot] != key)
                slot = (slot + 1) % SLOTS;
            if (ids[slot] < 0) {
                if (n_cells == MAX_CELLS)
                    return 0;
                keys[slot] = key;
                sample[n_cells] = row;
                ids[slot] = (int16_t)n_cells++;
            }
            codes[row] = (uint8_t)ids[slot];
        }
    }
    return n_cells;
}

#endif
