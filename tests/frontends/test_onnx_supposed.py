"""Sizes that depend on an input's values are supposed for floating inputs, and for nothing that routes."""

from irgen.frontends.onnx_supposed import supposed
from irgen.ir.text import parse


def test_images_without_padding_are_all_real():
    graph = parse("""
        x = input : float32[2, 3, 4]
        z = eq(x, 0.0)
        n = reduce_all(z) {axes=(1, 2), keepdims=false}
        r = not(n)
        return r
    """)
    value = supposed(graph, graph.outputs[0])
    assert value is not None
    assert value.tolist() == [True, True]


def test_what_ids_or_learned_tensors_decide_is_not_supposed():
    ids = parse("""
        x = input : int64[2, 3]
        z = eq(x, 7)
        return z
    """)
    assert supposed(ids, ids.outputs[0]) is None
    routed = parse("""
        x = input : float32[2, 3]
        w = param : float32[4, 3]
        s = linear(x, w) {layout=oi}
        z = gt(s, 0.0)
        return z
    """)
    assert supposed(routed, routed.outputs[0]) is None
