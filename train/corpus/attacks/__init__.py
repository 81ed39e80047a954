"""Attacks as expressions, and the honest twin of each; nothing of it is ever run.

Read `techniques` first: a gadget turned into a call, directly and through others, of which `bland` has tables. Then
what has several steps (`stages`, with texts that `hidden` computes), names and makes in other ways (`tricks`), sets
what is there already (`overwrites`), brings its own callables (`effects`, `functions`) or exhausts (`bombs`). `grammar`
weighs them all and draws an attack; `twins` draws what honest pickles have in its place.
"""
