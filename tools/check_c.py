"""Check the C code of the search with every installed compiler.

All targets are checked for warnings, Windows' and Apple's by clang with stand-ins for
the C library. With ``--run``, `portable_search.c` is compiled and run: by gcc and clang
with every instruction set of this machine, and by gcc for arm64 under qemu. All must
print the same.

    python tools/check_c.py
    python tools/check_c.py --run
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklearn_persona" / "_search"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wno-unused-function")
# Without a C library; keywords of Microsoft's compiler are intended.
STAND_IN = ("-ffreestanding",)
KEYWORDS = "-Wno-language-extension-token"
TARGETS = {
    "gcc, this machine": ("gcc",),
    "clang, this machine": ("clang",),
    "gcc, arm64": ("aarch64-linux-gnu-gcc",),
    "clang, Windows x86-64": ("clang", "--target=x86_64-pc-windows-msvc", *STAND_IN),
    "clang, Windows arm64": ("clang", "--target=aarch64-pc-windows-msvc", *STAND_IN),
    "clang, macOS arm64": ("clang", "--target=arm64-apple-macos", *STAND_IN),
}
LIBRARY = {
    "stdlib.h": """#include <stddef.h>
void *malloc(size_t);
void *calloc(size_t, size_t);
void *realloc(void *, size_t);
void free(void *);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
""",
    "string.h": """#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
""",
    "math.h": """double sqrt(double);
double fabs(double);
#define INFINITY ((float)(1e300 * 1e300))
""",
}
UNITS = {
    "kernels": """#include "native/core/kernels.h"
#include "native/core/transpose.h"
int main(void) { return find_kernel(0, 1, 1, 0) == 0; }
""",
    "cubes": """#include "native/cubes/cubes.h"
int main(void) { cube_search(0, 0, 0); cube_free(0); return 0; }
""",
}


def check(folder):
    """Compile for every target, without making code.

    Returns
    -------
    failed : list of str
    """
    for name, text in LIBRARY.items():
        (folder / name).write_text(text)
    failed = []
    for target, command in TARGETS.items():
        if shutil.which(command[0]) is None:
            print(f"{target}: not installed")
            continue
        include = [f"-I{PACKAGE}"]
        if "-ffreestanding" in command:
            include += [f"-I{folder}", KEYWORDS]
        for unit, text in UNITS.items():
            source = folder / f"{unit}.c"
            source.write_text(text)
            result = subprocess.run(
                [*command, "-std=c11", "-fsyntax-only", *WARNINGS, *include, source],
                capture_output=True,
                text=True,
            )
            good = result.returncode == 0 and not result.stderr
            print(f"{target}, {unit}: {'no warning' if good else result.stderr}")
            failed += [] if good else [target]
    return failed


def run(folder):
    """Compile and run the search; all outputs must be the same.

    Returns
    -------
    failed : list of str
    """
    source = ROOT / "tools" / "portable_search.c"
    machines = {"gcc": (), "clang": ()}
    machines["aarch64-linux-gnu-gcc"] = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
    outputs = {}
    for compiler, runner in machines.items():
        if not all(shutil.which(name) for name in (compiler, *runner[:1])):
            print(f"{compiler}: not installed")
            continue
        program = folder / f"search-{compiler}"
        flags = ("-O1", "-std=c11", "-ffp-contract=off", f"-I{PACKAGE}")
        command = [compiler, *flags, *WARNINGS, source, "-o", program, "-lm"]
        subprocess.run(command, check=True)
        for number, isa in enumerate(("portable", "avx2", "avx512")):
            result = subprocess.run(
                [*runner, program, str(number)], capture_output=True, text=True
            )
            # 3: this machine does not support it.
            if result.returncode != 3:
                outputs[f"{compiler}, {isa}"] = (result.returncode, result.stdout)
    expected = next(iter(outputs.values()), None)
    failed = [name for name, output in outputs.items() if output != expected]
    for name, (code, text) in outputs.items():
        verdict = "differs" if name in failed else "the same"
        print(f"{name}: {len(text.splitlines())} searches, {verdict}, exit code {code}")
    return failed + ([] if expected and expected[0] == 0 else ["nothing ran"])


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="compile, run and compare")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failed = check(Path(folder))
        if arguments.run:
            failed += run(Path(folder))
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
