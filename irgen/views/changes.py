"""Two architectures side by side: what belongs together in a row, what is the same quiet, what changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from irgen.diff.align import GROUPS, NEVER, pairs
from irgen.diff.changes import Change, Diff
from irgen.diff.outline import Item
from irgen.ir.architecture import Architecture, Block, Embedding, Part, Stack
from irgen.scene import Scene, Text, literal
from irgen.views.chip_column import GUTTER, Chip, column, level
from irgen.views.chips import said
from irgen.views.layout.columns import fit
from irgen.views.layout.metrics import SLACK, cut, width
from irgen.views.layout.page import MARGIN, legend
from irgen.views.layout.rows import even_rows, frames, in_line, units
from irgen.views.layout.sheet import put
from irgen.views.layout.tree import Chain, Frame, Leaf, stretch, trunk
from irgen.views.overview import slug
from irgen.views.sides import Changed, Side, changed, outermost, side
from irgen.views.summary import facts_strip
from irgen.views.towers import Tower
from irgen.views.words import Words

ROW_GAP = 56.0


def draw(
    a: Architecture, b: Architecture, found: Diff, *, titles: tuple[str, str], lang: str = "en", width: int = 720
) -> Scene:
    """The figure of a diff, `width` pixels wide."""
    words = Words(lang)
    left, right = (literal(title, 60) or words("Neural network") for title in titles)
    scene = Scene(slug(f"{left}-to-{right}"), f"{left} → {right}", _description(found, left, right), float(width), 0.0,
                  lang=lang, subtitle=words("Coloured = changed, grey = unchanged."))  # fmt: skip
    sides = side(a, words), side(b, words)
    made = _Figure(scene, words, sides, (changed(a, found.changes, True), changed(b, found.changes, False)))
    y = made.table((left, right), facts_strip(a, words), facts_strip(b, words))
    for x, z in made.rows(found):
        y = made.row(x, z, y + 8, (left, right)) + ROW_GAP
    legend(scene, y - ROW_GAP, words)
    return scene


def _description(found: Diff, left: str, right: str) -> str:
    kinds = [change.where for change in found.changes[:6]]
    if not kinds:
        return f"{left} and {right} are the same architecture."
    return f"What changed from {left} to {right}: {len(found.changes)} changes, among them {', '.join(kinds)}."


@dataclass
class _Figure:
    """The scene under construction."""

    scene: Scene
    words: Words
    sides: tuple[Side, Side]
    changed: tuple[Changed, Changed]
    told: set[str] = field(default_factory=set[str])

    def table(self, names: tuple[str, str], a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]]) -> float:
        """Title, and the facts of both in two rows; returns where the drawing may begin."""
        scene = self.scene
        across = scene.width - 2 * MARGIN
        scene.texts.append(Text(MARGIN, 42, cut(scene.title, "h", across / SLACK), "h"))
        scene.texts.append(Text(MARGIN, 62, cut(scene.subtitle, "l", across / 1.09), "l"))
        ours, theirs = dict(a), dict(b)
        labels = [label for label in ours if label in theirs]
        labels += [label for label in (self.words("Window"),) if (label in ours) != (label in theirs)]
        columns = [("", names[0], names[1]), *((k, ours.get(k, "–"), theirs.get(k, "–")) for k in labels)]
        wide = [max([*(SLACK * width(v, "v") for v in column[1:]), 1.09 * width(column[0], "k")]) for column in columns]
        count = len(columns)
        while sum(wide[:count]) + 14 * (count - 1) > across and count > 2:
            count -= 1
        gap = min(48.0, (across - sum(wide[:count])) / max(1, count - 1))
        scene.rules.append((MARGIN, scene.width - MARGIN, 78.5))
        x = MARGIN
        for (label, old, new), one in zip(columns[:count], wide, strict=False):
            if label:
                scene.texts.append(Text(x, 97, label, "k"))
            scene.texts.append(Text(x, 115, old, "v"))
            scene.texts.append(Text(x, 133, new, "v new"))
            x += one + gap
        scene.rules.append((MARGIN, scene.width - MARGIN, 143.5))
        return 160.0

    def rows(self, found: Diff) -> list[tuple[Tower | None, Tower | None]]:
        """Towers that belong together, the last ones in the flow on top."""
        ours, theirs = self.sides
        if len(ours.towers) == len(theirs.towers) == 1:
            return [(ours.towers[0], theirs.towers[0])]
        names = dict(found.names)
        made: list[tuple[Tower | None, Tower | None]] = []
        taken: set[int] = set()
        for tower in ours.towers:
            partners = [names.get(ours.found.stacks[n].name) for n in tower.stacks]
            match = next(
                (t for t in theirs.towers
                 if t.number not in taken and any(theirs.found.stacks[n].name in partners for n in t.stacks)),
                None,
            )  # fmt: skip
            taken |= {match.number} if match else set()
            made.append((tower, match))
        made += [(None, tower) for tower in theirs.towers if tower.number not in taken]
        return made[::-1]

    def row(self, x: Tower | None, y: Tower | None, top: float, names: tuple[str, str]) -> float:
        """Two towers side by side; returns their lower edge."""
        scene = self.scene
        across = (scene.width - 2 * MARGIN - GUTTER) / 2
        chains = [tower.chain if tower else Chain([]) for tower in (x, y)]
        for number, (tower, chain) in enumerate(zip((x, y), chains, strict=True)):
            if tower:
                self._mark(number, tower)
                fit([chain], across, 200.0)
        wide = max((_span(chain) for chain in chains), default=0.0)
        for chain in chains:
            if chain.outer + chain.right + max(0.0, wide - _span(chain)) <= across:
                stretch(chain, wide)
                chain.measure()
        matched = self._matched(chains[0], chains[1])
        even_rows(chains[0], chains[1], matched)
        high = max(chain.high for chain in chains)
        label = (
            x.label if x and len(self.sides[0].towers) > 1 else y.label if y and len(self.sides[1].towers) > 1 else ""
        )
        bottom = top + 24 + high
        axes = (MARGIN + across / 2, scene.width - MARGIN - across / 2)
        for number, (tower, chain) in enumerate(zip((x, y), chains, strict=True)):
            if not tower:
                continue
            for leaf in chain.leaves():
                leaf.id = f"{'ab'[number]}.{leaf.id}"
            for frame in frames(chain):
                frame.id = f"{'ab'[number]}.{frame.id}"
            axis = axes[number] + (chain.outer - chain.right) / 2
            put(scene, chain, axis, bottom)
            name = f"{names[number]} · {label}" if label else names[number]
            scene.texts.append(Text(axis, bottom - chain.high - 14, cut(name, "g", across / SLACK), "g", "middle"))
        self._badges(x, y)
        if x and y:
            column(scene, self._chips(x, y, matched), top, bottom)
        return bottom

    def _mark(self, number: int, tower: Tower) -> None:
        """Boxes of what did not change, or only in size, are quiet."""
        one = self.sides[number]
        for leaf in tower.chain.leaves():
            if leaf.joint:
                continue
            if not any(said(telling(one.origin(leaf), self.changed[number].at(one.origin(leaf))), self.words)):
                leaf.role = "same"

    def _matched(self, left: Chain, right: Chain) -> list[tuple[Leaf, Leaf]]:
        """Boxes that belong together, in flow order: frames first, then the boxes in them."""
        made: list[tuple[Leaf, Leaf]] = []
        for x, y in self._pairs(units(left), units(right))[0]:
            if isinstance(x, Leaf) and isinstance(y, Leaf):
                made.append((x, y))
            elif isinstance(x, Frame) and isinstance(y, Frame):
                inner, _ = self._pairs(in_line(x), in_line(y))
                made += [(p, q) for p, q in inner if isinstance(p, Leaf) and isinstance(q, Leaf)]
        return made

    def _pairs(
        self, ours: Sequence[Leaf | Frame], theirs: Sequence[Leaf | Frame]
    ) -> tuple[list[tuple[Leaf | Frame, Leaf | Frame]], float]:
        cost = [[self._unlike(x, y) for y in theirs] for x in ours]
        found = pairs(cost, len(ours), len(theirs))
        met = [(i, j) for i, j in found if i is not None and j is not None]
        return [(ours[i], theirs[j]) for i, j in met], sum(cost[i][j] for i, j in met) + len(found) - len(met)

    def _unlike(self, x: Leaf | Frame, y: Leaf | Frame) -> float:
        if isinstance(x, Frame) and isinstance(y, Frame):
            ours, theirs = in_line(x), in_line(y)
            return self._pairs(ours, theirs)[1] / max(1, len(ours), len(theirs))
        if isinstance(x, Frame) or isinstance(y, Frame) or x.shape != y.shape:
            return NEVER
        if x.shape in ("joint", "pill"):
            return 0.2 if x.id.endswith("out") == y.id.endswith("out") else NEVER
        a, b = self.sides[0].origin(x), self.sides[1].origin(y)
        if type(a) is not type(b):
            return NEVER
        if isinstance(a, Part | Embedding) and isinstance(b, Part | Embedding) and a.kind != b.kind:
            return 0.9 if GROUPS.get(a.kind, a.kind) == GROUPS.get(b.kind, b.kind) else NEVER
        if isinstance(a, Part) and x.id[0] != y.id[0]:
            return NEVER
        return 0.0 if a is not None else 0.3

    def _badges(self, x: Tower | None, y: Tower | None) -> None:
        """Counts of layers that changed."""
        for number, tower in enumerate((x, y)):
            for frame in frames(tower.chain) if tower else []:
                origin = self.sides[number].origin(frame)
                kinds = {c.kind for c in self.changed[number].of(origin)}
                group = next(g for g in self.scene.groups if g.id == frame.id)
                if group.badge and number and kinds & {"repeated", "period"}:
                    group.badge.new = True

    def _chips(self, x: Tower, y: Tower, matched: list[tuple[Leaf, Leaf]]) -> list[Chip]:
        """What changed in two towers; what norms say alike is said once in a figure."""
        partner = {id(a): b for a, b in matched}
        found = self._stack_chips(x, y)
        for leaf in reversed(list(x.chain.leaves())):
            changes = self._own(0, leaf)
            other = partner.get(id(leaf)) if any(c.kind != "removed" for c in changes) else None
            found.append(Chip(level(leaf), *said(changes, self.words), leaf, other))
        mine = {id(b) for _, b in matched}
        for leaf in reversed(list(y.chain.leaves())):
            if not (id(leaf) in mine and isinstance(self.sides[1].origin(leaf), Block)):
                changes = [c for c in self._own(1, leaf) if c.kind == "added"]
                found.append(Chip(level(leaf), *said(changes, self.words), None, leaf))
        return [chip for chip in found if self._fresh(chip)]

    def _own(self, number: int, leaf: Leaf) -> list[Change]:
        """The changes of what a box shows."""
        origin = self.sides[number].origin(leaf)
        return [] if leaf.joint else own(origin, telling(origin, self.changed[number].of(origin)))

    def _stack_chips(self, x: Tower, y: Tower) -> list[Chip]:
        """Another sequence of layers, at the height of the frame's upper border."""
        made: list[Chip] = []
        for tower, number in ((y, 1), (x, 0)):
            for at in tower.stacks:
                origin: Stack = self.sides[number].found.stacks[at]
                frame = outermost(frames(tower.chain), origin, self.sides[number])
                mine = [c for c in self.changed[number].of(origin) if c.kind in ("period", "reordered")]
                if frame and mine and not made:
                    old, new = (str(word).replace(" × ", "\xa0×\xa0") for word in (mine[0].old, mine[0].new))
                    made.append(Chip(-(frame.m + frame.high) + 12, [old], [new]))
        return made

    def _fresh(self, chip: Chip) -> bool:
        """Whether this has not been said yet: norms change all alike."""
        leaf = chip.a or chip.b
        if leaf is None or not leaf.id.partition(".")[2].rpartition(".")[2].startswith("n"):
            return True
        fresh = chip.words not in self.told
        self.told.add(chip.words)
        return fresh


def telling(origin: object, changes: list[Change]) -> list[Change]:
    """The changes that a box shows: of a layer, where its norms stand, only those of its form."""
    found = [c for c in changes if not c.is_size]
    if isinstance(origin, Block):
        return [c for c in found if c.key in ("norm", "residual") or c.kind in ("added", "removed")]
    return found


def own(origin: object, changes: list[Change]) -> list[Change]:
    """The changes without those of a stack or layer as a whole, of which the box is only a part."""
    ends = [(c, [e for e in (c.old, c.new) if isinstance(e, Item)]) for c in changes]
    return [c for c, items in ends if not items or any(e.origin is origin for e in items)]


def _span(chain: Chain) -> float:
    """Width of the boxes on the axis of a chain."""
    return max((leaf.span for leaf in trunk(chain)), default=0.0)


VIEW = draw
