"""Kinds of nodes, uses of a node, and the bounds of the arena, as plain ints."""

from __future__ import annotations

# Kinds of nodes.
NONE = 0
TRUE = 1
FALSE = 2
FLOAT = 3
UNKNOWN = 4
BUFFER = 5
INT = 6
TEXT = 7
DATA = 8
TUPLE = 9
LIST = 10
DICT = 11
SET = 12
GLOBAL = 13  # from here on: made by an import, a call or the loading program
EXTENSION = 14
CALL = 15
PERSISTENT = 16

FIRST_FREE = 6  # nodes 0 to 5 stand for the kinds of the same number

# What becomes of a value, as bits.
CALLED = 1
BUILT = 2
POPPED = 4
RETURNED = 8
ARGUMENT = 16
STATE = 32
ITEM = 64
OPERAND = 128

MAX_SIZE = 0x7FFFFFFF
"""Size of a literal that a node holds itself (bytes)."""
MAX_CHILDREN = 256
"""Items of one container that are kept (count); the rest are only counted."""

MIN_SHARED = 16
"""Uses of nested containers that were there already, at least, where one unfolds to more than MAX_UNFOLDED (count)."""
MAX_FLAT = 16
"""Items of a container that are looked through for containers (count)."""
MAX_UNFOLDED = 100_000_000
"""Values that an honest container unfolds to (count)."""
UNFOLDED = 1 << 30
"""Values of a container from which on it does not matter how many there are (count)."""
MAX_SLOT = 1 << 26
"""Highest memo slot of an honest pickle with fewer instructions (index); CPython allocates 16 bytes for each."""

# Why the machine stopped in the middle of a block.
GO_ON = 0
SKIP_ARRAY = 1
NESTED_PICKLE = 2

# Names that the machine knows: each is NAMES from its own constant to the next.
NAMES = "NumpyArrayWrapper.NumpyArrayWrappershapedtypenumpy_array_alignment_bytes"
WRAPPER = 0
DOTTED_WRAPPER = 17
SHAPE = 35
DTYPE = 40
ALIGNMENT = 45
NAMES_END = 72

OBJECTS = -2
"""In place of an element size: the array holds objects."""
UNKNOWN_SIZE = -1
