"""How attackers turn a gadget into a call: directly, through getattr and friends, by callbacks, in stages.

Each technique takes an `Aim` and returns an expression, or None where it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from train.corpus.attacks import bland as compositions
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import arguments_for, code_object, encoded, instance_of, is_class_method
from train.corpus.gadgets.holders import read_holders
from train.corpus.gadgets.table import Gadget
from train.corpus.spelling.expressions import Append, Build, Call, New, Ref
from train.corpus.spelling.scripts import helper


@dataclass(slots=True)
class Aim:
    """A gadget and what to call it with."""

    gadget: Gadget
    arguments: tuple[Any, ...]

    @classmethod
    def at(cls, gadget: Gadget, rng: Draw) -> Aim:
        """Choose arguments; a method's first one is an instance."""
        arguments = arguments_for(gadget, rng)
        if is_class_method(gadget):
            arguments = (instance_of(gadget, rng), *arguments)
        return cls(gadget, arguments)

    @property
    def ref(self) -> Ref:
        """Return the gadget as an import."""
        return Ref(self.gadget.module, self.gadget.name)


Technique = Callable[[Aim, Draw], Any]


def module_object(module: str, rng: Draw) -> Any:
    """Return an expression for a module."""
    top = "." not in module
    if rng.random() < 0.1:
        return Call(Ref("importlib", "import_module"), (module,))
    return rng.template(
        (
            lambda: Call(Ref("importlib", "import_module"), (module,)),
            lambda: Call(Ref("builtins", "__import__"), (module,)) if top else module_object(module, rng),
            lambda: Call(helper("operator", "getitem", rng), (Ref("sys", "modules"), module)),
            lambda: Call(Call(helper("operator", "itemgetter", rng), (module,)), (Ref("sys", "modules"),)),
            lambda: Call(Call(Ref("builtins", "getattr"), (Ref("sys", "modules"), "get")), (module,)),
            lambda: Call(Ref("sys", rng.choice(("modules.get", "modules.__getitem__", "modules.pop"))), (module,)),
            lambda: Call(Ref("pydoc", rng.choice(("locate", "safeimport"))), (module,)),
            lambda: Call(Ref("pkgutil", "resolve_name"), (module,)),
            lambda: Call(Ref("importlib", "__import__"), (module,)),
            lambda: Call(Ref("importlib._bootstrap", "_gcd_import"), (module,)),
            lambda: Ref(*holder) if (holder := held(module, rng)) else module_object(module, rng),
        )
    )()


