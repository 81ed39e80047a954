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
from train.corpus.spelling.scripts import helper


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


def exhaust(aim: Aim, rng: Draw) -> Any:
    """Use up memory or time, stop the process, or wait for somebody."""
    huge = rng.choice((2**31, 2**40, 10**10, 10**12, 9**9 + rng.randrange(9**9)))
    name, argument = rng.choice((("repeat", 1), ("count", 1), ("cycle", "x")))
    endless = Call(Ref("itertools", name), (argument,))
    return rng.template(
        (
            lambda: Call(helper("operator", rng.choice(("mul", "imul")), rng), (rng.choice(("A", [0], b"x")), huge)),
            lambda: Call(Ref("builtins", rng.choice(("bytearray", "bytes"))), (huge,)),
            lambda: Call(
                Ref(*rng.choice((("builtins", "pow"), ("operator", "pow"), ("operator", "lshift")))), (9, huge)
            ),
            lambda: Call(Ref("builtins", rng.choice(("list", "sum"))), (Call(Ref("builtins", "range"), (huge,)),)),
            lambda: Call(Ref("builtins", rng.choice(("list", "tuple", "set"))), (endless,)),
            lambda: Call(Ref(*rng.choice((("numpy", "ones"), ("numpy", "zeros"), ("torch", "ones")))), ((huge,),)),
            lambda: Call(Ref("time", "sleep"), (rng.choice((huge, rng.randrange(10, 10**6))),)),
            lambda: Call(Ref("builtins", rng.choice(("input", "breakpoint", "exit", "quit"))), ()),
            lambda: Call(Ref("sys", rng.choice(("exit", "setrecursionlimit"))), (rng.randrange(9),)),
            lambda: Call(Ref(*rng.choice((("os", "abort"), ("os", "fork"), ("faulthandler", "_sigsegv")))), ()),
            lambda: Call(Ref("math", "factorial"), (huge,)),
            lambda: Call(Ref("re", "match"), ("(a+)+$", "a" * rng.randrange(30, 60) + "!")),
        )
    )()
