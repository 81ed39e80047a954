import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import safepickle_dl
from safepickle_dl import cli
from safepickle_dl.core import BUILD
from safepickle_dl.errors import BundleError
from tests import fake_scanner

ROOT = Path(__file__).parent.parent
RUN_FAKE = """
import sys
from tests import fake_scanner
sys.modules["safepickle_dl.scanner"] = fake_scanner
from safepickle_dl.cli import main
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safepickle_dl.scanner", fake_scanner)
    monkeypatch.setattr(fake_scanner.Scanner, "created", [])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for word in ("benign", "malicious", "suspicious", "skipped", "cut"):
        (tmp_path / word).write_text(word)
    return tmp_path


def fake(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", RUN_FAKE, *arguments],
        cwd=ROOT,
        timeout=120,
        **{"capture_output": True, **options},
    )


# ---------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize("format", ["text", "json", "jsonl"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("benign", 0),
        ("skipped", 0),
        ("benign skipped", 0),
        ("malicious", 1),
        ("suspicious", 0),
        ("--fail-on suspicious suspicious", 1),
        ("--fail-on suspicious malicious", 1),
        ("--fail-on malicious suspicious", 0),
        ("cut", 2),
        ("benign cut", 2),
        ("suspicious cut", 2),
        ("cut malicious", 1),
        ("missing", 2),
        ("missing benign", 2),
        ("missing malicious", 1),
        (".", 1),
    ],
)
@pytest.mark.usefixtures("files")
def test_exit_codes_do_not_depend_on_the_format(arguments: str, code: int, format: str) -> None:
    assert cli.main(["scan", "--format", format, *arguments.split()]) == code


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "scan",
        "scan --no-such-option benign",
        "scan --format xml benign",
        "scan --fail-on benign benign",
        "scan --jobs -1 benign",
        "scan --jobs two benign",
        "scan --form json benign",
        "no-such-command",
        "disasm",
        "disasm missing",
        "disasm .",
        "scan --model missing benign",
        "scan --output missing/report benign",
        "scan --output . benign",
    ],
)
def test_misuse_is_one_clear_line(arguments: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("safepickle-dl: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("help", [["--help"], ["scan", "--help"], ["disasm", "-h"]])
def test_help(help: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(help) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: safepickle-dl")
    assert out.isascii()
    assert err == ""


# ---------------------------------------------------------------------------- reports


def test_text(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["scan", "."])
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "malicious: malicious 0.900 os.system ('malicious',) (stream s, byte 7, REDUCE)",
        "suspicious: suspicious 0.900 os.system ('suspicious',) (stream s, byte 7, REDUCE)",
    ]
    assert err.splitlines() == [
        "safepickle-dl: error: cut: truncated",
        "5 files, 35 bytes: 1 malicious, 1 suspicious, 1 benign, 1 error, 1 skipped",
    ]


def test_jsonl_is_one_object_per_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["scan", "--format", "jsonl", "missing", "."])
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    verdicts = {item["path"]: item["verdict"] for item in objects}
    assert verdicts == {
        "missing": "error",
        "benign": "benign",
        "cut": "error",
        "malicious": "malicious",
        "skipped": "skipped",
        "suspicious": "suspicious",
    }
    assert len(objects) == 6


def test_json_is_one_object(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["scan", "--format", "json", ".", "missing"])
    report = json.loads(capsys.readouterr().out)
    assert report["tool"]["model"] == "fake-1"
    assert [result["path"] for result in report["results"]][-1] == "missing"
    assert report["summary"]["files"] == 6


def test_text_and_jsonl_are_streamed(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def scan_paths(self: object, paths: Iterator[Path]) -> Iterator[object]:
        for path in paths:
            seen.append(capsys.readouterr().out)
            yield fake_scanner.Scanner()._scan(str(path), path.read_bytes())

    monkeypatch.setattr(fake_scanner.Scanner, "scan_paths", scan_paths)
    for format in ("text", "jsonl"):
        seen.clear()
        cli.main(["scan", "--format", format, "malicious", "benign"])
        assert seen[0] == ""
        assert "os.system" in seen[1], format
        capsys.readouterr()


def test_everything_skipped_is_said(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", "skipped"]) == 0
    assert "no pickle in any of them" in capsys.readouterr().err


def test_a_clean_run_prints_nothing_on_stdout(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", "benign", "skipped"]) == 0
    assert capsys.readouterr().out == ""


def test_options_reach_the_engine(files: Path) -> None:
    cli.main(["scan", "--jobs", "3", "--model", ".", "--fpr", "0.001", "benign"])
    cli.main(["scan", "--jobs", "0", "benign"])
    assert fake_scanner.Scanner.created == [(Path(), 3, 0.001), (None, os.cpu_count(), None)]


# ---------------------------------------------------------------------------- odd paths


def test_the_other_paths_are_still_scanned(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "empty").mkdir()
    os.mkfifo(files / "fifo")
    arguments = ["missing", "empty", "fifo", os.devnull, "", "cut", "malicious"]
    assert cli.main(["scan", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("malicious: malicious")
    errors = [line for line in err.splitlines() if line.startswith("safepickle-dl: error: ")]
    assert len(errors) == 6
    assert "safepickle-dl: error: empty: no files to scan in this folder" in errors
    assert "safepickle-dl: error: missing: No such file or directory" in errors


def test_links_that_are_not_followed_are_said(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "sub").mkdir()
    (files / "sub" / "link").symlink_to(files / "malicious")
    (files / "sub" / "benign").write_text("benign")
    assert cli.main(["scan", "sub"]) == 0
    assert "not scanned: 1 links and special files" in capsys.readouterr().err


def test_a_name_that_begins_with_a_dash(files: Path) -> None:
    Path("-x.pkl").write_text("malicious")
    assert cli.main(["scan", "--", "-x.pkl"]) == 1


def test_standard_input(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"malicious")))
    assert cli.main(["scan", "--format", "jsonl", "benign", "-", "cut"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["path"] for line in lines] == ["benign", "-", "cut"]


def test_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["scan", "-"]) == 2
    assert cli.main(["disasm", "-"]) == 2


def test_hostile_names_never_crash(files: Path) -> None:
    name = os.fsencode(files) + b"/\x1b[2J\xff\xe2\x80\xae\n.pkl"
    Path(os.fsdecode(name)).write_text("malicious")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    for format in ("text", "json", "jsonl"):
        done = fake("scan", "--format", format, str(files), env=environment)
        assert done.returncode == 1, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr
        assert done.stdout.isascii()
        assert b"Traceback" not in done.stderr
        if format == "text":
            assert len(done.stdout.splitlines()) == 3


# ---------------------------------------------------------------------------- output


def test_output_file(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scan", "--format", "json", "--output", "report", "malicious"]) == 1
    assert capsys.readouterr().out == ""
    assert json.loads(Path("report").read_text())["summary"]["malicious"] == 1
    assert sorted(path.name for path in files.iterdir() if "report" in path.name) == ["report"]


def test_a_clean_run_replaces_an_old_report(files: Path) -> None:
    Path("report").write_text("old findings")
    assert cli.main(["scan", "--output", "report", "benign"]) == 0
    assert Path("report").read_text() == ""


@pytest.mark.parametrize(("word", "code"), [("interrupt", 130), ("bug", 2)])
def test_a_broken_run_leaves_the_old_report_alone(files: Path, word: str, code: int) -> None:
    Path("report").write_text("old findings")
    Path("last").write_text(word)
    before = sorted(files.iterdir())
    assert cli.main(["scan", "--output", "report", "malicious", "last"]) == code
    assert Path("report").read_text() == "old findings"
    assert sorted(files.iterdir()) == before


def test_output_keeps_a_link_and_its_permissions_are_ordinary(files: Path) -> None:
    Path("link").symlink_to("target")
    cli.main(["scan", "--output", "link", "malicious"])
    assert Path("link").is_symlink()
    assert "os.system" in Path("target").read_text()
    Path("plain").touch()
    assert Path("target").stat().st_mode == Path("plain").stat().st_mode


def test_output_never_replaces_a_device(files: Path) -> None:
    assert cli.main(["scan", "--output", os.devnull, "malicious"]) == 1
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("word", "code"), [("suspicious", 2), ("malicious", 1)])
def test_a_full_disk_is_an_error(files: Path, word: str, code: int) -> None:
    with Path("/dev/full").open("wb") as full:
        done = fake("scan", str(files / word), stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == code
    assert done.stderr.splitlines() == [b"safepickle-dl: error: standard output: No space left on device"]


# ---------------------------------------------------------------------------- ends of a process


def test_stdout_closed_early_is_quiet(files: Path) -> None:
    for word, code in (("malicious", 1), ("suspicious", 2)):
        reader, writer = os.pipe()
        os.close(reader)
        done = fake(
            "scan",
            str(files / word),
            stdout=writer,
            stderr=subprocess.PIPE,
            capture_output=False,
        )
        os.close(writer)
        assert done.returncode == code
        assert done.stderr == b""


def test_no_standard_streams_at_all(files: Path) -> None:
    done = fake(
        "scan",
        str(files / "malicious"),
        capture_output=False,
        preexec_fn=lambda: [os.close(number) for number in (0, 1, 2)],
    )
    assert done.returncode == 1


def test_interrupt_is_quiet(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("last").write_text("interrupt")
    assert cli.main(["scan", "last"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_is_never_taken_for_a_finding(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("last").write_text("bug")
    assert cli.main(["scan", "last"]) == 2
    assert capsys.readouterr().err == (
        "safepickle-dl: error: internal error, please report it: RuntimeError: a bug\\x0a\n"
    )


# ---------------------------------------------------------------------------- terminals


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_colour_and_progress_only_on_a_terminal(
    files: Path, monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setenv("TERM", "xterm")
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    cli.main(["scan", "malicious", "benign"])
    assert ("\x1b[" in out.getvalue()) is coloured
    assert ("\x1b[" in err.getvalue()) is coloured
    assert "\rfiles scanned: 1" in err.getvalue()
    assert err.getvalue().splitlines()[-1].startswith(("2 files", "\r"))


def test_no_colour_in_a_file(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    cli.main(["scan", "--output", "report", "malicious"])
    assert "\x1b" not in Path("report").read_text()


# ---------------------------------------------------------------------------- other commands


def module(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    fake = ModuleType(f"safepickle_dl.{name}")
    vars(fake).update(members)
    monkeypatch.setitem(sys.modules, fake.__name__, fake)


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module(monkeypatch, "bundle", bundle_version=lambda: "sequence-1")
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == (f"safepickle-dl {safepickle_dl.__version__} (model sequence-1, {BUILD} core)\n")


def test_version_without_a_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> str:
        raise BundleError("checkpoints: no bundle")

    module(monkeypatch, "bundle", bundle_version=broken)
    assert cli.main(["--version"]) == 2
    out, err = capsys.readouterr()
    assert out == f"safepickle-dl {safepickle_dl.__version__} (no model, {BUILD} core)\n"
    assert err == "safepickle-dl: error: checkpoints: no bundle\n"


def test_disasm(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module(monkeypatch, "disasm", disassemble=lambda data: iter(["0: one", bytes(data).decode()]))
    assert cli.main(["disasm", "benign"]) == 0
    assert capsys.readouterr().out == "0: one\nbenign\n"
    os.mkfifo("fifo")
    assert cli.main(["disasm", "fifo"]) == 2
    assert "not a regular file" in capsys.readouterr().err


def test_python_dash_m() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "safepickle_dl", "--help"],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith(b"usage: safepickle-dl")
