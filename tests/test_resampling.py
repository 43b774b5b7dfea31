"""The selection repeated without participants: stability and corrected effects."""

import json
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import sklearn_persona._claims.resampling as module
from sklearn_persona import Persona, PersonaDiscoverer, Stability
from sklearn_persona._claims.corrected import (
    Correction,
    Sums,
    _given_claim,
    _Part,
    corrected_effects,
    corrections,
    joint_of,
    levels_tested,
)
from sklearn_persona._claims.resampling import _match, repeat_selection, targets_of
from sklearn_persona._claims.rule import ClaimRule, Subgroup, Verdict
from sklearn_persona._claims.stability import selection_table, summarize
from sklearn_persona._designs import make_units, read_cases
from sklearn_persona._search.greedy import FoundRule, SearchSettings
from sklearn_persona._selection.procedure import Procedure
from sklearn_persona.inference import (
    conditional_interval,
    contrast_interval,
    welch_interval,
)

OPTIONS = {
    "max_variables": 2,
    "n_cuts": 4,
    "n_personas": 3,
    "prognostic": None,
    "n_bootstrap": 0,
    "n_permutations": 99,
    "n_alternatives": 0,
    "random_state": 0,
}


def rule_of(
    alpha=0.05, min_effect_size=0.5, criterion="heterogeneity", correction="holm"
):
    return ClaimRule(alpha, min_effect_size, criterion, correction, 3, 99, 0)


def correct(rule, holdout, subgroup, verdict, given):
    """Corrected effect and interval of one persona."""
    [(effect, interval)] = corrected_effects(
        rule, holdout, [subgroup], [verdict], [given]
    )
    return SimpleNamespace(effect_corrected=effect, ci_corrected=interval)


def parallel(seed=0, n=60, effect=3.0, p=4):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, p))
    arm = rng.permutation(np.arange(n) % 2)
    y = rng.standard_normal(n) + effect * arm * (X[:, 0] > 0)
    return X, y, {"treatment": arm}


def crossover(seed=0, n=40, effect=3.0, period=True):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 4))
    group = np.repeat(np.arange(n), 2)
    first = (rng.permutation(n) % 2 == 0)[group]
    session = np.tile([1, 2], n)
    arm = np.where(session == 1, first, ~first).astype(int)
    y = rng.standard_normal(n)[group] + 0.7 * rng.standard_normal(2 * n)
    y += 0.8 * session + effect * arm * (X[group, 0] > 0)
    given = {"treatment": arm, "groups": group}
    return X[group], y, given | ({"period": session} if period else {})


def fit(data, **options):
    X, y, given = data
    return PersonaDiscoverer(**{**OPTIONS, **options}).fit(X, y, **given)


@pytest.fixture(scope="module")
def fitted():
    return fit(parallel(), n_resamples=10)


