"""Facts records and evidence as text for people: summaries, comparison tables, explanations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from irgen.zoo import PARTS
from irgen.zoo import Model as System

if TYPE_CHECKING:
    from irgen.reference.export import Exported

Record = dict[str, Any]

CAUSAL = ("causal", "sliding-window")
NOTHING = "–"


def amount(n: int | None) -> str:
    """A count as people write it, with three or four digits: `124.4 M`, `46.7 B`, `2.77 B`."""
    if n is None:
        return NOTHING
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.{1 if n / size >= 10 else 2}f} {unit}"
    return str(n)


def spans(places: Sequence[int]) -> str:
    """Layer indices in brief: `0–3, 5`; regular steps as `0, 2, … 22`."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    steps = {b - a for a, b in pairwise(places)}
    if len(steps) == 1 and steps != {1} and len(places) > 3:
        return f"{places[0]}, {places[1]}, … {places[-1]}"
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def heads(part: Record) -> str:
    """`12 × 64`, or `32/8 × 128` where keys and values have fewer heads."""
    q, kv, width = part.get("heads"), part.get("kv_heads"), part.get("head_dim")
    return f"{q}{f'/{kv}' if kv not in (None, q) else ''} × {width}"


def words(part: Record) -> str:
    """What a sublayer is, in a line."""
    kind = part["kind"]
    if kind in ("self-attention", "cross-attention"):
        return ", ".join(_attention(part))
    if kind == "feed-forward":
        return _expert(part)
    if kind == "moe":
        shared = f" + {part['shared_experts']} shared" if part.get("shared_experts") else ""
        return (
            f"{part.get('experts')} experts{shared}, top {part.get('top_k')} by {part.get('scoring')}, {_expert(part)}"
        )
    if kind == "unknown":
        counts: dict[str, int] = part.get("ops") or {}
        return ", ".join(f"{count} {op}" for op, count in counts.items())
    said = ((key.replace("_", " "), value) for key, value in part.items() if key != "kind")
    return ", ".join(
        key if value is True else f"{key} {_value(value)}"
        for key, value in said
        if value is not None and value is not False
    )


def _expert(part: Record) -> str:
    return f"{part.get('hidden')} {part.get('activation')}" + (", gated" if part.get("gated") else "")


def _attention(part: Record) -> list[str]:
    mask = part.get("mask") or "mask unknown"
    said = [f"heads {heads(part)}", f"{mask} {part['window']}" if part.get("window") else mask]
    if part.get("axis") not in (None, "sequence"):
        said.append(f"over {part['axis']}")
    if part.get("position") not in (None, "none"):
        said.append(str(part["position"]))
    if part.get("memory"):
        levels = part.get("memory_layers")
        said.append(f"memory from {part['memory']}" + (f", layers {spans(levels)}" if levels else ""))
    if slots := part.get("memory_slots"):
        said.append(f"{slots} memory slot{'s' if slots > 1 else ''}")
    if part.get("variant") not in (None, "mha"):
        said.append(str(part["variant"]))
    return said + [word for key, word in FLAGS.items() if part.get(key)]


FLAGS = {"bias": "bias", "qk_norm": "q/k norm", "sinks": "sinks", "gated": "gated"}


def _value(value: Any) -> str:
    return "×".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)


def summary(record: Record) -> str:
    """A facts record as a page of text."""
    counts = record["parameters"]
    active = f", {amount(counts['active'])} active" if counts["active"] not in (None, counts["total"]) else ""
    lines = [
        f"{record['source']}: {record['family']}, {amount(counts['total'])} parameters{active} ({counts['total']:,})",
        f"traced by {record['frontend']}",
        "",
    ]
    lines += _rows("inputs", (_port(port) for port in record["inputs"]))
    lines += _rows("outputs", (_port(port) for port in record["outputs"]))
    lines += _rows("embeddings", (f"{e['kind']} {_size(e)}" for e in record["embeddings"]))
    for stack in record["stacks"]:
        lines += _rows(stack["name"], _stack(stack))
    lines += _rows("links", (f"{link['from']} → {link['to']}: {link['kind']}" for link in record["links"]))
    head = record["head"]
    tied = ", tied to the token embedding" if head["tied"] else ""
    width = f" {head['width']}" if head["width"] else ""
    lines += _rows("head", [f"{head['kind']}{width}{tied}"])
    return "\n".join(lines) + "\n"


def _port(port: Record) -> str:
    return f"{port['name']}: {port['dtype']}[{', '.join(map(str, port['shape']))}]"


def _size(embedding: Record) -> str:
    return " × ".join(str(embedding[key]) for key in ("size", "width") if embedding[key] is not None)


def _rows(title: str, lines: Iterable[str]) -> list[str]:
    """Lines under a title in the margin."""
    found = list(lines)
    if len(title) > 12:
        found, title = [title, *found], ""
    return [f"{title if i == 0 else '':<13}{line}" for i, line in enumerate(found)]


