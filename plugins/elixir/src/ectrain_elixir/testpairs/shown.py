"""Values as people write them in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ectrain_elixir.katas.values import Atom, Struct, literal


def shown(value: Any) -> str:
    """Return a value as Elixir: `%{size: 1}` and `[size: 1]` where keys are atoms."""
    if isinstance(value, Struct):
        return f"%{value.module}{{{_pairs(value.fields)}}}"
    if isinstance(value, Mapping):
        if value and all(isinstance(key, Atom) for key in value):
            return f"%{{{_pairs(tuple(value.items()))}}}"
        return f"%{{{', '.join(f'{shown(k)} => {shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        inside = _pairs(value) if is_keyword(value) else ", ".join(map(shown, value))
        return f"[{inside}]"
    if isinstance(value, tuple):
        return f"{{{', '.join(map(shown, value))}}}"
    return literal(value)


def is_keyword(value: Any) -> bool:
    """Return whether a value is a list of pairs whose first is an atom."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], Atom) for x in value)
    )


def _pairs(pairs: Sequence[tuple[Any, Any]]) -> str:
    return ", ".join(f"{key}: {shown(value)}" for key, value in pairs)
