/* The yardstick of the exact search: one thread, plain C, no SIMD, no beam, no merging.
 *
 * Best conjunction of 1..4 conditions on different variables for the objective
 * "effect" in the favorable direction, at most 64 rows:
 *
 * (a) a row set is one word; treated rows come first, by falling outcome, then control
 *     rows, by rising outcome, so that the best part of an arm is a prefix of its bits;
 * (b) for any constant c
 *         ab/(a+b) (mt - mc)^2 <= max_a (St - ac)+^2/a + max_b (bc - Sc)+^2/b
 *     over prefixes: the bound takes the smallest sum of three constants;
 * (c) a condition or child is kept only while its own bound reaches the best value, best
 *     bound first, so that both sides of every pair prune;
 * (d) leaves are evaluated without a bound.
 *
 * Input (argument 1): native-endian int32 n_rows, n_selectors, least_arm, least_members;
 * then uint64 row sets and int32 features of the selectors, double outcomes and uint8
 * arms of the rows. Argument 2: most variables of a rule; argument 3: runs (median).
 * Output: one line of JSON; `effect` is in units of the pooled within-arm SD.
 *
 * gcc -O3 -std=c11 reference_search.c -lm -o reference_search
 */
#define _POSIX_C_SOURCE 200112L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_VARIABLES 4
#define N_CENTERS 3
#define STEP (1.0 / (1LL << 44))

typedef struct {
    double bound;
    uint64_t rows;
    int32_t selector, feature;
} item_t;

typedef struct {
    item_t *items;
    int64_t n, capacity;
} level_t;

/* Of each arm: the sum of outcomes in steps of 2**-44 SD, times 256, plus the count. */
typedef struct {
    int64_t treated, control;
} cells_t;

static int n_rows, n_treated, n_selectors, max_variables;
static int least_arm, least_members, most[2];
static uint64_t *selectors, treated_mask;
static int32_t *feature;
static double outcome[64], inverse[65], centers[N_CENTERS];
/* Cells of the rows of one byte of a word. */
static cells_t table[8][256];

static level_t levels[MAX_VARIABLES];
static double best;
static int path[MAX_VARIABLES], rule[MAX_VARIABLES], n_rule;
static int64_t n_evaluated;

static inline cells_t cells_of(uint64_t rows)
{
    cells_t cells = {0, 0};
    int byte;
    for (byte = 0; byte < 8; byte++) {
        const cells_t *part = &table[byte][rows >> 8 * byte & 255];
        cells.treated += part->treated;
        cells.control += part->control;
    }
    return cells;
}

/* Whether enough are inside; if not, no subset has enough either. */
static inline int enough(cells_t cells)
{
    const int a = cells.treated & 255, b = cells.control & 255;
    return a >= least_arm && b >= least_arm && a + b >= least_members;
}

/* Squared effect with its sign; -1 where the complement is too small. */
static inline double value(cells_t cells)
{
    const int a = cells.treated & 255, b = cells.control & 255;
    const double d = (double)(cells.treated >> 8) * inverse[a] -
                     (double)(cells.control >> 8) * inverse[b];
    if (a > most[0] || b > most[1])
        return -1;
    return d * fabs(d) * (a * b) * inverse[a + b] * (STEP * STEP);
}

/* Largest term of an arm over its prefixes of allowed length; sign -1 for control. */
static double arm_bound(uint64_t rows, double sign, double c, int longest)
{
    double x = 0, largest = 0;
    int k = 0;
    for (; rows && k < longest; rows &= rows - 1) {
        const double gain = sign * (outcome[__builtin_ctzll(rows)] - c);
        /* Outcomes fall from here on: a longer prefix has a smaller term. */
        if (gain <= 0 && k >= least_arm)
            break;
        x += gain;
        k++;
        if (k >= least_arm && x > 0 && x * x * inverse[k] > largest)
            largest = x * x * inverse[k];
    }
    return largest;
}

