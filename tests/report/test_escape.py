import pytest

from safepickle_dl.report.escape import clip, encodable, printable


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain name.pkl", "plain name.pkl"),
        ("modèle-模型.pt", "modèle-模型.pt"),
        ("a\nb\r\t", r"a\x0ab\x0d\x09"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b31m", r"\u009b31m"),
        ("lkp.\u202egpj", r"lkp.\u202egpj"),
        ("\u2066x\u2069\u200b\ufeff", r"\u2066x\u2069\u200b\ufeff"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("\u2028", r"\u2028"),
    ],
)
def test_printable(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown
    assert printable(hostile).isprintable()


def test_clip_marks_the_cut() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abc..."


def test_encodable() -> None:
    assert encodable("é模", "ascii") == r"\xe9\u6a21"
    assert encodable("é\udcff", "utf-8") == r"é\udcff"
