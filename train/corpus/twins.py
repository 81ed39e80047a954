"""Honest expressions that look like attacks in one respect each: shape, names, or texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from train.corpus import benign, honest, payloads
from train.corpus.arguments import arguments_for
from train.corpus.attacks import Made, first_import
from train.corpus.draw import Draw
from train.corpus.expressions import Build, Call, New, Node, Ref, Steps
from train.corpus.gadgets import Gadget

_DATA_CALLS = (
    ("builtins", "str"), ("collections", "OrderedDict"), ("builtins", "bytearray"), ("pathlib", "PurePosixPath"),
    ("collections", "UserString"), ("re", "_compile"), ("builtins", "ValueError"), ("uuid", "UUID"), ("html", "escape"),
    ("builtins", "UserWarning"), ("collections", "Counter"), ("numpy", "array"), ("numpy", "str_"),
    ("pathlib", "PosixPath"),
    ("builtins", "set"), ("urllib.parse", "ParseResult"), ("markupsafe", "Markup"), ("tokenizers", "AddedToken"),
    ("decimal", "Decimal"), ("datetime", "date"), ("omegaconf.nodes", "StringNode"),
    ("spacy.tokens.doc", "unpickle_doc"),
)  # fmt: skip


def twin_of(technique: str, gadgets: Sequence[Gadget], rng: Draw) -> Made:
    """Return an honest counterpart of an attack by `technique`: of its own kind where there is one, or of any kind."""
    kind = rng.choices(("object", "shape", "names", "texts", "chain"), (45, 12, 15, 18, 10))[0]
    makers = {"object": lambda: honest.whole(rng), "shape": lambda: _shape(rng), "names": lambda: _names(gadgets, rng),
              "texts": lambda: _texts(rng), "chain": lambda: _chain(rng)}  # fmt: skip
    value = makers[kind]()
    path, module = first_import(value)
    return Made(value, f"twin-{kind}", path, module, "")


def _shape(rng: Draw) -> Any:
    """One call of one honest class with one literal: what the smallest attacks look like."""
    made = Call(benign.class_ref(rng) if rng.random() < 0.4 else Ref(*rng.choice(_DATA_CALLS)), (benign.scalar(rng),))
    return Steps((honest.small_object(rng),), made) if rng.random() < 0.05 else made


def _names(gadgets: Sequence[Gadget], rng: Draw) -> Any:
    """An object of a class that borrows a word of a gadget's name: `core.exec.PopenConfig`."""
    words = [w for w in rng.choice(gadgets).path.replace("_", ".").split(".") if w.isalpha()] or ["run"]
    cls = benign.class_ref(rng)
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
            lambda: Build(New(cls), honest.state(rng)),
            lambda: Build(
                Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "object"), None)), honest.state(rng)
            ),
            lambda: Call(cls, (benign.key(rng), rng.randrange(99))),
            lambda: Call(Ref("builtins", "getattr"), (cls, benign.key(rng))),
            lambda: cls,
        )
    )()


def _plain(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values that hold no node: data."""
    return tuple(v for v in values if not _has_node(v))


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
    Gadget("", "", "unpickle", ("data",), ("data",)),
)


def _texts(rng: Draw) -> Any:
    """What would be an attack's arguments, as data: states, records, messages."""
    hot = _plain(arguments_for(rng.choice(_FAKE), rng)) or (payloads.command(rng),)
    state = {benign.key(rng): part for part in hot} | honest.state(rng)
    if rng.random() < 0.3:
        state[benign.key(rng)] = rng.choice((payloads.argv(rng), [payloads.url(rng), payloads.path(rng)]))
    return rng.template(
        (
            lambda: state,
            lambda: Build(New(benign.class_ref(rng)), state),
            lambda: Build(Call(Ref("argparse", "Namespace"), ()), state),
            lambda: Build(Call(Ref("logging", "LogRecord"), (None, None, "", 0, "", (), None)), state),
            lambda: Build(
                Call(Ref("builtins", rng.choice(("RuntimeError", "OSError", "ImportError"))), (benign.prose(rng),)),
                state,
            ),
            lambda: Call(benign.class_ref(rng), (benign.prose(rng), *hot)),
            lambda: Call(Ref(*rng.choice(_DATA_CALLS)), (rng.choice((*hot, benign.prose(rng))),)),
            lambda: [{"prompt": benign.prose(rng), "completion": part} for part in hot],
        )
    )()


def _chain(rng: Draw) -> Any:
    """Calls of calls, bound methods, partials, attribute getters: as honest pickles have them."""
    made = honest.custom_object(rng)
    return rng.template(
        (
            lambda: Call(Ref("builtins", "getattr"), (made, benign.key(rng))),
            lambda: Call(Ref("builtins", "getattr"), (benign.class_ref(rng), rng.choice(("from_dict", "load", "run")))),
            lambda: Call(
                Call(Ref("functools", "partial"), (Ref("torch._utils", "_rebuild_parameter"),)),
                (honest.tensor(rng), True),
            ),
            lambda: Call(Ref("types", "MethodType"), (benign.function_ref(rng), made)),
            lambda: Call(Ref("builtins", "map"), (benign.function_ref(rng), [benign.scalar(rng)])),
            lambda: Call(Ref("functools", "partial"), (Call(Ref("builtins", "getattr"), (made, "forward")),)),
            lambda: (
                Call(Call(Ref("copyreg", "_slotnames"), (benign.class_ref(rng),)), ()) if rng.random() < 0.1 else made
            ),
            lambda: Call(Ref("operator", "attrgetter"), (f"{benign.key(rng)}.{benign.key(rng)}",)),
            lambda: Call(Ref("weakref", "WeakValueDictionary"), ()),
            lambda: Call(Ref("dataclasses", "_MISSING_TYPE"), ()),
            lambda: Call(Ref("builtins", "type"), (None,)),
            lambda: Call(Ref("cloudpickle.cloudpickle", "subimport"), (rng.choice(("numpy", "torch", "math")),)),
        )
    )()
