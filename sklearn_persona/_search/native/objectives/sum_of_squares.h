/* sum-of-squares: between-group sum of squares, inside and outside in each arm.
 *
 *     sum over the arms of k (K - k) / K (mean inside - mean outside)^2
 * counted when the effect inside exceeds the effect outside. It is convex in the
 * sum, so an arm's best refinement is a prefix or a suffix of its outcomes, and
 * the bound needs no constant. In one arm it equals contrast.h.
 */
#define sum_of_squares_SCAN_0 (ARMS == 1 ? SCAN_FORWARD : SCAN_BOTH)
#define sum_of_squares_SCAN_1 SCAN_BOTH

static ALWAYS_INLINE double sum_of_squares_value(int arms, const totals_t *all,
                                                 const double n[2],
                                                 const double s[2])
{
    double out0 = all->n[0] - n[0], out1, u1;
    double u0 = s[0] / n[0] - (all->s[0] - s[0]) / out0;
    double value = u0 * u0 * n[0] * out0 / all->n[0];
    if (arms == 1)
        return u0 > 0 ? value : -1;
    out1 = all->n[1] - n[1];
    u1 = s[1] / n[1] - (all->s[1] - s[1]) / out1;
    /* Equal shifts may differ in the last bits. */
    return u0 - u1 > 1e-9 ? value + u1 * u1 * n[1] * out1 / all->n[1] : -1;
}

static ALWAYS_INLINE double sum_of_squares_term(const totals_t *all, int arm,
                                                double k, double s, double c)
{
    double rest = all->n[arm] - k;
    double u = s / k - (all->s[arm] - s) / rest;
    (void)c;
    return u * u * k * rest / all->n[arm];
}

/* In the terms of shape_t: w = n (N - n) / N, x = s - n mean of the arm. */
#define sum_of_squares_FORM SQUARES

static ALWAYS_INLINE void sum_of_squares_shape(const totals_t *all, int arm,
                                               double *alpha, double *beta,
                                               double *gamma)
{
    *alpha = 1;
    *beta = -1 / all->n[arm];
    *gamma = -all->s[arm] / all->n[arm];
}
