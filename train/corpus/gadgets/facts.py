"""What one Python source says about its functions: their parameters, and which of them reach which calls.

Only `ast` is used. Taint is by name and within one function: a name is tainted by a parameter if it was ever assigned
from an expression that mentions it. Coarse, but good enough to tell `run(command)` from `run()`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass, field

from train.corpus.gadgets.sinks import METHODS, NEEDS_COMPUTED, SINKS

_BUILTINS = frozenset(dir(builtins)) | {"execfile"}
_OPENERS = frozenset({"builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "os.fdopen"})
_NUMPY_LOAD = frozenset({"numpy.load", "numpy.lib._npyio_impl.load", "numpy.lib.npyio.load"})

_FILLERS = frozenset({"append", "extend", "insert", "update", "add", "setdefault", "appendleft", "write"})
"""Methods that put their arguments into the object."""

_RECORDS = frozenset(
    {"dataclass", "dataclasses.dataclass", "attr.s", "attrs.define", "attr.define", "attrs.frozen", "define"}
)

Taint = frozenset[str]
"""Names of parameters, and `self.x` for what a method reads from attribute `x` of its object."""
NOTHING: Taint = frozenset()


@dataclass(slots=True)
class Call:
    """A call in a function's body."""

    target: str
    """Dotted name, as far as it could be resolved."""
    sink: str
    """Class if the call is a sink itself, else empty."""
    positional: list[Taint]
    keywords: dict[str, Taint]
    anywhere: Taint
    """Parameters that reach any argument (or the object a sink method is called on)."""


@dataclass(slots=True)
class Function:
    """A function or method."""

    name: str
    parameters: tuple[str, ...]
    is_method: bool
    calls: list[Call] = field(default_factory=list)


@dataclass(slots=True)
class Module:
    """A source file."""

    name: str
    is_package: bool
    aliases: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    bases: dict[str, list[str]] = field(default_factory=dict)
    """Class to the dotted names of its bases."""
    stores: dict[str, dict[str, Taint]] = field(default_factory=dict)
    """Class to the attributes that its constructor sets, and from which parameters."""


