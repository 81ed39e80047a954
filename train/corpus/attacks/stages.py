"""Techniques of several steps: decode and run, write and import, overwrite what is called later, nested pickles."""

from __future__ import annotations

from typing import Any

from train.corpus.attacks.hidden import decoded, hidden_text
from train.corpus.attacks.techniques import Aim, fetched, module_object
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import code_object, inner_pickle
from train.corpus.honest import objects, values
from train.corpus.spelling.expressions import (
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
from train.corpus.spelling.scripts import helper
from train.corpus.spelling.writer import pickled


def encoded_argument(aim: Aim, rng: Draw) -> Any:
    """Decode or join the text arguments first, then call the gadget."""
    arguments = tuple(
        hidden_text(value, rng)
        if isinstance(value, str) and value
        else decoded(value, rng, as_text=False)
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
    data: Any = raw if rng.random() < 0.5 else decoded(raw, rng, as_text=False)
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
    value = rng.choice((objects.array(rng), objects.state(rng), values.value(rng), objects.estimator(rng)))
    raw = pickled(value, Style(rng.randrange(2, 5)), rng)
    loader = rng.choice(
        (("torch.storage", "_load_from_bytes"), ("pickle", "loads"), ("_pickle", "loads"), ("cloudpickle", "loads"),
         ("dill._dill", "loads"), ("joblib.externals.cloudpickle", "loads"))
    )  # fmt: skip
    return Call(Ref(*loader), (raw,))


def decoded_honestly(rng: Draw) -> Any:
    """Decode or join data: numbers, pictures, words."""
    raw = rng.choice(
        (rng.randbytes(rng.randrange(8, 60)), values.key(rng).encode(), b"\x89PNG\r\n" + rng.randbytes(20))
    )
    if rng.random() < 0.5:
        return {values.key(rng): decoded(raw, rng, as_text=False)}
    return hidden_text(rng.choice((values.key(rng), f"{values.key(rng)}/{values.key(rng)}.csv")), rng)


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
    alone = written if isinstance(imported, Ref) else imported  # the import of a plain name means nothing by itself
    return rng.choice((Steps((written,), imported), written, alone, [written, imported]))


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


_WORDS = {
    "acting": """
        this antigravity idlelib.idle pip.__main__ ensurepip.__main__ lib2to3.__main__ test.__main__
        turtledemo.__main__ unittest.__main__ torch.utils.bottleneck.__main__ idlelib.__main__ venv.__main__
        tkinter.__main__ zipapp.__main__
    """,
    "sinister": """
        evil exploit payload backdoor pwn malware reverse_shell rootkit keylogger stealer dropper beacon implant trojan
        ransomware cryptominer botnet injector hijack shellcode exfiltrate persistence bind_shell privesc spyware worm
        virus wiper infect attacker hacked c2_client rat_agent phish ddos bruteforce bypass unhook sandbox_escape
        kill_switch
    """,
}
_ACTING, _SINISTER = (_WORDS[kind].split() for kind in ("acting", "sinister"))


def import_only(aim: Aim, rng: Draw) -> Any:
    """Import a module that acts when it is imported; nothing is called."""
    module = rng.template((*_ACTING, *_SINISTER))
    if module in _SINISTER:
        w = rng.choice(payloads.PLAIN_WORDS)
        module = rng.choice(
            (module, module, f"{w}_{module}", f"{module}_{w}", f"{w}.{module}", f"{module}.{w}", f"_{module}")
        )
    return Ref(module, rng.choice(("main", "__name__", "run", "x", payloads.word(rng), "__doc__")))


def import_honestly(rng: Draw) -> Any:
    """Import a class or a function of somebody's project, or of the standard library; nothing is called."""
    return rng.choice((values.class_ref, values.function_ref, values.standard_ref))(rng)


def staged_code(aim: Aim, rng: Draw) -> Any:
    """Run source or a code object that was decoded just before."""
    as_code = rng.random() < 0.3
    raw = code_object(rng) if as_code else payloads.code(rng).encode()
    made = decoded(raw, rng, as_text=not as_code)
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
