"""From a pickle to a whole file, bytes to bytes.

Read `hosts` first: a payload's pickle put before, behind or into another, with the honest opcodes of `padding` around
it. `breakage` makes loaders stop once all calls have run; `carriers` wraps the outcome into the formats in which
models, data and caches travel, with `archives`, whose headers may lie.
"""
