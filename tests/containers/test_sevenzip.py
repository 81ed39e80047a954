from __future__ import annotations

import base64

import pytest

from safepickle_dl.limits import Limits
from tests.containers.wrap import NOISE, OTHER, PICKLE, look, sevenzipped

PACKED = {
    "lzma": (
        "N3q8ryccAAQIFau7xgAAAAAAAAAWAAAAAAAAAFr7QyUAQACLKdeAoGP97kbwFSvbtB4nfI+zxNvL4PKMVOi0a/ZfQ33pqfL7i8pg"
        "FkB1XtHMs01/6IhDZdJqOzjTlzd1X/+4RoAA4ACWAHhdAACBMweuD9JAZ31AwJDTQ8Th+eiyAFkpNoDVMzC9kRWH54zYlyhFIBzP"
        "eJYnZZizp95pNId7/3n/Db75IdeZrGpNlJnDUwupo5XfniMd64bh3WKOgkT/6impq2KD8mJV8fasbGRUa3padkNwotnlz3VGLef6"
        "CQAAAAAXBkYBCYCAAAcLAQABISEBGAyAlwAA"
    ),
    "lzma2": (
        "N3q8ryccAASwIh49twAAAAAAAAAVAAAAAAAAAFiq06UBADyAAn1xAChYBwAAAHdlaWdodHNxAV1xAihLAUsCSwNlWAQAAABuYW1l"
        "cQNYBQAAAGluZXJ0cQR1Lm5vdGVzAOAAigBuXQAAgTMHrg/R/+M9QMCQ0v90oc2JxcIMrcTk8sDoV52mTZKYe/20QmXO8we90tkr"
        "LNbMJGGbHK3I8KHG/GWlbvBzkmyiI7yQ5qmweoFe5pzNQtFz68KJJY/X/RXcMdazdz1NM5eePR7nrWovnaAAAAAXBkEBCXYABwsB"
        "AAEhIQEYDICLAAA="
    ),
    "bzip2": (
        "N3q8ryccAAS9ZRv+1AAAAAAAAAAVAAAAAAAAADYzJAtCWmg5MUFZJlNZnTNlzwAAHlfAfoAAQQAIAEIi476CQAAgAFCjQ0AAABT0"
        "mkMnqAZqHknPKUbCNSgHIkIQpP9NT52M7yZZN6tEUHfN3+0qAGd2S1MC7kinChITpmy54OAAigBtXQAAgTMHrg/Tgvy9QMCQzuXL"
        "dvZDoGCRDn6S983mohK+MOh/cVoyEwLjJj09/9LjAgU/xMmGTYUexISJM1ee5ewvSIlbW501ZojxoplhaQwLNzFJDBAFOZcZB6rw"
        "YV3xsxTATEkDAtSu3hBD5AAAABcGXwEJdQAHCwEAASEhARgMgIsAAA=="
    ),
    "deflate": (
        "N3q8ryccAAS9FEL2rwAAAAAAAAAVAAAAAAAAAEdGb5BrYKotZNCIYGdgYChPzUzPKCkuZIwtZNLwZvRm8mZOjWABSuQl5qYWMkew"
        "ApmZealFJYUspXp5+SWpxQDgAIoAa10AAIEzB64P0bZyEKCQoHJD1FmonEZP2r+rvTp+JGcZLo4fLUXCgG2wpq4OkZyGaUdN7hpm"
        "mJw6/Wc1wY97pADhFq+rnL7YrdGwzRhTSQFGMZTbGv4fBbuj7uCwiW1lnOhGBs4vy/QwVjW7AAAAFwY8AQlzAAcLAQABISEBGAyA"
        "iwAA"
    ),
    "copy": (
        "N3q8ryccAAR+AScFtAAAAAAAAAAVAAAAAAAAAEQitZSAAn1xAChYBwAAAHdlaWdodHNxAV1xAihLAUsCSwNlWAQAAABuYW1lcQNY"
        "BQAAAGluZXJ0cQR1Lm5vdGVz4ACOAG9dAACBMweuD9HFlIygkKCdnCgBp9ZwJxZL1L6V5dMi2UaVcPaOOvcBLHft6rnxLe7kdlrW"
        "JxXIBprymsUp7V7pa4F4/Qq28xvKbn9gKjm2YTgW53bxSO4ESDlEZwZQIm2eIjt3I8jYm6/foWOnfAAAAAAXBj0BCXcABwsBAAEh"
        "IQEYDICPAAA="
    ),
    "zstd": (
        "N3q8ryccAAQIFau7xgAAAAAAAAAWAAAAAAAAAFr7QyUotS/9AFjpAQCAAn1xAChYBwAAAHdlaWdodHNxAV1xAihLAUsCSwNlWAQA"
        "AABuYW1lcQNYBQAAAGluZXJ0cQR1Lm5vdGVz4ACWAHhdAACBMweuD9JAZ31AwJDTZw7yZgnTZfjlVByZHJ5avctodwn0ecCq5wYD"
        "Ii76FE9COI+Q4ORK8i15YayhAP58HFfv9Ud1AcuRiGxwN0zaS7sdGc5n9roVsRuj4URPDhHYAy3fnWoUHbdkfIFQaT4bq/iHWf0v"
        "JwAAAAAXBkYBCYCAAAcLAQABISEBGAyAlwAA"
    ),
    "x86, lzma2": (
        "N3q8ryccAASVhuGjvgAAAAAAAAAVAAAAAAAAAC1zPe0BADyAAn1xAChYBwAAAHdlaWdodHNxAV1xAihLAUsCSwNlWAQAAABuYW1l"
        "cQNYBQAAAGluZXJ0cQR1Lm5vdGVzAOAAkgB1XQAAgTMHrg/R/+M9QLuUZBx+6QUf9rmXkirZnf+Q9qxH8JgEZ8vMpTKqdAUvL+VZ"
        "yDiuIzm4ZOfe8kI21TKLiUQ2FejLjH955j0S5B9lR6Pl7puVq2ZsixM42jknNpA1n2TQE4lCh49RnSsp0E6V2B2tOKDxAAAAFwZB"
        "AQl9AAcLAQABISEBGAyAkwAA"
    ),
    "delta, lzma2": (
        "N3q8ryccAATshPdrwQAAAAAAAAAWAAAAAAAAAMldB8QBADyAgnv0jygwr/kAAHfuBP4BDP/+kFwUkSYjtkq3Sbhi86z8AABu8wz4"
        "DJJVrfsAAGkF9w0C/ZNxuUABBfEOAOAAlgB4XQAAgTMHrg/R/+M9QLuUZBx+6Q3SXeMCMAy6mBHt3Hhb/VJwVMD9R4RE2lGp+f6N"
        "zk4Z9vpkHeNp5TQ1MbxLhhWLoHYK6WxU/c/p8TRcyQej/tMLuu41D3c203iC3S8xwDh+NocJM4TgcLVBqZGehFKLm2Z9DKTgAAAA"
        "FwZBAQmAgAAHCwEAASEhARgMgJcAAA=="
    ),
}
"""What py7zr wrote with each filter chain: PICKLE as m/data.pkl, an empty file, five letters as n.txt."""
PPMD = (
    "N3q8ryccAARp9hDytQAAAAAAAAAVAAAAAAAAAA9eOjIAf4Lt52c8km8M6t9nNGmnwyT1sqH9RZ8KQH+fOSp7xqxsT9ZEQmY81zrr"
    "WOJR+uEf++T+bQajuwDgAJIAdF0AAIEzB64P0YkKnKCQoHew/vr+Lssa/sdU8yibw/wqUJ5hSmKr1cZpmJwwVl3HyBl/jjEoENff"
    "JGfQdKB3ZP6/KU+aVxBMeyzRayn3VwzB+hl+v/ZzUPsasO4ra+F+RvDaCQuKaqLxjmQasyZkzlqS3DugAAAAFwY5AQl8AAcLAQAB"
    "ISEBGAyAkwAA"
)


