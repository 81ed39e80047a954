from __future__ import annotations

import itertools

import numpy as np
import pytest

from safepickle_dl import features as columns
from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.families import FAMILIES
from tests.assemble import PAYLOAD, short, stack_global


def vectors(data: bytes) -> list[dict[str, int]]:
    """Return the columns that are not zero of each call site."""
    arrays = SliceArrays.of(analyse(data).slices)
    rows = columns.features(arrays, np.flatnonzero(arrays.channel == 0))
    assert rows.dtype == np.float32
    assert rows.shape[1] == len(columns.NAMES)
    return [{name: int(value) for name, value in zip(columns.NAMES, row, strict=True) if value} for row in rows]


def last(data: bytes) -> dict[str, int]:
    return vectors(data)[-1]


def test_columns_of_a_call_by_hand() -> None:
    assert last(b"cos\nsystem\n(S'ls; id'\ntR.") == {
        "module: process-module": 1,
        "name: command": 1,
        "value: shell-word": 1,
        "value: secret": 1,  # id, as in id_rsa
        "operation: REDUCE": 1,
        "argument: text": 1,
        "argument: tuple": 1,
        "value: word": 1,
        "value: ;": 1,
        "imports in callee": 1,
        "words in module": 1,
        "words in name": 1,
        "words in values": 2,
        "texts": 1,
        "marks in values": 1,
        "containers": 1,
        "tokens": 11,
    }


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"ctorch.utils.collect_env\nrun\n(S'id'\ntR.", {"name: run", "module: inner-module", "dots in module"}),
        (b"cx\nreexec\n)R.", {"name: evaluate", "argument: empty container"}),  # a stem within a word
        (b"cbuiltins\ngetattr\n(cos\npath\nS'execv'\ntR.", {"argument module: process-module", "value: command"}),
        (b"cbuiltins\ngetattr\n(cos\npath\nS'x'\ntR)R.", {"callee: call", "callee: text", "calls in callee"}),
        (b"cf\ng\n" + short("os") + b"cf\ng\n)R\x93.", {"callee: computed import", "callee: call"}),
        (b"cf\ng\n" + stack_global("os.path", "a.b") + b"\x85R.", {"dots in imported names", "argument: import"}),
        (b"cf\ng\n}S'open'\nK\x05sb.", {"operation: BUILD", "value: read", "argument: int of a byte"}),
        (b"\x82\x01)R.", {"callee: extension"}),
        (b"cf\ng\nQ.", {"operation: PERSID", "argument: import"}),
        (b"cf\ng\n(V" + b"ab" * 40 + b"\ntR.", {"value: hex", "log2 length of the longest value"}),
    ],
)
def test_what_a_call_site_shows(data: bytes, expected: set[str]) -> None:
    assert expected <= set(last(data))


def test_unknown_words_are_in_no_family() -> None:
    found = last(b"cqwrtz\npsdfg\n(S'hjklm'\ntR.")
    assert not any(name.split(": ")[-1] in FAMILIES for name in found)


def test_vectors_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = SliceArrays.of(analyse(PAYLOAD[:-1] + b"0cnumpy\ndtype\n(S'f8'\ntR0(I1\nI2\nl.").slices)
    chosen = np.arange(len(arrays.channel))
    together = columns.features(arrays, chosen)
    monkeypatch.setattr(columns, "BATCH_SLICES", 1)
    np.testing.assert_array_equal(columns.features(arrays, chosen[::-1]), together[::-1])
    assert columns.features(arrays, chosen[:0]).shape == (0, len(columns.NAMES))


def test_more_arguments_lower_no_column() -> None:
    few, many = last(b"cf\ng\n(S'a b'\ntR."), last(b"cf\ng\n(S'a b'\nS'; rm /tmp'\ncos\nsystem\ntR.")
    assert all(many[name] >= value for name, value in few.items())


def test_counters_cannot_overflow_and_fit_their_lanes() -> None:
    assert tk.MAX_TOKENS < 256
    assert len(columns.MAXIMA) < len(columns.COUNTS) <= 8 * len(columns._COUNTS)
    assert len(FAMILIES) <= 64


def test_names_and_words_are_distinct_and_words_are_words() -> None:
    assert len(set(columns.NAMES)) == len(columns.NAMES)
    for family, words in FAMILIES.items():
        listed = words.split()
        assert len(set(listed)) == len(listed), family
        for word in listed:
            assert word.strip("*").isascii() and word.strip("*").isalpha() and word == word.lower(), word
            assert len(word.strip("*")) <= tk.N_GRAMS or "*" not in word, word


def test_distinct_words_have_distinct_fingerprints() -> None:
    words = {word for words in FAMILIES.values() for word in words.split() if "*" not in word}
    assert len(columns.KNOWN) == len(words) == len(set(columns.KNOWN.tolist()))
    assert all(low < high for low, high in itertools.pairwise(columns.KNOWN.tolist()))
