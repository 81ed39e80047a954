"""The command `safepickle-dl`: arguments in, report and exit code out. The only place that prints.

Exit codes: 0 nothing found; 1 a finding at or above `--fail-on`; 2 something could not be scanned,
nothing was scanned at all, or the command was misused; 130 interrupted. A finding wins over an
error, and the format of the report never changes the code.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from safepickle_dl import __version__
from safepickle_dl.errors import InputError, SafePickleError, reason_of
from safepickle_dl.output import Progress, Sink, silence, wants_colour, write
from safepickle_dl.report import json, jsonl, text
from safepickle_dl.report.escape import printable
from safepickle_dl.report.tally import Tally
from safepickle_dl.types import ScanResult, Verdict
from safepickle_dl.walk import Walk, unscanned

if TYPE_CHECKING:
    from safepickle_dl.reader import Buffer
    from safepickle_dl.scanner import Scanner

FOUND_NOTHING, FOUND, FAILED, INTERRUPTED = 0, 1, 2, 130
STDIN = "-"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: The arguments after the command's name; None means those of the process.
    """
    _replace_closed_streams()
    try:
        args = _parser().parse_args(argv)
        run: int = args.run(args)
        return run
    except SystemExit as stop:  # argparse has already said why
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return FAILED
    except SafePickleError as error:
        _complain(str(error))
    except Exception as error:  # a traceback would exit with 1, which says "malicious"
        if sys.flags.dev_mode:
            raise
        _complain(f"internal error, please report it: {type(error).__name__}: {error}")
    return FAILED


# ---------------------------------------------------------------------------- arguments


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, under the command's own name."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="safepickle-dl",
        description="Find malicious pickle files without ever unpickling anything.",
        epilog="Exit codes: 0 nothing found, 1 found, 2 something could not be scanned.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="show the version of the package and of its model")
    parser.set_defaults(run=_run_nothing)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _add_scan(commands)
    _add_disasm(commands)
    _add_export(commands)
    return parser


def _add_scan(commands: argparse._SubParsersAction[_Parser]) -> None:
    scan = commands.add_parser("scan", help="scan files and folders", allow_abbrev=False)
    scan.add_argument("--format", choices=["text", "json", "jsonl"], default="text")
    scan.add_argument(
        "--fail-on",
        choices=[Verdict.MALICIOUS.value, Verdict.SUSPICIOUS.value],
        default=Verdict.MALICIOUS.value,
        help="the least verdict that makes the exit code 1 (default: malicious)",
    )
    scan.add_argument(
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="worker processes; 0 means one for each CPU (default: 1)",
    )
    scan.add_argument("--output", type=Path, metavar="FILE", help="write the report to FILE")
    scan.add_argument("--model", type=Path, metavar="DIR", help="use the model bundle in DIR")
    scan.add_argument(
        "--fpr",
        type=float,
        metavar="RATE",
        help="share of honest files that may be called malicious: 0.001, 0.005 (the default), 0.01 or 0.03",
    )
    scan.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a file, a folder (all files in it, hidden ones too), or - for standard input",
    )
    scan.set_defaults(run=_run_scan)


def _add_disasm(commands: argparse._SubParsersAction[_Parser]) -> None:
    disasm = commands.add_parser("disasm", help="show the instructions and call sites of a file", allow_abbrev=False)
    disasm.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    disasm.set_defaults(run=_run_disasm)


def _add_export(commands: argparse._SubParsersAction[_Parser]) -> None:
    export = commands.add_parser("export", help="write the model for programs without this package", allow_abbrev=False)
    export.add_argument("--format", choices=["torchscript", "onnx"], required=True)
    export.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="the folder to write to")
    export.add_argument("--model", type=Path, metavar="DIR", help="use the model bundle in DIR")
    export.set_defaults(run=_run_export)


