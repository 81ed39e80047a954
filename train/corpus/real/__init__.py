"""The real files: what is known about them, and how to get them. `python -m train.corpus.real` is the command.

Read `facts` (with `facts.jsonl`) first: where each file was published, its hash and its label; then `fetch`, which gets
them again out of the repositories that published them.
"""
