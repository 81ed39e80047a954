"""One file to the columns of a row: slices for the nets, counts and texts for the baselines, and what they weigh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from safepickle_dl.analysis import Analysis, analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.reader import Buffer
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from safepickle_dl.stream import PickleStream, global_text

MAX_SLICES = 4096
"""Distinct slices of one file that are kept (count); the largest honest files have more, all alike."""
MAX_TEXT = 400
"""Length of the arguments in the text of a call site (characters)."""
MAX_GLOBALS = 512
"""Distinct imports of one file that are kept (count)."""

IntArray = npt.NDArray[np.int64]


def slice_keys(arrays: SliceArrays) -> list[bytes]:
    """Return what identifies each slice, in any file: its roles and ids."""
    plain = (arrays.tokens & ((1 << tk.WORD_SHIFT) - 1)).astype(np.int32)
    return [plain[start:end].tobytes() for start, end in zip(arrays.first[:-1], arrays.first[1:], strict=True)]


def signature(arrays: SliceArrays) -> str:
    """Return a digest of the set of slices, integers, lengths and digits aside; "" if there is no call site.

    Files with the same one are near-duplicates.
    """
    ids = (arrays.tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
    structure = (ids >= tk.SCALAR) & (ids < tk.PUNCTUATION)
    plain = np.where(structure, tk.SCALAR, ids).astype(np.int32)
    parts = {
        plain[start:end].tobytes()
        for start, end, channel in zip(arrays.first[:-1], arrays.first[1:], arrays.channel, strict=True)
        if channel == 0
    }
    if not parts:
        return ""
    return hashlib.sha256(b"".join(sorted(hashlib.sha256(part).digest() for part in parts))).hexdigest()


def signature_of(data: Buffer) -> str:
    """Return the signature of a file's bytes."""
    return signature(SliceArrays.of(analyse(data).slices))


def subset(arrays: SliceArrays, kept: IntArray) -> SliceArrays:
    """Return the slices `kept` (indices, ascending) alone, with only the words that they use."""
    lengths = arrays.lengths[kept]
    spans = [arrays.tokens[arrays.first[k] : arrays.first[k + 1]] for k in kept]
    tokens = np.concatenate([np.zeros(0, np.int64), *spans])
    used, words = np.unique(tokens >> tk.WORD_SHIFT, return_inverse=True)
    return SliceArrays(
        tokens=tokens & ((1 << tk.WORD_SHIFT) - 1) | words << tk.WORD_SHIFT,
        first=np.concatenate([[0], np.cumsum(lengths)]),
        channel=arrays.channel[kept],
        grams=arrays.grams[used],
    )


def opcode_counts(streams: Iterable[PickleStream]) -> IntArray:
    """Return (256,) how often each opcode occurs; the raw bytes of joblib's arrays are no opcodes."""
    counts = np.zeros(256, np.int64)
    for stream in streams:
        edges = [stream.start, *(edge for span in stream.crossed for edge in span), stream.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            lexer = Lexer(stream.data, start, end)
            more = True
            while more:
                more = lexer.read_block()
                codes = np.asarray(memoryview(lexer.ops)[: lexer.count])
                counts += np.bincount(codes[codes < 256], minlength=256)
    return counts


def imports_of(streams: Iterable[PickleStream]) -> list[str]:
    """Return the distinct imports, "module name", sorted; an import with computed names is "* *"."""
    found: set[str] = set()
    for stream in streams:
        machine = stream.machine
        for i in range(machine.n_sites):
            node = machine.site_result[i]
            if machine.site_opcode[i] in op.IMPORTS and node >= 0 and len(found) < MAX_GLOBALS:
                if machine.nodes.kind[node] == kd.GLOBAL:
                    module, name = global_text(machine, node)
                    found.add(f"{module} {name}" if module and name else "* *")
                elif machine.nodes.kind[node] == kd.EXTENSION:
                    found.add("* *")
    return sorted(found)


def site_text(analysis: Analysis, k: int) -> str:
    """Return the call site behind slice `k` as one line."""
    machine = analysis.streams[analysis.slices.source[k]].machine
    site = analysis.slices.site[k]
    return (
        f"{opcode_name(machine.site_opcode[site])} {callee_text(machine, machine.site_callee[site])} "
        f"{arguments_text(machine, machine.site_arguments[site], MAX_TEXT)}"
    )


def distinct_texts(analysis: Analysis, chosen: IntArray) -> list[str]:
    """Return the texts of the call sites behind slices, each one once."""
    return list(dict.fromkeys(site_text(analysis, int(k)) for k in chosen))


def columns_of(
    data: Buffer,
    host_keys: frozenset[bytes] = frozenset(),
    max_others: int = MAX_SLICES,
    seed: int = 0,
    with_texts: bool = True,
) -> dict[str, Any] | None:
    """Return the columns of a file's bytes, or None if it holds no pickle.

    Args:
        data: the whole file.
        host_keys: slices (as `slice_keys` names them) that are not the payload's, if something was put into a host.
        max_others: how many slices that are not the payload's are kept, drawn at random (count).
        seed: of the drawing.
        with_texts: whether to write out call sites and imports, which takes most of the time.
    """
    analysis = analyse(data)
    if not analysis.streams:
        return None
    arrays = SliceArrays.of(analysis.slices)
    is_payload = np.array([bool(host_keys) and key not in host_keys for key in slice_keys(arrays)], bool)
    others = np.flatnonzero(~is_payload)
    if len(others) > max_others:
        others = np.random.default_rng(seed).choice(others, max_others, replace=False)
    kept = np.sort(np.concatenate([np.flatnonzero(is_payload)[:MAX_SLICES], others]))
    few = subset(arrays, kept)
    by_payload = kept[np.argsort(~is_payload[kept], kind="stable")]
    return {
        "tokens": few.tokens,
        "first": few.first,
        "channel": few.channel,
        "payload": is_payload[kept],
        "grams": few.grams.reshape(-1),
        "texts": distinct_texts(analysis, by_payload[arrays.channel[by_payload] == 0]) if with_texts else [],
        "imports": imports_of(analysis.streams) if with_texts else [],
        "counts": opcode_counts(analysis.streams),
        "signature": signature(arrays) or hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "opcodes": sum(stream.machine.n_instructions for stream in analysis.streams),
        "protocol": max(stream.machine.protocol for stream in analysis.streams),
        "n_streams": len(analysis.streams),
        "complete": analysis.coverage.complete,
    }
