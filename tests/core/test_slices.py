from __future__ import annotations

import json

import pytest

from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.slices import MAX_HEAD, Slices
from safepickle_dl.core.words import MAX_SITE_TOKENS
from safepickle_dl.limits import DEFAULT_LIMITS
from tests.assemble import contents, run, short, slices_of, stack_global
from tests.golden.regenerate import PATH, PICKLES, golden

GOLDEN = json.loads(PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PICKLES)
def test_golden_slices(name: str) -> None:
    fresh = golden()["cases"]
    assert isinstance(fresh, dict)
    assert fresh[name] == GOLDEN["cases"][name]


def test_golden_file_is_for_this_alphabet() -> None:
    assert GOLDEN["tokens_version"] == tk.VERSION
    assert set(GOLDEN["cases"]) == set(PICKLES)


def sites_of(data: bytes) -> list[tuple[tuple[int, ...], ...]]:
    return [tokens for channel, tokens in slices_of(run(data)) if channel == 0]


def last(data: bytes) -> tuple[tuple[int, ...], ...]:
    """Return the slice of the last call."""
    return sites_of(data)[-1]


CALL = [
    b"cos\nsystem\nS'echo hi'\n\x85R.",
    b"cos\nsystem\n(S'echo hi'\ntR.",
    stack_global("os", "system") + short("echo hi") + b"\x85R.",
    b"Vos\nVs\\u0079stem\n\x93V\\u0065cho hi\n\x85R.",
    short("system") + b"\x940" + short("os") + b"h\0\x93" + short("echo hi") + b"\x94\x85\x94R\x94.",
    b"\x80\x05N0](K\x01K\x02e0cos\nsystem\nq\x050h\x05X\x07\0\0\0echo hi\x85R.",
    b"cos\nsystem\nS'echo hi'\nN0\x85R.",
    b"cos\nsystem\nS'echo hi'\n\x85R0N.",
    b"}Vkey\ncos\nsystem\nS'echo hi'\n\x85Rs.",
    b"(cos\nsystem\nS'echo hi'\no.",
    b"(S'echo hi'\nios\nsystem\n.",
]


@pytest.mark.parametrize("data", CALL)
def test_spelling_and_junk_do_not_change_a_slice(data: bytes) -> None:
    assert last(data) == last(CALL[0])


def test_slices_differ_where_the_behaviour_does() -> None:
    different = [
        CALL[0],
        b"cos\nsystem\nS'echo ho'\n\x85R.",
        b"cos\npopen\nS'echo hi'\n\x85R.",
        b"cos\nsystem\nS'echo hi'\n\x85\x81.",
        b"cos\nsystem\nC\x07echo hi\x85R.",
    ]
    assert len({last(data) for data in different}) == len(different)


def test_equal_call_sites_are_one_slice() -> None:
    call = b"cos\nsystem\nS'echo hi'\n\x85R0"
    assert len(sites_of(call * 500 + b"N.")) == len(sites_of(call + b"N.")) == 1


def test_an_import_is_a_slice_unless_all_that_happens_to_it_is_a_call() -> None:
    assert len(sites_of(b"cos\nsystem\n.")) == 1
    assert len(sites_of(b"cos\nsystem\n)R.")) == 1
    assert len(sites_of(b"cos\nsystem\nq\0)Rh\0\x86.")) == 2


def test_every_machine_that_has_a_slice_is_noted() -> None:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for source in range(3):
        slices.add_machine(run(CALL[0]), source)
    pairs = {(slices.pair_source[i], slices.pair_slice[i]) for i in range(slices.n_pairs)}
    assert pairs == {(source, k) for source in range(3) for k in range(slices.count)}


def test_slices_of_machines_know_their_source() -> None:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    slices.add_machine(run(CALL[0]), 0)
    n = slices.count
    slices.add_machine(run(CALL[0]), 1)
    assert slices.count == n
    slices.add_machine(run(b"cf\ng\n."), 2)
    assert [slices.source[k] for k in range(slices.count)] == [0] * n + [2] * (slices.count - n)
    for k in range(slices.count):
        assert 0 < slices.first[k + 1] - slices.first[k] <= tk.MAX_TOKENS


