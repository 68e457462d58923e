"""Scene to a Mermaid flowchart, which GitHub and GitLab draw in place."""

from __future__ import annotations

import re

from irgen.renderers.tokens import ROLES, UI, baked
from irgen.scene import Node, Scene, plain

SHAPES = {"pill": ("([", "])"), "port": ("([", "])"), "joint": ("((", "))")}
ARROWS = {"idle": "-.->", "cross": "==>", "route": "==>", "recur": "-->"}


def safe(text: str) -> str:
    """Text in a quoted label: Mermaid's entities for what would end or mark up the label."""
    text = re.sub(r"[\x00-\x1f\x7f]", " ", text)
    return "".join(f"#{ord(char)};" if char in '"#&<>`\\|{}[]()%;*_~$' else char for char in text)


def _names(scene: Scene) -> dict[str, str]:
    things = [group.id for group in scene.groups] + [node.id for node in scene.nodes]
    return {thing: f"n{at}" for at, thing in enumerate(things)}


def _node(node: Node, names: dict[str, str]) -> str:
    opening, closing = SHAPES.get(node.shape, ("[", "]"))
    label = node.sign if node.shape == "joint" else node.title
    shown = safe(label) + (f"<br/>{safe(node.caption)}" if node.caption else "")
    return f'{names[node.id]}{opening}"{shown or " "}"{closing}:::{_role(node)}'


def _role(node: Node) -> str:
    return node.role if node.role in ROLES["light"] else "off"


def _inside(scene: Scene, parent: str | None, names: dict[str, str], indent: str) -> list[str]:
    lines: list[str] = []
    for node in scene.nodes:
        if node.group == parent:
            lines.append(indent + _node(node, names))
    for group in scene.groups:
        if group.parent == parent:
            label = plain(group.label) + (f" {group.badge.text}" if group.badge else "")
            lines.append(f'{indent}subgraph {names[group.id]}["{safe(label) or " "}"]')
            lines += _inside(scene, group.id, names, indent + "  ")
            lines.append(f"{indent}end")
    return lines


def render(scene: Scene, theme: str = "light") -> bytes:
    """The figure's boxes, frames and arrows as Mermaid text; `auto` uses the light colours."""
    tone = baked(theme)
    names = _names(scene)
    lines = ["---", f'title: "{safe(plain(scene.title))}"', "---", "flowchart BT"]
    lines += _inside(scene, None, names, "  ")
    for edge in scene.edges:
        if edge.source in names and edge.target in names:
            label = f'|"{safe(plain(edge.label.text))}"|' if edge.label else ""
            lines.append(f"  {names[edge.source]} {ARROWS.get(edge.kind, '-->')}{label} {names[edge.target]}")
    used = {_role(node) for node in scene.nodes}
    ink = UI[tone]["ink"]
    for role, (fill, stroke) in ROLES[tone].items():
        if role in used:
            lines.append(f"  classDef {role} fill:{fill},stroke:{stroke},color:{ink}")
    if "off" in used:
        lines.append(
            f"  classDef off fill:{UI[tone]['bg']},stroke:{UI[tone]['ghost']},color:{ink},stroke-dasharray:4 3"
        )
    return ("\n".join(lines) + "\n").encode("utf-8")


RENDERER = render
