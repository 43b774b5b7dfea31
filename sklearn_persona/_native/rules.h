/* Bookkeeping around a candidate that reached the best value: rare, so not inlined
 * into the kernels. */
#ifndef PERSONA_RULES_H
#define PERSONA_RULES_H

#include <stdlib.h>
#include "column.h"

static int level_reserve(level_t *level, int n_words, int64_t capacity)
{
    void *items, *extents, *spare;
    size_t bytes;
    if (capacity <= level->capacity)
        return 1;
    if (capacity < 2 * level->capacity)
        capacity = 2 * level->capacity;
    if (capacity < 256)
        capacity = 256;
    bytes = (size_t)capacity * n_words * sizeof(uint64_t);
    items = realloc(level->items, (size_t)capacity * sizeof(item_t));
    if (items)
        level->items = (item_t *)items;
    extents = realloc(level->extents, bytes);
    if (extents)
        level->extents = (uint64_t *)extents;
    spare = realloc(level->spare, bytes);
    if (spare)
        level->spare = (uint64_t *)spare;
    if (!items || !extents || !spare)
        return 0;
    level->capacity = capacity;
    return 1;
}

static void level_free(level_t *level)
{
    free(level->items);
    free(level->extents);
    free(level->spare);
    memset(level, 0, sizeof *level);
}

static int item_order(const void *p, const void *q)
{
    const item_t *a = (const item_t *)p, *b = (const item_t *)q;
    if (a->bound != b->bound)
        return a->bound < b->bound ? 1 : -1;
    return (a->selector > b->selector) - (a->selector < b->selector);
}

/* Best bound first; extents follow their items. */
static void level_sort(level_t *level, int n_words)
{
    int64_t i;
    uint64_t *swap;
    qsort(level->items, (size_t)level->n, sizeof(item_t), item_order);
    for (i = 0; i < level->n; i++) {
        memcpy(level->spare + i * n_words,
               level->extents + (int64_t)level->items[i].slot * n_words,
               (size_t)n_words * sizeof(uint64_t));
        level->items[i].slot = (int32_t)i;
    }
    swap = level->extents;
    level->extents = level->spare;
    level->spare = swap;
}

static void sort_by_feature(const column_t *column, int32_t *rule, int n)
{
    int i, j;
    for (i = 1; i < n; i++)
        for (j = i; j > 0 && column->feature[rule[j]] < column->feature[rule[j - 1]];
             j--) {
            int32_t swap = rule[j];
            rule[j] = rule[j - 1];
            rule[j - 1] = swap;
        }
}

/* The contract's tie rule: fewer variables, then column order, side, cut. */
static int comes_first(const column_t *column, const int32_t *a, int n_a,
                       const int32_t *b, int n_b)
{
    const int32_t *keys[3];
    int i, k;
    keys[0] = column->feature;
    keys[1] = column->side;
    keys[2] = column->cut;
    if (n_a != n_b)
        return n_a < n_b;
    for (k = 0; k < 3; k++)
        for (i = 0; i < n_a; i++)
            if (keys[k][a[i]] != keys[k][b[i]])
                return keys[k][a[i]] < keys[k][b[i]];
    return 0;
}

static int enough_modalities(const column_t *column, const int32_t *rule, int n)
{
    int i, j, distinct = 0;
    for (i = 0; i < n; i++) {
        for (j = 0; j < i; j++)
            if (column->modality[rule[i]] == column->modality[rule[j]])
                break;
        distinct += j == i;
    }
    return distinct >= column->min_modalities;
}

static int overlaps_kept(const shared_t *shared, const uint64_t *extent, int n_words)
{
    int i, w;
    for (i = 0; i < shared->n_kept; i++) {
        const uint64_t *kept = shared->kept + (int64_t)i * n_words;
        int64_t both = 0, any = 0;
        for (w = 0; w < n_words; w++) {
            both += popcount64(extent[w] & kept[w]);
            any += popcount64(extent[w] | kept[w]);
        }
        if ((double)both / (double)any > shared->max_overlap)
            return 1;
    }
    return 0;
}

/* A rule of the first n selectors of the worker's path reached its threshold. */
static void consider(worker_t *worker, const uint64_t *extent, int n, double value)
{
    const column_t *column = worker->column;
    int32_t rule[MAX_VARIABLES];
    if (n < column->min_variables)
        return;
    value = canonical(value);
    if (value < worker->threshold || value <= LEAST_VALUE)
        return;
    if (column->min_modalities > 1 && !enough_modalities(column, worker->path, n))
        return;
    if (overlaps_kept(worker->shared, extent, column->n_words))
        return;
    memcpy(rule, worker->path, sizeof rule);
    sort_by_feature(column, rule, n);
    if (worker->n_rule && (value < worker->value ||
                           (value == worker->value &&
                            !comes_first(column, rule, n, worker->rule,
                                         worker->n_rule))))
        return;
    memcpy(worker->rule, rule, sizeof rule);
    worker->n_rule = n;
    worker->value = value;
    worker->threshold = value;
    atomic_raise(&worker->shared->best, value);
}

#endif
