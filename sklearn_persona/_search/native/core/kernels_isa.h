/* All objectives, arms and word classes for one ISA; included by kernels.h. */
#define TEMPLATE "../core/kernels_objective.h"
#include "../objectives/each.h"
#undef TEMPLATE

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
#define ROWS(obj, name) {ROW(obj, 1), ROW(obj, 2)},
static const kernel_t *const GLUE(ISA, kernels)[N_OBJECTIVES][2][4] = {
    EACH_OBJECTIVE(ROWS)
};
#undef GLUE_
#undef GLUE
#undef NAME_
#undef NAME
#undef ROW
#undef ROWS
