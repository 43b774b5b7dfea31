/* The branch and bound, compiled once for each OBJ (objective), ARMS (1, 2), WORDS
 * (words of a row set, 0: any number) and ISA. Included by kernels.h only. */

#define JOIN_(obj, arms, words, isa, name) obj##_##arms##_##words##_##isa##_##name
#define JOIN(obj, arms, words, isa, name) JOIN_(obj, arms, words, isa, name)
#define FN(name) JOIN(OBJ, ARMS, WORDS, ISA, name)
#define PART_(obj, name) obj##_##name
#define PART(obj, name) PART_(obj, name)
#if WORDS
#define N_WORDS(problem) WORDS
#else
#define N_WORDS(problem) ((problem)->n_words)
#endif

/* The objective in the terms of the quick loops. */
static void FN(describe)(const totals_t *all, shape_t *out)
{
    int arm;
    memset(out, 0, sizeof *out);
    out->form = ARMS == 1 ? TOTAL : PART(OBJ, FORM);
    out->scans[0] = PART(OBJ, SCAN_0);
    out->scans[1] = ARMS == 1 ? 0 : PART(OBJ, SCAN_1);
    for (arm = 0; arm < ARMS; arm++)
        PART(OBJ, shape)(all, arm, out->alpha + arm, out->beta + arm, out->gamma + arm);
}

/* Counts and sums by arm of a row set; 0 when it or an arm is too small. */
static ALWAYS_INLINE int FN(cells)(const problem_t *problem, const uint64_t *extent,
                                   double n[2], double s[2])
{
    const int n_words = N_WORDS(problem);
    int64_t members = 0, treated = 0, sum0 = 0, sum1 = 0;
    int w, b;
    for (w = 0; w < n_words; w++)
        members += popcount64(extent[w]);
    if (members < problem->least_members)
        return 0;
    if (ARMS == 1) {
        treated = members;
        if (members < problem->least[0])
            return 0;
    } else {
        for (w = 0; w < n_words; w++)
            treated += popcount64(extent[w] & problem->mask[0][w]);
        if (treated < problem->least[0] || members - treated < problem->least[1])
            return 0;
    }
    if (WORDS || problem->table) {
        const int64_t *table = problem->table;
        for (w = 0; w < n_words; w++) {
            uint64_t x = extent[w];
            for (b = 0; b < 8; b++, x >>= 8, table += 256 * ARMS) {
                const int64_t *cell = table + (x & 255) * ARMS;
                sum0 += cell[0];
                if (ARMS == 2)
                    sum1 += cell[1];
            }
        }
    } else {
        for (w = 0; w < n_words; w++) {
            uint64_t x = extent[w] & problem->mask[0][w];
            for (; x; x &= x - 1)
                sum0 += problem->fixed[64 * w + lowest_bit(x)];
            if (ARMS == 2) {
                x = extent[w] & problem->mask[1][w];
                for (; x; x &= x - 1)
                    sum1 += problem->fixed[64 * w + lowest_bit(x)];
            }
        }
    }
    n[0] = (double)treated;
    n[1] = (double)(members - treated);
    s[0] = (double)sum0 * problem->scale;
    s[1] = (double)sum1 * problem->scale;
    return 1;
}

/* Squared value, -1 where the complement is too small or the sign is wrong. */
static ALWAYS_INLINE double FN(value)(const problem_t *problem, const double n[2],
                                      const double s[2])
{
    if (n[0] > (double)problem->most[0] ||
        (ARMS == 2 && n[1] > (double)problem->most[1]))
        return -1;
    return PART(OBJ, value)(ARMS, &problem->all, n, s);
}

