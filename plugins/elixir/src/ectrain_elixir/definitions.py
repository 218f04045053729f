"""Where the functions and macros of a text are."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ectrain_elixir.syntax import tree

DEFINING = frozenset([b"def", b"defp", b"defmacro", b"defmacrop"])


def definitions(code: str) -> list[tuple[int, int]]:
    """Return the first and the last line of each clause of a function or macro, from 1, in order.

    What stands above it (docs, specs) does not belong to it.
    """
    found = ((n.start_point[0] + 1, n.end_point[0] + 1) for n in _nodes(tree(code)) if _defines(n))
    return sorted(found)


def last_line(line: int, spans: list[tuple[int, int]]) -> int:
    """Return the line with which the innermost definition around a line ends; itself outside."""
    return min((last for first, last in spans if first <= line <= last), default=line)


def _defines(node: Node) -> bool:
    return node.type == "call" and node.children[0].text in DEFINING


def _nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.named_children)
