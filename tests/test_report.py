"""The report: complete, inert whatever things are called, whole or not there."""

import csv
import io
import json
import re
import runpy
import sys
import tomllib
import warnings
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from _fits import HOSTILE, KINDS, fitted, make_table, with_stability
from _pages import Page, contrast
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_persona import Condition, Persona, PersonaDiscoverer
from sklearn_persona._claims.limits import (
    detectable,
    lowest_p_value,
    smallest_p_value,
)
from sklearn_persona._cli.shown import record_lines
from sklearn_persona._search import spaces as _spaces
from sklearn_persona._text import evidence
from sklearn_persona._text.numbers import (
    alike,
    estimate,
    estimate_words,
    number,
    p_text,
    percent,
)
from sklearn_persona._text.safe import inert, shown, write_atomically
from sklearn_persona._text.words import arm_text
from sklearn_persona.exceptions import PersonaWarning, SearchCostWarning
from sklearn_persona.inference import detectable_effect, floor_from_sizes
from sklearn_persona.report import PersonaReport
from sklearn_persona.report import _page as page_module
from sklearn_persona.report._data import _most_frequent
from sklearn_persona.report._drawing import make_axis
from sklearn_persona.report._sections.summary import summary

# Fitted with hostile names too; the other kinds are renamed afterwards.
ATTACKED = ("parallel", "crossover", "single-arm")


def report_of(kind, hostile=False, full=True):
    finder, data = fitted(kind, hostile)
    if not full:
        return PersonaReport.from_estimator(finder)
    return PersonaReport.from_estimator(
        finder,
        X=data["X"],
        y=data["y"],
        treatment=data.get("treatment"),
        title=HOSTILE[2] if hostile else "Trial",
        outcome=HOSTILE[1] if hostile else "score",
    )


@pytest.mark.parametrize(
    ("kind", "hostile"),
    [*((kind, False) for kind in KINDS), *((kind, True) for kind in ATTACKED)],
)
def test_page_is_sound(kind, hostile):
    for full in (True, False):
        page = Page(report_of(kind, hostile, full).to_html())
        assert page.problems == []
        # Settings may be None.
        told = "\n".join(text for parent, text in page.texts if parent != "dd")
        assert not re.search(r"\bnan\b|\bNone\b(?! of)|Undefined", told)
        assert ("Left out: the report was made without" in page.text) != full


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "arrays"])
def test_names_change_no_structure(kind):
    """The same fit with other names is the same page with other texts."""
    plain, hostile = (
        Page(_renamed(report_of(kind), names).to_html())
        for names in ((f"w{j}" for j in range(99)), HOSTILE * 9)
    )
    assert plain.problems == hostile.problems == []
    assert plain.structure == hostile.structure


def _renamed(report, names):
    """The report of the same fit of a table with other names everywhere."""
    names = iter(names)
    content = report._data

    def condition(c):
        levels = None if c.levels is None else tuple(next(names) for _ in c.levels)
        return replace(c, name=next(names), levels=levels, modality=next(names))

    personas = tuple(
        replace(
            persona,
            conditions=tuple(map(condition, persona.conditions)),
            modalities=(next(names),),
            alternatives=tuple(
                replace(a, conditions=tuple(map(condition, a.conditions)))
                for a in persona.alternatives
            ),
        )
        for persona in content.personas
    )
    return PersonaReport(
        replace(
            content,
            personas=personas,
            arms=tuple(next(names) for _ in content.arms),
            title=next(names),
            outcome=next(names),
            settings=content.settings | {"control": next(names)},
            selection=_renamed_selection(content.selection, names),
            reading=_reading(personas, names),
        )
    )


def _renamed_selection(selection, names):
    if selection is None:
        return None
    return {
        key: found
        | {"rows": [r | {"names": [next(names) for _ in r["names"]]} for r in rows]}
        for key, found in selection.items()
        for rows in [found["rows"]]
    }


def _reading(personas, names):
    suspects = {
        c.label: next(names) for persona in personas for c in persona.conditions
    }
    return {"notes": [next(names), next(names)], "suspects": suspects}


@settings(max_examples=40, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=12), min_size=60, max_size=60))
def test_any_text_is_inert(names):
    report = _renamed(report_of("parallel"), names)
    page = Page(report.to_html())
    assert page.problems == []
    if not hasattr(test_any_text_is_inert, "structure"):
        test_any_text_is_inert.structure = Page(
            _renamed(report_of("parallel"), ["v"] * 60).to_html()
        ).structure
    assert page.structure == test_any_text_is_inert.structure


def test_the_page_reader_catches_what_it_is_for():
    """Hand-made wrong variants."""
    html = report_of("parallel").to_html()
    assert Page(html).problems == []
    for wrong in (
        html.replace("<main>", "<main><script>1</script>"),
        html.replace("<main>", "<main><p onclick='x()'>a</p>"),
        html.replace("<main>", "<main><a href='https://example.org'>a</a>"),
        html.replace("<main>", "<main><img src='data:,'>"),
        html.replace("<main>", "<main><div>"),
        html.replace("<main>", "<main><h4>a</h4>"),
        html.replace("<main>", "<main><svg role='img'></svg>"),
        html.replace("</style>", "@import 'a.css'</style>"),
        html.replace('id="flow"', 'id="forest"'),
        html.replace('role="img"', "", 1),
    ):
        assert wrong != html and Page(wrong).problems


def test_an_unescaped_template_would_be_caught(monkeypatch):
    monkeypatch.setattr(page_module, "_environment", _careless)
    page = Page(report_of("parallel", hostile=True).to_html())
    assert any("<script>" in problem for problem in page.problems)


def _careless(jinja2):
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sklearn_persona.report"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment


