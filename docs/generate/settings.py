"""Settings: every key of a run's file, of a curriculum's file, and of each task's table."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from docs.generate.markup import code, sentences, table, upper
from docs.generate.tree import offered
from ectrain.balancer import BALANCERS, OWN
from ectrain.balancers import balancer_class
from ectrain.changes import FREE, IDENTITY
from ectrain.config import RATES, SIZES, RunConfig
from ectrain.describe import attribute_docs, describe
from ectrain.offers import TASKS
from ectrain.phases import Curriculum, Gate, Phase, Ramp
from ectrain.plugins import load_tasks
from ectrain.structure import Between, plain

_WORDS = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "none"}


def configuration_lines() -> Iterator[str]:
    """Yield the page of a run's settings."""
    yield from ("# Configuration", "")
    yield sentences(
        """
        A run's settings: a TOML file (`--config`), then single ones (`--set key=value`), then the
        command's own options; later ones win. An unknown key is an error that names the nearest
        one. The last column says what changing the key does to a run that was started: "free"
        changes nothing that is learned, "course" changes what comes after and needs `--allow-change
        KEY`, "identity" makes it another model and is refused.
        """
    )
    yield ""
    yield from _table("", RunConfig)
    for field in attrs.fields(RunConfig):
        if attrs.has(kind := _resolved(RunConfig)[field.name]):
            yield from (f"## `[{field.name}]`", "", (kind.__doc__ or "").partition("\n")[0], "")
            yield from _table(f"{field.name}.", kind)
    yield from _sizes()


def _table(prefix: str, kind: type[Any]) -> Iterator[str]:
    rows = (
        (*cells, _change(prefix + field.name))
        for field, cells in _rows(prefix, kind)
        if not attrs.has(_resolved(kind)[field.name])
    )
    yield from table(("key", "type", "default", "meaning", "change"), rows)


def _change(key: str) -> str:
    top = key.split(".")[0]
    return "free" if top in FREE else "identity" if top in IDENTITY else "course"


def _sizes() -> Iterator[str]:
    yield from ("## What `size` stands for", "")
    yield "A preset gives these keys their values; a key that is written has its own."
    yield ""
    rows = [
        (code(f"trunk.{field.name}"), *(_value(getattr(c, field.name)) for c in SIZES.values()))
        for field in attrs.fields(next(iter(SIZES.values())).__class__)
    ]
    rates = (code("optimizer.rate"), *(_value(RATES[name]) for name in SIZES))
    yield from table(("key", *(code(name) for name in SIZES)), [*rows, rates])


def curriculum_lines() -> Iterator[str]:
    """Yield the page of a curriculum's keys."""
    yield from ("# Curriculum files", "")
    yield sentences(
        """
        A TOML file with one `[[phases]]` table a phase, in order, named by `--curriculum FILE` or
        the key `curriculum`. A *level* is a number, or a table with the keys of a ramp, which moves
        over the epochs of a phase.
        """
    )
    yield ""
    titles = {Curriculum: "The file", Phase: "`[[phases]]`", Gate: "`gate`", Ramp: "`ramp`, levels"}
    for kind, title in titles.items():
        yield from (f"## {title}", "", (kind.__doc__ or "").partition("\n")[0], "")
        yield from table(
            ("key", "type", "default", "meaning"), (cells for _, cells in _rows("", kind))
        )


def task_lines() -> Iterator[str]:
    """Yield the page of the tasks' settings, figures and goals."""
    yield from ("# Settings of tasks", "")
    yield "`ectrain plugins info NAME` says the same of any installed task."
    yield ""
    for name, kind in load_tasks(sorted(offered(TASKS))).items():
        found = describe(kind)
        yield from (f"## `[tasks.{name}]`", "", f"{found.does} From `{offered(TASKS)[name]}`.", "")
        yield from _keys(kind.config_type)
        goals = ", ".join(f"`{goal.metric}` above {goal.above:g}" for goal in found.goals) or "none"
        yield from (f"Goals: {goals}.", "")


def balancer_lines() -> Iterator[str]:
    """Yield the page of balancers."""
    yield from ("# Balancers", "")
    yield "Named by the key `balancer.name`; its own settings are under `[balancer.settings]`."
    yield ""
    own = dict.fromkeys(OWN, "ectrain")
    for name, distribution in {**own, **dict(sorted(offered(BALANCERS).items()))}.items():
        kind = balancer_class(name)
        does, _, rest = inspect.getdoc(kind).partition("\n\n")  # type: ignore[union-attr]
        yield from (f"## `{name}`", "", f"{sentences(does)} From `{distribution}`.", "")
        yield from (sentences(rest.partition("\nAttributes:")[0]), "")
        yield from _keys(kind.config_type)


def _keys(kind: type[Any]) -> Iterator[str]:
    """Yield the table of a plugin's settings, tables in it unfolded."""
    rows = list(_unfolded("", kind))
    if rows:
        yield from table(("key", "type", "default", "meaning"), rows)
    else:
        yield from ("No settings.", "")


def _unfolded(prefix: str, kind: type[Any]) -> Iterator[tuple[str, ...]]:
    for field, cells in _rows(prefix, kind):
        if attrs.has(inner := _resolved(kind)[field.name]):
            yield from _unfolded(f"{prefix}{field.name}.", inner)
        else:
            yield cells


def _rows(prefix: str, kind: type[Any]) -> Iterator[tuple[Any, tuple[str, str, str, str]]]:
    """Yield each key of an attrs class: its name, what it may hold, its default, its meaning."""
    docs, types_of = attribute_docs(kind), _resolved(kind)
    for field in attrs.fields(kind):
        if field.init:
            shown = code(prefix + field.name)
            yield (
                field,
                (
                    shown,
                    _type(types_of[field.name], field.validator),
                    _default(field),
                    upper(docs.get(field.name, "")),
                ),
            )


def _resolved(kind: type[Any]) -> Mapping[str, Any]:
    attrs.resolve_types(kind)
    return {field.name: field.type for field in attrs.fields(kind)}


def _type(kind: Any, validator: Any = None) -> str:
    """Return what a key may hold, in words."""
    if isinstance(validator, Between):
        return f"{_word(kind)}, {validator}"
    sign = {">=": "{} or more", ">": "more than {}", "<=": "at most {}", "<": "less than {}"}
    bound = sign.get(getattr(validator, "compare_op", ""))  # attrs' own, ge() for one
    return f"{_word(kind)}, {bound.format(validator.bound)}" if bound else _word(kind)


def _word(kind: Any) -> str:
    inner = get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(code(choice) for choice in inner)
    if get_origin(kind) in (Union, types.UnionType):
        if Ramp in inner:
            return "level"
        return " or ".join(_word(k) for k in inner if k is not type(None))
    if get_origin(kind) is tuple:
        if inner[-1] is Ellipsis:
            plain_word = _WORDS.get(inner[0])
            return f"list of {plain_word}s" if plain_word else f"list, each {_word(inner[0])}"
        return f"list of {len(inner)} {_word(inner[0])}s"
    if get_origin(kind) is Mapping or inner:
        return f"table of {_word(inner[-1])}s" if inner[-1] in _WORDS else "table"
    return "table" if attrs.has(kind) else str(getattr(kind, "__name__", kind))


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # attrs has it a function
        return _value(plain(field.default.factory()))
    return _value(field.default)


def _value(value: Any) -> str:
    if value is None:
        return ""
    return code(f"{value:g}" if isinstance(value, float) else json.dumps(plain(value)))
