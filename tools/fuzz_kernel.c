/* Fuzz the compiled search, guided by its own coverage, against a list of all rules.
 *
 * clang with libFuzzer, address and undefined-behavior sanitizers; see fuzz_kernel.py.
 * The input draws the shape, the outcomes and the baseline of a small trial; every
 * instruction set of the machine must find the same value, which must be the largest.
 */
#include "one_search.h"

#define MOST_ROWS 200
#define MOST_FEATURES 5

typedef struct {
    const uint8_t *at, *end;
} input_t;

static int take(input_t *in, int low, int high)
{
    const int byte = in->at < in->end ? *in->at++ : 0;
    return low + byte % (high - low + 1);
}

/* Squared value by the definitions, and how near its sign is to the other one. */
static double value_of(const trial_t *t, const totals_t *all, int objective,
                       const double n[2], const double s[2], double *margin)
{
    double u[2] = {0, 0}, w[2] = {0, 0}, d, x;
    *margin = 1;
    for (int a = 0; a < t->arms; a++) {
        const double out = all->n[a] - n[a];
        u[a] = s[a] / n[a] - (all->s[a] - s[a]) / out;
        w[a] = n[a] * out / all->n[a];
    }
    switch (objective) {
    case 0:
        d = t->arms == 1 ? s[0] / n[0] : s[0] / n[0] - s[1] / n[1];
        return d > 0 ? d * d * (t->arms == 1 ? n[0] : n[0] * n[1] / (n[0] + n[1])) : 0;
    case 1:
        d = u[0] - u[1];
        return d > 0 ? d * d * (t->arms == 1 ? w[0] : w[0] * w[1] / (w[0] + w[1])) : 0;
    case 2:
        *margin = u[0] - u[1];
        return u[0] * u[0] * w[0] + u[1] * u[1] * w[1];
    case 3:
        x = s[0] + s[1] - (n[0] + n[1]) * (all->s[0] + all->s[1]) / t->n_rows;
        return x > 0 ? x * x / (n[0] + n[1]) : 0;
    default:
        *margin = u[0] - u[1];
        x = s[0] - n[0] * all->reference;
        return x > 0 ? x * x / (n[0] - all->curvature * n[0] * n[0]) : 0;
    }
}

/* The largest value of all rules, without and with those whose sign is uncertain. */
static void list_all(const trial_t *t, int objective, double best[2])
{
    const totals_t all = totals_of(t);
    const int m = 2 * t->n_features * t->n_cuts, per = 2 * t->n_cuts;
    best[0] = best[1] = 0;
    for (int i = 0; i < m; i++)
        for (int j = i; j < (t->max_variables > 1 ? m : i + 1); j++)
            for (int k = j; k < (t->max_variables > 2 && j > i ? m : j + 1); k++) {
                double n[2] = {0, 0}, s[2] = {0, 0}, margin, value;
                if ((j > i && j / per == i / per) || (k > j && k / per == j / per))
                    continue;
                for (int r = 0; r < t->n_rows; r++)
                    if (holds(t, i, r) && holds(t, j, r) && holds(t, k, r)) {
                        n[r >= t->n_treated]++;
                        s[r >= t->n_treated] += (double)t->fixed[r] * 0x1p-9;
                    }
                if (n[0] + n[1] < t->least_members || n[0] < t->least ||
                    all.n[0] - n[0] < t->least)
                    continue;
                if (t->arms == 2 && (n[1] < t->least || all.n[1] - n[1] < t->least))
                    continue;
                value = value_of(t, &all, objective, n, s, &margin);
                if (margin > 1e-7 && value > best[0])
                    best[0] = value;
                if (margin > -1e-7 && value > best[1])
                    best[1] = value;
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t size)
{
    input_t in = {content, content + size};
    uint8_t values[MOST_FEATURES * MOST_ROWS];
    int64_t fixed[MOST_ROWS];
    trial_t t = {0};
    double best[2], first = -2;

    const int objective = take(&in, 0, N_OBJECTIVES - 1);
    t.arms = take(&in, 1, 2);
    t.n_rows = take(&in, 8, MOST_ROWS);
    t.n_treated = t.arms == 1 ? t.n_rows : take(&in, 2, t.n_rows - 2);
    t.max_variables = take(&in, 1, 3);
    t.n_features = take(&in, 1, MOST_FEATURES - (t.max_variables > 2));
    t.n_cuts = take(&in, 1, 4 - (t.max_variables > 2));
    t.least = take(&in, 1, 5);
    t.least_members = take(&in, 1, 10);
    const int step = take(&in, 1, 255);
    for (int r = 0; r < t.n_rows; r++)
        fixed[r] = (int64_t)step * take(&in, -8, 8);
    into_search_order(fixed, t.n_rows, t.n_treated);
    for (int i = 0; i < t.n_features * t.n_rows; i++)
        values[i] = (uint8_t)take(&in, 0, t.n_cuts);
    t.values = values;
    t.fixed = fixed;
    list_all(&t, objective, best);
    for (int isa = ISA_PORTABLE; isa <= ISA_AVX512 && has_isa(isa); isa++) {
        const answer_t answer = search_once(&t, objective, isa);
        const double value = answer.value > 0 ? answer.value : 0;
        /* Room for rounding, relative and absolute. */
        if (answer.failed || value < best[0] * (1 - 1e-9) - 1e-13 ||
            value > best[1] * (1 + 1e-9) + 1e-13) {
            fprintf(stderr, "objective %d, instructions %d: %.17g, not %.17g\n",
                    objective, isa, value, best[0]);
            abort();
        }
        if (first != -2 && first != answer.value)
            abort();
        first = answer.value;
    }
    return 0;
}
