"""Unrolled recurrences become loops again, right at lengths that nobody traced."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from irgen.reference.rolling.loop import NotALoopError
from irgen.reference.rolling.roll import Rolled, roll
from irgen.reference.rolling.scan import Scan
from irgen.reference.traced import tensors
from tests.reference import cells

SIZES = (5, 8)


def rolled(module: torch.nn.Module, sizes: tuple[int, int] = SIZES) -> Rolled:
    auto: Any = torch.export.Dim.AUTO
    programs: list[torch.fx.GraphModule] = []
    for size in sizes:
        x = torch.randn(2, size, 6)
        with torch.no_grad():
            program = torch.export.export(module, (), {"x": x}, dynamic_shapes={"x": {0: auto}}, strict=False)
        programs.append(program.run_decompositions({}).module(check_guards=False))
    return roll(programs[0], programs[1], sizes, "x", 1)


@pytest.mark.parametrize("cell", cells.LOOPS, ids=lambda c: c.__name__)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_loop_gives_the_results_of_the_module_at_other_lengths_and_batches(cell: type[torch.nn.Module]):
    torch.manual_seed(0)
    module = cell().eval()
    made = rolled(module)
    assert made.loops >= 1
    assert any(isinstance(part, Scan) for part in made.module.modules())
    for batch, size in ((2, 5), (3, 8), (4, 23), (2, 2)):
        x = torch.randn(batch, size, 6)
        with torch.no_grad():
            wanted, given = tensors(module(x)), tensors(made.module(x=x))
        assert len(wanted) == len(given)
        for a, b in zip(wanted, given, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_a_step_does_stands_once():
    steps = rolled(cells.LstmCell().eval()).module
    scan = next(part for part in steps.modules() if isinstance(part, Scan))
    bodies = [str(node.target) for node in scan.body.graph.nodes if node.op == "call_function"]
    assert bodies.count("aten.lstm_cell.default") == 1
    assert scan.states == 2


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_size_that_became_a_number_is_read_off_the_input_again():
    made = rolled(cells.Sized().eval())
    assert made.loops == 0
    x = torch.randn(3, 11, 6)
    torch.testing.assert_close(made.module(x=x), cells.Sized()(x))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("cell", [cells.Doubling, cells.Table], ids=lambda c: c.__name__)
def test_what_no_size_explains_is_refused_with_its_reason(cell: type[torch.nn.Module]):
    with pytest.raises(NotALoopError, match=r"table made while tracing|operators|no multiple|reads another|evenly"):
        rolled(cell().eval(), (5, 11))
