/* Arms by word classes for one objective; included by kernels_isa.h. */
#define ARMS 1
#include "kernels_words.h"
#undef ARMS
#define ARMS 2
#include "kernels_words.h"
#undef ARMS
