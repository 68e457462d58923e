"""Convolutions, and what is a linear in disguise."""

from tests.passes.graphs import canonical, operators, result

CONV = "stride=(1,), dilation=(1,), groups=1"


def test_zeros_in_front_are_the_padding():
    graph = canonical("""
        x = input : float32[2, 3, 8]
        p = pad(x) {pads=((0, 0), (0, 0), (2, 0)), mode=constant, value=0.0}
        w = param : float32[4, 3, 3]
        y = conv(p, w) {stride=(1,), dilation=(1,), groups=1, pads=((0, 1),)}
    """)
    assert operators(graph) == ["conv"]
    assert result(graph).attrs["pads"] == ((2, 1),)


def test_other_padding_stays_in_front():
    for pads, mode in (("((0, 0), (0, 0), (2, 0))", "reflect"), ("((0, 0), (1, 0), (0, 0))", "constant")):
        channels = 4 if mode == "constant" else 3
        graph = canonical(f"""
            x = input : float32[2, 3, 8]
            p = pad(x) {{pads={pads}, mode={mode}, value=0.0}}
            w = param : float32[4, {channels}, 3]
            y = conv(p, w) {{{CONV}, pads=((0, 0),)}}
        """)
        assert operators(graph) == ["conv", "pad"]


def test_width_one_over_a_sequence_is_linear():
    graph = canonical(f"""
        x = input : float32[2, 3, 8]
        w = param : float32[4, 3, 1]
        b = param : float32[4]
        y = conv(x, w, b) {{{CONV}, pads=((0, 0),)}}
    """)
    assert operators(graph) == ["linear"]


def test_width_one_over_an_image_stays_a_convolution():
    graph = canonical("""
        x = input : float32[2, 3, 8, 8]
        w = param : float32[4, 3, 1, 1]
        y = conv(x, w) {stride=(1, 1), dilation=(1, 1), groups=1, pads=((0, 0), (0, 0))}
    """)
    assert operators(graph) == ["conv"]
