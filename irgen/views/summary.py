"""The words around a figure: facts strip, subtitle and description, from the architecture alone."""

from __future__ import annotations

from collections.abc import Mapping

from irgen.ir.architecture import Architecture, Part, Stack
from irgen.scene import literal
from irgen.views.captions import GATED, brief
from irgen.views.numbers import arrow, dots, integers, parameters, times, whole
from irgen.views.sources import index_of
from irgen.views.towers import name, split
from irgen.views.words import Words

FAMILIES = {
    "decoder-only": "Decoder-only transformer",
    "encoder-only": "Encoder-only transformer",
    "encoder-decoder": "Encoder–decoder transformer",
    "convolutional": "Convolutional network",
    "recurrent": "Recurrent network",
    "embedding": "Embedding model",
}


def parts(stack: Stack, *kinds: str) -> list[Part]:
    """The sublayers of a stack that are of these kinds."""
    return [part for block in stack.blocks for part in block.sublayers if part.kind in kinds]


def every(found: Architecture, *kinds: str) -> list[Part]:
    """The sublayers of all stacks that are of these kinds."""
    return [part for stack in found.stacks for part in parts(stack, *kinds)]


def main_stacks(found: Architecture) -> list[Stack]:
    """The stacks that carry the model: without one-layer pieces where there are longer ones."""
    longer = [stack for stack in found.stacks if stack.layers > 1]
    return longer or found.stacks


def _same(values: list[object]) -> object:
    return values[0] if values and all(value == values[0] for value in values) else None


def _heads(found: Architecture) -> str:
    parts = every(found, "self-attention") or every(found, "cross-attention")
    if not parts:
        return ""
    stages = [stack for stack in found.stacks if stack.role == "stage"]
    if len(stages) > 1:
        counts = [_same([p.facts.get("heads") for p in _attn(stack)]) for stack in stages]
        counts = [count for count in counts if count]
        if len(set(map(str, counts))) == 1:
            return whole(counts[0])
        return dots(counts) if 0 < len(counts) <= 5 else ""
    first = parts[0].facts
    if _same([part.facts.get("heads") for part in parts]) is None:
        return ""
    heads, shared, dim = first.get("heads"), first.get("kv_heads"), first.get("head_dim")
    if not heads:
        return ""
    if shared and shared != heads:
        return f"{whole(heads)} · {whole(shared)} KV"
    return f"{whole(heads)} · d={dim}" if dim else whole(heads)


def _attn(stack: Stack) -> list[Part]:
    return parts(stack, "self-attention")


def _hidden(found: Architecture) -> str:
    parts = every(found, "feed-forward")
    hidden = _same([part.facts.get("hidden") for part in parts])
    if not hidden:
        return ""
    facts = parts[0].facts
    name = str(facts.get("activation"))
    act = GATED.get(name, brief(name)) if facts.get("gated") else brief(facts.get("activation"))
    return f"{whole(hidden)} · {act}" if act else whole(hidden)


def _layers(found: Architecture, words: Words) -> tuple[str, str]:
    stacks = main_stacks(found)
    if len(stacks) > 1 and all(stack.role == "stage" for stack in stacks):
        return words("Stages"), dots([stack.layers for stack in stacks]) if len(stacks) <= 6 else str(len(stacks))
    if len(stacks) > 4:
        return words("Layers"), whole(sum(stack.layers for stack in stacks))
    return words("Layers"), " + ".join(whole(stack.layers) for stack in stacks)


def _width(found: Architecture, words: Words) -> tuple[str, str]:
    stacks = main_stacks(found)
    widths = [stack.width for stack in stacks]
    if len(set(widths)) == 1:
        return words("Channels") if found.family == "convolutional" else "d_{model}", whole(widths[0])
    if all(stack.role == "stage" for stack in stacks):
        return words("Channels"), arrow(widths[0], widths[-1])
    return "d_{model}", dots(list(dict.fromkeys(widths))[:4])


