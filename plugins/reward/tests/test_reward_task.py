"""Rounds in real runs: 5.8.2.2, resume inside a round, canaries, health, evaluation."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.build import prepare
from ectrain.config import RunConfig, load_config
from ectrain.errors import Interrupted, SandboxError
from ectrain.events import Event, read_events
from ectrain.generation import Generated
from ectrain.loop import train
from ectrain.testing.subject import Subject
from ectrain_reward import Answer, PolicyConfig, Reward, RewardConfig, RewardTask, sampling, task
from ectrain_reward.evaluation import as_it_began, gains
from ectrain_reward.health import (
    CollapseError,
    Limits,
    RoundFigures,
    alarms,
    assertion_density,
    copied_share,
)
from ectrain_reward.kl import Leash
from ectrain_reward.mutation import MutationReward
from ectrain_reward.objective import ADVANTAGE, OLD, REFERENCE
from ectrain_reward.rating import Rated
from ectrain_reward.rewards import NoSettings
from ectrain_reward.rounds import rollouts, said
from ectrain_reward.sampling import Plan, sampled

SMALL = RewardConfig(size=64, prompts=3, samples=4, max_tokens=300, max_new_tokens=12)
SETTINGS = (
    *("trunk.layers=1", "trunk.width=16", "trunk.heads=2", "trunk.kv_heads=1", "trunk.ffn=24"),
    *("trunk.context=320", "tokenizer.size=700", "step.examples=4", "optimizer.rate=0.01"),
    *("log_seconds=0", "device.dtype=float32", "device.threads=1", "device.keep_memory=false"),
    *("curriculum=reward", "scale=0.1", "evaluation.examples=4", "evaluation.budget_examples=2"),
    *("tasks.reward.size=64", "tasks.reward.prompts=3", "tasks.reward.samples=4"),
    *("tasks.reward.max_tokens=300", "tasks.reward.max_new_tokens=12"),
    "tasks.reward.health.halts=false",
)


class ByLength(Reward[NoSettings]):
    """Any text has its worth, so that there is something to learn without a machine."""

    name = "length"
    config_type = NoSettings

    def scores(self, answers: Sequence[Answer]) -> list[float | None]:
        """Return a number that looks like chance; now and then none."""
        return [None if len(a.tests) % 11 == 10 else len(a.tests) % 7 / 7 for a in answers]


class Quiet:
    """Listens, and stops the run after a step."""

    def __init__(self, step: int = 0) -> None:
        self.step = step

    def on_event(self, event: Event) -> None:
        """Send the signal when it is time."""
        if event["event"] == "step" and event["step"] == self.step:
            signal.raise_signal(signal.SIGTERM)


def configured(*more: str) -> RunConfig:
    """Return a configuration of a run of two rounds."""
    return load_config(None, (*SETTINGS, *more), ("reward",))


@pytest.fixture
def by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reward all that is written, whole or not, by its length."""
    monkeypatch.setattr(
        task, "make_rewards", lambda names, settings: {n: ByLength(NoSettings()) for n in names}
    )

    def every(flat: Sequence[Any], reward: Reward[Any], end_s: float) -> list[float | None]:
        return reward.scores([asked.answer(sample.text) for asked, sample in flat])

    monkeypatch.setattr(sampling, "_of_all", every)
    monkeypatch.setattr(task, "evaluate", lambda *given: {})


def round_of(config: RewardConfig = SMALL) -> tuple[Any, RewardTask, list[Any]]:
    """Return a narrow model, its task, and the samples of a round."""
    made = RewardTask(config)
    model = Subject(made, examples=8).new_model().eval()
    with torch.no_grad():
        model.trunk.embedding.weight.mul_(8)  # so that some tokens are likelier than others
    asked = [made.asked("train")[n] for n in range(config.prompts)]
    prompts = [made.prompt_of(a, model.tokenizer) for a in asked]
    plan = Plan("reward", config.samples, config.max_new_tokens, 60, seed=3)
    rewards = {name: ByLength(NoSettings()) for name in config.rewards}
    return model, made, sampled(model, asked, prompts, rewards, plan)


