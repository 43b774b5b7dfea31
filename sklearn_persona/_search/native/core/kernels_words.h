/* Word classes for one objective and number of arms; included by kernels_objective.h.
 * Without FEW_WORDS two to four words take the loop over any number. */
#define WORDS 1
#include "search_template.h"
#undef WORDS
#if FEW_WORDS
#define WORDS 2
#include "search_template.h"
#undef WORDS
#define WORDS 4
#include "search_template.h"
#undef WORDS
#endif
#define WORDS 0
#include "search_template.h"
#undef WORDS
