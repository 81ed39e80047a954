"""Peers: the protocol with workers that misbehave, the verdicts of recorded answers, the notes of an installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import PEERS, environments, install, read_versions, scan
from benchmarks.peers import __main__ as command
from benchmarks.peers.environments import PINS, WORKERS
from benchmarks.peers.process import Reply, ask_each
from benchmarks.peers.verdicts import VERDICTS

FAKE_PEER = """
import os, time
print("noise while starting")

def scan(path):
    word = path.rpartition("/")[2]
    print("noise while scanning")
    if word == "raises":
        raise ValueError("bad\\n file")
    if word == "dies":
        os.write(2, b"last words\\n")
        os._exit(3)
    if word == "hangs":
        time.sleep(600)
    return {"word": word, "pid": os.getpid()}
"""
FAKE_LINES = """
import sys
print('{"ready": true}', flush=True)
for line in sys.stdin:
    print(GARBAGE, flush=True)
"""


def ask(script: Path, names: list[str], limit_s: float = 30.0) -> list[Reply]:
    start = [sys.executable, "-I", str(WORKERS / "loop.py"), str(script)]
    return list(ask_each(start, [Path("/x") / name for name in names], limit_s, {}, script.parent))


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    script = tmp_path / "fake.py"
    script.write_text(FAKE_PEER)
    return script


def test_answers_in_order_from_one_process(fake: Path) -> None:
    replies = ask(fake, ["one", "raises", "surrogate\udc80", "two"])
    assert [reply.said and reply.said["word"] for reply in replies] == ["one", None, "surrogate\udc80", "two"]
    assert replies[1].error == "ValueError: bad\n file"
    assert len({reply.said["pid"] for reply in replies if reply.said}) == 1
    assert all(reply.seconds >= 0 for reply in replies)


def test_a_dead_worker_costs_one_file(fake: Path) -> None:
    one, dead, two = ask(fake, ["one", "dies", "two"])
    assert dead.said is None and dead.error == "died with exit code 3: last words"
    assert one.said and two.said and one.said["pid"] != two.said["pid"]


def test_a_hanging_worker_costs_one_file_and_is_killed(fake: Path) -> None:
    one, hung, two = ask(fake, ["one", "hangs", "two"], limit_s=0.5)
    assert hung.error == "no answer in 0.5 s"
    assert one.said and two.said
    with pytest.raises(ProcessLookupError):
        os.kill(one.said["pid"], 0)


@pytest.mark.parametrize("line", ["no json", "[1]", '{"said": 3, "seconds": 1.0}', '{"said": {}}', "\xff" * 9])
def test_garbage_is_an_error(tmp_path: Path, line: str) -> None:
    script = tmp_path / "garbage.py"
    script.write_text(FAKE_LINES.replace("GARBAGE", ascii(line)))
    replies = list(ask_each([sys.executable, "-I", str(script)], [Path("a"), Path("b")], 30, {}, tmp_path))
    assert [reply.error for reply in replies] == ["wrote a line that is no reply"] * 2


def test_what_cannot_start_is_tried_once(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\nimport no_such_peer\n")
    replies = ask(script, ["a", "b", "c"])
    assert {reply.error for reply in replies} == {
        "cannot start: died with exit code 1: ModuleNotFoundError: No module named 'no_such_peer'"
    }
    assert (tmp_path / "starts").read_text() == "x"
    missing = list(ask_each([str(tmp_path / "none")], [Path("a")], 30, {}, tmp_path))
    assert missing[0].error and missing[0].error.startswith("cannot start: ")


def test_workers_end_with_the_generator(fake: Path) -> None:
    start = [sys.executable, "-I", str(WORKERS / "loop.py"), str(fake)]
    replies = ask_each(start, [Path("/a"), Path("/b")], 30, {}, fake.parent)
    first = next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert first.said
    with pytest.raises(ProcessLookupError):
        os.kill(first.said["pid"], 0)


NONE = {"LOW": 0, "MEDIUM": 0, "HIGH": 0, "CRITICAL": 0}
RECORDED: list[tuple[str, str, dict[str, Any]]] = [
    # what the workers really returned, details left out
    ("picklescan", "clean", {"dangerous": 0, "suspicious": 0, "failed": False}),
    ("picklescan", "suspicious", {"dangerous": 0, "suspicious": 7, "failed": False}),
    ("picklescan", "malicious", {"dangerous": 1, "suspicious": 1, "failed": False}),
    ("picklescan", "suspicious", {"dangerous": 0, "suspicious": 5, "failed": True}),
    ("picklescan", "error", {"dangerous": 0, "suspicious": 0, "failed": True}),
    ("modelscan", "clean", {"severities": NONE, "scanned": 1, "errors": 0}),
    ("modelscan", "malicious", {"severities": NONE | {"CRITICAL": 1}, "scanned": 1, "errors": 0}),
    ("modelscan", "malicious", {"severities": NONE | {"HIGH": 1}, "scanned": 1, "errors": 1}),
    ("modelscan", "suspicious", {"severities": NONE | {"MEDIUM": 1}, "scanned": 1, "errors": 0}),
    ("modelscan", "error", {"severities": NONE, "scanned": 0, "errors": 0}),
    ("modelscan", "error", {"severities": NONE, "scanned": 0, "errors": 1}),
    ("fickling", "clean", {"severities": ["LIKELY_SAFE"], "errors": 0}),
    ("fickling", "suspicious", {"severities": ["LIKELY_SAFE", "SUSPICIOUS"], "errors": 0}),
    ("fickling", "malicious", {"severities": ["LIKELY_UNSAFE"], "errors": 0}),
    ("fickling", "malicious", {"severities": ["LIKELY_SAFE", "LIKELY_OVERTLY_MALICIOUS"], "errors": 1}),
    ("fickling", "error", {"severities": ["LIKELY_SAFE"], "errors": 1}),
    ("fickling", "error", {"severities": [], "errors": 0}),
    ("modelaudit", "clean", {"severities": {"debug": 1, "info": 1}, "exit_code": 0}),
    ("modelaudit", "suspicious", {"severities": {"debug": 1, "info": 1, "warning": 1}, "exit_code": 1}),
    ("modelaudit", "suspicious", {"severities": {}, "exit_code": 1}),
    ("modelaudit", "malicious", {"severities": {"critical": 2, "warning": 2}, "exit_code": 1}),
    ("modelaudit", "malicious", {"severities": {"critical": 1}, "exit_code": 2}),
    ("modelaudit", "error", {"severities": {}, "exit_code": 2}),
    ("modelaudit-picklescan", "clean", {"verdict": "clean", "status": "complete"}),
    ("modelaudit-picklescan", "suspicious", {"verdict": "suspicious", "status": "inconclusive"}),
    ("modelaudit-picklescan", "malicious", {"verdict": "malicious", "status": "error"}),
    ("modelaudit-picklescan", "error", {"verdict": "unknown", "status": "error"}),
    ("hayward", "clean", {"severities": {}, "unread": 0}),
    ("hayward", "suspicious", {"severities": {"info": 1}, "unread": 0}),
    ("hayward", "malicious", {"severities": {"high": 1, "medium": 1}, "unread": 0}),
    ("hayward", "malicious", {"severities": {"critical": 1}, "unread": 1}),
    ("hayward", "error", {"severities": {}, "unread": 1}),
]


@pytest.mark.parametrize(("peer", "verdict", "said"), RECORDED)
def test_verdicts(peer: str, verdict: str, said: dict[str, Any]) -> None:
    assert VERDICTS[peer](said) == verdict


def test_every_peer_has_pins_a_worker_and_verdicts() -> None:
    assert set(VERDICTS) == set(PEERS) == {peer for peer, *_ in RECORDED}
    assert {path.stem for path in WORKERS.glob("*.py")} == {"loop"} | {peer.replace("-", "_") for peer in PEERS}
    for peer, requirements in PINS.items():
        assert requirements[0].startswith(f"{peer}==") and all("==" in item for item in requirements)
    readme = (WORKERS.parent / "README.md").read_text(encoding="utf-8")
    assert all(item.replace("==", " ") in readme for items in PINS.values() for item in items)


def test_a_failed_installation_is_noted_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pip_fails(run: list[str]) -> str:
        raise subprocess.CalledProcessError(1, run, stderr="WARNING: w\nERROR: No matching distribution\nnote")

    monkeypatch.setattr(environments.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(environments, "_run", pip_fails)
    (tmp_path / "versions.json").write_text('{"hayward": {"ok": true, "version": "1"}}')
    versions = install(["picklescan"], tmp_path)
    assert versions == read_versions(tmp_path) == json.loads((tmp_path / "versions.json").read_text())
    assert versions["picklescan"] == {
        "requirements": list(PINS["picklescan"]),
        "python": ".".join(map(str, sys.version_info[:3])),
        "ok": False,
        "reason": "ERROR: No matching distribution",
    }
    assert versions["hayward"]["ok"]
    reasons = {peer: scan(peer, [Path("a"), Path("b")], tmp_path) for peer in ("picklescan", "fickling")}
    assert [(r.path, r.verdict, r.detail) for r in reasons["picklescan"]] == [
        ("a", "error", "ERROR: No matching distribution"),
        ("b", "error", "ERROR: No matching distribution"),
    ]
    assert reasons["fickling"][0].detail == "not installed"


def test_the_command_continues_its_output(tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = [sys.executable, "-I", str(WORKERS / "loop.py"), str(fake)]
    monkeypatch.setattr("benchmarks.peers.runner.command_of", lambda *_: start)
    monkeypatch.setitem(VERDICTS, "hayward", lambda said: said.setdefault("detail", "d\x1b" * 200) and "clean")
    (tmp_path / "hayward").mkdir()
    (tmp_path / "versions.json").write_text('{"hayward": {"ok": true}}')
    files, output = tmp_path / "files.txt", tmp_path / "results.jsonl"
    arguments = ["peers", "run", "--folder", str(tmp_path), "--peer", "hayward"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--list", str(files), "--output", str(output)])
    for names in (["/x/one", "/x/dies"], ["/x/one", "/x/dies", "/x/two"]):
        files.write_text("\n".join(names) + "\n")
        command.main()
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["path"], row["verdict"]) for row in rows] == [
        ("/x/one", "clean"),
        ("/x/dies", "error"),
        ("/x/two", "clean"),
    ]
    assert rows[0].keys() == {"peer", "path", "verdict", "seconds", "detail"}
    assert len(rows[0]["detail"]) == 200 and "\x1b" not in rows[0]["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_an_installed_peer(peer: str) -> None:
    folder = Path(os.environ.get("SAFEPICKLE_PEERS", "data/peers"))
    if not read_versions(folder).get(peer, {}).get("ok"):
        pytest.skip(f"{peer} is not installed in {folder} (SAFEPICKLE_PEERS names another folder)")
    examples = Path(__file__).parents[2] / "examples"
    results = scan(peer, [examples / "malicious_system.pkl", examples / "benign_dict.pkl"], folder)
    assert [result.verdict for result in results] == ["malicious", "clean"]
