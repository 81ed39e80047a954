"""Attacks and twins are what they claim: checked with our own lexer and machine, never by loading."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from safepickle_dl.analysis import Analysis, analyse
from safepickle_dl.core import opcodes as op
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from train.corpus.attacks import bland, bombs, effects, functions, stages, strangers
from train.corpus.attacks.grammar import OWN_GADGET, TECHNIQUES, Gadgets, Made, attack_of, references
from train.corpus.attacks.techniques import Aim
from train.corpus.attacks.twins import twin_of
from train.corpus.draw import Draw
from train.corpus.gadgets.table import KNOWN, Gadget, read_gadgets
from train.corpus.honest import objects
from train.corpus.honest.surroundings import SURROUNDINGS, enlarged
from train.corpus.spelling import assemble as asm
from train.corpus.spelling.expressions import (
    AddItems,
    Append,
    Build,
    Call,
    Extension,
    New,
    Opcodes,
    Persistent,
    Ref,
    Repeat,
    Same,
    SetItems,
    Style,
)
from train.corpus.spelling.scripts import expression_of
from train.corpus.spelling.writer import pickled

GADGETS = read_gadgets()
SOME = [g for g in GADGETS if g.path in ("os.system", "builtins.exec", "timeit.timeit", "shutil.rmtree")]
CALLS = frozenset(
    {"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD", "SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS"}
)
SINKS = {g.path for g in KNOWN if g.sink in ("exec", "process", "ctypes", "network", "write", "read")}


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


def callees(analysis: Analysis) -> set[str]:
    return {
        callee_text(stream.machine, stream.machine.site_callee[i])
        for stream in analysis.streams
        for i in range(stream.machine.n_sites)
        if opcode_name(stream.machine.site_opcode[i]) in CALLS
    }


def is_clean(analysis: Analysis) -> bool:
    return bool(analysis.streams) and all(
        stream.machine.stopped
        and all(stream.machine.site_opcode[i] < op.ANOMALY for i in range(stream.machine.n_sites))
        for stream in analysis.streams
    )


def analysed(value: Any, style: Style | None = None, seed: int = 0) -> Analysis:
    return analyse(pickled(value, style or Style(4), Random(seed)))


def many(technique: str, n: int = 40) -> Iterator[Made]:
    for index in range(n):
        made = attack_of(technique, SOME[index % 4], Draw(index, ("train", "validation", "test")[index % 3]))
        if made is not None:
            yield made


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_technique_makes_whole_pickles_with_its_gadget_in_them(technique: str) -> None:
    seen = list(many(technique))
    assert len(seen) > 20
    for made in seen:
        analysis = analysed(made.expression)
        assert is_clean(analysis), made
        assert made.technique == technique
        if technique in (
            "encoded-name",
            "extension",
            "persistent",
            "silent-bomb",
        ):  # hidden on purpose, or no import at all
            continue
        text = "\n".join(sites(analysis, calls_only=technique not in ("import-only", "write-import")))
        name = made.gadget.rpartition(".")[2]
        assert name in text, (made.gadget, text[:2000])


def test_attacks_by_their_own_gadget_say_which() -> None:
    for technique in OWN_GADGET - {"silent-bomb"}:
        assert all(made.gadget and made.module for made in many(technique, 10)), technique


def test_equal_seeds_make_equal_attacks_and_twins() -> None:
    for technique in TECHNIQUES:
        attacks = [attack_of(technique, SOME[0], Draw(7)) for _ in range(2)]
        twins = [twin_of(technique, GADGETS, Draw(7)) for _ in range(2)]
        for first, second in (attacks, twins):
            assert first is not None
            assert second is not None
            assert pickled(first.expression, Style(), Random(0)) == pickled(second.expression, Style(), Random(0))


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_twins_are_whole_and_call_no_sink(technique: str) -> None:
    for seed in range(25):
        twin = twin_of(technique, GADGETS, Draw(seed, ("train", "test")[seed % 2]))
        analysis = analysed(twin.expression)
        assert is_clean(analysis), twin
        assert twin.technique.startswith("twin-")
        assert not callees(analysis) & SINKS, twin


def test_gadgets_are_drawn_from_what_is_given() -> None:
    mine = [g for g in GADGETS if g.module.startswith(("sub", "torch", "bui"))]
    source = Gadgets(mine)
    assert {source.draw(Draw(seed)).path for seed in range(100)} <= {g.path for g in mine}
    only = Gadget("os", "system", "process", ("command",), ("command",))
    assert Gadgets([only]).draw(Draw(0)) is only
    with pytest.raises(ValueError, match="no gadget"):
        Gadgets([])


ROWS = [row for table in bland.TABLES.values() for row in table]


def test_there_are_many_compositions_over_many_modules() -> None:
    modules = {ref.module for row in ROWS for ref in references(composed(row.attack)) if ref.module != "os"}
    assert len(ROWS) > 400
    assert len({row.attack for row in ROWS}) == len(ROWS)
    assert len(modules) > 150


def composed(script: str, g: Any = None, arguments: tuple[Any, ...] = ("echo x",)) -> Any:
    draw = Draw(3)
    names = bland._names(g or Ref("os", "system"), arguments, "os.system", draw)
    return expression_of(script, names, draw)


@pytest.mark.parametrize("table", bland.TABLES)
def test_every_composition_holds_the_gadget_and_its_honest_side_does_not(table: str) -> None:
    for row in bland.TABLES[table]:
        attack, honest = analysed(composed(row.attack)), analysed(composed(row.honest, Ref("math", "sqrt"), (2.0,)))
        assert is_clean(attack), row
        assert is_clean(honest), row
        assert any("os.system" in site for site in sites(attack)), row
        assert not any("os.system" in site for site in sites(honest)), row
        assert not callees(honest) & SINKS, row


def test_what_is_never_set_off_is_the_start_of_the_attack() -> None:
    (row,) = bland.rows_of("threading:Timer(n, g, xs) ! .start()")
    assert (row.attack, row.honest, row.calls) == (
        "threading:Timer(n, g, xs).start()", "threading:Timer(n, g, xs)", False,
    )  # fmt: skip
    (row,) = bland.rows_of("operator:call(g, *a)")
    assert (row.honest, row.calls) == (row.attack, True)
    (row,) = bland.rows_of("signal:signal(n, g)\n  | signal:Signals(n)")
    assert (row.attack, row.honest, row.calls) == ("signal:signal(n, g)", "signal:Signals(n)", False)


def given(g: Ref, x: Any) -> dict[str, Any]:
    """Return the names that attacks and their neighbours are given differently."""
    return {"g": g, "xs": [x], "x": x, "settings": {}, "dotted": "a.b", "mod": "a", "pickled": b""}


@pytest.mark.parametrize("kind", effects.KINDS)
def test_every_effect_and_its_neighbour_can_be_spelled(kind: str) -> None:
    for row in effects.rows(kind):
        draw = Draw(1)
        names = effects.texts(draw) | given(Ref("os", "system"), "id")
        attack, honest = (analysed(expression_of(script, names, draw)) for script in (row.attack, row.honest))
        assert is_clean(attack), row
        assert is_clean(honest), row
        assert row.attack != row.honest, row


def test_no_attack_is_in_two_rows() -> None:
    """The rows could belong to different splits."""
    tables = (*bland.TABLES.values(), *map(effects.rows, effects.KINDS))
    assert not {attack: n for attack, n in Counter(row.attack for table in tables for row in table).items() if n > 1}


@pytest.mark.parametrize("kind", [*effects.KINDS, "honest"])
def test_no_neighbour_calls_a_sink(kind: str) -> None:
    for row in effects.rows(kind):
        draw = Draw(1)
        names = effects.texts(draw) | given(Ref("a.b", "f"), "b")
        assert not callees(analysed(expression_of(row.honest, names, draw))) & SINKS, row


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("os:system(c)", ["REDUCE os.system ('x',)"]),
        ("os.path:join(*l)", ["REDUCE os.path.join (1, 2)"]),
        ("a:b[c]", ["REDUCE operator.getitem (a.b, 'x')"]),
        ("a:b.c + a:d", ["REDUCE operator.add (a.b.c, a.d)"]),
        ("a:b().c", ["REDUCE a.b ()", "REDUCE builtins.getattr (a.b(), 'c')"]),
        ("s = a:b(); s.x = c; s", ["REDUCE a.b ()", "BUILD a.b() {'x': 'x'}"]),
        ("s = a:b(); s[c] = 1", ["REDUCE a.b ()", "SETITEM a.b() ('x', 1)"]),
        ("a:b += [1, c]", ["APPENDS a.b (1, 'x')"]),
        ("a:b |= [1, c]", ["ADDITEMS a.b (1, 'x')"]),
        ("a:b(f'<{c}>', {c: ()})", ["REDUCE a.b ('<x>', {'x': ()})"]),
    ],
)
def test_scripts_say_what_their_opcodes_do(script: str, expected: list[str]) -> None:
    for seed in range(40):  # helpers go by either name, states by either form
        found = sites(analysed(expression_of(script, {"c": "x", "l": [1, 2]}, Draw(seed))), calls_only=True)
        if found == expected:
            return
    raise AssertionError(found)


def test_keywords_reach_a_call_through_partial() -> None:
    for seed in range(10):
        found = sites(analysed(expression_of("a:b(1, k=2)", {}, Draw(seed))), calls_only=True)
        assert "functools.partial" in found[0]
        assert any("{'k': 2}" in site for site in found)
        assert found[-1].endswith(" ()")


@pytest.mark.parametrize("script", ["import os", "x < 1", "del a", "lambda: 0"])
def test_scripts_are_no_python(script: str) -> None:
    with pytest.raises(SyntaxError):
        expression_of(script, {"x": 1, "a": 1}, Draw(0))


def test_functions_by_value_hold_their_code_and_only_attackers_call_them() -> None:
    for seed in range(60):
        draw = Draw(seed, ("train", "test")[seed % 2])
        attack, honest = functions.called_function(draw), functions.lying_function(draw)
        for value in (attack, honest):
            assert is_clean(analysed(value))
            refs = {(ref.module.partition(".")[0], ref.name) for ref in references(value)}
            assert any("ode" in name or "_builtin_type" in name for _, name in refs), refs


def test_a_kept_partial_is_what_python_writes_and_is_not_called() -> None:
    for seed in range(40):
        value = objects.partial_of(Ref("builtins", "print"), Draw(seed))
        _, arguments, keywords, _ = value.state
        written = pickle.dumps(partial(print, *arguments, **keywords), 4)
        assert sites(analysed(value), calls_only=True) == sites(analyse(written), calls_only=True)


def test_a_code_object_is_made_with_all_its_parts() -> None:
    code = compile("def f(x):\n    return [y + 1 for y in x]\n", "a.py", "exec").co_consts[0]
    text = sites(analysed(functions.code_expression(code, Draw(0))), calls_only=True)[-1]
    assert repr(code.co_code) in text
    assert "'a.py', 'f'" in text


def test_bombs_are_small() -> None:
    for seed in range(60):
        for make in (bombs.bomb, bombs.silent_bomb):
            data = pickled(make(Draw(seed, "test")), Style(4), Random(0))
            assert len(data) < 100_000
            assert is_clean(analyse(data))
            assert bool(sites(analyse(data))) == (make is bombs.bomb)


def test_what_exhausts_has_twins_with_the_same_callables() -> None:
    aim = Aim(SOME[0], ())
    much, little = set(), set()
    large = re.compile(r"\.(bytearray|range|randbytes|factorial|zeros|ones|mul|pow) \([^()]*\d{6}")
    for seed in range(400):
        attack, honest = bombs.exhaust(aim, Draw(seed)), bombs.bounded(Draw(seed))
        for value, names in ((attack, much), (honest, little)):
            names |= {f"{ref.module}.{ref.name}" for ref in references(value)}
            assert is_clean(analysed(value))
        assert not large.search(" ".join(sites(analysed(honest))))
    assert any(large.search(" ".join(sites(analysed(bombs.exhaust(aim, Draw(seed)))))) for seed in range(20))
    assert len(much & little) > 30 and {"os.abort", "builtins.input"} <= much - little


def test_modules_that_are_only_imported_have_whole_names() -> None:
    aim = Aim(SOME[0], ())
    modules = {stages.import_only(aim, Draw(seed)).module for seed in range(400)}
    assert all(re.fullmatch(r"_?[a-z]\w{2,}(\.\w{3,})*", module) for module in modules), modules
    words = {word for module in modules for word in re.split(r"[._]", module)}
    known = {"antigravity", "this", "idlelib", "ensurepip", "backdoor", "dropper", "keylogger", "trojan"}
    assert len(words & known) > 4
    assert len(modules) > 100


def test_settings_and_names_tell_strangers_what_to_call() -> None:
    aim = Aim(Gadget("acme.loaders", "load", "exec"), ())
    evil = [" ".join(sites(analysed(strangers.carried(aim, Draw(seed))))) for seed in range(300)]
    plain = [" ".join(sites(analysed(strangers.carried_honestly("acme.loaders", Draw(seed))))) for seed in range(300)]
    shown = re.compile(r"os.system|subprocess.(run|Popen)|builtins.(eval|exec)")
    assert sum(bool(shown.search(text)) for text in evil) > 40
    assert not any(shown.search(text) for text in plain)
    for shape in (r"\{'[^']+': \{", r"argparse.Namespace|SimpleNamespace", r"!!python/object/apply"):
        assert any(re.search(shape, text) for text in evil), shape


@pytest.mark.parametrize("index", range(len(SURROUNDINGS)))
def test_every_surrounding_keeps_the_call(index: int) -> None:
    for seed in range(10):
        value = SURROUNDINGS[index](Call(Ref("os", "system"), ("echo x",)), Draw(seed))
        for style in (Style(2), Style(4), Style(4, False, None, ("OBJ",), ("STACK_GLOBAL_MEMO",))):
            assert any(site.endswith(" os.system ('echo x',)") for site in sites(analysed(value, style)))


def test_an_enlarged_expression_keeps_the_call() -> None:
    value: Any = Call(Ref("os", "system"), ("echo x",))
    for seed in range(10):
        value = enlarged(value, Draw(seed))
    assert "REDUCE os.system ('echo x',)" in sites(analysed(value))


NODES: list[tuple[Any, list[str]]] = [
    (Call(Extension(7), (1,)), ["EXT1 ext(7) ", "REDUCE ext(7) (1,)"]),
    (Call(Extension(300), ()), ["EXT2 ext(300) ", "REDUCE ext(300) ()"]),
    (Call(Extension(70_000), ()), ["EXT4 ext(70000) ", "REDUCE ext(70000) ()"]),
    (Persistent("k"), ["BINPERSID  'k'"]),
    (Repeat("x", 3), []),
    (Opcodes(b"\x97\x98"), []),
    (New(Ref("a", "b"), (1,), {"k": 2}), ["NEWOBJ_EX a.b ((1,), {'k': 2})"]),
    (Build(Ref("a", "b"), (None, {"k": 1})), ["BUILD a.b (None, {'k': 1})"]),
    (SetItems(Ref("a", "b"), {"k": 1}), ["SETITEM a.b ('k', 1)"]),
    (Append(Ref("a", "b"), (1, 2)), ["APPENDS a.b (1, 2)"]),
    (AddItems(Ref("a", "b"), (1,)), ["ADDITEMS a.b (1,)"]),
    (bytearray(b"ab"), ["REDUCE builtins.bytearray (b'ab',)"]),
]


@pytest.mark.parametrize(("node", "expected"), NODES, ids=lambda value: type(value).__name__)
def test_every_node_is_the_call_site_that_it_stands_for(node: Any, expected: list[str]) -> None:
    found = [site for site in sites(analysed(node)) if not site.startswith(("GLOBAL", "STACK_GLOBAL"))]
    assert found == expected


def test_bytearrays_have_their_own_opcode_from_protocol_5_on() -> None:
    assert b"\x96" in pickled(bytearray(b"abc"), Style(5), Random(0))
    assert sites(analysed(bytearray(b"abc"), Style(5))) == []


def test_a_list_that_holds_itself() -> None:
    ring = Same([1])
    assert is_clean(analysed(Append(ring, (ring,))))


@pytest.mark.parametrize("headers", [(), (0,), (2, 4), (3, 3, 3)])
def test_headers_are_as_the_style_says(headers: tuple[int, ...]) -> None:
    data = pickled(1, Style(4, False, headers), Random(0))
    assert data.startswith(b"".join(b"\x80%c" % protocol for protocol in headers) + b"K")


def test_old_names_are_those_of_python_2() -> None:
    value = Call(Ref("builtins", "map"), (Ref("queue", "Queue"), ["x"]))
    style = Style(2, False, old_names=True)
    assert sites(analysed(value, style), calls_only=True) == ["REDUCE itertools.imap (Queue.Queue, ['x'])"]


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


@pytest.mark.parametrize("call", ["REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX"])
@pytest.mark.parametrize("imports", ["GLOBAL", "STACK_GLOBAL", "STACK_GLOBAL_MEMO"])
@pytest.mark.parametrize("memo", ["none", "PUT", "LONG_BINPUT", "MEMOIZE", "mixed"])
def test_every_opcode_form_makes_the_same_call(call: str, imports: str, memo: str) -> None:
    style = Style(4, False, None, (call,), (imports,), asm.TEXT_FORMS, memo, 0.3)
    expression = Call(Ref("os", "system"), (["echo", 1],))
    for seed in range(20):
        analysis = analyse(pickled(expression, style, Random(seed)))
        assert is_clean(analysis)
        arguments = "((['echo', 1],), {})" if call == "NEWOBJ_EX" else "(['echo', 1],)"
        assert sites(analysis, calls_only=True)[-1:] == [f"{call} os.system {arguments}"]


def test_references_come_outermost_first() -> None:
    expression = Call(Call(Ref("a", "b"), (Ref("c", "d"),)), ({"k": Ref("e", "f")},))
    assert [(r.module, r.name) for r in references(expression)] == [("a", "b"), ("c", "d"), ("e", "f")]
