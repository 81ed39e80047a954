"""A tiny pickle assembler: opcode bytes in every form that a loader accepts, not only those that a pickler writes.

Functions return bytes that push one value (or do one thing to the stack). Nothing here can load a pickle.
Source: CPython `Lib/pickle.py` (`_Pickler` for what is usual, `_Unpickler` for what is accepted).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

MARK = b"("
STOP = b"."
POP = b"0"
POP_MARK = b"1"
DUP = b"2"
NONE = b"N"
TRUE = b"\x88"
FALSE = b"\x89"
EMPTY_TUPLE = b")"
EMPTY_LIST = b"]"
EMPTY_DICT = b"}"
EMPTY_SET = b"\x8f"
TUPLE = b"t"
LIST = b"l"
DICT = b"d"
FROZENSET = b"\x91"
APPEND = b"a"
APPENDS = b"e"
SETITEM = b"s"
SETITEMS = b"u"
ADDITEMS = b"\x90"
REDUCE = b"R"
OBJ = b"o"
NEWOBJ = b"\x81"
NEWOBJ_EX = b"\x92"
BUILD = b"b"
STACK_GLOBAL = b"\x93"
MEMOIZE = b"\x94"
BINPERSID = b"Q"
TUPLES = {1: b"\x85", 2: b"\x86", 3: b"\x87"}

TEXT_FORMS = (
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "UNICODE_ESCAPED",
    "STRING_ESCAPED",
)


def text_forms(value: str) -> list[str]:
    """Return the forms that can carry a text so that Python 3 loads it as the same `str`."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = ["BINUNICODE", "BINUNICODE8", "UNICODE", "UNICODE_ESCAPED"]
    if len(raw) < 256:
        forms.append("SHORT_BINUNICODE")
    if value.isascii():
        forms += ["STRING", "STRING_ESCAPED", "BINSTRING"] + (["SHORT_BINSTRING"] if len(raw) < 256 else [])
    return forms


def text(value: str, form: str = "BINUNICODE") -> bytes:
    """Push a `str`.

    Raises:
        ValueError: unknown form.
        struct.error: too long for the form.
    """
    raw = value.encode("utf-8", "surrogatepass")
    if form == "SHORT_BINUNICODE":
        return b"\x8c" + struct.pack("<B", len(raw)) + raw
    if form == "BINUNICODE":
        return b"X" + struct.pack("<I", len(raw)) + raw
    if form == "BINUNICODE8":
        return b"\x8d" + struct.pack("<Q", len(raw)) + raw
    if form == "UNICODE":
        escaped = value.replace("\\", "\\u005c").replace("\0", "\\u0000").replace("\n", "\\u000a")
        escaped = escaped.replace("\r", "\\u000d").replace("\x1a", "\\u001a")
        return b"V" + escaped.encode("raw-unicode-escape") + b"\n"
    if form == "UNICODE_ESCAPED":  # the readable letters too
        return b"V" + b"".join(b"\\U%08x" % ord(c) if ord(c) > 0xFFFF else b"\\u%04x" % ord(c) for c in value) + b"\n"
    if form == "STRING_ESCAPED":
        return b"S'" + b"".join(b"\\x%02x" % byte for byte in raw) + b"'\n"
    if form == "STRING":
        return b"S" + repr(value).encode("ascii") + b"\n"
    if form == "BINSTRING":
        return b"T" + struct.pack("<i", len(raw)) + raw
    if form == "SHORT_BINSTRING":
        return b"U" + struct.pack("<B", len(raw)) + raw
    raise ValueError(f"unknown form {form!r}")