class TestOfTheEstimator:
    def test_nothing_without_resamples(self):
        finder = fit(parallel())
        for persona in finder.personas_:
            assert persona.stability is None
            assert persona.effect_corrected is None
            assert persona.ci_corrected is None
        assert not hasattr(finder, "selection_frequencies_")

    @pytest.mark.parametrize("validation", ["holdout", "permutation", "repeated", None])
    def test_changes_nothing_else(self, validation):
        options = {"validation": validation, "n_splits": 2, "min_effect_size": 0.0}
        plain = fit(parallel(), **options)
        more = fit(parallel(), n_resamples=4, **options)
        assert len(plain.personas_) == len(more.personas_) > 0
        for one, other in zip(plain.personas_, more.personas_, strict=True):
            assert other.effect_corrected is not None
            bare = replace(
                other, stability=None, effect_corrected=None, ci_corrected=None
            )
            assert bare.to_dict() == one.to_dict()

    def test_does_not_depend_on_jobs(self, fitted):
        again = fit(parallel(), n_resamples=10, n_jobs=2)
        for one, other in zip(fitted.personas_, again.personas_, strict=True):
            assert one.to_dict() == other.to_dict()
        assert again.selection_frequencies_.equals(fitted.selection_frequencies_)

    @pytest.mark.xdist_group("engines")
    @pytest.mark.parametrize("backend", ["loky", "dask"])
    def test_is_the_same_in_other_processes(self, fitted, backend):
        if backend == "dask":
            distributed = pytest.importorskip("distributed")
            with (
                distributed.LocalCluster(
                    n_workers=1,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                ) as cluster,
                distributed.Client(cluster),
                joblib.parallel_config(backend="dask", n_jobs=2),
            ):
                again = fit(parallel(), n_resamples=10)
        else:
            with joblib.parallel_config(backend="loky", n_jobs=2):
                again = fit(parallel(), n_resamples=10)
        for one, other in zip(fitted.personas_, again.personas_, strict=True):
            assert one.to_dict() == other.to_dict()

    def test_json(self, fitted):
        for persona in fitted.personas_:
            values = json.loads(json.dumps(persona.to_dict(), allow_nan=False))
            again = Persona.from_dict(values)
            assert isinstance(again.stability, Stability)
            assert again.to_dict() == persona.to_dict()
            assert again.stability.edges == persona.stability.edges
            assert isinstance(again.ci_corrected, tuple)

    def test_unknown_fields_are_refused(self, fitted):
        values = fitted.personas_[0].stability.to_dict()
        with pytest.raises(ValueError, match=r"no fields \['extra'\]"):
            Stability.from_dict(values | {"extra": 1})

    def test_strong_effect_is_stable(self, fitted):
        persona = next(
            p for p in fitted.personas_ if [c.position for c in p.conditions] == [0]
        )
        held = persona.stability
        assert held.n_resamples == 10
        assert held.n_left_out == 10
        assert held.jaccard > 0.7
        assert held.variable_frequencies[0] >= 0.7
        edge = held.edges[0]
        assert edge.n >= 8
        assert edge.low <= edge.value <= edge.high
        assert fitted.selection_frequencies_["variable"][0] == 0

    def test_card(self, fitted):
        text = str(fitted.personas_[0])
        assert "corrected effect (95% CI)" in text
        assert "in half-samples" in text
        assert "in half-samples" not in str(fit(parallel()).personas_[0])

    @pytest.mark.parametrize("data", [crossover(), crossover(period=False)])
    @pytest.mark.filterwarnings("ignore::sklearn_persona.exceptions.PersonaWarning")
    def test_crossover(self, data):
        finder = fit(data, n_resamples=5, validation=None)
        best = finder.personas_[0]
        assert abs(best.effect_corrected - 3.0) < 1.5
        low, high = best.ci_corrected
        assert low < best.effect_corrected < high
        assert best.stability.n_left_out == 5

    @pytest.mark.filterwarnings("ignore::sklearn_persona.exceptions.PersonaWarning")
    def test_single_arm(self):
        X, y, _ = parallel()
        y = y + 3 * (X[:, 1] > 0)
        finder = fit((X, y, {}), n_resamples=5, validation=None)
        best = finder.personas_[0]
        assert best.effect_corrected > 1
        assert best.stability.n_resamples == 6

    def test_too_few_for_a_half(self):
        # Eight an arm: half of them leave no room for both sides of a rule of four.
        finder = fit(parallel(n=16), n_resamples=4, validation=None)
        for persona in finder.personas_:
            assert 0 <= persona.stability.jaccard <= 1
            values = json.dumps(persona.to_dict(), allow_nan=False)
            assert Persona.from_dict(json.loads(values)).to_dict() == persona.to_dict()

    def test_permutation_counts_the_corrected_size(self):
        data = parallel(n=80)
        options = {"validation": "permutation", "n_resamples": 10}
        finder = fit(data, min_effect_size=0.0, **options)
        best = finder.personas_[0]
        assert best.confirmed
        naive = best.train.effect_size
        corrected = best.effect_corrected / (best.train.effect / naive)
        assert corrected < naive
        between = fit(data, min_effect_size=naive - 1e-6, **options)
        assert not between.personas_[0].confirmed
        assert "effect below min_effect_size" in {p.claim for p in between.personas_}
        plain = fit(data, min_effect_size=naive - 1e-6, validation="permutation")
        assert plain.n_confirmed_


