"""The core on other runtimes: compiled by Cython, scripted by TorchScript, from its one source."""
