"""Simulated clinical baseline: symptom scales, history, vital signs, laboratory."""

import numpy as np
from scipy.special import ndtr

CRYING = "BDI 10 crying"
CARDIOVASCULAR = "HAMA cardiovascular"
MADRS_TOTAL = "MADRS total"
# Inclusion criterion of the trial.
_MADRS_MINIMUM = 20

# Shares of an item's variance: depressive severity and scale; the rest is its own.
_SEVERITY_SHARE, _SCALE_SHARE = 0.12, 0.13

# Items: (name, minimum, maximum, mean, standard deviation).
_MADRS = [
    ("apparent sadness", 0, 6, 3.8, 0.9),
    ("reported sadness", 0, 6, 4.0, 0.9),
    ("inner tension", 0, 6, 3.1, 1.0),
    ("reduced sleep", 0, 6, 3.2, 1.4),
    ("reduced appetite", 0, 6, 2.2, 1.5),
    ("concentration difficulties", 0, 6, 3.7, 0.9),
    ("lassitude", 0, 6, 3.8, 1.0),
    ("inability to feel", 0, 6, 3.8, 0.9),
    ("pessimistic thoughts", 0, 6, 3.0, 1.0),
    ("suicidal thoughts", 0, 6, 1.9, 1.1),
]
_HAMA = [
    ("anxious mood", 0, 4, 2.2, 0.8),
    ("tension", 0, 4, 2.1, 0.8),
    ("fears", 0, 4, 0.8, 0.9),
    ("insomnia", 0, 4, 2.1, 1.1),
    ("intellectual", 0, 4, 2.3, 0.8),
    ("depressed mood", 0, 4, 2.9, 0.6),
    ("somatic muscular", 0, 4, 1.3, 1.0),
    ("somatic sensory", 0, 4, 0.9, 0.9),
    ("cardiovascular", 0, 4, 1.4, 0.7),
    ("respiratory", 0, 4, 0.7, 0.8),
    ("gastrointestinal", 0, 4, 1.0, 0.9),
    ("genitourinary", 0, 4, 1.2, 1.1),
    ("autonomic", 0, 4, 1.0, 0.8),
    ("behavior at interview", 0, 4, 1.4, 0.8),
]
_HAMA_PSYCHIC = [0, 1, 2, 3, 4, 5, 13]
_HAMA_SOMATIC = [6, 7, 8, 9, 10, 11, 12]
_HAMD = [
    ("depressed mood", 0, 4, 2.9, 0.7),
    ("guilt", 0, 4, 1.7, 0.8),
    ("suicide", 0, 4, 1.2, 0.8),
    ("insomnia early", 0, 2, 1.1, 0.8),
    ("insomnia middle", 0, 2, 1.0, 0.7),
    ("insomnia late", 0, 2, 0.9, 0.8),
    ("work and activities", 0, 4, 2.9, 0.6),
    ("retardation", 0, 4, 1.1, 0.8),
    ("agitation", 0, 4, 0.7, 0.7),
    ("psychic anxiety", 0, 4, 1.9, 0.8),
    ("somatic anxiety", 0, 4, 1.5, 0.8),
    ("gastrointestinal symptoms", 0, 2, 0.7, 0.7),
    ("general somatic symptoms", 0, 2, 1.5, 0.5),
    ("genital symptoms", 0, 2, 1.2, 0.8),
    ("hypochondriasis", 0, 4, 0.6, 0.7),
    ("weight loss", 0, 2, 0.4, 0.6),
    ("insight", 0, 2, 0.1, 0.3),
]
_HAMD_CORE = [0, 1, 6, 7, 9, 12]
_BDI = [
    ("1 sadness", 0, 3, 1.7, 0.7),
    ("2 pessimism", 0, 3, 1.7, 0.8),
    ("3 sense of failure", 0, 3, 1.6, 0.8),
    ("4 dissatisfaction", 0, 3, 1.9, 0.7),
    ("5 guilt", 0, 3, 1.4, 0.8),
    ("6 punishment", 0, 3, 1.0, 1.0),
    ("7 self-dislike", 0, 3, 1.6, 0.7),
    ("8 self-accusation", 0, 3, 1.6, 0.8),
    ("9 suicidal ideas", 0, 3, 0.9, 0.6),
    ("10 crying", 0, 3, 1.4, 0.8),
    ("11 irritability", 0, 3, 1.1, 0.8),
    ("12 social withdrawal", 0, 3, 1.5, 0.8),
    ("13 indecisiveness", 0, 3, 1.6, 0.8),
    ("14 body image", 0, 3, 1.2, 0.9),
    ("15 work inhibition", 0, 3, 1.8, 0.6),
    ("16 insomnia", 0, 3, 1.3, 0.9),
    ("17 fatigability", 0, 3, 1.6, 0.7),
    ("18 loss of appetite", 0, 3, 0.7, 0.8),
    ("19 weight loss", 0, 3, 0.4, 0.7),
    ("20 somatic preoccupation", 0, 3, 0.7, 0.7),
    ("21 loss of libido", 0, 3, 1.5, 0.9),
]
_BPRS = [
    ("somatic concern", 1, 7, 1.9, 0.9),
    ("anxiety", 1, 7, 3.3, 0.9),
    ("emotional withdrawal", 1, 7, 2.3, 0.9),
    ("conceptual disorganization", 1, 7, 1.1, 0.4),
    ("guilt feelings", 1, 7, 3.0, 1.0),
    ("tension", 1, 7, 2.6, 0.9),
    ("mannerisms and posturing", 1, 7, 1.0, 0.3),
    ("grandiosity", 1, 7, 1.0, 0.2),
    ("depressive mood", 1, 7, 4.8, 0.8),
    ("hostility", 1, 7, 1.6, 0.8),
    ("suspiciousness", 1, 7, 1.3, 0.6),
    ("hallucinatory behavior", 1, 7, 1.0, 0.3),
    ("motor retardation", 1, 7, 2.3, 1.0),
    ("uncooperativeness", 1, 7, 1.1, 0.4),
    ("unusual thought content", 1, 7, 1.1, 0.4),
    ("blunted affect", 1, 7, 2.3, 0.9),
    ("excitement", 1, 7, 1.1, 0.4),
    ("disorientation", 1, 7, 1.0, 0.2),
]
_YMRS = [
    ("elevated mood", 0, 4, 0.1, 0.4),
    ("increased motor activity", 0, 4, 0.2, 0.5),
    ("sexual interest", 0, 4, 0.1, 0.4),
    ("sleep", 0, 4, 0.5, 0.8),
    ("irritability", 0, 8, 1.1, 1.0),
    ("speech", 0, 8, 0.3, 0.7),
    ("thought disorder", 0, 4, 0.3, 0.6),
    ("thought content", 0, 8, 0.1, 0.5),
    ("disruptive behavior", 0, 8, 0.2, 0.6),
    ("appearance", 0, 4, 0.4, 0.6),
    ("insight", 0, 4, 0.1, 0.4),
]
_SHAPS = [
    (f"{number} {topic}", 1, 4, 2.6, 0.8)
    for number, topic in enumerate(
        ["television", "family", "hobbies", "meal", "bath", "scents", "smiles"]
        + ["appearance", "reading", "drink", "small things", "landscape"]
        + ["helping others", "praise"],
        start=1,
    )
]
SCALES = {
    "MADRS": _MADRS,
    "HAMA": _HAMA,
    "HAMD": _HAMD,
    "BDI": _BDI,
    "BPRS": _BPRS,
    "YMRS": _YMRS,
    "SHAPS": _SHAPS,
}

