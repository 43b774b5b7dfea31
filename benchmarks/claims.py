"""How often claims and statements about members are false, and how often found.

Each cell draws trials whose truth is known, fits the discoverer and counts. A claim is
false when members do not differ from others at all; a statement is false when it says
benefit or harm of members whose mean effect is zero or has the other sign.

    python benchmarks/claims.py --trials 1000 strata-null harm carry-over
"""

import argparse
import warnings
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy import stats

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.inference import adjust_pvalues


@dataclass
class Trial:
    """A trial and its truth.

    `effect` is the true effect of treatment in each row's participant, `truth` the
    members of each true subgroup (rows).
    """

    X: np.ndarray
    y: np.ndarray
    roles: dict
    effect: np.ndarray
    truth: tuple = ()


def columns(rng, n, p, rho=0.0):
    shared = rng.normal(size=(n, 1))
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=(n, p))


def parallel(rng, X, effect, *, prognosis=0.0, strata=None, share=0.5, sd=(1.0, 1.0)):
    """Arms by lot, within strata of the given shares of treated where there are some.

    `sd` are those of treated and control.
    """
    n = len(X)
    share = np.broadcast_to(share, n)
    treated = np.zeros(n, bool)
    codes = np.zeros(n, int) if strata is None else strata
    for code in np.unique(codes):
        here = np.flatnonzero(codes == code)
        k = round(share[here[0]] * len(here))
        treated[rng.permutation(here)[:k]] = True
    y = prognosis + effect * treated + np.where(treated, *sd) * rng.normal(size=n)
    roles = {"treatment": treated.astype(int)}
    if strata is not None:
        roles["strata"] = strata
    return y, roles


def binary(rng, X, risk_control, risk_treated, *, strata, share):
    _, roles = parallel(rng, X, 0.0, strata=strata, share=share)
    risk = np.where(roles["treatment"] == 1, risk_treated, risk_control)
    return (rng.random(len(X)) < risk).astype(float), roles


def crossover(rng, X, effect, *, carry=0.0, period=0.5, strata=None, share=0.5):
    """Two periods; `carry` reaches the second period of those treated first."""
    n = len(X)
    _, roles = parallel(rng, X, 0.0, strata=strata, share=share)
    first = roles["treatment"] == 1
    person = rng.normal(size=n)
    one = person + effect * first + rng.normal(size=n)
    two = person + effect * ~first + carry * first + period + rng.normal(size=n)
    rows = {
        "treatment": np.concatenate([first, ~first]).astype(int),
        "groups": np.tile(np.arange(n), 2),
        "period": np.repeat([1, 2], n),
    }
    if strata is not None:
        rows["strata"] = np.tile(strata, 2)
    return np.vstack([X, X]), np.concatenate([one, two]), rows


SHARES = np.array([0.8, 0.6, 0.4, 0.2])


def strata_trial(rng, effect=0.0, related=0.0, n=160):
    """Four sites of unequal arms, 1.5 between their outcomes."""
    site = np.arange(n) % 4
    X = rng.normal(size=(n, 6)) + related * (site[:, None] - 1.5)
    members = X[:, 1] > 0
    gain = effect * members
    y, roles = parallel(
        rng, X, gain, prognosis=1.5 * site, strata=site, share=SHARES[site]
    )
    return Trial(X, y, roles, gain, (members,) if effect else ())


def strata_binary(rng, effect=0.0, n=240):
    site = np.arange(n) % 4
    X = rng.normal(size=(n, 6))
    members = X[:, 1] > 0
    base, gain = 0.1 + 0.15 * site, effect * members
    y, roles = binary(rng, X, base, base + gain, strata=site, share=SHARES[site])
    return Trial(X, y, roles, gain, (members,) if effect else ())


def strata_crossover(rng, effect=0.0, n=120):
    """Sites of unequal sequences, each with a period effect of its own."""
    site = np.arange(n) % 4
    X = rng.normal(size=(n, 6))
    members = X[:, 1] > 0
    gain = effect * members
    X2, y, roles = crossover(
        rng, X, gain, period=1.5 * (site - 1.0), strata=site, share=SHARES[site]
    )
    return Trial(
        X2, y, roles, np.tile(gain, 2), (np.tile(members, 2),) if effect else ()
    )


def spared(rng, n, share, benefit, variables, p=5, helped=True):
    """Benefit in a share of the participants, nothing (or harm) in the rest."""
    X = rng.normal(size=(n, p))
    cut = stats.norm.ppf(1 - (1 - share) ** (1 / variables))
    rest = (X[:, :variables] > cut).all(axis=1)
    gain = benefit * ~rest
    y, roles = parallel(rng, X, gain)
    return Trial(X, y, roles, gain, (rest,))