def data(value: bytes, form: str = "") -> bytes:
    """Push `bytes`: SHORT_BINBYTES, BINBYTES or BINBYTES8 (by default the shortest); BYTEARRAY8 pushes a bytearray."""
    form = form or ("SHORT_BINBYTES" if len(value) < 256 else "BINBYTES")
    if form == "SHORT_BINBYTES":
        return b"C" + struct.pack("<B", len(value)) + value
    if form == "BINBYTES":
        return b"B" + struct.pack("<I", len(value)) + value
    if form == "BINBYTES8":
        return b"\x8e" + struct.pack("<Q", len(value)) + value
    if form == "BYTEARRAY8":
        return b"\x96" + struct.pack("<Q", len(value)) + value
    raise ValueError(f"unknown form {form!r}")


def int_forms(value: int) -> list[str]:
    """Return the forms that can carry an integer."""
    forms = ["LONG1", "LONG4", "INT", "LONG"]
    if 0 <= value < 256:
        forms.append("BININT1")
    if 0 <= value < 65536:
        forms.append("BININT2")
    if -(2**31) <= value < 2**31:
        forms.append("BININT")
    return forms


def integer(value: int, form: str = "") -> bytes:
    """Push an `int`; by default as a pickler of protocol 2 and up does."""
    if not form:
        forms = int_forms(value)
        form = next(f for f in ("BININT1", "BININT2", "BININT", "LONG1") if f in forms)
    if form == "BININT1":
        return b"K" + struct.pack("<B", value)
    if form == "BININT2":
        return b"M" + struct.pack("<H", value)
    if form == "BININT":
        return b"J" + struct.pack("<i", value)
    if form == "INT":
        return b"I%d\n" % value
    if form == "LONG":
        return b"L%dL\n" % value
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True) if value else b""
    if form == "LONG1":
        return b"\x8a" + struct.pack("<B", len(raw)) + raw
    if form == "LONG4":
        return b"\x8b" + struct.pack("<i", len(raw)) + raw
    raise ValueError(f"unknown form {form!r}")


def boolean(value: bool, protocol: int = 2) -> bytes:
    """Push a `bool`."""
    if protocol >= 2:
        return TRUE if value else FALSE
    return b"I01\n" if value else b"I00\n"


def floating(value: float, protocol: int = 2) -> bytes:
    """Push a `float`."""
    return b"G" + struct.pack(">d", value) if protocol >= 1 else b"F" + repr(value).encode("ascii") + b"\n"


def import_global(module: str, name: str) -> bytes:
    """Push an import by GLOBAL."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def inst(module: str, name: str, arguments: Sequence[bytes]) -> bytes:
    """Call an import by INST."""
    return MARK + b"".join(arguments) + b"i" + module.encode() + b"\n" + name.encode() + b"\n"


def put(index: int, form: str = "") -> bytes:
    """Store the top of the stack in the memo: PUT, BINPUT or LONG_BINPUT (by default the shortest binary one)."""
    form = form or ("BINPUT" if index < 256 else "LONG_BINPUT")
    if form == "PUT":
        return b"p%d\n" % index
    return b"q" + struct.pack("<B", index) if form == "BINPUT" else b"r" + struct.pack("<I", index)


def get(index: int, form: str = "") -> bytes:
    """Push what the memo holds: GET, BINGET or LONG_BINGET (by default the shortest binary one)."""
    form = form or ("BINGET" if index < 256 else "LONG_BINGET")
    if form == "GET":
        return b"g%d\n" % index
    return b"h" + struct.pack("<B", index) if form == "BINGET" else b"j" + struct.pack("<I", index)


def extension(code: int) -> bytes:
    """Push what the extension registry holds under a code: EXT1, EXT2 or EXT4."""
    if code < 256:
        return b"\x82" + struct.pack("<B", code)
    return b"\x83" + struct.pack("<H", code) if code < 65536 else b"\x84" + struct.pack("<i", code)


def protocol_header(protocol: int) -> bytes:
    """Return PROTO."""
    return b"\x80" + struct.pack("<B", protocol)


def frame(body: bytes) -> bytes:
    """Return a frame of protocol 4 and up around instructions."""
    return b"\x95" + struct.pack("<Q", len(body)) + body
