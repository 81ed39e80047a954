"""The engine with the shipped bundle, on files that the test makes itself."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safepickle_dl import Scanner, ScanResult, Verdict, scan
from safepickle_dl.analysis import Reading
from safepickle_dl.limits import Limits
from safepickle_dl.scanner import INTERNAL_ERROR
from tests.assemble import stack_global

EXAMPLES = Path(__file__).parent.parent / "examples"
BENIGN = [
    pickle.dumps({"weights": [0.5, 1.5], "name": "model"}, 4),
    pickle.dumps(OrderedDict(a=1, b=[2, 3]), 2),
    pickle.dumps([1, "os.system", b"eval(input())", None], 5),
]


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


MALICIOUS = [
    pickle.dumps(Call(os.system, "echo test"), 4),
    pickle.dumps(Call(eval, "print('test')"), 2),
    pickle.dumps({"a": 1, "b": Call(exec, "import os; os.system('echo test')")}, 0),
]


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


@pytest.mark.parametrize("data", MALICIOUS)
def test_finds_the_call(scanner: Scanner, data: bytes) -> None:
    result = scanner.scan_bytes(data, name="upload.pkl")
    assert result.verdict is Verdict.MALICIOUS
    assert result.path == "upload.pkl"
    finding = result.findings[0]
    assert finding.opcode == "REDUCE"
    assert data[finding.offset] == 0x52
    assert finding.score == result.score
    assert set(result.members) == set(scanner.bundle.members) and max(result.members.values()) > 0.5
    assert "loading the file calls" in finding.message
    assert result.streams[0].score == result.score


@pytest.mark.parametrize("data", BENIGN)
def test_plain_data_is_benign(scanner: Scanner, data: bytes) -> None:
    result = scanner.scan_bytes(data)
    assert (result.verdict, result.findings, result.error) == (Verdict.BENIGN, (), None)
    assert result.coverage.complete and result.coverage.read == result.coverage.bytes == len(data)


SAMPLES = sorted(p for p in EXAMPLES.iterdir() if p.is_file() and p.suffix not in (".py", ".md"))


@pytest.mark.parametrize("path", SAMPLES, ids=str)
def test_examples_are_what_their_names_say(scanner: Scanner, path: Path) -> None:
    assert scanner.scan_path(path).verdict.value == path.name.partition("_")[0]


def test_no_pickle_is_skipped(scanner: Scanner) -> None:
    for data in (b"", b"# Title\n\nSome text, nothing else.\n", b"\x00" * 100):
        assert scanner.scan_bytes(data).verdict is Verdict.SKIPPED


def test_a_cut_off_pickle_is_never_benign(scanner: Scanner) -> None:
    result = scanner.scan_bytes(BENIGN[0][:-4])
    assert result.verdict is Verdict.ERROR
    assert not result.coverage.complete
    assert result.error is not None and "before the pickle's STOP" in result.error


def test_a_call_before_the_break_is_found(scanner: Scanner) -> None:
    for tail in (b"", b"\xff", b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"):
        assert scanner.scan_bytes(MALICIOUS[0][:-1] + tail).verdict is Verdict.MALICIOUS


def test_a_limit_is_an_error_and_not_benign() -> None:
    data = pickle.dumps([[]] * 30_000, 4)
    result = Scanner(limits=Limits(max_opcodes=10_000)).scan_bytes(data)
    assert result.verdict is Verdict.ERROR
    assert result.error is not None and "limit" in result.error


def test_unreadable_paths(scanner: Scanner, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        result = scanner.scan_path(path)
        assert result.verdict is Verdict.ERROR
        assert result.error and not result.coverage.complete


def test_streams_paths_and_bytes_agree(scanner: Scanner, tmp_path: Path) -> None:
    data = MALICIOUS[0]
    (tmp_path / "x").write_bytes(data)
    results = [scanner.scan_bytes(data, "x"), scanner.scan_stream(io.BytesIO(data), "x"), scan(tmp_path / "x")]
    assert len({(r.verdict, r.score, r.findings, r.coverage) for r in results}) == 1


def test_workers_give_the_same_results_in_order(scanner: Scanner, tmp_path: Path) -> None:
    paths = []
    for number, data in enumerate([*BENIGN, *MALICIOUS, b"no pickle"]):
        paths.append(tmp_path / f"{number}.bin")
        paths[-1].write_bytes(data)
    paths.append(tmp_path / "missing")

    def plain(result: ScanResult) -> dict[str, Any]:
        return {key: value for key, value in result.to_dict().items() if key != "seconds"}

    alone = [plain(result) for result in scanner.scan_paths(paths)]
    together = [plain(result) for result in Scanner(jobs=2).scan_paths(paths)]
    assert together == alone
    assert [Path(result["path"]).name for result in alone] == [path.name for path in paths]


def test_a_payload_in_a_second_member(scanner: Scanner) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", BENIGN[0])
        archive.writestr("b.txt", MALICIOUS[0])
    result = scanner.scan_bytes(buffer.getvalue())
    assert result.verdict is Verdict.MALICIOUS
    assert {finding.stream for finding in result.findings} == {"b.txt"}
    assert [stream.score < 0.5 for stream in result.streams] == [True, False]


def test_equal_streams_have_equal_scores(scanner: Scanner) -> None:
    result = scanner.scan_bytes(MALICIOUS[0] * 3)
    assert len(result.streams) == 3
    assert len({stream.score for stream in result.streams}) == 1


def test_the_result_is_json(scanner: Scanner) -> None:
    text = json.dumps(scanner.scan_bytes(MALICIOUS[0]).to_dict())
    assert set(json.loads(text)) == {
        "path", "verdict", "score", "members", "coverage", "streams", "findings", "error", "notes",
        "seconds",
    }  # fmt: skip


def test_jobs_must_be_positive() -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        Scanner(jobs=0)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quiet
@given(value=values, protocol=st.integers(0, 5), payload=st.sampled_from(MALICIOUS))
def test_benign_streams_around_it_never_lower_a_score(
    scanner: Scanner, value: Any, protocol: int, payload: bytes
) -> None:
    score = scanner.scan_bytes(payload).score
    padding = pickle.dumps(value, protocol)
    assert scanner.scan_bytes(padding + payload).score >= score - 1e-6
    assert scanner.scan_bytes(payload + padding).score >= score - 1e-6


@quiet
@given(value=values, protocol=st.sampled_from([0, 1, 2, 3]), n=st.integers(1, 50))
def test_benign_opcodes_in_front_never_lower_a_score(scanner: Scanner, value: Any, protocol: int, n: int) -> None:
    payload = stack_global("os", "system") + b"\x8c\x04echo\x85R."
    score = scanner.scan_bytes(b"\x80\x04" + payload).score
    padding = pickle.dumps([value] * n, protocol)
    padding = padding[2:-1] if protocol >= 2 else padding[:-1]
    assert scanner.scan_bytes(b"\x80\x04" + padding + b"0" + payload).score >= score - 1e-6


@quiet
@given(data=st.binary(max_size=400))
def test_random_bytes_get_a_verdict(scanner: Scanner, data: bytes) -> None:
    assert INTERNAL_ERROR not in (scanner.scan_bytes(data).error or "")


@quiet
@given(base=st.sampled_from(MALICIOUS + BENIGN), at=st.integers(0, 200), noise=st.binary(min_size=1, max_size=4))
def test_mutated_pickles_get_a_verdict(scanner: Scanner, base: bytes, at: int, noise: bytes) -> None:
    at %= len(base)
    result = scanner.scan_bytes(base[:at] + noise + base[at + len(noise) :])
    assert INTERNAL_ERROR not in (result.error or "")


def test_a_fault_of_ours_costs_one_file(scanner: Scanner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(data: Any, limits: Limits) -> Any:
        if len(data) == 1:
            raise ZeroDivisionError("oops")
        return Reading(data, limits)

    monkeypatch.setattr("safepickle_dl.scanner.Reading", broken)
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(MALICIOUS[0])
    first, second = scanner.scan_paths([tmp_path / "a", tmp_path / "b"])
    assert (first.verdict, first.error) == (Verdict.ERROR, f"{INTERNAL_ERROR}: ZeroDivisionError: oops")
    assert second.verdict is Verdict.MALICIOUS


def test_large_files_are_mapped_and_scanned(scanner: Scanner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("safepickle_dl.reader.MAP_FROM_BYTES", 1)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("a")
        entry.size = len(MALICIOUS[0])
        archive.addfile(entry, io.BytesIO(MALICIOUS[0]))
    wrapped = [
        MALICIOUS[0],
        gzip.compress(MALICIOUS[0]),
        buffer.getvalue(),
        (EXAMPLES / "benign_torch_zip.pt").read_bytes(),
    ]
    for data in wrapped:
        (tmp_path / "x").write_bytes(data)
        result = scanner.scan_path(tmp_path / "x")
        assert (result.verdict, result.findings) == (
            scanner.scan_bytes(data).verdict,
            scanner.scan_bytes(data).findings,
        )
        assert result.error is None


def test_more_streams_than_the_limit_are_never_benign() -> None:
    payload = MALICIOUS[0]
    scanner = Scanner(limits=Limits(max_streams=5))
    result = scanner.scan_bytes(b"N." * 5 + payload)
    assert result.verdict is Verdict.ERROR
    assert result.error == "limit reached at byte 10; what follows was not read"
    assert not result.coverage.complete
    assert scanner.scan_bytes(b"N." * 4 + payload).verdict is Verdict.MALICIOUS
    assert scanner.scan_bytes(b"N." * 5).verdict is Verdict.BENIGN
