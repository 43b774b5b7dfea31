/* arm-shift: members of the first arm against everyone else.
 *
 * The model is outcome = a + b T + d T M + error, with T the arm that carries the
 * shift, M membership and b a main effect drawn from N(0, MAIN_EFFECT_VARIANCE SD^2).
 * The squared value is the score test of d = 0,
 *     (s - n m)^2 / (n - q n^2)
 * with n and s of the members in that arm (reference and curvature of totals_t: m, q).
 * A wide prior compares them with the rest of their arm, a narrow one with all others
 * (random-effects score test: Harville, 1977). In one arm, of pairs, b is the effect.
 * It is counted when the effect inside exceeds the effect outside.
 */
#define arm_shift_SCAN_0 SCAN_FORWARD
#define arm_shift_SCAN_1 SCAN_FORWARD

static ALWAYS_INLINE double arm_shift_value(int arms, const totals_t *all,
                                            const double n[2], const double s[2])
{
    double x = s[0] - n[0] * all->reference;
    double u0 = s[0] / n[0] - (all->s[0] - s[0]) / (all->n[0] - n[0]);
    double u1 = 0;
    if (arms == 2)
        u1 = s[1] / n[1] - (all->s[1] - s[1]) / (all->n[1] - n[1]);
    /* Equal shifts may differ in the last bits. */
    if (!(x > 0 && u0 - u1 > 1e-9))
        return -1;
    return x * x / (n[0] * (1 - all->curvature * n[0]));
}

static ALWAYS_INLINE double arm_shift_term(const totals_t *all, int arm, double k,
                                           double s, double c)
{
    double x = s - k * all->reference;
    (void)c;
    return arm == 0 && x > 0 ? x * x / (k * (1 - all->curvature * k)) : 0;
}

/* In the terms of shape_t: w = n (1 - q n), x = s - n m. The weight of the
 * other arm is so large that it adds nothing. */
#define arm_shift_FORM SQUARES

static ALWAYS_INLINE void arm_shift_shape(const totals_t *all, int arm,
                                          double *alpha, double *beta, double *gamma)
{
    *alpha = arm == 0 ? 1 : 1e15;
    *beta = arm == 0 ? -all->curvature : 0;
    *gamma = arm == 0 ? -all->reference : 0;
}
