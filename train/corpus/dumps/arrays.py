# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""numpy: arrays of every dtype, generators, ufuncs, masked and structured arrays."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import RAW, Item, family
from train.corpus.dumps.names import Names

DTYPES = ("b1", "i1", "u1", "i2", "u2", "<i4", ">i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", "c8", "c16", "S5", "U7",
          "M8[D]", "M8[ns]", "m8[s]", "V3")  # fmt: skip
UFUNCS = ("add", "multiply", "exp", "log", "sqrt", "maximum", "sin", "tanh", "logical_and", "isnan", "power", "clip")
FUNCTIONS = (
    "mean",
    "median",
    "std",
    "argmax",
    "concatenate",
    "log1p",
    "where",
    "dot",
    "nanmean",
    "percentile",
    "array",
)


@family("numpy")
def arrays(rng: Random) -> Iterator[Item]:
    """Yield arrays and scalars of each dtype, and what holds them."""
    names = Names(rng)
    for number in range(4):
        for dtype in DTYPES:
            yield Item(f"numpy.array-{number}", partial(_array, rng, dtype))
            yield Item("numpy.holder", partial(_holder, names, dtype))
        for kind in _KINDS:
            for _ in range(2):
                yield Item(f"numpy.{kind}", partial(_KINDS[kind], names))
        yield Item("numpy.npy-object", partial(_npy, names), RAW)
        yield Item("numpy.npz-object", partial(_npz, names), RAW)


def _array(r: Random, dtype: str) -> Any:
    import numpy as np

    shape = r.choice(((), (0,), (3,), (2, 3), (4, 1, 2), (r.randrange(1, 200),)))
    data = np.arange(int(np.prod(shape))).reshape(shape)
    made = data.astype(np.dtype("U3")).astype(dtype) if dtype[0] in "SUV" else data.astype("i8").astype(dtype)
    return made if r.random() < 0.7 else np.asfortranarray(made)


def _holder(n: Names, dtype: str) -> Any:
    a, b = _array(n.rng, dtype), _array(n.rng, "f8")
    return n.rng.choice(({n.field(): a, n.field(): b}, [a, b], (a, n.state()), {"X": a, "y": b, "names": [n.field()]},
                         {n.field(): a.dtype, "v": a.ravel()[:1].tolist()}))  # fmt: skip


def _objects(n: Names) -> Any:
    import numpy as np

    values = [n.plain(), n.text(), None, datetime.date(2020, 1, 2), {n.field(): n.value()}]
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _structured(n: Names) -> Any:
    import numpy as np

    dtype = np.dtype(
        [(n.field() + "_0", "i4"), (n.field() + "_1", "U8"), (n.field() + "_2", "f4", (2,))], align=n.rng.random() < 0.5
    )
    made = np.zeros(n.rng.randrange(1, 5), dtype)
    return n.rng.choice((made, made.view(np.recarray), dtype, made[0]))


def _scalars(n: Names) -> Any:
    import numpy as np

    scalars = (np.float64(n.rng.random()), np.int32(3), np.bool_(True), np.str_(n.text()), np.datetime64("2020-01-01"), np.float32(2),
               np.bytes_(b"x"), np.complex64(1j), np.timedelta64(3, "h"), np.uint8(7))  # fmt: skip
    return {n.field(): s for s in n.rng.sample(scalars, n.rng.randrange(1, 5))}


def _generators(n: Names) -> Any:
    import numpy as np

    seed = n.rng.randrange(999)
    bits = n.rng.choice((np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM))(
        seed
    )
    return n.rng.choice((np.random.Generator(bits), np.random.RandomState(seed), bits, np.random.default_rng(seed).bit_generator,
                         {"rng": np.random.RandomState(seed), **n.state()}, np.random.SeedSequence(seed),
                         np.random.RandomState(seed).get_state(legacy=False)))  # fmt: skip


def _ufuncs(n: Names) -> Any:
    import numpy as np

    chosen = [getattr(np, name) for name in n.rng.sample(UFUNCS, 2)]
    return n.rng.choice((chosen[0], {n.field(): f for f in chosen}, partial(chosen[0], out=None), [*chosen, n.text()]))


def _functions(n: Names) -> Any:
    import numpy as np

    chosen = {name: getattr(np, name) for name in n.rng.sample(FUNCTIONS, 2)}
    one = next(iter(chosen.values()))
    return n.rng.choice(
        (chosen, one, partial(one, axis=0), {"aggregate": one, **n.state()}, partial(np.apply_along_axis, one))
    )


def _types(n: Names) -> Any:
    import numpy as np

    types = (np.float32, np.int64, np.ndarray, np.dtype("f4"), np.dtype(object), np.generic, np.dtype([("a", "i4")]))
    return {n.field(): t for t in n.rng.sample(types, 3)}


def _masked(n: Names) -> Any:
    import numpy as np

    made = np.ma.masked_less(np.arange(n.rng.randrange(2, 9)), 2)
    return n.rng.choice((made, {n.field(): made, "none": np.ma.masked}, np.ma.array([1.5], mask=[True])))


def _other(n: Names) -> Any:
    import numpy as np

    return n.rng.choice((
        np.polynomial.Polynomial([1, n.rng.random()]), np.poly1d([1, 2]), np.matrix([[1, 2]]), np.random.RandomState(1).rand,
        np.random.default_rng(1).normal, np.char.array(["a", "b"]), np.vectorize(len), np.finfo("f4").dtype,
        np.random.mtrand.RandomState(3).randint, np.polynomial.Chebyshev([1, 2, 3]), np.arange(3).tolist, np.iinfo("i4"),
    ))  # fmt: skip


def _npy(n: Names) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.array(n.state() if n.rng.random() < 0.6 else _objects(n), dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _npz(n: Names) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **{n.field(): _objects(n), "x_" + n.field(): _array(n.rng, "f4")})
    return buffer.getvalue()


_KINDS = {
    "objects": _objects, "structured": _structured, "scalars": _scalars, "generators": _generators, "ufuncs": _ufuncs,
    "functions": _functions, "types": _types, "masked": _masked, "other": _other,
}  # fmt: skip
