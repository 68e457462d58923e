"""Fake tensors made without the dispatcher: what they are, and that views equal those of the mode itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from irgen.frontends.torch_fake import BY_PLACE, Fakes

T = torch.Tensor
VIEWS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (T.view, (6, 20)),
    (T.reshape, (2, 3, 4, 5)),
    (T.reshape, (-1,)),
    (T.permute, (2, 0, 1)),
    (T.transpose, (1, 2)),
    (T.unsqueeze, (1,)),
    (T.squeeze, ()),
    (T.expand, (7, 6, 4, 5)),
    (T.chunk, (2, -1)),
    (T.split, (2, 1)),
    (T.contiguous, ()),
    (T.flatten, (1,)),
    (T.unflatten, (0, (2, 3))),
    (T.__getitem__, ((slice(None), 1),)),
    (T.__getitem__, ((..., slice(1, 3)),)),
]


def geometry(x: torch.Tensor) -> tuple[Any, ...]:
    return tuple(x.shape), x.stride(), x.storage_offset(), x.dtype, x.device


def parts(out: Any) -> list[torch.Tensor]:
    return [out] if isinstance(out, torch.Tensor) else list(out)


def test_every_function_known_by_place_is_tried():
    assert {func.__name__ for func, _ in VIEWS} == BY_PLACE


@pytest.mark.parametrize(("func", "args"), VIEWS, ids=[f"{func.__name__}{args}" for func, args in VIEWS])
@pytest.mark.parametrize("turned", [False, True])
def test_a_view_is_the_one_that_the_mode_makes(func: Callable[..., Any], args: tuple[Any, ...], turned: bool):
    if turned and func is T.view:
        pytest.skip("torch refuses it")
    mode = FakeTensorMode()
    fakes = Fakes(mode)
    with mode:
        base = fakes.empty((6, 4, 5), (1, 30, 6) if turned else (20, 5, 1), torch.float32)
        wanted, made = func(base, *args), fakes.run(func, (base, *args), {})
    for one, other in zip(parts(wanted), parts(made), strict=True):
        assert type(other) is FakeTensor
        assert geometry(one) == geometry(other)
        shares = [x.untyped_storage()._cdata == base.untyped_storage()._cdata for x in (one, other)]
        assert shares[0] == shares[1]


def test_a_view_by_its_place_shares_memory_and_works_in_the_mode():
    mode = FakeTensorMode()
    fakes = Fakes(mode)
    with mode:
        made, other = fakes.empty((4, 6), (6, 1), torch.int64), torch.empty(4, 6, dtype=torch.int64)
        for base in (made, other):
            view = fakes.view(base, (3, 4), (1, 6), 2)
            assert view.untyped_storage()._cdata == base.untyped_storage()._cdata
            assert geometry(view) == ((3, 4), (1, 6), 2, torch.int64, torch.device("cpu"))
            assert geometry(view + view.float()) == geometry(base.as_strided((3, 4), (1, 6), 2) * 1.0)


def test_a_tensor_whose_memory_was_exchanged_is_viewed_where_it_is_now():
    mode = FakeTensorMode()
    fakes = Fakes(mode)
    with mode:
        base, new = fakes.empty((4,), (1,), torch.float32), fakes.empty((4,), (1,), torch.float32)
        base.data = new
        view = fakes.view(base, (2, 2), (2, 1), 0)
    assert view.untyped_storage()._cdata == base.untyped_storage()._cdata
