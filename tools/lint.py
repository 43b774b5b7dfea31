"""Static checks: style, spelling, stubs, workflows.

    python tools/lint.py

Needs the extra `test` and the compiled package (the stubs are compared with it).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("sklearn_persona._search._kernel", "sklearn_persona._search._cube")
# Files that a code host reads, and the schema that each must follow.
SCHEMAS = (
    ("github-workflows", ".github/workflows/*.yml"),
    ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
    ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ("citation-file-format", "CITATION.cff"),
)
PROGRAMS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("cython-lint", "sklearn_persona"),
    ("codespell",),
    ("yamllint", "--strict", ".github", ".pre-commit-config.yaml"),
    *(
        (
            "check-jsonschema",
            "--builtin-schema",
            f"vendor.{schema}",
            *(str(path) for path in sorted(ROOT.glob(pattern))),
        )
        for schema, pattern in SCHEMAS
    ),
    (
        "stubtest",
        "--mypy-config-file",
        "pyproject.toml",
        "--allowlist",
        "tools/stubtest.txt",
        *MODULES,
    ),
)


def main():
    """Run all checks and report the failed ones."""
    # Prefer the programs of this Python, also when they call each other.
    scripts = sysconfig.get_path("scripts")
    environment = os.environ | {"PATH": scripts + os.pathsep + os.environ["PATH"]}
    failed = []
    for program, *arguments in PROGRAMS:
        found = shutil.which(program, path=environment["PATH"])
        if found is None:
            sys.exit(f"{program} is not installed. Install the extra test.")
        start = time.monotonic()
        code = subprocess.run([found, *arguments], cwd=ROOT, env=environment).returncode
        print(
            f"{program}: exit code {code}, {time.monotonic() - start:.0f} s", flush=True
        )
        if code:
            failed.append(program)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
