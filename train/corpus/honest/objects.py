"""Objects that honest pickles hold: of the standard library, of the libraries of models, of somebody's project."""

from __future__ import annotations

from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.honest.values import class_ref, function_ref, key, prose, regex, scalar, standard_ref, value
from train.corpus.spelling.expressions import Build, Call, New, Persistent, Ref, Same, SetItems
from train.corpus.spelling.scripts import bound


def state(rng: Draw) -> dict[str, Any]:
    """Return the state of an object."""
    made = {key(rng): value(rng) for _ in range(rng.randrange(1, 6))}
    if rng.random() < 0.25:
        made[key(rng)] = small_object(rng)
    return made


def array(rng: Draw) -> Any:
    """Return a numpy array as pickles hold it."""
    core = rng.choice(("numpy.core.multiarray", "numpy._core.multiarray"))
    kind = rng.choice(("f8", "f4", "i8", "i4", "b1", "u1"))
    n = rng.randrange(1, 6)
    dtype = Build(Call(Ref("numpy", "dtype"), (kind, False, True)), (3, "<", None, None, None, -1, -1, 0))
    if rng.random() < 0.3:
        return Call(Ref(core, "scalar"), (dtype, rng.randbytes(int(kind[1]))))
    made = Call(Ref(core, "_reconstruct"), (Ref("numpy", "ndarray"), (0,), b"b"))
    return Build(made, (1, (n,), dtype, False, rng.randbytes(n * int(kind[1]))))


def tensor(rng: Draw) -> Any:
    """Return a torch tensor as pickles hold it."""
    n = rng.randrange(1, 999)
    storage = rng.choice(("FloatStorage", "LongStorage", "HalfStorage", "DoubleStorage", "BFloat16Storage"))
    key_ = ("storage", Ref("torch", storage), str(rng.randrange(99)), rng.choice(("cpu", "cuda:0")), n)
    hooks = Call(Ref("collections", "OrderedDict"), ())
    made = Call(Ref("torch._utils", "_rebuild_tensor_v2"), (Persistent(key_), 0, (n,), (1,), False, hooks))
    if rng.random() < 0.3:
        return Call(
            Ref("torch._utils", "_rebuild_parameter"), (made, True, Call(Ref("collections", "OrderedDict"), ()))
        )
    return made


def state_dict(rng: Draw) -> Any:
    """Return a torch state_dict."""
    names = (
        f"layer{i}.{rng.choice(('weight', 'bias', 'running_mean', 'num_batches_tracked'))}"
        for i in range(rng.randrange(1, 6))
    )
    return SetItems(Call(Ref("collections", "OrderedDict"), ()), {name: tensor(rng) for name in names})


def custom_object(rng: Draw) -> Any:
    """Return an object of a project's class."""
    cls = class_ref(rng)
    made = rng.template(
        (
            lambda: New(cls),
            lambda: Call(Ref("copyreg", "_reconstructor"), (cls, Ref("builtins", "object"), None)),
            lambda: Call(cls, tuple(value(rng) for _ in range(rng.randrange(3)))),
            lambda: Call(Ref("copyreg", "__newobj__"), (cls,)),
        )
    )()
    return Build(made, (None, state(rng)) if rng.random() < 0.1 else state(rng))


def estimator(rng: Draw) -> Any:
    """Return something like a fitted scikit-learn estimator."""
    cls = rng.choice(
        (
            ("sklearn.linear_model._logistic", "LogisticRegression"),
            ("sklearn.ensemble._forest", "RandomForestClassifier"),
            ("sklearn.preprocessing._data", "StandardScaler"), ("sklearn.svm._classes", "SVC"),
            ("sklearn.pipeline", "Pipeline"),
            ("sklearn.feature_extraction.text", "TfidfVectorizer"), ("sklearn.decomposition._pca", "PCA"),
            ("sklearn.preprocessing._label", "LabelEncoder"), ("sklearn.cluster._kmeans", "KMeans"),
            ("xgboost.sklearn", "XGBClassifier"),
        )
    )  # fmt: skip
    made = {key(rng): rng.choice((scalar, array))(rng) for _ in range(rng.randrange(2, 8))}
    return Build(New(Ref(*cls)), {**made, "_sklearn_version": f"1.{rng.randrange(8)}.{rng.randrange(3)}"})


