"""LZ4 frames (joblib's `compress="lz4"`, and the legacy frames of `lz4 -l`). Checksums are not believed.

Source: lz4_Frame_format.md and lz4_Block_format.md of the reference implementation.
"""

from __future__ import annotations

MAGIC = b"\x04\x22\x4d\x18"
LEGACY_MAGIC = b"\x02\x21\x4c\x18"
WINDOW_BYTES = 1 << 16
MAX_BLOCK_BYTES = 8 << 20
"""The largest block, that of legacy frames (bytes)."""


class Lz4Frame:
    """One frame, with the interface of the standard library's decompressors."""

    def __init__(self) -> None:
        """Begin a frame, magic number included."""
        self.eof = False
        self.unused_data = b""
        self._input = bytearray()
        self._output = bytearray()
        self._at = 0
        self._window = b""
        self._legacy = self._linked = self._block_checksums = self._content_checksum = False
        self._begun = False

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can come out without more input."""
        return not self.eof and self._at >= len(self._output)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes more.

        Raises:
            ValueError: it is no LZ4 frame.
        """
        self._input += data
        while self._at >= len(self._output) and not self.eof and self._step():
            pass
        piece = bytes(self._output[self._at : self._at + max_length])
        self._at += len(piece)
        return piece

    def _step(self) -> bool:
        """Decode the header or a block; False if its input is not all there."""
        if not self._begun:
            return self._read_header()
        if len(self._input) < 4:
            return False
        size = int.from_bytes(self._input[:4], "little")
        if self._legacy and (size == 0 or size > 2 * MAX_BLOCK_BYTES):  # the next frame's magic number
            return self._finish(0)
        if size == 0:
            return self._finish(8 if self._content_checksum else 4)
        plain, size = bool(size >> 31), size & 0x7FFFFFFF
        if size > 2 * MAX_BLOCK_BYTES:
            raise ValueError("block too large")
        end = 4 + size
        if len(self._input) < end:
            return False
        block = bytes(self._input[4:end])
        history = self._window if self._linked else b""
        self._output = bytearray(block) if plain else decode_block(block, history)
        self._at = 0
        self._window = (history + bytes(self._output[-WINDOW_BYTES:]))[-WINDOW_BYTES:]
        del self._input[: end + 4 * self._block_checksums]
        return True

    def _read_header(self) -> bool:
        head = self._input
        if len(head) < 7:
            return False
        if head.startswith(LEGACY_MAGIC):
            self._legacy = self._begun = True
            del head[:4]
            return True
        flags = head[4]
        if not head.startswith(MAGIC) or flags >> 6 != 1:
            raise ValueError("unknown version")
        size = 7 + 8 * bool(flags & 8) + 4 * bool(flags & 1)
        if len(head) < size:
            return False
        self._linked, self._block_checksums = not flags & 0x20, bool(flags & 0x10)
        self._content_checksum = bool(flags & 4)
        self._begun = True
        del head[:size]
        return True

    def _finish(self, trailer: int) -> bool:
        self.eof = True
        self.unused_data = bytes(self._input[trailer:])
        self._input.clear()
        return False


def decode_block(block: bytes, history: bytes) -> bytearray:
    """Return what a block decodes to; matches may reach back into `history`.

    Raises:
        ValueError: it is malformed, or larger than any block may be.
    """
    out = bytearray(history)
    limit = len(history) + MAX_BLOCK_BYTES
    i, end = 0, len(block)
    while i < end:
        token = block[i]
        i += 1
        size = token >> 4
        if size == 15:
            size, i = _extended(block, i, size)
        out += block[i : i + size]
        i += size
        if i >= end:
            break
        offset = int.from_bytes(block[i : i + 2], "little")
        i += 2
        size = token & 15
        if size == 15:
            size, i = _extended(block, i, size)
        size += 4
        start = len(out) - offset
        if offset == 0 or start < 0:
            raise ValueError("match before the start")
        if len(out) + size > limit:
            raise ValueError("block too large")
        if offset >= size:
            out += out[start : start + size]
        else:
            pattern = bytes(out[start:])
            out += (pattern * (size // offset + 1))[:size]
    del out[: len(history)]
    return out


def _extended(block: bytes, i: int, size: int) -> tuple[int, int]:
    """Add the bytes that go on with a length; return it and where they end."""
    while i < len(block):
        byte = block[i]
        i += 1
        size += byte
        if byte != 255:
            break
    return size, i
