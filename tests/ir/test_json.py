"""The JSON form: lossless, the same bytes each time, and hard on what is not it."""

import base64
import contextlib
import json as plain_json
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irgen.errors import GraphError
from irgen.ir import json
from irgen.ir.architecture import Architecture, Block, Embedding, Evidence, Head, Link, Part, Port, Region, Stack
from irgen.ir.graph import Graph
from irgen.ir.text import parse
from irgen.ir.verify import verify
from tests.support.graphs import graphs, same

GRAPH = parse("""
    x = input : float32[batch=2, 4]
    w = param : float32[4, 4]
    y = linear(x, w) {layout=oi} : float32[2, 4]
    f = full {value=-inf} : float32[4]
    z = add(y, f) : float32[2, 4]
    b = const [1, 2, 3] : float32[3]
    return z as "out"
""")
REGIONS = [
    Region("r0", "mlp", ("y", "z"), {"in": "x"}, {"hidden": 4, "odd": [1, 2.5, None, {"a": "b"}]},
           [Evidence("mlp", "values agree", ("y",))], [("attention", "no softmax")], [Region("r1", "linear", ("y",))])
]  # fmt: skip
ARCHITECTURE = Architecture(
    "decoder", 16, None, 0, [Port("x", "float32", ("batch", 4))], [Port("out", "float32", (2, 4))],
    [Embedding("token", 7, 4)],
    [Stack("decoder", "decoder", 4, [Block([0, 1], "pre-norm", "rms", [Part("mlp", {"hidden": 4}, "r0")])])],
    [Link("encoder", "decoder", "cross-attention")], Head("lm", 7, True), {"fft": 1}, ["odd"],
)  # fmt: skip


@given(graphs())
def test_reading_what_was_written_gives_the_same_graph(graph: Graph) -> None:
    text = json.dumps(graph)
    found = json.loads(text)
    assert same(found, graph)
    assert json.dumps(found) == text


def test_regions_and_architecture_come_back() -> None:
    found = json.loads_labelled(json.dumps(GRAPH, REGIONS, ARCHITECTURE))
    assert found.regions == REGIONS
    assert found.architecture == ARCHITECTURE


def test_numpy_scalars_in_facts_become_numbers() -> None:
    region = Region("r", "mlp", ("y",), facts={"hidden": np.int64(3), "flag": np.bool_(True)})
    assert json.loads_labelled(json.dumps(GRAPH, [region])).regions[0].facts == {"hidden": 3, "flag": True}


def test_is_standard_json_with_its_schema_first() -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = json.dumps(GRAPH, REGIONS)
    assert text.startswith('{"schema": "irgen.ir/1"')
    assert plain_json.loads(text, parse_constant=refuse)["graph"]["outputs"] == ["z"]


def broken(change: Any) -> str:
    whole = plain_json.loads(json.dumps(GRAPH, REGIONS, ARCHITECTURE))
    change(whole)
    return plain_json.dumps(whole)


def node(whole: Any, name: str) -> Any:
    return next(entry for entry in whole["graph"]["nodes"] if entry["id"] == name)


def constant(whole: Any) -> Any:
    return next(iter(whole["constants"].values()))


@pytest.mark.parametrize(("change", "what"), [
    (lambda w: w.update(schema="irgen.ir/9"), "the schema is 'irgen.ir/9'"),
    (lambda w: w.pop("graph"), "expected an object"),
    (lambda w: w["graph"].pop("nodes"), "'nodes' is missing"),
    (lambda w: w["graph"].update(nodes={}), "expected a list"),
    (lambda w: node(w, "y").update(op="liner"), "which is no operator"),
    (lambda w: node(w, "y").update(inputs=["z", "w"]), "before it is made"),
    (lambda w: node(w, "y").update(inputs=["q", "w"]), "which does not exist"),
    (lambda w: node(w, "y").update(inputs=[1, 2]), "expected str"),
    (lambda w: node(w, "y").update(inputs=["x"]), "has 1 inputs"),
    (lambda w: node(w, "y").update(attrs={}), "lacks the attribute 'layout'"),
    (lambda w: node(w, "y").update(attrs={"layout": {"a": 1}}), "cannot be an object"),
    (lambda w: node(w, "y").update(attrs={"layout": "xx"}), "not one of oi, io"),
    (lambda w: node(w, "y")["type"].update(shape=[2, 5]), "its type says"),
    (lambda w: node(w, "w")["type"].update(shape=[4]), "a weight of rank 1"),
    (lambda w: node(w, "y").update(type=None), "expected an object"),
    (lambda w: node(w, "y")["type"].update(shape=[-5, 2]), "below -1"),
    (lambda w: node(w, "y")["type"].update(shape=[True, 2]), "expected int"),
    (lambda w: node(w, "y")["type"].update(symbols=["a"]), "1 symbols for 2 sizes"),
    (lambda w: node(w, "y")["type"].update(dtype="float7"), "unknown element type 'float7'"),
    (lambda w: w["graph"]["nodes"].append(node(w, "y")), "stands twice"),
    (lambda w: w["graph"].update(outputs=["nope"]), "the output 'nope' does not exist"),
    (lambda w: constant(w).update(shape=[4]), "has 12 bytes, not 16"),
    (lambda w: constant(w).update(shape=[10**9, 10**9]), "is larger than"),
    (lambda w: constant(w).update(shape=[-1]), "cannot have the shape"),
    (lambda w: constant(w).update(dtype="object"), "unknown element type"),
    (lambda w: constant(w).update(data="???"), "cannot be read"),
    (lambda w: constant(w).update(data="AAAA"), "cannot be read"),
    (lambda w: w["constants"].clear(), "there is no constant"),
    (lambda w: w["regions"][0].pop("label"), "Region lacks 'label'"),
    (lambda w: w["regions"][0].update(colour="red"), "Region has no 'colour'"),
    (lambda w: w["architecture"].update(total="many"), "expected int"),
    (lambda w: w["architecture"]["stacks"][0].update(blocks=3), "expected a list"),
])  # fmt: skip
def test_says_what_is_wrong_and_how_to_mend_it(change: Any, what: str) -> None:
    with pytest.raises(GraphError, match=what) as caught:
        json.loads(broken(change))
    assert caught.value.fix


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "3", "{", '{"schema": NaN}', "[" * 100_000, '{"a":' * 100_000, "\x00"]
)
def test_what_is_no_graph_is_refused(text: str) -> None:
    with pytest.raises(GraphError):
        json.loads(text)


def test_compressed_data_cannot_fill_the_memory() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(100_000_000), 9)).decode()
    text = broken(lambda w: constant(w).update(data=bomb))
    tracemalloc.start()
    with pytest.raises(GraphError, match="more than 12 bytes"):
        json.loads(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20_000_000


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4), st.lists(st.integers(-2, 4), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as a container and a key."""
    if isinstance(value, list | dict):
        keys = list(value if isinstance(value, dict) else range(len(value)))
        return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]
    return []


@given(graphs(), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(graph: Graph, data: st.DataObject) -> None:
    whole = plain_json.loads(json.dumps(graph, REGIONS, ARCHITECTURE))
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(whole)
        if found:
            container, key = found[data.draw(st.integers(0, len(found) - 1))]
            container[key] = data.draw(JUNK)
    with contextlib.suppress(GraphError):
        assert verify(json.loads(plain_json.dumps(whole))) == []
