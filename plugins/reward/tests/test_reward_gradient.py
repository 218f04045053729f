"""The pieces of PPO against plain references in numpy (5.8.3), and the gradient itself (5.8.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ectrain.errors import ConfigError, PluginError
from ectrain_reward.advantages import Baseline, advantages
from ectrain_reward.critic import value_loss
from ectrain_reward.gae import gae, whitened
from ectrain_reward.kl import Estimator, Leash, divergence
from ectrain_reward.log_probs import CHUNK, taken
from ectrain_reward.objective import MEASURES, OLD, OWN, PolicyConfig, Taken, terms
from ectrain_reward.policy_gradient import Experience, PolicyGradient
from ectrain_reward.surrogate import Clip, clipped_surrogate, importance, reinforce

number = st.floats(-3, 3, width=32)
OFF = Leash(place="off")


def tensor(values: Sequence[float]) -> Tensor:
    """Return float64, so that a reference in plain numbers is met."""
    return torch.tensor(values, dtype=torch.float64)


# --- 5.8.3.1, 5.8.3.2: surrogate and importance ---------------------------------------------------


def gained(ratio: float, advantage: float, clip: Clip) -> float:
    """Return what a token gains, by cases of the sign."""
    ratio = min(ratio, clip.cap)
    if advantage >= 0:
        return min(ratio, 1 + clip.high) * advantage if ratio > 1 + clip.high else ratio * advantage
    free = max(ratio, 1 - clip.low) * advantage
    return max(free, clip.dual * advantage) if clip.dual else free


@given(
    rows=st.lists(st.tuples(number, number, st.one_of(st.just(0.0), number)), min_size=1),
    low=st.sampled_from([0.0, 0.2, 1.0]),
    high=st.sampled_from([0.0, 0.2, 0.28, 5.0]),
    dual=st.sampled_from([0.0, 1.5, 3.0]),
    cap=st.sampled_from([1.0, 3.0, 1e9]),
)
def test_5_8_3_1_the_surrogate_is_that_of_its_cases(
    rows: list[tuple[float, float, float]], low: float, high: float, dual: float, cap: float
) -> None:
    """Asymmetric clip, dual clip and cap, for advantages of either sign and none."""
    clip = Clip(low, high, dual, cap)
    now, old, advantage = (tensor(x) for x in zip(*rows, strict=True))
    loss, clipped = clipped_surrogate(now, old, advantage, clip)
    for at, (a, b, gain) in enumerate(rows):
        expected = gained(math.exp(a - b), gain, clip)
        assert float(-loss[at]) == pytest.approx(expected, rel=1e-6, abs=1e-9)
        free = min(math.exp(a - b), cap) * gain
        assert bool(clipped[at]) == (abs(free - expected) > 1e-12 and expected != free)


def test_5_8_3_1_a_clipped_token_has_no_gradient() -> None:
    """Beyond the limit nothing more is gained; against it there is always a way back."""
    now = tensor([1.0, -1.0, 1.0, -1.0]).requires_grad_()
    loss, _ = clipped_surrogate(now, torch.zeros(4).double(), tensor([1, -1, -1, 1]), Clip(dual=0))
    loss.sum().backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    assert (now.grad != 0).tolist() == [False, False, True, True]


@given(values=st.lists(number, min_size=1), cap=st.sampled_from([1.0, 3.0]))
def test_5_8_3_2_the_ratio_is_one_where_nothing_has_changed(
    values: list[float], cap: float
) -> None:
    """And REINFORCE's gradient is then -advantage, whatever the log-probability."""
    now = tensor(values).requires_grad_()
    assert torch.equal(importance(now, now.detach(), cap), torch.ones(len(values)).double())
    advantage = tensor([n - 1.5 for n in range(len(values))])
    reinforce(now, now.detach(), advantage, cap)[0].sum().backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    torch.testing.assert_close(now.grad, -advantage)


# --- 5.8.3.3: divergence --------------------------------------------------------------------------


