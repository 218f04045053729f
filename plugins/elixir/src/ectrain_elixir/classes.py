"""What kind of word each byte of a text belongs to: atom, pipe, module, variable and so on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Node

from ectrain_elixir.syntax import tree

CLASSES = (
    "layout", "atom", "pipe", "module", "variable", "function", "keyword", "number", "text",
    "comment", "operator", "bracket",
)  # fmt: skip
_NUMBER = {name: number for number, name in enumerate(CLASSES)}

# Reserved words, and the macros of Kernel that are read as if they were.
KEYWORDS = frozenset({
    "after", "alias", "and", "case", "catch", "cond", "def", "defdelegate", "defexception",
    "defguard", "defguardp", "defimpl", "defmacro", "defmacrop", "defmodule", "defoverridable",
    "defp", "defprotocol", "defstruct", "do", "else", "end", "false", "fn", "for", "if", "import",
    "in", "nil", "not", "or", "quote", "raise", "receive", "require", "reraise", "rescue", "super",
    "throw", "true", "try", "unless", "unquote", "unquote_splicing", "use", "when", "with",
})  # fmt: skip

_LEAVES = {
    "atom": "atom", "quoted_atom": "atom", "keyword": "atom", "quoted_keyword": "atom",
    "|>": "pipe", "alias": "module", "integer": "number", "float": "number", "char": "number",
    "quoted_content": "text", "escape_sequence": "text", "sigil_name": "text",
    "sigil_modifiers": "text", '"': "text", "'": "text", '"""': "text", "'''": "text",
    "comment": "comment", "boolean": "keyword", "nil": "keyword",
}  # fmt: skip
_BRACKETS = frozenset(["(", ")", "[", "]", "{", "}", "<<", ">>", "%", "#{", ",", ";"])


def byte_classes(code: str) -> NDArray[np.int64]:
    """Return the place in `CLASSES` of what each byte of a text belongs to, `[bytes]`."""
    found = np.zeros(len(code.encode("utf-8", "surrogatepass")), dtype=np.int64)
    stack: list[tuple[Node, Node | None]] = [(tree(code), None)]
    while stack:
        node, parent = stack.pop()
        if node.children:
            stack.extend((child, node) for child in node.children)
        else:
            found[node.start_byte : node.end_byte] = _NUMBER[_class_of(node, parent)]
    return found


def _class_of(leaf: Node, parent: Node | None) -> str:
    kind = leaf.type
    if kind == "identifier":
        if leaf.text is not None and leaf.text.decode("utf-8", "replace") in KEYWORDS:
            return "keyword"
        return "function" if parent is not None and _names_call(leaf, parent) else "variable"
    if kind in _LEAVES:
        return _LEAVES[kind]
    if kind in KEYWORDS:
        return "keyword"
    return "bracket" if kind in _BRACKETS else "layout" if leaf.is_error else "operator"


def _names_call(leaf: Node, parent: Node) -> bool:
    """Return whether an identifier is `f` in `f(x)`, `f x` or `M.f`."""
    place = {"call": 0, "dot": -1}.get(parent.type)
    return place is not None and parent.children[place] == leaf
