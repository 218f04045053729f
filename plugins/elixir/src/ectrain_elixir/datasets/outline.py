"""What a file defines, from its syntax tree alone: no Elixir is needed, and no code is run.

Only statements of files and modules are looked at, not what is inside functions: a tenth of the
time of parsing. `ectrain_elixir.analysis.outline` follows calls, too, and takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from tree_sitter import Node

_MODULES = {"defmodule": "module", "defprotocol": "protocol", "defimpl": "implementation"}
_PUBLIC = frozenset({"def", "defmacro", "defguard", "defdelegate"})
_LINKS = frozenset({"alias", "import", "require", "use"})
_STRUCTS = frozenset({"defstruct", "defexception"})


@attrs.frozen
class ModuleOutline:
    """A module, protocol or implementation.

    Attributes:
        name: With the names of the modules around it.
        kind: "module", "protocol" or "implementation".
        functions: Public functions, macros, guards and delegates, as "name/arity".
        fields: Of its struct.
        behaviours: Named by `@behaviour`.
        callbacks: It asks for, as "name/arity".
        links: Modules it names, by directive: "alias", "import", "require", "use".
        aliases: Short names and what they stand for, as "Short=Full.Name".
    """

    name: str
    kind: str
    functions: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()


@attrs.frozen
class Outline:
    """The modules of a file, outer before inner."""

    modules: tuple[ModuleOutline, ...]

    def uses(self, name: str) -> bool:
        """Return whether a module of the file calls `use` or `import` on this one."""
        links = {link for module in self.modules for link in module.links}
        return ("use", name) in links or ("import", name) in links


def outlined(root: Node, text: bytes) -> Outline:
    """Return the outline of a parsed file."""
    return Outline(tuple(_Reader(text).modules(root, "")))


@attrs.define
class _Reader:
    text: bytes

    def of(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def modules(self, block: Node, outer: str) -> Iterator[ModuleOutline]:
        for word, node in self.statements(block):
            if word in _MODULES:
                yield from self.module(word, node, outer)

    def statements(self, block: Node) -> Iterator[tuple[str, Node]]:
        for node in block.named_children:
            if node.type == "call":
                target = node.child_by_field_name("target")
                if target is not None and target.type == "identifier":
                    yield self.of(target), node
            elif node.type == "unary_operator":
                yield "@", node

    def module(self, word: str, node: Node, outer: str) -> Iterator[ModuleOutline]:
        names = self.arguments(node)
        body = next((child for child in node.children if child.type == "do_block"), None)
        if not names or body is None:
            return
        name = self.of(names[0])
        kind = _MODULES[word]
        if kind == "implementation":
            target = self.keyword(names, "for") or outer
            full = f"{name}.{target}" if target else name
        else:
            full = f"{outer}.{name}" if outer and name[:1].isupper() else name
        found: dict[str, list[Any]] = {
            a.name: [] for a in attrs.fields(ModuleOutline) if a.name not in ("name", "kind")
        }
        for inner, statement in self.statements(body):
            self.take(inner, statement, found)
        lists = {key: tuple(dict.fromkeys(values)) for key, values in found.items()}
        yield ModuleOutline(full.replace("__MODULE__", outer), kind, **lists)
        yield from self.modules(body, full)

    def take(self, word: str, node: Node, found: dict[str, list[Any]]) -> None:
        if word in _PUBLIC:
            found["functions"] += self.heads(node)
        elif word in _LINKS:
            for short, name in self.linked(node):
                found["links"].append((word, name))
                if word == "alias":
                    found["aliases"].append(f"{short}={name}")
        elif word in _STRUCTS:
            found["fields"] += self.fields(node)
        elif word == "@":
            self.attribute(node, found)

    def attribute(self, node: Node, found: dict[str, list[Any]]) -> None:
        call = node.child_by_field_name("operand")
        if call is None or call.type != "call":
            return
        target = call.child_by_field_name("target")
        word = self.of(target) if target is not None else ""
        if word == "behaviour":
            found["behaviours"] += [self.of(n) for n in self.arguments(call) if n.type == "alias"]
        elif word in ("callback", "macrocallback"):
            for argument in self.arguments(call):
                found["callbacks"] += self.signature(argument)

    def arguments(self, call: Node) -> list[Node]:
        for child in call.named_children:
            if child.type == "arguments":
                return [node for node in child.named_children if node.type != "comment"]
        return []

    def keyword(self, arguments: list[Node], key: str) -> str:
        for name, value in self.pairs(arguments):
            if name == key:
                return self.of(value)
        return ""

    def pairs(self, nodes: list[Node]) -> Iterator[tuple[str, Node]]:
        for node in nodes:
            if node.type == "keywords":
                for pair in node.named_children:
                    key, value = (
                        pair.child_by_field_name("key"),
                        pair.child_by_field_name("value"),
                    )
                    if key is not None and value is not None:
                        yield self.of(key).strip().rstrip(":"), value

    def heads(self, definition: Node) -> list[str]:
        found = self.arguments(definition)
        return self.signature(found[0]) if found else []

    def signature(self, node: Node) -> list[str]:
        """Return a head's "name/arity"; what `when` and `::` add is passed over."""
        while node.type == "binary_operator":
            left = node.child_by_field_name("left")
            if left is None:
                return []
            node = left
        if node.type == "identifier":
            return [f"{self.of(node)}/0"]
        target = node.child_by_field_name("target") if node.type == "call" else None
        if target is None or target.type != "identifier":
            return []
        return [f"{self.of(target)}/{len(self.arguments(node))}"]

    def linked(self, node: Node) -> Iterator[tuple[str, str]]:
        """Yield the short and the full name of each module that a directive names."""
        arguments = self.arguments(node)
        for argument in arguments[:1]:
            if argument.type == "alias":
                name = self.of(argument)
                yield self.keyword(arguments, "as") or name.rpartition(".")[2], name
            elif argument.type == "dot":  # Prefix.{One, Two}
                prefix, _, inner = self.of(argument).partition(".{")
                for part in inner.rstrip("}").split(","):
                    if part.strip():
                        name = f"{prefix}.{part.strip()}"
                        yield name.rpartition(".")[2], name

    def fields(self, node: Node) -> list[str]:
        arguments = self.arguments(node)
        found = [name for name, _ in self.pairs(arguments)]
        for argument in arguments:
            if argument.type == "list":
                found += [name for name, _ in self.pairs(argument.named_children)]
                atoms = [n for n in argument.named_children if n.type == "atom"]
                found += [self.of(atom).lstrip(":") for atom in atoms]
        return found
