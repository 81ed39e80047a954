"""The TorchScript module: bytes of a region in, scores and findings out. Imported only where torch is installed.

`script()` puts the core, the driver and this file's `Detector` into one source file and scripts it. What a later member
of the ensemble needs is added in `Detector.members`.
"""

from __future__ import annotations

import ast
import json
import linecache
import sys
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from safepickle_dl import __version__
from safepickle_dl.bundle import Bundle
from safepickle_dl.core import tokens as tk
from safepickle_dl.embed.assembly import assemble
from safepickle_dl.models.sequence import SequenceClassifier, SequenceConfig
from safepickle_dl.runtime.numpy import read_safetensors

if TYPE_CHECKING:
    from torch import Tensor

HERE = Path(__file__).parent
NAME = "safepickle_embedded"
"""Of the module that is scripted: it shows in the archive."""
DEPRECATED = r"`torch\.jit\.(script|script_method|save|load|interface)` is (deprecated|not supported)"
"""The warning that scripting gives since torch 2.9; nothing replaces it for code that is no net."""


def load_net(bundle: Bundle) -> SequenceClassifier:
    """Return the sequence classifier of a bundle."""
    config = json.loads((bundle.path / "config.json").read_text(encoding="utf-8"))
    net = SequenceClassifier(SequenceConfig(**config["architecture"]))
    weights = read_safetensors(bundle.weights_of("sequence"))
    net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in weights.items()})
    return net.eval().requires_grad_(False)


def source() -> str:
    """Return the text of the module that is scripted."""
    buffers = ast.parse((HERE / "torch_buffers.py").read_text(encoding="utf-8"))
    detector = ast.parse((HERE / "detector.py").read_text(encoding="utf-8"))
    parts = [buffers, assemble(extra=("driver",)), detector]
    return "\n\n".join(ast.unparse(ast.fix_missing_locations(_Script().visit(part))) for part in parts) + "\n"


class _Script(ast.NodeTransformer):
    """Writes what TorchScript knows: lists of ints for every buffer, no context manager, no imports but torch's."""

    def visit_With(self, node: ast.With) -> list[ast.stmt]:
        """`with unlocked` says nothing here."""
        self.generic_visit(node)
        return node.body

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Spell out the types."""
        if node.id in ("Bytes", "Octets", "Indices", "Ints"):
            return ast.parse("List[int]", mode="eval").body
        return ast.Name("List", node.ctx) if node.id == "list" else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        """What is imported from the package stands in the same file."""
        return None if node.module == "__future__" or (node.module or "").startswith("safepickle_dl") else node


@cache
def _module() -> ModuleType:
    """Return `source()` as a module; once in a process, since TorchScript knows its classes by their names."""
    text = source()
    file = f"{NAME}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # where TorchScript reads it
    module = ModuleType(NAME)
    module.__file__ = file
    sys.modules[NAME] = module
    exec(compile(text, file, "exec", dont_inherit=True), vars(module))
    return module


def script(bundle: Bundle) -> Any:
    """Return the scripted detector of a bundle."""
    point = bundle.operating_point()
    detector = _module().Detector(
        load_net(bundle),
        bundle.members["sequence"].weight,
        bundle.intercept,
        point.malicious,
        point.suspicious,
        bundle.version,
        json.dumps({"package": __version__, "model": bundle.version, "tokenizer": tk.VERSION}),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATED, DeprecationWarning)
        return torch.jit.script(detector.eval())


def tensor_of(data: bytes) -> Tensor:
    """Return bytes as the detector takes them, (n,) uint8."""
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
