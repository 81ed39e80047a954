"""Training curves: what the events say is what is drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
from torch.utils.tensorboard import SummaryWriter

from train.curves import PANELS, curves, main


def write_run(folder: Path, n: int) -> Path:
    writer = SummaryWriter(str(folder))
    for step in range(n):
        for scalars in PANELS.values():
            for i, scalar in enumerate(scalars):
                writer.add_scalar(scalar, step / 10 + i, step)
    writer.close()
    return folder


def test_every_scalar_is_a_line(tmp_path: Path) -> None:
    figure = curves([write_run(tmp_path / "a", 3), write_run(tmp_path / "b", 4)])
    for axes, (title, scalars) in zip(figure.axes, PANELS.items(), strict=True):
        assert axes.get_title() == title
        assert len(axes.lines) == 2 * len(scalars)
        assert axes.lines[0].get_xydata().round(3).tolist() == [[0, 0], [1, 0.1], [2, 0.2]]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == list(scalars.values())


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, output = write_run(tmp_path / "run", 2), tmp_path / "curves.png"
    monkeypatch.setattr(sys, "argv", ["train.curves", str(run), "--output", str(output)])
    main()
    assert output.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and output.stat().st_size < 150_000


def test_a_folder_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no scalars"):
        curves([tmp_path])
