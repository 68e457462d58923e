"""A validation end to end on a small pair: cases, runs, verdicts, places, and what is said of them."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

import irgen
from irgen.errors import InputError, SourceError
from tests.reference.small import LAYERS, edit, small, store, weight, write


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_a_right_file_agrees_in_every_case_with_optimisations_off_and_on(tmp_path: Path):
    source = small()
    found = irgen.validate(source, onnx=write(source, tmp_path / "m.onnx"))
    assert found
    assert found.verdict == "agrees"
    assert [(row.case, row.optimised) for row in found.rows] == [
        (case, optimised) for optimised in (False, True) for case in ("traced", "other length", "other batch")
    ]
    assert {tuple(row.shapes["input_ids"]) for row in found.rows} == {(2, 19), (2, 26), (3, 19)}


def test_a_padded_row_is_shown_to_a_file_that_takes_a_mask(tmp_path: Path):
    source = small()

    def masked(model: onnx.ModelProto) -> None:
        shape = ["batch", "seq"]
        model.graph.input.append(helper.make_tensor_value_info("attention_mask", onnx.TensorProto.FLOAT, shape))
        axis = onnx.numpy_helper.from_array(np.array([2]), "axis")
        model.graph.initializer.append(axis)
        model.graph.node[0].output[0] = "raw"
        made = (
            helper.make_node("Unsqueeze", ["attention_mask", "axis"], ["wide"]),
            helper.make_node("Mul", ["raw", "wide"], ["x0"]),
        )
        for at, node in enumerate(made, 1):
            model.graph.node.insert(at, node)

    def integers(model: onnx.ModelProto) -> None:
        model.graph.input[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
        model.graph.node.insert(1, helper.make_node("Cast", ["attention_mask"], ["floats"], to=1))
        model.graph.node[2].input[0] = "floats"

    path = edit(edit(write(source, tmp_path / "m.onnx"), masked), integers)
    found = irgen.validate(source, onnx=path)
    assert found.verdict == "agrees", found.text()
    assert [row.case for row in found.rows if not row.optimised][-1] == "padded row"

    broken = irgen.validate(source, onnx=edit(path, unmask))
    assert {row.case for row in broken.rows if row.verdict == "differs"} == {"padded row"}


def unmask(model: onnx.ModelProto) -> None:
    """The mask is read and not used."""
    product = next(node for node in model.graph.node if node.op_type == "Mul")
    zero = onnx.numpy_helper.from_array(np.array(0, np.float32), "zero")
    model.graph.initializer.append(zero)
    at = list(model.graph.node).index(product)
    model.graph.node.insert(at, helper.make_node("Mul", ["wide", "zero"], ["nothing"]))
    product.CopyFrom(helper.make_node("Add", ["raw", "nothing"], ["x0"]))


@pytest.mark.parametrize("at", range(LAYERS))
def test_a_wrong_weight_is_placed_in_its_layer(at: int, tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    edit(path, lambda model: store(model, f"d{at}", weight(model, f"d{at}") * 1.01))
    found = irgen.validate(source, onnx=path)
    assert found.verdict == "differs"
    assert found.parting.divergence.confirmed
    assert found.parting.module.startswith(f"layers.{at}.down")
    assert found.parting.line.startswith(("small.py", "linear.py"))
    assert f"layers.{at}.down" in found.text()


def test_a_wrong_head_is_placed_behind_the_layers(tmp_path: Path):
    source = small()
    path = edit(write(source, tmp_path / "m.onnx"), lambda model: store(model, "hb", weight(model, "hb") + 1e-3))
    found = irgen.validate(source, onnx=path)
    assert found.parting.region.label == "head"


def test_inputs_and_outputs_of_other_names_are_matched_by_type_and_shape(tmp_path: Path):
    source = small()
    found = irgen.validate(source, onnx=write(source, tmp_path / "m.onnx", ids="tokens", logits="scores"))
    assert found.verdict == "agrees"
    assert any("'tokens' is taken for 'input_ids'" in note for note in found.notes)


def test_an_input_that_nothing_can_be_is_explained(tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    extra = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    edit(path, lambda model: model.graph.input.append(extra))
    with pytest.raises(InputError, match="'image'") as caught:
        irgen.validate(source, onnx=path)
    assert "input_ids: int64 [2, 19]" in str(caught.value.at)


def test_a_file_that_fixes_its_sizes_is_run_at_those(tmp_path: Path):
    source = small()
    found = irgen.validate(source, onnx=write(source, tmp_path / "m.onnx", sizes=(1, 8)))
    assert found.verdict == "agrees"
    assert {tuple(row.shapes["input_ids"]) for row in found.rows} == {(1, 8)}
    assert found.skipped == {"other length": "the file fixes seq at 8", "other batch": "the file fixes batch at 1"}


def test_an_axis_that_claims_to_vary_and_is_baked_in_is_told(tmp_path: Path):
    source = small()

    def bake(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 19, 24]), "sizes"))
        model.graph.node[0].output[0] = "raw"
        model.graph.node.insert(1, helper.make_node("Reshape", ["raw", "sizes"], ["x0"]))

    found = irgen.validate(source, onnx=edit(write(source, tmp_path / "m.onnx"), bake))
    assert found.verdict == "differs"
    assert {row.case for row in found.rows if row.verdict == "differs"} == {"other length"}
    assert "seq is baked in at 19" in found.reason


def test_half_precision_that_overflows_differs_by_its_infinities(tmp_path: Path):
    source = small()

    def overflow(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1e6, np.float32), "large"))
        at = next(i for i, node in enumerate(model.graph.node) if node.output[0] == "u1s")
        model.graph.node[at].output[0] = "before"
        made = [
            helper.make_node("Mul", ["before", "large"], ["scaled"]),
            helper.make_node("Cast", ["scaled"], ["half"], to=onnx.TensorProto.FLOAT16),
            helper.make_node("Cast", ["half"], ["full"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Div", ["full", "large"], ["u1s"]),
        ]
        for i, node in enumerate(made):
            model.graph.node.insert(at + 1 + i, node)

    found = irgen.validate(source, onnx=edit(write(source, tmp_path / "m.onnx"), overflow))
    assert found.verdict == "differs"
    assert "nan" in found.reason or "inf" in found.reason
    assert found.parting.module.startswith("layers.1")


def test_a_missing_output_differs(tmp_path: Path):
    source = small()
    module = source.module
    forward = module.forward
    module.forward = lambda input_ids: {**forward(input_ids), "total": input_ids.float().sum()}
    found = irgen.validate(source, onnx=write(source, tmp_path / "m.onnx"))
    assert found.verdict == "differs"
    assert "does not give total" in found.reason


def test_files_that_are_no_files_of_onnx_are_refused(tmp_path: Path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no onnx at all")
    for path, said in ((tmp_path / "none.onnx", "does not exist"), (broken, "not ONNX")):
        with pytest.raises(SourceError, match=said):
            irgen.validate(small(), onnx=path)


def test_a_source_without_a_module_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match="holds no module"):
        irgen.validate(str(write(small(), tmp_path / "m.onnx")))


def test_the_verdict_and_every_number_are_the_same_on_both_runs_of_a_seed(tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    edit(path, lambda model: store(model, "u1", weight(model, "u1") + 1e-4))
    one, two = (irgen.validate(source, onnx=path, seed=5).json() for _ in range(2))
    assert one == two
    assert json.loads(one)["verdict"] == "differs"


def test_the_verdict_is_the_same_with_one_and_two_threads(tmp_path: Path):
    source = small()
    right = write(source, tmp_path / "right.onnx")
    wrong = write(source, tmp_path / "wrong.onnx")
    edit(wrong, lambda model: store(model, "u1", weight(model, "u1") + 1e-4))
    for path in (right, wrong):
        one, two = (irgen.validate(source, onnx=path, threads=n) for n in (1, 2))
        assert one.verdict == two.verdict
        assert [row.verdict for row in one.rows] == [row.verdict for row in two.rows]
        if one.parting is not None:
            assert one.parting.name == two.parting.name


def test_other_seeds_are_other_inputs_of_the_same_sizes(tmp_path: Path):
    from irgen.reference.cases import cases

    one, two = cases(small(), 0), cases(small(), 7)
    assert [case.shapes for case in one] == [case.shapes for case in two]
    assert not torch.equal(one[0].inputs["input_ids"], two[0].inputs["input_ids"])
    assert torch.equal(cases(small(), 7)[0].inputs["input_ids"], two[0].inputs["input_ids"])


def test_the_module_is_left_as_it_was(tmp_path: Path):
    source = small()
    before = {name: tensor.clone() for name, tensor in source.module.state_dict().items()}
    path = write(source, tmp_path / "m.onnx")
    edit(path, lambda model: store(model, "u1", weight(model, "u1") + 1e-4))
    irgen.validate(source, onnx=path)
    after = source.module.state_dict()
    assert all(torch.equal(value, after[name]) and value.dtype == after[name].dtype for name, value in before.items())
    assert torch.get_default_dtype() == torch.float32


def test_a_users_module_is_taken_as_it_is_with_inputs_given_or_shuffled(tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    found = irgen.validate(source.module, {"input_ids": source.kwargs["input_ids"]}, onnx=path, seed=3)
    assert found.verdict == "agrees"
    assert {row.case for row in found.rows} == {"traced", "other length", "other batch"}


def test_a_record_keeps_its_numbers_apart(tmp_path: Path):
    source = small()
    found = json.loads(irgen.validate(source, onnx=write(source, tmp_path / "m.onnx")).json())
    numbers = found.pop("measured")
    assert numbers["cases"][0]["outputs"]["logits"]["onnx"]["rmse"] > 0
    assert found["schema"] == "irgen.reference/1"
    assert set(found["versions"]) >= {"torch", "onnx", "onnxruntime"}
    assert found["operators"]["LayerNormalization"] == LAYERS
    assert len(found["ir"]) == 32
    assert "rmse" not in json.dumps(found)


class Chooser(torch.nn.Module):
    """The row of a table that a product of the input chooses; two choices are exactly alike."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.score = torch.nn.Parameter(torch.randn(6, 8, generator=generator))
        self.table = torch.nn.Parameter(torch.randn(6, 5, generator=generator))
        self.score.data[4] = self.score.data[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table[(x @ self.score.T).argmax(-1)]


def test_a_near_tie_inside_that_falls_the_other_way_is_ambiguous(tmp_path: Path):
    module = Chooser()
    score = module.score.detach().numpy().copy()
    score[4] *= 1 + 3e-7  # within rounding, but enough to win
    shape = [None, 8]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "score"], ["scores"]),
            helper.make_node("ArgMax", ["scores"], ["best"], axis=-1, keepdims=0),
            helper.make_node("Gather", ["table", "best"], ["y"]),
        ],
        "chooser",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 5])],
        [
            onnx.numpy_helper.from_array(np.ascontiguousarray(score.T), "score"),
            onnx.numpy_helper.from_array(module.table.detach().numpy(), "table"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    path = tmp_path / "chooser.onnx"
    onnx.save(model, str(path))
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    found = irgen.validate(module, (x,), onnx=path)
    assert found.verdict == "ambiguous", found.text()
    assert "near tie" in found.reason


def test_a_file_with_its_weights_beside_it_is_searched_too(tmp_path: Path):
    source = small()
    path = edit(write(source, tmp_path / "m.onnx"), lambda model: store(model, "u2", weight(model, "u2") * 1.01))
    model = onnx.load(str(path))
    onnx.save_model(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=64)
    found = irgen.validate(source, onnx=path)
    assert found.parting.module.startswith("layers.2.up")
    part, _ = found.parting.save(tmp_path / "part")
    assert not any(tensor.external_data for tensor in onnx.load(str(part)).graph.initializer)


def test_a_module_that_does_not_run_on_its_inputs_is_told(tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    source.module.forward = lambda input_ids: input_ids @ input_ids
    with pytest.raises(InputError, match="does not run on its inputs"):
        irgen.validate(source, onnx=path)


def test_a_wrong_value_that_nothing_carries_on_is_no_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from irgen.reference import pairing

    real, wrong = pairing.paired, [0]

    def misled(ours: pairing.Side, theirs: pairing.Side) -> dict[str, str]:
        pairs = real(ours, theirs)
        relus = [name for name in pairs if ours.graph[name].op == "relu"]
        places = [name for name in pairs if ours.graph[name].op in ("relu", "layer_norm")]
        return pairs | {places[wrong[0]]: pairs[relus[-1]]}

    monkeypatch.setattr(pairing, "paired", misled)
    source = small()
    path = edit(write(source, tmp_path / "m.onnx"), lambda model: store(model, "hb", weight(model, "hb") + 0.01))
    found = []
    for wrong[0] in range(2 * LAYERS - 1):
        parting = irgen.validate(source, onnx=path).parting
        found.append((parting.module, parting.divergence.confirmed))
    assert found == [("head (Linear)", True)] * (2 * LAYERS - 1)
