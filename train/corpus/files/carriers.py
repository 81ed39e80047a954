"""From a pickle stream to a whole file: the formats in which models, data and caches travel, and some that lie.

Every carrier takes one pickle stream, whole or broken, and a random generator that varies names and contents, and
returns the bytes of a file. What is honest around the stream stays honest; nothing is loaded.
"""

from __future__ import annotations

import base64
import bz2
import json
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from random import Random

from train.corpus.files.archives import Member, gzipped, lz4_framed, seven_zipped, tarred, zipped, zstd_framed
from train.corpus.spelling import assemble as asm
from train.corpus.spelling.instructions import program

Carrier = Callable[[bytes, Random], bytes]

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""First pickle of a legacy torch file. Source: `torch/serialization.py`."""
TORCH_PROTOCOL = 1001
NAMES = ("archive", "model", "best", "checkpoint", "epoch_12", "pytorch_model", "weights", "net", "data", "final")


def _name(rng: Random) -> str:
    return rng.choice(NAMES)


def _floats(rng: Random) -> bytes:
    """Return the raw storage of a small tensor."""
    return b"".join(struct.pack("<f", rng.gauss(0, 0.1)) for _ in range(rng.randrange(4, 40)))


def bare(stream: bytes, rng: Random) -> bytes:
    """Return the stream itself."""
    return stream


# --- compressed -------------------------------------------------------------------------------------------------------


def compressed_by(compress: Callable[[bytes], bytes]) -> Carrier:
    """Return the carrier that compresses the whole stream."""
    return lambda stream, rng: compress(stream)


def gzip_members(stream: bytes, rng: Random) -> bytes:
    """Cut the stream into two gzip members, which loaders read as one."""
    cut = rng.randrange(1, max(2, len(stream)))
    return gzipped(stream[:cut]) + gzipped(stream[cut:])


# --- joblib and numpy -------------------------------------------------------------------------------------------------


def _joblib_array(rng: Random, at: int) -> bytes:
    """Return what joblib writes for an array of floats that begins at byte `at` of the file: no memo is used."""
    n = rng.randrange(1, 20)
    dtype = asm.import_global("numpy", "dtype") + asm.text("f8") + asm.FALSE + asm.TRUE + asm.TUPLES[3] + asm.REDUCE
    numbers = asm.integer(-1) * 2 + asm.integer(0)
    dtype += asm.MARK + asm.integer(3) + asm.text("<") + asm.NONE * 3 + numbers + asm.TUPLE + asm.BUILD
    state = {
        "subclass": asm.import_global("numpy", "ndarray"),
        "shape": asm.integer(n) + asm.TUPLES[1],
        "order": asm.text("C"),
        "dtype": dtype,
        "allow_mmap": asm.TRUE,
        "numpy_array_alignment_bytes": asm.integer(16),
    }
    items = b"".join(asm.text(key) + value for key, value in state.items())
    made = asm.import_global("joblib.numpy_pickle", "NumpyArrayWrapper") + asm.EMPTY_TUPLE + asm.NEWOBJ
    wrapper = made + asm.EMPTY_DICT + asm.MARK + items + asm.SETITEMS + asm.BUILD
    n_pad = 16 - (at + len(wrapper) + 1) % 16
    values = b"".join(struct.pack("<d", rng.gauss(0, 1)) for _ in range(n))
    return wrapper + bytes([n_pad]) + b"\xff" * n_pad + values


def joblib(stream: bytes, rng: Random) -> bytes:
    """Put the stream's instructions behind the raw bytes of an array, in one list with it."""
    one = program(stream)
    if one is None or one.left > 1:  # broken: the loader runs into it all the same
        return asm.protocol_header(4) + _joblib_array(rng, 2) + stream
    head = asm.protocol_header(one.protocol) if one.protocol >= 0 else b""
    head += asm.EMPTY_LIST + asm.MARK
    body = b"".join(step.raw for step in one.steps)
    return head + _joblib_array(rng, len(head)) + body + asm.APPENDS + asm.STOP


