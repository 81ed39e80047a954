"""Attributes and items set on what is already there: modules, classes, registries; and honest ones on new objects."""

from __future__ import annotations

from typing import Any

from train.corpus.attacks.techniques import Aim, module_object
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import callback, module_name
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import (
    AddItems,
    Append,
    Build,
    Call,
    New,
    Ref,
    SetItems,
)


def overwrite(aim: Aim, rng: Draw) -> Any:
    """Set attributes of modules, classes or functions (BUILD), or items of registries, to what runs later."""
    hook = aim.ref if rng.random() < 0.6 else callback(rng)
    w = payloads.word(rng)
    value = rng.choice((hook, hook, payloads.code(rng), Call(Ref("functools", "partial"), (aim.ref, *aim.arguments))))
    owner = rng.template(
        (
            ("torch.nn", "Module"), ("torch", "nn.Module"), ("numpy", "ndarray"), ("sklearn.base", "BaseEstimator"),
            ("logging", "Handler"), ("collections", "UserDict"), ("pathlib", "Path"), ("json", "JSONDecoder"),
            ("torch.nn.modules.module", "Module"), ("threading", "Thread"), ("string", "Template"),
            ("builtins", "type"),
            ("enum", "Enum"), ("torch.utils.data", "Dataset"), ("__main__", "Model"), ("pickle", "_Unpickler"),
        )
    )  # fmt: skip
    special = rng.template(
        ("__reduce__", "__setstate__", "__init__", "forward", "__call__", "__del__", "__getattr__", "__eq__",
        "__repr__",
         "__class__", "__setitem__", "predict", "__dict__", "__code__", "__globals__", "__builtins__", "__len__",
         "__contains__", "__iter__", "__getattribute__", "find_class", "load", w)
    )  # fmt: skip
    module = module_object(rng.choice((aim.gadget.module, "sys", "builtins", "os", "torch", "pickle", "__main__")), rng)
    return rng.template(
        (
            lambda: Build(
                Ref(*owner), rng.choice(({special: value}, (None, {special: value}), ({}, {special: value})))
            ),
            lambda: Build(module, {rng.choice((w, "open", "load", "path", "modules", "print", "__getattr__")): value}),
            lambda: Build(module, (None, {w: value})),
            lambda: Build(New(Ref(*owner)), {special: value}),
            lambda: Call(Ref("builtins", "setattr"), (rng.choice((Ref(*owner), module)), special, value)),
            lambda: Call(
                Ref("builtins", rng.choice(("object.__setattr__", "type.__setattr__"))), (Ref(*owner), special, value)
            ),
            lambda: SetItems(Ref("sys", "modules"), {rng.choice((module_name(rng), w)): module}),
            lambda: SetItems(
                Ref("os", "environ"),
                {rng.choice(("LD_PRELOAD", "PATH", "PYTHONPATH", "EDITOR", "PAGER")): payloads.path(rng)},
            ),
            lambda: SetItems(Ref("copyreg", "dispatch_table"), {Ref(*owner): value}),
            lambda: SetItems(Ref("builtins", "__dict__"), {rng.choice(("print", "open", "len", w)): value}),
            lambda: SetItems(Call(Ref("builtins", "globals"), ()), {w: value}),
            lambda: SetItems(Ref(owner[0], "__dict__"), {special: value}),
            lambda: SetItems(Call(Ref("builtins", "vars"), (Ref(*owner),)), {special: value}),
            lambda: Append(
                Ref("sys", rng.choice(("path", "meta_path", "path_hooks"))), (rng.choice((payloads.path(rng), value)),)
            ),
            lambda: Append(Ref("torch.serialization", "_package_registry"), ((0, value, value),)),
            lambda: Call(Ref("copyreg", "pickle"), (Ref(*owner), value)),
            lambda: AddItems(Ref("sys", rng.choice(("modules", "builtin_module_names"))), (w, value)),
            lambda: AddItems(New(Ref(*owner)), (value,)),
            lambda: Append(Ref("gc", "callbacks"), (value,)),
            lambda: Append(Call(Ref("builtins", "getattr"), (module, "path")), (payloads.path(rng),)),
            lambda: Call(Ref("copyreg", rng.choice(("add_extension", "constructor"))), (value,)),
            lambda: Call(Ref("builtins", "dict.update"), (Ref("sys", "modules"), {w: value})),
            lambda: Call(
                Ref("unittest.mock", "_patch.start"),
                (Call(Ref("unittest.mock", "patch"), (f"{aim.gadget.path}", value)),),
            ),
            lambda: Call(Ref("functools", "update_wrapper"), (Ref(*owner), value)),
            lambda: Call(
                Ref(
                    "torch.nn.modules.module",
                    rng.choice(("register_module_forward_hook", "register_module_backward_hook")),
                ),
                (value,),
            ),
            lambda: Call(Ref("fickling.hook", rng.choice(("remove_hook", "deactivate_safe_ml_environment"))), ()),
        )
    )()


def set_honestly(rng: Draw) -> Any:
    """Set attributes and items of objects that the pickle made itself."""
    target = rng.choice((objects.custom_object(rng), New(values.class_ref(rng)), Call(values.class_ref(rng), ())))
    value = rng.choice((values.function_ref(rng), values.scalar(rng), values.class_ref(rng)))
    w = values.key(rng)
    return rng.template(
        (
            lambda: Build(target, {w: value}),
            lambda: Build(target, (None, {w: value})),
            lambda: Build(target, ({w: value}, {values.key(rng): values.scalar(rng)})),
            lambda: SetItems(target, {w: value}),
            lambda: Append(target, (value, values.scalar(rng))),
            lambda: AddItems(target, (value, values.scalar(rng))),
            lambda: Call(Ref("builtins", "setattr"), (target, w, value)),
            lambda: SetItems(Call(Ref("collections", "defaultdict"), (Ref("builtins", "list"),)), {w: value}),
            lambda: Append(Call(Ref("collections", "deque"), ()), (value,)),
        )
    )()
