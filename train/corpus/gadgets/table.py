"""The table of gadgets: callables that reach a sink. `python -m train.corpus.gadgets.mine` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("gadgets.jsonl")


@dataclass(frozen=True, slots=True)
class Gadget:
    """A callable that reaches a sink."""

    module: str
    name: str
    """Dotted for methods and what else is found by attributes."""
    sink: str
    """One of `sinks.CLASSES`."""
    parameters: tuple[str, ...] = ()
    """Names, `self` left out; `*` and `**` stand in front of those that collect."""
    reaches: tuple[str, ...] = ()
    """Those parameters that reach the sink."""
    depth: int = 0
    """Calls between it and the sink; 0: it is the sink."""
    constructor: tuple[str, ...] = ()
    """For a method: the parameters of its class."""
    stored: tuple[str, ...] = ()
    """Those of them that reach the sink through the object."""

    @property
    def path(self) -> str:
        """Return `module.name`."""
        return f"{self.module}.{self.name}"


def _known(sink: str, lines: str) -> tuple[Gadget, ...]:
    """Parse lines "module name parameter,parameter"; the first parameter (but a mode) is the one that matters."""
    rows = []
    for line in lines.strip().splitlines():
        module, name, *rest = line.split()
        parameters = tuple(rest[0].split(",")) if rest else ()
        reaches = [p for p in parameters if p not in ("mode", "id")][:1]
        rows.append(Gadget(module, name, sink, parameters, tuple(reaches)))
    return tuple(rows)


KNOWN: tuple[Gadget, ...] = (
    *_known(
        "exec",
        """
        builtins exec source
        builtins eval source
        builtins compile source,filename,mode
        builtins execfile filename
        __builtin__ eval source
        __builtin__ exec source
        __builtin__ execfile filename
        cProfile run statement
        cProfile runctx statement,globals,locals
        profile run statement
        types CodeType codestring
        types FunctionType code,globals
        _testcapi run_in_subinterp code
        _xxsubinterpreters run_string id,script
        """,
    ),
    *_known(
        "process",
        """
        os system command
        os popen cmd,mode
        os startfile filepath
        os execl file,*args
        os execv path,argv
        os execve path,argv,env
        os execvp file,args
        os execvpe file,args,env
        os spawnl mode,file,*args
        os spawnv mode,path,argv
        os spawnve mode,path,argv,env
        os spawnvp mode,file,args
        os posix_spawn path,argv,env
        os posix_spawnp path,argv,env
        os kill pid,signal
        os _exit status
        posix system command
        posix execv path,argv
        posix execve path,argv,env
        posix posix_spawn path,argv,env
        posix _exit status
        nt system command
        nt execv path,argv
        nt spawnv mode,path,argv
        nt startfile filepath
        subprocess Popen args
        subprocess call args
        subprocess run args
        subprocess check_call args
        subprocess check_output args
        subprocess getoutput cmd
        subprocess getstatusoutput cmd
        _posixsubprocess fork_exec args
        _winapi CreateProcess application_name,command_line
        commands getoutput cmd
        commands getstatusoutput cmd
        popen2 popen3 cmd
        pty spawn argv
        imaplib IMAP4_stream command
        sys exit status
        signal raise_signal signal
        """,
    ),
    *_known(
        "import",
        """
        builtins __import__ name
        __builtin__ __import__ name
        importlib import_module name
        importlib __import__ name
        imp load_source name,pathname
        _imp create_dynamic spec
        runpy run_path path_name
        runpy run_module mod_name
        torch.hub load repo_or_dir,model
        """,
    ),
    *_known(
        "unpickle",
        """
        pickle loads data
        pickle load file
        _pickle loads data
        _pickle load file
        _pickle Unpickler file
        cPickle loads data
        marshal loads bytes
        marshal load file
        torch load f
        torch.storage _load_from_bytes b
        joblib load filename
        dill loads str
        dill load file
        cloudpickle loads data
        numpy load file,mmap_mode,allow_pickle
        pandas read_pickle filepath_or_buffer
        shelve open filename
        six.moves.cPickle loads data
        """,
    ),
    *_known(
        "ctypes",
        """
        ctypes CDLL name
        ctypes PyDLL name
        ctypes WinDLL name
        ctypes cdll.LoadLibrary name
        _ctypes dlopen name,flag
        _ctypes call_function address,arguments
        """,
    ),
    *_known(
        "network",
        """
        socket create_connection address,timeout
        _socket getaddrinfo host,port
        socket gethostbyname hostname
        urllib.request urlopen url
        urllib.request urlretrieve url,filename
        urllib urlopen url
        urllib2 urlopen url
        http.client HTTPSConnection host,port
        http.client HTTPConnection host,port
        requests get url
        requests post url,data
        requests.api get url
        httplib HTTPConnection host
        ssl get_server_certificate addr
        webbrowser open url
        """,
    ),
    *_known(
        "write",
        """
        builtins open file,mode
        io open file,mode
        _io open file,mode
        _io FileIO file,mode
        io FileIO file,mode
        __builtin__ file name,mode
        __builtin__ open file,mode
        os remove path
        os unlink path
        os rename src,dst
        os replace src,dst
        os rmdir path
        os chmod path,mode
        os symlink src,dst
        os putenv name,value
        posix remove path
        posix unlink path
        nt unlink path
        shutil rmtree path
        shutil move src,dst
        shutil copyfile src,dst
        _sqlite3 connect database
        """,
    ),
    *_known(
        "read",
        """
        linecache getline filename,lineno
        linecache getlines filename
        pathlib Path.read_text
        io open_code path
        numpy fromfile file
        numpy genfromtxt fname
        numpy loadtxt fname
        pandas read_csv filepath
        pandas read_html url
        os listdir path
        os environ.get key
        os getenv key
        glob glob path
        fileinput input files
        """,
    ),
)
"""The sinks themselves, as pickles name them: they have no Python source to mine, or are known better than that."""


def read_gadgets(path: Path = TABLE) -> list[Gadget]:
    """Return the rows of a table."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            module, name, sink, depth, *names = json.loads(line)
            parameters, reaches, constructor, stored = map(tuple, [*names, (), (), (), ()][:4])
            rows.append(Gadget(module, name, sink, parameters, reaches, depth, constructor, stored))
    return rows


def write_gadgets(gadgets: Iterable[Gadget], path: Path) -> None:
    """Write a table, a row a line."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(map(line_of, gadgets))


def line_of(gadget: Gadget) -> str:
    """Return the line of a row: module, name, sink, depth, and its four lists as far as there is something in them."""
    names = [list(part) for part in (gadget.parameters, gadget.reaches, gadget.constructor, gadget.stored)]
    while names and not names[-1]:
        names.pop()
    row = [gadget.module, gadget.name, gadget.sink, gadget.depth, *names]
    return json.dumps(row, separators=(",", ":")) + "\n"