def npy(stream: bytes, rng: Random) -> bytes:
    """Make it the content of an array of objects."""
    shape = rng.choice(("()", f"({rng.randrange(1, 9)},)", f"({rng.randrange(1, 9)}, {rng.randrange(1, 9)})"))
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(-(len(header) + 11) % 64 + len(header)) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + stream


def npz(stream: bytes, rng: Random) -> bytes:
    """Put such an array beside one of numbers."""
    numbers = npy(b"", rng).replace(b"'|O'", b"'<f4'", 1) + _floats(rng)
    names = rng.sample(("arr_0", "x", "y", "labels", "vocab", "allow"), 2)
    method = rng.choice((0, 8))
    files = ((names[0], numbers), (names[1], npy(stream, rng)))
    return zipped([Member(f"{name}.npy".encode(), data, method) for name, data in files])


# --- torch ------------------------------------------------------------------------------------------------------------


def _torch_members(stream: bytes, rng: Random, prefix: str) -> list[Member]:
    storages = {f"data/{i}": _floats(rng) for i in range(rng.randrange(1, 4))}
    parts = {"data.pkl": stream, "byteorder": b"little", **storages, "version": b"3\n"}
    parts[".data/serialization_id"] = str(rng.randrange(10**39, 10**40)).encode()
    return [Member(f"{prefix}/{name}".encode(), data, flags=0x800, align=64) for name, data in parts.items()]


def torch_zip(stream: bytes, rng: Random) -> bytes:
    """Make it the `data.pkl` of what `torch.save` writes."""
    return zipped(_torch_members(stream, rng, _name(rng)))


def torch_zip_prefixed(stream: bytes, rng: Random) -> bytes:
    """Put other bytes before such an archive: a picture's or an honest pickle's, or any."""
    image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(60)
    before = rng.choice((image, pickle.dumps({"epoch": rng.randrange(99)}, 2), rng.randbytes(rng.randrange(1, 200))))
    return before + zipped(_torch_members(stream, rng, _name(rng)), shift=rng.choice((0, len(before))))


