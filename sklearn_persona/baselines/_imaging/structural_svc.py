"""`StructuralMRISVC`: the responder classifier of the structural-imaging literature."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._designs.splitting import group_strata, stratified_group_folds
from sklearn_persona.baselines._features import read_features
from sklearn_persona.baselines._imaging.residualizer import (
    Design,
    covariate_positions,
    divide,
    regress,
    take_rows,
)

__all__ = ["StructuralMRISVC"]


def _balanced_accuracy(positive, decision):
    return (np.mean(decision[positive] > 0) + np.mean(decision[~positive] <= 0)) / 2


_SCORES = {"balanced_accuracy": _balanced_accuracy, "roc_auc": roc_auc_score}


class StructuralMRISVC(ClassifierMixin, BaseEstimator):
    """Linear support vector classifier on regional volumes, fitted within the fold.

    Covariates are regressed out of the regions, missing regions are set to the median,
    and regions are standardized and optionally reduced to principal components. A
    linear classifier with balanced class weights follows. All steps, and the choice of
    C by cross-validation, use only the training rows.

    Parameters
    ----------
    covariates : list of str or int, default=None
        Columns, by name or position, that are regressed out and dropped, such as age,
        sex, total intracranial volume and site. Strings and categorical columns become
        indicators.
    categorical : list of str or int, default=None
        Covariates with numbers that stand for categories.
    pca : int, float or None, default=None
        Number of components (fewer if the training rows do not allow it), or the
        share of variance that they keep. None: no reduction.
    C_grid : sequence of float, default=(0.0001, 0.001, 0.01, 0.1, 1.0)
        Values of C to choose from.
    inner_cv : int or splitter, default=5
        Folds that choose C, of whole groups and balanced by class; fewer if a class
        has fewer groups. A splitter is called with `groups`.
    scoring : {"balanced_accuracy", "roc_auc"}, default="balanced_accuracy"
        Metric over the pooled inner test folds by which C is chosen; the smallest of
        tied values is taken.
    random_state : int, RandomState instance or None, default=None
        Seed of the inner folds.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The second is the positive class.
    C_ : float
    inner_scores_ : ndarray of shape (n_C,)
        Score of each C; NaN if no inner fold was possible.
    coef_ : ndarray of shape (1, n_regions)
        Weights of the regions, back-projected through the components: change of the
        decision per standard deviation of the adjusted region.
    intercept_ : ndarray of shape (1,)
    patterns_ : ndarray of shape (n_regions,)
        Activation patterns, which make weights interpretable (Haufe et al. 2014):
        covariance of each standardized region with the decision, over the standard
        deviation of the decision; between -1 and 1. Positive for regions that are
        larger in patients predicted positive.
    region_names_ : ndarray of str, shape (n_regions,)
    calibration_ : tuple of float
        Slope and intercept of `response_probability`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    region_stability : Tests whether weights keep their sign over folds.
    published_protocol : Nested cross-validation, external and placebo cohorts.
    CovariateResidualizer : The first step alone.

    Notes
    -----
    `groups` is requested by default. Wrap this class in an `ArmClassifier` to fit one
    arm of a trial.

    References
    ----------
    .. [1] Haufe, S. et al. (2014). On the interpretation of weight vectors of linear
       models in multivariate neuroimaging. NeuroImage 87, 96-110.
    .. [2] Platt, J. (1999). Probabilistic outputs for support vector machines and
       comparisons to regularized likelihood methods. Advances in Large Margin
       Classifiers, 61-74.

    Examples
    --------
    >>> from sklearn_persona.baselines import StructuralMRISVC
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(
    ...     n_samples=300, binary=True, main_effect=0, effect=0, prognostic=2.0,
    ...     random_state=0,
    ... )
    >>> model = StructuralMRISVC(covariates=["x0"], random_state=0)
    >>> model = model.fit(trial.data[:200], trial.target[:200])
    >>> model.region_names_[model.coef_.ravel() > 0.1].tolist()
    ['x7', 'x8', 'x9']
    >>> round(model.score(trial.data[200:], trial.target[200:]), 2)
    0.81
    >>> patients = trial.data[200:]
    >>> bool(((model.decision_function(patients) > 0) == model.predict(patients)).all())
    True
    >>> bool(0 < model.response_probability(patients).min() < 1)
    True
    """

    __metadata_request__fit: ClassVar = {"groups": True}

    _parameter_constraints: ClassVar = {
        "covariates": "no_validation",
        "categorical": "no_validation",
        "pca": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "C_grid": ["array-like"],
        "inner_cv": [Interval(Integral, 2, None, closed="left"), HasMethods("split")],
        "scoring": [StrOptions(set(_SCORES))],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        covariates=None,
        categorical=None,
        pca=None,
        C_grid=(0.0001, 0.001, 0.01, 0.1, 1.0),
        inner_cv=5,
        scoring="balanced_accuracy",
        random_state=None,
    ):
        self.covariates = covariates
        self.categorical = categorical
        self.pca = pca
        self.C_grid = C_grid
        self.inner_cv = inner_cv
        self.scoring = scoring
        self.random_state = random_state

    def fit(self, X, y, *, groups=None):
        """Choose C and fit the classifier.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Regional volumes and covariates; NaN if missing.
        y : array-like of shape (n_samples,)
            Two classes of any label.
        groups : array-like of shape (n_samples,), default=None
            Participant of each row; inner folds keep them whole.

        Returns
        -------
        self : StructuralMRISVC

        Raises
        ------
        ValueError
            If y does not have two classes, a covariate is not among the columns, or a
            region is not numeric.
        """
        self._validate_params()
        grid = self._grid()
        columns = read_features(self, X, reset=True)
        n_rows = len(columns[0].values)
        self.classes_, positive = self._read_classes(y, n_rows)
        group_codes = np.arange(n_rows)
        if groups is not None:
            group_codes, _ = encode_labels(groups, "groups")
            if len(group_codes) != n_rows:
                raise ValueError(
                    f"groups has {len(group_codes)} entries but X has {n_rows} rows. "
                    "Pass one entry a row, in the same order."
                )
        self.covariates_ = covariate_positions(self.covariates, columns, "covariates")
        codes = covariate_positions(self.categorical, columns, "categorical")
        covariates, regions = divide(columns, self.covariates_)
        rng = check_random_state(self.random_state)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            folds = self._inner_folds(regions, positive, group_codes, rng)
            decisions = np.full((len(grid), n_rows), np.nan)
            for train, test in folds:
                inner = take_rows(covariates, train)
                step = _Preparation(inner, regions[train], codes, self.pca)
                fitted = step(inner, regions[train])
                seen = step(take_rows(covariates, test), regions[test])
                for i, C in enumerate(grid):
                    weights, offset = _fit_svc(fitted, positive[train], C)
                    decisions[i, test] = seen @ weights + offset
            self.inner_scores_ = self._score_grid(positive, decisions)
            self.C_ = self._choose(grid)
            self.preparation_ = _Preparation(covariates, regions, codes, self.pca)
            prepared = self.preparation_(covariates, regions)
            weights, offset = _fit_svc(prepared, positive, self.C_)
        self.coef_ = self.preparation_.project_back(weights)[None, :]
        center = self.preparation_.component_center
        self.intercept_ = np.array([offset - center @ self.coef_[0]])
        standardized = self.preparation_.standardize(covariates, regions)
        decision = standardized @ self.coef_[0] + self.intercept_
        self.patterns_ = _patterns(standardized, decision)
        self.region_names_ = np.delete(self._names(columns), self.covariates_)
        held_out = decisions[list(grid).index(self.C_)]
        known = ~np.isnan(held_out)
        if known.any() and len(np.unique(positive[known])) == 2:
            self.calibration_ = _platt(held_out[known], positive[known])
        else:
            self.calibration_ = _platt(decision, positive)
        return self

    def decision_function(self, X):
        """Compute signed distances from the boundary, positive for the second class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        columns = read_features(self, X, reset=False)
        covariates, regions = divide(columns, self.covariates_)
        standardized = self.preparation_.standardize(covariates, regions)
        return standardized @ self.coef_[0] + self.intercept_[0]

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        prediction : ndarray of shape (n_samples,)
        """
        positive = self.decision_function(X) > 0
        return self.classes_[positive.astype(int)]

    def response_probability(self, X):
        """Estimate the probability of the second class by Platt scaling.

        The scaling uses the inner test folds. The name is not `predict_proba`, because
        `predict` uses the balanced boundary rather than a probability of one half.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        probability : ndarray of shape (n_samples,)
        """
        decision = self.decision_function(X)
        slope, intercept = self.calibration_
        return expit(slope * decision + intercept)

    def _grid(self):
        grid = np.asarray(self.C_grid, dtype=float)
        if grid.ndim != 1 or not len(grid) or not (grid > 0).all():
            raise ValueError(
                f"C_grid must hold one or more positive numbers, got {self.C_grid!r}."
            )
        return np.unique(grid).tolist()

    def _read_classes(self, y, n_rows):
        if y is None:
            raise ValueError(
                "StructuralMRISVC requires y to be passed, but the target y is None. "
                "Pass the response of each row."
            )
        y = column_or_1d(y, warn=True)
        if y.dtype.kind == "f":
            # Must precede the comparison of values with integers.
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if len(y) != n_rows:
            raise ValueError(
                f"y has {len(y)} entries but X has {n_rows} rows; inconsistent numbers "
                "of samples. Pass one entry a row, in the same order."
            )
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{kind}."
            )
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"y has one class, {classes.tolist()[0]!r}; two classes are needed. "
                "Collect responders and non-responders, or check the threshold."
            )
        return classes, codes == 1

    def _inner_folds(self, regions, positive, groups, rng):
        if not isinstance(self.inner_cv, Integral):
            return list(self.inner_cv.split(regions, positive.astype(int), groups))
        carries = [np.unique(groups[positive == side]) for side in (False, True)]
        n_folds = min(self.inner_cv, *(len(found) for found in carries))
        if n_folds < 2:
            return []
        _, codes = np.unique(groups, return_inverse=True)
        sizes = np.bincount(codes)
        strata = group_strata(codes, positive)
        fold = stratified_group_folds(strata, n_folds, rng, sizes)[codes]
        splits = []
        for k in range(n_folds):
            train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            if len(np.unique(positive[train])) == 2:
                splits.append((train, test))
        return splits

    def _score_grid(self, positive, decisions):
        known = ~np.isnan(decisions[0])
        if not known.any() or len(np.unique(positive[known])) < 2:
            return np.full(len(decisions), np.nan)
        score = _SCORES[self.scoring]
        return np.array([score(positive[known], row[known]) for row in decisions])

    def _choose(self, grid):
        if np.isnan(self.inner_scores_).all():
            # There is nothing to choose by.
            return grid[len(grid) // 2]
        best = self.inner_scores_ >= self.inner_scores_.max() - 1e-12
        return grid[int(np.argmax(best))]

    def _names(self, columns):
        names = [f"x{c.position}" if c.name is None else c.name for c in columns]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


class _Preparation:
    """Residuals, medians, scale and components learned from training rows.

    Parameters
    ----------
    covariates : list of TableColumn
    regions : ndarray of shape (n, n_regions)
    codes : array of int
        Positions of numeric covariates that are categories.
    pca : int, float or None
    """

    def __init__(self, covariates, regions, codes, pca):
        self.design = Design(covariates, codes)
        self.coef, _ = regress(regions, self.design(covariates, len(regions)))
        residuals = self._residuals(covariates, regions)
        known = ~np.isnan(residuals)
        self.medians = np.zeros(residuals.shape[1])
        complete = known.all(axis=0)
        self.medians[complete] = np.median(residuals[:, complete], axis=0)
        for j in np.flatnonzero(~complete & known.any(axis=0)):
            self.medians[j] = np.median(residuals[known[:, j], j])
        filled = np.where(known, residuals, self.medians)
        self.center = filled.mean(axis=0)
        spread = filled.std(axis=0)
        # Do not scale up rounding errors of a constant region.
        tiny = 1e-10 * np.maximum(np.abs(self.center), np.abs(filled).max(axis=0))
        self.spread = np.where(spread > tiny, spread, np.inf)
        self.components = None
        self.component_center = np.zeros(regions.shape[1])
        if pca is not None:
            standardized = (filled - self.center) / self.spread
            if isinstance(pca, Integral):
                pca = min(int(pca), *standardized.shape)
            reduced = PCA(pca, svd_solver="full").fit(standardized)
            self.components = reduced.components_
            self.component_center = reduced.mean_

    def __call__(self, covariates, regions):
        """Features of the classifier."""
        standardized = self.standardize(covariates, regions)
        if self.components is None:
            return standardized
        return (standardized - self.component_center) @ self.components.T

    def standardize(self, covariates, regions):
        """Adjusted regions in standard deviations, shape (n, n_regions)."""
        residuals = self._residuals(covariates, regions)
        filled = np.where(np.isnan(residuals), self.medians, residuals)
        return (filled - self.center) / self.spread

    def project_back(self, weights):
        """Weights of the regions from those of the features."""
        return weights if self.components is None else weights @ self.components

    def _residuals(self, covariates, regions):
        return regions - self.design(covariates, len(regions)) @ self.coef.T


def _fit_svc(matrix, positive, C):
    """Weights and offset of a linear classifier with balanced classes."""
    share = positive.mean()
    # Same as "balanced", which is slow in small samples.
    balanced = {0: 0.5 / (1 - share), 1: 0.5 / share}
    svc = SVC(kernel="linear", C=C, class_weight=balanced)
    svc.fit(np.ascontiguousarray(matrix), positive.astype(int))
    return svc.coef_[0], float(svc.intercept_[0])


def _patterns(standardized, decision):
    spread = decision.std()
    if not spread > 0:
        return np.zeros(standardized.shape[1])
    centered = decision - decision.mean()
    return (
        (standardized - standardized.mean(axis=0)).T
        @ centered
        / (len(decision) * spread)
    )


def _platt(decision, positive):
    """Slope and intercept of a logistic curve, with Platt's targets."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    target = np.where(
        positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2)
    )
    scale = decision.std() or 1.0
    scaled = decision / scale

    def loss(parameters):
        z = parameters[0] * scaled + parameters[1]
        error = expit(z) - target
        value = np.sum(np.logaddexp(0, z) - target * z)
        return value, np.array([error @ scaled, error.sum()])

    start = np.array([0.0, np.log((n_positive + 1) / (n_negative + 1))])
    slope, intercept = minimize(loss, start, jac=True, method="BFGS").x
    return float(slope / scale), float(intercept)
