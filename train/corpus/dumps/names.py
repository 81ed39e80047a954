# ruff: noqa: E501, SIM905  (lists of quoted words are harder to read)
"""Names as people give them, and modules made on the spot to hold the classes and functions of those names."""

from __future__ import annotations

import linecache
import sys
from random import Random
from string import Template
from types import ModuleType
from typing import Any

MODULES = tuple(
    """
src.models.unet src.models.resnet src.data.dataset src.data.loaders src.features.build_features src.training.trainer
src.utils src.preprocessing src.pipeline utils utils.metrics utils.io utils.general utils.data_utils
utils.torch_utils utils.logger models models.yolo models.common models.transformer models.experimental
app.services.scoring app.models app.core.config app.ml.predictor app.tasks.runner my_net_classes my_model
my_transformers custom_transformers preprocess preprocessing feature_engineering featurizer helpers helper_functions
common common.utils config configs.default core core.engine core.runner core.exec_plan core.process lib.nn
lib.subprocessors lib.system_utils engine.evaluator engine.hooks engine.commands backend.api backend.jobs.scheduler
server.handlers server.shell_view agents.dqn agents.ppo_agent envs.trading_env envs.gridworld network
networks.generator networks.discriminator net layers.attention modules.encoder modules.exec_block losses.focal
optimizers.lookahead dataset dataloader data_loader datasets_local.coco tokenizer_utils vocab text_cleaning
nlp.pipeline nlp.eval churn_model fraud.features credit_scoring.woe recommender.engine recsys.matrix
forecasting.prophet_like timeseries.windows bert_classifier model_def train_model train_utils trainer_state
experiment experiment.runner run_experiment eval_tools.scoring game.player simulation.world simulation.events
parsers.html crawler.spider crawler.requests_cache scraper.items db.models db.query_builder ops.deploy
ops.command_queue scripts.open_data tools.system_info tools.os_helpers package.module.submodule mylib mypackage.core
project.settings lab3.solution homework2 assignment4 kaggle_utils
""".split()
)
VERBS = tuple(
    """
load read open fetch get download parse run exec execute eval evaluate compute calc process clean normalize make
build create spawn start call apply invoke dispatch compile encode decode import export save write dump restore
connect send request query system shell score predict train fit transform tokenize split merge remove delete update
identity convert extract to_dense select filter collate init seed sort
""".split()
)
NOUNS = tuple(
    """
data file files config model models pipeline query metric metrics workers worker batch features feature text tokens
image images table frame rows columns labels label score scores weights params state job jobs task tasks command
commands process env url page html response cache session user users items item path paths shell system graph node
tree map key value vector matrix loss step epoch hook callback report events log
""".split()
)
KINDS = tuple(
    """
Model Net Network Encoder Decoder Classifier Regressor Trainer Config Options Params Loader Dataset Vocab Tokenizer
Scaler Selector Cleaner Extractor Transformer Wrapper Runner Executor Evaluator Process Command Shell System
Importer Builder Compiler Engine Agent Buffer Memory Policy Env Player Board Node Tree Graph Item Record Result
State Session Job Task Event Handler Callback Manager Registry Schema Block Layer Head Embedding Loss Scheduler
Optimizer Preprocessor Pipeline Preloader Opener Reader Writer Popen Eval Exec Request Query
""".split()
)
PREFIXES = tuple(
    """
My Custom Base Simple Deep Fast Text Image Feature Data Column Batch Robust Multi Dual Attention Res Dense Conv
Graph Churn Fraud Price Sentiment User Item Session Replay Game Run Sub Remote Local Cached Lazy Noisy Prioritized
Weighted Target Label Date Shell Sys Os Web Html Sql Json
""".split()
)
TEXTS = tuple(
    """relu|adam|mean|utf-8|./data|train.csv|/home/user/project|best_model.pt|config.yaml|model.eval()|os.environ|
python train.py --epochs 10|https://example.com/data.csv|s3://bucket/models/v2|import numpy as np|bash run.sh|
__import__|eval|exec|system|subprocess|open|getattr|lambda x: x + 1|rm -r build/|curl -O https://example.org/a.tgz|
SELECT * FROM users WHERE id = 1|<script src="app.js"></script>|aGVsbG8gd29ybGQ=|cuda:0|2024-05-17|a b c|[PAD]|[UNK]|
https://huggingface.co/bert-base-uncased|C:\\Users\\me\\data\\x.csv|print('done')|posix|nt|builtins|pickle.loads|
/usr/bin/python3|/tmp/cache|/etc/hosts|pip install -r requirements.txt|git clone https://github.com/user/repo|
Lorem ipsum dolor sit amet|def f(x): return x|#!/bin/sh|%Y-%m-%d|\\w+|(?u)\\b\\w\\w+\\b|Authorization: Bearer|localhost:8080
""".replace("\n", "").split("|")
)


