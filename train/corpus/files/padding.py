"""Runs of honest opcodes that leave stack and memo as they were, to put around and between those of a pickle."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from train.corpus.spelling import assemble as asm
from train.corpus.spelling.instructions import Program, program

FIRST_INDEX = 1 << 20
"""The memo index from which padding stores: above those of the pickles that it is put into."""
POOL_OPCODES = 20_000
"""Opcodes that are made afresh; longer runs repeat them in another order (count)."""
MAX_ROOM = 60
"""About the longest value that padding holds (opcodes)."""
WORDS = (
    "weight", "bias", "running_mean", "layers", "encoder", "embedding", "params", "n_estimators", "classes_", "shape",
    "dtype", "index", "columns", "vocab", "token", "epoch", "loss", "config", "model", "name",
)  # fmt: skip

Block = tuple[int, bytes]
"""Opcodes (count), and their bytes."""


def padding(n_opcodes: int, rng: Random, memo: bool = False) -> bytes:
    """Return about `n_opcodes` stack-neutral opcodes of the kinds that real pickles hold; the last one is POP.

    Names and values are honest, and all that is imported comes with Python. The time is linear in `n_opcodes`.

    Args:
        n_opcodes: at least 2; the run is at most a few dozen longer (count).
        rng: chooses everything.
        memo: whether to store values in the memo, from FIRST_INDEX on, and to get them again. Never where a MEMOIZE
            follows: it counts what is stored.
    """
    pool: list[Block] = []
    fresh = 0
    while fresh < min(n_opcodes, POOL_OPCODES):
        block = _block(rng, min(n_opcodes - fresh, MAX_ROOM), memo)
        pool.append(block)
        fresh += block[0]
    parts = [raw for _, raw in pool]
    while fresh < n_opcodes:
        count, raw = rng.choice(pool)
        parts.append(raw)
        fresh += count
    return b"".join(parts)


def append_padding(stream: bytes, n: int, rng: Random) -> bytes:
    """Return a pickle with about `n` opcodes of padding in front of its STOP.

    Raises:
        ValueError: `stream` is not one whole pickle.
    """
    one = _whole(stream)
    body = b"".join(step.raw for step in one.steps)
    return _header(one) + body + padding(n, rng, memo=one.top_index < FIRST_INDEX) + asm.STOP


def prepend_padding(stream: bytes, n: int, rng: Random) -> bytes:
    """Return a pickle with about `n` opcodes of padding in front of its first instruction.

    Raises:
        ValueError: `stream` is not one whole pickle.
    """
    one = _whole(stream)
    return _header(one) + padding(n, rng, memo=one.top_index < FIRST_INDEX) + b"".join(one.explicit()) + asm.STOP


def junk_between(stream: bytes, n: int, rng: Random) -> bytes:
    """Return a pickle with about `n` opcodes of padding behind each of its instructions but the last.

    Raises:
        ValueError: `stream` is not one whole pickle.
    """
    one = _whole(stream)
    body = b"".join(raw + padding(n, rng, memo=one.top_index < FIRST_INDEX) for raw in one.explicit())
    return _header(one) + body + asm.STOP


def _whole(stream: bytes) -> Program:
    one = program(stream)
    if one is None:
        raise ValueError("not one whole pickle")
    return one


def _header(one: Program) -> bytes:
    return asm.protocol_header(one.protocol) if one.protocol >= 0 else b""


def _block(rng: Random, room: int, memo: bool) -> Block:
    """Return a value that is pushed and dropped, at most about `room` opcodes long."""
    count, raw = rng.choice(_VALUES)(rng, room) if room > 12 else _scalar(rng)
    if memo and rng.random() < 0.5:
        index = FIRST_INDEX + rng.randrange(1000)
        count, raw = count + 1, raw + asm.put(index)
        if rng.random() < 0.3:
            count, raw = count + 2, raw + asm.POP + asm.get(index)
    return count + 1, raw + asm.POP


def _word(rng: Random) -> str:
    return f"{rng.choice(WORDS)}{rng.choice(('', '.', '_'))}{rng.choice(WORDS)}{rng.randrange(100)}"


def _text(rng: Random) -> Block:
    return 1, asm.text(_word(rng), rng.choice(("BINUNICODE", "SHORT_BINUNICODE")))


def _scalar(rng: Random) -> Block:
    kind = rng.randrange(6)
    if kind == 0:
        return 1, asm.floating(rng.gauss(0, 1))
    if kind == 1:
        return 1, rng.choice((asm.NONE, asm.TRUE, asm.FALSE, asm.EMPTY_TUPLE))
    if kind == 2:
        return _text(rng)
    return 1, asm.integer(rng.choice((rng.randrange(10), rng.randrange(1000), -rng.randrange(10**6))))


def _joined(blocks: list[Block], before: bytes, behind: bytes) -> Block:
    """Return blocks in a row, with opcodes that have no argument around them."""
    count = sum(count for count, _ in blocks) + len(before) + len(behind)
    return count, before + b"".join(raw for _, raw in blocks) + behind


def _size(rng: Random, room: int) -> int:
    return rng.randrange(1, max(2, min(30, room // 3)))


def _tuple(rng: Random, room: int) -> Block:
    n = _size(rng, room)
    return _joined([_scalar(rng) for _ in range(n)], b"" if n < 4 else asm.MARK, asm.TUPLES.get(n, asm.TUPLE))


def _list(rng: Random, room: int) -> Block:
    return _joined([_scalar(rng) for _ in range(_size(rng, room))], asm.EMPTY_LIST + asm.MARK, asm.APPENDS)


def _items(rng: Random, room: int) -> list[Block]:
    return [block for _ in range(_size(rng, room)) for block in (_text(rng), _value(rng, room // 8))]


def _value(rng: Random, room: int) -> Block:
    return _tuple(rng, room) if room > 12 and rng.random() < 0.3 else _scalar(rng)


def _dict(rng: Random, room: int) -> Block:
    return _joined(_items(rng, room), asm.EMPTY_DICT + asm.MARK, asm.SETITEMS)


def _ordered_dict(rng: Random, room: int) -> Block:
    made = 3, asm.import_global("collections", "OrderedDict") + asm.EMPTY_TUPLE + asm.REDUCE
    return _joined([made, (1, asm.MARK), *_items(rng, room)], b"", asm.SETITEMS)


def _rebuilt(rng: Random, room: int) -> Block:
    """Return a call that restores a small object, as estimators and data frames hold them."""
    date = bytes([7, 200 + rng.randrange(40), 1 + rng.randrange(12), 1 + rng.randrange(28)])
    blob = bytes(rng.randrange(128) for _ in range(rng.randrange(4, 40))).decode("ascii")
    module, name, arguments = rng.choice(
        (
            ("datetime", "date", [asm.data(date)]),
            ("datetime", "timedelta", [asm.integer(rng.randrange(999)), asm.integer(rng.randrange(86400))]),
            ("decimal", "Decimal", [asm.text(str(rng.randrange(10**6) / 100))]),
            ("_codecs", "encode", [asm.text(blob), asm.text("latin1")]),
            ("fractions", "Fraction", [asm.integer(rng.randrange(999)), asm.integer(1 + rng.randrange(99))]),
        )
    )
    body = asm.import_global(module, name) + b"".join(arguments) + asm.TUPLES[len(arguments)] + asm.REDUCE
    return 3 + len(arguments), body


_VALUES: tuple[Callable[[Random, int], Block], ...] = (_tuple, _list, _dict, _dict, _ordered_dict, _rebuilt)
