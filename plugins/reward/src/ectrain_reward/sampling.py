"""A policy writes, and while it goes on, what it wrote is rewarded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import attrs

from ectrain.generation import MAX_ROWS, Generated, Sampling, generate
from ectrain.model import Model
from ectrain_reward.asked import Asked
from ectrain_reward.rewards import Answer, Reward

Scores = dict[str, list[float | None]]


@attrs.frozen(eq=False)
class Group:
    """The samples of a prompt.

    Attributes:
        asked: What was to be written.
        prompt: Its tokens.
        samples: What was written.
        scores: Of each reward, one a sample; None where it is not known.
    """

    asked: Asked
    prompt: tuple[int, ...]
    samples: tuple[Generated, ...]
    scores: Mapping[str, Sequence[float | None]]

    def tokens(self, number: int, end: int) -> tuple[int, ...]:
        """Return the tokens of a sample, its end among them."""
        sample = self.samples[number]
        return sample.tokens + (end,) * (len(sample.log_probs) - len(sample.tokens))


@attrs.frozen
class Plan:
    """How samples are made.

    Attributes:
        task: Name of the task whose head writes.
        samples: Of each prompt.
        max_new_tokens: Most tokens of each.
        budget_s: Seconds after which no prompt is begun and no reward computed.
        seed: Of the samples.
    """

    task: str
    samples: int
    max_new_tokens: int
    budget_s: float
    seed: int


def sampled(
    model: Model,
    asked: Sequence[Asked],
    prompts: Sequence[Sequence[int]],
    rewards: Mapping[str, Reward[Any]],
    plan: Plan,
) -> list[Group]:
    """Return samples with their rewards; those of one part are rewarded while the next is written.

    Samples are drawn at temperature 1 from all tokens, so that the policy is the model itself. One
    that has no end by its last token earns nothing. What the time budget cut is not known.

    Args:
        model: What writes.
        asked: What is to be written.
        prompts: Its tokens.
        rewards: What samples earn.
        plan: How they are made.
    """
    for reward in rewards.values():
        reward.check()
    end_s = time.monotonic() + plan.budget_s
    at_once = max(1, MAX_ROWS // plan.samples)
    parts: list[tuple[int, list[list[Generated]], Future[list[Scores]]]] = []
    with ThreadPoolExecutor(1) as pool:
        for at in range(0, len(asked), at_once):
            if at and time.monotonic() > end_s:
                break
            written = generate(
                model,
                plan.task,
                prompts[at : at + at_once],
                max_new_tokens=plan.max_new_tokens,
                sampling=Sampling(temperature=1.0),
                samples=plan.samples,
                seed=plan.seed + at,
            )
            those = asked[at : at + at_once]
            parts.append((at, written, pool.submit(_scored, those, written, rewards, end_s)))
    return [
        Group(asked[at + n], tuple(prompts[at + n]), tuple(samples), scores)
        for at, written, coming in parts
        for n, (samples, scores) in enumerate(zip(written, coming.result(), strict=True))
    ]


def _scored(
    asked: Sequence[Asked],
    written: Sequence[Sequence[Generated]],
    rewards: Mapping[str, Reward[Any]],
    end_s: float,
) -> list[Scores]:
    """Return the scores of each prompt's samples, by reward."""
    flat = [(a, sample) for a, samples in zip(asked, written, strict=True) for sample in samples]
    found: list[Scores] = [{} for _ in asked]
    for name, reward in rewards.items():
        values = iter(_of_all(flat, reward, end_s))
        for scores, samples in zip(found, written, strict=True):
            scores[name] = [next(values) for _ in samples]
    return found


def _of_all(
    flat: Sequence[tuple[Asked, Generated]], reward: Reward[Any], end_s: float
) -> list[float | None]:
    if time.monotonic() > end_s:
        return [None] * len(flat)
    whole: list[Answer] = [a.answer(sample.text) for a, sample in flat if sample.ended]
    values = iter(reward.scores(whole))
    return [next(values) if sample.ended else 0.0 for _, sample in flat]
