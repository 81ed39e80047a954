# ruff: noqa: E501  (tables of sources and expressions read better unbroken)
"""torch: tensors, state dicts, whole modules, optimizers, schedulers, quantised modules, TorchScript."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import MODERN, RAW, TORCH, Item, family
from train.corpus.dumps.names import Names, define

ALL = (*TORCH, *TORCH, *MODERN, "joblib", "cloudpickle", "dill")
_HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
NETS = (
    "class $C(nn.Module):\n    def __init__(self, n=$n):\n        super().__init__()\n        self.$a = nn.Linear(4, 5)\n"
    "        self.$b = nn.Linear(5, 2)\n    def forward(self, x):\n        return self.$b(F.relu(self.$a(x)))\n",
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.Sequential(nn.Conv2d(3, 4, 3), "
    "nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2))\n        self.$b = nn.Linear(4, 2)\n    def forward(self, x):\n"
    "        return self.$b(self.$a(x).mean((2, 3)))\n",
    "class $D(nn.Module):\n    def __init__(self, c):\n        super().__init__()\n        self.conv = nn.Conv2d(c, c, 1)\n"
    "        self.act = nn.SiLU()\n    def forward(self, x):\n        return x + self.act(self.conv(x))\n"
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.ModuleList([$D(3), $D(3)])\n"
    "    def forward(self, x):\n        for block in self.$a:\n            x = block(x)\n        return x\n",
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.Embedding(10, 4, padding_idx=0)\n"
    "        self.$b = nn.LSTM(4, 3, batch_first=True)\n        self.out = nn.Linear(3, 2)\n    def forward(self, x):\n"
    "        return self.out(self.$b(self.$a(x))[0][:, -1])\n",
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.Parameter(torch.randn(3))\n"
    "        self.register_buffer('$b', torch.ones(2))\n        self.options = {'act': F.relu, 'name': $t, 'eval': False}\n"
    "    def forward(self, x):\n        return x * self.$a.sum()\n",
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.MultiheadAttention(4, 2)\n"
    "        self.norm = nn.LayerNorm(4)\n        self.drop = nn.Dropout($x)\n        self.device = torch.device('cpu')\n"
    "    def forward(self, x):\n        return self.norm(self.$a(x, x, x)[0])\n",
    "class $C(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.$a = nn.GRU(3, 4)\n"
    "        self.$b = nn.ParameterDict({'w': nn.Parameter(torch.zeros(2))})\n        self.loss = nn.CrossEntropyLoss()\n"
    "    def forward(self, x):\n        return self.$a(x)[0]\n",
)  # fmt: skip


def net(n: Names) -> Any:
    """Return a module of a class made in a module with a made name."""
    name = n.cls(n.rng.choice(("Net", "Model", "Block", "Encoder", "Classifier", "Head", "")))
    return define(n.module(), _HEAD + n.fill(n.rng.choice(NETS), C=name))[name]()


@family("torch")
def tensors(rng: Random) -> Iterator[Item]:
    """Yield tensors, modules and checkpoints in torch's own formats and plain pickle."""
    names = Names(rng)
    makers = (
        _tensor,
        _module,
        _state_dict,
        _checkpoint,
        _optimizer,
        _scheduler,
        _stock,
        _dataset,
        _quantised,
        _things,
        _hooks,
    )
    for number in range(26):
        for maker in makers:
            yield Item(f"torch.{maker.__name__.strip('_')}", partial(maker, names), ALL if number % 2 else TORCH)
        if number % 2:
            yield Item("torch.script", partial(_script, names), RAW)


def _tensor(n: Names) -> Any:
    import torch

    dtype = n.rng.choice(
        (
            torch.float32,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.uint8,
            torch.bool,
            torch.complex64,
            torch.float64,
        )
    )
    made = torch.arange(n.rng.randrange(2, 30)).to(dtype)
    return n.rng.choice((
        lambda: made, lambda: {n.field(): made, n.field() + "_2": made[1:]}, lambda: [made, made.t()],
        lambda: torch.nn.Parameter(made.float()), lambda: torch.eye(3).to_sparse(), lambda: torch.eye(3).to_sparse_csr(),
        lambda: (made, n.state()), lambda: torch.nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(1, 2)]),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), lambda: torch.empty(2, 3, device="meta"),
        lambda: made.storage(), lambda: torch.Size([1, n.rng.randrange(9)]), lambda: torch.ones(2, requires_grad=True),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    ))()  # fmt: skip


def _module(n: Names) -> Any:
    made = net(n)
    return n.rng.choice((made, made, made.eval(), {"model": made, "epoch": 3, **n.state()}, [made, n.text()]))


def _state_dict(n: Names) -> Any:
    made = net(n).state_dict()
    return n.rng.choice((made, dict(made), {"state_dict": made, "arch": n.text()}, {f"module.{k}": v for k, v in made.items()},
                         {"model": made, "args": n.state()}))  # fmt: skip


def _optimizer(n: Names, parameters: Any = None) -> Any:
    import torch

    made = list(net(n).parameters() if parameters is None else parameters)
    kinds = (
        torch.optim.SGD,
        torch.optim.Adam,
        torch.optim.AdamW,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
        torch.optim.NAdam,
    )
    optimizer = n.rng.choice(kinds)(made, lr=n.rng.random())
    sum(p.sum() for p in made).backward()
    optimizer.step()
    return n.rng.choice((optimizer, optimizer.state_dict(), {"optimizer": optimizer.state_dict(), **n.state()}))


