"""The 68 opcodes of pickle protocols 0 to 5, and how each one's argument is stored.

Source: CPython `Lib/pickle.py` (opcode values) and `Modules/_pickle.c` (what the C loader reads).
"""

from __future__ import annotations

MARK = 0x28
STOP = 0x2E
POP = 0x30
DUP = 0x32
FLOAT = 0x46
INT = 0x49
LONG = 0x4C
NONE = 0x4E
PERSID = 0x50
REDUCE = 0x52
STRING = 0x53
UNICODE = 0x56
APPEND = 0x61
BUILD = 0x62
GLOBAL = 0x63
DICT = 0x64
GET = 0x67
INST = 0x69
LIST = 0x6C
PUT = 0x70
SETITEM = 0x73
TUPLE = 0x74
EMPTY_TUPLE = 0x29
POP_MARK = 0x31
BINFLOAT = 0x47
BININT = 0x4A
BININT1 = 0x4B
BININT2 = 0x4D
BINPERSID = 0x51
BINSTRING = 0x54
SHORT_BINSTRING = 0x55
BINUNICODE = 0x58
EMPTY_LIST = 0x5D
APPENDS = 0x65
BINGET = 0x68
LONG_BINGET = 0x6A
OBJ = 0x6F
BINPUT = 0x71
LONG_BINPUT = 0x72
SETITEMS = 0x75
EMPTY_DICT = 0x7D
PROTO = 0x80
NEWOBJ = 0x81
EXT1 = 0x82
EXT2 = 0x83
EXT4 = 0x84
TUPLE1 = 0x85
TUPLE2 = 0x86
TUPLE3 = 0x87
NEWTRUE = 0x88
NEWFALSE = 0x89
LONG1 = 0x8A
LONG4 = 0x8B
BINBYTES = 0x42
SHORT_BINBYTES = 0x43
SHORT_BINUNICODE = 0x8C
BINUNICODE8 = 0x8D
BINBYTES8 = 0x8E
EMPTY_SET = 0x8F
ADDITEMS = 0x90
FROZENSET = 0x91
NEWOBJ_EX = 0x92
STACK_GLOBAL = 0x93
MEMOIZE = 0x94
FRAME = 0x95
BYTEARRAY8 = 0x96
NEXT_BUFFER = 0x97
READONLY_BUFFER = 0x98

# What the lexer adds: a place where a loader stops or may disagree with another one.
ANOMALY = 0x100
BAD_OPCODE = 0x101
TRUNCATED = 0x102
BAD_LITERAL = 0x103
BAD_PROTOCOL = 0x104
# ... and the machine.
STACK_UNDERFLOW = 0x105
BAD_MEMO_KEY = 0x106
LIMIT = 0x107

# How an argument is stored: 0 to 8 are widths in bytes; the others are below.
LINE = 16  # text up to a newline
TWO_LINES = 17  # module, newline, name, newline
SIZE1 = 33  # an unsigned size of 1 byte, then that many bytes
SIZE4 = 36
SIZE8 = 40
NO_OPCODE = 127

ARGUMENTS: dict[int, int] = {
    MARK: 0,
    STOP: 0,
    POP: 0,
    DUP: 0,
    FLOAT: LINE,
    INT: LINE,
    LONG: LINE,
    NONE: 0,
    PERSID: LINE,
    REDUCE: 0,
    STRING: LINE,
    UNICODE: LINE,
    APPEND: 0,
    BUILD: 0,
    GLOBAL: TWO_LINES,
    DICT: 0,
    GET: LINE,
    INST: TWO_LINES,
    LIST: 0,
    PUT: LINE,
    SETITEM: 0,
    TUPLE: 0,
    EMPTY_TUPLE: 0,
    POP_MARK: 0,
    BINFLOAT: 8,
    BININT: 4,
    BININT1: 1,
    BININT2: 2,
    BINPERSID: 0,
    BINSTRING: SIZE4,
    SHORT_BINSTRING: SIZE1,
    BINUNICODE: SIZE4,
    EMPTY_LIST: 0,
    APPENDS: 0,
    BINGET: 1,
    LONG_BINGET: 4,
    OBJ: 0,
    BINPUT: 1,
    LONG_BINPUT: 4,
    SETITEMS: 0,
    EMPTY_DICT: 0,
    PROTO: 1,
    NEWOBJ: 0,
    EXT1: 1,
    EXT2: 2,
    EXT4: 4,
    TUPLE1: 0,
    TUPLE2: 0,
    TUPLE3: 0,
    NEWTRUE: 0,
    NEWFALSE: 0,
    LONG1: SIZE1,
    LONG4: SIZE4,
    BINBYTES: SIZE4,
    SHORT_BINBYTES: SIZE1,
    SHORT_BINUNICODE: SIZE1,
    BINUNICODE8: SIZE8,
    BINBYTES8: SIZE8,
    EMPTY_SET: 0,
    ADDITEMS: 0,
    FROZENSET: 0,
    NEWOBJ_EX: 0,
    STACK_GLOBAL: 0,
    MEMOIZE: 0,
    FRAME: 8,
    BYTEARRAY8: SIZE8,
    NEXT_BUFFER: 0,
    READONLY_BUFFER: 0,
}
"""Opcode to the form of its argument."""