def recorded(units, n_resamples, monkeypatch):
    """Participants kept, and the least arm size, in each refit."""
    seen = []

    class Smaller:
        columns, modality = (), np.zeros(0, int)

        def __init__(self, share):
            self.share = share

        def adjust(self, kept, nobody, rng):
            assert not nobody.any()
            seen.append((self.share, kept.groups))
            return kept, None

        def find(self, train, n_jobs, quiet):
            return SimpleNamespace(rules=[])

    monkeypatch.setattr(module, "_for_share", lambda procedure, share: Smaller(share))
    procedure = SimpleNamespace(columns=(), modality=np.zeros(0, int))
    procedure.lasting_memory, procedure.plain = None, lambda: procedure
    repeat_selection(
        procedure,
        units,
        [],
        n_resamples,
        np.random.RandomState(0),
    )
    return seen


class TestRefits:
    def test_partitions(self, monkeypatch):
        _, y, given = parallel(n=50)
        rows = np.concatenate([np.arange(50), np.arange(20)])
        cases = read_cases(70, y[rows], treatment=given["treatment"][rows], groups=rows)
        units = make_units("pooled", cases)
        seen = recorded(units, 12, monkeypatch)
        everyone = set(range(50))
        halves = [set(groups) for share, groups in seen if share == 0.5]
        assert len(halves) == 12
        for one, other in zip(halves[::2], halves[1::2], strict=True):
            assert one | other == everyone
            assert not one & other
            treated = np.isin(units.groups[units.treated], list(one))
            assert abs(len(one) - 25) <= 1
            assert abs(treated.mean() - 0.5) < 0.15
        assert len({frozenset(half) for half in halves}) == 12
        folds = [set(groups) for share, groups in seen if share == 0.8]
        assert len(folds) == 15
        for k in range(0, 15, 5):
            left_out = [everyone - fold for fold in folds[k : k + 5]]
            assert sorted(x for part in left_out for x in part) == list(range(50))
        singles = [set(groups) for share, groups in seen if share > 0.9]
        assert len(singles) == 12
        assert all(len(kept) == 49 for kept in singles)
        assert len({frozenset(kept) for kept in singles}) == 12

    def test_everybody_is_left_out_once_when_there_are_few(self, monkeypatch):
        _, y, given = parallel(n=20)
        units = make_units("parallel", read_cases(20, y, **given))
        seen = recorded(units, 100, monkeypatch)
        singles = [groups for share, groups in seen if share > 0.9]
        left_out = sorted((set(range(20)) - set(kept)).pop() for kept in singles)
        assert left_out == list(range(20))


def rule(sign, members, *conditions):
    return FoundRule((), conditions, sign, 1.0, np.array(members, bool))


@pytest.mark.parametrize(
    ("least", "share", "expected"),
    [(4, 0.5, 2), (6, 0.5, 3), (6, 0.8, 4), (1, 0.5, 1), (2, 0.5, 2), (6, 11 / 12, 5)],
)
def test_smallest_sizes_shrink_with_the_share(least, share, expected):
    procedure = fitted_procedure(least)
    smaller = module._for_share(procedure, share)
    assert smaller.settings.least_arm == expected
    assert replace(smaller, settings=procedure.settings) == procedure


def fitted_procedure(least):
    settings = SearchSettings(
        objective="effect",
        min_variables=1,
        max_variables=2,
        min_modalities=1,
        least_arm=least,
        least_members=1,
        n_personas=3,
        max_overlap=0.5,
        signs=(1, -1),
        exact=True,
        max_time=None,
    )
    return Procedure(
        columns=[],
        modality=(),
        arms=(),
        settings=settings,
        adjustment=None,
        auto=False,
        n_cuts=4,
        conditions="one-sided",
        refine=False,
        min_coverage=0.1,
    )


