"""Laws of extension points: found by metadata, refused by name, used as core's own are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from harness import Recorder, Stopper, call, make_plugin, on_path, outcome, stopped, tiny, trained

from ectrain.build import prepare
from ectrain.config import RunConfig
from ectrain.curriculum import load_curriculum
from ectrain.errors import ConfigError, EctrainError, PluginError
from ectrain.loop import train

OPTIMIZER = """
    import attrs
    import torch
    from ectrain.optimizers import OptimizerMaker

    @attrs.frozen
    class Settings:
        beta: float = 0.9

    class SignStep(torch.optim.Optimizer):
        def __init__(self, groups, lr, beta):
            super().__init__(groups, {"lr": lr, "beta": beta, "weight_decay": 0.0})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    mean = state.setdefault("mean", torch.zeros_like(p))
                    mean.lerp_(p.grad, 1 - group["beta"])
                    p.add_(mean.sign(), alpha=-group["lr"])
                    KEEP

    class Signs(OptimizerMaker[Settings]):
        name = "signs"
        config_type = Settings
        api = API

        def make(self, groups, config):
            return GIVE

    NUMBER = 3
"""
OPTIMIZER = OPTIMIZER.replace("GIVE", "SignStep(groups, config.rate, self.settings.beta)")
SOUND = OPTIMIZER.replace("KEEP", "pass").replace("API", "(1, 0)")
SMALL = ("scale=0.25", "tasks.sorting.size=24", "optimizer.name=signs", "optimizer.rate=0.003")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on the path where plugins can be put."""
    yield from on_path(tmp_path / "site", ("mine", "other"))


def offer(site: Path, group: str, source: str, points: dict[str, str], name: str = "mine") -> None:
    """Install a distribution with entry points of a group."""
    make_plugin(site, source, list(points), name, group=group)
    lines = "".join(f"{key} = {value}\n" for key, value in points.items())
    (site / f"{name}-1.0.dist-info" / "entry_points.txt").write_text(f"[{group}]\n{lines}")


def alone(*settings: str) -> RunConfig:
    """Return the configuration of a short run of one task."""
    return tiny(*SMALL, *settings, tasks=("sorting",))