def torch_legacy(stream: bytes, rng: Random) -> bytes:
    """Make it the fourth of the five pickles of an old torch file, with a storage behind them.

    The fifth names no storage, since the stream may ask for none: torch then reads what is behind as nothing.
    """
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": TORCH_PROTOCOL, "little_endian": True, "type_sizes": sizes}
    first = b"".join(pickle.dumps(part, 2) for part in (TORCH_MAGIC, TORCH_PROTOCOL, system))
    storage = _floats(rng)
    return first + stream + pickle.dumps([], 2) + struct.pack("<q", len(storage) // 4) + storage


def torch_tar(stream: bytes, rng: Random) -> bytes:
    """Make it the `pickle` member of the oldest torch files."""
    nothing = pickle.dumps(0, 2)
    return tarred([("sys_info", pickle.dumps({}, 2)), ("pickle", stream), ("tensors", nothing), ("storages", nothing)])


def torchscript(stream: bytes, rng: Random) -> bytes:
    """Make it the `data.pkl` or the `constants.pkl` of a TorchScript archive."""
    prefix, kind = _name(rng), rng.choice(("Linear", "Net", "Encoder"))
    source = f"class {kind}(Module):\n  training : bool\n  def forward(self, x: Tensor) -> Tensor:\n    return x\n"
    honest = asm.protocol_header(2) + asm.EMPTY_TUPLE + asm.STOP
    data, constants = (stream, honest) if rng.random() < 0.5 else (honest, stream)
    parts = {"data.pkl": data, "code/__torch__.py": source.encode(), "constants.pkl": constants, "version": b"3\n"}
    return zipped([Member(f"{prefix}/{name}".encode(), raw, align=64) for name, raw in parts.items()])


# --- archives ---------------------------------------------------------------------------------------------------------


def _files(stream: bytes, rng: Random) -> list[tuple[str, bytes]]:
    """Return the stream under some name among other files."""
    stem = f"{_name(rng)}{rng.randrange(100)}"
    files = [
        (f"{stem}/{_name(rng)}.{rng.choice(('pkl', 'bin', 'dat', 'txt', 'pt', 'cache'))}", stream),
        (f"{stem}/README.md", b"# Model\n"),
        (f"{stem}/config.json", json.dumps({"hidden_size": rng.randrange(999)}).encode()),
    ]
    rng.shuffle(files)
    return files


def plain_zip(stream: bytes, rng: Random) -> bytes:
    """Put it into a zip archive among other files."""
    method = rng.choice((0, 8, 8))
    return zipped([Member(name.encode(), data, method) for name, data in _files(stream, rng)])


def zip_in_zip(stream: bytes, rng: Random) -> bytes:
    """Put that archive into another one."""
    return plain_zip(plain_zip(stream, rng), rng)


def tar(stream: bytes, rng: Random) -> bytes:
    """Put it into a tar archive among other files."""
    return tarred(_files(stream, rng))


def mar(stream: bytes, rng: Random) -> bytes:
    """Make it the serialised file of a TorchServe archive."""
    name, kind = _name(rng), rng.choice(("pt", "pkl", "bin"))
    model = {"modelName": name, "serializedFile": f"{name}.{kind}", "handler": "handler.py", "modelVersion": "1.0"}
    manifest = {"createdOn": "01/01/2024", "runtime": "python", "model": model, "archiverVersion": "0.9.0"}
    members = [
        Member(b"MAR-INF/MANIFEST.json", json.dumps(manifest, indent=2).encode(), 8),
        Member(b"handler.py", b"def handle(data, context):\n    return data\n", 8),
        Member(f"{name}.{kind}".encode(), stream, 8),
    ]
    return zipped(members)


def stable_baselines(stream: bytes, rng: Random) -> bytes:
    """Write it in base64 into the JSON of a stable-baselines3 archive, beside honest torch files."""
    text = base64.b64encode(stream).decode()
    key = rng.choice(("policy_class", "observation_space", "lr_schedule", "action_space"))
    data = {key: {":type:": "<class 'abc.ABCMeta'>", ":serialized:": text}, "verbose": 0, "gamma": 0.99}
    weights = torch_zip(pickle.dumps({"step": rng.randrange(99)}, 2), rng)
    members = [
        Member(b"data", json.dumps(data, indent=4).encode()),
        Member(b"policy.pth", weights),
        Member(b"_stable_baselines3_version", b"2.3.2"),
        Member(b"system_info.txt", b"- OS: Linux\n"),
    ]
    return zipped(members)


def seven_zip(stream: bytes, rng: Random) -> bytes:
    """Pack it, or a torch archive of it, as 7z."""
    data = torch_zip(stream, rng) if rng.random() < 0.5 else stream
    return seven_zipped(f"{_name(rng)}.pt", data)


# --- lies -------------------------------------------------------------------------------------------------------------


def zip_wrong_crc(stream: bytes, rng: Random) -> bytes:
    """State wrong checksums in a torch archive: `zipfile` refuses it, torch does not look."""
    members = _torch_members(stream, rng, _name(rng))
    return zipped([Member(m.name, m.data, crc=rng.randrange(1 << 32), align=64) for m in members])


def zip_encrypted_flag(stream: bytes, rng: Random) -> bytes:
    """Flag plain members of a torch archive as encrypted, patched or strongly encrypted."""
    flags = rng.choice((0x1, 0x20, 0x40, 0x41))
    members = _torch_members(stream, rng, _name(rng))
    return zipped([Member(m.name, m.data, flags=flags, align=64) for m in members])


def zip_local_name(stream: bytes, rng: Random) -> bytes:
    """Give members other names in their own headers than in the directory."""
    members = _torch_members(stream, rng, _name(rng))
    return zipped([Member(m.name, m.data, local_name=rng.choice((b"", b"LICENSE", b"../a.txt"))) for m in members])


# --- pickles within pickles -------------------------------------------------------------------------------------------


def _nested(loader: tuple[str, str], data: bytes, rng: Random) -> bytes:
    """Return an honest dict one of whose values an unpickler makes of bytes."""
    call = asm.import_global(*loader) + asm.data(data) + asm.TUPLES[1] + asm.REDUCE
    items = [asm.text("name") + asm.text(_name(rng)), asm.text("state") + call]
    items.append(asm.text("epoch") + asm.integer(rng.randrange(300)))
    rng.shuffle(items)
    return asm.protocol_header(3) + asm.EMPTY_DICT + asm.MARK + b"".join(items) + asm.SETITEMS + asm.STOP


def nested_loads(stream: bytes, rng: Random) -> bytes:
    """Give it as bytes to `pickle.loads` within an honest pickle."""
    return _nested((rng.choice(("pickle", "_pickle", "dill", "cloudpickle")), "loads"), stream, rng)


def nested_torch(stream: bytes, rng: Random) -> bytes:
    """Give it as a legacy torch file to `torch.storage._load_from_bytes`, as torch pickles its storages."""
    return _nested(("torch.storage", "_load_from_bytes"), torch_legacy(stream, rng), rng)


CARRIERS: dict[str, Carrier] = {
    "bare": bare,
    "gzip": compressed_by(gzipped),
    "gzip-members": gzip_members,
    "bz2": compressed_by(bz2.compress),
    "xz": compressed_by(lzma.compress),
    "lzma": compressed_by(lambda stream: lzma.compress(stream, lzma.FORMAT_ALONE)),
    "zlib": compressed_by(zlib.compress),
    "lz4": compressed_by(lz4_framed),
    "zstd": compressed_by(zstd_framed),
    "joblib": joblib,
    "joblib-zlib": lambda stream, rng: zlib.compress(joblib(stream, rng), 3),
    "joblib-gzip": lambda stream, rng: gzipped(joblib(stream, rng)),
    "npy": npy,
    "npz": npz,
    "torch-zip": torch_zip,
    "torch-zip-prefixed": torch_zip_prefixed,
    "torch-legacy": torch_legacy,
    "torch-tar": torch_tar,
    "torchscript": torchscript,
    "zip": plain_zip,
    "zip-in-zip": zip_in_zip,
    "tar": tar,
    "tar-gz": lambda stream, rng: gzipped(tar(stream, rng)),
    "mar": mar,
    "sb3": stable_baselines,
    "7z": seven_zip,
    "zip-wrong-crc": zip_wrong_crc,
    "zip-encrypted-flag": zip_encrypted_flag,
    "zip-local-name": zip_local_name,
    "nested-loads": nested_loads,
    "nested-torch": nested_torch,
}
"""Name to carrier."""

_OF_SPLIT = {
    "train": (
        "gzip", "bz2", "zlib", "joblib", "joblib-zlib", "npy", "torch-zip", "torch-legacy", "zip", "tar",
        "zip-wrong-crc", "nested-loads",
    ),
    "validation": ("xz", "npz", "torch-zip-prefixed", "tar-gz"),
    "test": (
        "lzma", "gzip-members", "lz4", "zstd", "7z", "joblib-gzip", "torch-tar", "torchscript", "zip-in-zip", "mar",
        "sb3", "zip-encrypted-flag", "zip-local-name", "nested-torch",
    ),
}  # fmt: skip


def carriers_of(split: str) -> tuple[str, ...]:
    """Return the names of the carriers of a split; `bare` is in all of them, every other one in a single one.

    train: gzip, bz2, zlib; joblib with an array in front, plain and through zlib; npy; torch zip and legacy; zip and
    tar; zip with wrong checksums; nested in `pickle.loads`.
    validation: xz; npz; torch zip behind other bytes; tar.gz.
    test: lzma, several gzip members, lz4, zstd, 7z; joblib through gzip; torch tar, TorchScript; zip in zip, TorchServe
    and stable-baselines3 archives; zip with false flags or other local names; nested in a torch storage.

    Raises:
        KeyError: unknown split.
    """
    return ("bare", *_OF_SPLIT[split])
