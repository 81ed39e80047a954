"""Names and arguments in a scanned file are hostile: make them safe to show and to parse."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` as one line that cannot steer a terminal.

    Whatever `str.isprintable` refuses is written as an escape: control characters and so every
    ANSI sequence, line ends, bidirectional overrides, zero-width and private characters, lone
    surrogates. A byte that Python carried through a file name (PEP 383) shows as `\xNN`.
    A backslash stays as it is: this is for reading, not for parsing back.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if code < 0x80:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, with the cut marked."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def encodable(text: str, encoding: str) -> str:
    """Return `text` with whatever `encoding` cannot express written as escapes."""
    return text.encode(encoding, "backslashreplace").decode(encoding)