def _stack(stack: Record) -> list[str]:
    lines = [f"{stack['role']}, {_plural(stack['layers'], 'layer')}, width {stack['width']}"]
    for block in stack["blocks"]:
        lines.append(" ".join(_block(block, stack["layers"])))
        lines += [f"    {part['kind']}: {words(part)}" for part in block["sublayers"]]
    return lines


def _block(block: Record, layers: int) -> list[str]:
    """How often a block stands, how it is joined to the stream, and in which of several layers."""
    bare = block["residual"] == "none"
    said = [
        f"{_plural(block['count'], 'layer')} without residual" if bare else f"{block['count']} × {block['residual']}"
    ]
    if block["norm"] != "none":
        said.append(f"and with {block['norm']}" if bare else block["norm"])
    if layers > 1:
        said.append(f"({'layer' if block['count'] == 1 else 'layers'} {spans(block['at'])})")
    return said


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def sublayers(record: Record, *kinds: str) -> list[Record]:
    """Every distinct sublayer of some kinds, in order."""
    found: list[Record] = []
    for stack in record["stacks"]:
        for block in stack["blocks"]:
            found += [part for part in block["sublayers"] if part["kind"] in kinds and part not in found]
    return found


def direction(record: Record) -> str:
    """Which way attention looks: `bidirectional`, `unidirectional`, or both for an encoder and a decoder."""
    masks = {part.get("mask") for part in sublayers(record, "self-attention")}
    if not masks:
        return NOTHING
    causal = bool(masks & set(CAUSAL))
    other = bool(masks - set(CAUSAL))
    return "both" if causal and other else "unidirectional" if causal else "bidirectional"


def _joined(values: Iterable[str]) -> str:
    return ", ".join(value for value in dict.fromkeys(values) if value) or NOTHING


def _norms(block: Record) -> str:
    """Where the norms of a block stand and of which kind they are, as far as there are any."""
    return " ".join(word for word in (block["residual"], block["norm"]) if word != "none")


COLUMNS: dict[str, Callable[[Record], str]] = {
    "model": lambda r: str(r["source"]),
    "architecture": lambda r: str(r["family"]),
    "direction": direction,
    "layers": lambda r: " + ".join(str(s["layers"]) for s in r["stacks"]) or NOTHING,
    "width": lambda r: _joined(str(s["width"]) for s in r["stacks"]),
    "heads": lambda r: _joined(heads(part) for part in sublayers(r, "self-attention")),
    "feed-forward": lambda r: _joined(words(part) for part in sublayers(r, "feed-forward", "moe")),
    "norm": lambda r: _joined(_norms(b) for s in r["stacks"] for b in s["blocks"]),
    "parameters": lambda r: amount(r["parameters"]["total"]),
}
"""The comparison table: a column's title and how it reads a record."""


def _cells(records: Sequence[Record]) -> list[list[str]]:
    return [list(COLUMNS), *([column(record) for column in COLUMNS.values()] for record in records)]


def markdown(records: Sequence[Record]) -> str:
    """A comparison table, one model a row."""
    head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in _cells(records)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


def table(records: Sequence[Record]) -> str:
    """The comparison table in plain text, one model a column."""
    return aligned([list(row) for row in zip(*_cells(records), strict=True)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns of one width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def catalogue(systems: Sequence[System]) -> str:
    """The built-in systems by part, one a line: name, family, size, what it is."""
    lines = aligned([[s.name, s.family[0], amount(s.parameters), s.line] for s in systems]).splitlines()
    parts = [
        "\n".join([f"{part}. {title}", *(line for line, s in zip(lines, systems, strict=True) if s.part == part)])
        for part, title in PARTS.items()
        if any(s.part == part for s in systems)
    ]
    return "\n\n".join(parts) + "\n"


def systems(chosen: Sequence[System]) -> str:
    """Some built-in systems in full."""
    return "\n".join(_system(system) for system in chosen)


def _system(system: System) -> str:
    rows = [
        ("title", system.title),
        ("what", system.line),
        ("family", ", ".join(system.family)),
        ("parameters", f"{system.parameters:,}"),
        ("from", system.source),
        ("checkpoint", system.checkpoint or NOTHING),
    ]
    rows += [row for claim in system.claims for row in (("said", claim.says), ("the graph", claim.shows))]
    return f"{system.name}\n" + "".join(f"  {title:<12}{value}\n" for title, value in rows)


def exported(made: Exported) -> str:
    """What was written: the file, who exported it, and which axes of its inputs vary."""
    lines = [f"{made.path}: opset {made.opset}, by the exporter of {made.exporter}"]
    for name in made.inputs:
        axes = ", ".join(f"{axis} {word}" for axis, word in sorted(made.dynamic.get(name, {}).items()))
        lines.append(f"  input   {name}" + (f"  dynamic: {axes}" if axes else "  static"))
    lines += [f"  output  {name}" for name in made.outputs]
    if made.scans:
        lines.append(f"  {made.scans} recurrences written as loops" if made.scans > 1 else "  1 recurrence, a loop")
    return "\n".join(lines) + "\n"


def remarks(made: Exported) -> list[str]:
    """Warnings of an export: axes that are baked in, and why another exporter was taken."""
    return [*map(str, made.baked), *made.warnings]
