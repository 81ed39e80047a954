# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Lightning, transformers, gymnasium, stable-baselines3, optuna, gensim, nltk and other packages around models."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, MODELS, RAW, TORCH, Item, family
from train.corpus.dumps.names import Names, define
from train.corpus.dumps.tables import table
from train.corpus.dumps.tensors import net

# library: (module to import, names in scope, expressions)
EXPRESSIONS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "gymnasium": ("gymnasium", {"s": "gymnasium.spaces", "np": "numpy", "g": "gymnasium"}, (
        "s.Box(0, 1, ({n},))", "s.Discrete({n})", "s.Dict({{'{f}': s.Discrete({n}), 'b': s.Box(-1, 1, (2,))}})", "s.MultiBinary({n})",
        "s.MultiDiscrete([2, {n}])", "s.Tuple((s.Discrete({n}), s.Text(4)))", "g.spec('CartPole-v1')", "s.Sequence(s.Discrete({n}))",
        "s.Graph(s.Box(0, 1, (2,)), s.Discrete({n}))", "s.Box(0, 255, (4, 4, 3), np.uint8)",
    )),
    "optuna": ("optuna", {"o": "optuna", "d": "optuna.distributions"}, (
        "o.samplers.TPESampler(seed={n})", "o.pruners.MedianPruner({n})", "d.FloatDistribution(0, {n})", "d.CategoricalDistribution(['a', '{f}'])",
        "o.samplers.RandomSampler({n})", "d.IntDistribution(1, {n})", "o.trial.FixedTrial({{'{f}': {n}}})", "o.pruners.HyperbandPruner({n})",
        "o.trial.create_trial(value={x})", "o.trial.TrialState.COMPLETE", "o.create_study(study_name='{f}')",
    )),
    "omegaconf": ("omegaconf", {"o": "omegaconf"}, (
        "o.OmegaConf.create({{'{f}': {n}, 'path': '${{oc.env:HOME}}/{f}'}})", "o.OmegaConf.create([1, {{'cmd': {t}}}])",
        "o.OmegaConf.create({{'model': {{'{f}': {x}, '_target_': 'src.models.{f}'}}}})", "o.OmegaConf.create('{f}: [1, {n}]')",
        "o.DictConfig({{'{f}': {t}}})", "{{'cfg': o.OmegaConf.create({{'lr': {x}}}), 'epoch': {n}}}",
    )),
    "requests": ("requests", {"r": "requests", "a": "requests.auth", "c": "requests.cookies", "e": "requests.exceptions"}, (
        "r.Session()", "r.Request('GET', 'https://example.com/{f}')", "a.HTTPBasicAuth('{f}', 'pw')", "c.RequestsCookieJar()",
        "r.Request('POST', 'http://localhost/{f}', json={{'{f}': {n}}}).prepare()", "c.cookiejar_from_dict({{'{f}': {t}}})",
        "r.structures.CaseInsensitiveDict({{'Content-Type': 'text/html', '{f}': {t}}})", "e.ConnectionError({t})", "r.get", "[r.get, r.post]",
        "r.adapters.HTTPAdapter(max_retries={n})", "{{'fetch': r.get, 'timeout': {n}}}",
    )),
    "SQLAlchemy": ("sqlalchemy", {"s": "sqlalchemy", "url": "sqlalchemy.engine.url"}, (
        "s.MetaData()", "s.Table('{f}', s.MetaData(), s.Column('id', s.Integer, primary_key=True), s.Column('{f}_c', s.String({n})))",
        "url.make_url('sqlite:///{f}.db')", "s.String({n})", "s.Numeric({n}, 2)", "s.select(s.column('{f}'))", "s.text('select {n} from {f}')",
        "s.func.count(s.column('{f}'))", "s.exc.NoSuchTableError('{f}')", "s.and_(s.column('a') == {n}, s.column('{f}') > 1)",
    )),
    "nltk": ("nltk", {"n": "nltk", "c": "nltk.classify", "p": "nltk.probability", "t": "nltk.tokenize", "st": "nltk.stem", "tag": "nltk.tag",
                      "lm": "nltk.lm", "g": "nltk.grammar"}, (
        "c.NaiveBayesClassifier.train([({{'{f}': 1}}, 'a'), ({{'b': {n}}}, 'exec')])", "p.FreqDist({t}.split())", "st.PorterStemmer()",
        "p.ConditionalFreqDist([('a', '{f}'), ('b', 'c')])", "t.RegexpTokenizer(r'\\w+|[^\\w\\s]')", "tag.UnigramTagger([[('{f}', 'NN')]])",
        "tag.BigramTagger([[('{f}', 'NN'), ('exec', 'VB')]], backoff=tag.DefaultTagger('NN'))", "t.TreebankWordTokenizer()",
        "n.Tree.fromstring('(S (NP {f}) (VP eval))')", "g.CFG.fromstring('S -> \"{f}\" | \"b\"')", "st.SnowballStemmer('english')",
        "lm.Vocabulary({t}.split())", "tag.RegexpTagger([(r'.*ing$', 'VBG'), (r'.*', '{f}')])", "n.Text(['{f}', 'os'])",
        "c.DecisionTreeClassifier.train([({{'{f}': 1}}, 'a'), ({{'{f}': 2}}, 'b')])", "t.TweetTokenizer()", "t.WhitespaceTokenizer()",
    )),
    "gensim": ("gensim", {"m": "gensim.models", "c": "gensim.corpora", "u": "gensim.utils"}, (
        "m.Word2Vec([['{f}', 'a', 'b']] * 6, vector_size={n}, min_count=1)", "c.Dictionary([['{f}', 'exec']])", "m.TfidfModel([[(0, 1)], [(1, {n})]])",
        "m.LdaModel([[(0, 1)], [(1, 2)]], num_topics=2, id2word={{0: 'a', 1: '{f}'}})",
        "m.KeyedVectors({n})", "m.LsiModel([[(0, 1)], [(1, {n})]], num_topics=2)", "m.doc2vec.TaggedDocument(['{f}'], [{n}])",
    )),
    "imbalanced-learn": ("imblearn", {"o": "imblearn.over_sampling", "u": "imblearn.under_sampling", "p": "imblearn.pipeline",
                                      "sk": "sklearn.preprocessing", "e": "imblearn.ensemble", "c": "imblearn.combine"}, (
        "o.SMOTE(k_neighbors={n})", "u.RandomUnderSampler(random_state={n})", "p.Pipeline([('{f}', o.SMOTE()), ('s', sk.StandardScaler())])",
        "e.BalancedRandomForestClassifier({n})", "o.ADASYN(n_neighbors={n})", "c.SMOTEENN(random_state={n})",
    )),
    "category_encoders": ("category_encoders", {"c": "category_encoders", "pd": "pandas"}, tuple(
        f"c.{kind}().fit(pd.DataFrame({{{{'{{f}}': ['a', 'b', 'a'] * 4}}}}), [0, 1, 1] * 4)" for kind in
        ("TargetEncoder", "OrdinalEncoder", "BinaryEncoder", "OneHotEncoder", "HashingEncoder", "WOEEncoder", "CountEncoder", "LeaveOneOutEncoder")
    )),
    "beautifulsoup4": ("bs4", {"b": "bs4"}, ("b.BeautifulSoup('<p id={f}>' + {t} + '</p>', 'html.parser')",
        "b.BeautifulSoup('<a href=x>{f}</a><script>eval(1)</script>', 'html.parser').a", "b.NavigableString({t})")),
    "lxml": ("lxml", {"o": "lxml.objectify", "e": "lxml.etree"}, ("o.fromstring('<r><{f}>{n}</{f}></r>')", "e.QName('{f}').text")),
    "matplotlib": ("matplotlib.figure", {"p": "matplotlib.pyplot", "c": "matplotlib.colors", "f": "matplotlib.figure", "t": "matplotlib.transforms"}, (
        "c.Normalize(0, {n})", "c.ListedColormap(['red', '#00ff00'])", "f.Figure(figsize=({n}, 2))", "c.LinearSegmentedColormap.from_list('{f}', ['r', 'b'])",
        "c.LogNorm(1, {n})", "p.get_cmap('viridis')", "t.Bbox([[0, 0], [1, {n}]])", "f.Figure().add_subplot(title='{f}')", "c.BoundaryNorm([0, 1, {n}], 4)",
    )),
    "plotly": ("plotly", {"g": "plotly.graph_objects"}, ("g.Figure(g.Bar(y=[1, {n}]))", "g.Scatter(x=[1, {n}], name='{f}')", "g.Layout(title='{f}')",
        "g.Figure(g.Pie(values=[1, {n}], labels=['a', '{f}']), layout={{'title': 'eval'}})")),
    "PyYAML": ("yaml", {"y": "yaml"}, ("y.compose('{f}: [1, {n}]')", "y.YAMLError({t})", "y.safe_load('{f}: {n}')", "y.SafeLoader", "y.dump",
        "y.ScalarNode('tag:yaml.org,2002:str', '{f}')", "{{'loader': y.safe_load, '{f}': y.Dumper}}")),
    "shap": ("shap", {"s": "shap", "np": "numpy"}, ("s.Explanation(np.ones({n}))", "s.maskers.Independent(np.ones(({n}, 2)))",
        "s.Explanation(np.ones((2, 2)), feature_names=['a', '{f}'])")),
    "numba": ("numba", {"n": "numba", "t": "numba.typed"}, ("n.int64", "n.float32[:]", "n.types.Array(n.f8, 2, 'C')")),
}  # fmt: skip


