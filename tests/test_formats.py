"""What is no pickle, beside one, or no file at all: the verdict, and that it says why."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.limits import Limits
from safepickle_dl.walk import Walk
from tests.containers.test_npy import npy
from tests.containers.wrap import Member, zipped
from tests.containers.wrappings import WRAPPINGS

FLOATS = bytes(range(256)) * 8


class Call:
    """Calls os.system('echo hi') when it is loaded; nothing here loads it."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo hi",)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(FLOATS)], "data_offsets": [0, len(FLOATS)]}}).encode()
    return len(header).to_bytes(8, "little") + header + FLOATS


def skops() -> bytes:
    schema = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
    return zipped([Member(b"schema.json", json.dumps(schema).encode(), 8), Member(b"1.npy", npy("'<f4'", FLOATS), 8)])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123\n", "Git LFS pointer"),
        (b"GGUF\3\0\0\0" + bytes(16) + FLOATS, "GGUF"),
        (safetensors(), "safetensors"),
        (b"\x08\x08\x12\x07pytorch\x1a\x032.0" + FLOATS, "ONNX"),
        (skops(), "skops"),
    ],
    ids=["LFS", "GGUF", "safetensors", "ONNX", "skops"],
)
def test_without_a_pickle_it_is_skipped_and_says_why(scanner: Scanner, data: bytes, said: str) -> None:
    result = scanner.scan_bytes(data)
    assert (result.verdict, result.error, result.findings) == (Verdict.SKIPPED, None, ())
    assert any(said in note for note in result.notes)


def test_none_of_them_hides_a_pickle_behind_it(scanner: Scanner) -> None:
    archive = zipped([Member(b"schema.json", b'{"__loader__": "DictNode"}'), Member(b"2.npy", npy("'O'", b"N."))])
    assert scanner.scan_bytes(archive).verdict is Verdict.BENIGN  # it was read
    for data in (skops(), safetensors()):
        assert scanner.scan_bytes(data + WRAPPINGS["torch zip"](pickle.dumps(Call(), 4))).verdict is Verdict.MALICIOUS


def test_an_mlflow_folder(scanner: Scanner, tmp_path: Path) -> None:
    flavour = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_model: python_model.pkl\n"
    files = {
        "MLmodel": flavour.encode(),
        "conda.yaml": b"name: mlflow-env\ndependencies:\n- python=3.11\n",
        "requirements.txt": b"mlflow\ncloudpickle\n",
        "input_example.json": b'{"columns": ["a", "b"], "data": [[1, 2]]}',
        "model.pkl": pickle.dumps({"weights": [1.5, 2.5]}, 4),
        "artifacts/python_model.pkl": pickle.dumps(Call(), 4),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    results = {Path(r.path).name: r.verdict for r in scanner.scan_paths(Walk().files([str(tmp_path)]))}
    assert results.pop("python_model.pkl") is Verdict.MALICIOUS
    assert results.pop("model.pkl") is Verdict.BENIGN
    assert set(results.values()) == {Verdict.SKIPPED} and len(results) == 4


def test_an_object_array_that_is_no_pickle_is_an_error(scanner: Scanner) -> None:
    for content in (b"", b" ", b"      N.", b"no pickle", b"\xff" * 100):
        for data in (npy("'|O'", content), zipped([Member(b"a.npy", npy("'|O'", content), 8)])):
            assert scanner.scan_bytes(data).verdict is Verdict.ERROR
    shifted = npy("'|O'", b"      " + pickle.dumps(Call(), 4))  # what a wrong length in the header makes of it
    assert scanner.scan_bytes(shifted).verdict is Verdict.MALICIOUS


def test_special_files_are_never_waited_for(scanner: Scanner, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "fifo", tmp_path / "link", Path("/dev/zero"), Path("/dev/tty"), tmp_path):
        result = scanner.scan_path(path)
        assert result.verdict is Verdict.ERROR and result.error


def test_a_huge_sparse_file_ends(tmp_path: Path) -> None:
    scanner = Scanner(limits=Limits(max_search_bytes=1 << 20))
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    result = scanner.scan_path(path)
    assert result.verdict is Verdict.SKIPPED and "searched for" in result.notes[0]
