"""Advance widths of Helvetica (Adobe's metrics), in thousandths of an em, and where signs stand in the PDF fonts."""

from __future__ import annotations

REGULAR = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip

BOLD = (
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
)  # fmt: skip

LATIN = {"·": 278, "×": 584, "–": 556, "—": 1000, "…": 1000, "²": 333, "³": 333, "°": 400, "’": 222, "\u00af": 333}
"""Signs of the Latin encoding beyond ASCII."""

SYMBOL = {
    "→": (0xAE, 987), "←": (0xAC, 987), "↔": (0xAB, 1042), "−": (0x2D, 549), "Σ": (0x53, 592), "Δ": (0x44, 612),
    "θ": (0x71, 521), "σ": (0x73, 603), "√": (0xD6, 549), "≤": (0xA3, 549), "≥": (0xB3, 549), "∞": (0xA5, 713),
    "α": (0x61, 631), "β": (0x62, 549), "γ": (0x67, 411), "λ": (0x6C, 549), "μ": (0x6D, 576), "τ": (0x74, 439),
    "⊙": (0xC4, 768), "∈": (0xCE, 713), "φ": (0x66, 521),
}  # fmt: skip
"""Signs of the Symbol font: code and width."""


def glyph(char: str, bold: bool) -> tuple[str, bytes, int]:
    """Font (`L` Latin, `S` symbols, `K` Korean and the rest), code and width of a character."""
    if " " <= char <= "~":
        return "L", char.encode(), (BOLD if bold else REGULAR)[ord(char) - 32]
    if char in SYMBOL:
        code, width = SYMBOL[char]
        return "S", bytes([code]), width
    if char in LATIN or "\xa1" <= char <= "\xff":
        return "L", char.encode("cp1252"), LATIN.get(char, 556)
    if ord(char) > 0xFFFF or not char.isprintable():
        return "L", b"?", 556
    return "K", char.encode("utf-16-be"), 1000 if ord(char) >= 0x1100 else 500