@cache
def _holders() -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Return module to the packages that have it in reach, each to its (holder, attribute)."""
    table: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for holder in read_holders():
        for attribute, target in holder.holds.items():
            packages = table.setdefault(target, {})
            packages.setdefault(holder.module.partition(".")[0], []).append((holder.module, attribute))
    return table


def held(module: str, rng: Draw) -> tuple[str, str] | None:
    """Return (holder, attribute) of a module that has another one in reach, None if none is known."""
    packages = _holders().get(module)
    return rng.choice(packages[rng.template(sorted(packages))]) if packages else None


def fetched(aim: Aim, rng: Draw) -> Any:
    """Return an expression for the gadget itself, through something else than its import."""
    module, name = aim.gadget.module, aim.gadget.name
    parent = module_object(module, rng)
    return rng.template(
        (
            lambda: Call(Ref("builtins", "getattr"), (parent, name)) if "." not in name else _chain(parent, name),
            lambda: _chain(parent, name),
            lambda: Call(Call(helper("operator", "attrgetter", rng), (name,)), (parent,)),
            lambda: Call(Ref("builtins", "object.__getattribute__"), (parent, name)) if "." not in name else None,
            lambda: Call(Call(Ref("builtins", "getattr"), (parent, "__getattribute__")), (name,)),
            lambda: Call(Ref("pydoc", rng.choice(("locate", "locate", "resolve"))), (f"{module}.{name}",)),
            lambda: Call(Ref("pkgutil", "resolve_name"), (f"{module}{rng.choice(':.')}{name}",)),
            lambda: Call(Ref(*rng.template(_RESOLVERS)), (f"{module}.{name}",)),
            lambda: Call(Ref("inspect", "getattr_static"), (parent, name)) if "." not in name else None,
            lambda: (
                Call(helper("operator", "getitem", rng), (Call(Ref("builtins", "vars"), (parent,)), name))
                if "." not in name
                else None
            ),
            lambda: Call(
                Call(Ref("builtins", "getattr"), (Call(Ref("builtins", "getattr"), (parent, "__dict__")), "get")),
                (name,),
            ),
            lambda: Call(Ref("functools", "reduce"), (Ref("builtins", "getattr"), name.split("."), parent)),
        )
    )() or _chain(parent, name)


_RESOLVERS = (
    ("unittest.mock", "_importer"),
    ("werkzeug.utils", "import_string"),
    ("django.utils.module_loading", "import_string"),
    ("IPython.utils.importstring", "import_item"),
    ("hydra._internal.utils", "_locate"),
    ("hydra.utils", "get_object"),
    ("twisted.python.reflect", "namedAny"),
    ("logging.config", "_resolve"),
    ("pydantic._internal._validators", "import_string"),
    ("jsonargparse._util", "import_object"),
    ("zope.dottedname.resolve", "resolve"),
    ("kombu.utils.imports", "symbol_by_name"),
)


def _chain(parent: Any, name: str) -> Any:
    for part in name.split("."):
        parent = Call(Ref("builtins", "getattr"), (parent, part))
    return parent


def direct(aim: Aim, rng: Draw) -> Any:
    """Import and call."""
    name, rest = aim.gadget.name, aim.arguments
    if is_class_method(aim.gadget):
        class_name, _, method = name.rpartition(".")
        instance, rest = aim.arguments[0], aim.arguments[1:]
        if method == "__call__":
            return Call(instance, rest)
        if method == "__setstate__":
            target = New(Ref(aim.gadget.module, class_name))
            return Build(target, rest[0] if len(rest) == 1 else {payloads.word(rng): value for value in rest})
        kind = rng.randrange(4)
        if kind == 0:
            return Call(Call(Ref("builtins", "getattr"), (instance, method)), rest)
        if kind == 1:
            return Call(Call(helper("operator", "methodcaller", rng), (method, *rest)), (instance,))
    return Call(aim.ref, aim.arguments)


def through_getattr(aim: Aim, rng: Draw) -> Any:
    """Fetch the gadget by getattr, attrgetter, a resolver ..., then call it."""
    return Call(fetched(aim, rng), aim.arguments)


def methodcaller(aim: Aim, rng: Draw) -> Any:
    """Call by operator.methodcaller on the module."""
    name = aim.gadget.name
    caller = Call(helper("operator", "methodcaller", rng), (name.rpartition(".")[2], *aim.arguments))
    parent = module_object(aim.gadget.module, rng)
    for part in name.split(".")[:-1]:
        parent = Call(Ref("builtins", "getattr"), (parent, part))
    return Call(caller, (parent,))


def dotted(aim: Aim, rng: Draw) -> Any:
    """Name the gadget through another module that has it in reach."""
    module, name = aim.gadget.module, aim.gadget.name
    holder = held(module, rng)
    if holder is not None:
        return Call(Ref(holder[0], f"{holder[1]}.{name}"), aim.arguments)
    top, _, rest = module.partition(".")
    if rest:
        return Call(Ref(top, f"{rest}.{name}"), aim.arguments)
    return Call(Ref(module, f"{name}.__call__"), aim.arguments)


def partial(aim: Aim, rng: Draw) -> Any:
    """Bind some arguments, call with the others."""
    cut = rng.randrange(len(aim.arguments) + 1)
    callee = aim.ref if rng.random() < 0.7 else fetched(aim, rng)
    bound: Any = Call(helper("functools", "partial", rng), (callee, *aim.arguments[:cut]))
    if rng.random() < 0.2:
        keywords = {"shell": True} if aim.gadget.module == "subprocess" else {}
        bound = Build(bound, (callee, aim.arguments[:cut], keywords, None))
    return Call(bound, aim.arguments[cut:])


def mapped(aim: Aim, rng: Draw) -> Any:
    """Have an iterator call it: list(map(gadget, [argument]))."""
    callee = aim.ref if rng.random() < 0.8 else fetched(aim, rng)
    columns = tuple([value] for value in aim.arguments) or ([None],)
    iterator = rng.template(
        (
            lambda: Call(Ref("builtins", "map"), (callee, *columns)),
            lambda: Call(Ref("itertools", "starmap"), (callee, [aim.arguments])),
            lambda: Call(Ref("builtins", "filter"), (callee, [aim.arguments[0] if aim.arguments else 0])),
            lambda: Call(Ref("itertools", rng.choice(("takewhile", "dropwhile", "filterfalse"))), (callee, columns[0])),
            lambda: Call(Ref("itertools", "accumulate"), (list(aim.arguments), callee)),
            lambda: Call(Ref("itertools", "groupby"), (columns[0], callee)),
        )
    )()
    drain = rng.template(
        (
            ("builtins", "list"), ("builtins", "tuple"), ("builtins", "set"), ("builtins", "any"), ("builtins", "all"),
            ("builtins", "next"), ("builtins", "sum"), ("builtins", "max"), ("builtins", "sorted"),
            ("builtins", "dict"),
            ("builtins", "bytes"), ("collections", "deque"), ("collections", "Counter"), ("builtins", "frozenset"),
            ("collections", "OrderedDict"), ("builtins", "enumerate"), ("builtins", "bytearray"), ("array", "array"),
            ("itertools", "count"), ("builtins", "list.__init__"), ("builtins", "bytes.join"), ("statistics", "mean"),
        )
    )  # fmt: skip
    if rng.random() < 0.1:
        return Append([], (Call(Ref("builtins", "next"), (iterator,)),))
    return Call(Ref(*drain), (iterator,))


def bland(aim: Aim, rng: Draw) -> Any:
    """Hand the gadget to a harmless-looking callable that calls it."""
    callee = aim.ref if rng.random() < 0.8 else fetched(aim, rng)
    return compositions.composed(callee, aim.gadget, aim.arguments, rng)


def constructed(aim: Aim, rng: Draw) -> Any:
    """Build the function from parts: a code object made by marshal or types, then called."""
    raw: Any = code_object(rng)
    if rng.random() < 0.4:
        decoder, text = encoded(rng, raw)
        raw = Call(Ref(*decoder.split(":")), (text,))
    loads = Call(Ref("marshal", "loads"), (raw,))
    scope = rng.choice(({}, Call(Ref("builtins", "globals"), ()), Ref("builtins", "__dict__"), {"__builtins__": None}))
    kind = rng.randrange(4)
    if kind == 0:
        return Call(Ref("builtins", rng.choice(("exec", "eval"))), (loads,))
    maker = Ref(*rng.choice((("types", "FunctionType"), ("types", "LambdaType"), ("builtins", "function"))))
    if kind == 1:
        return Call(Call(maker, (loads, scope)), ())
    if kind == 2:
        compiled = Call(Ref("builtins", "compile"), (payloads.code(rng), "<string>", "exec"))
        return rng.choice((Call(Call(maker, (compiled, scope)), ()), Call(Ref("builtins", "exec"), (compiled,))))
    return Call(Call(Call(Ref("builtins", "type"), (loads,)), (0, 0, 0, 1, 3, raw, (), (), (), "", "", 1, b"")), ())
