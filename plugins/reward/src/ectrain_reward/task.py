"""The reward task: dataset of samples that earned something, head, loss, metrics, evaluation."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
from torch import Tensor, nn

from ectrain.model import Model
from ectrain.order import keyed_random
from ectrain.parts import Perplexity
from ectrain.task import Budget, Estimate, Goal, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.symbols import SYMBOLS
from ectrain_reward.asked import Asked, Rollout, asked_split, segment
from ectrain_reward.config import RewardConfig
from ectrain_reward.evaluation import evaluate
from ectrain_reward.head import (
    COEFFICIENT,
    EQUAL_ROUNDS,
    ROUND,
    PolicyHead,
    PolicyOutput,
    Round,
    remember,
    remembered,
)
from ectrain_reward.health import CollapseError, RoundFigures, alarms
from ectrain_reward.log_probs import taken
from ectrain_reward.objective import OLD, Taken, terms
from ectrain_reward.policy_gradient import refuse_other_policy
from ectrain_reward.rewards import Reward, make_rewards
from ectrain_reward.rounds import rollouts
from ectrain_reward.sampling import Plan, sampled

LEAST_ROOM = 16  # tokens that a prompt must leave for what is written

log = logging.getLogger(__name__)


class RewardTask(Task[Asked | Rollout, RewardConfig]):
    """Write what earns most.

    Each epoch is a round: in `refresh` the policy writes, what it wrote is rewarded, and the
    epoch's steps learn from it.
    """

    name = "reward"
    config_type = RewardConfig
    goals = (Goal("gain", 0.10), Goal("relative_gain", 0.10), Goal("kept", 0.98))

    def __init__(self, config: RewardConfig) -> None:
        super().__init__(config)
        self._rollouts: list[Rollout] = []
        self._round = Round(coefficient=config.learn.kl.coefficient)
        self.figures = RoundFigures()

    @cached_property
    def rewards(self) -> dict[str, Reward[Any]]:
        """What samples earn, by name."""
        return make_rewards(self.config.rewards, self.config.settings)

    def asked(self, split: Split) -> Sequence[Asked]:
        """Return what is asked in a split."""
        config = self.config
        return asked_split(
            split, config.data, config.size, config.seed, config.types, config.writes
        )

    def examples(self, split: Split) -> Sequence[Asked | Rollout]:
        """Return given texts, and in training, from the first `refresh` on, the last samples.

        Before it there are as many given texts as a round has samples, so that its steps are known.
        """
        if split != "train":
            return self.asked(split)
        every = self.asked("train")
        count = self.config.prompts * self.config.samples * self.config.learn.passes
        return self._rollouts or [every[n] for n in range(min(count, len(every)))]

    def control_tokens(self) -> tuple[str, ...]:
        """Return the marks that prompts have, of direction and type."""
        direction = "to_test" if self.config.writes == "tests" else "to_code"
        return tuple(f"<{word}>" for word in (direction, *self.config.types))

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS

    def texts(self, example: Asked | Rollout) -> Iterable[str]:
        """Yield the text as it is encoded, part by part."""
        if isinstance(example, Rollout):
            yield example.text
        else:
            yield example.given
            yield example.wanted

    def borrows(self) -> str:
        """Return the task whose head acts."""
        return self.config.policy

    def keeps_origin(self) -> bool:
        """Return True: the policy is held near it, and compared with it."""
        return True

    def encode(self, example: Asked | Rollout, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Predict each written token; its measures are what it is worth."""
        most = self.config.max_tokens
        if isinstance(example, Rollout):
            return segment(example.prompt, example.tokens, example.measures, most)
        written = [*tokenizer.encode(example.wanted), tokenizer.end_id]
        return segment(self.prompt_of(example, tokenizer), written, None, most)

    def prompt_of(self, asked: Asked, tokenizer: Tokenizer) -> list[int]:
        """Return the tokens that something is written after."""
        return asked.prompt(tokenizer, self.config.max_tokens // 2)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Act through another task's head, and learn values where there is a critic."""
        learn = self.config.learn
        return PolicyHead(trunk, learn.critic, learn.kl.coefficient)

    def loss(self, output: PolicyOutput, targets: Targets) -> Tensor:
        """Return the policy's loss of samples, and cross-entropy of given texts, summed.

        In a training step the head notes what it came to; once the policy has moved too far from
        the one that wrote the samples, the rest of the round teaches nothing.
        """
        log_prob_m, entropy_m = taken(output.hidden_md, output.vocabulary_vd, targets.tokens_m)
        found = Taken(log_prob_m, entropy_m, output.value_m)
        if targets.measures_mk is None or not len(log_prob_m):
            return -log_prob_m.sum()
        learn = self.config.learn
        each = terms(found, targets.measures_mk, learn, self._round.coefficient)
        loss = each.loss_m.sum()
        if not output.learning or output.memory is None:
            return loss
        if int(output.memory[ROUND]) != self._round.number:
            own_m = each.own_m
            refuse_other_policy(log_prob_m[own_m], targets.measures_mk[own_m, OLD])
        stopped = remember(output.memory, self._round, each, found, learn.target_kl)
        return loss * 0.0 if stopped else loss

    def metrics(self) -> Mapping[str, Metric]:
        """Return the perplexity of given texts, and the figures of the last round."""
        return {"perplexity": Perplexity(), "": RoundMetric(self)}

    # --- a round ------------------------------------------------------------------------------

    def refresh(self, model: Model, epoch: int) -> None:
        """Let the policy write, reward it, and look whether all is well.

        Raises:
            CollapseError: It is not.
            SandboxError: Rewards can't be computed here, or mean nothing.
        """
        head = model.heads[self.name]
        assert isinstance(head, PolicyHead)
        memory = head.memory.cpu()
        asked, prompts = self._prompts(model, epoch)
        before = sum(reward.infra for reward in self.rewards.values())
        plan = self._plan(model, epoch)
        groups = sampled(model, asked, prompts, self.rewards, plan)
        price = float(memory[COEFFICIENT])
        made, figures = rollouts(model, self.name, groups, self.config, epoch, price)
        infra = sum(reward.infra for reward in self.rewards.values()) - before
        limits = self.config.health
        is_equal = (figures.equal_share or 0) > limits.equal
        equal_rounds = int(memory[EQUAL_ROUNDS]) + 1 if is_equal else 0
        self.figures = attrs.evolve(
            figures,
            infra=infra / max(1, figures.samples),
            equal_rounds=equal_rounds,
            clip_share=remembered(memory)["clip_share"],
        )
        coefficient = self.config.learn.kl.adapted(price, figures.kl or 0.0, figures.samples)
        self._round = Round(epoch, coefficient, equal_rounds)
        self._rollouts = made
        has_learned = memory[ROUND] > 0  # before that nothing can have collapsed
        for alarm in alarms(self.figures, limits, self.config.samples):
            if alarm.halts and has_learned:
                raise CollapseError(f"task {self.name}: {alarm.sentence}", self.name)
            log.warning("task %s: %s", self.name, alarm.sentence)

    def _prompts(self, model: Model, epoch: int) -> tuple[list[Asked], list[list[int]]]:
        """Return what is asked in a round, with its tokens: what leaves room for an answer."""
        every = self.asked("train")
        most = min(self.config.max_tokens, model.trunk.config.context) - LEAST_ROOM
        rng = keyed_random(self.config.seed, "round", epoch)
        chosen: list[Asked] = []
        prompts: list[list[int]] = []
        for number in rng.sample(range(len(every)), len(every)):
            if len(chosen) == self.config.prompts:
                break
            prompt = self.prompt_of(every[number], model.tokenizer)
            if len(prompt) <= most:
                chosen.append(every[number])
                prompts.append(prompt)
        return chosen, prompts

    def _plan(self, model: Model, epoch: int) -> Plan:
        config = self.config
        room = min(config.max_new_tokens, config.max_tokens)
        seed = keyed_random(config.seed, "samples", epoch).getrandbits(31)
        return Plan(self.writer(model), config.samples, room, config.budget_s, seed)

    def writer(self, model: Model) -> str:
        """Return the task whose head writes."""
        return self.config.policy if model.borrowed(self.name) is not None else self.name

    def standing(self, figures: Mapping[str, float | None], guess: float) -> float | None:
        """Return how far the policy is from earning all there is."""
        earned = figures.get("mutation_score", figures.get("reward"))
        return super().standing(figures, guess) if earned is None else 1 - earned

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Measure what the policy writes on held-out pairs, now and before it was rewarded."""
        return evaluate(self, model, split, budget)


class RoundMetric:
    """The figures of the last round, told beside those of held-out data.

    Args:
        task: Whose rounds they are.
    """

    def __init__(self, task: RewardTask) -> None:
        self._task = task
        self._learned: dict[str, float | None] = {}

    def update(self, output: PolicyOutput, targets: Targets) -> None:
        """Take in what the head remembers."""
        self._learned = remembered(output.memory)

    def merge(self, other: RoundMetric) -> None:
        """Take in what the other's head remembers."""
        self._learned = other._learned or self._learned

    def compute(self) -> Mapping[str, float | None]:
        """Return the figures; None where there was no round, or nothing was measured."""
        told = attrs.asdict(self._task.figures) if self._learned else {}
        names = [a.name for a in attrs.fields(RoundFigures) if a.name != "kl"]
        figures = {name: None if not told.get("samples") else told[name] for name in names}
        return {**figures, "kl_sampled": told.get("kl"), **_named(self._learned)}


def _named(learned: Mapping[str, float | None]) -> dict[str, float | None]:
    names = ("clip_share", "kl_old", "kl_reference")
    return {name: learned.get(name) for name in names}
