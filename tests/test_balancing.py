"""Laws of how a balancer is asked in a step: exact over packs, told the truth, refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from harness import call, encoded, make_plugin, on_path, saved, tiny, trained, words
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ectrain.balancer import Balancer, Coming, Fixed, Needs, NoSettings, Seen
from ectrain.balancers import balancer_class, make_balancer
from ectrain.batches import Batch, lay_out
from ectrain.build import prepare
from ectrain.config import BalancerConfig
from ectrain.errors import ConfigError, PluginError
from ectrain.gradients import Gradients
from ectrain.loop import train_step
from ectrain.optimizer import set_rate
from ectrain.run import Run

WEIGHTS = {"echo": 0.7, "sorting": 2.0}
TASKS = tuple(WEIGHTS)

NOTHING = Needs()


class Curious(Balancer[NoSettings]):
    """Counts each task as it is, and keeps what it is told."""

    name = "curious"
    config_type = NoSettings

    def __init__(self, *given: Any, needs: Needs = NOTHING) -> None:
        super().__init__(*(given or (NoSettings(), TASKS, 0)))
        self.needs = needs  # type: ignore[misc]  # a test's own
        self.coming: Coming | None = None
        self.seen: Seen | None = None

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return 1 for each."""
        self.coming = coming
        return super().factors(coming)

    def learn(self, seen: Seen) -> None:
        """Keep it."""
        self.seen = seen


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a run whose steps have length 0."""
    settings = ("optimizer.clip=1e9", "optimizer.scale_losses=on")
    run = prepare(tiny(*settings), tmp_path_factory.mktemp("run") / "run")
    set_rate(run.learner.optimizer, 0.0)
    with run.held:
        yield run


def a_batch(run: Run, drawn: Sequence[tuple[str, int]], most: int = 40) -> Batch:
    """Lay out some training examples."""
    return lay_out(encoded(run, list(drawn)), most)


def step(run: Run, batch: Batch, balancer: Balancer[Any]) -> list[Tensor]:
    """Take a step and return all gradients."""
    learner = attrs.evolve(run.learner, balancer=balancer)
    train_step(learner, batch, WEIGHTS, 1)
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in run.model.parameters()]


BOTH = [("echo", 0), ("sorting", 1), ("echo", 2), ("sorting", 3), ("sorting", 4)]
drawn_both = st.lists(st.tuples(st.sampled_from(TASKS), st.integers(0, 47)), min_size=1, max_size=8)


@settings(max_examples=15)
@given(drawn=drawn_both, most=st.integers(1, 80))
def test_the_tasks_own_gradients_add_up(run: Run, drawn: Any, most: int) -> None:
    """However a step is cut into packs, the tasks' own gradients sum to that of the fixed one."""
    batch = a_batch(run, drawn, most)
    whole = step(run, batch, Fixed(NoSettings(), TASKS, 0))
    own = step(run, batch, Curious(needs=Needs(gradients="trunk")))
    for mine, reference in zip(own, whole, strict=True):
        torch.testing.assert_close(mine, reference, atol=1e-6, rtol=1e-4)


@settings(max_examples=10)
@given(drawn=drawn_both, most=st.integers(1, 80))
def test_a_balancer_is_told_what_is_true(run: Run, drawn: Any, most: int) -> None:
    """Losses are means in guesses: of before the step, told before and after it, and of after it.

    Steps have length 0 here, so that all three are equal.
    """
    batch = a_batch(run, drawn, most)
    curious = Curious(needs=Needs(losses=True, losses_after=True, gradients="last block"))
    learner = attrs.evolve(run.learner, balancer=curious)
    result = train_step(learner, batch, WEIGHTS, 5)
    assert curious.coming is not None
    assert curious.seen is not None
    named = {name for name, _ in drawn}
    assert curious.coming.weights == {n: w for n, w in WEIGHTS.items() if n in named}
    assert curious.coming.step == curious.seen.step == 5
    true = {n: result.losses[n] / batch.targets[n] / learner.guesses[n] for n in named}
    for told in (curious.coming.losses, curious.seen.losses, curious.seen.losses_after):
        assert told == pytest.approx(true, rel=1e-5)
    assert curious.seen.gradients is not None
    assert set(curious.seen.gradients.tasks) == named


