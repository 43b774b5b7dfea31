"""Rules in other languages: protocol text, pandas, SQL and R.

In all of them, a missing value satisfies no condition. Column names and categories
come from a user's table; they are always quoted, so they are data and never code.
"""

import math
import unicodedata
from fractions import Fraction

from sklearn_persona._text.numbers import limit_text
from sklearn_persona._text.safe import one_line

__all__ = ["criteria_text", "pandas_query", "r_expression", "sql_where"]

# In units of the last place, of which 0.5 is the middle between two numbers. Extended
# precision has 11 more bits, so a few roundings err by less than 0.003.
HALFWAY = 0.495


def criteria_text(conditions):
    """Write conditions as numbered eligibility criteria.

    Parameters
    ----------
    conditions : sequence of Condition

    Returns
    -------
    text : str
    """
    lines = ["A participant is eligible who meets all of these at baseline:"]
    for i, condition in enumerate(conditions, 1):
        end = "." if i == len(conditions) else ";"
        lines.append(
            f"{i}. {one_line(condition.label)}: {_range_words(condition)}{end}"
        )
    lines.append("A missing value does not meet a criterion.")
    return "\n".join(lines)


def _range_words(condition):
    if condition.levels is not None:
        levels = [one_line(level) for level in condition.levels]
        return levels[0] if len(levels) == 1 else f"one of {', '.join(levels)}"
    parts = []
    if condition.low is not None:
        parts.append(f"above {_limit_words(condition.low)}")
    if condition.high is not None:
        parts.append(f"at most {_limit_words(condition.high)}")
    return " and ".join(parts)


def _limit_words(value):
    """Six digits, and the exact limit if they differ by more than rounding errors."""
    short = limit_text(value)
    if math.isclose(float(short), value, rel_tol=1e-12):
        return short
    return f"{short} (exactly {_number(value)})"


def _number(value):
    """Short text that reads back as the same number.

    SQLite and R read numbers in extended precision and then round again. That goes
    wrong for a text near the middle between two numbers; 17 digits never are.
    """
    if value == round(value) and abs(value) < 1e15:
        return str(round(value))
    value = float(value)
    text = repr(value)
    error = abs(Fraction(text) - Fraction(value)) / Fraction(math.ulp(value))
    return text if error < HALFWAY else f"{value:.17g}"


def pandas_query(conditions):
    """Write conditions for `pandas.DataFrame.query`.

    Parameters
    ----------
    conditions : sequence of Condition

    Returns
    -------
    query : str

    Raises
    ------
    ValueError
        For a column name that pandas cannot quote.
    """
    parts = []
    for condition in conditions:
        name = _pandas_name(condition)
        if condition.levels is not None:
            levels = ", ".join(_python_literal(level) for level in condition.levels)
            parts.append(f"({name} in [{levels}])")
        parts += [f"({name} {sign} {limit})" for sign, limit in _limits(condition)]
    return " and ".join(parts)


def _pandas_name(condition):
    label = condition.label
    if not isinstance(condition.name, str | None) or not label:
        raise ValueError(
            f"pandas.DataFrame.query cannot name the column {condition.name!r}; give "
            "it a string as its name, or use Persona.covers."
        )
    if label in ("inf", "Inf"):
        # Even between backticks.
        raise ValueError(
            f"pandas.DataFrame.query reads the column name {label!r} as infinity; "
            "rename the column, or use Persona.covers."
        )
    if label.isidentifier() and unicodedata.normalize("NFKC", label) != label:
        # For example, Python reads the micro sign of \xb5mol as the Greek letter.
        raise ValueError(
            f"pandas.DataFrame.query reads the column name {label[:80]!a} as "
            f"another one ({unicodedata.normalize('NFKC', label)[:80]!a}); rename "
            "the column, or use Persona.covers."
        )
    if any(c == "`" or not c.isprintable() for c in label):
        raise ValueError(
            f"pandas.DataFrame.query cannot quote the column name {label[:80]!r}, "
            "which contains a backtick or a control character; rename the column, or "
            "use Persona.covers."
        )
    return f"`{label}`"


def _python_literal(level):
    if not isinstance(level, str):
        return repr(level)
    # The parser of backticks in a query would take these signs for its own.
    return ascii(level).replace("`", "\\x60").replace("#", "\\x23")


def sql_where(conditions, table=None):
    """Write conditions for WHERE, in standard SQL.

    Parameters
    ----------
    conditions : sequence of Condition
    table : str, optional
        Name or alias of the table, put before each column.

    Returns
    -------
    where : str

    Raises
    ------
    ValueError
        For names and categories with a NUL character, which SQL cannot hold.
    """
    prefix = "" if table is None else f"{_sql_quoted(table, chr(34))}."
    parts = []
    for condition in conditions:
        name = prefix + _sql_quoted(condition.label, '"')
        parts.append(f"{name} IS NOT NULL")
        if condition.levels is not None:
            levels = ", ".join(_sql_literal(level) for level in condition.levels)
            parts.append(f"{name} IN ({levels})")
        parts += [f"{name} {sign} {limit}" for sign, limit in _limits(condition)]
    return " AND ".join(parts)


def _sql_quoted(text, sign):
    if "\0" in text:
        raise ValueError(f"SQL cannot hold the NUL character of {text[:80]!r}.")
    return sign + text.replace(sign, 2 * sign) + sign


def _sql_literal(level):
    if isinstance(level, bool):
        return "TRUE" if level else "FALSE"
    return _sql_quoted(level, "'") if isinstance(level, str) else _number(level)


def r_expression(conditions, data="data"):
    """Write conditions as an R expression with one logical value per row.

    Parameters
    ----------
    conditions : sequence of Condition
    data : str, default="data"
        Name of the data frame in R; ``".data"`` in dplyr verbs.

    Returns
    -------
    expression : str

    Raises
    ------
    ValueError
        For names and categories with a NUL character, which R cannot hold, or if
        `data` is not a name.
    """
    if not data.replace(".", "_").isidentifier():
        raise ValueError(f"data must be the name of a data frame in R, got {data!r}.")
    parts = []
    for condition in conditions:
        name = f"{data}[[{_r_string(condition.label)}]]"
        if condition.levels is not None:
            levels = ", ".join(_r_literal(level) for level in condition.levels)
            parts.append(f"{name} %in% c({levels})")
            continue
        parts.append(f"!is.na({name})")
        parts += [f"{name} {sign} {limit}" for sign, limit in _limits(condition)]
    return " & ".join(parts)


def _r_literal(level):
    if isinstance(level, bool):
        return "TRUE" if level else "FALSE"
    return _r_string(level) if isinstance(level, str) else _number(level)


def _r_string(text):
    if "\0" in text:
        raise ValueError(f"R cannot hold the NUL character of {text[:80]!r}.")
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = (c if c.isprintable() else f"\\U{{{ord(c):x}}}" for c in text)
    return '"' + "".join(escaped) + '"'


def _limits(condition):
    """Sign and text of each limit."""
    pairs = ((">", condition.low), ("<=", condition.high))
    return [(sign, _number(limit)) for sign, limit in pairs if limit is not None]
