"""The style sheet of an SVG figure: only the rules that it uses, readable by renderers without CSS variables."""

from __future__ import annotations

from irgen.renderers.tokens import FONTS, ROLES, STROKES, baked, flat

RULES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "t": ("font-weight:600;text-anchor:middle", ()),
    "s": ("font-size:11px;text-anchor:middle", (("fill", "mute"),)),
    "l": ("font-size:11px", (("fill", "mute"),)),
    "k": ("font-size:11px", (("fill", "mute"),)),
    "g": ("font-size:12px;font-weight:600", ()),
    "h": ("font-size:20px;font-weight:700;letter-spacing:-.2px", ()),
    "v": ("font-size:14px;font-weight:600", ()),
    "b": ("font-size:12px;font-weight:700;text-anchor:middle", (("fill", "bg"),)),
    "m": ("text-anchor:middle", ()),
    "z": ("text-anchor:end", ()),
    "u": ("font-weight:500", (("fill", "mute"),)),
    "new": ("font-weight:600", (("fill", "hl"),)),
    "bg": ("", (("fill", "bg"),)),
    "gr": ("", (("fill", "group"), ("stroke", "gline"))),
    "pn": ("", (("fill", "bg"), ("stroke", "gline"))),
    "pill": ("", (("fill", "line"),)),
    "pnew": ("", (("fill", "hl"),)),
    "hr": ("", (("stroke", "hair"),)),
    "e": ("fill:none;stroke-width:1.5", (("stroke", "line"),)),
    "a": ("", (("fill", "line"),)),
    "idle": ("fill:none;stroke-width:1.2;stroke-dasharray:3 3", (("stroke", "ghost"),)),
    "ai": ("", (("fill", "ghost"),)),
    "ld": ("fill:none;stroke-dasharray:4 3", (("stroke", "gline"),)),
    "n": ("stroke-width:1.5", ()),
    "zf": ("fill-opacity:.35", (("fill", "hair"),)),
    "zoom": ("fill:none;stroke-dasharray:4 3", (("stroke", "gline"),)),
    "j": ("fill:none;stroke-width:1.5", (("stroke", "line"),)),
    "q": ("", (("fill", "attn-s"),)),
    "qk": ("fill:none", (("stroke", "attn-s"),)),
    "cg": ("fill:none;stroke-width:1.6", (("stroke", "group"),)),
    "ek": ("", (("fill", "embed-s"),)),
    "hf": ("", (("fill", "hair"),)),
    "hl": ("fill:none", (("stroke", "hair"),)),
    "off": ("stroke-dasharray:3 2", (("fill", "bg"), ("stroke", "ghost"))),
    "un": ("stroke-dasharray:4 3;stroke-width:1.5", (("fill", "bg"), ("stroke", "io-s"))),
    "card": ("", (("fill", "bg"), ("stroke", "gline"))),
    "same": ("", (("fill", "bg"), ("stroke", "gline"))),
    "chg": ("stroke-width:1.5", (("fill", "bg"), ("stroke", "hl"))),
    "ring": ("fill:none;stroke-width:3", (("stroke", "hl"),)),
    **{role: ("", (("fill", f"{role}-f"), ("stroke", f"{role}-s"))) for role in ROLES["light"]},
    **{
        f"map-{role}": ("stroke-width:1.2", (("fill", f"{role}-f"), ("stroke", f"{role}-s")))
        for role in ("attn", "conv")
    },
    "ck": ("fill:none", (("stroke", "cross-s"),)),
    **{f"e-{role}": ("fill:none;stroke-width:2", (("stroke", f"{role}-s"),)) for role in ROLES["light"]},
    **{f"a-{role}": ("", (("fill", f"{role}-s"),)) for role in ROLES["light"]},
}
"""Class to fixed declarations and (property, token) pairs."""

OVERRIDES = {"off": "u", "same": "u"}
"""Classes of boxes whose titles are muted."""


def sheet(used: set[str], theme: str) -> str:
    """The rules of the used classes. `auto` follows the reader's light or dark setting; other themes are baked in.

    Renderers without CSS variables skip at-rules and see plain colours; browsers take the variables behind `@supports`,
    whose dark values hold where the reader prefers dark, and which a page may set itself.
    """
    base = flat(baked(theme))
    strokes = STROKES.get(theme, {})
    tokens: set[str] = {"ink"}
    plain = [f".ir text{{font-family:{FONTS};font-size:13px;fill:{base['ink']}}}"]
    variable = [f".ir text{{fill:var(--ir-ink,{base['ink']})}}"]
    for name, (fixed, pairs) in RULES.items():
        if name not in used:
            continue
        tokens.update(token for _, token in pairs)
        body = [*([fixed] if fixed else []), *(f"{key}:{base[token]}" for key, token in pairs)]
        body += [strokes[name]] if name in strokes else []
        plain.append(f".ir .{name}{{{';'.join(body)}}}")
        if pairs:
            coloured = ";".join(f"{key}:var(--ir-{token},{base[token]})" for key, token in pairs)
            variable.append(f".ir .{name}{{{coloured}}}")
    if theme != "auto":
        return "".join(plain)
    dark = flat("dark")
    values = ";".join(f"--ir-{token}:{dark[token]}" for token in dark if token in tokens)
    return (
        f"{''.join(plain)}@supports (fill:var(--x)){{{''.join(variable)}}}"
        f"@media (prefers-color-scheme:dark){{.ir{{{values}}}}}"
    )
