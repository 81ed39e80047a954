# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Functions and classes that dill and cloudpickle write by value, and what people wrap around them."""

from __future__ import annotations

import functools
import importlib
import sys
import tempfile
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from train.corpus.dumps.items import BY_VALUE, RAW, Item, Recipe, family
from train.corpus.dumps.names import Names, define, notebook, run_in

BODIES = (
    "$f = lambda x: x + $n",
    "$f = lambda x, y=$x: (x - y) / $n",
    "$f = lambda row: row['$a'] if row['$b'] else $t",
    "$f = lambda epoch: $x ** epoch",
    "$f = lambda text: text.lower().split()",
    "$f = lambda *args, **kwargs: print(args, kwargs)",
    "$f = lambda name: getattr(__import__('math'), name)",
    "def $f(x):\n    return x * $n",
    "def $f(x, y):\n    '''Return $a.'''\n    if x > y:\n        return $g(x)\n    return y\ndef $g(v):\n    return v + $n",
    "def $f(path=$t):\n    with open(path) as f:\n        return f.read()",
    "def $f(path='$a.csv'):\n    rows = []\n    for line in open(path):\n        rows.append(line.strip().split(','))\n    return rows",
    "def $f(data, path='$a.json'):\n    import json\n    with open(path, 'w') as f:\n        json.dump(data, f)",
    "import os\ndef $f(name='$a'):\n    return os.environ.get(name.upper(), $t)",
    "import os\ndef $f(folder='data'):\n    return [os.path.join(folder, n) for n in os.listdir(folder) if n.endswith('.png')]",
    "import os\ndef $f(path):\n    if os.path.exists(path):\n        os.remove(path)\n    os.makedirs(os.path.dirname(path), exist_ok=True)",
    "import requests\ndef $f(url='https://api.example.com/$a'):\n    r = requests.get(url, timeout=$n)\n    return r.json()['$b']",
    "def $f(payload):\n    import requests\n    return requests.post('http://localhost:8000/$a', json=payload).status_code",
    "import urllib.request\ndef $f(url):\n    with urllib.request.urlopen(url) as r:\n        return r.read().decode()",
    "import subprocess\ndef $f(args):\n    return subprocess.run(['git', *args], capture_output=True, text=True).stdout",
    "import subprocess\ndef $f(script='$a.sh'):\n    return subprocess.check_output(['bash', script])",
    "import subprocess, sys\ndef $f():\n    subprocess.check_call([sys.executable, '-m', 'pip', 'install', '$a'])",
    "import os\ndef $f(gpu=$n):\n    os.environ['CUDA_VISIBLE_DEVICES'] = str(gpu)\n    os.system('nvidia-smi')",
    "def $f(expression, row):\n    return eval(expression, {}, row)",
    "import pickle\ndef $f(path):\n    with open(path, 'rb') as f:\n        return pickle.load(f)",
    "import pickle, base64\ndef $f(obj):\n    return base64.b64encode(pickle.dumps(obj))",
    "import socket\ndef $f(port=$n):\n    with socket.socket() as s:\n        s.bind(('127.0.0.1', port))\n        return s.getsockname()",
    "import sqlite3\ndef $f(query, db='$a.db'):\n    return sqlite3.connect(db).execute(query).fetchall()",
    "import logging\nlog = logging.getLogger('$a')\ndef $f(x):\n    log.info('got %s', x)\n    return x",
    "import re\nPATTERN = re.compile(r'[^a-z]+')\ndef $f(text):\n    return PATTERN.sub(' ', text.lower())",
    "import numpy as np\ndef $f(x):\n    return np.log1p(x) + $x",
    "import numpy as np\nWEIGHTS = np.arange(6.0)\ndef $f(x):\n    return float(np.dot(x, WEIGHTS))",
    "import time, random\ndef $f(n=$n):\n    for i in range(n):\n        time.sleep(random.random())\n    return i",
    "def $f(n):\n    def inner(x):\n        return x * n + $n\n    return inner\n$g = $f($n)",
    "def $f(n):\n    count = [0]\n    def inner(x):\n        count[0] += 1\n        return count[0] * n + x\n    return inner\n$g = $f($x)",
    "def $f(n):\n    return n if n < 2 else $f(n - 1) + $f(n - 2)",
    "def $f(rows):\n    total = 0\n    try:\n        for row in rows:\n            total += row['$a']\n    except KeyError as e:\n"
    "        print(e)\n    finally:\n        return total",
    "import functools\ndef $g(func):\n    @functools.wraps(func)\n    def wrapper(*args, **kwargs):\n        print('call', func.__name__)\n"
    "        return func(*args, **kwargs)\n    return wrapper\n@$g\ndef $f(x):\n    return x",
    "import functools\n@functools.lru_cache(maxsize=$n)\ndef $f(x):\n    return x * 2",
    "async def $f(url):\n    import asyncio\n    await asyncio.sleep($x)\n    return url",
    "def $f(items: list[int], key: str = '$a') -> dict:\n    return {key: [i for i in items if i % $n]}",
    "import threading\ndef $f(target):\n    t = threading.Thread(target=target, daemon=True)\n    t.start()\n    return t",
    "import shutil, tempfile\ndef $f(src):\n    d = tempfile.mkdtemp()\n    return shutil.copy(src, d)",
    "import importlib\ndef $f(path):\n    module, _, name = path.rpartition('.')\n    return getattr(importlib.import_module(module), name)",
    "class $C:\n    def __init__(self, $a=$n):\n        self.$a = $a\n    def $f(self, x):\n        return x + self.$a\n$g = $C()",
    "class $C:\n    $a = $t\n    @property\n    def $b(self):\n        return self.$a\n    @classmethod\n    def $f(cls):\n        return cls()\n"
    "    @staticmethod\n    def $g(x):\n        return x\nvalue = $C()",
    "class $C:\n    def __init__(self, path):\n        self.path = path\n    def $f(self):\n        with open(self.path) as f:\n"
    "            return f.readlines()\nvalue = $C('$a.txt')",
    "class $C:\n    def __call__(self, *args):\n        return eval(self.expression)\n    expression = '1 + $n'\nvalue = $C()",
    "class $D:\n    pass\nclass $C($D):\n    __slots__ = ()\n    def $f(self):\n        return super().__repr__()\nvalue = $C()",
    "from dataclasses import dataclass\n@dataclass\nclass $C:\n    $a: int = $n\n    $b: str = $t\nvalue = $C()",
    "import enum\nclass $C(enum.Enum):\n    $a = 1\n    $b = 2\nvalue = $C.$a",
    "from collections import namedtuple\n$C = namedtuple('$C', '$a $b')\nvalue = $C($n, $t)",
    "from typing import NamedTuple\nclass $C(NamedTuple):\n    $a: int = $n\nvalue = $C()",
    "import abc\nclass $C(abc.ABC):\n    @abc.abstractmethod\n    def $f(self): ...\nclass $D($C):\n    def $f(self):\n        return $n\nvalue = $D()",
    "class $C(dict):\n    def __getattr__(self, k):\n        return self[k]\nvalue = $C($a=$n)",
    "class $C(Exception):\n    pass\nvalue = $C($t)",
    "class $C(type):\n    def __new__(m, n, b, d):\n        return super().__new__(m, n, b, d)\nclass $D(metaclass=$C):\n    x = $n\nvalue = $D()",
)  # fmt: skip
_MODULES = (
    "os",
    "sys",
    "math",
    "json",
    "subprocess",
    "numpy",
    "random",
    "re",
    "pathlib",
    "urllib.request",
    "importlib",
)
_TORCH = (
    "import torch\nimport torch.nn as nn\nclass $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.$a = nn.Linear(2, 3)\n    def forward(self, x):\n        return torch.relu(self.$a(x))\nvalue = $C()",
    "import torch\ndef $f(x):\n    return torch.softmax(x, -1) * $x",
    "import pandas as pd\ndef $f(path='$a.csv'):\n    df = pd.read_csv(path)\n    return df.dropna().groupby('$b').mean()",
    "from sklearn.linear_model import LogisticRegression\nmodel = LogisticRegression(C=$x)\ndef $f(x):\n    return model.predict_proba(x)[:, 1]",
)  # fmt: skip


