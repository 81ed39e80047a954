# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Plain data full of text that looks like an attack and is only data."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
import pickle
import re
import string
import zlib
from argparse import Namespace
from collections import Counter, OrderedDict, UserDict, UserString, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from random import Random
from types import SimpleNamespace
from typing import Any

from train.corpus.dumps.items import ANY, Item, family
from train.corpus.dumps.names import Names, define

_MODULES = ("os", "subprocess", "shutil", "runpy", "code", "pdb", "socketserver", "ftplib", "webbrowser", "pickle", "tempfile",
            "ctypes.util", "timeit", "trace", "cProfile", "platform", "getpass", "smtplib", "ast", "dis")  # fmt: skip
LINES = tuple(
    """os.system('ls -la')|subprocess.run(['git', 'status'], check=True)|eval(compile(tree, '<ast>', 'eval'))|
exec(open('setup.py').read())|__import__('os').environ.get('HOME')|import socket; s = socket.socket()|
requests.get('https://api.example.com/v1/users').json()|rm -rf node_modules && npm install|curl -sSL https://example.org/install.sh|
bash -i|nc -l 8080|wget -q https://example.com/data.zip -O /tmp/data.zip|sudo apt-get install -y python3|chmod +x run.sh|
cat /etc/passwd|ssh user@192.168.0.10 'uptime'|python -c "print('hello')"|powershell -Command Get-Process|cmd.exe /c dir|
SELECT name FROM users WHERE id = 1; DROP TABLE tmp|<script>alert(1)</script>|' OR 1=1 --|../../etc/hosts|%s%s%n|{{7*7}}|
cos\\nsystem\\n(S'ls'\\ntR.|c__builtin__\\neval\\n|GET /index.php?page=shell HTTP/1.1|User-Agent: sqlmap/1.0|
pickle.loads(data)|getattr(obj, name)(*args)|lambda: open('/dev/null')|torch.load('model.pt', weights_only=False)|
docker run --rm -it ubuntu bash|kill -9 1234|crontab -l|echo $PATH|import base64; base64.b64decode(x)|nohup python app.py &
""".replace("\n", "").split("|")
)

_OWN = "class $C:\n    def __init__(self, *args, **state):\n        self.__dict__.update(state)\n    def load(self, *args):\n        return args\n"


@family("python", "pickle")
def looks(rng: Random) -> Iterator[Item]:
    """Yield lists, tables and mappings of code, commands, addresses, encodings and pickles."""
    names = Names(rng)
    makers = (
        _source,
        _commands,
        _labelled,
        _encoded,
        _pickled,
        _html,
        _vocabulary,
        _rows,
        _history,
        _opcodes,
        _names_only,
    )
    for _ in range(28):
        for maker in makers:
            yield Item(f"text.{maker.__name__.strip('_')}", partial(carried, names, maker), ANY, is_hard=True)


def carried(n: Names, maker: Callable[[Names], Any]) -> Any:
    """Return the data inside an object, mostly: files without a call have nothing for a net to read."""
    value = maker(n)
    text = value if isinstance(value, str) else repr(value)[:400]
    own = define(n.module(), n.fill(_OWN, C=(name := n.cls())))[name]
    return n.rng.choice((
        lambda: own(**{n.field(): value, n.field(): text}), lambda: own(**{n.field(): value}, name=n.text()),
        lambda: OrderedDict({n.field(): value, n.field(): text}), lambda: defaultdict(list, {n.field(): [value, text]}),
        lambda: SimpleNamespace(**{n.field(): value}), lambda: Namespace(**{n.field(): value, n.field(): text}),
        lambda: deque([value, text], maxlen=10), lambda: UserDict({n.field(): value}), lambda: UserString(text),
        lambda: bytearray(text.encode()), lambda: Counter(text.split()), lambda: string.Template(text),
        lambda: n.rng.choice((ValueError, RuntimeError, SyntaxError))(text), lambda: [own(text=text), own(data=value)],
        lambda: PurePosixPath(text.replace("\0", "")[:80]), lambda: re.compile(re.escape(text[:40])), lambda: value,
        lambda: own.load, lambda: partial(own, text), lambda: {n.field(): partial(own.load, text), n.field(): value},
    ))()  # fmt: skip


def module_source(names: Names) -> str:
    """Return some lines of a module of the standard library."""
    module = __import__(names.rng.choice(_MODULES), fromlist=["_"])
    lines = inspect.getsource(module).splitlines()
    start = names.rng.randrange(max(1, len(lines) - 60))
    return "\n".join(lines[start : start + names.rng.randrange(5, 60)])


