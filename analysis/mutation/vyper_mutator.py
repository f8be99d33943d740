"""Mutants of Vyper source, made from its tokens.

Vyper's lexical structure is Python's, so Python's tokenizer yields exact places where Vyper's own syntax tree, which
is built from rewritten text, does not. What a mutant means is left to the compiler: one that it refuses is counted
and dropped by the runner.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from analysis.mutation.mutant import Mutant

# Boundary and sense of a comparison; both directions of an operation.
_SWAPS: dict[str, tuple[str, ...]] = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("//",),
    "//": ("*",),
    "%": ("//",),
    "**": ("*",),
    "<<": (">>",),
    ">>": ("<<",),
    "&": ("|",),
    "|": ("&",),
    "^": ("&",),
    "+=": ("-=", "="),
    "-=": ("+=", "="),
    "*=": ("//=", "="),
    "//=": ("*=", "="),
    "|=": ("&=", "="),
    "&=": ("|=", "="),
}
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_NAMES: dict[str, str] = {
    "and": "or",
    "or": "and",
    "min": "max",
    "max": "min",
    "True": "False",
    "False": "True",
}
_LAYOUT = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
# Statements that can be left out; a declaration cannot, for what follows needs its name.
_HEADS = {"def", "if", "elif", "else", "for", "@", "event", "struct", "flag", "interface"}
_KEPT = _HEADS | {"return", "import", "from", "implements", "uses", "initializes", "exports", "pass"}


@dataclass(frozen=True)
class _Token:
    kind: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class _Line:
    """A logical line: the tokens of one statement or one head of a block."""

    tokens: tuple[_Token, ...]
    function: str

    @property
    def first(self) -> str:
        return self.tokens[0].text

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


def _tokens(source: str) -> Iterator[_Token]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        yield _Token(
            token.type,
            token.string,
            starts[token.start[0] - 1] + token.start[1],
            starts[token.end[0] - 1] + token.end[1],
        )


def _logical_lines(source: str) -> list[_Line]:
    lines = []
    current: list[_Token] = []
    heads: list[tuple[int, str]] = []
    depth = 0
    for token in _tokens(source):
        depth += (token.kind == tokenize.INDENT) - (token.kind == tokenize.DEDENT)
        if token.kind == tokenize.NEWLINE and current:
            while heads and heads[-1][0] >= depth:
                heads.pop()
            if current[0].text == "def":
                heads.append((depth, current[1].text))
            lines.append(_Line(tuple(current), heads[-1][1] if heads else ""))
            current = []
        elif token.kind not in _LAYOUT and token.kind != tokenize.NEWLINE:
            current.append(token)
    return lines


class VyperMutator:
    """Makes the mutants of one file."""

    def __init__(self, file: str, source: str) -> None:
        self._file = file
        self._source = source
        self._lines = _logical_lines(source)

    def mutants(self) -> list[Mutant]:
        found: list[Mutant] = []
        for index, line in enumerate(self._lines):
            if line.first == "def":
                found.extend(self._of_function(index))
            if line.first == "@" or line.tokens[0].kind == tokenize.STRING or self._is_outside(line):
                continue
            found.extend(self._of_tokens(line))
            found.extend(self._of_conditions(line))
            found.extend(self._of_calls(line))
            found.extend(self._of_statement(line))
        return found

    def _mutant(self, line: _Line, operator: str, start: int, end: int, new: str) -> Mutant:
        return Mutant(self._file, line.function, operator, start, end, self._source[start:end], new)

    def _is_outside(self, line: _Line) -> bool:
        """Whether a line has nothing that runs; constants outside of functions do count."""
        return line.first == "def" or (not line.function and "constant" not in (t.text for t in line.tokens))

    def _of_tokens(self, line: _Line) -> Iterator[Mutant]:
        # What stands before the name of a declaration's type is code, the type itself is not.
        skipped = _annotation(line)
        for index, token in enumerate(line.tokens):
            if index in skipped:
                continue
            if token.kind == tokenize.OP and token.text in _SWAPS and index:
                operator = "comparison" if token.text in _COMPARISONS else "arithmetic"
                for new in _SWAPS[token.text]:
                    yield self._mutant(line, operator, token.start, token.end, new)
            elif token.kind == tokenize.NUMBER:
                yield from self._of_number(line, token)
            elif token.text in _NAMES:
                yield self._mutant(line, "name", token.start, token.end, _NAMES[token.text])
            elif token.text == "not" and line.tokens[index - 1].text != "is":
                yield self._mutant(line, "negation", token.start, line.tokens[index + 1].start, "")

    def _of_number(self, line: _Line, token: _Token) -> Iterator[Mutant]:
        # An address or a selector has no neighbour that means anything.
        if token.text.startswith("0x") and len(token.text) >= len("0x12345678"):
            return
        value = int(token.text.replace("_", ""), 0)
        for other in (value + 1, value - 1):
            if other >= 0:
                new = f"{other:#x}" if token.text.startswith("0x") else str(other)
                yield self._mutant(line, "constant", token.start, token.end, new)

    def _of_conditions(self, line: _Line) -> Iterator[Mutant]:
        for start, end in _conditions(line):
            for new in ("True", "False"):
                yield self._mutant(line, "condition", start, end, new)

    def _of_calls(self, line: _Line) -> Iterator[Mutant]:
        for arguments in _calls(line.tokens):
            for (a, b), (c, d) in pairwise(arguments):
                swapped = self._source[c:d] + self._source[b:c] + self._source[a:b]
                yield self._mutant(line, "arguments", a, d, swapped)

    def _of_statement(self, line: _Line) -> Iterator[Mutant]:
        if not line.function or line.first in _KEPT or _annotation(line):
            return
        yield self._mutant(line, "statement", line.start, line.end, "pass")

    def _of_function(self, index: int) -> Iterator[Mutant]:
        """Drop what protects an external function, or what lets it be entered again."""
        head = self._lines[index]
        decorators = []
        while index and self._lines[index - 1].first == "@":
            index -= 1
            decorators.append(self._lines[index])
        names = {line.tokens[1].text for line in decorators}
        for line in decorators:
            if line.tokens[1].text in ("nonreentrant", "reentrant", "payable"):
                yield self._mutant(head, "decorator", line.start, line.end + 1, "")
        if "external" in names and "reentrant" not in names and "nonreentrancy on" in self._source:
            yield self._mutant(head, "decorator", head.start, head.start, "@reentrant\n")


def _annotation(line: _Line) -> set[int]:
    """Return the indices of the name and type of a declaration, at the start of a line or after ``for``."""
    tokens = line.tokens
    name = 1 if line.first == "for" else 0
    if len(tokens) < name + 2 or tokens[name].kind != tokenize.NAME or tokens[name + 1].text != ":":
        return set()
    stop = "in" if line.first == "for" else "="
    if line.first in ("else", "if", "elif"):
        return set()
    found = {name, name + 1}
    for index in range(name + 2, len(tokens)):
        if tokens[index].text == stop:
            break
        found.add(index)
    return found


def _conditions(line: _Line) -> Iterator[tuple[int, int]]:
    """Yield the places of the conditions of ``if``, ``elif``, ``assert`` and of ``x if condition else y``."""
    tokens = line.tokens
    for index, token in enumerate(tokens):
        if token.text not in ("if", "elif", "assert"):
            continue
        stops = {":", ","} if index == 0 else {"else"}
        depth = 0
        last = index
        for position in range(index + 1, len(tokens)):
            text = tokens[position].text
            if depth == 0 and text in stops:
                break
            depth += (text in _OPENING) - (text in _CLOSING)
            last = position
        if last > index:
            yield tokens[index + 1].start, tokens[last].end


def _calls(tokens: tuple[_Token, ...]) -> Iterator[list[tuple[int, int]]]:
    """Yield the places of the arguments of each call with two or more."""
    for index, token in enumerate(tokens[1:], 1):
        before = tokens[index - 1]
        if token.text != "(" or not (before.kind == tokenize.NAME or before.text in (")", "]")):
            continue
        arguments: list[list[_Token]] = [[]]
        depth = 0
        for inner in tokens[index + 1 :]:
            if depth == 0 and inner.text == ")":
                break
            depth += (inner.text in _OPENING) - (inner.text in _CLOSING)
            if depth == 0 and inner.text == ",":
                arguments.append([])
            else:
                arguments[-1].append(inner)
        places = [(part[0].start, part[-1].end) for part in arguments if part]
        if len(places) > 1:
            yield places