def test_the_last_block_is_a_part_of_the_trunk(run: Run) -> None:
    """Gradients of the last block are those of the same weights among the trunk's."""
    batch, found = a_batch(run, BOTH), {}
    for part in ("last block", "trunk"):
        curious = Curious(needs=Needs(gradients=part))
        step(run, batch, curious)
        assert curious.seen is not None
        assert curious.seen.gradients is not None
        found[part] = curious.seen.gradients.rows
    names = [name for name, _ in run.model.trunk.named_parameters()]
    for task, rows in found["last block"].items():
        last = f"blocks.{len(run.model.trunk.blocks) - 1}."
        pairs = zip(names, found["trunk"][task], strict=True)
        kept = [gradient for name, gradient in pairs if name.startswith(last)]
        for mine, reference in zip(rows, kept, strict=True):
            torch.testing.assert_close(mine, reference, atol=1e-6, rtol=1e-4)


def test_cosines_are_those_of_separate_backward_passes(run: Run) -> None:
    """The cosine that a step measures is that of each task's gradient, made alone."""
    batch, rows = a_batch(run, BOTH), {}
    result = train_step(run.learner, batch, WEIGHTS, 1, observe=True)
    for task in TASKS:
        alone = a_batch(run, [drawn for drawn in BOTH if drawn[0] == task])
        step(run, alone, Fixed(NoSettings(), TASKS, 0))
        grads = [p.grad for p in run.model.trunk.parameters()]
        rows[task] = torch.cat([g.flatten() for g in grads if g is not None]).double()
    cosine = torch.nn.functional.cosine_similarity(rows["echo"], rows["sorting"], dim=0)
    assert dict(result.cosines or {}) == {"echo/sorting": pytest.approx(float(cosine), abs=1e-4)}


def test_measuring_changes_nothing_that_is_learned(tmp_path: Path) -> None:
    """With cosines measured every third step, weights are bit for bit those without."""
    _, recorder = trained(tiny("balancer.cosines_every=3"), tmp_path / "measured")
    trained(tiny(), tmp_path / "plain")
    one, two = saved(tmp_path / "measured", 36), saved(tmp_path / "plain", 36)
    assert all(torch.equal(one[name], two[name]) for name in two)
    told = recorder.of("cosines_measured")
    assert [event["step"] for event in told] == list(range(3, 37, 3))
    for event in told:
        (cosine,) = event["cosines"].values()
        assert -1 <= cosine <= 1
    assert not any("factors" in event for event in recorder.of("step"))


def test_a_task_of_weight_0_takes_no_part(run: Run) -> None:
    """What doesn't count is neither asked about nor told, and its gradient is no other's."""
    batch = a_batch(run, BOTH)
    curious = Curious(needs=Needs(gradients="trunk"))
    learner = attrs.evolve(run.learner, balancer=curious)
    train_step(learner, batch, {"echo": 0.7, "sorting": 0.0}, 1)
    assert curious.seen is not None
    assert curious.seen.gradients is not None
    assert curious.coming == Coming(1, {"echo": 0.7})
    assert (list(curious.seen.losses), curious.seen.gradients.tasks) == (["echo"], ["echo"])
    assert all(p.grad is None for p in run.model.heads["sorting"].parameters())


class Odd(Curious):
    """Gives what it is told to."""

    def __init__(self, given: Any, needs: Needs) -> None:
        super().__init__(needs=needs)
        self.given = given

    def factors(self, coming: Coming) -> Any:
        """Return it."""
        return super().factors(coming) if self.needs.gradients == "trunk" else self.given

    def combine(self, gradients: Gradients) -> Any:
        """Return it."""
        return self.given


@pytest.mark.parametrize(
    "factors",
    [None, {}, {"echo": 1.0}, {"echo": 1.0, "sorting": -1.0}, {"echo": 1.0, "sorting": "1"}]
    + [{"echo": 1.0, "sorting": x} for x in (float("nan"), float("inf"))],
)
def test_factors_that_are_none_are_refused(run: Run, factors: Any) -> None:
    """What no loss can be multiplied with is named with balancer and step, before any change."""
    with pytest.raises(PluginError, match=r"balancer curious: factors are .* at step 1, expected"):
        step(run, a_batch(run, BOTH), Odd(factors, Needs()))


def test_a_combined_gradient_must_fit(run: Run) -> None:
    """A gradient of other shapes is refused, and what a balancer raises is told with its name."""
    with pytest.raises(PluginError, match="balancer curious: combine gave other shapes"):
        step(run, a_batch(run, BOTH), Odd([torch.zeros(3)], Needs(gradients="trunk")))
    with pytest.raises(PluginError, match="balancer curious failed in combine: TypeError"):
        step(run, a_batch(run, BOTH), Odd(3, Needs(gradients="trunk")))


