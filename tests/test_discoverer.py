"""The estimator: input, search options, predictions and score."""

import itertools
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.utils._param_validation import InvalidParameterError

import sklearn_persona._search.greedy as search_module
import sklearn_persona._selection.procedure as procedure_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._search import spaces as _spaces
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings
from sklearn_persona._search.spaces import is_out_of_reach
from sklearn_persona._selection.procedure import Procedure
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial
from sklearn_persona.exceptions import (
    NoPersonaWarning,
    SearchCostWarning,
    SingleArmWarning,
    UnusableColumnWarning,
)
from sklearn_persona.metrics import targeting_gain


@pytest.fixture(scope="module")
def trial():
    return make_parallel_trial(n_samples=120, n_features=4, effect=2.5, random_state=0)


def quick(**options):
    defaults = {"max_variables": 2, "n_bootstrap": 0, "n_permutations": 99}
    return PersonaDiscoverer(**defaults | {"random_state": 0} | options)


def fit(trial, **options):
    return quick(**options).fit(trial.data, trial.target, treatment=trial.treatment)


def replaced(values, row, value):
    values = np.array(values, dtype=float)
    values[row] = value
    return values


def rules(finder):
    return [(p.rule, p.direction) for p in finder.personas_]


class TestBadColumns:
    """What describes a case: the message says what was got and what to do."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"treatment": np.ones(120)},
                r"exactly two arms, got 1: \[1.0\].*single-arm",
            ),
            (
                {"treatment": np.arange(120) % 3},
                r"exactly two arms, got 3: \[0, 1, 2\]. Select the two arms",
            ),
            (
                {"treatment": replaced(np.arange(120) % 2, 7, np.nan)},
                "treatment is missing in 1 of 120 rows.*Drop those rows",
            ),
            (
                {"treatment": [None, *["a", "b"] * 59, "a"]},
                "treatment is missing in 1 of 120 rows",
            ),
            ({"treatment": [0, 1]}, "treatment has 2 entries but X has 120 rows"),
            ({"groups": range(119)}, "groups has 119 entries but X has 120 rows"),
            ({"groups": [np.nan, *range(119)]}, "groups is missing in 1 of 120"),
            ({"strata": [1]}, "strata has 1 entries but X has 120 rows"),
            ({"period": [1, 2]}, "period has 2 entries but X has 120 rows"),
            ({"period": np.arange(120) % 3}, "period must have two values, got 3"),
            ({"y": np.zeros(119)}, "y has 119 entries but X has 120 rows"),
            (
                {"y": replaced(np.zeros(120), 3, np.nan)},
                "1 outcomes are missing, first in row 3. Drop those cases",
            ),
            ({"y": replaced(np.zeros(120), 3, np.inf)}, "y contains infinity"),
            ({"y": ["better"] * 120}, "y must be numeric, got the string.*0 and 1"),
            (
                {"y": pd.to_datetime(["2020-01-01"] * 120)},
                "y must be numeric.*datetime",
            ),
            ({"y": None}, "requires y to be passed"),
            ({"y": np.zeros((120, 2))}, "y should be a 1d array"),
            ({"groups": np.arange(120) // 2 * 0}, "more than|has .* cases in arm"),
        ],
    )
    def test_message(self, trial, change, message):
        columns = {"y": trial.target, "treatment": trial.treatment} | change
        with pytest.raises(ValueError, match=message):
            quick().fit(trial.data, **columns)

    def test_nullable_outcome(self, trial):
        y = pd.Series(np.round(trial.target), dtype="Int64")
        quick().fit(trial.data, y, treatment=trial.treatment)
        y[3] = pd.NA
        with pytest.raises(ValueError, match="first in row 3"):
            quick().fit(trial.data, y, treatment=trial.treatment)

    def test_both_arms_in_a_parallel_trial(self, trial):
        with pytest.raises(ValueError, match=r"have cases in both arms.*crossover"):
            quick(design="parallel").fit(
                trial.data,
                trial.target,
                treatment=np.tile([0, 1], 60),
                groups=np.repeat(range(60), 2),
            )

    def test_too_few_cases_in_an_arm(self, trial):
        arm = np.arange(120) < 8
        message = (
            r"Too few cases: 4 training cases in arm 'b'.*at least 8.*holdout_size"
        )
        with pytest.raises(ValueError, match=message):
            quick().fit(trial.data, trial.target, treatment=np.where(arm, "b", "a"))

    def test_control_that_is_no_arm(self, trial):
        with pytest.raises(ValueError, match=r"control='saline' is no arm.*\[0, 1\]"):
            fit(trial, control="saline")


class TestBadTables:
    def fit(self, trial, X, **options):
        return quick(**options).fit(X, trial.target, treatment=trial.treatment)

    @pytest.mark.parametrize("as_frame", [True, False])
    def test_infinite_value(self, trial, as_frame):
        X = trial.data.copy()
        X.iloc[5, 1] = -np.inf
        message = "infinity in column 'x1', row 5; replace" if as_frame else "infinity"
        with pytest.raises(ValueError, match=message):
            self.fit(trial, X if as_frame else X.to_numpy())

    def test_duplicate_names(self, trial):
        X = trial.data.set_axis(["a", "b", "a", "c"], axis=1)
        with pytest.raises(ValueError, match=r"must be unique; got \['a'\].*Rename"):
            self.fit(trial, X)

    def test_no_columns(self, trial):
        with pytest.raises(ValueError, match=r"0 feature\(s\)"):
            self.fit(trial, trial.data[[]])

    def test_no_rows(self, trial):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            quick().fit(trial.data[:0], trial.target[:0])

    def test_date(self, trial):
        X = trial.data.assign(visit=pd.Timestamp("2020-01-01"))
        with pytest.raises(TypeError, match=r"'visit' has dtype datetime.*drop it"):
            self.fit(trial, X)

    def test_modality_of_a_column_that_is_not_there(self, trial):
        with pytest.raises(
            ValueError, match=r"does not have, first 'x_3'; did you mean"
        ):
            self.fit(trial, trial.data, modalities={"x0": "MRI", "x_3": "MEG"})

    def test_more_modalities_than_there_are(self, trial):
        with pytest.raises(ValueError, match="min_modalities=2 but there are 1"):
            self.fit(trial, trial.data, modalities=lambda _: "MRI", min_modalities=2)

    def test_other_columns_in_predict(self, trial):
        finder = fit(trial)
        with pytest.raises(ValueError, match="feature names"):
            finder.predict(trial.data.rename(columns={"x0": "z"}))
        finder.fit(trial.data.to_numpy(), trial.target, treatment=trial.treatment)
        with pytest.raises(ValueError, match="expecting 4 features"):
            finder.transform(np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "depth"}, "'objective'.*Got 'depth'"),
        ({"alpha": 0.0}, "'alpha'.*Got 0.0"),
        ({"alpha": 1.5}, "'alpha'"),
        ({"min_effect_size": -0.1}, "'min_effect_size'"),
        ({"min_coverage": -0.1}, "'min_coverage'"),
        ({"min_coverage": 1.1}, "'min_coverage'"),
        ({"max_overlap": 1.1}, "'max_overlap'"),
        ({"holdout_size": 1.0}, "'holdout_size'"),
        ({"n_holdout": 0}, "'n_holdout'"),
        ({"max_variables": 5}, "'max_variables'"),
        ({"max_variables": 2.0}, "'max_variables'"),
        ({"n_cuts": 0}, "'n_cuts'"),
        ({"n_cuts": "some"}, "'n_cuts'"),
        ({"conditions": "two-sided"}, "'conditions'"),
        ({"direction": "better"}, "'direction'"),
        ({"design": "cluster"}, "'design'"),
        ({"criterion": "p"}, "'criterion'"),
        ({"validation": "train"}, "'validation'"),
        ({"correction": "bonferroni"}, "'correction'"),
        ({"search": "greedy"}, "'search'"),
        ({"max_time": 0}, "'max_time'"),
        ({"min_arm_size": 0}, "'min_arm_size'"),
        ({"response_threshold": np.nan}, "'response_threshold'"),
        ({"prognostic": "lasso"}, "'prognostic'"),
        ({"n_bootstrap": -1}, "'n_bootstrap'"),
        ({"n_permutations": 0}, "'n_permutations'"),
    ],
)
def test_parameters_out_of_range(trial, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        fit(trial, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_variables": 3, "max_variables": 2}, "min_variables=3 exceeds"),
        ({"min_modalities": 3, "max_variables": 2}, "min_modalities=3 exceeds"),
    ],
)
def test_parameters_that_exclude_each_other(trial, options, message):
    with pytest.raises(ValueError, match=message):
        fit(trial, **options)


def test_prognosis_of_pairs_is_refused():
    data = make_ketamine_crossover(n_participants=40, random_state=0)
    first = data.data.iloc[:, :2].groupby(data.groups).transform("first")
    with (
        warnings.catch_warnings(),
        pytest.raises(ValueError, match=r"two arms.*use prognostic=None"),
    ):
        warnings.simplefilter("ignore")
        quick(prognostic=Ridge()).fit(
            first,
            data.target,
            treatment=data.treatment,
            groups=data.groups,
            period=data.period,
        )


def test_all_missing_column_warns(trial):
    X = trial.data.assign(volume=np.nan)
    with pytest.warns(UnusableColumnWarning, match=r"1 column.*\['volume'\]") as caught:
        finder = quick().fit(X, trial.target, treatment=trial.treatment)
    assert caught[0].filename == __file__
    assert finder.personas_
    assert all("volume" not in p.rule for p in finder.personas_)


class TestNothingFound:
    @pytest.fixture
    def finder(self, trial):
        with pytest.warns(NoPersonaWarning, match="No persona was found among"):
            return quick().fit(trial.data, np.ones(120), treatment=trial.treatment)

    def test_empty(self, finder, trial):
        assert finder.personas_ == [] and finder.n_confirmed_ == 0
        assert len(finder.table_) == 0
        assert finder.transform(trial.data).shape == (120, 0)
        assert list(finder.get_feature_names_out()) == []
        assert_array_equal(finder.predict(trial.data), np.zeros(120))
        score = finder.score(trial.data, trial.target, treatment=trial.treatment)
        assert score == 0.0 and isinstance(score, float)
        assert np.isnan(finder.search_.best_objective)
        assert finder.search_.n_candidates > 0

    def test_table_has_the_same_columns_as_ever(self, finder, trial):
        assert list(finder.table_.columns) == list(fit(trial).table_.columns)

    def test_x_is_still_checked(self, finder):
        with pytest.raises(ValueError, match="feature names"):
            finder.score(pd.DataFrame({"z": [0.0, 1]}), [0, 1], treatment=[0, 1])

    def test_set_output(self, finder, trial):
        finder.set_output(transform="pandas")
        assert finder.transform(trial.data).shape == (120, 0)
        finder.set_output(transform="default")

    def test_no_room_for_a_persona(self, trial):
        # No condition leaves anybody outside.
        with pytest.warns(NoPersonaWarning, match="min_arm_size=4"):
            finder = quick().fit(
                np.ones((120, 2)), trial.target, treatment=trial.treatment
            )
        assert finder.personas_ == []


def test_constant_outcome_in_one_arm_is_no_obstacle(trial):
    y = np.where(trial.treatment == 1, trial.target, 0.0)
    quick().fit(trial.data, y, treatment=trial.treatment)


def test_not_fitted(trial):
    for method in ("transform", "predict"):
        with pytest.raises(NotFittedError):
            getattr(quick(), method)(trial.data)
    with pytest.raises(NotFittedError):
        quick().get_feature_names_out()


class TestReproducible:
    def test_random_state(self, trial):
        texts = [
            list(map(str, fit(trial, random_state=s).personas_)) for s in (1, 1, 2)
        ]
        assert texts[0] == texts[1] != texts[2]

    def test_n_jobs(self, trial):
        one, two = (fit(trial, n_jobs=n, n_cuts="all") for n in (1, 2))
        assert list(map(str, one.personas_)) == list(map(str, two.personas_))
        pd.testing.assert_frame_equal(one.table_, two.table_)
        for name in ("n_candidates", "proven_optimal", "best_objective"):
            assert getattr(one.search_, name) == getattr(two.search_, name)

    def test_threshold_moves_no_search_and_no_test(self, trial):
        low, high = fit(trial, min_effect_size=0.0), fit(trial, min_effect_size=1.0)

        def records(finder):
            return {p.rule: p.train.p_value for p in finder.personas_}

        assert records(low) == records(high)

    @pytest.mark.parametrize("with_groups", [False, True])
    def test_order_of_the_rows(self, trial, with_groups):
        options = {"validation": None, "prognostic": None, "n_permutations": 9}
        groups = np.arange(120) + 500 if with_groups else None
        order = np.random.RandomState(0).permutation(120)
        first = quick(**options).fit(
            trial.data, trial.target, treatment=trial.treatment, groups=groups
        )
        second = quick(**options).fit(
            trial.data.iloc[order],
            trial.target[order],
            treatment=trial.treatment[order],
            groups=None if groups is None else groups[order],
        )
        assert rules(first) == rules(second)
        assert [p.objective for p in first.personas_] == pytest.approx(
            [p.objective for p in second.personas_]
        )

    def test_order_of_the_rows_of_participants_with_a_holdout(self, trial):
        groups = np.arange(120) + 500
        order = np.random.RandomState(0).permutation(120)
        first = quick().fit(
            trial.data, trial.target, treatment=trial.treatment, groups=groups
        )
        second = quick().fit(
            trial.data.iloc[order],
            trial.target[order],
            treatment=trial.treatment[order],
            groups=groups[order],
        )
        assert rules(first) == rules(second)
        assert_array_equal(first.split_[order], second.split_)

    def test_fit_twice(self, trial):
        finder = fit(trial)
        before = rules(finder)
        finder.fit(trial.data, trial.target, treatment=trial.treatment)
        assert rules(finder) == before

    def test_input_is_left_alone(self, trial):
        X, y, arm = trial.data.copy(), trial.target.copy(), trial.treatment.copy()
        quick().fit(X, y, treatment=arm)
        pd.testing.assert_frame_equal(X, trial.data)
        assert_array_equal(y, trial.target)
        assert_array_equal(arm, trial.treatment)


def conditions_of(x, n_cuts):
    if n_cuts == "all":
        values = np.unique(x)
        cuts = (values[1:] + values[:-1]) / 2
    else:
        cuts = np.unique(np.quantile(x, np.arange(1, n_cuts + 1) / (n_cuts + 1)))
    return [x <= c for c in cuts] + [x > c for c in cuts]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n_cuts", [4, "all"])
def test_objective_effect_is_the_best_there_is(trial, n_cuts, sign):
    finder = fit(
        trial,
        objective="effect",
        direction="favorable" if sign == 1 else "unfavorable",
        prognostic=None,
        n_cuts=n_cuts,
        n_personas=1,
        min_coverage=0.2,
        min_arm_size=3,
    )
    train = finder.split_ == "training"
    X, y = trial.data.to_numpy()[train], trial.target[train]
    arm = trial.treatment[train] == 1
    sd = np.sqrt((arm.sum() * y[arm].var() + (~arm).sum() * y[~arm].var()) / len(y))
    single = [conditions_of(x, n_cuts) for x in X.T]
    members = list(itertools.chain.from_iterable(single))
    for a, b in itertools.combinations(single, 2):
        members += [p & q for p in a for q in b]
    assert finder.search_.n_candidates == len(members)
    members = np.array(members)
    inside = np.stack([(members & arm).sum(1), (members & ~arm).sum(1)])
    outside = np.array([[arm.sum()], [(~arm).sum()]]) - inside
    allowed = (inside >= 3).all(0) & (outside >= 3).all(0)
    allowed &= members.sum(1) >= np.ceil(0.2 * len(y))
    members, (n_t, n_c) = members[allowed], inside[:, allowed]
    difference = (members & arm) @ y / n_t - (members & ~arm) @ y / n_c
    values = sign * np.sqrt(n_t * n_c / (n_t + n_c)) * difference / sd
    assert finder.search_.proven_optimal
    assert finder.search_.best_objective == pytest.approx(values.max())
    (best,) = finder.personas_
    assert best.objective == finder.search_.best_objective
    found = members[np.argmax(values)]
    assert_array_equal(best.covers(trial.data)[train], found)


class TestConstraints:
    @pytest.mark.parametrize(("fewest", "most"), [(1, 1), (2, 2), (2, 3), (3, 4)])
    def test_number_of_variables(self, trial, fewest, most):
        finder = fit(
            trial, min_variables=fewest, max_variables=most, n_cuts=3, min_arm_size=2
        )
        lengths = {len(p.conditions) for p in finder.personas_}
        assert lengths and lengths <= set(range(fewest, most + 1))
        for persona in finder.personas_:
            names = [c.name for c in persona.conditions]
            assert len(set(names)) == len(names)

    def test_modalities(self, trial):
        modalities = {"x0": "MRI", "x1": "MRI", "x2": "MEG", "x3": "MEG"}
        finder = fit(trial, modalities=modalities, min_modalities=2)
        assert finder.personas_
        assert all(p.modalities == ("MEG", "MRI") for p in finder.personas_)

    def test_modalities_by_position(self, trial):
        modalities = {0: "MRI", 1: "MRI", 2: "MEG"}
        finder = quick(modalities=modalities, min_modalities=2).fit(
            trial.data.to_numpy(), trial.target, treatment=trial.treatment
        )
        assert finder.personas_
        for persona in finder.personas_:
            sources = {modalities.get(c.position, "other") for c in persona.conditions}
            assert len(sources) == 2

    def test_sizes_and_overlap(self, trial):
        finder = fit(
            trial, min_arm_size=7, min_coverage=0.4, max_overlap=0.3, n_personas=8
        )
        train = finder.split_ == "training"
        arm = trial.treatment[train] == 1
        members = [p.covers(trial.data)[train] for p in finder.personas_]
        assert len(members) > 1
        for inside in members:
            for side in (inside, ~inside):
                assert min((side & arm).sum(), (side & ~arm).sum()) >= 7
            assert inside.mean() >= 0.4
        for (p, a), (q, b) in itertools.combinations(zip(finder.personas_, members), 2):
            if p.direction == q.direction:
                assert (a & b).sum() / (a | b).sum() <= 0.3

    @pytest.mark.parametrize("direction", ["favorable", "unfavorable"])
    def test_direction(self, trial, direction):
        finder = fit(trial, direction=direction)
        assert {p.direction for p in finder.personas_} == {direction}
        sign = 1 if direction == "favorable" else -1
        for persona in finder.personas_:
            assert sign * (persona.train.effect - persona.train.effect_complement) > 0

    def test_objectives_fall(self, trial):
        finder = fit(trial, validation=None)
        objectives = [p.objective for p in finder.personas_]
        assert objectives == sorted(objectives, reverse=True)
        assert {p.direction for p in finder.personas_} == {"favorable", "unfavorable"}

    def test_n_personas(self, trial):
        assert len(fit(trial, n_personas=2).personas_) == 2

    @pytest.mark.parametrize("search", ["exact", "beam"])
    def test_no_persona_twice_when_any_overlap_is_allowed(self, trial, search):
        finder = fit(trial, max_overlap=1.0, n_personas=6, search=search)
        assert len(finder.personas_) == 6
        assert len(set(rules(finder))) == 6


def test_interval_conditions():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(200, 2))
    arm = np.arange(200) % 2
    y = rng.standard_normal(200) + 3 * arm * ((X[:, 0] > 0.3) & (X[:, 0] <= 0.7))
    options = {"max_variables": 1, "direction": "favorable"}
    finder = quick(conditions="interval", **options).fit(X, y, treatment=arm)
    best = finder.personas_[0]
    (condition,) = best.conditions
    assert 0.2 < condition.low < 0.4 and 0.6 < condition.high < 0.8
    assert best.confirmed
    # 9 cuts on two columns: 9 + 9 one-sided and 36 between two cuts each.
    assert finder.search_.n_candidates == 2 * 54
    one_sided = quick(conditions="one-sided", **options).fit(X, y, treatment=arm)
    assert one_sided.search_.n_candidates == 2 * 18
    assert one_sided.search_.best_objective < finder.search_.best_objective


def test_all_cuts_find_at_least_as_much(trial):
    options = {"max_variables": 1, "prognostic": None, "validation": None}
    some = fit(trial, refine_cuts=False, **options)
    all_ = fit(trial, n_cuts="all", **options)
    assert all_.search_.best_objective > some.search_.best_objective
    assert all_.search_.n_candidates == 4 * 2 * 119


def test_categories(trial):
    levels = np.array(["red", "green", "blue"])[np.arange(120) % 3]
    y = trial.target * 0.3 + 4 * trial.treatment * (levels != "red")
    X = trial.data[["x3"]].assign(color=levels)
    finder = quick(max_variables=1, direction="favorable").fit(
        X, y, treatment=trial.treatment
    )
    assert finder.personas_[0].rule == "color in {blue, green}"
    assert finder.personas_[0].confirmed
    # Three levels and three pairs of them; 9 cuts, two sides and what lies between.
    assert finder.search_.n_candidates == 6 + 18 + 36
    new = pd.DataFrame({"x3": [0, 0, 0, 0.0], "color": ["blue", "red", "pink", None]})
    assert_array_equal(finder.transform(new)[:, 0], [1, 0, 0, 0])


def test_missing_values_belong_to_no_persona(trial):
    X = trial.data.copy()
    X.loc[::5, "x0"] = np.nan
    finder = quick(max_variables=1, n_personas=20, max_overlap=0.9).fit(
        X, trial.target, treatment=trial.treatment
    )
    on_x0 = [i for i, p in enumerate(finder.personas_) if "x0" in p.rule]
    assert on_x0
    assert not finder.transform(X)[::5, on_x0].any()


def test_beam_is_close_and_claims_no_proof(trial):
    exact, beam = fit(trial), fit(trial, search="beam")
    assert exact.search_.proven_optimal and not beam.search_.proven_optimal
    assert beam.search_.best_objective <= exact.search_.best_objective * (1 + 1e-9)
    assert beam.search_.best_objective >= 0.9 * exact.search_.best_objective
    assert beam.search_.n_candidates == exact.search_.n_candidates


class TestOutOfReach:
    """What is too large for a proof goes to the beam, and says so."""

    @pytest.fixture
    def impatient(self):
        with mock.patch.object(_spaces, "PATIENCE", 0):
            yield

    def test_beam_searches_with_a_warning(self, trial, impatient):
        beam = fit(trial, search="beam")
        with pytest.warns(SearchCostWarning, match="'exact' to insist") as caught:
            finder = fit(trial)
        assert {w.filename for w in caught} == {__file__}
        assert not finder.search_.proven_optimal
        assert rules(finder) == rules(beam)
        assert finder.search_.n_evaluated == beam.search_.n_evaluated

    @pytest.mark.parametrize("options", [{"search": "exact"}, {"max_time": 1000}])
    def test_insisting_gets_the_proof(self, trial, impatient, options):
        assert fit(trial, **options).search_.proven_optimal

    def test_permutations_and_refits_search_alike(self, trial):
        def settings_of(**options):
            seen = []
            find = Procedure.find

            def spy(self, *args, **kwargs):
                found = find(self, *args, **kwargs)
                seen.append(found.settings.exact)
                return found

            with mock.patch.object(Procedure, "find", spy):
                finder = fit(
                    trial, validation="permutation", n_resamples=2, n_jobs=1, **options
                )
            return finder, seen

        # Between a fit on all units and refits on fewer: a limit that these meet.
        n_fewer = []

        def only_all(selectors, settings, arms):
            n_fewer.append(selectors.n_units)
            return selectors.n_units == max(n_fewer)

        with (
            mock.patch.object(procedure_module, "is_out_of_reach", only_all),
            pytest.warns(SearchCostWarning),
        ):
            finder, seen = settings_of()
        beam, _ = settings_of(search="beam")
        assert len(seen) > 2 and not any(seen) and len(n_fewer) == 1
        assert [p.p_adjusted for p in finder.personas_] == [
            p.p_adjusted for p in beam.personas_
        ]
        assert [p.stability for p in finder.personas_] == [
            p.stability for p in beam.personas_
        ]

    def test_long_search_is_announced_to_the_caller(self, trial):
        with (
            mock.patch.object(search_module, "LONG", -1),
            pytest.warns(SearchCostWarning, match="predicted to take") as caught,
        ):
            fit(trial, refine_cuts=False)
        assert {w.filename for w in caught} == {__file__}

    def test_sizes_alone_decide(self):
        def decides(n, p, n_variables, conditions="one-sided", arms=2, **options):
            X = np.random.default_rng(0).standard_normal((n, p))
            selectors = make_selectors(
                read_table(X),
                np.arange(n),
                n_cuts=options.pop("n_cuts", 9),
                conditions=conditions,
                modality=np.zeros(p, int),
                least_members=1,
            )
            settings = SearchSettings(
                objective="arm-shift",
                min_variables=1,
                max_variables=n_variables,
                min_modalities=1,
                least_arm=4,
                least_members=1,
                n_personas=1,
                max_overlap=0.5,
                signs=(1, -1),
                exact=True,
                max_time=None,
                either_arm=True,
                **{"penalty": 1.5, "interval_variables": 2} | options,
            )
            return is_out_of_reach(selectors, settings, arms)

        # The seeds' size with four variables, and as many columns as there are genes.
        assert not decides(63, 360, 4)
        assert not decides(64, 2000, 3)
        assert not decides(500, 200, 3)
        assert decides(500, 1000, 3)
        assert not decides(500, 1000, 2)
        # A single arm is searched once.
        assert decides(265, 1000, 3)
        assert not decides(265, 1000, 3, arms=1)
        # Three variables have no intervals, whose number would decide, or do.
        literal = {"penalty": 0.0, "interval_variables": 4}
        assert not decides(200, 1000, 3, "interval")
        assert decides(200, 1000, 3, "interval", **literal)
        # Cubes visit what a branch and bound could not end, if there are few cells.
        assert not decides(4000, 50, 3)
        assert decides(4000, 400, 3)
        assert decides(1000, 160, 3, "interval", **literal)
        assert decides(1000, 7, 3, n_cuts=300)


def test_max_time_gives_the_best_so_far():
    trial = make_parallel_trial(
        n_samples=400, n_features=60, effect=0.5, random_state=0
    )
    finder = quick(
        max_time=0.05, max_variables=4, validation=None, prognostic=None, n_personas=2
    ).fit(trial.data, trial.target, treatment=trial.treatment)
    assert not finder.search_.proven_optimal
    assert len(finder.personas_) == 2


def test_search_record(trial):
    # 9 cuts on both sides of four columns, alone and in pairs.
    search = fit(trial, conditions="one-sided").search_
    assert search.n_candidates == 4 * 18 + 6 * 18 * 18
    # And what lies between two cuts, in rules of up to two variables.
    search = fit(trial, max_variables=3).search_
    assert search.n_candidates == 4 * 54 + 6 * 54 * 54 + 4 * 18**3
    assert 0 < search.n_evaluated
    assert search.seconds > 0
    assert search.proven_optimal is True


def test_fitted_attributes(trial):
    finder = fit(trial)
    assert finder.two_arm_ and finder.design_ == "parallel"
    assert finder.arms_ == (0, 1)
    assert finder.n_features_in_ == 4
    assert_array_equal(finder.feature_names_in_, ["x0", "x1", "x2", "x3"])
    assert finder.n_confirmed_ == sum(p.confirmed for p in finder.personas_)
    arm, y = trial.treatment == 1, trial.target
    within = (y[arm].var() * arm.sum() + y[~arm].var() * (~arm).sum()) / 120
    assert finder.outcome_sd_ == pytest.approx(within**0.5)
    table = finder.table_
    assert list(table.index) == [f"persona{i}" for i in range(len(finder.personas_))]
    assert list(table.confirmed) == [p.confirmed for p in finder.personas_]
    assert list(table.train_effect) == [p.train.effect for p in finder.personas_]
    assert table.holdout_p_value.iloc[0] == finder.personas_[0].holdout.p_value
    assert not hasattr(
        quick().fit(trial.data.to_numpy(), trial.target, treatment=trial.treatment),
        "feature_names_in_",
    )


class TestPredictions:
    def test_transform(self, trial):
        finder = fit(trial)
        membership = finder.transform(trial.data)
        assert membership.dtype == np.float64
        assert membership.shape == (120, len(finder.personas_))
        for j, persona in enumerate(finder.personas_):
            assert_array_equal(membership[:, j], persona.covers(trial.data))
        assert_array_equal(
            finder.get_feature_names_out(),
            [f"persona{j}" for j in range(len(finder.personas_))],
        )

    @pytest.mark.parametrize("validation", ["holdout", None])
    def test_first_covering_persona_decides(self, trial, validation):
        finder = fit(trial, validation=validation, n_cuts=5)
        expected = np.zeros(120, int)
        for i in range(120):
            for persona in finder.personas_:
                claimed = persona.confirmed or validation is None
                if claimed and persona.covers(trial.data.iloc[[i]])[0]:
                    expected[i] = 1 if persona.direction == "favorable" else -1
                    break
        prediction = finder.predict(trial.data)
        assert prediction.dtype.kind == "i"
        assert_array_equal(prediction, expected)
        assert set(expected) == ({0, 1} if validation else {-1, 0, 1}) or -1 in expected

    def test_arrays_and_polars(self, trial):
        finder = fit(trial)
        table = pl.DataFrame({c: trial.data[c].to_numpy() for c in trial.data})
        assert_array_equal(finder.predict(table), finder.predict(trial.data))


def gain_by_hand(y, prediction, arm, sd, weight):
    """The contract's formula."""

    def effect(rows):
        t, c = rows & (arm == 1), rows & (arm == 0)
        if not weight[t].sum() or not weight[c].sum():
            return None
        return np.average(y[t], weights=weight[t]) - np.average(y[c], weights=weight[c])

    everyone = effect(np.ones(len(y), bool))
    total = 0.0
    for sign in (1, -1):
        side = prediction == sign
        inside = effect(side)
        if inside is not None:
            share = weight[side].sum() / weight.sum()
            total += share * sign * (inside - everyone)
    return total / sd


