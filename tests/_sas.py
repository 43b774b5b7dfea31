"""SAS files, written byte by byte: pandas reads them but writes none.

The data set follows Shotwell (2011), "SAS7BDAT Database Binary Format", for 32 bits,
little endian, without compression. The transport file is version 5 (SAS technical
support note TS-140).
"""

import struct

import numpy as np

MAGIC = bytes.fromhex(
    "000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011"
)
HEADER, PAGE = 1024, 4096
META_PAGE, DATA_PAGE = 0x0000, 0x0100
# Codes of encodings in byte 70.
ENCODINGS = {"utf-8": 20, "cp1252": 62, "latin-1": 29}
ROW_SIZE, COLUMN_SIZE, COLUMN_TEXT = 0xF7F7F7F7, 0xF6F6F6F6, 0xFFFFFFFD
COLUMN_NAME, COLUMN_ATTRIBUTES, FORMAT_LABEL = 0xFFFFFFFF, 0xFFFFFFFC, 0xFFFFFBFE
TEXT_WIDTH = 12


def write_sas7bdat(file, table, encoding="utf-8"):
    """A SAS data set with numbers of 8 bytes and text of 12."""
    is_text = [table[name].dtype.kind not in "if" for name in table]
    widths = [TEXT_WIDTH if text else 8 for text in is_text]
    starts = [0, *np.cumsum(widths).tolist()]
    row_length = starts[-1]
    per_page = (PAGE - 24) // row_length
    rows = [
        b"".join(
            str(v).encode(encoding).ljust(TEXT_WIDTH)[:TEXT_WIDTH]
            if text
            else struct.pack("<d", v)
            for v, text in zip(row, is_text)
        )
        for row in table.itertuples(index=False)
    ]
    # Names stand one after the other behind the first 28 bytes of the text block.
    names, places, block = list(table), [], b"\0" * 28
    for name in names:
        data = str(name).encode(encoding)
        places.append((len(block), len(data)))
        block += data + b"\0" * (-len(data) % 4)
    block = struct.pack("<H", len(block)) + block[2:]

    n = len(names)
    size = bytearray(480)
    for at, value in ((0, ROW_SIZE), (20, row_length), (24, len(rows)), (36, n)):
        struct.pack_into("<I", size, at, value)
    struct.pack_into("<I", size, 52, PAGE)
    named = struct.pack("<IHxxxxxx", COLUMN_NAME, 8 * n + 8)
    named += b"".join(struct.pack("<HHHxx", 0, *place) for place in places)
    attributes = struct.pack("<IHxxxxxx", COLUMN_ATTRIBUTES, 12 * n + 8)
    attributes += b"".join(
        struct.pack("<IIHBx", start, width, 4, 2 if text else 1)
        for start, width, text in zip(starts, widths, is_text)
    )
    formats = [struct.pack("<I", FORMAT_LABEL).ljust(52, b"\0") for _ in names]
    subheaders = [
        bytes(size),
        struct.pack("<III", COLUMN_SIZE, n, 0),
        struct.pack("<I", COLUMN_TEXT) + block + b"\0" * 8,
        named + b"\0" * 8,
        attributes + b"\0" * 8,
        *formats,
    ]
    pages = [_page(META_PAGE, subheaders=subheaders)]
    for start in range(0, len(rows), per_page):
        pages.append(_page(DATA_PAGE, rows=rows[start : start + per_page]))

    header = bytearray(HEADER)
    header[:32] = MAGIC
    for at, value in ((32, 0x22), (35, 0x22), (37, 1), (39, ord("1"))):
        header[at] = value
    header[70] = ENCODINGS[encoding]
    header[84:100] = b"SAS FILETRIAL   "
    header[156:164] = b"DATA    "
    struct.pack_into("<dd", header, 164, 1.9e9, 1.9e9)
    struct.pack_into("<III", header, 196, HEADER, PAGE, len(pages))
    header[216:224] = b"9.0401M4"
    header[224:229] = b"Linux"
    file.write_bytes(bytes(header) + b"".join(pages))


def _page(kind, *, subheaders=(), rows=()):
    """A page: its head, pointers to subheaders that stand at the end, and rows."""
    page = bytearray(PAGE)
    n = len(subheaders)
    struct.pack_into("<HHH", page, 16, kind, n + len(rows), n)
    end = PAGE
    for i, data in enumerate(subheaders):
        end -= len(data)
        page[end : end + len(data)] = data
        struct.pack_into("<II", page, 24 + 12 * i, end, len(data))
    assert end >= 24 + 12 * n, "too many columns for one page"
    data = b"".join(rows)
    page[24 : 24 + len(data)] = data or page[24:24]
    return bytes(page)


def ibm_double(value):
    """A number as mainframes wrote it, in 8 bytes."""
    if value == 0:
        return b"\0" * 8
    sign, value, power = (0x80 if value < 0 else 0), abs(value), 64
    while value >= 1:
        value, power = value / 16, power + 1
    while value < 1 / 16:
        value, power = value * 16, power - 1
    return bytes([sign | power]) + int(value * 2**56).to_bytes(7, "big")


def write_xport(file, table):
    """SAS transport file, version 5."""

    def header(name, tail="0" * 30):
        return f"HEADER RECORD*******{name:<8}HEADER RECORD!!!!!!!{tail}  ".encode()

    names, position = b"", 0
    for j, name in enumerate(table, 1):
        text = table[name].dtype.kind not in "if"
        head = (2 if text else 1).to_bytes(2, "big") + b"\0\0"
        head += (8).to_bytes(2, "big") + j.to_bytes(2, "big")
        head += name.upper().ljust(8).encode() + b" " * 40 + b" " * 8
        head += b"\0" * 8 + b" " * 8 + b"\0" * 4 + position.to_bytes(4, "big")
        names += head + b"\0" * (140 - len(head))
        position += 8
    rows = b"".join(
        str(v).ljust(8).encode() if isinstance(v, str) else ibm_double(v)
        for row in table.itertuples(index=False)
        for v in row
    )
    stamp = b"01JAN20:00:00:00"
    first = b"SAS     SAS     SASLIB  6.06    bsd4.2  " + b" " * 24 + stamp
    member = b"SAS     TRIAL   SASDATA 6.06    bsd4.2  " + b" " * 24 + stamp
    n = len(table.columns)
    data = header("LIBRARY ") + first + stamp.ljust(80)
    data += header("MEMBER  ", "000000000000000001600000000140")
    data += header("DSCRPTR ") + member + stamp.ljust(80)
    data += header("NAMESTR ", f"000000{n:04d}00000000000000000000")
    data += names + b" " * (-len(names) % 80)
    data += header("OBS     ") + rows + b" " * (-len(rows) % 80)
    file.write_bytes(data)
