"""Where calls of generated code come from: the module and line that `torch.fx` noted on each of its nodes."""

from __future__ import annotations

import re
from typing import Any

from torch import fx, nn

from irgen.frontends.torch_record import Recording

_LINE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def placed(record: Recording, module: nn.Module) -> None:
    """Give each call made by a graph module's generated code the module, class and line of the node behind it."""
    sources = {gm.forward.__code__.co_filename: gm for gm in module.modules() if isinstance(gm, fx.GraphModule)}
    if not sources:
        return
    scopes = {scope: i for i, scope in enumerate(record.scopes)}
    places = {file: _places(gm) for file, gm in sources.items()}
    for call in (*record.calls, *record.asked):
        node = places.get(call.file, {}).get(call.line)
        if node is None:
            continue
        scope = _scope(node)
        if scope is not None:
            if scope not in scopes:
                scopes[scope] = len(record.scopes)
                record.scopes.append(scope)
            call.scope = scopes[scope]
        found = _LINE.findall(str(node.meta.get("stack_trace") or ""))
        call.file, call.line = (found[-1][0], int(found[-1][1])) if found else ("", 0)


def _places(gm: fx.GraphModule) -> dict[int, fx.Node]:
    """The node behind each line of generated code."""
    nodes = list(gm.graph.nodes)
    lines: dict[int, int | None] = getattr(gm, "_lineno_map", None) or {}
    start: int = getattr(gm, "_prologue_start", 0)
    return {line + start: nodes[at] for line, at in lines.items() if at is not None and at < len(nodes)}


def _scope(node: fx.Node) -> tuple[str, str] | None:
    """(module path, class name) of the innermost module."""
    stack: dict[str, Any] = node.meta.get("nn_module_stack") or {}
    if not stack:
        return None
    path, cls = list(stack.values())[-1][:2]
    return str(path), (cls if isinstance(cls, str) else cls.__name__).rpartition(".")[2]
