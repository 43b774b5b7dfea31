"""Evidence about the procedure: validation repeated over random splits."""

from contextlib import closing

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._claims.holdout import draw_seeds, validate
from sklearn_persona._claims.rule import subgroups_of
from sklearn_persona._persona.builder import PersonaBuilder
from sklearn_persona._selection.checkpoints import Checkpoints

__all__ = ["split_pvalues"]


def split_pvalues(
    procedure, units, seeds, *, holdout_size, rule, n_jobs=None, on_poll=None
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
    rule : ClaimRule
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
        procedure.lasting_memory, procedure.plain(), units, holdout_size, rule
    )
    results = kept.results(
        [("split", seed) for seed in seeds],
        lambda missing: parallel(
            delayed(_split_pvalue)(procedure, units, seeds[i], holdout_size, rule)
            for i in missing
        ),
    )
    with closing(results):
        for p_value in results:
            p_values.append(p_value)
            if on_poll is not None:
                on_poll(len(p_values) / len(seeds))
    return np.array(p_values)


def _split_pvalue(procedure, units, seed, holdout_size, rule):
    rng = np.random.RandomState(seed)
    in_holdout = units.split(holdout_size, rng)
    train, holdout = procedure.adjust(units, in_holdout, rng)
    found = procedure.find(train, n_jobs=1, quiet=True)
    builder = PersonaBuilder(procedure.columns, found.rules, train.rows)
    seeds = draw_seeds(len(found.rules), rng)
    verdicts = validate(rule, train, holdout, subgroups_of(builder, seeds, holdout))
    p_values = [v.p_adjusted for v in verdicts if not np.isnan(v.p_adjusted)]
    return min(p_values, default=1.0)
