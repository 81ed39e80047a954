"""Made attacks and their twins are what they claim: checked with our own lexer and machine, never by loading."""

from __future__ import annotations

import pickle
from collections import Counter
from random import Random
from typing import Any

import pytest

from safepickle_dl.analysis import Analysis, analyse
from safepickle_dl.core import opcodes as op
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from train.corpus import assemble as asm
from train.corpus.attacks import OWN_GADGET, TECHNIQUES, Attack, attack_with, attacks, references, twins
from train.corpus.expressions import Call, Ref, Style
from train.corpus.gadgets import KNOWN, Gadget, read_gadgets
from train.corpus.writer import pickled

GADGETS = read_gadgets()
N = 400
CALLS = frozenset({"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD", "SETITEM", "SETITEMS", "APPEND", "APPENDS"})


@pytest.fixture(scope="module")
def made() -> list[tuple[Attack, Analysis]]:
    return [(attack, analyse(attack.data)) for attack in attacks(1, N, GADGETS)]


@pytest.fixture(scope="module")
def honest() -> list[tuple[Attack, Analysis]]:
    return [(twin, analyse(twin.data)) for twin in twins(1, N, GADGETS)]


def sites(analysis: Analysis, calls_only: bool = False) -> list[str]:
    """Return every call site as text, whole."""
    found = []
    for stream in analysis.streams:
        machine = stream.machine
        for i in range(machine.n_sites):
            name = opcode_name(machine.site_opcode[i])
            if not calls_only or name in CALLS:
                arguments = arguments_text(machine, machine.site_arguments[i], 10_000)
                found.append(f"{name} {callee_text(machine, machine.site_callee[i])} {arguments}")
    return found


def is_clean(analysis: Analysis) -> bool:
    return bool(analysis.streams) and all(
        stream.machine.stopped
        and all(stream.machine.site_opcode[i] < op.ANOMALY for i in range(stream.machine.n_sites))
        for stream in analysis.streams
    )


def test_equal_seeds_make_equal_files() -> None:
    assert list(attacks(7, 50, GADGETS)) == list(attacks(7, 50, GADGETS))
    assert list(twins(7, 50, GADGETS)) == list(twins(7, 50, GADGETS))
    first, second = list(attacks(7, 50, GADGETS)), list(attacks(8, 50, GADGETS))
    assert not {a.data for a in first} & {a.data for a in second}


def test_longer_runs_begin_with_the_shorter_ones() -> None:
    assert list(attacks(7, 20, GADGETS)) == list(attacks(7, 40, GADGETS))[:20]


def test_streams_end_with_stop_and_have_no_anomaly(
    made: list[tuple[Attack, Analysis]], honest: list[tuple[Attack, Analysis]]
) -> None:
    for attack, analysis in made + honest:
        assert attack.data[-1:] == b"."
        assert is_clean(analysis), (attack.technique, attack.form, attack.data)
        assert analysis.streams[-1].end == len(attack.data)


def test_the_gadget_is_at_a_call_site(made: list[tuple[Attack, Analysis]]) -> None:
    for attack, analysis in made:
        if attack.technique in ("encoded-name", "dotted"):  # hidden on purpose, or under another name
            continue
        text = "\n".join(sites(analysis, calls_only=attack.technique not in ("import-only", "write-import")))
        *_, owner, name = attack.gadget.split(".")
        name = owner if name in ("__call__", "__setstate__") else name  # its instance is called, or built
        assert name in text, (attack.technique, attack.gadget, text[:2000])