def facts_strip(found: Architecture, words: Words) -> list[tuple[str, str]]:
    """At most six facts with their labels; one that the graph does not show is left out."""
    rows: list[tuple[str, str]] = []

    def add(label: str, value: str | None) -> None:
        if value and len(rows) < 6:
            rows.append((label, value))

    if found.total:
        add(words("Parameters"), parameters(found.total, words.lang))
    if found.active and found.active != found.total:
        add(words("Active / token"), parameters(found.active, words.lang))
    towers = _towers(found, words)
    for label, value in towers:
        add(label, value)
    if found.stacks and not towers:
        add(*_layers(found, words))
        add(*_width(found, words))
    scans = every(found, "selective-scan", "linear-recurrence")
    if scans and not every(found, "self-attention"):
        inner, state = scans[0].facts.get("inner"), scans[0].facts.get("state")
        add("d_{inner}", whole(inner) if inner else None)
        add(words("State N"), whole(state) if state else None)
    add(words("Heads"), _heads(found))
    windows = [p.facts.get("window") for p in every(found, "self-attention") if p.facts.get("window")]
    window = _same(list(windows))
    if window:
        add(words("Window"), times(*integers(window)))
    vocabulary = next((e.size for e in found.embeddings if e.kind == "token" and e.size), None)
    positions = next((e.size for e in found.embeddings if e.kind == "learned-position" and e.size), None)
    kept = bool(vocabulary)
    if len(rows) + kept < 6 and positions and vocabulary and found.family == "decoder-only":
        add(words("Context"), whole(positions))
    if len(rows) + kept < 6:
        add("d_{ff}", _hidden(found))
    if len(rows) + kept < 6 and positions and vocabulary and found.family != "decoder-only":
        add(words("Context"), whole(positions))
    if len(rows) + kept < 6 and found.head.kind == "classification":
        add(words("Classes"), whole(found.head.width) if found.head.width else None)
    add(words("Vocabulary"), whole(vocabulary) if vocabulary else None)
    if not found.stacks and found.embeddings:
        add("d", whole(found.embeddings[0].width))
    if found.objective and found.objective.facts.get("negatives"):
        add(words("Negatives"), whole(found.objective.facts["negatives"]))
    add(words("Image"), _image(found))
    return rows


def _image(found: Architecture) -> str:
    """Size of the picture that was traced."""
    for port in found.inputs:
        if len(port.shape) == 4 and all(isinstance(size, int) for size in port.shape[1:]):
            return times(*port.shape[-2:])
    return ""


def _towers(found: Architecture, words: Words) -> list[tuple[str, str]]:
    """Layers and width of each tower, where there are several that differ in width."""
    towers = split(found)
    stacks = [found.stacks[max(t.stacks, key=lambda n: found.stacks[n].layers)] for t in towers]
    if not 2 <= len(towers) <= 4 or len({stack.width for stack in stacks}) < 2:
        return []
    name(found, towers, words)
    layers = [sum(found.stacks[n].layers for n in tower.stacks) for tower in towers]
    return [(t.label, times(n, stack.width)) for t, n, stack in zip(towers, layers, stacks, strict=True)]


def _common(found: Architecture) -> set[str]:
    """The kinds of positions that every tower with self-attention has."""
    towers = [[found.stacks[n] for n in tower.stacks] for tower in split(found)]
    kinds: list[set[str]] = []
    for stacks in towers:
        attention = [part for stack in stacks for part in parts(stack, "self-attention")]
        numbers = [i for s in stacks for read in s.reads if (i := index_of(read, "embedding")) is not None]
        read = {found.embeddings[i].kind for i in numbers if i < len(found.embeddings)}
        if attention:
            kinds.append({str(part.facts.get("position")) for part in attention} | read)
    return {kind for one in kinds for kind in one if all(kind in other for other in kinds)}


