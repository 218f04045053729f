"""Settings: every key of a run's file, of a curriculum's file, and of each task's table."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from docs.generate.markup import code, sentences, table, upper
from docs.generate.tree import offered
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
        rows = (cells for _, cells in _rows("", kind.config_type))
        yield from table(("key", "type", "default", "meaning"), rows)
        goals = ", ".join(f"`{goal.metric}` above {goal.above:g}" for goal in found.goals) or "none"
        yield from (f"Goals: {goals}.", "")


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
    bounds = f", {validator}" if isinstance(validator, Between) and str(validator) else ""
    return _word(kind) + bounds


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
            return f"list of {_word(inner[0])}s"
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
