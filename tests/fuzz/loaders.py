"""What CPython's two unpicklers ask for while they load generated pickles: run in a process of its own.

`find_class` never imports: it returns a stand-in that records how it is called. The pickles are made here, from seeds.
"""

from __future__ import annotations

import copyreg
import io
import json
import pickle
import resource
import sys
import warnings
from collections.abc import Callable, Iterable
from itertools import repeat
from random import Random
from typing import Any, BinaryIO

from tests.fuzz.generate import N_BUFFERS, N_EXTENSIONS, generate
from tests.fuzz.mutate import mutate

MEMORY = 2 << 30

Event = list[str]


def cases(first: int, count: int) -> Iterable[bytes]:
    """Yield the pickles of `count` seeds: each as it is, and mutated."""
    for seed in range(first, first + count):
        data = generate(seed)
        yield data
        yield mutate(data, generate(seed + 1), Random(seed))


class Recorder:
    """Events of one load: [what, module, name]."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def stand_in(self, module: str, name: str) -> type:
        """Record an import and return the class that stands for what would be imported."""
        events = self.events
        events.append(["import", module, name])

        class StandIn:
            def __new__(cls, *args: object, **kwargs: object) -> StandIn:
                events.append(["call", module, name] if isinstance(cls, type) else ["call", "", ""])
                return object.__new__(cls)

            def __init__(self, *args: object, **kwargs: object) -> None:
                pass

            def __call__(self, *args: object, **kwargs: object) -> object:
                events.append(["call", "", ""])
                return self

            def __setstate__(self, state: object) -> None:
                events.append(["state", "", ""])

            def __setitem__(self, key: object, value: object) -> None:
                pass

            def extend(self, items: object) -> None:
                pass

            append = add = extend

        return StandIn

    def persistent(self, key: object) -> object:
        """Record a persistent id."""
        self.events.append(["persistent", "", ""])
        return object()


def load(make: Callable[..., Any], file: BinaryIO) -> tuple[bool, list[Event]]:
    """Return whether a loader gets through, and what it asked for until then."""
    recorder = Recorder()

    class Loader(make):  # type: ignore[misc,valid-type]
        def find_class(self, module: str, name: str) -> type:
            if not module:
                raise ValueError("Empty module name")  # as `__import__` does
            return recorder.stand_in(module, name)

        def persistent_load(self, key: object) -> object:
            return recorder.persistent(key)

    copyreg._extension_cache.clear()  # type: ignore[attr-defined]
    try:
        Loader(file, buffers=repeat(bytearray(b"buffer"), N_BUFFERS)).load()
    except Exception:
        return False, recorder.events
    return True, recorder.events


def main(first: int, count: int) -> None:
    """Print, for each pickle, what the C unpickler did, from two kinds of files, and the Python one."""
    warnings.simplefilter("ignore")  # of odd escapes in STRING
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for code in range(1, N_EXTENSIONS + 1):
        copyreg.add_extension("extmod", f"e{code}", code)
    for data in cases(first, count):
        peeking = io.BufferedReader(io.BytesIO(data), 64)  # type: ignore[arg-type]
        answers = [load(pickle.Unpickler, io.BytesIO(data)), load(pickle.Unpickler, peeking)]
        print(json.dumps([*answers, load(pickle._Unpickler, io.BytesIO(data))]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
