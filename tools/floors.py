"""The lowest versions that pyproject.toml allows, as a constraints file.

python tools/floors.py > floors.txt
PIP_BUILD_CONSTRAINT=floors.txt pip install -c floors.txt ".[test]"
"""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def floors(project):
    """Lowest version of each requirement, of running, building and testing alike.

    Parameters
    ----------
    project : mapping
        Content of a pyproject.toml.

    Returns
    -------
    floors : dict of str to str
        Sorted by name.

    Raises
    ------
    ValueError
        When a package has two different floors.
    """
    extras = project["project"]["optional-dependencies"].values()
    requirements = [*project["build-system"]["requires"]]
    requirements += project["project"]["dependencies"]
    requirements += [requirement for extra in extras for requirement in extra]
    found = {}
    for requirement in requirements:
        match = re.fullmatch(r"([\w.-]+)(?:>=([\w.]+))?", requirement)
        if match is None:
            raise ValueError(f"Expected name>=version, got {requirement!r}.")
        name, floor = match.groups()
        if floor is not None and found.setdefault(name, floor) != floor:
            raise ValueError(f"{name} has the floors {found[name]} and {floor}.")
    return dict(sorted(found.items()))


if __name__ == "__main__":
    for package, version in floors(tomllib.loads(PROJECT.read_text())).items():
        print(f"{package}=={version}")