class TestScore:
    @pytest.mark.parametrize("greater_is_better", [True, False])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_by_hand(self, trial, greater_is_better, weighted):
        sign = 1 if greater_is_better else -1
        finder = quick(validation=None, greater_is_better=greater_is_better).fit(
            trial.data, sign * trial.target, treatment=trial.treatment
        )
        new = make_parallel_trial(n_samples=90, n_features=4, effect=1, random_state=5)
        weight = np.random.RandomState(0).uniform(size=90) if weighted else None
        prediction = finder.predict(new.data)
        assert {1, -1} <= set(prediction)
        score = finder.score(
            new.data,
            sign * new.target,
            treatment=new.treatment,
            sample_weight=weight,
        )
        expected = gain_by_hand(
            new.target,
            prediction,
            new.treatment,
            finder.outcome_sd_,
            np.ones(90) if weight is None else weight,
        )
        assert score == pytest.approx(expected)
        assert score == pytest.approx(
            targeting_gain(
                new.target,
                prediction,
                new.treatment,
                sd=finder.outcome_sd_,
                sample_weight=weight,
            )
        )

    def test_control_label(self, trial):
        arm = np.where(trial.treatment == 1, "ketamine", "saline")
        finder = quick(control="saline").fit(trial.data, trial.target, treatment=arm)
        assert finder.arms_ == ("saline", "ketamine")
        assert finder.score(trial.data, trial.target, treatment=arm) == pytest.approx(
            fit(trial).score(trial.data, trial.target, treatment=trial.treatment)
        )

    def test_single_arm_scores_means(self, trial):
        y = trial.target + 2 * (trial.data.x0 > 0)
        with pytest.warns(SingleArmWarning):
            finder = quick().fit(trial.data, y)
        prediction = finder.predict(trial.data)
        expected = sum(
            sign
            * (prediction == sign).mean()
            * (y[prediction == sign].mean() - y.mean())
            for sign in (1, -1)
            if (prediction == sign).any()
        )
        assert finder.score(trial.data, y) == pytest.approx(
            expected / finder.outcome_sd_
        )
        assert finder.score(trial.data, y) > 0

    def test_treatment_forgotten(self, trial):
        with pytest.raises(ValueError, match="fitted with treatment, so score needs"):
            fit(trial).score(trial.data, trial.target)

    @pytest.mark.parametrize("label", [0, 1])
    def test_fold_with_one_arm(self, trial, label):
        # A term without both arms is zero; such folds occur in small trials.
        rows = trial.treatment == label
        score = fit(trial).score(
            trial.data[rows], trial.target[rows], treatment=trial.treatment[rows]
        )
        assert score == 0.0

    def test_fold_with_one_period(self, trial):
        columns = {"treatment": trial.treatment, "period": np.ones(120)}
        assert fit(trial).score(trial.data, trial.target, **columns) > 0

    def test_unknown_arm(self, trial):
        with pytest.raises(ValueError, match="is no arm of"):
            fit(trial).score(trial.data, trial.target, treatment=["a", "b"] * 60)

    def test_lengths(self, trial):
        with pytest.raises(ValueError, match="treatment has 3 entries"):
            fit(trial).score(trial.data, trial.target, treatment=[0, 1, 0])


def test_response_threshold_searches_the_response(trial):
    y = trial.target * 10
    finder = quick(response_threshold=8.0, prognostic=None).fit(
        trial.data, y, treatment=trial.treatment
    )
    binary = quick(prognostic=None).fit(
        trial.data, (y >= 8).astype(float), treatment=trial.treatment
    )
    assert rules(finder) == rules(binary)
    for a, b in zip(finder.personas_, binary.personas_, strict=True):
        assert (a.train.effect, a.train.p_value) == (b.train.effect, b.train.p_value)
        assert a.train.rate_treated == b.train.mean_treated
        assert a.train.mean_treated != b.train.mean_treated
        assert b.train.rate_treated is None
    assert_allclose(
        finder.score(trial.data, y, treatment=trial.treatment),
        binary.score(trial.data, y >= 8, treatment=trial.treatment),
    )


def test_verbose_writes_to_standard_error_only(trial, capsys):
    fit(trial, verbose=1)
    assert capsys.readouterr().out == ""
    fit(trial)
    assert capsys.readouterr().err == ""
