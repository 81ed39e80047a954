# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""pandas: frames, series, indexes and every extension array."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import Item, family
from train.corpus.dumps.names import Names

COLUMNS = {
    "int": "[1, 2, 3]", "float": "[.5, None, 2.]", "bool": "[True, False, True]", "str": "['a', 'b', None]",
    "object": "[{'a': 1}, [2], 'x']", "category": "pd.Categorical(['a', 'b', 'a'])",
    "ordered": "pd.Categorical(['lo', 'hi', 'lo'], ['lo', 'hi'], ordered=True)", "time": "pd.date_range('2020', periods=3)",
    "zoned": "pd.date_range('2020', periods=3, tz='Europe/Berlin')", "delta": "pd.to_timedelta([1, 2, 3], 'h')",
    "period": "pd.period_range('2020', periods=3, freq='M')", "interval": "pd.interval_range(0, 3)",
    "Int64": "pd.array([1, None, 3], 'Int64')", "boolean": "pd.array([True, None, False], 'boolean')",
    "Float32": "pd.array([.5, None, 2], 'Float32')", "string": "pd.array(['a', None, 'c'], 'string')",
    "sparse": "pd.arrays.SparseArray([0, 0, 1])", "code": "['import os', 'eval(x)', '<script>']",
    "utc": "pd.date_range('2020', periods=3, tz='UTC')", "uint8": "np.arange(3, dtype='u1')",
}  # fmt: skip
INDEXES = (
    "pd.RangeIndex(3)", "pd.Index(list('abc'))", "pd.date_range('2021', periods=3, freq='h')", "pd.Index([1, 5, 9])",
    "pd.MultiIndex.from_product([['a'], [1, 2, 3]], names=['x', 'y'])", "pd.CategoricalIndex(list('aba'))",
    "pd.interval_range(0, 3)", "pd.period_range('2020', periods=3, freq='D')", "pd.to_timedelta([1, 2, 3], 's')",
    "pd.Index([.1, .2, .3])", "pd.date_range('2021', periods=3, freq='B', tz='US/Eastern')",
)  # fmt: skip
OTHERS = (
    "pd.Timestamp('2020-01-01 10:00')", "pd.Timestamp('2020-01-01', tz='UTC')", "pd.Timedelta('3h')", "pd.NaT", "pd.NA",
    "pd.Period('2020-03')", "pd.Interval(0, 1)", "pd.offsets.MonthEnd(2)", "pd.offsets.BDay()", "pd.CategoricalDtype(['a'])",
    "pd.StringDtype()", "pd.DatetimeTZDtype(tz='UTC')", "pd.Int64Dtype()", "pd.DateOffset(months=1)", "pd.to_datetime",
    "[pd.read_csv, pd.DataFrame, pd.Series.mean]", "{'load': pd.read_csv, 'agg': pd.Series.sum}", "pd.tseries.offsets.Hour(3)",
    "pd.get_dummies", "pd.PeriodDtype('M')", "pd.IntervalDtype('int64')",
)  # fmt: skip


def _eval(expression: str) -> Any:
    import numpy as np
    import pandas as pd

    return eval(expression, {"pd": pd, "np": np})  # our own constants above


@family("pandas")
def frames(rng: Random) -> Iterator[Item]:
    """Yield frames of mixed columns, series, indexes and scalars."""
    names = Names(rng)
    for _ in range(70):
        yield Item("pandas.frame", partial(_frame, names))
    for number in range(3):
        for kind in COLUMNS:
            yield Item(f"pandas.series-{kind}", partial(_series, names, kind))
            if number == 0:
                yield Item(f"pandas.array-{kind}", partial(_eval, COLUMNS[kind]))
        for index in INDEXES:
            yield Item("pandas.index", partial(_eval, index))
        for expression in OTHERS:
            yield Item("pandas.other", partial(_other, names, expression))


def _frame(n: Names) -> Any:
    import pandas as pd

    kinds = n.rng.sample(sorted(COLUMNS), n.rng.randrange(1, 7))
    made = pd.DataFrame({f"{n.field()}_{i}": _eval(COLUMNS[kind]) for i, kind in enumerate(kinds)})
    made.index = _eval(n.rng.choice(INDEXES))
    if n.rng.random() < 0.2:
        made.attrs = n.state()
    return n.rng.choice((made, made, {n.field(): made, **n.state()}, [made, n.text()], made.T))


def _series(n: Names, kind: str) -> Any:
    import pandas as pd

    return pd.Series(_eval(COLUMNS[kind]), index=_eval(n.rng.choice(INDEXES)), name=n.field())


def _other(n: Names, expression: str) -> Any:
    value = _eval(expression)
    return n.rng.choice((value, {n.field(): value, n.field(): n.value()}, [value, n.text()]))
