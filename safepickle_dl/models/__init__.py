"""The nets: plain modules, each built from one dataclass of integers."""
