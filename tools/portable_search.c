/* The best rule of simulated trials, by every objective with one instruction set.
 * Different compilers and processors must agree on it to the last bit.
 * `tools/check_c.py` compiles, runs and compares it. */
#include "one_search.h"

#define FEATURES 9
#define CUTS 4

static uint64_t state;

static int draw(int below)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((state >> 33) % (uint64_t)below);
}

static void run(int n_rows, int n_treated, int arms, int objective, int isa)
{
    uint8_t *values = malloc((size_t)FEATURES * n_rows);
    int64_t *fixed = malloc((size_t)n_rows * 8);
    const trial_t trial = {n_rows, n_treated, arms, FEATURES, CUTS, 3, 6, 3,
                           values, fixed};

    if (!values || !fixed)
        exit(1);
    state = (uint64_t)(n_rows * 31 + n_treated);
    for (int r = 0; r < n_rows; r++)
        fixed[r] = draw(2001) - 1000 + (r < n_treated ? 150 : 0);
    into_search_order(fixed, n_rows, n_treated);
    for (int i = 0; i < FEATURES * n_rows; i++)
        values[i] = (uint8_t)draw(CUTS + 1);
    const answer_t answer = search_once(&trial, objective, isa);
    printf("%d rows, %d arm(s), objective %d: %016llx", n_rows, arms, objective,
           (unsigned long long)double_to_bits(answer.value));
    for (int k = 0; k < answer.n_rule; k++)
        printf(" %d", answer.rule[k]);
    printf("%s\n", answer.failed ? " out of memory" : "");
    free(values);
    free(fixed);
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
