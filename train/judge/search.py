"""Black-box search: mutate a detected file until the detector lets it pass, or the budget of queries is spent.

The searcher sees scores, not the model. Each step changes one thing of the best candidate so far, and keeps the change
if the score did not rise; what the payload does stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from train.corpus.draw import Draw
from train.corpus.files.hosts import Host, append_padding, junk_between, prepend_padding, splice
from train.corpus.honest.surroundings import enlarged
from train.corpus.recipe import opcode_count
from train.corpus.spelling.styles import style_for, with_protocol
from train.judge.attacks import BLAND, HIDING, RENAMING, Sample, reworded_expression, spelled

MAX_STEPS = 3
"""Mutations that are tried for each query at most, on average (count)."""
MAX_OPCODES = 2_000
"""Largest candidate (count): a longer one only costs time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one search ended."""

    evaded: bool
    queries: int
    first_score: float
    best_score: float
    best: Sample
    """What scored that."""


def search(
    sample: Sample,
    score: Callable[[bytes], float],
    threshold: float,
    budget: int,
    hosts: Sequence[Host],
    rng: Draw,
) -> Outcome:
    """Search for a file that scores below the threshold.

    Args:
        sample: what to start from.
        score: of a file's bytes, the higher the worse; each call is one query.
        threshold: a file that scores below it passes.
        budget: queries (count).
        hosts: honest pickles to hide in.
        rng: decides everything.
    """
    best = sample
    first = lowest = score(best.stream)
    queries = 1
    for _ in range(MAX_STEPS * budget):  # a mutation may not fit
        if lowest < threshold or queries >= budget:
            break
        candidate = mutated(best, hosts, rng)
        if candidate is not None:
            queries += 1
            now = score(candidate.stream)
            if now <= lowest:
                best, lowest = candidate, now
    return Outcome(lowest < threshold, queries, first, lowest, best)


def mutated(candidate: Sample, hosts: Sequence[Host], rng: Draw) -> Sample | None:
    """Return a candidate with one thing changed, None if the change did not fit.

    The bytes are changed after they were spelled: a later change of the expression begins from that alone.
    """
    if candidate.style is None or rng.random() < 0.15:
        stream = _bytes_changed(candidate.stream, hosts, rng)
        return None if stream is None or opcode_count(stream) > MAX_OPCODES else replace(candidate, stream=stream)
    expression, style = candidate.expression, candidate.style
    kind = rng.randrange(6)
    if kind == 0:
        style = with_protocol(style_for(rng), min(style_for(rng).protocol, style.protocol))
    elif kind == 1:
        expression = enlarged(expression, rng)
    else:
        techniques = (RENAMING, HIDING, BLAND, RENAMING + HIDING + BLAND)[kind - 2]
        expression = reworded_expression(expression, techniques, rng, rng.choice((0.3, 1.0)))
        if style.protocol >= 3:
            style = with_protocol(style, rng.choice((4, 5)))
    stream = spelled(expression, style, rng)
    if stream is None or opcode_count(stream) > MAX_OPCODES:
        return None
    return replace(candidate, stream=stream, expression=expression, style=style)


def _bytes_changed(stream: bytes, hosts: Sequence[Host], rng: Draw) -> bytes | None:
    kind = rng.randrange(4)
    try:
        if kind == 0 and hosts:
            return splice(rng.choice(hosts).data, stream, rng.choice(("start", "middle", "end")), rng)
        if kind == 1:
            return append_padding(stream, rng.choice((10, 100, 1000)), rng)
        if kind == 2:
            return prepend_padding(stream, rng.choice((10, 100, 1000)), rng)
        return junk_between(stream, 2, rng)
    except ValueError:  # two streams in a row, or a broken one
        return None
