/* The visit of tuples for one ISA; included by cubes.h. */
#if defined(_MSC_VER)
#define PERSONA_RESTRICT __restrict
#else
#define PERSONA_RESTRICT __restrict__
#endif
#define PART_(obj, name) obj##_##name
#define PART(obj, name) PART_(obj, name)
#define VALUES_(obj, arms, isa) obj##_##arms##_##isa##_values
#define VALUES(obj, arms, isa) VALUES_(obj, arms, isa)
#define FN_(isa, name) isa##_##name
#define FN__(isa, name) FN_(isa, name)
#define FN(name) FN__(ISA, name)

/* Converts with one rounding, in a form that every ISA can vectorize. */
static ALWAYS_INLINE double FN(convert)(int64_t x)
{
    const uint64_t low = ((uint64_t)x & 0xffffffffULL) | 0x4330000000000000ULL;
    const uint64_t high = ((uint64_t)x >> 32) ^ 0x4530000080000000ULL;
    const uint64_t offset = 0x4530000080100000ULL;
    return (bits_to_double(high) - bits_to_double(offset)) + bits_to_double(low);
}
#define to_double FN(convert)

#define TEMPLATE "../cubes/cube_template.h"
#define ARMS 1
#include "../objectives/each.h"
#undef ARMS
#define ARMS 2
#include "../objectives/each.h"
#undef ARMS
#undef TEMPLATE

#define ROW(obj, name) {VALUES(obj, 1, ISA), VALUES(obj, 2, ISA)},
static const values_t FN(values)[N_OBJECTIVES][2] = {EACH_OBJECTIVE(ROW)};
#undef ROW

/* Fill the cells of the tuples of a task, n of them, arm by arm. */
static int FN(fill)(cube_t *cube, const int32_t *visit, int64_t n, int64_t n_prefix)
{
    const sweep_t *sweep = cube->sweep;
    const cell_table_t *table = sweep->table;
    const int32_t *first = table->tuples + (int64_t)visit[0] * MAX_VARIABLES;
    const int depth = cube->n_features;
    uint16_t *PERSONA_RESTRICT prefix = cube->prefix;
    uint32_t *PERSONA_RESTRICT index = cube->index;
    cell_t *cells;
    int64_t start, t;
    int i, j;
    for (start = 0; start < table->n_rows; start += ROW_BLOCK) {
        const int rows = table->n_rows - start < ROW_BLOCK ?
            (int)(table->n_rows - start) : ROW_BLOCK;
        const int64_t *fixed = sweep->fixed + start;
        if (cube->arms == 2)
            for (i = 0; i < rows; i++)
                prefix[i] = sweep->arm[start + i];
        else
            memset(prefix, 0, (size_t)rows * sizeof *prefix);
        for (j = 0; j + 1 < depth; j++) {
            const uint8_t *codes = table->codes + first[j] * table->n_rows + start;
            const uint16_t k = (uint16_t)table->n_cells[first[j]];
            for (i = 0; i < rows; i++)
                prefix[i] = (uint16_t)(prefix[i] * k + codes[i]);
        }
        cells = cube->cells;
        for (t = 0; t < n; t++) {
            const int32_t *tuple = table->tuples + (int64_t)visit[t] * MAX_VARIABLES;
            const int32_t last = tuple[depth - 1];
            const uint8_t *codes = table->codes + last * table->n_rows + start;
            const uint32_t k = (uint32_t)table->n_cells[last];
            if (!cube_refresh(cube, rows))
                return 0;
            for (i = 0; i < rows; i++)
                index[i] = prefix[i] * k + codes[i];
            for (i = 0; i < rows; i++) {
#if defined(__GNUC__)
                pair_t *pair = (pair_t *)(cells + index[i]);
                *pair += (pair_t){fixed[i], 1};
#else
                cells[index[i]].sum += fixed[i];
                cells[index[i]].count++;
#endif
            }
            cells += n_prefix * k;
        }
    }
    return 1;
}

