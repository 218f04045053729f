"""What a round of samples looks like, and what is wrong with it, in one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from ectrain.errors import FaultError
from ectrain.structure import between

_ASSERTION = re.compile(r"\b(?:assert|refute)\w*\b")
_TEST = re.compile(r"^\s*(?:test|property)\s", re.MULTILINE)
SHORTEST_COPY = 12  # characters of a line that is no copy by chance


class CollapseError(FaultError):
    """Learning was halted: the samples show that it leads nowhere."""


@attrs.frozen
class Limits:
    """When something is wrong; each halts the run unless it says that it warns.

    Attributes:
        kl: Mean divergence from the reference, in nats a token.
        clip_share: Share of tokens whose loss the clip decided, in the round before.
        truncated: Share of samples without an end.
        entropy: Least mean entropy, in nats a token.
        infra: Share of samples that the engine's own failure left without a reward.
        copied: Share of a suite's lines that are lines of the code.
        equal: Share of prompts whose samples all earned the same; warns.
        equal_rounds: For so many rounds in a row.
        assertions: Fewest assertions a test, where half of the reward is earned; warns.
        halts: Whether anything halts at all; else all of it warns.
    """

    kl: float = attrs.field(default=2.0, validator=between(0))
    clip_share: float = attrs.field(default=0.3, validator=between(0, 1))
    truncated: float = attrs.field(default=0.8, validator=between(0, 1))
    entropy: float = attrs.field(default=0.01, validator=between(0))
    infra: float = attrs.field(default=0.02, validator=between(0, 1))
    copied: float = attrs.field(default=0.5, validator=between(0, 1))
    equal: float = attrs.field(default=0.8, validator=between(0, 1))
    equal_rounds: int = attrs.field(default=20, validator=between(1))
    assertions: float = attrs.field(default=0.5, validator=between(0))
    halts: bool = True


@attrs.frozen
class RoundFigures:
    """What a round of samples came to; None where it is not known.

    Attributes:
        reward: Mean of those that are known.
        length: Mean tokens of a sample.
        kl: Mean divergence of the sampled tokens from the reference.
        entropy: Mean of -log probability of the sampled tokens.
        clip_share: In learning from the round before.
        equal_share: Share of prompts whose samples all earned the same.
        equal_rounds: Rounds in a row with nearly all of them equal.
        truncated: Share of samples without an end.
        unknown: Share of samples without a reward.
        infra: Share that the engine's own failure left without one.
        copied: Share of the samples' lines that are lines of what was given.
        assertions: Assertions a test; None where no test was written.
        samples: How many there are.
    """

    reward: float | None = None
    length: float | None = None
    kl: float | None = None
    entropy: float | None = None
    clip_share: float | None = None
    equal_share: float | None = None
    equal_rounds: int = 0
    truncated: float = 0.0
    unknown: float = 0.0
    infra: float = 0.0
    copied: float | None = None
    assertions: float | None = None
    samples: int = 0


@attrs.frozen
class Alarm:
    """Something that is wrong.

    Attributes:
        sentence: What, with its figure, and what to do.
        halts: Whether learning must stop.
    """

    sentence: str
    halts: bool


def alarms(found: RoundFigures, limits: Limits, samples: int) -> Iterator[Alarm]:
    """Yield what is wrong with a round.

    Args:
        found: Its figures.
        limits: When they are wrong.
        samples: Of each prompt.
    """
    for sentence in _collapses(found, limits):
        yield Alarm(sentence, limits.halts)
    if found.equal_share is not None and found.equal_rounds >= limits.equal_rounds:
        yield Alarm(
            f"all {samples} samples of {found.equal_share:.0%} of prompts got the same reward, for "
            f"{found.equal_rounds} rounds: nothing is left to learn; ask for harder code, or stop",
            False,
        )
    sparse = found.assertions is not None and found.assertions < limits.assertions
    if sparse and (found.reward or 0) > 0.5:
        yield Alarm(
            f"tests earn {found.reward:.2f} with {found.assertions:.2f} assertions each: they may "
            "kill mutants by crashing, not by checking",
            False,
        )


def _collapses(found: RoundFigures, limits: Limits) -> Iterator[str]:
    if found.kl is not None and found.kl > limits.kl:
        yield (
            f"the policy is {found.kl:.2f} nats a token away from where it began (limit "
            f"{limits.kl:g}): it has forgotten what it was taught; lower the rate or raise "
            "kl.coefficient"
        )
    if found.clip_share is not None and found.clip_share > limits.clip_share:
        yield (
            f"the clip decided {found.clip_share:.0%} of tokens in the last round (limit "
            f"{limits.clip_share:.0%}): steps are too large; lower the rate or take fewer passes"
        )
    if found.truncated > limits.truncated:
        yield (
            f"{found.truncated:.0%} of samples had no end (limit {limits.truncated:.0%}): the "
            "policy rambles; raise max_new_tokens or length_price"
        )
    if found.entropy is not None and found.entropy < limits.entropy:
        yield (
            f"the policy's entropy is {found.entropy:.4f} nats a token (limit {limits.entropy:g}): "
            "it writes one thing only, so there is nothing to compare"
        )
    if found.infra > limits.infra:
        yield (
            f"the engine failed on {found.infra:.1%} of samples (limit {limits.infra:.0%}): "
            "rewards are not to be trusted; see `ectrain doctor`"
        )
    if found.copied is not None and found.copied > limits.copied:
        yield (
            f"{found.copied:.0%} of what was written are lines of what was given (limit "
            f"{limits.copied:.0%}): the policy copies the code instead of testing it"
        )


def copied_share(given: str, written: str) -> float:
    """Return the share of written lines, of those long enough, that are lines of what was given."""
    there = {line.strip() for line in given.splitlines()}
    lines = [x for line in written.splitlines() if len(x := line.strip()) >= SHORTEST_COPY]
    return sum(line in there for line in lines) / len(lines) if lines else 0.0


def assertion_density(texts: Sequence[str]) -> float | None:
    """Return how many assertions there are a test, over all texts; None without a test."""
    tests = sum(len(_TEST.findall(text)) for text in texts)
    return sum(len(_ASSERTION.findall(text)) for text in texts) / tests if tests else None
