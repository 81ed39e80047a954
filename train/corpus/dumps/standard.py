# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Values of the standard library: what plain Python programs keep in pickles."""

from __future__ import annotations

import argparse
import array
import ast
import builtins
import collections
import configparser
import csv
import datetime as dt
import decimal
import email.message
import email.policy
import enum
import fractions
import functools
import http.cookiejar
import inspect
import io
import ipaddress
import logging
import math
import operator
import os
import pathlib
import re
import signal
import socket
import statistics
import string
import textwrap
import time
import types
import urllib.parse
import uuid
import zoneinfo
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any
from xml.etree import ElementTree

from train.corpus.dumps.items import Item, family
from train.corpus.dumps.names import Names

_BUILTINS = (
    len,
    print,
    sum,
    min,
    max,
    sorted,
    abs,
    repr,
    id,
    hash,
    callable,
    iter,
    next,
    all,
    any,
    isinstance,
    ord,
    chr,
)
_TYPES = (
    int,
    float,
    str,
    bytes,
    list,
    dict,
    tuple,
    set,
    frozenset,
    bool,
    complex,
    object,
    type,
    range,
    slice,
    bytearray,
)
_EXCEPTIONS = tuple(v for v in vars(builtins).values() if isinstance(v, type) and issubclass(v, Exception))
_OPERATORS = (
    operator.add, operator.mul, operator.sub, operator.truediv, operator.eq, operator.lt, operator.and_, operator.or_,
    operator.neg, operator.getitem, operator.contains, operator.matmul, operator.concat, operator.pow, operator.mod,
)  # fmt: skip
_FUNCTIONS = (
    math.sqrt, math.log, math.exp, math.floor, statistics.mean, statistics.median, os.path.join, os.path.exists,
    os.path.basename, re.sub, re.compile, str.lower, str.split, str.strip, dict.get, list.append, functools.reduce,
    time.time, inspect.cleandoc, urllib.parse.quote, urllib.parse.urlparse, string.capwords, dt.datetime.now,
    dt.datetime.fromisoformat, int.from_bytes, dict.fromkeys, bytes.fromhex, str.maketrans, uuid.uuid4,
)  # fmt: skip
_PATTERNS = (
    r"(?u)\b\w\w+\b", r"[^a-z0-9]+", r"https?://\S+", r"<[^>]+>", r"^\s*#", r"(\d{4})-(\d\d)-(\d\d)",
    r"[\w.+-]+@[\w-]+\.[\w.]+", r"(?:exec|eval|system)\(", r"'s|'t|'re|'ve|'m|'ll|'d| ?\w+| ?\d+|\s+",
    r"__import__\s*\(", r"\b(import|from)\s+(\w+)", r"[!\"#$%&'()*+,\-./:;<=>?@\[\]^_`{|}~]",
)  # fmt: skip
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")


@family("python", "pickle")
def values(rng: Random) -> Iterator[Item]:
    """Yield single values, and small records of several."""
    makers = _makers(rng, Names(rng))
    for _ in range(4):
        for name, make in makers.items():
            yield Item(f"standard.{name}", make)
    for number in range(120):
        chosen = rng.sample(sorted(makers), rng.randrange(2, 6))
        yield Item(f"standard.record-{number % 10}", partial(_record, makers, chosen, Names(rng)))


def _record(makers: dict[str, Callable[[], Any]], chosen: list[str], names: Names) -> Any:
    values = [makers[name]() for name in chosen]
    return names.rng.choice(
        (lambda: {names.field(): v for v in values}, lambda: values, lambda: [(names.field(), v) for v in values],
         lambda: collections.OrderedDict((names.field(), v) for v in values), lambda: {"data": values, **names.state()})
    )()  # fmt: skip


def _makers(r: Random, n: Names) -> dict[str, Callable[[], Any]]:
    return {
        **_time_makers(r),
        **_callable_makers(r, n),
        **_container_makers(r, n),
        **_module_makers(r, n),
        **_number_makers(r, n),
    }


def _moment(r: Random) -> dt.datetime:
    return dt.datetime(
        r.randrange(1990, 2026), r.randrange(1, 13), r.randrange(1, 28), r.randrange(24), r.randrange(60)
    )


