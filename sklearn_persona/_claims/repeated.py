"""Evidence about the procedure: validation repeated over random splits."""

from contextlib import closing

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._claims.holdout import (
    draw_seeds,
    members_in_both,
    split_units,
    validate,
)
from sklearn_persona._persona.builder import Naming
from sklearn_persona._selection.checkpoints import Checkpoints

__all__ = ["split_pvalues"]


def split_pvalues(
    procedure, units, seeds, *, holdout_size, claims, n_jobs=None, on_poll=None
):
    """Smallest adjusted p value of each of many random splits.

    Parameters
    ----------
    procedure : Procedure
    units : Units
        Not adjusted.
    seeds : list of int
        Of each split.
    holdout_size : float
    claims : dict
        Further arguments of `validate`.
    n_jobs : int or None
        Splits at once.
    on_poll : callable or None
        Called with the share of the splits that is done.

    Returns
    -------
    p_values : ndarray of float64, shape (n_splits,)
        1 where nothing was tested.
    """
    p_values = []
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    kept = Checkpoints(
        procedure.lasting_memory, procedure.plain(), units, holdout_size, claims
    )
    results = kept.results(
        [("split", seed) for seed in seeds],
        lambda missing: parallel(
            delayed(_split_pvalue)(procedure, units, seeds[i], holdout_size, claims)
            for i in missing
        ),
    )
    with closing(results):
        for p_value in results:
            p_values.append(p_value)
            if on_poll is not None:
                on_poll(len(p_values) / len(seeds))
    return np.array(p_values)


def _split_pvalue(procedure, units, seed, holdout_size, claims):
    rng = np.random.RandomState(seed)
    in_holdout = split_units(units, holdout_size, rng)
    train, holdout = procedure.adjust(units, in_holdout, rng)
    found = procedure.find(train, n_jobs=1, quiet=True)
    naming = Naming(procedure.columns, (), procedure.modality, train.rows)
    personas = [naming.persona(rule) for rule in found.rules]
    done = validate(
        personas,
        train,
        holdout,
        members_in_both(personas, found.rules, procedure.columns, holdout),
        seeds=draw_seeds(len(personas), rng),
        **claims,
    )
    p_values = [p.p_adjusted for p in done if not np.isnan(p.p_adjusted)]
    return min(p_values, default=1.0)
