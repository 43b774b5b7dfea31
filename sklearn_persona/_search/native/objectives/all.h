/* Every objective; a new one is also listed in each.h.
 *
 * Python refers to them by their position here. The names are those of
 * sklearn_persona/_search/objectives.py. */
#ifndef PERSONA_OBJECTIVES_H
#define PERSONA_OBJECTIVES_H

#include "effect.h"
#include "contrast.h"
#include "sum_of_squares.h"
#include "mean_shift.h"
#include "arm_shift.h"

#define EACH_OBJECTIVE(X) \
    X(effect, "effect") \
    X(contrast, "contrast") \
    X(sum_of_squares, "sum-of-squares") \
    X(mean_shift, "mean-shift") \
    X(arm_shift, "arm-shift")

#define OBJECTIVE_NAME(obj, name) name,
static const char *const objective_names[] = {EACH_OBJECTIVE(OBJECTIVE_NAME)};
#undef OBJECTIVE_NAME

#define ONE_MORE(obj, name) + 1
enum { N_OBJECTIVES = 0 EACH_OBJECTIVE(ONE_MORE) };
#undef ONE_MORE

#endif
