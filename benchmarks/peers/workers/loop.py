"""Runs inside a peer's own environment: reads paths, answers with what the peer said. Standard library only.

    python -I loop.py PEER.py

`PEER.py` defines `scan(path: str) -> dict`. One line of JSON each way: first `{"ready": true}` comes out; then a string
(a path) goes in, and `{"said": {...}}` or `{"error": "..."}`, with the seconds that `scan` took, comes out.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import sys
import time

MEMORY_BYTES = 8 << 30
"""Address space of a worker: a file that makes a peer ask for more costs an error, not the machine."""


def main() -> None:
    """Answer until standard input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints must not mix with the replies
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    scan = runpy.run_path(sys.argv[1])["scan"]
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        path = json.loads(line)
        start = time.perf_counter()
        try:
            reply = {"said": scan(path)}
        except Exception as error:  # whatever a peer raises on a hostile file is its answer
            reply = {"error": f"{type(error).__name__}: {error}"}
        reply["seconds"] = time.perf_counter() - start
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
