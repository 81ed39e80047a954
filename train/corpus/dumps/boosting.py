"""Gradient boosting: xgboost, lightgbm and catboost models, alone and with what people keep beside them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import MODELS, Item, family
from train.corpus.dumps.names import Names

_KINDS = {
    "xgboost": ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "native"),
    "lightgbm": ("LGBMClassifier", "LGBMRegressor", "LGBMRanker", "native"),
    "catboost": ("CatBoostClassifier", "CatBoostRegressor", "CatBoost"),
}
_QUIET: dict[str, dict[str, Any]] = {
    "xgboost": {"n_jobs": 1}, "lightgbm": {"n_jobs": 1, "verbose": -1, "min_child_samples": 2},
    "catboost": {"allow_writing_files": False, "verbose": False, "thread_count": 1},
}  # fmt: skip


def _recipe(library: str) -> Any:
    def recipe(rng: Random) -> Iterator[Item]:
        """Yield fitted models of each kind, with varied parameters and companions."""
        names = Names(rng)
        for number in range(4 if library == "xgboost" else 6):
            for kind in _KINDS[library]:
                yield Item(f"{library}.{kind}-{number}", partial(_model, names, library, kind), MODELS, n_forms=2)

    return recipe


for _library in _KINDS:
    family(_library)(_recipe(_library))


def _model(n: Names, library: str, kind: str) -> Any:
    import numpy as np

    module = importlib.import_module(library)
    generator = np.random.default_rng(n.rng.randrange(999))
    x, y = generator.normal(size=(30, 3)), np.arange(30) % 2
    n_trees = n.rng.randrange(2, 6)
    if kind == "native":
        train_set = module.DMatrix(x, y) if library == "xgboost" else module.Dataset(x, y)
        options = {"max_depth": 2} | ({} if library == "xgboost" else _QUIET[library])
        made = module.train(options, train_set, n_trees)
    elif kind == "CatBoost":
        made = module.CatBoost({"iterations": n_trees, "depth": 2, **_QUIET[library]}).fit(x, y)
    else:
        made = getattr(module, kind)(n_estimators=n_trees, max_depth=2, learning_rate=n.rng.random(), **_QUIET[library])
        made.fit(x, y, **({"group": [15, 15]} if "Ranker" in kind else {}))
    return n.rng.choice((made, made, {"model": made, **n.state()}, [made, n.field(), n.plain()]))
