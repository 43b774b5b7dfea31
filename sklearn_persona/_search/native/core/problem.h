/* The problem of a search, and the state that its threads share. */
#ifndef PERSONA_PROBLEM_H
#define PERSONA_PROBLEM_H

#include "platform.h"

#define MAX_VARIABLES 4
#define MAX_CENTERS 5
#define PICKS 2048                      /* row sets per call of a vector loop */
#define PAIRS 4096                      /* room for pairs of them */
/* Row set j of a level: its value may reach the threshold, its bound may. */
#define PICK(j, value, bound) ((int32_t)((j) << 2 | (value) << 1 | (bound)))
#define SCAN_FORWARD 1
#define SCAN_BACKWARD 2
#define SCAN_BOTH 3
/* Squared values at or below this (objective 1e-9 SD) are rounding, not effect. */
#define LEAST_VALUE 1e-18

/* Variance of the treatment's main effect in arm_shift.h, in SD^2. */
#define MAIN_EFFECT_VARIANCE 0.1

/* Outcomes in SD units; sums over all rows of an arm. */
typedef struct {
    double n[2], s[2], mean;
    double reference, curvature;        /* of arm_shift.h */
} totals_t;

/* With V = I + A TT' the covariance of the outcomes, reference and curvature are m and
 * q of x'P y = s - n m and x'P x = n - q n^2, where x marks n rows of the first arm and
 * P = V^-1 without the intercept; a single arm has none. */
static inline void complete_totals(totals_t *all, int arms)
{
    const double c = MAIN_EFFECT_VARIANCE / (1 + MAIN_EFFECT_VARIANCE * all->n[0]);
    const double total = all->n[0] + all->n[1], rest = 1 - c * all->n[0];
    const double weight = total - c * all->n[0] * all->n[0];
    const double sum = all->s[0] + all->s[1] - c * all->n[0] * all->s[0];
    all->reference = c * all->s[0] + (arms == 2 ? rest * sum / weight : 0);
    all->curvature = c + (arms == 2 ? rest * rest / weight : 0);
}

/* An objective in the terms of the quick loops: the value of a rule from
 * w = n (alpha + beta n) and x = s + gamma n of each arm,
 *     DIFFERENCE  (x0 w1 - x1 w0)^2 / (w0 w1 (w0 + w1)), counted when x0 w1 > x1 w0
 *     SQUARES     x0^2 / w0 + x1^2 / w1, counted when x0 w1 > x1 w0
 *     TOTAL       (x0 + x1)^2 / (w0 + w1), counted when x0 + x1 > 0
 */
enum { DIFFERENCE, SQUARES, TOTAL };

typedef struct {
    int form;
    int scans[2];                       /* of an arm: SCAN_FORWARD, SCAN_BACKWARD */
    double alpha[2], beta[2], gamma[2];
} shape_t;

/* Rows in search order: treated by falling outcome, then control by rising one.
 * The favorable refinements of any member set are then prefixes of its bits. */
typedef struct {
    int n_rows, n_words, n_selectors;
    const uint64_t *bits;               /* n_selectors x n_words */
    const int32_t *feature, *side, *cut, *modality; /* n_selectors each */
    const uint64_t *mask[2];            /* n_words each: the rows of an arm */
    const uint64_t *rows;               /* n_words: all rows */
    int first[2], last[2];              /* words of an arm, last exclusive */
    const int64_t *fixed;               /* n_rows: outcome, fixed point */
    const double *outcome;              /* n_rows: fixed * scale, in SD */
    const int64_t *table;               /* per byte of a row set: sums by arm */
    double scale;
    totals_t all;
    double centers[MAX_CENTERS];        /* the constants c of the bounds */
    int n_centers;
    int64_t least[2], most[2];          /* members of an arm inside a rule */
    int64_t least_members;              /* coverage */
    int min_variables, max_variables, min_modalities;
    int n_arms;
    const struct simd *simd;            /* vector loops, NULL for none */
    const shape_t *shape;
    const struct packed *packed;        /* quick test of one word, NULL for none */
} problem_t;

typedef struct {
    float bound;
    int32_t selector, slot;             /* slot: row of the extent buffer */
} item_t;

typedef struct {
    item_t *items, *spare_items;
    uint64_t *extents, *spare;          /* extents follow items once sorted */
    uint8_t *slices;                    /* byte b of item j at [b * capacity + j] */
    struct tables *tables;              /* what the slices mean */
    int64_t n, capacity;
} level_t;

/* A threshold as small levels compare with it; see simd_small.h. */
typedef struct {
    double value;                       /* 0: not set */
    int start[2];
    uint8_t limit[2][64];
} threshold_t;

/* Every row set at or above a fixed value, with its first rule by the tie rule. */
typedef struct {
    int64_t n, capacity, limit;
    int64_t n_slots, *slots;            /* open addressing; -1 is free */
    uint64_t *extents;                  /* n x n_words */
    int32_t *rules;                     /* n x (length, MAX_VARIABLES selectors) */
    double *values;
    int full;                           /* the limit was reached */
} collection_t;

typedef struct {
    volatile uint64_t best;             /* bits of the best squared value so far */
    volatile int64_t next_root;
    volatile uint64_t stop;
    level_t roots;
    const uint64_t *kept;               /* n_kept x n_words: personas kept so far */
    int n_kept;
    double max_overlap;
    double enough;                      /* a rule of this value ends the search */
} shared_t;

typedef struct {
    const problem_t *problem;
    shared_t *shared;
    double threshold;                   /* best value that this thread has seen */
    int32_t path[MAX_VARIABLES];
    int32_t rule[MAX_VARIABLES];        /* best rule of this thread */
    int n_rule;
    double value;                       /* its squared value, -1 when none */
    int64_t n_evaluated, work;
    int failed;                         /* out of memory */
    collection_t *collection;           /* NULL: only the best rule is wanted */
    level_t levels[MAX_VARIABLES];
    threshold_t thresholds[MAX_VARIABLES]; /* by conditions of a level's rules, - 1 */
    int32_t *slots;                     /* hash table of a level's row sets */
    int64_t n_slots, slot_mask;
    int (*poll)(void *);
    void *context;
} worker_t;

typedef struct {
    void (*describe)(const totals_t *, shape_t *);
    void (*roots)(worker_t *);
    void (*search)(worker_t *);
    void (*expand)(worker_t *, const level_t *, const int32_t *, int64_t, int, int64_t);
    void (*evaluate)(const problem_t *, const uint64_t *, int64_t, double *);
    void (*bounds)(const problem_t *, const uint64_t *, int64_t, double *);
} kernel_t;

/* Rounded to 40 significant bits, so that values that differ only by the order of
 * additions compare as equal and the tie rule decides. */
static inline double canonical(double value)
{
    uint64_t bits = double_to_bits(value);
    return bits_to_double((bits + (1ULL << 12)) & ~((1ULL << 13) - 1));
}

#endif