def small_object(rng: Draw) -> Any:
    """Return one honest object of many kinds."""
    if rng.random() < 0.05:
        return custom_object(rng)
    r = rng.randrange
    w = payloads.word(rng)
    return rng.template(
        (
            lambda: Call(
                Ref("datetime", "datetime"),
                (bytes([7, 200 + r(40), 1 + r(12), 1 + r(28), r(24), r(60), r(60), 0, 0, r(99)]),),
            ),
            lambda: Call(Ref("datetime", "date"), (bytes([7, 200 + r(40), 1 + r(12), 1 + r(28)]),)),
            lambda: Call(Ref("datetime", "timedelta"), (r(99), r(86400), 0)),
            lambda: Call(Ref("datetime", "timezone"), (Call(Ref("datetime", "timedelta"), (0, 0, 0)),)),
            lambda: SetItems(Call(Ref("collections", "OrderedDict"), ()), {key(rng): value(rng), key(rng): value(rng)}),
            lambda: SetItems(
                Call(Ref("collections", "defaultdict"), (Ref("builtins", rng.choice(("list", "int", "dict", "set"))),)),
                {w: value(rng)},
            ),
            lambda: Call(Ref("collections", "deque"), ([value(rng)], r(99))),
            lambda: Call(Ref("collections", "Counter"), ({w: r(99), prose(rng): r(9)},)),
            lambda: Call(Ref("decimal", "Decimal"), (str(r(10**6) / 100),)),
            lambda: Call(Ref("fractions", "Fraction"), (f"{r(99)}/{1 + r(99)}",)),
            lambda: Build(
                New(Ref("uuid", "UUID")), {"int": r(2**120), "is_safe": Call(Ref("uuid", "SafeUUID"), (None,))}
            ),
            lambda: Call(
                Ref("pathlib", rng.choice(("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"))),
                tuple(payloads.path(rng).split("/")),
            ),
            lambda: Call(Ref("re", "_compile"), (regex(rng), rng.choice((0, 2, 32, 34)))),
            lambda: Call(
                Ref("regex._regex_core", "compile") if rng.random() < 0.2 else Ref("re", "_compile"), (regex(rng), 0)
            ),
            lambda: _partial(rng),
            lambda: Call(Ref("operator", "attrgetter"), (key(rng),)),
            lambda: Call(Ref("operator", "itemgetter"), (rng.choice((r(9), key(rng))),)),
            lambda: Call(Ref("operator", "methodcaller"), (rng.choice(("lower", "strip", "get", "copy")),)),
            lambda: Call(
                Ref("builtins", "getattr"),
                (class_ref(rng), rng.choice(("from_config", "transform", "run", "load", "step"))),
            ),
            lambda: Call(
                Ref("builtins", "getattr"), (custom_object(rng), rng.choice(("forward", "get", "predict", "eval")))
            ),
            lambda: Call(Ref("builtins", rng.choice(("set", "frozenset", "bytearray", "list"))), ([r(9), r(9)],)),
            lambda: Call(Ref("builtins", rng.choice(("slice", "range", "complex"))), (r(9), r(9), 1)),
            lambda: Call(class_ref(rng), (rng.choice((r(9), w, key(rng))),)),  # a member of an enum
            lambda: Build(
                Call(Ref("builtins", rng.choice(("ValueError", "KeyError", "RuntimeError", "OSError"))), (prose(rng),)),
                state(rng),
            ),
            lambda: Call(Ref("logging", "getLogger"), (rng.choice((w, "__main__", f"src.{w}", "root")),)),
            lambda: Build(Call(Ref("types", "SimpleNamespace"), ()), state(rng)),
            lambda: Build(Call(Ref("argparse", "Namespace"), ()), {key(rng): prose(rng) for _ in range(r(1, 6))}),
            lambda: Build(Call(Ref("random", "Random"), ()), (3, tuple(r(2**32) for _ in range(8)), None)),
            lambda: Build(
                Call(Ref("numpy.random._pickle", "__randomstate_ctor"), ("MT19937",)),
                {"bit_generator": "MT19937", "pos": r(624)},
            ),
            lambda: Call(Ref("numpy", "dtype"), (rng.choice(("f8", "O8", "i4")), False, True)),
            lambda: Call(
                Ref("functools", "reduce"), (Ref("operator", rng.choice(("mul", "or_"))), [1 + r(9), 1 + r(9)])
            ),
            lambda: Call(Ref("_codecs", "encode"), (rng.randbytes(r(1, 20)).decode("latin1"), "latin1")),
            lambda: Call(Ref("zoneinfo", "ZoneInfo._unpickle"), (rng.choice(("Europe/Paris", "UTC", "Asia/Tokyo")), 1)),
            lambda: Call(Ref("pytz", "_p"), (rng.choice(("Europe/Berlin", "US/Eastern")), 3600, 0, "CET")),
            lambda: Call(Ref("ipaddress", "IPv4Address"), (r(2**32),)),
            lambda: Call(Ref("torch", rng.choice(("device", "Size"))), (rng.choice(("cpu", "cuda")),)),
            lambda: Call(Ref("torch.serialization", "_get_layout"), ("torch.strided",)),
            lambda: Call(Ref("scipy._lib._bunch", "_rebuild"), (w, (r(9),))) if rng.random() < 0.2 else array(rng),
            lambda: Call(
                Ref("pandas.core.indexes.base", "_new_Index"),
                (Ref("pandas.core.indexes.base", "Index"), {"data": array(rng), "name": w}),
            ),
            lambda: Call(
                Ref("pandas.core.internals.blocks", "new_block"),
                (array(rng), Call(Ref("builtins", "slice"), (0, 1, 1)), 2),
            ),
            lambda: Call(Ref("sympy.core.numbers", "Integer"), (r(99),)),
            lambda: Call(Ref("networkx.classes.graph", "Graph"), ()),
            lambda: function_object(rng),
            lambda: class_ref(rng),
            lambda: function_ref(rng),
            lambda: standard_ref(rng),
            lambda: {key(rng): standard_ref(rng) for _ in range(r(1, 6))},
            lambda: Build(custom_object(rng), {f"_{key(rng)}": standard_ref(rng)}),
            lambda: Ref(
                *rng.choice(
                    (
                        ("numpy", "float64"),
                        ("builtins", "int"),
                        ("torch", "float32"),
                        ("math", "sqrt"),
                        ("builtins", "len"),
                        ("numpy", "mean"),
                    )
                )
            ),
            lambda: array(rng),
            lambda: tensor(rng),
            lambda: custom_object(rng),
        )
    )()


