"""Honest expressions that look like attacks in one respect each: shape, names, or texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from train.corpus.attacks import bland as compositions
from train.corpus.attacks import bombs, effects, functions, overwrites, stages, strangers, tricks
from train.corpus.attacks.grammar import TECHNIQUES, Made, first_import
from train.corpus.attacks.techniques import Aim
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import arguments_for
from train.corpus.gadgets.table import Gadget
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import Build, Call, New, Node, Ref, Steps

_DATA_CALLS = (
    ("builtins", "str"), ("collections", "OrderedDict"), ("builtins", "bytearray"), ("pathlib", "PurePosixPath"),
    ("collections", "UserString"), ("re", "_compile"), ("builtins", "ValueError"), ("uuid", "UUID"), ("html", "escape"),
    ("builtins", "UserWarning"), ("collections", "Counter"), ("numpy", "array"), ("numpy", "str_"),
    ("pathlib", "PosixPath"),
    ("builtins", "set"), ("urllib.parse", "ParseResult"), ("markupsafe", "Markup"), ("tokenizers", "AddedToken"),
    ("decimal", "Decimal"), ("datetime", "date"), ("omegaconf.nodes", "StringNode"),
    ("spacy.tokens.doc", "unpickle_doc"),
)  # fmt: skip


_OWN: dict[str, Callable[[Draw], Any]] = {
    "bland": compositions.honest,
    "function": functions.lying_function,
    "constructed": functions.lying_function,
    "nested": stages.nested_honestly,
    "encoded-argument": stages.decoded_honestly,
    "encoded-name": stages.decoded_honestly,
    "staged-code": stages.decoded_honestly,
    "import-only": stages.import_honestly,
    "overwrite": overwrites.set_honestly,
    **{kind: partial(effects.neighbour, kind) for kind in effects.KINDS},
    "write-import": partial(effects.neighbour, "written"),
    "aliased": tricks.named_honestly,
    "extension": tricks.registered,
    "persistent": objects.tensor,
    "reconstructed": tricks.made_honestly,
    "tampered": tricks.left_alone,
    "exhaust": bombs.bounded,
    "bomb": bombs.shared_honestly,
    "silent-bomb": bombs.shared_honestly,
}
"""Technique to what honest pickles have in its place."""

_STRANGERS: dict[str, Callable[[str, Draw], Any]] = {
    "carried": strangers.carried_honestly,
    "handed": strangers.handed_honestly,
}
"""Technique to what the same modules are asked for honestly."""

_AROUND_PURE = ("direct", "getattr", "methodcaller", "dotted", "partial", "mapped", "encoded-argument", "inside-state")
"""Techniques that are harmless around a function that only computes: what is called shows in the pickle."""

_KINDS = {
    "object": 32, "shape": 10, "names": 12, "texts": 14, "chain": 8, "gadget": 8, "composition": 6, "neighbour": 8,
    "oddity": 16, "function": 4,
}  # fmt: skip
OWN_SHARE = 0.45
"""Share of twins that answer their attack's technique, where honest pickles have an answer (probability)."""
PURE_SHARE = 0.05
"""Share of twins that are their attack's technique around a function that only computes (probability)."""


def twin_of(technique: str, gadgets: Sequence[Gadget], rng: Draw) -> Made:
    """Return an honest counterpart of an attack by `technique`: of its own kind where there is one, or of any kind."""
    if technique in _AROUND_PURE and rng.random() < PURE_SHARE:
        return _made("pure", _pure(technique, rng))
    if technique in _STRANGERS and rng.random() < OWN_SHARE and (mined := _mined(gadgets, rng)):
        return _made(technique, _STRANGERS[technique](mined.module, rng))
    if technique in _OWN and rng.random() < OWN_SHARE:
        return _made(technique, _OWN[technique](rng))
    kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
    makers: dict[str, Callable[[], Any]] = {
        "object": lambda: objects.whole(rng),
        "shape": lambda: _shape(rng),
        "names": lambda: _names(gadgets, rng),
        "texts": lambda: _texts(rng),
        "chain": lambda: _chain(rng),
        "gadget": lambda: _gadget(gadgets, rng),
        "composition": lambda: compositions.honest(rng),
        "neighbour": lambda: effects.neighbour(rng.choice(effects.KINDS), rng),
        "oddity": lambda: effects.neighbour("honest", rng),
        "function": lambda: functions.lying_function(rng),
    }
    return _made(kind, makers[kind]())