FORMS = "".join(chr(ARGUMENTS.get(byte, NO_OPCODE)) for byte in range(256))
"""The form of every byte's argument, NO_OPCODE where it is no opcode, as a text of 256 characters."""

NAMES: dict[int, str] = {
    MARK: "MARK",
    STOP: "STOP",
    POP: "POP",
    DUP: "DUP",
    FLOAT: "FLOAT",
    INT: "INT",
    LONG: "LONG",
    NONE: "NONE",
    PERSID: "PERSID",
    REDUCE: "REDUCE",
    STRING: "STRING",
    UNICODE: "UNICODE",
    APPEND: "APPEND",
    BUILD: "BUILD",
    GLOBAL: "GLOBAL",
    DICT: "DICT",
    GET: "GET",
    INST: "INST",
    LIST: "LIST",
    PUT: "PUT",
    SETITEM: "SETITEM",
    TUPLE: "TUPLE",
    EMPTY_TUPLE: "EMPTY_TUPLE",
    POP_MARK: "POP_MARK",
    BINFLOAT: "BINFLOAT",
    BININT: "BININT",
    BININT1: "BININT1",
    BININT2: "BININT2",
    BINPERSID: "BINPERSID",
    BINSTRING: "BINSTRING",
    SHORT_BINSTRING: "SHORT_BINSTRING",
    BINUNICODE: "BINUNICODE",
    EMPTY_LIST: "EMPTY_LIST",
    APPENDS: "APPENDS",
    BINGET: "BINGET",
    LONG_BINGET: "LONG_BINGET",
    OBJ: "OBJ",
    BINPUT: "BINPUT",
    LONG_BINPUT: "LONG_BINPUT",
    SETITEMS: "SETITEMS",
    EMPTY_DICT: "EMPTY_DICT",
    PROTO: "PROTO",
    NEWOBJ: "NEWOBJ",
    EXT1: "EXT1",
    EXT2: "EXT2",
    EXT4: "EXT4",
    TUPLE1: "TUPLE1",
    TUPLE2: "TUPLE2",
    TUPLE3: "TUPLE3",
    NEWTRUE: "NEWTRUE",
    NEWFALSE: "NEWFALSE",
    LONG1: "LONG1",
    LONG4: "LONG4",
    BINBYTES: "BINBYTES",
    SHORT_BINBYTES: "SHORT_BINBYTES",
    SHORT_BINUNICODE: "SHORT_BINUNICODE",
    BINUNICODE8: "BINUNICODE8",
    BINBYTES8: "BINBYTES8",
    EMPTY_SET: "EMPTY_SET",
    ADDITEMS: "ADDITEMS",
    FROZENSET: "FROZENSET",
    NEWOBJ_EX: "NEWOBJ_EX",
    STACK_GLOBAL: "STACK_GLOBAL",
    MEMOIZE: "MEMOIZE",
    FRAME: "FRAME",
    BYTEARRAY8: "BYTEARRAY8",
    NEXT_BUFFER: "NEXT_BUFFER",
    READONLY_BUFFER: "READONLY_BUFFER",
    ANOMALY: "ANOMALY",
    BAD_OPCODE: "BAD_OPCODE",
    TRUNCATED: "TRUNCATED",
    BAD_LITERAL: "BAD_LITERAL",
    BAD_PROTOCOL: "BAD_PROTOCOL",
    STACK_UNDERFLOW: "STACK_UNDERFLOW",
    BAD_MEMO_KEY: "BAD_MEMO_KEY",
    LIMIT: "LIMIT",
}
"""Opcode (or anomaly) to its name, as `pickletools` spells it."""

IMPORTS = frozenset({GLOBAL, STACK_GLOBAL, EXT1, EXT2, EXT4})
"""What imports and does nothing else (INST imports and calls)."""
CALLS = frozenset({REDUCE, OBJ, INST, NEWOBJ, NEWOBJ_EX})
"""What calls."""
