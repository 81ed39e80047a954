"""Pickles that take memory or time out of all proportion, stop the process or wait; and objects shared honestly."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from train.corpus.attacks.techniques import Aim
from train.corpus.draw import Draw
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import (
    Append,
    Call,
    Opcodes,
    Ref,
    Repeat,
    Same,
)
from train.corpus.spelling.scripts import helper, method

HUGE = (2**31, 2**40, 10**9, 10**10, 10**12)
"""Sizes that nobody has the memory or the time for (count)."""


def bomb(rng: Draw) -> Any:
    """Return a call that takes memory or time out of all proportion to what the pickle holds."""
    width, n = rng.randrange(8, 16), rng.randrange(9, 24)
    swollen = rng.choice((_nested, _swollen_tuple, _doubled))(width, n)
    huge, bits = 10**n, [[0, 1]] * n
    return rng.template(
        (
            lambda: Call(Ref("builtins", rng.choice(("repr", "str", "hash", "sorted", "frozenset"))), (swollen,)),
            lambda: Call(Ref("copy", "deepcopy"), (swollen,)),
            lambda: Call(Ref("json", "dumps"), (swollen,)),
            lambda: Call(Ref("pickle", "dumps"), (swollen, 0)),
            lambda: Call(Ref("numpy", "array"), (swollen,)),
            lambda: Call(Ref("operator", "eq"), (swollen, _nested(width, n))),
            lambda: Call(Ref("itertools", "chain"), (swollen,)),
            lambda: Append(Call(Ref("collections", "deque"), ()), (swollen, swollen)),
            lambda: Call(Ref("builtins", "str.ljust"), ("x", huge)),
            lambda: Call(Ref("builtins", rng.choice(("str.zfill", "str.center"))), ("x", huge)),
            lambda: Call(Ref("builtins", "format"), (0, f"{huge}d")),
            lambda: Call(Ref("builtins", "list"), (Call(Ref("itertools", "product"), tuple(bits)),)),
            lambda: Call(Ref("builtins", "list"), (Call(Ref("itertools", "permutations"), (list(range(n + 4)),)),)),
            lambda: Call(Ref("zlib", "decompress"), (zlib.compress(bytes(10**6), 9),)),
            lambda: Call(Ref("builtins", "int"), ("9" * rng.randrange(5_000, 60_000),)),
            lambda: Call(Ref("decimal", "Decimal.__pow__"), (Call(Ref("decimal", "Decimal"), (9,)), huge)),
        )
    )()


def silent_bomb(rng: Draw) -> Any:
    """Return the same without any call or import: containers, numbers and memo indices alone."""
    width, n = rng.randrange(8, 16), rng.randrange(9, 24)
    return rng.template(
        (
            lambda: _nested(width, n, rng.choice(("lol", 0, None, b"x"))),
            lambda: _doubled(width, n),
            lambda: {_swollen_tuple(2, n + 20): None},
            lambda: Opcodes(b"L" + b"9" * rng.randrange(5_000, 60_000) + b"L\n"),
            lambda: Opcodes(b"]" * n * 500 + b"a" * (n * 500 - 1)),
            lambda: Opcodes(b"Nr" + struct.pack("<I", rng.randrange(2**29, 2**32))),
            lambda: {i * (2**61 - 1): None for i in range(100, 100 + 20 * n)},
        )
    )()


def _nested(width: int, levels: int, leaf: Any = "x") -> Any:
    value: Any = [leaf] * width
    for _ in range(levels):
        shared = Same(value)
        value = [shared] * width
    return value


def _swollen_tuple(width: int, levels: int) -> Any:
    value: Any = ("x",) * width
    for _ in range(levels):
        shared = Same(value)
        value = (shared,) * width
    return value


def _doubled(width: int, levels: int) -> Any:
    value: Any = Repeat("lol", width)
    for _ in range(levels):
        value = Repeat(value, width)
    return value


def shared_honestly(rng: Draw) -> Any:
    """Return containers that hold one object several times, as honest pickles do."""
    value = Same(rng.choice((objects.array(rng), [values.scalar(rng)], objects.small_object(rng))))
    return rng.choice(([value, value], {values.key(rng): value, "again": [value]}, [[value], [value, value]]))


SIZED, CONSUMED = 0.45, 0.7
"""Up to where a random number of 0 to 1 has a size asked for, and above that an iterator used up; else it is something
of its own. Attacks and twins alike."""


def exhaust(aim: Aim, rng: Draw) -> Any:
    """Use up memory or time, stop the process, or wait for somebody."""
    huge = rng.choice((*HUGE, 9**9 + rng.randrange(9**9)))
    name, argument = rng.choice((("repeat", 1), ("repeat", "A" * 99), ("count", 1), ("cycle", "x"), ("cycle", [0])))
    kind = rng.random()
    if kind < SIZED:
        return _sized(huge, rng)
    if kind < CONSUMED:
        return _consumed(Call(Ref("itertools", name), (argument,)), rng)
    return rng.template(
        (
            lambda: Call(Ref("time", "sleep"), (rng.choice((huge, rng.randrange(10, 10**6))),)),
            lambda: Call(Ref("builtins", rng.choice(("input", "breakpoint", "exit", "quit"))), ()),
            lambda: Call(Ref("sys", rng.choice(("exit", "setrecursionlimit"))), (rng.randrange(9),)),
            lambda: Call(Ref(*rng.choice((("os", "abort"), ("os", "fork"), ("faulthandler", "_sigsegv")))), ()),
            lambda: Call(
                Ref("re", rng.choice(_MATCHERS)), (_redos(rng), rng.choice("ax0 ") * rng.randrange(26, 60) + "!")
            ),
            lambda: Call(Ref("re", "sub"), (_redos(rng), "", "a" * rng.randrange(26, 60) + "!")),
            lambda: method(rng, Call(Ref("re", "compile"), (_redos(rng),)), rng.choice(_MATCHERS), "a" * 40 + "!"),
            lambda: method(rng, Call(Ref("threading", rng.choice(("Event", "Barrier", "Condition"))), (2,)), "wait"),
            lambda: method(rng, Call(Ref("queue", rng.choice(("Queue", "SimpleQueue"))), ()), "get"),
            lambda: method(rng, Call(Ref("socket", "socket"), ()), "accept"),
        )
    )()


def bounded(rng: Draw) -> Any:
    """Return the same callables asked for what fits: short lists, small powers, patterns that do not backtrack."""
    few = rng.choice((2, 8, 64, 300, 1024, rng.randrange(2, 5000)))
    some = rng.choice((Call(Ref("itertools", "repeat"), (0, few)), Call(Ref("builtins", "range"), (few,)),
                       Call(Ref("itertools", "chain"), ([1], [2, few])), [few, 1]))  # fmt: skip
    kind = rng.random()
    if kind < SIZED:
        return _sized(few, rng)
    if kind < CONSUMED:
        return _consumed(some, rng)
    pattern = rng.choice((r"\w+", r"[a-z]+\d*$", "(a|b)c?", r"^\s*#", values.regex(rng)))
    return rng.template(
        (
            lambda: Call(Ref("itertools", rng.choice(("count", "cycle", "repeat"))), (rng.choice(("x", [0, 1])),)),
            lambda: [Call(Ref("itertools", "count"), (few,)), values.value(rng)],
            lambda: Call(Ref("re", "_compile"), (pattern, 32)),
            lambda: Call(Ref("re", rng.choice(_MATCHERS)), (pattern, values.key(rng))),
            lambda: Call(Ref("datetime", "timedelta"), (few, few)),
            lambda: Call(Ref("queue", "SimpleQueue"), ()),
            lambda: shared_honestly(rng),
        )
    )()


_MATCHERS = ("match", "search", "fullmatch", "findall")


def _redos(rng: Draw) -> str:
    """Return a pattern that backtracks without end."""
    c = rng.choice(("a", "x", r"\w", r"\d", "[a-z]", "."))
    return rng.choice((f"({c}+)+$", f"^({c}*)*$", f"({c}|{c}{c})+$", f"({c}|{c}?)+$", f"^(({c}+)*)+$", f"({c}+)+b"))


def _sized(n: int, rng: Draw) -> Any:
    """Return a call that takes as much memory or time as a number says."""
    text = rng.choice(("A", "0", " ", "ab"))
    return rng.template(
        (
            lambda: Call(
                helper("operator", rng.choice(("mul", "imul")), rng), (rng.choice((text, [0], b"x", (None,))), n)
            ),
            lambda: Call(Ref("builtins", rng.choice(("bytearray", "bytes"))), (n,)),
            lambda: Call(Ref(*rng.choice((("builtins", "pow"), ("operator", "pow"), ("operator", "lshift")))), (9, n)),
            lambda: Call(
                Ref("builtins", rng.choice(("list", "sum", "tuple", "set", "sorted", "dict.fromkeys"))),
                (Call(Ref("builtins", "range"), (n,)),),
            ),
            lambda: Call(
                Ref(*rng.choice((("numpy", "ones"), ("numpy", "zeros"), ("torch", "ones"), ("numpy", "empty")))),
                ((n,),),
            ),
            lambda: Call(Ref("numpy", rng.choice(("arange", "eye", "identity", "linspace"))), (n,)),
            lambda: Call(Ref("math", rng.choice(("factorial", "comb", "perm"))), (n,)),
            lambda: method(rng, text, rng.choice(("__mul__", "ljust", "rjust", "center", "zfill")), n),
            lambda: Call(Ref("builtins", rng.choice(("str.ljust", "str.center", "bytes.zfill"))), (text, n)),
            lambda: Call(Ref("collections", "deque"), (Call(Ref("builtins", "range"), (n,)), rng.choice((0, None)))),
            lambda: Call(Ref("itertools", "combinations"), (Call(Ref("builtins", "range"), (n,)), 3)),
            lambda: Call(Ref("random", rng.choice(("randbytes", "getrandbits"))), (n,)),
            lambda: Call(Ref("secrets", rng.choice(("token_bytes", "token_hex"))), (n,)),
            lambda: Call(Ref("hashlib", "pbkdf2_hmac"), ("sha256", b"x", b"y", n)),
            lambda: Call(Ref("mmap", "mmap"), (-1, n)),
        )
    )()


def _consumed(iterator: Any, rng: Draw) -> Any:
    """Return a call that takes all that an iterator has."""
    return rng.template(
        (
            lambda: Call(
                Ref("builtins", rng.choice(("list", "tuple", "set", "sorted", "frozenset", "bytes"))), (iterator,)
            ),
            lambda: Call(Ref("builtins", rng.choice(("sum", "max", "min", "all"))), (iterator,)),
            lambda: Call(Ref("collections", rng.choice(("Counter", "deque"))), (iterator,)),
            lambda: Call(Ref("functools", "reduce"), (Ref("operator", "add"), iterator)),
            lambda: Call(Ref("builtins", "list.extend"), ([], iterator)),
            lambda: method(rng, "", "join", iterator),
            lambda: Call(Ref("builtins", "dict.fromkeys"), (iterator,)),
            lambda: Call(Ref("array", "array"), ("l", iterator)),
            lambda: Call(Ref("statistics", rng.choice(("mean", "median"))), (iterator,)),
        )
    )()
