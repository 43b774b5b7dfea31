"""`compare`: estimators of any kind on identical splits of one trial."""

from collections.abc import Mapping
from numbers import Real

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_memory

from sklearn_persona._progress import Progress
from sklearn_persona._version import __version__
from sklearn_persona.exceptions import warn_caller
from sklearn_persona.model_selection._candidates import (
    CLASSIFIER,
    EFFECTS,
    check_candidates,
    check_orientation,
    framed_columns,
    kind_of,
    prepared,
)
from sklearn_persona.model_selection._fold_metrics import (
    COLUMNS,
    RESPONSE_METRICS,
    TARGETING_METRICS,
    rows_of_split,
)
from sklearn_persona.model_selection._recommendation import fit_and_recommend
from sklearn_persona.model_selection._splits import make_splits
from sklearn_persona.model_selection._trial import read_compared_trial

__all__ = ["compare"]

_LARGEST = np.iinfo(np.int32).max


def compare(
    estimators,
    X,
    y,
    *,
    treatment=None,
    groups=None,
    period=None,
    strata=None,
    response=None,
    cv=None,
    n_repeats=1,
    scoring=None,
    control=None,
    greater_is_better=True,
    error_score=np.nan,
    random_state=None,
    n_jobs=None,
    memory=None,
    verbose=0,
):
    """Compare estimators of any kind on identical splits of one trial.

    Personas, effect trees, responder classifiers and regressors are trained on the
    same participants, and each gets only the metadata that it consumes. Each calls a
    test patient "favorable" or "unfavorable", or abstains. All are judged by the same
    metrics, over all test patients and over those for whom one did not abstain.

    Parameters
    ----------
    estimators : dict of str to estimator
        Classifiers are fitted on the response, others on the outcome. Estimators
        with `effect` instead of `predict`, such as those of econml, are fitted by
        ``fit(y, treatment, X=X)``. All may be wrapped in pipelines, searches or
        `TrialFrame`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Baseline variables.
    y : array-like of shape (n_samples,)
        Numeric outcome.
    treatment, groups, period, strata : array-like of shape (n_samples,) or str, \
            default=None
        Arm, participant, period and stratum of each row, or the name of a column of
        X. Columns named here or in a `TrialFrame` are not used as variables.
    response : array-like of shape (n_samples,), default=None
        Response for classifiers and their metrics: two classes, of which the second
        in sorted order is good. None: `y` itself, if it has two values.
    cv : int, splitter or iterable of (train, test), default=None
        An int is the number of folds of `ArmStratifiedGroupKFold`, which balances
        arms and response; None is five. Folds are shuffled if `random_state` is given.
    n_repeats : int, default=1
        How often folds are drawn, if `cv` is an int or None.
    scoring : str, callable, list or dict, default=None
        Further metrics, as in scikit-learn: a name, a scorer, a list of names, or a
        dict from names to either. Classifiers are scored on the response, others on
        `y` as given. A scorer that an estimator does not support gives `error_score`.
    control : label, default=None
        The reference arm; by default the first in sorted order.
    greater_is_better : bool, default=True
        Whether larger outcomes are better.
    error_score : float or "raise", default=nan
        Value for a failed fit or score; "raise" raises the error.
    random_state : int, RandomState instance or None, default=None
        Seed of the folds and of every `random_state` inside the estimators that is
        None, different in each split. None leaves those unset.
    n_jobs : int, default=None
        Number of parallel fits. Results do not depend on it.
    memory : str or joblib.Memory, default=None
        Cache of finished fits. A run that was interrupted, or that has more
        estimators or splits, computes only missing ones. Failed fits are not cached.
    verbose : int, default=0
        Positive values show progress on standard error.

    Returns
    -------
    table : DataFrame
        A row per estimator, split, subset of the test rows and metric: ``estimator``,
        ``split``, ``subset``, ``metric``, ``value``, ``coverage`` (share of the test
        rows in the subset), ``n_train``, ``n_test`` (participants in the split),
        ``seconds`` (of the fit), ``error`` (a message, empty without an error).
        `comparison_summary`, `comparison_differences` and `ComparisonDisplay` take it.

    Raises
    ------
    ValueError
        If lengths differ, a participant is in both sets of a split, a classifier has
        no response, an estimator has another direction or reference arm than the
        comparison, or all fits fail.
    TypeError
        If `estimators` is not a dict of estimators.

    Warns
    -----
    FitFailedWarning
        If an estimator failed in some splits.

    See Also
    --------
    comparison_summary : Means over splits with intervals.
    comparison_differences : Differences between estimators, tested.
    sklearn_persona.baselines.published_protocol : One classifier in full, with
        external and placebo cohorts.

    Notes
    -----
    *Recommendations.* A classifier calls predicted responders favorable and the rest
    unfavorable. Integer predictions of -1, 0 and 1, like those of
    `PersonaDiscoverer`, are taken as they are, and 0 is an abstention; effect trees
    are set to give them (``output="persona"``). Other predictions, of outcome or
    effect, are favorable above their mean over the training rows.

    *Metrics.* ``targeting_gain`` (`metrics.targeting_gain`, in standard deviations of
    the outcome within the arms of the training rows), ``favorable_share``,
    ``effect_favorable``, ``effect_rest`` and their difference ``effect_contrast`` (in
    units of y, positive for benefit; means of a single arm). With a response also
    ``balanced_accuracy``, ``sensitivity``, ``specificity`` and ``roc_auc``, in which an
    abstention counts as half right. NaN if a test set has too few cases.

    *Subsets.* ``all``; ``explained by NAME`` for each estimator that abstains: the
    patients for whom it did not, in which every estimator is judged; ``arm LABEL``
    with two arms and a response. Results in a subset do not hold for the whole trial:
    read ``coverage`` first.

    References
    ----------
    .. [1] Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error.
       Machine Learning 52, 239-281.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.model_selection import compare, comparison_summary
    >>> trial = make_parallel_trial(binary=True, effect=2.0, random_state=0)
    >>> table = compare(
    ...     {
    ...         "personas": PersonaDiscoverer(validation=None, max_variables=2),
    ...         "logistic": LogisticRegression(),
    ...     },
    ...     trial.data, trial.target, treatment=trial.treatment, random_state=0,
    ... )
    >>> table.subset.unique().tolist()
    ['all', 'arm 0', 'arm 1', 'explained by personas']
    >>> summary = comparison_summary(table).query("subset == 'all'")
    >>> summary.query("metric == 'targeting_gain'")["estimator"].tolist()
    ['personas', 'logistic']
    """
    check_candidates(estimators)
    if error_score != "raise" and not isinstance(error_score, Real):
        raise ValueError(
            f"error_score must be a number or 'raise', got {error_score!r}."
        )
    roles = {
        "treatment": treatment,
        "groups": groups,
        "period": period,
        "strata": strata,
    }
    trial = read_compared_trial(
        X,
        y,
        roles,
        framed=framed_columns(estimators, roles),
        response=response,
        control=control,
        greater_is_better=greater_is_better,
    )
    for name, estimator in estimators.items():
        check_orientation(name, estimator, trial, response is not None)
        _check_needs(name, estimator, trial)
    scorers = _scorers(scoring)
    # Two generators, so that more repeats do not change the first ones.
    of_folds, of_models = (
        np.random.RandomState(seed)
        for seed in check_random_state(random_state).randint(_LARGEST, size=2)
    )
    splits = make_splits(cv, n_repeats, trial, of_folds, random_state is not None)
    seeds = [None] * len(splits)
    if random_state is not None:
        seeds = of_models.randint(_LARGEST, size=len(splits)).tolist()

    call, key = fit_and_recommend, ""
    if memory is not None:
        call = check_memory(memory).cache(fit_and_recommend, ignore=["trial"])
        key = joblib.hash((trial, __version__, sklearn.__version__))
    strict = error_score == "raise"
    tasks = [(split, name) for split in range(len(splits)) for name in estimators]
    progress, found = Progress(verbose, "compare"), {}
    with Parallel(n_jobs=n_jobs, return_as="generator") as parallel:
        results = parallel(
            delayed(_attempt)(
                call,
                estimator=prepared(estimators[name], seeds[split]),
                trial=trial,
                train=splits[split][0],
                test=splits[split][1],
                scorers=scorers,
                strict=strict,
                key=key,
            )
            for split, name in tasks
        )
        for task, result in zip(tasks, results, strict=True):
            found[task] = result
            progress(len(found) / len(tasks))
    progress.close()
    _report_failures(estimators, found, len(splits))
    parts = [
        rows_of_split(
            name,
            split,
            splits[split],
            {other: found[split, other] for other in estimators},
            trial,
            [*scorers],
            np.nan if strict else float(error_score),
        )
        for name in estimators
        for split in range(len(splits))
    ]
    return pd.DataFrame([row for part in parts for row in part], columns=COLUMNS)


