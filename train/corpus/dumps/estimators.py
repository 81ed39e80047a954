# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""scikit-learn: every estimator that fits on tiny data, pipelines, searches, text vectorizers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import MODELS, Item, family
from train.corpus.dumps.names import Names, define

_SLOW = {"GaussianProcessClassifier", "TSNE", "MLPClassifier", "MLPRegressor", "DictionaryLearning", "SparsePCA"}
_STEPS = {
    "identity": "def $f(x):\n    return x\n", "log": "import numpy as np\ndef $f(x):\n    return np.log1p(np.abs(x))\n",
    "dense": "def $f(x, *, flag=True):\n    return x\n",
}  # fmt: skip
_CLASSES = (
    "from sklearn.base import BaseEstimator, TransformerMixin\nclass $C(BaseEstimator, TransformerMixin):\n"
    "    def __init__(self, $a=$n):\n        self.$a = $a\n    def fit(self, X, y=None):\n        self.fitted_ = True\n        return self\n"
    "    def transform(self, X):\n        return X\n",
    "from sklearn.base import BaseEstimator, ClassifierMixin\nimport numpy as np\nclass $C(ClassifierMixin, BaseEstimator):\n"
    "    def __init__(self, $a=$t):\n        self.$a = $a\n    def fit(self, X, y):\n        self.classes_ = np.unique(y)\n        return self\n"
    "    def predict(self, X):\n        return np.full(len(X), self.classes_[0])\n    def transform(self, X):\n        return X\n",
)


@family("scikit-learn", "sklearn")
def every(rng: Random) -> Iterator[Item]:
    """Yield each estimator, fitted twice: by default, and with other parameters."""
    from sklearn.utils import all_estimators

    for name, cls in all_estimators():
        yield Item(f"sklearn.{name}", partial(_fitted, rng, cls, False), MODELS, n_forms=2 if name in _SLOW else 3)
        if name not in _SLOW:
            yield Item(f"sklearn.{name}-varied", partial(_fitted, rng, cls, True), MODELS)


@family("scikit-learn", "sklearn")
def composed(rng: Random) -> Iterator[Item]:
    """Yield pipelines, searches, column transformers and vectorizers."""
    names = Names(rng)
    for number in range(14):
        for maker in (
            _pipeline,
            _function_pipeline,
            _columns,
            _search,
            _vectorizer,
            _text_pipeline,
            _artefact,
            _own_class,
        ):
            yield Item(f"sklearn.{maker.__name__.strip('_')}-{number}", partial(maker, names), MODELS)


def _data(r: Random) -> tuple[Any, Any]:
    import numpy as np

    generator = np.random.default_rng(r.randrange(10**6))
    n_rows, n_columns = r.choice(((24, 4), (30, 3), (40, 5)))
    x = np.abs(generator.normal(size=(n_rows, n_columns))) + 0.1
    return x, (np.arange(n_rows) % r.choice((2, 3)))


