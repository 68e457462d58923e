"""Colour tokens of figures, light, dark and for print: role fills and strokes, and the colours of everything else."""

from __future__ import annotations

Pair = tuple[str, str]

ROLES: dict[str, dict[str, Pair]] = {
    "light": {
        "io": ("#FFFFFF", "#788391"),
        "embed": ("#FCF2C4", "#9E8600"),
        "attn": ("#DCEAFC", "#0A55BE"),
        "cross": ("#FADFF4", "#95127F"),
        "ffn": ("#FDEBD5", "#9C5200"),
        "moe": ("#FDE0D9", "#8C1F10"),
        "ssm": ("#CDF5E6", "#01714D"),
        "conv": ("#DBF3FC", "#0A8BC2"),
        "norm": ("#EFF1F3", "#727D8B"),
        "head": ("#DADEE4", "#29323D"),
        "op": ("#FFFFFF", "#29323D"),
    },
    "dark": {
        "io": ("#151B23", "#8A95A5"),
        "embed": ("#38310F", "#F2D93F"),
        "attn": ("#0E2A4C", "#3F8CFF"),
        "cross": ("#45193D", "#EA4FC4"),
        "ffn": ("#462B0E", "#F5AE62"),
        "moe": ("#54200F", "#F2592B"),
        "ssm": ("#0D3829", "#21EBAB"),
        "conv": ("#153A47", "#2CC4F5"),
        "norm": ("#262D36", "#939EAB"),
        "head": ("#363F4A", "#D2D8E1"),
        "op": ("#151B23", "#D2D8E1"),
    },
    "print": {
        "io": ("#FFFFFF", "#6B6B6B"),
        "embed": ("#FFFFFF", "#000000"),
        "attn": ("#D6D6D6", "#000000"),
        "cross": ("#D6D6D6", "#000000"),
        "ffn": ("#F0F0F0", "#000000"),
        "moe": ("#C2C2C2", "#000000"),
        "ssm": ("#E3E3E3", "#000000"),
        "conv": ("#F0F0F0", "#000000"),
        "norm": ("#FAFAFA", "#7A7A7A"),
        "head": ("#B5B5B5", "#000000"),
        "op": ("#FFFFFF", "#000000"),
    },
}
"""Fill and stroke of each role."""

STROKES: dict[str, dict[str, str]] = {
    "print": {
        "embed": "stroke-dasharray:7 2",
        "cross": "stroke-width:2.5",
        "moe": "stroke-width:2.5",
        "ssm": "stroke-dasharray:7 2 1.5 2",
        "conv": "stroke-dasharray:1.5 2",
    },
}
"""What tells roles apart where there is no colour: dashes and widths of strokes."""

UI: dict[str, dict[str, str]] = {
    "light": {
        "bg": "#FFFFFF", "ink": "#18202B", "mute": "#4D5866", "line": "#465161", "hair": "#D5DAE1",
        "group": "#F7F8FA", "gline": "#B9C1CC", "ghost": "#A4ADB9", "hl": "#0A55BE",
    },
    "dark": {
        "bg": "#0F141A", "ink": "#EEF2F7", "mute": "#AEB8C5", "line": "#A9B4C2", "hair": "#323C48",
        "group": "#151B23", "gline": "#465261", "ghost": "#5A6675", "hl": "#5C9DFF",
    },
    "print": {
        "bg": "#FFFFFF", "ink": "#000000", "mute": "#333333", "line": "#262626", "hair": "#D0D0D0",
        "group": "#FFFFFF", "gline": "#8C8C8C", "ghost": "#999999", "hl": "#000000",
    },
}  # fmt: skip
"""Colours of text, lines and grounds."""

FONTS = (
    "Inter,Pretendard,'Apple SD Gothic Neo','Noto Sans KR','Noto Sans CJK KR','Malgun Gothic',system-ui,-apple-system,"
    "'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
)


def baked(theme: str) -> str:
    """The theme whose colours stand in the file itself: light where the reader's setting decides."""
    return theme if theme in UI else "light"


def flat(theme: str) -> dict[str, str]:
    """All tokens of a theme by name: `bg`, …, and `attn-f`, `attn-s` for the fill and stroke of a role."""
    colours = dict(UI[theme])
    for role, (fill, stroke) in ROLES[theme].items():
        colours[f"{role}-f"] = fill
        colours[f"{role}-s"] = stroke
    return colours
