"""Fuzz what reads files of others: personas, reports, plans, tables.

Coverage-guided by atheris (``pip install atheris``). Any error but the ones that are
documented is a finding; its input is left in the current folder.

    python tools/fuzz_readers.py persona 60      seconds, one kind of file
    python tools/fuzz_readers.py document 60
    python tools/fuzz_readers.py table 60
"""

import copy
import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sklearn_persona"]):
    from sklearn_persona import Persona
    from sklearn_persona._cli.documents import load_document
    from sklearn_persona._cli.errors import InputError
    from sklearn_persona._cli.reading.delimited import read_delimited
    from sklearn_persona._cli.saved import load_personas

PERSONA = Persona.from_conditions(
    {"age": (30.0, 60.0), "sex": {"F"}}, direction="favorable"
).to_dict()
FOLDER = Path(tempfile.mkdtemp())


def drawn(data, depth=3):
    """A value that JSON can hold."""
    kind = data.ConsumeIntInRange(0, 8 if depth else 5)
    if kind == 0:
        return None
    if kind == 1:
        return data.ConsumeBool()
    if kind == 2:
        return data.ConsumeInt(9)
    if kind == 3:
        return data.ConsumeFloat()
    if kind <= 5:
        return data.ConsumeUnicodeNoSurrogates(8)
    size = data.ConsumeIntInRange(0, 3)
    if kind == 6:
        return [drawn(data, depth - 1) for _ in range(size)]
    keys = [data.PickValueInList([*PERSONA, "low", "a"]) for _ in range(size)]
    return {key: drawn(data, depth - 1) for key in keys}


def one_persona(content):
    """A real persona with some values replaced."""
    data = atheris.FuzzedDataProvider(content)
    document = copy.deepcopy(PERSONA)
    for _ in range(data.ConsumeIntInRange(0, 4)):
        owner, key = document, data.PickValueInList([*PERSONA, "more"])
        if key == "conditions" and data.ConsumeBool():
            owner = owner["conditions"]
            whole = isinstance(owner, list) and len(owner) == 2
            owner = owner[data.ConsumeIntInRange(0, 1)] if whole else {}
            key = data.PickValueInList(["name", "position", "low", "high", "levels"])
        if isinstance(owner, dict):
            owner[key] = drawn(data)
    try:
        persona = Persona.from_dict(document)
    except ValueError:
        return
    persona.to_dict()


def one_document(content):
    """A file for ``evaluate``, ``report`` or ``--plan``."""
    path = FOLDER / "document.json"
    data = atheris.FuzzedDataProvider(content)
    if data.ConsumeBool():
        path.write_bytes(data.ConsumeBytes(2**16))
    else:
        document = drawn(data, 4)
        if data.ConsumeBool():
            document = [PERSONA, document]
        path.write_text(json.dumps(document), encoding="utf-8")
    for read in (load_document, load_personas):
        try:
            read(path)
        except InputError:
            pass


def one_table(content):
    """A delimited file."""
    path = FOLDER / "table.csv"
    path.write_bytes(content)
    try:
        read_delimited(path)
    except InputError:
        pass


KINDS = {"persona": one_persona, "document": one_document, "table": one_table}


def main():
    """Read the command line."""
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    options = [
        f"-max_total_time={int(sys.argv[2])}",
        "-max_len=4096",
        "-rss_limit_mb=0",
    ]
    atheris.Setup([sys.argv[0], *options], KINDS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
