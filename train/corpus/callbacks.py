"""Harmless-looking callables that call what they are given: timers, executors, callbacks, mocks, schedulers."""

from __future__ import annotations

from typing import Any

from train.corpus import payloads
from train.corpus.draw import Draw
from train.corpus.expressions import Call, Ref, Same, Steps
from train.corpus.techniques import Aim, fetched, function

_THINGS = ("collections:OrderedDict", "builtins:object", "decimal:Decimal", "threading:Thread")


def new(path: str, *arguments: Any) -> Call:
    """Return the call of `module:name`."""
    return Call(ref(path), arguments)


def ref(path: str) -> Ref:
    """Return the import of `module:name`."""
    module, _, name = path.partition(":")
    return Ref(module, name)


def method(rng: Draw, made: Any, name: str, *rest: Any) -> Any:
    """Return the call of an object's method: through its class, methodcaller or getattr."""
    kind = rng.randrange(3)
    if kind == 0 and isinstance(made, Call) and isinstance(made.callee, Ref):
        return Call(Ref(made.callee.module, f"{made.callee.name}.{name}"), (made, *rest))
    if kind == 1:
        return Call(Call(function("operator", "methodcaller", rng), (name, *rest)), (made,))
    return Call(Call(Ref("builtins", "getattr"), (made, name)), rest)


def bland(aim: Aim, rng: Draw) -> Any:
    """Hand the gadget to a harmless-looking callable that calls it."""
    g = aim.ref if rng.random() < 0.8 else fetched(aim, rng)
    maker = rng.choice((_deferred, _deferred, _called, _called, _bound, _libraries))
    return maker(g, aim.arguments, aim, rng)


def _deferred(g: Any, a: tuple[Any, ...], aim: Aim, rng: Draw) -> Any:
    """Threads, processes, executors, handlers, event loops."""
    w = payloads.word(rng)
    level = {"()": aim.gadget.path, "args": list(a), "class": w}
    config = {"version": 1, rng.choice(("handlers", "formatters", "filters")): {w: level}}
    thing = ref(rng.choice(_THINGS))
    return rng.template(
        (
            lambda: method(rng, new("threading:Timer", rng.randrange(3), g, list(a)), "start"),
            lambda: method(rng, new("threading:Thread", None, g, w, a), rng.choice(("start", "run"))),
            lambda: method(rng, new("multiprocessing:Process", None, g, w, a), rng.choice(("start", "run"))),
            lambda: method(rng, new(f"multiprocessing.pool:{rng.choice(('Pool', 'ThreadPool'))}", 1), "apply", g, a),
            lambda: method(rng, new("multiprocessing:Pool", 1, g, a), rng.choice(("close", "map"))),
            lambda: method(rng, new("concurrent.futures:ThreadPoolExecutor", 1), "submit", g, *a),
            lambda: method(rng, new("concurrent.futures.thread:_WorkItem", None, g, a, {}), "run"),
            lambda: method(rng, new("contextlib:ExitStack"), "callback", g, *a),
            lambda: method(rng, new("contextlib:ExitStack"), "push", g),
            lambda: new("weakref:finalize", thing, g, *a),
            lambda: new("atexit:register", g, *a),
            lambda: new("signal:signal", rng.randrange(1, 30), g),
            lambda: new(f"sys:{rng.choice(('setprofile', 'settrace', 'addaudithook'))}", g),
            lambda: new("asyncio:run", new("asyncio:to_thread", g, *a)),
            lambda: method(rng, new("asyncio:new_event_loop"), rng.choice(("call_soon", "call_later")), g, *a),
            lambda: new("asyncio.events:Handle._run", new("asyncio.events:Handle", g, a, None)),
            lambda: new("sched:scheduler.run", _scheduled(g, a)),
            lambda: new(f"logging.config:{rng.choice(('dictConfig', 'DictConfigurator'))}", config),
            lambda: new("os:register_at_fork", g),
            lambda: new("gc:callbacks.append", g),
        )
    )()


def _scheduled(g: Any, a: tuple[Any, ...]) -> Any:
    scheduler = Same(new("sched:scheduler"))
    return Steps((new("sched:scheduler.enter", scheduler, 0, 1, g, a),), scheduler)


