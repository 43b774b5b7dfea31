"""Simulated imaging baseline: regional volumes and MEG band power."""

import numpy as np

# Shares of the variance of a log volume: head size, network within a tissue, and
# region in both hemispheres; the rest belongs to the hemisphere.
HEAD_SHARE, NETWORK_SHARE, PAIR_SHARE = 0.35, 0.25, 0.20
# Correlation of two regions that share network and tissue.
NETWORK_CORRELATION = HEAD_SHARE + NETWORK_SHARE

_GRAY_LOG_SD, _WHITE_LOG_SD = 0.14, 0.15

# Desikan-Killiany regions: network -> region -> median volumes (gray, white) of one
# hemisphere in mm3. Networks determine which volumes are correlated.
_NETWORKS = {
    "frontal": {
        "Caudal Middle Frontal": (6300, 6500),
        "Rostral Middle Frontal": (15800, 13300),
        "Superior Frontal": (22300, 18700),
        "Pars Opercularis": (4700, 3800),
        "Pars Orbitalis": (2400, 1200),
        "Pars Triangularis": (4000, 3500),
        "Lateral Orbitofrontal": (7800, 6900),
        "Medial Orbitofrontal": (5300, 3800),
        "Frontal Pole": (950, 260),
    },
    "default mode": {
        "Posterior Cingulate": (3300, 4700),
        "Inferior Parietal": (13900, 11000),
        "Precuneus": (9900, 9400),
        "Supramarginal": (11000, 9200),
        "Superior Parietal": (13500, 12000),
    },
    "posterior medial": {
        "Isthmus Cingulate": (2700, 3800),
        "Lingual": (6900, 5800),
        "Cuneus": (3100, 2500),
        "Pericalcarine": (2200, 3500),
        "Lateral Occipital": (12000, 9500),
    },
    "temporal": {
        "Banks Superior Temporal Sulcus": (2500, 2900),
        "Superior Temporal": (12200, 8000),
        "Middle Temporal": (11300, 5800),
        "Inferior Temporal": (10700, 6300),
        "Transverse Temporal": (1150, 850),
        "Temporal Pole": (2400, 700),
        "Fusiform": (9800, 6900),
        "Entorhinal": (1900, 900),
        "Parahippocampal": (2200, 1700),
    },
    "salience": {
        "Insula": (7000, 9300),
        "Caudal Anterior Cingulate": (2000, 2800),
        "Rostral Anterior Cingulate": (2500, 2500),
    },
    "sensorimotor": {
        "Precentral": (13400, 14200),
        "Postcentral": (9800, 8000),
        "Paracentral": (3600, 4100),
    },
}
# Structure of each hemisphere -> (median in mm3, log standard deviation).
_DEEP_GRAY = {
    "Thalamus": (7500, 0.11),
    "Caudate": (3600, 0.13),
    "Putamen": (5000, 0.13),
    "Pallidum": (1900, 0.13),
    "Hippocampus": (4100, 0.12),
    "Amygdala": (1650, 0.14),
    "Accumbens": (550, 0.18),
}
_OTHER_PAIRED = {
    "Ventral Diencephalon": (3900, 0.11),
    "Cerebellum Cortex": (54000, 0.11),
    "Cerebellum WM": (15000, 0.14),
    "Lateral Ventricle": (8000, 0.45),
    "Inferior Lateral Ventricle": (320, 0.50),
    "Choroid Plexus": (560, 0.25),
    "Unsegmented WM": (32000, 0.13),
}
_MIDLINE = {
    "Brain Stem": (21000, 0.11),
    "Third Ventricle": (950, 0.30),
    "Fourth Ventricle": (1700, 0.25),
    "Cerebrospinal Fluid": (950, 0.20),
    "Corpus Callosum Posterior": (950, 0.16),
    "Corpus Callosum Mid Posterior": (480, 0.18),
    "Corpus Callosum Central": (500, 0.18),
    "Corpus Callosum Mid Anterior": (520, 0.18),
    "Corpus Callosum Anterior": (900, 0.16),
}
_SIDES = ("Left", "Right")

_BANDS = {"Delta": 0.9, "Theta": 0.6, "Alpha": 0.8, "Beta": 0.1, "Gamma": -0.5}
_LOBES = ("Frontal", "Temporal", "Parietal", "Occipital")


def volume_name(structure):
    """Column name of a structure's volume."""
    return f"{structure} volume (mm3)"


def gray_matter():
    """Cortical and deep gray matter and the cerebellum: 86 columns.

    Returns
    -------
    lobes : dict of str to str
        Column -> network, "deep" or "cerebellum".
    shapes : dict of str to (float, float)
        Column -> (median in mm3, log standard deviation).
    """
    found = {
        f"{region} GM": (network, medians[0], _GRAY_LOG_SD)
        for network, regions in _NETWORKS.items()
        for region, medians in regions.items()
    }
    found |= {name: ("deep", *shape) for name, shape in _DEEP_GRAY.items()}
    found |= {
        name: ("cerebellum", *shape)
        for name, shape in _OTHER_PAIRED.items()
        if name.startswith("Cerebellum")
    }
    lobes, shapes = {}, {}
    for structure, (lobe, *shape) in found.items():
        for side in _SIDES:
            name = volume_name(f"{side} {structure}")
            lobes[name], shapes[name] = lobe, tuple(shape)
    return lobes, shapes


