"""The token alphabet. Any change here is a new `VERSION`: weights are trained for one alphabet.

A token is one int: `role | id << ID_SHIFT | word << WORD_SHIFT`. Ids below FIRST_WORD are structure (kinds,
punctuation, opcodes), the others are hashed words. `word` numbers the distinct words of a file (0: none), for which a
table holds N_GRAMS hashed character trigrams (0: none). Role 0 and id 0 are padding.
"""

from __future__ import annotations

VERSION = 2

ID_SHIFT = 8
WORD_SHIFT = 24
N_GRAMS = 8
MAX_TOKENS = 96
"""Tokens of one slice (count)."""

# Roles: where in the slice a token stands.
SITE = 1
MODULE = 2
NAME = 3
CALLEE_ARGUMENT = 4
ARGUMENT = 5
ARGUMENT_MODULE = 6
ARGUMENT_NAME = 7
STATE = 8
CONTEXT = 9
N_ROLES = 10

# Ids of structure.
OPEN = 16  # + kind of container
CLOSE = 32
EMPTY = 33
CALL = 34
END = 35
GLOBAL = 36
COMPUTED = 37
EXTENSION = 38
PERSISTENT = 39
TEXT = 41
DATA = 42
EMPTY_TEXT = 43
BINARY = 44
BLOB = 45
HEX = 46
DEEP = 47
CUT = 48
NEWLINE = 49
MASKED = 50  # used by training: a name that was dropped
SCALAR = 64  # + kind of scalar
INT_ZERO = 72
INT_ONE = 73
INT_BYTE = 74
INT_WORD = 75
INT_LARGE = 76
INT_OTHER = 77
DIGITS = 80  # + log2 of the length, at most 4
LENGTH = 96  # + log2 of the length of a literal, at most 31
PUNCTUATION = 128  # + ASCII code
OPCODE = 256  # + opcode or anomaly
FIRST_WORD = 640
N_IDS = 8192

# Ids of trigrams. 1 to 8 stand for the binary logarithm of a run length in the opcode channel, plus one; so do the
# words of these numbers.
N_RUN_LENGTHS = 8
FIRST_GRAM = 16
N_GRAM_IDS = 8192