def test_files_are_diverse(made: list[tuple[Attack, Analysis]]) -> None:
    assert len({attack.data for attack, _ in made}) > 0.97 * N
    assert len({attack.gadget for attack, _ in made}) > N / 3
    assert len({attack.form for attack, _ in made}) > 20
    protocols = Counter(stream.machine.protocol for _, analysis in made for stream in analysis.streams)
    assert set(protocols) == {0, 2, 3, 4, 5}
    used = {opcode_name(s.machine.site_opcode[i]) for _, a in made for s in a.streams for i in range(s.machine.n_sites)}
    assert {"GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "OBJ", "NEWOBJ", "BUILD", "SETITEMS"} <= used


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique(technique: str) -> None:
    gadgets = [g for g in GADGETS if g.path in ("os.system", "builtins.exec", "timeit.timeit", "shutil.rmtree")]
    for index in range(40):
        attack = attack_with(gadgets[index % 4], technique, Random(index))
        if attack is not None:
            assert is_clean(analyse(attack.data)), attack
            assert attack.technique == technique


def test_all_techniques_are_used(made: list[tuple[Attack, Analysis]]) -> None:
    seen = {attack.technique for attack in attacks(3, 1500, GADGETS)}
    assert seen == set(TECHNIQUES)


def test_gadgets_can_be_split_by_module() -> None:
    def allowed(module: str) -> bool:
        return module.startswith(("sub", "torch", "bui"))

    for attack in attacks(5, 200, GADGETS, allowed):
        assert allowed(attack.module)
    with pytest.raises(ValueError, match="no gadget"):
        next(attacks(5, 1, GADGETS, lambda module: False))


def test_one_gadget_is_enough() -> None:
    gadget = Gadget("os", "system", "process", ("command",), ("command",))
    mine = [a for a in attacks(5, 60, [gadget]) if a.technique not in OWN_GADGET]
    assert {a.gadget for a in mine} == {"os.system"}


def test_twins_call_no_known_sink(honest: list[tuple[Attack, Analysis]]) -> None:
    known = {g.path for g in KNOWN} | {g.path.replace("builtins.", "__builtin__.") for g in KNOWN}
    for twin, analysis in honest:
        for stream in analysis.streams:
            machine = stream.machine
            for i in range(machine.n_sites):
                callee = callee_text(machine, machine.site_callee[i])
                assert callee not in known, (twin.technique, callee)


def test_twins_have_the_shapes_of_attacks(honest: list[tuple[Attack, Analysis]]) -> None:
    assert {twin.technique for twin, _ in honest} == {
        f"twin-{k}" for k in ("object", "shape", "names", "texts", "chain")
    }
    used = {
        opcode_name(s.machine.site_opcode[i]) for _, a in honest for s in a.streams for i in range(s.machine.n_sites)
    }
    assert {"GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "OBJ", "NEWOBJ", "BUILD", "SETITEMS", "BINPERSID"} <= used
    assert {s.machine.protocol for _, a in honest for s in a.streams} == {0, 2, 3, 4, 5}


PLAIN: list[Any] = [
    None, True, 3, -5, 70_000, 2**40, -(2**70), 1.5, "abc", "a\nb\\c\0", "x" * 300, "\u00e4\u20ac", (), (1,),
    (1, 2, 3, 4),
    [], [1], [1, 2], {}, {"a": 1}, {"a": 1, "b": [2, 3]}, {1}, frozenset({2, 3}), list(range(2500)), b"", b"\xff" * 300,
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_the_faithful_style_is_what_python_writes(protocol: int) -> None:
    for value in PLAIN:
        assert pickled(value, Style(protocol), Random(0)) == pickle._dumps(value, protocol=protocol), value  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["plain", "quote ' and \"", "line\nbreak \\ back", "\0\x1a\r", "x" * 255])
def test_every_text_form_says_the_same(value: str) -> None:
    forms = asm.text_forms(value)
    assert set(forms) == set(asm.TEXT_FORMS)
    for form in forms:
        (site,) = sites(analyse(asm.import_global("a", "b") + asm.text(value, form) + b"\x85R."), calls_only=True)
        assert site == f"REDUCE a.b ({value!r},)", form


@pytest.mark.parametrize("value", [0, 1, 255, 256, -1, 2**31, -(2**31), 2**64])
def test_every_integer_form_says_the_same(value: int) -> None:
    for form in asm.int_forms(value):
        (site,) = sites(analyse(asm.import_global("a", "b") + asm.integer(value, form) + b"\x85R."), calls_only=True)
        assert site == f"REDUCE a.b ({value},)", form


@pytest.mark.parametrize("call", ["REDUCE", "OBJ", "INST"])
@pytest.mark.parametrize("imports", ["GLOBAL", "STACK_GLOBAL", "STACK_GLOBAL_MEMO"])
@pytest.mark.parametrize("memo", ["none", "PUT", "LONG_BINPUT", "MEMOIZE", "mixed"])
def test_every_opcode_form_makes_the_same_call(call: str, imports: str, memo: str) -> None:
    style = Style(4, False, True, (call,), (imports,), asm.TEXT_FORMS, memo, 0.3)
    expression = Call(Ref("os", "system"), (["echo", 1],))
    for seed in range(20):
        analysis = analyse(pickled(expression, style, Random(seed)))
        assert is_clean(analysis)
        assert sites(analysis, calls_only=True)[-1:] == [f"{call} os.system (['echo', 1],)"]


def test_references_come_outermost_first() -> None:
    expression = Call(Call(Ref("a", "b"), (Ref("c", "d"),)), ({"k": Ref("e", "f")},))
    assert [(r.module, r.name) for r in references(expression)] == [("a", "b"), ("c", "d"), ("e", "f")]