# Scales without items: (name, minimum, maximum, mean, standard deviation,
# correlation with depressive severity).
_SCORES = [
    ("TEPS anticipatory", 10, 60, 33, 8, -0.4),
    ("TEPS consummatory", 8, 48, 28, 7, -0.4),
    ("PANSS positive", 7, 49, 9, 2, 0.1),
    ("PANSS negative", 7, 49, 14, 4, 0.3),
    ("PANSS general", 16, 112, 34, 6, 0.6),
    ("CADSS total", 0, 92, 3, 4, 0.3),
    ("SSI total", 0, 38, 6, 6, 0.5),
]

# Log-normal laboratory values: (name, median, log standard deviation, decimals,
# correlation with the metabolic factor).
_LABORATORY = [
    ("TSH (mIU/L)", 1.8, 0.45, 2, 0.1),
    ("Free T4 (ng/dL)", 1.2, 0.13, 2, 0.0),
    ("Glucose (mg/dL)", 92.0, 0.10, 0, 0.5),
    ("HbA1c (%)", 5.4, 0.06, 1, 0.5),
    ("LDL cholesterol (mg/dL)", 110.0, 0.25, 0, 0.3),
    ("HDL cholesterol (mg/dL)", 54.0, 0.24, 0, -0.5),
    ("Triglycerides (mg/dL)", 105.0, 0.45, 0, 0.6),
    ("Sodium (mmol/L)", 140.0, 0.015, 0, 0.0),
    ("Potassium (mmol/L)", 4.1, 0.07, 1, 0.0),
    ("Chloride (mmol/L)", 104.0, 0.02, 0, 0.0),
    ("Bicarbonate (mmol/L)", 26.0, 0.08, 0, 0.0),
    ("Calcium (mmol/L)", 2.33, 0.035, 2, 0.0),
    ("Magnesium (mmol/L)", 0.84, 0.07, 2, -0.1),
    ("Phosphate (mg/dL)", 3.6, 0.14, 1, 0.0),
    ("Creatinine (mg/dL)", 0.9, 0.18, 2, 0.0),
    ("Urea nitrogen (mg/dL)", 13.0, 0.25, 0, 0.0),
    ("Uric acid (mg/dL)", 5.2, 0.22, 1, 0.4),
    ("ALT (U/L)", 24.0, 0.45, 0, 0.4),
    ("AST (U/L)", 21.0, 0.30, 0, 0.2),
    ("Alkaline phosphatase (U/L)", 66.0, 0.25, 0, 0.1),
    ("Bilirubin (mg/dL)", 0.6, 0.40, 1, -0.1),
    ("Albumin (g/dL)", 4.3, 0.07, 1, -0.1),
    ("Total protein (g/dL)", 7.1, 0.06, 1, 0.0),
    ("Leukocytes (10^9/L)", 6.3, 0.25, 1, 0.3),
    ("Hemoglobin (g/dL)", 13.9, 0.09, 1, 0.0),
    ("Platelets (10^9/L)", 248.0, 0.21, 0, 0.0),
    ("C-reactive protein (mg/L)", 1.6, 0.90, 1, 0.5),
    ("Vitamin B12 (pg/mL)", 480.0, 0.40, 0, 0.0),
    ("Folate (ng/mL)", 13.0, 0.35, 1, 0.0),
    ("Cortisol (ug/dL)", 13.0, 0.30, 1, 0.0),
]


