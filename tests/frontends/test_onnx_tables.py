"""Fixed tables are told from learned tensors by their values, and sizes by how they move."""

import numpy as np
import pytest

from irgen.frontends.fixed import is_fixed
from irgen.frontends.onnx_symbols import Symbol, named
from irgen.frontends.onnx_tables import is_literal

RNG = np.random.default_rng(1)
AT = np.arange(16)[:, None] / 10.0 ** np.linspace(0, 2, 4)

FIXED = {
    "causal mask": np.triu(np.full((6, 6), -np.inf), 1),
    "large negative mask": np.where(np.eye(4) > 0, 0, -1e9),
    "indicators": np.array([1.0, 0, 0, 1, 0]),
    "frequencies": 10000.0 ** -np.linspace(0, 1, 8),
    "slopes": 2.0 ** -np.arange(1, 9),
    "angles": AT,
    "cosines": np.cos(AT),
    "sinusoids": np.concatenate([np.sin(AT), np.cos(AT)], 1),
    "decay": np.tril(0.9 ** (np.arange(7)[:, None] - np.arange(7))),
}
LEARNED = {
    "noise": RNG.normal(size=(16, 8)),
    "scale near one": 1 + 0.1 * RNG.normal(size=48),
    "bias": RNG.normal(size=48) * 0.02,
    "lower rows of noise": np.tril(RNG.normal(size=(6, 5))),
    "bounded noise": RNG.uniform(-1, 1, (9, 4)),
}


@pytest.mark.parametrize("name", FIXED)
def test_a_fixed_table_is_known_by_its_values(name: str):
    assert is_fixed(FIXED[name].astype(np.float32))


@pytest.mark.parametrize("name", LEARNED)
def test_learned_numbers_are_left_alone(name: str):
    assert not is_fixed(LEARNED[name].astype(np.float32))


@pytest.mark.parametrize("number", [1e-5, 0.5, 2.0, 8**-0.5, 8**-0.25, 768**0.5, 0.044715, 1e4])
def test_numbers_of_formulas_are_literals(number: float):
    assert is_literal(np.array([number], np.float32))


@pytest.mark.parametrize("number", [0.0, 1.0, 0.8731, -0.03127])
def test_gates_are_not_literals(number: float):
    assert not is_literal(np.array([number], np.float32))


BATCH, SEQ, TARGET = (
    Symbol([(0, 0)], "batch", sizes=(2, 3)), Symbol([(0, 1)], "seq", sizes=(19, 29)),
    Symbol([(1, 1)], "target", sizes=(23, 37)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        (2, 3, "batch"), (19, 29, "seq"), (38, 58, "2·seq"), (38, 87, "batch·seq"), (152, 348, "4·batch·seq"),
        (36, 46, "seq+17"), (18, 28, "seq−1"), (437, 1073, "seq·target"), (64, 64, None), (5, 8, "⌈seq/4⌉"),
        (8, 12, "4·batch"), (17, 991, "?"), (72, 138, "batch·(seq+17)"),
    ],
)  # fmt: skip
def test_a_size_is_named_by_how_it_moves(a: int, b: int, word: str | None):
    assert named(a, b, [BATCH, SEQ, TARGET]) == word