def test_a_plugins_optimizer_trains_and_goes_on(site: Path, tmp_path: Path) -> None:
    """An optimizer of a plugin learns, has its own settings, and is as exact over a stop."""
    offer(site, "ectrain.optimizers", SOUND, {"signs": "mine:Signs"})
    config = alone("optimizer.settings.beta=0.8")
    run, recorder = trained(config, tmp_path / "whole")
    losses = [event["losses"]["sorting"] for event in recorder.of("step")]
    assert losses[-1] < losses[0]
    assert run.learner.optimizer.param_groups[0]["beta"] == 0.8
    stopped(config, tmp_path / "run", Stopper(2))
    trained(config, tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_another_optimizer_starts_anew_where_it_is_allowed(site: Path, tmp_path: Path) -> None:
    """A run goes on with another optimizer only if it is told so; that one begins from nothing."""
    offer(site, "ectrain.optimizers", SOUND, {"signs": "mine:Signs"})
    stopped(alone(), tmp_path / "run", Stopper(2))
    other = alone("optimizer.name=adamw")
    with pytest.raises(ConfigError, match=r"optimizer\.name was 'signs' and is 'adamw'"):
        prepare(other, tmp_path / "run")
    _, recorder = trained(other, tmp_path / "run", allowed=["optimizer.name"])
    assert recorder.of("run_ended")[0]["status"] == "finished"


REFUSED: Sequence[tuple[str, str, type[EctrainError], str]] = (
    ("", "optimizer.name=sings", ConfigError, "no .* offers optimizer 'sings'; did you mean"),
    ("", "optimizer.settings.beat=1", ConfigError, "unknown key 'beat'; did you mean 'beta'"),
    ("mine:NUMBER", "", PluginError, "signs of mine 1.0 offers 3, expected a class of"),
    ("mine:Nothing", "", PluginError, "signs of mine 1.0 can't be loaded: AttributeError"),
    ("lost:Signs", "", PluginError, "signs of mine 1.0 can't be loaded: ModuleNotFoundError"),
)


@pytest.mark.parametrize(("value", "setting", "kind", "said"), REFUSED)
def test_optimizers_that_cannot_be_used_are_named(
    site: Path, tmp_path: Path, value: str, setting: str, kind: type[EctrainError], said: str
) -> None:
    """Unknown names and settings get the nearest, broken plugins their distribution."""
    offer(site, "ectrain.optimizers", SOUND, {"signs": value or "mine:Signs"})
    with pytest.raises(kind, match=said):
        prepare(alone(*filter(None, [setting])), tmp_path / "run")


BROKEN = {
    "version": (OPTIMIZER.replace("API", "(2, 0)"), "it needs contract 2.0, this is 1.0"),
    "answer": (SOUND.replace("return SignStep", "return print or SignStep"), "make gave <built-in"),
    "failure": (
        SOUND.replace("return SignStep", "return 1 / 0 or SignStep"),
        "failed in make: Zero",
    ),
    "name": (SOUND.replace('name = "signs"', 'name = "x"'), "its class has no name = 'signs'"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_optimizers_are_named(site: Path, tmp_path: Path, fault: str) -> None:
    """Another version of the contract, no optimizer, or an error: named before a step is taken."""
    source, said = BROKEN[fault]
    offer(site, "ectrain.optimizers", source.replace("KEEP", "pass"), {"signs": "mine:Signs"})
    with pytest.raises(PluginError, match=said):
        prepare(alone(), tmp_path / "run")


def test_state_that_no_checkpoint_can_hold_is_named(site: Path, tmp_path: Path) -> None:
    """An optimizer that keeps plain numbers of a weight is refused when it is to be saved."""
    source = OPTIMIZER.replace("API", "(1, 0)").replace("KEEP", 'state["count"] = 3')
    offer(site, "ectrain.optimizers", source, {"signs": "mine:Signs"})
    run = prepare(alone(), tmp_path / "run")
    with pytest.raises(PluginError, match=r"SignStep keeps 'count' of .* as int, which no check"):
        train(run, Recorder())


def test_a_name_that_two_distributions_offer_is_refused(site: Path, tmp_path: Path) -> None:
    """Neither of two distributions with one name is taken; both are named."""
    for name in ("mine", "other"):
        offer(site, "ectrain.optimizers", SOUND, {"signs": f"{name}:Signs"}, name)
    with pytest.raises(PluginError, match="'signs' is offered by mine, other; uninstall all but"):
        prepare(alone(), tmp_path / "run")


def test_every_kind_of_plugin_is_listed(site: Path) -> None:
    """The list names optimizers and curricula, too; --load says what is wrong with one."""
    offer(site, "ectrain.optimizers", SOUND, {"signs": "mine:Signs"})
    offer(site, "ectrain.curricula", "x = 1", {"odd": "other:x"}, "other")
    rows = json.loads(call("plugins", "list", "--load", "--json").stdout)["plugins"]
    found = {(row["kind"], row["name"]): row["state"] for row in rows}
    assert found["optimizer", "signs"] == "ok"
    assert found["curriculum", "odd"].startswith("broken: plugin odd of other 1.0 gives 1, expec")


# --- curricula ------------------------------------------------------------------------------------

CURRICULA = """
    from ectrain.phases import Curriculum, Phase
    DATA = Curriculum((Phase("a", 2),), reference="sorting")
    def made(): return Curriculum((Phase("b", 2),))
    def written(): return '[[phases]]\\nname = "c"\\nepochs = 2'
    def typo(): return '[[phases]]\\nname = "c"\\nepoch = 2'
    def failing(): raise OSError("no such thing")
    NUMBER = 3
"""
NAMES = ("DATA", "made", "written", "typo", "failing", "NUMBER")


@pytest.fixture
def curricula(site: Path) -> None:
    """Install curricula."""
    points = {name.lower(): f"mine:{name}" for name in NAMES}
    offer(site, "ectrain.curricula", CURRICULA, points)


@pytest.mark.usefixtures("curricula")
@pytest.mark.parametrize(("name", "phase"), [("data", "a"), ("made", "b"), ("written", "c")])
def test_a_plugins_curriculum_is_one_as_any_other(name: str, phase: str, tmp_path: Path) -> None:
    """A curriculum of a plugin is data, a function that gives it, or its text; it trains."""
    assert [p.name for p in load_curriculum(name).phases] == [phase]
    config = tiny("tasks.sorting.size=8", f"curriculum={name}", "scale=1", tasks=("sorting",))
    run, _ = trained(config, tmp_path / "run")
    assert (run.state.epoch, run.state.phase) == (2, phase)


@pytest.mark.usefixtures("curricula")
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("maid", ConfigError, "neither a file nor a known name; did you mean 'made'"),
        ("typo", ConfigError, r"curriculum typo: .*'phases\[0\]\.epoch'"),
        ("failing", PluginError, "failing of mine 1.0 can't be loaded: OSError: no such thing"),
        ("number", PluginError, "number of mine 1.0 gives 3, expected a Curriculum"),
    ],
)
def test_curricula_that_cannot_be_used_are_named(
    name: str, kind: type[EctrainError], said: str
) -> None:
    """Unknown names get the nearest; a broken plugin is named with its distribution."""
    with pytest.raises(kind, match=said):
        load_curriculum(name)
