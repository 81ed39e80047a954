"""What can be decompressed: one codec each for gzip, bzip2, xz, lzma-alone, zlib, lz4 and zstd.

The standard library's, but for LZ4 (our own, `lz4.py`) and for zstd before Python 3.14 (`backports.zstd`). Each is
loaded when it is first met.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from safepickle_dl.reader import Buffer

MAX_DICTIONARY_BYTES = 1 << 28
"""Memory that an xz or lzma stream may ask for (bytes); `xz -9` asks for a quarter of it."""

FAILURES = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, OverflowError, MemoryError)
"""What decompressors raise on bytes that they do not like."""


class Decoder(Protocol):
    """The interface of `bz2.BZ2Decompressor` and `lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool: ...  # noqa: D102
    @property
    def needs_input(self) -> bool: ...  # noqa: D102
    @property
    def unused_data(self) -> bytes: ...  # noqa: D102
    def decompress(self, data: bytes, max_length: int) -> bytes: ...  # noqa: D102


class Deflate:
    """Raw deflate with the interface of the other decompressors."""

    def __init__(self) -> None:
        """Begin a stream."""
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the last block has ended."""
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        """Whether all input so far is used up."""
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """Input after the end of the stream."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes more."""
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of compressed stream."""

    name: str
    make: Callable[[], Decoder]
    header: Callable[[Buffer, int, int], int] = lambda data, start, end: 0
    """Bytes before what the decoder reads, given the buffer, the start and the end."""
    trailer: int = 0
    """Bytes after what the decoder reads."""
    several: bool = True
    """Whether further streams may follow, which loaders read as one."""
    weak: bool = False
    """Whether its first bytes are often met by chance."""


def _gzip_header(data: Buffer, start: int, end: int) -> int:
    """Return the length of a gzip header (RFC 1952), read as leniently as CPython's `gzip`."""
    flags = data[start + 3] if start + 3 < end else 0
    position = start + 10
    if flags & 4:
        position += 2 + int.from_bytes(data[position : position + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            zero = data.find(b"\0", position, end)
            position = zero + 1 if zero >= 0 else end
    if flags & 2:
        position += 2
    return min(position, end) - start


def _lz4() -> Decoder:
    from safepickle_dl.containers.lz4 import Lz4Frame

    return Lz4Frame()


class _Zstd:
    """A zstd decoder whose errors are ValueErrors."""

    def __init__(self) -> None:
        """Begin a frame.

        Raises:
            ValueError: neither Python 3.14 nor `backports.zstd` is there.
        """
        try:
            zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        except ImportError as error:
            raise ValueError(f"no decoder: {error}") from None
        self._failure: type[Exception] = zstd.ZstdError
        self._zstd: Decoder = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._zstd.eof

    @property
    def needs_input(self) -> bool:
        """Whether all input so far is used up."""
        return self._zstd.needs_input

    @property
    def unused_data(self) -> bytes:
        """Input after the end of the frame."""
        return self._zstd.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes more."""
        try:
            return self._zstd.decompress(data, max_length)
        except self._failure as error:
            raise ValueError(str(error)) from None


def lzma_raw(filters: list[dict[str, int]]) -> Decoder:
    """Return a decoder for xz's filters without a header.

    Raises:
        ValueError: it asks for a dictionary of more than MAX_DICTIONARY_BYTES.
    """
    if any(one.get("dict_size", 0) > MAX_DICTIONARY_BYTES for one in filters):
        raise ValueError("the dictionary is too large")
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def _xz() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES)


def _lzma_alone() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_DICTIONARY_BYTES)


def _zf_header(data: Buffer, start: int, end: int) -> int:
    """Return the length of what joblib before 0.10 wrote in front of raw deflate: "ZF", the length in hex, zlib's."""
    length = 2 + len(hex(1 << 64))
    return length + (data[start + length : start + length + 1] == b" ") + 2


CODECS = {
    codec.name: codec
    for codec in (
        Codec("gzip", Deflate, _gzip_header, trailer=8),
        Codec("bzip2", bz2.BZ2Decompressor),
        Codec("xz", _xz),
        Codec("lzma", _lzma_alone, weak=True),
        Codec("zlib", Deflate, lambda data, start, end: 2, trailer=4, weak=True),
        Codec("joblib-zf", Deflate, _zf_header, trailer=4, several=False),
        Codec("lz4", _lz4),
        Codec("zstd", _Zstd),
    )
}
