"""Texts and bytes that a pickle computes: decoded, joined, picked, translated."""

from __future__ import annotations

from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import encoded
from train.corpus.spelling.expressions import (
    Call,
    Ref,
)
from train.corpus.spelling.scripts import helper


def decoded(raw: bytes, rng: Draw, as_text: bool) -> Any:
    """Return an expression that makes bytes (or text) out of an encoded literal."""
    decoder, text = encoded(rng, raw)
    module, name = decoder.split(":")
    if module in ("base64", "binascii", "zlib") and rng.random() < 0.2 and isinstance(text, bytes):
        codec = {"base64": "base64", "binascii": "hex", "zlib": "zlib"}[module]
        made: Any = Call(helper("codecs", "decode", rng), (text, codec))
    else:
        made = Call(Ref(module, name), (text,))
    if not as_text or rng.random() < 0.4:
        return made
    return rng.template(
        (
            lambda: Call(Ref("builtins", "bytes.decode"), (made,)),
            lambda: Call(Call(helper("operator", "methodcaller", rng), ("decode",)), (made,)),
            lambda: Call(Call(Ref("builtins", "getattr"), (made, "decode")), ()),
            lambda: Call(Ref("builtins", "str"), (made, "utf-8")),
            lambda: Call(helper("codecs", "decode", rng), (made, "utf-8")),
        )
    )()


def hidden_text(text: str, rng: Draw) -> Any:
    """Return an expression that computes a text from pieces or codes."""
    pieces = _pieces(text, rng)
    return rng.template(
        (
            lambda: decoded(text.encode(), rng, as_text=True),
            lambda: Call(Ref("builtins", "str.join"), ("", pieces)),
            lambda: Call(Call(Ref("builtins", "getattr"), ("", "join")), (pieces,)),
            lambda: Call(helper("functools", "reduce", rng), (helper("operator", "add", rng), pieces)),
            lambda: Call(
                helper("operator", rng.choice(("add", "concat", "iadd")), rng), (pieces[0], "".join(pieces[1:]))
            ),
            lambda: Call(
                Ref("builtins", "str.join"),
                ("", Call(Ref("builtins", "map"), (Ref("builtins", "chr"), [ord(c) for c in text]))),
            ),
            lambda: Call(Ref("builtins", "str.replace"), (text.replace("s", "\u00a7"), "\u00a7", "s")),
            lambda: Call(Ref("builtins", "str.join"), ("", Call(Ref("builtins", "reversed"), (text[::-1],)))),
            lambda: Call(helper("codecs", "decode", rng), (_rot13(text), "rot13")),
            lambda: Call(Ref("builtins", "str.format"), ("{}{}", pieces[0], "".join(pieces[1:]))),
            lambda: Call(Ref("builtins", "str.lower"), (text.upper(),)) if text.islower() else None,
            lambda: Call(Ref("os.path", "basename"), ("/x/" + text,)) if "/" not in text else None,
            lambda: Call(Ref("posixpath", "join"), (pieces[0], "".join(pieces[1:]))),
            lambda: Call(Ref("json", "loads"), (f'"{text}"',)) if text.isidentifier() else None,
            lambda: Call(Ref("urllib.parse", "unquote"), ("".join(f"%{ord(c) & 255:02x}" for c in text),)),
            lambda: Call(Ref("html", "unescape"), ("".join(f"&#{ord(c)};" for c in text),)),
            lambda: Call(
                helper("operator", "getitem", rng),
                (text[::-1], Call(Ref("builtins", "slice"), (None, None, -1))),
            ),
            lambda: Call(helper("operator", "mod", rng), ("%s" * len(pieces), tuple(pieces))),
            lambda: Call(Ref("builtins", "str.strip"), (f" {text}\n",)),
            lambda: Call(Ref("builtins", "str.removeprefix"), (f"numpy.{text}", "numpy.")),
            lambda: Call(Ref("builtins", "str.swapcase"), (text.swapcase(),)) if text.isascii() else None,
            lambda: Call(Ref("builtins", "str.translate"), (_shifted(text), {ord(c) + 1: c for c in text})),
            lambda: Call(Ref("ast", "literal_eval"), (repr(text),)),
            lambda: Call(Ref("re", "sub"), ("[~^]", "", "~".join(pieces))),
            lambda: Call(Ref("builtins", "str.join"), ("", Call(Ref("itertools", "chain"), tuple(pieces)))),
            lambda: Call(
                Ref("string", "Template.substitute"),
                (Call(Ref("string", "Template"), ("$a$b",)), {"a": pieces[0], "b": "".join(pieces[1:])}),
            ),
            lambda: _picked(text, rng),
            lambda: Call(Ref("builtins", "str"), (text.encode("utf-16-le"), "utf-16-le")),
        )
    )() or Call(Ref("builtins", "str.join"), ("", pieces))


def _shifted(text: str) -> str:
    return "".join(chr(ord(c) + 1) for c in text)


def _picked(text: str, rng: Draw) -> Any:
    """Return what picks a text out of others."""
    others = [payloads.word(rng) for _ in range(rng.randrange(1, 4))]
    at = rng.randrange(len(others) + 1)
    others.insert(at, text)
    return Call(Call(helper("operator", "itemgetter", rng), (at,)), (others,))


def _pieces(text: str, rng: Draw) -> list[str]:
    if len(text) < 2:
        return [text, ""]
    cut = sorted(rng.sample(range(1, len(text)), min(len(text) - 1, rng.randrange(1, 5))))
    return [text[i:j] for i, j in zip([0, *cut], [*cut, len(text)], strict=True)]


def _rot13(text: str) -> str:
    lower, upper = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return text.translate(str.maketrans(lower + upper, lower[13:] + lower[:13] + upper[13:] + upper[:13]))
