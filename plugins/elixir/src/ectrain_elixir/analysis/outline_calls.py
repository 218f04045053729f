"""What a piece of a syntax tree calls, in the names that Elixir's own parser gives it."""

from collections.abc import Iterator

from tree_sitter import Node

_SPECIAL = {
    *("quote", "unquote", "unquote_splicing", "case", "cond", "if", "unless", "with", "for", "try"),
    *("receive", "super", "raise", "throw", "defstruct", "defexception", "__MODULE__", "__ENV__"),
}
_OPERATORS = {
    *(
        "::",
        "->",
        "<-",
        "=",
        "=>",
        "|",
        "^",
        "&",
        ".",
        "@",
        "when",
        "\\\\",
        "not",
        "and",
        "or",
        "!",
    ),
    *("&&", "||", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "+", "-", "*", "/", "++"),
    *("--", "<>", "..", "in", "|>", "//", "=~"),
}


def text_of(node: Node | None) -> str:
    """Return a node's text on one line, atoms without their colon."""
    raw = "" if node is None or node.text is None else node.text.decode("utf-8", "replace")
    text = " ".join(raw.split())
    if node is not None and node.type == "atom":
        return text.removeprefix(":")
    module = text.removeprefix(':"Elixir.')
    return module.removesuffix('"') if module != text else text


def children(node: Node) -> list[Node]:
    """Return the named children but comments."""
    return [child for child in node.named_children if child.type != "comment"]


def arguments(call: Node) -> list[Node]:
    """Return a call's arguments; keywords at their end are one, its block is none of them."""
    for child in call.children:
        if child.type == "arguments":
            return children(child)
    return []


def operand(node: Node) -> Node | None:
    """Return what an operator in front stands before, without parentheses."""
    return next((c for c in node.children_by_field_name("operand") if c.is_named), None)


def block(call: Node) -> Node | None:
    """Return a call's `do` block."""
    return next((child for child in call.children if child.type == "do_block"), None)


def calls(node: Node | None, more: int = 0) -> Iterator[str]:
    """Yield "Module.name/arity" or "name/arity", as often as they are called.

    Args:
        node: Where to look.
        more: Arguments that come from a pipe.
    """
    if node is None:
        return
    if node.type == "call":
        yield from _call(node, more)
    elif node.type == "binary_operator":
        yield from _binary(node)
    elif node.type == "unary_operator" and text_of(node.child_by_field_name("operator")) == "&":
        yield from _captured(node)
    else:
        yield from _other(node)


def _other(node: Node) -> Iterator[str]:
    if node.type == "access_call":
        yield "Access.get/2"
    elif node.type == "sigil":
        yield f"sigil_{text_of(children(node)[0])}/2"
    elif node.type == "quoted_atom" and _interpolated(node):
        yield "erlang.binary_to_atom/2"
    elif node.type == "charlist" and _interpolated(node):
        yield "List.to_charlist/1"
    elif node.type == "interpolation":
        yield "Kernel.to_string/1"
    elif node.type == "unary_operator":
        name = text_of(node.child_by_field_name("operator"))
        if name not in _OPERATORS:
            yield f"{name}/1"
    for child in children(node):
        yield from calls(child)


def _interpolated(node: Node) -> bool:
    return any(child.type == "interpolation" for child in node.children)


def _binary(node: Node) -> Iterator[str]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    name = text_of(node.child_by_field_name("operator"))
    if name == "|>":
        yield from calls(left)
        yield from calls(right, 1)
        return
    if name == "//":
        yield "..///3"
    elif name not in _OPERATORS and name != "not in":
        yield f"{name}/2"
    yield from calls(left)
    yield from calls(right)


def _captured(node: Node) -> Iterator[str]:
    inner = operand(node)
    if inner is not None and inner.type == "binary_operator":
        form, arity = inner.child_by_field_name("left"), inner.child_by_field_name("right")
        named = form is not None and form.type in ("identifier", "operator_identifier")
        remote = form is not None and form.type == "call" and not _parenthesised(form)
        if arity is not None and arity.type == "integer" and form is not None and (named or remote):
            yield f"{_name(form)}/{text_of(arity)}"
            return
    yield from calls(inner)


def _parenthesised(call: Node) -> bool:
    return any(child.type == "arguments" for child in call.children)


def _name(form: Node) -> str:
    target = form.child_by_field_name("target") if form.type == "call" else form
    if target is not None and target.type == "dot":
        left, right = target.child_by_field_name("left"), target.child_by_field_name("right")
        return f"{text_of(left)}.{text_of(right)}"
    return text_of(target)


def _call(node: Node, more: int) -> Iterator[str]:
    target, given, body = node.child_by_field_name("target"), arguments(node), block(node)
    arity = len(given) + more + (body is not None)
    if target is not None and target.type == "dot":
        yield from _remote(target, arity, _parenthesised(node))
    elif target is not None and target.type == "identifier":
        name = text_of(target)
        if name not in _SPECIAL:
            yield f"{name}/{arity}"
    else:
        yield from calls(target)
    for child in given:
        yield from calls(child)
    yield from calls(body)


def _remote(target: Node, arity: int, parenthesised: bool) -> Iterator[str]:
    left, right = target.child_by_field_name("left"), target.child_by_field_name("right")
    yield from calls(left)
    field = arity == 0 and not parenthesised
    variable = left is not None and left.type == "identifier" and text_of(left) != "__MODULE__"
    if right is None or field or variable or left is None:
        return
    if right.type == "tuple":
        yield f"{text_of(left)}.{{}}/{len(children(right))}"
    else:
        yield f"{text_of(left)}.{text_of(right)}/{arity}"