class TestMatch:
    X, y, given = parallel(n=8)
    units = make_units("parallel", read_cases(8, y, **given))
    members = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)

    def match(self, rules, target=None, categories=()):
        target = (
            target
            or targets_of([rule(1, self.members, (3, (0.5, None)), (1, (None, 2.0)))])[
                0
            ]
        )
        used = [tuple(sorted(p for p, _ in r.conditions)) for r in rules]
        members = [r.members for r in rules]
        left_out = np.array([1, 0, 1, 0, 1, 0, 1, 0], bool)
        return _match(target, rules, used, members, self.units, left_out, categories)

    def test_best_of_the_same_direction(self):
        rules = [
            rule(-1, self.members, (1, (None, 1.0)), (3, (0.1, None))),
            rule(1, [0, 0, 0, 1, 1, 1, 0, 0], (0, (0.0, None))),
            rule(1, [1, 1, 1, 0, 0, 0, 0, 0], (3, (0.7, 0.9))),
        ]
        match = self.match(rules)
        assert match.jaccard == 0.75
        # The unfavorable rule has the variables, but not the direction.
        assert not match.same
        assert match.edges == {(3, "low"): 0.7, (3, "high"): 0.9}
        # The first favorable rule has the same place.
        inside = np.array([0, 0, 0, 0, 1, 0, 0, 0], bool)
        treated = self.units.treated
        assert_array_equal(
            match.sums.n, [[(inside & treated).sum(), (inside & ~treated).sum()]]
        )

    def test_same_variables(self):
        rules = [rule(1, [0] * 7 + [1], (1, (None, 9.0)), (3, (0.1, None)))]
        match = self.match(rules)
        assert match.same
        assert match.jaccard == 0

    def test_categories_have_no_edges(self):
        rules = [rule(1, self.members, (3, (1.0, 2.0)))]
        assert self.match(rules, categories={3}).edges == {}

    def test_no_rule_of_the_direction(self):
        match = self.match([rule(-1, self.members, (3, (0.7, 0.9)))])
        assert (match.jaccard, match.same, match.sums) == (0.0, False, None)

    def test_second_place(self):
        first = rule(1, self.members, (3, (0.5, None)))
        other = rule(1, ~self.members, (1, (0.5, None)))
        down = rule(-1, ~self.members, (1, (0.5, None)))
        targets = targets_of([first, down, other])
        assert [t.place for t in targets] == [0, 0, 1]
        assert self.match([first], target=targets[2]).sums is None
        assert self.match([first, other], target=targets[2]).sums is not None


def found(jaccard, same=False, edges=()):
    return SimpleNamespace(jaccard=jaccard, same=same, edges=dict(edges))


