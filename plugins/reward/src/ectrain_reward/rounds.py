"""A round: samples with their rewards, and what each of their tokens is worth.

Shape suffixes: g prompts, n samples of each, t tokens of a sample, k measures of a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from ectrain.batches import lay_out
from ectrain.model import Model
from ectrain.order import keyed_random
from ectrain_reward.advantages import advantages, combined, equal_share
from ectrain_reward.asked import Rollout, segment
from ectrain_reward.config import RewardConfig
from ectrain_reward.gae import gae, whitened
from ectrain_reward.head import PolicyOutput
from ectrain_reward.health import RoundFigures, assertion_density, copied_share
from ectrain_reward.kl import divergence
from ectrain_reward.length import length_cost
from ectrain_reward.log_probs import taken
from ectrain_reward.objective import ADVANTAGE, EXPECTED, MEASURES, OLD, OWN, REFERENCE, VALUE
from ectrain_reward.sampling import Group

Floats = NDArray[np.float64]

MAX_TOKENS = 8192  # of one pass


@attrs.frozen(eq=False)
class Sample:
    """A sample and what is known of its tokens.

    Attributes:
        group: Number of its prompt.
        number: Its own, in the group.
        tokens: What was written.
        old_t: Log-probabilities when it was sampled.
        reference_t: Log-probabilities under the reference.
        value_t: What the critic expected; zeros without one.
    """

    group: int
    number: int
    tokens: tuple[int, ...]
    old_t: Floats
    reference_t: Floats
    value_t: Floats


def rollouts(
    model: Model, name: str, groups: Sequence[Group], config: RewardConfig, epoch: int, price: float
) -> tuple[list[Rollout], RoundFigures]:
    """Return the samples of a round as examples, and what the round came to.

    Groups in which all earned the same teach nothing: they are left out, unless there are no
    others.

    Args:
        model: What wrote them, as it was.
        name: Of the task.
        groups: Samples with their rewards.
        config: The task's settings.
        epoch: From 1.
        price: What a nat of divergence from the reference costs now.
    """
    samples = list(_looked_at(model, name, groups, config))
    earned_gn = _earned(groups, config, epoch)
    worth_gn = earned_gn - length_cost(earned_gn, _lengths(groups), config.length_price)
    measures = _measures(samples, worth_gn, config, price)
    end = model.tokenizer.end_id
    found: list[Rollout] = []
    dull: list[Rollout] = []
    for sample, rows in zip(samples, measures, strict=True):
        group = groups[sample.group]
        rollout = Rollout(
            f"{group.asked.id}/{epoch}/{sample.number}",
            group.asked.group,
            group.prompt,
            group.tokens(sample.number, end),
            group.samples[sample.number].text,
            rows,
        )
        (found if rows[:, ADVANTAGE].any() else dull).append(rollout)
    figures = _figures(groups, samples, earned_gn, config)
    return _passed(found or dull, config.learn.passes), figures


def _passed(found: Sequence[Rollout], passes: int) -> list[Rollout]:
    return [attrs.evolve(x, id=f"{x.id}/{n}") for n in range(1, passes + 1) for x in found]


def _earned(groups: Sequence[Group], config: RewardConfig, epoch: int) -> Floats:
    """Return what each sample earned, NaN where that is not known, `[g, n]`."""
    by_name = {name: _table(groups, name) for name in config.rewards}
    worth_gn = combined(by_name, config.weights)
    if config.shuffled:
        order = list(range(worth_gn.size))
        keyed_random(config.seed, "shuffled", epoch).shuffle(order)
        worth_gn = worth_gn.ravel()[order].reshape(worth_gn.shape)
    return worth_gn


def _lengths(groups: Sequence[Group]) -> Floats:
    return np.array([[len(s.tokens) for s in group.samples] for group in groups], dtype=np.float64)


def _table(groups: Sequence[Group], name: str) -> Floats:
    rows = [[np.nan if x is None else x for x in group.scores[name]] for group in groups]
    return np.array(rows, dtype=np.float64)


def _measures(
    samples: Sequence[Sample], worth_gn: Floats, config: RewardConfig, price: float
) -> list[NDArray[np.float32]]:
    """Return what is noted of each token of each sample, `[t, k]`."""
    learn = config.learn
    cost = price if learn.kl.place == "reward" and learn.kl.holds else 0.0
    penalty = [cost * divergence_t(s, learn.kl.estimator) for s in samples]
    if learn.critic:
        earned = [
            _with_end(-p, worth_gn[s.group, s.number])
            for s, p in zip(samples, penalty, strict=True)
        ]
        both = [
            gae(r, s.value_t, learn.discount, learn.decay)
            for s, r in zip(samples, earned, strict=True)
        ]
        gains, aims = [a for a, _ in both], [b for _, b in both]
        gains = whitened(gains) if learn.whiten else gains
    else:
        paid_gn = worth_gn.copy()
        for sample, p in zip(samples, penalty, strict=True):
            paid_gn[sample.group, sample.number] -= p.sum()
        gain_gn = advantages(paid_gn, learn.baseline)
        gains = [np.full(len(s.tokens), gain_gn[s.group, s.number]) for s in samples]
        aims = [np.zeros(len(s.tokens)) for s in samples]
    known = [not np.isnan(worth_gn[s.group, s.number]) for s in samples]
    rows = zip(samples, gains, aims, known, strict=True)
    return [
        _noted(s, gain, aim) if ok else _noted(s, 0 * gain, s.value_t) for s, gain, aim, ok in rows
    ]


def divergence_t(sample: Sample, estimator: Any) -> Floats:
    """Return a sample's divergence from the reference, token by token."""
    old, reference = (torch.from_numpy(x) for x in (sample.old_t, sample.reference_t))
    found: Floats = divergence(old, reference, estimator).numpy()
    return found


