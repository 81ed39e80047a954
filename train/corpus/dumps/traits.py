"""What the bytes of a dump say about it: container, protocol, size, and whether it looks like an attack."""

from __future__ import annotations

import re
from typing import Any

from safepickle_dl.analysis import analyse
from safepickle_dl.containers import Region, open_file
from safepickle_dl.containers.sniff import NPY_MAGIC, ZIP_MAGIC, compression

SUSPECT = re.compile(
    rb"""
    # callables that scanners cry wolf over
      \bdill\._dill | cloudpickle\.cloudpickle | functools.{0,8}partial
    | \b(?:attrgetter|methodcaller|getattr|setattr|CodeType|marshal)\b
    | \b(?:builtins|__builtin__).{0,6}(?:eval|exec|open|compile|input|vars|__import__)
    | (?:posix|nt|os|subprocess|shutil|runpy|ctypes|socket|importlib|webbrowser).{1,6}
      (?:system|popen|run|remove|rmtree|Popen|call|import_module|CDLL|socket|path)\b
    # names that sound like a shell (q: BINPUT may follow)
    | (?<![a-z])(?:exec|execute|executor|shell|command|popen|spawn|subprocess|invoke)(?=q|[^a-z])
    | (?<![A-Za-z_])(?:eval|system)(?=q|[^a-z_]) | (?:Exec|Shell|Command|Popen|Spawn|Subprocess)(?=q|[^a-z])
    # texts: code, commands, addresses, markup, encodings
    | \bimport\ \w | \b__\w+__\( | \w\(.{0,40}\)\n\ +return | \bpickle\.loads? | /bin/\w | /etc/\w
    | \b(?:curl|wget|sudo|chmod|bash|rm\ -r|powershell|SELECT|DROP\ TABLE)\b
    | https?:// | <script | <html | [A-Za-z0-9+/]{60,}= | (?:[0-9a-f]{2}){40}
    # another pickle inside
    | [BCT][^\x80]{1,4}\x80[\x02-\x05][\x95}\](cXK] | \xc2\x80\x04\xc2\x95 | gASV | gAJ9 | 800[45]95
    """,
    re.VERBOSE | re.DOTALL,
)


def traits(data: bytes) -> dict[str, Any]:
    """Return `container` ("" for a bare pickle), `protocol`, `opcodes` (count) and `hard` of a file's bytes."""
    streams = analyse(data).streams
    return {
        "container": _container(data),
        "protocol": max((stream.machine.protocol for stream in streams), default=0),
        "opcodes": sum(stream.machine.n_instructions for stream in streams),
        "hard": is_hard(data),
    }


def is_hard(data: bytes) -> bool:
    """Return whether something in the pickles of a file looks like an attack in some respect."""
    regions = (part for part in open_file(data) if isinstance(part, Region))
    return any(SUSPECT.search(region.data, region.start, region.end) for region in regions)


def _container(data: bytes) -> str:
    if data.startswith(ZIP_MAGIC):
        return "zip"
    return "npy" if data.startswith(NPY_MAGIC) else compression(data[:64])
