"""Laws of finding and loading plugins: each fault is named with its plugin and harms no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import call, make_plugin, on_path, words

from ectrain.errors import PluginError, UnknownTaskError
from ectrain.offers import installed
from ectrain.plugins import load_tasks

HEAD = """
    import attrs
    from toys import Letters, ToyConfig
    from ectrain.hookspecs import hookimpl
    from ectrain.task import Task

    class Mine(Letters):
        name = "mine"

    @hookimpl
    def ectrain_register_tasks():
"""

# A plugin's source, and what is said of it.
BROKEN: dict[str, tuple[str, str]] = {
    "no such module": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "syntax": ("def f(:", "SyntaxError: invalid syntax"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "exits quietly": ("import sys; sys.exit()", "SystemExit: no message"),
    "cancelled": ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
    "no hook": ("x = 1", "registers tasks none; expected one named 'mine'"),
    "unknown hook": (
        "from ectrain.hookspecs import hookimpl\n@hookimpl\ndef ectrain_register_task(): ...",
        "unknown hook 'ectrain_register_task'",
    ),
    "arguments": (
        "from ectrain.hookspecs import hookimpl\n@hookimpl\ndef ectrain_register_tasks(run): ...",
        "Argument(s) {'run'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "a number": (f"{HEAD}        return 3", "registers 3, expected a list of tasks"),
    "a word": (f"{HEAD}        return 'mine'", "registers 'mine', expected a list of tasks"),
    "raises": (f"{HEAD}        raise ValueError('a\\n b')", "ValueError: a; b"),
    "an object": (f"{HEAD}        return [Mine(ToyConfig())]", "expected a class of Task"),
    "a class": (f"{HEAD}        return [dict]", "<class 'dict'>, expected a class of Task"),
    "other name": (f"{HEAD}        return [Letters]", "tasks 'sorting'; expected one named 'mine'"),
    "twice": (f"{HEAD}        return [Mine, Mine]", "tasks 'mine', 'mine'; expected one named"),
    "abstract": (
        f"{HEAD}        class A(Task): name = 'mine'\n        return [A]",
        "task mine lacks encode, examples, head, loss, metrics",
    ),
    "no config": (
        f"{HEAD}        class A(Mine): config_type = dict\n        return [A]",
        "mine.config_type is <class 'dict'>, expected an attrs class",
    ),
    "bare setting": (
        f"{HEAD}        class A(Mine): config_type = attrs.make_class('Settings', ['size'])"
        "\n        return [A]",
        "Settings.size has no default; it must run without settings",
    ),
    "newer contract": (
        f"{HEAD}        class A(Mine): api = (2, 0)\n        return [A]",
        "it needs contract 2.0, this is 1.0",
    ),
    "newer minor": (
        f"{HEAD}        class A(Mine): api = (1, 99)\n        return [A]",
        "it needs contract 1.99, this is 1.0",
    ),
    "odd contract": (
        f"{HEAD}        class A(Mine): api = 1\n        return [A]",
        "mine.api is 1, expected (major, minor)",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on the path where plugins can be put."""
    yield from on_path(tmp_path / "site", ("mine", "other", "broken"))