/* Largest term of an arm over its first k members, k within the size limits. */
static ALWAYS_INLINE double FN(scan)(const problem_t *problem, const uint64_t *extent,
                                     int arm, int backward, double c)
{
    const int first = WORDS ? 0 : problem->first[arm];
    const int last = WORDS ? WORDS : problem->last[arm];
    const double *outcome = problem->outcome;
    const uint64_t *mask = problem->mask[arm];
    const int64_t least = problem->least[arm], most = problem->most[arm];
    double sum = 0, best = 0;
    int64_t k = 0;
    int step;
    for (step = first; step < last; step++) {
        const int w = backward ? last - 1 - (step - first) : step;
        uint64_t x = extent[w] & mask[w];
        while (x) {
            int bit;
            double term;
            if (backward) {
                bit = highest_bit(x);
                x ^= 1ULL << bit;
            } else {
                bit = lowest_bit(x);
                x &= x - 1;
            }
            if (++k > most)
                return best;
            sum += outcome[64 * w + bit];
            if (k >= least) {
                term = PART(OBJ, term)(&problem->all, arm, (double)k, sum, c);
                if (term > best)
                    best = term;
            }
        }
    }
    return best;
}

static ALWAYS_INLINE double FN(arm_bound)(const problem_t *problem,
                                          const uint64_t *extent, int arm, double c)
{
    const int scans = arm == 0 ? PART(OBJ, SCAN_0) : PART(OBJ, SCAN_1);
    double best = 0;
    if (scans & SCAN_FORWARD)
        best = FN(scan)(problem, extent, arm, 0, c);
    if (scans & SCAN_BACKWARD) {
        double other = FN(scan)(problem, extent, arm, 1, c);
        if (other > best)
            best = other;
    }
    return best;
}

/* Upper bound of the squared value over every subset of a row set that keeps the
 * least sizes: for each constant c the arms separate, and the smallest sum is taken.
 * Stops once it falls below enough. */
static ALWAYS_INLINE double FN(bound)(const problem_t *problem, const uint64_t *extent,
                                      double enough)
{
    double best = 0;
    int i;
    for (i = 0; i < problem->n_centers; i++) {
        const double c = problem->centers[i];
        double sum = FN(arm_bound)(problem, extent, 0, c);
        if (ARMS == 2)
            sum += FN(arm_bound)(problem, extent, 1, c);
        if (i == 0 || sum < best)
            best = sum;
        if (best < enough)
            break;
    }
    /* Room for the rounding of the sums and of canonical(). */
    return best * (1 + 1e-9);
}

static ALWAYS_INLINE int FN(refresh)(worker_t *worker, int64_t done)
{
    const double best = bits_to_double(atomic_read(&worker->shared->best));
    if (best > worker->threshold)
        worker->threshold = best;
    worker->work += done * N_WORDS(worker->problem);
    if (worker->work > (1 << 20)) {
        worker->work = 0;
        if (worker->poll(worker->context))
            worker->shared->stop = 1;
    }
    return !worker->shared->stop && !worker->failed;
}

/* Finish a level whose items may have no bounds yet: keep those worth refining, best
 * first, or in any order when all pairs of them are evaluated. Vector loops first
 * apply a quick bound, where that pays, then one as tight as the scalar bound. */
static void FN(finish)(worker_t *worker, level_t *level, const uint64_t *universe,
                       int sort, int bounded)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    const size_t bytes = (size_t)n_words * sizeof(uint64_t);
    float bounds[512];
    int pass = 1;
    if (!level->n)
        return;
    if (problem->simd) {
        level_layout(level, problem, universe);
        if (level->tables->is_small ? sort || !bounded : level->n >= 2 * MAX_LANES) {
            level_scans(level, problem);
            pass = level->tables->is_small;
        }
    }
    for (; pass < 2 && level->n && !bounded; pass++) {
        int64_t j, from, out = 0;
        if (problem->simd)
            level_slice(level, problem, universe);
        for (from = 0; from < level->n; from += 512) {
            const int64_t to = from + 512 < level->n ? from + 512 : level->n;
            if (problem->simd)
                level_bounds(level, problem, pass, from, to - from, bounds);
            for (j = from; j < to; j++) {
                const uint64_t *extent = level->extents + j * n_words;
                const double bound =
                    problem->simd ? bounds[j - from]
                                  : FN(bound)(problem, extent, worker->threshold);
                if (bound < worker->threshold)
                    continue;
                level->items[out].selector = level->items[j].selector;
                level->items[out].slot = (int32_t)out;
                level->items[out].bound = (float)(bound * (1 + 1e-7));
                if (out != j)
                    memcpy(level->extents + out * n_words, extent, bytes);
                out++;
            }
        }
        level->n = out;
    }
    if (sort)
        level_sort(level, problem);
    if (problem->simd && level->n > 1)
        level_joins(level, problem, universe);
}

