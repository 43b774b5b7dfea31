/* Every compiled variant of the search, and the choice between them. */
#ifndef PERSONA_KERNELS_H
#define PERSONA_KERNELS_H

#include "levels.h"
#include "../objectives/all.h"

/* Few x86 machines take the portable loops: there two to four words share the general
 * one. */
#if defined(__x86_64__)
#define FEW_WORDS 0
#else
#define FEW_WORDS 1
#endif
#define ISA portable
#include "kernels_isa.h"
#undef ISA
#undef FEW_WORDS
#define FEW_WORDS 1

/* The scalar part of the search on machines with vectors. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAVE_SCALAR 1
#pragma GCC push_options
#pragma GCC target("popcnt,bmi")
#define ISA scalar
#include "kernels_isa.h"
#undef ISA
#pragma GCC pop_options
#elif defined(__x86_64__) && defined(__clang__)
#define HAVE_SCALAR 1
#pragma clang attribute push(__attribute__((target("popcnt,bmi"))), \
                             apply_to = function)
#define ISA scalar
#include "kernels_isa.h"
#undef ISA
#pragma clang attribute pop
#else
#define HAVE_SCALAR 0
#endif

/* The smallest compiled width for n_words; the caller pads its row sets to it. */
static int padded_words(int n_words)
{
    return n_words <= 2 ? n_words : n_words <= 4 ? 4 : n_words;
}

static const kernel_t *find_kernel(int objective, int arms, int n_words, int isa)
{
    const int words = n_words == 1 ? 0 : n_words == 2 ? 1 : n_words == 4 ? 2 : 3;
#if HAVE_SCALAR
    if (isa != ISA_PORTABLE)
        return scalar_kernels[objective][arms - 1][words];
#endif
    (void)isa;
    return portable_kernels[objective][arms - 1][words];
}

#endif
