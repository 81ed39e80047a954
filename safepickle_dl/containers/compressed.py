"""Single-stream compression, and what members of archives need of it.

Checksums of gzip and zlib are not verified: a loader has unpickled long before it meets them.
"""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl.containers.codecs import CODECS, FAILURES, Codec, Decoder
from safepickle_dl.containers.node import Node, skip_zeros
from safepickle_dl.containers.region import Problem
from safepickle_dl.containers.sniff import HEAD_BYTES, compression, could_matter
from safepickle_dl.containers.spool import Spool
from safepickle_dl.limits import Budget
from safepickle_dl.reader import Buffer

INPUT_BYTES = 1 << 14
OUTPUT_BYTES = 1 << 13
CHECK_TIME_EVERY = 256
"""Steps of a decompressor between two looks at the clock (count)."""
SALVAGE_BYTES = 16 << 20
"""A corrupt stream that gave less than this is read once more, byte by byte at its end (bytes)."""
RATIO_FROM_BYTES = 1 << 20
CONVINCING_BYTES = 64
"""A weak magic number (zlib, lzma) is believed once this much came out, if its head
may matter too: number arrays look like headers now and then (bytes)."""


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
        self._out = Spool(budget.limits.max_memory_bytes)
        self._decoder: Decoder | None = None
        self._begin_stream()

    def value(self) -> Buffer:
        """Return all that came out."""
        return self._out.value()

    def head(self) -> bytes:
        """Return the first HEAD_BYTES of what came out."""
        return self._out.head(HEAD_BYTES)

    def run(self, upto: int) -> None:
        """Go on until `upto` bytes have come out, or all."""
        steps = 0
        while self.size < upto and not self.done:
            self._step()
            steps += 1
            if steps % CHECK_TIME_EVERY == 0:
                self._budget.check_time()

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
        try:
            self._out.write(piece)
        except OSError as error:
            return self._fail(f"limit of the temporary folder reached: {error.strerror}")
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
        return None

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
    if inflater.done or could_matter(inflater.head()):
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
    convincing = inflater.size >= CONVINCING_BYTES and could_matter(inflater.head())
    if not inflater.done or (codec.weak and not convincing):
        return
    if inflater.failure:
        yield node.problem(inflater.failure, node.end - inflater.position, kind)
        return
    rest = skip_zeros(node.data, inflater.position, node.end)
    if rest < node.end:
        yield node.child(f"trailing@{rest - node.start}", rest, node.end)


def open_skippable(node: Node) -> Iterator[Node | Problem]:
    """Yield what follows a skippable frame of lz4 or zstd."""
    size = int.from_bytes(node.data[node.start + 4 : node.start + 8], "little")
    behind = node.start + 8 + size
    if behind < node.end:
        yield node.child(f"behind@{8 + size}", behind, node.end)