def _time_makers(r: Random) -> dict[str, Callable[[], Any]]:
    return {
        "datetime": lambda: _moment(r),
        "datetime-zone": lambda: _moment(r).replace(tzinfo=zoneinfo.ZoneInfo(r.choice(_ZONES))),
        "datetime-utc": lambda: _moment(r).replace(tzinfo=dt.timezone.utc),  # noqa: UP017  (what programs write)
        "timezone": lambda: dt.timezone(dt.timedelta(hours=r.randrange(-11, 12))),
        "date-time-delta": lambda: (
            _moment(r).date(),
            _moment(r).time(),
            dt.timedelta(r.randrange(99), r.randrange(9)),
        ),
        "struct_time": lambda: time.gmtime(r.randrange(10**9)),
        "random": lambda: Random(r.randrange(99)),
    }


def _callable_makers(r: Random, n: Names) -> dict[str, Callable[[], Any]]:
    return {
        "builtin": lambda: {b.__name__: b for b in r.sample(_BUILTINS, r.randrange(1, 5))},
        "open-by-name": lambda: {"open": open, "print": print, n.field(): r.choice(_BUILTINS)},
        "open-and-getattr": lambda: [r.choice((getattr, setattr, hasattr, open, input, vars)), r.choice(_TYPES)],
        "types": lambda: {n.field(): t for t in r.sample(_TYPES, r.randrange(1, 6))},
        "functions": lambda: {f.__name__: f for f in r.sample(_FUNCTIONS, r.randrange(1, 4))},
        "function": lambda: r.choice(_FUNCTIONS),
        "operators": lambda: {f.__name__: f for f in r.sample(_OPERATORS, r.randrange(1, 5))},
        "exception-types": lambda: tuple(r.sample(_EXCEPTIONS, 3)),
        "partial": lambda: r.choice((
            partial(int, base=r.choice((2, 8, 16))), partial(operator.add, r.randrange(99)), partial(print, n.text()),
            partial(sorted, key=operator.itemgetter(r.randrange(4))), partial(open, encoding="utf-8"),
            partial(str.split, sep=r.choice(",;|")), partial(max, default=0), partial(os.path.join, f"/data/{n.field()}"),
            partial(re.sub, r.choice(_PATTERNS), ""), partial(round, ndigits=2), partial(getattr, n.state(), n.field()),
            partial(collections.defaultdict, list), partial(isinstance, n.text()), partial(functools.reduce, operator.mul),
            partial(dict, **n.state()), partial(json_dumps, indent=2),
        )),
        "itemgetter": lambda: operator.itemgetter(*r.sample((0, 1, 2, n.field(), "id", -1), r.randrange(1, 3))),
        "attrgetter": lambda: operator.attrgetter(*(n.field() for _ in range(r.randrange(1, 3)))),
        "attrgetter-dotted": lambda: {"key": operator.attrgetter(f"{n.field()}.{n.field()}"), "reverse": True},
        "methodcaller": lambda: r.choice((
            operator.methodcaller("split", ","), operator.methodcaller("lower"), operator.methodcaller("read"),
            operator.methodcaller(n.field()), operator.methodcaller("get", n.field(), None),
            operator.methodcaller("strip"), operator.methodcaller("close"), operator.methodcaller("encode", "utf-8"),
            operator.methodcaller("execute", timeout=r.randrange(60)), operator.methodcaller("run"),
        )),
        "bound": lambda: r.choice((
            n.text().upper, [3, 1].append, {n.field(): 1}.get, {1, 2}.add, _moment(r).isoformat, b"abc".decode,
            ",".join, "{} {}".format, Random(1).choice, Random(2).shuffle, collections.Counter("abc").most_common,
            re.compile(r.choice(_PATTERNS)).sub, re.compile(r.choice(_PATTERNS)).findall, collections.deque([1]).popleft,
            logging.getLogger(n.field()).info, string.Template("$a").substitute, decimal.Decimal("1.5").quantize,
        )),
        "classmethod": lambda: r.choice((
            dict.fromkeys, int.from_bytes, bytes.fromhex, float.fromhex, dt.datetime.strptime, dt.date.today,
            dt.datetime.fromtimestamp, pathlib.Path.home, pathlib.Path.cwd, collections.OrderedDict.fromkeys,
        )),
        "unbound": lambda: r.choice((str.lower, list.sort, dict.items, set.union, pathlib.Path.exists, object.__init__)),
        "types-module": lambda: {"key": functools.cmp_to_key, "holder": types.SimpleNamespace(f=r.choice(_BUILTINS))},
    }  # fmt: skip


