from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from typing import Any

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.lightning import OWN
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
