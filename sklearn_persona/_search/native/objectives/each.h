/* Include TEMPLATE once for each objective, with its name in OBJ. */
#define OBJ effect
#include TEMPLATE
#undef OBJ
#define OBJ contrast
#include TEMPLATE
#undef OBJ
#define OBJ sum_of_squares
#include TEMPLATE
#undef OBJ
#define OBJ mean_shift
#include TEMPLATE
#undef OBJ
#define OBJ arm_shift
#include TEMPLATE
#undef OBJ