def _fitted(r: Random, cls: type, varied: bool) -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeRegressor

    x, y = _data(r)
    name = cls.__name__
    given: dict[str, Any] = {}
    parameters = cls._get_param_names()
    if "estimators" in parameters:
        base = DecisionTreeRegressor() if "Regressor" in name else LogisticRegression()
        given["estimators"] = [("a", base), ("b", base)]
    if "estimator" in parameters:
        given["estimator"] = DecisionTreeRegressor() if "Regress" in name else LogisticRegression()
    if "base_estimator" in parameters:
        given["base_estimator"] = LogisticRegression()
    given |= {"param_grid": {"C": [0.1, 1]}} if "param_grid" in parameters else {}
    given |= {"param_distributions": {"C": [0.1, 1]}, "n_iter": 2} if name == "RandomizedSearchCV" else {}
    given |= {"param_distributions": {"C": [0.1, 1]}} if "RandomSearch" in name else {}
    given |= {"steps": [("m", LogisticRegression())]} if name == "Pipeline" else {}
    given |= {"transformers": [("m", "passthrough", [0])]} if name == "ColumnTransformer" else {}
    given |= {"transformer_list": [("m", "passthrough")]} if name == "FeatureUnion" else {}
    given |= {"dictionary": np.eye(x.shape[1])} if name == "SparseCoder" else {}
    for key, value in (("n_estimators", r.randrange(2, 6)), ("max_iter", 50), ("n_components", 2), ("n_quantiles", 10)):
        if key in parameters and (varied or key == "n_estimators"):
            given[key] = value
    if varied:
        for key, value in (
            ("alpha", 0.3),
            ("C", 0.7),
            ("max_depth", 2),
            ("random_state", np.random.RandomState(r.randrange(99))),
        ):
            if key in parameters:
                given[key] = value
    given |= {"min_samples": 5} if name == "RANSACRegressor" else {}
    given |= {"n_components": 2} if name.endswith("RandomProjection") else {}
    given |= {"n_components": 3, "n_best": 2} if name == "SpectralBiclustering" else {}
    if name == "FrozenEstimator":
        given["estimator"] = LogisticRegression().fit(x, y)
    if name == "FixedThresholdClassifier":
        y = y % 2
    if name == "GammaRegressor":
        y = y + 1
    estimator = cls(**given)
    if name == "KernelCenterer":
        return estimator.fit(x @ x.T)
    if name.startswith(("PLS", "CCA")):
        return estimator.fit(x, x[:, :2])
    texts = ["import os", "exec all of it", "open the file now", "os system call"] * 6
    if name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        return estimator.fit(texts)
    if name in ("DictVectorizer", "FeatureHasher"):
        return estimator.fit([{"a": 1, "exec": 2}, {"b": 3}])
    if name in ("LabelEncoder", "LabelBinarizer"):
        return estimator.fit(["system", "open", "b", "a"])
    if name == "MultiLabelBinarizer":
        return estimator.fit([("a", "eval"), ("b",)])
    if name == "IsotonicRegression":
        return estimator.fit(x[:, 0], y)
    if (
        (name.startswith("Multi") and "Output" in name)
        or name in ("RegressorChain", "ClassifierChain")
        or "MultiTask" in name
    ):
        return estimator.fit(x, np.c_[y, 1 - y % 2])
    return estimator.fit(x, y)


def _models(r: Random) -> Any:
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree

    return r.choice((
        linear_model.LogisticRegression(C=r.random() + 0.1), linear_model.Ridge(), linear_model.SGDClassifier(max_iter=20),
        ensemble.RandomForestClassifier(r.randrange(2, 5)), ensemble.GradientBoostingClassifier(n_estimators=3),
        svm.SVC(probability=False, kernel=r.choice(("rbf", "linear"))), tree.DecisionTreeClassifier(max_depth=3),
        naive_bayes.GaussianNB(), neighbors.KNeighborsClassifier(r.randrange(1, 5)), ensemble.ExtraTreesRegressor(3),
        ensemble.IsolationForest(n_estimators=3), linear_model.ElasticNet(), svm.LinearSVC(),
    ))  # fmt: skip


def _scalers(r: Random) -> Any:
    from sklearn import decomposition, feature_selection, impute, preprocessing

    return r.choice((
        preprocessing.StandardScaler(), preprocessing.MinMaxScaler(), preprocessing.RobustScaler(), impute.SimpleImputer(),
        decomposition.PCA(2), preprocessing.PolynomialFeatures(2), preprocessing.PowerTransformer(), impute.KNNImputer(),
        feature_selection.SelectKBest(feature_selection.f_classif, k=2), preprocessing.KBinsDiscretizer(3),
        feature_selection.SelectPercentile(feature_selection.mutual_info_classif), preprocessing.QuantileTransformer(n_quantiles=5),
    ))  # fmt: skip


def _pipeline(n: Names) -> Any:
    from sklearn.pipeline import Pipeline, make_pipeline

    steps = [(n.field() + str(i), _scalers(n.rng)) for i in range(n.rng.randrange(1, 3))] + [("model", _models(n.rng))]
    made = Pipeline(steps) if n.rng.random() < 0.6 else make_pipeline(*(step for _, step in steps))
    return made.fit(*_data(n.rng))


def _function(n: Names) -> Any:
    import numpy as np

    if n.rng.random() < 0.25:
        return n.rng.choice((np.log1p, np.sqrt, np.abs, np.nan_to_num, partial(np.clip, a_min=0, a_max=9), np.exp))
    made = define(n.module(), n.fill(n.rng.choice(list(_STEPS.values())), f=(name := n.function())))
    return made[name]


