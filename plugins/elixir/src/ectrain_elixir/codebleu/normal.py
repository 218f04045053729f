"""The normal form of a syntax tree, in which pipes are calls and `do:` is a block."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from tree_sitter import Node

from ectrain_elixir.syntax import tree


@attrs.frozen
class Form:
    """A node of the normal form.

    Attributes:
        kind: Type of the node; of a call "call", its name is `text`.
        text: A leaf's text, a call's name where it is a plain one, an operator; else "".
        inner: Nodes below, in order; of a call its arguments, then its blocks.
    """

    kind: str
    text: str = ""
    inner: tuple[Form, ...] = ()

    def all(self) -> Iterator[Form]:
        """Yield this node and all below it."""
        stack = [self]
        while stack:
            form = stack.pop()
            yield form
            stack.extend(reversed(form.inner))


_BLOCKS = {"do": "do_block", "else": "else_block", "rescue": "rescue_block",
           "catch": "catch_block", "after": "after_block"}  # fmt: skip


DEEPEST = 100  # nodes below one another; what lies deeper is left out


def normal_form(code: str) -> Form:
    """Return the normal form of a text; what is no Elixir in it has the kind "ERROR"."""
    return _form(tree(code), 0)


def _form(node: Node, depth: int) -> Form:
    depth += 1
    if depth > DEEPEST:
        return Form(node.type)
    if node.type == "call":
        return _call(node, depth)
    if node.type == "binary_operator" and len(node.children) == 3:
        left, operator, right = node.children
        if operator.type == "|>":
            return _piped(_form(left, depth), _form(right, depth))
        return Form(node.type, operator.type, (_form(left, depth), _form(right, depth)))
    if node.type == "unary_operator" and node.children:
        return Form(node.type, node.children[0].type, _inner(node, depth))
    inner = _inner(node, depth)
    if len(inner) == 1 and node.type in ("block", "body"):  # parentheses, one expression
        return inner[0]
    return Form(node.type, "" if inner else _text(node), inner)


def _inner(node: Node, depth: int) -> tuple[Form, ...]:
    return tuple(_form(child, depth) for child in node.named_children if child.type != "comment")


def _call(node: Node, depth: int) -> Form:
    """Return a call: its arguments without brackets, then its blocks however they are written."""
    target, *rest = [child for child in node.named_children if child.type != "comment"]
    arguments: list[Form] = []
    blocks: list[Form] = []
    for child in rest:
        if child.type == "arguments":
            arguments += _inner(child, depth)
        else:
            blocks.append(_form(child, depth))
    if arguments and arguments[-1].kind == "keywords":
        plain, written = _split_keywords(arguments.pop())
        arguments += plain
        blocks += written
    return Form("call", _name(target), (*arguments, *blocks))


def _split_keywords(keywords: Form) -> tuple[list[Form], list[Form]]:
    """Return the keywords that are plain ones, and as a block those that are one."""
    plain: list[Form] = []
    parts: list[Form] = []
    for pair in keywords.inner:
        name = pair.inner[0].text.rstrip(": \n") if pair.inner else ""
        if name in _BLOCKS and len(pair.inner) == 2:
            value = pair.inner[1]
            inner = value.inner if value.kind == "block" else (value,)
            parts.append(Form(_BLOCKS[name], "", inner))
        else:
            plain.append(pair)
    if parts and parts[0].kind == "do_block":  # the others lie inside it, as in a written block
        parts = [Form("do_block", "", (*parts[0].inner, *parts[1:]))]
    return ([Form("keywords", "", tuple(plain))] if plain else []), parts


def _piped(value: Form, call: Form) -> Form:
    if call.kind == "call":
        return Form("call", call.text, (value, *call.inner))
    return Form("call", call.text or call.kind, (value,))


def _name(target: Node) -> str:
    return "".join(_text(target).split())


def _text(node: Node) -> str:
    return node.text.decode("utf-8", "replace") if node.text is not None else ""
