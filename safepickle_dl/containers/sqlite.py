"""SQLite databases: shelves (`dbm.sqlite3`, Python's default since 3.13) and caches keep pickles in their cells.

Every page that looks like one with cells is read, in use or not; no tree is walked and no SQL is run.

Source: "Database File Format" of SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl.containers.encoded import may_hide_pickle
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem

TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR = 0x0D, 0x0A, 0x02
MAX_COLUMNS = 2000
"""Columns of one row that are looked at (count), SQLite's own default limit."""


def open_sqlite(node: Node) -> Iterator[Node | Problem]:
    """Yield the cell values that a pickle may begin in."""
    data, start = node.data, node.start
    page_bytes = int.from_bytes(data[start + 16 : start + 18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    if node.end - start < 512 or page_bytes < 512 or page_bytes & (page_bytes - 1):
        yield node.problem("corrupt sqlite header", node.end - start)
        return
    if node.end - start < _stated_pages(data[start : start + 100]) * page_bytes:
        yield node.problem("truncated sqlite database", 1)
    pages = _Pages(node, page_bytes)
    for page in range(start, node.end, page_bytes):
        node.budget.check_time()
        for lo, payload in pages.cells(page):
            for value_start, value_end in _values(payload):
                if may_hide_pickle(payload[value_start : min(value_end, value_start + 4096)]):
                    if not node.budget.take_member():
                        yield node.problem(f"limit max_members reached ({node.budget.limits.max_members})", 1)
                        return
                    value = payload[value_start:value_end]
                    yield node.unpacked(f"cell@{lo - start}", value, value_end - value_start, certain=False)
            node.budget.unpacked_bytes -= len(payload)
            if node.budget.unpacked_bytes < 0:
                message = f"limit max_unpacked_bytes reached ({node.budget.limits.max_unpacked_bytes})"
                yield node.problem(message, node.end - page)
                return


def _stated_pages(header: bytes) -> int:
    """Return how many pages a database says that it has; 1 where that is a number of an old version, left behind."""
    return int.from_bytes(header[28:32], "big") if header[24:28] == header[92:96] else 1


class _Pages:
    """The cells of pages, put together from their overflow pages."""

    def __init__(self, node: Node, page_bytes: int) -> None:
        self._data, self._start, self._end = node.data, node.start, node.end
        self._page_bytes = page_bytes
        self._usable = page_bytes - node.data[node.start + 20]

    def cells(self, page: int) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, payload) of each cell of the page at this offset."""
        data = self._data
        header = page + 100 if page == self._start else page
        end = min(page + self._page_bytes, self._end)
        if header + 12 > end or data[header] not in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
            return
        kind = data[header]
        pointers = header + (12 if kind == INDEX_INTERIOR else 8)
        count = min(int.from_bytes(data[header + 3 : header + 5], "big"), (end - pointers) // 2)
        for i in range(count):
            cell = page + int.from_bytes(data[pointers + 2 * i : pointers + 2 * i + 2], "big")
            if pointers <= cell < end:
                yield cell, self._payload(cell, kind, end)

    def _payload(self, cell: int, kind: int, end: int) -> bytes:
        data, usable = self._data, self._usable
        head = data[cell : min(cell + 22, end)]
        at = 4 if kind == INDEX_INTERIOR else 0
        size, at = _varint(head, at)
        if kind == TABLE_LEAF:
            _, at = _varint(head, at)
        size = min(size, self._end - self._start)
        most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        local = size
        if size > most:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (usable - 4)
            local = local if local <= most else least
        at += cell
        payload = bytearray(data[at : min(at + local, end)])
        following = int.from_bytes(data[at + local : at + local + 4], "big") if size > local else 0
        for _ in range(size // (usable - 4) + 1):
            page = self._start + (following - 1) * self._page_bytes
            if following == 0 or len(payload) >= size or page >= self._end:
                break
            payload += data[page + 4 : min(page + usable, page + 4 + size - len(payload), self._end)]
            following = int.from_bytes(data[page : page + 4], "big")
        return bytes(payload)


def _values(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield the span of each text or blob of a record."""
    header_bytes, at = _varint(payload, 0)
    value = header_bytes
    for _ in range(MAX_COLUMNS):
        if at >= min(header_bytes, len(payload)) or value >= len(payload):
            return
        serial, at = _varint(payload, at)
        if serial < 12:
            value += (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[serial]
            continue
        size = (serial - 12) // 2
        yield value, min(value + size, len(payload))
        value += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length integer and where it ends; bytes that are not there count as 0."""
    value = 0
    for i in range(9):
        byte = data[at + i] if at + i < len(data) else 0
        if i == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + i + 1
    return value, at + 9