def _scheduler(n: Names) -> Any:
    import torch
    from torch.optim import lr_scheduler as lr

    optimizer = torch.optim.SGD(net(n).parameters(), lr=0.1)
    schedule = define(n.module(), n.fill("def $f(epoch):\n    return $x ** epoch\n", f=(name := n.function())))[name]
    made = n.rng.choice((
        lambda: lr.StepLR(optimizer, 3), lambda: lr.CosineAnnealingLR(optimizer, 9), lambda: lr.LambdaLR(optimizer, schedule),
        lambda: lr.ReduceLROnPlateau(optimizer), lambda: lr.OneCycleLR(optimizer, 0.1, 10), lambda: lr.ExponentialLR(optimizer, 0.9),
    ))()  # fmt: skip
    return n.rng.choice((made.state_dict(), made, {"lr_scheduler": made.state_dict()}))


def _checkpoint(n: Names) -> Any:
    import argparse

    import numpy as np
    import torch

    made = net(n)
    checkpoint = {"epoch": 3, "state_dict": made.state_dict(), "optimizer": torch.optim.Adam(made.parameters()).state_dict(),
                  "best": np.float64(n.rng.random()), "args": argparse.Namespace(**n.state())}  # fmt: skip
    extras = {"rng": torch.get_rng_state(), "numpy_rng": np.random.get_state(), "config": n.state(), "model": made, "path": __import__("pathlib").Path(n.field()),
              "history": __import__("collections").defaultdict(list, loss=[0.1]), "device": torch.device("cpu"), "git": None, "date": n.text()}  # fmt: skip
    return checkpoint | {key: extras[key] for key in n.rng.sample(sorted(extras), 3)}


def _stock(n: Names) -> Any:
    import torch
    from torch import nn

    act = n.rng.choice((nn.ReLU(), nn.GELU(), nn.Tanh(), nn.LeakyReLU(n.rng.random()), nn.Softmax(-1), nn.Hardswish()))
    first = n.rng.choice((lambda: nn.Linear(3, 4), lambda: nn.Conv1d(3, 4, 1), lambda: nn.ConvTranspose2d(3, 4, 2), lambda: nn.Bilinear(2, 2, 4),
                          lambda: nn.TransformerEncoderLayer(4, 2, 8), lambda: nn.RNN(3, 4), lambda: nn.EmbeddingBag(5, 4)))()  # fmt: skip
    return n.rng.choice((
        lambda: nn.Sequential(first, act, nn.Dropout(0.1)), lambda: nn.ModuleDict({n.field(): first, n.field() + "_2": act}),
        lambda: first, lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)).state_dict(),
        lambda: nn.DataParallel(first), lambda: torch.optim.swa_utils.AveragedModel(first), lambda: nn.Sequential(
            __import__("collections").OrderedDict([(n.field(), first), (n.field() + "_1", act)])),
    ))()  # fmt: skip


def _dataset(n: Names) -> Any:
    import torch
    from torch.utils import data

    made = data.TensorDataset(torch.ones(4, 2), torch.zeros(4))
    own = define(n.module(), n.fill("from torch.utils.data import Dataset\nclass $C(Dataset):\n    def __init__(self):\n        self.files = ['$a.png']\n"
                                    "        self.open = open\n        self.transform = None\n", C=(name := n.cls("Dataset"))))[name]()  # fmt: skip
    return n.rng.choice(
        (made, own, data.Subset(made, [0, 2]), data.ConcatDataset([made, made]), data.DataLoader(made, 2), own)
    )


def _quantised(n: Names) -> Any:
    import torch
    from torch import nn

    torch.backends.quantized.engine = "fbgemm" if "fbgemm" in torch.backends.quantized.supported_engines else "qnnpack"
    made = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, n.rng.randrange(2, 6)))
    quantised = torch.ao.quantization.quantize_dynamic(made, {nn.Linear}, n.rng.choice((torch.qint8, torch.float16)))
    return n.rng.choice((quantised, quantised.state_dict(), {"model": quantised, **n.state()}))


def _things(n: Names) -> Any:
    import torch
    import torch.nn.functional as f

    things = (torch.device("cuda:0"), torch.float16, torch.Generator().get_state(), torch.relu, f.gelu, torch.nn.Linear, torch.strided,
              torch.channels_last, torch.distributions.Normal(0.0, 1.0), torch.tanh, torch.nn.functional.cross_entropy, torch.optim.Adam,
              torch.nn.init.xavier_uniform_, torch.tensor, torch.load, torch.save, torch.no_grad())  # fmt: skip
    return {n.field(): t for t in n.rng.sample(things, 3)} | n.state()


def _hooks(n: Names) -> Any:
    made = net(n)
    hook = define(
        n.module(), n.fill("def $f(module, args, output):\n    print('$a', output)\n", f=(name := n.function()))
    )[name]
    made.register_forward_hook(hook)
    return made


def _script(n: Names) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(net(n).eval()), buffer)
    return buffer.getvalue()
