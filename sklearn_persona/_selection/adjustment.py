"""What baseline says of outcome and arm, taken out before anything is compared."""

import numpy as np
from sklearn.linear_model import LassoCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_persona._selection.baseline_model import BaselineModel

__all__ = ["Adjustment", "default_prognostic_model"]

# The default model is fitted on so many units, chosen at random, where there are more:
# a lasso gains nothing from others, and a table of a million rows is not copied.
MOST_UNITS = 50_000
# Five strata of the propensity take out nine tenths of a linear bias (Cochran, 1968).
PROPENSITY_STRATA = 5


def default_prognostic_model():
    """Lasso of standardized variables and their squares, by cross-validation."""
    return make_pipeline(
        StandardScaler(),
        FunctionTransformer(_with_squares),
        LassoCV(alphas=30, cv=5, max_iter=5000),
    )


def _with_squares(X):
    """Standardized variables and their squares, values beyond 3 SD taken as 3 SD.

    Outcomes that are best or worst in the middle of a variable have no slope there.
    Halved, squares are penalized a little more than the variables themselves. Without
    the limit a mistyped value would be all that a prediction sees.
    """
    X = np.clip(X, -3, 3)
    return np.hstack([X, 0.5 * X**2])


class Adjustment:
    """Gives units a prognosis and, where arms were not randomised, comparable strata.

    Parameters
    ----------
    columns : list of TableColumn
    prognostic : "auto", None or estimator
        Regressor of the outcome on baseline, which never sees the arm.
    propensity : None or estimator
        Classifier of the arm on baseline, which never sees the outcome.
    """

    def __init__(self, columns, prognostic, propensity):
        self.columns = columns
        self.prognostic, self.propensity = prognostic, propensity

    def __call__(self, train, holdout, rng):
        """Adjust two-sample units; others stay as they are.

        Parameters
        ----------
        train : Units
            All that the models are fitted on.
        holdout : Units or None
        rng : numpy.random.RandomState

        Returns
        -------
        train : Units
        holdout : Units or None

        Raises
        ------
        ValueError
            When there are no two arms to adjust, or they have nothing in common.
        """
        if not train.adjustable:
            self._refuse(train.design)
            return train, holdout
        parts = [train] if holdout is None else [train, holdout]
        if self.prognostic is not None:
            parts = self._with_prognosis(parts, rng)
        if self.propensity is not None:
            parts = self._with_strata(parts, rng)
        return parts[0], parts[1] if holdout is not None else None

    def _refuse(self, design):
        for name in ("prognostic", "propensity"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value == "auto"):
                raise ValueError(
                    f"{name}={value!r} is for cases with two arms; with design "
                    f"{design!r} use {name}=None."
                )

    def _with_prognosis(self, parts, rng):
        if isinstance(self.prognostic, str):
            model = BaselineModel(default_prognostic_model(), self.columns, MOST_UNITS)
        else:
            model = BaselineModel(self.prognostic, self.columns)
        predicted = _predictions(model, parts, parts[0].blind_score, rng)
        return [part.with_prognosis(p) for part, p in zip(parts, predicted)]

    def _with_strata(self, parts, rng):
        """Strata of the propensity, within which arms are exchangeable.

        See Rosenbaum & Rubin (1984).
        """
        train = parts[0]
        model = BaselineModel(self.propensity, self.columns, probability=True)
        predicted = _predictions(model, parts, train.treated, rng)
        edges = _edges(predicted[0], train.treated)
        codes = [np.searchsorted(edges, p, side="right") for p in predicted]
        return [part.in_strata(code) for part, code in zip(parts, codes)]


def _predictions(model, parts, target, rng):
    """Cross-fitted for the first part, by the model of all of it for the second."""
    train = parts[0]
    predicted = [model.fit_predict(train.rows, train.groups, target, rng)]
    return predicted + [model.predict(part.rows) for part in parts[1:]]


def _edges(propensity, treated):
    """Edges between as many strata, up to five, as hold both arms.

    Raises
    ------
    ValueError
        When the arms do not overlap at all.
    """
    if propensity[treated].min() > propensity[~treated].max():
        raise ValueError(
            "The arms do not overlap: the propensity model tells every treated case "
            "from every control case, so nobody can be compared. Use fewer or other "
            "columns, or a simpler propensity estimator."
        )
    for n_strata in range(PROPENSITY_STRATA, 1, -1):
        shares = np.arange(1, n_strata) / n_strata
        edges = np.unique(np.quantile(propensity, shares))
        edges = edges[edges > propensity.min()]
        codes = np.searchsorted(edges, propensity, side="right")
        n_arms = [len(np.unique(treated[codes == k])) for k in range(len(edges) + 1)]
        if min(n_arms) == 2:
            return edges
    return np.empty(0)