def test_names_are_there_as_text():
    text = Page(report_of("parallel", hostile=True).to_html()).text
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[4], "<b>placebo</b>"):
        assert name in text
    # Line breaks and marks of direction are visible instead of at work.
    assert not re.search("[\u202a-\u202e\u2066-\u2067]", text)
    long = _renamed(report_of("parallel"), ["x" * 5000 + "y" * 5000] * 60)
    page = Page(long.to_html())
    rows = [t for parent, t in page.texts if parent == "bdi"]
    # Only the criteria hold a name in full.
    assert rows and max(map(len, rows)) < 400
    assert "x" * 5000 + "y" * 5000 in page.text


@pytest.mark.parametrize("kind", KINDS)
def test_same_report_from_json(kind):
    report = report_of(kind, hostile=kind in ATTACKED)
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    again = PersonaReport.from_dict(values)
    assert again.to_html() == report.to_html()
    assert again.to_markdown() == report.to_markdown()
    assert again.to_csv() == report.to_csv()
    assert again.to_dict() == values


def test_json_that_is_no_report():
    values = report_of("parallel").to_dict()
    for wrong, message in (
        ([], "a JSON object"),
        ({**values, "schema": "other/1"}, "Expected schema"),
        ({k: v for k, v in values.items() if k != "flow"}, r"missing \['flow'\]"),
        ({**values, "more": 1}, r"unknown \['more'\]"),
        ({**values, "personas": [{}]}, "Expected schema"),
        ({**values, "flow": None}, "Field 'flow' of a saved report"),
        ({**values, "n_confirmed": "many"}, "must be .*int.*, got str"),
        ({**values, "personas": {}}, "'personas'"),
        ({**values, "reading": {"note": []}}, "reading must map 'notes'"),
        ({**values, "reading": {"notes": "a"}}, "got str and dict"),
        ({**values, "reading": {"suspects": ["a"]}}, "got list and list"),
    ):
        with pytest.raises(ValueError, match=message):
            PersonaReport.from_dict(wrong)


def test_to_dict_shares_nothing():
    report = report_of("parallel")
    values = report.to_dict()
    values["flow"]["training"]["n_units"] = -1
    values["personas"].clear()
    assert report.to_dict()["flow"]["training"]["n_units"] > 0
    assert report.to_dict()["personas"]


def test_no_values_of_single_participants():
    """No outcome, and no baseline value but the ends of ranges and limits."""
    finder, data = fitted("parallel")
    X = data["X"].copy()
    # Values that nothing else can look like.
    y = np.array([float(f"{v:.9f}") for v in data["y"]])
    report = PersonaReport.from_estimator(finder, X=X, y=y, treatment=data["treatment"])
    text = json.dumps(report.to_dict()) + report.to_html() + report.to_markdown()
    numbers = set(re.findall(r"-?\d+\.\d+", text))
    assert not {f"{v:.9f}".rstrip("0") for v in y} & numbers
    # No list is as long as the trial, or as a half of it.
    longest = []

    def walk(value):
        if isinstance(value, dict):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            longest.append(len(value))
            for part in value:
                walk(part)

    walk(report.to_dict())
    assert max(longest) < 20 < len(X) / 2


def test_flow_adds_up():
    finder, data = fitted("crossover")
    flow = finder.flow_
    assert flow["n_rows"] == len(data["y"]) == 119
    assert flow["n_participants"] == 60 and flow["n_incomplete"] == 1
    assert flow["unit"] == "complete pair" and flow["period_known"]
    halves = flow["training"], flow["holdout"]
    assert sum(half["n_units"] for half in halves) == 59 == len(finder.unit_rows_)
    assert sum(half["n_cases"] for half in halves) == 118
    for half, name in zip(halves, ("training", "holdout")):
        chosen = finder.split_ == name
        assert half["n_cases"] == np.count_nonzero(chosen)
        for arm, label in (("treated", "drug"), ("control", "placebo")):
            rows = chosen & (data["treatment"] == label)
            assert half[f"n_{arm}"] == np.count_nonzero(rows)
            assert half[f"mean_{arm}"] == pytest.approx(data["y"][rows].mean())
    # Rows of the second period describe nobody.
    assert (data["period"][finder.unit_rows_] == 1).all()
    json.dumps(flow, allow_nan=False)


def test_flow_of_a_parallel_trial():
    finder, data = fitted("parallel")
    flow, half = finder.flow_, finder.flow_["training"]
    assert flow["unit"] == "case" and not flow["grouped"]
    assert flow["n_columns"] == 6 and flow["n_columns_missing"] == 1
    assert flow["share_missing"] == pytest.approx(3 / (120 * 6))
    chosen = finder.split_ == "training"
    y, treated = data["y"][chosen], data["treatment"][chosen] == "drug"
    assert half["effect"] == pytest.approx(y[treated].mean() - y[~treated].mean())
    low, high = half["ci_effect"]
    assert low < half["effect"] < high
    parts = [y[treated], y[~treated]]
    pooled = sum(((p - p.mean()) ** 2).sum() for p in parts) / (len(y) - 2)
    assert half["sd"] == pytest.approx(np.sqrt(pooled))


