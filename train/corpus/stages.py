"""Techniques of several steps: decode and run, write and import, overwrite what is called later, nested pickles."""

from __future__ import annotations

from typing import Any

from train.corpus import benign, honest, payloads
from train.corpus.arguments import callback, code_object, encoded, inner_pickle, module_name
from train.corpus.draw import Draw
from train.corpus.expressions import (
    AddItems,
    Append,
    Build,
    Call,
    Computed,
    New,
    Persistent,
    Ref,
    Same,
    SetItems,
    Steps,
    Style,
)
from train.corpus.scripts import helper
from train.corpus.techniques import Aim, fetched, module_object
from train.corpus.writer import pickled


def _decoded(raw: bytes, rng: Draw, as_text: bool) -> Any:
    """Return an expression that makes bytes (or text) out of an encoded literal."""
    decoder, text = encoded(rng, raw)
    module, name = decoder.split(":")
    if module in ("base64", "binascii", "zlib") and rng.random() < 0.2 and isinstance(text, bytes):
        codec = {"base64": "base64", "binascii": "hex", "zlib": "zlib"}[module]
        made: Any = Call(helper("codecs", "decode", rng), (text, codec))
    else:
        made = Call(Ref(module, name), (text,))
    if not as_text or rng.random() < 0.4:
        return made
    return rng.template(
        (
            lambda: Call(Ref("builtins", "bytes.decode"), (made,)),
            lambda: Call(Call(helper("operator", "methodcaller", rng), ("decode",)), (made,)),
            lambda: Call(Call(Ref("builtins", "getattr"), (made, "decode")), ()),
            lambda: Call(Ref("builtins", "str"), (made, "utf-8")),
            lambda: Call(helper("codecs", "decode", rng), (made, "utf-8")),
        )
    )()


def hidden_text(text: str, rng: Draw) -> Any:
    """Return an expression that computes a text from pieces or codes."""
    pieces = _pieces(text, rng)
    return rng.template(
        (
            lambda: _decoded(text.encode(), rng, as_text=True),
            lambda: Call(Ref("builtins", "str.join"), ("", pieces)),
            lambda: Call(Call(Ref("builtins", "getattr"), ("", "join")), (pieces,)),
            lambda: Call(helper("functools", "reduce", rng), (helper("operator", "add", rng), pieces)),
            lambda: Call(
                helper("operator", rng.choice(("add", "concat", "iadd")), rng), (pieces[0], "".join(pieces[1:]))
            ),
            lambda: Call(
                Ref("builtins", "str.join"),
                ("", Call(Ref("builtins", "map"), (Ref("builtins", "chr"), [ord(c) for c in text]))),
            ),
            lambda: Call(Ref("builtins", "str.replace"), (text.replace("s", "\u00a7"), "\u00a7", "s")),
            lambda: Call(Ref("builtins", "str.join"), ("", Call(Ref("builtins", "reversed"), (text[::-1],)))),
            lambda: Call(helper("codecs", "decode", rng), (_rot13(text), "rot13")),
            lambda: Call(Ref("builtins", "str.format"), ("{}{}", pieces[0], "".join(pieces[1:]))),
            lambda: Call(Ref("builtins", "str.lower"), (text.upper(),)) if text.islower() else None,
            lambda: Call(Ref("os.path", "basename"), ("/x/" + text,)) if "/" not in text else None,
            lambda: Call(Ref("posixpath", "join"), (pieces[0], "".join(pieces[1:]))),
            lambda: Call(Ref("json", "loads"), (f'"{text}"',)) if text.isidentifier() else None,
            lambda: Call(Ref("urllib.parse", "unquote"), ("".join(f"%{ord(c) & 255:02x}" for c in text),)),
            lambda: Call(Ref("html", "unescape"), ("".join(f"&#{ord(c)};" for c in text),)),
            lambda: Call(
                helper("operator", "getitem", rng),
                (text[::-1], Call(Ref("builtins", "slice"), (None, None, -1))),
            ),
            lambda: Call(helper("operator", "mod", rng), ("%s" * len(pieces), tuple(pieces))),
            lambda: Call(Ref("builtins", "str.strip"), (f" {text}\n",)),
            lambda: Call(Ref("builtins", "str.removeprefix"), (f"numpy.{text}", "numpy.")),
            lambda: Call(Ref("builtins", "str.swapcase"), (text.swapcase(),)) if text.isascii() else None,
            lambda: Call(Ref("builtins", "str.translate"), (_shifted(text), {ord(c) + 1: c for c in text})),
            lambda: Call(Ref("ast", "literal_eval"), (repr(text),)),
            lambda: Call(Ref("re", "sub"), ("[~^]", "", "~".join(pieces))),
            lambda: Call(Ref("builtins", "str.join"), ("", Call(Ref("itertools", "chain"), tuple(pieces)))),
            lambda: Call(
                Ref("string", "Template.substitute"),
                (Call(Ref("string", "Template"), ("$a$b",)), {"a": pieces[0], "b": "".join(pieces[1:])}),
            ),
            lambda: _picked(text, rng),
            lambda: Call(Ref("builtins", "str"), (text.encode("utf-16-le"), "utf-16-le")),
        )
    )() or Call(Ref("builtins", "str.join"), ("", pieces))


