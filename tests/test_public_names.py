import subprocess
import sys
from types import ModuleType

import pytest

import safepickle_dl

PUBLIC = [
    "BundleError",
    "Coverage",
    "Finding",
    "InputError",
    "SafePickleError",
    "ScanResult",
    "Scanner",
    "StreamReport",
    "Verdict",
    "__version__",
    "scan",
]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_all_is_the_public_surface() -> None:
    assert safepickle_dl.__all__ == PUBLIC
    assert dir(safepickle_dl) == PUBLIC
    for name in PUBLIC:
        assert getattr(safepickle_dl, name) is not None, name


def test_nothing_else_is_public() -> None:
    own = {
        name
        for name, value in vars(safepickle_dl).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "").startswith("safepickle_dl")
    }
    assert own <= set(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'unpickle'"):
        _ = safepickle_dl.unpickle


HEAVY = "print([m for m in ('torch', 'onnxruntime', 'numpy') if m in sys.modules])"


@pytest.mark.parametrize(
    "code",
    [
        "import sys, safepickle_dl",
        "import sys, safepickle_dl.cli",
        "import sys; from safepickle_dl.cli import main; main(['--version']); print()",
        "import sys; from safepickle_dl.cli import main; main(['scan', '--help']); print()",
    ],
)
def test_start_up_is_light(code: str) -> None:
    assert run(f"{code}\n{HEAVY}").splitlines()[-1] == "[]"


ENGINE = """
import sys, safepickle_dl
assert "safepickle_dl.scanner" not in sys.modules
safepickle_dl.Scanner
assert "safepickle_dl.scanner" in sys.modules
print("torch" in sys.modules)
"""


def test_the_engine_loads_on_first_touch_and_without_torch() -> None:
    assert run(ENGINE).strip() == "False"


PLAIN = """
import sys
from safepickle_dl import Scanner
assert Scanner().scan_bytes(b"].").verdict == "benign"
print([name for name in ("tarfile", "bz2", "lzma", "sqlite3", "safepickle_dl.containers.zip") if name in sys.modules])
"""


def test_formats_that_are_not_met_are_not_imported() -> None:
    assert run(PLAIN).strip() == "[]"
