/* contrast: the treatment effect inside against the effect in the complement.
 *
 * With u = (mean inside - mean outside) in one arm and w = k (K - k) / K, the
 * inverse of its variance, the squared value is
 *     two arms  w0 w1 / (w0 + w1) (u0 - u1)^2            one arm  w0 u0^2
 * which has the form of effect.h, and so has its bound.
 */
#define contrast_SCAN_0 SCAN_FORWARD
#define contrast_SCAN_1 SCAN_FORWARD

static ALWAYS_INLINE double contrast_value(int arms, const totals_t *all,
                                           const double n[2], const double s[2])
{
    double w0 = n[0] * (all->n[0] - n[0]) / all->n[0], w1, d;
    double u0 = s[0] / n[0] - (all->s[0] - s[0]) / (all->n[0] - n[0]);
    if (arms == 1)
        return u0 > 0 ? w0 * u0 * u0 : -1;
    w1 = n[1] * (all->n[1] - n[1]) / all->n[1];
    d = u0 - s[1] / n[1] + (all->s[1] - s[1]) / (all->n[1] - n[1]);
    return d > 0 ? d * d * w0 * w1 / (w0 + w1) : -1;
}

static ALWAYS_INLINE double contrast_term(const totals_t *all, int arm, double k,
                                          double s, double c)
{
    double rest = all->n[arm] - k;
    double x = s / k - (all->s[arm] - s) / rest - c;
    if (arm == 1)
        x = -x;
    return x > 0 ? x * x * k * rest / all->n[arm] : 0;
}

/* In the terms of shape_t: w = n (N - n) / N, x = s - n mean of the arm. */
#define contrast_FORM DIFFERENCE

static ALWAYS_INLINE void contrast_shape(const totals_t *all, int arm,
                                         double *alpha, double *beta, double *gamma)
{
    *alpha = 1;
    *beta = -1 / all->n[arm];
    *gamma = -all->s[arm] / all->n[arm];
}