def _positions(found: Architecture) -> str:
    inside = {str(part.facts.get("position")) for part in every(found, "self-attention")}
    kinds = {embedding.kind for embedding in found.embeddings}
    if len(split(found)) > 1:
        inside = kinds = _common(found)
    for there, phrase in (
        ("rope" in inside, "rotary positions"),
        ("relative-bias" in inside, "relative position bias"),
        ("alibi" in inside, "ALiBi positions"),
        ("learned-position" in kinds, "learned positions"),
        ("sinusoidal-position" in kinds, "sinusoidal positions"),
    ):
        if there:
            return phrase
    return ""


def family(found: Architecture, words: Words) -> str:
    """The kind of model in a phrase."""
    attention, scans = every(found, "self-attention"), every(found, "selective-scan", "linear-recurrence")
    if found.family == "decoder-only" and scans:
        return words("Hybrid decoder" if attention else "Selective state-space model")
    if found.family == "decoder-only" and every(found, "moe"):
        return words("Sparse mixture-of-experts decoder")
    if attention and len([s for s in found.stacks if s.role == "stage"]) > 1:
        return words("Hierarchical vision transformer")
    if found.family == "encoder-decoder" and every(found, "rnn"):
        return words("Recurrent encoder–decoder")
    if found.family == "composite":
        return words("{n} towers", n=len(split(found)))
    return words(FAMILIES.get(found.family, "Neural network"))


def subtitle_of(found: Architecture, words: Words) -> str:
    """One line that says what sets the model apart."""
    said = [family(found, words)]
    forms = {part.form or block.residual for s in found.stacks for block in s.blocks for part in block.sublayers}
    named = {
        "pre-norm": "pre-norm",
        "post-norm": "post-norm",
        "sandwich": "sandwich norm",
        "parallel": "parallel branches",
    }
    forms.discard("none")
    if len(forms) == 1 and (form := next(iter(forms))) in named:
        said.append(words(named[str(form)]))
    if position := _positions(found):
        said.append(words(position))
    elif every(found, "selective-scan") and not every(found, "self-attention"):
        said.append(words("attention-free"))
    if found.auxiliary:
        reads = ", ".join(dict.fromkeys(literal(head.reads or "", 20) for head in found.auxiliary))
        said.append(words("{n} auxiliary heads on {stack}", n=len(found.auxiliary), stack=reads))
    moe = every(found, "moe")
    if moe and moe[0].facts.get("experts") and moe[0].facts.get("top_k"):
        facts = moe[0].facts
        said.append(words("top-{k} of {n} experts per token", k=facts["top_k"], n=facts["experts"]))
    return " · ".join(said)


def describe(found: Architecture, title: str, words: Words) -> str:
    """One to three sentences for those who do not see the figure."""
    sentences = [f"{literal(title, 120)}: {subtitle_of(found, words)}."]
    for stack in found.stacks[:4]:
        kinds = list(dict.fromkeys(part.kind for block in stack.blocks for part in block.sublayers))
        of = f": {', '.join(kinds[:5])}" if kinds else ""
        sentences.append(f"{literal(stack.name, 40)}: {stack.layers} × {stack.width}{of}.")
    return " ".join(sentences)


def legend_names(found: Architecture) -> dict[str, str]:
    """Names of legend entries that depend on what is drawn."""
    kinds = {part.kind for stack in found.stacks for block in stack.blocks for part in block.sublayers}
    names: dict[str, str] = {}
    if "selective-scan" in kinds:
        names["ssm"] = "State-space scan"
    elif "linear-recurrence" in kinds:
        names["ssm"] = "Gated recurrence"
    elif "rnn" in kinds:
        names["ssm"] = "Recurrent"
    sinks = any(part.facts.get("sinks") for part in every(found, "self-attention"))
    if sinks or any(embedding.kind == "latents" for embedding in found.embeddings):
        names["embed"] = "Embedding / parameter"
    if found.family == "convolutional":
        names["norm"] = "Activation / pooling"
    return names


def unrecognised(ops: Mapping[str, int], words: Words) -> str:
    """`Unrecognised operators: roll 2, scatter 3`."""
    counts = sorted(ops.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{literal(op, 24)} {count}" for op, count in counts[:12])
    return f"{words('Unrecognised operators')}: {said}" + (", …" if len(counts) > 12 else "")
