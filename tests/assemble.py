"""What the tests of core/ share: pieces of pickles, and what the lexer and the machine make of them."""

from __future__ import annotations

from collections import Counter

from safepickle_dl.analysis import analyse
from safepickle_dl.containers.region import Region
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import DEFAULT_LIMITS, Budget
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from safepickle_dl.streams import PickleStream, read_stream, read_streams

PAYLOAD = b"cos\nsystem\n(S'echo hi'\ntR."


def short(text: str) -> bytes:
    """SHORT_BINUNICODE."""
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def stack_global(module: str, name: str) -> bytes:
    return short(module) + short(name) + b"\x93"


def lex(data: bytes) -> list[tuple[str, int, bytes]]:
    """Return (opcode name, offset, argument) of every instruction."""
    lexer = Lexer(data, 0, len(data))
    result = []
    more = True
    while more:
        more = lexer.read_block()
        for i in range(lexer.count):
            lo, hi = lexer.lo[i], lexer.hi[i]
            assert 0 <= lexer.at[i] <= lo <= hi <= len(data)
            result.append((opcode_name(lexer.ops[i]), lexer.at[i], data[lo:hi]))
    return result


def names(data: bytes) -> list[str]:
    return [name for name, _, _ in lex(data)]


def run(data: bytes) -> Machine:
    return read_stream("", data, 0, len(data), Budget()).machine


def sites(data: bytes) -> list[tuple[str, str, str]]:
    """Return (opcode name, callee, arguments) of every call site of the first pickle."""
    machine = run(data)
    return [
        (
            opcode_name(machine.site_opcode[i]),
            callee_text(machine, machine.site_callee[i]),
            arguments_text(machine, machine.site_arguments[i], 200),
        )
        for i in range(machine.n_sites)
    ]


def site_texts(data: bytes) -> Counter[str]:
    """Return every call site of a file, whole: how often each text occurs in all of its streams."""
    texts: Counter[str] = Counter()
    for stream in analyse(data).streams:
        machine = stream.machine
        for i in range(machine.n_sites):
            callee = callee_text(machine, machine.site_callee[i])
            arguments = arguments_text(machine, machine.site_arguments[i], 10_000)
            texts[f"{opcode_name(machine.site_opcode[i])} {callee} {arguments}"] += 1
    return texts


def anomalies(data: bytes) -> list[str]:
    return [name for name, _, _ in sites(data) if getattr(op, name) >= op.ANOMALY]


def result_use(data: bytes, site: int) -> int:
    machine = run(data)
    return machine.nodes.use[machine.site_result[site]]


def streams(data: bytes) -> list[PickleStream]:
    """Return the streams of a file that is one region, nested ones behind their own."""
    found: list[PickleStream] = []
    for stream in read_streams(Region("", data, 0, len(data))):
        found.append(stream)
        found.extend(stream.nested)
    return found


def called(data: bytes) -> set[str]:
    """Return the names of everything that any stream calls."""
    return {
        callee_text(stream.machine, stream.machine.site_callee[i])
        for stream in streams(data)
        for i in range(stream.machine.n_sites)
        if opcode_name(stream.machine.site_opcode[i]) in ("REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX")
    }


def contents(slices: Slices) -> list[tuple[int, tuple[tuple[int, ...], ...]]]:
    """Return (channel, tokens) of each slice; a token is (role, id, trigrams of its word...)."""
    result = []
    for k in range(slices.count):
        tokens = []
        for token in slices.tokens[slices.first[k] : slices.first[k + 1]]:
            word = token >> tk.WORD_SHIFT
            grams = slices.words.grams[word * tk.N_GRAMS : (word + 1) * tk.N_GRAMS] if word else []
            identity = (token >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
            tokens.append((token & 255, identity, *grams))
        result.append((slices.channel[k], tuple(tokens)))
    return result


def slices_of(*machines: Machine) -> list[tuple[int, tuple[tuple[int, ...], ...]]]:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for source, machine in enumerate(machines):
        slices.add_machine(machine, source)
    return contents(slices)


def file_slices(data: bytes) -> set[tuple[int, tuple[tuple[int, ...], ...]]]:
    return set(slices_of(*(stream.machine for stream in streams(data))))
