"""Names beside files: which callables are drawn, what the net sees of them, and that it learns what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays, pad
from train.callees import Callees, slices_of
from train.corpus.build import write_callees_to_train
from train.corpus.config import CorpusConfig
from train.corpus.gadgets.callees import LABELS, Callee, write_callees
from train.module import SequenceTraining

ROWS = [
    Callee("shop.tools", "run", ("function", "process")),
    Callee("shop.tools", "Server.load", ("method", "unpickle", "write")),
    Callee("shop.errors", "NotFound", ("exception",)),
    Callee("shop.items", "Item1", ("class",)),
    Callee("shop.items", "Item2", ("class",)),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_callees(ROWS, {"shop": "shop-dist"}, tmp_path / "callees.parquet")
    return tmp_path / "callees.parquet"


def test_a_name_looks_as_its_call_does_in_a_file() -> None:
    arrays, place = slices_of((one.module, one.name) for one in ROWS)
    assert (arrays.channel[place[:4]] == 0).all() and len(set(place[:4])) == 4
    assert place[4] == -1  # Item2 looks like Item1
    file = SliceArrays.of(analyse(b"\x80\x02]cshop.tools\nrun\n)R\x85.").slices)
    call = pad(file, np.flatnonzero(file.channel == 0))[0]
    np.testing.assert_array_equal(pad(arrays, place[:1])[0], call)


def test_half_of_a_draw_reaches_a_sink(table: Path) -> None:
    callees = Callees(table, 8, seed=0)
    seen = set()
    for _ in range(20):
        drawn = callees.draw()
        labels = drawn["callee_labels"].numpy()
        assert drawn["callees"].shape[0] == len(labels) == 8 and labels.shape[1] == len(LABELS)
        assert (labels.sum(1) > 1).sum() == 4
        seen |= {tuple(np.array(LABELS)[row > 0]) for row in labels}
    assert seen == {one.labels for one in ROWS}


def test_a_table_without_sinks_is_refused(tmp_path: Path) -> None:
    write_callees(ROWS[2:], {}, tmp_path / "callees.parquet")
    with pytest.raises(ValueError, match="callables that reach a sink"):
        Callees(tmp_path / "callees.parquet", 4, seed=0)


def test_packages_of_judged_splits_are_left_out(table: Path, tmp_path: Path) -> None:
    config = CorpusConfig(output=str(tmp_path), callees=str(table))
    names = [f"package{i}" for i in range(60)]
    rows = [Callee(f"{name}.part", "f", ("function",)) for name in names]
    write_callees(rows, {name: f"lib-{name}" for name in names}, table)
    write_callees_to_train(config, tmp_path / "kept.parquet")
    kept = {module.partition(".")[0] for module in pq.read_table(tmp_path / "kept.parquet")["module"].to_pylist()}
    assert kept == {
        name
        for name in names
        if config.module_split(name) == "train" and config.library_split(f"lib-{name}") == "train"
    }
    assert 5 < len(kept) < 55


def test_what_callables_are_is_learned(table: Path) -> None:
    torch.manual_seed(0)
    module = SequenceTraining(d_model=16, n_layers=1, dropout=0.0, callee_weight=1.0)
    module.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    callees = Callees(table, 8, seed=0)
    files = {
        "tokens": torch.ones(1, 1, 10, dtype=torch.int32),
        "label": torch.zeros(1),
        "honest": torch.tensor([True]),
        "file": torch.tensor([0]),
    }
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    losses = []
    for _ in range(40):
        loss = module.training_step(files | callees.draw(), 0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    alone = float(module.training_step(files, 0)["loss"].detach())
    assert losses[-1] - alone < (losses[0] - alone) / 5
