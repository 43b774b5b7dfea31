"""A simulated crossover trial of ketamine with two planted personas."""

from math import sqrt
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from sklearn_persona._data.checks import as_count, as_flag, as_real
from sklearn_persona.datasets._clinical import MADRS_TOTAL, clinical_columns
from sklearn_persona.datasets._imaging import power_columns, volume_columns
from sklearn_persona.datasets._planting import meets, with_missing
from sklearn_persona.datasets._published import (
    PERSONAS,
    conditions_of,
    planted_volumes,
)

# MADRS points: mean change under saline and its standard deviation.
_PLACEBO_MEAN, _NOISE_SD = -2.0, 7.0
_MADRS_MAXIMUM = 60

_DESCR = """\
Simulated crossover trial of ketamine and saline with planted personas
======================================================================

Modeled on a trial of intravenous ketamine (0.5 mg/kg) against saline in
treatment-resistant depression (NCT00088699). Every participant has two sessions
in randomized order; a case (row) is a participant in one period. All values are
simulated.

data       baseline: 175 clinical variables, 185 volumes of structural MRI (mm3),
           40 MEG band powers (log10 fT2/Hz); measured once, so the same in
           both rows of a participant
target     change of the MADRS total from baseline, in points; negative values are
           improvement (pass ``greater_is_better=False``)
treatment  "ketamine" or "saline" (pass ``control="saline"``: the first label in
           sorted order is "ketamine")
groups     participant
period     1 or 2
baseline   MADRS total at baseline, complete, for percent changes
planted    persona -> column -> (low, high); a condition is low < x <= high
personas   persona -> rows that meet it, judged on the values before some were
           made missing
persona    rows in the union of the personas in which ketamine has a benefit of
           its own; with ``effect=0`` rows in the union of both regions, so that a
           trial and its null twin differ in ``target`` only

persona 1  small left posterior cingulate and right inferior parietal white
           matter, and crying (BDI item 10)
persona 2  large left isthmus cingulate and right lingual gray matter, and
           cardiovascular anxiety (HAM-A)
"""


