"""A program's normal form: what is left when names, numbers, texts and layout don't count.

Two programs with one normal form are the same program to learn: only alpha-renaming, other
literals, comments, blanks or line breaks set them apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ectrain_elixir.syntax import tree

# leaves whose text doesn't count, and what is written instead
MASKS = {
    "integer": "0",
    "float": "0",
    "char": "0",
    "quoted_content": "_",
    "escape_sequence": "_",
    "atom": ":a",
}
KEPT_ATOMS = frozenset({":ok", ":error", ":desc", ":asc", ":cont", ":halt", ":reply", ":noreply"})
DROPPED = frozenset({"comment", ";", "terminator"})


def normal_form(program: str) -> str:
    """Return a program's leaves in order, with names numbered as they first occur.

    Variables and the module's and functions' own names are numbered; functions that are called
    and never defined here keep their names, and so do other modules.
    """
    root = tree(program)
    own = set(_defined(root))
    names: dict[str, str] = {}
    found = []
    for node in _leaves(root):
        text = (node.text or b"").decode("utf-8", "replace")
        if node.type in MASKS and text not in KEPT_ATOMS:
            found.append(MASKS[node.type])
        elif node.type == "keyword":
            found.append(
                text.strip() if text.strip() in ("do:", "else:", "into:", "for:") else "k:"
            )
        elif text in own or (node.type == "identifier" and not _called(node)):
            found.append(names.setdefault(text, f"n{len(names)}"))
        elif text.strip():
            found.append(text)
    return " ".join(found)


def _leaves(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        at = stack.pop()
        if at.type in DROPPED:
            continue
        if at.children:
            stack.extend(reversed(at.children))
        else:
            yield at


def _called(node: Node) -> bool:
    """Return whether an identifier is a function that is called, not a variable."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "call":
        return parent.child_by_field_name("target") == node
    if parent.type == "dot":
        return parent.child_by_field_name("right") == node
    return (
        parent.type == "binary_operator"
        and node.next_sibling is not None
        and (node.next_sibling.type == "/")
    )


DEFINING = frozenset({"def", "defp", "defmodule", "defprotocol", "defmacro"})


def _defined(root: Node) -> Iterator[str]:
    """Yield names of modules and functions that a program defines."""
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        if node.type != "call":
            continue
        target = node.child_by_field_name("target")
        if target is None or (target.text or b"").decode() not in DEFINING:
            continue
        arguments = next((c for c in node.children if c.type == "arguments"), None)
        if arguments is not None and arguments.named_children:
            yield _name(arguments.named_children[0])


def _name(head: Node) -> str:
    """Return the name in `f(x) when g`, `f(x)`, `f` or `M`."""
    node = head
    while node.type in ("binary_operator", "call"):
        node = node.children[0]
    return (node.text or b"").decode("utf-8", "replace")
