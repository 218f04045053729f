"""From plain data (TOML, JSON) to attrs classes: strict, with every problem named by its key."""

from __future__ import annotations

import math
import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
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
from cattrs.gen import make_dict_structure_fn

from ectrain.errors import ConfigError, did_you_mean

T = TypeVar("T")

_WORDS = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


def toml_tables(text: str) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises:
        ValueError: It is none; line and column are named.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    except tomllib.TOMLDecodeError as error:
        at_end = f"at the end, line {len(text.splitlines())}"
        raise ValueError(str(error).replace("at end of document", at_end)) from None


class FieldError(ValueError):
    """A value that a field may not have.

    Args:
        field: Its name.
        expected: What it may have.
        value: What it has.
    """

    def __init__(self, field: str, expected: str, value: object) -> None:
        super().__init__(f"{field}: {_unlike(expected, value)}")


@attrs.frozen
class Between:
    """A validator of attrs fields: low <= value <= high; as text, what it expects.

    Attributes:
        low: Least value.
        high: Most value.
        above: The value must be above `low`.
        below: The value must be below `high`.
    """

    low: float
    high: float
    above: bool
    below: bool

    def __str__(self) -> str:
        """Say what is expected."""
        words = []
        if self.low > -math.inf:
            words.append(f"more than {self.low:g}" if self.above else f"{self.low:g} or more")
        if self.high < math.inf:
            words.append(f"less than {self.high:g}" if self.below else f"at most {self.high:g}")
        return " and ".join(words)

    def __call__(self, _: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        """Refuse a value that is out of bounds.

        Raises:
            FieldError: It is.
        """
        if not (self.low < value if self.above else self.low <= value) or not (
            value < self.high if self.below else value <= self.high
        ):
            raise FieldError(attribute.name, str(self), value)


def between(
    low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False
) -> Any:
    """Return a validator of attrs fields: low <= value <= high; see `Between`."""
    return Between(low, high, above, below)


def _unlike(expected: str, value: object) -> str:
    return f"expected {expected}, found {value!r:.60}"


def _strict(value: Any, kind: type) -> Any:
    """Take a value of exactly this kind; a whole number is a number, true is not."""
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or (kind is not bool and isinstance(value, bool)):
        raise TypeError(_unlike(_WORDS[kind], value))
    if kind is float and not math.isfinite(value):
        raise ValueError(_unlike("a finite number", value))
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
    raise TypeError(_unlike(" or ".join(names), value))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _literal(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    if value not in choices:
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ValueError(_unlike(f"one of {', '.join(map(repr, choices))}", value) + near)
    return value


def _sequence(value: Any, kind: Any) -> Any:
    if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
        raise TypeError(_unlike("a list", value))
    members = get_args(kind)
    if len(members) == 2 and members[1] is Ellipsis:
        members = (members[0],) * len(value)
    if len(members) != len(value):
        raise TypeError(f"expected {len(members)} values, found {len(value)}")
    pairs = enumerate(zip(value, members, strict=True))
    return tuple(_at(place, member, inner) for place, (member, inner) in pairs)


def _mapping(value: Any, kind: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(_unlike("a table", value))
    inner = get_args(kind)[1]
    return {key: _at(key, member, inner) for key, member in value.items()}


def _at(place: Any, member: Any, kind: Any) -> Any:
    """Structure one member of a list or table, and note its place in what goes wrong."""
    try:
        return converter.structure(member, kind)
    except Exception as error:
        note = IterableValidationNote("member", place, kind)
        error.__notes__ = [*getattr(error, "__notes__", ()), note]
        raise IterableValidationError("members", [error], tuple) from error


def _table(kind: Any) -> Callable[[Any, Any], Any]:
    """Return what makes an attrs class of a table, and of nothing else."""
    make = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(_unlike("a table", value))
        return make(value, kind)

    return structure


converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
for _kind in _WORDS:
    converter.register_structure_hook(_kind, _strict)
converter.register_structure_hook_func(_is_union, _of_table)
converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _literal)
converter.register_structure_hook_func(lambda kind: _origin(kind) is tuple, _sequence)
converter.register_structure_hook_func(lambda kind: _origin(kind) is Mapping, _mapping)
converter.register_structure_hook_factory(attrs.has, _table)


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
        raise ConfigError(f"{place}: {_unlike('a table', data)}")
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
            path = _dotted(path, note.name)
        elif isinstance(note, IterableValidationNote):
            at = note.index
            path = _dotted(path, at) if isinstance(at, str) else f"{path}[{at}]"
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            yield from problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [a.alias for a in attrs.fields(cast(Any, error.cl)) if a.init]
        for key in sorted(error.extra_fields):
            yield f"unknown key {_dotted(path, key)!r}{did_you_mean(key, known)}"
    elif isinstance(error, FieldError):
        yield f"{path}.{error}" if path else str(error)
    elif isinstance(error, KeyError):
        yield f"{path or error.args[0]} is missing"
    else:
        yield f"{path}: {error}" if path else str(error)


def _dotted(path: str, key: str) -> str:
    shown = key if re.fullmatch(r"[\w-]+", key) else repr(key)
    return f"{path}.{shown}" if path else shown