def _pair(head_part, network_part, rng):
    """Standard-normal latent volumes of a region, shape (2, n): left and right."""
    n = len(head_part)
    pair = np.sqrt(PAIR_SHARE) * rng.standard_normal(n)
    own = np.sqrt(1.0 - NETWORK_CORRELATION - PAIR_SHARE)
    return head_part + network_part + pair + own * rng.standard_normal((2, n))


def _regions(head_part, planted, rng):
    """Cortical gray- and white-matter volumes."""
    columns = {}
    for tissue, log_sd, position in (
        ("GM", _GRAY_LOG_SD, 0),
        ("WM", _WHITE_LOG_SD, 1),
    ):
        for regions in _NETWORKS.values():
            network = np.sqrt(NETWORK_SHARE) * rng.standard_normal(len(head_part))
            for region, medians in regions.items():
                latent = _pair(head_part, network, rng)
                for side, z in zip(_SIDES, latent, strict=True):
                    name = volume_name(f"{side} {region} {tissue}")
                    median, spread = planted.get(name, (medians[position], log_sd))
                    columns[name] = np.round(median * np.exp(spread * z), 1)
    return columns


def _globals(columns, rng):
    """Add volumes of the whole brain, which are sums of their parts."""

    def total(*structures):
        return np.round(sum(columns[volume_name(name)] for name in structures), 1)

    def both(structures):
        return [f"{side} {name}" for side in _SIDES for name in structures]

    regions = [name for group in _NETWORKS.values() for name in group]
    for side in _SIDES:
        gray = [f"{side} {region} GM" for region in regions]
        white = [f"{side} {region} WM" for region in regions]
        columns[volume_name(f"{side} Cortex GM")] = total(*gray)
        columns[volume_name(f"{side} Cerebral WM")] = total(
            *white, f"{side} Unsegmented WM"
        )
    columns[volume_name("Cortex GM")] = total(*both(["Cortex GM"]))
    columns[volume_name("Cerebral WM")] = total(*both(["Cerebral WM"]))
    columns[volume_name("Subcortical GM")] = total(*both(_DEEP_GRAY))
    columns[volume_name("Total GM")] = total(
        "Cortex GM", "Subcortical GM", *both(["Cerebellum Cortex"])
    )
    tissue = total("Total GM", "Cerebral WM", *both(["Cerebellum WM"]))
    tissue = tissue + total("Brain Stem", *both(["Ventral Diencephalon"]))
    tissue = tissue + total(*(name for name in _MIDLINE if name.startswith("Corpus")))
    ventricles = ["Lateral Ventricle", "Inferior Lateral Ventricle", "Choroid Plexus"]
    fluid = total("Third Ventricle", "Fourth Ventricle", *both(ventricles))
    cerebellum = total(*both(["Cerebellum Cortex", "Cerebellum WM"]), "Brain Stem")
    brain = np.round(tissue + fluid, 1)
    columns[volume_name("Brain Without Ventricles")] = np.round(tissue, 1)
    columns[volume_name("Brain")] = brain
    columns[volume_name("Supratentorial")] = np.round(brain - cerebellum, 1)
    columns[volume_name("Estimated Total Intracranial")] = np.round(
        1.3 * brain * np.exp(0.04 * rng.standard_normal(len(brain))), 1
    )


def volume_columns(head, planted, rng):
    """Simulate the 185 structural-MRI volumes, in mm3.

    Parameters
    ----------
    head : ndarray of shape (n_participants,)
        Standard-normal head-size factor.
    planted : dict of str to (float, float)
        Cortical column -> (median in mm3, log standard deviation) that replace the
        usual values.
    rng : RandomState

    Returns
    -------
    dict of str to ndarray of shape (n_participants,)
        68 gray- and 68 white-matter regions, 28 deep and other structures of both
        hemispheres, 9 midline and 12 global volumes; no missing values.
    """
    head_part = np.sqrt(HEAD_SHARE) * head
    columns = _regions(head_part, planted, rng)
    for group in (_DEEP_GRAY, _OTHER_PAIRED):
        network = np.sqrt(NETWORK_SHARE) * rng.standard_normal(len(head))
        for structure, (median, log_sd) in group.items():
            latent = _pair(head_part, network, rng)
            for side, z in zip(_SIDES, latent, strict=True):
                name = volume_name(f"{side} {structure}")
                columns[name] = np.round(median * np.exp(log_sd * z), 1)
    own = np.sqrt(1.0 - HEAD_SHARE)
    for structure, (median, log_sd) in _MIDLINE.items():
        z = head_part + own * rng.standard_normal(len(head))
        columns[volume_name(structure)] = np.round(median * np.exp(log_sd * z), 1)
    _globals(columns, rng)
    return columns


def power_columns(n_participants, rng):
    """Simulate the 40 MEG variables, five bands in eight regions, log10 of fT2/Hz.

    Parameters
    ----------
    n_participants : int
    rng : RandomState

    Returns
    -------
    dict of str to ndarray of shape (n_participants,)
        No missing values.
    """
    columns = {}
    gain = 0.12 * rng.standard_normal(n_participants)
    for band, level in _BANDS.items():
        common = gain + 0.18 * rng.standard_normal(n_participants)
        for lobe in _LOBES:
            # The alpha rhythm is strongest at the back of the head.
            back = 0.3 if band == "Alpha" and lobe in _LOBES[2:] else 0.0
            pair = 0.08 * rng.standard_normal(n_participants)
            for side in _SIDES:
                noise = 0.08 * rng.standard_normal(n_participants)
                name = f"{side} {lobe} MEG {band} power (log10 fT2/Hz)"
                columns[name] = np.round(level + back + common + pair + noise, 3)
    return columns
