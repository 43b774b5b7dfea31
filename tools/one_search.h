/* One search of a small trial by the compiled search, without Python. */
#ifndef ONE_SEARCH_H
#define ONE_SEARCH_H

#include <stdio.h>
#include <stdlib.h>

#include "native/core/kernels.h"

/* Baseline values are 0 .. n_cuts; conditions compare them with 0 .. n_cuts - 1. Rows
 * are in search order: treated by falling outcome, then control by rising one. */
typedef struct {
    int n_rows, n_treated, arms, n_features, n_cuts;
    int least, least_members, max_variables;
    const uint8_t *values;              /* n_features x n_rows */
    const int64_t *fixed;               /* n_rows: outcome in 2^-9 SD */
} trial_t;

typedef struct {
    double value;                       /* squared, -1 when there is no rule */
    int n_rule, failed;
    int32_t rule[MAX_VARIABLES];
} answer_t;

static int descending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    return descending(b, a);
}

static void into_search_order(int64_t *fixed, int n_rows, int n_treated)
{
    qsort(fixed, (size_t)n_treated, 8, descending);
    qsort(fixed + n_treated, (size_t)(n_rows - n_treated), 8, ascending);
}

static int never(void *context)
{
    (void)context;
    return 0;
}

/* Condition s of a feature: at most its cut, or above it. */
static int holds(const trial_t *t, int s, int row)
{
    const int cut = s % t->n_cuts, above = s / t->n_cuts % 2;
    const uint8_t *values = t->values + (size_t)(s / (2 * t->n_cuts)) * t->n_rows;
    return above ? values[row] > cut : values[row] <= cut;
}

static totals_t totals_of(const trial_t *t)
{
    totals_t all = {0};
    int64_t total[2] = {0, 0};
    for (int r = 0; r < t->n_rows; r++)
        total[r >= t->n_treated] += t->fixed[r];
    all.n[0] = t->n_treated;
    all.n[1] = t->n_rows - t->n_treated;
    all.s[0] = (double)total[0] * 0x1p-9;
    all.s[1] = (double)total[1] * 0x1p-9;
    all.mean = (double)(total[0] + total[1]) * 0x1p-9 / t->n_rows;
    complete_totals(&all, t->arms);
    return all;
}

static answer_t search_once(const trial_t *t, int objective, int isa)
{
    const int n_words = padded_words((t->n_rows + 63) / 64);
    const int n_selectors = 2 * t->n_features * t->n_cuts;
    uint64_t *bits = calloc((size_t)n_selectors * n_words, 8);
    uint64_t *mask = calloc((size_t)3 * n_words, 8);
    int64_t *table = calloc((size_t)n_words * 8 * 256 * 2, 8);
    double *outcome = calloc((size_t)t->n_rows, 8);
    int32_t *about = calloc((size_t)4 * n_selectors, 4);
    int32_t *feature = about, *side = about + n_selectors;
    int32_t *cut = about + 2 * n_selectors, *modality = about + 3 * n_selectors;
    packed_t *packed = malloc(sizeof(packed_t));
    worker_t *worker = calloc(1, sizeof(worker_t));
    problem_t c = {0};
    shape_t shape;
    shared_t shared = {0};
    answer_t answer = {0};

    if (!bits || !mask || !table || !outcome || !about || !packed || !worker)
        exit(1);
    for (int s = 0; s < n_selectors; s++) {
        feature[s] = s / (2 * t->n_cuts);
        side[s] = s / t->n_cuts % 2;
        cut[s] = s % t->n_cuts;
        modality[s] = feature[s] % 3;
        for (int r = 0; r < t->n_rows; r++)
            if (holds(t, s, r))
                bits[(size_t)s * n_words + r / 64] |= 1ULL << r % 64;
    }
    for (int r = 0; r < t->n_rows; r++) {
        const int arm = r >= t->n_treated;
        mask[arm * n_words + r / 64] |= 1ULL << r % 64;
        mask[2 * n_words + r / 64] |= 1ULL << r % 64;
        outcome[r] = (double)t->fixed[r] * 0x1p-9;
        for (int v = 0; v < 256; v++)
            if (v >> r % 8 & 1)
                table[((size_t)(r / 8) * 256 + v) * t->arms +
                      (t->arms == 2 ? arm : 0)] += t->fixed[r];
    }
    c.n_rows = t->n_rows;
    c.n_words = n_words;
    c.n_selectors = n_selectors;
    c.bits = bits;
    c.feature = feature;
    c.side = side;
    c.cut = cut;
    c.modality = modality;
    c.mask[0] = mask;
    c.mask[1] = mask + n_words;
    c.rows = mask + 2 * n_words;
    c.last[0] = (t->n_treated + 63) / 64;
    c.first[1] = t->n_treated / 64;
    c.last[1] = (t->n_rows + 63) / 64;
    c.fixed = t->fixed;
    c.outcome = outcome;
    c.table = n_words <= 16 ? table : NULL;
    c.scale = 0x1p-9;
    c.all = totals_of(t);
    c.n_centers = 1;
    for (int a = 0; a < t->arms; a++) {
        c.least[a] = t->least;
        c.most[a] = (int64_t)c.all.n[a] - t->least;
    }
    c.least_members = t->least_members;
    c.min_variables = 1;
    c.max_variables = t->max_variables;
    c.min_modalities = 1;
    c.n_arms = t->arms;
    const kernel_t *kernel = find_kernel(objective, t->arms, n_words, isa);
    kernel->describe(&c.all, &shape);
    c.shape = &shape;
    const int control = t->n_rows - t->n_treated;
    if ((t->n_treated > control ? t->n_treated : control) <= BYTE_ARM)
        c.simd = find_simd(isa);
    if (n_words == 1 && !c.simd) {
        packed_make(packed, &c);
        c.packed = packed;
    }
    shared.max_overlap = 1;
    shared.enough = 1e300;
    shared.best = double_to_bits(LEAST_VALUE);
    worker->problem = &c;
    worker->shared = &shared;
    worker->threshold = LEAST_VALUE;
    worker->value = -1;
    worker->poll = never;
    kernel->roots(worker);
    kernel->search(worker);
    answer.value = worker->value;
    answer.n_rule = worker->n_rule;
    answer.failed = worker->failed;
    for (int k = 0; k < worker->n_rule; k++)
        answer.rule[k] = worker->rule[k];
    level_free(&shared.roots);
    worker_free(worker);
    free(worker);
    free(packed);
    free(bits);
    free(mask);
    free(table);
    free(outcome);
    free(about);
    return answer;
}

#endif