def test_flow_of_a_single_arm():
    finder, data = fitted("single-arm")
    half = finder.flow_["training"]
    assert half["effect"] is None and half["n_treated"] is None
    assert half["mean"] == pytest.approx(data["y"][finder.split_ == "training"].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_summary_says_what_was_confirmed(kind):
    finder, _ = fitted(kind)
    text = report_of(kind).to_markdown()
    n = finder.n_confirmed_
    if kind == "not-validated":
        assert "Nothing was tested, so nothing is claimed." in text
        assert "good on pure noise" in text
    elif kind == "repeated":
        assert "none of those below is confirmed by it" in text
    else:
        words = ["No persona was", "One persona was", "Two personas were"]
        words.append("Three personas were")
        assert f"**{words[n]} confirmed." in text
    assert ("does not show that everyone responds alike" in text) == (
        n == 0 and kind not in ("not-validated", "repeated")
    )
    assert ("That others respond differently was not shown" in text) == (
        kind == "effect"
    )
    assert ("no comparison of treatments" in text.lower()) == (kind == "single-arm")
    for i in range(1, len(finder.personas_) + 1):
        assert f"## Persona {i}: " in text
    for n in (finder.search_.n_candidates, finder.search_.n_evaluated):
        assert f"{n:,}" in text


@pytest.mark.parametrize("kind", KINDS)
def test_page_has_every_part(kind):
    finder, _ = fitted(kind)
    page = Page(report_of(kind).to_html())
    for part in (
        "What was searched",
        "What was confirmed",
        "What this trial could not have shown",
        "Flow",
        "Baseline inside and outside",
        "Methods",
        "Checklist",
        "Settings and versions",
        "ICEMAN",
        "PATH",
        "EMA 2019",
        "random_state",
        "scikit-learn",
    ):
        assert part in page.text
    n = len(finder.personas_)
    assert page.text.count("Criteria for a protocol") == n
    assert page.text.count("smallest possible p value") >= n
    held = sum(persona.stability is not None for persona in finder.personas_)
    corrected = sum(p.effect_corrected is not None for p in finder.personas_)
    assert (kind == "resampled") == (held > 0) == (corrected > 0)
    assert page.text.count("Not computed (n_resamples=0)") == n - held
    assert page.text.count("inside, corrected") == 2 * corrected
    for persona in finder.personas_:
        assert persona.to_text() in page.text
        assert persona.claim in page.text
        record = persona.holdout or persona.train
        assert f"{record.n} of {record.total}" in page.text
    # Every numeric range is drawn, every card has two plots.
    ranges = sum(c.levels is None for p in finder.personas_ for c in p.conditions)
    bars = sum(svg["attrs"]["class"].split()[0] == "bar" for svg in page.svgs)
    assert bars == ranges


def test_bars_are_where_the_limits_are():
    persona = Persona(
        conditions=(
            Condition("a", 0, low=2.0, high=6.0, data_low=0.0, data_high=8.0),
            Condition("b", 1, low=None, high=6.0, data_low=-2.0, data_high=8.0),
            Condition("c", 2, low=5.0, high=None, data_low=5.0, data_high=5.0),
            Condition("d", 3, levels=("x", "y")),
            Condition("e", 4, low=90.0, data_low=0.0, data_high=8.0),
        ),
        direction="favorable",
    )
    content = replace(report_of("parallel")._data, personas=(persona,))
    page = Page(PersonaReport(content).to_html())
    assert page.problems == []
    rects = [
        (float(attrs["x"]), float(attrs["width"]))
        for tag, attrs in _elements(PersonaReport(content).to_html())
        if tag == "rect" and attrs["class"] == "persona"
    ]
    assert rects[:2] == [(25.0, 50.0), (0.0, 80.0)]
    # The limits of another table are outside of this one.
    assert rects[2] == (100.0, 0.6) and len(rects) == 3


def _elements(html):
    from html.parser import HTMLParser

    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, dict(attrs)))

    Reader().feed(html)
    return found


def test_stability_and_correction_when_present():
    content = report_of("parallel")._data
    name = HOSTILE[0]
    condition = replace(content.personas[0].conditions[0], name=name, low=0.0, high=1.0)
    condition = replace(condition, data_low=-2.0, data_high=2.0)
    persona = replace(content.personas[0], conditions=(condition,))
    persona = with_stability(persona)
    report = PersonaReport(replace(content, personas=(persona,)))
    page = Page(report.to_html())
    assert page.problems == []
    for part in (
        "1.25 (0.50 to 2.00)",
        f"{name} in the best rule",
        "same variables found in 50 half-samples",
        "82%",
        "0.66 (0.20 to 0.95)",
        f"{name}, low edge (95% of 30 half-samples)",
        "0.000 (-0.500 to 0.250)",
        "20 fits without one participant",
        "Their spread over resamples is on the cards.",
    ):
        assert part in page.text, part
    assert "n_resamples=0" not in page.text
    assert sum(svg["attrs"]["class"] == "meter" for svg in page.svgs) == 4
    # The spread of the edges, -.5 to .25 and .5 to 1.25 on -2 to 2.
    paths = [
        attrs["d"]
        for tag, attrs in _elements(report.to_html())
        if tag == "path" and attrs["class"] == "edge"
    ]
    assert [re.findall(r"M([\d.]+) ", d)[:2] for d in paths] == [
        ["37.5", "56.25"],
        ["62.5", "81.25"],
    ]
    assert PersonaReport.from_dict(report.to_dict()).to_html() == report.to_html()


def _rows_after(page, heading):
    """Texts between a heading and the next one."""
    texts = [text.strip() for _, text in page.texts if text.strip()]
    start = texts.index(heading) + 1
    ends = ("Flow", "Selection over half-samples")
    return texts[start : next(i for i in range(start, 9**9) if texts[i] in ends)]


