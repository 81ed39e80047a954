"""The TorchScript module: bytes of a region in, scores and findings out. Imported only where torch is installed.

`script()` puts the core, the driver and `detector.Detector` into one source file and scripts it, with the members of a
bundle as its submodules.
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
from safepickle_dl.bundle import MEMBERS, Bundle
from safepickle_dl.core import tokens as tk
from safepickle_dl.embed.assembly import assemble
from safepickle_dl.models.autoencoder import Autoencoder, AutoencoderConfig
from safepickle_dl.models.handcrafted import Handcrafted
from safepickle_dl.models.sequence import SequenceClassifier, SequenceConfig
from safepickle_dl.runtime.novelty import NoveltyScorer
from safepickle_dl.runtime.numpy import read_safetensors
from safepickle_dl.runtime.trees import TreeClassifier

if TYPE_CHECKING:
    from torch import Tensor

WRITTEN_ALIKE = ("search", "names", "driver", "encoded", "inflate", "nested")
"""Modules beside this one that are written like core/, each behind those that it needs."""
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
    parts = [buffers, assemble(extra=WRITTEN_ALIKE), detector]
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
    anomaly = load_autoencoder(bundle) if "anomaly" in bundle.members else None
    trees = TreeClassifier(bundle.weights_of("handcrafted")) if "handcrafted" in bundle.members else None
    counts = [bundle.members.get(name) for name in MEMBERS]
    detector = _module().Detector(
        load_net(bundle),
        Handcrafted(trees).eval() if trees else None,
        anomaly,
        [(m.weight, m.slope, m.intercept) if m else (0.0, 0.0, 0.0) for m in counts],
        _percentiles(bundle) if anomaly else (torch.zeros(2), torch.zeros(2)),
        bundle.intercept,
        point.malicious,
        point.suspicious,
        bundle.version,
        json.dumps({"package": __version__, "model": bundle.version, "tokenizer": tk.VERSION}),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATED, DeprecationWarning)
        return torch.jit.script(detector.eval())


def load_autoencoder(bundle: Bundle) -> Autoencoder:
    """Return the autoencoder of a bundle."""
    weights = read_safetensors(bundle.weights_of("anomaly"))
    n_symbols, d_model = weights["symbol"].shape
    net = Autoencoder(
        AutoencoderConfig(
            n_grams=n_symbols - tk.FIRST_WORD,
            d_model=d_model,
            d_hidden=len(weights["encoder.0.bias"]),
            d_code=len(weights["encoder.2.bias"]),
        )
    )
    net.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in net.state_dict()})
    return net.eval().requires_grad_(False)


def _percentiles(bundle: Bundle) -> tuple[Tensor, Tensor]:
    scorer = NoveltyScorer(bundle.weights_of("anomaly"))
    return torch.from_numpy(scorer.knots.copy()), torch.from_numpy(scorer.levels.copy())


def tensor_of(data: bytes) -> Tensor:
    """Return bytes as the detector takes them, (n,) uint8."""
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
