"""The modules of core/ as one module without imports: what Cython compiles and TorchScript scripts.

Constants are folded in, and what belonged to another module is called by its bare name. `core/buffers.py` is left out:
each runtime brings its own. Nothing of core/ is imported here, only parsed.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CORE = Path(__file__).resolve().parent.parent / "core"
CONSTANTS = ("opcodes", "kinds", "tokens")
"""Modules that hold nothing but constants."""
MODULES = ("lexer", "integers", "escapes", "nodes", "machine", "words", "slices")
"""Modules with code, each behind those that it needs at import."""


def parse(name: str) -> ast.Module:
    """Return the syntax tree of a module of core/, or of one beside this file that is written like them."""
    path = CORE / f"{name}.py"
    return ast.parse((path if path.is_file() else Path(__file__).with_name(path.name)).read_text(encoding="utf-8"))


def assemble(extra: tuple[str, ...] = ()) -> ast.Module:
    """Return the code of MODULES as one module: constants, functions, classes.

    Args:
        extra: further modules, from this folder.

    Raises:
        ValueError: two modules define the same name, or a constant that is no int or text is used.
    """
    known: dict[str, dict[str, Any]] = {}
    for name in CONSTANTS:
        known[name] = _constants(parse(name), known)
    body: list[ast.stmt] = []
    for name in (*MODULES, *extra):
        tree = parse(name)
        known[name] = _constants(tree, known)
        fold = _Fold(known[name])
        body += [fold.visit(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        own = (node for node in tree.body if isinstance(node, ast.Assign))
        body += [
            ast.Assign([ast.Name(target.id, ast.Store())], ast.Constant(known[name][target.id]))
            for node in own
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if len(set(names)) < len(names):
        raise ValueError(f"defined twice in core: {sorted(name for name in names if names.count(name) > 1)}")
    return ast.fix_missing_locations(ast.Module(body, []))


def _constants(tree: ast.Module, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what a module's names stand for: its own constants, imported ones, and modules (as namespaces)."""
    scope: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("safepickle_dl."):
            origin = known.get((node.module or "").rpartition(".")[2], {})
            for alias in node.names:
                name = alias.asname or alias.name
                if node.module == "safepickle_dl.core":
                    scope[name] = SimpleNamespace(**known[alias.name])
                elif alias.name in origin:
                    scope[name] = origin[alias.name]
        elif isinstance(node, ast.Import):  # of the standard library
            scope |= {alias.name: importlib.import_module(alias.name) for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            value = compile(ast.Expression(node.value), "<constant>", "eval")
            if isinstance(target, ast.Name):
                scope[target.id] = eval(value, dict(scope))
    return scope


class _Fold(ast.NodeTransformer):
    """Replaces constants by their values, and `module.function` by `function`."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`op.MARK` is 40; `integers.decimal` is `decimal`."""
        if isinstance(node.value, ast.Name) and isinstance(self.scope.get(node.value.id), SimpleNamespace):
            module = vars(self.scope[node.value.id])
            return self._constant(module[node.attr]) if node.attr in module else ast.Name(node.attr, ast.Load())
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """`BLOCK` is 4096."""
        is_constant = isinstance(node.ctx, ast.Load) and node.id in self.scope
        return self._constant(self.scope[node.id]) if is_constant else node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        """Leave the left side alone where it is a name."""
        self.generic_visit(node)
        return node

    @staticmethod
    def _constant(value: Any) -> ast.expr:
        if not isinstance(value, int | str):
            raise ValueError(f"core/ uses a constant that is no int or text: {value!r}")
        return ast.Constant(value)
