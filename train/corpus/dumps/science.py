# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""scipy, statsmodels, networkx, sympy, astropy, shapely."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, MODELS, Item, family
from train.corpus.dumps.names import Names

_SCIPY = (
    "sparse.{csr}_matrix(np.eye({n}))", "sparse.{csr}_array(np.eye({n}))", "interpolate.interp1d([0, 1, {n}], [0, 1, 4])",
    "interpolate.CubicSpline([0, 1, {n}], [0, 1, 4])", "interpolate.UnivariateSpline(range(8), range(8), s={x})",
    "interpolate.PchipInterpolator([0, 1, {n}], [0, 1, 4])", "interpolate.BSpline(np.arange(8.), [1, {x}, 3, 4], 3)",
    "interpolate.RegularGridInterpolator((range(3), range(2)), np.ones((3, 2)))", "interpolate.RBFInterpolator([[0, 0], [0, 1], [1, 0], [1, 2]], [1, 2, 3, {n}])",
    "interpolate.NearestNDInterpolator(np.eye(3), [1, 2, {n}])", "interpolate.Akima1DInterpolator(range(5), range(5))",
    "stats.{dist}({x})", "stats.{dist}", "stats.gaussian_kde(np.arange({n}.))", "stats.multivariate_normal([0, {x}])",
    "stats.{dist}({x}, scale={n}).rvs", "stats.rv_histogram(np.histogram(range({n}), 3))", "stats.linregress(range({n}), range({n}))",
    "optimize.minimize(lambda x: (x ** 2).sum(), [{x}])", "optimize.Bounds([0], [{n}])", "optimize.LinearConstraint([1], 0, {n})",
    "spatial.cKDTree(np.eye({n}))", "spatial.KDTree(np.eye({n}))", "spatial.transform.Rotation.from_euler('x', {x})",
    "cluster.hierarchy.ClusterNode({n})", "signal.butter(3, {x}, output='sos')", "signal.TransferFunction([1], [1, {x}])",
    "signal.StateSpace(np.eye(2), np.ones((2, 1)), np.ones((1, 2)), {x})", "integrate.solve_ivp(lambda t, y: -y, (0, 1), [{x}])",
    "special.expit", "[special.erf, special.gamma]", "ndimage.gaussian_filter", "stats.rv_discrete(values=([0, 1], [.5, .5]))",
    "spatial.distance.cosine", "{{'metric': spatial.distance.euclidean, 'k': {n}}}", "stats.ttest_ind([1, 2, {n}], [3, 4, 5])",
)  # fmt: skip


def _eval(expression: str, **modules: str) -> Any:
    names = {name: importlib.import_module(path) for name, path in modules.items()}
    return eval(expression, {"np": importlib.import_module("numpy"), **names})  # our own constants


def _filled(n: Names, expression: str) -> str:
    r = n.rng
    return expression.format(
        n=r.randrange(4, 12), x=round(0.1 + 0.8 * r.random(), 3), csr=r.choice(("csr", "csc", "coo", "lil", "dok", "bsr", "dia")),
        dist=r.choice(("gamma", "beta" if "()" in expression else "lognorm", "t", "chi2", "poisson", "expon", "norm", "pareto")),
    )  # fmt: skip


def _held(n: Names, make: Any) -> Any:
    value = make()
    return n.rng.choice((value, value, {n.field(): value, **n.state()}, [value, n.text()]))


@family("scipy")
def scipy(rng: Random) -> Iterator[Item]:
    """Yield sparse matrices, interpolators, distributions, results."""
    n = Names(rng)
    parts = (
        "sparse",
        "interpolate",
        "stats",
        "optimize",
        "spatial",
        "cluster",
        "signal",
        "integrate",
        "special",
        "ndimage",
    )
    modules = {part: f"scipy.{part}" for part in parts}
    for _ in range(5):
        for index, expression in enumerate(_SCIPY):
            make = partial(_held, n, partial(_eval, _filled(n, expression), **modules))
            yield Item(f"scipy.{index}-{expression.partition('(')[0]}", make)


@family("statsmodels")
def statsmodels(rng: Random) -> Iterator[Item]:
    """Yield models and fitted results."""
    n = Names(rng)
    expressions = (
        "sm.OLS(y, x)", "sm.OLS(y, x).fit()", "sm.GLM(y, x).fit()", "sm.Logit(y > 0, x).fit(disp=0)", "sm.WLS(y, x).fit()",
        "sm.RLM(y, x).fit()", "sm.tsa.AutoReg(y, 1).fit()", "sm.tsa.ARIMA(y, order=(1, 0, 0)).fit()", "sm.QuantReg(y, x).fit()",
        "sm.tsa.SimpleExpSmoothing(y, initialization_method='estimated').fit()", "smf.ols('y ~ a + np.log(b)', frame).fit()", "smf.glm('y ~ a', frame).fit()",
        "sm.nonparametric.KDEUnivariate(y)", "sm.GLM(y > 0, x, family=sm.families.Binomial()).fit()", "sm.OLS(y, x).fit().params",
    )  # fmt: skip
    for _ in range(3):
        for expression in expressions:
            yield Item(f"statsmodels.{expression}", partial(_held, n, partial(_statsmodels, n, expression)), MODELS)


