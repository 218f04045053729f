"""From plain data (TOML, JSON) to attrs classes: strict, with every problem named by its key."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)

from ectrain.errors import ConfigError, EctrainError, did_you_mean

T = TypeVar("T")

_WORDS = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


def _strict(value: Any, kind: type) -> Any:
    """Take a value of exactly this kind; a whole number is a number, true is not."""
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (kind is not bool and isinstance(value, bool)):
        raise TypeError(f"expected {_WORDS[kind]}, found {value!r}")
    return float(value) if kind is float else value


def _of_table(value: Any, kind: Any) -> Any:
    """Take a number or a table: the union that curricula use."""
    tables = [k for k in get_args(kind) if attrs.has(k)]
    if isinstance(value, Mapping) and tables:
        return converter.structure(value, tables[0])
    plain = [k for k in get_args(kind) if k in _WORDS or k is type(None)]
    if value is None and type(None) in plain:
        return None
    for number in (bool, int, float, str):
        if number in plain:
            try:
                return _strict(value, number)
            except TypeError:
                continue
    names = [_WORDS[k] for k in plain if k in _WORDS] + ["a table"] * bool(tables)
    raise TypeError(f"expected {' or '.join(names)}, found {value!r}")


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _literal(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    if value not in choices:
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ValueError(f"expected one of {', '.join(map(repr, choices))}, found {value!r}{near}")
    return value


def _sequence_guard(value: Any, kind: Any) -> Any:
    if isinstance(value, str) or not hasattr(value, "__iter__") or isinstance(value, Mapping):
        raise TypeError(f"expected a list, found {value!r}")
    members = get_args(kind)
    if len(members) == 2 and members[1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(members) != len(value):
        raise TypeError(f"expected {len(members)} values, found {len(value)}")
    found = []
    for at, (member, inner) in enumerate(zip(value, members, strict=True)):
        try:
            found.append(converter.structure(member, inner))
        except Exception as error:
            error.__notes__ = [*getattr(error, "__notes__", ()), _note_of_item(at, inner)]
            raise IterableValidationError("list", [error], tuple) from error
    return tuple(found)


def _note_of_item(at: int, kind: Any) -> IterableValidationNote:
    return IterableValidationNote("item", at, kind)


converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
for _kind in _WORDS:
    converter.register_structure_hook(_kind, _strict)
converter.register_structure_hook_func(_is_union, _of_table)
converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _literal)
converter.register_structure_hook_func(lambda kind: _origin(kind) is tuple, _sequence_guard)


def structured(data: Any, kind: type[T], place: str) -> T:
    """Return `data` as an attrs class.

    Args:
        data: Tables, lists and plain values.
        kind: The class.
        place: What the data is, for messages: a path, "--set".

    Raises:
        ConfigError: Something does not fit; all problems are named, each with its key.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place}: expected a table, found {data!r}")
    try:
        return converter.structure(data, kind)
    except Exception as error:
        found = "; ".join(dict.fromkeys(problems(error)))
        raise ConfigError(f"{place}: {found}") from error


def plain(value: Any) -> Any:
    """Return an attrs class as tables, lists and plain values."""
    return converter.unstructure(value)


def problems(error: BaseException, path: str = "") -> Iterator[str]:
    """Yield what is wrong, each with the key that it is wrong at.

    Args:
        error: What structuring raised.
        path: Key of the value that was structured, "" for the whole.
    """
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            path = f"{path}.{note.name}" if path else note.name
        elif isinstance(note, IterableValidationNote):
            path = f"{path}[{note.index}]"
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            yield from problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [a.alias for a in attrs.fields(cast(Any, error.cl)) if a.init]
        for key in sorted(error.extra_fields):
            dotted = f"{path}.{key}" if path else key
            yield f"unknown key {dotted!r}{did_you_mean(key, known)}"
    elif isinstance(error, KeyError):
        yield f"{path}.{error.args[0]} is missing" if path else f"{error.args[0]} is missing"
    elif isinstance(error, EctrainError):
        yield str(error)
    else:
        yield f"{path}: {error}" if path else str(error)
