"""What a pickle does, as an expression, to opcodes and back.

Read `expressions` first, which all others speak of, and `scripts`, a short notation for it; then `styles`, which says
how a file is spelled, `assemble`, which has every opcode in every form, and `writer`, which spells an expression with
both. The way back: `lift` makes an expression of a stream, `instructions` cuts one so that others can be put between.
"""
