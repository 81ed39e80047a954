"""torch's legacy format: five pickles in a row, then raw storages whose sizes the fourth pickle states.

Source: `_legacy_save` and `_legacy_load` in `torch/serialization.py`. What is accounted for to the last byte is
passed over by range: nobody unpickles it, and it may be gigabytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from safepickle_dl import literals
from safepickle_dl.containers.region import Region
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.stream import PickleStream, global_text

MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa85019")
"""LONG1 of torch's magic number, as every protocol from 2 on writes it."""
N_PICKLES = 5
OBJECT = 3
"""Which of the pickles holds the object (index)."""

ITEM_BYTES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "UntypedStorage": 1,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
    "QInt8Storage": 1,
    "QUInt8Storage": 1,
    "QInt32Storage": 4,
}


def storages_end(streams: Sequence[PickleStream], region: Region) -> int:
    """Return where to read on behind the last of `streams`: behind the storages if all bytes are accounted for."""
    end = streams[-1].end
    if len(streams) != N_PICKLES or MAGIC not in region.data[region.start : streams[0].end][:32]:
        return end
    return region.end if end + _storage_bytes(streams[OBJECT]) == region.end else end


def _storage_bytes(stream: PickleStream) -> int:
    """Return the bytes of all storages that a pickle names, with their counts; -1 if any is not understood."""
    machine, nodes = stream.machine, stream.machine.nodes
    total = 0
    seen: set[str] = set()
    for site in range(machine.n_sites):
        if machine.site_opcode[site] != op.BINPERSID:
            continue
        key = machine.site_arguments[site]
        parts = [nodes.item(key, index) for index in range(5)]  # "storage", class, key, device, count
        if min(parts) < 0 or nodes.kind[parts[1]] != kd.GLOBAL or nodes.kind[parts[2]] != kd.TEXT:
            return -1
        name = literals.text(nodes.data, nodes.opcode[parts[2]], nodes.lo[parts[2]], nodes.end(parts[2]), 100)
        item_bytes = ITEM_BYTES.get(global_text(machine, parts[1])[1])
        count = nodes.integer(parts[4])
        if item_bytes is None or nodes.kind[parts[4]] != kd.INT or count < 0:
            return -1
        if name not in seen:
            seen.add(name)
            total += 8 + count * item_bytes
    return total
