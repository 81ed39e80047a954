"""One pickle in every wrapping that a loader in wide use unpickles from, or that people try to hide one in.

The container matrix (`python -m tests.containers.matrix`) and the fuzzer start from these; nothing here is loaded.
"""

from __future__ import annotations

import base64
import bz2
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zlib
from collections.abc import Callable

import numpy as np

from tests.containers.hdf5_files import hdf5_chunked
from tests.containers.wrap import (
    NOISE,
    Member,
    gzipped,
    lz4_framed,
    sevenzipped,
    tarred,
    zipped,
    zstandard,
)

Wrapping = Callable[[bytes], bytes]

BENIGN = pickle.dumps({"name": "inert", "sizes": [1, 2, 3]}, 2)
FLOATS = struct.pack("<200f", *(i / 7 for i in range(200)))
TORCH_MAGIC = 0x1950A86A20F9469CFC6C


def npy(payload: bytes, descr: str = "'|O'", version: int = 1) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}".ljust(117).encode() + b"\n"
    return (
        b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + payload
    )


def npz(payload: bytes, method: int = 0) -> bytes:
    return zipped([Member(b"x.npy", npy(FLOATS, "'<f4'"), method), Member(b"y.npy", npy(payload), method)])


def torch_members(payload: bytes, name: bytes = b"archive/data.pkl") -> list[Member]:
    return [Member(name, payload), Member(b"archive/data/0", NOISE), Member(b"archive/version", b"3\n")]


def torch_legacy(payload: bytes) -> bytes:
    parts = [pickle.dumps(part, 2) for part in (TORCH_MAGIC, 1001, {"little_endian": True})]
    return b"".join(parts) + payload + pickle.dumps([], 2)


def torch_legacy_with_storage(payload: bytes) -> bytes:
    """A legacy file whose storages are not accounted for, so that what is behind them is searched."""
    return torch_legacy(BENIGN) + struct.pack("<q", 200) + FLOATS + payload


def torch_tar(payload: bytes) -> bytes:
    nothing = pickle.dumps(0, 2)
    return tarred([("sys_info", BENIGN), ("pickle", payload), ("tensors", nothing), ("storages", nothing)])


def torchscript(payload: bytes) -> bytes:
    source = b"class Net(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return x\n"
    code = Member(b"net/code/__torch__.py", source)
    return zipped([Member(b"net/data.pkl", BENIGN), code, Member(b"net/constants.pkl", payload)])


def body_of(payload: bytes) -> bytes:
    """Return a pickle without header, frame and STOP."""
    body = payload[2 if payload[:1] == b"\x80" else 0 : -1]
    return body[9:] if body[:1] == b"\x95" else body


def joblib_array(payload: bytes) -> bytes:
    """What joblib writes: an array wrapper, raw bytes, and the payload behind them in the same list."""
    state = b"X\x05\0\0\0shapeK\x08\x85X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R(K\x03X\x01\0\0\0<NNN"
    state += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbX\x05\0\0\0order" + b"X\x01\0\0\0C"
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub"
    body = body_of(payload)
    return b"\x80\x04](" + wrapper + struct.pack("<8d", *range(8)) + body + b"e."


def joblib_zf(payload: bytes) -> bytes:
    return b"ZF" + hex(len(payload)).encode().ljust(19) + zlib.compress(payload)


def sb3(payload: bytes) -> bytes:
    data = {"policy_class": {":type:": "<class 'abc.ABCMeta'>", ":serialized:": base64.b64encode(payload).decode()}}
    return zipped(
        [Member(b"data", json.dumps(data, indent=4).encode()), Member(b"policy.pth", zipped(torch_members(BENIGN)))]
    )


def pdparams(payload: bytes) -> bytes:
    """What `paddle.save` writes of a state: arrays in a pickle, the payload as one more value."""
    state = {"linear.weight": np.ones((2, 3), "f4"), "StructuredToParameterName@@": {"linear.weight": "linear_0.w_0"}}
    return b"\x80\x04" + body_of(pickle.dumps(state, 4)) + b"X\x04\0\0\0hook" + body_of(payload) + b"s."


