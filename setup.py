"""Builds the compiled core where Cython and a C compiler are there; without them everything works, interpreted.

Everything else about the package is in pyproject.toml.
"""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SOURCE = Path("build") / "core" / "safepickle_dl" / "core" / "_compiled.py"
MODULE = "safepickle_dl.core._compiled"
C_OPTIONS = [] if os.name == "nt" else ["-O2", "-fwrapv", "-g0"]
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "boundscheck": True,
    "wraparound": False,
    "initializedcheck": False,
    "binding": False,
    "show_performance_hints": False,
}


def write_source() -> None:
    """Write the assembled core and its declarations to SOURCE and its `.pxd`."""
    sys.path.insert(0, str(ROOT))
    from safepickle_dl.embed.assembly import assemble
    from safepickle_dl.embed.declarations import Declarations

    sys.path.pop(0)
    embed = ROOT / "safepickle_dl" / "embed"
    declarations = Declarations(assemble())
    types = (embed / "cython_buffers.pxd").read_text(encoding="utf-8") + declarations.pxd()
    code = (embed / "cython_buffers.pyx").read_text(encoding="utf-8") + "\n\n" + ast.unparse(declarations.rewrite())
    SOURCE.parent.mkdir(parents=True, exist_ok=True)
    for package in (SOURCE.parent, SOURCE.parent.parent):  # else Cython does not find the declarations
        (package / "__init__.py").touch()
    SOURCE.write_text(code + "\n", encoding="utf-8")
    SOURCE.with_suffix(".pxd").write_text(types, encoding="utf-8")


def extensions() -> list[Extension]:
    """Return the compiled core as an optional extension; nothing without Cython."""
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    write_source()
    extension = Extension(MODULE, [str(SOURCE)], extra_compile_args=C_OPTIONS)
    (module,) = cythonize([extension], compiler_directives=DIRECTIVES, quiet=True)
    module.optional = True  # no compiler, no compiled core (cythonize drops what was set before)
    return [module]


class BuildCore(build_ext):
    """Leaves editable installs interpreted: a compiled core would hide what is edited."""

    def run(self) -> None:
        """Build, unless the modules are to stay where their source is."""
        if not self.editable_mode:
            super().run()


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildCore})
