"""Where loaders disagree, we take whatever any of them would execute: docs/differentials.md, entry by entry."""

from __future__ import annotations

import datetime
import pickle
import re
import struct
from pathlib import Path

import pytest

from safepickle_dl import Scanner, Verdict
from tests.assemble import PAYLOAD, anomalies, called, names, run, short, sites, stack_global, streams
from tests.fuzz.differential import missed

DOCUMENT = Path(__file__).parents[1] / "docs" / "differentials.md"
CALL = stack_global("os", "system") + short("echo hi") + b"\x85R"
PROTOCOL_4 = b"\x80\x04" + CALL + b"."


def framed(body: bytes, size: int) -> bytes:
    """Return a pickle whose frame says that it has this size."""
    return b"\x80\x04\x95" + struct.pack("<Q", size) + body


def test_d1_last_line_without_newline() -> None:
    assert called(b"(S'echo hi'\nios\nsystem!") == {"os.system"}
    assert sites(b"cos\n")[0] == ("GLOBAL", "os.", "")
    assert sites(b"\x80\x02cthis!")[0] == ("GLOBAL", "this.", "")


def test_d2_nul_in_number_lines() -> None:
    data = b"Vos\np12\x0034\n0Vsystem\np13\n0g12\ng13\n\x93" + short("echo hi") + b"\x85R."
    assert called(data) == {"os.system"}
    assert "BAD_LITERAL" in names(data)


def test_d3_malformed_literals_do_not_stop_us() -> None:
    for literal in (b"Iabc\n", b"L1_\n", b"Fx\n", b"Sunquoted\n", b"I010\n", b"L" + b"7" * 5000 + b"L\n"):
        assert called(literal + b"0" + PAYLOAD) == {"os.system"}


def test_d4_bytes_that_are_no_text() -> None:
    for literal in (b"S'\xff'\n", b"U\x01\xff", b"X\x01\0\0\0\xff", b"V\\uZZZZ\n", b"c\xff\nx\n"):
        assert called(literal + b"0" + PAYLOAD) == {"os.system"}


def test_d5_protocols_that_are_not_there() -> None:
    for protocol in (6, 99, 255):
        assert called(b"\x80" + bytes([protocol]) + PAYLOAD) == {"os.system"}
    assert called(b"\x80\x04\x80\x00\x80\x02" + PAYLOAD) == {"os.system"}


