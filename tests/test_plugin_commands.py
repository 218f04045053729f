"""Laws of `ectrain plugins`: what is installed, what it is, and whether it is sound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from harness import call, make_plugin, on_path

from ectrain.describe import attribute_docs, settings_of
from ectrain.offers import installed, origin
from ectrain.testing import LAWS

SOUND = """
    from toys import Letters
    from ectrain.hookspecs import hookimpl

    class Mine(Letters):
        name = "mine"

    @hookimpl
    def ectrain_register_tasks():
        return [Mine]
"""

MEAN = """
    from toys import Letters
    from ectrain.hookspecs import hookimpl

    class Mine(Letters):
        name = "mine"

        def loss(self, output, targets):
            return super().loss(output, targets) / len(output)

    @hookimpl
    def ectrain_register_tasks():
        return [Mine]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on the path where plugins can be put."""
    yield from on_path(tmp_path / "site", ("mine", "other"))


def states(*more: str) -> dict[str, str]:
    """Return the state of each task that is listed."""
    rows = json.loads(call("plugins", "list", "--json", *more).stdout)["plugins"]
    return {row["name"]: row["state"] for row in rows}


def test_listing_imports_nothing_unless_asked(folder: Path) -> None:
    """`plugins list` reads metadata; with --load each plugin is imported and what fails is told."""
    touched = folder / "imported"
    source = f"open({str(touched)!r}, 'w').close()\nimport not_there"
    make_plugin(folder, source, ["mine"], name="acme-mine")
    assert states()["mine"] == "ok"
    assert not touched.exists()
    broken = states("--load")["mine"]
    assert broken.startswith("broken: plugin mine of acme-mine 1.0 can't be loaded: ModuleNotFound")
    assert touched.exists()
    assert states("--load")["echo"] == "ok"


def test_observers_are_listed_with_tasks(folder: Path) -> None:
    """An observer is listed as one, and --load says what is wrong with it."""
    make_plugin(folder, "import not_there", ["mine"], group="ectrain.observers")
    rows = json.loads(call("plugins", "list", "--load", "--json").stdout)["plugins"]
    (row,) = [row for row in rows if row["name"] == "mine"]
    assert (row["kind"], row["state"][:27]) == ("observer", "broken: plugin mine of mine")
    assert {row["kind"] for row in rows if row["name"] == "echo"} == {"task"}


def test_states_come_from_metadata(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task offered twice, or of a distribution that is not allowed, says so without an import."""
    make_plugin(folder, "import not_there", ["mine"], name="acme-mine")
    make_plugin(folder, "import not_there", ["mine"], module="other", name="umbrella")
    monkeypatch.setenv("ECTRAIN_PLUGINS", "acme-mine umbrella")
    found = states("--load")
    assert found["mine"] == "duplicate: also offered by umbrella"
    assert found["echo"] == "not allowed by ECTRAIN_PLUGINS"


def test_a_plugin_is_listed_with_its_origin(folder: Path) -> None:
    """Each row has name, distribution, version, state and the folder it is installed in."""
    make_plugin(folder, SOUND, ["mine"], name="acme-mine")
    (line,) = [x.split() for x in call("plugins", "list").stdout.splitlines() if x[:5] == "mine "]
    assert line == ["mine", "task", "acme-mine", "1.0", "ok", str(folder)]
    info = folder / "acme_mine-1.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///src/acme%20mine", "dir_info": {}}')
    assert origin(installed()["mine"]) == "/src/acme mine"
    (info / "direct_url.json").write_text("torn {")
    assert origin(installed()["mine"]) == str(folder)


@attrs.frozen
class Documented:
    """Settings.

    Attributes:
        size: How many
            there are: a lot.
        bare: Nothing, "" for none.

    More words.
    """

    size: int = 3
    bare: tuple[str, ...] = ()
    untold: float = 0.5


def test_settings_are_told_with_type_default_and_doc() -> None:
    """The attributes section of a config class documents its keys; a missing one is empty."""
    docs = {"size": "How many there are: a lot.", "bare": 'Nothing, "" for none.'}
    assert attribute_docs(Documented) == docs
    found = [(s.key, s.type, s.default, s.doc) for s in settings_of(Documented)]
    assert found == [
        ("size", "int", 3, docs["size"]),
        ("bare", "tuple[str, ...]", [], docs["bare"]),
        ("untold", "float", 0.5, ""),
    ]


