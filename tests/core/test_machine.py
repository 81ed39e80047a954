from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import pathlib
import pickle
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.nodes import Nodes
from safepickle_dl.stream import global_text
from tests.assemble import anomalies, called, result_use, run, short, sites, stack_global

ECHO = ("os.system", "('echo',)")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"cos\nsystem\n(S'echo'\ntR.", ("REDUCE", *ECHO)),
        (b"(cos\nsystem\nS'echo'\no.", ("OBJ", *ECHO)),
        (b"(S'echo'\nios\nsystem\n.", ("INST", *ECHO)),
        (b"cos\nsystem\n(S'echo'\nt\x81.", ("NEWOBJ", *ECHO)),
        (b"cos\nsystem\n(S'echo'\nt}\x92.", ("NEWOBJ_EX", "os.system", "(('echo',), {})")),
        (b"cos\nsystem\n}b.", ("BUILD", "os.system", "{}")),
        (b"cos\nsystem\nK\x05a.", ("APPEND", "os.system", "(5,)")),
        (b"cos\nsystem\n(K\x05Ne.", ("APPENDS", "os.system", "(5, None)")),
        (b"cos\nsystem\nK\x05Ns.", ("SETITEM", "os.system", "(5, None)")),
        (b"cos\nsystem\n(K\x05Nu.", ("SETITEMS", "os.system", "(5, None)")),
        (b"cos\nsystem\n(K\x05N\x90.", ("ADDITEMS", "os.system", "(5, None)")),
    ],
)
def test_calls(data: bytes, expected: tuple[str, str, str]) -> None:
    found = sites(data)
    assert found[-1] == expected
    assert found[0][1] == "os.system"
    assert len(found) == 2
    assert run(data).stopped


def test_persistent_ids_and_extensions() -> None:
    assert sites(b"Pkey\n.") == [("PERSID", "", "'key'")]
    assert sites(b"K\x05N\x86Q.") == [("BINPERSID", "", "(5, None)")]
    assert sites(b"\x82\x05.") == [("EXT1", "ext(5)", "")]
    assert sites(b"\x83\x05\x01.") == [("EXT2", "ext(261)", "")]
    assert sites(b"\x84\x05\0\0\x01)R.") == [
        ("EXT4", "ext(16777221)", ""),
        ("REDUCE", "ext(16777221)", "()"),
    ]
    assert sites(b"Pkey\n)R.")[1] == ("REDUCE", "persistent_id('key')", "()")


@pytest.mark.parametrize(
    "data",
    [b"]K\x01a(K\x02K\x03e.", b"}K\x01Ns(K\x02Nu.", b"\x8f(K\x01K\x02\x90.", b"(K\x01l.", b"(K\x01Nd.", b"(K\x01\x91."],
)
def test_filling_plain_containers_is_no_call_site(data: bytes) -> None:
    assert sites(data) == []


GET = [b"g0\n", b"h\0", b"j\0\0\0\0"]
PUT = [b"p0\n", b"q\0", b"r\0\0\0\0", b"\x94"]


@pytest.mark.parametrize("get", GET)
@pytest.mark.parametrize("put", PUT)
def test_operands_through_the_memo(put: bytes, get: bytes) -> None:
    second = b"\x94" if put == b"\x94" else put.replace(b"0", b"1").replace(b"\0", b"\x01", 1)
    data = short("os") + put + b"0" + short("system") + second + b"0"
    data += get + get.replace(b"0", b"1").replace(b"\0", b"\x01", 1) + b"\x93" + short("echo") + b"\x85R."
    assert sites(data)[-1] == ("REDUCE", *ECHO)


def test_import_through_the_memo_and_dup() -> None:
    assert sites(b"cos\nsystem\nq\x070h\x07S'echo'\n\x85R.")[-1] == ("REDUCE", *ECHO)
    assert sites(short("os") + b"2\x93.") == [("STACK_GLOBAL", "os.os", "")]
    assert [name for name, _, _ in sites(b"cos\nsystem\n2)R.")] == ["GLOBAL", "REDUCE"]


def test_the_last_put_wins() -> None:
    data = short("a") + b"q\0" + short("os") + b"q\0" + b"h\0" + short("system") + b"\x93."
    assert sites(data) == [("STACK_GLOBAL", "os.system", "")]