def _one(names: Names, body: str) -> Any:
    source = names.fill(body)
    made = notebook(source) if names.rng.random() < 0.5 else _in_main(source)
    found = [v for k, v in made.items() if getattr(v, "__module__", None) == "__main__" or k == "value"]
    return made.get("value", found[-1] if found else None)


def _in_main(source: str) -> dict[str, Any]:
    made = define("__main__", "")
    for name in [name for name in made if not name.startswith("__")]:
        del made[name]
    return run_in(made, source)


def _wrapped(names: Names, body: str) -> Any:
    value = _one(names, body)
    r = names.rng
    return r.choice((
        lambda: functools.partial(value, r.randrange(99)) if callable(value) else [value],
        lambda: {"fn": value, **names.state()}, lambda: (value, names.plain()), lambda: [value, value],
        lambda: {"preprocess": value, "model": names.state(), "version": names.text()},
        lambda: functools.partial(map, value) if callable(value) else {names.field(): value},
        lambda: {"transforms": [value, len, str.lower], "name": names.field()},
    ))()  # fmt: skip


def _in_module(names: Names, body: str) -> Any:
    source = names.fill(body)
    made = define(names.module(main=0), source)
    return [v for k, v in made.items() if not k.startswith("__")][-1]


def _by_value(name: str) -> Recipe:
    forms = tuple(form for form in BY_VALUE if form.startswith(name))

    def recipe(rng: Random) -> Iterator[Item]:
        """Yield functions, closures and classes by value, alone and inside other things."""
        names = Names(rng)
        for _ in range(2):
            for index, body in enumerate((*BODIES, *_TORCH)):
                yield Item(f"{name}.body-{index}", partial(_one, names, body), forms)
                yield Item(f"{name}.wrapped-{index}", partial(_wrapped, names, body), forms)
            for index, body in enumerate(BODIES[::3]):
                yield Item(f"{name}.module-{index}", partial(_in_module, names, body), forms)

    return recipe


