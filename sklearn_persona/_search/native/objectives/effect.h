/* effect: the treatment effect inside, against zero.
 *
 * Squared value, outcomes in SD units (s: sum, n: count; arm 0 treated):
 *     two arms  n0 n1 / (n0 + n1) (s0/n0 - s1/n1)^2     one arm  s0^2 / n0
 * Bound: n0 n1 / (n0 + n1) (m0 - m1)^2 is the minimum over c of
 * n0 (m0 - c)^2 + n1 (m1 - c)^2, so any constant c gives a sum of one term an
 * arm, each largest on a prefix of the arm's sorted outcomes.
 */
#define effect_SCAN_0 SCAN_FORWARD
#define effect_SCAN_1 SCAN_FORWARD

static ALWAYS_INLINE double effect_value(int arms, const totals_t *all,
                                         const double n[2], const double s[2])
{
    double d;
    (void)all;
    if (arms == 1)
        return s[0] > 0 ? s[0] * s[0] / n[0] : -1;
    d = s[0] / n[0] - s[1] / n[1];
    return d > 0 ? d * d * n[0] * n[1] / (n[0] + n[1]) : -1;
}

static ALWAYS_INLINE double effect_term(const totals_t *all, int arm, double k,
                                        double s, double c)
{
    double x = arm == 0 ? s - k * c : k * c - s;
    (void)all;
    return x > 0 ? x * x / k : 0;
}

/* In the terms of shape_t: w = n, x = s. */
#define effect_FORM DIFFERENCE

static ALWAYS_INLINE void effect_shape(const totals_t *all, int arm,
                                       double *alpha, double *beta, double *gamma)
{
    (void)all;
    (void)arm;
    *alpha = 1;
    *beta = *gamma = 0;
}