def make_ketamine_crossover(
    *,
    n_participants=33,
    effect=12.0,
    main_effect=0.0,
    prevalence=0.4,
    correlation=0.4,
    period_effect=0.0,
    n_incomplete="auto",
    missing=0.03,
    random_state=None,
    as_frame=True,
):
    """Simulate a crossover trial of ketamine with two planted personas.

    The baseline has the shape of the published trial: 175 clinical, 185
    structural-MRI and 40 MEG variables. Symptom items share a severity factor,
    volumes a head-size factor, networks and hemisphere pairs, MEG powers a band
    factor; totals are sums of items, and global volumes are sums of their parts.
    Two personas are planted with the published edges of ranges::

        persona 1  Left Posterior Cingulate WM volume (mm3) <= 4533.7
                   Right Inferior Parietal WM volume (mm3) <= 12663.9
                   BDI 10 crying >= 1
        persona 2  Left Isthmus Cingulate GM volume (mm3) > 2505
                   Right Lingual GM volume (mm3) > 6805
                   HAMA cardiovascular >= 1

    The medians of the four volumes follow from `prevalence`.

    Parameters
    ----------
    n_participants : int, default=33
        Number of randomized participants, at least 2.
    effect : float or pair of floats, default=12.0
        Effect of ketamine in persona 1 and persona 2 in addition to `main_effect`, in
        MADRS points; positive is improvement. A single number is the effect in
        persona 1, and persona 2 gets half of it. A participant in both gets the
        effect that is larger in absolute value. The standard deviation of the
        difference within a participant is 7.7 points without personas, so 12 points
        are 1.6 of these, or 1.7 standard deviations of the change under saline. 0
        gives the null twin: the same baseline, arms and noise, and exactly
        `main_effect` in everyone.
    main_effect : float, default=0.0
        Improvement of every participant under ketamine, in MADRS points.
    prevalence : float, default=0.4
        Expected share of participants in each of the two personas, in (0, 0.8].
    correlation : float, default=0.4
        Correlation of a participant's two changes without personas, in [0, 1).
    period_effect : float, default=0.0
        Added to the change in period 2 in both arms, in MADRS points.
    n_incomplete : int or "auto", default="auto"
        Number of participants who lack one of the two cases, chosen at random; fewer
        than `n_participants`. "auto" is 3 in 33, rounded.
    missing : float, default=0.03
        Expected share of missing baseline values in each column, in [0, 1). They are
        drawn after planting and independently of everything else, so a total may be
        known although one of its items is missing.
    random_state : int, RandomState instance or None, default=None
        Determines all random numbers, which do not depend on the arguments from
        `effect` to `missing`, so that trials with different values can be compared.
    as_frame : bool, default=True
        Whether `data` is a DataFrame or an ndarray.

    Returns
    -------
    trial : :class:`~sklearn.utils.Bunch`
        With the following attributes, where ``n_samples`` is
        ``2 * n_participants - n_incomplete``:

        data : DataFrame or ndarray of shape (n_samples, 400), float
            Baseline, the same in both rows of a participant. Rows are ordered by
            participant and period.
        target : ndarray of shape (n_samples,), float
            Change of the MADRS total from baseline; negative is improvement. The
            change under saline is an integer that keeps the score within the scale
            (0-60). Effects are added afterwards without clipping, which would make
            them depend on the baseline. At the default effect the final score is
            therefore below 0 in about 1 of 250 cases.
        treatment : ndarray of shape (n_samples,), str
            "ketamine" or "saline".
        groups : ndarray of shape (n_samples,), str
            Participant.
        period : ndarray of shape (n_samples,), int
            1 or 2.
        baseline : ndarray of shape (n_samples,), float
            MADRS total at baseline, never missing, at least 20.
        feature_names : list of str
            Columns of `data`.
        modalities : dict of str to str
            Column to "clinical", "structural MRI" or "MEG".
        persona : ndarray of shape (n_samples,), bool
            Rows in the union of the personas with a positive effect. When both
            effects are 0, rows in the union of both regions.
        personas : dict of str to ndarray of shape (n_samples,), bool
            Rows that meet each persona before values were made missing.
        planted : dict of str to dict of str to (float, float)
            Persona to column to ``(low, high)``, meaning ``low < x <= high``.
        effect : dict of str to float
            Additional effect of ketamine in each persona.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    See Also
    --------
    fetch_nimh_ketamine : The real trial, with few baseline variables.
    make_parallel_trial : Simulates a parallel-group trial.

    Notes
    -----
    At the defaults 40 % of the participants belong to persona 1, 40 % to persona 2,
    11 % to both and 69 % to either. The average benefit of ketamine is 6.5 points;
    the standard deviation of the change is 7.0 points under saline and 8.6 under
    ketamine, and their correlation, .40 without personas, is .32. The public data
    of the trial two days after infusion (:func:`fetch_nimh_ketamine`) have 6.8,
    6.7, 10.4 and .39.

    References
    ----------
    Zarate et al., "A randomized trial of an N-methyl-D-aspartate antagonist in
    treatment-resistant major depression", Archives of General Psychiatry, 2006.

    Nugent et al., "Ketamine has distinct electrophysiological and behavioral
    effects in depressed and healthy subjects", Molecular Psychiatry, 2019.

    Desikan et al., "An automated labeling system for subdividing the human cerebral
    cortex on MRI scans into gyral based regions of interest", NeuroImage, 2006.

    Examples
    --------
    >>> from sklearn_persona.datasets import make_ketamine_crossover
    >>> trial = make_ketamine_crossover(random_state=0)
    >>> trial.data.shape
    (63, 400)
    >>> trial.planted["persona 1"]["BDI 10 crying"]
    (0.0, inf)
    >>> twin = make_ketamine_crossover(effect=0.0, random_state=0)
    >>> ketamine = trial.treatment == "ketamine"
    >>> changed = trial.target != twin.target
    >>> bool((changed == (ketamine & trial.persona)).all())
    True
    """
    n_participants = as_count("n_participants", n_participants, minimum=2)
    effects = _check_effect(effect)
    main_effect = as_real("main_effect", main_effect)
    prevalence = as_real("prevalence", prevalence, low=0, high=0.8, open_low=True)
    correlation = as_real("correlation", correlation, low=0, high=1, open_high=True)
    period_effect = as_real("period_effect", period_effect)
    n_incomplete = _check_incomplete(n_incomplete, n_participants)
    missing = as_real("missing", missing, low=0, high=1, open_high=True)
    as_frame = as_flag("as_frame", as_frame)
    rng = check_random_state(random_state)

    # The order of the draws determines the data set. Draws must not depend on any
    # argument other than n_participants.
    columns, modalities = _baseline(n_participants, prevalence, rng)
    names = list(columns)
    table = np.column_stack(list(columns.values()))
    planted = {name: conditions_of(name) for name in PERSONAS}
    members = {name: meets(table, names, planted[name]) for name in planted}
    madrs = columns[MADRS_TOTAL]

    # Axis 0 is the participant, axis 1 the period.
    ketamine = _sequences(n_participants, rng)
    change = _saline_change(madrs, correlation, rng)
    benefit = main_effect + _own_benefit(members, effects)
    target = change - np.where(ketamine, benefit[:, None], 0.0)
    target = target + np.array([0.0, period_effect])
    kept = _available(n_participants, n_incomplete, rng)
    data = with_missing(table, missing, rng)

    participant, period = np.nonzero(kept)
    data = data[participant]
    if as_frame:
        data = pd.DataFrame(data, columns=names)
    personas = {name: inside[participant] for name, inside in members.items()}
    favorable = [name for name, value in effects.items() if value > 0]
    if not any(effects.values()):
        favorable = list(effects)
    persona = np.zeros(len(participant), dtype=bool)
    for name in favorable:
        persona |= personas[name]
    width = len(str(n_participants))
    labels = np.array([f"P{i:0{width}d}" for i in range(1, n_participants + 1)])
    return Bunch(
        data=data,
        target=target[kept],
        treatment=np.where(ketamine[kept], "ketamine", "saline"),
        groups=labels[participant],
        period=period + 1,
        baseline=madrs[participant],
        feature_names=names,
        modalities=modalities,
        persona=persona,
        personas=personas,
        planted=planted,
        effect=effects,
        DESCR=_DESCR,
    )


