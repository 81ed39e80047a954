"""What `stream.PickleStream` says of a machine that has run: whether it calls or imports anything that could exist.

Written like core/.
"""

from __future__ import annotations

import sys

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, Ints, ints_of, new_ints
from safepickle_dl.core.machine import Machine

STANDARD = f" {' '.join(sorted(sys.stdlib_module_names))} "
"""The modules of Python itself, a blank before and behind each."""
MAX_NAME_BYTES = 10_010
"""Bytes of a module's or a name's text that are looked at (count)."""


class Names:
    """Looks at machines that have run over `data`."""

    def __init__(self, data: Bytes) -> None:
        """Know nothing yet: few pickles are asked for the modules of Python itself."""
        self.data: Bytes = data
        self.standard: Ints = new_ints(0)

    def is_call(self, machine: Machine, site: int) -> bool:
        """Return whether a loader calls at a site: an INST without its mark only imports, as its first site says."""
        code = machine.site_opcode[site]
        if code != op.INST:
            return code == op.REDUCE or code == op.OBJ or code == op.NEWOBJ or code == op.NEWOBJ_EX
        if machine.site_arguments[site] < 0:
            return False
        if site == 0 or machine.site_opcode[site - 1] < op.ANOMALY:
            return True
        return machine.site_at[site - 1] != machine.site_at[site]

    def calls(self, machine: Machine) -> bool:
        """Return whether a machine calls anything."""
        for site in range(machine.n_sites):  # noqa: SIM110
            if self.is_call(machine, site):
                return True
        return False

    def calls_something_named(self, machine: Machine, cleanly: bool) -> bool:
        """Return whether a machine calls an import whose name could exist; `cleanly`: before any anomaly."""
        nodes = machine.nodes
        for site in range(machine.n_sites):
            if cleanly and machine.site_opcode[site] >= op.ANOMALY:
                return False
            if self.is_call(machine, site):
                callee = machine.site_callee[site]
                if nodes.kind[callee] == kd.GLOBAL and self.has_name(machine, callee):
                    return True
        return False

    def imports_something(self, machine: Machine, standard_only: bool) -> bool:
        """Return whether a machine imports something whose name could exist, or (unless `standard_only`) an extension.

        Args:
            machine: it has run.
            standard_only: whether only modules of Python itself count.
        """
        nodes = machine.nodes
        for site in range(machine.n_sites):
            node = machine.site_callee[site]
            if node < 0:
                continue
            if nodes.kind[node] == kd.EXTENSION and not standard_only:
                return True
            is_named = nodes.kind[node] == kd.GLOBAL and self.has_name(machine, node)
            if is_named and (not standard_only or self.is_standard(machine, node)):
                return True
        return False

    def is_standard(self, machine: Machine, node: int) -> bool:
        """Return whether the module of an import with a name is one of Python itself."""
        nodes = machine.nodes
        text = node
        if nodes.opcode[node] == op.STACK_GLOBAL:
            text = nodes.lo[node]
            if nodes.is_escaped(text):
                return self.begins_standard(nodes.scratch, 0, nodes.text_size(text))
        return self.begins_standard(self.data, nodes.lo[text], nodes.end(text))

    def begins_standard(self, text: Bytes, lo: int, hi: int) -> bool:
        """Return whether `text[lo:hi]`, up to a dot or newline, is in STANDARD."""
        end = lo
        while end < hi and text[end] != 46 and text[end] != 10:
            end += 1
        if len(self.standard) == 0:
            self.standard = ints_of(STANDARD)
        names = self.standard
        for at in range(len(names) - (end - lo) - 1):
            if names[at] == 32 and names[at + 1 + end - lo] == 32:
                i = 0
                while i < end - lo and names[at + 1 + i] == text[lo + i]:
                    i += 1
                if i == end - lo:
                    return True
        return False

    def has_name(self, machine: Machine, node: int) -> bool:
        """Return whether the module and the name of an import are identifiers."""
        nodes = machine.nodes
        lo = nodes.lo[node]
        if nodes.opcode[node] == op.STACK_GLOBAL:
            return self.is_identifier_node(machine, lo) and self.is_identifier_node(machine, nodes.hi[node])
        hi = nodes.end(node)
        line_end = lo
        while line_end < hi and self.data[line_end] != 10:
            line_end += 1
        return is_identifier(self.data, lo, line_end) and is_identifier(self.data, line_end + 1, hi)

    def is_identifier_node(self, machine: Machine, node: int) -> bool:
        """Return whether a TEXT node is an identifier."""
        nodes = machine.nodes
        if nodes.kind[node] != kd.TEXT:
            return False
        if nodes.is_escaped(node):
            return is_identifier(nodes.scratch, 0, nodes.text_size(node))
        return is_identifier(self.data, nodes.lo[node], nodes.end(node))


def is_identifier(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether `data[lo:hi]` are dotted names; characters above 127 count as letters where they are UTF-8."""
    hi = min(hi, lo + MAX_NAME_BYTES)
    if lo >= hi or 48 <= data[lo] <= 57 or data[lo] == 46:
        return False
    missing = 0  # bytes of the character
    for i in range(lo, hi):
        byte = data[i]
        if missing > 0:
            if byte < 128 or byte > 191:
                return False
            missing -= 1
        elif byte >= 128:
            if byte < 194 or byte > 244:
                return False
            missing = 1 if byte < 224 else (2 if byte < 240 else 3)
        elif not (48 <= byte <= 57 or 97 <= byte | 32 <= 122 or byte == 95 or byte == 46):
            return False
    return missing == 0
