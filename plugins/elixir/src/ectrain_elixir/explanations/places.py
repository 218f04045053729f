"""Where an issue is: the lines that it spans, and the function and module around them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from tree_sitter import Node

from ectrain_elixir.analysis import outline
from ectrain_elixir.syntax import tree

_FUNCTIONS = frozenset([b"def", b"defp", b"defmacro", b"defmacrop", b"defguard", b"defguardp"])


@attrs.frozen
class Place:
    """A place in a file.

    Attributes:
        first: Line, from 1.
        last: Line where what begins on the first one ends.
        module: The innermost module around it, "" outside of any.
        function: The function around it as "name/arity", "" outside of any.
        text: The first line without what is around it.
    """

    first: int
    last: int
    module: str
    function: str
    text: str

    @property
    def said(self) -> str:
        """Where that is, in words: "in `load/1`"."""
        if self.function:
            return f"in `{self.function}`"
        return f"in the module `{self.module}`" if self.module else "at the top of the file"


def place_of(code: str, line: int) -> Place:
    """Return the place that begins on a line.

    Args:
        code: A whole file.
        line: From 1.
    """
    nodes = list(_nodes(tree(code)))
    facts = outline(code)
    ends = [n.end_point.row + (n.end_point.column > 0) for n in nodes if _row(n) == line]
    around = [_row(n) for n in nodes if _is_definition(n) and _row(n) <= line <= _end(n)]
    own = {f.line: f for f in facts.functions}
    function = next((own[row] for row in sorted(around, reverse=True) if row in own), None)
    modules = [m for m in facts.modules if m.line <= line]
    if function and function.module:
        module = function.module
    else:
        module = modules[-1].name if modules else ""
    return Place(
        line,
        max([line, *ends]),
        module,
        f"{function.name}/{function.arity}" if function else "",
        code.split("\n")[line - 1].strip(),
    )


def _nodes(root: Node) -> Iterator[Node]:
    """Yield all nodes below the root."""
    stack = list(root.named_children)
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.named_children)


def _row(node: Node) -> int:
    return int(node.start_point.row) + 1


def _end(node: Node) -> int:
    return int(node.end_point.row) + 1


def _is_definition(node: Node) -> bool:
    return node.type == "call" and node.children[0].text in _FUNCTIONS
