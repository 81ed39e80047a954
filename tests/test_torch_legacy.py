from __future__ import annotations

import io
import random

import pytest
import torch

from safepickle_dl.analysis import analyse
from tests.assemble import PAYLOAD

CHANCE = random.Random(0)


def saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        {"a": torch.zeros(300), "b": torch.ones(3, 5, dtype=torch.int8)},
        {"w": (shared := torch.arange(50)), "view": shared[3:9].view(2, 3)},
        [torch.zeros(4, dtype=dtype) for dtype in (torch.float16, torch.bfloat16, torch.complex64, torch.bool)],
        {"none": None},
    ],
)
def test_storages_are_passed_over_by_range(value: object) -> None:
    data = saved(value)
    analysis = analyse(data)
    assert len(analysis.streams) == 5
    assert analysis.errors == ()


def test_what_is_not_accounted_for_is_searched() -> None:
    data = saved({"a": torch.zeros(300)})
    assert len(analyse(data + b"\x80\x02" + PAYLOAD).streams) == 6
    hidden = bytearray(data)
    hidden[-100 : -100 + len(PAYLOAD) + 2] = b"\x80\x02" + PAYLOAD
    assert len(analyse(bytes(hidden)).streams) == 5  # no loader unpickles a storage
    assert len(analyse(bytes(hidden) + b"\0").streams) == 6


def test_random_storages_are_no_error() -> None:
    data = saved({"a": torch.zeros(10)}) + CHANCE.randbytes(3_000_000)
    analysis = analyse(data)
    assert len(analysis.streams) == 5
    assert analysis.errors == ()
