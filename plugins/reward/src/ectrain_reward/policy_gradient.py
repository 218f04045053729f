"""One round of learning from samples: `PolicyGradient.step(policy, optimizer, batch, config)`.

In a run, the task's loss and the loop's own optimizer do the same beside other tasks.

Shape suffixes: m tokens, k measures of each.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ectrain.errors import PluginError
from ectrain_reward.objective import ADVANTAGE, OLD, PolicyConfig, Taken, Terms, terms

# mean difference of log-probabilities, in nats, that a first look may find: bfloat16 makes some
MOST_OFF = 0.1


class Policy(Protocol):
    """What learns."""

    def taken(self, samples: Sequence[Any]) -> Taken:
        """Return what it says of all tokens of some samples, one after another."""

    def parameters(self) -> Iterable[Tensor]:
        """Yield its weights."""


@attrs.frozen(eq=False)
class Experience:
    """Samples, and what was noted of each of their tokens.

    Attributes:
        samples: As the policy takes them.
        measures: `[tokens, k]` of each, see `objective.MEASURES`.
    """

    samples: Sequence[Any]
    measures: Sequence[NDArray[np.float32]]

    def part(self, numbers: Sequence[int]) -> tuple[list[Any], Tensor]:
        """Return some of the samples, and the measures of their tokens, `[m, k]`."""
        rows = np.concatenate([self.measures[number] for number in numbers])
        return [self.samples[number] for number in numbers], torch.from_numpy(rows)


@attrs.frozen
class StepReport:
    """What a round came to, over the tokens that were learned from.

    Attributes:
        steps: Optimizer steps.
        stopped: Whether the policy had moved too far before all passes were through.
        loss: Mean, in nats.
        off: Mean difference of log-probabilities recomputed and sampled, before the first step.
        clip_share: Share of tokens whose loss the clip decided.
        kl_old: Mean divergence from the sampling policy.
        kl_reference: Mean divergence from the reference; None where there is none.
        entropy: Mean.
    """

    steps: int
    stopped: bool
    loss: float
    off: float
    clip_share: float
    kl_old: float
    kl_reference: float | None
    entropy: float


class PolicyGradient:
    """Learns from samples and their advantages."""

    @staticmethod
    def step(
        policy: Policy,
        optimizer: torch.optim.Optimizer,
        batch: Experience,
        config: PolicyConfig,
        coefficient: float | None = None,
        seed: int = 0,
    ) -> StepReport:
        """Take the optimizer steps of a round: passes over mini-batches, until it is enough.

        The loss of a mini-batch is the mean over its tokens. Where nothing was better than
        anything else, and no leash pulls, no step is taken.

        Args:
            policy: What learns; without dropout, or in evaluation mode.
            optimizer: Over its weights.
            batch: Samples with measures.
            config: What is learned by.
            coefficient: What a nat of divergence costs; the configured one unless told.
            seed: Of the mini-batches.

        Raises:
            PluginError: The policy's log-probabilities are not those of sampling.
        """
        price = config.kl.coefficient if coefficient is None else coefficient
        tally, off, stopped = _Tally(), None, False
        for numbers in _minibatches(len(batch.samples), config, seed):
            samples, measures_mk = batch.part(numbers)
            found = policy.taken(samples)
            if off is None:
                off = refuse_other_policy(found.log_prob_m, measures_mk[:, OLD])
            each = terms(found, measures_mk.to(found.log_prob_m.device), config, price)
            if config.target_kl and float(each.moved_m.mean()) > config.target_kl:
                stopped = True
                break
            tally.add(each, found)
            idle = not bool(measures_mk[:, ADVANTAGE].any())
            if not (idle and _nothing_else(config)):
                _descend(policy, optimizer, each.loss_m.mean(), config.max_norm)
                tally.steps += 1
        return tally.report(stopped, off or 0.0, config)


def _nothing_else(config: PolicyConfig) -> bool:
    """Return whether a gradient comes from advantages alone."""
    return not config.critic and not (config.kl.place == "loss" and config.kl.holds)


def _minibatches(count: int, config: PolicyConfig, seed: int) -> Iterator[list[int]]:
    for number in range(config.passes):
        order = list(range(count))
        random.Random(f"{seed}/{number}").shuffle(order)
        parts = min(config.minibatches, count)
        yield from ([order[n] for n in range(at, count, parts)] for at in range(parts))


def refuse_other_policy(log_prob_m: Tensor, old_m: Tensor) -> float:
    """Return by how much log-probabilities differ from those of sampling, before any step.

    Raises:
        PluginError: By too much: the ratio of new to old is not 1.
    """
    old_m = old_m.to(log_prob_m.device)
    off = float((log_prob_m.detach() - old_m).abs().mean()) if len(old_m) else 0.0
    if not off <= MOST_OFF:
        raise PluginError(
            f"before the first step log-probabilities differ by {off:.3g} nats a token from those "
            "of sampling, so the ratio of new to old is not 1: samples of another policy, or "
            "dropout",
            "reward",
        )
    return off


def _descend(
    policy: Policy, optimizer: torch.optim.Optimizer, loss: Tensor, max_norm: float
) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(list(policy.parameters()), max_norm, error_if_nonfinite=True)
    optimizer.step()


@attrs.define
class _Tally:
    """Sums over all tokens that were learned from."""

    steps: int = 0
    tokens: int = 0
    sums: Tensor = attrs.field(factory=lambda: torch.zeros(5))

    def add(self, each: Terms, found: Taken) -> None:
        rows = (each.loss_m, each.clipped_m, each.moved_m, each.strayed_m, found.entropy_m)
        self.sums += torch.stack([x.detach().float().sum() for x in rows]).cpu()
        self.tokens += len(each.loss_m)

    def report(self, stopped: bool, off: float, config: PolicyConfig) -> StepReport:
        loss, clipped, moved, strayed, entropy = (self.sums / max(1, self.tokens)).tolist()
        reference = strayed if config.kl.holds else None
        return StepReport(self.steps, stopped, loss, off, clipped, moved, reference, entropy)
