"""Where in a pickle an expression stands: alone, dropped, among honest values, in a state, behind decoys."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import Append, Build, Call, Computed, New, Opcodes, Ref, Same, SetItems, Steps

BARE_SHARE = 0.42
"""Share of expressions that are the whole pickle (probability)."""

Surrounding = Callable[[Any, Draw], Any]


def bare(value: Any, rng: Draw) -> Any:
    """Return the expression itself."""
    return value


def _decoys(rng: Draw) -> tuple[Any, ...]:
    return tuple(objects.small_object(rng) for _ in range(rng.randrange(1, 4)))


def _dropped(value: Any, rng: Draw) -> Any:
    return Steps((value,), rng.choice((None, {}, values.value(rng), objects.custom_object(rng))))


def _last(value: Any, rng: Draw) -> Any:
    return Steps(_decoys(rng), value)


def _among(value: Any, rng: Draw) -> Any:
    items = [*_decoys(rng)]
    items.insert(rng.randrange(len(items) + 1), value)
    return items


def _item(value: Any, rng: Draw) -> Any:
    return {values.key(rng): decoy for decoy in _decoys(rng)} | {values.key(rng): value}


def _ordered(value: Any, rng: Draw) -> Any:
    return SetItems(
        Call(Ref("collections", "OrderedDict"), ()), {values.key(rng): value, "n": objects.small_object(rng)}
    )


def _in_state(value: Any, rng: Draw) -> Any:
    return Build(objects.custom_object(rng), objects.state(rng) | {values.key(rng): value})


def _appended(value: Any, rng: Draw) -> Any:
    return Append([values.value(rng)], (value, *_decoys(rng)))


def _before_whole(value: Any, rng: Draw) -> Any:
    return Steps((value, *_decoys(rng)), objects.whole(rng))


def _argument(value: Any, rng: Draw) -> Any:
    return Call(values.class_ref(rng), (values.scalar(rng), value))


def _decoy_imports(value: Any, rng: Draw) -> Any:
    names = (
        ("torch", "FloatStorage"), ("numpy", "ndarray"), ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("numpy", "dtype"), ("sklearn.base", "BaseEstimator"), ("builtins", "list"), ("datetime", "datetime"),
    )  # fmt: skip
    decoys = tuple(Ref(*rng.choice(names)) for _ in range(rng.randrange(1, 12)))
    return Steps((*decoys, value), rng.choice((None, {})) if rng.random() < 0.5 else values.value(rng))


def _commented(value: Any, rng: Draw) -> Any:
    remarks = (
        "#",
        "# safe",
        "# nosec",
        "# type: ignore",
        "torch",
        "numpy.core",
        "weights_only",
        "safetensors",
        "__main__",
    )
    return Steps(tuple(rng.choice(remarks) for _ in range(rng.randrange(1, 4))), value)


def _cyclic(value: Any, rng: Draw) -> Any:
    if rng.random() < 0.5:
        ring = Same([values.value(rng)])
        return Append(ring, (ring, value))
    loop = Same({})
    return SetItems(loop, {values.key(rng): loop, values.key(rng): value})


def _buffered(value: Any, rng: Draw) -> Any:
    return [Opcodes(rng.choice((b"\x97", b"\x97\x98"))), bytearray(rng.randbytes(rng.randrange(9))), value]


def _confused(value: Any, rng: Draw) -> Any:
    """An import that fails: behind the value, so that it comes too late."""
    missing = Opcodes(b"j" + struct.pack("<I", rng.randrange(2**16, 2**31)))
    failing = rng.template(
        (
            Computed(missing, values.key(rng)),
            Computed(rng.randrange(99), rng.randrange(99)),
            missing,
            Ref("na\u00efve", "\u00e9"),
            Ref(f"{values.key(rng)}\r", " run"),
            Computed(None, b"\xff"),
        )
    )
    return Steps((value,), failing)


def _shared(value: Any, rng: Draw) -> Any:
    again = Same(value)
    return rng.choice(([again, again], {"a": again, "b": again}, (again, [again])))


def _module(value: Any, rng: Draw) -> Any:
    attributes = {"training": False, "_buffers": {}, values.key(rng): value}
    return Build(New(Ref("torch.nn.modules.container", "Sequential")), attributes)


SURROUNDINGS: tuple[Surrounding, ...] = (
    _dropped, _last, _among, _item, _ordered, _in_state, _appended, _before_whole, _argument, _decoy_imports,
    _commented, _cyclic, _buffered, _confused, _shared, _module,
)  # fmt: skip


def surrounding(rng: Draw) -> Surrounding:
    """Return one, for an attack and its twin alike."""
    return bare if rng.random() < BARE_SHARE else rng.template(SURROUNDINGS)


def enlarged(value: Any, rng: Draw) -> Any:
    """Return the expression with one more honest object beside it."""
    other = objects.small_object(rng) if rng.random() < 0.7 else objects.whole(rng)
    if isinstance(value, list):
        return [*value, other] if rng.random() < 0.5 else [other, *value]
    if isinstance(value, dict):
        return {**value, values.key(rng): other}
    return rng.template(
        (
            lambda: [value, other],
            lambda: {values.key(rng): value, f"{values.key(rng)}_": other},
            lambda: Steps((other,), value),
            lambda: (other, value),
            lambda: Build(objects.custom_object(rng), {values.key(rng): value, "_other": other}),
            lambda: SetItems(Call(Ref("collections", "OrderedDict"), ()), {payloads.word(rng): value, "_": other}),
        )
    )()
