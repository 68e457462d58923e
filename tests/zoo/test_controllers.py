"""What the papers of Dactyl and DeepLoco state of their policies."""

import torch
from torch import nn

from irgen.zoo import systems
from irgen.zoo.reference.deeploco import PHASES, LowLevel


def test_dactyls_policy_remembers_what_it_has_seen():
    net = systems()["dactyl"].build("twin").module
    one = [torch.randn(1, 6, n) for n in (15, 3, 4)]
    other = [x.clone() for x in one]
    other[0][:, 0] += 1
    before, after = net(*one), net(*other)
    assert not torch.allclose(before[:, 5], after[:, 5])
    other = [x.clone() for x in one]
    other[0][:, 5] += 1
    assert torch.equal(net(*other)[:, :5], before[:, :5])


def test_dactyl_chooses_one_of_eleven_bins_for_each_of_twenty_joints():
    built = systems()["dactyl"].build("full")
    lstm = next(m for m in built.module.modules() if isinstance(m, nn.LSTM))
    assert (lstm.input_size, lstm.hidden_size, lstm.num_layers) == (1024, 512, 1)
    shape = built.module.to("meta")(**{k: v.to("meta") for k, v in built.kwargs.items()}).shape
    assert shape[-2:] == (20, 11)


def test_the_bilinear_phase_transform_uses_one_quarter_of_the_weights_at_a_time():
    net = LowLevel(6, (8, 8), 3)
    first = net.action[0]
    assert first.in_features == PHASES * (6 + 5)
    for quarter in range(PHASES):
        net.zero_grad()
        net(torch.randn(1, 6), torch.randn(1, 5), torch.tensor([(quarter + 0.5) / PHASES])).sum().backward()
        used = first.weight.grad.abs().sum(0).reshape(PHASES, -1).any(1)
        assert used.tolist() == [i == quarter for i in range(PHASES)]


def test_within_a_quarter_of_the_step_the_phase_changes_nothing():
    net = systems()["deeploco"].build("twin")
    at = {**net.kwargs, "phase": torch.full_like(net.kwargs["phase"], 0.30)}
    same = {**at, "phase": torch.full_like(at["phase"], 0.49)}
    other = {**at, "phase": torch.full_like(at["phase"], 0.51)}
    assert torch.equal(net.module(**at), net.module(**same))
    assert not torch.allclose(net.module(**at), net.module(**other))


def test_the_plan_of_the_high_level_controller_is_all_that_reaches_the_low_level_one():
    built = systems()["deeploco"].build("twin")
    net, given = built.module, built.kwargs
    plan = net.high(given["terrain"], given["character"], given["goal"])
    assert plan.shape[-1] == 5
    assert torch.equal(net(**given), net.low(given["body"], plan, given["phase"]))


def test_the_high_level_controller_has_the_layers_of_the_released_network():
    high = systems()["deeploco"].build("full").module.high
    maps = [(m.out_channels, m.kernel_size[0]) for m in high.modules() if isinstance(m, nn.Conv2d)]
    units = [m.out_features for m in high.modules() if isinstance(m, nn.Linear)]
    assert maps == [(16, 5), (32, 4), (32, 3)]
    assert units == [128, 512, 256, 5]
    assert next(m for m in high.plan if isinstance(m, nn.Linear)).in_features == 128 + 107
