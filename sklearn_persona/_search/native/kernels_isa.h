/* All objectives, arms and word classes for one ISA; included by kernels.h. */
#define OBJ effect
#include "kernels_objective.h"
#undef OBJ
#define OBJ contrast
#include "kernels_objective.h"
#undef OBJ
#define OBJ sum_of_squares
#include "kernels_objective.h"
#undef OBJ
#define OBJ mean_shift
#include "kernels_objective.h"
#undef OBJ
#define OBJ arm_shift
#include "kernels_objective.h"
#undef OBJ

#define GLUE_(a, b) a##_##b
#define GLUE(a, b) GLUE_(a, b)
#define NAME_(obj, arms, words, isa) &obj##_##arms##_##words##_##isa##_kernel
#define NAME(obj, arms, words, isa) NAME_(obj, arms, words, isa)
#if FEW_WORDS
#define ROW(obj, arms)                                                          \
    {NAME(obj, arms, 1, ISA), NAME(obj, arms, 2, ISA), NAME(obj, arms, 4, ISA), \
     NAME(obj, arms, 0, ISA)}
#else
#define ROW(obj, arms)                                                          \
    {NAME(obj, arms, 1, ISA), NAME(obj, arms, 0, ISA), NAME(obj, arms, 0, ISA), \
     NAME(obj, arms, 0, ISA)}
#endif
static const kernel_t *const GLUE(ISA, kernels)[N_OBJECTIVES][2][4] = {
    {ROW(effect, 1), ROW(effect, 2)},
    {ROW(contrast, 1), ROW(contrast, 2)},
    {ROW(sum_of_squares, 1), ROW(sum_of_squares, 2)},
    {ROW(mean_shift, 1), ROW(mean_shift, 2)},
    {ROW(arm_shift, 1), ROW(arm_shift, 2)},
};
#undef GLUE_
#undef GLUE
#undef NAME_
#undef NAME
#undef ROW