/* The threshold for a small level whose items are rules of `depth` conditions. */
static const threshold_t *FN(threshold)(worker_t *worker, const level_t *level,
                                        int depth)
{
    const double least = worker->threshold * (1 - 1e-5);
    threshold_t *threshold = worker->thresholds + depth - 1;
    if (threshold->value != least)
        worker->problem->simd->small_loops->threshold(level->tables, least, threshold);
    return threshold;
}

/* Rules of one condition: all of them evaluated, those worth refining kept. */
static void FN(roots)(worker_t *worker)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    level_t *roots = &worker->shared->roots;
    double n[2], s[2];
    int32_t i;
    roots->n = 0;
    if (!level_reserve(roots, problem, problem->n_selectors + 1) ||
        !slots_reset(worker, problem->n_selectors)) {
        worker->failed = 1;
        return;
    }
    for (i = 0; i < problem->n_selectors; i++) {
        const uint64_t *extent = problem->bits + (int64_t)i * n_words;
        double value;
        if (!FN(refresh)(worker, 8))
            return;
        if (!FN(cells)(problem, extent, n, s))
            continue;
        worker->n_evaluated++;
        worker->path[0] = i;
        value = FN(value)(problem, n, s);
        if (value * (1 + 1e-11) >= worker->threshold)
            consider(worker, extent, 1, value);
        if (problem->max_variables == 1)
            continue;
        memcpy(roots->extents + roots->n * n_words, extent,
               (size_t)n_words * sizeof(uint64_t));
        level_append(worker, roots, n_words, i, problem->max_variables);
    }
    FN(finish)(worker, roots, problem->rows, 1, 0);
}

/* The exact value of a rule of depth + 1 conditions; 0 when it is too small. */
static ALWAYS_INLINE int FN(try)(worker_t *worker, const uint64_t *both, int depth,
                                 int32_t selector)
{
    const problem_t *problem = worker->problem;
    double n[2], s[2], value;
    if (!FN(cells)(problem, both, n, s))
        return 0;
    value = FN(value)(problem, n, s);
    if (value * (1 + 1e-11) >= worker->threshold) {
        worker->path[depth] = selector;
        consider(worker, both, depth + 1, value);
    }
    return 1;
}

/* The same after the quick test, if there is one; counts the evaluated rules. */
static ALWAYS_INLINE int FN(try_quickly)(worker_t *worker, const uint64_t *both,
                                         int depth, int32_t selector)
{
    const packed_t *packed = worker->problem->packed;
    const int form = ARMS == 1 ? TOTAL : PART(OBJ, FORM);
    int is_rule = 0, reaches = 1;
    if (WORDS == 1 && packed) {
        reaches = packed_reaches(packed, both[0], form,
                                 worker->threshold * (1 - 1e-6), &is_rule);
    }
    if (reaches)
        is_rule = FN(try)(worker, both, depth, selector);
    worker->n_evaluated += is_rule;
    return is_rule;
}

/* Items from..to that may reach the threshold together with item i. */
static int64_t FN(partners)(worker_t *worker, const level_t *level, int64_t i,
                            int depth, int64_t from, int64_t to, int32_t *picks)
{
    const simd_t *simd = worker->problem->simd;
    const tables_t *tables = level->tables;
    if (tables->is_small)
        return simd->small_loops->leaves(
            tables, FN(threshold)(worker, level, depth), i, level->slices,
            level->capacity, from, to, picks, &worker->n_evaluated);
    return (tables->is_wide ? simd->wide_leaves : simd->leaves[tables->form])(
        tables, i, level->slices, level->capacity, from, to,
        (float)(worker->threshold * (1 - 1e-5)), picks, &worker->n_evaluated);
}