def _made(kind: str, value: Any) -> Made:
    path, module = first_import(value)
    return Made(value, f"twin-{kind}", path, module, "")


def _pure(technique: str, rng: Draw) -> Any:
    """Return what the technique makes of a function that only computes."""
    module, name, arguments = rng.choice(compositions.PURE)
    return TECHNIQUES[technique][1](Aim(Gadget(module, name, ""), arguments), rng)


_ACT_WHEN_IMPORTED = ("idlelib.", "lib2to3.", "test.", "turtledemo.", "ensurepip.", "this", "antigravity", "pip.")


def _mined(gadgets: Sequence[Gadget], rng: Draw) -> Gadget | None:
    """Return a gadget whose module may be imported; None where there seems to be none."""
    some = rng.sample(gadgets, min(40, len(gadgets)))
    return next(
        (g for g in some if g.depth > 0 and not g.module.startswith(_ACT_WHEN_IMPORTED) and "__main__" not in g.module),
        None,
    )


def _gadget(gadgets: Sequence[Gadget], rng: Draw) -> Any:
    """A gadget that nobody calls: its class rebuilt from a state, its bound method or itself kept as an attribute."""
    gadget = _mined(gadgets, rng)
    if gadget is None:
        return objects.whole(rng)
    first, _, method = gadget.name.partition(".")
    if not first.lstrip("_")[:1].isupper():
        kept = Ref(gadget.module, gadget.name)
        return rng.template(
            (
                lambda: {values.key(rng): kept, values.key(rng): values.scalar(rng)},
                lambda: Build(objects.custom_object(rng), {values.key(rng): kept}),
                lambda: Build(New(values.class_ref(rng)), {"_fn": kept} | objects.state(rng)),
                lambda: objects.partial_of(kept, rng),
                lambda: {values.key(rng): objects.partial_of(kept, rng), values.key(rng): values.function_ref(rng)},
                lambda: [kept, values.value(rng)],
                lambda: Call(values.class_ref(rng), (values.key(rng), kept)),
            )
        )()
    cls = Ref(gadget.module, first)
    return rng.template(
        (
            lambda: Build(New(cls), objects.state(rng)),
            lambda: Build(
                Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "object"), None)), objects.state(rng)
            ),
            lambda: {values.key(rng): cls, values.key(rng): values.scalar(rng)},
            lambda: Build(New(values.class_ref(rng)), {"_inner": Build(New(cls), objects.state(rng))}),
            lambda: Call(Ref("builtins", "getattr"), (Build(New(cls), objects.state(rng)), method or "__init__")),
            lambda: Build(Call(Ref("copyreg", "__newobj__"), (cls,)), (None, objects.state(rng))),
        )
    )()


def _shape(rng: Draw) -> Any:
    """One call of one honest class with one literal: what the smallest attacks look like."""
    made = Call(values.class_ref(rng) if rng.random() < 0.4 else Ref(*rng.choice(_DATA_CALLS)), (values.scalar(rng),))
    return Steps((objects.small_object(rng),), made) if rng.random() < 0.05 else made


def _names(gadgets: Sequence[Gadget], rng: Draw) -> Any:
    """An object of a class that borrows a word of a gadget's name: `core.exec.PopenConfig`."""
    words = [w for w in rng.choice(gadgets).path.replace("_", ".").split(".") if w.isalpha()] or ["run"]
    cls = values.class_ref(rng)
    borrowed = rng.choice(words)
    name = (
        borrowed[:1].upper()
        + borrowed[1:]
        + rng.choice(("Config", "Result", "Model", "Layer", "Info", "Stats", "Data"))
    )
    module = (
        f"{cls.module}.{rng.choice(words).lower()}" if rng.random() < 0.4 and cls.module != "__main__" else cls.module
    )
    cls = Ref(module, name)
    return rng.template(
        (
            lambda: Build(New(cls), objects.state(rng)),
            lambda: Build(
                Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "object"), None)), objects.state(rng)
            ),
            lambda: Call(cls, (values.key(rng), rng.randrange(99))),
            lambda: Call(Ref("builtins", "getattr"), (cls, values.key(rng))),
            lambda: cls,
        )
    )()