/* Sums of every selector of a tuple's last feature, for each cell of the others. */
static void FN(expand_last)(const cube_t *cube, const cell_t *cells, int64_t outer,
                            int64_t stride, slab_t *out)
{
    const cell_table_t *table = cube->sweep->table;
    const int32_t feature = cube->features[cube->n_features - 1];
    const int32_t first = table->selectors[feature];
    const int n = table->selectors[feature + 1] - first;
    const int k = table->n_cells[feature];
    int64_t sum[MAX_CELLS + 1], o;
    double count[MAX_CELLS + 1];
    int arm, i, r;
    sum[0] = 0;
    count[0] = 0;
    for (arm = 0; arm < cube->arms; arm++, cells += stride)
        for (o = 0; o < outer; o++) {
            const cell_t *from = cells + o * k;
            int64_t *s = out->s[arm] + o * n;
            double *m = out->n[arm] + o * n;
            for (i = 0; i < k; i++) {
                sum[i + 1] = sum[i] + from[i].sum;
                count[i + 1] = count[i] + (double)from[i].count;
            }
            for (i = 0; i < n; i++) {
                const int32_t *edge = table->edges + 2 * table->runs[first + i];
                s[i] = sum[edge[1]] - sum[edge[0]];
                m[i] = count[edge[1]] - count[edge[0]];
                for (r = table->runs[first + i] + 1; r < table->runs[first + i + 1];
                     r++) {
                    edge = table->edges + 2 * r;
                    s[i] += sum[edge[1]] - sum[edge[0]];
                    m[i] += count[edge[1]] - count[edge[0]];
                }
            }
        }
}

/* Running sums along an axis of k cells, whose first slot is zero. */
static void FN(cumulate)(const cube_t *cube, const slab_t *from, int64_t at, int k,
                         int64_t inner, slab_t *out)
{
    int64_t i;
    int arm, c;
    for (arm = 0; arm < cube->arms; arm++) {
        int64_t *s = out->s[arm];
        double *n = out->n[arm];
        memset(s, 0, (size_t)inner * sizeof *s);
        memset(n, 0, (size_t)inner * sizeof *n);
        for (c = 0; c < k; c++, s += inner, n += inner) {
            const int64_t *sum = from->s[arm] + at + c * inner;
            const double *count = from->n[arm] + at + c * inner;
            for (i = 0; i < inner; i++) {
                s[inner + i] = s[i] + sum[i];
                n[inner + i] = n[i] + count[i];
            }
        }
    }
}

/* The sums of one selector from running sums; added to out unless fresh. */
static void FN(run)(const cube_t *cube, const slab_t *sums, const int32_t *edge,
                    int64_t inner, int fresh, slab_t *out, int64_t at)
{
    int64_t i;
    int arm;
    for (arm = 0; arm < cube->arms; arm++) {
        const int64_t *s1 = sums->s[arm] + edge[1] * inner;
        const int64_t *s0 = sums->s[arm] + edge[0] * inner;
        const double *n1 = sums->n[arm] + edge[1] * inner;
        const double *n0 = sums->n[arm] + edge[0] * inner;
        int64_t *PERSONA_RESTRICT s = out->s[arm] + at;
        double *PERSONA_RESTRICT n = out->n[arm] + at;
        if (fresh)
            for (i = 0; i < inner; i++) {
                s[i] = s1[i] - s0[i];
                n[i] = n1[i] - n0[i];
            }
        else
            for (i = 0; i < inner; i++) {
                s[i] += s1[i] - s0[i];
                n[i] += n1[i] - n0[i];
            }
    }
}

/* Value the rules of a slab: the path up to `axis`, then every rule of the rest. */
static int FN(judge)(cube_t *cube, const slab_t *plus, const slab_t *minus,
                     int64_t inner, int axis)
{
    const cell_table_t *table = cube->sweep->table;
    int64_t i;
    int d, j;
    if (!cube_refresh(cube, inner))
        return 0;
    for (d = 0; d < cube->sweep->n_directions; d++) {
        worker_t *worker = cube->workers[d];
        double largest;
        worker->n_evaluated += cube->values(worker->problem, plus, minus, inner,
                                            cube->out, &largest);
        if (largest > cube->largest[d])
            cube->largest[d] = largest;
        if (largest * (1 + 1e-11) < worker->threshold)
            continue;
        for (i = 0; i < inner; i++) {
            int64_t rest = i;
            if (cube->out[i] * (1 + 1e-11) < worker->threshold)
                continue;
            for (j = cube->n_features - 1; j >= axis; j--) {
                const int32_t first = table->selectors[cube->features[j]];
                const int n = table->selectors[cube->features[j] + 1] - first;
                worker->path[j] = first + (int32_t)(rest % n);
                rest /= n;
            }
            cube_consider(cube, worker, cube->n_features, cube->out[i]);
            if (!cube_refresh(cube, worker->problem->n_words *
                                        (1 + worker->shared->n_kept)))
                return 0;
        }
    }
    return 1;
}