/* All pairs of a small level on the last variable: values only. */
static void FN(pairs)(worker_t *worker, const level_t *level, int depth)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    const item_t *items = level->items;
    const uint64_t *extents = level->extents;
    int64_t at[2] = {0, 0}, k, n, before;
    int32_t pairs[2 * PAIRS];
#if WORDS
    uint64_t both[WORDS];
#else
    uint64_t *both = worker->levels[MAX_VARIABLES - 1].extents;
#endif
    int w;
    while (at[0] < level->n) {
        const threshold_t *threshold = FN(threshold)(worker, level, depth);
        before = worker->n_evaluated;
        n = problem->simd->small_loops->pairs(level->tables, threshold, level->slices,
                                              level->capacity, level->n, at, pairs,
                                              &worker->n_evaluated);
        for (k = 0; k < n; k++) {
            const int64_t i = pairs[2 * k], j = pairs[2 * k + 1];
            const int32_t one = items[i].selector, other = items[j].selector;
            if (problem->feature[one] == problem->feature[other])
                continue;
            for (w = 0; w < n_words; w++)
                both[w] = extents[i * n_words + w] & extents[j * n_words + w];
            worker->path[depth - 1] = one;
            FN(try)(worker, both, depth, other);
        }
        if (!FN(refresh)(worker, (worker->n_evaluated - before) / 16 + n))
            return;
    }
}

/* Item i with every item before it, on the last variable: values only. */
static void FN(leaves)(worker_t *worker, const level_t *level, int64_t i, int depth)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    const item_t *items = level->items;
    const uint64_t *extents = level->extents, *mine = extents + i * n_words;
    const int32_t feature = problem->feature[items[i].selector];
    const int64_t block = problem->simd ? PICKS : 1 + (1 << 20) / n_words;
    int32_t picks[PICKS];
    int64_t j, end;
#if WORDS
    uint64_t both[WORDS];
#else
    uint64_t *both = worker->levels[MAX_VARIABLES - 1].extents;
#endif
    int w;
    for (j = 0; j < i; j = end) {
        end = j + block < i ? j + block : i;
        if (problem->simd) {
            int64_t k, n;
            if (!FN(refresh)(worker, (end - j) / 8 + 1))
                return;
            n = FN(partners)(worker, level, i, depth, j, end, picks);
            for (k = 0; k < n; k++) {
                const int32_t other = picks[k], selector = items[other].selector;
                if (problem->feature[selector] == feature)
                    continue;
                for (w = 0; w < n_words; w++)
                    both[w] = mine[w] & extents[other * (int64_t)n_words + w];
                FN(try)(worker, both, depth, selector);
            }
            continue;
        }
        if (!FN(refresh)(worker, end - j))
            return;
        for (; j < end; j++) {
            const uint64_t *other = extents + j * n_words;
            if (problem->feature[items[j].selector] == feature)
                continue;
            for (w = 0; w < n_words; w++)
                both[w] = mine[w] & other[w];
            FN(try_quickly)(worker, both, depth, items[j].selector);
        }
    }
}

