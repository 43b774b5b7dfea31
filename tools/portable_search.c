/* The best rule of simulated trials, by every objective and instruction set that this
 * machine runs: what different compilers and processors must agree on to the last bit.
 * `tools/check_c.py` compiles, runs and compares it. */
#include <stdio.h>
#include <stdlib.h>

#include "_native/kernels.h"

#define FEATURES 9
#define CUTS 4
#define SELECTORS (2 * FEATURES * CUTS)

static uint64_t state;

static int draw(int below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((state >> 33) % (uint64_t)below);
}

static int descending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    return descending(b, a);
}

static int never(void *context)
{
    (void)context;
    return 0;
}

static void run(int n_rows, int n_treated, int arms, int objective, int isa)
{
    const int n_words = padded_words((n_rows + 63) / 64);
    uint64_t *bits = calloc((size_t)SELECTORS * n_words, 8);
    uint64_t *mask = calloc((size_t)3 * n_words, 8);
    int64_t *fixed = calloc((size_t)n_rows, 8);
    int64_t *table = calloc((size_t)n_words * 8 * 256 * 2, 8);
    double *outcome = calloc((size_t)n_rows, 8);
    int32_t feature[SELECTORS], side[SELECTORS], cut[SELECTORS], modality[SELECTORS];
    column_t c = {0};
    struct shape shape;
    packed_t *packed = malloc(sizeof(packed_t));
    shared_t shared = {0};
    worker_t *worker = calloc(1, sizeof(worker_t));
    int64_t total[2] = {0, 0};

    if (!bits || !mask || !fixed || !table || !outcome || !packed || !worker)
        exit(1);
    state = (uint64_t)(n_rows * 31 + n_treated);
    for (int r = 0; r < n_rows; r++)
        fixed[r] = draw(2001) - 1000 + (r < n_treated ? 150 : 0);
    qsort(fixed, (size_t)n_treated, 8, descending);
    qsort(fixed + n_treated, (size_t)(n_rows - n_treated), 8, ascending);
    for (int f = 0; f < FEATURES; f++)
        for (int r = 0; r < n_rows; r++) {
            const int value = draw(CUTS + 1);
            for (int k = 0; k < CUTS; k++) {
                const int s = 2 * CUTS * f + (value > k ? CUTS : 0) + k;
                bits[(size_t)s * n_words + r / 64] |= 1ULL << r % 64;
            }
        }
    for (int s = 0; s < SELECTORS; s++) {
        feature[s] = s / (2 * CUTS);
        side[s] = s / CUTS % 2;
        cut[s] = s % CUTS;
        modality[s] = feature[s] % 3;
    }
    for (int r = 0; r < n_rows; r++) {
        const int arm = r >= n_treated;
        mask[arm * n_words + r / 64] |= 1ULL << r % 64;
        mask[2 * n_words + r / 64] |= 1ULL << r % 64;
        total[arm] += fixed[r];
        outcome[r] = (double)fixed[r] * 0x1p-9;
        for (int v = 0; v < 256; v++)
            if (v >> r % 8 & 1)
                table[((size_t)(r / 8) * 256 + v) * arms + (arms == 2 ? arm : 0)] +=
                    fixed[r];
    }
    c.n_rows = n_rows;
    c.n_words = n_words;
    c.n_selectors = SELECTORS;
    c.bits = bits;
    c.feature = feature;
    c.side = side;
    c.cut = cut;
    c.modality = modality;
    c.mask[0] = mask;
    c.mask[1] = mask + n_words;
    c.rows = mask + 2 * n_words;
    c.last[0] = (n_treated + 63) / 64;
    c.first[1] = n_treated / 64;
    c.last[1] = (n_rows + 63) / 64;
    c.fixed = fixed;
    c.outcome = outcome;
    c.table = n_words <= 16 ? table : NULL;
    c.scale = 0x1p-9;
    c.all.n[0] = n_treated;
    c.all.n[1] = n_rows - n_treated;
    c.all.s[0] = (double)total[0] * c.scale;
    c.all.s[1] = (double)total[1] * c.scale;
    c.all.mean = (double)(total[0] + total[1]) * c.scale / n_rows;
    complete_totals(&c.all, arms);
    c.n_centers = 1;
    for (int a = 0; a < arms; a++) {
        c.least[a] = 3;
        c.most[a] = (int64_t)c.all.n[a] - 3;
    }
    c.least_members = 6;
    c.min_variables = 1;
    c.max_variables = 3;
    c.min_modalities = 1;
    c.n_arms = arms;
    const kernel_t *kernel = find_kernel(objective, arms, n_words, isa);
    kernel->describe(&c.all, &shape);
    c.shape = &shape;
    const int most = n_treated > n_rows - n_treated ? n_treated : n_rows - n_treated;
    if (most <= BYTE_ARM)
        c.lanes = find_lanes(isa);
    if (n_words == 1 && !c.lanes) {
        packed_make(packed, &c);
        c.packed = packed;
    }
    shared.max_overlap = 1;
    shared.enough = 1e300;
    shared.best = double_to_bits(LEAST_VALUE);
    worker->column = &c;
    worker->shared = &shared;
    worker->threshold = LEAST_VALUE;
    worker->value = -1;
    worker->poll = never;
    kernel->roots(worker);
    kernel->search(worker);
    printf("%d rows, %d arm(s), objective %d: %016llx", n_rows, arms, objective,
           (unsigned long long)double_to_bits(worker->value));
    for (int k = 0; k < worker->n_rule; k++)
        printf(" %d", worker->rule[k]);
    printf("%s\n", worker->failed ? " out of memory" : "");
    level_free(&shared.roots);
    worker_free(worker);
    free(worker);
    free(packed);
    free(bits);
    free(mask);
    free(fixed);
    free(table);
    free(outcome);
}

int main(int argc, char **argv)
{
    const int isa = argc > 1 ? atoi(argv[1]) : ISA_PORTABLE;
    static const int sizes[] = {24, 50, 63, 64, 90, 127, 200, 256, 400, 700};

    if (!has_isa(isa))
        return 3;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int arms = 1; arms <= 2; arms++)
            for (int objective = 0; objective < N_OBJECTIVES; objective++)
                run(sizes[i], arms == 1 ? sizes[i] : sizes[i] * 2 / 5, arms, objective,
                    isa);
    return 0;
}