# --- 5.8.2.2: log-probabilities -------------------------------------------------------------------


def test_5_8_2_2_log_probabilities_recomputed_are_those_of_sampling(by_length: None) -> None:
    """A pass over prompts and samples, the end token among them, gives what was noted."""
    model, _, groups = round_of()
    end = model.tokenizer.end_id
    texts = [(g.prompt, g.tokens(n, end)) for g in groups for n in range(len(g.samples))]
    noted = [np.array(s.log_probs) for g in groups for s in g.samples]
    for (again, _), old in zip(said(model, "reward", texts, None), noted, strict=True):
        np.testing.assert_allclose(again, old, atol=2e-4)


def test_5_8_2_2_samples_are_seeded(by_length: None) -> None:
    """The same seed writes the same."""
    one, other = round_of()[2], round_of()[2]
    assert [g.samples for g in one] == [g.samples for g in other]


def test_an_end_is_learned_and_a_sample_without_one_earns_nothing() -> None:
    """The end token is among the tokens that are learned from; a cut sample is worth 0."""
    model, made, groups = round_of()
    end, stop = model.tokenizer.end_id, Generated((5,), (-1.0, -2.0), True, "x")
    group = attrs.evolve(groups[0], samples=(stop, *groups[0].samples[1:]))
    assert group.tokens(0, end) == (5, end)
    cut = attrs.evolve(stop, ended=False)
    asked = made.asked("train")[0]
    assert sampling._of_all([(asked, cut)], ByLength(NoSettings()), 1e18) == [0.0]
    assert sampling._of_all([(asked, stop)], ByLength(NoSettings()), 0.0) == [None]  # out of time


# --- rounds ---------------------------------------------------------------------------------------


def test_what_is_noted_of_samples_is_what_they_earned(by_length: None) -> None:
    """Old log-probabilities are those of sampling; what is not known teaches nothing."""
    model, _, groups = round_of()
    made, figures = rollouts(model, "reward", groups, SMALL, epoch=1, price=0.02)
    assert len({rollout.id for rollout in made}) == len(made) > 0
    for rollout in made:
        prompt, number = rollout.id.split("/")[0], int(rollout.id.split("/")[2])
        group = next(g for g in groups if g.asked.id == prompt)
        np.testing.assert_allclose(rollout.measures[:, OLD], group.samples[number].log_probs)
        np.testing.assert_array_equal(rollout.measures[:, REFERENCE], rollout.measures[:, OLD])
        assert group.scores["mutation"][number] is not None
        assert len(set(rollout.measures[:, ADVANTAGE].tolist())) == 1
    known = [x for g in groups for x in g.scores["mutation"] if x is not None]
    assert figures.reward == pytest.approx(np.mean(known))
    assert figures.kl == 0


def test_the_reference_is_where_the_run_began(by_length: None) -> None:
    """Its weights go through the model's own modules; in a reward they cost what is paid for."""
    model, _, groups = round_of()
    model.origin = {name: x.detach().clone() for name, x in model.state_dict().items()}
    with torch.no_grad():
        model.trunk.norm.weight.mul_(1.3)
    end = model.tokenizer.end_id
    texts = [(groups[0].prompt, groups[0].tokens(0, end))]
    there = said(model, "reward", texts, model.origin)[0][0]
    np.testing.assert_allclose(there, groups[0].samples[0].log_probs, atol=2e-4)
    here = said(model, "reward", texts, None)[0][0]
    assert np.abs(here - there).max() > 1e-3
    config = attrs.evolve(SMALL, learn=PolicyConfig(kl=Leash("reward", "k1", 1.0)))
    _, figures = rollouts(model, "reward", groups, config, epoch=1, price=1.0)
    assert figures.kl is not None
    with as_it_began(model):
        np.testing.assert_allclose(said(model, "reward", texts, None)[0][0], there, atol=1e-6)
    np.testing.assert_array_equal(said(model, "reward", texts, None)[0][0], here)


