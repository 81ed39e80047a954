"""The handcrafted vector: named columns of one slice, computed from its tokens alone.

A column says whether a token of some kind is there (a family of words in some place, an id in some roles), how many
tokens of some kind there are, or how large the largest is. Nothing in it is a share: what is added to a slice can
only raise a column, and what is added to a file cannot change a slice.

Each token has a few 64-bit words of flags that are combined with `or` over its slice, and 8-bit counters that are
added up (a slice has at most MAX_TOKENS tokens, so that none overflows). A word is known by its trigrams, which
`core.words` stores, not by its hashed id: an id is shared by many words.

Legend: n tokens, k slices, w distinct words, c columns.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.words import Words
from safepickle_dl.families import FAMILIES, MODULES, TEXTS, VERBS

Flags = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

VALUES = (tk.CALLEE_ARGUMENT, tk.ARGUMENT, tk.STATE)
PLACES = {
    "module": (tk.MODULE,),
    "name": (tk.NAME,),
    "argument module": (tk.ARGUMENT_MODULE,),
    "argument name": (tk.ARGUMENT_NAME,),
    "value": VALUES,
}
"""Place in a slice to its roles: what is called (or built, or filled), what is imported for it, and its arguments."""
CALLEE = (tk.MODULE, tk.NAME, tk.CALLEE_ARGUMENT)
GIVEN = (tk.ARGUMENT, tk.ARGUMENT_MODULE, tk.ARGUMENT_NAME, tk.STATE)
WORD = tk.FIRST_WORD
"""Stands for the ids of all words."""


def _kind(kind: int) -> tuple[int, ...]:
    return (tk.SCALAR + kind,)


_KINDS: dict[str, tuple[int, ...]] = {
    "text": (tk.TEXT,),
    "bytes": (tk.DATA,),
    "empty text": (tk.EMPTY_TEXT,),
    "empty container": (tk.EMPTY,),
    "tuple": (tk.OPEN + kd.TUPLE,),
    "list": (tk.OPEN + kd.LIST,),
    "dict": (tk.OPEN + kd.DICT,),
    "set": (tk.OPEN + kd.SET,),
    "import": (tk.GLOBAL,),
    "computed import": (tk.COMPUTED,),
    "extension": (tk.EXTENSION,),
    "persistent": (tk.PERSISTENT,),
    "call": (tk.CALL,),
    "too deep": (tk.DEEP,),
    "cut": (tk.CUT,),
}
_SCALARS: dict[str, tuple[int, ...]] = {
    "none": _kind(kd.NONE),
    "bool": (*_kind(kd.TRUE), *_kind(kd.FALSE)),
    "float": _kind(kd.FLOAT),
    "unknown": _kind(kd.UNKNOWN),
    "buffer": _kind(kd.BUFFER),
    "0": (tk.INT_ZERO,),
    "1": (tk.INT_ONE,),
    "int of a byte": (tk.INT_BYTE,),
    "int of two bytes": (tk.INT_WORD,),
    "large int": (tk.INT_LARGE,),
    "other int": (tk.INT_OTHER,),
}
_LEXICAL: dict[str, tuple[int, ...]] = {
    "newline": (tk.NEWLINE,),
    "binary": (tk.BINARY,),
    "blob": (tk.BLOB,),
    "hex": (tk.HEX,),
    "digits": tuple(range(tk.DIGITS, tk.DIGITS + 5)),
    "word": (WORD,),
}
_SITES = ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "SETITEMS", "APPENDS", "ADDITEMS", "GLOBAL", "EXT1", "PERSID")
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_ALL_MARKS = tuple(tk.PUNCTUATION + ord(mark) for mark in _MARKS)
_OPENS = tuple(range(tk.OPEN, tk.CLOSE))

Column = tuple[str, tuple[int, ...], tuple[int, ...]]
"""Name, roles, ids (WORD: of any word)."""

EXISTENCE: list[Column] = [
    *((f"operation: {name}", (tk.SITE,), (tk.OPCODE + getattr(op, name),)) for name in _SITES),
    *((f"callee: {name}", CALLEE, ids) for name, ids in _KINDS.items() if name != "import"),
    *((f"argument: {name}", GIVEN, ids) for name, ids in (_KINDS | _SCALARS).items()),
    *((f"value: {name}", VALUES, ids) for name, ids in _LEXICAL.items()),
    *((f"value: {mark}", VALUES, (tk.PUNCTUATION + ord(mark),)) for mark in _MARKS),
    *((f"name: {mark}", (tk.NAME,), (tk.PUNCTUATION + ord(mark),)) for mark in "._<"),
    *((f"argument name: {mark}", (tk.ARGUMENT_NAME,), (tk.PUNCTUATION + ord(mark),)) for mark in "._<"),
    ("module: __", (tk.MODULE,), (tk.PUNCTUATION + ord("_"),)),
]
COUNTS: list[Column] = [
    ("calls in callee", CALLEE, (tk.CALL,)),
    ("calls in arguments", GIVEN, (tk.CALL,)),
    ("imports in callee", (tk.MODULE,), (tk.GLOBAL,)),
    ("imports in arguments", (tk.ARGUMENT_MODULE,), (tk.GLOBAL,)),
    ("dots in module", (tk.MODULE,), (tk.PUNCTUATION + ord("."),)),
    ("dots in name", (tk.NAME,), (tk.PUNCTUATION + ord("."),)),
    ("dots in imported names", (tk.ARGUMENT_NAME,), (tk.PUNCTUATION + ord("."),)),
    ("words in module", (tk.MODULE,), (WORD,)),
    ("words in name", (tk.NAME,), (WORD,)),
    ("words in values", VALUES, (WORD,)),
    ("texts", VALUES, (tk.TEXT, tk.DATA)),
    ("marks in values", VALUES, _ALL_MARKS),
    ("digits in values", VALUES, tuple(range(tk.DIGITS, tk.DIGITS + 5))),
    ("containers", (*CALLEE, *GIVEN), _OPENS),
    ("ints", (*CALLEE, *GIVEN), tuple(range(tk.INT_ZERO, tk.INT_OTHER + 1))),
    ("tokens", tuple(range(1, tk.N_ROLES)), tuple(range(1, WORD + 1))),
]
MAXIMA: list[Column] = [
    ("log2 length of the longest value", VALUES, tuple(range(tk.LENGTH, tk.LENGTH + 32))),
    ("log2 digits", VALUES, tuple(range(tk.DIGITS, tk.DIGITS + 5))),
]
FAMILY_COLUMNS = [
    (place, family)
    for families, places in ((VERBS, PLACES), (MODULES, ("module", "argument module")), (TEXTS, ("value",)))
    for family in families
    for place in places
]
NAMES: tuple[str, ...] = (
    *(f"{place}: {family}" for place, family in FAMILY_COLUMNS),
    *(name for name, _, _ in EXISTENCE),
    *(name for name, _, _ in COUNTS),
    *(name for name, _, _ in MAXIMA),
)
"""Of the columns."""


# --- tables ---------------------------------------------------------------------------------------------------------

N_CODES = tk.N_ROLES * (WORD + 1)
"""A token's code is its role and id, all words taken together."""
FACTORS = np.array([pow(0x9E3779B97F4A7C15, i + 1, 1 << 64) for i in range(tk.N_GRAMS)], np.uint64).view(np.int64)