static double upper_bound(uint64_t rows)
{
    double smallest = INFINITY;
    int i;
    for (i = 0; i < N_CENTERS && smallest >= best; i++) {
        const double sum =
            arm_bound(rows & treated_mask, 1, centers[i], most[0]) +
            arm_bound(rows & ~treated_mask, -1, centers[i], most[1]);
        if (sum < smallest)
            smallest = sum;
    }
    return smallest * (1 + 1e-9); /* the rounding of the sums */
}

static void consider(int selector, int depth, double found)
{
    if (found > best) {
        path[depth] = selector;
        best = found;
        n_rule = depth + 1;
        memcpy(rule, path, sizeof rule);
    }
}

static void append(level_t *level, uint64_t rows, int32_t selector, double bound)
{
    if (level->n == level->capacity) {
        level->capacity = level->capacity ? 2 * level->capacity : 1024;
        level->items = realloc(level->items, (size_t)level->capacity * sizeof(item_t));
        if (!level->items)
            exit(2);
    }
    level->items[level->n++] = (item_t){bound, rows, selector, feature[selector]};
}

static int by_bound(const void *p, const void *q)
{
    const item_t *a = p, *b = q;
    if (a->bound != b->bound)
        return a->bound < b->bound ? 1 : -1;
    return (a->selector > b->selector) - (a->selector < b->selector);
}

/* Evaluate a rule and keep it in the level if a refinement of it may be best. */
static void branch(level_t *level, uint64_t rows, int selector, int depth)
{
    const cells_t cells = cells_of(rows);
    double bound;
    if (!enough(cells))
        return;
    n_evaluated++;
    consider(selector, depth, value(cells));
    bound = upper_bound(rows);
    if (bound >= best)
        append(level, rows, selector, bound);
}

/* Item i of a level of rules of `depth` conditions, with every item before it. */
static void refine(const level_t *level, int64_t i, int depth)
{
    const uint64_t rows = level->items[i].rows;
    const int32_t own = level->items[i].feature;
    level_t *next = &levels[depth];
    int64_t j, k;
    path[depth - 1] = level->items[i].selector;
    if (depth + 1 == max_variables || depth + 1 == MAX_VARIABLES) {
        for (j = 0; j < i; j++) {
            const cells_t cells = cells_of(rows & level->items[j].rows);
            if (level->items[j].feature == own || !enough(cells))
                continue;
            n_evaluated++;
            consider(level->items[j].selector, depth, value(cells));
        }
        return;
    }
    next->n = 0;
    for (j = 0; j < i; j++)
        if (level->items[j].feature != own)
            branch(next, rows & level->items[j].rows, level->items[j].selector, depth);
    qsort(next->items, (size_t)next->n, sizeof(item_t), by_bound);
    for (k = 1; k < next->n && next->items[k].bound >= best; k++)
        refine(next, k, depth + 1);
}

static void search(void)
{
    int64_t i;
    best = 0;
    n_rule = 0;
    n_evaluated = 0;
    levels[0].n = 0;
    for (i = 0; i < n_selectors; i++)
        branch(&levels[0], selectors[i], (int)i, 0);
    if (max_variables == 1)
        return;
    qsort(levels[0].items, (size_t)levels[0].n, sizeof(item_t), by_bound);
    for (i = 1; i < levels[0].n && levels[0].items[i].bound >= best; i++)
        refine(&levels[0], i, 1);
}

/* Move bit i of every row set to position[i]. */
static void reorder(const int *position)
{
    int i, s;
    for (s = 0; s < n_selectors; s++) {
        uint64_t moved = 0;
        for (i = 0; i < n_rows; i++)
            moved |= (selectors[s] >> i & 1) << position[i];
        selectors[s] = moved;
    }
}

