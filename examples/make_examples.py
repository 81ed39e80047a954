"""Writes the sample files of this folder: `python examples/make_examples.py [FOLDER]`.

The payloads are inert: `echo` or `print` of a few words. The bytes are the same on every run and platform.
"""

from __future__ import annotations

import datetime
import gzip
import io
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

UTC = datetime.timezone.utc  # noqa: UP017  (one spelling, one pickle, on every Python)


def short(text: str) -> bytes:
    """Return SHORT_BINUNICODE."""
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def benign_dict() -> bytes:
    """Return a plain configuration, protocol 5."""
    config = {
        "model": "resnet18",
        "classes": ["cat", "dog", "horse"],
        "learning_rate": 0.001,
        "layers": (64, 128, 256, 512),
        "pretrained": True,
        "note": None,
        "mean": [0.485, 0.456, 0.406],
    }
    return pickle.dumps(config, protocol=5)


def benign_collections() -> bytes:
    """Return standard-library objects, protocol 2."""
    started = datetime.datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
    run = OrderedDict(
        started=started,
        took=datetime.timedelta(minutes=42),
        labels=Counter({"cat": 31, "dog": 11}),
        scores=defaultdict(list, {"cat": [0.5, 0.25], "dog": [0.75]}),
    )
    return pickle.dumps(run, protocol=2)


def benign_torch_zip() -> bytes:
    """Return a state_dict as `torch.save` lays it out: a zip with data.pkl and raw storages."""
    size = 6
    data = (
        b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x06\x00\x00\x00weightq\x02"
        b"ctorch._utils\n_rebuild_tensor_v2\nq\x03(("
        b"X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06"
        b"X\x03\x00\x00\x00cpuq\x07K\x06tq\x08Q"  # persistent id: (storage, type, key, device, size)
        b"K\x00K\x02K\x03\x86q\x09K\x03K\x01\x86q\x0a\x89h\x00)Rq\x0btq\x0cRq\x0ds."
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        members = [("data.pkl", data), ("byteorder", b"little")]
        members += [("data/0", bytes(4 * size)), ("version", b"3\n")]
        for name, content in members:
            info = zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            archive.writestr(info, content)
    return out.getvalue()


def malicious_system() -> bytes:
    """Return the classic: REDUCE of os.system, protocol 0."""
    return b"cos\nsystem\n(S'echo safepickle-dl example'\ntR."


def malicious_memo() -> bytes:
    """Return builtins.exec, its name in the memo behind decoys: STACK_GLOBAL sees no string."""
    return (
        b"\x80\x04"
        + short("exec")
        + b"\x940"  # memo 0
        + short("collections")
        + b"\x940"  # memo 1: a decoy
        + short("builtins")
        + b"\x940"  # memo 2
        + short("OrderedDict")
        + b"\x940"  # memo 3: a decoy
        + b"h\x01h\x03\x930"
        + b"h\x02h\x00\x93"
        + short("print('safepickle-dl example')")
        + b"\x85R0}."
    )


def malicious_getattr() -> bytes:
    """Return getattr(importlib.import_module('os'), 'system')('echo ...')."""
    return (
        b"\x80\x04"
        + (short("builtins") + short("getattr") + b"\x93")
        + (short("importlib") + short("import_module") + b"\x93")
        + (short("os") + b"\x85R" + short("system") + b"\x86R")
        + (short("echo safepickle-dl example") + b"\x85R.")
    )


def malicious_second_stream() -> bytes:
    """Return a benign pickle and, right behind its end, another one that calls posix.popen."""
    return benign_dict() + (b"\x80\x02cposix\npopen\nX\x1a\x00\x00\x00echo safepickle-dl example\x85R.")


def malicious_gzip() -> bytes:
    """Return subprocess.call, in a gzip file."""
    payload = b"\x80\x03csubprocess\ncall\n](X\x04\x00\x00\x00echoX\x07\x00\x00\x00examplee\x85R."
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=0, mtime=0, filename="") as file:
        file.write(payload)
    return out.getvalue()


EXAMPLES = {
    "benign_dict.pkl": benign_dict,
    "benign_collections.pkl": benign_collections,
    "benign_torch_zip.pt": benign_torch_zip,
    "malicious_system.pkl": malicious_system,
    "malicious_memo.pkl": malicious_memo,
    "malicious_getattr.pkl": malicious_getattr,
    "malicious_second_stream.pkl": malicious_second_stream,
    "malicious_gzip.pkl.gz": malicious_gzip,
}
"""Name of each file to the function that makes it."""


def main(folder: Path) -> None:
    """Write all examples into `folder`."""
    for name, make in EXAMPLES.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