def test_memoize_counts_what_put_wrote() -> None:
    assert sites(short("x") + b"q\x05" + short("os") + b"\x94h\x01" + short("system") + b"\x93.")[0][1] == "os.system"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (b"S'os'\n", b"S'system'\n"),
        (b"Vos\n", b"Vsystem\n"),
        (b"V\\u006fs\n", b"Vs\\u0079stem\n"),
        (b"S'\\x6fs'\n", b"S'\\163ystem'\n"),
        (b"U\x02os", b"T\x06\0\0\0system"),
        (b"X\x02\0\0\0os", b"\x8d\x06\0\0\0\0\0\0\0system"),
    ],
)
def test_operands_in_every_spelling(module: bytes, name: bytes) -> None:
    assert sites(module + name + b"\x93.") == [("STACK_GLOBAL", "os.system", "")]


def test_dotted_names() -> None:
    assert sites(stack_global("shlex", "os.system") + b".")[0][1] == "shlex.os.system"


@pytest.mark.parametrize(
    "operands",
    [b"K\x05" + short("system"), short("os") + b"N", b"C\x02os" + short("system"), b"cos\nname\n)R" + short("system")],
)
def test_computed_operands_are_kept(operands: bytes) -> None:
    machine = run(operands + b"\x93)R.")
    node = machine.site_callee[machine.n_sites - 1]
    assert machine.nodes.kind[node] == kd.GLOBAL
    assert sites(operands + b"\x93)R.")[-1] == ("REDUCE", "<computed>", "()")
    assert "" in global_text(machine, node)
    module, name = machine.nodes.lo[node], machine.nodes.hi[node]
    assert machine.nodes.use[module] & machine.nodes.use[name] & kd.OPERAND


@pytest.mark.parametrize(
    ("tail", "use"),
    [
        (b".", kd.RETURNED),
        (b"0N.", kd.POPPED),
        (b"(N10N.", kd.POPPED),
        (b")R.", kd.CALLED),
        (b"}b.", kd.BUILT | kd.RETURNED),
        (b"q\0}h\0b.", kd.STATE),
        (b"\x85.", kd.ITEM),
        (b"q\0cx\ny\nh\0\x85R.", kd.ARGUMENT),
        (b"q\0h\0" + short("n") + b"\x93.", kd.OPERAND),
    ],
)
def test_what_becomes_of_a_result(tail: bytes, use: int) -> None:
    assert result_use(b"cos\nf\n)R" + tail, 1) & use == use


def test_pop_mark_pops_everything_above_the_mark() -> None:
    assert result_use(b"(cos\nf\n)R1N.", 1) == kd.POPPED


@pytest.mark.parametrize("data", [b"g5\n.", b"h\x05.", b"j\x05\0\0\0.", b"g-1\n."])
def test_missing_memo_key(data: bytes) -> None:
    assert anomalies(data) == ["BAD_MEMO_KEY"]
    assert sites(data[:-1] + b"0cos\nsystem\n(S'echo'\ntR.")[-1] == ("REDUCE", *ECHO)


UNDERFLOW = [bytes([code]) for code in (op.POP, op.DUP, op.REDUCE, op.BUILD, op.APPEND, op.SETITEM, op.TUPLE1)]
UNDERFLOW += [bytes([code]) for code in (op.TUPLE2, op.TUPLE3, op.STACK_GLOBAL, op.NEWOBJ, op.NEWOBJ_EX, op.OBJ)]
UNDERFLOW += [bytes([code]) for code in (op.BINPERSID, op.MEMOIZE, op.STOP, op.APPENDS, op.SETITEMS, op.ADDITEMS)]
UNDERFLOW += [bytes([code]) for code in (op.TUPLE, op.LIST, op.DICT, op.FROZENSET, op.POP_MARK)]
UNDERFLOW += [b"q\0", b"p0\n", b"ios\nsystem\n"]


@pytest.mark.parametrize("data", UNDERFLOW)
def test_stack_underflow_is_recorded_and_the_machine_goes_on(data: bytes) -> None:
    assert "STACK_UNDERFLOW" in anomalies(data)
    if data != b".":
        assert sites(data + b"cos\nsystem\n(S'echo'\ntR.")[-1] == ("REDUCE", *ECHO)