def read_module(name: str, is_package: bool, source: str) -> Module:
    """Parse a source.

    Raises:
        SyntaxError, ValueError, RecursionError: as `ast.parse` does.
    """
    module = Module(name, is_package)
    tree = ast.parse(source)
    body = list(_flat(tree.body))
    for node in body:
        _note_imports(module, node)
    _note_aliases(module, body)
    local = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _Reader(module, local, "").read(node, node.name)
        elif isinstance(node, ast.ClassDef):
            _read_class(module, local, node, node.name)
    return module


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those within if, try and with as well."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(node, ast.If | ast.Try | ast.With):
                for inner in getattr(node, part, []):
                    yield from _flat(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _note_imports(module: Module, node: ast.AST, aliases: dict[str, str] | None = None) -> None:
    aliases = module.aliases if aliases is None else aliases
    if isinstance(node, ast.Import):
        for item in node.names:
            if item.asname:
                aliases[item.asname] = item.name
            else:
                top = item.name.partition(".")[0]
                aliases[top] = top
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.name.split(".")
            kept = parts[: len(parts) - node.level + module.is_package]
            base = ".".join([*kept, base] if base else kept)
        for item in node.names:
            if item.name != "*":
                aliases[item.asname or item.name] = f"{base}.{item.name}"


def _note_aliases(module: Module, body: list[ast.stmt]) -> None:
    """Note `name = imported.thing` at the top level: another name for it."""
    reader = _Reader(module, set(), "")
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            target = reader.dotted(node.value, {})
            for name in node.targets:
                if target and isinstance(name, ast.Name):
                    module.aliases.setdefault(name.id, target)


def _read_class(module: Module, local: set[str], node: ast.ClassDef, name: str) -> None:
    reader = _Reader(module, local, name)
    module.bases[name] = [base for base in (reader.dotted(b, {}) for b in node.bases) if base]
    if any(ast.unparse(d).partition("(")[0] in _RECORDS for d in node.decorator_list):
        fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        module.functions[f"{name}.__init__"] = Function(f"{name}.__init__", tuple(fields), True)
        module.stores[name] = {f: frozenset({f}) for f in fields}
    for item in _flat(node.body):
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            reader.read(item, f"{name}.{item.name}")


class _Reader:
    """Reads the functions of one class, or of the module (class "")."""

    def __init__(self, module: Module, local: set[str], class_name: str) -> None:
        self._module = module
        self._local = local
        self._class = class_name

    def dotted(self, node: ast.expr, aliases: dict[str, str]) -> str:
        """Return the dotted name that an expression stands for, "" if unknown."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = node.id
        if root in ("self", "cls") and self._class:
            if len(attributes) != 1:
                return ""
            base = f"{self._module.name}.{self._class}"
        elif root in aliases:
            base = aliases[root]
        elif root in self._local:
            base = f"{self._module.name}.{root}"
        elif root in self._module.aliases:
            base = self._module.aliases[root]
        elif root in _BUILTINS:
            base = f"builtins.{root}"
        else:
            return ""
        return ".".join([base, *reversed(attributes)])

    def read(self, node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> None:
        """Add a function to the module."""
        arguments = node.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
        is_method = bool(self._class) and not static and bool(names)
        if is_method:
            names = names[1:]
        plain = [*names, *(a.arg for a in arguments.kwonlyargs)]
        written = [*names]
        if arguments.vararg:
            plain.append(arguments.vararg.arg)
            written.append("*" + arguments.vararg.arg)
        written += [a.arg for a in arguments.kwonlyargs]
        if arguments.kwarg:
            plain.append(arguments.kwarg.arg)
            written.append("**" + arguments.kwarg.arg)
        function = Function(name, tuple(written), is_method)
        inner = [n for statement in node.body for n in ast.walk(statement)]
        aliases: dict[str, str] = {}
        for n in inner:
            if isinstance(n, ast.Import | ast.ImportFrom):
                _note_imports(self._module, n, aliases)
        taints = _taints(inner, [*plain, "self"] if is_method else plain)
        for n in inner:
            if isinstance(n, ast.Call):
                call = self._call(n, taints, aliases, frozenset(plain))
                if call is not None:
                    function.calls.append(call)
        self._module.functions[name] = function
        if is_method and node.name == "__init__":
            self._module.stores[self._class] = _stored(inner, taints)

    def _call(
        self, node: ast.Call, taints: dict[str, Taint], aliases: dict[str, str], parameters: Taint
    ) -> Call | None:
        function = node.func
        positional = [_mentioned(a, taints) for a in node.args]
        keywords = {k.arg or "**": _mentioned(k.value, taints) for k in node.keywords}
        anywhere = NOTHING.union(*positional, *keywords.values())
        if isinstance(function, ast.Name) and function.id in parameters and function.id not in aliases:
            if anywhere - {function.id}:
                return Call("", "call", positional, keywords, anywhere | {function.id})
            return None
        target = self.dotted(function, aliases)
        sink = SINKS.get(target, "")
        if (target in NEEDS_COMPUTED and (not node.args or isinstance(node.args[0], ast.Constant))) or (
            target == "builtins.compile" and not positional
        ):
            sink = ""
        elif target in _OPENERS:
            sink = "write" if _writes(node) and positional and positional[0] else ""
            anywhere = positional[0] if positional else NOTHING
        elif target in _NUMPY_LOAD and any(
            k.arg == "allow_pickle" and not (isinstance(k.value, ast.Constant) and not k.value.value)
            for k in node.keywords
        ):
            sink = "unpickle"
        elif not sink and isinstance(function, ast.Attribute) and function.attr in METHODS:
            sink = METHODS[function.attr]
            anywhere |= _mentioned(function.value, taints)
        if not target and not sink:
            return None
        return Call(target, sink, positional, keywords, anywhere)


def _writes(node: ast.Call) -> bool:
    """Return whether an `open` may write."""
    mode: ast.expr | None = node.args[1] if len(node.args) > 1 else None
    for keyword in node.keywords:
        if keyword.arg == "mode":
            mode = keyword.value
    if mode is None:
        return False
    return not isinstance(mode, ast.Constant) or any(letter in str(mode.value) for letter in "wax+")


def _assigned(targets: list[ast.expr]) -> Iterator[str]:
    """Yield the names that an assignment changes: also those that it only changes a part of."""
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _assigned(target.elts)
            continue
        while isinstance(target, ast.Starred | ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            yield target.id


def _attribute(node: ast.AST) -> str:
    """Return `x` of `self.x`, "" if the node is something else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return ""


def _mentioned(node: ast.expr, taints: dict[str, Taint]) -> Taint:
    found = NOTHING
    for n in ast.walk(node):
        if isinstance(n, ast.Name) and n.id in taints:
            found |= taints[n.id]
        elif "self" in taints and (name := _attribute(n)):
            found |= {f"self.{name}"}
    return found


def _stored(nodes: list[ast.AST], taints: dict[str, Taint]) -> dict[str, Taint]:
    """Return the attributes of `self` that are assigned, and the parameters that they come from."""
    stored: dict[str, Taint] = {}
    for n in nodes:
        if isinstance(n, ast.Assign | ast.AnnAssign) and n.value is not None:
            taint = _mentioned(n.value, taints)
            for target in n.targets if isinstance(n, ast.Assign) else [n.target]:
                if taint and (name := _attribute(target)):
                    stored[name] = stored.get(name, NOTHING) | taint
    return stored


def _taints(nodes: list[ast.AST], parameters: list[str]) -> dict[str, Taint]:
    """Return name to the parameters that it may come from."""
    taints: dict[str, Taint] = {p: frozenset({p}) - {"self"} for p in parameters}
    flows: list[tuple[list[ast.expr], ast.expr]] = []
    for n in nodes:
        if isinstance(n, ast.Assign):
            flows.append((n.targets, n.value))
        elif isinstance(n, ast.AugAssign | ast.NamedExpr | ast.AnnAssign):
            flows.extend([([n.target], n.value)] if n.value is not None else [])
        elif isinstance(n, ast.For | ast.AsyncFor | ast.comprehension):
            flows.append(([n.target], n.iter))
        elif isinstance(n, ast.withitem) and n.optional_vars is not None:
            flows.append(([n.optional_vars], n.context_expr))
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in _FILLERS:
            flows.extend(([n.func.value], argument) for argument in n.args)
    for _ in range(2):
        for targets, value in flows:
            taint = _mentioned(value, taints)
            for name in _assigned(targets) if taint else ():
                taints[name] = taints.get(name, NOTHING) | taint
    return taints
