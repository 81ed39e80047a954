"""Random valid pickles that use every opcode, made of safe values: seeds for fuzzing and for comparing with CPython.

Loading one imports and calls only what `find_class` gives it; `loaders.py` gives it inert stand-ins.
"""

from __future__ import annotations

import struct
from random import Random

from safepickle_dl.core import opcodes as op

N_EXTENSIONS = 40
"""Codes 1 to this are registered in the extension registry of the loading process, as `extmod.e<code>`."""
N_BUFFERS = 1000
"""Out-of-band buffers that the loading process offers (count)."""

NAMES = ["os", "system", "builtins", "eval", "a.b", "Ж", "x y", "", "_codecs", "Ünïcode", "n\r", "e\0f", "0", "module"]


def generate(seed: int) -> bytes:
    """Return a pickle; the same one for the same seed."""
    return _Writer(Random(seed)).pickle()


class _Writer:
    """Writes values; each method appends the instructions that leave one object on the stack."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.out = bytearray()
        self.memo: dict[int, str] = {}
        self.budget = chance.choice([5, 20, 60])

    def pickle(self) -> bytes:
        chance = self.chance
        protocol = chance.randrange(-1, 6)
        self.value(0)
        if chance.random() < 0.3:
            self.noise()
        body = bytes(self.out) + b"."
        if chance.random() < 0.3:
            body = bytes([op.FRAME]) + struct.pack("<Q", len(body)) + body
        return (b"\x80" + bytes([protocol]) if protocol >= 0 else b"") + body

    def put(self, *codes: int) -> None:
        self.out += bytes(codes)

    # --- values -----------------------------------------------------------------------------------------------------

    def value(self, depth: int) -> str:
        """Write any value, perhaps memoised, among noise; return its kind."""
        self.budget -= 1
        chance = self.chance
        if chance.random() < 0.1:
            self.noise()
        if self.memo and chance.random() < 0.12:
            return self.recall(chance.choice(list(self.memo)))
        deep = depth > 4 or self.budget <= 0
        kind = self.scalar() if deep or chance.random() < 0.4 else self.compound(depth + 1)
        if chance.random() < 0.3:
            self.memoize(kind)
        return kind

    def hashable(self) -> None:
        self.scalar(hashable=True)

    def noise(self) -> None:
        """Write what leaves the stack as it is."""
        chance = self.chance
        pick = chance.randrange(5)
        if pick == 0:
            self.scalar()
            self.put(op.POP)
        elif pick == 1:
            self.put(op.MARK)
            for _ in range(chance.randrange(3)):
                self.scalar()
            self.put(op.POP_MARK)
        elif pick == 2:
            self.scalar()
            self.put(op.DUP, op.POP, op.POP)
        elif pick == 3:
            self.put(op.MARK, op.POP)
        else:
            self.put(op.PROTO, chance.randrange(6))

    def memoize(self, kind: str) -> None:
        chance = self.chance
        form = chance.randrange(4)
        if form == 0:
            key = len(self.memo)
            self.put(op.MEMOIZE)
        else:
            key = chance.choice([len(self.memo), chance.randrange(256), chance.randrange(3000)])
            if form == 1:
                self.out += b"p" + chance.choice([b"%d", b"0%d", b" %d"]) % key + b"\n"
            elif form == 2 and key < 256:
                self.put(op.BINPUT, key)
            else:
                self.out += b"r" + struct.pack("<I", key)
        self.memo[key] = kind

    def recall(self, key: int) -> str:
        form = self.chance.randrange(3)
        if form == 0:
            self.out += b"g%d\n" % key
        elif form == 1 and key < 256:
            self.put(op.BINGET, key)
        else:
            self.out += b"j" + struct.pack("<I", key)
        return self.memo[key]

    def scalar(self, hashable: bool = False) -> str:
        writers = [self.integer, self.number, self.text, self.constant]
        if not hashable:
            writers += [self.data, self.buffer]
        self.chance.choice(writers)()
        return "scalar"

    def constant(self) -> None:
        self.out += self.chance.choice([b"N", b"\x88", b"\x89", b"I01\n", b"I00\n"])

    def integer(self) -> None:
        chance = self.chance
        value = chance.choice([0, 1, 5, 255, 256, 65535, -1, -(2**31), 2**31 - 1, 2**40, -(2**70), 2**300])
        raw = b"" if value == 0 else value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        forms = [b"I%d\n" % value, b"L%dL\n" % value, b"L%d\n" % value, b"\x8b" + struct.pack("<i", len(raw)) + raw]
        if len(raw) < 256:
            forms.append(b"\x8a" + bytes([len(raw)]) + raw)
        if 0 <= value < 256:
            forms.append(b"K" + bytes([value]))
        if 0 <= value < 65536:
            forms.append(b"M" + struct.pack("<H", value))
        if -(2**31) <= value < 2**31:
            forms.append(b"J" + struct.pack("<i", value))
        self.out += chance.choice(forms)

    def number(self) -> None:
        value = self.chance.choice([0.0, -1.5, 1e300, float("inf")])
        self.out += self.chance.choice([b"F%r\n" % value, b"G" + struct.pack(">d", value)])

    def text(self, value: str | None = None) -> None:
        chance = self.chance
        if value is None:
            value = chance.choice([*NAMES, "x" * 300, "line\nbreak", "quote'"])
        raw = value.encode("utf-8", "surrogatepass")
        forms = [b"X" + struct.pack("<I", len(raw)) + raw, b"\x8d" + struct.pack("<Q", len(raw)) + raw]
        if len(raw) < 256:
            forms.append(b"\x8c" + bytes([len(raw)]) + raw)
        escaped = (
            value.replace("\\", "\\u005c").replace("\0", "\\u0000").replace("\n", "\\u000a").replace("\r", "\\u000d")
        )
        forms.append(b"V" + escaped.replace("\x1a", "\\u001a").encode("raw-unicode-escape") + b"\n")
        if value:
            forms.append(b"V" + b"".join(b"\\u%04x" % ord(char) for char in value) + b"\n")
        if value.isascii():
            quoted = repr(value).encode()
            forms += [b"S" + quoted + b"\n", b"T" + struct.pack("<i", len(raw)) + raw]
            forms.append(b"S'" + b"".join(b"\\x%02x" % byte for byte in raw) + b"'\n")
            if len(raw) < 256:
                forms.append(b"U" + bytes([len(raw)]) + raw)
        self.out += chance.choice(forms)

    def data(self) -> None:
        raw = self.chance.randbytes(self.chance.choice([0, 1, 20, 300]))
        forms = [b"B" + struct.pack("<I", len(raw)) + raw, b"\x8e" + struct.pack("<Q", len(raw)) + raw]
        forms.append(b"\x96" + struct.pack("<Q", len(raw)) + raw)
        if len(raw) < 256:
            forms.append(b"C" + bytes([len(raw)]) + raw)
        self.out += self.chance.choice(forms)

    def buffer(self) -> None:
        self.put(op.NEXT_BUFFER)
        if self.chance.random() < 0.5:
            self.put(op.READONLY_BUFFER)

    # --- compounds --------------------------------------------------------------------------------------------------

    def compound(self, depth: int) -> str:
        writers = [self.tuple, self.list, self.dict, self.set, self.call, self.call, self.call, self.persistent]
        return self.chance.choice([*writers, self.import_])(depth)

    def tuple(self, depth: int) -> str:
        size = self.chance.randrange(6)
        if size == 0:
            self.put(op.EMPTY_TUPLE)
        elif size <= 3 and self.chance.random() < 0.7:
            for _ in range(size):
                self.value(depth)
            self.put((op.TUPLE1, op.TUPLE2, op.TUPLE3)[size - 1])
        else:
            self.put(op.MARK)
            for _ in range(size):
                self.value(depth)
            self.put(op.TUPLE)
        return "tuple"

    def list(self, depth: int) -> str:
        if self.chance.random() < 0.3:
            self.put(op.MARK)
            for _ in range(self.chance.randrange(4)):
                self.value(depth)
            self.put(op.LIST)
        else:
            self.put(op.EMPTY_LIST)
        self.append(depth)
        return "list"

    def append(self, depth: int) -> None:
        for _ in range(self.chance.randrange(3)):
            if self.chance.random() < 0.5:
                self.value(depth)
                self.put(op.APPEND)
            else:
                self.put(op.MARK)
                for _ in range(self.chance.randrange(4)):
                    self.value(depth)
                self.put(op.APPENDS)

    def dict(self, depth: int) -> str:
        if self.chance.random() < 0.3:
            self.put(op.MARK)
            for _ in range(self.chance.randrange(3)):
                self.hashable()
                self.value(depth)
            self.put(op.DICT)
        else:
            self.put(op.EMPTY_DICT)
        self.set_items(depth)
        return "dict"

    def set_items(self, depth: int) -> None:
        for _ in range(self.chance.randrange(3)):
            if self.chance.random() < 0.5:
                self.hashable()
                self.value(depth)
                self.put(op.SETITEM)
            else:
                self.put(op.MARK)
                for _ in range(self.chance.randrange(3)):
                    self.hashable()
                    self.value(depth)
                self.put(op.SETITEMS)

    def set(self, depth: int) -> str:
        if self.chance.random() < 0.5:
            self.put(op.MARK)
            for _ in range(self.chance.randrange(4)):
                self.hashable()
            self.put(op.FROZENSET)
            return "frozenset"
        self.put(op.EMPTY_SET)
        self.add_items()
        return "set"

    def add_items(self) -> None:
        self.put(op.MARK)
        for _ in range(self.chance.randrange(4)):
            self.hashable()
        self.put(op.ADDITEMS)

    def persistent(self, depth: int) -> str:
        if self.chance.random() < 0.5:
            self.out += b"P" + self.chance.choice([b"id", b"", b"storage 1"]) + b"\n"
        else:
            self.value(depth)
            self.put(op.BINPERSID)
        return "object"

    def import_(self, depth: int = 0) -> str:
        chance = self.chance
        pick = chance.randrange(3)
        if pick == 0:
            lines = [name.encode() for name in (chance.choice(NAMES), chance.choice(NAMES))]
            self.out += b"c" + b"\n".join(lines) + b"\n"
        elif pick == 1:
            for _ in range(2):
                self.text(chance.choice(NAMES))
                if chance.random() < 0.2:
                    self.memoize("scalar")
            self.put(op.STACK_GLOBAL)
        else:
            code = chance.randrange(1, N_EXTENSIONS + 1)
            widths = [(b"\x82", "<B"), (b"\x83", "<H"), (b"\x84", "<i")]
            opcode, form = chance.choice(widths)
            self.out += opcode + struct.pack(form, code)
        return "class"

    def call(self, depth: int) -> str:
        chance = self.chance
        form = chance.choice(["REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"])
        if form == "INST":
            self.put(op.MARK)
            for _ in range(chance.randrange(3)):
                self.value(depth)
            self.out += b"i" + chance.choice(NAMES).encode() + b"\n" + chance.choice(NAMES).encode() + b"\n"
        elif form == "OBJ":
            self.put(op.MARK)
            self.import_()
            for _ in range(chance.randrange(3)):
                self.value(depth)
            self.put(op.OBJ)
        else:
            if form == "REDUCE" and chance.random() < 0.2:
                self.call(depth + 1) if depth < 4 and self.budget > 0 else self.import_()
            else:
                self.import_()
            self.tuple(depth)
            if form == "NEWOBJ_EX":
                self.put(op.EMPTY_DICT)
                if chance.random() < 0.5:
                    self.text("keyword")
                    self.value(depth)
                    self.put(op.SETITEM)
            self.put(getattr(op, form))
        self.after_call(depth)
        return "object"

    def after_call(self, depth: int) -> None:
        pick = self.chance.randrange(6)
        if pick == 0:
            self.value(depth)
            self.put(op.BUILD)
        elif pick == 1:
            self.append(depth)
        elif pick == 2:
            self.set_items(depth)
        elif pick == 3:
            self.add_items()
