from __future__ import annotations

import importlib.util
from pathlib import Path

from safepickle_dl.disasm import disassemble

FOLDER = Path(__file__).parents[1] / "examples"


def make(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_examples", FOLDER / "make_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(folder)


def sample_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in (".py", ".md", "")}


def test_the_script_writes_the_files(tmp_path: Path) -> None:
    make(tmp_path)
    assert sample_files(tmp_path) == sample_files(FOLDER)
    assert sum(map(len, sample_files(FOLDER).values())) < 50_000


def test_every_file_is_described() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in readme for name in sample_files(FOLDER))


def test_malicious_ones_call_what_benign_ones_do_not() -> None:
    sinks = ("os.system", "posix.popen", "exec", "subprocess.call", "'system')")
    for name, data in sample_files(FOLDER).items():
        calls = [line.split(" with ")[0] for line in disassemble(data) if "=> call " in line]
        assert any(call.endswith(sinks) for call in calls) == name.startswith("malicious"), name
