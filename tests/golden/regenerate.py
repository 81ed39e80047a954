"""Golden slices and scores: `python -m tests.golden.regenerate` rewrites both from the pickles below.

A change of the slices is a change of the token alphabet: bump `tokens.VERSION`, train again. The scores change with the
shipped bundle, and with nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

from safepickle_dl.core import tokens as tk
from safepickle_dl.scanner import Scanner
from tests.assemble import run, short, slices_of, stack_global

PATH = Path(__file__).with_name("slices.json")
SCORES = Path(__file__).with_name("scores.json")

PICKLES: dict[str, bytes] = {
    "global_reduce": b"cos\nsystem\n(S'echo hi'\ntR.",
    "global_reduce_popped": b"cos\nsystem\n(S'echo hi'\ntR0N.",
    "stack_global": b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R.",
    "escaped_operands": b"V\\u006fs\nS'\\x73ystem'\n\x93)R.",
    "memo": short("system") + b"q\x070" + short("os") + b"h\x07\x93" + short("echo hi") + b"\x85R.",
    "dotted": stack_global("shlex", "os.system") + short("echo hi") + b"\x85R.",
    "computed": stack_global("builtins", "str") + short("os") + b"\x85R" + short("system") + b"\x93)R.",
    "getattr_chain": stack_global("builtins", "getattr")
    + stack_global("importlib", "import_module")
    + (short("os") + b"\x85R" + short("system") + b"\x86R" + short("echo hi") + b"\x85R."),
    "inst": b"(S'echo hi'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'echo hi'\no.",
    "newobj": b"ccollections\nOrderedDict\n)\x81.",
    "newobj_ex": b"ccollections\nOrderedDict\n)}\x92.",
    "build": b"cexample\nModel\n)\x81}(" + short("weights") + b"](G?\xe0\0\0\0\0\0\0K\x01e" + short("n") + b"Nub.",
    "append": b"cexample\nlog\nK\x05a.",
    "appends": b"cexample\nlog\n(K\x05M\0\x01e.",
    "setitem": b"ccollections\nOrderedDict\n)R" + short("key") + b"\x88s.",
    "additems": b"cexample\nSet\n)R(K\0K\x01\x90.",
    "persid": b"Pstorage 0\n.",
    "binpersid": b"(" + short("storage") + b"ctorch\nFloatStorage\n" + short("0") + short("cpu") + b"K\x06tQ.",
    "ext": b"\x82\x05)R.",
    "integers": b"cf\ng\n(K\0K\x01K\x02M\0\x01J\0\0\x01\0J\xff\xff\xff\xff"
    b"\x8a\x09\0\0\0\0\0\0\0\0\x01I01\nI0x10\nt\x81.",
    "scalars": b"cf\ng\n(NN\x88\x89F1.5\n\x97](K\x01l\x8f}(NNd(\x91tR.",
    "text": b"cf\ng\n(" + short("/bin/sh -c 'curl https://example.com/a_b42'\n") + short("") + b"C\x03\0\xffatR.",
    "long_argument": b"cf\ng\n("
    + b"".join(short(f"word{chr(97 + i // 26)}{chr(97 + i % 26)}") for i in range(90))
    + b"tR.",
    "unfolding": b"\x80\x04}" + short("a") + b"\x85\x94" + b"2\x86\x94" * 30 + b"Ns.",
    "far_slot": b"\x80\x02Nr\0\0\0\x20.",
    "cycle": b"cf\ng\n]q\0h\0a\x85R.",
    "deep": b"cf\ng\n)" + b"\x85" * 20 + b"R.",
    "missing_memo": b"h\x05)R.",
    "underflow": b"R.",
    "unknown_opcode": b"cf\ng\n)R\xff",
    "bad_literal": b"cf\ng\n(Iabc\ntR.",
    "no_call": b"}(" + short("a") + b"K\x01u.",
}


def token_text(token: tuple[int, ...]) -> str:
    """Write a token as role.id, or role.id:trigram,trigram... without the empty ones."""
    role, identity, *grams = token
    kept = [str(gram) for gram in grams if gram]
    return f"{role}.{identity}" + (":" + ",".join(kept) if kept else "")


def golden() -> dict[str, object]:
    """Return what slices.json should hold."""
    cases = {
        name: {
            "pickle": data.hex(),
            "slices": [
                f"{channel}| " + " ".join(token_text(token) for token in tokens)
                for channel, tokens in slices_of(run(data))
            ],
        }
        for name, data in PICKLES.items()
    }
    return {"tokens_version": tk.VERSION, "cases": cases}


def golden_scores() -> dict[str, object]:
    """Return what scores.json should hold: what the shipped bundle says to each pickle."""
    scanner = Scanner()
    cases = {}
    for name, data in PICKLES.items():
        result = scanner.scan_bytes(data)
        members = {member: round(score, 5) for member, score in result.members.items()}
        cases[name] = {"score": round(result.score, 5), "verdict": result.verdict.value, "members": members}
    return {"model": scanner.model_version, "cases": cases}


if __name__ == "__main__":
    PATH.write_text(json.dumps(golden(), indent=1) + "\n", encoding="utf-8")
    SCORES.write_text(json.dumps(golden_scores(), indent=1) + "\n", encoding="utf-8")