def _source(n: Names) -> Any:
    return n.rng.choice(
        (lambda: module_source(n), lambda: {f"{n.field()}.py": module_source(n) for _ in range(3)},
         lambda: [{"code": module_source(n), "label": n.rng.randrange(2), "language": "python"}],
         lambda: [("instruction", n.text()), ("output", module_source(n))])
    )()  # fmt: skip


def _commands(n: Names) -> Any:
    chosen = n.rng.sample(LINES, n.rng.randrange(1, 9))
    return n.rng.choice((chosen, tuple(chosen), chosen[0], {n.field(): line for line in chosen}, set(chosen)))


def _labelled(n: Names) -> Any:
    rows = [(line, n.rng.choice(("sqli", "xss", "rce", "benign", 0, 1))) for line in n.rng.sample(LINES, 6)]
    return n.rng.choice(
        (rows, [{"payload": a, "label": b} for a, b in rows], tuple(zip(*rows, strict=True)), OrderedDict(rows))
    )


def _encoded(n: Names) -> Any:
    data = n.rng.choice((module_source(n).encode(), n.rng.randbytes(80), n.rng.choice(LINES).encode()))
    encode = n.rng.choice((base64.b64encode, base64.b32encode, binascii.hexlify, zlib.compress, base64.b85encode))
    return n.rng.choice((lambda: encode(data), lambda: {n.field(): encode(data), "size": len(data)},
                         lambda: [base64.b64encode(data).decode(), n.text()],
                         lambda: "data:image/png;base64," + base64.b64encode(data).decode()))()  # fmt: skip


def _pickled(n: Names) -> Any:
    value = n.rng.choice((n.state(), [n.text()], n.plain(), Counter("abc"), Random(3)))
    data = pickle.dumps(value, n.rng.randrange(6))
    row = n.rng.choice((lambda: data, lambda: {"key": n.field(), "value": data}, lambda: [(n.field(), data), (n.field(), data)],
                        lambda: {n.field(): base64.b64encode(data)}, lambda: data.hex(),
                        lambda: {"session_data": base64.b64encode(data).decode(), "expires": 10}))  # fmt: skip
    return row()


def _html(n: Names) -> Any:
    page = f"<html><head><title>{n.text()}</title><script src='/{n.field()}.js'></script></head><body onload='{n.field()}()'></body></html>"
    return n.rng.choice(
        (
            page,
            [page],
            {"url": f"https://example.com/{n.field()}", "status": 200, "body": page.encode()},
            {"url": n.text(), "links": [f"http://example.org/{n.field()}" for _ in range(5)]},
        )
    )


def _vocabulary(n: Names) -> Any:
    words = [
        "exec",
        "eval",
        "os",
        "system",
        "open",
        "<s>",
        "</s>",
        "Ġimport",
        "##eval",
        n.field(),
        n.text(),
    ]
    n.rng.shuffle(words)
    ids = {word: i for i, word in enumerate(words)}
    return n.rng.choice((ids, {"word2idx": ids, "idx2word": dict(enumerate(words))}, defaultdict(int, ids), Counter(words),
                         {"vocab": ids, "merges": [("o", "s"), ("ex", "ec")], "pattern": r"'s|'t| ?\w+"}))  # fmt: skip


def _rows(n: Names) -> Any:
    columns = [n.field() for _ in range(4)]
    return [dict(zip(columns, (n.value() for _ in columns), strict=True)) for _ in range(n.rng.randrange(2, 30))]


def _history(n: Names) -> Any:
    return {
        "In": ["", "import os", "import pickle", *n.rng.sample(LINES, 3)],
        "Out": {2: n.text()},
        "cwd": "/home/user",
    }


def _opcodes(n: Names) -> Any:
    return n.rng.choice(([b"cos\nsystem\n", b"\x80\x04\x95", n.rng.randbytes(6)], {"magic": b"\x80\x02", "stop": b"."},
                         "c__builtin__\ngetattr\n(", {"signatures": ["nt.system", "posix.system", "builtins.eval"]},
                         [f"{m}.{n.field()}" for m in _MODULES], json.dumps({"unsafe": list(_MODULES), "n": n.field()})))  # fmt: skip


def _names_only(n: Names) -> Any:
    pairs = [("os", "system"), ("builtins", "exec"), ("subprocess", "Popen"), (n.field(), n.function())]
    return n.rng.choice((pairs, dict(pairs), {"blocked": pairs, "allowed": [n.module()]}, [".".join(p) for p in pairs]))
