"""What a run adds up to, kept while the results stream past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from safepickle_dl.types import ScanResult, Verdict


@dataclass(slots=True)
class Tally:
    """Counts over the results of one run.

    `unread` counts the results that carry an error, whatever their verdict; `seconds` is the sum
    of the results' own times, so more than the clock's when several processes work.
    """

    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    unread: int = 0
    bytes: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, results: Iterable[ScanResult]) -> Tally:
        """Return the tally of all `results`."""
        tally = cls()
        for result in results:
            tally.add(result)
        return tally

    @property
    def files(self) -> int:
        """How many results were added."""
        return sum(self.verdicts.values())

    def add(self, result: ScanResult) -> None:
        """Count one more result."""
        self.verdicts[result.verdict] += 1
        self.unread += result.verdict is Verdict.ERROR or result.error is not None
        self.bytes += result.coverage.bytes
        self.seconds += result.seconds