def some_probability(column):
    """Probability that the symptom item of a column is at least 1."""
    scale, item = column.split(" ", 1)
    mean, sd = next((row[3], row[4]) for row in SCALES[scale] if row[0] == item)
    return float(ndtr((mean - 0.5) / sd))


def _mixture(share, factor, noise):
    """Standard normal that has correlation ``share`` with ``factor``."""
    return share * factor + np.sqrt(1.0 - share**2) * noise


def _symptoms(severity, rng):
    """Items and totals of the symptom scales; ``severity`` has shape (n,)."""
    columns = {}
    n = len(severity)
    own = np.sqrt(1.0 - _SEVERITY_SHARE - _SCALE_SHARE)
    for scale, items in SCALES.items():
        low, high, mean, sd = np.array([item[1:] for item in items], dtype=float).T
        common = np.sqrt(_SEVERITY_SHARE) * severity
        common = common + np.sqrt(_SCALE_SHARE) * rng.standard_normal(n)
        latent = common[:, None] + own * rng.standard_normal((n, len(items)))
        # Rounding half up keeps P(item >= 1) at the value of some_probability.
        scores = np.clip(np.floor(mean + sd * latent + 0.5), low, high)
        if scale == "MADRS":
            _make_eligible(scores)
        for j, item in enumerate(items):
            columns[f"{scale} {item[0]}"] = scores[:, j]
        if scale == "HAMA":
            columns["HAMA psychic"] = scores[:, _HAMA_PSYCHIC].sum(axis=1)
            columns["HAMA somatic"] = scores[:, _HAMA_SOMATIC].sum(axis=1)
        if scale == "HAMD":
            columns["HAMD-6 total"] = scores[:, _HAMD_CORE].sum(axis=1)
        total = "HAMD-17 total" if scale == "HAMD" else f"{scale} total"
        columns[total] = scores.sum(axis=1)
    return columns


def _make_eligible(scores):
    """Raise the lowest MADRS items in place until every total reaches 20."""
    while (short := np.flatnonzero(scores.sum(axis=1) < _MADRS_MINIMUM)).size:
        scores[short, scores[short].argmin(axis=1)] += 1.0


