"""`torch.load(weights_only=True)` as a static rule: an import or an opcode that it refuses is a finding.

Source: torch/_weights_only_unpickler.py of the installed torch.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Sequence

import numpy as np
from torch import _weights_only_unpickler as unpickler

from safepickle_dl.core import opcodes as op
from train.judge.detector import Floats, Row

SUPPORTED = frozenset(
    {
        op.GLOBAL, op.NEWOBJ, op.REDUCE, op.BUILD, op.APPEND, op.APPENDS, op.SETITEM, op.SETITEMS, op.MARK, op.TUPLE,
        op.TUPLE1, op.TUPLE2, op.TUPLE3, op.NONE, op.NEWFALSE, op.NEWTRUE, op.EMPTY_TUPLE, op.EMPTY_LIST,
        op.EMPTY_DICT, op.EMPTY_SET, op.BININT, op.BININT1, op.BININT2, op.BINFLOAT, op.BINUNICODE, op.SHORT_BINSTRING,
        op.BINPERSID, op.BINGET, op.LONG_BINGET, op.BINPUT, op.LONG_BINPUT, op.LONG1, op.PROTO, op.STOP,
    }
)  # fmt: skip
"""The opcodes that its loop knows."""


class AllowList:
    """1 for a file that it would refuse, 0 for one that it would load."""

    name = "weights_only allow-list"
    columns = ("counts", "imports")
    points = {"refused": 0.5}  # noqa: RUF012  (a constant of the class, as the protocol asks)

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Read the list; there is nothing to learn."""
        self.allowed = frozenset(unpickler._get_allowed_globals())

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return 1 or 0."""
        return np.array([float(self._refuses(row)) for row in rows])

    def _refuses(self, row: Row) -> bool:
        if not SUPPORTED.issuperset(np.flatnonzero(np.asarray(row["counts"])).tolist()):
            return True
        return any(self._name(text) not in self.allowed for text in row["imports"])

    @staticmethod
    def _name(text: str) -> str:
        """Return the dotted name that it looks up, Python 2 names mapped as it maps them."""
        module, _, name = text.partition(" ")
        module, name = NAME_MAPPING.get((module, name), (module, name))
        return f"{IMPORT_MAPPING.get(module, module)}.{name}"
