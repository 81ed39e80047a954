"""What is kept of a library by value: its functions and classes as a notebook's, members of enums, C classes."""

from __future__ import annotations

import colorsys
import datetime
import enum
import textwrap
from collections import Counter, OrderedDict
from random import Random
from types import FunctionType

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.render import callee_text
from train.corpus.dumps.borrowed import borrowed, has_signature, moved, subclass
from train.corpus.dumps.items import MODERN, dumped
from train.corpus.dumps.names import Names


class Colour(enum.Enum):
    """Something to take a member of."""

    RED = 1


def callees(data: bytes) -> set[str]:
    """Return what a pickle calls."""
    machines = (stream.machine for stream in analyse(data).streams)
    return {callee_text(m, m.site_callee[i]) for m in machines for i in range(m.n_sites)}


def test_a_moved_function_is_the_same_code_in_main_with_what_it_uses() -> None:
    made = moved(colorsys.rgb_to_hls)
    assert made.__code__ is colorsys.rgb_to_hls.__code__ and made.__module__ == "__main__"
    assert made.__globals__["__name__"] == "__main__" and "hls_to_rgb" not in made.__globals__
    assert "TextWrapper" in moved(textwrap.wrap).__globals__


@pytest.mark.parametrize(("form", "maker"), [("cloudpickle", "_make_function"), ("dill", "_create_function")])
def test_a_moved_function_is_written_by_value(form: str, maker: str) -> None:
    pytest.importorskip(form)
    assert any(callee.endswith(maker) for callee in callees(dumped(moved(colorsys.rgb_to_hls), form)))


def test_subclasses_are_of_main_and_inherit() -> None:
    for seed in range(20):
        made = subclass(Counter, Names(Random(seed)))
        cls = made if isinstance(made, type) else next(c for c in _classes_in(made) if c is not Counter)
        assert issubclass(cls, Counter) and cls.__module__ == "__main__"


def _classes_in(made: object) -> list[type]:
    inner = list(made.values()) if type(made) is dict else made if isinstance(made, list) else [made]
    return [type(value) for value in inner if not isinstance(value, type)]


def test_of_everything_there_is_something() -> None:
    classes: list[type] = [Colour, OrderedDict, datetime.timedelta, ValueError]
    functions: list[FunctionType] = [colorsys.rgb_to_hls, colorsys.hls_to_rgb]
    found = list(borrowed(classes, functions, Names(Random(1)), 8, MODERN))
    kinds = Counter(what for what, _, _ in found)
    assert kinds["by-value"] == 2 and kinds["subclass"] >= 1 and kinds["member"] == 1
    assert any(what.startswith("builtins.") for what in kinds)
    assert all(set(forms) == set(MODERN) for what, _, forms in found if what == "member")
    assert all("pickle4" not in forms for what, _, forms in found if what in ("by-value", "subclass"))


def test_which_classes_tell_their_arguments() -> None:
    assert has_signature(Counter) and not has_signature(ValueError)
