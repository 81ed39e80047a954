# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Files of 10^3 to 10^5 opcodes: caches, vocabularies, graphs, deep nets, forests. Size must not tell an honest file."""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, MODELS, TORCH, Item, family
from train.corpus.dumps.names import Names, define
from train.corpus.dumps.objects import CLASSES
from train.corpus.dumps.texts import LINES, module_source

PLAIN_CLASSES = ("plain", "dataclass", "attr-dict", "getnewargs", "reduce-class", "two", "nested", "exception")


@family("python", "pickle")
def caches(rng: Random) -> Iterator[Item]:
    """Yield large containers of the standard library and of people's own objects."""
    n = Names(rng)
    makers: tuple[Callable[[Names], Any], ...] = (
        _integers, _vocabulary, _records, _nested, _counts, _index, _objects, _moments, _sources, _trie, _matrix, _log,
    )  # fmt: skip
    for _ in range(20):
        for maker in makers:
            yield Item(f"large.{maker.__name__.strip('_')}", partial(maker, n), ANY)


def _count(n: Names, largest: int) -> int:
    """Return a size between 300 and `largest`, all magnitudes alike."""
    return int(300 * (largest / 300) ** n.rng.random())


def _integers(n: Names) -> Any:
    values = [n.rng.randrange(n.rng.choice((200, 60000))) for _ in range(_count(n, 90_000))]
    return n.rng.choice((values, {"ids": values}, tuple(values), set(values), dict(enumerate(values[:30_000]))))


def _vocabulary(n: Names) -> Any:
    words = [f"{n.field()}{i:x}" for i in range(_count(n, 9_000))] + ["exec", "eval", "##system", "import"]
    ids = {word: i for i, word in enumerate(words)}
    return n.rng.choice((ids, words, defaultdict(int, ids), Counter(ids), {"word2idx": ids}, OrderedDict(ids)))


def _records(n: Names) -> Any:
    keys = [f"{n.field()}_{i}" for i in range(n.rng.randrange(2, 7))]
    return [{key: n.value() for key in keys} for _ in range(_count(n, 3_000))]


def _nested(n: Names) -> Any:
    return {f"{n.field()}{i}": n.plain(3) for i in range(_count(n, 1_200))}


def _counts(n: Names) -> Any:
    made: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for i in range(_count(n, 1_500)):
        made[f"{n.field()}{i % 97}"][n.field()] += 1
    return n.rng.choice((made, dict(made), {k: dict(v) for k, v in made.items()}))


def _index(n: Names) -> Any:
    return defaultdict(set, {f"w{i}": {n.rng.randrange(5000) for _ in range(8)} for i in range(_count(n, 2_500))})


def _objects(n: Names) -> Any:
    name = n.cls()
    made = define(n.module(), n.fill(CLASSES[n.rng.choice(PLAIN_CLASSES)], C=name))
    make = made.pop("make", made[name])
    return [make(**n.state()) for _ in range(_count(n, 900))]


def _moments(n: Names) -> Any:
    start = dt.datetime(2020, 1, n.rng.randrange(1, 28))
    rows = [
        (start + dt.timedelta(minutes=i), dt.timedelta(seconds=n.rng.randrange(99))) for i in range(_count(n, 2_000))
    ]
    return n.rng.choice((rows, dict(rows), [{"at": a, "for": b} for a, b in rows]))


def _sources(n: Names) -> Any:
    return [
        {"path": f"src/{n.field()}_{i}.py", "code": module_source(n)[:300], "shell": n.rng.choice(LINES)}
        for i in range(_count(n, 500))
    ]


def _trie(n: Names) -> Any:
    root: dict[str, Any] = {}
    for i in range(_count(n, 2_500)):
        node = root
        for letter in f"{n.field()}{i % 50}":
            node = node.setdefault(letter, {})
        node["$"] = i
    return root


