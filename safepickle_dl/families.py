"""Families of words: what is known beforehand of the names and texts that do things when a pickle is loaded.

A word is what `core.words` makes of a text: a run of letters in lower case (`HTTPServer` is http and server). A star
stands for any letters, so that names that nobody listed are met by what they are made of (`*exec*`: reexec, execvpe).
Verbs matter more than names of libraries: a wrapper around a process, a parser or a socket is called by what it does.
"""

from __future__ import annotations

VERBS = {
    "command": (
        "*system* *popen* *spawn* *shell* *subproc* getoutput getstatusoutput command commands cmd cmdline exec"
        " execv* execl* fork forkpty forkserver pipe pipepager tempfilepager pager output startfile proc process"
        " processes launch launcher bash sh zsh powershell terminal tty pty kill killpg passfds child executable"
        " binary program sendline expect edit editor"
    ),
    "evaluate": (
        "*eval* *exec* execfile execute executes execution executer runcode runsource runstring runeval runctx"
        " runcall runscript runpy script scripts source *compil* interpret interpreter interact interactive console"
        " lambdify sympify expr expression expressions macro template jit inline render lambda statement code"
        " subinterp magic magics docstring docstrings timeit annotations hints forward parser"
    ),
    "run": (
        "run runs runner running call calls callable callback invoke apply perform dispatch start submit main entry"
        " trigger handle handler do go execute task job worker loop thread timer step hook hooks target action"
        " operation"
    ),
    "load": (
        "load loads loader loaders unpickler deserialize deserializer decode decoder fromstring fromfile loadtxt"
        " genfromtxt persistent restore revive parse thaw undump unshelve unmarshal pickle pickled"
    ),
    "import": (
        "*import* library dlopen dll cdll windll pydll oledll loadlibrary extension extensions plugin plugins"
        " entrypoint entrypoints reload reloader locate resolve resolver module modules package packages bootstrap"
        " setup install installer ensure sitedir addsitedir addpackage finder spec getline"
    ),
    "write": (
        "write writes writer writelines writestr writetext save saves saver savetxt dump dumps tofile touch mkdir"
        " mkdirs makedirs mkfifo mknod copy copyfile copyfileobj copytree move rename renames replace symlink link"
        " hardlink chmod chown lchown truncate extract extractall unpack insert put create append store export to"
        " output log logger shelf mbox database db backup sync flush format archive render serialize file"
    ),
    "remove": (
        "remove removes removedirs unlink rmdir rmtree delete destroy purge wipe erase clear clean cleanup drop exit"
        " abort quit kill raise shutdown close reset"
    ),
    "read": (
        "open opens opener fdopen read reads reader readlines readline readfile getline getlines getlinesiter file"
        " cat environ getenv listdir walk scandir glob iglob find contents fileinput linecache slurp listing stat"
        " expand expanduser expandvars memmap dir path paths"
    ),
    "network": (
        "*url* *http* *socket* *ftp* *smtp* imap pop nntp telnet request requests connect connection connections"
        " send sendall sendto sendmail sendfile post fetch download downloads downloader upload getaddrinfo"
        " gethostbyname gethostbyaddr dns server client proxy curl wget browser web host address remote stream ssl"
        " certificate transport listen bind rpc api session webhook ping pull push clone git bucket"
    ),
    "attribute": (
        "getattr getattribute attrgetter methodcaller itemgetter getitem vars globals locals hasattr dict name names"
        " attr attribute get static member field property descriptor builtins"
    ),
    "combine": (
        "partial partialmethod map imap starmap filter filterfalse reduce accumulate compose juxt curry pipe sorted"
        " sort max min any all iter next groupby takewhile dropwhile key enumerate zip chain deque list tuple"
        " callable bind bound arguments"
    ),
    "rebind": (
        "setattr setitem delattr patch patching monkeypatch mock override overwrite register registry install update"
        " setdefault wrap wrapper wraps wrapped decorate decorator inject swap attach hook hooks setstate subclass"
        " dispatch table extension cache displayhook excepthook method methods"
    ),
    "compute": (
        "abs add sub mul truediv floordiv pow neg hypot mean median max min sum prod len math round sqrt exp cos sin"
        " floor ceil factorial gcd comb escape match fullmatch search split basename dirname splitext join normpath"
        " quote urlparse urlsplit parse encode dumps strftime isoformat count upper lower title strip startswith"
        " endswith hash hashlib sha md digest blake copy deepcopy concat eq ne lt gt le ge not and or xor contains"
        " dedent wrap fill capwords range sorted reversed zip version"
    ),
    "endless": (
        "permutations product combinations cycle count repeat chain islice tee accumulate range factorial"
        " replacement pow lshift xrange zeros ones full empty sleep input wait mmap"
    ),
    "decode": (
        "decode decoder decodebytes decodestring decompress unhexlify inflate unquote translate rot maketrans unpack"
        " hex fromhex base urlsafe uudecode quopri qp binascii decrypt decipher join replace lower swapcase strip"
        " removeprefix reversed ljust chr mod format substitute"
    ),
    "code-object": (
        "code function codetype functiontype lambda method methodtype celltype cell frame builtin marshal bytecode"
        " co closure generator coroutine classdef skeleton"
    ),
    "debug": (
        "pdb bdb ipdb debug debugger trace tracer profile profiler cprofile breakpoint runctx doctest pytest"
        " unittest test tests tester testing inspect traceback fault crash dump"
    ),
    "newobj": (
        "newobj newobject reconstruct reconstructor reconstruction unpickle unreduce rebuild restore ctor new"
        " frombuffer scalar dtype ndarray setstate buffer alias p timestamp build make create recreate from"
    ),
    "value-type": (
        "ordered dict set frozenset list tuple counter deque defaultdict namespace date datetime timedelta timezone"
        " decimal fraction uuid path complex slice range bytearray bytes str int float bool object array tensor size"
        " device storage parameter parameters random generator bit randomstate state string error exception index"
        " series frame block manager interval kind enum"
    ),
    "class-noun": (
        "transformer classifier regressor regression vectorizer layer model policy estimator encoder scaler pipeline"
        " tree forest logistic ridge linear config settings options params metric metrics loss optimizer dataset data"
        " module sequential container box space spaces dense norm attention activation embedding conv kernel label"
        " entry item record info result results report stats history buffer batch"
    ),
    "storage": "*storage* tensor parameter v",
}
"""What a callable does or makes. Family to its words, here and below."""

