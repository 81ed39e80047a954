"""Files that are made to exhaust whoever reads them, and what it takes to scan one: `python -m tests.hostile NAME`.

Each is a small function that returns bytes, some of them large; nothing here is ever loaded.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import resource
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

from tests.assemble import short, stack_global
from tests.containers.hdf5_files import hdf5_chunked

MEMORY = 500_000_000
"""What scanning any of them may take, the interpreter and the file itself included (bytes)."""

CALL = stack_global("os", "system") + short("echo hi") + b"\x85R"


def zip_bomb() -> bytes:
    """A pickle of half a gigabyte of zeros, deflated a thousand to one."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = b"\x80\x04\x8e" + struct.pack("<Q", 1 << 29)
    packed = squeeze.compress(head)
    for _ in range(32):
        packed += squeeze.compress(bytes(16 << 20))
    packed += squeeze.compress(b"0" + CALL + b".") + squeeze.flush()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"")
    empty = file.getvalue()
    local = bytearray(empty[: empty.index(b"PK\x01\x02")])
    central = bytearray(empty[empty.index(b"PK\x01\x02") : empty.index(b"PK\x05\x06")])
    struct.pack_into("<HII", local, 8, 8, 0, 0)
    struct.pack_into("<II", local, 18, len(packed), 0xFFFFFFFE)
    struct.pack_into("<H", central, 10, 8)
    struct.pack_into("<II", central, 20, len(packed), 0xFFFFFFFE)
    end = bytearray(empty[empty.index(b"PK\x05\x06") :])
    struct.pack_into("<II", end, 12, len(central), len(local) + len(packed))
    return bytes(local) + packed + bytes(central) + bytes(end)


def bzip2_bomb() -> bytes:
    """A pickle, then a gigabyte of zeros, a million to one."""
    return bz2.compress(b"\x80\x04" + CALL + b"." + bytes(1 << 28))


def deflated_chunks() -> bytes:
    """HDF5 with a quarter of a gigabyte of zeros in chunks, a thousand to one, the payload in the last."""
    zeros = bytes(4 << 20)
    return hdf5_chunked([*[zeros] * 64, b"\x80\x04" + CALL + b"."])


def memos() -> bytes:
    """Five thousand pickles in a row, each of which means something else to an unpickler that keeps its memo."""
    one = short("time") + b"\x94" + short("ctime") + b"\x94h\x00h\x01\x93)R0"
    many = (b"\x80\x04" + short(f"a{i}") + b"\x94h\x00\x85\x94" + one + b"N." for i in range(5000))
    return (
        b"\x80\x04" + short("sys") + b"\x94" + short("exit") + b"\x9400N." + b"".join(many) + b"\x80\x04" + CALL + b"."
    )


def layers() -> bytes:
    """gzip in xz in bzip2 and so on, deeper than anybody reads."""
    data = b"\x80\x04" + CALL + b"."
    for i in range(40):
        data = (gzip.compress, lzma.compress, bz2.compress)[i % 3](data)
    return data


