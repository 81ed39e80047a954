"""The line that says why: it names what the score hangs on, and nothing where nothing stands out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.words import Words
from safepickle_dl.explain import Logits, why
from safepickle_dl.scanner import Scanner


def word_id(word: str) -> int:
    words = Words()
    words.add_word(0, word.encode(), 0, len(word))
    return words.tokens[0] >> tk.ID_SHIFT & 0xFFFF


def counting(word: str, weight: float) -> Logits:
    """Return a classifier whose logit is `weight` for a slice that holds the word."""

    def logits(arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        ids = arrays.tokens >> tk.ID_SHIFT & 0xFFFF
        found = [(ids[arrays.first[k] : arrays.first[k + 1]] == word_id(word)).any() for k in chosen]
        return np.array(found, np.float32) * np.float32(weight)

    return logits


def arrays_of(data: bytes) -> SliceArrays:
    return SliceArrays.of(analyse(data).slices)


CALL = b"cos\nsystem\n(S'curl example.com'\ntR."


@pytest.mark.parametrize(
    ("word", "expected"), [("system", "name system +4.0"), ("curl", "argument curl +4.0"), ("other", "")]
)
def test_it_names_the_word_that_counts(word: str, expected: str) -> None:
    arrays = arrays_of(CALL)
    k = int(np.flatnonzero(arrays.channel == 0)[0])
    assert why(counting(word, 4.0), arrays, k, "os.system ('curl example.com',)") == expected


def test_what_speaks_for_honesty_is_not_named() -> None:
    assert why(counting("system", -4.0), arrays_of(CALL), 0, "os.system") == ""


def test_a_finding_says_why() -> None:
    result = Scanner().scan_bytes(CALL)
    assert result.findings[0].why
    assert all(part.count("+") == 1 for part in result.findings[0].why.split(", "))