def _grams(words: list[str]) -> Indices:
    """Return the trigrams of distinct words, (w, N_GRAMS), as `core.words` makes them."""
    collected = Words()
    first = collected.n_words
    for word in words:
        collected.add_word(tk.NAME, word.encode("ascii"), 0, len(word))
    return np.array(collected.grams[: collected.n_words * tk.N_GRAMS], np.int64).reshape(-1, tk.N_GRAMS)[first:]


def _families_of(starred: bool) -> dict[str, int]:
    """Return the words with, or without, a star, and the families of each as flags."""
    flags: dict[str, int] = {}
    for number, words in enumerate(FAMILIES.values()):
        for word in words.split():
            if ("*" in word) == starred:
                flags[word] = flags.get(word, 0) | 1 << number
    return flags


def _word_table() -> tuple[Indices, Flags]:
    """Return the fingerprints of the words of all families, sorted, and the families of each as flags, (v,) both."""
    flags = _families_of(starred=False)
    fingerprints = _fingerprints(_grams(list(flags)))
    order = np.argsort(fingerprints)
    known: Indices = fingerprints[order]
    return known, np.array(list(flags.values()), np.uint64)[order]


def _fingerprints(grams: Indices) -> Indices:
    """Return one number for the trigrams of each word, (w,)."""
    result: Indices = (grams * FACTORS).sum(1)
    return result


def _stem_table() -> tuple[Flags, Flags, Flags]:
    """Return (N_GRAM_IDS,) a flag for each trigram of a stem, and for each stem (s,) its trigrams and its families."""
    stems = _families_of(starred=True)
    rows = _grams([stem.strip("*") for stem in stems]).tolist()
    grams = [
        row[stem.startswith("*") : len(stem.strip("*")) - stem.endswith("*")]
        for stem, row in zip(stems, rows, strict=True)
    ]
    flag_of = {gram: 1 << i for i, gram in enumerate(sorted({gram for row in grams for gram in row}))}
    table = np.zeros(tk.N_GRAM_IDS, np.uint64)
    table[list(flag_of)] = list(flag_of.values())
    masks = [sum({flag_of[gram] for gram in row}) for row in grams]
    return table, np.array(masks, np.uint64), np.array(list(stems.values()), np.uint64)


def codes_of(column: Column) -> Indices:
    """Return the codes of the tokens that belong to a column."""
    _, roles, ids = column
    return np.array([role * (WORD + 1) + i for role in roles for i in ids], np.int64)


