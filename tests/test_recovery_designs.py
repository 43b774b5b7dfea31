"""The recovery benchmark: its designs hold what they say, and scores are right."""

import argparse
import csv
import dataclasses
import itertools
import math
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "benchmarks" / "recovery").exists():
    pytest.skip("benchmarks are not here", allow_module_level=True)
# Last, so that the installed package is found before the one beside the benchmarks.
sys.path.append(str(ROOT))

from benchmarks.information_limit import (  # noqa: E402
    Posterior,
    conditions,
    mean_index,
)
from benchmarks.recovery import methods, run, table  # noqa: E402
from benchmarks.recovery.designs import read_grid  # noqa: E402
from benchmarks.recovery.population import Trial, meets  # noqa: E402
from benchmarks.recovery.regions import (  # noqa: E402
    Box,
    Found,
    choose_region,
    everyone,
    make_units,
    nothing,
)
from benchmarks.recovery.scoring import (  # noqa: E402
    STORED,
    jaccard,
    score,
    stability,
)

GRID = read_grid()
# A cell of each kind; the rest of the grid differs in numbers only.
KINDS = (
    "n200-p10-k2-2.0sd",
    "n200-p10-range2",
    "n200-p20-mixed-columns",
    "n200-p30-unfavorable-prognostic",
    "n200-p20-k2-prognostic-shared",
    "n200-p20-k2-prognostic-curved",
    "n200-p10-unbalanced",
    "n200-p10-confounded",
    "n200-p10-binary",
    "n200-p10-skewed",
    "n500-p20-binary-unfavorable",
    "crossover-100-p20-k2",
    "quint-reversal",
    "sides-example",
    "stratified-medicine",
    "owkin-p20",
    "virtual-twins",
)


def large(name, n=40_000):
    return dataclasses.replace(GRID[name], n=n)


def adjusted_effect(design, trial, inside):
    """Effect in some rows, with what is known of prognosis and propensity."""
    X, y, treated = trial.X[inside], trial.y[inside], trial.treated[inside]
    if design.outcome == "binary":
        y = y - design.risk(X)
    else:
        y = y - design.prognosis(X)
    e = design.propensity(X) if design.confounding else treated.mean()
    weights = np.where(treated, 1 / e, 1 / (1 - e)) * np.ones(len(y))
    means = [np.average(y[arm], weights=weights[arm]) for arm in (treated, ~treated)]
    return means[0] - means[1]


def test_grid_is_complete_and_names_are_unique():
    text = (ROOT / "benchmarks" / "recovery" / "grid.toml").read_text()
    assert text.count("[[cell]]") == len(GRID) >= 45
    assert {63, 100, 200, 500, 1000, 2000, 20_000} <= {d.n for d in GRID.values()}
    assert min(d.p for d in GRID.values()) == 5
    assert max(d.p for d in GRID.values()) == 1000


@pytest.mark.parametrize("name", KINDS)
def test_effect_inside_and_outside_is_as_designed(name):
    design = large(name)
    trial = design.draw(0)
    effect = design.effect(trial.X)
    for target in design.targets(trial.X):
        assert 0.2 < target.mean() < 0.6
        for part in (target, ~target):
            observed = adjusted_effect(design, trial, part)
            assert observed == pytest.approx(effect[part].mean(), abs=0.06)
    assert effect.mean() == pytest.approx(design.mean_effect, abs=0.02)


@pytest.mark.parametrize("name", KINDS)
def test_null_twin_differs_by_a_constant_effect_only(name):
    design = large(name, 20_000)
    planted, null = design.draw(1), design.draw(1, null=True)
    assert np.array_equal(planted.X, null.X)
    assert np.array_equal(planted.treated, null.treated)
    constant = design.true_effect(null.X, null=True)
    assert np.all(constant == design.mean_effect)
    if design.outcome == "binary":
        for target in design.targets(null.X):
            # Risk under control of the twin where a constant has to fit.
            risk = design.null_risk(design.risk(null.X))
            for part in (target, ~target):
                y, treated = null.y[part] - risk[part], null.treated[part]
                effect = y[treated].mean() - y[~treated].mean()
                assert effect == pytest.approx(design.mean_effect, abs=0.05)
        assert (risk + constant).max() <= 1 and risk.min() >= 0
        return
    same = planted.y - planted.treated * design.effect(planted.X)
    assert null.y == pytest.approx(same + null.treated * constant)


def test_probabilities_stay_between_0_and_1():
    for design in GRID.values():
        if design.outcome == "binary":
            X = design.fresh(20_000)
            for effect in (0, design.effect(X)):
                risk = design.risk(X) + effect
                assert risk.min() >= 0 and risk.max() <= 1


def test_draws_are_reproducible_and_differ_by_seed_and_cell():
    design = GRID["n200-p10-confounded"]
    a, b, c = design.draw(3), design.draw(3), design.draw(4)
    assert np.array_equal(a.y, b.y) and np.array_equal(a.X, b.X)
    assert not np.array_equal(a.X, c.X)
    other = GRID["n200-p10-k2-2.0sd"].draw(3)
    assert not np.array_equal(a.X, other.X)
    assert not np.isin(design.fresh(100), a.X).any()