def words(tokens: tuple[tuple[int, ...], ...]) -> set[tuple[int, ...]]:
    return {token[1:] for token in tokens if token[1] >= tk.FIRST_WORD}


def test_nothing_hides_in_the_middle_of_many_arguments() -> None:
    needle = next(iter(words(last(b"cf\ng\n" + short("needle") + b"\x85R.")) - words(last(b"cf\ng\n)R."))))
    for position in (0, 50, 125, 249):
        texts = [b"needle" if i == position else b"straw" + bytes([97 + i % 26]) for i in range(250)]
        data = b"cf\ng\n(" + b"".join(b"U" + bytes([len(text)]) + text for text in texts) + b"tR."
        found = sites_of(data)
        assert any(needle in words(tokens) for tokens in found)
        heads = {tokens[:3] for tokens in found}
        assert len(heads) == 1  # each slice repeats the operation and the callee


def test_a_long_callee_does_not_push_out_the_arguments() -> None:
    data = b"c" + b"a.b_" * 200 + b"\nname\n" + short("needle") + b"\x85R."
    found = sites_of(data)
    assert all(len(tokens) <= tk.MAX_TOKENS for tokens in found)
    needle = words(last(b"cf\ng\n" + short("needle") + b"\x85R.")) - words(last(b"cf\ng\n)R."))
    assert any(needle & words(tokens) for tokens in found)
    assert MAX_HEAD < tk.MAX_TOKENS


@pytest.mark.parametrize(
    "argument", [b"]q\0h\0a", b"}q\0h\0h\0s", b"]q\0(" + b"h\0" * 250 + b"e", b")" + b"\x85" * 100_000]
)
def test_cyclic_and_deep_arguments_are_bounded(argument: bytes) -> None:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    slices.add_machine(run(b"cf\ng\n" + argument + b"\x85R."), 0)
    assert slices.first[slices.count] < 3 * MAX_SITE_TOKENS


def test_a_billion_laughs_is_bounded() -> None:
    data = b"cf\ng\n]" + b"q\0(" + b"h\0" * 250 + b"l" * 1
    data += b"".join(b"q\0(" + b"h\0" * 250 + b"l" for _ in range(20)) + b"\x85R."
    assert len(sites_of(data)) < 100


def test_context_is_the_opcodes_before_a_site() -> None:
    (_, context), *_ = [entry for entry in slices_of(run(b"N0N0cf\ng\n.")) if entry[0] == 1]
    assert [token[1] - tk.OPCODE for token in context] == [op.NONE, op.POP, op.NONE, op.POP, op.GLOBAL]
    runs = [tokens for channel, tokens in slices_of(run(b"(" + b"N" * 9 + b"cf\ng\n.")) if channel == 1]
    lengths = [token[2] for token in runs[0]]
    assert lengths == [1, 4, 1]


def test_contents_resolve_words() -> None:
    first, second = Slices(DEFAULT_LIMITS.max_tokens), Slices(DEFAULT_LIMITS.max_tokens)
    first.add_machine(run(b"ca\nb\n."), 0)
    second.add_machine(run(b"cx\ny\n."), 0)
    second.add_machine(run(b"ca\nb\n."), 1)
    assert set(contents(first)) < set(contents(second))


@pytest.mark.parametrize("salt", [1, 2**47 + 12345])
def test_the_salt_changes_nothing(salt: int) -> None:
    data = b"ca\nb\n(I1\ntR0ca\nb\n(I1\ntR0ca\nb\n(I5000\ntR."
    plain, salted = Slices(DEFAULT_LIMITS.max_tokens), Slices(DEFAULT_LIMITS.max_tokens, salt)
    plain.add_machine(run(data), 0)
    salted.add_machine(run(data), 0)
    assert contents(plain) == contents(salted)
    assert plain.count == salted.count
