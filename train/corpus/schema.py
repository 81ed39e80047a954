"""The columns of the corpus, one row a file."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        # provenance
        ("file", pa.string()),  # path below its folder; of made files a name
        ("sha256", pa.string()),
        ("origin", pa.string()),  # real, dump or made
        ("source", pa.string()),  # owner/repository
        ("commit", pa.string()),
        ("path", pa.string()),  # in the repository; of a dump its recipe; of a made file its opcode form
        # what it is
        ("split", pa.string()),
        ("label", pa.int8()),  # 1: malicious
        ("group", pa.string()),  # the stratum that it is drawn from and reported under
        ("hard", pa.bool_()),  # honest, and looks like an attack in some respect
        # group keys
        ("owner", pa.string()),
        ("library", pa.string()),
        ("module", pa.string()),  # top level, of the gadget
        ("technique", pa.string()),
        ("container", pa.string()),  # the carrier of a made file
        ("sink", pa.string()),
        ("position", pa.string()),
        ("breakage", pa.string()),
        ("pair", pa.int32()),  # an attack and its twin share it; -1: none
        # trivial cues
        ("size", pa.int64()),  # bytes
        ("opcodes", pa.int64()),
        ("protocol", pa.int16()),
        ("n_streams", pa.int32()),
        ("complete", pa.bool_()),  # read to the end
        # near-duplicates share it
        ("signature", pa.string()),
        # slices, as `safepickle_dl.batch.SliceArrays` has them
        ("tokens", pa.list_(pa.int64())),
        ("first", pa.list_(pa.int64())),
        ("channel", pa.list_(pa.int8())),
        ("grams", pa.list_(pa.int32())),
        ("payload", pa.list_(pa.bool_())),  # of each slice: known to be the payload's
        # what baselines read
        ("counts", pa.list_(pa.int32())),  # of each opcode, 256
        ("texts", pa.list_(pa.string())),  # distinct call sites, the payload's first
        ("imports", pa.list_(pa.string())),  # distinct, "module name"
        ("data", pa.large_binary()),  # of made files that are judged: the file itself
    ]
)
BLANK: dict[str, Any] = {
    "source": "", "commit": "", "path": "", "hard": False, "owner": "", "library": "", "module": "", "technique": "",
    "container": "", "sink": "", "position": "", "breakage": "", "pair": -1, "data": None,
}  # fmt: skip
"""Values of the columns that only some origins have."""
KEYS = ("signature", "label", "origin", "split", "group")
"""The columns that decide which rows stay."""