SOURCE = """
    import attrs
    from ectrain.balancer import Balancer

    @attrs.frozen
    class Settings:
        size: int = 3

    class Mine(Balancer):
        name = "mine"
        config_type = Settings
        steps = 0

        def learn(self, seen):
            self.steps += 1

        def factors(self, coming):
            return {task: self.config.size + self.steps % 2 for task in coming.tasks}

        def state(self):
            return {"steps": self.steps}

        def restore(self, state):
            self.steps = state["steps"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on the path where balancers can be put."""
    yield from on_path(tmp_path / "site", ("mine",))


def install(folder: Path, source: str = SOURCE) -> None:
    """Install a balancer."""
    group, name = "ectrain.balancers", "acme-mine"
    make_plugin(folder, source, ["mine"], name=name, group=group, attribute="Mine")


def test_a_plugins_balancer_is_found_by_name(folder: Path, tmp_path: Path) -> None:
    """A run asks for it by name, with its own settings; the log tells its factors."""
    install(folder)
    config = tiny("balancer.name=mine", "balancer.settings.size=5")
    run, recorder = trained(config, tmp_path / "run")
    assert run.learner.balancer.state() == {"steps": 36}
    assert [e["factors"] for e in recorder.of("step")][:2] == [
        {"echo": 5, "sorting": 5},
        {"echo": 6, "sorting": 6},
    ]
    stored = dict(run.learner.balancer.state())
    again = prepare(config, tmp_path / "run")
    with again.held:
        assert again.learner.balancer.state() == stored


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("balancer.name=fixd", 2, "no installed plugin offers balancer 'fixd'; did you mean 'fix"),
        ("balancer.settings.x=1", 2, "balancer.settings of fixed: unknown key 'x'"),
        ("balancer.cosines_every=-1", 2, "balancer.cosines_every: expected 0 or more"),
    ],
)
def test_what_can_not_be_used_is_told(tmp_path: Path, setting: str, code: int, said: str) -> None:
    """A mistyped balancer or setting is a sentence with the nearest name, in a check, too."""
    done = call("run", *words(setting), "--out", str(tmp_path / "run"))
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert call("check", *words(setting)).exit_code != 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import not_there", "plugin mine of acme-mine 1.0 can't be loaded: ModuleNotFoundError"),
        ("Mine = 3", "plugin mine of acme-mine 1.0 offers 3, expected a class of ectrain.balancer"),
        (
            SOURCE.replace('"mine"', '"other"'),
            "mine of acme-mine 1.0: its class has no name",
        ),
        (SOURCE.replace("steps = 0", "api = (2, 0)"), "it needs contract 2.0, this is 1.0"),
        (
            SOURCE.replace("Settings\n        steps", "dict\n        steps"),
            "expected an attrs class",
        ),
        (SOURCE.replace("int = 3", "int"), "Settings.size has no default"),
        (SOURCE + "        x = 1 / 0", "can't be loaded: ZeroDivisionError"),
    ],
)
def test_a_broken_balancer_is_named(folder: Path, source: str, said: str) -> None:
    """What is wrong is told with plugin and version; the fixed balancer still works."""
    install(folder, source)
    with pytest.raises(PluginError) as raised:
        balancer_class("mine")
    assert said in str(raised.value)
    assert balancer_class("fixed") is Fixed


def test_settings_are_the_balancers_own(folder: Path) -> None:
    """An unknown setting names the nearest one."""
    install(folder)
    with pytest.raises(ConfigError, match="unknown key 'sise'; did you mean 'size'"):
        make_balancer(BalancerConfig("mine", {"sise": 3}), TASKS, 0)


def test_balancers_are_listed_and_described(folder: Path) -> None:
    """`plugins list` has a balancer by metadata; --load and `info` load it and say what it is."""
    install(folder)
    rows = json.loads(call("plugins", "list", "--load", "--json").stdout)["plugins"]
    (row,) = [row for row in rows if row["name"] == "mine"]
    assert (row["kind"], row["state"], row["distribution"]) == ("balancer", "ok", "acme-mine")
    shown = call("plugins", "info", "mine").stdout
    assert "plugin   acme-mine 1.0, contract 1.0" in shown
    assert "settings, [balancer.settings]\n  size = 3    int" in shown
    document = json.loads(call("plugins", "info", "mine", "--json").stdout)
    assert document["needs"] == {"losses": False, "losses_after": False, "gradients": "none"}