class Names:
    """Draws names and small values from a generator."""

    def __init__(self, rng: Random) -> None:
        """Draw from `rng`."""
        self.rng = rng

    def module(self, main: float = 0.12) -> str:
        """Return a module's name, `__main__` with probability `main`."""
        return "__main__" if self.rng.random() < main else self.rng.choice(MODULES)

    def cls(self, suffix: str = "") -> str:
        """Return a class name."""
        return self.rng.choice(PREFIXES) + self.rng.choice(("", self.rng.choice(PREFIXES))) + (suffix or self.kind())

    def kind(self) -> str:
        """Return the last word of a class name."""
        return self.rng.choice(KINDS)

    def function(self) -> str:
        """Return a function name."""
        r = self.rng
        name = f"{r.choice(VERBS)}_{r.choice(NOUNS)}"
        return r.choice((name, name, f"{name}_{r.choice(NOUNS)}", f"_{name}", r.choice(("fn", "func", "main", "f"))))

    def field(self) -> str:
        """Return an attribute or key."""
        return self.rng.choice((self.rng.choice(NOUNS), f"{self.rng.choice(NOUNS)}_{self.rng.choice(NOUNS)}"))

    def text(self) -> str:
        """Return a short text."""
        return self.rng.choice(TEXTS)

    def value(self) -> Any:
        """Return a scalar."""
        r = self.rng
        return r.choice(
            (r.randrange(1000), round(r.random(), 4), self.text(), self.field(), True, None, -r.randrange(99), 2**40)
        )

    def plain(self, depth: int = 2) -> Any:
        """Return nested plain data."""
        r = self.rng
        if depth == 0:
            return self.value()
        size = r.randrange(1, 5)
        return r.choice(
            (
                lambda: [self.plain(depth - 1) for _ in range(size)],
                lambda: {self.field(): self.plain(depth - 1) for _ in range(size)},
                lambda: tuple(self.value() for _ in range(size)),
                lambda: {self.field() for _ in range(size)},
                self.value,
            )
        )()

    def state(self) -> dict[str, Any]:
        """Return attributes for an object."""
        return {self.field(): self.plain() for _ in range(self.rng.randrange(1, 6))}

    def fill(self, source: str, **given: str) -> str:
        """Fill the `$` placeholders of a source text: `$f $g` functions, `$C $D` classes, `$a $b` fields, `$t` text."""
        words = {
            "f": self.function(), "g": self.function(), "C": self.cls(), "D": self.cls(), "a": self.field(),
            "b": self.field(), "t": repr(self.text()), "n": str(self.rng.randrange(2, 99)),
            "x": str(round(self.rng.random(), 3)),
        }  # fmt: skip
        if words["f"] == words["g"]:
            words["g"] += "_2"
        if words["C"] == words["D"]:
            words["D"] += "V2"
        if words["a"] == words["b"]:
            words["b"] += "_2"
        return Template(source).substitute(words | given)


def define(module: str, source: str) -> dict[str, Any]:
    """Run `source` in `module`, which is made with its parents if it is not there; return its names."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        if name in sys.modules:
            continue
        made = sys.modules[name] = ModuleType(name)
        made.__path__ = []
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], made)
    return run_in(vars(sys.modules[module]), source)


def notebook(source: str) -> dict[str, Any]:
    """Run `source` in names of its own that call themselves `__main__`, as a notebook's cell does."""
    return run_in({"__name__": "__main__"}, source)


def run_in(names: dict[str, Any], source: str) -> dict[str, Any]:
    """Run our own `source` in `names`, where `inspect` finds it again; return the names."""
    filename = f"<made-{len(linecache.cache)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec", dont_inherit=True), names)
    return names
