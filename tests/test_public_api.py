"""Names, signatures and docstrings that users rely on."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
from numpydoc.validate import validate

import sklearn_persona
from sklearn_persona import Persona, PersonaDiscoverer, TrialFrame

MODULES = (
    "baselines",
    "datasets",
    "exceptions",
    "inference",
    "metrics",
    "model_selection",
    "plotting",
    "report",
)
CONTRACT = {
    "": ("PersonaDiscoverer", "Persona", "TrialFrame", "show_versions"),
    "metrics": ("cohens_d", "percent_change", "targeting_gain"),
    "inference": (
        "permutation_pvalue",
        "bootstrap_ci",
        "interaction_test",
        "max_statistic_pvalues",
        "detectable_effect",
        "corrected_resampled_test",
        "contrast_interval",
        "conditional_interval",
        "enrichment_design",
        "simulate_power",
    ),
    "baselines": (
        "ArmClassifier",
        "CovariateResidualizer",
        "HonestCausalTree",
        "StructuralMRISVC",
        "VirtualTwins",
        "published_protocol",
        "region_stability",
    ),
    "model_selection": (
        "ArmStratifiedGroupKFold",
        "ArmStratifiedGroupShuffleSplit",
        "ComparisonDisplay",
        "compare",
        "comparison_differences",
        "comparison_paper",
        "comparison_summary",
    ),
    "plotting": (
        "ForestDisplay",
        "GrowthDisplay",
        "PersonaDisplay",
        "PowerDisplay",
        "StabilityDisplay",
    ),
    "report": ("PersonaReport",),
    "datasets": (
        "make_ketamine_crossover",
        "make_parallel_trial",
        "make_structural_mri_cohorts",
        "fetch_nimh_ketamine",
    ),
}


def module(name):
    return importlib.import_module(
        f"sklearn_persona.{name}" if name else "sklearn_persona"
    )


@pytest.mark.parametrize("name", CONTRACT)
def test_names_of_the_contract(name):
    place = module(name)
    for public in CONTRACT[name]:
        assert public in place.__all__
        assert callable(getattr(place, public))


def test_all_names_exist():
    for name in ("", *MODULES):
        place = module(name)
        assert len(set(place.__all__)) == len(place.__all__)
        for public in place.__all__:
            assert hasattr(place, public), f"{name}.{public}"


def test_every_module_says_what_it_exports():
    for found in pkgutil.walk_packages(sklearn_persona.__path__, "sklearn_persona."):
        last = found.name.rsplit(".", 1)[-1]
        if found.name.endswith(("_version", "_kernel", "_arrangements")):
            continue
        if found.name.count(".") > 1 and last.startswith("_"):
            continue
        place = importlib.import_module(found.name)
        for public in getattr(place, "__all__", ()):
            assert hasattr(place, public), f"{found.name}.{public}"


def test_constructor():
    defaults = {
        "min_variables": 1,
        "max_variables": 3,
        "n_cuts": 9,
        "conditions": "auto",
        "refine_cuts": "auto",
        "modalities": None,
        "min_modalities": 1,
        "min_coverage": 0.1,
        "min_arm_size": "auto",
        "objective": "auto",
        "direction": "both",
        "prognostic": "auto",
        "propensity": None,
        "response_threshold": None,
        "greater_is_better": True,
        "search": "auto",
        "max_time": None,
        "n_personas": 10,
        "max_overlap": 0.5,
        "n_alternatives": 3,
        "memory": None,
        "alpha": 0.05,
        "min_effect_size": "auto",
        "criterion": "heterogeneity",
        "validation": "holdout",
        "holdout_size": 0.5,
        "n_splits": 50,
        "n_holdout": 3,
        "correction": "holm",
        "n_permutations": 1000,
        "n_bootstrap": 10_000,
        "n_resamples": 0,
        "design": "auto",
        "control": None,
        "random_state": None,
        "n_jobs": None,
        "verbose": 0,
    }
    parameters = inspect.signature(PersonaDiscoverer).parameters
    assert {name: p.default for name, p in parameters.items()} == defaults
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())
    assert PersonaDiscoverer().get_params() == defaults
    assert set(PersonaDiscoverer._parameter_constraints) == set(defaults)


ROLES = ["treatment", "groups", "period", "strata"]


@pytest.mark.parametrize("name", ["HonestCausalTree", "VirtualTwins"])
def test_trees_of_effects(name):
    tree = getattr(sklearn_persona.baselines, name)
    parameters = inspect.signature(tree).parameters
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())
    assert set(tree._parameter_constraints) == set(parameters)
    assert {"output", "control", "greater_is_better", "random_state"} <= set(parameters)
    for method, names in (("fit", ROLES), ("score", [*ROLES, "sample_weight"])):
        found = list(inspect.signature(getattr(tree, method)).parameters)
        assert found == ["self", "X", "y", *names]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (PersonaDiscoverer.fit, ["self", "X", "y", *ROLES]),
        (PersonaDiscoverer.score, ["self", "X", "y", *ROLES, "sample_weight"]),
        (PersonaDiscoverer.transform, ["self", "X"]),
        (PersonaDiscoverer.predict, ["self", "X"]),
        (TrialFrame, ["estimator", *ROLES]),
        (sklearn_persona.metrics.cohens_d, ["treated", "control", "greater_is_better"]),
        (sklearn_persona.metrics.percent_change, ["baseline", "y"]),
        (
            sklearn_persona.metrics.targeting_gain,
            ["y", "prediction", "treatment", "sd", "sample_weight"],
        ),
        (
            sklearn_persona.inference.bootstrap_ci,
            ["x", "statistic", "level", "n_bootstrap", "random_state"],
        ),
        (sklearn_persona.inference.max_statistic_pvalues, ["observed", "null"]),
        (
            sklearn_persona.model_selection.ArmStratifiedGroupKFold,
            ["n_splits", "shuffle", "random_state"],
        ),
        (
            sklearn_persona.model_selection.ArmStratifiedGroupShuffleSplit,
            ["n_splits", "test_size", "random_state"],
        ),
        (
            sklearn_persona.datasets.fetch_nimh_ketamine,
            ["data_home", "download_if_missing"],
        ),
    ],
)
def test_signatures(function, names):
    assert list(inspect.signature(function).parameters) == names


def test_signatures_with_room_for_more():
    inference = sklearn_persona.inference
    for function, names in (
        (
            inference.permutation_pvalue,
            {"treated", "control", "paired", "n_permutations", "random_state"},
        ),
        (
            inference.interaction_test,
            {"y", "treatment", "membership", "groups", "strata", "n_permutations"},
        ),
        (
            inference.detectable_effect,
            {"n_treated", "n_control", "n_candidates", "alpha", "power"},
        ),
        (
            sklearn_persona.model_selection.compare,
            {"estimators", "X", "y", *ROLES, "cv", "scoring", "n_jobs", "memory"},
        ),
        (
            inference.corrected_resampled_test,
            {"scores", "other", "n_train", "n_test", "level"},
        ),
        (Persona.evaluate, {"X", "y", *ROLES}),
        (Persona.from_conditions, {"conditions", "direction"}),
    ):
        assert names <= set(inspect.signature(function).parameters)
    treatment = inspect.signature(Persona.evaluate).parameters["treatment"]
    assert treatment.default is treatment.empty


def public_callables():
    for name in ("", *MODULES):
        place = module(name)
        for public in place.__all__:
            thing = getattr(place, public)
            if not callable(thing) or not getattr(thing, "__name__", ""):
                continue
            path = ".".join(filter(None, ["sklearn_persona", name, public]))
            yield path
            if inspect.isclass(thing) and not issubclass(thing, Warning):
                for method, value in vars(thing).items():
                    kind = isinstance(value, staticmethod | classmethod | property)
                    if not method.startswith("_") and (callable(value) or kind):
                        yield f"{path}.{method}"


PATHS = sorted(public_callables())
# No docstring; parameters undocumented or unknown; no Returns.
CODES = {"GL08", "PR01", "PR02", "RT01"}


@pytest.mark.parametrize("path", PATHS)
def test_docstring(path):
    codes = set(CODES)
    if ".exceptions." in path:
        codes = {"GL08"}
    place, attribute = path.rsplit(".", 1)
    owner = sklearn_persona
    for part in place.split(".")[1:]:
        owner = getattr(owner, part)
    raw = inspect.getattr_static(owner, attribute)
    if isinstance(raw, property) or inspect.isclass(getattr(owner, attribute)):
        # Attributes, and dataclasses that document theirs.
        codes -= {"RT01"}
    thing = getattr(owner, attribute)
    if inspect.isclass(thing) and hasattr(thing, "__dataclass_fields__"):
        codes -= {"PR01"}
        assert all(field in thing.__doc__ for field in thing.__dataclass_fields__)
    text = inspect.getdoc(thing) or ""
    problems = [e for e in validate(path)["errors"] if e[0] in codes]
    assert not problems, problems
    # Placeholders that were to be filled in.
    assert "@SIZES@" not in text and "TODO" not in text


# The base class has the example of all warnings.
NEED_EXAMPLE = [
    ".".join(filter(None, ["sklearn_persona", name, public]))
    for name in ("", *MODULES)
    for public in module(name).__all__
    if public not in MODULES
    and public != "__version__"
    and (public == "PersonaWarning" or not public.endswith("Warning"))
]


def examples_of(path):
    """The doctests of a public name; of a constant those of its class."""
    place, public = path.rsplit(".", 1)
    thing = getattr(importlib.import_module(place), public)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        thing = type(thing)
    tests = doctest.DocTestFinder(recurse=False).find(thing, public)
    return thing, [test for test in tests if test.examples]


@pytest.mark.parametrize("path", NEED_EXAMPLE)
def test_example_runs(path):
    thing, tests = examples_of(path)
    if "fetch_" in path:
        # Needs the network.
        assert "fetch_nimh_ketamine(" in inspect.getdoc(thing)
        return
    assert tests, f"{path} has no example"
    runner = doctest.DocTestRunner(verbose=False)
    for test in tests:
        assert runner.run(test).failed == 0


# For tables that were read already; scikit-learn asks for the routing.
INTERNAL = {"covers_column", "covers_columns", "get_metadata_routing", "classes_"}


@pytest.mark.parametrize("path", NEED_EXAMPLE)
def test_examples_use_every_method(path):
    thing, tests = examples_of(path)
    if not inspect.isclass(thing) or thing.__name__ not in path:
        return
    used = "".join(example.source for test in tests for example in test.examples)
    for name in dir(thing):
        raw = inspect.getattr_static(thing, name)
        function = raw.fget if isinstance(raw, property) else raw
        function = getattr(function, "__func__", function)
        ours = getattr(function, "__module__", None) or ""
        if name.startswith("_") or name in INTERNAL or not callable(function):
            continue
        if not ours.startswith("sklearn_persona"):
            continue
        own = doctest.DocTestFinder(recurse=False).find(function, name)
        own = "".join(e.source for test in own for e in test.examples)
        assert f".{name}" in used + own, f"no example calls {path}.{name}"


def test_version():
    assert sklearn_persona.__version__.count(".") >= 1