/* Every rule of the tuple that starts with the path up to `axis`; cells holds the rest
 * of the cube, with `stride` cells per arm. */
static int FN(expand)(cube_t *cube, const cell_t *cells, int64_t stride, int axis)
{
    const cell_table_t *table = cube->sweep->table;
    const int32_t feature = cube->features[axis];
    const int32_t first = table->selectors[feature];
    const int n = table->selectors[feature + 1] - first;
    const int k = table->n_cells[feature];
    /* At most MAX_VARIABLES; stated for the compiler. */
    const int last = (cube->n_features < MAX_VARIABLES ? cube->n_features :
                                                         MAX_VARIABLES) - 1;
    slab_t *slab = cube->slabs, *other = cube->slabs + 1;
    slab_t *added = cube->slabs + 2, *zeros = cube->slabs + 3, *swap;
    int64_t inner_cells = 1, inner = 1, outer, most, o;
    int arm, d, i, j, r;
    for (j = axis + 1; j <= last; j++) {
        const int32_t f = cube->features[j];
        inner_cells *= table->n_cells[f];
        inner *= table->selectors[f + 1] - table->selectors[f];
    }
    /* The largest of the arrays between cells and rules. */
    most = n > inner ? n : inner;
    for (j = last, outer = k * inner_cells, o = 1; j > axis; j--) {
        const int64_t sums = table->n_cells[cube->features[j - 1]] + 1;
        outer /= table->n_cells[cube->features[j]];
        o *= table->selectors[cube->features[j] + 1] -
             table->selectors[cube->features[j]];
        if ((outer > sums ? outer : sums) * o > most)
            most = (outer > sums ? outer : sums) * o;
    }
    if (axis < last && axis + 1 < MAX_VARIABLES && most > cube->most_slots) {
        cell_t *part = cells_reserve(cube->parts + axis, cube->n_parts + axis,
                                     cube->arms * inner_cells);
        if (!part) {
            cube->workers[0]->failed = 1;
            return 0;
        }
        for (i = 0; i < n; i++) {
            memset(part, 0, (size_t)(cube->arms * inner_cells) * sizeof *part);
            for (r = table->runs[first + i]; r < table->runs[first + i + 1]; r++)
                for (j = table->edges[2 * r]; j < table->edges[2 * r + 1]; j++)
                    for (arm = 0; arm < cube->arms; arm++) {
                        const cell_t *from = cells + arm * stride + j * inner_cells;
                        cell_t *to = part + arm * inner_cells;
                        for (o = 0; o < inner_cells; o++) {
                            to[o].sum += from[o].sum;
                            to[o].count += from[o].count;
                        }
                    }
            for (d = 0; d < cube->sweep->n_directions; d++)
                cube->workers[d]->path[axis] = first + i;
            if (!cube_refresh(cube, k * inner_cells) ||
                !FN(expand)(cube, part, inner_cells, axis + 1))
                return 0;
        }
        return 1;
    }
    if (!cube_reserve(cube, most)) {
        cube->workers[0]->failed = 1;
        return 0;
    }
    if (axis == last) {
        FN(expand_last)(cube, cells, 1, stride, slab);
        return FN(judge)(cube, slab, zeros, n, axis);
    }
    outer = k * inner_cells / table->n_cells[cube->features[last]];
    FN(expand_last)(cube, cells, outer, stride, slab);
    inner = table->selectors[cube->features[last] + 1] -
            table->selectors[cube->features[last]];
    for (j = last - 1; j > axis; j--) {
        const int32_t f = cube->features[j];
        const int32_t begin = table->selectors[f];
        const int n_f = table->selectors[f + 1] - begin;
        const int k_f = table->n_cells[f];
        outer /= k_f;
        for (o = 0; o < outer; o++) {
            FN(cumulate)(cube, slab, o * k_f * inner, k_f, inner, added);
            for (i = 0; i < n_f; i++)
                for (r = table->runs[begin + i]; r < table->runs[begin + i + 1]; r++)
                    FN(run)(cube, added, table->edges + 2 * r, inner,
                            r == table->runs[begin + i], other,
                            (o * n_f + i) * inner);
        }
        inner *= n_f;
        swap = slab;
        slab = other;
        other = swap;
    }
    FN(cumulate)(cube, slab, 0, k, inner, other);
    for (i = 0; i < n; i++) {
        const int32_t *edge = table->edges + 2 * table->runs[first + i];
        slab_t plus, minus;
        for (arm = 0; arm < 2; arm++) {
            plus.s[arm] = other->s[arm] + edge[1] * inner;
            plus.n[arm] = other->n[arm] + edge[1] * inner;
            minus.s[arm] = other->s[arm] + edge[0] * inner;
            minus.n[arm] = other->n[arm] + edge[0] * inner;
        }
        if (table->runs[first + i + 1] > table->runs[first + i] + 1) {
            for (r = table->runs[first + i]; r < table->runs[first + i + 1]; r++)
                FN(run)(cube, other, table->edges + 2 * r, inner,
                        r == table->runs[first + i], added, 0);
            plus = *added;
            minus = *zeros;
        }
        for (d = 0; d < cube->sweep->n_directions; d++)
            cube->workers[d]->path[axis] = first + i;
        if (!FN(judge)(cube, &plus, &minus, inner, axis + 1))
            return 0;
    }
    return 1;
}