THROUGH_A_MARK = [b"cos\nsystem\n((S'echo'\ntR.", b"cos\nsystem\n(S'echo'\n\x85R.", b"cos\nsystem\n(((S'echo'\n\x85R."]
THROUGH_A_MARK += [b"cos\nsystem\nS'echo'\n(\x85R."]


@pytest.mark.parametrize("data", THROUGH_A_MARK)
def test_what_is_below_a_mark_is_popped_as_older_loaders_do(data: bytes) -> None:
    assert "STACK_UNDERFLOW" in anomalies(data)
    assert sites(data)[-1] == ("REDUCE", *ECHO)


def test_marks_and_empty_stacks() -> None:
    assert anomalies(b"N(0.") == []  # POP takes the mark itself
    assert anomalies(b"N(\x85.") == ["STACK_UNDERFLOW"]
    assert sites(b"cm\nf\n(Na.")[-1] == ("APPEND", "m.f", "(None,)")
    assert sites(b"cm\nf\nN((NNs.")[-1] == ("SETITEM", "None", "(None, None)")
    assert sites(b"cm\nf\n(0001cos\nsystem\nS'echo'\n\x85R.")[-1] == ("REDUCE", *ECHO)  # the mark is where nothing is


def test_anomaly_keeps_what_came_before() -> None:
    assert sites(b"cos\nsystem\nS'echo'\n\x85R\xff.")[1:] == [("REDUCE", *ECHO), ("BAD_OPCODE", "", "")]
    assert sites(b"cos\nsystem\nS'echo'\n\x85RX\xff\xff\xff\x7f")[1:] == [("REDUCE", *ECHO), ("TRUNCATED", "", "")]


def test_call_in_a_last_line_without_newline_is_seen() -> None:
    assert ("INST", *ECHO) in sites(b"(S'echo'\nios\nsystem!")


CYCLES = [
    b"]q\0h\0a",
    b"}q\0h\0h\0s",
    b"]q\0(h\0h\0e",
    b"cos\nf\n]q\0h\0a\x85R",
    b"cos\nf\n)Rq\0h\0b",
    b"cos\nf\n)Rq\0h\0a",
    b"cos\nf\n]q\0R\x940h\0h\x01a\x85",
]


@pytest.mark.parametrize("data", CYCLES)
def test_cycles_end(data: bytes) -> None:
    assert sites(data + b"q\x09cos\nsystem\nh\x09\x85R.")[-1][1] == "os.system"


@pytest.mark.parametrize("level", [b"\x85", b"]q\0", b"(", b"(l", b"cos\nf\n\x85", b")R", b"}b", b"Q", b"\x93", b"2s"])
def test_deep_nesting(level: bytes) -> None:
    data = b"cos\nf\n" + level * 100_000 + b"0cos\nsystem\nS'echo'\n\x85R."
    assert sites(data)[-1] == ("REDUCE", *ECHO)


def test_long_containers_are_counted_but_not_kept() -> None:
    machine = run(b"](" + b"N" * 100_000 + b"e.")
    assert machine.nodes.extra[kd.FIRST_FREE] == 100_000
    assert machine.nodes.n_cells == kd.MAX_CHILDREN


def test_floats_keep_their_value_while_there_are_few_nodes() -> None:
    assert sites(b"cos\nf\nF2.5\n\x85R.")[-1][2] == "(2.5,)"
    data = b"(" + b"J\0\0\0\1" * 70_000 + b"1cos\nf\nF2.5\n\x85R."
    assert sites(data)[-1][2] == "(<float>,)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((b"I16\n", 16), (b"I0x10\n", 16), (b"I0b10000\n", 16), (b"L0o20L\n", 16), (b"L16L\n", 16), (b"I+16\n", 16)),
        *((b"K\x10", 16), (b"M\x10\0", 16), (b"J\x10\0\0\0", 16), (b"\x8a\x02\x10\0", 16)),
        *((b"\x8b\x01\0\0\0\x10", 16), (b"I1_6\n", 16), (b"\x8a\0", 0)),
        *((b"I-16\n", -1), (b"J\xff\xff\xff\xff", -1), (b"\x8a\x01\xff", -1)),
    ],
)
def test_values_of_integers(text: bytes, value: int) -> None:
    assert run(text + b".").nodes.integer(kd.FIRST_FREE) == value