MODULES = {
    "process-module": (
        "os posix nt ntpath subprocess subprocesses pty popen commands multiprocessing multiprocess posixsubprocess"
        " winapi pexpect ptyprocess plumbum invoke psutil signal winreg loky fork spawn sh pipes billiard"
    ),
    "builtin-module": "builtin builtins",
    "import-module": (
        "sys importlib imp pkgutil runpy zipimport site pydoc modules imports importer venv ensurepip pip distutils"
        " setuptools pkg six moves vendor machinery bootstrap resolve dottedname importstring zipapp sitecustomize"
        " test zipimporter wheel plugins extensions ext"
    ),
    "interpreter-module": (
        "code codeop pdb bdb profile cprofile trace timeit doctest idlelib idle ipython unittest inspect ast dis"
        " opcode symtable pgen pyclbr pyrepl magics jedi interactiveshell jupyter rlcompleter parser compile compiler"
        " llvmlite numba inductor dynamo cffi interpreters xxsubinterpreters testcapi turtle"
    ),
    "pickle-module": (
        "pickle cpickle cloudpickle dill marshal shelve joblib jsonpickle yaml dbm pickleshare srsly unpickler"
        " plistlib serialization klepto hickle msgpack"
    ),
    "native-module": (
        "ctypes cffi ctypeslib windll tkinter tcl dl binding bindings native winreg robjects rpy cython weave"
        " ffi swig jni"
    ),
    "network-module": (
        "*socket* *http* *urllib* requests aiohttp *ftp* smtplib imaplib poplib nntplib telnetlib xmlrpc ssl asyncio"
        " asyncore webbrowser paramiko fabric twisted gevent tornado websocket uvicorn flask bottle werkzeug hub"
        " github gdown boto fsspec smart redis celery kombu amqp zmq grpc client internet request connection"
    ),
    "file-module": (
        "io shutil pathlib tempfile fileinput linecache glob zipfile tarfile mailbox csv sqlite posixpath"
        " genericpath handlers logging gzip bz lzma zlib filecmp fnmatch netrc file files filesystem pil imageio"
    ),
    "codec-module": "codecs base binascii quopri uu zlib gzip bz lzma struct encodings string textwrap",
    "functional-module": "operator functools itertools toolz functoolz cytoolz funcy more",
    "type-module": "types typing inspect abc weakref enum dataclasses copyreg copy reg",
    "inner-module": (
        "utils util internal cli vendor vendored testing misc tools tool externals contrib support helpers helper"
        " scripts script bin main extern compat distributed launchers commands command dev experimental backend"
        " backends bench benchmark benchmarks termui console runner hub impl deps third party libs lib"
    ),
    "numeric-module": (
        "numpy scipy pandas sklearn torch tensorflow keras xgboost lightgbm catboost statsmodels core multiarray"
        " numeric ndarray arrays internals nn tensor preprocessing ensemble linear tree mt pyx mtrand pyarrow"
        " transformers spacy gensim polars xarray dask networkx timm ultralytics models model layers"
    ),
    "compute-module": (
        "math cmath statistics operator re regex string textwrap hashlib json html parse urlparse base random"
        " fractions decimal keyword colorsys bisect heapq difflib fnmatch shlex calendar locale"
    ),
    "data-module": (
        "collections datetime decimal fractions uuid zoneinfo pytz dateutil array re regex ipaddress argparse"
        " defaultdict containers enum omegaconf attrs exceptions html tokenizers main"
    ),
}
"""Where callables live."""

