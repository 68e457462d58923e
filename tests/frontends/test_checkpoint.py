"""Real weights come from safetensors, whole and of the right size, and nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from irgen import building
from irgen.errors import SourceError
from irgen.frontends import checkpoint


class Tied(torch.nn.Module):
    """Two names for one parameter."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(7, width)
        self.head = torch.nn.Linear(width, 7, bias=False)
        self.head.weight = self.words.weight
        self.norm = torch.nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.words(x)))


def saved(module: torch.nn.Module, folder: Path, *leave_out: str) -> Path:
    folder.mkdir(exist_ok=True)
    values = {n: v.clone() for n, v in module.state_dict().items() if n not in leave_out}
    save_file(values, folder / "model.safetensors")
    return folder


def test_every_name_of_a_shared_parameter_gets_the_values_that_the_file_holds_once(tmp_path: Path):
    torch.manual_seed(1)
    trained = Tied()
    made = checkpoint.load(Tied(), saved(trained, tmp_path, "head.weight"))
    x = torch.arange(6).reshape(2, 3)
    torch.testing.assert_close(made(x), trained(x))


def test_a_module_on_meta_gets_its_weights(tmp_path: Path):
    torch.manual_seed(1)
    trained = Tied()
    with torch.device("meta"):
        empty = Tied()
    made = checkpoint.load(empty, saved(trained, tmp_path))
    assert not any(p.is_meta for p in made.parameters())
    x = torch.arange(6).reshape(2, 3)
    torch.testing.assert_close(made(x), trained(x))


@pytest.mark.parametrize(
    ("module", "leave_out", "said"),
    [
        (Tied(), ("norm.weight",), r"lacks norm\.weight"),
        (Tied(6), (), "has other sizes for"),
        (torch.nn.LayerNorm(4), (), r"lacks bias, weight"),
        (torch.nn.ModuleDict({"norm": torch.nn.LayerNorm(4)}), (), "holds what the model has not"),
    ],
    ids=["missing", "size", "other-names", "left-over"],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    module: torch.nn.Module, leave_out: tuple[str, ...], said: str, tmp_path: Path
):
    with pytest.raises(SourceError, match=said):
        checkpoint.load(module, saved(Tied(), tmp_path, *leave_out))


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (open, (self.mark, "w"))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickled_weights_are_refused_unread(name: str, tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    torch.save(Trap(str(tmp_path / "ran")), folder / name)
    with pytest.raises(SourceError, match="pickled") as caught:
        checkpoint.load(Tied(), folder)
    assert "convert" in str(caught.value.fix)
    assert not (tmp_path / "ran").exists()


def test_an_empty_folder_and_no_folder_are_told_apart(tmp_path: Path):
    with pytest.raises(SourceError, match="holds no weights"):
        checkpoint.check(tmp_path)
    with pytest.raises(SourceError, match="no such folder"):
        checkpoint.check(tmp_path / "none")


def test_a_damaged_file_is_told(tmp_path: Path):
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(SourceError, match="cannot be read"):
        checkpoint.load(Tied(), tmp_path)


def tiny_gpt2(**more: Any) -> Any:
    import transformers

    torch.manual_seed(3)
    sizes = {"n_layer": 2, "n_embd": 24, "n_head": 3, "vocab_size": 61, "n_positions": 40, "use_cache": False}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**{**sizes, **more})).eval()


def test_a_folder_of_transformers_brings_its_own_weights(tmp_path: Path):
    model = tiny_gpt2()
    model.save_pretrained(tmp_path)
    for given in ({}, {"checkpoint": tmp_path}):
        _name, made = building.built_of(str(tmp_path), **given)
        x = torch.randint(5, 60, (2, 9))
        torch.testing.assert_close(made.module(input_ids=x).logits, model(input_ids=x).logits)


def test_a_configuration_takes_the_weights_of_another_folder_if_they_fit(tmp_path: Path):
    model = tiny_gpt2()
    model.save_pretrained(tmp_path / "trained")
    model.config.save_pretrained(tmp_path / "plain")
    _name, made = building.built_of(str(tmp_path / "plain"), checkpoint=tmp_path / "trained")
    x = torch.randint(5, 60, (2, 9))
    torch.testing.assert_close(made.module(input_ids=x).logits, model(input_ids=x).logits)
    tiny_gpt2(n_embd=36).config.save_pretrained(tmp_path / "wider")
    with pytest.raises(SourceError, match=r"other sizes|cannot be read"):
        building.built_of(str(tmp_path / "wider"), checkpoint=tmp_path / "trained")


def test_a_folder_of_transformers_with_pickled_weights_is_refused(tmp_path: Path):
    model = tiny_gpt2()
    model.config.save_pretrained(tmp_path)
    torch.save(Trap(str(tmp_path / "ran")), tmp_path / "pytorch_model.bin")
    with pytest.raises(SourceError, match="pickled"):
        building.built_of(str(tmp_path), checkpoint=tmp_path)
    assert not (tmp_path / "ran").exists()
