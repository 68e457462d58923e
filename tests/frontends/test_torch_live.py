# ruff: noqa: E501, PLW0108 - a table
"""The recorder: every tensor has an origin, the record replays on other inputs, and bad input is said."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from irgen.errors import CaptureError, InputError
from irgen.frontends.torch_live import capture, record
from irgen.frontends.torch_replay import graph_module, replays
from irgen.weightless import build_without_memory
from tests.frontends.torch_support import Calls, disagreement, opaque, randomised

G = torch.Generator().manual_seed(5)
X = torch.randn(3, 5, 8, generator=G)
OTHER = torch.randn(3, 5, 8, generator=G)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x) * 2

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return grads[0]


def _gated(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x) * y.sigmoid() + x


with warnings.catch_warnings(action="ignore"):
    scripted = torch.jit.script(_gated)


def hidden(x: torch.Tensor) -> torch.Tensor:
    """What no torch function shows: the tensors in here are of unknown origin."""
    with torch._C.DisableTorchFunction():
        y = torch.tanh(x) * 2
        y[:, 0] = 1
        return y.transpose(0, 1)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        self.cell = kind(8, 6, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cell(x)[0]


class Stepped(nn.Module):
    """A recurrent cell in a Python loop that writes its states into a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(8, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = torch.zeros(x.shape[0], x.shape[1], 6)
        h = torch.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            states[:, t] = h
        return states


class Routed(nn.Module):
    """A mixture of experts that loops over the experts that tokens hit."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(8, 4)
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, 8)
        weights, chosen = self.router(flat).softmax(-1).topk(2)
        out = torch.zeros_like(flat)
        for i, expert in enumerate(self.experts):
            token, place = torch.where(chosen == i)
            if token.numel():
                out.index_add_(0, token, expert(flat[token]) * weights[token, place, None])
        return out.view_as(x)


class Converted(nn.Module):
    """A module that turns a part of itself into another number format, and back, while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.out = nn.Linear(8, 4), nn.Linear(4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.router.to(torch.float64)
        scores = self.router(x.double()).to(x.dtype)
        self.router.to(torch.float32)
        return x + self.out(torch.relu(scores))


class Named(nn.Module):
    """Experts in a table of names, looked up by a number that the loop holds as a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleDict({f"expert_{i}": nn.Linear(8, 8) for i in range(3)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(self.experts[f"expert_{i}"](x) for i in torch.arange(3))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.table.weight
        self.spare = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.table(ids)), "ids": ids}


MODULES: dict[str, nn.Module] = {
    "linear stack": nn.Sequential(nn.Linear(8, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 2)),
    "encoder layer": nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False),
    "multi-head attention": Calls(lambda x: x),
    "lstm": Recurrent(nn.LSTM, batch_first=True, num_layers=2, bidirectional=True),
    "gru": Recurrent(nn.GRU),
    "rnn": Recurrent(nn.RNN, nonlinearity="relu", batch_first=True),
    "stepped": Stepped(),
    "routed": Routed(),
    "converted": Converted(),
    "named": Named(),
    "convolution": nn.Sequential(nn.Conv1d(5, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2)),
    "weight norm": nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)),
    "vmap": Calls(lambda x: torch.vmap(torch.vmap(lambda a: (a * 2).sum() + a.max()))(x)),
    "vmap of positions": Calls(
        lambda x: x.unsqueeze(1)
        + torch.vmap(torch.vmap(lambda i, j: (i >= j).float(), (None, 0)), (0, None))(torch.arange(5), torch.arange(5))[..., :1]
    ),
    "autograd function": Calls(lambda x: Doubled.apply(x) + 1),
    "hidden from functions": Calls(lambda x: hidden(x) + 1),
    "hidden view": Calls(lambda x: (x * 2, hidden(x * 3).exp())[1]),
    "script": Calls(lambda x: scripted(x, x + 1)),
    "numpy table": Calls(lambda x: x + torch.from_numpy(TABLE)),
    "data": Calls(lambda x: x.data * 2 + x.detach()),
    "out of place aliases": Calls(lambda x: x[:, 0].contiguous().add_(1) + x[:, 0]),
}  # fmt: skip
MODULES["multi-head attention"] = type(
    "Attends",
    (nn.Module,),
    {
        "__init__": lambda self: (
            nn.Module.__init__(self),
            setattr(self, "mha", nn.MultiheadAttention(8, 2, batch_first=True)),
        )[0],
        "forward": lambda self, x: self.mha(x, x, x, need_weights=True),
    },
)()
TABLE = torch.arange(8.0).numpy()


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest) -> nn.Module:
    return randomised(copy.deepcopy(MODULES[request.param]))


def test_graph_computes_what_the_module_computes(module: nn.Module) -> None:
    graph = capture(module, (X,))
    assert opaque(graph) == []
    assert disagreement(module, (X,), graph=graph) < 2e-5


def test_record_replays_on_other_inputs_to_the_last_bit(module: nn.Module) -> None:
    if isinstance(module, Routed):
        pytest.skip("which tokens each expert gets is fixed by the values of the pass, and said as a finding")
    assert replays(module, (X,), {}, ((OTHER,), {}))


def test_module_is_left_as_it_was(module: nn.Module) -> None:
    before = {name: id(p) for name, p in module.named_parameters()}
    module.train()
    own = [id(w) for part in module.modules() if isinstance(part, nn.RNNBase) for w in part._flat_weights]
    record(module, (X,))
    assert {name: id(p) for name, p in module.named_parameters()} == before
    assert [id(w) for part in module.modules() if isinstance(part, nn.RNNBase) for w in part._flat_weights] == own
    assert module.training


def test_graph_is_the_same_on_every_run() -> None:
    module = randomised(Routed())
    first, second = ([(n.id, n.op, n.inputs, n.type, n.attrs) for n in capture(module, (X,))] for _ in range(2))
    assert first == second


def test_routing_that_values_decide_is_a_finding() -> None:
    findings = capture(randomised(Routed()), (X,)).findings
    assert len(findings) == 1
    assert "`where` reads a value that the inputs decide" in findings[0]


def test_routing_without_weights_still_finds_its_experts() -> None:
    with build_without_memory():
        module = Routed()
    graph = capture(module, (X,))
    assert {"topk", "scatter_nd", "linear"} <= {n.op for n in graph}
    assert opaque(graph) == []


def test_tied_parameters_are_one_node_and_unused_ones_are_counted() -> None:
    graph = capture(Tied(), (torch.tensor([[1, 2], [3, 4]]),))
    assert [graph.provenance[n.id].name for n in graph if n.op == "param"] == ["table.weight"]
    assert graph.parameters == 11 * 8 + 8 * 3 + 3
    assert "2 parameters (27 elements) are not used by this pass: spare.weight, spare.bias" in graph.findings
    assert graph.output_names == ["logits"]
    assert "output ids (int64) is not a floating tensor and is left out" in graph.findings


def test_provenance_names_module_class_line_and_call() -> None:
    graph = capture(nn.Sequential(nn.Linear(8, 6), nn.GELU()), (X,))
    origins = {n.op: graph.provenance[n.id] for n in graph if n.op in ("linear", "gelu")}
    assert (origins["linear"].module, origins["linear"].cls) == ("0", "Linear")
    assert (origins["gelu"].module, origins["gelu"].cls, origins["gelu"].call) == (
        "1",
        "GELU",
        "torch.nn.functional.gelu",
    )
    assert capture(Calls(lambda x: x + 1), (X,)).provenance["n2"].line.startswith("test_torch_live.py:")


def test_record_is_an_executable_graph_module() -> None:
    module = randomised(nn.Sequential(nn.Linear(8, 6), nn.Tanh()))
    made = graph_module(record(module, (X,)))
    assert isinstance(made, torch.fx.GraphModule)
    assert torch.equal(made(OTHER)[0], module(OTHER))


def test_buffers_keep_their_values_and_scalars_are_shared() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.tril(torch.ones(5, 5)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.mask @ x) * 2 + x * 2

    graph = capture(Masked(), (X,))
    tables = [n for n in graph if n.op == "const" and n.shape == (5, 5)]
    assert tables[0].value is not None
    assert tables[0].value.sum() == 15
    assert sum(n.op == "const" and n.shape == () for n in graph) == 1


def test_buffers_on_meta_have_no_value_and_that_is_said() -> None:
    with torch.device("meta"):
        module = nn.BatchNorm1d(5)
    graph = capture(module, (X,))
    assert [n.value for n in graph if n.op == "const"] == [None, None]
    assert "constant running_mean is on meta: its values are not known" in graph.findings


@pytest.mark.parametrize(
    ("values", "learned"),
    [(torch.arange(4.0), False), (torch.arange(4.0).exp(), False), (torch.tensor([0.3, -1.2, 0.7, 2.1]), True)],
)
def test_a_frozen_table_is_a_constant_where_its_values_show_that_nobody_learned_it(
    values: torch.Tensor, learned: bool
) -> None:
    module = Calls(lambda x, w, t: F.linear(x, w) + t, (4, 8), (4,))
    module.w1.requires_grad_(False).copy_(values)
    assert [n.shape for n in capture(module, (X,)) if n.op == "param"] == [(4, 8), (4,)][: 1 + learned]


def test_nested_inputs_and_outputs_have_dotted_names() -> None:
    class Nested(nn.Module):
        def forward(self, state: dict[str, Any], *more: torch.Tensor) -> dict[str, Any]:
            return {"out": [state["a"] + more[0], (state["b"][0],)]}

    graph = capture(Nested(), ({"a": X, "b": [OTHER]}, X))
    assert [graph.provenance[i].name for i in graph.inputs] == ["state.a", "state.b.0", "more_0"]
    assert graph.output_names == ["out.0", "out.1.0"]


def test_inputs_that_the_signature_does_not_take_are_refused() -> None:
    with pytest.raises(InputError, match="missing a required argument") as caught:
        capture(nn.Linear(8, 4))
    assert "forward takes (input)" in str(caught.value)


def test_inputs_of_wrong_sizes_say_where_they_stopped() -> None:
    with pytest.raises(InputError) as caught:
        capture(nn.Sequential(nn.Linear(7, 4)), (X,))
    assert "at:  0 (Linear), linear" in str(caught.value)
    assert "input=3x5x8" in str(caught.value)


def test_forward_that_raises_names_the_module_and_the_first_line() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no such thing\nmore")

    with pytest.raises(CaptureError) as caught:
        capture(nn.Sequential(nn.Identity(), Broken()), (X,))
    what, at = str(caught.value).splitlines()[:2]
    assert what == "the forward pass raised ValueError: no such thing"
    assert at.startswith("  at:  1 (Broken)")


def test_module_without_tensors_to_return_is_refused() -> None:
    with pytest.raises(CaptureError, match="returns no tensor"):
        capture(Calls(lambda x: 3), (X,))


def test_values_read_from_inputs_are_findings_and_decide_the_branch() -> None:
    module = Calls(lambda x: x * 2 if x.sum() > 0 else x - 1)
    positive, negative = capture(module, (X.abs(),)), capture(module, (-X.abs(),))
    assert "mul" in {n.op for n in positive}
    assert "add" in {n.op for n in negative} or "sub" in {n.op for n in negative}
    assert "`__bool__` reads a value that the inputs decide" in positive.findings[0]


def test_values_of_constants_are_no_findings() -> None:
    assert capture(Calls(lambda x: x[:, : torch.tensor([2, 3]).max()]), (X,)).findings == []


def test_operators_with_bodies_run_through() -> None:
    scan = torch.ops.higher_order.scan
    running = Calls(lambda x: scan(lambda h, row: (h * 0.5 + row, h + row), [torch.zeros(5, 8)], [x], ())[1])
    assert opaque(capture(running, (X,))) == []
    chosen = Calls(lambda x: torch.ops.higher_order.cond(x.sum() > 0, lambda a: a * 2, lambda a: a - 1, (x,)))
    graph = capture(chosen, (X.abs(),))
    assert {n.op for n in graph} == {"input", "const", "mul"}
    assert "`__bool__` reads a value that the inputs decide" in graph.findings[0]


def test_batched_masks_are_comparisons_not_opaque() -> None:
    graph = capture(MODULES["vmap of positions"], (X,))
    assert "ge" in {n.op for n in graph}
    assert opaque(graph) == []