def test_ends_of_literals_of_many_gigabytes() -> None:
    nodes = Nodes(b"")
    sizes = [0, kd.MAX_SIZE, kd.MAX_SIZE + 1, 1 << 40, 5]
    ends = [nodes.end(nodes.add_span(kd.DATA, op.BINBYTES8, 1 << 33, (1 << 33) + size)) for size in sizes]
    assert ends == [(1 << 33) + size for size in sizes]


def test_empty_tuples_are_one_value() -> None:
    machine = run(b"(" + b")" * 1000 + b"l.")
    assert machine.nodes.count == kd.FIRST_FREE + 2


# --- what a real unpickler would import -------------------------------------------------------------------------------


class StandIn:
    """Takes the place of everything imported: does nothing, whatever is done to it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> StandIn:
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> StandIn:
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class Recorder(pickle._Unpickler):  # type: ignore[name-defined,misc]
    """Only for pickles that this test wrote itself."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.asked: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> type:
        self.asked.append((module, name))
        return StandIn


def machine_imports(data: bytes) -> list[tuple[str, str]]:
    machine = run(data)
    imports = (op.GLOBAL, op.STACK_GLOBAL)
    inst = [i for i in range(machine.n_sites) if machine.site_opcode[i] == op.INST and machine.site_arguments[i] < 0]
    sites = [i for i in range(machine.n_sites) if machine.site_opcode[i] in imports] + inst
    return [global_text(machine, machine.site_callee[i]) for i in sorted(sites)]


class Colour(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: object) -> None:
        self.a = a


@dataclasses.dataclass(frozen=True)
class Point:
    x: object


class Keyword:
    def __new__(cls, *, a: object) -> Keyword:
        self = super().__new__(cls)
        self.a = a
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, object]]:
        return (), {"a": self.a}


class Rows(list[object]):
    pass


class Table(dict[object, object]):
    pass


OBJECTS: list[object] = [
    datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    datetime.timedelta(3),
    collections.OrderedDict(a=1),
    collections.Counter("aab"),
    collections.deque([1], 3),
    collections.defaultdict(list, a=[1]),
    decimal.Decimal("1.5"),
    fractions.Fraction(1, 3),
    pathlib.PurePosixPath("/a/b"),
    functools.partial(int, base=2),
    uuid.UUID(int=5),
    ipaddress.ip_address("127.0.0.1"),
    array.array("d", [1.0]),
    complex(1, 2),
    range(3),
    slice(1, 2),
    bytearray(b"ab"),
    b"ab",
    frozenset({1}),
    {1, 2},
    ValueError("x", 1),
    KeyError("k"),
    NotImplemented,
    ...,
    len,
    int.from_bytes,
    [].append,
    Colour.RED,
    Point(1),
    Rows([1, 2]),
    Table(a=1),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_imports_are_what_an_unpickler_asks_for(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    recorder = Recorder(data)
    recorder.load()
    assert machine_imports(data) == recorder.asked
    assert anomalies(data) == []


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("value", [Slotted(1), Keyword(a=1)], ids=lambda value: type(value).__name__)
def test_slots_and_keyword_arguments(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    recorder = Recorder(data)
    recorder.load()
    assert machine_imports(data) == recorder.asked


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from(OBJECTS)
    | st.datetimes()
    | st.decimals()
    | st.fractions()
    | st.uuids()
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | inner.map(Point)
        | inner.map(Slotted)
        | inner.map(lambda value: [value, value])
        | st.lists(inner, max_size=3).map(Rows)
        | st.dictionaries(st.integers(), inner, max_size=3).map(Table)
        | inner.map(lambda value: collections.OrderedDict(a=value))
        | inner.map(lambda value: functools.partial(print, value))
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values, st.integers(2, 5))
def test_imports_of_generated_values(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    recorder = Recorder(data)
    recorder.load()
    assert machine_imports(data) == recorder.asked
    machine = run(data)
    assert machine.stopped
    assert machine.n_anomalies == 0


def test_called_names_of_a_file() -> None:
    assert called(pickle.dumps(datetime.timedelta(1))) == {"datetime.timedelta"}