def xz_dictionary() -> bytes:
    """An xz stream that asks for a dictionary of 1.5 gigabytes."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0}]
    data = bytearray(lzma.compress(b"\x80\x04" + CALL + b".", filters=filters))
    at = data.index(b"\x21\x01") + 2
    data[at] = 39
    header = 4 * (data[12] + 1)
    data[12 + header - 4 : 12 + header] = struct.pack("<I", zlib.crc32(data[12 : 12 + header - 4]))
    return bytes(data)


def billion_laughs() -> bytes:
    """Lists of ten times the list before, 30 levels."""
    body = b"]"
    for level in range(30):
        body = body + b"\x94" + b"]" + b"(" + b"h%c" % level * 10 + b"e"
    return b"\x80\x04" + body + b"0" + CALL + b"."


def duplicated_tuples() -> bytes:
    """Tuples of two of the same, 200,000 levels."""
    return b"\x80\x04)" + b"2\x86" * 200_000 + b"0" + CALL + b"."


def long_text() -> bytes:
    """An integer of eight million digits."""
    return b"L" + b"7" * 8_000_000 + b"L\n0" + CALL + b"."


def long_name() -> bytes:
    """An import whose name has 50 million characters."""
    return b"cos\n" + b"a." * 25_000_000 + b"\n0" + CALL + b"."


def memo_keys() -> bytes:
    """Memo keys all over the range of 32 bits, and beyond it."""
    keys = b"".join(b"r" + struct.pack("<I", i * 2_654_435_761 % (1 << 32)) for i in range(300_000))
    return b"N" + keys + b"p99999999999999999999\nr\xff\xff\xff\x7f0" + CALL + b"."


def lengths() -> bytes:
    """A call, then a literal of 2^40 bytes that is not there."""
    return b"\x80\x04" + CALL + b"\x8e" + struct.pack("<Q", 1 << 40) + b"abc"


def integers() -> bytes:
    """Ten million integers on the stack."""
    return b"\x80\x04(" + b"J\1\2\3\4" * 10_000_000 + b"1" + CALL + b"."


def strings() -> bytes:
    """Five million strings on the stack, all in the memo."""
    return b"\x80\x04(" + b"\x8c\x08abcdefgh\x94" * 5_000_000 + b"1" + CALL + b"."


def nested_tuples() -> bytes:
    """Tuples in tuples, ten million levels."""
    return b"\x80\x04)" + b"\x85" * 10_000_000 + b"0" + CALL + b"."


def appended() -> bytes:
    """A list of ten million integers, each with an APPEND of its own."""
    return b"\x80\x04]" + b"J\1\2\3\4a" * 10_000_000 + b"0" + CALL + b"."


def contexts() -> bytes:
    """Two million BUILDs, each behind other opcodes."""
    return (
        b"\x80\x04N" + b"".join(bytes(parts) + b"0b" for parts in product(b"N\x88\x89)]}\x8f(", repeat=7)) + CALL + b"."
    )


def marks() -> bytes:
    """Two million marks."""
    return b"\x80\x04" + b"(" * 2_000_000 + CALL + b"."


def calls() -> bytes:
    """A hundred thousand calls."""
    return b"\x80\x04" + b"cos\ngetcwd\n)R0" * 100_000 + CALL + b"."


def persistent_ids() -> bytes:
    """Persistent ids nearly to the limit, each popped at once."""
    return b"\x80\x02" + b"Pa\n0" * 3_900_000 + CALL + b"."


def chained_calls() -> bytes:
    """Two million calls, each of what the one before it returned."""
    return b"\x80\x04ca\nb\n" + b")R" * 2_000_000 + b"0" + CALL + b"."


def headers() -> bytes:
    """Nothing but things that look like the beginning of a pickle, none of which is one."""
    return b"\x80\x04N." + b"\x80\x04\x8c\x01a\xff" * 1_200_000 + b"\x80\x04" + CALL + b"."


def members() -> bytes:
    """A hundred thousand pickles in a zip archive, each another one, the payload in the last."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(99_999):
            archive.writestr(f"{i}", b"\x80\x04cm%d\nf\nK\1\x85R." % i)
        archive.writestr("last", b"\x80\x04" + CALL + b".")
    return file.getvalue()


def nested_members() -> bytes:
    """A tar archive of five thousand members that all lie in one literal."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for i in range(5_000):
            content = b"\x80\x04cm%d\nf\nK\1\x85R." % i
            info = tarfile.TarInfo(f"{i}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return pickle.dumps([zlib.compress(file.getvalue())], 4)[:-1] + b"0" + CALL + b"."


def pickles_in_pickles() -> bytes:
    """A pickle in a pickle in a pickle, 300 levels."""
    data = b"\x80\x04" + CALL + b"."
    for _ in range(300):
        data = pickle.dumps([data], 4)
    return data


def literals() -> bytes:
    """A hundred thousand literals with a pickle in each."""
    one = b"\x80\x04cm\nf\nK\1\x85R."
    return b"\x80\x04](" + (b"C" + bytes([len(one)]) + one) * 100_000 + b"e0" + CALL + b"."


def base64_literals() -> bytes:
    """Many megabytes of base64 that decode to what could be a pickle."""
    return b"\x80\x04](" + (b"X" + struct.pack("<I", 4 << 20) + b"gASVAAAA" * (1 << 19)) * 30 + b"e0" + CALL + b"."


HOSTILE: dict[str, Callable[[], bytes]] = {
    function.__name__: function
    for function in (
        zip_bomb,
        bzip2_bomb,
        deflated_chunks,
        memos,
        layers,
        xz_dictionary,
        billion_laughs,
        duplicated_tuples,
        long_text,
        long_name,
        memo_keys,
        lengths,
        integers,
        strings,
        nested_tuples,
        appended,
        contexts,
        marks,
        calls,
        persistent_ids,
        chained_calls,
        headers,
        members,
        nested_members,
        pickles_in_pickles,
        literals,
        base64_literals,
    )
}


def forget_peak() -> None:
    """Make `peak_memory` begin here: a process inherits the highest value of the one that started it."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory() -> int:
    """Return the most memory that this process had at a time (bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line[:6] == "VmHWM:")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main(name: str) -> None:
    """Scan one of them and print the verdict and what it took."""
    from safepickle_dl import Scanner

    forget_peak()
    scanner = Scanner()
    data = HOSTILE[name]()
    resource.setrlimit(resource.RLIMIT_DATA, (2 * MEMORY, resource.RLIM_INFINITY))  # in case that a bound fails
    result = scanner.scan_bytes(data)
    answer = {"name": name, "verdict": result.verdict, "error": result.error, "bytes": len(data)}
    answer["memory"] = peak_memory()
    answer["seconds"] = round(result.seconds, 1)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
