"""The container matrix, with the shipped model: every payload is found, nothing harmless is flagged."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest

from safepickle_dl import Scanner, Verdict
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


def test_there_are_many() -> None:
    assert len(WRAPPINGS) >= 50
    assert set(SUFFIXES) <= set(WRAPPINGS)