class TestStability:
    def test_by_hand(self):
        persona = Persona.from_conditions({3: (0.5, None), 1: (None, 2.0)})
        matches = [
            found(0.2, True, {(3, "low"): 1.0}),
            found(0.4, False, {(3, "low"): 2.0, (3, "high"): 9.0}),
            found(0.9, True, {(1, "high"): 5.0}),
            found(0.0),
        ]
        alone = [found(0.8, True), found(0.6)]
        held = summarize(persona.conditions, matches, alone, [(3,), (1, 3), (), (2,)])
        assert held.n_resamples == 4
        assert_allclose(held.jaccard, 0.375)
        assert_allclose(
            held.jaccard_quantiles,
            np.quantile([0.2, 0.4, 0.9, 0.0], [0.025, 0.25, 0.5, 0.75, 0.975]),
        )
        assert held.same_variables == 0.5
        assert held.variable_frequencies == (0.5, 0.25)
        assert [(e.variable, e.side, e.n) for e in held.edges] == [
            ("x3", "low", 2),
            ("x1", "high", 1),
        ]
        assert_allclose([held.edges[0].low, held.edges[0].high], [1.025, 1.975])
        assert (held.n_left_out, held.left_out_same) == (2, 0.5)
        assert held.left_out_jaccard == 0.6

    def test_selection_table(self):
        best = [(0, 2), (0,), (0, 1), ()]
        kept = [[(0, 2), (1,)], [(0,), (2, 3)], [(0, 1)], []]
        names = ["a", "b", "c", "d"]
        one = selection_table(best, kept, names, 1).set_index("variable")
        assert one.index[0] == "a"
        assert one.frequency.to_dict() == {"a": 0.75, "b": 0.25, "c": 0.25, "d": 0}
        assert one.frequency_kept.to_dict() == {
            "a": 0.75,
            "b": 0.5,
            "c": 0.5,
            "d": 0.25,
        }
        # q = 5 / 4 variables a half-sample, p = 4, f = 3 / 4.
        assert_allclose(one.false_bound["a"], 1.25**2 / (4 * 0.5))
        assert one.false_bound.drop("a").isna().all()
        two = selection_table(best, kept, names, 2).set_index(["variable", "other"])
        assert two.frequency.to_dict() == {
            ("a", "b"): 0.25,
            ("a", "c"): 0.25,
            ("c", "d"): 0,
        }

    def test_bound_is_at_most_all(self):
        table = selection_table([(0, 1), (0, 1), (0,)], [[]] * 3, ["a", "b"], 1)
        assert table.false_bound.max() == 2

    def test_bound_holds_for_noise(self):
        """Selections without signal: fewer false ones than the bound says."""
        rng = np.random.RandomState(0)
        excess = []
        for _ in range(200):
            # Variables differ in how often noise selects them, up to q / p.
            best = [tuple(rng.choice(10, 2, replace=False)) for _ in range(20)]
            table = selection_table(best, [[b] for b in best], list(range(10)), 1)
            reached = table[table.frequency >= 0.55]
            bound = 2**2 / (10 * (2 * 0.55 - 1))
            excess.append(len(reached) - bound)
        assert np.mean(excess) <= 0

    def test_nothing_found(self):
        table = selection_table([(), ()], [[], []], ["a"], 1)
        assert list(table) == ["variable", "frequency", "frequency_kept", "false_bound"]
        assert len(table) == 0


class TestMeanOfTwoParts:
    def test_by_hand(self):
        joint = _Part(1.0, 0.25, 8.0).combine(_Part(3.0, 0.75, 4.0))
        assert joint.effect == pytest.approx(0.75 * 1 + 0.25 * 3)
        # Meier (1953): 4 sum w (1 - w) / df on top of 1 / (4 + 4 / 3).
        more = 1 + 4 * 0.1875 * (1 / 8 + 1 / 4)
        assert joint.variance == pytest.approx(3 / 16 * more)
        assert joint.df == pytest.approx(1 / (0.75**2 / 8 + 0.25**2 / 4))

    def test_small_parts_are_covered(self):
        # Without the correction .919 of intervals cover, by 20,000 repetitions.
        rng = np.random.default_rng(0)
        n, n_times, covered = 8, 4000, 0
        for _ in range(n_times):
            values = rng.standard_normal((2, n))
            parts = [_Part(v.mean(), v.var(ddof=1) / n, n - 1.0) for v in values]
            low, high = parts[0].combine(parts[1]).interval
            covered += low <= 0 <= high
        assert 0.933 < covered / n_times < 0.96


def test_training_too_small_to_add_anything():
    # A joint mean less precise than the tested part, and below the claim's threshold.
    tested, training = _Part(3.5, 1.0, 20.0), _Part(-20.0, 12.0, 3.0)
    joint = training.combine(tested)
    assert joint.scale > tested.scale
    better = joint_of([training, tested], tested)
    assert better is tested
    threshold = 2.086
    with pytest.raises(ValueError, match="se <= se_tested"):
        _given_claim(joint, tested, 1, threshold)
    effect, (low, high) = _given_claim(better, tested, 1, threshold)
    assert low < effect < tested.effect and high > tested.effect
    assert joint_of([_Part(2.0, 0.1, 9.0), tested], tested).scale < tested.scale
    assert joint_of([tested], tested) is tested
    assert joint_of([training], None) is training


