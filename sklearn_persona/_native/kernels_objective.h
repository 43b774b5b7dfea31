/* Arms by word classes for one objective; included by kernels_isa.h. */
#define ARMS 1
#define WORDS 1
#include "search_template.h"
#undef WORDS
#define WORDS 2
#include "search_template.h"
#undef WORDS
#define WORDS 4
#include "search_template.h"
#undef WORDS
#define WORDS 0
#include "search_template.h"
#undef WORDS
#undef ARMS
#define ARMS 2
#define WORDS 1
#include "search_template.h"
#undef WORDS
#define WORDS 2
#include "search_template.h"
#undef WORDS
#define WORDS 4
#include "search_template.h"
#undef WORDS
#define WORDS 0
#include "search_template.h"
#undef WORDS
#undef ARMS
