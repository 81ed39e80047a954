"""Lifted expressions make the same calls when they are written again, in whatever spelling."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any

import pytest

from train.corpus.draw import Draw
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import pairs, payload_of
from train.corpus.rows import columns_of
from train.corpus.spelling import assemble as asm
from train.corpus.spelling.expressions import Style
from train.corpus.spelling.lift import MAX_BYTES, Unliftable, lift
from train.corpus.spelling.writer import pickled


def calls(data: bytes) -> set[str]:
    columns = columns_of(data)
    return set() if columns is None else {text.partition(" ")[2] for text in columns["texts"]}


@pytest.mark.parametrize("value", [None, True, 3, -(2**70), 1.5, "text", b"data", [1, [2]], {"a": (1, 2)}, {1, 2}, ()])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    expression = lift(pickle.dumps(value, protocol=4))
    assert pickle.loads(pickled(expression, Style(protocol), Random(0))) == value


def test_made_attacks_keep_their_calls() -> None:
    same = total = 0
    for attack, _ in pairs(3, 60, "train", read_gadgets(), ()):
        data = payload_of(attack)
        try:
            expression = lift(data)
        except Unliftable:
            continue
        total += 1
        again = pickled(expression, Style(4), Draw(0))
        same += {text for text in calls(data) if "(" in text} <= calls(again)
    assert total > 30 and same > 0.8 * total


def test_what_was_dropped_is_kept() -> None:
    stream = b"\x80\x04" + asm.import_global("os", "getcwd") + asm.EMPTY_TUPLE + asm.REDUCE + asm.POP + asm.NONE + b"."
    assert "os.getcwd ()" in calls(pickled(lift(stream), Style(2), Random(0)))


def laughs(depth: int) -> bytes:
    return b"]" + b"".join(b"2\x86" for _ in range(depth)) + b"."


@pytest.mark.parametrize(
    "stream",
    [
        b"", b"N", b".", b"(.", b"(2.", b"cos\nsystem\n", b"N.N.", b"\x82\x01.", b"]2a.", b"g0\n.", laughs(60),
        laughs(60)[:-1] + b"0N.",
        b"X" + b"\xff" * 4 + b".", b"N" * (MAX_BYTES + 1) + b".",
    ],
)  # fmt: skip
def test_what_cannot_be_lifted_is_refused(stream: bytes) -> None:
    with pytest.raises(Unliftable):
        lift(stream)
