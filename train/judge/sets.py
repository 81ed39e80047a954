"""The test sets: which files of the test split answer which question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from train.judge.detector import Row, is_ordinary


@dataclass(frozen=True, slots=True)
class FileSet:
    """A choice of files."""

    name: str
    question: str
    rows: list[int]
    """Indices of rows of the test split."""


def seen_in(train: Sequence[Row]) -> dict[str, frozenset[str]]:
    """Return what training has seen of each group key."""
    return {
        key: frozenset(row[key] for row in train if row["label"] or key == "library")
        for key in ("module", "technique", "container", "library")
    }


def chosen_sets(test: Sequence[Row], seen: Mapping[str, frozenset[str]]) -> list[FileSet]:
    """Return the sets of the report that have files; weak malicious files (canaries, broken exploits) are in none."""

    def unseen(key: str) -> Callable[[Row], bool]:
        return lambda row: row["origin"] == "made" and row[key] not in seen[key]

    def against(chosen: Callable[[Row], bool]) -> Callable[[Row], bool]:
        return lambda row: is_ordinary(row) or (row["group"] == "made-malicious" and chosen(row))

    choices: list[tuple[str, str, Callable[[Row], bool]]] = [
        ("grouped", "all attacks and honest files of the test split", lambda row: row["label"] or is_ordinary(row)),
        ("grouped, with twins", "everything of the test split", lambda row: True),
        ("unseen module", "attacks with gadgets of modules never trained on", against(unseen("module"))),
        ("unseen technique", "attacks by techniques never trained on", against(unseen("technique"))),
        ("unseen carrier", "attacks in carriers never trained on", against(unseen("container"))),
        ("unseen library", "dumps of libraries never trained on", lambda row: row["origin"] == "dump"),
        ("real", "real strict malicious and honest files of owners never trained on", lambda r: r["origin"] == "real"),
        ("hard benign, real", "real dill, cloudpickle, getattr and the like", lambda r: r["group"] == "benign-hard"),
        ("hard benign, dumps", "dumps that look like an attack in some respect", lambda r: r["group"] == "dump-hard"),
        ("hard benign, twins", "harmless uses of gadgets and shapes of attacks", lambda r: r["group"] == "made-benign"),
        ("fixtures", "tiny honest test files", lambda row: row["group"] == "fixture"),
    ]
    usable = [i for i, row in enumerate(test) if row["group"] != "malicious-weak"]
    sets = [FileSet(name, question, [i for i in usable if chosen(test[i])]) for name, question, chosen in choices]
    return [one for one in sets if one.rows]