for _library, (_module, _scope, _expressions) in EXPRESSIONS.items():
    table(_library, _module, _scope, _expressions)

_MODEL_SOURCES = {
    "pydantic": "from pydantic import BaseModel\nclass $C(BaseModel):\n    $a: int = $n\n    $b: str = $t\n",
    "attrs": "import attrs\n@attrs.define\nclass $C:\n    $a: int = $n\n    $b: dict = attrs.Factory(dict)\n",
    "attrs-frozen": "import attr\n@attr.s(frozen=True)\nclass $C:\n    $a = attr.ib(default=$n)\n    $b = attr.ib(default=$t)\n",
    "arguments": "from dataclasses import dataclass, field\nimport torch, enum\nclass $D(str, enum.Enum):\n    NO = 'no'\n    STEPS = 'steps'\n"
    "@dataclass\nclass $C:\n    output_dir: str = $t\n    evaluation_strategy: $D = $D.STEPS\n    $a: int = $n\n    learning_rate: float = $x\n"
    "    device: object = field(default_factory=lambda: torch.device('cpu'))\n    dtype: object = torch.float16\n    eval_steps: int = 10\n",
}


@family("pydantic")
@family("attrs")
@family("torch")
def records(rng: Random) -> Iterator[Item]:
    """Yield records of pydantic, attrs and training-argument classes."""
    n = Names(rng)
    for _ in range(6):
        for kind, source in _MODEL_SOURCES.items():
            yield Item(f"record.{kind}", partial(_record, n, source), (*ANY, *TORCH) if kind == "arguments" else ANY)


