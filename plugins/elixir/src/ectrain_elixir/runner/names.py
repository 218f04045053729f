"""The names of a suite's tests, read from its text."""

from tree_sitter import Node

from ectrain_elixir.syntax import tree

WORDS = {"test": "", "property": "property "}  # what a test begins with, and its name then


def test_names(tests: str) -> tuple[str, ...]:
    """Return the names as ExUnit has them: a describe block's text, a space, the test's text.

    ExUnit leaves the word "test" out, not "property". Names that are computed, and tests that a
    macro makes, are not found: a suite with such tests needs its names written down.
    """
    found: list[str] = []
    _collect(tree(tests), "", found)
    return tuple(found)


def _collect(node: Node, prefix: str, found: list[str]) -> None:
    name = called(node)
    text = first_text(node) if name in (*WORDS, "describe") else None
    if name in WORDS and text is not None:
        found.append(f"{WORDS[name]}{prefix}{text}")
        return
    if name == "describe" and text is not None:
        prefix = f"{text} "
    for child in node.children:
        _collect(child, prefix, found)


def called(node: Node) -> str:
    """Return the name that a call has, with its module; "" for anything else."""
    target = node.child_by_field_name("target") if node.type == "call" else None
    return target.text.decode() if target is not None and target.text is not None else ""


def first_text(node: Node) -> str | None:
    """Return the first argument where it is a string without interpolation."""
    arguments = next((child for child in node.children if child.type == "arguments"), None)
    first = arguments.named_children[0] if arguments and arguments.named_children else None
    if first is None or first.type != "string":
        return None
    parts = first.named_children
    if any(part.type == "interpolation" for part in parts):
        return None
    return "".join(_plain(part) for part in parts)


def _plain(part: Node) -> str:
    text = (part.text or b"").decode()
    if part.type != "escape_sequence":
        return text
    return {"\\n": "\n", "\\t": "\t"}.get(text, text[1:])
