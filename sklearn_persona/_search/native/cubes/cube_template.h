/* Squared values of n rules, compiled once for each OBJ, ARMS and ISA. The sums of a
 * rule are those in plus less those in minus. Returns how many rules are large enough
 * inside; the others, and those too small outside, get -1. */
static int64_t VALUES(OBJ, ARMS, ISA)(const problem_t *problem, const slab_t *plus,
                                      const slab_t *minus, int64_t n,
                                      double *PERSONA_RESTRICT out, double *largest)
{
    const totals_t all = problem->all;
    const double scale = problem->scale;
    const double least0 = (double)problem->least[0], most0 = (double)problem->most[0];
    const double least1 = (double)problem->least[1], most1 = (double)problem->most[1];
    const double least_members = (double)problem->least_members;
    const int64_t *PERSONA_RESTRICT s0 = plus->s[0], *PERSONA_RESTRICT t0 = minus->s[0];
    const int64_t *PERSONA_RESTRICT s1 = plus->s[1], *PERSONA_RESTRICT t1 = minus->s[1];
    const double *PERSONA_RESTRICT n0 = plus->n[0], *PERSONA_RESTRICT m0 = minus->n[0];
    const double *PERSONA_RESTRICT n1 = plus->n[1], *PERSONA_RESTRICT m1 = minus->n[1];
    double top[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int64_t i, evaluated = 0;
    int j;
    for (i = 0; i < n; i++) {
        const double a = n0[i] - m0[i], b = ARMS == 2 ? n1[i] - m1[i] : 0;
        const double k[2] = {a, b};
        const double s[2] = {to_double(s0[i] - t0[i]) * scale,
                             ARMS == 2 ? to_double(s1[i] - t1[i]) * scale : 0};
        const int inside = (a >= least0) & (ARMS == 1 || b >= least1) &
                           (a + b >= least_members);
        const int outside = (a <= most0) & (ARMS == 1 || b <= most1);
        const double value = PART(OBJ, value)(ARMS, &all, k, s);
        out[i] = inside & outside ? value : -1;
        evaluated += inside;
    }
    for (i = 0; i + 8 <= n; i += 8)
        for (j = 0; j < 8; j++)
            top[j] = out[i + j] > top[j] ? out[i + j] : top[j];
    for (; i < n; i++)
        top[0] = out[i] > top[0] ? out[i] : top[0];
    for (j = 1; j < 8; j++)
        top[0] = top[j] > top[0] ? top[j] : top[0];
    *largest = top[0];
    return evaluated;
}