def _record(n: Names, source: str) -> Any:
    made = define(n.module(), n.fill(source, C=(name := n.cls())))[name]()
    return n.rng.choice((made, {"args": made, **n.state()}, [made, n.text()]))


@family("pytorch-lightning", "pytorch_lightning")
def lightning(rng: Random) -> Iterator[Item]:
    """Yield checkpoints, laid out by hand with all kinds of hyper-parameters or saved by a trainer, and callbacks."""
    n = Names(rng)
    for _ in range(30):
        yield Item(
            "lightning.checkpoint", partial(_checkpoint, n), ("torch", "torch", "torch-legacy", "pickle2", "pickle4")
        )
        yield Item("lightning.callback", partial(_callback, n), MODELS)
    for number in range(8):
        yield Item(f"lightning.saved-{number}", partial(_saved, n), RAW)


def _checkpoint(n: Names) -> Any:
    import argparse

    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.utilities.parsing import AttributeDict

    module = net(n)
    optimizer = torch.optim.Adam(module.parameters())
    parameters = n.rng.choice(
        (
            AttributeDict(n.state()),
            n.state(),
            AttributeDict(args=argparse.Namespace(**n.state())),
            AttributeDict(model=module),
        )
    )
    callback = {f"EarlyStopping{{'monitor': '{n.field()}', 'mode': 'min'}}": {"wait_count": 0, "best_score": torch.tensor(n.rng.random())},
                "ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_path": n.text(), "best_k_models": {}}}  # fmt: skip
    return {"epoch": 1, "global_step": n.rng.randrange(999), "pytorch-lightning_version": pl.__version__, "state_dict": module.state_dict(),
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}}, "callbacks": callback,
            "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [], "hparams_name": n.rng.choice(("kwargs", "args")),
            "hyper_parameters": parameters}  # fmt: skip


_LIGHTNING = (
    "import torch\nimport pytorch_lightning as pl\nclass $C(pl.LightningModule):\n    def __init__(self, $a=$n, path=$t, **options):\n        super().__init__()\n"
    "        self.save_hyperparameters()\n        self.net = torch.nn.Linear(3, 2)\n    def training_step(self, batch, index):\n        return self.net(batch[0]).sum()\n"
    "    def configure_optimizers(self):\n        return torch.optim.Adam(self.parameters(), lr=$x)\n"
)


def _saved(n: Names) -> bytes:
    import pytorch_lightning as pl
    import torch

    made = define(n.module(), n.fill(_LIGHTNING, C=(name := n.cls("Module"))))[name](
        **{f"o_{k}": v for k, v in n.state().items()}
    )
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(2, 3)))
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            max_steps=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(made, data)
        trainer.save_checkpoint(Path(folder) / "last.ckpt")
        return (Path(folder) / "last.ckpt").read_bytes()


def _callback(n: Names) -> Any:
    from pytorch_lightning import callbacks, loggers

    folder = tempfile.gettempdir()
    return n.rng.choice((
        lambda: callbacks.EarlyStopping(n.field(), patience=3), lambda: callbacks.ModelCheckpoint(folder, monitor=n.field()),
        lambda: callbacks.LearningRateMonitor(), lambda: callbacks.Timer(), lambda: loggers.CSVLogger(folder, n.field()),
        lambda: callbacks.StochasticWeightAveraging(0.1), lambda: callbacks.GradientAccumulationScheduler({1: 2}),
    ))()  # fmt: skip