def _shifted(text: str) -> str:
    return "".join(chr(ord(c) + 1) for c in text)


def _picked(text: str, rng: Draw) -> Any:
    """Return what picks a text out of others."""
    others = [payloads.word(rng) for _ in range(rng.randrange(1, 4))]
    at = rng.randrange(len(others) + 1)
    others.insert(at, text)
    return Call(Call(helper("operator", "itemgetter", rng), (at,)), (others,))


def _pieces(text: str, rng: Draw) -> list[str]:
    if len(text) < 2:
        return [text, ""]
    cut = sorted(rng.sample(range(1, len(text)), min(len(text) - 1, rng.randrange(1, 5))))
    return [text[i:j] for i, j in zip([0, *cut], [*cut, len(text)], strict=True)]


def _rot13(text: str) -> str:
    lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return text.translate(str.maketrans(lower + upper, lower[13:] + lower[:13] + upper[13:] + upper[:13]))


def encoded_argument(aim: Aim, rng: Draw) -> Any:
    """Decode or join the text arguments first, then call the gadget."""
    arguments = tuple(
        hidden_text(value, rng)
        if isinstance(value, str) and value
        else _decoded(value, rng, as_text=False)
        if isinstance(value, bytes)
        else value
        for value in aim.arguments
    )
    return Call(aim.ref if rng.random() < 0.7 else fetched(aim, rng), arguments)


def encoded_name(aim: Aim, rng: Draw) -> Any:
    """Compute the names that are imported."""
    module, name = aim.gadget.module, aim.gadget.name
    hidden = hidden_text(name, rng)
    kind = rng.randrange(4)
    if kind == 0:
        return Call(Computed(hidden_text(module, rng) if rng.random() < 0.6 else module, hidden), aim.arguments)
    if kind == 1:
        return Call(Call(Ref("builtins", "getattr"), (module_object(module, rng), hidden)), aim.arguments)
    if kind == 2:
        return Call(Call(Ref("pydoc", "locate"), (hidden_text(f"{module}.{name}", rng),)), aim.arguments)
    parent = Call(Ref("importlib", "import_module"), (hidden_text(module, rng),))
    return Call(Call(helper("operator", "attrgetter", rng), (hidden,)), (parent,))


