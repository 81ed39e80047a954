# ruff: noqa: E501  (tables of expressions read better unbroken)
# fmt: off
"""Packages around texts, structures, time, the web and the terminal."""

from __future__ import annotations

from train.corpus.dumps.tables import table

_DATA = {"np": "numpy", "pd": "pandas"}

table("tokenizers", "tokenizers", {"t": "tokenizers", "m": "tokenizers.models", "p": "tokenizers.pre_tokenizers", "n": "tokenizers.normalizers", "d": "tokenizers.decoders"}, (
    "t.Tokenizer(m.BPE({{'a': 0, 'b': 1, 'ab': 2}}, [('a', 'b')]))", "p.Whitespace()", "p.Split(t.Regex(r\"'s|'t| ?\\w+|\\s+\"), 'isolated')",
    "n.Lowercase()", "t.Tokenizer(m.WordLevel({{'{f}': 0, 'exec': 1, '[UNK]': 2}}, unk_token='[UNK]'))", "m.WordPiece({{'{f}': 0, '##ing': {n}}})",
    "p.ByteLevel()", "p.Sequence([p.Whitespace(), p.Digits()])", "t.AddedToken({t})", "n.Sequence([n.NFD(), n.StripAccents()])",
    "n.Replace(t.Regex('[^a-z]+'), ' ')", "d.WordPiece()",
))
table("spacy", "spacy", {"s": "spacy", "v": "spacy.vocab", "t": "spacy.tokens"}, (
    "s.blank('en')('{f} and ' + {t})", "t.Doc(v.Vocab(), ['{f}', 'exec'])", "t.DocBin()", "v.Vocab(strings=['{f}', {t}]).strings", "t.SpanGroup",
    "s.blank('de').tokenizer('{f} ist')", "{{'tokenizer': s.blank('en').tokenizer, '{f}': {n}}}",
))
table("textblob", "textblob", {"b": "textblob"}, ("b.TextBlob({t})", "b.Word('{f}')", "b.WordList(['{f}', 'eval'])"))
table("regex", "regex", {"r": "regex"}, (
    "r.compile(r'\\p{{L}}+')", 'r.compile(r"\'(?:[sdmt]|ll|ve|re)| ?\\p{{L}}+| ?\\p{{N}}+|\\s+(?!\\S)")', "r.compile('(?i)(exec|{f})')",
))
table("rapidfuzz", "rapidfuzz", {"f": "rapidfuzz.fuzz", "d": "rapidfuzz.distance"}, (
    "f.ratio", "d.Editop('replace', {n}, 2)", "{{'scorer': f.partial_ratio, 'cutoff': {n}}}",
))
table("lark", "lark", {"l": "lark"}, (
    "l.Tree('{f}', [l.Token('WORD', 'exec'), {n}])", "l.Token('NAME', {t})", "l.Lark('start: \"{f}\"+', parser='lalr').parse('{f}')",
))
table("pyparsing", "pyparsing", {"p": "pyparsing"}, (
    "p.Word(p.alphas).parse_string('{f}')", "p.ParseResults(['{f}', {n}])", "p.ParseException({t})",
    "p.OneOrMore(p.Word(p.alphas)).parse_string('import os')",
))
table("rdflib", "rdflib", {"r": "rdflib"}, (
    "r.URIRef('http://example.com/{f}')", "r.Literal({n})", "r.BNode('{f}')", "r.Namespace('http://example.org/{f}#')", "r.Literal({t}, lang='en')",
    "r.Graph().add((r.URIRef('urn:a'), r.URIRef('urn:{f}'), r.Literal({n})))",
))
table("nbformat", "nbformat", {"n": "nbformat.v4"}, (
    "n.new_notebook(cells=[n.new_code_cell('import os\\nos.listdir()'), n.new_markdown_cell('# {f}')])", "n.new_code_cell('!pip install {f}')",
    "n.new_output('stream', text={t})", "n.new_markdown_cell({t})",
))
table("Jinja2", "jinja2", {"j": "jinja2"}, (
    "j.TemplateSyntaxError({t}, {n})", "j.Undefined", "j.DictLoader({{'{f}.html': '{{{{ x|safe }}}}'}})", "j.FileSystemLoader('/srv/{f}')",
    "j.nodes.Const({n})",
))
table("Pygments", "pygments", {"l": "pygments.lexers", "t": "pygments.token"}, (
    "l.PythonLexer()", "t.Token.Name.Function", "list(l.PythonLexer().get_tokens('exec({n})'))", "l.BashLexer()",
))
table("biopython", "Bio", {"s": "Bio.Seq", "r": "Bio.SeqRecord", "f": "Bio.SeqFeature"}, (
    "s.Seq('ACGT' * {n})", "r.SeqRecord(s.Seq('ACG'), id='{f}', annotations={{'n': {n}}})", "f.SeqFeature(f.SimpleLocation(1, {n}), type='{f}')",
    "s.MutableSeq('ACG')",
))
table("igraph", "igraph", {"g": "igraph"}, (
    "g.Graph.Ring({n})", "g.Graph.Tree({n}, 2)", "g.Graph([(0, 1)], directed=True)", "g.Graph.Famous('Petersen')",
))
table("treelib", "treelib", {"t": "treelib"}, ("t.Node('{f}', {n})", "t.Tree()"))
table("anytree", "anytree", {"a": "anytree"}, ("a.Node('{f}', children=[a.Node('exec'), a.Node({t})])", "a.AnyNode(id={n}, name='{f}')"))
table("sortedcontainers", "sortedcontainers", {"s": "sortedcontainers", "o": "operator"}, (
    "s.SortedDict({{'{f}': {n}, 'a': 1}})", "s.SortedList([{n}, 2, 1])", "s.SortedSet(['{f}', 'b'])", "s.SortedKeyList([-1, {n}], key=o.neg)",
))
table("bidict", "bidict", {"b": "bidict"}, ("b.bidict({{'{f}': {n}}})", "b.frozenbidict(a={n})", "b.OrderedBidict({{'{f}': 'exec'}})"))
table("tinydb", "tinydb", {"t": "tinydb", "u": "tinydb.table"}, (
    "u.Document({{'{f}': {n}}}, {n})", "{{'_default': {{1: u.Document({{'cmd': {t}}}, 1)}}}}",
))
table("jsonpickle", "jsonpickle", {"j": "jsonpickle"}, (
    "j.encode({{'{f}': {n}}})", "j.encode(ValueError({t}))", "j.handlers.DatetimeHandler", "[j.encode([{n}]), j.decode]",
))
table("chess", "chess", {"c": "chess", "p": "chess.pgn"}, (
    "c.Board()", "c.Move.from_uci('e2e4')", "c.Piece(1, True)", "c.SquareSet({n})", "[c.Board().legal_moves.count(), c.Board.empty()]",
))
table("simpy", "simpy", {"s": "simpy"}, (
    "s.Interrupt({t})", "s.Environment(initial_time={n}).now", "s.events.PENDING", "s.exceptions.SimPyException({t})", "s.Environment",
))
table("pendulum", "pendulum", {"p": "pendulum"}, (
    "p.datetime(2020, 1, {n} % 27 + 1)", "p.duration(days={n})", "p.timezone('Europe/Paris')", "p.date(2021, 2, 3)",
    "p.interval(p.date(2020, 1, 1), p.date(2020, 2, 1))",
))
table("pytz", "pytz", {"p": "pytz", "d": "datetime"}, (
    "p.utc", "p.timezone('US/Eastern')", "p.timezone('Asia/Tokyo').localize(d.datetime(2020, 1, {n} % 27 + 1))", "p.FixedOffset({n})",
))
table("python-dateutil", "dateutil", {"t": "dateutil.tz", "r": "dateutil.relativedelta", "u": "dateutil.rrule"}, (
    "t.tzutc()", "t.tzoffset('{f}', {n})", "r.relativedelta(months={n})", "r.MO(2)", "t.gettz('Europe/Rome')", "u.rrule(u.DAILY, count={n})",
    "r.relativedelta(weekday=r.FR)",
))
table("Pint", "pint", {"p": "pint"}, ("p.UnitRegistry()('{n} meter')", "p.Unit('kg')", "p.Quantity({x}, 'second')", "p.UndefinedUnitError('{f}')"))
table("uncertainties", "uncertainties", {"u": "uncertainties"}, ("u.ufloat({n}, {x})", "u.ufloat({n}, 1) * 2", "[u.ufloat(1, {x}, '{f}')]"))
table("mpmath", "mpmath", {"m": "mpmath"}, ("m.mpf('{x}')", "m.mpc({n}, 1)"))
table("ase", "ase", {"a": "ase", "b": "ase.build"}, (
    "a.Atoms('H{n}', [(0, 0, 0)] * {n})", "b.molecule('H2O')", "a.Atom('O', (0, {x}, 0))", "b.bulk('Cu', a={n})",
))
table("rich", "rich", {"t": "rich.text", "s": "rich.style", "p": "rich.panel", "r": "rich.table"}, (
    "t.Text({t}, style='bold')", "s.Style(color='red', bold=True)", "p.Panel('{f}')", "r.Table(title='{f}')", "s.Style.parse('red on blue')",
))
table("bokeh", "bokeh", {"c": "bokeh.models", "p": "bokeh.palettes"}, (
    "p.Viridis256[:{n}]", "c.ColumnDataSource", "{{'palette': p.Category10, 'n': {n}}}",
))
table("altair", "altair", {"a": "altair"}, (
    "a.Chart().mark_bar().encode(x='{f}:Q')", "a.Axis(title={t})", "a.X('{f}')", "a.datum.{f} > {n}", "a.Color(field='{f}', type='nominal')",
))
table("Werkzeug", "werkzeug", {"d": "werkzeug.datastructures", "e": "werkzeug.exceptions"}, (
    "d.MultiDict([('{f}', '1'), ('cmd', {t})])", "d.Headers([('Host', 'example.com'), ('{f}', '{n}')])", "e.NotFound({t})",
    "d.ImmutableMultiDict({{'{f}': {n}}})", "d.CombinedMultiDict([d.MultiDict({{'a': {n}}})])", "d.ETags(['{f}'])", "e.BadRequest()",
))
table("Flask", "flask", {"f": "flask", "c": "flask.config"}, ("c.Config('/srv', {{'SECRET': {t}, 'DEBUG': True}})", "c.ConfigAttribute('{f}')"))
table("multidict", "multidict", {"m": "multidict"}, ("m.MultiDict([('{f}', {n}), ('a', {t})])", "m.CIMultiDict({{'Accept': {t}}})", "m.istr('{f}')"))
table("yarl", "yarl", {"y": "yarl"}, (
    "y.URL('https://example.com/{f}?q={n}')", "[y.URL('http://localhost:8080'), {n}]", "{{'{f}': y.URL('file:///srv/{f}')}}",
))
table("packaging", "packaging", {"v": "packaging.version", "s": "packaging.specifiers", "r": "packaging.requirements"}, (
    "v.Version('1.{n}.0')", "s.SpecifierSet('>={n},<99')", "r.Requirement('numpy>={n}')",
))
table("click", "click", {"c": "click"}, (
    "c.Choice(['{f}', 'b'])", "c.IntRange(0, {n})", "c.Path(exists=True)", "c.UsageError({t})", "c.Option(['--{f}'], default={n})",
    "c.Command('{f}')",
))
table("fsspec", "fsspec", {"f": "fsspec"}, (
    "f.filesystem('file')", "f.open('/tmp/{f}.txt')", "f.filesystem('memory')", "f.open_files(['/tmp/{f}.csv'])", "f.get_mapper('/tmp/{f}')",
))
table("tqdm", "tqdm", {"t": "tqdm"}, ("t.tqdm", "t.trange", "{{'bar': t.tqdm, 'n': {n}}}"))
table("formulaic", "formulaic", {"f": "formulaic", **_DATA}, (
    "f.Formula('y ~ {f} + a:b')", "f.model_matrix('{f} + a', pd.DataFrame({{'{f}': [1., {n}], 'a': [1., 2.]}})).model_spec",
    "f.Formula('log({f}) + poly(a, 2)')",
))
