"""One line of the text form: its tokens, and the reading of words, attributes and types from left to right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from irgen.errors import GraphError
from irgen.ir.graph import Attr, Types
from irgen.ir.tensor import TensorType

_TOKEN = re.compile(
    r"""[ \t\r]+ | \#.* | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>-?(?:inf|nan)\b | -?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*) | (?P<data>@[0-9a-z]+) | (?P<mark>[=(){}\[\],:;?*])""",
    re.VERBOSE,
)
WORDS: dict[str, Attr] = {"true": True, "false": False, "none": None}
DEEPEST = 64

Token = tuple[str, str]


def fail_at(what: str, line: int) -> NoReturn:
    """Raise the error of a line."""
    raise GraphError(what, at=f"line {line}", fix="see the grammar at the top of irgen/ir/text.py")


def tokens_of(line: str, number: int) -> list[Token]:
    """The tokens of a line as (kind, text), without spaces and comment."""
    found: list[Token] = []
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            fail_at(f"cannot read {line[at : at + 20]!r}", number)
        if match.lastgroup is not None:
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return found


class Line:
    """The tokens of one line, read from left to right."""

    def __init__(self, tokens: list[Token], number: int) -> None:
        self.tokens, self.number, self.at = tokens, number, 0

    def fail(self, what: str) -> NoReturn:
        """Raise the error of this line."""
        fail_at(what, self.number)

    @property
    def next(self) -> str:
        """The next token, or the empty string at the end."""
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    def take(self) -> str:
        """The next token, which is then passed."""
        if self.at >= len(self.tokens):
            self.fail("the line ends too early")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def has(self, mark: str) -> bool:
        """Take the mark if it comes next."""
        found = self.kind == "mark" and self.next == mark
        self.at += found
        return found

    def need(self, mark: str) -> None:
        """Take the mark, which has to come next."""
        if not self.has(mark):
            self.fail(f"expected {mark!r}, found {self.next or 'the end of the line'!r}")

    def word(self) -> str:
        """A plain or quoted word."""
        if self.kind == "string":
            return self.string()
        if self.kind != "word":
            self.fail(f"expected a word, found {self.next or 'the end of the line'!r}")
        return self.take()

    def string(self) -> str:
        """A quoted string."""
        try:
            return json.loads(self.take())
        except json.JSONDecodeError as fault:
            self.fail(f"a string cannot be read: {fault.msg}")

    def number_value(self) -> int | float:
        """A number: whole if it is written as one."""
        said = self.take()
        return int(said) if re.fullmatch(r"-?\d{1,40}", said) else float(said)

    def row(self, entry: Callable[[], Any], close: str) -> list[Any]:
        """Entries with commas between them up to the closing mark; a last comma is allowed."""
        found: list[Any] = []
        while not self.has(close):
            found.append(entry())
            if not self.has(","):
                self.need(close)
                break
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.at < len(self.tokens):
            self.fail(f"unexpected {self.next!r}")

    def attr(self, depth: int = 0) -> Attr:
        """An attribute: a number, a string, a word, or a row of them in parentheses."""
        if depth > DEEPEST:
            self.fail("parentheses too deep")
        if self.has("("):
            return tuple(self.row(lambda: self.attr(depth + 1), ")"))
        if self.kind == "number":
            return self.number_value()
        if self.kind == "string":
            return self.string()
        said = self.word()
        return WORDS.get(said, said)

    def attrs(self) -> dict[str, Attr]:
        """Attributes up to the closing brace."""
        found: dict[str, Attr] = {}

        def one() -> None:
            name = self.word()
            self.need("=")
            found[name] = self.attr()

        self.row(one, "}")
        return found

    def types(self) -> Types:
        """A type, or a row of them in parentheses."""
        if self.has("("):
            return tuple(self.row(self.tensor, ")"))
        return self.tensor()

    def tensor(self) -> TensorType:
        """The type of one tensor."""
        dtype = self.word()
        self.need("[")
        if self.has("*"):
            self.need("]")
            return TensorType(dtype, None)
        sizes: list[tuple[int, str | None]] = []
        marked = False
        while not self.has("]"):
            if self.has(";"):
                marked = True
                continue
            sizes.append(self._size())
            self.has(",")
        symbols = tuple(symbol for _, symbol in sizes)
        shape = tuple(size for size, _ in sizes)
        return TensorType(dtype, shape, symbols if marked or any(s is not None for s in symbols) else ())

    def _size(self) -> tuple[int, str | None]:
        symbol: str | None = None
        if self.kind in {"word", "string"}:
            symbol = self.word()
            self.need("=")
        if self.has("?"):
            return -1, symbol
        return self.size(), symbol

    def size(self) -> int:
        """A whole number that is not negative."""
        found = self.number_value() if self.kind == "number" else None
        if not isinstance(found, int) or found < 0:
            self.fail(f"a size must be a whole number or ?, found {self.next or 'the end of the line'!r}")
        return found