@given(rows=st.lists(st.tuples(number, number), min_size=1))
def test_5_8_3_3_estimates_of_divergence(rows: list[tuple[float, float]]) -> None:
    """Each is its formula; k2 and k3 are never negative, and 0 where both policies agree."""
    now, reference = (tensor(x) for x in zip(*rows, strict=True))
    k1, k2, k3 = (divergence(now, reference, kind) for kind in ("k1", "k2", "k3"))
    difference = now.numpy() - reference.numpy()
    np.testing.assert_allclose(k1, difference)
    np.testing.assert_allclose(k2, difference**2 / 2)
    np.testing.assert_allclose(k3, np.exp(-difference) - 1 + difference, atol=1e-12)
    assert (k2 >= 0).all()
    assert (k3 >= -1e-12).all()
    assert not divergence(now, now, "k3").any()


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_5_8_3_3_k1_and_k3_are_unbiased(estimator: Estimator) -> None:
    """Weighted by the policy's own shares they are the divergence itself."""
    share, other = tensor([0.2, 0.5, 0.3]), tensor([0.6, 0.1, 0.3])
    exact = float((share * (share / other).log()).sum())
    found = float((share * divergence(share.log(), other.log(), estimator)).sum())
    assert found == pytest.approx(exact)


def test_5_8_3_3_a_coefficient_adapts_towards_its_target() -> None:
    """It rises above the target, falls below, by a fifth of the horizon's share at most."""
    fixed, adaptive = Leash(), Leash(target=0.1, horizon=100)
    assert fixed.adapted(0.02, 9.0, 50) == 0.02
    assert adaptive.adapted(0.02, 9.0, 50) == pytest.approx(0.02 * 1.1)
    assert adaptive.adapted(0.02, 0.0, 50) == pytest.approx(0.02 * 0.9)
    assert adaptive.adapted(0.02, 0.105, 50) == pytest.approx(0.02 * (1 + 0.05 * 0.5))


def test_5_8_3_3_a_leash_that_holds_nothing_is_refused_or_off() -> None:
    """Never in reward and loss together; k1 in the loss has no gradient; 0 needs no reference."""
    with pytest.raises(ConfigError, match="no gradient on average"):
        Leash(estimator="k1")
    assert Leash(place="reward", estimator="k1").holds
    assert not Leash(coefficient=0).holds
    assert not OFF.holds


# --- 5.8.3.4: critic ------------------------------------------------------------------------------


def gae_by_sum(
    rewards: list[float], values: list[float], gamma: float, decay: float, after: float
) -> list[float]:
    """Return the advantages as sums of surprises, as the paper writes them."""
    ahead = [*values[1:], after]
    surprise = [r + gamma * b - a for r, a, b in zip(rewards, values, ahead, strict=True)]
    return [
        sum((gamma * decay) ** n * x for n, x in enumerate(surprise[at:]))
        for at in range(len(rewards))
    ]


@given(
    rows=st.lists(st.tuples(number, number), min_size=1, max_size=8),
    gamma=st.sampled_from([1.0, 0.9, 0.0]),
    decay=st.sampled_from([1.0, 0.95, 0.0]),
    after=number,
)
def test_5_8_3_4_advantages_of_a_critic_are_sums_of_surprises(
    rows: list[tuple[float, float]], gamma: float, decay: float, after: float
) -> None:
    """Whatever gamma and lambda; with lambda 1 the value's aim is the return itself."""
    rewards, values = ([float(x) for x in column] for column in zip(*rows, strict=True))
    advantage, aim = gae(np.array(rewards), np.array(values), gamma, decay, after)
    np.testing.assert_allclose(
        advantage, gae_by_sum(rewards, values, gamma, decay, after), atol=1e-9
    )
    np.testing.assert_allclose(aim, advantage + values)
    if decay == 1:
        ends = [*rewards, after]
        returns = [sum(gamma**n * r for n, r in enumerate(ends[at:])) for at in range(len(rows))]
        np.testing.assert_allclose(aim, returns, atol=1e-9)