def _attempt(call, *, strict, **arguments):
    """The recommendation, or the error as text, which is not cached."""
    try:
        return call(strict=strict, **arguments)
    except Exception as error:
        if strict:
            raise
        return f"{type(error).__name__}: {error}"


def _report_failures(estimators, found, n_splits):
    """Warn of estimators that failed in some splits; raise if all fits failed."""
    failed = {
        name: [
            found[i, name] for i in range(n_splits) if isinstance(found[i, name], str)
        ]
        for name in estimators
    }
    if all(len(errors) == n_splits for errors in failed.values()):
        texts = "; ".join(
            f"{name}: {errors[0].rstrip('.')}" for name, errors in failed.items()
        )
        raise ValueError(
            f"All {n_splits * len(estimators)} fits failed. The first of each "
            f"estimator: {texts}. Pass error_score='raise' for the whole traceback."
        )
    for name, errors in failed.items():
        if errors:
            warn_caller(
                f"Estimator {name!r} failed in {len(errors)} of {n_splits} splits, "
                f"which have error_score as values. The first: {errors[0]}",
                FitFailedWarning,
            )


def _check_needs(name, estimator, trial):
    """Raise if an estimator needs a response or treatment that was not given."""
    kind = kind_of(estimator)
    if kind == CLASSIFIER and trial.labels is None:
        raise ValueError(
            f"Estimator {name!r} is a classifier, but y has "
            f"{len(np.unique(trial.y))} values and there is no response. Pass response="
            ", for example metrics.percent_change(baseline, y) <= -40."
        )
    if kind == EFFECTS and not trial.cases.two_arm:
        raise ValueError(
            f"Estimator {name!r} estimates effects of treatment, and no treatment was "
            "given. Pass treatment=."
        )


def _scorers(scoring):
    """Name -> scorer."""
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        scoring = [scoring]
    elif callable(scoring):
        scoring = {getattr(scoring, "__name__", "score"): scoring}
    if not isinstance(scoring, Mapping):
        scoring = {name: name for name in scoring}
    scorers = {}
    for name, scorer in scoring.items():
        if not isinstance(name, str) or name in (*TARGETING_METRICS, *RESPONSE_METRICS):
            raise ValueError(
                f"A metric of scoring is called {name!r}, expected a string other than "
                "the names of the built-in metrics. Rename it: "
                "scoring={'my name': scorer}."
            )
        if not (isinstance(scorer, str) or callable(scorer)):
            raise ValueError(
                f"scoring must hold names or scorers, got {scorer!r} for {name!r}."
            )
        scorers[name] = get_scorer(scorer)
    return scorers
