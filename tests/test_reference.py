"""The reference says what the code says, all of it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from docs.generate import FOLDER, PAGES, page
from docs.generate.command_line import commands
from docs.generate.contract import GROUPS
from docs.generate.run_log import exit_codes, raised
from docs.generate.tree import ROOT, distributions
from harness import tiny, trained

from ectrain import errors
from ectrain.event_kinds import COMMON, KINDS
from ectrain_cli.main import main

SOURCES = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("cli/src/**/*.py")]
CONTEXT_KEYS = {"ectrain.debug", "ectrain.words"}  # of click's own dictionary


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_what_the_code_gives(name: str) -> None:
    """A page that differs from the code is made again by one command."""
    path = FOLDER / name
    shown = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert shown == page(name), f"{path} is out of date: run `python -m docs.generate`"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_left_without_a_meaning(name: str) -> None:
    """Each option, key, field, hook and law has a sentence that says what it is."""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        meaning = {"configuration.md": 3}.get(name, -1)
        if cells and name not in ("exit-codes.md", "entry-points.md"):
            assert cells[meaning].strip(), f"{name}: {line} has no meaning; write its help"


def test_every_page_is_made() -> None:
    """The folder holds pages of the code and their table of contents alone."""
    assert {path.name for path in FOLDER.glob("*.md")} == {*PAGES, "index.md"}


def test_a_run_logs_what_the_reference_says(run_directory: Path) -> None:
    """Each event of a run has exactly the fields of its kind."""
    _, recorder = trained(tiny(), run_directory)
    for event in recorder.events:
        kind = KINDS[event["event"]]
        assert not (set(kind.fields) | set(COMMON)) - set(event), event
        assert not set(event) - set(COMMON) - set(kind.fields) - set(kind.sometimes), event
    for name in ("run_started", "epoch_started", "step", "evaluated", "checkpoint_saved"):
        assert recorder.of(name)


def test_every_kind_of_event_is_described() -> None:
    """What the code logs, under a name, is a kind that `event_kinds.py` describes."""
    written = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                target, first = ast.unparse(node.func), next(iter(node.args), None)
                if target.endswith("log.write") and isinstance(first, ast.Constant):
                    written.add(first.value)
    assert written == set(KINDS)


def test_every_error_ends_with_a_code_that_help_lists() -> None:
    """`--help` lists the code of each error, and no error's code is another's."""
    listed = {int(number) for number, _ in exit_codes()}
    kinds = [k for k in vars(errors).values() if isinstance(k, type)]
    own = [k for k in kinds if issubclass(k, errors.EctrainError)]
    assert {k.exit_code for k in own} <= listed
    assert {name for number in listed for name in raised(number)} == {k.__name__ for k in own}


def test_every_entry_point_group_is_listed() -> None:
    """Groups that the code reads, or a distribution of the repository offers in, have a meaning."""
    read = {
        match
        for source in (*SOURCES, *ROOT.glob("plugins/*/src/**/*.py"))
        for match in re.findall(r'^[A-Z_]+ = "(ectrain\.[a-z]+)"', source.read_text(), re.MULTILINE)
    } - CONTEXT_KEYS
    offered = {group for p in distributions().values() for group in p.get("entry-points", {})}
    assert read == set(GROUPS)
    assert offered <= set(GROUPS)


def _examples() -> Iterator[str]:
    for command, _ in commands():
        yield from re.findall(r"^ +ectrain (.+)$", command.help or "", re.MULTILINE)


@pytest.mark.parametrize("example", sorted(set(_examples())))
def test_every_example_in_help_is_a_command_line(
    example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands, options and values of what `--help` shows are valid; files are not looked for."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)
    group: click.Command = main
    context, words = click.Context(main), shlex.split(example)
    while isinstance(group, click.Group):
        _, found, words = group.resolve_command(context, words)
        assert found is not None
        group = found
    group.make_context(group.name, words)
