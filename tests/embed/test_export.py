"""The exported module: the same verdicts and scores as the scanner, and nothing of this machine in it."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import pickle
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.bundle import load_bundle
from safepickle_dl.cli import main
from safepickle_dl.containers import Region, open_file
from safepickle_dl.core import tokens as tk
from safepickle_dl.embed.export import MODULE, export
from tests.assemble import short, stack_global
from tests.golden.regenerate import PICKLES

torch = pytest.importorskip("torch")
EXAMPLES = Path(__file__).parents[2] / "examples"
VERDICTS = [Verdict.BENIGN, Verdict.SUSPICIOUS, Verdict.MALICIOUS, Verdict.ERROR, Verdict.SKIPPED]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = export("torchscript", tmp_path_factory.mktemp("export"))
    return path


@pytest.fixture(scope="module")
def module(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.load` is", DeprecationWarning)
        return torch.jit.load(str(path))


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


def run(module: Any, data: bytes) -> dict[str, Any]:
    from safepickle_dl.embed.module import tensor_of

    with torch.jit.optimized_execution(False):
        results: dict[str, Any] = module(tensor_of(data))
    return results


@pytest.mark.parametrize("name", PICKLES)
def test_golden_pickles(module: Any, scanner: Scanner, name: str) -> None:
    expected = scanner.scan_bytes(PICKLES[name])
    found = run(module, PICKLES[name])
    assert VERDICTS[int(found["verdict"])] == expected.verdict
    assert float(found["score"]) == pytest.approx(expected.score, abs=1e-4)
    members = {member: float(found[member]) for member in expected.members if member != "rules"}
    assert members == pytest.approx({k: v for k, v in expected.members.items() if k != "rules"}, abs=1e-4)
    assert found["finding_offset"].tolist() == [finding.offset for finding in expected.findings]
    np.testing.assert_allclose(found["finding_score"], [finding.score for finding in expected.findings], atol=1e-4)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*_*.p[kt]*")), ids=lambda path: path.name)
def test_regions_of_the_examples(module: Any, scanner: Scanner, file: Path) -> None:
    expected = scanner.scan_path(file)
    regions = [part for part in open_file(file.read_bytes()) if isinstance(part, Region)]
    found = [run(module, bytes(part.data[part.start : part.end])) for part in regions]
    assert max(float(one["score"]) for one in found) == pytest.approx(expected.score, abs=1e-4)
    assert sum(int(one["streams"]) for one in found) == len(expected.streams)


PAYLOAD = b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R."


@pytest.mark.parametrize(
    "literal",
    [
        PAYLOAD.decode("latin-1"),
        PAYLOAD.hex(),
        base64.b64encode(PAYLOAD),
        zlib.compress(PAYLOAD),
        base64.b64encode(gzip.compress(PAYLOAD, mtime=0)).decode(),
    ],
    ids=["latin-1", "hex", "base64", "zlib", "base64 of gzip"],
)
def test_encoded_literals(module: Any, scanner: Scanner, literal: bytes | str) -> None:
    data = pickle.dumps({"a": literal}, 4)
    expected = scanner.scan_bytes(data)
    found = run(module, data)
    assert expected.verdict == Verdict.MALICIOUS
    assert VERDICTS[int(found["verdict"])] == expected.verdict
    assert float(found["score"]) == pytest.approx(expected.score, abs=1e-4)
    assert int(found["streams"]) == len(expected.streams)
    assert found["finding_offset"].tolist() == [data.index(literal.encode() if isinstance(literal, str) else literal)]


@pytest.mark.parametrize("literal", [PAYLOAD, PAYLOAD[2:], b"\0junk" + PAYLOAD, pickle.dumps([PAYLOAD], 3)])
def test_plain_literals(module: Any, scanner: Scanner, literal: bytes) -> None:
    data = pickle.dumps({"a": literal}, 4)
    expected = scanner.scan_bytes(data)
    found = run(module, data)
    assert VERDICTS[int(found["verdict"])] == expected.verdict
    assert float(found["score"]) == pytest.approx(expected.score, abs=1e-4)
    assert found["finding_offset"].tolist() == [finding.offset for finding in expected.findings]


def test_what_stays_closed_is_counted(module: Any) -> None:
    found = run(module, pickle.dumps([bz2.compress(PAYLOAD), b"plain"], 4))
    assert (int(found["packed"]), int(found["verdict"])) == (1, 0)


@pytest.mark.parametrize("data", [b"", b"\0", b"plain text, no pickle", b"\x80\x04" + b"N" * 20])
def test_what_is_no_pickle(module: Any, scanner: Scanner, data: bytes) -> None:
    assert VERDICTS[int(run(module, data)["verdict"])] == scanner.scan_bytes(data).verdict


def test_attributes_and_methods(module: Any) -> None:
    bundle = load_bundle()
    point = bundle.operating_point()
    assert (module.malicious, module.suspicious) == (point.malicious, point.suspicious)
    assert module.version() == bundle.version
    assert json.loads(module.metadata())["tokenizer"] == tk.VERSION


def test_the_archive_holds_no_path_and_is_benign(path: Path, scanner: Scanner) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            for word in (b"/home", b"/tmp", b"/root", b"/work", b"site-packages", str(Path.cwd()).encode()):
                assert word not in content, (name, word)
    result = scanner.scan_path(path)
    assert (result.verdict, result.error) == (Verdict.BENIGN, None)
    assert len(result.streams) > 1


def test_equal_exports_are_equal_files(path: Path, tmp_path: Path) -> None:
    (again,) = export("torchscript", tmp_path)
    assert again.read_bytes() == path.read_bytes()


def test_onnx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--format", "onnx", "-o", str(tmp_path / "new")]) == 0
    bundle = load_bundle()
    names = [f"{member}.onnx" for member in bundle.members]
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"config.json", *names}
    assert "sequence.onnx" in capsys.readouterr().out
    for member in bundle.members:
        assert (tmp_path / "new" / f"{member}.onnx").read_bytes() == bundle.onnx_of(member).read_bytes()


def test_without_torch_it_says_what_is_missing(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from safepickle_dl.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "export", "--format", "torchscript", "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "needs torch" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["export", "--format", "onnx", "-o", str(tmp_path / "file")]) == 2
    assert MODULE not in capsys.readouterr().err