def test_info_tells_what_a_task_is() -> None:
    """Settings, figures, goals, tokens, version and optional parts of a task are shown."""
    document = json.loads(call("plugins", "info", "echo", "--json").stdout)
    assert document["does"] == "Write a word again after a colon."
    assert document["settings"][0] == {
        "key": "size",
        "type": "int",
        "default": 48,
        "doc": "Examples of the training split.",
    }
    assert document["metrics"] == ["accuracy"]
    assert document["goals"] == [{"metric": "accuracy", "above": 0.5, "baselines": []}]
    assert (document["control_tokens"], document["symbols"]) == ([], 0)
    assert document["implements"] == ["texts", "facets", "evaluate"]
    assert (document["api"], document["plugin"]["distribution"]) == ([1, 0], "toys")
    shown = call("plugins", "info", "echo").stdout
    assert "goal     accuracy above 0.5" in shown
    assert "  size = 48    int\n         Examples of the training split." in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith("origin"))


def test_an_unknown_plugin_gets_a_suggestion() -> None:
    """A mistyped name exits with 2 and names the nearest."""
    for command in ("info", "check"):
        done = call("plugins", command, "ecko")
        assert (done.exit_code, "did you mean 'echo'?" in done.stderr) == (2, True)


def test_a_sound_task_gets_a_certificate(folder: Path) -> None:
    """Each law has a line of progress, and the certificate has laws, outcomes and versions."""
    make_plugin(folder, SOUND, ["mine"], name="acme-mine")
    paper = folder / "mine.md"
    done = call("plugins", "check", "mine", "--set", "size=24", "--certificate", str(paper))
    assert done.exit_code == 0, done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[3].rstrip(":") for line in lines] == [law.__name__ for law in LAWS]
    assert done.stderr.splitlines()[-1].endswith("0 broken, 7 do not apply")
    text = paper.read_text()
    assert text.startswith("# Contract of the task mine\n")
    assert "| acme-mine | 1.0 |" in text
    assert "Settings: size = 24." in text
    assert "| loss\\_is\\_additive | The loss of a batch is the sum of" in text
    assert text.count("| kept |") == len(LAWS) - 7


def test_a_broken_law_exits_with_4(folder: Path) -> None:
    """What is broken is said with what to change, in words and in JSON, and all laws are tried."""
    make_plugin(folder, MEAN, ["mine"], module="mine_mean")
    done = call("plugins", "check", "mine", "--json")
    assert done.exit_code == 4
    document = json.loads(done.stdout)
    assert document["broken"] == ["loss_is_additive", "a_guess_costs_what_is_said"]
    assert len(document["laws"]) == len(LAWS)
    said = {law["law"]: law["message"] for law in document["laws"]}["loss_is_additive"]
    assert "return a sum over targets (reduction='sum'), never a mean" in said


def test_settings_of_a_check_are_the_tasks_own(folder: Path) -> None:
    """A setting that the task doesn't know exits with 2 and names the nearest."""
    make_plugin(folder, SOUND, ["mine"])
    done = call("plugins", "check", "mine", "--set", "sise=3")
    assert done.exit_code == 2
    assert "unknown key 'sise'; did you mean 'size'?" in done.stderr


HEAVY = "import sys; from ectrain_cli.main import main; main(sys.argv[1:], standalone_mode=False); "


def test_fifty_plugins_are_listed_without_importing_one(tmp_path: Path) -> None:
    """With 50 plugins installed, `tasks` and `plugins list` name all and import none, nor torch."""
    for number in range(50):
        name = f"dummy{number:02d}"
        make_plugin(tmp_path, "raise SystemExit(3)", [name], name=f"acme-{name}")
    check = "assert 'torch' not in sys.modules; assert not any('dummy' in m for m in sys.modules)"
    for words in (["tasks"], ["plugins", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", HEAVY + check, *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr
        assert sum(line.startswith("dummy") for line in done.stdout.splitlines()) == 50