/* The tuples of a task, n of them. */
static int FN(visit)(cube_t *cube, const int32_t *visit, int64_t n)
{
    const sweep_t *sweep = cube->sweep;
    const cell_table_t *table = sweep->table;
    const int32_t *tuple = table->tuples + (int64_t)visit[0] * MAX_VARIABLES;
    int64_t n_prefix = 1, done, end, t;
    int depth, d;
    for (depth = 1; depth < MAX_VARIABLES && tuple[depth] >= 0; depth++)
        n_prefix *= table->n_cells[tuple[depth - 1]];
    cube->n_features = depth;
    memcpy(cube->features, tuple, sizeof cube->features);
    for (done = 0; done < n; done = end) {
        int64_t n_cells = 0;
        cell_t *cells;
        for (end = done; end < n; end++) {
            const int32_t last =
                table->tuples[(int64_t)visit[end] * MAX_VARIABLES + depth - 1];
            const int64_t more = cube->arms * n_prefix * table->n_cells[last];
            if (end > done && n_cells + more > SWEEP_CELLS)
                break;
            n_cells += more;
        }
        cells = cells_reserve(&cube->cells, &cube->n_cells, n_cells);
        if (!cells) {
            cube->workers[0]->failed = 1;
            return 0;
        }
        memset(cells, 0, (size_t)n_cells * sizeof *cells);
        if (!FN(fill)(cube, visit + done, end - done, cube->arms * n_prefix))
            return 0;
        for (t = done; t < end; t++) {
            const int32_t last =
                table->tuples[(int64_t)visit[t] * MAX_VARIABLES + depth - 1];
            const int64_t stride = n_prefix * table->n_cells[last];
            cube->features[depth - 1] = last;
            for (d = 0; d < sweep->n_directions; d++)
                cube->largest[d] = -1;
            if (!FN(expand)(cube, cells, stride, 0))
                return 0;
            if (!sweep->known)
                for (d = 0; d < sweep->n_directions; d++)
                    sweep->largest[d][visit[t]] = cube->largest[d];
            cells += cube->arms * stride;
        }
    }
    return 1;
}

static void FN(search)(cube_t *cube)
{
    const sweep_t *sweep = cube->sweep;
    worker_t *worker = cube->workers[0];
    for (;;) {
        const int64_t i = atomic_next(&worker->shared->next_root);
        if (i >= sweep->n_tasks || !cube_refresh(cube, 1))
            return;
        /* Best first: later tuples hold nothing better. */
        if (sweep->known && sweep->largest[0][sweep->visit[sweep->tasks[i]]] *
                                    (1 + 1e-11) < worker->threshold)
            return;
        if (!FN(visit)(cube, sweep->visit + sweep->tasks[i],
                       sweep->tasks[i + 1] - sweep->tasks[i]))
            return;
    }
}

#undef to_double
#undef PERSONA_RESTRICT
#undef PART_
#undef PART
#undef VALUES_
#undef VALUES
#undef FN_
#undef FN__
#undef FN
