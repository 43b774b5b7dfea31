/* Bookkeeping around a candidate that reached the best value: rare, so not inlined
 * into the kernels. */
#ifndef PERSONA_RULES_H
#define PERSONA_RULES_H

#include <stdlib.h>
#include "lanes.h"

static int level_reserve(level_t *level, const column_t *column, int64_t capacity)
{
    const size_t n_words = (size_t)column->n_words;
    void *items, *spare_items, *extents, *spare;
    size_t bytes;
    if (capacity <= level->capacity)
        return 1;
    if (capacity < 2 * level->capacity)
        capacity = 2 * level->capacity;
    if (capacity < 256)
        capacity = 256;
    capacity = (capacity + MOST_LANES - 1) / MOST_LANES * MOST_LANES;
    bytes = (size_t)capacity * n_words * sizeof(uint64_t);
    items = realloc(level->items, (size_t)capacity * sizeof(item_t));
    if (items)
        level->items = (item_t *)items;
    spare_items = realloc(level->spare_items, (size_t)capacity * sizeof(item_t));
    if (spare_items)
        level->spare_items = (item_t *)spare_items;
    extents = realloc(level->extents, bytes);
    if (extents)
        level->extents = (uint64_t *)extents;
    spare = realloc(level->spare, bytes);
    if (spare)
        level->spare = (uint64_t *)spare;
    if (column->lanes) {
        /* What it held is laid out anew before it is read. */
        free(level->slices);
        level->slices = (uint8_t *)calloc((size_t)capacity, 8 * n_words);
        if (!level->plan)
            level->plan = (plan_t *)malloc(sizeof(plan_t));
    }
    if (!items || !spare_items || !extents || !spare ||
        (column->lanes && (!level->slices || !level->plan)))
        return 0;
    level->capacity = capacity;
    return 1;
}

/* Byte-slice the row sets of a level, subsets of the universe. */
static void level_slice(level_t *level, const column_t *column, const uint64_t *universe)
{
    column->lanes->slice(universe, level->extents, column->n_words,
                         level->plan->n_bytes, level->n, level->slices,
                         level->capacity);
}

static void level_free(level_t *level)
{
    free(level->items);
    free(level->spare_items);
    free(level->extents);
    free(level->spare);
    free(level->slices);
    free(level->plan);
    memset(level, 0, sizeof *level);
}

static void worker_free(worker_t *worker)
{
    int i;
    for (i = 0; i < MAX_VARIABLES; i++)
        level_free(worker->levels + i);
    free(worker->slots);
}