def _called(g: Any, a: tuple[Any, ...], aim: Aim, rng: Draw) -> Any:
    """Functions of higher order."""
    first = a[0] if a else None
    w = payloads.word(rng)
    text = first if isinstance(first, str) else w
    return rng.template(
        (
            lambda: new("functools:reduce", g, list(a) if len(a) > 1 else [first, None]),
            lambda: new("operator:call", g, *a),
            lambda: new("builtins:iter", g, None),
            lambda: new(f"heapq:{rng.choice(('nsmallest', 'nlargest'))}", 1, [first], g),
            lambda: new("re:sub", ".*", g, text),
            lambda: new("re:Scanner.scan", new("re:Scanner", [(".+", g)]), w),
            lambda: new("codecs:register", g),
            lambda: new("codecs:register_error", w, g),
            lambda: new("json:JSONDecoder.decode", new("json:JSONDecoder"), "{}", g),
            lambda: new("timeit:timeit", g),
            lambda: new("cProfile:Profile.runcall", new("cProfile:Profile"), g, *a),
            lambda: new("bdb:Bdb.runcall", new("bdb:Bdb"), g, *a),
            lambda: new("trace:Trace.runfunc", new("trace:Trace"), g, *a),
            lambda: new("unittest:TestCase.assertRaises", new("unittest:TestCase"), ref("builtins:OSError"), g, *a),
            lambda: new("unittest:FunctionTestCase.run", new("unittest:FunctionTestCase", g)),
            lambda: new("contextvars:Context.run", new("contextvars:copy_context"), g, *a),
            lambda: new("curses:wrapper", g, *a),
            lambda: new("multiprocessing.pool:worker", None, None, g, a),
            lambda: new("multiprocessing.pool:mapstar", (g, [first])),
            lambda: new("concurrent.futures.process:_process_chunk", g, [a]),
        )
    )()


def _bound(g: Any, a: tuple[Any, ...], aim: Aim, rng: Draw) -> Any:
    """Objects made around it: methods, properties, classes, mocks."""
    first = a[0] if a else None
    w = payloads.word(rng)
    partial = new("functools:partial", g, *a)
    integer = ref("builtins:int")
    field = new("dataclasses:field", None, partial)
    space = {rng.choice(("__init__", "__call__", "__new__", "__del__", "__getattr__")): g}
    return rng.template(
        (
            lambda: Call(new("types:MethodType", g, first), a[1:]),
            lambda: method(rng, new("builtins:property", g), rng.choice(("__get__", "fget")), first),
            lambda: method(rng, new("functools:cached_property", g), "__get__", first, None),
            lambda: Call(new(f"functools:{rng.choice(('cache', 'lru_cache', 'singledispatch'))}", g), a),
            lambda: new("functools:partialmethod.__get__", new("functools:partialmethod", g, *a), None, integer),
            lambda: Call(new("unittest.mock:Mock", None, g), a),
            lambda: method(rng, new("collections:defaultdict", partial), rng.choice(("__missing__", "__getitem__")), w),
            lambda: Call(new("builtins:type", w, (ref("builtins:object"),), space), a),
            lambda: Call(new("types:new_class", w, (), {"metaclass": g}), ()),
            lambda: Call(new("dataclasses:make_dataclass", w, [(w, None, field)]), ()),
            lambda: Call(new("builtins:classmethod", g), a),
            lambda: Call(new("builtins:getattr", new("builtins:staticmethod", g), "__func__"), a),
            lambda: Call(new("types:DynamicClassAttribute", g), (first,)),
            lambda: new("string:Formatter.vformat", new("string:Formatter"), "{0.__init__.__globals__}", (g,), {}),
            lambda: new("inspect:Signature.from_callable", g),
            lambda: Call(new("functools:wraps", g), (partial,)),
        )
    )()  # fmt: skip


def _libraries(g: Any, a: tuple[Any, ...], aim: Aim, rng: Draw) -> Any:
    """Libraries that models bring along."""
    values = list(a)
    job: list[Any] = [(g, a, {})]
    frame = rng.choice(("Series", "DataFrame"))
    return rng.template(
        (
            lambda: new(f"numpy:{rng.choice(('vectorize', 'frompyfunc', 'fromfunction', 'apply_along_axis'))}", g, *a),
            lambda: Call(new("numpy:vectorize", g), (values,)),
            lambda: method(rng, new(f"pandas:{frame}", values), rng.choice(("apply", "map", "pipe")), g),
            lambda: new("torch.utils.data:DataLoader", values, 1, False, None, None, 0, g),
            lambda: new("torch.utils._pytree:tree_map", g, values),
            lambda: Call(new("joblib:Parallel", 1), (job,)),
            lambda: new("joblib.parallel:BatchedCalls.__call__", new("joblib.parallel:BatchedCalls", job, None)),
            lambda: method(rng, new("sklearn.preprocessing:FunctionTransformer", g), "transform", values),
            lambda: new(f"scipy.optimize:{rng.choice(('minimize', 'brute', 'root', 'curve_fit'))}", g, *a),
            lambda: new("torch.utils.checkpoint:checkpoint", g, *a),
            lambda: new("torch.multiprocessing:spawn", g, a),
            lambda: new("torch._higher_order_ops.wrap:wrap", g, *a),
            lambda: new("hydra.utils:instantiate", {"_target_": aim.gadget.path, "_args_": values}),
            lambda: new("dask.base:compute", {payloads.word(rng): (g, *a)}),
            lambda: new("keras.layers:Lambda", g),
        )
    )()
