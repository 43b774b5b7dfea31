"""`PersonaReport`."""

import json

from sklearn_persona._persona.persona import persona_table
from sklearn_persona._text.safe import inert, write_atomically
from sklearn_persona.report._data import ReportData, collect
from sklearn_persona.report._page import markdown, page

__all__ = ["PersonaReport"]


class PersonaReport:
    """What a search found, for readers who did not run it.

    A report holds counts, means, ranges and test results, and no values of single
    participants. Names of columns and categories stay text: they cannot become markup,
    a script or a formula.

    Parameters
    ----------
    data : ReportData
        Use `from_estimator` or `from_dict`.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.report import PersonaReport
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> report = PersonaReport.from_estimator(finder, X=trial.data, title="Trial 1")
    >>> report.to_markdown().splitlines()[0]
    '# Trial 1'
    >>> len(report.to_frame()) == len(finder.personas_)
    True
    >>> "Trial 1" in report.to_html()
    True
    >>> report.to_csv().splitlines()[0].split(",")[:2]
    ['persona', 'rule']
    >>> again = PersonaReport.from_dict(report.to_dict())
    >>> again.to_html() == report.to_html()
    True
    """

    def __init__(self, data):
        self._data = data

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        X=None,
        y=None,
        treatment=None,
        title=None,
        outcome=None,
        reading=None,
    ):
        """Report a fitted discoverer.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted.
        X : array-like or DataFrame of shape (n_samples, n_features), optional
            The table of the fit, for the baseline inside and outside of each tested
            persona. Only its counts, means and shares are kept.
        y, treatment : array-like of shape (n_samples,), optional
            As in the fit, for the outcome of each arm inside and outside; needs `X`.
        title : str, optional
            Heading, for example the name of the trial.
        outcome : str, optional
            Name of the outcome, with scale and time.
        reading : mapping, optional
            How the table was read, as the command line tells it: ``notes``, a list of
            str, and ``suspects``, which maps columns that may have been measured
            after treatment began to the reason. The card of a persona that uses one
            says so.

        Returns
        -------
        report : PersonaReport

        Raises
        ------
        TypeError
            When `estimator` is not a `PersonaDiscoverer`.
        ValueError
            When `X`, `y` or `treatment` are not those of the fit, or `reading` has
            another form.
        """
        data = collect(
            estimator,
            X=X,
            y=y,
            treatment=treatment,
            title=title,
            outcome=outcome,
            reading=reading,
        )
        return cls(data)

    @classmethod
    def from_dict(cls, values):
        """Rebuild a report from `to_dict`.

        Parameters
        ----------
        values : dict

        Returns
        -------
        report : PersonaReport

        Raises
        ------
        ValueError
            For another schema, or when fields are missing or unknown.
        """
        return cls(ReportData.from_dict(values))

    def to_dict(self):
        """Everything the report says, as plain values for JSON.

        Returns
        -------
        values : dict
            With a schema name; unknown values are None.
        """
        # Through JSON, so that the result shares nothing and holds only what JSON can.
        return json.loads(json.dumps(self._data.to_dict(), allow_nan=False))

    def to_html(self, path=None):
        """One self-contained page: no script, no network, readable on paper.

        The file is written next to its destination and then moved, so a failure never
        leaves half a report.

        Parameters
        ----------
        path : str or path-like, optional

        Returns
        -------
        html : str

        Raises
        ------
        ImportError
            Without jinja2, which the extra ``report`` installs.
        OSError
            When the file cannot be written.
        """
        html = page(self._data)
        if path is not None:
            write_atomically(path, html)
        return html

    def to_markdown(self):
        """Summary, cards, methods and checklist as Markdown.

        Returns
        -------
        text : str
        """
        return markdown(self._data)

    def to_frame(self):
        """One row per persona, as in `PersonaDiscoverer.table_`.

        Returns
        -------
        table : DataFrame
        """
        return persona_table(list(self._data.personas))

    def to_csv(self, path=None):
        """The table of `to_frame` for spreadsheets.

        Cells that a spreadsheet could take for a formula get an apostrophe in front.

        Parameters
        ----------
        path : str or path-like, optional

        Returns
        -------
        text : str

        Raises
        ------
        OSError
            When the file cannot be written.
        """
        table = self.to_frame().map(inert)
        table.columns = [inert(name) for name in table.columns]
        text = table.to_csv(lineterminator="\n")
        if path is not None:
            write_atomically(path, text)
        return text
