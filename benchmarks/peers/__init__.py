"""The released scanners that others made, each in its own environment, over the same files. See README.md.

Nothing of theirs is imported here: `scan` talks to a worker process that runs with the peer's own interpreter.
"""

from .environments import PINS, install, read_versions
from .runner import PeerResult, scan, scan_each

PEERS = tuple(PINS)

__all__ = ["PEERS", "PeerResult", "install", "read_versions", "scan", "scan_each"]
