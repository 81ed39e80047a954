"""What can be called, and with what.

Read `table` (with `gadgets.jsonl`) first: callables that reach a sink; and `holders` (with `holders.jsonl`): modules in
which one finds `os` and its like. `mine` makes both tables from `sinks`, what it looks for, and `facts`, what a source
says about its functions; `fit` keeps what there is room for. `arguments` makes the arguments of a gadget, mostly from
the texts in `payloads`.
"""
