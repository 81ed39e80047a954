"""Plausible arguments for a gadget, from the names of its parameters and what it reaches."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import lzma
import marshal
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.table import Gadget
from train.corpus.spelling.expressions import Call, New, Ref, Style
from train.corpus.spelling.writer import pickled

Maker = Callable[[Draw], Any]


def code_object(rng: Draw) -> bytes:
    """Return the marshalled bytes of a code object. It is compiled, never run."""
    source = payloads.code(rng)
    try:
        made = payloads.compiled(source, rng.choice(("<string>", "<stdin>", "x.py", payloads.word(rng))))
    except (SyntaxError, ValueError):
        made = payloads.compiled(f"print({payloads.word(rng)!r})")
    return marshal.dumps(made)


def inner_pickle(rng: Draw) -> bytes:
    """Return a pickle that calls something."""
    module, name, argument = rng.template(
        (
            ("os", "system", payloads.command(rng)),
            ("posix", "system", payloads.command(rng)),
            ("builtins", "exec", payloads.code(rng)),
            ("builtins", "eval", payloads.code(rng, expression=True)),
            ("subprocess", "getoutput", payloads.command(rng)),
            ("subprocess", "Popen", payloads.argv(rng)),
            ("os", "popen", payloads.command(rng)),
            ("runpy", "run_path", payloads.path(rng)),
            ("webbrowser", "open", payloads.url(rng)),
        )
    )
    call = Call(Ref(module, name), (argument,))
    faithful = rng.random() < 0.6
    style = Style(
        rng.randrange(6), faithful, calls=("REDUCE",) if faithful else (rng.choice(("OBJ", "INST", "REDUCE")),)
    )
    return pickled({payloads.word(rng): call} if rng.random() < 0.2 else call, style, rng)


def encoded(rng: Draw, raw: bytes) -> tuple[str, str | bytes]:
    """Return (decoder `module:name`, text that it decodes) for bytes."""
    return rng.template(
        (
            lambda: ("base64:b64decode", base64.b64encode(raw)),
            lambda: ("base64:b64decode", base64.b64encode(raw).decode()),
            lambda: ("base64:b32decode", base64.b32encode(raw)),
            lambda: ("base64:b85decode", base64.b85encode(raw)),
            lambda: ("base64:a85decode", base64.a85encode(raw)),
            lambda: ("base64:decodebytes", base64.encodebytes(raw)),
            lambda: ("base64:urlsafe_b64decode", base64.urlsafe_b64encode(raw)),
            lambda: ("binascii:unhexlify", raw.hex()),
            lambda: ("binascii:a2b_base64", binascii.b2a_base64(raw)),
            lambda: ("builtins:bytes.fromhex", raw.hex()),
            lambda: ("zlib:decompress", zlib.compress(raw)),
            lambda: ("base64:standard_b64decode", base64.b64encode(raw).decode()),
            lambda: ("base64:b16decode", base64.b16encode(raw)),
            lambda: ("binascii:a2b_hex", raw.hex()),
            lambda: ("binascii:a2b_qp", binascii.b2a_qp(raw, istext=False)),
            lambda: ("quopri:decodestring", binascii.b2a_qp(raw, istext=False)),
            lambda: ("gzip:decompress", gzip.compress(raw, mtime=0)),
            lambda: ("bz2:decompress", bz2.compress(raw)),
            lambda: ("lzma:decompress", lzma.compress(raw)),
            lambda: ("urllib.parse:unquote_to_bytes", "".join(f"%{byte:02x}" for byte in raw)),
            lambda: ("email.base64mime:decode", base64.b64encode(raw).decode()),
            lambda: ("codecs:escape_decode", "".join(f"\\x{byte:02x}" for byte in raw)),
            lambda: ("builtins:bytes", raw),
        )
    )()


def module_name(rng: Draw) -> str:
    """Return the name of a module that an attacker imports."""
    return rng.choice(
        ("os", "subprocess", "posix", "builtins", "sys", "socket", "ctypes", "pty", "shutil", "importlib", "this",
         "antigravity", payloads.word(rng), f"{payloads.word(rng)}.{payloads.word(rng)}", "nt", "code", "runpy")
    )  # fmt: skip


def target_name(rng: Draw) -> str:
    """Return the dotted name of something to resolve."""
    return rng.choice(
        ("os.system", "os:system", "subprocess.Popen", "subprocess:run", "builtins.eval", "builtins:exec", "os.popen",
         "posix.system", "pty.spawn", "code.interact", f"{payloads.word(rng)}.{payloads.word(rng)}", "shutil.rmtree")
    )  # fmt: skip


def environment(rng: Draw) -> dict[Any, Any]:
    """Return environment variables."""
    names = ("PATH", "HOME", "LD_PRELOAD", "PYTHONPATH", "SHELL", "http_proxy", "EDITOR", "PAGER", "PYTHONSTARTUP", "X")
    return {rng.choice(names): payloads.path(rng) for _ in range(rng.randrange(3))}


def callback(rng: Draw) -> Any:
    """Return a callable."""
    return rng.template(
        (
            lambda: Ref(*rng.choice((("os", "system"), ("builtins", "exec"), ("builtins", "eval"), ("os", "popen")))),
            lambda: Ref(*rng.choice((("subprocess", "run"), ("posix", "system"), ("pty", "spawn"), ("os", "remove")))),
            lambda: Ref("builtins", "print"),
            lambda: Call(Ref("functools", "partial"), (Ref("os", "system"), payloads.command(rng))),
        )
    )()


def _choice(*values: Any) -> Maker:
    return lambda rng: rng.choice(values)


def _bytes(rng: Draw) -> bytes:
    kind = rng.randrange(4)
    if kind == 0:
        return code_object(rng)
    return (inner_pickle(rng), zlib.compress(inner_pickle(rng)), payloads.code(rng).encode())[kind - 1]


def _flag(rng: Draw) -> Any:
    return rng.choice((True, False, None, 0, 1))


def _lines(rng: Draw) -> list[str]:
    return payloads.code(rng).splitlines()


_BY_WORD: tuple[tuple[str, Maker], ...] = (
    ("command cmd cmds cmdline commandline shell shellcmd pager browser editor preexec", payloads.command),
    ("argv popenargs cmd_list arglist", payloads.argv),
    ("lines", _lines),
    ("code source src stmt statement script string body text expr expression content template program setup",
     payloads.code),
    ("co bytecode codeobj marshalled codestring", code_object),
    ("url uri link endpoint href repo_url index_url download", payloads.url),
    ("host hostname server ip netloc domain addr", payloads.address),
    ("address sockaddr", lambda rng: (payloads.address(rng), payloads.port(rng))),
    ("port", payloads.port),
    ("modname module mod mod_name fullname module_name package pkg import_name library lib plugin", module_name),
    ("attr attribute qualname dotted object_name thing target_name", target_name),
    ("path file filename fname filepath dirname directory dir folder dst dest destination outfile output root base "
     "location fp save log out archive cache tmpdir prefix input output_dir checkpoint database db pathname filenames",
     payloads.path),
    ("data buf buffer bytes blob payload obj raw b pickled serialized state stream", _bytes),
    ("env environ environment variables", environment),
    ("globals locals ns namespace globs scope", environment),
    ("kwargs kwds keywords options opts config params settings kw", lambda rng: {payloads.word(rng): _flag(rng)}),
    ("key", lambda rng: rng.choice(("PATH", "HOME", "AWS_SECRET_ACCESS_KEY", "TOKEN", payloads.word(rng).upper()))),
    ("mode", _choice("w", "wb", "a", "exec", "eval", "single", "r", "w+")),
    ("func function fn callback callable hook method factory initializer target cls constructor action wrapped handler",
     callback),
    ("timeout n num count size level depth verbose limit retries index pid fd status signal lineno flag",
    lambda rng: rng.randrange(100)),
    ("encoding", _choice("utf-8", "ascii", None)),
    ("force check strict quiet debug append overwrite recursive ignore_errors shell_ is_ use_ exist_ok dry_run", _flag),
)  # fmt: skip
_WORDS: dict[str, Maker] = {word: maker for words, maker in _BY_WORD for word in words.split()}

_BY_SINK: dict[str, tuple[Maker, ...]] = {
    "exec": (payloads.code, payloads.code, lambda rng: payloads.code(rng, expression=True)),
    "process": (payloads.command, payloads.command, payloads.argv),
    "import": (module_name, module_name, target_name, payloads.path),
    "unpickle": (inner_pickle, payloads.path, _bytes),
    "ctypes": (payloads.path, _choice(None, "libc.so.6", "msvcrt.dll", "kernel32.dll", "libSystem.dylib")),
    "network": (payloads.url, payloads.address, lambda rng: (payloads.address(rng), payloads.port(rng))),
    "write": (payloads.path,),
    "call": (callback,),
    "read": (payloads.path, payloads.path, payloads.url),
}


_EXACT = frozenset(
    [
        "argv",
        "address",
        "code",
        "codestring",
        "path",
        "bytes",
        "url",
        "status",
        "signal",
        "pid",
        "mode",
        "key",
        "hostname",
        "host",
        "file",
        "filepath",
    ]
)
"""Parameters of the sinks themselves whose name says more than the class of the sink."""


def value_for(parameter: str, gadget: Gadget, rng: Draw) -> Any:
    """Return a plausible value of one parameter."""
    name = parameter.strip("*_").lower()
    if name == "mode" and gadget.sink == "process":
        return rng.randrange(3)  # of os.spawnl and its like
    reaching = parameter in gadget.reaches
    if reaching and gadget.depth == 0 and rng.random() < 0.9:
        if name == "file":
            return _file(gadget, rng)
        if name in _EXACT:
            return code_object(rng) if name == "code" else _WORDS[name](rng)
        return rng.choice(_BY_SINK[gadget.sink])(rng)
    if reaching and rng.random() < 0.5:
        return rng.choice(_BY_SINK[gadget.sink])(rng)
    for word in (name, name.rpartition("_")[2], name.partition("_")[0]):
        if word in _WORDS:
            return _WORDS[word](rng)
    if reaching:
        return rng.choice(_BY_SINK[gadget.sink])(rng)
    return rng.choice((None, None, True, False, 0, 1, "", payloads.word(rng), (), [], {}))


def _file(gadget: Gadget, rng: Draw) -> Any:
    """Return what a parameter `file` of a sink takes: a program, an open file, a path."""
    if gadget.sink == "process":
        return rng.choice(payloads.PROGRAMS)
    if gadget.sink == "unpickle":
        return Call(Ref("io", "BytesIO"), (inner_pickle(rng),))
    return payloads.path(rng)


def arguments_for(gadget: Gadget, rng: Draw) -> tuple[Any, ...]:
    """Return positional arguments: up to the last one that matters, sometimes a few more."""
    positional = [p for p in gadget.parameters if not p.startswith("*")]
    collected = [p for p in gadget.parameters if p.startswith("*") and not p.startswith("**")]
    needed = 0
    for i, parameter in enumerate(positional):
        if parameter in gadget.reaches:
            needed = i + 1
    if needed == 0:
        needed = min(len(positional), rng.randrange(3))
    elif gadget.depth == 0 and len(positional) > needed:
        needed = (
            len(positional) if positional[-1] in ("mode", "argv", "args", "env", "globals", "allow_pickle") else needed
        )
    needed = min(len(positional), needed + rng.choice((0, 0, 0, 1, 2)), 8)
    values = [value_for(p, gadget, rng) for p in positional[:needed]]
    hot = [i for i, p in enumerate(positional[:needed]) if p in gadget.reaches]
    if hot and gadget.depth > 0:  # a name may say something else than what the parameter is used for
        values[rng.choice(hot)] = rng.choice(_BY_SINK[gadget.sink])(rng)
    if collected and (not values or collected[0] in gadget.reaches):
        values += [value_for(collected[0], gadget, rng) for _ in range(rng.randrange(1, 3))]
    if gadget.depth == 0 and rng.random() < 0.04:
        return ()  # a proof that it can be reached
    if not values and rng.random() < 0.5:
        values = [rng.choice(_BY_SINK[gadget.sink])(rng)]
    return tuple(values)


def is_class_method(gadget: Gadget) -> bool:
    """Return whether the name is `Class.method`."""
    first, _, rest = gadget.name.partition(".")
    return bool(rest) and first.lstrip("_")[:1].isupper()


def instance_of(gadget: Gadget, rng: Draw) -> Any:
    """Return an instance for a method: made with what reaches the sink, with little, or without a constructor."""
    module, class_name = gadget.module, gadget.name.rpartition(".")[0]
    if gadget.stored and (not gadget.reaches or rng.random() < 0.5):
        made_with = replace(gadget, parameters=gadget.constructor, reaches=gadget.stored)
        return Call(Ref(module, class_name), arguments_for(made_with, rng))
    kind = rng.randrange(6)
    if kind == 0:
        return New(Ref(module, class_name))
    if kind == 1:
        return Call(Ref("builtins", "object.__new__"), (Ref(module, class_name),))
    if kind == 2:
        return Call(Ref(module, class_name), (rng.choice((None, payloads.word(rng), payloads.path(rng), 0)),))
    return Call(Ref(module, class_name), ())
