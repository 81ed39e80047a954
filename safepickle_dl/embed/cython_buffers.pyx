"""`core/buffers.py` for the compiled core, in Cython's pure Python mode; see `cython_buffers.pxd` for the types.

Stands in front of the assembled core and is never imported by Python.
"""

import mmap
import os

import cython
from cython.cimports.cpython.array import array, clone
from cython.cimports.libc.string import memchr

_INTS = array("q")
_INDICES = array("i")
_BYTES = array("B")
MULTIPLIER = cython.declare(cython.ulonglong, int.from_bytes(os.urandom(8), "little") | 1)
"""Of the hash, and unknown to who makes files: equal places in a map cannot be made on purpose."""
SEPARATE = cython.declare(cython.Py_ssize_t, 1 << 20)
"""From here on a buffer has pages of its own: zeros that cost nothing until they are touched (bytes)."""
_HUGE = getattr(mmap, "MADV_HUGEPAGE", -1)
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
NEAR = cython.declare(cython.Py_ssize_t, 64)


class IntMap:
    """Any int to an int from 0 up: keys that grow with the map in an array, all others in a hash table.

    Values are stored plus one, so that 0 means: none.
    """

    def __init__(self):
        self.n = 0
        self.near = new_indices(16)
        self.far = 0
        self.shift = 60
        self.keys = new_ints(16)
        self.values = new_indices(16)

    def count(self):
        return self.n

    def n_far(self):
        return self.far

    def get(self, key, default):
        if 0 <= key < self.near.shape[0] and self.near[key] > 0:
            return self.near[key] - 1
        if self.far > 0:
            value = self.values[self.place(key)]
            if value > 0:
                return value - 1
        return default

    def put(self, key, value):
        if 0 <= key < self.near.shape[0] and self.near[key] > 0:
            self.near[key] = value + 1
            return 0
        if self.far == 0 or self.get(key, -1) < 0:
            self.n += 1
        if 0 <= key <= 2 * self.n + NEAR:
            if key >= self.near.shape[0]:
                self.enlarge(key + 1)
            self.near[key] = value + 1
            return 0
        self.put_far(key, value + 1)
        return 0

    def enlarge(self, size):
        self.near = grown_indices(self.near, size)
        return 0

    def put_far(self, key, value):
        if 2 * self.far >= self.keys.shape[0]:
            self.rehash()
        i = self.place(key)
        if self.values[i] == 0:
            self.far += 1
        self.keys[i] = key
        self.values[i] = value
        return 0

    def place(self, key):
        mask = self.keys.shape[0] - 1
        i = cython.cast(cython.Py_ssize_t, (cython.cast(cython.ulonglong, key) * MULTIPLIER) >> self.shift)
        while self.values[i] > 0 and self.keys[i] != key:
            i = (i + 1) & mask
        return i

    def rehash(self):
        keys = self.keys
        values = self.values
        self.keys = new_ints(2 * keys.shape[0])
        self.values = new_indices(2 * keys.shape[0])
        self.shift -= 1
        for k in range(keys.shape[0]):
            if values[k] > 0:
                i = self.place(keys[k])
                self.keys[i] = keys[k]
                self.values[i] = values[k]
        return 0

    def clear(self):
        if self.n > 0:  # not filled with zeros: that would cost the size of what was there
            self.n = 0
            self.near = new_indices(16)
            self.far = 0
            self.shift = 60
            self.keys = new_ints(16)
            self.values = new_indices(16)
        return 0


def copied_map(source):
    copy = IntMap()
    copy.n = source.n
    copy.near = copied_indices(source.near)
    copy.far = source.far
    copy.shift = source.shift
    copy.keys = copied(source.keys)
    copy.values = copied_indices(source.values)
    return copy


def zeros(size, width, template):
    if size * width < SEPARATE:
        return clone(template, size, True)
    try:
        pages = mmap.mmap(-1, size * width, **_PRIVATE)  # the heap would keep what a grown buffer leaves behind
    except OSError as error:
        raise MemoryError from error
    if _HUGE >= 0 and size * width >= 2 * SEPARATE:
        pages.madvise(_HUGE)
    return memoryview(pages).cast(template.typecode)


def new_ints(size):
    return zeros(size, 8, _INTS)


def ints_of(text):
    return array("q", [ord(letter) for letter in text])


def copied(buffer):
    result = new_ints(buffer.shape[0])
    result[:] = buffer
    return result


def enlarged(held, size):
    return max(size, 2 * held)  # what is not used yet takes no memory


def grown(buffer, size):
    if buffer.shape[0] >= size:
        return buffer
    result = new_ints(enlarged(buffer.shape[0], size))
    result[: buffer.shape[0]] = buffer
    return result


def new_indices(size):
    return zeros(size, 4, _INDICES)


def copied_indices(buffer):
    result = new_indices(buffer.shape[0])
    result[:] = buffer
    return result


def grown_indices(buffer, size):
    if buffer.shape[0] >= size:
        return buffer
    result = new_indices(enlarged(buffer.shape[0], size))
    result[: buffer.shape[0]] = buffer
    return result


def new_octets(size):
    return zeros(size, 1, _BYTES)


def copied_octets(buffer):
    result = new_octets(buffer.shape[0])
    result[:] = buffer
    return result


def grown_octets(buffer, size):
    if buffer.shape[0] >= size:
        return buffer
    result = new_octets(enlarged(buffer.shape[0], size))
    result[: buffer.shape[0]] = buffer
    return result


def find_int(buffer, value, start, end):
    for i in range(max(start, 0), min(end, buffer.shape[0])):
        if buffer[i] == value:
            return i
    return -1


def find_newline(data, start, end):
    end = min(end, data.shape[0])
    if start < 0 or start >= end:
        return -1
    found = cython.cast(cython.p_uchar, memchr(cython.address(data[start]), 10, end - start))
    return -1 if found == cython.NULL else start + (found - cython.address(data[start]))


def is_text(byte):
    return 32 <= byte < 127 or byte == 9 or byte == 10 or byte == 13


def find_text(data, start, end, shortest):
    while start + shortest <= end:
        i = start + shortest - 1
        while i >= start and is_text(data[i]):
            i -= 1
        if i < start:
            return start
        start = i + 1
    return -1