def test_arms_are_as_designed():
    assert GRID["n200-p10-unbalanced"].draw(0).treated.sum() == 40
    trial = large("n200-p10-confounded").draw(0)
    assert not trial.randomized
    prognosis = GRID["n200-p10-confounded"].prognosis(trial.X)
    gap = prognosis[trial.treated].mean() - prognosis[~trial.treated].mean()
    assert gap > 0.5


def test_crossover_has_two_sessions_a_participant_but_the_incomplete():
    trial = GRID["crossover-33-p360-k3"].draw(0)
    cases = np.bincount(trial.groups)
    assert sorted(np.unique(cases)) == [1, 2] and (cases == 1).sum() == 3
    assert len(trial.y) == 63
    for participant in range(33):
        rows = trial.groups == participant
        assert len(np.unique(trial.X[rows], axis=0)) == 1
        assert len(np.unique(trial.treated[rows])) == rows.sum()
    units = make_units(trial)
    assert units.treated is None and len(units.y) == 30


def test_differences_of_pairs_are_freed_of_the_period():
    groups = np.repeat(np.arange(4), 2)
    period = np.tile([1, 2], 4)
    treated = np.array([1, 0, 1, 0, 0, 1, 0, 1], bool)
    X = np.arange(8.0)[:, None] // 2
    effects = np.array([1.0, 3.0, 2.0, 2.0])
    y = treated * effects[groups] + 10.0 * (period == 2)
    units = make_units(Trial(X, y, treated, groups, period))
    assert units.y == pytest.approx(effects)
    assert units.X.ravel().tolist() == [0, 1, 2, 3]


def test_jaccard_by_hand():
    a = np.array([1, 1, 0, 0], bool)
    b = np.array([0, 1, 1, 1], bool)
    assert jaccard(a, b) == 0.25
    assert jaccard(a, a) == 1.0
    assert jaccard(np.zeros(4, bool), np.zeros(4, bool)) == 0.0


def test_score_of_truth_complement_everyone_and_nothing():
    design = GRID["n200-p10-k1"]
    trial, fresh = design.draw(0), design.fresh()
    (target,) = design.targets(fresh)
    share = target.mean()

    truth = Found(lambda X: meets(X, design.ranges), (0,), True, "truth")
    row = score(truth, design, trial, fresh)
    assert row["jaccard"] == row["recall"] == row["precision"] == 1
    assert row["size"] == share
    assert row["true_effect"] == pytest.approx(1.5)
    inside = truth.covers(trial.X)
    y, treated = trial.y[inside], trial.treated[inside]
    naive = y[treated].mean() - y[~treated].mean()
    assert row["naive_effect"] == pytest.approx(naive)
    assert row["bias"] == pytest.approx(naive - 1.5)
    assert row["claimed"] == 1

    wrong = Found(lambda X: ~meets(X, design.ranges), (0, 4))
    row = score(wrong, design, trial, fresh)
    assert (row["jaccard"], row["jaccard_either"]) == (0, 1)
    assert (row["precision"], row["claimed"]) == (0.5, "")

    row = score(everyone(), design, trial, fresh)
    assert row["jaccard"] == pytest.approx(share)
    assert math.isnan(row["precision"]) and row["recall"] == 0

    row = score(nothing(), design, trial, fresh)
    assert (row["jaccard"], row["size"]) == (0, 0)
    assert math.isnan(row["true_effect"])

    row = score(truth, design, design.draw(0, null=True), fresh, null=True)
    assert math.isnan(row["jaccard"])
    assert row["true_effect"] == pytest.approx(design.mean_effect)


def test_either_of_two_true_regions_counts():
    design = GRID["quint-reversal"]
    fresh = design.fresh()
    for i in range(2):
        found = Found(lambda X, i=i: design.targets(X)[i], (0,))
        assert score(found, design, design.draw(0), fresh)["jaccard"] == 1


def test_stability_by_hand():
    a = np.zeros(STORED, bool)
    a[:100] = True
    b = np.zeros(STORED, bool)
    b[50:150] = True
    texts = [np.packbits(m).tobytes().hex() for m in (a, b, a)]
    assert stability(texts) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)
    assert math.isnan(stability(texts[:1]))
    empty = np.packbits(np.zeros(STORED, bool)).tobytes().hex()
    assert stability([empty, texts[0]]) == 0


def test_the_smaller_of_two_complementary_regions_is_chosen():
    rng = np.random.default_rng(0)
    n = 400
    x, treated = rng.normal(size=n), np.arange(n) % 2 == 0
    for sign in (1, -1):
        y = sign * 2.0 * treated * (x > 0.5) + rng.normal(size=n)
        units = make_units(Trial(x[:, None], y, treated))
        best, z = choose_region([x <= 0.5, x > 0.5], units)
        assert best == 1 and sign * z > 5
    assert choose_region([np.ones(n, bool)], units) == (None, 0.0)


