"""`core/buffers.py` for TorchScript: everything is a list of ints. Stands in front of the assembled core."""

from typing import Dict, List  # noqa: UP035 (the spelling that TorchScript knows)


class IntMap:
    """Any int to an int from 0 up."""

    def __init__(self) -> None:
        """Start empty."""
        self.map: Dict[int, int] = {}  # noqa: UP006
        self.far: int = 0

    def get(self, key: int, default: int) -> int:
        """Return what is stored under a key."""
        return self.map.get(key, default)

    def put(self, key: int, value: int) -> None:
        """Store a value."""
        is_new = key not in self.map
        self.map[key] = value
        if is_new and (key < 0 or key > 2 * len(self.map) + 64):
            self.far += 1

    def count(self) -> int:
        """Return the number of keys."""
        return len(self.map)

    def n_far(self) -> int:
        """Return the number of keys that did not grow with the map."""
        return self.far

    def clear(self) -> None:
        """Forget everything."""
        self.map.clear()
        self.far = 0


def copied_map(source: IntMap) -> IntMap:
    """Return a map with the same content."""
    copy = IntMap()
    copy.map = source.map.copy()
    copy.far = source.far
    return copy


def new_ints(size: int) -> List[int]:  # noqa: UP006
    """Return zeros."""
    return [0] * size


def ints_of(text: str) -> List[int]:  # noqa: UP006
    """Return the codes of a text."""
    return [ord(letter) for letter in text]


def copied(buffer: List[int]) -> List[int]:  # noqa: UP006
    """Return the same content."""
    return buffer[:]


def grown(buffer: List[int], size: int) -> List[int]:  # noqa: UP006
    """Return the buffer, enlarged where it is too short."""
    if len(buffer) < size:
        held = len(buffer)
        buffer.extend([0] * (max(size, 2 * held if held < 1 << 20 else held + held // 8) - held))
    return buffer


def new_indices(size: int) -> List[int]:  # noqa: UP006
    """Return zeros."""
    return [0] * size


def copied_indices(buffer: List[int]) -> List[int]:  # noqa: UP006
    """Return the same content."""
    return buffer[:]


def grown_indices(buffer: List[int], size: int) -> List[int]:  # noqa: UP006
    """Return the buffer, enlarged where it is too short."""
    return grown(buffer, size)


def new_octets(size: int) -> List[int]:  # noqa: UP006
    """Return zeros."""
    return [0] * size


def copied_octets(buffer: List[int]) -> List[int]:  # noqa: UP006
    """Return the same content."""
    return buffer[:]


def grown_octets(buffer: List[int], size: int) -> List[int]:  # noqa: UP006
    """Return the buffer, enlarged where it is too short."""
    return grown(buffer, size)


def find_int(buffer: List[int], value: int, start: int, end: int) -> int:  # noqa: UP006
    """Return the index of the first `value` in a span, or -1."""
    size = 64  # a slice is copied faster than a loop runs
    while start < end:
        part = buffer[start : min(end, start + size)]
        if value in part:
            return start + part.index(value)
        start += size
        size = min(2 * size, 4096)
    return -1


def find_byte(data: List[int], value: int, start: int, end: int) -> int:  # noqa: UP006
    """Return the position of the first `value`, or -1."""
    return find_int(data, value, start, end)


def highest(data: List[int], start: int, end: int) -> int:  # noqa: UP006
    """Return the highest byte of a span."""
    return max(data[start:end])


def find_newline(data: List[int], start: int, end: int) -> int:  # noqa: UP006
    """Return the position of the first newline, or -1."""
    return find_int(data, 10, start, end)


def is_text(byte: int) -> bool:
    """Return whether a byte is printable ASCII, a tab or a line end."""
    return 32 <= byte < 127 or byte == 9 or byte == 10 or byte == 13


def find_text(data: List[int], start: int, end: int, shortest: int) -> int:  # noqa: UP006
    """Return where the first run of at least `shortest` text bytes begins, or -1."""
    while start + shortest <= end:
        i = start + shortest - 1
        while i >= start and is_text(data[i]):
            i -= 1
        if i < start:
            return start
        start = i + 1
    return -1
