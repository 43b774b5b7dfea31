"""`CovariateResidualizer`: removes effects of age, sex, head size and site."""

from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._data.table import nearest_names, numbers
from sklearn_persona.baselines._features import read_features

__all__ = ["CovariateResidualizer", "Design", "covariate_positions", "regress"]


class CovariateResidualizer(TransformerMixin, BaseEstimator):
    """Regress covariates out of all other columns, by least squares on training rows.

    Differences in imaging measures are mostly due to head size, age, sex and scanner.
    The covariates themselves are dropped.

    Parameters
    ----------
    covariates : list of str or int, default=None
        Columns by name or position; None regresses out nothing.
    categorical : list of str or int, default=None
        Covariates with numbers that stand for categories, such as coded sites.
        Strings and categorical columns need not be listed.

    Attributes
    ----------
    coef_ : ndarray of shape (n_regions, n_design)
        Change of each other column per standard deviation of a numeric covariate, or
        for membership in a level of a category.
    intercept_ : ndarray of shape (n_regions,)
        Mean of each other column at average covariates.
    covariates_ : ndarray of int
        Positions of the covariates.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    StructuralMRISVC : Does this inside every fold.

    Notes
    -----
    A missing covariate counts as average, and so does a category that was not in the
    training rows: a patient from a new site is adjusted as if from the average site,
    because its scanner is unknown. Missing values in other columns stay missing.

    References
    ----------
    .. [1] Snoek, L., Miletić, S. & Scholte, H. S. (2019). How to control for confounds
       in decoding analyses of neuroimaging data. NeuroImage 184, 741-760: within the
       folds, never before them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_persona.baselines import CovariateResidualizer
    >>> head = np.array([1.2, 1.4, 1.6, 1.8])
    >>> region = 10 * head + [0.1, -0.1, -0.1, 0.1]
    >>> table = np.column_stack([head, region])
    >>> CovariateResidualizer([0]).fit_transform(table).ravel().round(2)
    array([15.1, 14.9, 14.9, 15.1])
    >>> residualizer = CovariateResidualizer([0]).fit(table)
    >>> residualizer.transform(table).shape
    (4, 1)
    >>> residualizer.get_feature_names_out().tolist()
    ['x1']
    """

    def __init__(self, covariates=None, *, categorical=None):
        self.covariates = covariates
        self.categorical = categorical

    def fit(self, X, y=None):
        """Estimate the effects of the covariates.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Numbers, NaN if missing; covariates may be categories.
        y : None
            Ignored.

        Returns
        -------
        self : CovariateResidualizer

        Raises
        ------
        ValueError
            If a covariate is not among the columns, no other column is left, or
            another column is not numeric.
        """
        columns = read_features(self, X, reset=True)
        self.covariates_ = covariate_positions(self.covariates, columns, "covariates")
        codes = covariate_positions(self.categorical, columns, "categorical")
        covariates, regions = divide(columns, self.covariates_)
        self.design_ = Design(covariates, codes)
        self.coef_, self.intercept_ = regress(
            regions, self.design_(covariates, len(regions))
        )
        return self

    def transform(self, X):
        """Subtract the part of the other columns that covariates explain.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        residuals : ndarray of float64, shape (n_samples, n_regions)
            In the units of X, centered on the mean of the training rows.
        """
        check_is_fitted(self)
        columns = read_features(self, X, reset=False)
        covariates, regions = divide(columns, self.covariates_)
        return regions - self.design_(covariates, len(regions)) @ self.coef_.T

    def get_feature_names_out(self, input_features=None):
        """Get the names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; by default those seen at fit.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names = input_features
        if names is None:
            names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{j}" for j in range(self.n_features_in_)]
        names = np.asarray(names, dtype=object)
        if len(names) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(names)}."
            )
        known = getattr(self, "feature_names_in_", names)
        if not np.array_equal(known, names):
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.delete(names, self.covariates_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


class Design:
    """Design matrix of covariates: numbers in SD, categories as indicators.

    Each column has a mean of zero over the training rows, so an average case has only
    zeros.

    Parameters
    ----------
    columns : list of TableColumn
        Covariates of the training rows.
    codes : array of int
        Positions of numeric columns that are categories.
    """

    def __init__(self, columns, codes=()):
        self.codes = frozenset(int(position) for position in codes)
        self.parts = []
        for column in columns:
            values, levels = self._read(column)
            if levels is None:
                known = values[~np.isnan(values)]
                center = known.mean() if len(known) else 0.0
                spread = known.std() if len(known) else 0.0
                self.parts.append((None, center, spread if spread > 0 else 1.0))
            else:
                seen = [np.array([v == level for v in values]) for level in levels]
                known = max(sum(s.sum() for s in seen), 1)
                self.parts.append((levels, [s.sum() / known for s in seen], None))

    def __call__(self, columns, n_rows):
        """Design matrix of shape (n_rows, n_design)."""
        out = [np.empty((n_rows, 0))]
        for column, (levels, center, spread) in zip(columns, self.parts, strict=True):
            values, now = self._read(column)
            if (levels is None) != (now is None):
                name = column.position if column.name is None else column.name
                raise ValueError(
                    f"Covariate {name!r} is a number in one table and a category in "
                    "the other. Convert it as in the table that was fitted, or name "
                    "it in categorical."
                )
            if levels is None:
                scaled = (values - center) / spread
                out.append(np.where(np.isnan(scaled), 0.0, scaled)[:, None])
                continue
            member = np.array([[v == level for level in levels] for v in values])
            member = member.reshape(len(values), len(levels))
            known = member.any(axis=1, keepdims=True)
            out.append(np.where(known, member - np.asarray(center), 0.0))
        return np.concatenate(out, axis=1)

    def _read(self, column):
        """Labels (None if missing) and levels of a category, or numbers and None."""
        if column.levels is not None:
            labels = np.array([*column.levels, None], dtype=object)
            return labels[column.values], column.levels
        values = numbers(column.values)
        if column.position not in self.codes:
            return values, None
        levels = tuple(np.unique(values[~np.isnan(values)]).tolist())
        return values, levels


def covariate_positions(wanted, columns, what):
    """Sorted positions of columns given by name or position.

    Raises
    ------
    ValueError
        If a column does not exist or was given twice.
    """
    names = {c.name: c.position for c in columns if c.name is not None}
    found = []
    for key in [] if wanted is None else [wanted] if _single(wanted) else list(wanted):
        position = names.get(key)
        if position is None and isinstance(key, int | np.integer):
            position = int(key) + len(columns) * (key < 0)
        if position is None or not 0 <= position < len(columns):
            hint = nearest_names(key, list(names)) if names else ""
            raise ValueError(
                f"{what} names {key!r}, which is none of the {len(columns)} columns of "
                f"X{hint or '; give names or positions of columns.'}"
            )
        if position in found:
            raise ValueError(f"{what} names column {key!r} twice; name it once.")
        found.append(position)
    return np.array(sorted(found), dtype=np.intp)


def _single(wanted):
    return isinstance(wanted, str | int | np.integer)


def divide(columns, covariates):
    """Covariate columns, and the matrix of the others."""
    chosen = set(covariates.tolist())
    regions = [column for column in columns if column.position not in chosen]
    if not regions:
        raise ValueError(
            f"X has {len(columns)} feature(s) and all are covariates; at least one "
            "other column is needed."
        )
    text = next((column for column in regions if column.levels is not None), None)
    if text is not None:
        name = text.position if text.name is None else text.name
        raise ValueError(
            f"Column {name!r} holds categories and is not a covariate; expected "
            "numbers. Name it in covariates, encode it, or drop it."
        )
    matrix = np.column_stack([numbers(column.values) for column in regions])
    return [columns[position] for position in covariates], matrix


def take_rows(columns, rows):
    """Columns restricted to some rows."""
    return [replace(column, values=column.values[rows]) for column in columns]


def regress(regions, design):
    """Least-squares effects of a design on each region, from its known values.

    Parameters
    ----------
    regions : ndarray of shape (n, n_regions)
        NaN where missing.
    design : ndarray of shape (n, n_design)

    Returns
    -------
    coef : ndarray of shape (n_regions, n_design)
    intercept : ndarray of shape (n_regions,)
    """
    n, n_regions = regions.shape
    full = np.column_stack([np.ones(n), design])
    effects = np.zeros((full.shape[1], n_regions))
    known = ~np.isnan(regions)
    complete = known.all(axis=0)
    if complete.any():
        effects[:, complete] = np.linalg.lstsq(full, regions[:, complete], rcond=None)[
            0
        ]
    for j in np.flatnonzero(~complete & known.any(axis=0)):
        rows = known[:, j]
        effects[:, j] = np.linalg.lstsq(full[rows], regions[rows, j], rcond=None)[0]
    return effects[1:].T, effects[0]
