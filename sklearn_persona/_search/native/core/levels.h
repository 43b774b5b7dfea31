/* Levels of the search: the row sets that are worth refining together. */
#ifndef PERSONA_LEVELS_H
#define PERSONA_LEVELS_H

#include "../simd/simd.h"
#include "packed.h"
#include "rules.h"

static inline int level_reserve(level_t *level, const problem_t *problem,
                                int64_t capacity)
{
    const size_t n_words = (size_t)problem->n_words;
    void *items, *spare_items, *extents, *spare;
    size_t bytes;
    if (capacity <= level->capacity)
        return 1;
    if (capacity < 2 * level->capacity)
        capacity = 2 * level->capacity;
    if (capacity < 256)
        capacity = 256;
    capacity = (capacity + MAX_LANES - 1) / MAX_LANES * MAX_LANES;
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
    if (problem->simd) {
        /* Its content is written again before it is read. */
        free(level->slices);
        level->slices = (uint8_t *)calloc(
            (size_t)capacity, n_words > 1 ? 8 * n_words : MAX_GROUPS);
        if (!level->tables)
            level->tables = (tables_t *)malloc(sizeof(tables_t));
    }
    if (!items || !spare_items || !extents || !spare ||
        (problem->simd && (!level->slices || !level->tables)))
        return 0;
    level->capacity = capacity;
    return 1;
}

/* Lay out a level whose row sets are subsets of the universe. */
static inline void level_layout(level_t *level, const problem_t *problem,
                                const uint64_t *universe)
{
    tables_t *tables = level->tables;
    tables_layout(tables, problem, universe);
    tables->is_small = problem->simd->small_loops && tables->end[1] <= SMALL_ROWS;
    if (tables->is_small)
        problem->simd->small_loops->layout(tables, problem, universe);
}

/* Tables for bounds: the quick ones, or those of a small level. */
static inline void level_scans(level_t *level, const problem_t *problem)
{
    if (level->tables->is_small)
        problem->simd->small_loops->scans(level->tables, problem);
    else
        tables_scans(level->tables);
}

/* Byte-slice its row sets. */
static inline void level_slice(level_t *level, const problem_t *problem,
                               const uint64_t *universe)
{
    if (level->tables->is_small)
        problem->simd->small_loops->slice(level->tables, universe, level->extents,
                                          problem->n_words, level->n, level->slices,
                                          level->capacity);
    else
        problem->simd->slice(universe, level->extents, problem->n_words,
                             level->tables->n_bytes, level->n, level->slices,
                             level->capacity);
}

/* Upper bounds of n row sets; quick ones with pass 0, small levels have none. */
static inline void level_bounds(const level_t *level, const problem_t *problem,
                                int pass, int64_t from, int64_t n, float *out)
{
    if (level->tables->is_small)
        problem->simd->small_loops->bounds(level->tables, level->slices + from,
                                           level->capacity, n, out);
    else
        problem->simd->bounds[pass](level->tables, level->slices + from,
                                    level->capacity, n, out);
}

/* Slices and tables for joining two row sets. */
static inline void level_joins(level_t *level, const problem_t *problem,
                               const uint64_t *universe)
{
    if (!level->tables->is_small)
        tables_joins(level->tables, problem);
    level_slice(level, problem, universe);
}

static inline void level_free(level_t *level)
{
    free(level->items);
    free(level->spare_items);
    free(level->extents);
    free(level->spare);
    free(level->slices);
    free(level->tables);
    memset(level, 0, sizeof *level);
}

static inline void worker_free(worker_t *worker)
{
    int i;
    for (i = 0; i < MAX_VARIABLES; i++)
        level_free(worker->levels + i);
    free(worker->slots);
}

/* Room for n row sets of a level in an empty hash table. */
static inline int slots_reset(worker_t *worker, int64_t n)
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
    const problem_t *problem = worker->problem;
    const int64_t mask = worker->slot_mask;
    const uint64_t *extent = level->extents + level->n * n_words;
    const size_t bytes = (size_t)n_words * sizeof(uint64_t);
    if (problem->min_modalities <= 1) {
        const int32_t feature = problem->feature[selector];
        int64_t slot = (int64_t)(hash_rows(extent, n_words) >> 20) & mask;
        int32_t last = -1;
        int same = 0;
        for (; worker->slots[slot] >= 0; slot = (slot + 1) & mask) {
            const int32_t at = worker->slots[slot];
            item_t *item = level->items + at;
            if (memcmp(level->extents + at * (int64_t)n_words, extent, bytes))
                continue;
            if (problem->feature[item->selector] == feature) {
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
static inline void level_sort(level_t *level, const problem_t *problem)
{
    const int n_words = problem->n_words;
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

#endif