def _scores(severity, rng):
    """Scores of scales without items."""
    columns = {}
    for name, low, high, mean, sd, share in _SCORES:
        latent = _mixture(share, severity, rng.standard_normal(len(severity)))
        columns[name] = np.clip(np.rint(mean + sd * latent), low, high)
    columns["TEPS total"] = columns["TEPS anticipatory"] + columns["TEPS consummatory"]
    parts = [columns[f"PANSS {part}"] for part in ("positive", "negative", "general")]
    columns["PANSS total"] = sum(parts)
    return columns


def _history(severity, head, rng):
    """Demographics and course of illness; women have smaller heads on average."""
    n = len(severity)
    age = np.clip(np.rint(40.0 + 11.0 * rng.standard_normal(n)), 18, 65)
    female = _mixture(-0.55, head, rng.standard_normal(n)) > -0.25
    onset = np.rint(21.0 + 8.0 * rng.standard_normal(n))
    onset = np.minimum(np.clip(onset, 8, 40), age - 1)
    episode = np.exp(_mixture(0.2, severity, rng.standard_normal(n)))
    return {
        "Age (years)": age,
        "Sex (female)": female.astype(float),
        "Education (years)": np.clip(np.rint(16 + 2.2 * rng.standard_normal(n)), 8, 22),
        "Age at onset (years)": onset,
        "Illness duration (years)": age - onset,
        "Current episode (months)": np.rint(1.0 + 18.0 * episode),
        "Lifetime episodes": 1.0 + rng.poisson(3.0, n),
        "Failed antidepressant trials": 1.0 + rng.poisson(4.0, n),
        "Previous ECT": (rng.uniform(size=n) < 0.25).astype(float),
        "Suicide attempts": rng.poisson(0.6, n).astype(float),
        "Hospitalizations": rng.poisson(1.2, n).astype(float),
        "Family history of alcohol use disorder": (rng.uniform(size=n) < 0.5) * 1.0,
    }


def _body(female, metabolic, rng):
    """Vital signs and laboratory values."""
    n = len(female)
    height = np.rint(176.0 - 13.0 * female + 6.5 * rng.standard_normal(n))
    latent = _mixture(0.8, metabolic, rng.standard_normal(n))
    weight = np.round(26.5 * np.exp(0.17 * latent) * (height / 100.0) ** 2, 1)
    systolic = 120.0 + 12.0 * _mixture(0.4, metabolic, rng.standard_normal(n))
    diastolic = 75.0 + 0.45 * (systolic - 120.0) + 6.0 * rng.standard_normal(n)
    columns = {
        "BMI (kg/m2)": np.round(weight / (height / 100.0) ** 2, 1),
        "Height (cm)": height,
        "Weight (kg)": weight,
        "Systolic blood pressure (mmHg)": np.rint(systolic),
        "Diastolic blood pressure (mmHg)": np.rint(diastolic),
        "Heart rate (1/min)": np.rint(70.0 + 9.0 * rng.standard_normal(n)),
        "Respiratory rate (1/min)": np.rint(16.0 + 1.8 * rng.standard_normal(n)),
        "Body temperature (C)": np.round(36.6 + 0.3 * rng.standard_normal(n), 1),
    }
    for name, median, log_sd, decimals, share in _LABORATORY:
        latent = _mixture(share, metabolic, rng.standard_normal(n))
        columns[name] = np.round(median * np.exp(log_sd * latent), decimals)
    # Friedewald's equation relates the four lipid values.
    columns["Total cholesterol (mg/dL)"] = (
        columns["LDL cholesterol (mg/dL)"]
        + columns["HDL cholesterol (mg/dL)"]
        + np.rint(columns["Triglycerides (mg/dL)"] / 5.0)
    )
    return columns


def clinical_columns(head, rng):
    """Simulate the 175 clinical baseline variables.

    Parameters
    ----------
    head : ndarray of shape (n_participants,)
        Standard-normal head-size factor, correlated with sex and height.
    rng : RandomState

    Returns
    -------
    dict of str to ndarray of shape (n_participants,)
        No missing values.
    """
    severity = rng.standard_normal(len(head))
    metabolic = rng.standard_normal(len(head))
    columns = _symptoms(severity, rng)
    columns |= _scores(severity, rng)
    columns |= _history(severity, head, rng)
    columns |= _body(columns["Sex (female)"], metabolic, rng)
    return columns
