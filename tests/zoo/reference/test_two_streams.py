"""UNITER and ViLBERT against their papers: one stream over both modalities, and two that read one another."""

import torch

from irgen.zoo import systems


def built(name: str, size: str):
    return systems()[name].build(size)


def count(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_uniter_base_has_the_86_million_that_the_paper_counts():
    module = built("uniter", "full").module
    assert round(count(module.layers, module.pooler) / 1e6) == 86
    assert (len(module.layers), module.layers[0].attention.heads, module.pooler.in_features) == (12, 12, 768)


def test_uniter_predicts_words_regions_and_whether_they_match():
    twin = built("uniter", "twin")
    with torch.no_grad():
        out = twin.module(**twin.kwargs)
    shapes = {name: tuple(x.shape) for name, x in out.items()}
    assert shapes == {"words": (2, 19, 101), "features": (2, 11, 30), "classes": (2, 11, 17), "match": (2, 2)}


def test_every_word_of_uniter_sees_every_region_and_the_other_way_round():
    twin = built("uniter", "twin")
    for key, read in (("region_features", "words"), ("input_ids", "classes")):
        assert (gap(twin, key, read) > 0).all()


def gap(twin, key: str, read: str, place: int = 3) -> torch.Tensor:
    """By how much each place of an output changes when one place of an input does."""
    given = twin.kwargs | {key: twin.kwargs[key].clone()}
    given[key][:, place] = given[key][:, place] + 1
    with torch.no_grad():
        one, other = twin.module(**twin.kwargs)[read], twin.module(**given)[read]
    return (one - other).abs().amax((0, 2))


def test_vilbert_has_the_layers_and_sizes_of_the_released_model():
    module = built("vilbert", "full").module
    assert len(module.ahead) + len(module.text_layers) == 12
    assert len(module.image_layers) == len(module.text_reads) == len(module.image_reads) == 6
    own, read = module.image_layers[0].attention, module.image_reads[0].attention
    assert (own.heads, own.head_width, own.query.in_features) == (8, 128, 1024)
    assert (read.heads, read.query.in_features, read.key.in_features) == (8, 1024, 768)
    assert round(count(module) / 1e9, 2) == 0.24  # 12-in-1 (Lu et al. 2020) counts 3 billion for twelve of them


def test_co_attention_reads_the_other_stream_and_nothing_of_its_own():
    torch.manual_seed(0)
    half = built("vilbert", "twin").module.image_reads[0]
    x, memory = torch.randn(1, 6, 60), torch.randn(1, 9, 48)
    with torch.no_grad():
        plain = half(x, memory)
        other_place = half(x + torch.eye(6)[2][None, :, None], memory)
        other_memory = half(x, memory + torch.eye(9)[4][None, :, None] * torch.randn(48))
    changed = (plain - other_place).abs().amax((0, 2)) > 0
    assert changed.tolist() == [i == 2 for i in range(6)], "a place of its own stream touches no other place"
    assert ((plain - other_memory).abs().amax((0, 2)) > 0).all(), "a word of the other stream touches all places"


def test_each_stream_of_vilbert_depends_on_the_other():
    twin = built("vilbert", "twin")
    assert (gap(twin, "region_features", "words") > 0).all()
    assert (gap(twin, "input_ids", "classes") > 0).all()