@pytest.mark.parametrize("kind", KINDS)
def test_explained_and_unexplained(kind):
    """The table of the fit, with the coverage beside every figure."""
    finder, _ = fitted(kind)
    report = report_of(kind)
    told = _rows_after(Page(report.to_html()), "Explained and unexplained")
    for name, label in (
        ("favorable", "Explained, favorable"),
        ("unexplained", "Unexplained"),
        ("everyone", "Everyone"),
    ):
        row = finder.partition_.loc[name]
        at = told.index(label)
        assert told[at + 1] == percent(row["coverage"])
        assert told[at + 2 : at + 4] == [f"{row['n_groups']:g}", f"{row['n']:g}"]
        assert (told[at + 4] == "-") == np.isnan(row["effect"])
        if not np.isnan(row["effect"]):
            pair = (row["ci_low"], row["ci_high"])
            assert told[at + 4] == estimate(row["effect"], pair)
    half = "the holdout" if finder.flow_["holdout"] else "all analyzed participants"
    assert f"Counted in {half}" in told[0]
    assert ("none of these personas was tested" in told[0]) == (kind == "not-validated")
    together = "stay unexplained" in report.to_markdown()
    assert together == (finder.n_confirmed_ > 0)
    if together:
        covered = finder.partition_["coverage"].map(percent)
        assert re.search(
            rf"covers? {covered['explained']} of those who tested (it|them); "
            rf"{covered['unexplained']} stay unexplained",
            report.to_markdown(),
        )
    for persona in finder.personas_:
        record = persona.holdout or persona.train
        assert f"({percent(record.coverage)})" in Page(report.to_html()).text


def test_selection_frequencies():
    finder, _ = fitted("resampled")
    page = Page(report_of("resampled").to_html())
    told = _rows_after(page, "Selection over half-samples")
    table = finder.selection_frequencies_
    for _, row in table.iterrows():
        at = told.index(row["variable"])
        cells = [percent(row["frequency"]), percent(row["frequency_kept"])]
        cells.append(number(row["false_bound"]))
        # The bar has a title of its own.
        assert [told[at + 1], *told[at + 3 : at + 5]] == cells
    assert table["frequency"][0] > 0.5 and not np.isnan(table["false_bound"][0])
    assert "Shah and Samworth" in page.text
    for kind in ("parallel", "permutation"):
        assert "Shah and Samworth" not in Page(report_of(kind).to_html()).text


def test_pairs_and_many_variables():
    content = report_of("resampled")._data
    table = pd.DataFrame(
        {
            "variable": [f"v{j}" for j in range(15)],
            "other": [7] * 15,
            "frequency": np.linspace(0.9, 0.1, 15),
            "frequency_kept": 0.95,
            "false_bound": [1.5] * 5 + [np.nan] * 10,
        }
    )
    found = _most_frequent(table, ["variable", "other"])
    assert len(found["rows"]) == 10 and found["n_left_out"] == 5
    # Columns without a name are called as in conditions.
    assert found["rows"][0]["names"] == ["v0", "x7"]
    assert found["rows"][9]["false_bound"] is None
    report = PersonaReport(
        replace(content, selection=content.selection | {"pairs": found})
    )
    page = Page(report.to_html())
    assert page.problems == [] and "Pair of variables" in page.text
    assert "5 less frequent ones are left out" in page.text
    assert "| v0 and x7 | 90% | 95% | 1.50 |" in report.to_markdown()


def test_spread_of_repeated_splits():
    finder, _ = fitted("repeated")
    content = report_of("repeated")._data
    p_values = finder.split_p_values_
    assert content.splits["n"] == len(p_values) == 3
    assert content.splits["quantiles"] == pytest.approx(
        [p_values.min(), *np.percentile(p_values, [25, 50, 75]), p_values.max()]
    )
    assert content.splits["n_below"] == (p_values < 0.05).sum()
    finder = copy(finder)
    finder.split_p_values_ = np.array([0.001, 0.02, 0.2, 1.0, 1.0])
    text = PersonaReport.from_estimator(finder).to_markdown()
    assert "went from 0.001 to 1.000, half of them from 0.020 to 1.000" in text
    assert "a median of 0.200" in text and "below 0.05 in two of 5" in text
    assert "It was 1, mostly without any test, in two." in text


def test_how_the_table_was_read():
    finder, _ = fitted("parallel")
    name = finder.personas_[0].conditions[0].label
    make = partial(PersonaReport.from_estimator, finder)
    reading = {
        "notes": ["dropped: id - identifier", "x" * 900],
        "suspects": {name: "'day7' in its name", "other": "whatever"},
    }
    report = make(reading=reading)
    page = Page(report.to_html())
    for text in (page.text, report.to_markdown().replace("\\", "")):
        for note in reading["notes"]:
            assert note in text
        uses = sum(
            name in [c.label for c in persona.conditions]
            for persona in finder.personas_
        )
        confirmed = sum(
            persona.confirmed and name in [c.label for c in persona.conditions]
            for persona in finder.personas_
        )
        assert confirmed >= 1
        warned = f"{name} may have been measured after treatment began"
        assert text.count(warned) == uses + confirmed
        assert "whatever" not in text
    assert "How the table was read" not in make().to_html()
    for wrong in ([], {"other": 1}, {"notes": "a"}):
        with pytest.raises(ValueError, match="reading must map"):
            make(reading=wrong)


@pytest.mark.parametrize(
    ("direction", "members", "words"),
    [
        (
            "favorable",
            "benefit",
            "is shown to benefit the members on average (p = 0.012",
        ),
        ("unfavorable", "benefit", "benefit the members on average, though less than"),
        ("unfavorable", "harm", "is shown to harm the members on average (p = 0.012"),
        ("favorable", "no effect shown", "Members have more benefit than others; that"),
        (
            "unfavorable",
            "no effect shown",
            "Members have less benefit than others; that",
        ),
    ],
)
def test_what_is_shown_of_the_members(direction, members, words):
    content = report_of("parallel")._data
    first = replace(
        content.personas[0],
        direction=direction,
        members_claim=members,
        p_adjusted_members=0.0123,
    )
    assert first.confirmed
    content = replace(content, personas=(first,), n_confirmed=1)
    (claim,) = summary(content)[1][2]
    assert words in claim
    assert ("is not shown" in claim) == (members == "no effect shown")
    meaning = f"{'more' if direction == 'favorable' else 'less'} benefit than others"
    if (direction, members) in (("favorable", "benefit"), ("unfavorable", "harm")):
        meaning = members
    assert str(first).startswith(f"Persona: {direction} ({meaning}) - confirmed")


