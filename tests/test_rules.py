from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from typing import Any

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.core import kinds as kd
from safepickle_dl.rules import OWN
from tests.assemble import short


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


def checkpoint(hyper_parameters: Any, protocol: int = 2) -> bytes:
    content = {"epoch": 1, "state_dict": OrderedDict(), "hyper_parameters": hyper_parameters}
    return pickle.dumps(content, protocol)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_what_is_not_lightnings_own_is_malicious(scanner: Scanner, protocol: int) -> None:
    result = scanner.scan_bytes(checkpoint({"lr": 0.1, "_instantiator": "subprocess.check_output"}, protocol))
    assert result.verdict is Verdict.MALICIOUS
    assert result.score == result.members["rules"] == 1.0
    (finding,) = result.findings
    assert (finding.opcode, finding.callee, finding.score) == ("_instantiator", "subprocess.check_output", 1.0)
    assert "imports and calls subprocess.check_output" in finding.message


def test_in_an_archive_and_in_other_dictionaries(scanner: Scanner) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", checkpoint(OrderedDict(_instantiator="os.system")))
    result = scanner.scan_bytes(file.getvalue())
    assert result.findings[0].stream == "archive/data.pkl"
    assert scanner.scan_bytes(checkpoint([("_instantiator", "os.system")])).verdict is Verdict.MALICIOUS


@pytest.mark.parametrize(
    "data",
    [
        b"}S'_instanti\\x61tor'\nS'os.system'\ns.",
        b"}V\\u005finstantiator\nVos.system\ns.",
        b"\x80\x04}" + short("_instantiator") + b"\x94K\x05s.",
        b"\x80\x04" + short("_instantiator") + b"\x940}h\0" + short("os.system") + b"s.",
        b"\x80\x04}(" + (short("k") + b"N") * 200 + short("_instantiator") + short("os.system") + b"u.",
    ],
)
def test_hidden_ones(scanner: Scanner, data: bytes) -> None:
    assert scanner.scan_bytes(data).verdict is Verdict.MALICIOUS


@pytest.mark.parametrize("name", sorted(OWN))
def test_lightnings_own_is_benign(scanner: Scanner, name: str) -> None:
    result = scanner.scan_bytes(checkpoint({"_instantiator": name, "_class_path": "model.Net"}))
    assert (result.verdict, result.findings) == (Verdict.BENIGN, ())
    assert "rules" not in result.members


@pytest.mark.parametrize("value", [["_instantiator"], ["_instantiator", "x"], {"a": "_instantiator"}])
def test_the_word_alone_means_nothing(scanner: Scanner, value: Any) -> None:
    assert scanner.scan_bytes(pickle.dumps(value)).verdict is Verdict.BENIGN


def nested(value: Any, width: int, levels: int) -> Any:
    for _ in range(levels):
        value = [value] * width
    return value


def swollen_key(levels: int) -> bytes:
    return b"\x80\x04}" + short("a") + b"\x85\x94" + b"2\x86\x94" * levels + b"Ns."


BOMBS = {
    "nested lists": pickle.dumps(nested("lol", 10, 9)),
    "protocol 0": pickle.dumps(nested("lol", 10, 9), 0),
    "dictionaries": pickle.dumps(nested({"a": 1}, 2, 30), 2),
    "doubled on the stack": b"\x80\x02]" + b"(2222l" * 14 + b".",
    "a key": swollen_key(30),
    "below a call": b"\x80\x02ccollections\ndeque\n" + pickle.dumps(nested(0, 9, 9), 2)[2:-1] + b"\x85R.",
    "filled last": b"\x80\x04" + b"]\x94" * 40 + b"".join(b"h%c(h%ch%ce" % (i, i + 1, i + 1) for i in range(39)) + b".",
    "an inner pickle": pickle.dumps({"state": pickle.dumps([len, nested(0, 10, 9)])}),
    "a memo slot": b"\x80\x02Nr\x00\x00\x00\x20.",
    "a memo slot in digits": b"Np536870912\n.",
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_bombs_are_malicious(scanner: Scanner, data: bytes) -> None:
    result = scanner.scan_bytes(data)
    assert result.verdict is Verdict.MALICIOUS
    assert result.score == result.members["rules"] == 1.0
    finding = result.findings[0]
    assert finding.opcode == "bomb" and finding.score == 1.0
    assert finding.why == f"a rule: it {finding.message.removeprefix('loading the file ')}"
    assert ("memo slot 536870912" in finding.message) is (b"p536870912" in data or b"r\0\0\0\x20" in data)


def cycle() -> Any:
    parent: dict[str, Any] = {"children": []}
    for _ in range(100):
        parent["children"].append({"parent": parent, "twice": [parent, parent]})
    return parent


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2, (3, 4)]] * 1000,
        nested("x", 10, 6),
        [(i, [str(i)] * 3) for i in range(5000)],
        nested([], 1, 100),
        cycle(),
        {(1, 2): [(1, 2)] * 50, "shape": ((3, 4),) * 200},
    ],
    ids=["shared rows", "a million", "rows", "deep", "cycle", "shapes"],
)
def test_sharing_alone_is_no_bomb(scanner: Scanner, value: Any) -> None:
    for protocol in (0, 2, 4):
        assert "rules" not in scanner.scan_bytes(pickle.dumps(value, protocol)).members


@pytest.mark.parametrize(("levels", "rule"), [(24, False), (26, True)])
def test_where_the_line_is(scanner: Scanner, levels: int, rule: bool) -> None:
    assert (3 * 2**levels > kd.MAX_UNFOLDED) is rule
    assert ("rules" in scanner.scan_bytes(swollen_key(levels)).members) is rule


def test_a_pickle_with_that_many_slots_may_use_them(scanner: Scanner) -> None:
    data = b"\x80\x02Nr" + kd.MAX_SLOT.to_bytes(4, "little") + b"."
    assert "rules" not in scanner.scan_bytes(data).members
