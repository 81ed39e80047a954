from pathlib import Path

import pytest

from safepickle_dl import paths


def test_the_folder_inside_the_package_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "safepickle_dl"
    (tmp_path / "checkpoints").mkdir()
    package.mkdir()
    monkeypatch.setattr(paths, "__file__", str(package / "paths.py"))
    assert paths.checkpoints_dir() == tmp_path / "checkpoints"  # a checkout
    (package / "checkpoints").mkdir()
    assert paths.checkpoints_dir() == package / "checkpoints"  # a wheel


def test_this_installation_has_checkpoints() -> None:
    assert paths.checkpoints_dir().is_dir()
