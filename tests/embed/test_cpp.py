"""The C++ example builds against the libtorch of the torch wheel, and says what the scanner says."""

from __future__ import annotations

import bz2
import json
import pickle
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from safepickle_dl import Scanner
from safepickle_dl.embed.export import export

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
MISSING = [tool for tool in ("cmake", "c++") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("build")
    (module,) = export("torchscript", folder)
    configure = ["cmake", "-S", str(EXAMPLES / "embed_cpp"), "-B", str(folder)]
    configure.append(f"-DCMAKE_PREFIX_PATH={torch.utils.cmake_prefix_path}")
    for step in (configure, ["cmake", "--build", str(folder)]):
        done = subprocess.run(step, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [str(folder / "safepickle_embed"), str(module)]


def run(command: list[str], *arguments: object) -> tuple[int, list[dict[str, object]]]:
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_examples(command: list[str]) -> None:
    names = ["malicious_system.pkl", "benign_dict.pkl", "benign_torch_zip.pt", "malicious_second_stream.pkl"]
    code, rows = run(command, *(EXAMPLES / name for name in names))
    assert code == 1
    scanner = Scanner()
    for name, row in zip(names, rows, strict=True):
        expected = scanner.scan_path(EXAMPLES / name)
        assert row["verdict"] == expected.verdict.value, name
        assert row["score"] == pytest.approx(expected.score, abs=1e-4), name
        assert isinstance(row["findings"], list)
        assert [finding["offset"] for finding in row["findings"]] == [finding.offset for finding in expected.findings]
        assert row["error"] is None


def test_what_stays_closed_is_counted(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "open").write_bytes(pickle.dumps([zlib.compress(b"text" * 20)], 4))
    (tmp_path / "closed").write_bytes(pickle.dumps([bz2.compress(b"text" * 20)], 4))
    _, rows = run(command, tmp_path / "open", tmp_path / "closed")
    assert [row["packed"] for row in rows] == [0, 1]


def test_what_cannot_be_scanned_is_an_error(command: list[str], tmp_path: Path) -> None:
    data = (EXAMPLES / "benign_torch_zip.pt").read_bytes()
    end = data.rindex(b"PK\5\6")
    broken = {
        "cut": data[: len(data) // 2] + data[end:],
        "offset": data[: end + 16] + b"\xfe\xff\xff\xff" + data[end + 20 :],
        "zip64": data[: end + 16] + b"\xff\xff\xff\xff" + data[end + 20 :],
        "count": data[: end + 10] + b"\xfe\xff" + data[end + 12 :],
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    code, rows = run(command, *(tmp_path / name for name in broken), tmp_path / "missing")
    assert code == 2
    assert [row["verdict"] for row in rows] == ["error"] * 5
    assert all(row["error"] for row in rows)