def test_d6_negative_and_huge_lengths_end_the_stream_behind_the_call() -> None:
    for tail in (b"T\xff\xff\xff\xff", b"\x8b\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8, b"B\xff\xff\xff\xff"):
        assert called(PAYLOAD[:-1] + tail) == {"os.system"}


@pytest.mark.parametrize("size", [0, 1, 10, 1 << 40, (1 << 64) - 1])
def test_d7_frames_of_any_size(size: int) -> None:
    assert "os.system" in called(framed(CALL + b".", size))


def test_d8_a_read_that_crosses_the_end_of_a_frame() -> None:
    """The C unpickler drops "safe_" and imports `os.system`: here with a line, ..."""
    line = b"cos\nsafe_"
    data = framed(line + b"system\n" + short("echo hi") + b"\x85R.", len(line))
    assert called(data) >= {"os.safe_system", "os.system"}
    # ... with a literal that swallows the call for everybody else ...
    swallowed = b"\x8c" + bytes([60]) + b"x" * 3
    data = framed(swallowed + b"y" * 60 + b"0" + CALL + b"." + b"z" * 60, len(swallowed))
    assert "os.system" in called(data)
    # ... and with a frame within a frame.
    inner = b"\x95" + struct.pack("<Q", len(CALL) + 1)
    data = framed(inner + b"0000" + CALL + b".", len(inner) + 4)
    assert "os.system" in called(data)
    honest = pickle.dumps({"a": list(range(50_000)), "b": b"x" * 200_000}, 4)
    assert len(streams(honest)) == 1


def test_d9_memo_keys() -> None:
    for key in (b"007", b" 7 ", b"+7", b"0_7"):
        data = b"Vsystem\np" + key + b"\n0Vos\ng7\n\x93" + short("echo hi") + b"\x85R."
        assert called(data) == {"os.system"}
    large = str(1 << 70).encode()
    data = b"Vsystem\np%s\n0Vharmless\np%s1\n0Vos\ng%s\n\x93" % (large, large, large) + short("x") + b"\x85R."
    assert called(data) == {"os.system"}
    assert anomalies(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.") == []


def test_d10_a_memo_that_outlives_its_pickle() -> None:
    first = b"\x80\x04" + short("os") + b"\x94" + short("system") + b"\x94\x86."
    second = b"\x80\x04h\x00h\x01\x93" + short("echo hi") + b"\x85R."
    assert called(first + second) == {"os.system"}
    assert called(first + first + second) == {"os.system"}
    harmless = b"\x80\x04N."
    assert called(first + harmless * 3 + second) == {"os.system"}
    parts = [
        b"Vos\np7\n.",
        b"Vsystem\np8\n.",
        harmless,
        b"g7\ng8\n\x93p9\n.",
        harmless,
        b"g9\n" + short("x") + b"\x85R.",
    ]
    assert called(b"".join(parts)) == {"os.system"}
    assert len(streams(b"".join(parts))) == len(parts)


def test_d10_pickles_that_mean_something_else_to_either() -> None:
    names = short("posix") + b"\x94" + short("system") + b"\x94" + short("echo hi") + b"\x94"
    first = b"\x80\x04" + names + b"000N."
    recalled = b"h\x00h\x01\x93h\x02\x85R."
    harmless = short("time") + b"\x94" + short("sleep") + b"\x94K\x00\x9400" + b"0"
    assert called(first + b"\x80\x04" + harmless + recalled) == {"time.sleep", "posix.system"}
    assert called(names + b"000N." + b"\x80\x04" + harmless + recalled[:-1]) == {"time.sleep", "posix.system"}
    for broken in (b"h\xf0.", b"K\x01K\x01R."):  # what breaks either has called before
        data = first + b"\x80\x04" + harmless + recalled[:-1] + broken
        assert called(data) >= {"time.sleep", "posix.system"}
    missing = b"\x80\x04" + names + b"000h\x00h\x01\x93h\x02\x85R0h\x04."  # a fresh unpickler has no fifth value
    fresh = b"\x80\x04" + short("math") + b"\x94" + short("sqrt") + b"\x94K\x04\x94000N."
    assert called(fresh + missing) == {"math.sqrt", "posix.system"}


def test_d10_honest_pickles_in_a_row_are_read_once() -> None:
    parts = [pickle.dumps({"when": datetime.timedelta(i), "also": [datetime.timedelta(i)] * 2}, 4) for i in range(50)]
    assert len(streams(b"".join(parts))) == 50
    parts = [pickle.dumps(value, 4) for value in ([1, "a"], {"b": ["c"] * 3}, ("d", "d"), {"e"}) * 10]
    assert len(streams(b"".join(parts))) == 40


def test_d11_stop_is_not_the_end() -> None:
    assert called(b"N." + PAYLOAD) == {"os.system"}
    assert called(b"N.\0\0junk" + PROTOCOL_4) == {"os.system"}


def test_d12_pop_of_a_mark_and_stack_underflow() -> None:
    assert called(b"(0" + PAYLOAD) == {"os.system"}
    assert called(b"000" + PAYLOAD) == {"os.system"}


def test_d13_opcodes_without_what_they_need() -> None:
    for before in (b"\x97", b"\x98", b"\x82\x05", b"Pid\n", b"h\x09", b"]]a"):
        assert called(b"\x80\x05" + before + b"0" + CALL + b".") >= {"os.system"}


def test_d14_escapes_in_names() -> None:
    for spelling in (b"V\\u006fs\nVsystem\n", b"S'\\x6fs'\nS'syst\\145m'\n", b'S"os"\nS"system"\n'):
        assert called(spelling + b"\x93" + short("echo hi") + b"\x85R.") == {"os.system"}


def test_d15_an_import_before_a_break() -> None:
    for data in (b"cantigravity\nx\n", b"cidlelib.idle\nmain\n\xff", b"ithis\ns\n"):
        assert run(data).n_sites > 0
        assert Scanner().scan_bytes(data).verdict in (Verdict.ERROR, Verdict.SUSPICIOUS, Verdict.MALICIOUS)
    for text in (b"catboost\nnumpy\nscipy\n", b"icons\nfolder\n"):
        assert Scanner().scan_bytes(text).verdict is Verdict.SKIPPED


def test_every_entry_of_the_document_has_its_test() -> None:
    entries = set(re.findall(r"^## (D\d+)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE))
    tests = {match[1].upper() for name in globals() if (match := re.match(r"test_(d\d+)_", name))}
    assert entries == tests


@pytest.mark.parametrize("seed", [101, 5235, 37233, 41023, 43565])
def test_what_was_once_missed(seed: int) -> None:
    assert [lost for _, _, lost, _ in missed(seed, 1)] == [[], []]


def test_cpython_asks_for_nothing_that_we_do_not_see() -> None:
    """A few hundred generated pickles, whole and mutated; `python -m tests.fuzz.differential` compares more."""
    through = 0
    for _, data, lost, done in missed(0, 400):
        assert lost == [], data
        through += done
    assert through > 800
