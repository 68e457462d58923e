"""Path data: orthogonal lines with round corners, arrowheads, dots and the signs of joints."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

Point = tuple[float, float]

HEAD = 7.0
RADIUS = 8.0


def number(value: float, digits: int = 1) -> str:
    """A coordinate, rounded, without trailing zeros."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def elbow(points: Sequence[Point], head: bool) -> str:
    """An orthogonal line with corners of radius 8; it stops 5 before the end where an arrowhead stands."""
    line = list(points)
    if head:
        (x0, y0), (x1, y1) = line[-2], line[-1]
        back = min(5.0, abs(x1 - x0) + abs(y1 - y0))
        line[-1] = (x1 - back * _sign(x1 - x0), y1 - back * _sign(y1 - y0))
    x, y = line[0]
    out = [f"M{number(x)} {number(y)}"]
    for at in range(1, len(line)):
        px, py = line[at]
        if at == len(line) - 1:
            out.append(_straight(x, y, px, py))
            break
        nx, ny = line[at + 1]
        before = abs(px - line[at - 1][0]) + abs(py - line[at - 1][1])
        after = abs(nx - px) + abs(ny - py)
        r = min(RADIUS, before / 2, after / 2)
        ax, ay = px - r * _sign(px - line[at - 1][0]), py - r * _sign(py - line[at - 1][1])
        bx, by = px + r * _sign(nx - px), py + r * _sign(ny - py)
        out.append(_straight(x, y, ax, ay))
        out.append(f"Q{number(px)} {number(py)} {number(bx)} {number(by)}")
        x, y = bx, by
    return "".join(out)


def _straight(x0: float, y0: float, x1: float, y1: float) -> str:
    if number(x0) == number(x1):
        return f"V{number(y1)}"
    if number(y0) == number(y1):
        return f"H{number(x1)}"
    return f"L{number(x1)} {number(y1)}"


def _sign(value: float) -> float:
    return (value > 0.001) - (value < -0.001)


def heads(points: Sequence[Point]) -> str:
    """The filled arrowhead at the end of a line, 7 long and 7 wide."""
    (x0, y0), (x1, y1) = points[-2], points[-1]
    dx, dy = _sign(x1 - x0), _sign(y1 - y0)
    half = HEAD / 2
    ax, ay = -dx * HEAD - dy * half, -dy * HEAD + dx * half
    bx, by = 2 * dy * half, -2 * dx * half
    return f"M{number(x1)} {number(y1)}l{_pair(ax, ay)}{_joined(bx, by)}z"


def _pair(x: float, y: float) -> str:
    return number(x) + _joined_one(y)


def _joined(x: float, y: float) -> str:
    return _joined_one(x) + _joined_one(y)


def _joined_one(value: float) -> str:
    text = number(value)
    return text if text.startswith("-") else f" {text}"


def ring(x: float, y: float, r: float) -> str:
    """A full circle as path data."""
    half = f"a{number(r)} {number(r)} 0 1 0 "
    return f"M{number(x - r)} {number(y)}{half}{number(2 * r)} 0{half}{number(-2 * r)} 0z"


def signs(sign: str, x: float, y: float) -> str:
    """The strokes of + and × in a joint; for a sign without strokes, nothing."""
    if sign == "+":
        return f"M{number(x - 4.6)} {number(y)}h9.2M{number(x)} {number(y - 4.6)}v9.2"
    if sign == "×":
        return f"M{number(x - 3.4)} {number(y - 3.4)}l6.8 6.8m0-6.8l-6.8 6.8"
    if sign == "−":
        return f"M{number(x - 4.6)} {number(y)}h9.2"
    return f"M{number(x - 2)} {number(y)}h4"


def spline(points: Sequence[Point]) -> str:
    """A cubic spline through control points, as Graphviz gives them; the last point is the tip of the arrowhead."""
    (x, y), rest = points[0], points[1:]
    out = [f"M{number(x)} {number(y)}"]
    for at in range(0, len(rest) - 2, 3):
        out.append("C" + " ".join(f"{number(px)} {number(py)}" for px, py in rest[at : at + 3]))
    return "".join(out)


def aimed(points: Sequence[Point]) -> str:
    """An arrowhead in any direction at the end of a spline."""
    (x1, y1) = points[-1]
    x0, y0 = next(((x, y) for x, y in reversed(points[:-1]) if hypot(x1 - x, y1 - y) > 0.5), (x1, y1 + 1))
    long = hypot(x1 - x0, y1 - y0)
    dx, dy = (x1 - x0) / long * HEAD, (y1 - y0) / long * HEAD
    ax, ay, bx, by = x1 - dx - dy / 2, y1 - dy + dx / 2, x1 - dx + dy / 2, y1 - dy - dx / 2
    return f"M{number(x1)} {number(y1)}L{number(ax)} {number(ay)}L{number(bx)} {number(by)}z"
