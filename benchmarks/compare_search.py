"""The exact search and the beam against other searches, in one run on one machine.

Measures search time only: binning, conversions and the start of Java are apart. Every
row is a total over planted and null trials of the seeds named in it, each the median of
repeats while they are cheap. Peers that cannot be imported give a row that says so;
``--peer-python`` names the Python that has them.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ISAS = ("portable", "avx2", "avx512")
# Values of the same rule, summed in different orders.
TOLERANCE = 1e-9


# -- trials and searches ---------------------------------------------------------------


@dataclass
class Trial:
    """A simulated trial; rows outside three thresholds have no effect."""

    X: np.ndarray
    treated: np.ndarray
    outcome: np.ndarray
    name: str

    @property
    def transformed(self):
        """Outcome whose mean in a subgroup is the treatment effect there."""
        share = self.treated.mean()
        return self.outcome * (self.treated / share - ~self.treated / (1 - share))


def make_trial(seed, n, p, planted):
    """As in ``search_speed.py``."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, p))
    treated = rng.permutation(n) < n // 2
    outcome = rng.normal(size=n)
    inside = (X[:, 0] > -0.3) & (X[:, 1] > -0.3) & (X[:, 2] > -0.6)
    if planted:
        outcome += 2.3 * inside * treated
    return Trial(X, treated, outcome, f"{'planted' if planted else 'null'} {seed}")


def trials(n_seeds, n, p):
    """Planted and null trials of each seed."""
    return [make_trial(s, n, p, planted) for s in range(n_seeds) for planted in (1, 0)]


def coverage(n):
    """Least units of a rule."""
    return int(np.ceil(0.1 * n))


def bin_trial(trial, n_cuts, least_members):
    """One-sided conditions of a trial."""
    from sklearn_persona._data.table import read_table
    from sklearn_persona._search.binning import make_selectors

    n, p = trial.X.shape
    return make_selectors(
        read_table(trial.X),
        np.arange(n),
        n_cuts=n_cuts,
        conditions="one-sided",
        modality=np.zeros(p, int),
        least_members=least_members,
    )


@contextlib.contextmanager
def forced_isa(isa):
    """Searches inside run with this instruction set; yields whether they do."""
    from sklearn_persona._search import problem as _problem
    from sklearn_persona._search._kernel import available_isas

    if isa is None or isa not in available_isas():
        yield isa is None
        return
    before = _problem.Problem
    _problem.Problem = functools.partial(before, isa=isa)
    try:
        yield True
    finally:
        _problem.Problem = before


def default_isa():
    """Name of the instruction set that the kernel chooses by itself."""
    from sklearn_persona._search._kernel import available_isas

    return available_isas()[-1]


def median_run(run, options):
    """Median seconds and last answer; repeats stop when they cost too much."""
    seconds, answer = [], None
    while len(seconds) < options.repeats and sum(seconds) < options.repeat_seconds:
        taken, answer = run()
        seconds.append(taken)
    return float(np.median(seconds)), answer


def our_search(trial, selectors, options, *, objective="effect", variables, exact=True):
    """Seconds, (value, record) of one search.

    ``mean-shift`` searches the transformed outcome as one sample and is in its units;
    ``effect`` is in units of the SD within arms.
    """
    from sklearn_persona._designs.labels import Labels
    from sklearn_persona._search.greedy import SearchSettings, find_rules

    two_arms = objective == "effect"
    settings = SearchSettings(
        objective=objective,
        min_variables=1,
        max_variables=variables,
        min_modalities=1,
        least_arm=4 if two_arms else 1,
        least_members=coverage(len(trial.X)),
        n_personas=1,
        max_overlap=0.5,
        signs=(1,),
        exact=exact,
        max_time=options.limit,
    )
    if two_arms:
        label, unit = Labels(trial.outcome, trial.treated), 1
    else:
        label = Labels(trial.transformed, None)
        unit = trial.transformed.std()

    def once():
        start = time.perf_counter()
        found, record = find_rules(selectors, label, settings, n_jobs=options.threads)
        seconds = time.perf_counter() - start
        return seconds, (found[0].objective * unit if found else 0.0, record)

    return median_run(once, options)


# -- peers -----------------------------------------------------------------------------


