"""What a literal may be by its bytes, as `suspects` and `containers` tell it: a pickle, a text that hides one, neither.

Written like core/. `into` is always a buffer of at least as many bytes as are read.
"""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, IntMap, Ints, Octets, find_byte, highest, ints_of, new_ints, new_octets
from safepickle_dl.core.escapes import hex_digit
from safepickle_dl.embed.search import names_end

MIN_HEADLESS = 24
"""As in `suspects`: characters of base64 that a pickle without a header needs (count)."""
MIN_TEXT = 16
"""As in `containers.encoded`: shorter texts decode to nothing (characters)."""
HEAD = 64
"""As in both: first bytes of a literal that tell what it may be (bytes)."""
HEAD_BYTES = 1024
"""As in `nested`: how much of a literal is looked at for an import (bytes)."""
PLAIN = 0
HEX = 1
BASE64 = 2
"""How a text is encoded."""

ZIP = 0x504B0304
NPY = 0x934E554D5059
SEVENZIP = 0x377ABCAF271C
SQLITE = 0x53514C69746520
GZIP = 0x1F8B08
BZIP2 = 0x425A68
BZIP2_BLOCK = 0x314159265359
BZIP2_END = 0x177245385090
XZ = 0xFD377A585A00
LZ4 = 0x04224D18
LZ4_LEGACY = 0x02214C18
ZSTD = 0x28B52FFD
JOBLIB = 0x5A463078


def begins(data: Bytes, lo: int, hi: int, magic: int, size: int) -> bool:
    """Return whether `data[lo:hi]` begins with the `size` bytes of a number, the highest first."""
    if hi - lo < size:
        return False
    for i in range(size):  # noqa: SIM110
        if data[lo + i] != (magic >> (8 * (size - 1 - i))) & 255:
            return False
    return True


def six_bits(byte: int) -> int:
    """Return what a letter of base64 stands for, plain or in URLs; -1: it is none."""
    if 65 <= byte <= 90:
        return byte - 65
    if 97 <= byte <= 122:
        return byte - 71
    if 48 <= byte <= 57:
        return byte + 4
    if byte == 43 or byte == 45:
        return 62
    return 63 if byte == 47 or byte == 95 else -1


def is_zlib(first: int, second: int) -> bool:
    """Return whether two bytes are a zlib header (RFC 1950)."""
    return first & 0x8F == 8 and second & 0x20 == 0 and (first << 8 | second) % 31 == 0