def carried(rng, carry, variables=1, effect=1.0, gain=0.0, n=80):
    """Carry-over, or a true gain, in those with positive variables."""
    X = rng.normal(size=(n, 6))
    members = (X[:, :variables] > (0 if variables == 1 else -0.5)).all(axis=1)
    own = effect + gain * members
    X2, y, roles = crossover(rng, X, own, carry=carry * members)
    return Trial(X2, y, roles, np.tile(own, 2), (np.tile(members, 2),) if gain else ())


def truths(rng, n_truths, n=400, p=30, size=1.5):
    X = columns(rng, n, p, 0.3)
    members = [X[:, j] > 0.25 for j in range(n_truths)]
    gain = size * sum(m.astype(float) for m in members)
    y, roles = parallel(rng, X, gain)
    return Trial(X, y, roles, gain, tuple(members))


def null(rng, n=100, p=10, effect=0.0, **options):
    X = columns(rng, n, p, options.pop("rho", 0.0))
    prognosis = options.pop("prognosis", 0.0)
    if callable(prognosis):
        prognosis = prognosis(X)
    gain = np.full(n, effect)
    y, roles = parallel(rng, X, gain, prognosis=prognosis, **options)
    return Trial(X, y, roles, gain)


def floored(rng):
    trial = null(rng)
    # 40 % have the lowest value.
    trial.y = np.maximum(trial.y, np.quantile(trial.y, 0.4))
    return trial


def rare(rng):
    trial = null(rng, n=300)
    trial.y = (rng.random(300) < 0.08).astype(float)
    return trial


FAST = {
    "n_bootstrap": 0,
    "n_alternatives": 0,
    "max_variables": 1,
    "n_personas": 4,
    "n_permutations": 499,
}
TWO = FAST | {"max_variables": 2}
PERMUTED = {"validation": "permutation", "n_permutations": 199}
SKEWED = {"prognosis": lambda X: X[:, 0] + X[:, 1] ** 2, "rho": 0.3}
CELLS = {
    "strata-null": (strata_trial, {}, FAST),
    "strata-related": (strata_trial, {"related": 0.5}, FAST),
    "strata-power": (strata_trial, {"effect": 2.0}, FAST),
    "strata-permuted": (strata_trial, {}, FAST | PERMUTED),
    "strata-permuted-power": (strata_trial, {"effect": 2.0}, FAST | PERMUTED),
    "strata-binary": (strata_binary, {}, FAST),
    "strata-binary-power": (strata_binary, {"effect": 0.4}, FAST),
    "strata-crossover": (strata_crossover, {}, FAST),
    "strata-crossover-power": (strata_crossover, {"effect": 2.5}, FAST),
    "harm": (
        spared,
        {"n": 60, "share": 0.8, "benefit": 5.0, "variables": 1},
        FAST | PERMUTED,
    ),
    "harm-60": (
        spared,
        {"n": 100, "share": 0.6, "benefit": 2.0, "variables": 2},
        TWO | PERMUTED,
    ),
    "harm-90": (
        spared,
        {"n": 200, "share": 0.9, "benefit": 3.0, "variables": 2},
        TWO | PERMUTED,
    ),
    "harm-small": (
        spared,
        {"n": 40, "share": 0.7, "benefit": 5.0, "variables": 2},
        TWO | PERMUTED,
    ),
    "harm-holdout": (
        spared,
        {"n": 100, "share": 0.8, "benefit": 5.0, "variables": 1},
        FAST,
    ),
    "carry-over": (carried, {"carry": 1.5}, FAST),
    "carry-over-two": (carried, {"carry": 3.0, "variables": 2}, TWO),
    "carry-over-permuted": (carried, {"carry": 1.5}, FAST | PERMUTED),
    "carry-over-harm": (carried, {"carry": 3.0, "effect": 0.0}, FAST),
    "carry-over-power": (carried, {"carry": 0.0, "gain": 2.0}, FAST),
    "carry-over-power-permuted": (
        carried,
        {"carry": 0.0, "gain": 2.0},
        FAST | PERMUTED,
    ),
    "spare": (
        spared,
        {"n": 200, "share": 0.6, "benefit": 1.5, "variables": 2, "p": 10},
        TWO,
    ),
    "spare-permuted": (
        spared,
        {"n": 200, "share": 0.6, "benefit": 1.5, "variables": 2, "p": 10},
        TWO | PERMUTED,
    ),
    "alike": (null, {"n": 200, "effect": 1.5}, TWO),
    "alike-permuted": (null, {"n": 200, "effect": 1.5}, TWO | PERMUTED),
    "one-truth": (truths, {"n_truths": 1}, FAST),
    "one-truth-permuted": (truths, {"n_truths": 1}, FAST | PERMUTED),
    "two-truths": (truths, {"n_truths": 2}, FAST),
    "two-truths-permuted": (truths, {"n_truths": 2}, FAST | PERMUTED),
    "floor": (floored, {}, FAST),
    "unequal": (null, {"share": 0.75, "sd": (3.0, 1.0)}, FAST),
    "unequal-few": (null, {"share": 0.25, "sd": (3.0, 1.0)}, FAST),
    "prognostic": (null, SKEWED, FAST),
    "events": (rare, {}, FAST),
    "n-24": (null, {"n": 24, "p": 5}, FAST | {"min_arm_size": 3}),
    "n-400": (null, {"n": 400}, FAST),
    "columns-60": (null, {"p": 60}, FAST),
    "two-variables": (null, {}, TWO),
    "repeated": (null, {"n": 60}, FAST | {"validation": "repeated", "n_splits": 10}),
}


