"""What a suite says it tests, from its syntax tree: names, assertions, and what hides failures."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from tree_sitter import Node

from ectrain_elixir.runner.names import WORDS, called, first_text
from ectrain_elixir.syntax import tree

ASSERTIONS = frozenset(
    {
        "assert",
        "refute",
        "assert_raise",
        "assert_receive",
        "assert_received",
        "refute_receive",
        "refute_received",
        "assert_in_delta",
        "refute_in_delta",
        "flunk",
        "catch_error",
        "catch_exit",
        "catch_throw",
    }
)
_HIDING = frozenset({"rescue_block", "catch_block"})


@attrs.frozen
class TestOutline:
    """A test of a suite.

    Attributes:
        name: As ExUnit runs it; "" where it is no plain text.
        assertions: How many stand in it.
        rescued: Whether one stands where a `rescue` or `catch` would take its failure.
    """

    __test__ = False

    name: str
    assertions: int
    rescued: bool


@attrs.frozen
class SuiteOutline:
    """A suite.

    Attributes:
        tests: In the order of the text.
        configures: Whether it tells ExUnit what to run, by `ExUnit.start` or `ExUnit.configure`
            with options.
    """

    tests: tuple[TestOutline, ...]
    configures: bool


def read_suite(text: str) -> SuiteOutline:
    """Return the outline of a suite."""
    root = tree(text)
    return SuiteOutline(tuple(_tests(root, "")), any(map(_configures, _nodes(root))))


def failing_assertions(text: str) -> str:
    """Return a suite whose every assertion fails: each test that reaches one must then fail."""
    code = text.encode("utf-8", "surrogatepass")
    spans = [(n.start_byte, n.end_byte) for n in _outer_assertions(tree(text))]
    for first, last in reversed(spans):
        lines = b"\n" * code[first:last].count(b"\n")
        code = code[:first] + b'flunk("reached"' + lines + b")" + code[last:]
    return code.decode("utf-8", "surrogatepass")


def _outer_assertions(node: Node) -> Iterator[Node]:
    if called(node) in ASSERTIONS:
        yield node
        return
    for child in node.named_children:
        yield from _outer_assertions(child)


def _tests(node: Node, before: str) -> Iterator[TestOutline]:
    for child in node.named_children:
        word = called(child)
        if word in WORDS:
            title = first_text(child)
            name = f"{WORDS[word]}{before}{title}" if title else ""
            yield TestOutline(name, *_assertions(child))
        elif word == "describe":
            yield from _tests(child, f"{first_text(child) or ''} ")
        else:
            yield from _tests(child, before)


def _assertions(test: Node) -> tuple[int, bool]:
    """Return how many assertions a test has, and whether one of them can be rescued."""
    found = [node for node in _nodes(test) if called(node) in ASSERTIONS]
    return len(found), any(_is_rescued(node, test) for node in found)


def _is_rescued(node: Node, test: Node) -> bool:
    """Return whether a node stands in a block with `rescue` or `catch`, up to its test."""
    child, parent = node, node.parent
    while parent is not None and child != test:
        hiding = [other for other in parent.named_children if other.type in _HIDING]
        if any(child != other for other in hiding) and child.type not in _HIDING:
            return True
        child, parent = parent, parent.parent
    return False


def _configures(node: Node) -> bool:
    name = called(node)
    return name == "ExUnit.configure" or (name == "ExUnit.start" and _arguments(node) > 0)


def _arguments(call: Node) -> int:
    own = [child for child in call.named_children if child.type == "arguments"]
    return sum(len(child.named_children) for child in own)


def _nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.named_children))