def _jobs(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number of processes")
    return int(value) or os.cpu_count() or 1


# ---------------------------------------------------------------------------- commands


def _run_nothing(args: argparse.Namespace) -> int:
    if not args.version:
        _complain("a command is needed: scan, disasm or export (see `safepickle-dl --help`)")
        return FAILED
    from safepickle_dl.bundle import bundle_version
    from safepickle_dl.core import BUILD

    out = Sink(None)
    try:
        model = bundle_version()
    except SafePickleError:
        out.write(f"safepickle-dl {__version__} (no model, {BUILD} core)\n")
        raise
    out.write(f"safepickle-dl {__version__} (model {printable(model)}, {BUILD} core)\n")
    return FOUND_NOTHING


def _run_disasm(args: argparse.Namespace) -> int:
    from safepickle_dl.disasm import disassemble

    out = Sink(None)
    for line in disassemble(_read(args.file)):
        out.write(line.rstrip("\n") + "\n")
    return FOUND_NOTHING


def _run_export(args: argparse.Namespace) -> int:
    from safepickle_dl.embed.export import export

    out = Sink(None)
    for path in export(args.format, args.output, args.model):
        out.write(f"{printable(str(path))}\n")
    return FOUND_NOTHING


def _run_scan(args: argparse.Namespace) -> int:
    tally = Tally()
    try:
        with Sink(args.output) as sink:
            _scan(args, sink, tally)
    except BrokenPipeError:  # nobody reads on; here and below, what was found still counts
        silence(sys.stdout)
        tally.unread += 1
    except SafePickleError as error:
        _complain(str(error))
        tally.unread += 1
    return _exit_code(tally, Verdict(args.fail_on))


def _scan(args: argparse.Namespace, sink: Sink, tally: Tally) -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported; more threads make it slower
    from safepickle_dl.scanner import Scanner

    scanner = Scanner(bundle=args.model, jobs=args.jobs, fpr=args.fpr)
    walk, progress = Walk(), Progress(sys.stderr)
    whole: list[ScanResult] = []
    for result in _results(scanner, args.paths, walk):
        tally.add(result)
        if args.format == "json":
            whole.append(result)
        line = _streamed(result, args.format, sink.colour)
        if line or result.error is not None:
            progress.clear()
        if result.error is not None:
            _complain(f"{result.path}: {result.error}")
        sink.write(line)
        progress.show(tally)
    progress.clear()
    if args.format == "json":
        sink.write(json.format_results(whole, scanner.model_version))
    _say(text.summary(tally, colour=wants_colour(sys.stderr)))
    if walk.passed_over:
        _say(f"not scanned: {walk.passed_over} links and special files inside folders\n")


def _streamed(result: ScanResult, format: str, colour: bool) -> str:
    if format == "text":
        return text.format_result(result, colour=colour)
    return jsonl.format_result(result) if format == "jsonl" else ""


def _results(scanner: Scanner, names: Sequence[str], walk: Walk) -> Iterator[ScanResult]:
    for is_stdin, group in groupby(names, key=lambda name: name == STDIN):
        if is_stdin:
            yield _scan_stdin(scanner)
            continue
        for result in scanner.scan_paths(walk.files(list(group))):
            yield from walk.take_problems()
            yield result
        yield from walk.take_problems()


def _scan_stdin(scanner: Scanner) -> ScanResult:
    try:
        return scanner.scan_stream(_stdin(), STDIN)
    except OSError as error:
        return unscanned(STDIN, reason_of(error))


def _exit_code(tally: Tally, fail_on: Verdict) -> int:
    found = tally.verdicts[Verdict.MALICIOUS]
    if fail_on is Verdict.SUSPICIOUS:
        found += tally.verdicts[Verdict.SUSPICIOUS]
    if found:
        return FOUND
    return FAILED if tally.unread or not tally.files else FOUND_NOTHING


# ---------------------------------------------------------------------------- standard streams


def _read(name: str) -> Buffer:
    from safepickle_dl.reader import read_path

    try:
        if name == STDIN:
            data: bytes = _stdin().read()
            return data
        if not Path(name).is_file() and Path(name).exists():
            raise InputError(f"{name}: not a regular file (standard input is `-`)")
        return read_path(name)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {reason_of(error)}") from error


def _stdin() -> Any:
    if sys.stdin is None:
        raise OSError("standard input is closed")
    return sys.stdin.buffer


def _replace_closed_streams() -> None:
    """Give a process that was started without standard streams (`>&-`) silent ones."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _say(line: str) -> None:
    try:
        write(sys.stderr, line)
    except (OSError, ValueError):
        silence(sys.stderr)


def _complain(message: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    _say(f"safepickle-dl: error: {printable(message)}\n")
