"""Arguments for callables that nobody told us about: guessed from annotations, defaults and names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from inspect import Parameter
from pathlib import PurePosixPath
from typing import Any

from train.corpus.dumps.names import Names

MAKE_LIMIT_S = 1
OPTIONAL_SHARE = 0.2
"""How often a parameter that has a default gets another value (probability)."""
POOL_SHARE = 0.25
"""How often an unknown parameter gets an object made before (probability)."""

NUMBER = re.compile(
    r"(?:^|_)(?:n|num|size|count|len|port|id|index|width|height|dim|max|min|seed|level|timeout|[xyzik])(?:_|$)"
)
PATH = re.compile(r"path|file|dir|folder|root|prefix")
URL = re.compile(r"ur[il]|host|endpoint|address|server|domain")
CALLABLE = re.compile(r"func|callback|callable|hook|handler|^fn$|factory|key$")
MAPPING = re.compile(r"dict|map|kwargs|options|config|params|settings|attrs|headers|metadata|state|env")
SEQUENCE = re.compile(r"list|items|args|values|data|names|columns|rows|points|array|seq|tuple|[a-z]{3,}s$")
TEXT = re.compile(
    r"name|text|str|title|label|key|msg|message|desc|query|sql|command|cmd|code|source|expr|pattern|format|type|mode"
)
FUNCTIONS: tuple[Callable[..., Any], ...] = (len, str, int, float, sorted, sum, abs, max, repr, dict, list)


class Guesser:
    """Makes arguments from names, numbers, and the objects that it made before."""

    def __init__(self, names: Names) -> None:
        """Draw from `names`."""
        self.names = names
        self.rng = names.rng
        self.pool: list[Any] = []

    def call(self, made_by: Callable[..., Any]) -> Any:
        """Return what a callable returns for guessed arguments.

        Raises:
            Exception: whatever the callable raises; ValueError if it has no signature that can be read.
        """
        positional, keywords = self.arguments(list(inspect.signature(made_by).parameters.values()))
        return made_by(*positional, **keywords)

    def arguments(self, parameters: Sequence[Parameter]) -> tuple[list[Any], dict[str, Any]]:
        """Return values for the parameters that need one, and for some of the others, by position and by keyword."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for parameter in parameters:
            if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                continue
            required = parameter.default is Parameter.empty
            if not required and self.rng.random() >= OPTIONAL_SHARE:
                continue
            value = self.value(parameter)
            if parameter.kind is Parameter.KEYWORD_ONLY or not required:
                if parameter.kind is not Parameter.POSITIONAL_ONLY:
                    keywords[parameter.name] = value
            else:
                positional.append(value)
        return positional, keywords

    def value(self, parameter: Parameter) -> Any:
        """Return a value that a parameter may accept."""
        default = parameter.default
        if type(default) in (bool, int, float, str):
            return self._like(default, parameter.name.lower())
        annotation = parameter.annotation
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None) or str(annotation)
        return self._named("" if annotation is Parameter.empty else text.lower(), parameter.name.lower())

    def _like(self, default: Any, name: str) -> Any:
        if isinstance(default, bool):
            return not default
        if isinstance(default, str):
            return self._text(name)
        return type(default)(default * 2 + 1)

    def _named(self, annotation: str, name: str) -> Any:
        n, r = self.names, self.rng
        kind = annotation or name
        if "bool" in annotation:
            return r.random() < 0.5
        if "path" in annotation:
            return PurePosixPath(self._path())
        if re.search(r"\bint\b", annotation):
            return r.randrange(1, 30)
        if "float" in annotation:
            return round(r.random(), 4)
        if "bytes" in annotation:
            return n.text().encode()
        if re.search(r"\bstr\b", annotation):
            return self._text(name)
        if annotation and self.pool and r.random() < POOL_SHARE:
            return r.choice(self.pool)
        if CALLABLE.search(kind):
            return r.choice(FUNCTIONS)
        if MAPPING.search(kind):
            return n.state()
        if NUMBER.search(name):
            return r.randrange(1, 30)
        if PATH.search(name) or URL.search(name) or TEXT.search(name):
            return self._text(name)
        if SEQUENCE.search(kind):
            return r.choice(([n.field(), n.field()], [r.randrange(9), 2, 1], [[1.0, 2.0], [3.0, 4.0]]))
        if self.pool and r.random() < POOL_SHARE:
            return r.choice(self.pool)
        return r.choice((n.field(), r.randrange(1, 9), [1.0, 2.0, 3.0], n.state(), n.text()))

    def _text(self, name: str) -> str:
        n, r = self.names, self.rng
        if PATH.search(name):
            return self._path()
        if URL.search(name):
            return r.choice((f"https://example.com/{n.field()}", f"{n.field()}.example.org", "localhost", "127.0.0.1"))
        return r.choice((n.field(), n.field(), n.text()))

    def _path(self) -> str:
        n, r = self.names, self.rng
        return r.choice((f"{n.field()}.csv", f"data/{n.field()}.json", f"/tmp/{n.field()}", f"{n.field()}/{n.field()}"))
