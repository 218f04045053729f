"""Whether a text is Elixir, without running any: the tree-sitter grammar's answer.

The grammar is more lenient than Elixir's own parser in a few places (it takes some calls and
keywords that `Code.string_to_quoted` refuses), so "parses" here is a necessary condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import attrs
import tree_sitter_elixir
from tree_sitter import Language, Node, Parser


@attrs.frozen
class SyntaxProblem:
    """The first place that is not Elixir.

    Attributes:
        line: From 1.
        column: From 1, in characters.
        what: What is wrong there.
    """

    line: int
    column: int
    what: str


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_elixir.language()))


def tree(code: str) -> Node:
    """Return the root of a text's syntax tree."""
    return _parser().parse(code.encode("utf-8", "surrogatepass")).root_node


def parses(code: str) -> bool:
    """Return whether a text has the shape of Elixir."""
    return not _parser().parse(code.encode("utf-8", "surrogatepass")).root_node.has_error


def first_error(code: str) -> SyntaxProblem | None:
    """Return the first place that is not Elixir, None where all of it is."""
    text = code.encode("utf-8", "surrogatepass")
    root = _parser().parse(text).root_node
    if not root.has_error:
        return None
    node = next(_broken(root), root)
    line = text.split(b"\n")[node.start_point.row]
    column = len(line[: node.start_point.column].decode("utf-8", "replace")) + 1
    found = text[node.start_byte : node.end_byte].decode("utf-8", "replace").strip()
    what = f"{node.type!r} is missing" if node.is_missing else f"unexpected {found[:40]!r}"
    return SyntaxProblem(node.start_point.row + 1, column, what)


def _broken(node: Node) -> Iterator[Node]:
    """Yield nodes that are errors or missing, outermost and first ones first."""
    if node.is_error or node.is_missing:
        yield node
        return
    for child in node.children:
        if child.has_error or child.is_missing:
            yield from _broken(child)


def token_spans(code: str) -> list[tuple[int, int, str]]:
    """Return the leaves of the syntax tree as (first byte, last byte + 1, type), in order."""
    found = []
    stack = [_parser().parse(code.encode("utf-8", "surrogatepass")).root_node]
    while stack:
        node = stack.pop()
        if node.children:
            stack.extend(reversed(node.children))
        elif node.end_byte > node.start_byte:
            found.append((node.start_byte, node.end_byte, node.type))
    return found
