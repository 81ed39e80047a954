from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest

from safepickle_dl.containers.npy import has_objects
from tests.containers.wrap import PICKLE, Member, look, zipped


def npy(descr: str, content: bytes = PICKLE, version: int = 1) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (3,), }}".encode()
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("descr", ["'|O'", "'O8'", r"'\x7cO'", "[('a', '<f4'), ('b', '|O')]", "('|O', (2,))"])
def test_object_arrays_hold_a_pickle(version: int, descr: str) -> None:
    found = look(npy(descr, version=version))
    assert found.regions == [("", PICKLE)]
    assert found.problems == []


@pytest.mark.parametrize("descr", ["'<f4'", "[('SO2', '<f4')]", "'|S5'", "[('a', '<i4', (3L,))]"])
def test_plain_arrays_hold_none(descr: str) -> None:
    found = look(npy(descr))
    assert found.regions == [] and found.problems == []


def test_what_numpy_writes() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((20, 30)))
    assert look(file.getvalue()).regions == []
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}, None]), allow_pickle=True)
    ((name, content),) = look(file.getvalue()).regions
    assert name == "" and content.startswith(b"\x80")
    file = io.BytesIO()
    np.savez_compressed(file, a=np.array([None]), b=np.zeros(3))
    ((name, content),) = look(file.getvalue()).regions
    assert name == "a.npy" and content.startswith(b"\x80")


def test_npz_with_a_renamed_array() -> None:
    found = look(zipped([Member(b"x.txt", npy("'O'"), 8), Member(b"y", npy("'<f8'"), 8)]))
    assert found.regions == [("x.txt", PICKLE)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x93NUMPY",
        npy("'|O'", version=9),
        npy("'|O'")[:30],
        npy("(" * 5000 + ")" * 5000),
        npy("__import__('os')"),
        b"\x93NUMPY\x02\0\xff\xff\xff\x7f" + bytes(100),
        b"\x93NUMPY\x02\0\0\0\x02\0" + bytes(1 << 18),
    ],
    ids=range(7),
)
def test_corrupt_headers_are_problems(data: bytes) -> None:
    found = look(data)
    assert found.regions == []
    assert len(found.problems) == 1


def test_object_descriptions() -> None:
    assert has_objects("i4,O") and has_objects("object") and has_objects({"formats": ["<f4", "O"]})
    assert not has_objects("<M8[ns]") and not has_objects(3) and not has_objects(())


def test_odd_escapes_write_nothing_to_the_terminal() -> None:
    data = npy("'|O', 'x': '\\\x1b[31m \\d'")
    code = "import sys; from safepickle_dl.containers import open_file; list(open_file(sys.stdin.buffer.read()))"
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], input=data, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