class TestCorrection:
    def test_sums(self):
        rng = np.random.RandomState(0)
        values = 1e9 + rng.standard_normal(30)
        cells = [np.arange(30) % 3 == 0, np.arange(30) % 3 == 1]
        left = np.arange(30) < 11
        strata = np.arange(30) % 2
        parts = [
            Sums.of(values, [cell & side for cell in cells], strata)
            for side in (left, ~left)
        ]
        total = parts[0] + parts[1]
        nothing = Sums.of(values, [cell & False for cell in cells], strata)
        for merged in (total, nothing + total, total + nothing):
            squares = np.zeros(2)
            for s, k in product(range(2), range(2)):
                x = values[cells[k] & (strata == s)]
                assert merged.n[s, k] == len(x)
                assert_allclose(merged.mean[s, k], x.mean(), rtol=1e-15)
                own = ((x - x.mean()) ** 2).sum()
                assert_allclose(merged.deviations[s, k], own, rtol=1e-5)
                squares[k] += own
            assert_array_equal(merged.freedom, merged.n.sum(axis=0) - 2)
            assert_allclose(merged.variances, squares / merged.freedom, rtol=1e-5)

    @pytest.mark.parametrize(
        ("design", "data"),
        [
            ("parallel", parallel()),
            ("crossover", crossover()),
            ("single-arm", (*parallel()[:2], {})),
        ],
    )
    def test_cells_make_the_effect(self, design, data):
        X, y, given = data
        units = make_units(design, read_cases(len(X), y, **given))
        inside = X[units.rows, 1] > 0.1
        values = units.interval_values()
        effect = sum(c.weight * values[c.units].mean() for c in units.cells(inside))
        assert_allclose(effect, units.effect(inside))

    def test_by_hand(self):
        X, y, given = parallel(n=40)
        units = make_units("parallel", read_cases(40, y, **given))
        inside, other = X[:, 0] > 0, X[:, 1] > 0
        refits = []
        for k in range(2):
            left_out = np.arange(40) % 2 == k
            sums = Sums.inside(units, other, left_out)
            refits.append(SimpleNamespace(matches=[SimpleNamespace(sums=sums)]))
        refits.append(SimpleNamespace(matches=[SimpleNamespace(sums=None)]))
        [given] = corrections(units, [inside], refits)
        naive = units.effect(inside, y)
        unseen = units.effect(other, y)
        assert_allclose(given.effect, naive - np.sqrt(0.8) * (naive - unseen))
        assert_allclose(given.unknown, 0.16 * (naive - unseen) ** 2)
        arms = [other & units.treated, other & ~units.treated]
        assert_allclose(given.variances, [y[arm].var() for arm in arms])
        sizes = np.array(
            [(inside & units.treated).sum(), (inside & ~units.treated).sum()]
        )
        assert_array_equal(given.freedom, sizes - 1)
        assert_allclose(given.factors, 1 / sizes)
        pooled = ((sizes - 1) @ given.variances) / (sizes - 1).sum()
        assert_allclose(given.effect_size, given.effect / np.sqrt(pooled))
        assert corrections(units, [inside], refits[2:]) == [None]

    def test_an_untested_contrast_confirms_nothing(self):
        record = SimpleNamespace(
            effect=1.0,
            p_value=0.01,
            p_welch=0.02,
            p_interaction=np.nan,
            p_value_period1=None,
            effect_period1=None,
            p_interaction_period1=None,
            contrast_period1=None,
        )
        contrast, effect = (
            rule_of(criterion="heterogeneity"),
            rule_of(criterion="effect"),
        )
        assert contrast.confirming(record, 1) == 1.0
        assert effect.confirming(record, 1) == 0.02
        record.p_interaction = 0.2
        assert contrast.confirming(record, 1) == 0.2
        # In a crossover the first period must agree, one-sided.
        record.p_interaction_period1, record.contrast_period1 = 0.6, 2.0
        assert contrast.confirming(record, 1) == 0.3
        assert contrast.confirming(record, -1) == 0.7
        record.p_value_period1, record.effect_period1 = 0.5, -1.0
        assert effect.confirming(record, 1) == 0.75
        record.p_interaction_period1 = np.nan
        assert contrast.confirming(record, 1) == 1.0

    def test_levels(self):
        p = [0.03, 0.001, 0.02]
        assert_allclose(levels_tested(p, "holm", 0.06), [0.06, 0.02, 0.03])
        assert_allclose(levels_tested(p, "bh", 0.06), [0.06, 0.02, 0.04])
        for correction in ("fixed-sequence", None):
            assert_allclose(levels_tested(p, correction, 0.06), [0.06] * 3)
        assert levels_tested([], "holm", 0.05).shape == (0,)

    def test_holdout_and_training_are_weighted_by_precision(self):
        """An unconfirmed persona: no selection but that of the rule."""
        X, y, given = parallel(effect=0.8, n=100)
        finder = fit((X, y, given), n_resamples=5, alpha=1e-4)
        assert finder.n_confirmed_ == 0
        persona = finder.personas_[0]
        held = finder.split_ == "holdout"
        inside = persona.covers(X) & held
        arms = [y[inside & (given["treatment"] == k)] for k in (1, 0)]
        effect = arms[0].mean() - arms[1].mean()
        terms = np.array([a.var(ddof=1) / len(a) for a in arms])
        alone = fit((X, y, given), n_resamples=5, alpha=1e-4, holdout_size=0.5)
        low, high = alone.personas_[0].ci_corrected
        df = terms.sum() ** 2 / sum(
            t**2 / (len(a) - 1) for t, a in zip(terms, arms, strict=True)
        )
        half = stats.t.ppf(0.975, df) * np.sqrt(terms.sum())
        # Shorter than the holdout alone, and between both estimates.
        assert high - low < 2 * half
        assert min(effect, persona.train.effect) - half < persona.effect_corrected
        assert persona.effect_corrected < max(effect, persona.train.effect) + half

    def test_a_claim_near_its_threshold_is_shrunk(self):
        X, y, given = parallel(effect=2.0, n=100, seed=5)
        finder = fit((X, y, given))
        persona = next(p for p in finder.personas_ if p.confirmed)
        held = np.flatnonzero(finder.split_ == "holdout")
        cases = read_cases(len(held), y[held], treatment=given["treatment"][held])
        units = make_units("parallel", cases)
        inside = persona.covers(X[held])

        def corrected(sign=1, units=units, **change):
            options = {
                "alpha": persona.p_adjusted * 1.01,
                "criterion": "heterogeneity",
                "min_effect_size": 0.0,
                "correction": "holm",
            }
            claimed = change.pop("confirmed", True)
            return correct(
                rule_of(**(options | change)),
                units,
                Subgroup(sign, inside, inside),
                Verdict(None, False, "", holdout=persona.holdout, confirmed=claimed),
                None,
            )

        plain = corrected(confirmed=False)
        assert_allclose(plain.effect_corrected, persona.holdout.effect)
        assert_allclose(plain.ci_corrected, persona.holdout.ci_effect)
        near, far = corrected(), corrected(alpha=0.5)
        assert near.effect_corrected < far.effect_corrected < plain.effect_corrected
        assert near.ci_corrected[0] < plain.ci_corrected[0]
        # A large threshold of d is one too, and "effect" asks for no contrast.
        size = corrected(alpha=0.5, min_effect_size=persona.holdout.effect_size)
        assert size.effect_corrected < far.effect_corrected
        only = corrected(alpha=0.5, criterion="effect")
        assert only.effect_corrected > far.effect_corrected
        # In the direction of harm it is the mirror image.
        mirrored = corrected(
            sign=-1, units=replace(units, outcome=-units.outcome), alpha=0.5
        )
        assert_allclose(mirrored.effect_corrected, -far.effect_corrected)
        assert_allclose(mirrored.ci_corrected, [-v for v in far.ci_corrected[::-1]])

    @pytest.mark.parametrize("direction", ["favorable", "unfavorable"])
    def test_a_claim_without_a_holdout_is_given_its_corrected_size(self, direction):
        """The claim asked that the corrected d, here 1.0, exceed a threshold."""
        sign = 1 if direction == "favorable" else -1
        given = Correction(
            effect=sign * 2.0,
            variances=np.array([4.0, 4.0]),
            freedom=np.array([29.0, 29.0]),
            factors=np.array([1 / 30, 1 / 30]),
            unknown=0.0,
        )
        assert_allclose(given.effect_size, sign)

        def corrected(least, confirmed=True):
            done = correct(
                rule_of(alpha=0.05, min_effect_size=least, correction=None),
                None,
                Subgroup(sign, np.ones(60, bool)),
                Verdict(None, False, "", confirmed=confirmed),
                given,
            )
            return sign * done.effect_corrected, np.sort(
                sign * np.array(done.ci_corrected)
            )

        plain, interval = corrected(0.9, confirmed=False)
        half = stats.t.ppf(0.975, 58) * 2.0 * np.sqrt(2 / 30)
        assert_allclose([plain, *interval], [2.0, 2.0 - half, 2.0 + half])
        for least in (0.5, 0.9):
            se = half / stats.norm.ppf(0.975)
            expected = conditional_interval(2.0, se, threshold=2.0 * least)
            effect, interval = corrected(least)
            assert_allclose([effect, *interval], expected)
            assert effect < plain and interval[0] < 2.0 - half

    @pytest.mark.slow
    @pytest.mark.parametrize("criterion", ["heterogeneity", "effect"])
    @pytest.mark.parametrize("true", [0.0, 0.7])
    def test_covers_among_the_confirmed(self, true, criterion):
        """Whatever the power, where the interval of the holdout does not."""
        rng = np.random.RandomState(1)
        n, least = 48, 120
        X = np.repeat([[1.0], [-1.0]], n // 2, axis=0)
        inside, arm = X[:, 0] > 0, np.arange(n) % 2
        covered = usual = claimed = above = 0
        while claimed < least:
            y = rng.standard_normal(n) + true * arm * inside
            cells = [y[side & (arm == k)] for side in (inside, ~inside) for k in (1, 0)]
            means = [cell.mean() for cell in cells]
            effect, outside = means[0] - means[1], means[2] - means[3]
            low, high = welch_interval(*cells[:2])
            both = contrast_interval(cells, (1, -1, -1, 1))
            if not (low > 0 if criterion == "effect" else both[0] > 0):
                continue
            claimed += 1
            sd = np.sqrt((cells[0].var(ddof=1) + cells[1].var(ddof=1)) / 2)
            record = SimpleNamespace(
                effect=effect,
                effect_size=effect / sd,
                p_value=0.0,
                p_interaction=0.0,
                p_welch=None,
                p_value_period1=None,
                effect_period1=None,
                p_interaction_period1=None,
                contrast_period1=None,
            )
            # What other participants, who chose the rule, would say without selection.
            other = [rng.standard_normal(12) + true * k for k in (1, 0)]
            given = Correction(
                effect=other[0].mean() - other[1].mean(),
                variances=np.array([x.var(ddof=1) for x in other]),
                freedom=np.array([11.0, 11.0]),
                factors=np.array([1 / 12, 1 / 12]),
                unknown=0.0,
            )
            units = make_units("parallel", read_cases(n, y, treatment=arm))
            done = correct(
                rule_of(
                    alpha=0.05,
                    min_effect_size=0.0,
                    correction="holm",
                    criterion=criterion,
                ),
                units,
                Subgroup(1, inside, inside),
                Verdict(None, False, "", holdout=record, confirmed=True),
                given,
            )
            covered += done.ci_corrected[0] <= true <= done.ci_corrected[1]
            above += done.effect_corrected > true
            usual += low <= true <= high
            assert outside < effect or criterion == "effect"
        assert covered >= stats.binom.ppf(0.005, least, 0.95)
        assert abs(above / least - 0.5) < 0.15
        # A claim of the contrast leaves more to chance in the others.
        assert usual < covered
        if criterion == "effect" and not true:
            # Without power, all that is claimed is chance.
            assert usual < stats.binom.ppf(0.005, least, 0.95)
