"""A file as text for people who want to look: its pickles' instructions, and what they would do."""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl.containers import Note, Problem, Region, open_file
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine
from safepickle_dl.limits import DEFAULT_LIMITS, Budget, Limits, OutOfTimeError
from safepickle_dl.nested import find_streams
from safepickle_dl.reader import Buffer
from safepickle_dl.render import arguments_text, callee_text, literal_text, opcode_name
from safepickle_dl.report.escape import printable
from safepickle_dl.stream import PickleStream

USES = {
    kd.CALLED: "called",
    kd.BUILT: "built",
    kd.POPPED: "popped",
    kd.RETURNED: "returned",
    kd.ARGUMENT: "argument",
    kd.STATE: "state",
    kd.ITEM: "item",
    kd.OPERAND: "operand",
}
"""What becomes of a value, by its bit."""


def disassemble(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Iterator[str]:
    """Yield the lines that show every pickle stream of a file; nothing in them can steer a terminal.

    Each instruction is one line (offset, opcode, argument). The call sites that it makes follow it,
    marked with `=>`; places where a loader would stop are marked with `!!`.

    Args:
        data: the whole file.
        limits: bounds on what is opened and read.
    """
    empty = True
    budget = Budget(limits)
    for part in _parts(data, budget):
        if isinstance(part, Problem):
            empty = False
            yield f"!! {_located(part.name)}{printable(part.message)} ({part.unread_bytes} bytes unread)"
            continue
        empty = False
        if isinstance(part, Note):
            yield f"-- {_located(part.name)}{printable(part.message)}"
        else:
            yield from _stream_lines(part)
    if empty:
        yield "no pickle in it"


def _parts(data: Buffer, budget: Budget) -> Iterator[PickleStream | Problem | Note]:
    """Yield the streams of a file, nested ones behind their own, and whatever else there is to say."""
    try:
        for part in open_file(data, budget.limits, budget):
            if isinstance(part, Region):
                yield from find_streams(part, budget)
            else:
                yield part
    except OutOfTimeError as error:
        yield Problem("", str(error), 1)


def _located(name: str) -> str:
    return f"{printable(name)}: " if name else ""


def _stream_lines(stream: PickleStream) -> Iterator[str]:
    machine = stream.machine
    kind = "nested stream" if stream.level else "stream"
    name = f"{kind} {printable(stream.name)}" if stream.name else kind
    protocol = f"protocol {machine.protocol}"
    yield (
        f"{name} at byte {stream.start}: {protocol}, {machine.n_instructions} instructions, "
        f"{stream.end - stream.start} bytes, {'complete' if stream.complete else 'not complete'}"
    )
    site = 0
    for at, line in _lines(stream):
        while site < machine.n_sites and machine.site_at[site] < at:
            yield _site_line(machine, site)
            site += 1
        yield line
    for last in range(site, machine.n_sites):
        yield _site_line(machine, last)


def _lines(stream: PickleStream) -> Iterator[tuple[int, str]]:
    """Yield (offset, line) of instructions and crossed arrays; anomalies are call sites."""
    begin = stream.start
    for array_begin, array_end in [*stream.crossed, (stream.end, stream.end)]:
        yield from _instruction_lines(stream.machine, stream.data, begin, array_begin)
        if array_end > array_begin:
            yield array_begin, f"{array_begin:>10}  array data, {array_end - array_begin} bytes"
        begin = array_end


def _instruction_lines(machine: Machine, data: Buffer, begin: int, end: int) -> Iterator[tuple[int, str]]:
    lexer = Lexer(data, begin, end)
    more = True
    while more:
        more = lexer.read_block()
        for i in range(lexer.count):
            code, at = lexer.ops[i], lexer.at[i]
            if code < op.ANOMALY:
                argument = literal_text(machine, code, lexer.lo[i], lexer.hi[i])
                yield at, f"{at:>10}  {opcode_name(code):<16} {argument}".rstrip()


def _site_line(machine: Machine, site: int) -> str:
    opcode, at = machine.site_opcode[site], machine.site_at[site]
    if opcode >= op.ANOMALY:
        return f"{at:>10}  !! {opcode_name(opcode)}"
    what = _action(machine, site, opcode)
    result = machine.site_result[site]
    uses = machine.nodes.use[result] if result >= 0 else 0
    fate = ", ".join(word for bit, word in USES.items() if uses & bit)
    return f"{at:>10}  => {what}" + (f"  [{fate}]" if fate else "")


def _action(machine: Machine, site: int, opcode: int) -> str:
    """Say what a call site does."""
    callee = callee_text(machine, machine.site_callee[site])
    arguments = arguments_text(machine, machine.site_arguments[site])
    if opcode in op.IMPORTS or machine.site_arguments[site] < 0:
        return f"import {callee}"
    if opcode in (op.PERSID, op.BINPERSID):
        return f"persistent_load {arguments}"
    if opcode == op.BUILD:
        return f"set state of {callee} to {arguments}"
    verb = "call" if opcode in op.CALLS else f"{opcode_name(opcode).lower()} on"
    return f"{verb} {callee} with {arguments}"