def nested(aim: Aim, rng: Draw) -> Any:
    """Load a pickle that is inside."""
    raw = inner_pickle(rng)
    data: Any = raw if rng.random() < 0.5 else _decoded(raw, rng, as_text=False)
    loader = rng.template(
        (
            ("pickle", "loads"), ("_pickle", "loads"), ("pickle", "_loads"), ("cloudpickle", "loads"),
            ("dill", "loads"),
            ("cloudpickle.cloudpickle", "loads"), ("dill._dill", "loads"), ("torch.storage", "_load_from_bytes"),
            ("multiprocessing.reduction", "ForkingPickler.loads"), ("joblib.externals.cloudpickle", "loads"),
            ("pandas.io.pickle", "loads"), ("six.moves.cPickle", "loads"), ("torch.serialization", "pickle.loads"),
            ("numpy", "load"), ("torch", "load"), ("joblib", "load"), ("pickle", "load"), ("pandas", "read_pickle"),
            ("_pickle", "Unpickler"), ("torch", "jit.load"), ("dill", "load"), ("shelve", "open"),
            ("ray.cloudpickle", "loads"),
            ("torch._inductor.codecache", "pickle.loads"), ("numpy.lib.format", "read_array"),
            ("django.core.signing", "loads"),
        )
    )  # fmt: skip
    if loader[1] in ("load", "Unpickler", "jit.load", "read_array"):
        data = Call(Ref("io", "BytesIO"), (data,)) if rng.random() < 0.6 else payloads.path(rng)
        made = Call(Ref(*loader), (data, None, True) if loader[0] == "numpy" else (data,))
        return Call(Ref("_pickle", "Unpickler.load"), (made,)) if loader[1] == "Unpickler" else made
    return Call(Ref(*loader), (payloads.path(rng),) if loader[1] in ("read_pickle", "open") else (data,))


def nested_honestly(rng: Draw) -> Any:
    """Load a pickle that is inside and holds only data."""
    value = rng.choice((honest.array(rng), honest.state(rng), benign.value(rng), honest.estimator(rng)))
    raw = pickled(value, Style(rng.randrange(2, 5)), rng)
    loader = rng.choice(
        (("torch.storage", "_load_from_bytes"), ("pickle", "loads"), ("_pickle", "loads"), ("cloudpickle", "loads"),
         ("dill._dill", "loads"), ("joblib.externals.cloudpickle", "loads"))
    )  # fmt: skip
    return Call(Ref(*loader), (raw,))


def decoded_honestly(rng: Draw) -> Any:
    """Decode or join data: numbers, pictures, words."""
    raw = rng.choice(
        (rng.randbytes(rng.randrange(8, 60)), benign.key(rng).encode(), b"\x89PNG\r\n" + rng.randbytes(20))
    )
    if rng.random() < 0.5:
        return {benign.key(rng): _decoded(raw, rng, as_text=False)}
    return hidden_text(rng.choice((benign.key(rng), f"{benign.key(rng)}/{benign.key(rng)}.csv")), rng)


def set_honestly(rng: Draw) -> Any:
    """Set attributes and items of objects that the pickle made itself."""
    target = rng.choice((honest.custom_object(rng), New(benign.class_ref(rng)), Call(benign.class_ref(rng), ())))
    value = rng.choice((benign.function_ref(rng), benign.scalar(rng), benign.class_ref(rng)))
    w = benign.key(rng)
    return rng.template(
        (
            lambda: Build(target, {w: value}),
            lambda: Build(target, (None, {w: value})),
            lambda: Build(target, ({w: value}, {benign.key(rng): benign.scalar(rng)})),
            lambda: SetItems(target, {w: value}),
            lambda: Append(target, (value, benign.scalar(rng))),
            lambda: AddItems(target, (value, benign.scalar(rng))),
            lambda: Call(Ref("builtins", "setattr"), (target, w, value)),
            lambda: SetItems(Call(Ref("collections", "defaultdict"), (Ref("builtins", "list"),)), {w: value}),
            lambda: Append(Call(Ref("collections", "deque"), ()), (value,)),
        )
    )()


