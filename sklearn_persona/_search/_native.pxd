"""The declarations of the C headers that the compiled searches use.

`_kernel` and `_cube` compile one header each, and both share ``problem.h``. A block
that names no header includes none, so that neither module compiles the other's loops.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef extern from "native/core/problem.h" nogil:
    enum: MAX_VARIABLES
    enum: MAX_CENTERS

    ctypedef struct totals_t:
        double n[2]
        double s[2]
        double mean

    void complete_totals(totals_t *, int) noexcept

    ctypedef struct shape_t:
        pass

    ctypedef struct simd_t "struct simd":
        pass

    ctypedef struct packed_t "struct packed":
        pass

    ctypedef struct problem_t:
        int n_rows
        int n_words
        int n_selectors
        const uint64_t *bits
        const int32_t *feature
        const int32_t *side
        const int32_t *cut
        const int32_t *modality
        const uint64_t *mask[2]
        const uint64_t *rows
        int first[2]
        int last[2]
        const int64_t *fixed
        const double *outcome
        const int64_t *table
        double scale
        totals_t all
        double centers[5]
        int n_centers
        int64_t least[2]
        int64_t most[2]
        int64_t least_members
        int min_variables
        int max_variables
        int min_modalities
        int n_arms
        const shape_t *shape
        const simd_t *simd
        const packed_t *packed

    ctypedef struct item_t:
        int32_t selector

    ctypedef struct level_t:
        item_t *items
        int64_t n
        uint64_t *extents

    ctypedef struct collection_t:
        int64_t n
        int64_t limit
        uint64_t *extents
        int32_t *rules
        double *values
        int full

    ctypedef struct shared_t:
        uint64_t best
        int64_t next_root
        uint64_t stop
        level_t roots
        const uint64_t *kept
        int n_kept
        double max_overlap
        double enough

    ctypedef struct worker_t:
        const problem_t *problem
        shared_t *shared
        double threshold
        int32_t rule[4]
        int n_rule
        double value
        int64_t n_evaluated
        int failed
        collection_t *collection
        int (*poll)(void *) noexcept nogil
        void *context

    ctypedef struct kernel_t:
        void (*describe)(const totals_t *, shape_t *) noexcept nogil
        void (*roots)(worker_t *) noexcept nogil
        void (*search)(worker_t *) noexcept nogil
        void (*expand)(worker_t *, const level_t *, const int32_t *, int64_t, int,
                       int64_t) noexcept nogil
        void (*evaluate)(const problem_t *, const uint64_t *, int64_t,
                         double *) noexcept nogil
        void (*bounds)(const problem_t *, const uint64_t *, int64_t,
                       double *) noexcept nogil

    int has_isa(int)
    int popcount64(uint64_t)
    uint64_t double_to_bits(double)
    double bits_to_double(uint64_t)
    double canonical(double)


# Of native/core/kernels.h.
cdef extern from * nogil:
    enum: MAX_ARM
    enum: BYTE_ARM
    enum: MAX_LANES
    enum: N_OBJECTIVES
    const char *objective_names[]

    const kernel_t *find_kernel(int, int, int, int)
    int padded_words(int)
    const simd_t *find_simd(int)
    void packed_make(packed_t *, const problem_t *)
    int level_reserve(level_t *, const problem_t *, int64_t)
    void level_layout(level_t *, const problem_t *, const uint64_t *)
    void level_scans(level_t *, const problem_t *)
    void level_slice(level_t *, const problem_t *, const uint64_t *)
    void level_bounds(const level_t *, const problem_t *, int, int64_t, int64_t,
                      float *)
    void level_joins(level_t *, const problem_t *, const uint64_t *)
    void level_free(level_t *)
    void worker_free(worker_t *)
    void collection_free(collection_t *)


# Of native/core/transpose.h.
cdef extern from * nogil:
    void sets_to_rows(const uint64_t *, int64_t, int, uint64_t *)
    void rows_to_sets(const uint64_t *, const int64_t *, int64_t, int64_t, int,
                      uint64_t *)


# Of native/cubes/cubes.h.
cdef extern from * nogil:
    enum: MAX_CELLS

    ctypedef struct cell_table_t:
        int64_t n_rows
        const uint8_t *codes
        const int32_t *n_cells
        const int32_t *selectors
        const int32_t *runs
        const int32_t *edges
        const int32_t *tuples

    ctypedef struct sweep_t:
        const cell_table_t *table
        const int64_t *fixed
        const uint8_t *arm
        const int32_t *visit
        const int64_t *tasks
        int64_t n_tasks
        int n_directions
        double *largest[2]
        int known

    ctypedef struct cube_t:
        const sweep_t *sweep
        worker_t *workers[2]
        int arms
        int64_t most_slots

    int find_cells(const uint64_t *, int, int, int64_t, uint8_t *, int64_t *)
    void cube_search(cube_t *, int, int)
    void cube_free(cube_t *)
