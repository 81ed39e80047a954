"""Honest files from real libraries: `python -m train.corpus.dumps --output data/dumps` fits, dumps and never loads.

One file a library family; each recipe imports its library when it runs, so that whatever is installed is dumped.
"""
