"""Compile `fuzz_kernel.c` with clang's libFuzzer and sanitizers, and run it.

Guided by the coverage of the C code. Failing inputs stay in the folder, from which the
next run continues.

    python tools/fuzz_kernel.py 60                     seconds
    python tools/fuzz_kernel.py 60 --folder inputs     keep the program and the inputs
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "-std=c11 -O1 -g1 -ffp-contract=off -fsanitize=fuzzer,address,undefined "
    "-fno-sanitize-recover=undefined"
).split()


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if arguments.folder is None else arguments.folder
        inputs, program = folder / "inputs", folder / "fuzz_kernel"
        inputs.mkdir(parents=True, exist_ok=True)
        if not program.exists():
            compiler = os.environ.get("CC", "clang")
            include = [
                f"-I{ROOT / 'sklearn_persona' / '_search'}",
                f"-I{ROOT / 'tools'}",
            ]
            source = ROOT / "tools" / "fuzz_kernel.c"
            subprocess.run(
                [compiler, *FLAGS, *include, source, "-o", program, "-lm"], check=True
            )
        options = [f"-max_total_time={arguments.seconds}", "-max_len=1300"]
        options += [
            "-len_control=0",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
        ]
        sys.exit(subprocess.run([program, inputs, *options]).returncode)


if __name__ == "__main__":
    main()
