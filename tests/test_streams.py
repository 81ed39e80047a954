from __future__ import annotations

import datetime
import io
import pickle
import struct

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl import Scanner
from safepickle_dl.containers.region import Region
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import DEFAULT_LIMITS, Budget, Limits
from safepickle_dl.render import callee_text
from safepickle_dl.streams import PickleStream, read_streams
from tests.assemble import anomalies, called, file_slices, run, short, slices_of, stack_global, streams

PAYLOAD = b"cos\nsystem\n(S'echo hi'\ntR."
PROTOCOL_4 = b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R."
BENIGN = pickle.dumps({"a": [1, 2.5, "x"], "when": datetime.timedelta(1)}, 4)


class Echo:
    """Calls os.system('echo hi') when it is loaded; nothing here loads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo hi",)


# --- several pickles --------------------------------------------------------------------------------------------------


def test_streams_in_a_row_as_in_torch_legacy_files() -> None:
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    parts += [PAYLOAD, pickle.dumps(["0", "1"], 2)]
    storages = struct.pack("<q", 4) + struct.pack("<4f", 1, 2, 3, 4)
    found = streams(b"".join(parts) + storages)
    starts = [sum(map(len, parts[:i])) for i in range(5)]
    assert [stream.start for stream in found] == starts
    assert all(stream.complete for stream in found)
    assert called(b"".join(parts) + storages) == {"os.system"}


def test_spans() -> None:
    found = streams(BENIGN + PAYLOAD)
    assert [(stream.start, stream.end) for stream in found] == [
        (0, len(BENIGN)),
        (len(BENIGN), len(BENIGN) + len(PAYLOAD)),
    ]


@pytest.mark.parametrize(
    "junk", [b"", b"\0", b"\n", b"\xff" * 100, bytes(5000), b"some text. ", b"PK\3\4", b"N.", b"."]
)
@pytest.mark.parametrize("payload", [PROTOCOL_4, b"\x80\x02" + PAYLOAD])
def test_payload_behind_garbage_behind_stop(junk: bytes, payload: bytes) -> None:
    assert called(BENIGN + junk + payload) == {"datetime.timedelta", "os.system"}


def test_many_false_headers_do_not_hide_a_payload() -> None:
    assert "os.system" in called(BENIGN + b"\0" + b"\x80\x04\xff" * 2000 + PROTOCOL_4)


@pytest.mark.parametrize("front", [BENIGN + b"\0\xff", b"\xff\xff"])
@pytest.mark.parametrize("payload", [PROTOCOL_4, b"\x80\x02" + PAYLOAD])
@pytest.mark.parametrize("end", [b"0.", b".", b""])
def test_a_decoy_whose_literal_covers_the_payload_hides_nothing(front: bytes, payload: bytes, end: bytes) -> None:
    cover = bytes(40) + payload
    decoy = b"\x80\x04" + stack_global("time", "ctime") + b")R0B" + struct.pack("<I", len(cover))
    data = front + decoy + cover + end
    region = Region("", data, 0, len(data), search=True)
    found = {name for stream in read_streams(region) for name in names_of(stream)}
    assert {"time.ctime", "os.system"} <= found


@pytest.mark.parametrize("payload", [PROTOCOL_4, b"\x80\x02" + PAYLOAD])
@pytest.mark.parametrize(
    "head", [b"\x80\x04N.", b"\x80\x04", b"\x80\x02}.\xff\xff", b"\x80\x05K", b"\x1f\x8b\x08", b"PK\x03\x04"]
)
def test_a_literal_that_begins_as_something_else_hides_nothing(head: bytes, payload: bytes) -> None:
    cover = head + bytes(40) + payload
    decoy = b"\x80\x04" + stack_global("time", "ctime") + b")R0B" + struct.pack("<I", len(cover))
    result = Scanner().scan_bytes(b"\xff\xff" + decoy + cover + b"0.")
    assert any("os.system" in finding.message for finding in result.findings), result.verdict


def names_of(stream: PickleStream) -> set[str]:
    machine = stream.machine
    return {callee_text(machine, machine.site_callee[i]) for i in range(machine.n_sites)}


def test_decoys_in_decoys_end_at_a_limit() -> None:
    inner = (b"\x80\x04" + stack_global("time", "ctime") + b")R0") * 3000
    decoy = (
        b"\x80\x04"
        + stack_global("time", "ctime")
        + b")R0B"
        + struct.pack("<I", len(inner) + 1)
        + b"\0"
        + inner
        + b"0."
    )
    region = Region("", b"\xff" + decoy, 0, len(decoy) + 1, search=True)
    found = list(read_streams(region, Budget(Limits(max_trials=100_000))))
    assert found[-1].over_limit and not found[-1].complete


@pytest.mark.parametrize("data", [b"", b"\0", b"hello world", b"\x89PNG\r\n\x1a\n" + bytes(100), b"# text\n" * 50])
def test_what_is_no_pickle_has_no_streams(data: bytes) -> None:
    assert streams(data) == []


@pytest.mark.parametrize(
    "data",
    [
        PAYLOAD[:-1],
        PAYLOAD + b"\xff",
        PROTOCOL_4[:-1] + b"\xff" * 10,
        PROTOCOL_4[:-1] + b"X\xff\xff\xff\x7f",
        b"Vos\nV\\u0073ystem\n\x93)R\xff",
        b"(S'echo hi'\nios\nsystem!",
    ],
)
def test_broken_pickles_that_call_something_are_streams(data: bytes) -> None:
    assert called(data) == {"os.system"}


def test_a_cut_off_pickle_is_a_stream_and_not_complete() -> None:
    (stream,) = streams(BENIGN[:-10])
    assert not stream.complete


def test_a_later_header_of_an_unknown_protocol_hides_nothing() -> None:
    data = b"\x80\x03cfamous\nregistry\nK\x01a"
    for tail in (b".", b"\x80\xff.", b"\x80\xff", b""):  # the loader has appended before it refuses the second header
        (stream,) = streams(data + tail)
        assert stream.start == 0 and stream.machine.n_sites >= 2


def test_limit_of_opcodes() -> None:
    region = Region("", b"N0" * 50_000 + b"N.", 0, 100_002)
    (stream, *_) = read_streams(region, Budget(Limits(max_opcodes=10_000)))
    assert stream.over_limit
    assert not stream.complete


def test_limit_of_streams() -> None:
    data = b"K\x01." * 100
    assert len(list(read_streams(Region("", data, 0, len(data)), Budget(Limits(max_streams=7))))) == 7


def test_region_within_a_buffer() -> None:
    data = b"xx" + PAYLOAD + PROTOCOL_4
    region = Region("member", data, 2, 2 + len(PAYLOAD))
    (stream,) = read_streams(region)
    assert (stream.name, stream.start, stream.end) == ("member", 2, region.end)


# --- joblib -----------------------------------------------------------------------------------------------------------


def dumped(value: object, protocol: int | None = None) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, protocol=protocol)
    return file.getvalue()


ARRAYS = [
    np.arange(3.0),
    np.arange(100_000, dtype="f4"),
    np.zeros((3, 4, 5), dtype="i2", order="F"),
    np.zeros(0),
    np.ones(()),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.zeros(3, dtype=[("a", "f8"), ("b", "u1")]),
    np.zeros(3, dtype=">i4"),
    np.zeros(2, dtype="M8[ns]"),
    np.array([True, False]),
    np.ones(4, dtype="c16"),
    np.frombuffer(b".R0(b" * 8, dtype="u1"),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_payload_behind_a_joblib_array(array: np.ndarray, protocol: int) -> None:
    data = dumped({"a": array, "b": array.copy(), "z": Echo()}, protocol)
    found = streams(data)
    assert [stream.complete for stream in found] == [True]
    assert [end - begin >= array.nbytes for begin, end in found[0].crossed] == [True, True]
    assert found[0].end == len(data)
    assert found[0].machine.n_anomalies == 0
    assert {name for name in called(data) if "system" in name} == {"posix.system"}


def without_alignment(data: bytes, array: np.ndarray) -> bytes:
    """Turn a joblib >= 1.2 file with one array into what joblib 1.1 wrote: no padding, no such key."""
    raw = array.tobytes()
    at = data.index(raw)
    padding = data.rindex(b"b", 0, at - 1)
    data = data[: padding + 1] + data[at:]
    return data.replace(b"numpy_array_alignment_bytes", b"some_thing_of_the_same_size")


def test_joblib_array_without_alignment_padding() -> None:
    array = np.arange(1.0, 9.0)
    data = without_alignment(dumped({"a": array, "z": Echo()}, 2), array)
    (stream,) = streams(data)
    assert stream.complete
    assert [end - begin for begin, end in stream.crossed] == [array.nbytes]
    assert "posix.system" in called(data)


def test_joblib_object_array_is_a_pickle_within() -> None:
    data = dumped([np.array([Echo(), "x"], dtype=object), np.arange(3.0), Echo()])
    found = streams(data)
    assert [stream.complete for stream in found] == [True, True]
    assert found[0].nested == [found[1]]
    assert found[0].crossed[0] == (found[1].start, found[1].end)
    for stream in found:
        assert any("system" in text for text in called(data[stream.start : stream.end]))


def hidden(array_bytes: bytes, protocol: int = 2) -> bytes:
    """Return a joblib file (no alignment padding) whose first array has these bytes."""
    array = np.frombuffer(array_bytes, dtype="u1")
    return without_alignment(dumped({"a": array, "b": [1, 2]}, protocol), array)


def test_payload_in_the_array_bytes_is_what_a_plain_loader_runs() -> None:
    data = hidden(b"0" + PAYLOAD + bytes(60))
    assert {"os.system", "joblib.numpy_pickle.NumpyArrayWrapper"} <= called(data)
    assert streams(data)[0].complete


def test_payload_in_the_array_bytes_with_operands_from_before() -> None:
    data = hidden(b"0h\x63h\x64\x93" + short("echo hi") + b"\x85R." + bytes(60))
    start = data.index(b"(", 3)
    data = data[:start] + short("os") + b"q\x630" + short("system") + b"q\x640" + data[start:]
    assert "os.system" in called(data)


def test_payload_in_a_second_array_that_the_first_one_jumps_to() -> None:
    first, second = np.frombuffer(b"T" * 64, "u1"), np.frombuffer(b"\0" * 64 + PAYLOAD, "u1")
    data = without_alignment(dumped({"a": first, "b": second}, 2), first)
    at = data.index(first.tobytes())
    jump = data.index(PAYLOAD) - (at + 5)
    data = data[:at] + b"T" + struct.pack("<i", jump) + data[at + 5 :]
    assert "os.system" in called(data)


@pytest.mark.parametrize(
    "spelling",
    [
        b"Vjoblib.numpy_pickle\nVNumpyArray\\u0057rapper\n\x93",
        b"S'joblib.numpy_pickle'\nS'NumpyArray\\x57rapper'\n\x93",
        b"Vjoblib\nVnumpy_pickle.NumpyArrayWrapper\n\x93",
        b"cjoblib\nnumpy_pickle.NumpyArrayWrapper\n",
    ],
)
def test_joblib_wrapper_in_every_spelling(spelling: bytes) -> None:
    array = np.frombuffer(b"\xff" * 64, "u1")
    data = dumped({"a": array, "z": Echo()}, 2).replace(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n", spelling)
    data = data.replace(b"X\x05\0\0\0shape", b"Vsh\\u0061pe\n").replace(b"X\x05\0\0\0dtypeq", b"Vdtyp\\u0065\nq")
    (stream,) = streams(data)
    assert stream.complete
    assert len(stream.crossed) == 1
    assert "posix.system" in called(data)


def test_honest_arrays_bring_no_streams_of_their_own() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        data = dumped([random.integers(0, 256, 64, dtype="u1"), random.normal(size=9)])
        assert len(streams(data)) == 1


# --- properties -------------------------------------------------------------------------------------------------------

SEEDS = [
    PAYLOAD,
    PROTOCOL_4,
    BENIGN,
    dumped([np.arange(3.0), np.array([1, "x"], dtype=object), Echo()]),
    pickle.dumps([Echo(), {1: (2, 3)}, 2**70, b"ab"], 2),
    pickle.dumps([Echo(), {1: (2, 3)}, 2**70, "ab"], 0),
]


def examine(data: bytes) -> None:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for source, stream in enumerate(streams(data)):
        assert stream.start < stream.end <= len(data)
        slices.add_machine(stream.machine, source)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end(data: bytes) -> None:
    examine(data)
    examine(b"\x80\x04" + data)


OPCODES = st.sampled_from(sorted(op.ARGUMENTS))


@settings(max_examples=400, deadline=None)
@given(st.lists(OPCODES | st.integers(0, 9), max_size=80).map(bytes))
def test_any_opcodes_end(data: bytes) -> None:
    examine(data)
    examine(b"\x80\x04" + data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=4)), max_size=6))
def test_mutated_pickles_end(data: bytes, edits: list[tuple[int, bytes]]) -> None:
    for at, patch in edits:
        at %= len(data) + 1
        data = data[:at] + patch + data[at + len(patch) // 2 :]
    examine(data)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), plain, st.integers(0, 5))
def test_benign_neighbours_take_no_slice_away(data: bytes, value: object, protocol: int) -> None:
    neighbour = pickle.dumps(value, protocol)
    own = file_slices(data)
    assert own
    assert own <= file_slices(neighbour + data)
    assert own <= file_slices(data + neighbour)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([PAYLOAD, PROTOCOL_4, SEEDS[5]]), plain, st.integers(0, 3))
def test_benign_instructions_in_front_take_no_call_away(data: bytes, value: object, protocol: int) -> None:
    front = pickle.dumps(value, protocol)[:-1] + b"0"
    own = {entry for entry in slices_of(run(data)) if entry[0] == 0}
    assert own <= set(slices_of(run(front + data)))
    assert anomalies(front + data) == []
