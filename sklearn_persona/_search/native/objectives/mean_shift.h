/* mean-shift: the outcome inside against the mean of all, regardless of arm.
 *
 * Squared value x^2 / n with x the sum inside of (outcome - mean of all). Bound:
 * (x0 + x1)^2 / (n0 + n1) <= x0^2 / n0 + x1^2 / n1 (Cauchy-Schwarz).
 */
#define mean_shift_SCAN_0 SCAN_FORWARD
#define mean_shift_SCAN_1 SCAN_BACKWARD

static ALWAYS_INLINE double mean_shift_value(int arms, const totals_t *all,
                                             const double n[2], const double s[2])
{
    double k = arms == 1 ? n[0] : n[0] + n[1];
    double x = (arms == 1 ? s[0] : s[0] + s[1]) - k * all->mean;
    return x > 0 ? x * x / k : -1;
}

static ALWAYS_INLINE double mean_shift_term(const totals_t *all, int arm, double k,
                                            double s, double c)
{
    double x = s - k * all->mean;
    (void)arm;
    (void)c;
    return x > 0 ? x * x / k : 0;
}

/* In the terms of shape_t: w = n, x = s - n mean of all. */
#define mean_shift_FORM TOTAL

static ALWAYS_INLINE void mean_shift_shape(const totals_t *all, int arm,
                                           double *alpha, double *beta, double *gamma)
{
    (void)arm;
    *alpha = 1;
    *beta = 0;
    *gamma = -all->mean;
}