def test_not_confirmed_stands_apart():
    for kind, words in (
        ("parallel", "Not confirmed, for later trials only."),
        ("not-validated", "For later trials only: none of these was tested."),
    ):
        finder, _ = fitted(kind)
        text = Page(report_of(kind).to_html()).text
        assert text.count(words) == 1
        first = finder.n_confirmed_ + 1
        start, end = text.index(f"Persona {first}\n"), text.index(words)
        assert end < start
        if first > 1:
            assert text.index(f"Persona {first - 1}\n") < end


def test_arms_that_are_numbers_are_no_counts():
    assert arm_text(1) == "arm 1" and arm_text("0.5") == "arm 0.5"
    assert arm_text("drug") == "drug"
    content = replace(report_of("parallel")._data, arms=("0", "1"))
    text = PersonaReport(content).to_markdown()
    assert "effect of arm 1 against arm 0" in text
    assert re.search(r"\| units, arm 1 / arm 0 \| \d+ / \d+ \|", text)


def test_baseline_table_by_hand():
    finder, data = fitted("parallel")
    report = report_of("parallel")
    table = report.to_dict()["baseline"][0]
    persona = finder.personas_[table["persona"]]
    inside = persona.covers(data["X"])
    assert table["n_inside"] == inside.sum()
    assert table["n_outside"] == (~inside).sum()
    row = next(r for r in table["rows"] if r["variable"] == "v1")
    values = data["X"]["v1"]
    for side, mask in (("inside", inside), ("outside", ~inside)):
        mean, sd, n = row[side]
        assert mean == pytest.approx(values[mask].mean())
        assert sd == pytest.approx(values[mask].std())
        assert n == values[mask].notna().sum()
    pooled = np.sqrt((values[inside].var() + values[~inside].var()) / 2)
    difference = (values[inside].mean() - values[~inside].mean()) / pooled
    assert row["difference"] == pytest.approx(difference)
    own = {c.label for c in persona.conditions}
    assert {r["variable"] for r in table["rows"] if r["own"]} == own
    assert table["rows"][0]["own"]
    level = next(r for r in table["rows"] if r["level"] == "A")
    assert level["inside"][0] == pytest.approx((data["X"]["v5"][inside] == "A").mean())
    # Outcomes are those of the half that tests.
    holdout = finder.split_ == "holdout"
    for arm, row in zip(("drug", "placebo"), table["outcomes"]["rows"]):
        rows = holdout & inside & (data["treatment"] == arm)
        assert row["arm"] == arm
        assert row["inside"][0] == pytest.approx(data["y"][rows].mean())
        assert row["inside"][2] == rows.sum()


def test_baseline_counts_participants_once():
    table = report_of("crossover").to_dict()["baseline"][0]
    assert table["n_inside"] + table["n_outside"] == 59


def test_arguments_that_do_not_fit():
    finder, data = fitted("parallel")
    make = PersonaReport.from_estimator
    with pytest.raises(TypeError, match="last step of a Pipeline"):
        make(make_pipeline(finder))
    with pytest.raises(NotFittedError):
        make(PersonaDiscoverer())
    with pytest.raises(ValueError, match="needs X too"):
        make(finder, y=data["y"])
    with pytest.raises(ValueError, match="the fit had 120"):
        make(finder, X=data["X"].iloc[:50])
    with pytest.raises(ValueError, match="y has 50 entries"):
        make(finder, X=data["X"], y=data["y"][:50], treatment=data["treatment"])
    with pytest.raises(ValueError, match="treatment has 50 entries"):
        make(finder, X=data["X"], y=data["y"], treatment=data["treatment"][:50])
    with pytest.raises(ValueError, match="feature names"):
        make(finder, X=make_table(120, 1).rename(columns={"v0": "other"}))
    # Without the arm there is no outcome by arm.
    assert (
        make(finder, X=data["X"], y=data["y"]).to_dict()["baseline"][0]["outcomes"]
        is None
    )


def test_settings_without_addresses_and_paths(tmp_path):
    finder, data = fitted("parallel")
    settings_ = report_of("parallel").to_dict()["settings"]
    assert not {"memory", "n_jobs", "verbose"} & set(settings_)
    other = PersonaDiscoverer(**finder.get_params())
    other.set_params(
        memory=str(tmp_path),
        random_state=np.random.RandomState(0),
        modalities=lambda name: "lab",
        prognostic=None,
        max_variables=1,
    )
    other.fit(**data)
    html = PersonaReport.from_estimator(other).to_html()
    assert str(tmp_path) not in html and " at 0x" not in html
    assert "RandomState" in html


@pytest.mark.parametrize("kind", ["parallel", "crossover", "permutation"])
def test_what_could_not_have_been_shown(kind):
    """The figures are those of `detectable_effect`."""
    finder, _ = fitted(kind)
    content = report_of(kind)._data
    half = finder.flow_["holdout"] or finder.flow_["training"]
    tests = sum(p.holdout is not None for p in finder.personas_)
    if kind == "permutation":
        tests = finder.search_.n_candidates
    for effect, share in zip(detectable(content.limits), (0.5, 0.25), strict=True):
        if kind == "crossover":
            n = round(share * half["n_units"])
            expected = detectable_effect(n, None, n_candidates=tests, paired=True)
        else:
            sizes = [round(share * half[f"n_{arm}"]) for arm in ("treated", "control")]
            expected = detectable_effect(*sizes, n_candidates=tests)
        assert effect.inside == expected
        assert effect.contrast == pytest.approx(expected / np.sqrt(1 - share))
        assert f"{effect.inside:.2f} SD" in report_of(kind).to_markdown()
        assert effect.inside * half["sd"] > 0
    floor = smallest_p_value(content.limits)
    if kind != "parallel":
        # In a permuted search the arms of everybody are exchanged.
        assert floor is None
    else:
        n, b = finder.min_arm_size_, finder.n_permutations
        assert floor == floor_from_sizes(n, n, n_permutations=b)


