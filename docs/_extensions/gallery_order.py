"""Order of the examples, and what each of them starts from."""

import warnings

import sklearn

from sklearn_persona.exceptions import PersonaWarning

ORDER = (
    "first_persona",
    "ketamine_crossover",
    "report",
    "depression_and_jobs",
    "nimh_ketamine",
    "stability",
    "next_trial",
    "pipeline",
    "svc_benchmark",
    "compare_trials",
    "nimh_responders",
    "regional_volumes",
    "personas_as_features",
    "dask_workers",
)


class ReadingOrder:
    """Sort key of sphinx-gallery; a script that is not listed is an error."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        return ORDER.index(filename.removesuffix(".py"))


def reset(gallery_conf, fname):
    """Undo what an example set for the whole process."""
    sklearn.set_config(enable_metadata_routing=False)
    warnings.resetwarnings()
    warnings.simplefilter("default", PersonaWarning)
