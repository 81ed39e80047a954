"""What honest pickles hold: beside attacks, in place of them, and alone.

Read `values` first (keys, texts, names, plain data), then `objects`, which are made of them, then `surroundings`: where
in a pickle an expression stands, an attack's or its twin's.
"""