def mar(payload: bytes) -> bytes:
    manifest = json.dumps({"model": {"serializedFile": "model.pt", "handler": "handler.py"}}).encode()
    handler = b"def handle(data, context):\n    return data\n"
    return zipped(
        [
            Member(b"MAR-INF/MANIFEST.json", manifest, 8),
            Member(b"handler.py", handler, 8),
            Member(b"model.pt", zipped(torch_members(payload)), 8),
        ]
    )


def nemo(payload: bytes) -> bytes:
    return tarred([("model_config.yaml", b"name: x\n"), ("model_weights.ckpt", zipped(torch_members(payload)))])


def sqlite_shelf(payload: bytes) -> bytes:
    """A shelf as `dbm.sqlite3` writes it, with a value that does not fit into one page."""
    with sqlite3.connect(":memory:") as base:
        base.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
        base.execute("INSERT INTO Dict VALUES (?, ?)", (b"plain", BENIGN))
        base.execute("INSERT INTO Dict VALUES (?, ?)", (b"large", bytes(20_000)))
        base.execute("INSERT INTO Dict VALUES (?, ?)", (b"model", payload))
        base.commit()
        content: bytes = base.serialize()
    base.close()
    return content


def sqlite_overflow(payload: bytes) -> bytes:
    """A value over several pages, the payload behind its first one."""
    body = body_of(payload)
    return sqlite_shelf(b"\x80\x04X" + struct.pack("<I", 9000) + b"a" * 9000 + b"0" + body + b".")


_HDF5 = zlib.decompress(
    base64.b64decode(
        "eNrt0zEKwjAUBuD3kgZCQdBBECeP4BWERjKpqIOjg4foEXTzEoJH8Va1MS/QZtRF9P+Wvy8JSUtfLr5aDsppSYG1VNCQuhpRj/t1mj9KsuRZ"
        "8q7SOL/mJjI+kv3zdfutc2F1k0nnzIuYluAfebfYhDxInbr0ofrrTlk/+g/PZTJxL0517GRm7r+IpG4fWErudKxpM9RKKY6jcR/Ntck+SVy/"
        "8j/sVusq3Oh0D2cavfmOGwAAAAAAAAD8vCcuTX1R"
    )
)
"""What h5py wrote: one dataset of 4,096 bytes 0xA5."""


def hdf5(payload: bytes) -> bytes:
    return _HDF5.replace(b"\xa5" * len(payload), payload, 1)


def hdf5_pieces(payload: bytes) -> list[bytes]:
    """A dataset's chunks of 32 bytes."""
    return [payload[i : i + 32].ljust(32, b"\0") for i in range(0, len(payload), 32)]


def dumb_shelf(payload: bytes) -> bytes:
    """The `.dat` file of `dbm.dumb`: values at multiples of 512 bytes."""
    return BENIGN.ljust(512, b"\0") + payload.ljust(512, b"\0")


def gnu_dbm(payload: bytes) -> bytes:
    return b"\xcf\x9a\x57\x13" + bytes(4000) + b"key1" + payload + bytes(500)


def lightning(payload: bytes) -> bytes:
    """A checkpoint in torch's zip format beside another pickle."""
    head = {"epoch": 3, "pytorch-lightning_version": "2.0.0", "state_dict": {}}
    return zipped([Member(b"a/data.pkl", pickle.dumps(head, 2)), Member(b"a/callbacks.pkl", payload)])


def in_literal(payload: bytes, protocol: int) -> bytes:
    return pickle.dumps({"state": payload}, protocol)


def in_text(text: str) -> bytes:
    return pickle.dumps({"state": text}, 4)


def sparse_tar(payload: bytes) -> bytes:
    return tarred([("./empty", b""), ("weights", NOISE), ("optimizer", payload)], tarfile.GNU_FORMAT)


def stacked_after_100(payload: bytes) -> bytes:
    return BENIGN * 100 + payload


def protocol_0_in_utf8(payload: bytes) -> bytes:
    return pickle.dumps({"state": payload}, 0)


def shifted_zip(payload: bytes) -> bytes:
    return b"MZ" + NOISE + zipped([Member(b"data.pkl", payload)], shift=2 + len(NOISE))