def _packed(columns: list[Column], bits: int) -> Flags:
    """Return for each code, (lanes, N_CODES), a 1 in the `bits` bits of each column that it belongs to."""
    per_lane = 64 // bits
    table = np.zeros((-(-len(columns) // per_lane), N_CODES), np.uint64)
    for i, column in enumerate(columns):
        table[i // per_lane, codes_of(column)] |= np.uint64(1 << i % per_lane * bits)
    return table


def _ordinals() -> npt.NDArray[np.uint8]:
    """Return the number of each code in each of MAXIMA, counted from 1 in the order of its ids, (m, N_CODES)."""
    table = np.zeros((len(MAXIMA), N_CODES), np.uint8)
    for i, (_, roles, ids) in enumerate(MAXIMA):
        for role in roles:
            table[i, role * (WORD + 1) + np.array(ids)] = np.arange(1, len(ids) + 1)
    return table


KNOWN, KNOWN_FAMILIES = _word_table()
GRAM_FLAGS, STEM_GRAMS, STEM_FAMILIES = _stem_table()
_EXISTENCE = _packed(EXISTENCE, 1)
_COUNTS = _packed(COUNTS, 8)
ORDINALS = _ordinals()
IN_PLACE = np.array([[role in roles for role in range(tk.N_ROLES)] for roles in PLACES.values()])
"""(places, N_ROLES)"""
_FAMILY_INDEX = np.array(
    [list(PLACES).index(place) * 64 + list(FAMILIES).index(family) for place, family in FAMILY_COLUMNS],
    np.int64,
)
_FLAG_INDEX = np.concatenate([_FAMILY_INDEX, len(PLACES) * 64 + np.arange(len(EXISTENCE), dtype=np.int64)])

_TABLES = (
    KNOWN,
    KNOWN_FAMILIES,
    GRAM_FLAGS,
    STEM_GRAMS,
    STEM_FAMILIES,
    _EXISTENCE,
    _COUNTS,
    ORDINALS,
    _FLAG_INDEX,
)
DIGEST = zlib.crc32(b"".join([*(name.encode() for name in NAMES), *(table.tobytes() for table in _TABLES)])) >> 8
"""Changes with every column and every word (24 bits): a model knows by it whether it was trained for these columns."""

BATCH_SLICES = 1024
"""Slices of one pass (count): bounds the memory, whatever the file."""


# --- the vector -----------------------------------------------------------------------------------------------------


def word_families(grams: Indices) -> Flags:
    """Return the families of each word as flags, (w,), from its trigrams (w, N_GRAMS)."""
    fingerprints = _fingerprints(grams)
    place = np.minimum(np.searchsorted(KNOWN, fingerprints), len(KNOWN) - 1)
    families = np.where(KNOWN[place] == fingerprints, KNOWN_FAMILIES[place], np.uint64(0))
    flags = np.bitwise_or.reduce(GRAM_FLAGS[grams], axis=1)
    for mask, family in zip(STEM_GRAMS, STEM_FAMILIES, strict=True):
        families |= np.where(flags & mask == mask, family, np.uint64(0))
    return families


def features(arrays: SliceArrays, chosen: Indices) -> Floats:
    """Return the columns NAMES of each chosen slice, (k, c): small whole numbers."""
    families = word_families(arrays.grams)
    result = np.empty((len(chosen), len(NAMES)), np.float32)
    for start in range(0, len(chosen), BATCH_SLICES):
        part = chosen[start : start + BATCH_SLICES]
        result[start : start + BATCH_SLICES] = _features(arrays, part, families)
    return result


def _features(arrays: SliceArrays, chosen: Indices, families: Flags) -> Floats:
    lengths = arrays.lengths[chosen]
    bounds = np.cumsum(lengths) - lengths
    tokens = arrays.tokens[np.repeat(arrays.first[chosen] - bounds, lengths) + np.arange(lengths.sum())]
    role = tokens & ((1 << tk.ID_SHIFT) - 1)
    identity = (tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
    code = role * (WORD + 1) + np.minimum(identity, WORD)
    family = np.where(identity >= WORD, families[tokens >> tk.WORD_SHIFT], np.uint64(0))
    flags = np.concatenate([np.where(IN_PLACE[:, role], family, np.uint64(0)), _EXISTENCE[:, code]])
    flags = np.bitwise_or.reduceat(flags, bounds, axis=1)  # (lanes, k)
    exists = np.unpackbits(np.ascontiguousarray(flags.T).view(np.uint8), axis=1, bitorder="little")[:, _FLAG_INDEX]
    counts = np.add.reduceat(_COUNTS[:, code], bounds, axis=1)
    counted = np.ascontiguousarray(counts.T).view(np.uint8)[:, : len(COUNTS)]
    largest = np.maximum.reduceat(ORDINALS[:, code], bounds, axis=1).T
    return np.concatenate([exists, counted, largest], axis=1).astype(np.float32)