@pytest.mark.parametrize(("source", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_named_and_harms_no_other(folder: Path, source: str, said: str) -> None:
    """What is wrong is told with plugin and version; listing and another plugin still work."""
    make_plugin(folder, source, ["mine"], name="acme-mine")
    with pytest.raises(PluginError) as raised:
        load_tasks(["mine"])
    assert str(raised.value).startswith("plugin mine of acme-mine 1.0")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(load_tasks(["echo", "sorting"])) == ["echo", "sorting"]
    assert installed()["mine"].distribution == "acme-mine"


def test_commands_survive_broken_plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command but the broken task's own works beside it, and that one exits with 4."""
    monkeypatch.setenv("ECTRAIN_PLUGINS", "toys,broken")
    make_plugin(folder, "raise SystemExit(0)", ["broken"])
    listed = [line.split() for line in call("tasks").stdout.splitlines()]
    assert ["broken", "broken", "1.0"] in listed
    rows = json.loads(call("plugins", "list", "--load", "--json").stdout)["plugins"]
    states = {row["name"]: row["state"] for row in rows}
    assert states["echo"] == "ok"
    assert states["broken"].startswith("broken: plugin broken of broken 1.0 can't be loaded")
    simulated = call("curriculum", "simulate", "--curriculum", "short")
    assert simulated.exit_code == 0, simulated.stderr
    assert "note: plugin broken" in simulated.stderr
    assert call("check", *words()).exit_code == 0
    failed = call("run", *words(tasks="echo,broken"), "--out", str(folder / "run"))
    assert failed.exit_code == 4
    assert "error: plugin broken of broken 1.0 can't be loaded: SystemExit: 0" in failed.stderr
    assert not (folder / "run").exists()


def test_listing_imports_no_plugin(folder: Path) -> None:
    """Tasks are listed, and another one loaded, without importing a plugin nobody asked for."""
    make_plugin(folder, f"open({str(folder / 'imported')!r}, 'w').close()", ["mine"])
    assert "mine" in call("tasks").stdout
    load_tasks(["echo"])
    assert not (folder / "imported").exists()
    assert call("plugins", "list").exit_code == 0
    assert not (folder / "imported").exists()


def test_an_unknown_task_gets_a_suggestion(tmp_path: Path) -> None:
    """A mistyped task names the nearest installed one; one like no other names them all."""
    with pytest.raises(UnknownTaskError, match=r"offers task 'sortin'; did you mean 'sorting'\?"):
        load_tasks(["sortin"])
    done = call("run", *words(tasks="xyzzy"), "--out", str(tmp_path / "run"))
    assert done.exit_code == 2
    assert "no installed plugin offers task 'xyzzy'; expected one of: " in done.stderr
    assert "sorting" in done.stderr
    assert "pip install" in done.stderr


def test_two_distributions_with_one_task_are_both_refused(folder: Path) -> None:
    """A task that two distributions offer is refused with both names, the others are not."""
    good = f"{HEAD}        return [Mine]"
    make_plugin(folder, good, ["mine", "other"], module="mine", name="acme-mine")
    make_plugin(folder, good, ["mine"], module="other", name="Umbrella_Mine")
    with pytest.raises(PluginError, match="'mine' is offered by acme-mine, Umbrella_Mine; uninst"):
        load_tasks(["mine"])
    assert "duplicate: also offered by Umbrella_Mine" in call("plugins", "list").stdout
    with pytest.raises(PluginError, match="'mine'; expected one named 'other'"):
        load_tasks(["other"])


def test_one_distribution_that_is_there_twice_is_no_duplicate(folder: Path, tmp_path: Path) -> None:
    """The same distribution further down the path is hidden, as its modules are."""
    make_plugin(folder, "x = 1", ["mine", "hidden"], name="Acme.Mine")
    for _ in on_path(tmp_path / "sooner", ()):
        make_plugin(tmp_path / "sooner", "x = 1", ["mine"], name="acme-mine")
        offers = installed()
        assert (offers["mine"].distribution, offers["mine"].duplicate_of) == ("acme-mine", ())
        assert "hidden" not in offers


RUBBISH: dict[str, Callable[[Path], object]] = {
    "no metadata": lambda info: (info / "METADATA").unlink(),
    "no name": lambda info: (info / "METADATA").write_text("Version: 1\n"),
    "torn entry points": lambda info: (info / "entry_points.txt").write_text("[ectrain.tasks]\nx"),
    "bytes": lambda info: (info / "entry_points.txt").write_bytes(b"[ectrain.tasks]\n\xff = a\n"),
}


@pytest.mark.parametrize("spoil", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_metadata_is_passed_over(folder: Path, spoil: Callable[[Path], object]) -> None:
    """A distribution whose metadata can't be read stops neither listing nor loading."""
    make_plugin(folder, "x = 1", ["mine"])
    spoil(folder / "mine-1.0.dist-info")
    done = call("tasks")
    assert done.exit_code == 0
    assert "echo" in done.stdout
    assert list(load_tasks(["echo"])) == ["echo"]


@pytest.mark.parametrize("name", ["train", "Keys", "a.b", "half", "9lives", "../up", "x" * 41])
def test_names_that_no_module_can_have_are_refused(folder: Path, name: str) -> None:
    """A task's name must be a word that heads can be kept under."""
    make_plugin(
        folder, f"{HEAD}        Mine.name = {name!r}\n        return [Mine]", [name], "mine"
    )
    with pytest.raises(PluginError, match="is not a lower-case word that can name a module"):
        load_tasks([name])


def test_only_named_distributions_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ECTRAIN_PLUGINS is set, no other distribution's code runs; listing runs none anyway."""
    monkeypatch.setenv("ECTRAIN_PLUGINS", "acme-mine, TOYS")
    assert list(load_tasks(["echo"])) == ["echo"]
    for allowed in ("acme-mine", ""):
        monkeypatch.setenv("ECTRAIN_PLUGINS", allowed)
        with pytest.raises(PluginError, match=f"toys 1.0 is not in ECTRAIN_PLUGINS={allowed}"):
            load_tasks(["echo"])
        assert "echo" in installed()