def test_shuffled_rewards_are_the_same_rewards_elsewhere(by_length: None) -> None:
    """The control deals them out anew: nothing is gained on average by what was written."""
    model, _, groups = round_of()
    _, plain = rollouts(model, "reward", groups, SMALL, 1, 0.0)
    shuffled = attrs.evolve(SMALL, shuffled=True)
    made, dealt = rollouts(model, "reward", groups, shuffled, 1, 0.0)
    assert dealt.reward == pytest.approx(plain.reward)
    again, _ = rollouts(model, "reward", groups, shuffled, 1, 0.0)
    for one, other in zip(made, again, strict=True):
        np.testing.assert_array_equal(one.measures, other.measures)


# --- whole runs -----------------------------------------------------------------------------------


def weights(out: Path) -> dict[str, torch.Tensor]:
    """Return the last checkpoint's weights."""
    newest = max(out.glob("checkpoints/[0-9]*"))
    return safetensors.torch.load((newest / "model.safetensors").read_bytes())


def test_a_run_stopped_inside_a_round_goes_on_bit_for_bit(by_length: None, tmp_path: Path) -> None:
    """Rollouts are made again from the weights that the round began with; buffers are kept."""
    more = (
        *("tasks.reward.learn.critic=true", "tasks.reward.learn.target_kl=0.0005"),
        *("tasks.reward.learn.kl.target=0.1", "tasks.reward.learn.kl.horizon=20"),
    )
    train(prepare(configured(*more), tmp_path / "whole"), Quiet())
    for step in (2, 9):
        with pytest.raises(Interrupted):
            train(prepare(configured(*more), tmp_path / "parts"), Quiet(step))
    train(prepare(configured(*more), tmp_path / "parts"), Quiet())
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], x) for name, x in parts.items())
    first = weights_of(tmp_path / "whole")
    assert not all(torch.equal(first[name], x) for name, x in whole.items())
    told = [e for e in read_events(tmp_path / "whole/events.jsonl") if e["event"] == "evaluated"]
    figures: Mapping[str, Any] = told[0]["metrics"]
    for name in ("reward", "kl_reference", "kl_old", "clip_share", "entropy", "equal_share"):
        assert figures[f"reward/{name}"] is not None, name
    assert figures["loss"] == pytest.approx(1 - figures["reward/reward"])


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    """Return the weights that a run began with, as a checkpoint keeps them."""
    newest = max(out.glob("checkpoints/[0-9]*"))
    return safetensors.torch.load((newest / "origin.safetensors").read_bytes())


