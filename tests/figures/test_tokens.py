"""Contrast and colour-blind safety of the colour tokens, by calculation."""

from itertools import combinations

import pytest

from irgen.renderers.tokens import ROLES, STROKES, UI

THEMES = ("light", "dark", "print")
CVD = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Full dichromacy, Machado, Oliveira and Fernandes 2009."""


def linear(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def luminance(colour):
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    m = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    xyz = [
        sum(a * b for a, b in zip(row, rgb, strict=True)) / white
        for row, white in zip(m, (0.95047, 1, 1.08883), strict=True)
    ]
    f = [t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in xyz]
    return (116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2]))


def difference(a, b, kind):
    seen = [
        [min(max(sum(w * c for w, c in zip(row, linear(x), strict=True)), 0), 1) for row in CVD[kind]] for x in (a, b)
    ]
    return sum((p - q) ** 2 for p, q in zip(lab(seen[0]), lab(seen[1]), strict=True)) ** 0.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", ROLES["light"])
def test_text_and_strokes_stand_out(theme, role):
    fill, stroke = ROLES[theme][role]
    ui = UI[theme]
    assert contrast(ui["mute"], fill) >= 5.3
    assert round(contrast(ui["ink"], fill), 1) >= 9.5
    assert contrast(stroke, ui["bg"]) >= 3
    assert contrast(stroke, fill) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", CVD)
def test_roles_are_told_apart_by_every_eye(theme, kind):
    coloured = [role for role in ROLES[theme] if role not in ("io", "op", "norm", "head")]
    for a, b in combinations(coloured, 2):
        one, two = ROLES[theme][a], ROLES[theme][b]
        assert max(difference(x, y, kind) for x, y in zip(one, two, strict=True)) >= 12, (a, b)


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_the_page_and_on_groups_is_readable(theme):
    ui = UI[theme]
    for ground in ("bg", "group"):
        assert contrast(ui["ink"], ui[ground]) >= 7
        assert contrast(ui["mute"], ui[ground]) >= 4.5
    assert contrast(ui["bg"], ui["line"]) >= 4.5


def test_print_has_no_colour_and_tells_roles_apart_by_grey_dash_or_width():
    colours = [c for pair in ROLES["print"].values() for c in pair] + list(UI["print"].values())
    assert all(c[1:3] == c[3:5] == c[5:7] for c in colours)
    drawn = {
        role: (lab([linear(fill)[0]] * 3)[0], STROKES["print"].get(role, ""))
        for role, (fill, _) in ROLES["print"].items()
    }
    for a, b in combinations([r for r in drawn if r not in ("io", "op", "norm")], 2):
        assert abs(drawn[a][0] - drawn[b][0]) >= 3 or drawn[a][1] != drawn[b][1], (a, b)
