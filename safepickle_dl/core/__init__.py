"""Bytes of a pickle to instructions, call sites and slices: one small subset of Python that also compiles."""