def _container_makers(r: Random, n: Names) -> dict[str, Callable[[], Any]]:
    c = collections

    def grouped(factory: Any, *values: Any) -> Any:
        made = c.defaultdict(factory)
        for value in values:
            made[n.field()] = value
        return made

    return {
        "defaultdict": lambda: grouped(r.choice((list, int, set, dict, float, str)), n.plain(1)),
        "defaultdict-partial": lambda: grouped(partial(c.defaultdict, r.choice((int, list))), c.defaultdict(int, a=1)),
        "defaultdict-nested": lambda: grouped(c.Counter, c.Counter(n.text()), c.Counter(n.text())),
        "defaultdict-bound": lambda: grouped(r.choice((c.OrderedDict, c.deque, "".join, [].copy, {}.copy)), n.plain(1)),
        "counter": lambda: c.Counter([*n.text().split(), n.field(), n.field()]),
        "deque": lambda: c.deque((n.plain(1) for _ in range(3)), maxlen=r.choice((None, 10, 1000))),
        "ordered": lambda: c.OrderedDict(n.state()),
        "ordered-nested": lambda: c.OrderedDict({n.field(): c.OrderedDict(n.state())}),
        "chainmap": lambda: c.ChainMap(n.state(), n.state()),
        "userdict": lambda: c.UserDict(n.state()),
        "userlist": lambda: (c.UserList([n.value()]), c.UserString(n.text())),
        "namespace": lambda: types.SimpleNamespace(**n.state()),
        "mapping-values": lambda: list(n.state().items()),
        "set": lambda: (frozenset({n.field(), n.field()}), {n.field()}),
        "plain": lambda: n.plain(3),
        "state": lambda: [n.state() for _ in range(r.randrange(1, 8))],
        "recursive": lambda: _recursive(n),
    }


def _recursive(n: Names) -> Any:
    parent: dict[str, Any] = {"name": n.field(), "children": []}
    parent["children"].append({"name": n.field(), "parent": parent})
    return parent