def write_then_import(aim: Aim, rng: Draw) -> Any:
    """Write a source or startup file, then have it imported."""
    name, folder = payloads.word(rng), rng.choice(("/tmp", ".", "/var/tmp", "~/.local/lib"))
    target = f"{folder}/{name}.{rng.choice(('py', 'py', 'pth', 'so', 'pyc'))}"
    source = payloads.code(rng)
    opened = Call(
        Ref(*rng.choice((("builtins", "open"), ("io", "open"), ("_io", "open"), ("io", "FileIO")))), (target, "w")
    )
    written = rng.template(
        (
            lambda: Call(Ref("pathlib", "Path.write_text"), (Call(Ref("pathlib", "Path"), (target,)), source)),
            lambda: Call(Call(Ref("builtins", "getattr"), (opened, "write")), (source,)),
            lambda: Call(Call(helper("operator", "methodcaller", rng), ("write", source)), (opened,)),
            lambda: Call(Ref("builtins", "print"), (source, opened)),
            lambda: Call(Ref("distutils.file_util", "write_file"), (target, source.splitlines())),
            lambda: Call(Ref("io", "TextIOWrapper.write"), (opened, source)),
            lambda: Call(Ref("numpy", "savetxt"), (target, [source], "%s")),
            lambda: Call(Ref("urllib.request", "urlretrieve"), (payloads.url(rng), target)),
            lambda: Call(Ref("shutil", "copy"), (payloads.path(rng), target)),
            lambda: Call(Ref("os", "rename"), (payloads.path(rng), target)),
        )
    )()
    imported = rng.template(
        (
            lambda: Call(Ref("importlib", "import_module"), (name,)),
            lambda: Call(Ref("builtins", "__import__"), (name,)),
            lambda: Call(Ref("runpy", rng.choice(("run_path", "_run_code", "run_module"))), (target,)),
            lambda: Call(Ref("site", rng.choice(("addsitedir", "addpackage"))), (folder, f"{name}.pth", None)),
            lambda: Call(Ref("zipimport", "zipimporter"), (target,)),
            lambda: Call(
                Ref("importlib.machinery", "SourceFileLoader.load_module"),
                (Call(Ref("importlib.machinery", "SourceFileLoader"), (name, target)),),
            ),
            lambda: Call(Ref("ctypes", "CDLL"), (target,)),
            lambda: Ref(name, payloads.word(rng)),
            lambda: Append(Ref("sys", "path"), (folder,)),
            lambda: Call(Ref("torch.ops", "load_library"), (target,)),
        )
    )()
    return rng.template(
        (lambda: Steps((written,), imported), lambda: written, lambda: imported, lambda: [written, imported])
    )()


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


def inside_state(aim: Aim, rng: Draw) -> Any:
    """Hide the call in the state, keys or arguments of a harmless object."""
    call = Call(aim.ref, aim.arguments) if rng.random() < 0.6 else Call(fetched(aim, rng), aim.arguments)
    w = payloads.word(rng)
    cls = rng.choice(
        (
            ("sklearn.linear_model._logistic", "LogisticRegression"), ("lightgbm.basic", "Booster"),
            ("__main__", "Model"),
            ("xgboost.core", "Booster"), ("collections", "OrderedDict"), ("sklearn.pipeline", "Pipeline"),
            ("torch.nn", "Linear"),
            ("types", "SimpleNamespace"), ("keras.engine.sequential", "Sequential"),
            ("models", payloads.word(rng).title()),
        )
    )  # fmt: skip
    return rng.template(
        (
            lambda: Build(New(Ref(*cls)), {w: call, payloads.word(rng): rng.random()}),
            lambda: Build(New(Ref(*cls)), call),
            lambda: Build(
                Call(Ref("copyreg", "_reconstructor"), (Ref(*cls), Ref("builtins", "object"), None)), {w: call}
            ),
            lambda: Build(call, {w: rng.randrange(9)}),
            lambda: SetItems(Call(Ref("collections", "OrderedDict"), ()), {w: call}),
            lambda: Call(Ref(*cls), (call,)),
            lambda: New(Ref(*cls), (call,)),
            lambda: {call: w},
            lambda: [call, w],
            lambda: (w, call),
            lambda: Steps((call,), {w: rng.random()}),
            lambda: Call(Ref("builtins", "getattr"), (call, "decode")),
            lambda: SetItems({}, {w: Same(call)}),
            lambda: SetItems(call, {w: rng.random()}),
            lambda: Append(call, (w, rng.randrange(9))),
            lambda: Persistent((call, w)),
            lambda: Call(Ref("functools", "partial"), (Ref(*cls), call)),
            lambda: Build(New(Ref(*cls)), (None, {w: call})),
            lambda: New(Ref(*cls), (), {w: call}),
            lambda: Build(Call(Ref("functools", "partial"), (Ref(*cls),)), (Ref(*cls), (call,), {}, {w: call})),
            lambda: Append(Call(Ref("collections", "deque"), ()), (call, w)),
        )
    )()