def jaccard(a, b):
    return np.count_nonzero(a & b) / max(np.count_nonzero(a | b), 1)


def one(name, seed, options):
    make, arguments, settings = CELLS[name]
    trial = make(np.random.default_rng([seed, *name.encode()]), **dict(arguments))
    finder = PersonaDiscoverer(random_state=seed, **settings | options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finder.fit(trial.X, trial.y, **trial.roles)
    rows = np.unique(finder.unit_rows_)
    out = {"confirmed": False, "several": False, "false": False, "wrong": False}
    out |= {"right": False, "all": False, "harm": False, "benefit": False}
    out["pairs"] = False
    if finder.validation == "repeated":
        out["confirmed"] = finder.trial_p_value_ < finder.alpha
        return out
    found = []
    for persona in finder.personas_:
        inside = persona.covers(trial.X)
        mean = [
            trial.effect[rows][inside[rows] == side].mean() for side in (True, False)
        ]
        record = persona.holdout
        known = record is not None and not np.isnan(record.ci_effect[0])
        if known and "low" not in out:
            tested = rows[finder.split_[rows] == "holdout"]
            own = trial.effect[tested][inside[tested]].mean()
            out["low"], out["high"] = record.ci_effect
            out["covered"] = bool(out["low"] <= own <= out["high"])
            out["error"] = record.effect - own
        if persona.members_claim in ("benefit", "harm"):
            sign = 1 if persona.members_claim == "benefit" else -1
            out[persona.members_claim] = True
            out["wrong"] |= bool(sign * mean[0] <= 1e-12)
        if persona.confirmed:
            found.append(inside)
            sign = 1 if persona.direction == "favorable" else -1
            out["false"] |= bool(sign * (mean[0] - mean[1]) <= 1e-12)
    match = [
        any(max(jaccard(f, t), jaccard(f, ~t)) > 0.5 for f in found)
        for t in trial.truth
    ]
    # What the pairs of a crossover would have claimed without the first period.
    taken = [p for p in finder.personas_ if p.holdout is not None]
    p_values = [np.nan_to_num(p.holdout.p_interaction, nan=1.0) for p in taken]
    out["pairs"] = any(
        p_value < finder.alpha
        and (p.holdout.contrast > 0) == (p.direction == "favorable")
        for p, p_value in zip(taken, adjust_pvalues(p_values, "holm"))
    )
    return out | {
        "confirmed": bool(found),
        "several": len(found) > 1,
        "right": any(match),
        "all": bool(match) and all(match),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cells", nargs="*", default=list(CELLS), metavar="CELL")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--criterion", default="heterogeneity")
    args = parser.parse_args()
    names = (
        "confirmed",
        "false",
        "wrong",
        "benefit",
        "harm",
        "right",
        "all",
        "several",
        "pairs",
    )
    print(f"{'cell':<26}" + "".join(f"{n:>10}" for n in (*names, "cover", "error")))
    for name in args.cells:
        results = Parallel(args.jobs)(
            delayed(one)(name, args.seed + i, {"criterion": args.criterion})
            for i in range(args.trials)
        )
        shares = [np.mean([r[n] for r in results]) for n in names]
        seen = [r for r in results if "covered" in r]
        shares += [
            np.mean([r[n] for r in seen]) if seen else np.nan
            for n in ("covered", "error")
        ]
        print(f"{name:<26}" + "".join(f"{s:>10.3f}" for s in shares), flush=True)


if __name__ == "__main__":
    main()