def is_container(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether a container or compressed data begin here, by a magic that is not met by chance."""
    if begins(data, lo, hi, ZIP, 4) or begins(data, lo, hi, NPY, 6) or begins(data, lo, hi, SEVENZIP, 6):
        return True
    if begins(data, lo, hi, GZIP, 3) or begins(data, lo, hi, XZ, 6) or begins(data, lo, hi, SQLITE, 7):
        return True
    if begins(data, lo, hi, LZ4, 4) or begins(data, lo, hi, LZ4_LEGACY, 4) or begins(data, lo, hi, ZSTD, 4):
        return True
    if begins(data, lo, hi, BZIP2, 3):
        return begins(data, lo + 4, hi, BZIP2_BLOCK, 6) or begins(data, lo + 4, hi, BZIP2_END, 6)
    return begins(data, lo, hi, JOBLIB, 4)


def is_packed(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether a container or compressed data begin here, zlib's two bytes included."""
    return is_container(data, lo, hi) or (lo + 2 < hi and is_zlib(data[lo], data[lo + 1]))


def unhex(data: Bytes, lo: int, hi: int, into: Octets) -> int:
    """Decode hexadecimal digits, blanks between the pairs, and return the number of bytes; -1: it is something else."""
    n = 0
    while lo < hi:
        if data[lo] == 32 or 9 <= data[lo] <= 13:
            lo += 1
            continue
        if lo + 1 >= hi or hex_digit(data[lo]) < 0 or hex_digit(data[lo + 1]) < 0:
            return -1
        into[n] = hex_digit(data[lo]) << 4 | hex_digit(data[lo + 1])
        n += 1
        lo += 2
    return n


def unbase64(data: Bytes, lo: int, hi: int, into: Octets) -> int:
    """Decode base64, whatever is in it beside the alphabet, and return the number of bytes."""
    n = 0
    bits = 0
    n_bits = 0
    for i in range(lo, hi):
        value = six_bits(data[i])
        if value >= 0:
            bits = (bits << 6 | value) & 0xFFFF
            n_bits += 6
            if n_bits >= 8:
                n_bits -= 8
                into[n] = bits >> n_bits & 255
                n += 1
    return n


def string_bytes(data: Bytes, lo: int, hi: int, into: Octets) -> int:
    r"""Decode a STRING, as `literals.string_bytes` does, and return the number of bytes."""
    n = 0
    while lo < hi:
        value = data[lo]
        lo += 1
        if value == 92 and lo < hi:
            letter = data[lo]
            lo += 1
            if letter == 120 and lo + 1 < hi and hex_digit(data[lo]) >= 0 and hex_digit(data[lo + 1]) >= 0:
                value = hex_digit(data[lo]) << 4 | hex_digit(data[lo + 1])
                lo += 2
            elif 48 <= letter <= 55:
                value = letter - 48
                k = 0
                while k < 2 and lo < hi and 48 <= data[lo] <= 55:
                    value = value << 3 | data[lo] - 48
                    lo += 1
                    k += 1
                value &= 255
            elif 97 <= letter <= 98:
                value = letter - 90  # \a, \b
            elif letter == 102:
                value = 12
            elif letter == 110:
                value = 10
            elif letter == 114:
                value = 13
            elif letter == 116:
                value = 9
            elif letter == 118:
                value = 11
            elif letter == 92 or letter == 39 or letter == 34:
                value = letter
            elif letter == 10:
                continue
            else:
                into[n] = 92
                n += 1
                value = letter
        into[n] = value
        n += 1
    return n


def unicode_bytes(data: Bytes, lo: int, hi: int, into: Octets) -> int:
    r"""Decode a UNICODE (\u0041) to latin-1, "?" for what is none, and return the number of bytes."""
    n = 0
    while lo < hi:
        value = data[lo]
        lo += 1
        if value == 92 and lo < hi:
            letter = data[lo]
            lo += 1
            if letter == 117 or letter == 85:
                width = 4 if letter == 117 else 8
                value = 0
                while width > 0 and lo < hi and hex_digit(data[lo]) >= 0:
                    value = value << 4 | hex_digit(data[lo])
                    lo += 1
                    width -= 1
                if width > 0 or value > 255:
                    value = 63
            else:
                into[n] = 92
                n += 1
                value = letter
        into[n] = value
        n += 1
    return n


def latin1_bytes(data: Bytes, lo: int, hi: int, into: Octets) -> int:
    """Decode UTF-8 to latin-1, "?" for what is none of both, and return the number of bytes."""
    n = 0
    while lo < hi:
        first = data[lo]
        value = first if first < 128 else 63
        lo += 1
        if 0xC2 <= first <= 0xF4:
            lowest = 0xA0 if first == 0xE0 else (0x90 if first == 0xF0 else 0x80)
            highest = 0x9F if first == 0xED else (0x8F if first == 0xF4 else 0xBF)
            missing = 1 if first < 0xE0 else (2 if first < 0xF0 else 3)
            while missing > 0 and lo < hi and lowest <= data[lo] <= highest:
                if first <= 0xC3:
                    value = (first & 3) << 6 | data[lo] & 63
                lowest = 0x80
                highest = 0xBF
                lo += 1
                missing -= 1
        into[n] = value
        n += 1
    return n


class Looks:
    """Tells what literals look like; keeps what that takes."""

    def __init__(self) -> None:
        """Prepare tables and room."""
        self.forms: Ints = ints_of(op.FORMS)
        self.head: Octets = new_octets(HEAD_BYTES)
        self.six: Ints = new_ints(256)
        for byte in range(256):
            self.six[byte] = max(six_bits(byte), 0)
        self.magics: IntMap = IntMap()
        for magic in (ZIP, LZ4, LZ4_LEGACY, ZSTD, JOBLIB):
            self.magics.put(magic >> 16, 1)
        for magic in (NPY, SEVENZIP, XZ):
            self.magics.put(magic >> 32, 1)
        self.magics.put(GZIP >> 8, 1)
        self.magics.put(BZIP2 >> 8, 1)
        for protocol in range(6):
            self.magics.put(op.PROTO << 8 | protocol, 1)
        for first in range(0x50, 0x60):  # a skippable frame of lz4 or zstd
            self.magics.put(first << 8 | 0x2A, 1)

    def is_opcode(self, byte: int) -> bool:
        """Return whether a pickle may begin with a byte."""
        return self.forms[byte] != op.NO_OPCODE

    def could_be(self, data: Bytes, opcode: int, lo: int, hi: int) -> bool:
        """Return whether a literal (8 bytes or more) is worth a closer look: what `suspects` lets pass."""
        first = data[lo]
        second = data[lo + 1]
        if self.is_magic(first << 8 | second):
            return True
        end = min(hi, lo + HEAD)
        if highest(data, lo, end) >= 0xC2 and self.could_be_latin1(data, lo, end):
            return True
        if self.is_opcode(first):
            if first >= 0x80 or first == op.MARK:
                return True
            if find_byte(data, op.STACK_GLOBAL, lo, end) >= 0:
                return True
            newline = find_byte(data, 10, lo, end)
            if newline >= 0 and ((hi - lo < HEAD and newline == hi - 1) or find_byte(data, 10, newline + 1, end) >= 0):
                return True
        if (opcode == op.STRING or opcode == op.UNICODE) and find_byte(data, 92, lo, end) >= 0:
            return True
        if hex_digit(first) >= 0 and self.is_hex(data, lo, min(end, lo + 16)):
            return True
        decoded = self.six[first] << 10 | self.six[second] << 4 | self.six[data[lo + 2]] >> 2
        if self.is_magic(decoded) and self.is_base64(data, lo, lo + 4):
            return True
        return hi - lo >= MIN_HEADLESS and self.is_opcode(decoded >> 8) and self.is_base64(data, lo, end)

    def could_be_latin1(self, data: Bytes, lo: int, hi: int) -> bool:
        """Return whether there is latin-1 written as UTF-8, in which a pickle or a container may begin."""
        if find_byte(data, 0xC2, lo, hi) < 0 and find_byte(data, 0xC3, lo, hi) < 0:
            return False
        latin1_bytes(data, lo, lo + 4, self.head)
        return self.is_opcode(self.head[0]) or self.is_magic(self.head[0] << 8 | self.head[1])

    def is_hex(self, data: Bytes, lo: int, hi: int) -> bool:
        """Return whether there are hexadecimal digits only."""
        for i in range(lo, hi):  # noqa: SIM110
            if hex_digit(data[i]) < 0:
                return False
        return True

    def is_base64(self, data: Bytes, lo: int, hi: int) -> bool:
        """Return whether there is nothing but base64, padding and line ends."""
        for i in range(lo, hi):
            if six_bits(data[i]) < 0 and data[i] != 61 and data[i] != 10 and data[i] != 13:
                return False
        return True

    def is_magic(self, pair: int) -> bool:
        """Return whether a container may begin with two bytes, or a pickle with a header."""
        return (pair % 31 == 0 and is_zlib(pair >> 8, pair & 255)) or self.magics.get(pair, -1) >= 0

    def may_hide_pickle(self, data: Bytes, lo: int, hi: int) -> bool:
        """Return whether a pickle, or a container, may begin here, as `containers.encoded` says."""
        if lo >= hi:
            return False
        hi = min(hi, lo + HEAD_BYTES)
        if lo + 1 < hi and data[lo] == op.PROTO and data[lo + 1] <= 5:
            return True
        if is_packed(data, lo, hi) and not begins(data, lo, hi, SQLITE, 7):
            return True
        if not self.is_opcode(data[lo]):
            return False
        if find_byte(data, op.STACK_GLOBAL, lo, hi) >= 0:
            return True
        for at in range(lo, hi):
            is_import = data[at] == op.GLOBAL or data[at] == op.INST
            if is_import and names_end(data, at + 1, hi, HEAD_BYTES) >= 0:
                return True
        return False

    def encoding(self, data: Bytes, lo: int, hi: int) -> int:
        """Return how a text is encoded, if a pickle may begin in it: HEX, BASE64 or PLAIN."""
        if hi - lo < MIN_TEXT:
            return PLAIN
        end = min(hi, lo + HEAD)
        n = unhex(data, lo, end - (end - lo) % 2, self.head)
        is_hex = hex_digit(data[end - 1]) >= 0 and 2 * n == end - lo - (end - lo) % 2
        if is_hex and self.may_hide_pickle(self.head, 0, n):
            return HEX
        n = unbase64(data, lo, end, self.head)
        return BASE64 if self.may_hide_pickle(self.head, 0, n) else PLAIN

    def is_escaped(self, data: Bytes, opcode: int, lo: int, hi: int) -> bool:
        """Return whether a text stands for other bytes than its own, which may hide a pickle, as `nested` says."""
        hi = min(hi, lo + HEAD_BYTES)
        if opcode == op.STRING or opcode == op.UNICODE:
            if find_byte(data, 92, lo, hi) < 0:
                return False
        elif opcode == op.BINUNICODE or opcode == op.SHORT_BINUNICODE or opcode == op.BINUNICODE8:
            if find_byte(data, 0xC2, lo, hi) < 0 and find_byte(data, 0xC3, lo, hi) < 0:
                return False
        else:
            return False
        return self.may_hide_pickle(self.head, 0, as_bytes(data, opcode, lo, hi, self.head))

    def is_region(self, data: Bytes, lo: int, hi: int) -> bool:
        """Return whether a loader could begin to unpickle here, by the first bytes."""
        return self.is_opcode(data[lo]) and not is_container(data, lo, hi)


def as_bytes(data: Bytes, opcode: int, lo: int, hi: int, into: Octets) -> int:
    """Decode a text to the bytes that it stands for, as `nested.as_bytes`, and return their number."""
    if opcode == op.STRING:
        return string_bytes(data, lo, hi, into)
    if opcode == op.UNICODE:
        return unicode_bytes(data, lo, hi, into)
    return latin1_bytes(data, lo, hi, into)
