"""Every carrier carries: its stream's call sites are found in the file. Only what was made here is loaded."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from random import Random

import joblib
import numpy as np
import pytest
import torch

from safepickle_dl.analysis import analyse
from tests.assemble import short, site_texts, stack_global
from train.corpus.files.carriers import CARRIERS, carriers_of
from train.corpus.splits import SPLITS

PAYLOADS = {
    "protocol 0": b"cos\nsystem\n(S'echo hi'\ntR.",
    "protocol 2": b"\x80\x02cos\nsystem\nq\x00X\x07\0\0\0echo hi\x85R.",
    "protocol 4": b"\x80\x04" + stack_global("os", "system") + b"\x94" + short("echo hi") + b"\x85\x94R\x94.",
    "cut off": b"\x80\x02cos\nsystem\nX\x07\0\0\0echo hi\x85R",
}
HONEST = {"name": "x", "numbers": [1, 2.5]}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_payload_is_found(carrier: str, payload: bytes) -> None:
    for seed in range(6):
        assert site_texts(CARRIERS[carrier](payload, Random(seed)))["REDUCE os.system ('echo hi',)"] >= 1


@pytest.mark.parametrize("carrier", CARRIERS)
def test_whole_streams_leave_no_errors(carrier: str) -> None:
    for seed in range(6):
        assert not analyse(CARRIERS[carrier](PAYLOADS["protocol 4"], Random(seed))).errors


@pytest.mark.parametrize("carrier", CARRIERS)
def test_equal_seeds_make_equal_files(carrier: str) -> None:
    payload = PAYLOADS["protocol 4"]
    assert CARRIERS[carrier](payload, Random(3)) == CARRIERS[carrier](payload, Random(3))


def test_every_carrier_is_of_one_split() -> None:
    assert all(carriers_of(split)[0] == "bare" for split in SPLITS)
    others = [name for split in SPLITS for name in carriers_of(split)[1:]]
    assert sorted(["bare", *others]) == sorted(CARRIERS)
    with pytest.raises(KeyError):
        carriers_of("tests")


def test_the_libraries_load_what_was_put_in() -> None:
    honest = pickle.dumps(HONEST, 2)
    for seed in range(4):
        for name in ("joblib", "joblib-zlib", "joblib-gzip"):
            array, value = joblib.load(io.BytesIO(CARRIERS[name](honest, Random(seed))))
            assert array.dtype == np.float64 and value == HONEST
        for name in ("torch-zip", "torch-legacy", "zip-wrong-crc"):
            loaded = torch.load(io.BytesIO(CARRIERS[name](honest, Random(seed))), weights_only=False)
            assert loaded == HONEST


def test_archives_are_ones_for_the_standard_library() -> None:
    honest = pickle.dumps(HONEST, 2)
    for seed in range(4):
        for name in ("zip", "torch-zip", "torchscript", "mar", "sb3", "npz"):
            with zipfile.ZipFile(io.BytesIO(CARRIERS[name](honest, Random(seed)))) as archive:
                assert archive.testzip() is None
        with tarfile.open(fileobj=io.BytesIO(CARRIERS["tar-gz"](honest, Random(seed)))) as tar:
            assert len(tar.getmembers()) == 3
    array = np.load(io.BytesIO(CARRIERS["npy"](pickle.dumps(np.array([HONEST], object)), Random(0))), allow_pickle=True)
    assert array.size
