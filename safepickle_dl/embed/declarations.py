"""The annotations of the assembled core as an augmenting `.pxd`, and the few rewrites that let Cython drop the GIL.

Everything that only touches ints, buffers and maps becomes a C function that needs no GIL. Index checks stay on: a
fault in the core is an exception, never a read outside of a buffer.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

INT = "Py_ssize_t"
C_TYPES = {
    "int": INT,
    "bool": "bint",
    "Ints": "Py_ssize_t[::1]",
    "Indices": "int[::1]",
    "Bytes": "const unsigned char[::1]",
    "Octets": "unsigned char[::1]",
    "IntMap": "IntMap",
}
"""Annotation to C type; any other annotation is a class of the core."""
ERROR = -(1 << 62) - 1
"""What a C function returns beside an exception: no value of the core."""
BUFFER_FUNCTIONS = {
    "new_ints": "Ints",
    "ints_of": "Ints",
    "copied": "Ints",
    "grown": "Ints",
    "new_indices": "Indices",
    "copied_indices": "Indices",
    "grown_indices": "Indices",
    "new_octets": "Octets",
    "copied_map": "IntMap",
    "copied_octets": "Octets",
    "grown_octets": "Octets",
    "find_int": "int",
    "find_newline": "int",
    "find_text": "int",
    "min": "int",
    "max": "int",
    "len": "int",
}
MAP_METHODS = {"get": "int", "put": "None", "count": "int", "n_far": "int", "clear": "None"}


@dataclass
class _Class:
    """The typed attributes and methods of a class."""

    attributes: dict[str, str] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)


def _annotation(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and node.value is None:
        return "None"
    return ast.unparse(node) if node is not None else "None"


class Declarations:
    """Types of everything in an assembled core."""

    def __init__(self, tree: ast.Module) -> None:
        """Collect what the annotations say."""
        self.tree = tree
        self.functions: dict[str, str] = dict(BUFFER_FUNCTIONS)
        self.classes: dict[str, _Class] = {"IntMap": _Class({}, dict(MAP_METHODS))}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = _annotation(node.returns)
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = _class_of(node)

    def rewrite(self) -> ast.Module:
        """Return the code as Cython wants it without the GIL: no local names for objects, no bare `return`."""
        for node in self.tree.body:
            for function in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(function, ast.FunctionDef) and self._is_unlocked(function):
                    types = self._types(function, node.name if isinstance(node, ast.ClassDef) else "")
                    _Unlock(function, {name for name, kind in types.items() if kind in self.classes}).run()
        _Nogil().visit(self.tree)
        return ast.fix_missing_locations(self.tree)

    def pxd(self) -> str:
        """Return the declarations, to be asked for before `rewrite`."""
        lines: list[str] = []
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                lines += ["", *self._declare(node, "")]
            elif isinstance(node, ast.ClassDef):
                lines += ["", "@cython.final", f"cdef class {node.name}:"]
                attributes = self.classes[node.name].attributes
                lines += [f"    cdef public {C_TYPES.get(kind, kind)} {name}" for name, kind in attributes.items()]
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name != "__init__":
                        lines += [f"    {line}" for line in self._declare(method, node.name)]
        return "\n".join(lines) + "\n"

    def _declare(self, function: ast.FunctionDef, class_name: str) -> list[str]:
        """Return the lines that declare a function: its locals, then its signature."""
        types = self._types(function, class_name)
        arguments = [argument.arg for argument in function.args.args]
        typed = [name if name == "self" else f"{C_TYPES.get(types[name], types[name])} {name}" for name in arguments]
        result = _annotation(function.returns)
        signature = f"{self._result(result)} {function.name}({', '.join(typed)}){_error(result)}"
        unlocked = self._is_unlocked(function)
        variables = {
            name: C_TYPES.get(kind, kind)
            for name, kind in types.items()
            if name not in arguments and not (unlocked and kind in self.classes)
        }
        lines = []
        if variables:
            lines.append("@cython.locals(" + ", ".join(f'{name}="{kind}"' for name, kind in variables.items()) + ")")
        return [*lines, f"cpdef {signature}{' nogil' if unlocked else ''}"]

    @staticmethod
    def _result(annotation: str) -> str:
        return "int" if annotation == "None" else C_TYPES.get(annotation, annotation)

    def _is_unlocked(self, function: ast.FunctionDef) -> bool:
        """Return whether a function can run without the GIL: it makes no object, and does not drop the GIL itself."""
        for node in ast.walk(function):
            if isinstance(node, ast.With):
                return False
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.classes:
                return False
        return function.name != "__init__"

    def _types(self, function: ast.FunctionDef, class_name: str) -> dict[str, str]:
        """Return the annotation-like type of every argument and local of a function."""
        types = {argument.arg: _annotation(argument.annotation) for argument in function.args.args}
        if class_name:
            types["self"] = class_name
        for node in ast.walk(function):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                types[node.target.id] = "int"
        for node in sorted((n for n in ast.walk(function) if isinstance(n, ast.Assign)), key=lambda n: n.lineno):
            for target, value in _pairs(node):
                if isinstance(target, ast.Name):
                    types.setdefault(target.id, self._type_of(value, types))
        return types

    def _type_of(self, node: ast.expr, types: dict[str, str]) -> str:
        if isinstance(node, ast.Name):
            return types[node.id]
        if isinstance(node, ast.Attribute):
            return self.classes[self._type_of(node.value, types)].attributes[node.attr]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id if node.func.id in self.classes else self.functions[node.func.id]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.classes[self._type_of(node.func.value, types)].methods[node.func.attr]
        if isinstance(node, ast.Compare | ast.BoolOp) or (
            isinstance(node, ast.Constant) and node.value in (True, False)
        ):
            return "int" if isinstance(node, ast.Constant) and not isinstance(node.value, bool) else "bool"
        return "int"


def _class_of(node: ast.ClassDef) -> _Class:
    found = _Class()
    for method in node.body:
        if isinstance(method, ast.FunctionDef):
            found.methods[method.name] = _annotation(method.returns)
            for statement in ast.walk(method):
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Attribute):
                    found.attributes[statement.target.attr] = _annotation(statement.annotation)
    return found


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Return (target, value) of an assignment, one for each name of a tuple."""
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def _error(annotation: str) -> str:
    """Return how a function of this result says that it raised."""
    if annotation in ("None", "bool"):
        return " except -1"
    return f" except? {ERROR}" if annotation == "int" else ""


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _large(value: int) -> str:
    """Return a C expression for a large number, of literals that are small."""
    if value < 1 << 31:
        return f"cython.cast(cython.Py_ssize_t, {value})"
    return f"({_large(value >> 31)} << 31 | {value & 0x7FFFFFFF})"


