"""Colour tokens of figures, light and dark: role fills and strokes, and the colours of everything else."""

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
}
"""Fill and stroke of each role."""

UI: dict[str, dict[str, str]] = {
    "light": {
        "bg": "#FFFFFF", "ink": "#18202B", "mute": "#4D5866", "line": "#465161", "hair": "#D5DAE1",
        "group": "#F7F8FA", "gline": "#B9C1CC", "ghost": "#A4ADB9", "hl": "#0A55BE",
    },
    "dark": {
        "bg": "#0F141A", "ink": "#EEF2F7", "mute": "#AEB8C5", "line": "#A9B4C2", "hair": "#323C48",
        "group": "#151B23", "gline": "#465261", "ghost": "#5A6675", "hl": "#5C9DFF",
    },
}  # fmt: skip
"""Colours of text, lines and grounds."""

FONTS = (
    "Inter,Pretendard,'Apple SD Gothic Neo','Noto Sans KR','Noto Sans CJK KR','Malgun Gothic',system-ui,-apple-system,"
    "'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
)


def flat(theme: str) -> dict[str, str]:
    """All tokens of a theme by name: `bg`, …, and `attn-f`, `attn-s` for the fill and stroke of a role."""
    colours = dict(UI[theme])
    for role, (fill, stroke) in ROLES[theme].items():
        colours[f"{role}-f"] = fill
        colours[f"{role}-s"] = stroke
    return colours
