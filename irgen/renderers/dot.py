"""Scene to Graphviz DOT: boxes, clusters and arrows, to be laid out by `dot`."""

from __future__ import annotations

import re

from irgen.renderers.tokens import ROLES, UI, baked
from irgen.scene import Group, Node, Scene, plain

SHAPES = {"joint": "circle"}


def quoted(text: str) -> str:
    """A DOT string; control characters and line ends become spaces, backslashes stay literal."""
    text = re.sub(r"[\x00-\x1f\x7f]", " ", text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(*parts: str) -> str:
    """A label of several lines."""
    return '"' + "\\n".join(quoted(part)[1:-1] for part in parts if part) + '"'


def _node(node: Node, tone: str) -> str:
    fill, stroke = ROLES[tone].get(node.role, (UI[tone]["bg"], UI[tone]["ghost"]))
    label = quoted(node.sign) if node.shape == "joint" else _lines(node.title, node.caption)
    style = "rounded,filled,dashed" if node.dashed else "filled" if node.shape == "joint" else "rounded,filled"
    more = ", width=0.3, fixedsize=true" if node.shape == "joint" else ""
    return (
        f"{quoted(node.id)} [label={label}, tooltip={quoted(node.tooltip)}, shape={SHAPES.get(node.shape, 'box')}, "
        f'style="{style}", fillcolor="{fill}", color="{stroke}"{more}];'
    )


def _inside(scene: Scene, parent: str | None, tone: str, indent: str) -> list[str]:
    lines = [indent + _node(node, tone) for node in scene.nodes if node.group == parent]
    for group in scene.groups:
        if group.parent == parent:
            lines += _cluster(scene, group, tone, indent)
    return lines


def _cluster(scene: Scene, group: Group, tone: str, indent: str) -> list[str]:
    label = " ".join(part for part in (plain(group.label), group.badge.text if group.badge else "") if part)
    ground = UI[tone]
    colours = f'fillcolor="{ground["group"]}"; color="{ground["gline"]}";'
    return [
        f"{indent}subgraph {quoted('cluster_' + group.id)} {{",
        f'{indent}  label={quoted(label)}; style="rounded,filled"; {colours}',
        *_inside(scene, group.id, tone, indent + "  "),
        f"{indent}}}",
    ]


def _end(scene: Scene, name: str) -> tuple[str, str]:
    """A node to attach an arrow to, and the cluster it stands for where the end is a group."""
    groups = {group.id: group for group in scene.groups}
    if name not in groups:
        return name, ""
    for node in scene.nodes:
        parent = node.group
        while parent:
            if parent == name:
                return node.id, "cluster_" + name
            parent = groups[parent].parent if parent in groups else None
    return name, ""


def render(scene: Scene, theme: str = "light") -> bytes:
    """The figure as DOT text; `auto` uses the light colours."""
    tone = baked(theme)
    ground = UI[tone]
    lines = [
        f"digraph {quoted(scene.slug)} {{",
        f'  graph [rankdir=BT, compound=true, bgcolor="{ground["bg"]}", fontcolor="{ground["ink"]}",'
        ' fontname="Inter,Helvetica",'
        f" label={quoted(plain(scene.title))}, labelloc=t, nodesep=0.3, ranksep=0.35];",
        f'  node [fontname="Inter,Helvetica", fontsize=11, fontcolor="{ground["ink"]}"];',
        f'  edge [color="{ground["line"]}", arrowsize=0.7, fontname="Inter,Helvetica", fontsize=10];',
        *_inside(scene, None, tone, "  "),
    ]
    for edge in scene.edges:
        (source, tail), (target, head) = _end(scene, edge.source), _end(scene, edge.target)
        options = [
            *([f"ltail={quoted(tail)}"] if tail else []),
            *([f"lhead={quoted(head)}"] if head else []),
            *(["style=dashed"] if edge.kind == "idle" else []),
            *([f"label={quoted(plain(edge.label.text))}"] if edge.label else []),
            *([f'color="{ROLES[tone][edge.role][1]}", penwidth=1.6'] if edge.role in ROLES[tone] else []),
        ]
        lines.append(f"  {quoted(source)} -> {quoted(target)}" + (f" [{', '.join(options)}];" if options else ";"))
    return ("\n".join([*lines, "}"]) + "\n").encode("utf-8")


RENDERER = render