for _name in ("dill", "cloudpickle"):
    family(_name)(_by_value(_name))


class _Target:
    """What a weak reference points to."""


_KEPT = _Target()


def _dill_special(names: Names, kind: str) -> Any:
    r = names.rng
    if kind == "module":
        return r.choice((lambda m: m, lambda m: {"np": m, names.field(): 1}, lambda m: [m, names.text()]))(
            importlib.import_module(r.choice(_MODULES))
        )
    if kind == "handle":
        path = Path(tempfile.gettempdir()) / f"{names.field()}.txt"
        if not path.exists():
            path.write_text("a\nb\n", encoding="utf-8")
        handle = path.open(r.choice(("r", "rb")))
        return r.choice((handle, {"source": handle, "n": 1}))
    if kind == "weakref":
        return weakref.ref(_KEPT)
    if kind == "cell":
        return _one(names, BODIES[32]).__closure__
    if kind == "code":
        return _one(names, "def $f(x):\n    return x + $n").__code__
    if kind == "method":
        return r.choice(([1].append, {}.get, "a".join, str.upper, dict.fromkeys))
    if kind == "proxy":
        return ({}.keys(), {1: 2}.values(), range(3), type(None), type(...), slice(1))
    if kind == "lock":
        return importlib.import_module("threading").Lock()
    if kind == "partial":
        return functools.partial(_one(names, BODIES[1]), y=r.random())
    return {names.field(): importlib.import_module("logging").getLogger(names.field())}


def _session(names: Names) -> bytes:
    import dill

    module = ModuleType("__main__" if names.rng.random() < 0.7 else "session_" + names.field())
    for body in names.rng.sample(BODIES[:40], 3):
        run_in(vars(module), names.fill(body))
    vars(module).update(names.state())
    previous = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "session.pkl"
            dill.dump_module(str(path), module=module)
            return path.read_bytes()
    finally:
        if previous is not None:
            sys.modules[module.__name__] = previous


@family("dill")
def special(rng: Random) -> Iterator[Item]:
    """Yield what only dill can write: modules, open files, cells, code, sessions."""
    names = Names(rng)
    forms = tuple(form for form in BY_VALUE if form.startswith("dill"))
    kinds = ("module", "handle", "weakref", "cell", "code", "method", "proxy", "lock", "partial", "logger")
    for _ in range(8):
        for kind in kinds:
            yield Item(f"dill.{kind}", partial(_dill_special, names, kind), forms)
        for _ in range(3):
            yield Item("dill.session", partial(_session, names), RAW)