def test_contrast_asks_for_more():
    """Power of inside against outside, by simulation of the stated effect."""
    rng = np.random.default_rng(0)
    n, share = 200, 0.5
    inside = np.arange(n) < share * n
    treated = np.arange(n) % 2 == 0
    d = detectable_effect(50, 50) / np.sqrt(1 - share)
    hits = 0
    for _ in range(400):
        y = rng.normal(size=n) + d * (treated & inside)
        cells = [y[a & b] for a in (inside, ~inside) for b in (treated, ~treated)]
        contrast_ = (cells[0].mean() - cells[1].mean()) - (
            cells[2].mean() - cells[3].mean()
        )
        error = np.sqrt(sum(c.var(ddof=1) / len(c) for c in cells))
        hits += abs(contrast_ / error) > 1.97
    # Three standard errors of 400 trials are .06.
    assert hits / 400 == pytest.approx(0.8, abs=0.06)


def test_too_small_for_a_test():
    content = report_of("parallel")._data
    half = content.flow["holdout"] | {"n_units": 4, "n_treated": 2, "n_control": 2}
    small = replace(content, flow=content.flow | {"holdout": half})
    assert all(np.isinf(effect.inside) for effect in detectable(small.limits))
    text = PersonaReport(small).to_markdown()
    assert text.count("its smallest possible p value is above the level") == 2
    # Four pairs cannot be significant at .05, six can.
    content = report_of("crossover")._data
    for n, expected in ((8, [False, False]), (12, [True, False]), (24, [True, True])):
        half = content.flow["holdout"] | {"n_units": n}
        some = replace(
            content,
            flow=content.flow | {"holdout": half},
            settings=content.settings | {"correction": "fixed-sequence"},
        )
        found = [np.isfinite(effect.inside) for effect in detectable(some.limits)]
        assert found == expected


def small_trial(n, gain=6.0):
    """A trial of three variables whose first one tells who gains."""
    rng = np.random.default_rng(0)
    X, arm = rng.normal(size=(n, 3)), rng.permutation(np.arange(n) % 2)
    return X, rng.normal(size=n) + gain * arm * (X[:, 0] > 0), arm


TOO_FEW = "No persona could have been confirmed: too few arrangements of the arms exist"
ONE_VARIABLE = {"max_variables": 1, "prognostic": None, "n_bootstrap": 0}


