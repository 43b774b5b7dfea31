"""Order of the examples, what each of them starts from, and figures without pyplot."""

import warnings

import sklearn
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

FILTERS = list(warnings.filters)
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
    warnings.filters[:] = FILTERS


def _get_sg_image_scraper():
    return loose_figure


def loose_figure(block, block_vars, gallery_conf):
    """Save the variable ``figure`` of an example, which pyplot does not know."""
    figure = block_vars["example_globals"].pop("figure", None)
    if not isinstance(figure, Figure):
        return ""
    path = next(block_vars["image_path_iterator"])
    figure.savefig(path, dpi=150)
    titles = ", ".join(filter(None, (axes.get_title() for axes in figure.axes)))
    return figure_rst([path], gallery_conf["src_dir"], titles)