def zip_local_name_differs(payload: bytes) -> bytes:
    data = zipped([Member(b"archive/data.pkl", payload)])
    return data.replace(b"archive/data.pkl", b"archive/LICENSE!", 1)


def two_end_records(payload: bytes) -> bytes:
    return zipped([Member(b"a", payload)]) + zipped([Member(b"b", BENIGN)])


WRAPPINGS: dict[str, Wrapping] = {
    "raw": lambda p: p,
    "stacked behind a pickle": lambda p: BENIGN + p,
    "stacked behind 100 pickles": stacked_after_100,
    "behind a pickle and junk": lambda p: BENIGN + b"\0\xffjunk" + p,
    "behind junk": lambda p: b"\xff\xfe junk \n" + p,
    "before junk": lambda p: p + NOISE,
    "gzip": gzipped,
    "gzip in two members": lambda p: gzipped(p[:9]) + gzipped(p[9:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda p: lzma.compress(p, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "lz4": lz4_framed,
    "zstd": zstandard,
    "zstd behind a skippable frame": lambda p: b"\x50\x2a\x4d\x18\4\0\0\0skip" + zstandard(p),
    "gzip in gzip": lambda p: gzipped(gzipped(p)),
    "joblib behind an array": joblib_array,
    "joblib zlib": lambda p: zlib.compress(joblib_array(p), 3),
    "joblib gzip": lambda p: gzipped(joblib_array(p)),
    "joblib bz2": lambda p: bz2.compress(joblib_array(p)),
    "joblib xz": lambda p: lzma.compress(joblib_array(p)),
    "joblib lzma": lambda p: lzma.compress(joblib_array(p), lzma.FORMAT_ALONE),
    "joblib lz4": lambda p: lz4_framed(joblib_array(p)),
    "joblib ZF": joblib_zf,
    "npy of objects": npy,
    "npy 2.0 of objects": lambda p: npy(p, version=2),
    "npz of objects": npz,
    "npz of objects, deflated": lambda p: npz(p, 8),
    "torch zip": lambda p: zipped(torch_members(p)),
    "torch zip, member renamed": lambda p: zipped(torch_members(p, b"archive/notes.txt")),
    "torch zip, zip64": lambda p: zipped(torch_members(p), zip64=True),
    "torch zip behind other data": shifted_zip,
    "torch zip, deflated": lambda p: zipped([Member(m.name, m.data, 8) for m in torch_members(p)]),
    "zip, wrong checksum": lambda p: zipped([Member(b"data.pkl", p, crc=7)]),
    "zip, encrypted flag on plain data": lambda p: zipped([Member(b"data.pkl", p, flags=0x41)]),
    "zip, local name differs": zip_local_name_differs,
    "zip, two end records": two_end_records,
    "zip, no directory": lambda p: (z := zipped([Member(b"data.pkl", p)]))[: z.find(b"PK\1\2")],
    "zip in zip": lambda p: zipped([Member(b"a.zip", zipped([Member(b"b.pkl", p, 8)]), 8)]),
    "zip, zstd": lambda p: zipped([Member(b"data.pkl", p, 93)]),
    "torch legacy": torch_legacy,
    "torch legacy, behind the storages": torch_legacy_with_storage,
    "torch tar": torch_tar,
    "TorchScript": torchscript,
    "TorchServe .mar": mar,
    "PaddlePaddle .pdparams": pdparams,
    "NeMo .nemo": nemo,
    "NeMo .nemo, gzip": lambda p: gzipped(nemo(p)),
    "tar": sparse_tar,
    "tar.gz": lambda p: gzipped(sparse_tar(p)),
    "tar.bz2": lambda p: bz2.compress(sparse_tar(p)),
    "tar.xz": lambda p: lzma.compress(sparse_tar(p)),
    "tar.zst": lambda p: zstandard(sparse_tar(p)),
    "7z": lambda p: sevenzipped([("model/data.pkl", p), ("notes.txt", b"text")]),
    "7z, stored": lambda p: sevenzipped([("a", p)], method="copy"),
    "7z of a torch zip": lambda p: sevenzipped([("m.pt", zipped(torch_members(p)))]),
    "stable-baselines3 zip": sb3,
    "HDF5": hdf5,
    "HDF5, deflated chunk": lambda p: hdf5_chunked([p]),
    "HDF5, shuffled and deflated chunks": lambda p: hdf5_chunked(hdf5_pieces(p), 4),
    "Keras archive with HDF5": lambda p: zipped([Member(b"config.json", b"{}"), Member(b"model.weights.h5", hdf5(p))]),
    "shelf, dbm.sqlite3": sqlite_shelf,
    "SQLite, over several pages": sqlite_overflow,
    "shelf, dbm.dumb": dumb_shelf,
    "shelf, dbm.gnu": gnu_dbm,
    "Lightning checkpoint": lightning,
    "bytes in a pickle": lambda p: in_literal(p, 4),
    "bytes in a pickle of protocol 2": lambda p: in_literal(p, 2),
    "bytes in a pickle of protocol 0": protocol_0_in_utf8,
    "base64 in a pickle": lambda p: in_text(base64.b64encode(p).decode()),
    "hex in a pickle": lambda p: in_text(p.hex()),
    "zlib in a pickle": lambda p: in_literal(zlib.compress(p), 4),
    "zlib in base64 in a pickle": lambda p: in_text(base64.b64encode(zlib.compress(p)).decode()),
    "torch legacy in a pickle": lambda p: in_literal(torch_legacy(p), 3),
    "bytes in bytes in a pickle": lambda p: in_literal(in_literal(p, 4), 4),
}
"""Name to wrapping. Each takes a whole pickle of protocol 4 or 0 of at most a few hundred bytes."""

SUFFIXES = {
    "gzip": ".pkl.gz",
    "gzip in two members": ".pkl.gz",
    "bzip2": ".pkl.bz2",
    "xz": ".pkl.xz",
    "lzma": ".pkl.lzma",
    "zlib": ".pkl.z",
    "lz4": ".pkl.lz4",
    "zstd": ".pkl.zst",
    "zstd behind a skippable frame": ".pkl.zst",
    "joblib behind an array": ".joblib",
    "joblib zlib": ".joblib",
    "joblib gzip": ".joblib.gz",
    "joblib bz2": ".joblib.bz2",
    "joblib xz": ".joblib.xz",
    "joblib lzma": ".joblib.lzma",
    "joblib lz4": ".joblib.lz4",
    "joblib ZF": ".joblib",
    "npy of objects": ".npy",
    "npy 2.0 of objects": ".npy",
    "npz of objects": ".npz",
    "npz of objects, deflated": ".npz",
    "torch zip": ".pt",
    "torch zip, member renamed": ".pt",
    "torch zip, zip64": ".pt",
    "torch zip behind other data": ".pt",
    "torch zip, deflated": ".pt",
    "zip, wrong checksum": ".pt",
    "zip, encrypted flag on plain data": ".pt",
    "zip, local name differs": ".pt",
    "zip, two end records": ".zip",
    "zip, no directory": ".zip",
    "zip in zip": ".zip",
    "zip, zstd": ".zip",
    "torch legacy": ".pth",
    "torch legacy, behind the storages": ".pth",
    "torch tar": ".pt",
    "TorchScript": ".pt",
    "TorchServe .mar": ".mar",
    "PaddlePaddle .pdparams": ".pdparams",
    "NeMo .nemo": ".nemo",
    "NeMo .nemo, gzip": ".nemo",
    "tar": ".tar",
    "tar.gz": ".tar.gz",
    "tar.bz2": ".tar.bz2",
    "tar.xz": ".tar.xz",
    "tar.zst": ".tar.zst",
    "7z": ".7z",
    "7z, stored": ".7z",
    "7z of a torch zip": ".7z",
    "stable-baselines3 zip": ".zip",
    "HDF5": ".h5",
    "HDF5, deflated chunk": ".h5",
    "HDF5, shuffled and deflated chunks": ".h5",
    "Keras archive with HDF5": ".keras",
    "shelf, dbm.sqlite3": ".db",
    "SQLite, over several pages": ".db",
    "shelf, dbm.dumb": ".dat",
    "shelf, dbm.gnu": ".db",
    "Lightning checkpoint": ".ckpt",
}
"""How the name of such a file usually ends; `.pkl` where it is not here."""
