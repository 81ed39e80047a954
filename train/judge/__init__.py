"""The judge: test sets, detectors, attacks on them, and the report. `python -m train.evaluate` runs it."""
