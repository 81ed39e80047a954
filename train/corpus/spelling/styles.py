"""How a file is spelled: as CPython's pickler would, or as somebody with an assembler might."""

from __future__ import annotations

from dataclasses import replace

from train.corpus.draw import Draw
from train.corpus.spelling.expressions import Style

PROTOCOLS = (0, 1, 2, 2, 3, 3, 4, 4, 4, 5)
FAITHFUL_SHARE = 0.4
"""Share of attacks that look as if a pickler had written them, from a `__reduce__` (probability)."""
UNFAITHFUL_TWIN_SHARE = 0.5
"""Share of the twins of all other attacks that are spelled as oddly as those, but without noise (probability)."""
ODD_HEADER_SHARE = 0.06
"""Share of files, twins too, with no PROTO, several, or one that lies (probability)."""

CALLS = (("REDUCE",),) * 6 + (
    ("OBJ",),
    ("INST",),
    ("NEWOBJ",),
    ("NEWOBJ_EX",),
    ("INST", "OBJ", "REDUCE"),
    ("OBJ", "REDUCE"),
)
IMPORTS = (
    ("GLOBAL",), ("GLOBAL",), ("STACK_GLOBAL",), ("STACK_GLOBAL",), ("STACK_GLOBAL_MEMO",),
    ("GLOBAL", "STACK_GLOBAL", "STACK_GLOBAL_MEMO"),
)  # fmt: skip
TEXTS = (
    ("SHORT_BINUNICODE", "BINUNICODE"), ("BINUNICODE",), ("UNICODE",), ("STRING",), ("SHORT_BINSTRING", "BINSTRING"),
    ("UNICODE_ESCAPED",), ("STRING_ESCAPED",), ("STRING_ESCAPED", "UNICODE_ESCAPED", "BINUNICODE8"),
    ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"),
)  # fmt: skip
MEMOS = ("none", "none", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "mixed")
NOISES = (0.0, 0.0, 0.0, 0.02, 0.1, 0.3)


def style_for(rng: Draw) -> Style:
    """Return an attack's style."""
    protocol = rng.choice(PROTOCOLS)
    headers = _odd_headers(protocol, rng) if rng.random() < ODD_HEADER_SHARE else None
    if rng.random() < FAITHFUL_SHARE:
        return Style(protocol, headers=headers)
    calls, imports, texts = rng.choice(CALLS), rng.choice(IMPORTS), rng.choice(TEXTS)
    old_names = protocol < 3 and rng.random() < 0.3
    return Style(protocol, False, headers, calls, imports, texts, rng.choice(MEMOS), rng.choice(NOISES), old_names)


def _odd_headers(protocol: int, rng: Draw) -> tuple[int, ...]:
    return rng.choice(((), (protocol, protocol), (2, protocol), (0,), (1,), (3,), (5, 2), (4, 4, 4)))


def twin_style(style: Style, rng: Draw) -> Style:
    """Return the style of an attack's twin: same protocol and headers, no noise, sometimes a pickler's spelling."""
    if style.faithful or rng.random() < UNFAITHFUL_TWIN_SHARE:
        return replace(style, noise=0.0)
    return Style(style.protocol, headers=style.headers)


def with_protocol(style: Style, protocol: int) -> Style:
    """Return a style moved to another protocol."""
    headers = None if style.headers is None else tuple(protocol if p == style.protocol else p for p in style.headers)
    return replace(style, protocol=protocol, headers=headers, old_names=style.old_names and protocol < 3)