def _plain(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values that are data: no nodes, and no bytes, which could be pickles that somebody goes on to load."""
    return tuple(v for v in items if not isinstance(v, bytes) and not _has_node(v))


def _has_node(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_node(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple | set):
        return any(_has_node(part) for part in value)
    return isinstance(value, Node)


_FAKE = (
    Gadget("", "", "process", ("command", "env"), ("command",)),
    Gadget("", "", "exec", ("source", "globals"), ("source",)),
    Gadget("", "", "network", ("url", "data", "timeout"), ("url",)),
    Gadget("", "", "write", ("path", "mode", "text"), ("path",)),
)


def _texts(rng: Draw) -> Any:
    """What would be an attack's arguments, as data: states, records, messages."""
    hot = _plain(arguments_for(rng.choice(_FAKE), rng)) or (payloads.command(rng),)
    state = {values.key(rng): part for part in hot} | objects.state(rng)
    if rng.random() < 0.3:
        state[values.key(rng)] = rng.choice((payloads.argv(rng), [payloads.url(rng), payloads.path(rng)]))
    return rng.template(
        (
            lambda: state,
            lambda: Build(New(values.class_ref(rng)), state),
            lambda: Build(Call(Ref("argparse", "Namespace"), ()), state),
            lambda: Build(Call(Ref("logging", "LogRecord"), (None, None, "", 0, "", (), None)), state),
            lambda: Build(
                Call(Ref("builtins", rng.choice(("RuntimeError", "OSError", "ImportError"))), (values.prose(rng),)),
                state,
            ),
            lambda: Call(values.class_ref(rng), (values.prose(rng), *hot)),
            lambda: Call(Ref(*rng.choice(_DATA_CALLS)), (rng.choice((*hot, values.prose(rng))),)),
            lambda: [{"prompt": values.prose(rng), "completion": part} for part in hot],
        )
    )()


def _chain(rng: Draw) -> Any:
    """Calls of calls, bound methods, partials, attribute getters: as honest pickles have them."""
    made = objects.custom_object(rng)
    return rng.template(
        (
            lambda: Call(Ref("builtins", "getattr"), (made, values.key(rng))),
            lambda: Call(Ref("builtins", "getattr"), (values.class_ref(rng), rng.choice(("from_dict", "load", "run")))),
            lambda: Call(
                Call(Ref("functools", "partial"), (Ref("torch._utils", "_rebuild_parameter"),)),
                (objects.tensor(rng), True),
            ),
            lambda: Call(Ref("types", "MethodType"), (values.function_ref(rng), made)),
            lambda: Call(
                Ref("builtins", rng.choice(("map", "filter"))),
                (rng.choice((values.function_ref, values.standard_ref))(rng), [values.scalar(rng)]),
            ),
            lambda: Call(Ref("functools", "partial"), (Call(Ref("builtins", "getattr"), (made, "forward")),)),
            lambda: (
                Call(Call(Ref("copyreg", "_slotnames"), (values.class_ref(rng),)), ()) if rng.random() < 0.1 else made
            ),
            lambda: Call(Ref("operator", "attrgetter"), (f"{values.key(rng)}.{values.key(rng)}",)),
            lambda: Call(Ref("weakref", "WeakValueDictionary"), ()),
            lambda: Call(Ref("dataclasses", "_MISSING_TYPE"), ()),
            lambda: Call(Ref("builtins", "type"), (None,)),
            lambda: Call(Ref("cloudpickle.cloudpickle", "subimport"), (rng.choice(("numpy", "torch", "math")),)),
        )
    )()
