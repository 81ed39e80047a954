"""The container matrix, with the shipped model: every payload is found, nothing harmless is flagged."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.analysis import analyse
from safepickle_dl.render import callee_text
from safepickle_dl.stream import PickleStream
from tests.containers.wrappings import SUFFIXES, WRAPPINGS


class Call:
    """Calls os.system('echo hi') when it is loaded; nothing here loads it."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo hi",)


NOT_WHOLE = {"zip, no directory", "zip, two end records"}
"""What cannot be read for certain: an error, whatever is in it."""
HARMLESS = pickle.dumps({"weights": [1, 2.5, "x"], "options": {"a": None}}, 4)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


@pytest.mark.parametrize("name", WRAPPINGS)
def test_every_payload_is_found_and_nothing_harmless_flagged(scanner: Scanner, name: str) -> None:
    wrap = WRAPPINGS[name]
    for protocol in (0, 2, 4):
        result = scanner.scan_bytes(wrap(pickle.dumps(Call(), protocol)))
        assert result.verdict is Verdict.MALICIOUS
        assert result.findings[0].callee in ("posix.system", "nt.system")
    result = scanner.scan_bytes(wrap(HARMLESS))
    assert result.findings == ()
    assert (result.error is None) == (name not in NOT_WHOLE)


MIN_CUT = 26
"""Fewer bytes than this of a file say nothing, or not enough (bytes)."""
UNKNOWN = {"behind junk", "torch zip behind other data", "shelf, dbm.gnu"}
"""What is cut off here is what nobody knows: no signature in front, and no loader that would read the rest."""
WHOLE = {
    "stacked behind a pickle",
    "stacked behind 100 pickles",
    "behind a pickle and junk",
    "torch legacy",
    "torch legacy, behind the storages",
    "shelf, dbm.dumb",
}
"""What is left may be whole pickles and then nothing, or what is not read in order: all that a loader gets is read."""


@pytest.mark.parametrize("name", WRAPPINGS)
def test_what_is_cut_off_is_never_passed_over(name: str) -> None:
    whole = WRAPPINGS[name](pickle.dumps(Call(), 4))
    ends = {len(whole) * i // 23 for i in range(1, 23)} | {len(whole) - n for n in (1, 2, 5, 12, 22, 23)}
    for end in sorted(end for end in ends if end >= MIN_CUT):
        found = analyse(whole[:end])
        if found.errors or any("system" in name for stream in found.streams for name in callees(stream)):
            continue
        assert name in UNKNOWN | WHOLE, end
        assert (name in WHOLE) == bool(found.streams)
        assert all(stream.complete for stream in found.streams)


def callees(stream: PickleStream) -> list[str]:
    machine = stream.machine
    return [callee_text(machine, machine.site_callee[i]) for i in range(machine.n_sites)]


def test_there_are_many() -> None:
    assert len(WRAPPINGS) >= 50
    assert set(SUFFIXES) <= set(WRAPPINGS)
