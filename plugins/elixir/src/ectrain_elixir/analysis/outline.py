"""The facts of a file without Elixir on the machine: the same as `Analyst.facts`, less exactly.

They are read from tree-sitter's tree. Where the two differ, Elixir's own are right; how often they
do is measured by `compared`, and said in the engine's documentation.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from tree_sitter import Node

from ectrain_elixir.analysis.facts import Facts, facts_of
from ectrain_elixir.analysis.outline_calls import (
    arguments,
    block,
    calls,
    children,
    operand,
    text_of,
)
from ectrain_elixir.syntax import tree

_DEFINITIONS = frozenset(
    ("def", "defp", "defmacro", "defmacrop", "defguard", "defguardp", "defdelegate")
)
_KINDS = {"defmodule": "module", "defprotocol": "protocol"}
_DIRECTIVES = frozenset({"alias", "import", "require", "use"})
_TYPES = {"type": "type", "typep": "type", "opaque": "type", "spec": "spec"} | dict.fromkeys(
    ("callback", "macrocallback"), "callback"
)
Row = dict[str, Any]


def outline(code: str) -> Facts:
    """Return what a file defines and calls; of a text that is no Elixir, what can be made out."""
    return facts_of(list(_forms(children(tree(code)), None)))


def _forms(nodes: Iterable[Node], module: str | None) -> Iterator[Row]:
    for node in nodes:
        if node.type == "call":
            yield from _form(node, module)
        elif node.type == "unary_operator" and text_of(node.child_by_field_name("operator")) == "@":
            yield from _attribute(operand(node), module)
        elif node.type == "block":
            yield from _forms(children(node), module)


def _form(node: Node, module: str | None) -> Iterator[Row]:
    name, given = text_of(node.child_by_field_name("target")), arguments(node)
    if not given:
        return
    if name in _KINDS:
        full = ".".join(filter(None, [module, text_of(given[0])]))
        yield {"fact": _KINDS[name], "name": full, "line": _line(node), "of": module}
        yield from _forms(_body(node, given), full)
    elif name == "defimpl":
        yield from _implementation(node, given, module)
    elif name in _DEFINITIONS:
        yield _function(node, name, given, module)
    elif name in ("defstruct", "defexception"):
        fields = [text_of(field).removesuffix(":") for field in _fields(given[0])]
        yield {"fact": "struct", "name": module, "of": module, "fields": fields}
    elif name in _DIRECTIVES:
        for one in _several(given[0]):
            yield {"fact": name, "name": one, "of": module}


def _line(node: Node) -> int:
    return int(node.start_point.row) + 1


def _body(node: Node, given: list[Node]) -> list[Node]:
    """Return what stands in a block, or behind `do:`."""
    found = block(node) or _keyword(given, "do")
    if found is None:
        return []
    return children(found) if found.type == "do_block" else [found]


def _keyword(given: list[Node], key: str) -> Node | None:
    pairs = [pair for one in given if one.type == "keywords" for pair in children(one)]
    for pair in pairs:
        if text_of(pair.child_by_field_name("key")) == f"{key}:":
            return pair.child_by_field_name("value")
    return None


def _implementation(node: Node, given: list[Node], module: str | None) -> Iterator[Row]:
    protocol, target = text_of(given[0]), _keyword(given, "for")
    name = ".".join(filter(None, [protocol, module if target is None else text_of(target)]))
    yield {"fact": "implementation", "name": name, "line": _line(node), "of": protocol}
    yield from _forms(_body(node, given), name)


def _function(node: Node, kind: str, given: list[Node], module: str | None) -> Row:
    name, parameters, guard = _head(given[0])
    defaults = [p for p in parameters if text_of(p.child_by_field_name("operator")) == "\\\\"]
    called = [c for part in (*given[1:], block(node), guard) for c in calls(part)]
    return {
        "fact": "function",
        "of": module,
        "name": name,
        "kind": kind,
        "line": _line(node),
        "arity": len(parameters),
        "least": len(parameters) - len(defaults),
        "guard": None if guard is None else text_of(guard),
        "parameters": [text_of(parameter) for parameter in parameters],
        "calls": list(dict.fromkeys(called)),
    }


def _head(node: Node) -> tuple[str, list[Node], Node | None]:
    """Return name, parameters and guard of a definition's or a type's head."""
    if node.type == "binary_operator":
        operator = text_of(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator == "when" and left is not None:
            name, parameters, _ = _head(left)
            return name, parameters, right
        if operator == "::" and left is not None:
            return _head(left)
        return operator, [side for side in (left, right) if side is not None], None
    if node.type == "unary_operator":
        return text_of(node.child_by_field_name("operator")), children(node), None
    if node.type == "call":
        return text_of(node.child_by_field_name("target")), arguments(node), None
    if node.type == "block" and len(children(node)) == 1:
        return _head(children(node)[0])
    return text_of(node), [], None


def _attribute(node: Node | None, module: str | None) -> Iterator[Row]:
    given = [] if node is None or node.type != "call" else arguments(node)
    if node is None or not given:
        return
    name = text_of(node.child_by_field_name("target"))
    if name == "behaviour":
        yield {"fact": "behaviour", "name": text_of(given[0]), "of": module}
    elif name in _TYPES:
        yield _typed(_TYPES[name], given[0], node, module)


def _typed(kind: str, spec: Node, node: Node, module: str | None) -> Row:
    row: Row = {"fact": kind, "of": module, "line": _line(node)}
    left = spec.child_by_field_name("left")
    if left is not None and text_of(spec.child_by_field_name("operator")) == "when":
        return _typed(kind, left, node, module)
    if left is None or text_of(spec.child_by_field_name("operator")) != "::":
        return row | {"name": text_of(spec)}
    name, parameters, _ = _head(left)
    returns = text_of(spec.child_by_field_name("right"))
    return row | {"name": name, "arity": len(parameters), "returns": returns}


def _fields(node: Node) -> Iterator[Node]:
    if node.type in ("list", "keywords"):
        for child in children(node):
            yield from _fields(child)
    elif node.type == "pair":
        yield from (key for key in [node.child_by_field_name("key")] if key is not None)
    else:
        yield node


def _several(node: Node) -> list[str]:
    right = node.child_by_field_name("right")
    if node.type == "dot" and right is not None and right.type == "tuple":
        base = text_of(node.child_by_field_name("left"))
        return [f"{base}.{text_of(child)}" for child in children(right)]
    return [text_of(node)]


@attrs.frozen
class Compared:
    """How many facts of one kind both have, and how many only one of them has."""

    both: int
    only_outline: int
    only_elixir: int

    @property
    def rate(self) -> float | None:
        """The share of all facts that both have, None where there are none."""
        every = self.both + self.only_outline + self.only_elixir
        return self.both / every if every else None


def compared(pairs: Iterable[tuple[Facts, Facts]]) -> dict[str, Compared]:
    """Return the agreement of (`outline`'s facts, `Analyst`'s facts) of files, by kind of fact."""
    found: dict[str, Compared] = {}
    for one, other in pairs:
        theirs = _kinds(other)
        for kind, mine in _kinds(one).items():
            old = found.get(kind, Compared(0, 0, 0))
            found[kind] = Compared(
                old.both + len(mine & theirs[kind]),
                old.only_outline + len(mine - theirs[kind]),
                old.only_elixir + len(theirs[kind] - mine),
            )
    return found


def _kinds(facts: Facts) -> dict[str, set[object]]:
    modules, functions = facts.modules, facts.functions
    return {
        "modules": {(m.name, m.kind, m.line) for m in modules},
        "functions": {(f.signature, f.kind, f.least, f.line) for f in functions},
        "calls": {(f.signature, f.line, call) for f in functions for call in f.calls},
        "edges": {(a, b) for a, called in facts.call_graph().items() for b in called},
        "specs and types": {(t.module, t.kind, t.name, t.arity) for t in facts.typed},
        "behaviours": {(m.name, b) for m in modules for b in m.behaviours},
        "structs": {(m.name, m.fields) for m in modules if m.fields is not None},
        "directives": {(m.name, d, n) for m in modules for d in m.links for n in m.links[d]}
        | {(m.name, "use", n) for m in modules for n in m.uses},
    }
