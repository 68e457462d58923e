"""The engine of the passes: rewriting, order, symbols."""

from irgen.ir.text import parse, render
from irgen.passes import normalise, ordered
from irgen.passes.engine import Builder, sweep
from tests.passes.graphs import canonical


def test_every_pass_stands_behind_those_it_names():
    place = {name: i for i, (name, _) in enumerate(ordered())}
    for name, entry in ordered():
        assert all(place[other] < place[name] for other in entry.after)


def test_a_graph_in_canonical_form_comes_back_itself():
    graph = parse("x = input : float32[2]\ny = exp(x)\n")
    assert normalise(graph) is graph


def test_dead_nodes_change_nothing():
    text = "x = input : float32[2]\ny = exp(x)\n"
    dead = text + "z = log(x)\nreturn y\n"
    assert render(canonical(dead)) == render(canonical(text))


def test_bodies_are_brought_to_the_same_form():
    graph = normalise(
        parse("""
        x = input : float32[2, 4]
        s = scan(x) {states=0, scanned=1, axes=(0,)} : (float32[2, 4]) {
          h = input : float32[4]
          g = sigmoid(h) : float32[4]
          o = mul(h, g) : float32[4]
          return o
        }
        y = pick(s) {index=0} : float32[2, 4]
    """)
    )
    body = next(node.body for node in graph if node.body is not None)
    assert [node.op for node in body] == ["input", "silu"]


def test_new_nodes_know_where_they_come_from():
    graph = parse('x = input : float32[2]\ny = div(x, 2.0)\nfrom y {module="block.norm"}\n')
    done = normalise(graph)
    assert {done.provenance[name].module for name in done.nodes if name in done.provenance} == {"block.norm"}


def test_counts_of_uses_are_never_too_low():
    graph = parse("x = input : float32[2]\na = mul(x, 1.0)\nb = exp(a)\nc = log(a)\ny = add(b, c)\n")
    seen: list[int] = []

    def rule(node, b: Builder):
        return seen.append(b.uses["x"])

    sweep(graph, {"mul": (lambda node, b: node.inputs[0],), "add": (rule,)})
    assert seen[0] >= 2
