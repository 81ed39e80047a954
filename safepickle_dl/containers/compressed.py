"""Single-stream compression: gzip, bzip2, xz, lzma-alone, zlib; and what zip members need of it.

Checksums of gzip and zlib are not verified: a loader has unpickled long before it meets them.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from safepickle_dl.containers.node import Budget, Node, skip_zeros
from safepickle_dl.containers.region import Problem
from safepickle_dl.containers.sniff import HEAD_BYTES, compression, could_matter
from safepickle_dl.reader import Buffer

FAILURES = (
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
)
"""What the standard decompressors raise on bytes that they do not like."""

INPUT_BYTES = 1 << 14
OUTPUT_BYTES = 1 << 13
SALVAGE_BYTES = 16 << 20
"""A corrupt stream that gave less than this is read once more, byte by byte at its end (bytes)."""
RATIO_FROM_BYTES = 1 << 20
CONVINCING_BYTES = 64
"""A weak magic number (zlib, lzma) is believed once this much came out, if its head
may matter too: number arrays look like headers now and then (bytes)."""


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


CODECS = {
    codec.name: codec
    for codec in (
        Codec("gzip", Deflate, _gzip_header, trailer=8),
        Codec("bzip2", bz2.BZ2Decompressor),
        Codec("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
        Codec("lzma", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE), weak=True),
        Codec("zlib", Deflate, lambda data, start, end: 2, trailer=4, weak=True),
    )
}


class Inflater:
    """Decompresses `data[start:end]` step by step, within the limits.

    Attributes:
        size: bytes that came out so far.
        position: the next byte of `data` that no decoder has seen.
        done: whether nothing more will come out.
        failure: why it ended early, or "".
    """

    def __init__(self, codec: Codec, data: Buffer, start: int, end: int, budget: Budget) -> None:
        """Begin the first stream at `start`, header included."""
        self.size = 0
        self.position = start
        self.done = False
        self.failure = ""
        self._codec, self._data, self._end, self._budget = codec, data, end, budget
        self._start = start
        self._out = io.BytesIO()
        self._decoder: Decoder | None = None
        self._begin_stream()

    def value(self) -> bytes:
        """Return all that came out."""
        return self._out.getvalue()

    def run(self, upto: int) -> None:
        """Go on until `upto` bytes have come out, or all."""
        while self.size < upto and not self.done:
            self._step()

    def _fail(self, message: str) -> None:
        self.failure = message
        self.done = True

    def _begin_stream(self) -> None:
        header = self._codec.header(self._data, self.position, self._end)
        self.position = min(self.position + header, self._end)
        self._stream_start, self._stream_size = self.position, self.size
        try:
            self._decoder = self._codec.make()
        except FAILURES as error:
            self._fail(f"corrupt {self._codec.name} header: {error}")

    def _step(self) -> None:
        decoder = self._decoder
        if decoder is None:
            return self._fail("no decoder")
        block, hungry = b"", decoder.needs_input
        if hungry:
            block = self._data[self.position : min(self.position + INPUT_BYTES, self._end)]
            self.position += len(block)
        try:
            piece = decoder.decompress(block, OUTPUT_BYTES)
        except FAILURES as error:
            self._fail(f"corrupt {self._codec.name} data: {error}")
            self._salvage()
            return None
        self._take(piece)
        if decoder.eof:
            self._end_stream(decoder)
        elif not piece and not block and (hungry or not decoder.needs_input):
            self._fail(f"truncated {self._codec.name} data")
        return None

    def _take(self, piece: bytes) -> None:
        self._out.write(piece)
        self.size += len(piece)
        self._budget.unpacked_bytes -= len(piece)
        limits = self._budget.limits
        read = max(1, self.position - self._start)
        if self.size > limits.max_member_bytes:
            self._fail(f"limit max_member_bytes reached ({limits.max_member_bytes})")
        elif self._budget.unpacked_bytes < 0:
            self._fail(f"limit max_unpacked_bytes reached ({limits.max_unpacked_bytes})")
        elif self.size > RATIO_FROM_BYTES and self.size > limits.max_ratio * read:
            self._fail(f"limit max_ratio reached ({limits.max_ratio})")

    def _end_stream(self, decoder: Decoder) -> None:
        self.position -= len(decoder.unused_data)
        self.position = min(self.position + self._codec.trailer, self._end)
        if self.done or not self._codec.several:
            self.done = True
            return
        following = skip_zeros(self._data, self.position, self._end)
        head = self._data[following : min(following + 16, self._end)]
        if compression(head) != self._codec.name:
            self.done = True
        elif not self._budget.take_member():
            self._fail(f"limit max_members reached ({self._budget.limits.max_members})")
        else:
            self.position = following
            self._begin_stream()

    def _salvage(self) -> None:
        """Read the corrupt stream again, for the bytes that its last step gave before it failed."""
        skip = self.size - self._stream_size
        position = self._stream_start
        if skip > SALVAGE_BYTES:
            return
        try:
            decoder = self._codec.make()
            while not decoder.eof:
                block, hungry = b"", decoder.needs_input
                if hungry:
                    block = self._data[position : min(position + 256, self._end)]
                    position += len(block)
                piece = decoder.decompress(block, min(skip, OUTPUT_BYTES) if skip else 1)
                if skip:
                    skip -= len(piece)
                else:
                    self._out.write(piece)
                    self.size += len(piece)
                if not piece and not block and (hungry or not decoder.needs_input):
                    return
        except FAILURES:
            return


def unpack(node: Node, label: str, inflater: Inflater, start: int, end: int) -> Iterator[Node]:
    """Yield what `node.data[start:end]` decompresses to, if its head may matter."""
    inflater.run(HEAD_BYTES)
    if inflater.done or could_matter(inflater.value()):
        inflater.run(node.budget.limits.max_member_bytes + 1)
        if inflater.size:
            yield node.unpacked(label, inflater.value(), end - start)


def open_compressed(node: Node, kind: str) -> Iterator[Node | Problem]:
    """Yield the content of a compressed stream, then whatever follows it.

    Args:
        node: begins with the header of the stream.
        kind: which of `CODECS`.
    """
    codec = CODECS[kind]
    inflater = Inflater(codec, node.data, node.start, node.end, node.budget)
    yield from unpack(node, kind, inflater, node.start, node.end)
    content = inflater.value()
    convincing = len(content) >= CONVINCING_BYTES and could_matter(content[:HEAD_BYTES])
    if not inflater.done or (codec.weak and not convincing):
        return
    if inflater.failure:
        yield node.problem(inflater.failure, node.end - inflater.position, kind)
        return
    rest = skip_zeros(node.data, inflater.position, node.end)
    if rest < node.end:
        yield node.child(f"trailing@{rest - node.start}", rest, node.end)