def _statsmodels(n: Names, expression: str) -> Any:
    import numpy as np
    import pandas as pd

    g = np.random.default_rng(n.rng.randrange(999))
    x, y = g.normal(size=(20, 2)), g.normal(size=20)
    frame = pd.DataFrame({"y": y, "a": x[:, 0], "b": np.abs(x[:, 1]) + 1})
    names = {
        "sm": importlib.import_module("statsmodels.api"),
        "smf": importlib.import_module("statsmodels.formula.api"),
    }
    return eval(expression, names | {"x": x, "y": y, "frame": frame, "np": np})  # our own constants


@family("networkx")
def networkx(rng: Random) -> Iterator[Item]:
    """Yield graphs with attributes."""
    n = Names(rng)
    expressions = (
        "nx.path_graph({n})", "nx.DiGraph([(1, {n}), ('a', 'b')])", "nx.karate_club_graph()", "nx.gnp_random_graph({n}, {x})",
        "nx.MultiDiGraph([(1, 2), (1, {n})])", "nx.balanced_tree(2, 3)", "nx.grid_2d_graph(2, {n})", "nx.MultiGraph([(0, {n})])",
        "nx.path_graph({n}).subgraph([0, 1])", "nx.path_graph({n}).edges", "nx.path_graph({n}).adj", "nx.DiGraph([(0, 1)]).reverse(copy=False)",
    )  # fmt: skip
    for _ in range(6):
        for expression in expressions:
            yield Item(f"networkx.{expression}", partial(_graph, n, _filled(n, expression)))


def _graph(n: Names, expression: str) -> Any:
    made = _eval(expression, nx="networkx")
    if hasattr(made, "graph") and not made.__class__.__name__.startswith("_"):
        made.graph.update(n.state())
        if (
            n.rng.random() < 0.5
            and hasattr(made, "add_node")
            and "subgraph" not in expression
            and "copy=False" not in expression
        ):
            made.add_node(n.field(), **n.state())
    return _held(n, lambda: made)


@family("sympy")
def sympy(rng: Random) -> Iterator[Item]:
    """Yield expressions, matrices and solutions."""
    n = Names(rng)
    expressions = (
        "sp.sin(x) ** {n} + {n}", "sp.Matrix([[x, 1], [y, {n}]])", "sp.Eq(x ** 2, {n})", "sp.Integral(sp.exp(-x), (x, 0, {n}))",
        "sp.symbols('a b c')", "sp.Rational(1, {n})", "sp.Poly(x ** {n} + 1, x)", "sp.solve(x ** 2 - {n}, x)", "sp.Function('f')(x)",
        "sp.diff(sp.log(x * y), x)", "sp.Piecewise((x, x > 0), (0, True))", "sp.FiniteSet(1, {n})", "sp.pi * sp.I", "sp.Symbol('x', real=True)",
        "sp.srepr(sp.cos(x) / {n})", "sp.ImmutableMatrix([[1, x]])", "sp.Interval(0, {n})", "sp.And(x > 1, y < {n})", "sp.oo + x",
        "sp.Lambda(x, x ** {n})", "sp.sqrt({n}) + sp.E", "sp.Sum(x, (x, 1, {n}))", "sp.Float({x})", "sp.sin",
    )  # fmt: skip
    for _ in range(4):
        for expression in expressions:
            yield Item(f"sympy.{expression}", partial(_held, n, partial(_sympy, n, _filled(n, expression))), ANY)


def _sympy(n: Names, expression: str) -> Any:
    import sympy as sp

    return eval(
        expression, {"sp": sp, "x": sp.Symbol(n.field()), "y": sp.Symbol(n.field() + "_y")}
    )  # our own constants


@family("astropy")
def astropy(rng: Random) -> Iterator[Item]:
    """Yield quantities, times, tables, coordinates."""
    n = Names(rng)
    expressions = (
        "{n} * u.km / u.s", "time.Time('2020-01-0{d}')", "table.Table({{'a': [1, {n}], 'b': ['x', 'y']}})", "u.Unit('erg / cm2')",
        "coordinates.SkyCoord({n} * u.deg, {x} * u.deg)", "time.TimeDelta({n}, format='sec')", "table.QTable({{'v': [1, {n}] * u.m}})",
        "coordinates.Angle({x}, 'rad')", "modeling.models.Gaussian1D({n}, 0, {x})", "u.Quantity([1, {n}], 'Jy')",
    )  # fmt: skip
    modules = {"u": "astropy.units", **{m: f"astropy.{m}" for m in ("time", "table", "coordinates", "modeling")}}
    importlib.import_module("astropy.modeling.models")
    for _ in range(4):
        for expression in expressions:
            filled = _filled(n, expression.replace("{d}", str(rng.randrange(1, 9))))
            yield Item(f"astropy.{expression}", partial(_held, n, partial(_eval, filled, **modules)))


@family("shapely")
def shapely(rng: Random) -> Iterator[Item]:
    """Yield geometries."""
    n = Names(rng)
    expressions = ("g.Point(0, {n})", "g.LineString([(0, 0), (1, {n})])", "g.box(0, 0, 1, {n})", "g.Polygon([(0, 0), (1, 0), (1, {n})])",
                   "g.MultiPoint([(0, 0), (1, {n})])", "g.Point(0, 0).buffer({x})", "strtree.STRtree([g.Point(0, {n})])")  # fmt: skip
    for _ in range(4):
        for expression in expressions:
            make = partial(_eval, _filled(n, expression), g="shapely.geometry", strtree="shapely.strtree")
            yield Item(f"shapely.{expression}", partial(_held, n, make))
