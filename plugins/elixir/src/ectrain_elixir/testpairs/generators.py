"""StreamData generators of values like those that a function is given."""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas.values import Atom, Struct
from ectrain_elixir.testpairs.shown import is_keyword, shown

_WORDS = re.compile(r"[A-Za-z ]+")
_DATE, _TIME = "~D[2024-01-15]", "~N[2024-01-15 10:30:00]"


def generator_of(values: Sequence[Any], rng: random.Random) -> str | None:
    """Return a generator of values like these, None where none is known.

    Numbers stay in the range of those that are given unless some are negative: a function for
    sizes is given no others. Keys and names stay those that are given.
    """
    known = [value for value in values if value is not None]
    if not known:
        return "constant(nil)" if values else "integer()"
    if all(isinstance(value, list) for value in known) and len(known) == len(values):
        return _list(known, rng)
    shapes: dict[tuple[Any, ...], list[Any]] = {}
    for value in values:
        shapes.setdefault(_shape(value), []).append(value)
    found = [_of_one_shape(own, rng) for own in shapes.values()]
    texts = [text for text in found if text is not None]
    if len(texts) < len(found):
        return None
    return texts[0] if len(texts) == 1 else f"one_of([{', '.join(texts)}])"


def _shape(value: Any) -> tuple[Any, ...]:
    """Return what values of one generator have in common."""
    if isinstance(value, tuple) and value and isinstance(value[0], Atom):
        return (tuple, len(value), str(value[0]))
    return (type(value), len(value) if isinstance(value, tuple) else 0)


def _of_one_shape(values: Sequence[Any], rng: random.Random) -> str | None:
    value = values[0]
    if value is None:
        return "constant(nil)"
    if isinstance(value, Atom):
        return f"member_of([{', '.join(sorted({shown(v) for v in values}))}])"
    if isinstance(value, Struct):
        fields = _fields([dict(v.fields) for v in values], rng)
        return fields and f"map(fixed_map({fields}), &struct!({value.module}, &1))"
    if isinstance(value, dict):
        return _map(values, rng)
    if isinstance(value, tuple):
        parts = [_part([v[n] for v in values], rng) for n in range(len(value))]
        found = [part for part in parts if part is not None]
        return f"tuple({{{', '.join(found)}}})" if len(found) == len(parts) else None
    return _simple(values, rng)


def _part(values: Sequence[Any], rng: random.Random) -> str | None:
    """Return the generator of a tuple's part; the name that it begins with is always the same."""
    if all(isinstance(v, Atom) for v in values) and len(set(values)) == 1:
        return f"constant({shown(values[0])})"
    return generator_of(values, rng)


def _simple(values: Sequence[Any], rng: random.Random) -> str | None:
    value = values[0]
    if isinstance(value, bool):
        return "boolean()"
    if isinstance(value, int):
        low, high = min(values), max(values)
        if low < 0:
            return rng.choice(("integer()", f"integer({low}..{high})"))
        return f"integer({low}..{max(high, low + 1)})"
    if isinstance(value, str):
        if any(set(text) & set(",;=") for text in values):
            return f"member_of([{', '.join(map(shown, values))}])"
        drawn = rng.choice(("string(:alphanumeric)", "string(:ascii)"))
        if all(_WORDS.fullmatch(text) for text in values):
            return drawn
        return f"one_of([{drawn}, member_of([{', '.join(map(shown, values))}])])"
    if isinstance(value, bytes):
        return "binary()"
    if isinstance(value, datetime.datetime):
        return f"map(integer(0..9_000_000), &NaiveDateTime.add({_TIME}, &1))"
    if isinstance(value, datetime.date):
        return f"map(integer(0..500), &Date.add({_DATE}, &1))"
    return None


def _list(lists: Sequence[list[Any]], rng: random.Random) -> str | None:
    if all(is_keyword(own) for own in lists if own):
        pairs = [dict(own) for own in lists]
        fields = _fields(pairs, rng)
        if len({key for own in pairs for key in own}) == 0:
            return "list_of(integer())"
        if all(len(dict(own)) == len(own) for own in lists):
            return fields and f"map(optional_map({fields}), &Map.to_list/1)"
    elements = [value for own in lists for value in own]
    inner = generator_of(elements, rng) if elements else "integer()"
    least = min(map(len, lists))
    options = f", min_length: {least}" if least else ""
    if any(isinstance(value, tuple) for value in elements):
        options += f", max_length: {max(map(len, lists))}"
    return inner and f"list_of({inner}{options})"


def _map(maps: Sequence[dict[Any, Any]], rng: random.Random) -> str | None:
    keys = {key for own in maps for key in own}
    if not all(isinstance(key, Atom) for key in keys):
        return None
    fields = _fields(maps, rng)
    always = all(set(own) == keys for own in maps)
    return fields and f"{'fixed_map' if always else 'optional_map'}({fields})"


def _fields(maps: Sequence[dict[Any, Any]], rng: random.Random) -> str | None:
    """Return `%{key: generator}` over all keys of some maps."""
    texts = []
    for key in sorted({key for own in maps for key in own}):
        text = generator_of([own[key] for own in maps if key in own], rng)
        if text is None:
            return None
        texts.append(f"{key}: {text}")
    return f"%{{{', '.join(texts)}}}"