def function_object(rng: Draw) -> Any:
    """Return a part of a function by value, as dill and cloudpickle write it."""
    return rng.template(
        (
            lambda: Call(Ref("dill._dill", "_load_type"), (rng.choice(("CodeType", "FunctionType", "ObjectType")),)),
            lambda: Call(Ref("dill._dill", "_import_module"), (rng.choice(("numpy", "torch", "pandas", "os")),)),
            lambda: Call(Ref("cloudpickle.cloudpickle", "subimport"), (rng.choice(("numpy", "torch", "re", "math")),)),
            lambda: Call(Ref("cloudpickle.cloudpickle", "_builtin_type"), ("CodeType",)),
        )
    )()


def _partial(rng: Draw) -> Any:
    target = rng.choice(
        (
            function_ref(rng), class_ref(rng), standard_ref(rng), Ref("torch.nn", "LayerNorm"), Ref("numpy", "mean"),
            Ref("builtins", "int"),
            Ref("torch.optim", "Adam"), Ref("builtins", "max"), Ref("math", "pow"),
            Ref("torch.nn", "init.xavier_uniform_"),
        )
    )  # fmt: skip
    return partial_of(target, rng)


def partial_of(target: Any, rng: Draw) -> Build:
    """Return `functools.partial` of a callable with plain arguments; nothing calls it."""
    arguments = tuple(scalar(rng) for _ in range(rng.randrange(2)))
    keywords = {key(rng): scalar(rng) for _ in range(rng.randrange(3))}
    return bound(Ref("functools", "partial"), target, arguments, keywords)


def whole(rng: Draw) -> Any:
    """Return what a whole honest pickle holds."""
    if rng.random() < 0.1:
        return small_object(rng)
    return rng.template(
        (
            lambda: small_object(rng),
            lambda: {key(rng): small_object(rng) for _ in range(rng.randrange(1, 5))},
            lambda: [small_object(rng) for _ in range(rng.randrange(1, 4))],
            lambda: custom_object(rng),
            lambda: estimator(rng),
            lambda: state_dict(rng),
            lambda: {"epoch": rng.randrange(99), "state_dict": state_dict(rng), "args": custom_object(rng)},
            lambda: Build(
                New(class_ref(rng)),
                {
                    "_modules": SetItems(
                        Call(Ref("collections", "OrderedDict"), ()),
                        {
                            str(i): Build(
                                New(Ref("torch.nn.modules.linear", "Linear")),
                                {"training": True, "_parameters": state_dict(rng)},
                            )
                            for i in range(rng.randrange(1, 3))
                        },
                    )
                },
            ),
            lambda: [{"text": prose(rng), "label": rng.randrange(2)} for _ in range(rng.randrange(1, 6))],
            lambda: dict.fromkeys((key(rng), "again"), Same(array(rng))),
        )
    )()