@family("transformers")
def transformers(rng: Random) -> Iterator[Item]:
    """Yield configurations, tiny models, outputs and training arguments."""
    n = Names(rng)
    for number in range(14):
        for kind in ("BertConfig", "GPT2Config", "T5Config", "LlamaConfig", "ViTConfig", "DistilBertConfig"):
            yield Item(f"transformers.{kind}", partial(_hf_config, n, kind, number % 3 == 0), (*ANY, *TORCH))
        yield Item("transformers.TrainingArguments", partial(_hf_arguments, n), (*ANY, *TORCH))
        yield Item("transformers.other", partial(_hf_other, n), (*ANY, *TORCH))


def _hf_config(n: Names, kind: str, model: bool) -> Any:
    import transformers as hf

    sizes = {"hidden_size": 8, "n_embd": 8, "d_model": 8, "num_hidden_layers": 1, "n_layer": 1, "num_layers": 1, "intermediate_size": 8,
             "d_ff": 8, "num_attention_heads": 2, "n_head": 2, "num_heads": 2, "vocab_size": 50, "dim": 8, "hidden_dim": 8, "n_layers": 1,
             "n_heads": 2, "max_position_embeddings": 16, "n_positions": 16, "d_kv": 4, "image_size": 8, "patch_size": 4}  # fmt: skip
    known = vars(getattr(hf, kind)())
    config = getattr(hf, kind)(**{k: v for k, v in sizes.items() if k in known}, id2label={0: n.field(), 1: n.text()})
    if not model:
        return n.rng.choice((config, config.to_dict(), {"config": config, **n.state()}))
    made = getattr(hf, kind.replace("Config", "Model"))(config)
    return n.rng.choice((made, made.state_dict(), {"model": made, **n.state()}))


def _hf_arguments(n: Names) -> Any:
    import transformers as hf

    return hf.TrainingArguments(
        output_dir=f"/tmp/{n.field()}",
        learning_rate=n.rng.random(),
        report_to=[],
        use_cpu=True,
        save_steps=n.rng.randrange(1, 99),
    )


def _hf_other(n: Names) -> Any:
    import transformers as hf

    return n.rng.choice((
        lambda: hf.BatchEncoding({"input_ids": [[1, n.rng.randrange(99)]], "attention_mask": [[1, 1]]}), lambda: hf.GenerationConfig(max_length=n.rng.randrange(99)),
        lambda: hf.modeling_outputs.BaseModelOutput(last_hidden_state=None), lambda: hf.TrainerState(epoch=n.rng.random()), lambda: hf.AddedToken(n.text()),
        lambda: hf.IntervalStrategy.STEPS, lambda: hf.EarlyStoppingCallback(n.rng.randrange(1, 9)), lambda: hf.EvalPrediction([1], [n.rng.randrange(9)]),
    ))()  # fmt: skip


@family("stable-baselines3", "stable_baselines3")
def baselines(rng: Random) -> Iterator[Item]:
    """Yield the zip files of small agents, and what their pickled parts hold."""
    n = Names(rng)
    for number in range(5):
        for kind in ("PPO", "A2C", "DQN", "SAC"):
            yield Item(f"sb3.{kind}-{number}", partial(_agent, n, kind), RAW)
    for _ in range(12):
        yield Item("sb3.part", partial(_part, n), (*MODELS, "cloudpickle", "cloudpickle"))


def _agent(n: Names, kind: str) -> bytes:
    import stable_baselines3 as sb3

    policy = {"net_arch": [4]}
    agent = getattr(sb3, kind)("MlpPolicy", "Pendulum-v1" if kind == "SAC" else "CartPole-v1", policy_kwargs=policy, device="cpu",
                               seed=n.rng.randrange(99), **({"buffer_size": 10} if kind in ("DQN", "SAC") else {}))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        agent.save(Path(folder) / "agent.zip")
        return (Path(folder) / "agent.zip").read_bytes()


def _part(n: Names) -> Any:
    import numpy as np
    from stable_baselines3.common import noise, running_mean_std, utils

    return n.rng.choice((
        lambda: noise.NormalActionNoise(np.zeros(2), np.ones(2)), lambda: running_mean_std.RunningMeanStd(shape=(n.rng.randrange(1, 5),)),
        lambda: utils.LinearSchedule(n.rng.random(), 0.1, 0.5), lambda: utils.ConstantSchedule(n.rng.random()),
        lambda: noise.OrnsteinUhlenbeckActionNoise(np.zeros(1), np.ones(1)), lambda: {"clip_range": utils.ConstantSchedule(0.2), **n.state()},
    ))()  # fmt: skip
