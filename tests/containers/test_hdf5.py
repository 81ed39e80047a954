"""Deflated chunks of HDF5, in any order, shuffled or not; and what is no chunk."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.containers import Note, Problem, Region, open_file
from safepickle_dl.limits import Limits
from safepickle_dl.render import callee_text
from tests.assemble import short, stack_global
from tests.containers.hdf5_files import hdf5_chunked, pipeline
from tests.containers.wrap import Member, zipped

CALL = stack_global("os", "system") + short("echo hi") + b"\x85R0"
PAYLOAD = b"\x80\x04" + CALL + b"N."
DECOY = b"\x80\x04" + stack_global("time", "ctime") + b")R."
LONG = b"\x80\x04B" + struct.pack("<I", 900) + random.Random(1).randbytes(900) + b"0" + CALL + b"N."


def called(data: bytes, limits: Limits | None = None) -> list[str]:
    """Return what the streams of a file call, each as often as it is found."""
    return [
        callee_text(stream.machine, stream.machine.site_callee[i])
        for stream in analyse(data, limits or Limits()).streams
        for i in range(stream.machine.n_sites)
        if stream.machine.site_arguments[i] >= 0
    ]


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size].ljust(size, b"\0") for i in range(0, len(data), size)]


def parts_of(data: bytes, limits: Limits | None = None) -> list[Region | Problem | Note]:
    return list(open_file(data, limits or Limits()))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [0, 2, 4, 7, 45])
def test_a_chunk_is_found_shuffled_or_not(version: int, size: int) -> None:
    data = hdf5_chunked([PAYLOAD + bytes(200)], size, version)
    assert called(data) == ["os.system"]
    assert not analyse(data).errors


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_pickle_over_many_chunks(version: int, size: int, backwards: bool) -> None:
    chunks = pieces(LONG, 16)
    order = list(range(len(chunks)))[:: -1 if backwards else 1]
    assert "os.system" in called(hdf5_chunked(chunks, size, version, order))


def test_chunks_that_no_index_lists_do_not_come_between() -> None:
    half = len(LONG) - 20
    data = hdf5_chunked([LONG[:half], LONG[half:]])
    second = data.rindex(zlib.compress(LONG[half:]))
    decoy = zlib.compress(b"\xff" * 40)
    address = data.rindex(struct.pack("<Q", second))
    data = data[:second] + decoy + data[second:]
    data = data[:address] + struct.pack("<Q", second + len(decoy)) + data[address + 8 :]
    assert "os.system" in called(data)


def test_a_chunk_within_another_one() -> None:
    store = zlib.compressobj(0)
    outer = store.compress(b"\xff" * 30 + zlib.compress(PAYLOAD) + b"\xff" * 30) + store.flush()
    data = hdf5_chunked([b"first", b"x"])
    assert called(data + outer) == ["os.system"]


def test_a_decoy_in_front_of_it_hides_nothing() -> None:
    cover = DECOY[:-1] + b"0B" + struct.pack("<I", len(PAYLOAD) + 30) + bytes(30) + PAYLOAD + b"."
    assert set(called(hdf5_chunked([cover]))) == {"time.ctime", "os.system"}


def test_a_block_of_the_users_own_in_front() -> None:
    for size in (512, 1024, 4096):
        assert called(hdf5_chunked([PAYLOAD], user_block=size)) == ["os.system"]
        assert called(zipped([Member(b"a.h5", hdf5_chunked([PAYLOAD], user_block=size), 8)])) == ["os.system"]


def test_a_broken_chunk_is_none() -> None:
    data = hdf5_chunked([PAYLOAD])
    assert called(data[:-1] + bytes([data[-1] ^ 1])) == []  # the HDF5 library refuses a wrong checksum


@pytest.mark.parametrize("version", [1, 2])
def test_without_a_deflate_filter_nothing_is_inflated(version: int) -> None:
    message = pipeline(version, 0)
    data = hdf5_chunked([PAYLOAD], version=version).replace(message, bytes(len(message)))
    (whole,) = parts_of(data)
    assert isinstance(whole, Region) and whole.name == ""


def test_a_file_that_is_cut_off_is_an_error() -> None:
    data = hdf5_chunked([PAYLOAD, b"more"])
    for end in (8, 9, 20, 60, 200, len(data) - 1):
        assert "truncated HDF5" in analyse(data[:end]).errors
    assert not analyse(data + b"more").errors


def test_limits() -> None:
    bomb = hdf5_chunked([bytes(1 << 20)] * 4, 4)
    for limits in (Limits(max_unpacked_bytes=1 << 21), Limits(max_member_bytes=1 << 21), Limits(max_chunks=3)):
        assert any("limit" in error for error in analyse(bomb, limits).errors)
    assert not analyse(bomb).errors


def test_many_false_beginnings_end() -> None:
    noise = random.Random(0).randbytes(1 << 18) + b"\x78\x01\x78\x9c\x78\xda" * 20_000
    assert called(hdf5_chunked([PAYLOAD, b"x"]) + noise) == ["os.system"]


def test_other_compression_is_named() -> None:
    lzf = struct.pack("<HHHH", 32000, 8, 1, 3) + b"lzf\0\0\0\0\0" + bytes(12)
    (note,) = [part for part in parts_of(hdf5_chunked([b"x"]) + lzf) if isinstance(part, Note)]
    assert "lzf" in note.message


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", ["bytes", "void", "integers", "backwards"])
def test_what_h5py_writes(libver: str, shuffle: bool, kind: str) -> None:
    h5py = pytest.importorskip("h5py")
    numpy = pytest.importorskip("numpy")
    file = io.BytesIO()
    octets = numpy.frombuffer(LONG + bytes(-len(LONG) % 4), "u1")
    options = {"compression": "gzip", "shuffle": shuffle, "fletcher32": kind == "void"}
    with h5py.File(file, "w", libver=libver) as store:
        store.create_dataset("w", data=numpy.arange(4000.0).reshape(40, 100), chunks=(10, 10), **options)
        if kind == "bytes":
            store.create_dataset("a", data=octets, chunks=(64,), **options)
        elif kind == "void":
            store.create_dataset("a", data=numpy.array([numpy.void(LONG)] * 3), chunks=(3,), **options)
        elif kind == "integers":
            store.create_dataset("a", data=octets.view("i4"), chunks=(50,), **options)
        else:
            target = store.create_dataset("a", shape=octets.shape, dtype="u1", chunks=(300,), **options)
            for start in range(900, -1, -300):
                target[start : start + 300] = octets[start : start + 300]
                store.flush()
    assert "os.system" in called(file.getvalue())
    assert not analyse(file.getvalue()).errors
    assert "truncated HDF5" in analyse(file.getvalue()[:-10]).errors
