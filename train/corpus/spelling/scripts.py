"""Short scripts, written as Python, to expressions.

`threading:Timer(n, g, xs).start()` is the call of a method of what an import returns. In scripts

- `module:name` is an import, and other names are those that the caller gives;
- `s = ...` keeps a value for the statements behind it; the value of the last statement is the script's;
- `x.name = v` is BUILD, `x[k] = v` SETITEM(S), `x += [v, ...]` APPEND(S), `x |= [v, ...]` ADDITEMS;
- `x.name` and `x[k]` elsewhere are getattr and operator.getitem, `x.name(...)` is any way to call a method;
- keywords are bound by functools.partial, since no opcode passes them to a function.

Scripts are parsed, never run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from train.corpus.draw import Draw
from train.corpus.spelling.expressions import AddItems, Append, Build, Call, New, Node, Ref, Same, SetItems, Steps

_IMPORT = re.compile(r"(?<![\w'\"])([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)")


@cache
def _parsed(script: str) -> ast.Module:
    return ast.parse(_IMPORT.sub(r'_ref["\1", "\2"]', script))


def expression_of(script: str, names: Mapping[str, Any], rng: Draw) -> Any:
    """Return what a script does, as an expression.

    Raises:
        SyntaxError: the script is no Python, or has something in it that scripts don't have.
        KeyError: it uses a name that is not in `names`.
    """
    reader = _Reader(dict(names), rng)
    *first, last = _parsed(script).body
    steps = tuple(step for statement in first if (step := reader.statement(statement)) is not None)
    result = reader.statement(last)
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        result = reader.value(last.targets[0])
    return Steps(steps, result) if steps else result


def helper(module: str, name: str, rng: Draw) -> Ref:
    """Return a function of the standard library, sometimes under the name of the C module behind it."""
    behind = {"operator": "_operator", "functools": "_functools", "io": "_io", "codecs": "_codecs"}
    if module in behind and name not in _PYTHON_ONLY and rng.random() < 0.3:
        return Ref(behind[module], name)
    return Ref(module, name)


_PYTHON_ONLY = frozenset(
    ["update_wrapper", "singledispatch", "TextIOWrapper", "partialmethod", "cached_property", "lru_cache", "wraps"]
)


def method(rng: Draw, made: Any, name: str, *rest: Any) -> Any:
    """Return the call of an object's method: through its class, methodcaller or getattr."""
    kind = rng.randrange(3)
    call = _itself(made)
    is_class = isinstance(call, Call) and isinstance(call.callee, Ref)
    if kind == 0 and is_class and call.callee.name.rpartition(".")[2].lstrip("_")[:1].isupper():
        return Call(Ref(call.callee.module, f"{call.callee.name}.{name}"), (made, *rest))
    if kind == 1:
        return Call(Call(helper("operator", "methodcaller", rng), (name, *rest)), (made,))
    return Call(Call(Ref("builtins", "getattr"), (made, name)), rest)


def with_keywords(callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], rng: Draw) -> Any:
    """Return the call of something with keywords."""
    partial = helper("functools", "partial", rng)
    if rng.random() < 0.3:
        return Call(New(partial, (callee, *arguments), keywords), ())
    return Call(bound(partial, callee, arguments, keywords), ())


def bound(partial: Ref, callee: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Build:
    """Return a partial of a callable as pickle writes it (`functools.partial.__reduce__`)."""
    return Build(Call(partial, (callee,)), (callee, arguments, keywords, None))


def _itself(value: Any) -> Any:
    """Return what a value is, whether or not it is used in several places."""
    return value.value if isinstance(value, Same) else value


class _Reader:
    """Reads one script."""

    def __init__(self, names: dict[str, Any], rng: Draw) -> None:
        self._names = names
        self._rng = rng

    def statement(self, node: ast.stmt) -> Any:
        """Return what a statement does; None if it only names a value."""
        if isinstance(node, ast.Expr):
            return self.value(node.value)
        if isinstance(node, ast.AugAssign):
            kind = AddItems if isinstance(node.op, ast.BitOr) else Append
            return kind(self.value(node.target), tuple(self.value(node.value)))
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], self.value(node.value)
            if isinstance(target, ast.Attribute):
                changed = self.value(target.value)
                is_import = isinstance(_itself(changed), Ref)  # of a class it needs the slots' form
                plain = not is_import and self._rng.random() < 0.8
                return Build(changed, {target.attr: value} if plain else (None, {target.attr: value}))
            if isinstance(target, ast.Subscript):
                return SetItems(self.value(target.value), {self.value(target.slice): value})
            if isinstance(target, ast.Name):
                self._names[target.id] = Same(value) if isinstance(value, Node) else value
                return None
        raise SyntaxError(f"no statement of scripts: {ast.unparse(node)}")

    def value(self, node: ast.expr) -> Any:
        """Return the expression of a value."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._names[node.id]
        if isinstance(node, ast.List):
            return self._items(node.elts)
        if isinstance(node, ast.Tuple):
            return tuple(self._items(node.elts))
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return {self.value(key): self.value(value) for key, value in pairs if key is not None}
        if isinstance(node, ast.JoinedStr):
            return "".join(str(self.value(p.value if isinstance(p, ast.FormattedValue) else p)) for p in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return Call(helper("operator", "add", self._rng), (self.value(node.left), self.value(node.right)))
        if isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name) and node.value.id == "_ref":
                return Ref(*ast.literal_eval(node.slice))
            return Call(helper("operator", "getitem", self._rng), (self.value(node.value), self.value(node.slice)))
        if isinstance(node, ast.Attribute):
            return Call(Ref("builtins", "getattr"), (self.value(node.value), node.attr))
        if isinstance(node, ast.Call):
            return self._call(node)
        raise SyntaxError(f"no value of scripts: {ast.unparse(node)}")

    def _items(self, nodes: list[ast.expr]) -> list[Any]:
        items: list[Any] = []
        for node in nodes:
            items += self.value(node.value) if isinstance(node, ast.Starred) else [self.value(node)]
        return items

    def _call(self, node: ast.Call) -> Any:
        arguments = tuple(self._items(node.args))
        if node.keywords:
            keywords = {str(keyword.arg): self.value(keyword.value) for keyword in node.keywords}
            return with_keywords(self.value(node.func), arguments, keywords, self._rng)
        if isinstance(node.func, ast.Attribute):
            return method(self._rng, self.value(node.func.value), node.func.attr, *arguments)
        return Call(self.value(node.func), arguments)