@given(rows=st.lists(st.tuples(number, number, number), min_size=1), clip=st.sampled_from([0, 0.2]))
def test_5_8_3_4_a_value_may_not_move_far_at_once(
    rows: list[tuple[float, float, float]], clip: float
) -> None:
    """The loss is the larger of free and held; without a limit it is the square."""
    value, old, aim = (tensor(x) for x in zip(*rows, strict=True))
    found = value_loss(value, old, aim, clip)
    for at, (v, o, r) in enumerate(rows):
        held = o + max(-clip, min(clip, v - o)) if clip else v
        expected = max((v - r) ** 2, (held - r) ** 2) / 2
        assert float(found[at]) == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_5_8_3_4_whitened_advantages_have_mean_zero_and_spread_one() -> None:
    """Over all tokens together; equal ones become 0, none stay none."""
    found = np.concatenate(whitened([np.array([1.0, 2.0]), np.array([6.0])]))
    assert (found.mean(), found.std()) == (pytest.approx(0), pytest.approx(1))
    assert whitened([np.ones(3)])[0].tolist() == [0, 0, 0]
    assert whitened([]) == []


# --- log-probabilities ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 7, CHUNK + 3])
def test_log_probabilities_and_gradients_are_those_of_whole_logits(count: int) -> None:
    """Made chunk by chunk they are what log_softmax gives, gradients included."""
    generator = torch.Generator().manual_seed(count)
    hidden = torch.randn(count, 8, generator=generator).requires_grad_()
    vocabulary = torch.randn(11, 8, generator=generator).requires_grad_()
    token = torch.randint(0, 11, (count,), generator=generator)
    weight = torch.randn(count, generator=generator)
    found, entropy = taken(hidden, vocabulary, token)
    every = (hidden @ vocabulary.t()).log_softmax(-1)
    torch.testing.assert_close(found, every.gather(1, token[:, None]).squeeze(1))
    torch.testing.assert_close(entropy, -(every.exp() * every).sum(-1).detach())
    mine = torch.autograd.grad((found * weight).sum(), [hidden, vocabulary], retain_graph=True)
    right = every.gather(1, token[:, None]).squeeze(1)
    theirs = torch.autograd.grad((right * weight).sum(), [hidden, vocabulary], allow_unused=True)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other)


# --- 5.8.2: steps ---------------------------------------------------------------------------------


class Bandit(nn.Module):
    """Chooses among some actions; a sample is the number of one."""

    def __init__(self, logits: Sequence[float], critic: bool = False) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))
        self.value = nn.Parameter(torch.zeros(())) if critic else None

    def taken(self, samples: Sequence[Any]) -> Taken:
        """Return what it says of actions."""
        every = self.logits.log_softmax(-1)
        log_prob = every[torch.tensor(samples)]
        entropy = -(every.exp() * every).sum().detach().expand(len(samples))
        value = None if self.value is None else self.value.expand(len(samples))
        return Taken(log_prob, entropy, value)


def played(
    policy: Bandit, actions: Sequence[int], advantages: Sequence[float], off: float = 0.0
) -> Experience:
    """Return actions with what they were worth, noted as the policy chose them."""
    old = policy.taken(actions).log_prob_m.detach()
    rows = []
    for number, advantage in enumerate(advantages):
        row = np.zeros((1, len(MEASURES)), dtype=np.float32)
        row[0] = [1, float(old[number]) + off, float(old[number]), advantage, 0.5, 0]
        rows.append(row)
    return Experience(list(actions), rows)


ONE_PASS = PolicyConfig(algorithm="reinforce", kl=OFF, passes=1, minibatches=1, max_norm=1e9)


