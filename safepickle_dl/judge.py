"""Slices to scores, and scores to the verdict and findings of one file."""

from __future__ import annotations

import time
from array import array
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from safepickle_dl.analysis import Portion, Reading
from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import OperatingPoint, sigmoid
from safepickle_dl.core import opcodes as op
from safepickle_dl.ensemble import Ensemble
from safepickle_dl.explain import why
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from safepickle_dl.stream import PickleStream
from safepickle_dl.types import Finding, ScanResult, StreamReport, Verdict

MAX_FINDINGS = 100
"""Findings of one file that are reported, the highest scores first (count)."""
MAX_EXPLAINED = 20
"""Findings of one file that say why, a portion's highest scores first (count): each costs some dozen more slices."""
MAX_NOTES = 20
"""Notes on one file that are reported (count)."""


class Judgement:
    """What is known of a file while it is read portion by portion; then its result."""

    def __init__(self, reading: Reading, ensemble: Ensemble, point: OperatingPoint) -> None:
        """Know nothing yet."""
        self._reading = reading
        self._ensemble = ensemble
        self._point = point
        self._score = 0.0
        self._members = dict.fromkeys(ensemble.members, 0.0)
        self._rules = 0.0
        self._scores = array("d")  # of each slice
        self._n_pairs = 0
        self._n_explained = 0
        self._streams: list[StreamReport] = []
        self._findings: list[tuple[float, int, int, Finding]] = []

    def add(self, portion: Portion) -> None:
        """Judge the streams of a portion; nothing of it is kept."""
        n_known = len(self._scores)
        arrays = SliceArrays.of(self._reading.slices, n_known)
        call_sites = np.flatnonzero(arrays.channel == 0)
        logits = self._logits(arrays, call_sites)
        self._scores.frombytes(bytes(8 * len(arrays.channel)))
        suspects: dict[tuple[int, int], tuple[float, int]] = {}
        slices = self._reading.slices
        for k, logit in zip(call_sites.tolist(), logits.tolist(), strict=True):
            score = sigmoid(logit)
            self._scores[n_known + k] = score
            self._score = max(self._score, score)
            if score >= self._point.suspicious:
                place = (slices.source[n_known + k], slices.site[n_known + k])
                if place not in suspects or score > suspects[place][0]:
                    suspects[place] = (score, k)
        ranked = sorted(suspects.items(), key=lambda item: (-item[1][0], item[0]))[:MAX_FINDINGS]
        for (source, site), (score, k) in ranked:
            finding = _finding(portion.streams[source - portion.first], site, score)
            if self._n_explained < MAX_EXPLAINED:
                self._n_explained += 1
                text = f"{finding.callee} {finding.arguments}"
                finding = replace(finding, why=why(self._ensemble.logits, arrays, k, text))
            self._findings.append((-score, source, site, finding))
        self._add_rule_findings(portion)
        self._findings = sorted(self._findings, key=lambda item: item[:3])[:MAX_FINDINGS]
        self._add_streams(portion)

    def _logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the ensemble's logit of each chosen slice, (k,), and note the highest of each member."""
        if len(chosen) == 0:
            return np.zeros(0, np.float32)
        each = {name: member.logits(arrays, chosen) for name, member in self._ensemble.members.items()}
        for name, logits in each.items():
            score = self._ensemble.score_of(name, float(logits.max()))
            self._members[name] = max(self._members[name], score)
        return self._ensemble.combined(each)

    def _add_rule_findings(self, portion: Portion) -> None:
        for source, finding in portion.rule_findings[:MAX_FINDINGS]:
            self._rules = max(self._rules, finding.score)
            self._findings.append((-finding.score, source, -1, finding))

    def _add_streams(self, portion: Portion) -> None:
        slices = self._reading.slices
        highest = [0.0] * len(portion.streams)
        for i in range(self._n_pairs, slices.n_pairs):
            index = slices.pair_source[i] - portion.first
            highest[index] = max(highest[index], self._scores[slices.pair_slice[i]])
        self._n_pairs = slices.n_pairs
        for stream, score in zip(portion.streams, highest, strict=True):
            machine = stream.machine
            self._streams.append(
                StreamReport(stream.name, stream.start, machine.protocol, machine.n_instructions, score)
            )

    def result(self, name: str, start: float) -> ScanResult:
        """Return the result of the file, called `name`, whose scan began at `start` (seconds, performance counter)."""
        reading = self._reading
        error = "; ".join(reading.errors[:3]) or None
        if error and reading.n_errors > 3:
            error += f"; and {reading.n_errors - 3} more"
        notes = reading.notes[:MAX_NOTES]
        if len(reading.notes) > MAX_NOTES:
            notes.append(f"and {len(reading.notes) - MAX_NOTES} more notes")
        score = max(self._score, self._rules)
        return ScanResult(
            path=name,
            verdict=self._verdict(score),
            score=score,
            members=self._members | ({"rules": self._rules} if self._rules else {}),
            coverage=reading.coverage,
            streams=tuple(self._streams),
            findings=tuple(finding for *_, finding in self._findings),
            error=error,
            notes=tuple(notes),
            seconds=time.perf_counter() - start,
        )

    def _verdict(self, score: float) -> Verdict:
        if score >= self._point.malicious:
            return Verdict.MALICIOUS
        if score >= self._point.suspicious:
            return Verdict.SUSPICIOUS
        if self._reading.n_errors:
            return Verdict.ERROR
        return Verdict.BENIGN if self._streams else Verdict.SKIPPED


def _finding(stream: PickleStream, site: int, score: float) -> Finding:
    machine = stream.machine
    opcode = machine.site_opcode[site]
    callee = callee_text(machine, machine.site_callee[site])
    arguments = arguments_text(machine, machine.site_arguments[site])
    return Finding(
        stream=stream.name,
        offset=machine.site_at[site],
        opcode=opcode_name(opcode),
        callee=callee,
        arguments=arguments,
        score=score,
        message=_message(opcode, callee, arguments),
    )


def _message(opcode: int, callee: str, arguments: str) -> str:
    """Say in one line what loading the file does at a call site."""
    if opcode in op.IMPORTS:
        return f"loading the file imports {callee}"
    if opcode in op.CALLS:
        return f"loading the file calls {callee} with {arguments}"
    if opcode == op.BUILD:
        return f"loading the file sets the state of {callee} to {arguments}"
    if opcode in (op.PERSID, op.BINPERSID):
        return f"loading the file asks the loading program for the object {arguments}"
    return f"loading the file adds {arguments} to {callee}"