@pytest.mark.parametrize(
    ("n", "options", "floor", "half"),
    [
        # 2 / C(6, 3), and 2 / C(4, 2).
        (6, {"validation": "permutation", "min_arm_size": 1}, 2 / 20, ""),
        (4, {"validation": "permutation", "min_arm_size": 1}, 2 / 6, ""),
        # Halves of 4 v 4, of which 2 v 2 stay outside.
        (16, {"min_arm_size": 2}, 2 / 6, " in the training half"),
        # 2 v 2 test, of which one of each arm must stay outside.
        (26, {"min_arm_size": 2, "holdout_size": 0.16}, 1.0, " in the holdout half"),
    ],
)
def test_no_result_could_reach_the_level(n, options, floor, half):
    X, y, arm = small_trial(n)
    finder = PersonaDiscoverer(random_state=0, **ONE_VARIABLE, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(X, y, treatment=arm)
    report = PersonaReport.from_estimator(finder)
    lowest = lowest_p_value(report._data.limits)
    assert lowest.value == pytest.approx(floor)
    text = report.to_markdown()
    assert text.count(TOO_FEW) == 2
    assert f"could have{half}, whatever the outcomes, is {p_text(floor)}" in text
    assert "Any persona: no p value could have reached the level of 0.05." in text
    # Instead of testing.
    for persona in finder.personas_:
        assert persona.holdout is None and not persona.confirmed
        assert np.isnan(persona.p_adjusted)
        if "validation" in options:
            assert "too few arrangements" in persona.claim
    assert Page(report.to_html()).problems == []
    if floor < 1:
        # A level that can be reached is tested.
        finder.set_params(alpha=1.01 * floor).fit(X, y, treatment=arm)
        assert lowest_p_value(PersonaReport.from_estimator(finder)._data.limits) is None


def test_four_against_four():
    """The smallest p value is 2 / 70, so the test is possible, but not by default."""
    X, y, arm = small_trial(8)
    finder = PersonaDiscoverer(
        validation="permutation", random_state=0, n_permutations=99, **ONE_VARIABLE
    )
    with pytest.raises(ValueError, match="Too few cases: 4 training cases in arm 0"):
        finder.fit(X, y, treatment=arm)
    finder.set_params(min_arm_size=1).fit(X, y, treatment=arm)
    content = PersonaReport.from_estimator(finder)._data
    assert content.flow["training"]["p_floor"] == pytest.approx(2 / 70)
    assert lowest_p_value(content.limits) is None
    assert not any(np.isnan(persona.p_adjusted) for persona in finder.personas_)


@pytest.mark.parametrize(
    ("options", "patience", "text"),
    [
        ({}, 300, "by an exact search"),
        ({"max_time": 1000}, 0, "by an exact search"),
        ({"search": "exact"}, 0, "by an exact search"),
        ({}, 0, "by a beam, a heuristic"),
        ({"search": "beam"}, 300, "by a beam, a heuristic"),
    ],
)
def test_how_it_was_searched(options, patience, text):
    X, y, arm = small_trial(60)
    finder = PersonaDiscoverer(random_state=0, **ONE_VARIABLE, **options)
    with (
        warnings.catch_warnings(),
        mock.patch.object(_spaces, "PATIENCE", patience),
    ):
        warnings.simplefilter("ignore", SearchCostWarning)
        finder.fit(X, y, treatment=arm)
    report = PersonaReport.from_estimator(finder).to_markdown()
    assert text in report
    assert ("the optimum proven" in report) == ("exact" in text)


def test_strata_and_permutations_that_leave_nothing():
    X, y, arm = small_trial(60)
    finder = PersonaDiscoverer(random_state=0, **ONE_VARIABLE)
    # Three small sites of both arms; every other stratum has one arm.
    strata = arm.copy()
    for k in range(3):
        for a in (0, 1):
            strata[np.flatnonzero(arm == a)[2 * k : 2 * k + 2]] = 2 + k
    finder.fit(X, y, treatment=arm, strata=strata)
    text = PersonaReport.from_estimator(finder).to_markdown()
    assert TOO_FEW in text and "That requires larger strata" in text
    finder.set_params(validation="permutation", n_permutations=10)
    finder.fit(X, y, treatment=arm)
    text = PersonaReport.from_estimator(finder).to_markdown()
    assert "too few permutations were drawn" in text
    assert "is 0.0909" in text and r"more than n\_permutations=10" in text
    assert TOO_FEW not in text


def test_pairs_that_are_too_few():
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(10, 3)), 2, axis=0)
    arm, groups = np.tile([0, 1], 10), np.repeat(np.arange(10), 2)
    y = rng.normal(size=20) + 6 * arm * (X[:, 0] > 0)
    data = {"treatment": arm, "groups": groups}
    finder = PersonaDiscoverer(min_arm_size=2, random_state=0, **ONE_VARIABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(X, y, **data)
        lowest = lowest_p_value(PersonaReport.from_estimator(finder)._data.limits)
        # Five pairs train, of which two stay outside.
        assert lowest.value == 2 / 2**3 and lowest.half == "training"
        finder.set_params(validation="permutation", n_permutations=99)
        half = {key: value[:10] for key, value in data.items()}
        finder.fit(X[:10], y[:10], **half)
        lowest = lowest_p_value(PersonaReport.from_estimator(finder)._data.limits)
        assert lowest.value == 2 / 2**5 and lowest.half is None
        assert np.isnan(finder.personas_[0].p_adjusted)


def test_contrast_of_colors():
    css = (Path(page_module.__file__).parent / "templates/report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colors = dict(re.findall(r"--(\w+): (#\w{6});", block))
        for text in ("text", "muted", "good", "bad"):
            for ground in ("page", "panel"):
                assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
        # Confirmed: text in the color of the page on the color of the kind.
        assert contrast(colors["page"], colors["good"]) >= 4.5
        # Parts of pictures (WCAG 1.4.11).
        assert contrast(colors["good"], colors["track"]) >= 3
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_markdown_is_inert():
    text = _renamed(report_of("parallel"), HOSTILE * 9).to_markdown()
    for markup in ("<script", "<img", "</style", "https://", "` rm", "\n3. everyone"):
        assert markup not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables, last = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            last = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        if last is None:
            tables.append(cells)
        else:
            assert cells == last
        last = cells
    assert len(tables) > 5 and rows


def test_csv_has_no_formula():
    report = _renamed(report_of("parallel"), HOSTILE * 9)
    rows = list(csv.reader(io.StringIO(report.to_csv())))
    assert len(rows) == len(report.to_frame()) + 1
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        for cell in row:
            if cell[:1] in ("=", "+", "@", "\t", "\r", "-"):
                float(cell)
    frame = report.to_frame()
    frame["rule"] = "=1+1"
    assert inert("=1+1") == "'=1+1"
    for text in (
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\uff1d1",
        '"=1',
        "\r=1",
        "\n=1",
        "\u200b\xa0=1",
        "\na",
    ):
        assert inert(text).startswith("'")
    for value in ("age <= 4", "", "a=b", -1.5, 3, None, True):
        assert inert(value) is value
    back = pd.read_csv(io.StringIO(report.to_csv()), index_col=0)
    assert back["train_effect"].to_numpy() == pytest.approx(
        report.to_frame()["train_effect"].to_numpy()
    )


def test_frame_is_that_of_the_fit():
    finder, _ = fitted("parallel")
    frame = report_of("parallel").to_frame()
    pd.testing.assert_frame_equal(frame, finder.table_)
    assert len(report_of("empty").to_frame()) == 0
    assert report_of("empty").to_csv().startswith("persona,rule,")


def test_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    html = report_of("parallel").to_html(path)
    assert path.read_text(encoding="utf-8") == html
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.stat().st_mode & 0o777 == _usual_mode(tmp_path)

    def fail(*_):
        raise OSError("disk full")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr("os." + name, fail)
            with pytest.raises(OSError, match="disk full"):
                report_of("crossover").to_html(path)
        assert path.read_text(encoding="utf-8") == html
        assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError):
        report_of("parallel").to_html(tmp_path / "nowhere" / "report.html")
    # A page that cannot be made leaves what is there alone.
    with monkeypatch.context() as patch:
        broken = replace(page_module.SECTIONS[0], values=lambda content: 1 / 0)
        patch.setattr(page_module, "SECTIONS", (broken,))
        with pytest.raises(ZeroDivisionError):
            report_of("parallel").to_html(path)
    assert path.read_text(encoding="utf-8") == html
    text = report_of("parallel").to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == text


def _usual_mode(folder):
    other = folder / "other"
    other.touch()
    mode = other.stat().st_mode & 0o777
    other.unlink()
    return mode


def test_text_that_utf8_cannot_hold(tmp_path):
    write_atomically(tmp_path / "a", "a\ud800b")
    assert (tmp_path / "a").read_bytes() == b"a?b"


def test_example():
    path = Path(__file__).parent.parent / "examples" / "report.py"
    make_report = runpy.run_path(str(path))["make_report"]
    page = Page(make_report(n_participants=60, n_columns=5).to_html())
    assert page.problems == []
    assert "Simulated ketamine crossover" in page.text


def test_templates_are_packaged():
    """In the wheel by package data, in the sdist by the manifest."""
    root = Path(__file__).parent.parent
    with open(root / "pyproject.toml", "rb") as file:
        tool = tomllib.load(file)["tool"]["setuptools"]
    assert tool["include-package-data"] is False
    folder = Path(page_module.__file__).parent
    given = {
        path
        for pattern in tool["package-data"]["sklearn_persona.report"]
        for path in folder.glob(pattern)
    }
    assert given == set((folder / "templates").iterdir()) and len(given) > 2
    manifest = (root / "MANIFEST.in").read_text()
    assert "recursive-include sklearn_persona/report *.j2 *.css" in manifest


def test_without_jinja2(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    report = report_of("parallel")
    with pytest.raises(ImportError, match=r"sklearn-persona\[report\]"):
        report.to_html(tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
    # The others need nothing.
    assert report.to_markdown() and report.to_csv() and report.to_dict()


def test_axis():
    axis = make_axis([1.0, 3.0, None, float("nan")], zero=True)
    assert axis.low < 0 and axis.high > 3
    assert axis.at(axis.low) == 0 and axis.at(axis.high) == 100
    assert axis.at(-1e9) == 0 and axis.at(1e9) == 100
    assert [text for _, text in axis.labels] == ["0", "1", "2", "3"]
    assert axis.mark(float("nan")) is None
    assert axis.mark(1.0, (0.0, float("nan")))["ends"] is None
    for values in ([], [0.0], [5.0, 5.0], [1e-300, 2e-300], [-1e15, 1e15], [1e9 + 1]):
        axis = make_axis(values)
        assert axis.low < axis.high and 1 <= len(axis.ticks) <= 12


def test_words():
    assert shown("a" * 100) == "a" * 48 + " … " + "a" * 21
    assert len(shown("ab" * 5000)) == 72
    hebrew = HOSTILE[6][:4]
    assert shown(hebrew) == f"\u2068{hebrew}\u2069"
    assert percent(0.25) == "25%" and percent(None) == "-" == percent(float("nan"))
    assert estimate(2, None) == "2.00 (-)" == estimate(2, (1, float("nan")))
    assert estimate(2.0, (1.0, 2.5)) == "2.00 (1.00 to 2.50)"
    assert estimate_words(2, (1, 2.5)) == ("2.00", "95% CI 1.00 to 2.50")
    assert estimate_words(2, None) == ("2.00", "95% CI unknown")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0286, "0.0286"),
        (0.034, "0.034"),
        (0.2341, "0.234"),
        (1.0, "1.000"),
        (0.001, "0.001"),
        # One of 1001 arrangements, and of 10,001.
        (1 / 1001, "0.001"),
        (1 / 10_001, "< 0.0001"),
        (0.0, "< 0.0001"),
        (float("nan"), "-"),
    ],
)
def test_p_values(value, text):
    assert p_text(value) == text


@pytest.mark.parametrize(
    ("value", "pair", "text"),
    [
        (1.25, (0.5, 2.0), "1.25 (0.50 to 2.00)"),
        (0.0345, (-0.0021, 0.0711), "0.0345 (-0.0021 to 0.0711)"),
        # Two digits of half the width, where three of the numbers tell less.
        (104.37, (104.16, 104.58), "104.37 (104.16 to 104.58)"),
        (1234567.0, (1234000.0, 1235000.0), "1234567 (1234000 to 1235000)"),
        (-0.001, (-2.0, 2.0), "0.00 (-2.00 to 2.00)"),
        (2e-9, (1e-9, 3e-9), "2e-09 (1e-09 to 3e-09)"),
        (float("nan"), (1.0, 2.0), "-"),
    ],
)
def test_intervals(value, pair, text):
    assert estimate(value, pair) == text


def test_numbers():
    assert [number(v) for v in (2.0, 1.2345, 0.012345, -0.0, 12345.6, 1e12 / 3)] == [
        *("2", "1.23", "0.0123", "0", "12346", "3.33e+11"),
    ]
    assert number(None) == number(float("nan")) == "-" and number(np.inf) == "inf"
    assert alike(1.25, 0.0345, None) == ["1.25", "0.03", "-"]
    assert alike(3.0, 12.0) == ["3", "12"]


def test_a_new_row_is_shown_everywhere(monkeypatch):
    """One entry, for card, terminal, page, Markdown and notebook."""
    row = evidence.Row("test", "a new field", lambda r: f"<{r.n}>", brief=True)
    monkeypatch.setattr(evidence, "EVIDENCE", (*evidence.EVIDENCE, row))
    finder, _ = fitted("parallel")
    persona, report = finder.personas_[0], report_of("parallel")
    texts = (
        str(persona),
        "\n".join(record_lines(persona, persona.holdout)),
        Page(report.to_html()).text,
        report.to_markdown().replace("\\", ""),
        finder._repr_html_().replace("&lt;", "<").replace("&gt;", ">"),
    )
    for text in texts:
        assert "a new field" in text and f"<{persona.holdout.n}>" in text