/* Outcomes in SD units around the middle of the arm means, in search order. */
static void prepare(const double *y, const uint8_t *treated)
{
    double mean[2] = {0, 0}, squares = 0, middle, sd;
    int i, j, size[2] = {0, 0}, position[64];
    for (i = 0; i < n_rows; i++) {
        mean[treated[i]] += y[i];
        size[treated[i]]++;
    }
    mean[0] /= size[0];
    mean[1] /= size[1];
    for (i = 0; i < n_rows; i++)
        squares += (y[i] - mean[treated[i]]) * (y[i] - mean[treated[i]]);
    sd = sqrt(squares / n_rows);
    middle = (mean[0] + mean[1]) / 2;
    n_treated = size[1];
    for (i = 0; i < n_rows; i++) {
        position[i] = treated[i] ? 0 : n_treated;
        for (j = 0; j < n_rows; j++)
            if (treated[j] == treated[i]) {
                const double lead = treated[i] ? y[j] - y[i] : y[i] - y[j];
                position[i] += lead > 0 || (lead == 0 && j < i);
            }
        outcome[position[i]] = (y[i] - middle) / sd;
    }
    reorder(position);
    treated_mask = n_treated == 64 ? ~0ULL : (1ULL << n_treated) - 1;
    for (i = 1; i <= 64; i++)
        inverse[i] = 1.0 / i;
    most[0] = size[1] - least_arm;
    most[1] = size[0] - least_arm;
    centers[0] = 0;
    centers[1] = -0.4;
    centers[2] = 0.4;
    memset(table, 0, sizeof table);
    for (i = 0; i < n_rows; i++)
        for (j = 0; j < 256; j++)
            if (j >> i % 8 & 1) {
                cells_t *cells = &table[i / 8][j];
                *(i < n_treated ? &cells->treated : &cells->control) +=
                    llrint(outcome[i] / STEP) * 256 + 1;
            }
}

static void *take(FILE *file, size_t size, size_t n)
{
    void *data = malloc(size * n + 1);
    if (!data || fread(data, size, n, file) != n) {
        fprintf(stderr, "short input\n");
        exit(2);
    }
    return data;
}

static int by_size(const void *p, const void *q)
{
    const double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 2 ? fopen(argv[1], "rb") : NULL;
    int32_t *header;
    double *seconds;
    int run, runs = argc > 3 ? atoi(argv[3]) : 1, i;
    if (!file || runs < 1) {
        fprintf(stderr, "usage: reference_search FILE MAX_VARIABLES [RUNS]\n");
        return 2;
    }
    header = take(file, sizeof(int32_t), 4);
    n_rows = header[0];
    n_selectors = header[1];
    least_arm = header[2];
    least_members = header[3];
    max_variables = atoi(argv[2]);
    if (n_rows < 2 || n_rows > 64 || least_arm < 1 || max_variables < 1 ||
        max_variables > MAX_VARIABLES) {
        fprintf(stderr, "2..64 rows, arms of 1 or more, 1..4 variables\n");
        return 2;
    }
    selectors = take(file, sizeof(uint64_t), (size_t)n_selectors);
    feature = take(file, sizeof(int32_t), (size_t)n_selectors);
    {
        double *y = take(file, sizeof(double), (size_t)n_rows);
        uint8_t *treated = take(file, 1, (size_t)n_rows);
        prepare(y, treated);
    }
    seconds = malloc((size_t)runs * sizeof(double));
    if (!seconds)
        return 2;
    for (run = 0; run < runs; run++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        search();
        clock_gettime(CLOCK_MONOTONIC, &end);
        seconds[run] = (double)(end.tv_sec - start.tv_sec) +
                       1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    }
    qsort(seconds, (size_t)runs, sizeof(double), by_size);
    printf("{\"effect\": %.12g, \"seconds\": %.6f, \"n_evaluated\": %lld, \"rule\": [",
           sqrt(best), seconds[runs / 2], (long long)n_evaluated);
    for (i = 0; i < n_rule; i++)
        printf("%s%d", i ? ", " : "", rule[i]);
    printf("]}\n");
    return 0;
}
