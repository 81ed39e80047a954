# ruff: noqa: E501  (tables of sources read better unbroken)
"""What people's code keeps of a library: functions and classes by value, members of enums, objects of C classes.

A notebook's functions and classes are written by value (dill, cloudpickle). Here they are the library's own ones, moved
to `__main__`, so that what they hold is as varied as the code of all who published something.
"""

from __future__ import annotations

import enum
import functools
import inspect
import operator
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any

from train.corpus.dumps.guesses import MAKE_LIMIT_S, Guesser
from train.corpus.dumps.items import BY_VALUE
from train.corpus.dumps.names import Names, notebook
from train.corpus.dumps.writer import time_limit

MAX_CODE_BYTES = 1500
TRIES = 4
"""Attempts for each object of a class without a signature (count)."""
CLOSURES = (
    "def $f(made, key='$a'):\n    def $g(*args):\n        return made(*args), key\n    return $g",
    "def $f(made, limit=$n):\n    def $g(x):\n        return made(x) if x > limit else $g(x + 1)\n    return $g",
    "import functools\ndef $f(made):\n    @functools.wraps(made)\n    def $g(*args, **kwargs):\n        print('$a')\n"
    "        return made(*args, **kwargs)\n    return $g",
)
SUBCLASSES = (
    "def $f(base):\n    class $C(base):\n        '''A $a.'''\n        $b = $n\n        def $g(self):\n            return self.$b\n"
    "    return $C",
    "def $f(base):\n    class $C(base):\n        def __init__(self, *args, **kwargs):\n            super().__init__(*args, **kwargs)\n"
    "            self.$a = $t\n    return $C",
    "def $f(base):\n    class $C(base):\n        @classmethod\n        def $g(cls, $a=$t):\n            return cls($a)\n"
    "        @property\n        def $b(self):\n            return super().__hash__()\n    return $C",
)


def borrowed(
    classes: Sequence[type], functions: Sequence[FunctionType], names: Names, n: int, forms: Sequence[str]
) -> Iterator[tuple[str, Any, Sequence[str]]]:
    """Yield (what it is, object, the forms that can write it): `n` functions by value, half as many of all else."""
    rng = names.rng
    by_value = tuple(form for form in BY_VALUE if form != "dill-byref")
    small = [f for f in functions if len(f.__code__.co_code) <= MAX_CODE_BYTES]
    for function in rng.sample(small, min(len(small), n)):
        yield "by-value", _kept(moved(function), names), by_value
    for cls in rng.sample(list(classes), min(len(classes), n // 2)):
        with suppress(Exception), time_limit(MAKE_LIMIT_S):
            yield "subclass", subclass(cls, names), by_value
    enums = [cls for cls in classes if issubclass(cls, enum.Enum) and len(cls)]
    for cls in rng.sample(enums, min(len(enums), n // 2)):
        member = rng.choice(list(cls))
        yield "member", rng.choice((member, {member: names.value()}, [*cls][:9], {names.field(): member})), forms
    opaque = [cls for cls in classes if not has_signature(cls)]
    for cls in rng.sample(opaque, min(len(opaque), n // 2)):
        for _ in range(TRIES):
            with suppress(Exception), time_limit(MAKE_LIMIT_S):
                yield f"{cls.__module__}.{cls.__qualname__}", cls(*_plain_arguments(names)), forms


def moved(function: FunctionType) -> FunctionType:
    """Return a copy of a function that says it is `__main__`'s, with those of its globals that it uses."""
    used = {name: function.__globals__[name] for name in _names_in(function.__code__) if name in function.__globals__}
    names = used | {"__name__": "__main__"}
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__doc__ = function.__doc__
    made.__module__ = "__main__"
    return made


def _names_in(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names_in, inner))


def _kept(function: FunctionType, names: Names) -> Any:
    """Return a function as people keep it: alone, half applied, among handlers, in a closure."""
    rng = names.rng
    plain = (len, str.lower, operator.itemgetter(names.field()), operator.not_, sorted)
    return rng.choice(
        (
            lambda: function,
            lambda: functools.partial(function, names.value()),
            lambda: functools.partial(function, **{names.field(): names.value()}),
            lambda: functools.partial(functools.reduce, function),
            lambda: functools.partial(map, function),
            lambda: {names.field(): function, names.field(): rng.choice(plain), names.field(): names.value()},
            lambda: [function, rng.choice(plain)],
            lambda: _called(rng.choice(CLOSURES), function, names),
            lambda: _called(rng.choice(CLOSURES), function, names),
        )
    )()


def subclass(cls: type, names: Names) -> Any:
    """Return a class of `__main__` that inherits, or an object of it.

    Raises:
        Exception: whatever the base class raises.
    """
    made = _called(names.rng.choice(SUBCLASSES), cls, names)
    if names.rng.random() < 0.4:
        return made
    value = made(*Guesser(names).arguments(list(inspect.signature(cls).parameters.values()))[0])
    return names.rng.choice((value, [value, made], {names.field(): value}))


def _called(source: str, given: Any, names: Names) -> Any:
    made = notebook(names.fill(source))
    return next(value for name, value in made.items() if isinstance(value, FunctionType))(given)


def has_signature(cls: type) -> bool:
    """Return whether Python can tell what a class is called with; it cannot for many that are written in C."""
    try:
        inspect.signature(cls)
    except (TypeError, ValueError):
        return False
    return True


def _plain_arguments(names: Names) -> tuple[Any, ...]:
    rng = names.rng
    return rng.choice(
        (
            lambda: (),
            lambda: (names.state(),),
            lambda: ([names.value(), names.field()],),
            lambda: (names.text(),),
            lambda: (rng.randrange(99),),
            lambda: (names.field(), rng.randrange(99)),
            lambda: (names.text().encode(),),
            lambda: (rng.randrange(9), rng.random()),
        )
    )()
