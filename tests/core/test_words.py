from __future__ import annotations

import pytest

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.words import MAX_SITE_TOKENS, Words

ID_MASK = (1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1


def ids(words: Words) -> list[int]:
    return [(token >> tk.ID_SHIFT) & ID_MASK for token in words.tokens[: words.n_tokens]]


def text_ids(text: bytes) -> list[int]:
    words = Words()
    words.add_text(tk.NAME, text, 0, len(text))
    return ids(words)


def word(text: bytes) -> int:
    (identity,) = text_ids(text)
    assert identity >= tk.FIRST_WORD
    return identity


def grams(text: bytes) -> set[int]:
    words = Words()
    words.add_word(tk.NAME, text, 0, len(text))
    number = words.tokens[0] >> tk.WORD_SHIFT
    return set(words.grams[number * tk.N_GRAMS : (number + 1) * tk.N_GRAMS]) - {0}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"import_module", [b"import", b"module"]),
        (b"getOutput", [b"get", b"output"]),
        (b"HTTPServer", [b"http", b"server"]),
        (b"InteractiveInterpreter", [b"interactive", b"interpreter"]),
        (b"SYSTEM", [b"system"]),
        (b"_rebuild", [b"rebuild"]),
    ],
)
def test_identifiers_split_into_subwords(text: bytes, parts: list[bytes]) -> None:
    assert text_ids(text) == [word(part) for part in parts]


def test_digits_and_punctuation_are_tokens_of_their_own() -> None:
    assert text_ids(b"a.b42") == [word(b"a"), tk.PUNCTUATION + ord("."), word(b"b"), tk.DIGITS + 1]
    assert text_ids(b"__") == [tk.PUNCTUATION + ord("_")]
    assert text_ids(b"a \t\n\n b") == [word(b"a"), tk.NEWLINE, word(b"b")]
    assert text_ids(b"\xe9\xff") == [tk.BINARY]


def test_hex_and_base64_are_blobs() -> None:
    assert text_ids(b"deadbeef" * 6)[:2] == [tk.HEX, tk.LENGTH + 5]
    assert text_ids(b"gASVabcXYZ1234567+/=" * 4)[:2] == [tk.BLOB, tk.LENGTH + 6]


def test_similar_words_share_trigrams() -> None:
    assert len(grams(b"getoutput") & grams(b"output")) >= 4
    assert not grams(b"system") & grams(b"reconstruct")
    assert len(grams(b"a" * 30)) <= tk.N_GRAMS


def test_equal_words_have_one_number() -> None:
    words = Words()
    words.add_text(tk.NAME, b"run RUN Run", 0, 11)
    assert len(set(words.tokens[: words.n_tokens])) == 1


@pytest.mark.parametrize(
    ("opcode", "text", "decoded"),
    [
        (op.STRING, rb"a\n\t\r\x41\101\\\'", b"a\n\t\rAA\\'"),
        (op.STRING, rb"\xe9", b"\x80"),
        (op.STRING, rb"\x4", rb"\x4"),
        (op.UNICODE, rb"\u006fs\U00000041\u00e9", b"osA\x80"),
        (op.UNICODE, rb"\u00", rb"\u00"),
        (op.STRING, b"\\", b"\\"),
    ],
)
def test_unescape(opcode: int, text: bytes, decoded: bytes) -> None:
    words = Words()
    size = words.unescape(text, opcode, 0, len(text))
    assert bytes(list(words.scratch[:size])) == decoded


def literal_ids(text: bytes, opcode: int = op.BINUNICODE, kind: int = kd.TEXT) -> list[int]:
    words = Words()
    words.add_literal(tk.ARGUMENT, text, opcode, kind, 0, len(text))
    return ids(words)


def test_literals() -> None:
    assert literal_ids(b"") == [tk.EMPTY_TEXT]
    assert literal_ids(b"run") == [tk.TEXT, word(b"run")]
    assert literal_ids(b"run", op.BINBYTES, kd.DATA) == [tk.DATA, word(b"run")]
    assert literal_ids(rb"\x72un", op.STRING) == [tk.TEXT, word(b"run")]
    assert literal_ids(b"\0\0run\0") == [tk.TEXT, tk.BINARY, word(b"run"), tk.BINARY]


def test_text_in_the_middle_of_a_long_literal_is_seen() -> None:
    found = literal_ids(bytes(100_000) + b"curl example.com" + bytes(100_000), op.BINBYTES, kd.DATA)
    assert word(b"curl") in found
    assert found[:2] == [tk.DATA, tk.LENGTH + 17]


def test_a_long_text_is_cut_and_says_so() -> None:
    found = literal_ids(b"a1" * 100_000)
    assert len(found) <= MAX_SITE_TOKENS + 2
    assert tk.CUT in text_ids(b"a. " * 100_000)