TEXTS = {
    "shell": (
        "sh bash zsh dash ksh cmd powershell curl wget nc ncat netcat perl ruby node php whoami uname chmod chown"
        " pkill sudo ssh scp rsync crontab nohup mkfifo awk sed grep xargs printenv ifconfig ipconfig mshta certutil"
        " rundll regsvr bitsadmin iex bin busybox apt pip npm systemctl reboot shutdown openssl gcc osascript wscript"
        " cscript"
    ),
    "shell-word": (
        "echo cat ls id touch rm cp mv kill python tar ping nslookup dig sleep exit tee dd find env export hostname"
        " ps calc calculator notepad start open mkdir rmdir del copy date set cd head tail sort uniq make git xcalc"
        " gnome mate xterm kwrite say exe c q e rf fs x"
    ),
    "code": (
        "exec eval import compile lambda raise builtins subclasses popen subprocess check output globals getattr"
        " setattr socket getoutput sys environ urlopen loads marshal pickle urllib requests system"
    ),
    "code-word": (
        "def class print open return exception try except global from for in if else while with as pass not none"
        " true false os import self args dict list str int lambda write read"
    ),
    "module-text": (
        "os posix nt subprocess sys builtins builtin pty socket shutil importlib ctypes runpy pydoc webbrowser code"
        " pdb operator functools posixpath commands platform urllib requests http marshal pickle io pathlib asyncio"
        " itertools codecs tempfile multiprocessing threading torch numpy sympy distutils pip"
    ),
    "scheme": "http https ftp ftps sftp file ws wss tcp udp ldap ldaps rmi dns smb ssh gopher data jdbc gs",
    "host": (
        "www com org net io co ru cn example localhost attacker evil onion ngrok pastebin github githubusercontent"
        " raw requestbin interactsh oast burpcollaborator webhook site xyz top invalid test internal metadata"
    ),
    "temporary": "tmp temp shm dev null var run cache downloads public",
    "secret": (
        "etc passwd shadow *ssh* authorized keys rsa ed id aws credentials credential netrc environ proc kube gcloud"
        " token tokens secret secrets history git npmrc pypirc docker gnupg keychain cookies password env key private"
        " azure vault htpasswd hosts sudoers pgpass"
    ),
    "startup": (
        "bashrc profile zshrc pth sitecustomize usercustomize cron crontab init autostart startup service rc site"
        " dist conftest systemd launchagents launchdaemons authorized xinitrc vimrc"
    ),
    "extension": "py pyc pyo so dll dylib exe bat ps sh pth jar vbs js cmd com elf bin zip egg whl",
    "home": "home root user users usr opt etc var dev proc appdata desktop config local share",
    "data-text": (
        "latin ascii utf csv json txt npy npz parquet f i u b cpu cuda storage mean std weight bias model train test"
        " features feature x y data label labels name names image size"
    ),
}
"""What texts contain that do something when they are run, opened or fetched."""

FAMILIES = VERBS | MODULES | TEXTS
