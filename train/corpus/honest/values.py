"""Values that honest pickles hold, and texts in them that look like an attack but are only data."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.spelling.expressions import Ref

KEYS = [
    "name",
    "version",
    "params",
    "weights",
    "bias",
    "epoch",
    "loss",
    "accuracy",
    "classes_",
    "feature_names_in_",
    "n_features_in_",
    "coef_",
    "intercept_",
    "config",
    "model",
    "optimizer",
    "state_dict",
    "lr",
    "batch_size",
    "seed",
    "history",
    "metrics",
    "vocab",
    "idx2word",
    "labels",
    "columns",
    "index",
    "data",
    "shape",
    "dtype",
    "device",
    "hidden_size",
    "num_layers",
    "dropout",
    "tokens",
    "mean_",
    "scale_",
    "threshold",
    "created_at",
    "author",
    "path",
    "url",
    "run_id",
    "command",
    "script",
    "exec_time",
    "eval_metric",
    "loadings_",
    "import_score",
    "spawn_rate",
    "system_config",
    "shell_length",
    "process_id",
    "source",
    "code",
    "script_args",
    "open_price",
    "loader",
    "host",
    "port",
    "user",
    "query",
    "template",
    "description",
    "title",
    "tags",
    "notes",
    "text",
    "html",
    "regex",
    "pattern",
]
_VENDORS = [
    "src",
    "app",
    "project",
    "core",
    "utils",
    "models",
    "lib",
    "pipeline",
    "training",
    "common",
    "data",
    "nets",
    "my_package",
    "ml",
    "research",
    "engine",
    "server",
    "experiments",
    "agent",
    "game",
    "bot",
    "scraper",
    "dataset",
    "preprocess",
    "features",
    "config",
    "simulation",
    "parser",
    "system",
    "exec",
    "runner",
    "loader",
]
_STEMS = [
    "System",
    "Executor",
    "Command",
    "Eval",
    "Importance",
    "Spawn",
    "Process",
    "Import",
    "Shell",
    "Exec",
    "Run",
    "Open",
    "Load",
    "Script",
    "Code",
    "Remote",
    "Socket",
    "Url",
    "Http",
    "File",
    "Path",
    "Network",
    "Net",
    "Data",
    "Model",
    "Feature",
    "Token",
    "Text",
    "Image",
    "User",
    "Order",
    "Game",
    "Player",
    "Agent",
    "Node",
    "Graph",
    "Tree",
    "Layer",
    "Job",
    "Task",
    "Trainer",
    "Optimizer",
    "Loss",
    "Metric",
    "Config",
    "Report",
    "Result",
    "Experiment",
    "Dataset",
    "Pipeline",
    "Scaler",
    "Encoder",
    "Decoder",
    "Parser",
]
_SUFFIXES = [
    "Config",
    "Service",
    "Parser",
    "Metric",
    "Score",
    "Rate",
    "Manager",
    "Wrapper",
    "State",
    "Info",
    "Record",
    "Result",
    "Net",
    "Model",
    "Encoder",
    "Base",
    "Builder",
    "Handler",
    "Runner",
    "Loader",
    "Table",
    "Entry",
    "Item",
    "Spec",
    "Options",
    "Settings",
    "Context",
    "Report",
    "Buffer",
    "Cache",
    "Registry",
    "Factory",
    "Helper",
    "Log",
]


def key(rng: Draw) -> str:
    """Return a key of a state."""
    return rng.choice(KEYS) if rng.random() < 0.8 else f"{rng.choice(KEYS)}_{rng.randrange(20)}"


def class_ref(rng: Draw) -> Ref:
    """Return a class of somebody's project; its name may share words with gadgets."""
    parts = [rng.choice(_VENDORS) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.2:
        parts = ["__main__"]
    return Ref(".".join(parts), rng.choice(_STEMS) + (rng.choice(_SUFFIXES) if rng.random() < 0.8 else ""))


def function_ref(rng: Draw) -> Ref:
    """Return a function of somebody's project, as a value."""
    verb = rng.choice(
        [
            "get",
            "load",
            "run",
            "make",
            "eval",
            "exec",
            "open",
            "build",
            "parse",
            "process",
            "import",
            "compute",
            "transform",
            "clean",
            "map",
        ]
    )
    parts = [rng.choice(_VENDORS) for _ in range(rng.randrange(1, 4))]
    return Ref(".".join(parts), f"{verb}_{rng.choice(_STEMS).lower()}")


_STANDARD = """
    os.path: join basename exists isfile getsize splitext abspath expanduser; os: getcwd getenv listdir cpu_count
    getpid urandom fspath; time: time sleep perf_counter strftime monotonic; threading: Thread Lock Event Timer
    local; queue: Queue Empty; logging: getLogger StreamHandler Formatter info warning Handler; json: loads dumps
    load JSONEncoder; math: sqrt log exp floor ceil isnan; random: random choice uniform shuffle randint Random;
    urllib.parse: quote urlencode urlparse urljoin; html: escape unescape; base64: b64encode b64decode; hashlib: md5
    sha256 sha1; zlib: compress decompress crc32; csv: reader writer DictReader; re: sub match escape findall;
    textwrap: dedent fill; string: capwords Template; itertools: chain product count; functools: reduce lru_cache
    partial wraps; operator: add mul itemgetter attrgetter eq; copy: copy deepcopy; collections: deque Counter
    namedtuple defaultdict; statistics: mean median stdev; tkinter: Tk Menu Frame Label Button StringVar Canvas
    Entry; tkinter.ttk: Button Treeview Style; tkinter.messagebox: showinfo askyesno; tkinter.filedialog:
    askopenfilename; uuid: uuid4 UUID; platform: system node machine python_version; getpass: getuser; socket:
    gethostname socket timeout; asyncio: sleep Queue Lock gather; concurrent.futures: ThreadPoolExecutor Future;
    multiprocessing: Queue cpu_count Pool; shutil: which get_terminal_size; glob: glob; fnmatch: fnmatch; tempfile:
    gettempdir mkdtemp; pprint: pprint pformat; traceback: format_exc; inspect: signature getsource; struct: pack
    unpack; http: HTTPStatus; email.message: Message EmailMessage; xml.etree.ElementTree: Element fromstring;
    configparser: ConfigParser; argparse: ArgumentParser Namespace; unittest: TestCase; unittest.mock: Mock;
    contextlib: suppress contextmanager; dataclasses: asdict field; enum: Enum auto; decimal: Decimal getcontext;
    weakref: ref; heapq: heappush nlargest; bisect: insort bisect_left; calendar: monthrange; sqlite3: Row; difflib:
    SequenceMatcher; secrets: token_hex; datetime: datetime timedelta datetime.now datetime.fromisoformat; pathlib:
    Path PurePath Path.home; builtins: print len sorted open str.lower dict.get repr sum max isinstance input
"""
STANDARD: list[tuple[str, str]] = [
    (module.strip(), name)
    for module, _, names in (part.partition(":") for part in _STANDARD.split(";"))
    for name in names.split()
]
"""(module, name) of what programs keep without calling it: defaults, handlers, tables of functions."""


def standard_ref(rng: Draw) -> Ref:
    """Return a function or class of the standard library, as a value."""
    return Ref(*rng.choice(STANDARD))


def prose(rng: Draw) -> str:
    """Return a text that is data: plain, or one that looks like an attack, a document or a pattern."""
    return rng.template(
        (
            lambda: " ".join(rng.choice(KEYS) for _ in range(rng.randrange(1, 9))),
            lambda: payloads.command(rng),
            lambda: payloads.code(rng),
            lambda: payloads.url(rng),
            lambda: payloads.path(rng),
            lambda: base64.b64encode(rng.randbytes(rng.randrange(9, 90))).decode(),
            lambda: base64.b64encode(payloads.command(rng).encode()).decode(),
            lambda: (
                f"<html><body><script>eval('{payloads.word(rng)}')</script><a href='{payloads.url(rng)}'></a></body>"
            ),
            lambda: regex(rng),
            lambda: f"def {rng.choice(KEYS)}(x):\n    import os\n    return os.path.join(x, {payloads.word(rng)!r})\n",
            lambda: f"SELECT {rng.choice(KEYS)} FROM {rng.choice(KEYS)} WHERE id = {rng.randrange(999)}; DROP TABLE x",
            lambda: (
                f"/home/{payloads.word(rng)}/data/{payloads.word(rng)}.{rng.choice(('csv', 'npy', 'jpg', 'pkl', 'h5'))}"
            ),
            lambda: f"https://huggingface.co/{payloads.word(rng)}/{payloads.word(rng)}",
            lambda: rng.randbytes(16).hex(),
            lambda: (
                f"os.system is a function; subprocess.{rng.choice(('run', 'Popen'))} is another: {payloads.word(rng)}"
            ),
        )
    )()


def regex(rng: Draw) -> str:
    """Return a regular expression."""
    atoms = (r"\w+", r"[A-Za-z]+", r"\d{1,3}", r"(?:'s|'t|'re)", r"\s*", r"[^\s]+", r"\b(eval|exec|system)\b", "^", "$",
             r"(?P<host>[\w.]+)", r"https?://", r"\.py$", r"#[^\n]*", r"[\U00010000-\U0010ffff]",
             r"|", ".*?")  # fmt: skip
    return "".join(rng.choice(atoms) for _ in range(rng.randrange(1, 6)))


def scalar(rng: Draw) -> Any:
    """Return a literal."""
    return rng.template(
        (
            lambda: None,
            lambda: rng.random() < 0.5,
            lambda: rng.randrange(10),
            lambda: rng.randrange(-(10**6), 10**6),
            lambda: rng.gauss(0, 1),
            lambda: rng.choice(KEYS),
            lambda: prose(rng),
            lambda: rng.randbytes(rng.randrange(1, 40)),
        )
    )()


def plain(rng: Random) -> Any:
    """Return a literal that needs no template: junk between the opcodes of an attack."""
    return rng.choice(
        (
            None,
            True,
            rng.randrange(10),
            rng.randrange(10**6),
            rng.random(),
            rng.choice(KEYS),
            (),
            rng.randbytes(4),
            "#",
            "",
        )
    )


def value(rng: Draw, depth: int = 0) -> Any:
    """Return a literal or a container of some."""
    if depth > 2 or rng.random() < 0.6:
        return scalar(rng)
    n = rng.randrange(1, 5)
    return rng.template(
        (
            lambda: [value(rng, depth + 1) for _ in range(n)],
            lambda: tuple(value(rng, depth + 1) for _ in range(n)),
            lambda: {key(rng): value(rng, depth + 1) for _ in range(n)},
            lambda: [rng.random() for _ in range(3 * n)],
        )
    )()
