"""What the build configuration says must be what the tree holds."""

import tomllib
from pathlib import Path

import pytest

import safepickle_dl

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_subpackage_is_in_the_wheel() -> None:
    folders = {path.parent for path in (ROOT / "safepickle_dl").rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    declared = set(PYPROJECT["tool"]["setuptools"]["packages"])
    assert declared - {"safepickle_dl.checkpoints"} == found
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_base_install_is_light() -> None:
    names = {line.split(">")[0] for line in PYPROJECT["project"]["dependencies"]}
    assert names == {"numpy", "backports.zstd"}


def test_the_version_is_a_plain_literal() -> None:
    source = (ROOT / "safepickle_dl" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{safepickle_dl.__version__}"' in source


@pytest.mark.parametrize("line", (ROOT / "constraints.txt").read_text().splitlines()[1:])
def test_constraints_are_exact(line: str) -> None:
    name, _, version = line.partition("==")
    assert name.replace("-", "").replace("_", "").replace(".", "").isalnum(), line
    assert version[0].isdigit() and "+" not in version, line


def test_torch_is_pinned() -> None:
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


INSTALL = "python -m pip install -c constraints.txt "


@pytest.mark.parametrize(
    ("marker", "command"),
    [
        ("scan-command", INSTALL + ". && safepickle-dl scan examples"),
        ("test-command", INSTALL + "-e '.[dev]' && python -m pytest"),
    ],
)
def test_readme_commands(marker: str, command: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split(f"\n<!-- {marker} -->\n```", 1)[1].split("\n```", 1)[0]
    assert block.split("\n", 1)[1] == command