class _Unlock(ast.NodeTransformer):
    """Writes `self.nodes` for a local `nodes`, since a reference cannot be taken without the GIL, and `return 0`."""

    def __init__(self, function: ast.FunctionDef, objects: set[str]) -> None:
        self.function = function
        self.objects = objects - {argument.arg for argument in function.args.args}
        self.meaning: dict[str, ast.expr] = {}
        self.returns_nothing = _annotation(function.returns) == "None"

    def run(self) -> None:
        """Change the function in place."""
        self.function.body = [new for node in self.function.body if (new := self.visit(node)) is not None]

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        """Drop `nodes = self.nodes`, and remember it."""
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in self.objects:
            self.meaning[target.id] = node.value
            return None
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put back what the name stands for."""
        return self.meaning.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """Return 0 where Python returns None."""
        self.generic_visit(node)
        return ast.Return(ast.Constant(0)) if node.value is None and self.returns_nothing else node


class _Nogil(ast.NodeTransformer):
    """Writes what differs in Cython: `with cython.nogil`, large numbers in pieces, `grown` only where it grows."""

    def visit_With(self, node: ast.With) -> ast.With:
        """The only context manager of the core."""
        self.generic_visit(node)
        node.items = [ast.withitem(ast.Attribute(ast.Name("cython", ast.Load()), "nogil", ast.Load()))]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A literal above 31 bits would be a Python object."""
        value = node.value
        return _expression(_large(value)) if isinstance(value, int) and value >= 1 << 31 else node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        """`x = grown(x, n)` takes the GIL, even where nothing is to be done."""
        self.generic_visit(node)
        value = node.value
        if not (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in ("grown", "grown_indices", "grown_octets")
        ):
            return node
        size = ast.Call(ast.Name("len", ast.Load()), [value.args[0]], [])
        return ast.If(ast.Compare(size, [ast.Lt()], [value.args[1]]), [node], [])
