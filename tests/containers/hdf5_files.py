"""HDF5 files by hand, with what h5py writes of a chunked dataset: superblock, pipeline message, index, chunks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_UNDEFINED = b"\xff" * 8


def shuffled(data: bytes, size: int) -> bytes:
    """Return the first bytes of all elements of `size` bytes, then the second ones, and so on."""
    whole = len(data) // size * size
    return b"".join(data[i:whole:size] for i in range(size)) + data[whole:]


def pipeline(version: int, size: int, name: bytes = b"deflate\0") -> bytes:
    """Return a filter pipeline message: shuffle of elements of `size` bytes, if that is not 0, and deflate."""
    filters = [(2, b"shuffle\0", size)] if size else []
    filters.append((1, name, 6))
    if version == 2:
        return b"\x02" + bytes([len(filters)]) + b"".join(struct.pack("<HHHI", one, 1, 1, v) for one, _, v in filters)
    each = (struct.pack("<HHHH", one, len(n), 1, 1) + n + struct.pack("<II", v, 0) for one, n, v in filters)
    return b"\x01" + bytes([len(filters)]) + bytes(6) + b"".join(each)


def hdf5_chunked(
    chunks: Sequence[bytes],
    size: int = 0,
    version: int = 1,
    order: Sequence[int] | None = None,
    user_block: int = 0,
) -> bytes:
    """Return a file with one dataset.

    Args:
        chunks: what each holds, in the order of the dataset.
        size: of the elements that are shuffled (bytes); 0 for no shuffle.
        version: of the pipeline message.
        order: in which the chunks lie in the file.
        user_block: bytes in front of the superblock.
    """
    packed = [zlib.compress(shuffled(chunk, size) if size else chunk) for chunk in chunks]
    message = pipeline(version, size)
    index_at = 96 + len(message) + 40
    at = index_at + 24 + 32 * len(chunks)
    places, body = {}, b""
    for i in order or range(len(chunks)):
        places[i] = at + len(body)
        body += packed[i]
    index = b"TREE\x01\0" + struct.pack("<H", len(chunks)) + 2 * MAX_UNDEFINED
    for i, chunk in enumerate(packed):
        index += struct.pack("<IIQQQ", len(chunk), 0, i * len(chunks[0]), 0, places[i])
    end = user_block + at + len(body)
    superblock = SIGNATURE + bytes([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0]) + bytes(4)
    superblock += struct.pack("<QQQQ", user_block, (1 << 64) - 1, end, (1 << 64) - 1)
    return bytes(user_block) + superblock.ljust(96, b"\0") + message + bytes(40) + index + body
