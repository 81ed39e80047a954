# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Objects of people's own classes and functions, in modules with the names that people give them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, MODERN, Item, family
from train.corpus.dumps.names import Names, define

CLASSES = {
    "plain": "class $C:\n    def __init__(self, **state):\n        self.__dict__.update(state)\n"
    "    def $f(self, x):\n        return x\n",
    "slots": "class $C:\n    __slots__ = ('$a', '$b')\n    def __init__(self, **state):\n"
    "        self.$a, self.$b = list(state.items())[0]\n",
    "dataclass": "from dataclasses import dataclass, field\n@dataclass\nclass $C:\n    $a: int = $n\n    $b: str = $t\n"
    "    options: dict = field(default_factory=dict)\nmake = lambda **state: $C(options=state)\n",
    "dataclass-slots": "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass $C:\n"
    "    $a: int = $n\n    $b: str = $t\nmake = lambda **state: $C($b=repr(state))\n",
    "namedtuple": "from collections import namedtuple\n$C = namedtuple('$C', ['$a', '$b'])\n$C.__module__ = __name__\n"
    "make = lambda **state: [$C(k, v) for k, v in state.items()]\n",
    "typed-namedtuple": "from typing import NamedTuple\nclass $C(NamedTuple):\n    $a: int\n    $b: object\n"
    "make = lambda **state: $C($n, state)\n",
    "enum": "import enum\nclass $C(enum.Enum):\n    $a = $n\n    $b = $t\n    other = 'exec'\n"
    "make = lambda **state: {'mode': $C.$a, 'all': [$C.$b, $C.other], **state}\n",
    "flag": "import enum\nclass $C(enum.IntFlag):\n    $a = 1\n    $b = 2\nmake = lambda **state: [$C.$a | $C.$b, $C.$a]\n",
    "str-enum": "import enum\nclass $C(str, enum.Enum):\n    $a = 'eval'\n    $b = $t\nmake = lambda **state: ($C.$b, state)\n",
    "dict": "class $C(dict):\n    pass\nmake = lambda **state: $C(state)\n",
    "attr-dict": "class $C(dict):\n    __getattr__ = dict.get\n    __setattr__ = dict.__setitem__\n"
    "    def __getstate__(self): return dict(self)\n    def __setstate__(self, s): self.update(s)\n"
    "make = lambda **state: $C(state)\n",
    "list": "class $C(list):\n    def $f(self):\n        return len(self)\n"
    "def make(**state):\n    made = $C(state.values())\n    made.$a = $t\n    return made\n",
    "exception": "class $C(Exception):\n    def __init__(self, message, code=$n):\n        super().__init__(message, code)\n"
    "        self.code = code\nmake = lambda **state: $C($t)\n",
    "getstate": "class $C:\n    def __init__(self, **s):\n        self.__dict__.update(s)\n        self.logger = print\n"
    "    def __getstate__(self):\n        return {k: v for k, v in self.__dict__.items() if k != 'logger'}\n"
    "    def __setstate__(self, s):\n        self.__dict__.update(s)\n",
    "getnewargs": "class $C:\n    def __new__(cls, a, b):\n        self = super().__new__(cls)\n        self.$a, self.$b = a, b\n"
    "        return self\n    def __getnewargs__(self):\n        return (self.$a, self.$b)\nmake = lambda **s: $C($t, s)\n",
    "getnewargs-ex": "class $C:\n    def __new__(cls, *, $a=None):\n        self = super().__new__(cls)\n        self.$a = $a\n"
    "        return self\n    def __getnewargs_ex__(self):\n        return (), {'$a': self.$a}\nmake = lambda **s: $C($a=s)\n",
    "reduce-function": "def $f(path, mode='r'):\n    return $C(path, mode)\nclass $C:\n    def __init__(self, path, mode):\n"
    "        self.path, self.mode = path, mode\n    def __reduce__(self):\n        return $f, (self.path, self.mode)\n"
    "make = lambda **s: {'source': $C('data/$a.csv', 'rb'), **s}\n",
    "reduce-class": "class $C:\n    def __init__(self, command, options=None):\n"
    "        self.command, self.options = command, options\n"
    "    def __reduce__(self):\n        return $C, (self.command, self.options)\nmake = lambda **s: $C($t, s)\n",
    "reduce-state": "def _new_$a(cls):\n    return cls.__new__(cls)\nclass $C:\n    def __init__(self, **s):\n"
    "        self.__dict__.update(s)\n    def __reduce__(self):\n        return _new_$a, ($C,), self.__dict__\n",
    "reduce-string": "class $C:\n    def __reduce__(self):\n        return '$g'\n$g = $C()\nmake = lambda **s: [$g, s]\n",
    "reduce-restore": "def restore_$a(name, values):\n    return $C(name, values)\nclass $C:\n    def __init__(self, name, values):\n"
    "        self.name, self.values = name, values\n    def __reduce_ex__(self, protocol):\n"
    "        return restore_$a, (self.name, self.values)\nmake = lambda **s: [$C('$a', [1, 2]), $C('$b', s)]\n",
    "copyreg": "import copyreg\nclass $C:\n    def __init__(self, v):\n        self.v = v\ndef load_$a(v):\n    return $C(v)\n"
    "copyreg.pickle($C, lambda c: (load_$a, (c.v,)))\nmake = lambda **s: [$C(v) for v in s.values()]\n",
    "singleton": "class $C:\n    instance = None\n    def __new__(cls):\n        cls.instance = cls.instance or super().__new__(cls)\n"
    "        return cls.instance\ndef make(**s):\n    made = $C()\n    made.__dict__.update(s)\n    return made\n",
    "nested": "class $C:\n    class Options:\n        def __init__(self, s):\n            self.__dict__.update(s)\n"
    "    def __init__(self, **s):\n        self.options = self.Options(s)\n",
    "bound-method": "class $C:\n    def __init__(self, **s):\n        self.__dict__.update(s)\n    def $f(self, x):\n        return x\n"
    "make = lambda **s: {'callback': $C(**s).$f, 'name': '$f'}\n",
    "class-method": "class $C:\n    @classmethod\n    def $f(cls, x):\n        return cls()\n    @staticmethod\n    def $g(x):\n"
    "        return x\nmake = lambda **s: [$C.$f, $C.$g, $C]\n",
    "function": "def $f(x, verbose=True):\n    return x\ndef $g(*args):\n    return args\nclass $C: pass\n"
    "make = lambda **s: {'$a': $f, '$b': $g, **s}\n",
    "partial": "import functools\ndef $f(x, path, n=$n):\n    return x\nclass $C: pass\n"
    "make = lambda **s: functools.partial($f, path='data/$a.csv', n=$n)\n",
    "partial-class": "import functools\nclass $C:\n    def __init__(self, $a=None, $b=None):\n        self.$a = $a\n"
    "make = lambda **s: {'factory': functools.partial($C, $a=$t, $b=s), 'n': $n}\n",
    "partial-getter": "import functools, operator\ndef $f(rows, key):\n    return sorted(rows, key=key)\nclass $C: pass\n"
    "make = lambda **s: functools.partial($f, key=operator.itemgetter('$a'))\n",
    "partial-method": "import functools\nclass $C:\n    def __init__(self, **s):\n        self.__dict__.update(s)\n"
    "    def $f(self, a, b):\n        return a\nmake = lambda **s: functools.partial($C(**s).$f, $t)\n",
    "default-factory": "import collections\nclass $C:\n    def __init__(self, **s):\n        self.__dict__.update(s)\n"
    "def $f():\n    return $n\nmake = lambda **s: [collections.defaultdict($f, s), collections.defaultdict($C, a=$C(**s))]\n",
    "wrapped": "import functools\ndef timed(f):\n    @functools.wraps(f)\n    def inner(*args):\n        return f(*args)\n    return inner\n"
    "@timed\ndef $f(x):\n    return x\nclass $C: pass\nmake = lambda **s: {'step': $f, **s}\n",
    "two": "class $D:\n    def __init__(self, **s):\n        self.__dict__.update(s)\nclass $C($D):\n    def __init__(self, **s):\n"
    "        self.child = $D(**s)\n        self.steps = [$D($a=$n), $D($b=$t)]\n",
    "tree": "class $C:\n    def __init__(self, value, left=None, right=None, **s):\n"
    "        self.value, self.left, self.right = value, left, right\n"
    "make = lambda **s: $C(s, $C($n, $C(1)), $C($t))\n",
    "graph": "class $C:\n    def __init__(self, name, **s):\n        self.name, self.edges, self.state = name, [], s\n"
    "def make(**s):\n    a, b = $C('$a', **s), $C('$b')\n    a.edges.append(b)\n    b.edges.append(a)\n    return a\n",
    "old-reconstructor": "class $C(object):\n    def __init__(self, **s):\n        self.__dict__.update(s)\n",
    "tokenizer": "import re\nclass $C:\n    def __init__(self, **s):\n        self.vocab = {'[PAD]': 0, '$a': 1, '##ing': 2, 'exec': 3}\n"
    "        self.pattern = re.compile(r\"'s|'t| ?[a-z]+|\\s+\")\n        self.unk_token = '[UNK]'\n        self.options = s\n",
    "metaclass-abc": "import abc\nclass $D(abc.ABC):\n    @abc.abstractmethod\n    def $f(self): ...\nclass $C($D):\n"
    "    def __init__(self, **s):\n        self.__dict__.update(s)\n    def $f(self): return 1\n",
    "generic": "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass $C(Generic[T]):\n    def __init__(self, **s):\n"
    "        self.items = [s]\nmake = lambda **s: $C[int](**s)\n",
    "typing": "from typing import Optional, List, Dict, Callable\nclass $C: pass\n"
    "make = lambda **s: {'a': Optional[int], 'b': Dict[str, List[$C]], 'c': list[int]}\n",
}  # fmt: skip


@family("python", "pickle")
def classes(rng: Random) -> Iterator[Item]:
    """Yield objects of each kind of class, under many names."""
    names = Names(rng)
    for number in range(12):
        for kind, source in CLASSES.items():
            forms = ANY if number % 3 == 0 else MODERN
            if kind == "old-reconstructor":
                forms = ("pickle0", "pickle1", "pickle2")
            yield Item(f"class.{kind}", partial(_instance, names, source), forms)


@family("python", "pickle")
def mixed(rng: Random) -> Iterator[Item]:
    """Yield records that hold objects of several classes."""
    names = Names(rng)
    for _ in range(130):
        yield Item("class.mixed", partial(_mixed, names), ANY)


def _instance(names: Names, source: str) -> Any:
    name = names.cls()
    made = define(names.module(), names.fill(source, C=name))
    return made.pop("make", made[name])(**names.state())


def _mixed(names: Names) -> Any:
    objects = [_instance(names, source) for source in names.rng.choices(list(CLASSES.values()), k=3)]
    return names.rng.choice(({names.field(): value for value in objects}, objects, (names.text(), *objects)))