def _check_effect(effect):
    """Effect in each persona, by name."""
    if isinstance(effect, Real):
        first = as_real("effect", effect)
        return dict(zip(PERSONAS, (first, first / 2.0), strict=True))
    if np.shape(effect) == (len(PERSONAS),):
        values = [as_real(f"effect[{i}]", value) for i, value in enumerate(effect)]
        return dict(zip(PERSONAS, values, strict=True))
    raise ValueError(
        "effect must be a number (persona 1; persona 2 gets half) or a pair of "
        f"numbers, got {effect!r}."
    )


def _check_incomplete(n_incomplete, n_participants):
    """Number of incomplete participants."""
    if isinstance(n_incomplete, str):
        if n_incomplete != "auto":
            raise ValueError(
                f'n_incomplete must be an integer or "auto", got {n_incomplete!r}.'
            )
        return round(n_participants * 3 / 33)
    # One complete participant ensures that both arms are present.
    return as_count("n_incomplete", n_incomplete, minimum=0, maximum=n_participants - 1)


def _baseline(n_participants, prevalence, rng):
    """Columns of the baseline and their modalities."""
    head = rng.standard_normal(n_participants)
    blocks = {
        "clinical": clinical_columns(head, rng),
        "structural MRI": volume_columns(head, planted_volumes(prevalence), rng),
        "MEG": power_columns(n_participants, rng),
    }
    columns, modalities = {}, {}
    for modality, block in blocks.items():
        columns |= block
        modalities |= dict.fromkeys(block, modality)
    return columns, modalities


def _sequences(n_participants, rng):
    """Whether a case gets ketamine, shape (n_participants, 2).

    Half of the participants start with ketamine; with an odd number, which sequence
    has one more is random.
    """
    larger = rng.randint(2)
    first = np.arange(n_participants) < (n_participants + larger) // 2
    first = rng.permutation(first)
    return np.column_stack([first, ~first])


def _saline_change(madrs, correlation, rng):
    """MADRS change under saline in both periods, shape (n_participants, 2)."""
    n = len(madrs)
    own = sqrt(correlation) * rng.standard_normal((n, 1))
    noise = own + sqrt(1.0 - correlation) * rng.standard_normal((n, 2))
    change = np.rint(_PLACEBO_MEAN + _NOISE_SD * noise)
    return np.clip(change, -madrs[:, None], _MADRS_MAXIMUM - madrs[:, None])


def _own_benefit(members, effects):
    """Additional effect for each participant, shape (n_participants,)."""
    candidates = np.array([effects[name] * members[name] for name in effects])
    strongest = np.abs(candidates).argmax(axis=0)
    return np.take_along_axis(candidates, strongest[None], axis=0)[0]


def _available(n_participants, n_incomplete, rng):
    """Whether a case is available, shape (n_participants, 2)."""
    incomplete = rng.permutation(n_participants)[:n_incomplete]
    lost = rng.randint(2, size=n_participants)
    kept = np.ones((n_participants, 2), dtype=bool)
    kept[incomplete, lost[incomplete]] = False
    return kept
