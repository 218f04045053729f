"""What a policy writes is worth on held-out code, now and before it was rewarded, alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ectrain.errors import SandboxError
from ectrain.evaluate import held_out, measure
from ectrain.generation import generate
from ectrain.model import Model
from ectrain.task import Budget, Estimate, Split
from ectrain_reward.asked import Asked
from ectrain_reward.execution import ExecutionReward
from ectrain_reward.mutation import MutationConfig, MutationReward
from ectrain_reward.rewards import NoSettings, Reward

if TYPE_CHECKING:
    from ectrain_reward.task import RewardTask

Floats = NDArray[np.float64]

AT_ONCE = 32  # prompts that are written after at once
RESAMPLES = 2000
SHOWN = 64  # examples of each other task that forgetting is measured on
NO_ORIGIN = "the weights before the first round are not at hand: no round was made"


def evaluate(task: RewardTask, model: Model, split: Split, budget: Budget) -> dict[str, Estimate]:
    """Return scores of greedy answers now and before, their paired difference, and what was kept.

    A suite that fails on the true code scores 0. Mutants are made by operators that were held out
    from the reward; both models answer to the same code, and are scored on the same mutants.

    Args:
        task: Whose policy it is.
        model: With the weights that it has now.
        split: Held-out pairs.
        budget: Most pairs, and seconds of each model's writing.
    """
    asked = list(task.asked(split))[: budget.examples]
    scorer, name = _scorer(task)
    try:
        now = _scores(task, model, asked, scorer)
        if not model.origin:
            before = None
        else:
            with as_it_began(model):
                before = _scores(task, model, asked, scorer)
    except SandboxError as error:
        names = (name, f"{name}_before", "gain", "relative_gain", "valid")
        return dict.fromkeys(names, Estimate.missing(str(error))) | _kept(task, model, split)
    found = {name: _mean(now), "valid": Estimate.share(int((now > 0).sum()), _known(now))}
    if before is None:
        missing = Estimate.missing(NO_ORIGIN)
        return found | dict.fromkeys((f"{name}_before", "gain", "relative_gain", "kept"), missing)
    return {
        **found,
        f"{name}_before": _mean(before),
        **gains(before, now, [a.group for a in asked]),
        **_kept(task, model, split),
    }


def _scorer(task: RewardTask) -> tuple[Reward, str]:  # type: ignore[type-arg]
    if task.config.writes == "code":
        return ExecutionReward(NoSettings()), "pass_rate"
    return MutationReward(MutationConfig(operators="held out")), "mutation_score"


def _scores(
    task: RewardTask,
    model: Model,
    asked: Sequence[Asked],
    scorer: Reward,  # type: ignore[type-arg]
) -> Floats:
    """Return what the likeliest answer to each is worth, NaN where that is not known."""
    context = model.trunk.config.context
    prompts = [task.prompt_of(a, model.tokenizer) for a in asked]
    fitting = [n for n, prompt in enumerate(prompts) if len(prompt) < context]
    found = np.zeros(len(asked))
    for at in range(0, len(fitting), AT_ONCE):
        part = fitting[at : at + AT_ONCE]
        written = generate(
            model,
            task.writer(model),
            [prompts[n] for n in part],
            max_new_tokens=task.config.max_new_tokens,
        )
        ended = [(n, one) for n, (one,) in zip(part, written, strict=True) if one.ended]
        scores = scorer.scores([asked[n].answer(one.text) for n, one in ended])
        for (n, _), score in zip(ended, scores, strict=True):
            found[n] = np.nan if score is None else score
    return found


@contextmanager
def as_it_began(model: Model) -> Iterator[None]:
    """Give the model the weights that it had before its first round."""
    now = {name: x.detach().to("cpu", copy=True) for name, x in model.state_dict().items()}
    model.restore(model.origin)
    try:
        yield
    finally:
        model.restore(now)


def gains(before: Floats, now: Floats, groups: Sequence[str]) -> dict[str, Estimate]:
    """Return the paired gain, as a share of all mutants and of what was killed before.

    Intervals are of 95 %, by a bootstrap over groups.

    Args:
        before: Scores of each program, NaN where unknown.
        now: The same, of the same programs.
        groups: Of the programs: what belongs together is drawn together.
    """
    both = ~np.isnan(before) & ~np.isnan(now)
    n = int(both.sum())
    if n < 2:
        return dict.fromkeys(("gain", "relative_gain"), Estimate.missing("too few pairs"))
    before, now = before[both], now[both]
    labels = np.unique(np.array(groups)[both], return_inverse=True)[1]
    draws = _drawn(labels)
    why = f"paired on the same {n} programs and mutants; bootstrap over groups"
    found = {"gain": _interval(lambda i: float((now[i] - before[i]).mean()), draws, n, why)}
    if before.mean() <= 0:
        return {**found, "relative_gain": Estimate.missing("nothing was killed before")}
    ratio = _interval(lambda i: _ratio(before[i], now[i]), draws, n, why)
    return {**found, "relative_gain": ratio}


def _ratio(before: Floats, now: Floats) -> float:
    return float(now.mean() / before.mean() - 1) if before.mean() > 0 else np.inf


def _drawn(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the places of all programs, then those of resampled groups."""
    members = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(members), (RESAMPLES, len(members)))
    return [np.arange(len(labels)), *(np.concatenate([members[g] for g in row]) for row in picks)]


def _interval(
    figure: Callable[[NDArray[np.int64]], float],
    draws: Sequence[NDArray[np.int64]],
    n: int,
    why: str,
) -> Estimate:
    value, *others = (figure(draw) for draw in draws)
    low, high = np.percentile([x for x in others if np.isfinite(x)] or [value], [2.5, 97.5])
    return Estimate(value, n, float(low), float(high), why)


def _mean(scores: Floats) -> Estimate:
    known = scores[~np.isnan(scores)]
    return Estimate.mean(known.tolist(), "greedy, operators held out from the reward")


def _known(scores: Floats) -> int:
    return int((~np.isnan(scores)).sum())


def _kept(task: RewardTask, model: Model, split: Split) -> dict[str, Estimate]:
    """Return what no other task fell below: 1 less the greatest fall of any of its shares."""
    others = [name for name in model.tasks if name != task.name]
    if not others:
        return {"kept": Estimate.missing("no other task is trained beside it")}
    if not model.origin:
        return {"kept": Estimate.missing(NO_ORIGIN)}
    now = _shares(model, others, split)
    with as_it_began(model):
        before = _shares(model, others, split)
    falls = {name: before[name] - now[name] for name in before if name in now}
    if not falls:
        return {"kept": Estimate.missing("no other task has a figure between 0 and 1")}
    worst = max(falls, key=lambda name: falls[name])
    kept = 1 - max(0.0, falls[worst])
    why = f"{worst} went from {before[worst]:.4f} to {now[worst]:.4f}, of {len(falls)} figures"
    return {"kept": Estimate(kept, SHOWN, kept, kept, why)}


@torch.no_grad()
def _shares(model: Model, names: Sequence[str], split: Split) -> dict[str, float]:
    """Return the figures of tasks that lie between 0 and 1, by "task/figure"."""
    found: dict[str, float] = {}
    for name in names:
        figures: Mapping[str, float | None] = measure(
            model, name, held_out(model, name, split, SHOWN)
        )
        for figure, value in figures.items():
            if figure not in ("loss", "perplexity") and value is not None and 0 <= value <= 1:
                found[f"{name}/{figure}"] = value
    return found
