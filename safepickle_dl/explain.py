"""Why a call site scored as it did: each of its distinct tokens is left out in turn, and what the logit loses is shown.

Occlusion asks the whole ensemble, so the answer is about the score that was given, whichever member gave it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.words import Words

MAX_PARTS = 3
"""Tokens that are named (count)."""
LEAST = 0.25
"""What the logit loses without a token that is worth naming."""

Logits = Callable[[SliceArrays, npt.NDArray[np.int64]], npt.NDArray[np.float32]]

_PLACES = {
    tk.SITE: "operation", tk.MODULE: "module", tk.NAME: "name", tk.CALLEE_ARGUMENT: "callee's argument",
    tk.ARGUMENT: "argument", tk.ARGUMENT_MODULE: "argument's module", tk.ARGUMENT_NAME: "argument's name",
    tk.STATE: "state",
}  # fmt: skip
_STRUCTURE = {
    tk.EMPTY: "empty container", tk.CALL: "call", tk.END: "call", tk.GLOBAL: "import", tk.COMPUTED: "computed import",
    tk.EXTENSION: "extension", tk.PERSISTENT: "persistent id", tk.TEXT: "text", tk.DATA: "bytes",
    tk.EMPTY_TEXT: "empty text", tk.BINARY: "binary", tk.BLOB: "encoded text", tk.HEX: "hexadecimal",
    tk.DEEP: "nesting", tk.CUT: "length", tk.NEWLINE: "line end",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def why(logits: Logits, arrays: SliceArrays, k: int, text: str) -> str:
    """Return one line such as `name system +4.1, argument curl +0.6`, "" if no single token matters.

    Args:
        logits: of the slices of a `SliceArrays`, (b,).
        arrays: holds slice `k`.
        k: which slice.
        text: the call site for people: hashed words are named after the words in it.
    """
    tokens = arrays.tokens[arrays.first[k] : arrays.first[k + 1]]
    parts = tokens & ((1 << tk.WORD_SHIFT) - 1)  # role and id
    distinct = sorted(set(parts.tolist()))  # np.unique imports numpy.ma
    if len(distinct) < 2:
        return ""
    kept = [np.ones(len(tokens), bool), *(parts != part for part in distinct)]
    occluded = SliceArrays(
        tokens=np.concatenate([tokens[keep] for keep in kept]),
        first=np.cumsum([0, *(int(keep.sum()) for keep in kept)]),
        channel=np.zeros(len(kept), np.int64),
        grams=arrays.grams,
    )
    scores = logits(occluded, np.arange(len(kept)))
    losses = scores[0] - scores[1:]
    ranked = [i for i in np.argsort(-losses, kind="stable")[:MAX_PARTS] if losses[i] >= LEAST]
    words = _words_of(text) if ranked else {}
    return ", ".join(f"{_name(distinct[i], words)} +{losses[i]:.1f}" for i in ranked)


def _words_of(text: str) -> dict[int, str]:
    """Return the id of each word of a text to the word."""
    words = Words()
    found = {}
    for word in set(_WORD.findall(text)):
        words.n_tokens = 0
        words.add_word(0, word.encode(), 0, len(word))
        found[words.tokens[0] >> tk.ID_SHIFT & 0xFFFF] = word
    return found


def _name(part: int, words: dict[int, str]) -> str:
    role, token = part & ((1 << tk.ID_SHIFT) - 1), part >> tk.ID_SHIFT
    if token >= tk.FIRST_WORD:
        what = words.get(token, "a word")
    elif token >= tk.OPCODE:
        what = op.NAMES.get(token - tk.OPCODE, "")
    elif token >= tk.PUNCTUATION:
        what = ascii(chr(token - tk.PUNCTUATION))
    elif token >= tk.LENGTH:
        what = "length"
    elif token >= tk.SCALAR:
        what = "number"
    else:
        what = _STRUCTURE.get(token, "container")
    return f"{_PLACES.get(role, '')} {what}".strip()