/* Item i with every item before it: their values; out gets those worth refining. */
static int FN(children)(worker_t *worker, const level_t *level, int64_t i, int depth,
                        level_t *out)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    const item_t *items = level->items;
    const uint64_t *extents = level->extents, *mine = extents + i * n_words;
    const int32_t feature = problem->feature[items[i].selector];
    const int64_t block = problem->simd ? PICKS : 1 + (1 << 17) / n_words;
    const int n_kept = problem->max_variables - depth;
    /* A child with the same members as a parent is dropped, with its refinements: rules
     * with fewer conditions have the same members, and the tie rule prefers them. */
    const int drop_same =
        depth >= problem->min_variables && problem->min_modalities <= 1;
    const int is_small = problem->simd && level->tables->is_small;
    int32_t picks[PICKS];
    float bounds[PICKS];
    int64_t j, end, k, n;
    int w;
    out->n = 0;
    if (!slots_reset(worker, i)) {
        worker->failed = 1;
        return 0;
    }
    for (j = 0; j < i; j = end) {
        end = j + block < i ? j + block : i;
        if (!FN(refresh)(worker, problem->simd ? end - j : 8 * (end - j)))
            return 0;
        /* The slot after the last item is scratch space for the next candidate. */
        if (!level_reserve(out, problem, out->n + (end - j) + 1)) {
            worker->failed = 1;
            return 0;
        }
        n = end - j;
        if (is_small)
            n = problem->simd->small_loops->children(
                level->tables, FN(threshold)(worker, level, depth), i, level->slices,
                level->capacity, j, end, picks, bounds, &worker->n_evaluated);
        else if (problem->simd)
            n = problem->simd->children[level->tables->form](
                level->tables, i, level->slices, level->capacity, j,
                end, (float)(worker->threshold * (1 - 1e-5)), picks,
                &worker->n_evaluated);
        for (k = 0; k < n; k++) {
            const int64_t at = problem->simd ? picks[k] >> 2 : j + k;
            const uint64_t *other = extents + at * n_words;
            const int32_t selector = items[at].selector;
            uint64_t *both = out->extents + out->n * n_words;
            if (problem->feature[selector] == feature)
                continue;
            for (w = 0; w < n_words; w++)
                both[w] = mine[w] & other[w];
            if (drop_same) {
                uint64_t lost = 0, lost_other = 0;
                for (w = 0; w < n_words; w++) {
                    lost |= mine[w] ^ both[w];
                    lost_other |= other[w] ^ both[w];
                }
                if (!lost || !lost_other)
                    continue;
            }
            if (problem->simd) {
                if (picks[k] & 2)
                    FN(try)(worker, both, depth, selector);
                if (!(picks[k] & 1))
                    continue;
                if (is_small)
                    out->items[out->n].bound = bounds[k];
            } else if (!FN(try_quickly)(worker, both, depth, selector))
                continue;
            level_append(worker, out, n_words, selector, n_kept);
        }
    }
    FN(finish)(worker, out, mine, n_kept > 2, is_small);
    worker->thresholds[depth].value = 0;
    return 1;
}

/* Refine item i of a level whose items are rules of `depth` conditions. */
static void FN(refine)(worker_t *worker, const level_t *level, int64_t i, int depth)
{
    level_t *next = &worker->levels[depth];
    int64_t k;
    worker->path[depth - 1] = level->items[i].selector;
    if (depth + 1 == worker->problem->max_variables) {
        FN(leaves)(worker, level, i, depth);
        return;
    }
    if (!FN(children)(worker, level, i, depth, next) || next->n < 2)
        return;
    if (depth + 2 == worker->problem->max_variables && worker->problem->simd &&
        next->tables->is_small) {
        FN(pairs)(worker, next, depth + 1);
        return;
    }
    for (k = 1; k < next->n; k++) {
        if (!FN(refresh)(worker, 1))
            return;
        if (next->items[k].bound < worker->threshold)
            continue;
        FN(refine)(worker, next, k, depth + 1);
    }
}

/* Take roots until none is left that could hold a better rule. */
static void FN(search)(worker_t *worker)
{
    const level_t *roots = &worker->shared->roots;
    if (worker->problem->max_variables == 1)
        return;
#if !WORDS
    if (!level_reserve(&worker->levels[MAX_VARIABLES - 1], worker->problem, 1)) {
        worker->failed = 1;
        return;
    }
#endif
    for (;;) {
        int64_t i = atomic_next(&worker->shared->next_root);
        if (i >= roots->n || !FN(refresh)(worker, 1) ||
            roots->items[i].bound < worker->threshold)
            return;
        FN(refine)(worker, roots, i, 1);
    }
}

