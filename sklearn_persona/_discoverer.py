"""`PersonaDiscoverer`: the estimator."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state, estimator_html_repr

# Private in scikit-learn, but the uniform way to errors about parameters.
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_persona._claims.corrected import corrected_effects
from sklearn_persona._claims.holdout import draw_seeds, validate
from sklearn_persona._claims.permutation_test import (
    PermutationTest,
    validate_by_permutation,
)
from sklearn_persona._claims.repeated import split_pvalues
from sklearn_persona._claims.resampling import repeat_selection
from sklearn_persona._claims.rule import ClaimRule, subgroups_of
from sklearn_persona._data.roles import requested
from sklearn_persona._data.routing import require_treatment
from sklearn_persona._data.serialization import frame_from_plain, frame_to_plain
from sklearn_persona._data.table import (
    FLOATS,
    check_names,
    is_frame,
    modality_codes,
    read_table,
)
from sklearn_persona._designs import (
    DESIGN_NAMES,
    make_units,
    n_labels_of,
    pooled_sd,
    read_cases,
    resolve_design,
)
from sklearn_persona._estimates.flow import describe_flow, partition_table
from sklearn_persona._persona.builder import PersonaBuilder, covered_by
from sklearn_persona._persona.persona import persona_table
from sklearn_persona._progress import (
    CallbackSupportMixin,
    Progress,
    fit_context,
    open_task,
)
from sklearn_persona._search.greedy import FAVORABLE, UNFAVORABLE, SearchSettings
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._selection.adjustment import Adjustment
from sklearn_persona._selection.procedure import Procedure
from sklearn_persona._text.notebook import documentation_link, personas_html
from sklearn_persona.exceptions import (
    NoPersonaWarning,
    SingleArmWarning,
    VaryingBaselineWarning,
    warn_caller,
)
from sklearn_persona.metrics import targeting_gain

__all__ = ["PersonaDiscoverer"]

# Per unit of the logarithm of the number of candidates, with objective="auto". The
# largest of many chance values grows like twice that logarithm when they are
# independent; neighboring rules are not (benchmarks/objective_choice.py).
PENALTY = 1.5
SIGNS = {
    "favorable": (FAVORABLE,),
    "unfavorable": (UNFAVORABLE,),
    "both": (FAVORABLE, UNFAVORABLE),
}


class PersonaDiscoverer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Find subgroups of a randomized trial in which the treatment effect differs.

    A *persona* is a conjunction of ranges on one to four baseline variables. The
    search over all conjunctions is exact, unless the table is too large for a proof.
    It uses one half of the participants; the other half tests what it found.

    Parameters
    ----------
    min_variables, max_variables : int, default=1, 3
        Minimum and maximum number of variables in a persona, 1 to 4.
    n_cuts : int or "all", default=9
        Cut points of a numeric variable: this number of quantiles of the training
        values, or every midpoint between neighboring values.
    conditions : {"auto", "one-sided", "interval"}, default="auto"
        ``x <= c`` and ``x > c``, or also ``a < x <= b``. A categorical variable gives
        equalities, and sets of levels if it has three to five. ``"auto"`` allows
        intervals in personas of one or two variables if ``objective="auto"``,
        `n_cuts` is a number and there are at most 5,000 training units.
    refine_cuts : bool or "auto", default="auto"
        Whether the edges of the rules found are moved over all midpoints between
        neighboring values to raise the objective. ``"auto"`` does so with
        ``objective="auto"``, except under ``validation="permutation"``, where every
        permutation would then cost a whole search.
    modalities : mapping or callable, default=None
        Source of each variable (clinical scale, structural MRI, ...), by column
        name or position.
    min_modalities : int, default=1
        Minimum number of sources that a persona combines.
    min_coverage : float, default=0.1
        Minimum share of the training units inside a persona.
    min_arm_size : int or "auto", default="auto"
        Minimum number of units of each arm inside a persona and in its complement
        (of pairs in a crossover; of units inside and outside with a single arm).
        ``"auto"`` is the smallest size at which a permutation test can reach
        `alpha`: 4 per arm, or 6 pairs, at .05.
    objective : {"auto", "effect", "contrast", "sum-of-squares", "mean-shift", \
            "arm-shift"}, default="auto"
        Quantity that the search maximizes, on standardized outcomes: the effect
        inside; the effect inside minus that in the complement; the between-group sum
        of squares of arm by membership; the mean inside, whatever the arm; or the
        shift of the treated members against everyone else. ``"auto"`` takes the
        shift of the members of either arm (in pairs, of the members; with a single
        arm, the squared contrast), minus a penalty of 1.5 for each unit by which the
        number of variables raises the logarithm of the number of candidates.
    direction : {"both", "favorable", "unfavorable"}, default="both"
        Look for effects above that in the complement, below it, or both.
    prognostic : "auto", None or estimator, default="auto"
        Regressor of the outcome on the baseline variables. Its cross-fitted
        predictions are subtracted from the outcome for the objective and the p
        values. ``"auto"`` is a cross-validated lasso of the variables and their
        squares for cases with two arms; pairs and single arms have none.
    propensity : None or estimator, default=None
        Classifier of the arm on the baseline variables, for arms that were not
        randomized. Its cross-fitted probabilities are cut into five strata (fewer if
        one would lack an arm). Their means are subtracted from the outcome, and arms
        are exchanged within them. The evidence is marked ``randomised=False``; its p
        values are approximate, because unmeasured variables are not accounted for.
    response_threshold : float, default=None
        Analyze the response ``y >= c`` (``y <= c`` when lower is better).
    greater_is_better : bool, default=True
        Whether larger outcomes are better; False for a depression scale.
    search : {"auto", "exact", "beam"}, default="auto"
        Exact, with proof, or a heuristic for large tables. "auto" is exact unless the
        numbers of training units and candidates put a proof beyond roughly five
        minutes of one core. A `SearchCostWarning` then says so, and
        ``search_.proven_optimal`` is False.
    max_time : float, default=None
        Seconds after which the search returns the best rules so far. With a limit,
        ``search="auto"`` is exact.
    n_personas : int, default=10
        Maximum number of personas that the search keeps.
    max_overlap : float, default=0.5
        Largest Jaccard index of training members with a better persona of the same
        direction.
    n_alternatives : int, default=3
        Maximum number of other descriptions listed with each persona: rules of one or
        two of the searched conditions that leave out a variable of the persona and
        have almost the same training members (Jaccard index at least .7, and more
        than chance), one for each set of variables. They help to choose variables
        that are easy to measure. They are found from `X` and the members alone,
        without outcome and arm, so they do not affect error rates. In large tables
        only the conditions closest to the members are combined. 0 skips them.
    memory : str or joblib.Memory, default=None
        Folder that caches searches, blocks of permutations, resamples and splits as
        they finish. An interrupted run resumes from there with the same result, and a
        grid over thresholds searches once. Anything random needs a fixed
        `random_state`. Cached results are unpickled: do not use a folder that others
        can write to.
    alpha : float, default=0.05
        Level of all claims.
    min_effect_size : float or "auto", default="auto"
        Cohen's d inside, in the persona's direction, that a claim requires in both
        halves. ``"auto"`` requires none for ``criterion="heterogeneity"``, and .5, as
        published, for ``criterion="effect"`` and for `Persona.replicated`.
    criterion : {"heterogeneity", "effect"}, default="heterogeneity"
        Whether a claim rests on the contrast with the complement or, as published, on
        the effect inside.
    validation : {"holdout", "permutation", "repeated", None}, default="holdout"
        Test on participants held out; on all participants, adjusted for the whole
        search by permutation; over `n_splits` random splits, whose result
        (`trial_p_value_`) is about the procedure and confirms no single persona; or
        not at all.
    holdout_size : float, default=0.5
        Share of the participants in the holdout.
    n_splits : int, default=50
        Number of splits of ``validation="repeated"``.
    n_holdout : int, default=3
        Maximum number of personas tested in the holdout.
    correction : {"holm", "fixed-sequence", "bh", None}, default="holm"
        Adjustment for the number of personas tested there.
    n_permutations : int, default=1000
        Permutations of a Monte Carlo test; if there are at most 50,000 arrangements,
        all are enumerated instead. Under ``validation="permutation"``, the number of
        permuted searches, fewer if the p value is clearly large (Besag & Clifford,
        1991).
    n_bootstrap : int, default=10_000
        Bootstrap resamples for the intervals by arm; 0 skips them.
    n_resamples : int, default=0
        Number of refits of the selection on half of the training participants, on
        four fifths, and (at most) without one of them, for `Persona.stability`,
        `Persona.effect_corrected` and `Persona.ci_corrected`. 100 is plenty; each
        costs about one search. 0 skips them. With ``validation="permutation"``, the
        corrected d must then exceed a `min_effect_size` above 0.
    design : {"auto", "parallel", "crossover", "pooled", "single-arm"}, \
            default="auto"
        ``"auto"``: single-arm without treatment, crossover if a participant has both
        arms, else parallel.
    control : label, default=None
        The reference arm; by default the first in sorted order.
    random_state : int, RandomState instance or None, default=None
        Seed of the split and of Monte Carlo tests.
    n_jobs : int, default=None
        Number of threads of the search. Results do not depend on it.
    verbose : int, default=0
        If positive, report progress and an estimate of the time left on standard
        error.

    Attributes
    ----------
    personas_ : list of Persona
        Confirmed ones first, then by objective.
    n_confirmed_ : int
    claimed_ : ndarray of bool, shape (n_personas,)
        Personas that `predict` and `score` use: the confirmed ones, or all of them if
        ``validation=None``.
    table_ : DataFrame
        One row per persona.
    search_ : SearchRecord
        ``n_candidates``, ``n_evaluated``, ``proven_optimal``, ``best_objective``,
        ``seconds``.
    trial_p_value_ : float
        With ``validation="repeated"``: twice the median over the splits of the
        smallest adjusted p value (Meinshausen, Meier & Buehlmann, 2009), about the
        procedure and no single persona.
    split_p_values_ : ndarray of float64, shape (n_splits,)
        Their smallest adjusted p values, 1 where nothing was tested.
    partition_ : DataFrame
        Participants explained by a claimed persona: ``n``, ``n_groups``, ``coverage``,
        ``effect`` and its interval of the rows ``favorable``, ``unfavorable``,
        ``explained``, ``unexplained`` and ``everyone``, in the holdout, or among the
        training units where there is none.
    selection_frequencies_, pair_frequencies_ : DataFrame
        With `n_resamples`: how often the best rule of a half-sample, and any rule it
        kept, has each variable, or each pair of them, with the Shah-Samworth bound on
        the expected number of false ones among those as frequent.
    design_ : str
    two_arm_ : bool
    arms_ : tuple
        ``(control, treated)`` labels; empty for a single arm.
    objective_ : str
    min_arm_size_ : int
    outcome_sd_ : float
        Standard deviation of the outcome within arms, the unit of `score`.
    split_ : ndarray of str, shape (n_samples,)
        "training", "holdout" or "not analysed" for each row.
    unit_rows_ : ndarray of int, shape (n_units,)
        Row of `X` that describes each analysed unit.
    flow_ : dict
        Counts of rows, participants, incomplete participants and missing values, and
        the size, means and effect of each half as a whole.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    Persona : One rule, which can be tested on another trial.
    TrialFrame : Adapter for tables that still contain arm and participant columns.

    Notes
    -----
    A persona is confirmed when its members differ from the others: in the holdout the
    contrast of the two effects has its direction, with p below `alpha` after
    `correction`. From the second confirmed persona on, the same must hold among
    participants that no earlier one covers. That the treatment benefits or harms the
    members themselves is a statement of its own (`Persona.members_claim`): an
    unfavorable persona has less benefit than others, and perhaps still some.

    References
    ----------
    .. [1] Lipkovich, I., Dmitrienko, A., D'Agostino, R. B. (2017). Tutorial in
       biostatistics: data-driven subgroup identification and analysis in clinical
       trials. Statistics in Medicine 36, 136-196.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> finder.n_confirmed_ >= 1
    True
    >>> finder.transform(trial.data).shape[0]
    200
    >>> finder.get_feature_names_out()[0]
    'persona0'
    >>> sorted(set(finder.predict(trial.data).tolist()) - {-1})
    [0, 1]
    >>> finder.score(trial.data, trial.target, treatment=trial.treatment) > 0
    True
    """

    __metadata_request__fit: ClassVar = requested("fit")
    __metadata_request__score: ClassVar = requested("score")

    _parameter_constraints: ClassVar = {
        "min_variables": [Interval(Integral, 1, 4, closed="both")],
        "max_variables": [Interval(Integral, 1, 4, closed="both")],
        "n_cuts": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"})],
        "conditions": [StrOptions({"auto", "one-sided", "interval"})],
        "refine_cuts": ["boolean", StrOptions({"auto"})],
        "modalities": "no_validation",
        "min_modalities": [Interval(Integral, 1, 4, closed="both")],
        "min_coverage": [Interval(Real, 0, 0.5, closed="both")],
        "min_arm_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "objective": [StrOptions({"auto", *OBJECTIVES})],
        "direction": [StrOptions(set(SIGNS))],
        "prognostic": [StrOptions({"auto"}), None, HasMethods(["fit", "predict"])],
        "propensity": [None, HasMethods(["fit", "predict_proba"])],
        "response_threshold": [Interval(Real, None, None, closed="neither"), None],
        "greater_is_better": ["boolean"],
        "search": [StrOptions({"auto", "exact", "beam"})],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_personas": [Interval(Integral, 1, None, closed="left")],
        "max_overlap": [Interval(Real, 0, 1, closed="both")],
        "n_alternatives": [Interval(Integral, 0, None, closed="left")],
        "memory": "no_validation",
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "min_effect_size": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "criterion": [StrOptions({"heterogeneity", "effect"})],
        "validation": [StrOptions({"holdout", "permutation", "repeated"}), None],
        "holdout_size": [Interval(Real, 0, 1, closed="neither")],
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "n_holdout": [Interval(Integral, 1, None, closed="left")],
        "correction": [StrOptions({"holm", "fixed-sequence", "bh"}), None],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "n_bootstrap": [Interval(Integral, 0, None, closed="left")],
        "n_resamples": [Interval(Integral, 0, None, closed="left")],
        "design": [StrOptions(DESIGN_NAMES)],
        "control": "no_validation",
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        min_variables=1,
        max_variables=3,
        n_cuts=9,
        conditions="auto",
        refine_cuts="auto",
        modalities=None,
        min_modalities=1,
        min_coverage=0.1,
        min_arm_size="auto",
        objective="auto",
        direction="both",
        prognostic="auto",
        propensity=None,
        response_threshold=None,
        greater_is_better=True,
        search="auto",
        max_time=None,
        n_personas=10,
        max_overlap=0.5,
        n_alternatives=3,
        memory=None,
        alpha=0.05,
        min_effect_size="auto",
        criterion="heterogeneity",
        validation="holdout",
        holdout_size=0.5,
        n_splits=50,
        n_holdout=3,
        correction="holm",
        n_permutations=1000,
        n_bootstrap=10_000,
        n_resamples=0,
        design="auto",
        control=None,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.min_variables = min_variables
        self.max_variables = max_variables
        self.n_cuts = n_cuts
        self.conditions = conditions
        self.refine_cuts = refine_cuts
        self.modalities = modalities
        self.min_modalities = min_modalities
        self.min_coverage = min_coverage
        self.min_arm_size = min_arm_size
        self.objective = objective
        self.direction = direction
        self.prognostic = prognostic
        self.propensity = propensity
        self.response_threshold = response_threshold
        self.greater_is_better = greater_is_better
        self.search = search
        self.max_time = max_time
        self.n_personas = n_personas
        self.max_overlap = max_overlap
        self.n_alternatives = n_alternatives
        self.memory = memory
        self.alpha = alpha
        self.min_effect_size = min_effect_size
        self.criterion = criterion
        self.validation = validation
        self.holdout_size = holdout_size
        self.n_splits = n_splits
        self.n_holdout = n_holdout
        self.correction = correction
        self.n_permutations = n_permutations
        self.n_bootstrap = n_bootstrap
        self.n_resamples = n_resamples
        self.design = design
        self.control = control
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    _doc_link_module = "sklearn_persona"

    @property
    def _doc_link_template(self):
        return documentation_link()

    def _html_repr(self):
        """scikit-learn's diagram, and the confirmed personas once there are any."""
        html = estimator_html_repr(self)
        if hasattr(self, "personas_"):
            html += personas_html(self.personas_, self.validation)
        return html

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self):
        """Plain values and records of the package, which skops can carry too."""
        state = super().__getstate__()
        return {name: frame_to_plain(value) for name, value in state.items()}

    def __setstate__(self, state):
        super().__setstate__({name: frame_from_plain(v) for name, v in state.items()})

    def fit(self, X, y, *, treatment=None, groups=None, period=None, strata=None):
        """Find personas in one half of the participants, test them in the other.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Baseline variables: numbers, with NaN for missing values; a DataFrame may
            also hold categories.
        y : array-like of shape (n_samples,)
            Outcome, continuous or binary.
        treatment : array-like of shape (n_samples,), default=None
            Arm of each case, two labels. None for a single arm.
        groups : array-like of shape (n_samples,), default=None
            Participant of each case; never split.
        period : array-like of shape (n_samples,), default=None
            Period of each case of a crossover, two values.
        strata : array-like of shape (n_samples,), default=None
            Site or randomization stratum of each case: estimates, tests, permutations
            and the split are within strata.

        Returns
        -------
        self : PersonaDiscoverer

        Raises
        ------
        ValueError
            For input that cannot be analyzed, or that needs more memory than there is;
            the message says what was got, what was expected and what to do. After any
            error or Ctrl-C the estimator is as it was before the call.
        """
        self._validate_params()
        roles = dict(treatment=treatment, groups=groups, period=period, strata=strata)
        n_tasks = 1 + bool(self.n_resamples)
        n_tasks += self.validation in ("permutation", "repeated")
        before = dict(vars(self))
        try:
            with fit_context(self, X, y, n_tasks):
                return self._fit(X, y, roles)
        except BaseException:
            # Restore the state before the call rather than leave it half-fitted.
            vars(self).clear()
            vars(self).update(before)
            raise

    def _fit(self, X, y, roles):
        self._check_limits()
        columns = self._read_table(X, reset=True)
        cases = self._read_cases(len(columns[0].values), y, roles)
        design = resolve_design(self.design, cases)
        if design == "single-arm":
            warn_caller(
                "No treatment was given: personas are subgroups with another outcome, "
                "not with another treatment effect.",
                SingleArmWarning,
            )
        units = make_units(design, cases)
        _warn_if_varying(columns, cases, units)
        modality, labels = modality_codes(self.modalities, columns)
        if self.min_modalities > max(len(labels), 1):
            raise ValueError(
                f"min_modalities={self.min_modalities} but there are {len(labels)} "
                f"modalities: {labels}. Pass modalities=, or lower min_modalities."
            )

        rng = check_random_state(self.random_state)
        self.min_arm_size_ = self.min_arm_size
        if self.min_arm_size == "auto":
            self.min_arm_size_ = units.least_size(self.alpha)
        self.design_ = design
        self.two_arm_ = cases.two_arm
        self.arms_ = cases.arms
        self.outcome_sd_ = pooled_sd(cases.outcome, cases.treated)
        self.objective_ = units.objective(self.objective)
        procedure = self._procedure(columns, modality, cases.arms)
        in_holdout = self._split(units, rng)
        procedure.check_room(units, int(np.count_nonzero(~in_holdout)))
        train, holdout = procedure.adjust(units, in_holdout, rng)
        self.split_ = np.full(len(cases.y), "not analysed", dtype="<U12")
        for part, name in ((train, "training"), (holdout, "holdout")):
            if part is not None:
                self.split_[np.isin(cases.groups, part.groups)] = name
        self.unit_rows_ = units.rows
        self.flow_ = describe_flow(columns, cases, units, train, holdout)

        progress = self._progress("search")
        found = procedure.find(train, n_jobs=self.n_jobs, progress=progress or None)
        progress.close()
        procedure = procedure.as_in(found)
        self.search_ = found.record
        builder = PersonaBuilder(columns, found.rules, train.rows, modality, labels)
        alternatives = builder.alternatives(
            found.selectors, self.n_alternatives, holdout
        )
        refits = None
        if self.n_resamples:
            refits = self._resample(procedure, units.take(~in_holdout), found, rng)
        verdicts, stability, corrected = self._claim(
            builder, found, train, holdout, rng, refits
        )
        self.personas_ = builder.build(verdicts, alternatives, stability, corrected)
        if self.validation == "repeated":
            self._repeat(procedure, units, rng)
        self.n_confirmed_ = sum(persona.confirmed for persona in self.personas_)
        self.claimed_ = np.array(
            [p.confirmed or self.validation is None for p in self.personas_], bool
        )
        self.table_ = persona_table(self.personas_)
        self.partition_ = self._partition(
            columns, train if holdout is None else holdout
        )
        if not self.personas_:
            warn_caller(
                f"No persona was found among {self.search_.n_candidates} candidates: "
                f"none has min_arm_size={self.min_arm_size_} and min_coverage="
                f"{self.min_coverage} with an effect in the direction looked for, or "
                "the outcome is constant.",
                NoPersonaWarning,
            )
        return self

    def transform(self, X):
        """Membership in each persona of `personas_`.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        membership : ndarray of float64, shape (n_samples, n_personas)
            1.0 inside, 0.0 outside.
        """
        return self._membership(X).astype(np.float64)

    def predict(self, X):
        """Tell who belongs to a claimed persona.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        prediction : ndarray of int, shape (n_samples,)
            1 favorable (more benefit than others), -1 unfavorable (less benefit than
            others, not necessarily harm), 0 unexplained; by the first persona that
            covers the row, among the confirmed ones (all, when ``validation=None``).
        """
        return self._predict(self._membership(X))

    def score(
        self,
        X,
        y,
        *,
        treatment=None,
        groups=None,
        period=None,
        strata=None,
        sample_weight=None,
    ):
        """Targeting gain of the predictions, in standard deviations of the fit.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        treatment, groups, period, strata : array-like of shape (n_samples,), optional
            `treatment` is needed when the fit had it. The others are read for
            consistency; the gain compares cases.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of means and shares.

        Returns
        -------
        gain : float
            See `metrics.targeting_gain`; 0.0 when nothing is predicted.

        Raises
        ------
        ValueError
            When the fit had treatment and this call has none.
        """
        membership = self._membership(X)
        require_treatment(self, treatment)
        prediction = self._predict(membership)
        roles = dict(groups=groups, period=period, strata=strata)
        if self.two_arm_:
            roles["treatment"] = treatment
        cases = self._read_cases(len(prediction), y, roles, arms=self.arms_)
        return targeting_gain(
            cases.outcome,
            prediction,
            cases.treated,
            sd=self.outcome_sd_,
            sample_weight=sample_weight,
        )

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        names : ndarray of str
            ``persona0``, ``persona1``, ...
        """
        check_is_fitted(self)
        names = [f"persona{i}" for i in range(len(self.personas_))]
        return np.array(names, dtype=object)

    def _check_limits(self):
        if self.min_variables > self.max_variables:
            raise ValueError(
                f"min_variables={self.min_variables} exceeds max_variables="
                f"{self.max_variables}."
            )
        if self.min_modalities > self.max_variables:
            raise ValueError(
                f"min_modalities={self.min_modalities} exceeds max_variables="
                f"{self.max_variables}: a persona has one modality per variable."
            )

    def _read_table(self, X, *, reset):
        if is_frame(X):
            check_names(X)
            validate_data(self, X, skip_check_array=True, reset=reset)
            for size, what in zip(X.shape, ("sample(s)", "feature(s)")):
                if not size:
                    raise ValueError(
                        f"Found array with 0 {what} (shape={X.shape}) while a minimum "
                        "of 1 is required."
                    )
            return read_table(X)
        X = validate_data(
            self, X, dtype=FLOATS, ensure_all_finite="allow-nan", reset=reset
        )
        return read_table(X)

    def _read_cases(self, n_rows, y, roles, arms=()):
        return read_cases(
            n_rows,
            y,
            **roles,
            control=self.control,
            arms=arms or None,
            n_arms=n_labels_of(self.design),
            greater_is_better=self.greater_is_better,
            response_threshold=self.response_threshold,
        )

    def _split(self, units, rng):
        """Mask of the units held out for validation."""
        if self.validation == "holdout":
            return units.split(self.holdout_size, rng)
        return ~units.everyone

    def _claim_rule(self, n_bootstrap):
        """The thresholds of a claim."""
        return ClaimRule(
            alpha=self.alpha,
            min_effect_size=self.min_effect_size,
            criterion=self.criterion,
            correction=self.correction,
            n_holdout=self.n_holdout,
            n_permutations=self.n_permutations,
            n_bootstrap=n_bootstrap,
        )

    def _progress(self, label):
        """Reporter of the progress of one part of the fit."""
        progress = Progress(self.verbose, label, open_task(self, label))
        if label != "search":
            # Later parts of a fit concern this rule.
            progress.best(self.search_.best_objective)
        return progress

    def _resample(self, procedure, units, found, rng):
        """The selection repeated without some of the training participants."""
        progress = self._progress("resamples")
        refits = repeat_selection(
            procedure,
            units,
            found.rules,
            self.n_resamples,
            rng,
            n_jobs=self.n_jobs,
            on_poll=progress,
        )
        progress.close()
        self.selection_frequencies_ = refits.frequencies(procedure.columns, 1)
        self.pair_frequencies_ = refits.frequencies(procedure.columns, 2)
        return refits

    def _claim(self, builder, found, train, holdout, rng, refits):
        """Decide the claims about the rules found.

        Returns verdicts, stability and corrected effects, each aligned with the rules
        (None without refits).
        """
        rule = self._claim_rule(self.n_bootstrap)
        subgroups = subgroups_of(builder, draw_seeds(len(found.rules), rng), holdout)
        corrections = None if refits is None else refits.corrections()
        if self.validation == "permutation":
            verdicts = self._permute(rule, found, subgroups, corrections, rng)
        else:
            verdicts = validate(rule, train, holdout, subgroups)
        if refits is None:
            return verdicts, None, None
        corrected = corrected_effects(rule, holdout, subgroups, verdicts, corrections)
        return verdicts, refits.stability(builder.conditions), corrected

    def _permute(self, rule, found, subgroups, corrections, rng):
        progress = self._progress("permutations")
        test = PermutationTest(
            found.selectors,
            found.settings,
            found.units,
            found.refinement,
            seed=int(rng.randint(np.iinfo(np.int32).max)),
            n_permutations=self.n_permutations,
            n_jobs=self.n_jobs,
            on_poll=progress or None,
            memory=self.memory,
        )
        sizes = None
        if corrections is not None:
            sizes = [0.0 if c is None else c.effect_size for c in corrections]
        verdicts = validate_by_permutation(rule, test, found.rules, subgroups, sizes)
        progress.close()
        return verdicts

    def _partition(self, columns, units):
        """Participants explained by a claim, and the effect among them."""
        claimed = [p for p, used in zip(self.personas_, self.claimed_) if used]
        return partition_table(
            units,
            [covered_by(p.conditions, columns)[units.rows] for p in claimed],
            [p.direction == "favorable" for p in claimed],
        )

    def _repeat(self, procedure, units, rng):
        """Smallest adjusted p value of each random split."""
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_splits).tolist()
        progress = self._progress("splits")
        self.split_p_values_ = split_pvalues(
            procedure,
            units,
            seeds,
            holdout_size=self.holdout_size,
            rule=self._claim_rule(n_bootstrap=0),
            n_jobs=self.n_jobs,
            on_poll=progress,
        )
        progress.close()
        self.trial_p_value_ = float(min(1.0, 2 * np.median(self.split_p_values_)))

    def _procedure(self, columns, modality, arms):
        """The procedure from units to rules; ``"auto"`` stays for conditions alone."""
        auto = self.objective == "auto"
        refine = self.refine_cuts
        if refine == "auto":
            refine = auto and self.n_cuts != "all"
            refine &= self.validation != "permutation"
        settings = SearchSettings(
            objective=self.objective_,
            min_variables=self.min_variables,
            max_variables=min(self.max_variables, len(columns)),
            min_modalities=self.min_modalities,
            least_arm=self.min_arm_size_,
            least_members=1,
            n_personas=self.n_personas,
            max_overlap=float(self.max_overlap),
            signs=SIGNS[self.direction],
            exact=self.search != "beam",
            max_time=self.max_time,
            penalty=PENALTY if auto else 0.0,
            either_arm=auto,
        )
        return Procedure(
            columns=columns,
            modality=modality,
            arms=arms,
            settings=settings,
            adjustment=Adjustment(columns, self.prognostic, self.propensity),
            auto=auto,
            n_cuts=self.n_cuts,
            conditions=self.conditions,
            refine=refine,
            min_coverage=self.min_coverage,
            force_exact=self.search != "auto" or self.max_time is not None,
            memory=self.memory,
        )

    def _membership(self, X):
        """Bool (n_samples, n_personas); never through `transform`, which is wrapped."""
        check_is_fitted(self)
        columns = self._read_table(X, reset=False)
        out = np.zeros((len(columns[0].values), len(self.personas_)), bool)
        for j, persona in enumerate(self.personas_):
            out[:, j] = covered_by(persona.conditions, columns)
        return out

    def _predict(self, membership):
        prediction = np.zeros(len(membership), dtype=int)
        for j in reversed(range(len(self.personas_))):
            persona = self.personas_[j]
            if self.claimed_[j]:
                sign = 1 if persona.direction == "favorable" else -1
                prediction[membership[:, j]] = sign
        return prediction


def _warn_if_varying(columns, cases, units):
    """Warn of baseline columns that vary within a unit: only one row of it counts."""
    if not cases.grouped or not units.one_row_each:
        return
    row_of = np.full(len(cases.participants), -1)
    row_of[units.groups] = units.rows
    first = row_of[cases.groups]
    rows = np.flatnonzero(first >= 0)
    names = []
    for column in columns:
        values, reference = column.values[rows], column.values[first[rows]]
        # NaN differs from itself.
        same = (values == reference) | ((values != values) & (reference != reference))
        if not same.all():
            names.append(column.position if column.name is None else column.name)
    if names:
        warn_caller(
            f"{len(names)} column(s) differ within a participant, first {names[:5]}; "
            "the first row counts. Personas need baseline variables.",
            VaryingBaselineWarning,
        )
