"""What a run tells: its events, and how its command ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docs.generate.markup import code, sentences, table, upper
from ectrain import errors
from ectrain.event_kinds import COMMON, KINDS
from ectrain.observers import HOOKS
from ectrain_cli.main import EXIT_CODES


def event_lines() -> Iterator[str]:
    """Yield the page of events."""
    yield from ("# Events", "")
    yield sentences(
        """
        A run writes `events.jsonl`: one JSON object a line, only ever added to. Reports, observers
        and the terminal are readers of it. A number that is not finite is null. Every event has:
        """
    )
    yield ""
    yield from table(("field", "what it holds"), ((code(n), upper(m)) for n, m in COMMON.items()))
    for name, kind in KINDS.items():
        yield from (f"## `{name}`", "", kind.when, "")
        if name in HOOKS:
            yield from (f"Observers are told by [`{HOOKS[name]}`](hooks.md).", "")
        rows = (
            (code(n), upper(meaning)) for n, meaning in {**kind.fields, **kind.sometimes}.items()
        )
        yield from table(("field", "what it holds"), rows)


def exit_code_lines() -> Iterator[str]:
    """Yield the page of exit codes."""
    yield from ("# Exit codes", "")
    yield sentences(
        """
        A command ends with one line `error: ...` on stderr and one of these codes; `--debug` adds
        the traceback.
        """
    )
    yield ""
    rows = (
        (number, meaning, ", ".join(code(n) for n in raised(int(number))))
        for number, meaning in exit_codes()
    )
    yield from table(("code", "meaning", "error in Python"), rows)


def exit_codes() -> list[tuple[str, str]]:
    """Return the codes that `--help` lists, with their meanings."""
    return re.findall(r"^ +(\d+)  (.+)$", EXIT_CODES, flags=re.MULTILINE)


def raised(number: int) -> list[str]:
    """Return the names of the errors that end with a code."""
    if number in (75, 130):
        return [errors.Interrupted.__name__]
    found = (kind for kind in vars(errors).values() if isinstance(kind, type))
    kinds = (kind for kind in found if issubclass(kind, errors.EctrainError))
    return [k.__name__ for k in kinds if k.exit_code == number and k is not errors.Interrupted]
