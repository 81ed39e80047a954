"""What the miner calls a sink: a callable that runs code, or touches processes, files or the network.

Each sink has a class: `exec`, `import`, `process`, `write`, `network`, `unpickle`, `ctypes`; `call` is the call of
whatever a parameter holds; `read` (files, environment) is not mined, only listed.
"""

from __future__ import annotations

CLASSES = ("exec", "process", "import", "unpickle", "ctypes", "network", "write", "call", "read")
"""From the most to the least telling: a callable that reaches several is filed under the first."""

_NAMES = {
    "exec": """
        builtins.exec builtins.eval builtins.compile builtins.execfile code.InteractiveInterpreter code.interact
        types.FunctionType types.CodeType runpy.run_path runpy.run_module runpy._run_code timeit.timeit timeit.repeat
        cProfile.run cProfile.runctx profile.run profile.runctx bdb.Bdb.run pdb.run pdb.runeval
    """,
    "import": """
        builtins.__import__ importlib.import_module importlib.__import__ importlib.reload imp.load_source
        imp.load_module imp.load_dynamic importlib.util.module_from_spec pkgutil.resolve_name pydoc.locate
        importlib.machinery.SourceFileLoader importlib._bootstrap._gcd_import zipimport.zipimporter
        importlib.util.spec_from_file_location site.addsitedir
    """,
    "process": """
        os.system os.popen os.popen2 os.popen3 os.popen4 os.startfile os.execl os.execle os.execlp os.execlpe os.execv
        os.execve os.execvp os.execvpe os._execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve
        os.spawnvp os.spawnvpe os.posix_spawn os.posix_spawnp os.kill os.killpg os._exit os.fork os.forkpty
        posix.system nt.system pty.spawn pty.fork _posixsubprocess.fork_exec _winapi.CreateProcess
        subprocess.Popen subprocess.call subprocess.run subprocess.check_call subprocess.check_output
        subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_exec asyncio.create_subprocess_shell
        asyncio.subprocess.create_subprocess_exec asyncio.subprocess.create_subprocess_shell
        multiprocessing.util.spawnv_passfds commands.getoutput commands.getstatusoutput webbrowser.open
        distutils.spawn.spawn
    """,
    "unpickle": """
        pickle.load pickle.loads pickle.Unpickler pickle._Unpickler _pickle.load _pickle.loads cPickle.load
        cPickle.loads marshal.load marshal.loads torch.load torch.jit.load torch.storage._load_from_bytes joblib.load
        shelve.open shelve.DbfilenameShelf dill.load dill.loads dill.load_session dill.load_module cloudpickle.load
        cloudpickle.loads pandas.read_pickle yaml.unsafe_load yaml.unsafe_load_all yaml.full_load jsonpickle.decode
        multiprocessing.reduction.ForkingPickler.loads
    """,
    "ctypes": """
        ctypes.CDLL ctypes.PyDLL ctypes.WinDLL ctypes.OleDLL ctypes.cdll.LoadLibrary ctypes.windll.LoadLibrary
        ctypes.pydll.LoadLibrary ctypes.cast ctypes.string_at ctypes.memmove _ctypes.dlopen _ctypes.call_function
        ctypes.util.find_library torch.ops.load_library torch.classes.load_library numpy.ctypeslib.load_library
    """,
    "network": """
        socket.create_connection socket.create_server socket.socket socket.getaddrinfo socket.gethostbyname
        urllib.request.urlopen urllib.request.urlretrieve urllib.request.Request urllib.urlopen urllib2.urlopen
        http.client.HTTPConnection http.client.HTTPSConnection requests.get requests.post requests.put requests.request
        requests.Session httpx.get httpx.post httpx2.get smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP ftplib.FTP_TLS
        poplib.POP3 imaplib.IMAP4 imaplib.IMAP4_SSL nntplib.NNTP telnetlib.Telnet ssl.get_server_certificate
        xmlrpc.client.ServerProxy socketserver.TCPServer http.server.HTTPServer asyncio.open_connection
        torch.hub.download_url_to_file torch.hub.load_state_dict_from_url huggingface_hub.hf_hub_download
    """,
    "write": """
        os.remove os.unlink os.rename os.replace os.rmdir os.removedirs os.renames os.truncate os.chmod os.chown
        os.link os.symlink os.mkdir os.makedirs os.mkfifo os.putenv shutil.rmtree shutil.move shutil.copy shutil.copy2
        shutil.copyfile shutil.copytree shutil.unpack_archive shutil.make_archive shutil.chown
        logging.FileHandler tarfile.TarFile.extractall zipfile.ZipFile.extractall sqlite3.connect
    """,
}

SINKS: dict[str, str] = {name: sink for sink, names in _NAMES.items() for name in names.split()}
"""Dotted name to class."""

METHODS: dict[str, str] = {
    "write_text": "write",
    "write_bytes": "write",
    "unlink": "write",
    "rmtree": "write",
    "extractall": "write",
    "exec_module": "import",
    "load_module": "import",
    "import_module": "import",
    "urlopen": "network",
    "sendall": "network",
    "LoadLibrary": "ctypes",
    "Popen": "process",
    "check_output": "process",
    "check_call": "process",
    "create_subprocess_exec": "process",
    "create_subprocess_shell": "process",
    "exec_command": "process",
    "urlretrieve": "network",
    "runsource": "exec",
    "runcode": "exec",
}
"""Names of methods that are sinks whatever object they are called on."""

NEEDS_COMPUTED = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
"""Sinks only where the first argument is no literal."""