def test_boxes_merge_conditions_on_a_variable():
    box = Box().refine(1, low=0.0).refine(0, high=2.0).refine(1, high=1.0)
    X = np.array([[1.0, 0.5], [1.0, 0.0], [3.0, 0.5], [2.0, 1.0]])
    assert box.covers(X).tolist() == [True, False, False, True]
    assert box.variables == (0, 1)
    assert str(box) == "x0<=2 & 0<x1<=1"


# Slower ones, and those that need other packages, are left to the benchmark.
QUICK = (
    "everyone",
    "persona",
    "interaction-tree",
    "interaction-adjusted",
    "causal-tree",
    "prim",
)


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize(
    "cell", ["n200-p10-k2-2.0sd", "n200-p10-unfavorable", "crossover-100-p20-k2"]
)
def test_contestants_find_a_persona_in_many_cases(name, cell):
    design = dataclasses.replace(GRID[cell], n=2000)
    trial, fresh = design.draw(0), design.fresh(2000)
    answers = methods.METHODS[name](trial, 0)
    assert tuple(answers) == methods.ANSWERS.get(name, (name,))
    for found in answers.values():
        row = score(found, design, trial, fresh)
        assert row["jaccard"] > (0.35 if name == "everyone" else 0.7), row["rule"]


def arguments(path, **changes):
    settings = {
        "output": path,
        "seeds": 2,
        "twins": (False, True),
        "limit": 60.0,
        "jobs": 2,
    }
    return argparse.Namespace(**{**settings, **changes})


def slow(trial, seed):
    time.sleep(60)


def broken(trial, seed):
    raise ValueError("nothing works")


# Python 3.12 and later: the forked process only computes.
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@FORKS
def test_runs_resume_and_failures_are_rows(tmp_path):
    cells = {name: GRID[name] for name in ("n100-p5-k1", "n100-p10-k2")}
    contestants = {"everyone": methods.run_everyone, "broken": broken}
    versions = dict.fromkeys([*contestants, "slow"], "1")
    path = tmp_path / "results.csv"
    run.run(cells, contestants, versions, arguments(path))
    first = path.read_text()
    with path.open() as file:
        rows = list(csv.DictReader(file))
    keys = {(r["cell"], int(r["null"]), int(r["seed"]), r["method"]) for r in rows}
    assert keys == set(itertools.product(cells, (0, 1), (0, 1), contestants))
    for row in rows:
        planted = row["null"] == "0"
        if row["method"] == "broken":
            assert row["status"] == "error" and "nothing works" in row["rule"]
            assert row["jaccard"] == ("0" if planted else "")
        else:
            assert row["status"] == "ok" and (float(row["jaccard"]) > 0) == planted
    run.run(cells, contestants, versions, arguments(path))
    assert path.read_text() == first
    options = arguments(path, limit=0.2, seeds=1, twins=(False,))
    run.run(cells, {"slow": slow}, versions, options)
    assert path.read_text().count("timeout") == 2


@FORKS
def test_page_marks_winner_and_pairs_differences(tmp_path):
    cell = "n100-p5-k1"
    cells = {cell: GRID[cell]}
    contestants = {
        name: methods.METHODS[name] for name in ("everyone", "interaction-tree")
    }
    truth = Found(lambda X: meets(X, GRID[cell].ranges), (0,), True, "truth")
    contestants["persona"] = lambda trial, seed: {"persona": truth}
    versions = dict.fromkeys(contestants, "1")
    path = tmp_path / "results.csv"
    run.run(cells, contestants, versions, arguments(path))
    text, summary = table.page([path])
    assert "**1.00**" in text
    ((name, ours, peer, theirs, difference, _),) = summary
    assert (name, ours) == (cell, 1.0)
    assert peer in ("interaction-tree", "interaction-node")
    assert difference == pytest.approx(1.0 - theirs)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_posterior_of_all_rules(k):
    rng = np.random.default_rng(k)
    inside, gain = rng.random((12, 8)) < 0.6, rng.normal(size=12)
    posterior = Posterior(inside, gain, k)
    # Conditions j and j + 4 are of the same variable.
    logs = {
        rule: gain[inside[:, list(rule)].all(axis=1)].sum()
        for rule in itertools.permutations(range(8), k)
        if all(a % 4 < b % 4 for a, b in itertools.pairwise(rule))
    }
    assert posterior.most_likely == max(logs, key=logs.get)
    drawn = Counter(posterior.draw(20_000, rng))
    total = sum(np.exp(list(logs.values())))
    for rule, log in logs.items():
        assert drawn[rule] / 20_000 == pytest.approx(np.exp(log) / total, abs=0.02)
    assert set(drawn) <= set(logs)


def test_mean_index_and_conditions():
    sets = np.array([[1, 1], [1, 0], [0, 0]], dtype=bool)
    drawn = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
    assert mean_index(sets, drawn) == pytest.approx([(1 / 2 + 1 / 3) / 2, 1 / 2])
    design = GRID["n63-p20-k2"]
    (low, _), (_, high) = design.ranges
    X = np.full((2, 20), 9.0)
    X[0, 1] = -9
    assert -9 < low < 9 and -9 < high < 9
    found = conditions(design, X)
    assert_array_equal(found[:, [0, 1, 20, 21]], [[1, 0, 0, 1], [1, 1, 0, 0]])