@pytest.mark.parametrize("method", PACKED)
def test_what_a_library_wrote_is_read(method: str) -> None:
    found = look(base64.b64decode(PACKED[method]))
    assert found.regions == [("m/data.pkl", PICKLE)]
    assert found.problems == []


def test_ppmd_is_a_problem() -> None:
    found = look(base64.b64decode(PPMD))
    assert found.messages == ["7z member is compressed with PPMd"]


@pytest.mark.parametrize("method", ["lzma2", "copy"])
def test_members_of_one_folder(method: str) -> None:
    found = look(sevenzipped([("a", PICKLE), ("noise", NOISE), ("dir/b", OTHER)], method))
    assert found.regions == [("a", PICKLE), ("dir/b", OTHER)]
    assert found.problems == []


def test_checksums_are_not_believed() -> None:
    data = bytearray(sevenzipped([("a", PICKLE)]))
    data[8:12] = bytes(4)
    data[28:32] = bytes(4)
    assert look(bytes(data)).regions == [("a", PICKLE)]


def test_every_truncation_is_a_problem() -> None:
    data = sevenzipped([("a", PICKLE), ("b", OTHER)])
    for end in range(8, len(data), 7):
        assert look(data[:end]).problems != []


def test_a_broken_stream_keeps_what_is_before_it() -> None:
    data = bytearray(sevenzipped([("a", PICKLE), ("noise", NOISE * 40), ("b", OTHER)]))
    data[-400] ^= 0xFF
    found = look(bytes(data))
    assert found.regions == [] or found.regions[0] == ("a", PICKLE)
    assert found.problems != []


def test_limits() -> None:
    bomb = sevenzipped([("a", PICKLE + bytes(4 << 20))])
    assert look(bomb, Limits(max_member_bytes=1 << 20)).messages == ["7z: limit max_member_bytes reached (1048576)"]
    many = sevenzipped([(str(i), PICKLE) for i in range(30)])
    found = look(many, Limits(max_members=10))
    assert len(found.regions) == 10
    assert found.messages == ["limit max_members reached (10)"]