/* Collect the best refinements of some rules by one more condition, about `keep` of
 * them. The level holds all selectors, then the row sets of the rules. */
static void FN(expand)(worker_t *worker, const level_t *level, const int32_t *rules,
                       int64_t n_rules, int length, int64_t keep)
{
    const problem_t *problem = worker->problem;
    const int n_words = N_WORDS(problem);
    const int64_t n_selectors = problem->n_selectors;
    int64_t full = 4 * keep, p, from, k;
    int32_t picks[PICKS], rule[MAX_VARIABLES];
    uint64_t *both = level->spare;
    int w, v;
    for (p = 0; p < n_rules; p++, rules += length) {
        const int64_t mine = n_selectors + p;
        for (from = 0; from < n_selectors; from += PICKS) {
            const int64_t to = from + PICKS < n_selectors ? from + PICKS : n_selectors;
            int64_t n = to - from;
            if (problem->simd)
                n = FN(partners)(worker, level, mine, 1, from, to, picks);
            for (k = 0; k < n && !worker->failed; k++) {
                const int32_t i = problem->simd ? picks[k] : (int32_t)(from + k);
                double counts[2], sums[2], value;
                for (v = 0; v < length; v++)
                    if (problem->feature[rules[v]] == problem->feature[i])
                        break;
                if (v < length)
                    continue;
                for (w = 0; w < n_words; w++)
                    both[w] = level->extents[mine * n_words + w] &
                              level->extents[(int64_t)i * n_words + w];
                if (!FN(cells)(problem, both, counts, sums))
                    continue;
                if (!problem->simd)
                    worker->n_evaluated++;
                value = canonical(FN(value)(problem, counts, sums));
                if (value < worker->threshold)
                    continue;
                /* Not memcpy: an empty rule may have no address. */
                for (v = 0; v < length; v++)
                    rule[v] = rules[v];
                rule[length] = i;
                sort_by_feature(problem, rule, length + 1);
                collect(worker, both, rule, length + 1, value);
            }
            if (worker->collection->n >= full) {
                raise_threshold(worker, keep);
                full = 2 * worker->collection->n;
            }
        }
    }
}

/* Squared value of every parent joined with every selector; -2 when too small. */
static void FN(evaluate)(const problem_t *problem, const uint64_t *parents,
                         int64_t n_parents, double *out)
{
    const int n_words = N_WORDS(problem);
    double n[2], s[2];
    int64_t p;
    int32_t i;
    int w;
    for (p = 0; p < n_parents; p++)
        for (i = 0; i < problem->n_selectors; i++, out++) {
            const uint64_t *other = problem->bits + (int64_t)i * n_words;
#if WORDS
            uint64_t both[WORDS];
#else
            uint64_t *both = (uint64_t *)parents + n_parents * n_words;
#endif
            for (w = 0; w < n_words; w++)
                both[w] = parents[p * n_words + w] & other[w];
            *out = FN(cells)(problem, both, n, s) ? FN(value)(problem, n, s) : -2;
        }
}

/* Bound of every row set given; -2 when too small. */
static void FN(bounds)(const problem_t *problem, const uint64_t *extents,
                       int64_t n_extents, double *out)
{
    const int n_words = N_WORDS(problem);
    double n[2], s[2];
    int64_t p;
    for (p = 0; p < n_extents; p++) {
        const uint64_t *extent = extents + p * n_words;
        out[p] = FN(cells)(problem, extent, n, s) ? FN(bound)(problem, extent, 0) : -2;
    }
}

static const kernel_t FN(kernel) = {FN(describe), FN(roots), FN(search), FN(expand),
                                    FN(evaluate), FN(bounds)};

#undef JOIN_
#undef JOIN
#undef FN
#undef PART_
#undef PART
#undef N_WORDS