def _function_pipeline(n: Names) -> Any:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    step = FunctionTransformer(_function(n), validate=n.rng.random() < 0.5, kw_args=None)
    return Pipeline([(n.field() + "_f", step), ("scale", _scalers(n.rng)), ("clf", _models(n.rng))]).fit(*_data(n.rng))


def _columns(n: Names) -> Any:
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

    x, y = _data(n.rng)
    if n.rng.random() < 0.2:
        import numpy as np

        return TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(x, y)
    encoder = n.rng.choice(
        (OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(), FunctionTransformer(_function(n)))
    )
    transformers = [(n.field(), _scalers(n.rng), [0, 1]), (n.field() + "_c", encoder, [2])]
    if n.rng.random() < 0.3:
        import pandas as pd

        x = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": ["u", "v"] * (len(x) // 2)})
        transformers = [
            ("n", _scalers(n.rng), make_column_selector(dtype_include="number")),
            ("o", OneHotEncoder(), ["c"]),
        ]
    return ColumnTransformer(transformers, remainder=n.rng.choice(("drop", "passthrough"))).fit(x, y)


def _search(n: Names) -> Any:
    from scipy import stats
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score, make_scorer
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    model, prefix = LogisticRegression(), ""
    if n.rng.random() < 0.5:
        model, prefix = make_pipeline(_scalers(n.rng), model), "logisticregression__"
    cv = n.rng.choice((2, StratifiedKFold(2, shuffle=True, random_state=1)))
    scoring = n.rng.choice((None, "accuracy", make_scorer(f1_score, average="macro")))
    if n.rng.random() < 0.5:
        return RandomizedSearchCV(model, {prefix + "C": stats.uniform(0.1, 1)}, n_iter=2, cv=cv, scoring=scoring).fit(
            *_data(n.rng)
        )
    return GridSearchCV(model, {prefix + "C": [0.1, n.rng.random() + 0.1]}, cv=cv, scoring=scoring).fit(*_data(n.rng))


def _documents(n: Names) -> list[str]:
    return [f"{n.text()} {n.field()} the model and exec import {n.text()}" for _ in range(20)]


def _vectorizer(n: Names) -> Any:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, HashingVectorizer, TfidfVectorizer

    options: dict[str, Any] = n.rng.choice((
        {"stop_words": "english"}, {"stop_words": ["the", "exec", "and"]}, {"token_pattern": r"[A-Za-z_]\w*|[^\w\s]"},
        {"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 3)}, {"tokenizer": str.split, "token_pattern": None},
        {"stop_words": list(ENGLISH_STOP_WORDS)[:50]}, {"preprocessor": str.lower}, {"min_df": 2, "max_features": 30},
        {"tokenizer": _function(n), "token_pattern": None}, {"analyzer": _function(n)},
    ))  # fmt: skip
    made = n.rng.choice((CountVectorizer, TfidfVectorizer, TfidfVectorizer, HashingVectorizer))(**options)
    try:
        return made.fit(_documents(n))
    except (TypeError, ValueError, AttributeError):
        return made  # a user's tokenizer that these documents do not suit: people dump unfitted ones too


def _text_pipeline(n: Names) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import Pipeline

    last = n.rng.choice((LogisticRegression(), MultinomialNB(), SGDClassifier(max_iter=20), TruncatedSVD(2)))
    labels = [n.rng.choice(("spam", "ham")) for _ in range(18)] + ["spam", "ham"]
    return Pipeline([("tfidf", TfidfVectorizer(token_pattern=r"\S+", lowercase=True)), (n.field(), last)]).fit(
        _documents(n), labels
    )


def _artefact(n: Names) -> Any:
    from sklearn.preprocessing import LabelEncoder

    model = _models(n.rng).fit(*_data(n.rng))
    encoder = LabelEncoder().fit([n.field(), n.field(), "exec"])
    return n.rng.choice(({"model": model, "encoder": encoder, **n.state()}, (model, encoder), [model, n.field(), n.plain()],
                         {"model": model, "predict": model.predict, "features": [n.field() for _ in range(4)]}))  # fmt: skip


def _own_class(n: Names) -> Any:
    from sklearn.pipeline import Pipeline

    made = define(n.module(), n.fill(n.rng.choice(_CLASSES), C=(name := n.cls())))[name]()
    return n.rng.choice((made, Pipeline([(n.field() + "_s", _scalers(n.rng)), ("own", made)]))).fit(*_data(n.rng))
