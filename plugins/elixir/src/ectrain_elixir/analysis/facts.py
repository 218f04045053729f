"""What a file defines, calls and uses."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


class ParseError(ValueError):
    """The text is no Elixir.

    Args:
        message: The parser's words.
        line: Where, from 1.
        column: Where, from 1; 0 where the parser names none.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column = message, line, column


@attrs.frozen
class Module:
    """A module, a protocol or an implementation of one.

    Args:
        name: With the names of the modules around it.
        kind: "module", "protocol" or "implementation".
        line: Where it begins.
        behaviours: What it implements by `@behaviour`.
        uses: What it calls `use` on.
        fields: Names of its struct's fields; None where it has no struct.
        links: Modules it names in `alias`, `import` and `require`, by directive.
    """

    name: str
    kind: str
    line: int
    behaviours: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    links: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@attrs.frozen
class Function:
    """One clause of a function, macro, guard or delegate.

    Args:
        module: Where it is defined.
        name: Without the module.
        kind: "def", "defp", "defmacro", ...
        arity: With all arguments.
        least: Arity without the arguments that have defaults.
        line: Where it begins.
        guard: Its text, or None.
        parameters: The patterns, as text.
        calls: "Module.name/arity" or "name/arity" of what it calls, each once.
    """

    module: str | None
    name: str
    kind: str
    arity: int
    least: int
    line: int
    guard: str | None
    parameters: tuple[str, ...]
    calls: tuple[str, ...]

    @property
    def signature(self) -> str:
        """Module, name and arity."""
        return ".".join(filter(None, [self.module, f"{self.name}/{self.arity}"]))


@attrs.frozen
class Typed:
    """A spec, a type or a callback.

    Args:
        module: Where it stands.
        kind: "spec", "type" or "callback".
        name: Of the function or the type.
        arity: Number of its arguments.
        line: Where it stands.
        returns: What is behind `::`, as text.
    """

    module: str | None
    kind: str
    name: str
    arity: int
    line: int
    returns: str


@attrs.frozen
class Facts:
    """Everything found in one file, in the order of its text."""

    modules: tuple[Module, ...]
    functions: tuple[Function, ...]
    typed: tuple[Typed, ...]

    def call_graph(self) -> dict[str, tuple[str, ...]]:
        """Return for each function of the file which functions of the file it calls."""
        own = {function.signature for function in self.functions}
        graph: dict[str, dict[str, None]] = {signature: {} for signature in own}
        for function in self.functions:
            for call in function.calls:
                full = call.replace("__MODULE__", str(function.module), 1)
                for target in (full, f"{function.module}.{call}"):
                    if target in own:
                        graph[function.signature][target] = None
        return {caller: tuple(called) for caller, called in sorted(graph.items())}


def facts_of(rows: Sequence[Mapping[str, Any]]) -> Facts:
    """Return facts from a worker's answer."""
    kinds = ("module", "protocol", "implementation")
    return Facts(
        modules=tuple(_module(row, rows) for row in rows if row["fact"] in kinds),
        functions=tuple(_function(row) for row in rows if row["fact"] == "function"),
        typed=tuple(
            Typed(
                row["of"],
                row["fact"],
                row["name"],
                row.get("arity", 0),
                row["line"],
                row.get("returns", ""),
            )
            for row in rows
            if row["fact"] in ("spec", "type", "callback")
        ),
    )


def _module(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Module:
    inside = [r for r in rows if r.get("of") == row["name"] and r["fact"] != "implementation"]

    def names(fact: str) -> tuple[str, ...]:
        return tuple(r["name"] for r in inside if r["fact"] == fact)

    structs = [tuple(r["fields"]) for r in inside if r["fact"] == "struct"]
    links = {fact: names(fact) for fact in ("alias", "import", "require") if names(fact)}
    return Module(
        name=row["name"],
        kind=row["fact"],
        line=row["line"],
        behaviours=names("behaviour"),
        uses=names("use"),
        fields=structs[0] if structs else None,
        links=links,
    )


def _function(row: Mapping[str, Any]) -> Function:
    return Function(
        module=row["of"],
        name=row["name"],
        kind=row["kind"],
        arity=row["arity"],
        least=row["least"],
        line=row["line"],
        guard=row["guard"],
        parameters=tuple(row["parameters"]),
        calls=tuple(row["calls"]),
    )
