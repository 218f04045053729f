"""Parts of a program that can be cut out as a whole: bodies, clauses, stages of a pipe."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ectrain_elixir.definitions import DEFINING
from ectrain_elixir.syntax import tree


def cuts(code: str) -> list[tuple[int, int]]:
    """Return the parts of a text that parse by themselves, as (first, last + 1) characters.

    They are the bodies of `do` blocks and of `->` clauses, whole definitions, and what stands
    right of a `|>`; in the order of the text.
    """
    text = code.encode("utf-8", "surrogatepass")
    root = tree(code)
    spans = {
        (first, last)
        for node in _nodes(root)
        if not node.has_error
        for first, last in _parts(node)
        if first < last
    }
    if len(text) == len(code):
        return sorted(spans)
    return sorted((_characters(text, first), _characters(text, last)) for first, last in spans)


def _nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.named_children)


def _parts(node: Node) -> Iterator[tuple[int, int]]:
    """Yield what can be cut out of a node, in bytes."""
    if node.type == "do_block":
        inside = [c for c in node.named_children if not c.type.endswith("_block")]
        if inside and all(child.type != "stab_clause" for child in inside):
            yield inside[0].start_byte, inside[-1].end_byte
    elif node.type == "body":
        yield node.start_byte, node.end_byte
    elif node.type == "binary_operator" and len(node.children) == 3:
        if node.children[1].type == "|>":
            yield node.children[2].start_byte, node.children[2].end_byte
    elif node.type == "call" and node.children[0].text in DEFINING:
        yield node.start_byte, node.end_byte


def _characters(text: bytes, byte: int) -> int:
    return len(text[:byte].decode("utf-8", "surrogatepass"))
