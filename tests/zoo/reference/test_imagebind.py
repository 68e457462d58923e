"""ImageBind against the released imagebind_huge: six towers, sizes, one space of unit vectors."""

import pytest
import torch

from irgen.zoo import systems

#: Width, heads, layers, and tokens of each encoder: patches, windows or words, and the class token.
PUBLISHED = {
    "image": (1280, 16, 32, 257),
    "text": (1024, 16, 24, 77),
    "sound": (768, 12, 12, 12 * 19 + 1),
    "depth": (384, 8, 12, 197),
    "heat": (768, 12, 12, 197),
    "motion": (512, 8, 6, 251),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_encoder_has_the_published_sizes(name: str):
    module = systems()["imagebind"].build("full").module
    width, heads, layers, tokens = PUBLISHED[name]
    encoder = module.encoders[name]
    assert (encoder.norm.normalized_shape[0], encoder.layers[0].attention.heads, len(encoder.layers)) == (
        width,
        heads,
        layers,
    )
    embedding = module.words if name == "text" else getattr(module, name)
    assert embedding.positions.shape[1:] == (tokens, width)
    assert encoder.project.weight.shape == (1024, width)
    slots = getattr(encoder.layers[0].attention, "key_slots", None)
    assert (slots is None) == (name in {"image", "text"}), "the encoders of images and text have no bias of the keys"


def test_the_whole_has_1200_million_parameters():
    module = systems()["imagebind"].build("full").module
    assert round(sum(p.numel() for p in module.parameters()) / 1e9, 2) == 1.20


def test_all_six_end_as_vectors_of_one_space():
    twin = systems()["imagebind"].build("twin")
    with torch.no_grad():
        out = twin.module(**twin.kwargs)
    assert set(out) == set(PUBLISHED)
    for vector in out.values():
        assert vector.shape == (2, 28)
        assert torch.allclose(vector.norm(dim=-1), torch.ones(2), atol=1e-5)


def test_a_text_is_read_at_its_last_word():
    twin = systems()["imagebind"].build("twin")
    given = twin.kwargs | {"input_ids": twin.kwargs["input_ids"].clone()}
    given["input_ids"][:, -1] = (given["input_ids"][:, -1] + 1) % 50  # behind the end of the text
    with torch.no_grad():
        assert torch.equal(twin.module(**given)["text"], twin.module(**twin.kwargs)["text"])


def test_no_encoder_reads_what_another_is_given():
    twin = systems()["imagebind"].build("twin")
    keys = dict(zip(PUBLISHED, ("pixels", "input_ids", "spectrogram", "depth", "heat", "motion"), strict=True))
    with torch.no_grad():
        plain = twin.module(**twin.kwargs)
        for name, key in keys.items():
            given = twin.kwargs | {key: twin.kwargs[key].flip(1 if key == "input_ids" else -1)}
            out = twin.module(**given)
            assert [n for n in PUBLISHED if not torch.equal(out[n], plain[n])] == [name]