def test_5_8_2_4_the_gradient_is_exact_on_a_bandit_within_its_error() -> None:
    """The mean over many draws is the gradient of the expected reward, for every baseline."""
    logits, rewards = [0.3, -0.4, 0.1], np.array([1.0, 0.2, 0.5])
    policy = Bandit(logits)
    share = torch.tensor(logits).softmax(-1).numpy().astype(float)
    exact = share * (rewards - share @ rewards)  # of E[r] by each logit
    rng = np.random.default_rng(0)
    draws, size = 2000, 4
    actions = rng.choice(3, p=share / share.sum(), size=(draws, size))
    baselines: tuple[Baseline, ...] = ("none", "leave-one-out")
    for baseline in baselines:
        worth = advantages(rewards[actions], baseline)
        one_hot = np.eye(3)[actions]
        each = (worth[..., None] * (one_hot - share)).mean(1)
        error = each.std(0) / math.sqrt(draws)
        batch = played(policy, actions.ravel().tolist(), worth.ravel().tolist())
        policy.logits.grad = None
        PolicyGradient.step(policy, torch.optim.SGD(policy.parameters(), 0.0), batch, ONE_PASS)
        assert policy.logits.grad is not None
        found = -policy.logits.grad.numpy()
        np.testing.assert_allclose(found, each.mean(0), atol=1e-5)
        assert (np.abs(found - exact) < 4 * error + 1e-6).all(), baseline


@given(worth=st.lists(st.sampled_from([0.0, 0.0, 0.5, -0.5]), min_size=1, max_size=6))
def test_5_8_2_1_weights_change_where_something_was_better(worth: list[float]) -> None:
    """They do exactly where not all advantages are 0, momentum and decay notwithstanding."""
    policy = Bandit([0.0, 0.5, 1.0])
    before = policy.logits.detach().clone()
    optimizer = torch.optim.AdamW(policy.parameters(), 0.1, weight_decay=0.1)
    config = attrs.evolve(ONE_PASS, algorithm="ppo")
    batch = played(policy, [n % 3 for n in range(len(worth))], worth)
    report = PolicyGradient.step(policy, optimizer, batch, config)
    assert torch.equal(policy.logits.detach(), before) == (not any(worth))
    assert report.steps == int(any(worth))


def test_5_8_3_2_the_first_step_sees_the_policy_that_sampled() -> None:
    """Its ratio is 1: log-probabilities of another policy are refused in words."""
    policy = Bandit([0.0, 0.5, 1.0])
    optimizer = torch.optim.SGD(policy.parameters(), 0.1)
    fine = PolicyGradient.step(policy, optimizer, played(policy, [0, 1], [1, -1]), ONE_PASS)
    assert fine.off == pytest.approx(0, abs=1e-6)
    with pytest.raises(PluginError, match="ratio of new to old is not 1"):
        PolicyGradient.step(policy, optimizer, played(policy, [0, 1], [1, -1], 0.2), ONE_PASS)


def test_5_8_3_4_passes_end_where_the_policy_has_moved_enough() -> None:
    """Several passes over mini-batches; the target divergence stops them, and that is told."""
    batch = played(Bandit([0.0, 0.0, 0.0]), [0, 1, 2, 0], [1, -1, -1, 1])
    config = PolicyConfig(kl=OFF, passes=3, minibatches=2, target_kl=0.0, clip=Clip(high=9.0))
    policy = Bandit([0.0, 0.0, 0.0])
    whole = PolicyGradient.step(policy, torch.optim.SGD(policy.parameters(), 1.0), batch, config)
    assert (whole.steps, whole.stopped) == (6, False)
    policy = Bandit([0.0, 0.0, 0.0])
    short = attrs.evolve(config, target_kl=0.01)
    report = PolicyGradient.step(policy, torch.optim.SGD(policy.parameters(), 1.0), batch, short)
    assert report.stopped
    assert 0 < report.steps < 6


def test_5_8_3_4_a_critic_learns_beside_the_policy() -> None:
    """Its value moves to what was returned, by its share of the loss."""
    policy = Bandit([0.0, 0.0], critic=True)
    config = PolicyConfig(kl=OFF, critic=True, passes=1, minibatches=1, value_clip=0)
    batch = played(policy, [0, 1], [0, 0])
    PolicyGradient.step(policy, torch.optim.SGD(policy.parameters(), 1.0), batch, config)
    assert policy.value is not None
    assert float(policy.value.detach()) == pytest.approx(0.1 * 0.5)


