"""Find malicious pickle files without ever unpickling anything.

    from safepickle_dl import scan
    result = scan("model.pt")

Importing this package is cheap on purpose: the engine, and numpy and onnxruntime with it, is
loaded when `Scanner` or `scan` is first touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safepickle_dl.errors import BundleError, InputError, SafePickleError
from safepickle_dl.types import Coverage, Finding, ScanResult, StreamReport, Verdict

if TYPE_CHECKING:
    from safepickle_dl.scanner import Scanner, scan

__version__ = "0.1.0"

__all__ = [
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


def __getattr__(name: str) -> Any:
    """Load the engine when one of its two names is first asked for (PEP 562)."""
    if name in {"Scanner", "scan"}:
        from safepickle_dl import scanner

        return getattr(scanner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, the lazy ones too."""
    return sorted(__all__)