def _with_end(paid_t: Floats, worth: float) -> Floats:
    """Return what each token earned: the reward comes with the last one."""
    earned_t = paid_t.copy()
    if len(earned_t):
        earned_t[-1] += 0.0 if np.isnan(worth) else worth
    return earned_t


def _noted(sample: Sample, gain_t: Floats, aim_t: Floats) -> NDArray[np.float32]:
    rows = np.zeros((len(sample.tokens), len(MEASURES)), dtype=np.float32)
    rows[:, OWN], rows[:, OLD], rows[:, REFERENCE] = 1, sample.old_t, sample.reference_t
    rows[:, ADVANTAGE], rows[:, EXPECTED], rows[:, VALUE] = gain_t, aim_t, sample.value_t
    return rows


# --- what the model and its reference say of the samples ------------------------------------------


def _looked_at(
    model: Model, name: str, groups: Sequence[Group], config: RewardConfig
) -> Iterator[Sample]:
    """Yield the samples that have a token, with what the critic and the reference say of them."""
    end = model.tokenizer.end_id
    places = [(g, n) for g, group in enumerate(groups) for n in range(len(group.samples))]
    places = [(g, n) for g, n in places if groups[g].samples[n].log_probs]
    written = [groups[g].tokens(n, end) for g, n in places]
    old = [np.array(groups[g].samples[n].log_probs, dtype=np.float64) for g, n in places]
    texts = [(groups[g].prompt, tokens) for (g, _), tokens in zip(places, written, strict=True)]
    values = [np.zeros(len(x)) for x in old]
    if config.learn.critic:
        values = [x for _, x in said(model, name, texts, None)]
    references = old
    if config.learn.kl.holds and not _is_origin(model):
        references = [x for x, _ in said(model, name, texts, model.origin)]
    rows = zip(places, written, old, references, values, strict=True)
    for (g, n), tokens, old_t, reference_t, value_t in rows:
        yield Sample(g, n, tokens, old_t, reference_t, value_t)


def _is_origin(model: Model) -> bool:
    """Return whether the model is its own reference: then nothing is computed twice."""
    if not model.origin:
        return True
    own = dict(model.named_parameters())
    return all(torch.equal(x.cpu(), model.origin[n]) for n, x in own.items() if n in model.origin)


@torch.no_grad()
def said(
    model: Model,
    name: str,
    texts: Sequence[tuple[Sequence[int], Sequence[int]]],
    weights: Mapping[str, Tensor] | None,
) -> list[tuple[Floats, Floats]]:
    """Return log-probabilities and values of written tokens under some weights.

    Args:
        model: Whose modules do it, whatever the weights.
        name: Of the task.
        texts: Prompts and what was written after them.
        weights: Others than the model's own, by name; None for its own.
    """
    own = {n for n, _ in model.named_parameters()}
    given = {n: x.to(model.device) for n, x in (weights or {}).items() if n in own}
    segments = [segment(prompt, written, None, 1 << 30) for prompt, written in texts]
    batch = lay_out([(name, s) for s in segments], MAX_TOKENS, [str(n) for n in range(len(texts))])
    found: dict[int, tuple[Floats, Floats]] = {}
    for pack, ids in zip(batch.packs, batch.examples, strict=True):
        there = pack.to(model.device)
        output: PolicyOutput = functional_call(model, given, (there,))[name]
        tokens_m = there.tasks[name].targets.tokens_m
        log_prob_m, _ = taken(output.hidden_md, output.vocabulary_vd, tokens_m)
        value_m = torch.zeros_like(log_prob_m) if output.value_m is None else output.value_m
        at = 0
        for number in map(int, ids[name]):
            part = slice(at, at + len(texts[number][1]))
            found[number] = tuple(x[part].double().cpu().numpy() for x in (log_prob_m, value_m))  # type: ignore[assignment]
            at = part.stop
    return [found[number] for number in range(len(texts))]


# --- what is told of the round --------------------------------------------------------------------


def _figures(
    groups: Sequence[Group], samples: Sequence[Sample], earned_gn: Floats, config: RewardConfig
) -> RoundFigures:
    texts = [(group.asked.given, s.text) for group in groups for s in group.samples]
    every = [s for group in groups for s in group.samples]
    strayed = [divergence_t(sample, "k3") for sample in samples]
    old = [sample.old_t for sample in samples]
    return RoundFigures(
        reward=_mean_reward(groups, config),
        length=float(np.mean([len(s.tokens) for s in every])) if every else None,
        kl=float(np.concatenate(strayed).mean()) if samples else None,
        entropy=float(-np.concatenate(old).mean()) if samples else None,
        equal_share=equal_share(earned_gn) if earned_gn.size else None,
        truncated=float(np.mean([not s.ended for s in every])) if every else 0.0,
        unknown=float(np.isnan(earned_gn).mean()) if earned_gn.size else 0.0,
        copied=float(np.mean([copied_share(*both) for both in texts])) if texts else None,
        assertions=assertion_density([text for _, text in texts]),
        samples=len(every),
    )


def _mean_reward(groups: Sequence[Group], config: RewardConfig) -> float | None:
    """Return what samples earned on average; of several rewards, their weighted mean."""
    total = weight = 0.0
    for name in config.rewards:
        known = [x for group in groups for x in group.scores[name] if x is not None]
        if known:
            share = config.weights.get(name, 1.0)
            total, weight = total + share * float(np.mean(known)), weight + share
    return total / weight if weight else None
