"""Laws of added commands: known by metadata, imported when used, and harmless when broken."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from ectrain.offers import Offer
from ectrain_cli import extensions
from ectrain_cli.main import main

HELLO = click.Command("hello", callback=lambda: click.echo("hi"), help="Say hi.")
NUMBER = 3


def examine() -> list[tuple[str, str, str, str]]:
    """Return one finding that is well and one that is not."""
    return [("thing", "ok", "1.2", ""), ("other", "missing", "no other", "get other")]


def broken() -> list[tuple[str, str, str, str]]:
    """Fail."""
    raise OSError("no such thing")


def here(name: str, value: str) -> tuple[str, Offer]:
    """Return what is offered under a name; without a module it is of this one."""
    return name, Offer(name, "acme", "1.0", value if ":" in value else f"{__name__}:{value}")


POINTS = {
    extensions.COMMANDS: dict(
        [
            here("hello", "HELLO"),
            here("number", "NUMBER"),
            here("absent", "no_such_module:command"),
            here("run", "HELLO"),
        ]
    ),
    extensions.DOCTOR: dict([here("things", "examine"), here("broken", "broken")]),
}


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(extensions, "installed", POINTS.__getitem__)


def call(*words: str) -> Result:
    """Run the program."""
    return CliRunner().invoke(main, list(words))


def test_added_commands_are_listed_without_being_imported() -> None:
    """Help shows every added name, also that of a command which cannot be imported."""
    listing = call("--help").output
    for name in ("hello", "number", "absent"):
        assert f"  {name} " in listing
    assert "no_such_module" not in listing


def test_added_commands_run() -> None:
    """An added command is a word after the program, and a mistyped one is suggested."""
    assert call("hello").output == "hi\n"
    assert "hello" in call("helo").output


def test_own_commands_cannot_be_replaced() -> None:
    """A distribution that adds a command of a name that exists does not get it."""
    assert "Say hi." not in call("run", "--help").output


@pytest.mark.parametrize(
    ("name", "words"), [("absent", "no_such_module"), ("number", "not a click command")]
)
def test_broken_added_commands_are_named(name: str, words: str) -> None:
    """A command that cannot be used is an error of its distribution, not a traceback."""
    done = call(name)
    assert done.exit_code == 4
    assert words in done.output


def test_the_doctor_asks_every_distribution() -> None:
    """Findings of installed distributions are shown; a check that fails is one of them."""
    done = call("doctor")
    assert done.exit_code == 0
    assert "no other" in done.output
    assert "remedy   other: get other" in done.output
    assert "no such thing" in done.output
    assert call("doctor", "--json").output.startswith("{")