def import_only(aim: Aim, rng: Draw) -> Any:
    """Import a module that acts when it is imported; nothing is called."""
    module = rng.template(
        ("this", "antigravity", "idlelib.idle", "pip.__main__", "ensurepip.__main__", "lib2to3.__main__",
         "test.__main__", "turtledemo.__main__", "unittest.__main__", "torch.utils.bottleneck.__main__",
         "idlelib.__main__", "venv.__main__", "tkinter.__main__", "zipapp.__main__", "evil", "exploit", "payload",
         "backdoor", "pwn", "malware", "reverse_shell", f"{payloads.word(rng)}_{payloads.word(rng)}")
    )  # fmt: skip
    return Ref(module, rng.choice(("main", "__name__", "run", "x", payloads.word(rng), "__doc__")))


def staged_code(aim: Aim, rng: Draw) -> Any:
    """Run source or a code object that was decoded just before."""
    as_code = rng.random() < 0.3
    raw = code_object(rng) if as_code else payloads.code(rng).encode()
    made = _decoded(raw, rng, as_text=not as_code)
    if as_code:
        made = Call(Ref("marshal", "loads"), (made,))
    elif rng.random() < 0.3:
        made = Call(Ref("builtins", "compile"), (made, "<string>", rng.choice(("exec", "eval"))))
    runner: Any = Ref("builtins", rng.choice(("exec", "exec", "eval")))
    if rng.random() < 0.3:
        runner = Call(Ref("builtins", "getattr"), (module_object("builtins", rng), runner.name))
    elif rng.random() < 0.15:
        runner = Ref(*rng.choice((("runpy", "_run_code"), ("timeit", "timeit"), ("cProfile", "run"), ("pdb", "run"))))
    return Call(runner, (made,) if rng.random() < 0.7 else (made, {}))


def exhaust(aim: Aim, rng: Draw) -> Any:
    """Use up memory or time, stop the process, or wait for somebody."""
    huge = rng.choice((2**31, 2**40, 10**10, 10**12, 9**9 + rng.randrange(9**9)))
    endless = Call(Ref("itertools", rng.choice(("repeat", "count", "cycle"))), (1,))
    return rng.template(
        (
            lambda: Call(helper("operator", rng.choice(("mul", "imul")), rng), (rng.choice(("A", [0], b"x")), huge)),
            lambda: Call(Ref("builtins", rng.choice(("bytearray", "bytes"))), (huge,)),
            lambda: Call(
                Ref(*rng.choice((("builtins", "pow"), ("operator", "pow"), ("operator", "lshift")))), (9, huge)
            ),
            lambda: Call(Ref("builtins", rng.choice(("list", "sum"))), (Call(Ref("builtins", "range"), (huge,)),)),
            lambda: Call(Ref("builtins", rng.choice(("list", "tuple", "set"))), (endless,)),
            lambda: Call(Ref(*rng.choice((("numpy", "ones"), ("numpy", "zeros"), ("torch", "ones")))), ((huge,),)),
            lambda: Call(Ref("time", "sleep"), (rng.choice((huge, rng.randrange(10, 10**6))),)),
            lambda: Call(Ref("builtins", rng.choice(("input", "breakpoint", "exit", "quit"))), ()),
            lambda: Call(Ref("sys", rng.choice(("exit", "setrecursionlimit"))), (rng.randrange(9),)),
            lambda: Call(Ref(*rng.choice((("os", "abort"), ("os", "fork"), ("faulthandler", "_sigsegv")))), ()),
            lambda: Call(Ref("math", "factorial"), (huge,)),
            lambda: Call(Ref("re", "match"), ("(a+)+$", "a" * rng.randrange(30, 60) + "!")),
        )
    )()