def _module_makers(r: Random, n: Names) -> dict[str, Callable[[], Any]]:
    return {
        "argparse": lambda: argparse.Namespace(**n.state()),
        "argparse-func": lambda: argparse.Namespace(**{"func": r.choice(_FUNCTIONS), "command": n.text(), **n.state()}),
        "configparser": lambda: _config(n),
        "template": lambda: string.Template(f"Hello $name, {n.text()}"),
        "formatter": lambda: logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"),
        "logger": lambda: logging.getLogger(f"{n.field()}.{n.field()}"),
        "root-logger": lambda: {"logger": logging.getLogger(), "level": logging.INFO},
        "log-record": lambda: logging.LogRecord(n.field(), 20, f"{n.field()}.py", 10, n.text(), (), None),
        "regex": lambda: re.compile(r.choice(_PATTERNS), r.choice((0, re.I, re.M | re.S))),
        "regexes": lambda: {n.field(): re.compile(p) for p in r.sample(_PATTERNS, 3)},
        "path": lambda: r.choice((pathlib.Path, pathlib.PurePosixPath, pathlib.PureWindowsPath))("data", n.field(), "x.csv"),
        "paths": lambda: [pathlib.Path(f"/home/user/{n.field()}/{i}.png") for i in range(r.randrange(1, 6))],
        "uuid": lambda: uuid.UUID(int=r.getrandbits(128)),
        "ip": lambda: ipaddress.ip_address(r.choice(("10.0.0.1", "127.0.0.1", "::1", "192.168.1.7"))),
        "network": lambda: ipaddress.ip_network(f"10.{r.randrange(200)}.0.0/16"),
        "exception": lambda: r.choice((ValueError, KeyError, RuntimeError, TypeError, IOError))(n.text(), n.value()),
        "os-error": lambda: r.choice((FileNotFoundError, PermissionError, ConnectionRefusedError))(2, n.text(), "/tmp/x"),
        "unicode-error": lambda: UnicodeDecodeError("utf-8", b"\xff\xfe", 0, 1, "invalid start byte"),
        "stop": lambda: r.choice((StopIteration(n.value()), SystemExit(1), KeyboardInterrupt(), ImportError(n.text()))),
        "ast": lambda: ast.parse(r.choice((
            "x = 1", "import os\nprint(os.getcwd())", "def f(a): return eval(a)", "open('x').read()",
            "lambda x: x ** 2", f"{n.field()} = {n.field()} + 1",
        ))),
        "email": lambda: _email(n),
        "cookies": lambda: _cookies(n),
        "url": lambda: urllib.parse.urlparse(f"https://example.com/{n.field()}?q={n.field()}"),
        "url-split": lambda: urllib.parse.urlsplit(f"http://localhost:8080/{n.field()}"),
        "xml": lambda: ElementTree.fromstring(f"<root id='{n.field()}'><a>{n.field()}</a></root>"),
        "csv-sniffed": lambda: {k: getattr(csv.excel, k) for k in ("delimiter", "quotechar", "lineterminator", "quoting")},
        "csv-dialect": lambda: (csv.excel, csv.unix_dialect),
        "stringio": lambda: io.StringIO(n.text()),
        "bytesio": lambda: io.BytesIO(n.text().encode()),
        "enum": lambda: r.choice((re.IGNORECASE, socket.AF_INET, signal.SIGTERM, enum.auto, uuid.SafeUUID.safe,
                                  inspect._ParameterKind.KEYWORD_ONLY)),
        "signature": lambda: inspect.signature(r.choice((json_dumps, argparse.ArgumentParser, textwrap.fill))),
        "stat": lambda: os.stat_result((33188, 1, 2, 1, 1000, 1000, r.randrange(9999), 1, 1, 1)),
        "uname": lambda: os.uname_result(("Linux", "host", "6.1", "#1", "x86_64")),
        "environment": lambda: {"PATH": "/usr/bin:/bin", "HOME": "/home/user", "SHELL": "/bin/bash", n.field(): n.text()},
    }  # fmt: skip


def _number_makers(r: Random, n: Names) -> dict[str, Callable[[], Any]]:
    return {
        "decimal": lambda: decimal.Decimal(str(r.random())),
        "decimal-context": lambda: decimal.Context(prec=r.randrange(5, 50)),
        "fraction": lambda: fractions.Fraction(r.randrange(99), r.randrange(1, 99)),
        "complex": lambda: complex(r.random(), r.random()),
        "range-slice": lambda: (range(r.randrange(99)), slice(None, r.randrange(9), 2)),
        "bytearray": lambda: bytearray(n.text().encode()),
        "bytes": lambda: r.randbytes(r.randrange(1, 60)),
        "array": lambda: array.array(r.choice("bBhHiIlLqQfd"), range(r.randrange(1, 20))),
        "big": lambda: [2 ** r.randrange(8, 3000), -(2**63), float("inf"), 1e-300],
        "ellipsis": lambda: [Ellipsis, NotImplemented, None, True],
        "iterators": lambda: r.choice((iter([1, 2]), iter((3,)), reversed([1, 2]), enumerate("ab"), zip("a", "b", strict=True),
                                       map(abs, [1]), filter(None, [0, 1]))),
    }  # fmt: skip


def json_dumps(value: Any, indent: int = 0) -> str:
    """Stand for a program's own function: only its name is written."""
    return f"{value!r}{indent}"


def _config(n: Names) -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config["DEFAULT"] = {n.field(): n.text().replace("%", "")}
    config[n.field() + "_section"] = {n.field(): "1", "command": "python run.py"}
    return config


def _email(n: Names) -> email.message.Message:
    message = email.message.EmailMessage() if n.rng.random() < 0.5 else email.message.Message()
    message["Subject"] = n.field()
    message["From"] = "me@example.com"
    message.set_payload(n.text())
    return message


def _cookies(n: Names) -> list[http.cookiejar.Cookie]:
    return [
        http.cookiejar.Cookie(0, n.field(), n.text(), None, False, "example.com", True, False, "/", True, False, None,
                              False, None, None, {"HttpOnly": ""})
    ]  # fmt: skip
