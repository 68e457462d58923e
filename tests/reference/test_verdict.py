"""Verdicts on two results: names, shapes, types, what is no number, then the numbers against a float64 run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irgen.reference.bounds import FLOORS, bound
from irgen.reference.compare import errors, ranks
from irgen.reference.runs import Output
from irgen.reference.verdict import judge, worst

RNG = np.random.default_rng(0)
EXACT = RNG.standard_normal((4, 5, 30))


def single(values: np.ndarray) -> Output:
    return Output(values.astype(np.float32), "float32")


def verdict(onnx: np.ndarray, eager: np.ndarray | None = None, exact: np.ndarray = EXACT, precision: str = "float32"):
    own = single(exact if eager is None else eager)
    return judge("logits", single(onnx), own, own, Output(exact, "float64"), precision)


def test_a_result_as_near_to_float64_as_pytorchs_own_agrees():
    noise = 1e-6 * RNG.standard_normal(EXACT.shape)
    found = verdict(EXACT - noise, EXACT + noise)
    assert found.verdict == "agrees"
    assert "PyTorch's own" in found.reason


def test_a_result_much_further_away_differs_and_says_the_bound():
    found = verdict(EXACT + 1e-4 * RNG.standard_normal(EXACT.shape), EXACT + 1e-6)
    assert found.verdict == "differs"
    assert "is more than" in found.reason
    assert "3.5 ×" in found.reason  # three times, and the grace for 600 entries


def test_one_wrong_example_of_many_differs():
    exact = RNG.standard_normal((500, 40))
    onnx = exact.copy()
    onnx[7] += 5e-5 * RNG.standard_normal(40)
    assert verdict(onnx, exact + 1e-7, exact).verdict == "differs"


def test_one_wrong_entry_of_many_differs():
    exact = RNG.standard_normal((4, 10_000))
    onnx = exact.copy()
    onnx[2, 17] += 1e-3
    assert verdict(onnx, exact + 1e-7, exact).verdict == "differs"


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_verdict_does_not_depend_on_the_size_of_the_results(scale: float):
    noise = RNG.standard_normal(EXACT.shape)
    near = judge(*case(scale, EXACT + 2e-7 * noise))
    far = judge(*case(scale, EXACT + 2e-5 * noise))
    assert (near.verdict, far.verdict) == ("agrees", "differs")


def case(scale: float, onnx: np.ndarray):
    eager = single(scale * (EXACT + 1e-7))
    return "y", single(scale * onnx), eager, eager, Output(scale * EXACT, "float64"), "float32"


def test_another_shape_differs_and_says_both():
    found = verdict(EXACT[:, :4])
    assert found.verdict == "differs"
    assert "[4, 4, 30]" in found.reason
    assert "[4, 5, 30]" in found.reason


def test_another_type_differs_but_half_precision_is_a_choice():
    own = single(EXACT)
    double = judge("y", Output(EXACT, "float64"), own, own, Output(EXACT, "float64"), "float32")
    half = judge("y", Output(EXACT.astype(np.float16), "float16"), own, own, Output(EXACT, "float64"), "float16")
    assert double.verdict == "differs"
    assert "float64" in double.reason
    assert half.verdict == "agrees"


def test_whole_numbers_are_equal_or_differ():
    ids = Output(np.arange(12).reshape(3, 4), "int64")
    other = Output(ids.values + (ids.values == 5), "int64")
    assert judge("ids", ids, ids, ids, ids, "float32").verdict == "agrees"
    found = judge("ids", other, ids, ids, ids, "float32")
    assert found.verdict == "differs"
    assert "1 of 12" in found.reason


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_counted_before_anything_is_compared(odd: float):
    onnx = EXACT.copy()
    onnx[0, 0, :3] = odd
    found = verdict(onnx)
    assert found.verdict == "differs"
    assert found.special == {"nan": 3 * int(np.isnan(odd)), "inf": 3 * int(np.isinf(odd))}
    assert verdict(onnx, onnx, exact=onnx).verdict == "agrees"


def test_an_infinity_of_the_other_sign_differs():
    ours, theirs = EXACT.copy(), EXACT.copy()
    ours[0, 0, 0], theirs[0, 0, 0] = np.inf, -np.inf
    assert verdict(ours, theirs, theirs).verdict == "differs"


def test_results_without_a_finite_number_or_all_zero_are_no_evidence():
    nothing = np.full((2, 3), np.nan)
    assert verdict(nothing, nothing, nothing).verdict == "ambiguous"
    assert verdict(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3))).verdict == "ambiguous"


def test_a_run_of_pytorch_far_from_float64_is_no_evidence():
    shaken = EXACT * (1 + 0.1 * RNG.standard_normal(EXACT.shape))
    found = verdict(shaken, shaken)
    assert found.verdict == "ambiguous"
    assert "away from float64" in found.reason


def test_a_flipped_near_tie_is_ambiguous_and_told_with_its_margin():
    exact = EXACT.copy()
    exact[0, 0, :2] = 9.0, 9.0 - 1e-7
    onnx = exact.astype(np.float32).astype(np.float64)
    onnx[0, 0, :2] = 9.0 - 1e-6, 9.0
    found = verdict(onnx, exact + 3e-7, exact)
    assert found.verdict == "ambiguous"
    assert found.ranks is not None
    assert found.ranks.margin == pytest.approx(1e-7)


def test_the_floor_follows_the_precision_of_the_file():
    half = EXACT + 1e-3 * RNG.standard_normal(EXACT.shape)
    assert verdict(half, precision="float32").verdict == "differs"
    assert verdict(half, precision="float16").verdict == "agrees"
    assert FLOORS["float64"] < FLOORS["float32"] < FLOORS["float16"] < FLOORS["bfloat16"]


def test_errors_are_those_of_the_textbook():
    exact = np.array([[3.0, -4.0], [1.0, 2.0]])
    found = errors(exact + np.array([[0.1, 0.0], [0.0, -0.2]]), exact, np.ones((2, 2), bool))
    assert found.rms == pytest.approx(np.sqrt(30 / 4))
    assert found.rmse == pytest.approx(np.sqrt(0.05 / 4))
    assert found.max_abs == pytest.approx(0.2)
    assert found.mean_abs == pytest.approx(0.075)
    assert found.max_rel == pytest.approx(0.1)
    assert found.worst == pytest.approx(np.sqrt(0.04 / 2))
    assert found.cosine == pytest.approx(0.9991, abs=1e-3)


def test_ranks_count_rows_whose_largest_entries_agree():
    exact = np.array([[1.0, 2.0, 3.0, 0.0], [4.0, 1.0, 2.0, 0.0]])
    ours = np.array([[1.0, 3.5, 3.0, 0.0], [4.0, 1.0, 2.0, 0.0]])
    found = ranks(ours, exact)
    assert found is not None
    assert (found.top1, found.rows, found.k, found.margin) == (0.5, 2, 3, 1.0)
    assert ranks(exact[0], exact[0]) is None


@given(st.floats(1e-12, 1e12), st.floats(0, 1))
def test_a_bound_is_never_below_pytorchs_own_error(size: float, part: float):
    own = errors(np.array([size * (1 + part)]), np.array([size]), np.array([True]))
    allowed = bound(own, size, "float32", 1)
    assert allowed.rmse >= own.rmse
    assert allowed.peak >= own.max_abs
    assert allowed.exceeded(own) is None


def test_the_worst_of_several_verdicts_counts():
    assert worst(["agrees", "ambiguous", "differs"]) == "differs"
    assert worst(["agrees", "ambiguous"]) == "ambiguous"
    assert worst([]) == "agrees"


def test_few_entries_are_granted_more_than_many():
    exact = RNG.standard_normal((2, 2))
    lucky = exact * (1 + 1e-8)
    assert verdict(exact * (1 + 2e-6), lucky, exact).verdict == "agrees"
    exact = RNG.standard_normal((50, 200))
    lucky = exact * (1 + 1e-8)
    assert verdict(exact * (1 + 2e-6), lucky, exact).verdict == "differs"