static uint64_t hash_rows(const uint64_t *extent, int n_words)
{
    uint64_t hash = 0;
    int w;
    for (w = 0; w < n_words; w++) {
        hash = (hash ^ extent[w]) * 0x9e3779b97f4a7c15ULL;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Room for n row sets of a level in an empty hash table. */
static int slots_reset(worker_t *worker, int64_t n)
{
    int64_t n_slots = 64;
    while (n_slots < 2 * n)
        n_slots *= 2;
    if (n_slots > worker->n_slots) {
        free(worker->slots);
        worker->n_slots = 0;
        worker->slots = (int32_t *)malloc((size_t)n_slots * sizeof(int32_t));
        if (!worker->slots)
            return 0;
        worker->n_slots = n_slots;
    }
    memset(worker->slots, 255, (size_t)n_slots * sizeof(int32_t));
    worker->slot_mask = n_slots - 1;
    return 1;
}

/* Take the row set in the slot after the level's last item into the level.
 *
 * Of items with the same members only the n_kept earliest different features stay:
 * rules that add up to n_kept - 1 further conditions need no others, because some kept
 * item has a free feature and the earlier feature wins a tie. Selectors are numbered
 * by feature, side and cut. */
static ALWAYS_INLINE void level_append(worker_t *worker, level_t *level, int n_words,
                                       int32_t selector, int n_kept)
{
    const column_t *column = worker->column;
    const int64_t mask = worker->slot_mask;
    const uint64_t *extent = level->extents + level->n * n_words;
    const size_t bytes = (size_t)n_words * sizeof(uint64_t);
    if (column->min_modalities <= 1) {
        const int32_t feature = column->feature[selector];
        int64_t slot = (int64_t)(hash_rows(extent, n_words) >> 20) & mask;
        int32_t last = -1;
        int same = 0;
        for (; worker->slots[slot] >= 0; slot = (slot + 1) & mask) {
            const int32_t at = worker->slots[slot];
            item_t *item = level->items + at;
            if (memcmp(level->extents + at * (int64_t)n_words, extent, bytes))
                continue;
            if (column->feature[item->selector] == feature) {
                if (selector < item->selector)
                    item->selector = selector;
                return;
            }
            if (last < 0 || item->selector > level->items[last].selector)
                last = at;
            same++;
        }
        if (same == n_kept) {
            if (selector < level->items[last].selector)
                level->items[last].selector = selector;
            return;
        }
        worker->slots[slot] = (int32_t)level->n;
    }
    level->items[level->n].selector = selector;
    level->items[level->n].slot = (int32_t)level->n;
    level->n++;
}

/* Best bound first; extents follow their items. Bounds are positive. */
static void level_sort(level_t *level, const column_t *column)
{
    const int n_words = column->n_words;
    int64_t i, n = level->n;
    uint64_t *swap;
    int32_t starts[4][256];
    int pass, v;
    memset(starts, 0, sizeof starts);
    for (i = 0; i < n; i++) {
        uint32_t key;
        memcpy(&key, &level->items[i].bound, 4);
        key = ~key;
        for (pass = 0; pass < 4; pass++)
            starts[pass][key >> (8 * pass) & 255]++;
    }
    for (pass = 0; pass < 4; pass++) {
        item_t *items = level->items;
        int32_t *start = starts[pass], at = 0, one = 0;
        for (v = 0; v < 256; v++) {
            const int32_t count = start[v];
            one |= count == n;
            start[v] = at;
            at += count;
        }
        if (one)
            continue;
        for (i = 0; i < n; i++) {
            uint32_t key;
            memcpy(&key, &items[i].bound, 4);
            level->spare_items[start[~key >> (8 * pass) & 255]++] = items[i];
        }
        level->items = level->spare_items;
        level->spare_items = items;
    }
    for (i = 0; i < n; i++) {
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
        /* The same members in other words are no second persona. */
        if (both == any || (double)both / (double)any > shared->max_overlap)
            return 1;
    }
    return 0;
}

static void collection_free(collection_t *all)
{
    free(all->slots);
    free(all->extents);
    free(all->rules);
    free(all->values);
    memset(all, 0, sizeof *all);
}

static int64_t *find_slot(const collection_t *all, const uint64_t *extent, int n_words)
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

static int collection_grow(collection_t *all, int n_words)
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

static void collect(worker_t *worker, const uint64_t *extent, const int32_t *rule, int n,
                    double value)
{
    collection_t *all = worker->collection;
    const int n_words = worker->column->n_words;
    int64_t *slot;
    int32_t *at;
    if (all->n == all->capacity && !collection_grow(all, n_words)) {
        worker->failed = 1;
        return;
    }
    slot = find_slot(all, extent, n_words);
    if (*slot >= 0) {
        at = all->rules + *slot * (1 + MAX_VARIABLES);
        if (!comes_first(worker->column, rule, n, at + 1, at[0]))
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

static int falling(const void *p, const void *q)
{
    const double a = *(const double *)p, b = *(const double *)q;
    return (a < b) - (a > b);
}

/* Raise the threshold to the value that `keep` collected row sets reach. */
static void raise_threshold(worker_t *worker, int64_t keep)
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
    if (worker->collection) {
        collect(worker, extent, rule, n, value);
        return;
    }
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
