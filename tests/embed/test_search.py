"""Signs and spans are found as `streams` finds them."""

from __future__ import annotations

import re
from heapq import merge

from hypothesis import example, given, settings
from hypothesis import strategies as st

from safepickle_dl.embed.search import Signs, Spans
from safepickle_dl.streams import SIGNS

PIECES = [
    *(
        b"cos\n",
        b"os\n",
        b"system\n",
        b"c",
        b"i",
        b"(",
        b")",
        b"R",
        b"\n",
        b"\x80",
        b"\x80\x04",
        b"\x94",
        b"\x8c",
        b".",
    ),
    *(
        b"p12\n",
        b"p1234567890\n",
        b"q\0",
        b"r\0\0\0\0",
        b"g1\n",
        b"g\n",
        b"h\0",
        b"ha",
        b"j",
        b"S'x'\n",
        b"I1\n",
        b"V" + b"x" * 200 + b"\n",
    ),
    *(b"L" + b"x" * 201 + b"\n", b"ca" + b"b" * 99 + b"\n", b"ca" + b"b" * 100 + b"\n", b"\xff", b"9", b"E", b"K"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join), st.integers(0, 3))
@example(b"cos\nsystem\np12\n(" + b"(S'x'\nI1\nF2\nL3\nios\nsystem\n" + b"\x80\x04)", 0)
@example(b"cos\nsystem\nq", 0)
@settings(max_examples=150, deadline=None)
def test_signs(data: bytes, start: int) -> None:
    signs = Signs(data, start, len(data))
    found = []
    while (place := signs.next()) < len(data):
        found.append(place)
    patterns = (sign.finditer(data, start) for sign in SIGNS)
    assert found == [match.start() for match in merge(*patterns, key=re.Match.start)]


def test_spans() -> None:
    spans = Spans()
    spans.end_portion()
    assert not spans.contain(3)
    for lo, hi in ((10, 20), (30, 40)):
        spans.add(lo, hi)
    spans.end_portion()
    spans.add(15, 60)
    spans.end_portion()
    assert [spans.contain(place) for place in (10, 11, 19, 25, 40, 59, 60)] == [
        False,
        True,
        True,
        True,
        True,
        True,
        False,
    ]
    assert (spans.n_done, spans.n_portions) == (2, 2)