def test_canaries_that_fail_refuse_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that thinks well of `assert true` trains nothing: one sentence, exit code 8."""

    class Generous:
        label = "Muzak on Elixir 1.14"

        def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
            return [Rated(1.0)] * len(pairs)

    rewards = {"mutation": MutationReward(backend=Generous())}
    monkeypatch.setattr(task, "make_rewards", lambda names, settings: rewards)
    with pytest.raises(SandboxError, match="nothing is trained on them") as raised:
        train(prepare(configured(), tmp_path / "run"), Quiet())
    assert raised.value.exit_code == 8
    assert not list(tmp_path.glob("run/checkpoints/[0-9]*"))


def test_a_collapse_halts_the_run_and_saves_it(by_length: None, tmp_path: Path) -> None:
    """The sentence says what is wrong and what to do; the weights before it are kept."""
    config = configured("tasks.reward.health.halts=true")
    with pytest.raises(CollapseError, match=r"samples had no end .* the run is saved"):
        train(prepare(config, tmp_path / "run"), Quiet())
    assert list(tmp_path.glob("run/checkpoints/[0-9]*"))


# --- 5.8.4: health and evaluation -----------------------------------------------------------------

WELL = RoundFigures(reward=0.5, kl=0.1, entropy=1.0, equal_share=0.2, samples=8, assertions=2.0)
ILL = {
    "forgotten": (attrs.evolve(WELL, kl=2.5), "2.50 nats a token away", True),
    "clip": (attrs.evolve(WELL, clip_share=0.4), "the clip decided 40%", True),
    "rambling": (attrs.evolve(WELL, truncated=0.9), "90% of samples had no end", True),
    "one thing": (attrs.evolve(WELL, entropy=0.001), "entropy is 0.0010", True),
    "engine": (attrs.evolve(WELL, infra=0.03), "failed on 3.0% of samples", True),
    "copies": (attrs.evolve(WELL, copied=0.6), "60% of what was written", True),
    "equal": (
        attrs.evolve(WELL, equal_share=0.93, equal_rounds=20),
        "all 8 samples of 93% of prompts got the same reward",
        False,
    ),
    "no checks": (attrs.evolve(WELL, reward=0.6, assertions=0.2), "0.20 assertions each", False),
}


@pytest.mark.parametrize("name", ILL)
def test_5_8_4_2_what_is_wrong_is_said_in_one_sentence(name: str) -> None:
    """Each collapse and hack has its sentence, and halts or warns by rule."""
    figures, words, halts = ILL[name]
    (alarm,) = alarms(figures, Limits(), 8)
    assert words in alarm.sentence
    assert alarm.halts == halts
    (only,) = alarms(figures, Limits(halts=False), 8)
    assert not only.halts


def test_5_8_4_2_a_sound_round_is_silent() -> None:
    """And so is one of which nothing is known; equal rewards must last before they are told."""
    assert list(alarms(WELL, Limits(), 8)) == []
    assert list(alarms(RoundFigures(), Limits(), 8)) == []
    assert list(alarms(attrs.evolve(WELL, equal_share=0.93, equal_rounds=19), Limits(), 8)) == []


def test_copies_and_assertions_are_counted() -> None:
    """Lines long enough to be no chance; assertions of every kind, a test."""
    code = "def total(n, each), do: n * each\nend\n"
    assert (
        copied_share(code, "  def total(n, each), do: n * each\nassert total(1, 2) == 2\nend")
        == 0.5
    )
    assert copied_share(code, "end") == 0
    suite = 'test "a", do: assert 1\n  test "b" do\n refute 2\n assert_raise X, f\n end'
    assert assertion_density([suite]) == 1.5
    assert assertion_density(["nothing"]) is None


@settings(max_examples=8)
@given(
    rows=st.lists(st.tuples(st.floats(0.1, 1), st.floats(0, 1)), min_size=3, max_size=12),
)
def test_5_8_4_1_gains_are_paired_and_hold_both_forms(rows: list[tuple[float, float]]) -> None:
    """Points and relative, of the same programs; an unknown one drops out of both."""
    before, now = (np.array(x) for x in zip(*rows, strict=True))
    before, now = np.append(before, np.nan), np.append(now, 1.0)
    found = gains(before, now, [f"g{n}" for n in range(len(now))])
    assert found["gain"].value == pytest.approx(np.mean(now[:-1]) - np.mean(before[:-1]))
    assert found["relative_gain"].value == pytest.approx(
        np.mean(now[:-1]) / np.mean(before[:-1]) - 1
    )
    for estimate in found.values():
        assert estimate.n == len(rows)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.high


def test_5_8_4_1_no_gain_has_an_interval_that_holds_nothing() -> None:
    """The same scores give 0 exactly; nothing killed before has no relative gain."""
    scores = np.linspace(0, 1, 9)
    assert gains(scores, scores, list("abcdefghi"))["gain"].high == 0
    found = gains(np.zeros(9), scores, list("abcdefghi"))
    assert found["relative_gain"].value is None
    assert found["gain"].low is not None
    assert found["gain"].low > 0
