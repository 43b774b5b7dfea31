/* Bookkeeping for a candidate that reached the best value: rare, so not inlined into
 * the kernels. */
#ifndef PERSONA_RULES_H
#define PERSONA_RULES_H

#include <stdlib.h>
#include "problem.h"

static inline uint64_t hash_rows(const uint64_t *extent, int n_words)
{
    uint64_t hash = 0;
    int w;
    for (w = 0; w < n_words; w++) {
        hash = (hash ^ extent[w]) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 29;
    }
    return hash;
}

static inline void sort_by_feature(const problem_t *problem, int32_t *rule, int n)
{
    int i, j;
    for (i = 1; i < n; i++)
        for (j = i; j > 0 && problem->feature[rule[j]] < problem->feature[rule[j - 1]];
             j--) {
            int32_t swap = rule[j];
            rule[j] = rule[j - 1];
            rule[j - 1] = swap;
        }
}

/* The tie rule: fewer variables, then column order, side, cut. */
static inline int comes_first(const problem_t *problem, const int32_t *a, int n_a,
                       const int32_t *b, int n_b)
{
    const int32_t *keys[3];
    int i, k;
    keys[0] = problem->feature;
    keys[1] = problem->side;
    keys[2] = problem->cut;
    if (n_a != n_b)
        return n_a < n_b;
    for (k = 0; k < 3; k++)
        for (i = 0; i < n_a; i++)
            if (keys[k][a[i]] != keys[k][b[i]])
                return keys[k][a[i]] < keys[k][b[i]];
    return 0;
}

static inline int enough_modalities(const problem_t *problem, const int32_t *rule,
                                    int n)
{
    int i, j, distinct = 0;
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++)
            if (problem->modality[rule[i]] == problem->modality[rule[j]])
                break;
        distinct += j == i;
    }
    return distinct >= problem->min_modalities;
}

static inline int overlaps_kept(const shared_t *shared, const uint64_t *extent,
                                int n_words)
{
    int i, w;
    for (i = 0; i < shared->n_kept; i++) {
        const uint64_t *kept = shared->kept + (int64_t)i * n_words;
        int64_t both = 0, any = 0;
        for (w = 0; w < n_words; w++) {
            both += popcount64(extent[w] & kept[w]);
            any += popcount64(extent[w] | kept[w]);
        }
        /* Another rule for the same members is not a second persona. */
        if (both == any || (double)both / (double)any > shared->max_overlap)
            return 1;
    }
    return 0;
}

static inline void collection_free(collection_t *all)
{
    free(all->slots);
    free(all->extents);
    free(all->rules);
    free(all->values);
    memset(all, 0, sizeof *all);
}

static inline int64_t *find_slot(const collection_t *all, const uint64_t *extent,
                                 int n_words)
{
    const uint64_t hash = hash_rows(extent, n_words);
    int64_t slot;
    for (slot = (int64_t)(hash & (uint64_t)(all->n_slots - 1));;
         slot = (slot + 1) & (all->n_slots - 1)) {
        int64_t at = all->slots[slot];
        if (at < 0 || !memcmp(all->extents + at * n_words, extent,
                              (size_t)n_words * sizeof(uint64_t)))
            return all->slots + slot;
    }
}

static inline int collection_grow(collection_t *all, int n_words)
{
    const int64_t capacity = all->capacity ? 2 * all->capacity : 1024;
    void *extents, *rules, *values;
    int64_t *slots, i;
    extents = realloc(all->extents, (size_t)capacity * n_words * sizeof(uint64_t));
    if (extents)
        all->extents = (uint64_t *)extents;
    rules = realloc(all->rules,
                    (size_t)capacity * (1 + MAX_VARIABLES) * sizeof(int32_t));
    if (rules)
        all->rules = (int32_t *)rules;
    values = realloc(all->values, (size_t)capacity * sizeof(double));
    if (values)
        all->values = (double *)values;
    slots = (int64_t *)malloc((size_t)(2 * capacity) * sizeof(int64_t));
    if (!extents || !rules || !values || !slots) {
        free(slots);
        return 0;
    }
    free(all->slots);
    all->slots = slots;
    all->n_slots = 2 * capacity;
    all->capacity = capacity;
    for (i = 0; i < all->n_slots; i++)
        slots[i] = -1;
    for (i = 0; i < all->n; i++)
        *find_slot(all, all->extents + i * n_words, n_words) = i;
    return 1;
}

static inline void collect(worker_t *worker, const uint64_t *extent,
                           const int32_t *rule, int n, double value)
{
    collection_t *all = worker->collection;
    const int n_words = worker->problem->n_words;
    int64_t *slot;
    int32_t *at;
    if (all->n == all->capacity && !collection_grow(all, n_words)) {
        worker->failed = 1;
        return;
    }
    slot = find_slot(all, extent, n_words);
    if (*slot >= 0) {
        at = all->rules + *slot * (1 + MAX_VARIABLES);
        if (!comes_first(worker->problem, rule, n, at + 1, at[0]))
            return;
    } else {
        if (all->n == all->limit) {
            all->full = 1;
            worker->shared->stop = 1;
            return;
        }
        *slot = all->n++;
        at = all->rules + *slot * (1 + MAX_VARIABLES);
        all->values[*slot] = value;
        memcpy(all->extents + *slot * n_words, extent,
               (size_t)n_words * sizeof(uint64_t));
    }
    at[0] = n;
    memcpy(at + 1, rule, MAX_VARIABLES * sizeof(int32_t));
}

static inline int falling(const void *p, const void *q)
{
    const double a = *(const double *)p, b = *(const double *)q;
    return (a < b) - (a > b);
}

/* Raise the threshold to the value that `keep` collected row sets reach. */
static inline void raise_threshold(worker_t *worker, int64_t keep)
{
    const collection_t *all = worker->collection;
    const size_t bytes = (size_t)all->n * sizeof(double);
    double *values;
    if (all->n <= keep)
        return;
    values = (double *)malloc(bytes);
    if (!values) {
        worker->failed = 1;
        return;
    }
    memcpy(values, all->values, bytes);
    qsort(values, (size_t)all->n, sizeof(double), falling);
    if (values[keep - 1] > worker->threshold)
        worker->threshold = values[keep - 1];
    free(values);
}

/* A rule of the first n selectors of the worker's path reached its threshold. */
static inline void consider(worker_t *worker, const uint64_t *extent, int n,
                            double value)
{
    const problem_t *problem = worker->problem;
    int32_t rule[MAX_VARIABLES];
    if (n < problem->min_variables)
        return;
    value = canonical(value);
    if (value < worker->threshold || value <= LEAST_VALUE)
        return;
    if (problem->min_modalities > 1 && !enough_modalities(problem, worker->path, n))
        return;
    if (overlaps_kept(worker->shared, extent, problem->n_words))
        return;
    memcpy(rule, worker->path, sizeof rule);
    sort_by_feature(problem, rule, n);
    if (worker->collection) {
        collect(worker, extent, rule, n, value);
        return;
    }
    if (worker->n_rule && (value < worker->value ||
                           (value == worker->value &&
                            !comes_first(problem, rule, n, worker->rule,
                                         worker->n_rule))))
        return;
    memcpy(worker->rule, rule, sizeof rule);
    worker->n_rule = n;
    worker->value = value;
    worker->threshold = value;
    atomic_raise(&worker->shared->best, value);
    if (value >= worker->shared->enough)
        worker->shared->stop = 1;
}

#endif