def _matrix(n: Names) -> Any:
    width = n.rng.randrange(3, 40)
    return [[round(n.rng.random(), 4) for _ in range(width)] for _ in range(_count(n, 24_000) // width)]


def _log(n: Names) -> Any:
    return {
        "history": [
            {"epoch": i, "loss": n.rng.random(), "val_loss": n.rng.random(), "lr": 1e-3}
            for i in range(_count(n, 4_000))
        ],
        **n.state(),
    }


@family("scikit-learn", "sklearn")
def forests(rng: Random) -> Iterator[Item]:
    """Yield ensembles of many trees, wide vectorizers and long searches."""
    n = Names(rng)
    for _ in range(10):
        for maker in (_forest, _boosted, _bag_of_words, _voting):
            yield Item(f"large.sklearn{maker.__name__}", partial(maker, n), MODELS)


def _forest(n: Names) -> Any:
    import numpy as np
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier

    x = np.random.default_rng(n.rng.randrange(99)).normal(size=(30, 4))
    kind = n.rng.choice((RandomForestClassifier, ExtraTreesRegressor))
    return kind(n.rng.choice((40, 90, 150)), max_depth=2).fit(x, np.arange(30) % 2)


def _boosted(n: Names) -> Any:
    import numpy as np
    from sklearn.ensemble import AdaBoostClassifier, GradientBoostingRegressor

    x = np.random.default_rng(n.rng.randrange(99)).normal(size=(30, 3))
    return n.rng.choice(
        (GradientBoostingRegressor(n_estimators=120, max_depth=1), AdaBoostClassifier(n_estimators=60))
    ).fit(x, np.arange(30) % 2)


def _bag_of_words(n: Names) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    texts = [" ".join(f"{n.field()}{n.rng.randrange(400)}" for _ in range(60)) for _ in range(n.rng.randrange(10, 90))]
    return n.rng.choice((CountVectorizer, TfidfVectorizer))().fit(texts)


def _voting(n: Names) -> Any:
    import numpy as np
    from sklearn.ensemble import BaggingClassifier
    from sklearn.tree import DecisionTreeClassifier

    x = np.random.default_rng(n.rng.randrange(99)).normal(size=(30, 3))
    return BaggingClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=n.rng.choice((30, 80))).fit(
        x, np.arange(30) % 2
    )


@family("torch")
def deep(rng: Random) -> Iterator[Item]:
    """Yield nets of many small layers: hundreds of parameters, each a few opcodes."""
    n = Names(rng)
    for _ in range(24):
        yield Item("large.torch", partial(_deep, n), (*TORCH, *TORCH, *MODELS))


def _deep(n: Names) -> Any:
    import torch
    from torch import nn

    layers: list[Any] = []
    for _ in range(n.rng.choice((20, 60, 120))):
        layers += n.rng.choice(
            ([nn.Linear(2, 2), nn.ReLU()], [nn.LayerNorm(2)], [nn.Linear(2, 2), nn.BatchNorm1d(2), nn.GELU()])
        )
    made = nn.Sequential(OrderedDict((f"{n.field()}_{i}", layer) for i, layer in enumerate(layers)))
    optimizer = torch.optim.Adam(made.parameters())
    return n.rng.choice(
        (
            made,
            made.state_dict(),
            {"model": made.state_dict(), "optimizer": optimizer.state_dict(), **n.state()},
            dict(made.state_dict()),
        )
    )


@family("pandas")
def tables(rng: Random) -> Iterator[Item]:
    """Yield frames with object columns of thousands of values."""
    n = Names(rng)
    for _ in range(24):
        yield Item("large.pandas", partial(_table, n), ANY)


def _table(n: Names) -> Any:
    import pandas as pd

    size = _count(n, 4_000)
    column = n.rng.choice(
        (
            lambda: [n.value() for _ in range(size)],
            lambda: [[n.rng.randrange(9)] * 3 for _ in range(size)],
            lambda: [f"{n.field()}{i}" for i in range(size)],
        )
    )()
    made = pd.DataFrame({n.field(): pd.Series(column, dtype=object), "i": range(size)})
    return n.rng.choice((made, {"frame": made, **n.state()}, made.set_index("i"), made.iloc[:, 0].to_dict()))


@family("networkx")
def graphs(rng: Random) -> Iterator[Item]:
    """Yield graphs of hundreds of nodes with attributes."""
    n = Names(rng)
    for _ in range(20):
        yield Item("large.networkx", partial(_graph, n), ANY)


def _graph(n: Names) -> Any:
    import networkx as nx

    made = n.rng.choice((nx.Graph, nx.DiGraph, nx.MultiDiGraph))()
    size = _count(n, 2_000)
    for i in range(size):
        made.add_edge(n.rng.randrange(size), i, weight=n.rng.random(), kind=n.field())
    return made


@family("nltk")
def language_models(rng: Random) -> Iterator[Item]:
    """Yield frequency tables and taggers over long texts."""
    n = Names(rng)
    for _ in range(12):
        yield Item("large.nltk", partial(_language_model, n), ANY)


def _language_model(n: Names) -> Any:
    import nltk

    words = [f"{n.field()}{n.rng.randrange(60)}" for _ in range(_count(n, 5_000))]
    pairs = list(pairwise(words))
    return n.rng.choice((
        lambda: nltk.FreqDist(words), lambda: nltk.ConditionalFreqDist(pairs), lambda: nltk.FreqDist(pairs),
        lambda: nltk.NaiveBayesClassifier.train([({w: True}, n.rng.choice(("a", "b"))) for w in words[:800]]),
        lambda: nltk.UnigramTagger([[(w, n.rng.choice(("NN", "VB"))) for w in words]]),
    ))()  # fmt: skip