def run_peer(peer, inputs, settings, options):
    """Answers of a peer on each trial in a process of its own, or why there are none.

    Parameters
    ----------
    inputs : list of dict of ndarray

    Returns
    -------
    answers : list of dict
        Shorter than ``inputs`` after a time-out or failure.
    trouble : str
        Empty when all went well.
    """
    python = sys.executable if peer == "numpy" else options.peer_python
    environment = dict(os.environ)
    if peer == "numpy":
        # It runs blocks in threads; more inside each only wait for one another.
        for name in ("OPENBLAS", "OMP", "MKL"):
            environment[f"{name}_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trials.npz"
        arrays = {
            f"{i}/{name}": array
            for i, trial in enumerate(inputs)
            for name, array in trial.items()
        }
        np.savez(file, **arrays)
        command = [python, HERE / "peers.py", peer, file, json.dumps(settings)]
        output = Path(folder) / "output"
        trouble = ""
        with output.open("w") as stream:
            try:
                done = subprocess.run(
                    command,
                    stdout=stream,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=environment,
                    timeout=options.peer_limit,
                )
                if done.returncode:
                    lines = done.stderr.strip().splitlines() or ["no message"]
                    trouble = f"{peer} failed: {lines[-1]}"
            except subprocess.TimeoutExpired:
                trouble = f"{peer} stopped after {options.peer_limit:.0f} s"
            except OSError as error:
                trouble = f"{peer} could not be started: {error}"
        answers = []
        for line in output.read_text().splitlines():
            # Other lines may come from the peer itself; the last may be half written.
            with contextlib.suppress(ValueError):
                answers.append(json.loads(line))
    return [a for a in answers if isinstance(a, dict)], trouble


def conditions_of(selectors):
    """Features and limits as arrays, open ends infinite."""
    limits = np.array(selectors.limits, dtype=object).reshape(-1, 2)
    low = [-np.inf if x is None else x for x in limits[:, 0]]
    high = [np.inf if x is None else x for x in limits[:, 1]]
    return {
        "feature": selectors.feature,
        "low": np.array(low, dtype=float),
        "high": np.array(high, dtype=float),
    }


class Tools:
    """The C programs, compiled into a temporary folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.trouble = ""
        compiler = shlex.split(os.environ.get("CC", "cc"))
        for name in ("reference_search", "instruction_rate"):
            command = [*compiler, "-O3", "-std=c11", str(HERE / f"{name}.c"), "-lm"]
            try:
                done = subprocess.run(
                    [*command, "-o", str(self.folder / name)],
                    capture_output=True,
                    text=True,
                )
            except OSError as error:
                self.trouble = f"no C compiler: {error}"
                return
            if done.returncode:
                self.trouble = f"{name}.c: {done.stderr.strip().splitlines()[-1]}"

    def rates(self):
        """Ns per AND+popcount by instruction set, in the first and second cache."""
        done = subprocess.run(
            [self.folder / "instruction_rate"],
            capture_output=True,
            text=True,
            check=True,
        )
        rates = {}
        for line in map(json.loads, done.stdout.splitlines()):
            rates.setdefault(line["isa"], {})[line["cache"]] = line["ns_per_word"]
        return rates

    def yardstick(self, trial, selectors, variables, options):
        """Seconds and effect of the reference search; None after a time-out."""
        n = len(trial.X)
        file = self.folder / "selectors.bin"
        with file.open("wb") as stream:
            header = [n, len(selectors.bits), 4, coverage(n)]
            np.array(header, np.int32).tofile(stream)
            np.ascontiguousarray(selectors.bits[:, 0]).tofile(stream)
            selectors.feature.astype(np.int32).tofile(stream)
            trial.outcome.tofile(stream)
            trial.treated.astype(np.uint8).tofile(stream)

        def once():
            done = subprocess.run(
                [self.folder / "reference_search", file, str(variables)],
                capture_output=True,
                text=True,
                check=True,
                timeout=options.peer_limit,
            )
            answer = json.loads(done.stdout)
            return answer["seconds"], answer["effect"]

        try:
            return median_run(once, options)
        except subprocess.TimeoutExpired:
            return None


# -- rows ------------------------------------------------------------------------------


def row(case, *, ours="", other="", ratio="", target="", note=""):
    """One line of the table, all text."""
    return [case, ours, other, ratio, target, note]


def seconds_text(value):
    """Three digits."""
    return f"{value:.3g}"


def same(ours, other):
    """Whether two optima agree."""
    return abs(ours - other) <= TOLERANCE * max(abs(ours), abs(other), 1)


def compared(case, ours, other, target, options, trouble="", extra="", same_space=True):
    """A row of totals over the trials that both searched.

    Parameters
    ----------
    ours : list of (seconds, (value, record))
    other : list of (seconds, value)
    target : float or None
        Times faster.
    same_space : bool
        Whether both have the same optimum; otherwise only times are compared.
    """
    n = min(len(ours), len(other))
    if not n:
        notes = filter(None, [trouble or "nothing measured", extra])
        return row(case, target=times(target), note="; ".join(notes))
    mine = sum(seconds for seconds, _ in ours[:n])
    theirs = sum(seconds for seconds, _ in other[:n])
    equal = ""
    if same_space:
        count = sum(same(a[1][0], b[1]) for a, b in zip(ours, other))
        equal = f"same optimum in {count}"
    capped = sum(not answer[1].proven_optimal for _, answer in ours[:n])
    ratio = theirs / mine
    notes = [f"{n} trials", equal, extra, trouble]
    if capped:
        notes.append(f"{capped} stopped after {options.limit:.0f} s, not proven")
    return row(
        case,
        ours=seconds_text(mine),
        other=seconds_text(theirs),
        ratio=f"{ratio:.3g}",
        target=times(target) + ("" if not target else verdict(ratio >= target)),
        note="; ".join(filter(None, notes)),
    )


def times(target):
    """A target in words."""
    return f"{target:,.0f} times" if target else "reported"


def verdict(reached):
    """Whether it was reached."""
    return ", reached" if reached else ", missed"


def against_pysubgroup(options, tools):
    """9 cuts, 2 variables, the same conditions and objective."""
    p, least = options.columns(360, 60), coverage(63)
    tested = trials(options.peer_seeds, 63, p)
    binned = [bin_trial(trial, 9, least) for trial in tested]
    ours = [
        our_search(t, s, options, objective="mean-shift", variables=2)
        for t, s in zip(tested, binned)
    ]
    inputs = [
        {"X": t.X, "target": t.transformed, **conditions_of(s)}
        for t, s in zip(tested, binned)
    ]
    # The tighter estimate first; with the default one no trial of this size ends.
    for estimator, target, limit in (("order", 2000, np.inf), ("default", None, 120)):
        settings = {"variables": 2, "least_members": least, "estimator": estimator}
        capped = argparse.Namespace(**vars(options))
        capped.peer_limit = min(limit, options.peer_limit)
        answers, trouble = run_peer("pysubgroup", inputs, settings, capped)
        yield compared(
            f"9 cuts, 2 variables, `mean-shift`, n = 63, p = {p}: pysubgroup DFS, "
            f"bitsets, estimator '{estimator}', 1 thread",
            ours,
            [(a["seconds"], a["value"]) for a in answers],
            target,
            options,
            trouble,
        )


def against_numpy(options, tools):
    """9 cuts, 3 variables, every rule by matrix products."""
    p = options.columns(360, 100)
    tested = trials(options.peer_seeds, 63, p)
    binned = [bin_trial(trial, 9, 8) for trial in tested]
    ours = [our_search(t, s, options, variables=3) for t, s in zip(tested, binned)]
    from sklearn_persona._search._kernel import unpack_rows

    inputs = [
        {
            "target": t.outcome,
            "treated": t.treated,
            "feature": s.feature,
            "member": unpack_rows(s.bits, 63),
        }
        for t, s in zip(tested, binned)
    ]
    settings = {
        "variables": 3,
        "least_arm": 4,
        "least_members": coverage(63),
        "threads": options.threads,
    }
    answers, trouble = run_peer("numpy", inputs, settings, options)
    yield compared(
        f"9 cuts, 3 variables, `effect`, n = 63, p = {p}: numpy/BLAS brute force, "
        f"{options.threads} thread(s)",
        ours,
        [(a["seconds"], a["value"]) for a in answers],
        200,
        options,
        trouble,
    )


def against_yardstick(options, tools, *, n_cuts, variables, p, n_seeds, isas):
    """Exact search of two arms, with each instruction set."""
    cuts = "all cut points" if n_cuts == "all" else f"{n_cuts} cuts"
    case = (
        f"{cuts}, {variables} variables, `effect`, n = 63, p = {p}: yardstick, 1 thread"
    )
    if tools.trouble:
        yield row(case, target=times(15), note=tools.trouble)
        return
    tested = trials(n_seeds, 63, p)
    binned = [bin_trial(trial, n_cuts, 8) for trial in tested]
    other = []
    for trial, selectors in zip(tested, binned):
        answer = tools.yardstick(trial, selectors, variables, options)
        if answer is None:
            break
        other.append(answer)
    trouble = "" if len(other) == len(tested) else "yardstick timed out"
    for isa in isas:
        with forced_isa(isa) as available:
            if not available:
                yield row(
                    f"{case}; ours with {isa}", note="the kernel has no such path"
                )
                continue
            ours = [
                our_search(t, s, options, variables=variables)
                for t, s in zip(tested, binned)
            ]
        # Without compiler and processor to match there is nothing to reach.
        yield compared(
            f"{case}; ours with {isa or default_isa()}",
            ours,
            other,
            15 if isa is None else None,
            options,
            trouble,
            f"seeds 0-{n_seeds - 1}" if n_seeds > 1 else "seed 0",
        )


def seven_cuts(options, tools):
    """7 cuts, 4 variables."""
    yield from against_yardstick(
        options,
        tools,
        n_cuts=7,
        variables=4,
        p=options.columns(360, 100),
        n_seeds=options.yardstick_seeds,
        isas=(None, *ISAS),
    )


def all_cuts(options, tools):
    """All cut points, 3 variables."""
    yield from against_yardstick(
        options,
        tools,
        n_cuts="all",
        variables=3,
        p=options.columns(360, 80),
        n_seeds=options.peer_seeds,
        isas=(None,),
    )


def leaf(options, tools):
    """Time of an evaluated rule in units of AND+popcount of the same set, 1 thread."""
    if tools.trouble:
        yield row("one leaf", target="at most 10", note=tools.trouble)
        return
    rates = tools.rates()
    yield row(
        "AND+popcount, ns a word",
        note="; ".join(
            f"{isa} {r['L1']:.3f} (L1) {r['L2']:.3f} (L2)" for isa, r in rates.items()
        ),
    )
    # Many leaves and few bounds, so that the time is the leaves'.
    trial = make_trial(0, 63, options.columns(150, 60), False)
    selectors = bin_trial(trial, "all", 8)
    threads, options.threads = options.threads, 1
    try:
        for isa in ISAS:
            rate = rates.get(isa)
            case = f"one leaf with {isa}, n = 63, 1 thread"
            with forced_isa(isa) as available:
                if not available or rate is None:
                    yield row(case, note="the kernel has no such path")
                    continue
                seconds, (_, record) = our_search(
                    trial, selectors, options, variables=3
                )
            nanoseconds = 1e9 * seconds / record.n_evaluated
            units = nanoseconds / rate["L1"]
            yield row(
                case,
                ours=f"{nanoseconds:.3g} ns",
                other=f"{rate['L1']:.3g} ns",
                ratio=f"{units:.3g} operations",
                target=f"at most 10{verdict(units <= 10)}",
                note=f"whole search over its {record.n_evaluated:.3g} evaluated rules",
            )
    finally:
        options.threads = threads


SUBDISC = {
    "NUMERIC_BINS": "8 bins anew in each parent (its default)",
    "NUMERIC_BEST": "best of all cut points in each parent",
}


def run_subdisc(tested, strategy, options):
    """SubDisc's beam of width 100 on the transformed outcome, 3 variables."""
    settings = {
        "variables": 3,
        "width": 100,
        "strategy": strategy,
        "least_members": coverage(len(tested[0].X)),
        "threads": options.threads,
        # Java compiles what it has seen a few times.
        "warm_up": 2 if len(tested[0].X) < 5000 else 1,
    }
    inputs = [{"X": t.X, "target": t.transformed} for t in tested]
    return run_peer("subdisc", inputs, settings, options)


def beams(options, tools):
    """Beam with all cut points against SubDisc's, quality and time."""
    sizes = [(63, 360), (500, 50)]
    for n, p in sizes:
        tested = [make_trial(s, n, p, True) for s in range(options.beam_seeds)]
        binned = [bin_trial(trial, "all", coverage(n)) for trial in tested]

        def ours(exact, n_trials, tested=tested, binned=binned):
            return [
                our_search(
                    t, s, options, objective="mean-shift", variables=3, exact=exact
                )
                for t, s in zip(tested[:n_trials], binned)
            ]

        runs = [("beam", ours(False, len(tested)))]
        if n == 63:
            runs.append(("exact", ours(True, options.exact_seeds)))
        for strategy, words in SUBDISC.items():
            # Ten times slower than its bins at this size.
            few = n == 500 and strategy == "NUMERIC_BEST" and not options.full
            answers, trouble = run_subdisc(
                tested[:5] if few else tested, strategy, options
            )
            for name, found in runs:
                yield beam_row(
                    f"{name}, all cut points, 3 variables, `mean-shift`, n = {n}, "
                    f"p = {p}: SubDisc beam 100, {words}, {options.threads} thread(s)",
                    found,
                    answers,
                    name,
                    trouble,
                    options,
                )


def beam_row(case, ours, answers, name, trouble, options):
    """Seconds and in how many trials our value is not lower."""
    k = min(len(ours), len(answers))
    if not k:
        return row(case, note=trouble or "nothing measured")
    mine = np.array([found[1][0] for found in ours[:k]])
    theirs = np.array([answer["value"] for answer in answers[:k]])
    not_lower = int(np.sum(mine >= theirs * (1 - TOLERANCE)))
    seconds = sum(found[0] for found in ours[:k])
    other = sum(answer["seconds"] for answer in answers[:k])
    if name == "beam":
        reached = not_lower >= 0.95 * k and seconds <= other
        target = "not lower in 19 of 20, no slower" + verdict(reached)
    else:
        target = f"never lower{verdict(not_lower == k)}"
    twice = sum(answer["repeats_variable"] for answer in answers[:k])
    capped = sum(not found[1][1].proven_optimal for found in ours[:k])
    notes = [
        f"not lower in {not_lower} of {k}",
        f"mean q {mine.mean():.2f} v {theirs.mean():.2f}",
        f"SubDisc used a variable twice in {twice}" if twice else "",
        f"{capped} capped at {options.limit:.0f} s"
        if name == "exact" and capped
        else "",
        trouble,
    ]
    return row(
        case,
        ours=seconds_text(seconds),
        other=seconds_text(other),
        ratio=f"{other / seconds:.3g}",
        target=target,
        note="; ".join(filter(None, notes)),
    )


def many_rows(options, tools):
    """n = 20,000, exact search of 9 cuts against SubDisc's beam."""
    n = 4000 if options.quick else 20_000
    tested = trials(1, n, 50)
    answers, trouble = run_subdisc(tested, "NUMERIC_BINS", options)
    binned = [bin_trial(trial, 9, coverage(n)) for trial in tested]
    for objective in ("effect", "mean-shift"):
        ours = [
            our_search(t, s, options, objective=objective, variables=3)
            for t, s in zip(tested, binned)
        ]
        case = (
            f"9 cuts, 3 variables, `{objective}`, exact, n = {n:,}, p = 50, planted "
            f"and null: SubDisc beam 100, 8 bins anew, {options.threads} thread(s)"
        )
        each = ", ".join(f"{t.name} {f[0]:.3g} s" for t, f in zip(tested, ours))
        # SubDisc's cut points are others and its objective is the mean shift.
        yield compared(
            case,
            ours,
            [(a["seconds"], a["value"]) for a in answers],
            5,
            options,
            trouble,
            f"ours: {each}",
            same_space=False,
        )


def growth_in_rows(options, tools):
    """Time per row and peak memory from 10,000 rows to a million."""
    sizes = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    if options.quick:
        sizes = sizes[:3]
    first = None
    for n in sizes:
        case = f"9 cuts, 2 variables, `effect`, exact, n = {n:,}, p = 50"
        command = [sys.executable, __file__, "--size", str(n)]
        command += ["--threads", str(options.threads), "--limit", str(options.limit)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=4 * options.limit
            )
        except subprocess.TimeoutExpired:
            yield row(case, note=f"stopped after {4 * options.limit:.0f} s")
            return
        if done.returncode:
            yield row(case, note=done.stderr.strip().splitlines()[-1])
            return
        answer = json.loads(done.stdout)
        per_row = 1e6 * answer["seconds"] / n
        first = first or per_row
        peak = answer["peak"] / 2**20
        target = "no more a row than at 10,000"
        reached = per_row <= first and (n < 1_000_000 or peak < 1024)
        if n == 1_000_000:
            target += ", below 1024 MiB above the data"
        yield row(
            case,
            ours=seconds_text(answer["seconds"]),
            other=f"{per_row:.3g} µs a row",
            ratio=f"{per_row / first:.3g}",
            target=target + verdict(reached),
            note=f"peak {peak:.0f} MiB above "
            f"{answer['data'] / 2**20:.0f} MiB of data, "
            f"binning ({answer['binning']:.3g} s) included; {options.threads} thread(s)"
            + ("" if answer["proven"] else "; stopped, not proven"),
        )


def memory(field):
    """A line of this process's memory in bytes; NaN where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    for line in lines:
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    return float("nan")


def one_size(n, options):
    """Print seconds and memory of a planted and a null search of n rows."""
    total = {"seconds": 0.0, "binning": 0.0, "peak": 0.0, "proven": True}
    # Libraries and threads are there before memory is counted.
    small = make_trial(0, 1000, 5, True)
    our_search(small, bin_trial(small, 9, 100), options, variables=2)
    for planted in (True, False):
        trial = make_trial(0, n, 50, planted)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
        start = time.perf_counter()
        selectors = bin_trial(trial, 9, coverage(n))
        total["binning"] += time.perf_counter() - start
        seconds, (_, record) = our_search(trial, selectors, options, variables=2)
        total["seconds"] += seconds
        total["proven"] &= record.proven_optimal
        total["peak"] = max(total["peak"], memory("VmHWM") - before)
        total["data"] = trial.X.nbytes + trial.outcome.nbytes + trial.treated.nbytes
        del selectors, trial
    print(json.dumps(total))


ROWS = {
    "pysubgroup": against_pysubgroup,
    "numpy": against_numpy,
    "seven-cuts": seven_cuts,
    "all-cuts": all_cuts,
    "leaf": leaf,
    "beams": beams,
    "many-rows": many_rows,
    "growth": growth_in_rows,
}


def machine():
    """Processor, cores and versions in one line."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return (
        f"{name}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy "
        f"{np.__version__}; kernel: {default_isa()}"
    )


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller; about 2 minutes")
    parser.add_argument("--full", action="store_true", help="seeds 0-4 everywhere")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--repeat-seconds", type=float, default=3, help="no repeat after so many"
    )
    parser.add_argument("--limit", type=float, default=60, help="s for one search")
    parser.add_argument("--peer-limit", type=float, help="s for all runs of a peer")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.rows.split(",")) - set(ROWS)
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    options.peer_seeds = 5 if options.full else 1
    options.yardstick_seeds = 1 if options.quick else 5
    options.beam_seeds = 3 if options.quick else 20
    options.exact_seeds = 20 if options.full else 1 if options.quick else 5
    if options.peer_limit is None:
        options.peer_limit = 3600 if options.full else 60 if options.quick else 400
    if options.quick:
        options.limit = min(options.limit, 20)
    options.columns = lambda full, quick: quick if options.quick else full
    return options


def main():
    """Print the table."""
    options = parse()
    if options.size:
        options.repeats = 3
        one_size(options.size, options)
        return
    header = [
        f"Measured on {machine()}; ours with {options.threads} thread(s) unless said.",
        "",
        "| case: compared with | ours, s | other, s | ratio | target | notes |",
        "|---|---|---|---|---|---|",
    ]
    lines = []

    def out(line):
        lines.append(line)
        print(line, flush=True)
        # What was measured is kept whatever happens later.
        if options.output:
            options.output.write_text("\n".join(lines) + "\n")

    start = time.perf_counter()
    for line in header:
        out(line)
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(folder)
        for name in options.rows.split(","):
            begin = time.perf_counter()
            for cells in ROWS[name](options, tools):
                out("| " + " | ".join(cells) + " |")
            took = time.perf_counter() - begin
            print(f"{name}: {took:.0f} s", file=sys.stderr, flush=True)
    out("")
    out(
        "Totals over planted and null trials of seeds "
        f"0-{options.peer_seeds - 1} unless said, binning apart; "
        f"{time.perf_counter() - start:.0f} s in all."
    )


if __name__ == "__main__":
    main()