def test_a_leash_pulls_back_to_the_reference() -> None:
    """With nothing to gain, a policy that strayed comes nearer."""
    policy = Bandit([0.0, 1.0])
    batch = played(policy, [0, 1], [0, 0])
    for row, reference in zip(batch.measures, [math.log(0.5)] * 2, strict=True):
        row[0, 2] = reference
    config = PolicyConfig(kl=Leash(coefficient=1.0), passes=1, minibatches=1)
    PolicyGradient.step(policy, torch.optim.SGD(policy.parameters(), 0.1), batch, config)
    gap = policy.logits.detach()
    assert 0 < float(gap[1] - gap[0]) < 1
    report = PolicyGradient.step(
        policy, torch.optim.SGD(policy.parameters(), 0.0), played(policy, [0], [0.0]), ONE_PASS
    )
    assert report.kl_reference is None  # off, not NaN


def test_given_texts_are_imitated() -> None:
    """Tokens that the policy did not write cost their cross-entropy, and count in no ratio."""
    log_prob = tensor([-1.0, -2.0])
    rows = torch.zeros(2, len(MEASURES), dtype=torch.float64)
    rows[1, OWN], rows[1, OLD] = 1, -2.0
    each = terms(Taken(log_prob, torch.zeros(2)), rows, PolicyConfig(kl=OFF), 0.0)
    assert each.loss_m.tolist() == [1.0, 0.0]
    assert each.moved_m.tolist() == [0.0, 0.0]
    assert each.clipped_m.tolist() == [False, False]


# --- the whole of it, on a toy --------------------------------------------------------------------

PLACES, WORDS = 4, 5


class Speller(nn.Module):
    """Writes a few words, each place by its own logits."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(PLACES, WORDS))

    def taken(self, samples: Sequence[Any]) -> Taken:
        """Return what it says of each word of each text."""
        every = self.logits.log_softmax(-1).unsqueeze(0).expand(len(samples), -1, -1)
        words = torch.tensor(samples).unsqueeze(-1)
        entropy = -(every.exp() * every).sum(-1)
        return Taken(every.gather(2, words).flatten(), entropy.flatten().detach())

    def score(self) -> float:
        """Return how much of what is wanted it writes on average."""
        return float(self.logits.detach().softmax(-1)[torch.arange(PLACES), WANTED].mean())


WANTED = [0, 3, 1, 4]


def rewarded(policy: Speller, config: PolicyConfig, shuffled: bool) -> None:
    """Let it learn for some rounds from how many of its words were wanted."""
    rng = np.random.default_rng(0)
    optimizer = torch.optim.Adam(policy.parameters(), 0.05)
    for number in range(25):
        share = policy.logits.detach().softmax(-1).double().numpy()
        texts = [[int(rng.choice(WORDS, p=row / row.sum())) for row in share] for _ in range(32)]
        worth = np.mean(np.array(texts) == WANTED, axis=1).astype(np.float64)
        worth = rng.permutation(worth) if shuffled else worth
        gain = advantages(worth.reshape(4, 8), config.baseline).ravel()
        old = policy.taken(texts).log_prob_m.detach().view(-1, PLACES)
        rows = np.zeros((len(texts), PLACES, len(MEASURES)), dtype=np.float32)
        rows[..., OWN], rows[..., OLD], rows[..., 3] = 1, old.numpy(), gain[:, None]
        PolicyGradient.step(policy, optimizer, Experience(texts, list(rows)), config, seed=number)


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce"])
def test_rewards_raise_the_score_by_twenty_points_and_shuffled_ones_do_not(algorithm: str) -> None:
    """The same texts and rewards, dealt out at random, teach nothing."""
    passes = 2 if algorithm == "ppo" else 1
    config = PolicyConfig(algorithm=algorithm, kl=OFF, passes=passes)  # type: ignore[arg-type]
    policy, control = Speller(), Speller()
    rewarded(policy, config, shuffled=False)
    rewarded(control, config, shuffled=True)
    assert policy.score() - 1 / WORDS > 0.2
    assert abs(control.score() - 1 / WORDS) < 0.1
