"""Exceptions: what a caller may have to catch.

    SafePickleError                 the root; catch this one
    ├── BundleError                 a model bundle is missing, incomplete or altered
    └── InputError                  the caller named something that cannot be scanned at all

Hostile *content* never raises: it becomes a finding or an `error` in the `ScanResult`.
"""


class SafePickleError(Exception):
    """Root of every exception that safepickle-dl raises on purpose."""


class BundleError(SafePickleError):
    """A model bundle is missing, incomplete, of another version, or not what its hashes say."""


class InputError(SafePickleError):
    """A path given by the caller does not exist or cannot be opened."""


def reason_of(error: Exception) -> str:
    """Return an operating system's reason without the path, which is named beside it."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
