"""Tasks with one fault each: what the contract kit must catch."""

from __future__ import annotations

import itertools
import logging
import os
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from toys import LETTERS, Echo, Letters, Presence, ToyConfig, Word

from ectrain.parts import LabelHead
from ectrain.task import (
    NO_TARGET,
    Budget,
    Estimate,
    Goal,
    Metric,
    Rows,
    Segment,
    Split,
    Targets,
    TrunkShape,
)

CALLS = itertools.count()
OWN = random.Random(0)


# --- settings and names ---------------------------------------------------------------------------


class OddName(Letters):
    """Has a name that is no lower-case word."""

    name = "Sorting"


@attrs.frozen
class BytesConfig(ToyConfig):
    """Has a setting that no configuration file can hold."""

    mark: bytes = b"x"


class OddConfig(Letters):
    """Is configured with bytes."""

    config_type = BytesConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(BytesConfig())


class PlainControl(Letters):
    """Has a control token that is spelled as text is."""

    def control_tokens(self) -> tuple[str, ...]:
        """Return a word."""
        return ("mask",)


class UnusedControl(Letters):
    """Has a control token that no segment holds."""

    def control_tokens(self) -> tuple[str, ...]:
        """Return a token."""
        return ("<mask>",)


class LostGoal(Letters):
    """Has a goal that nothing measures."""

    goals = (Goal("acuracy", 0.5),)


class BareFigure(Echo):
    """Evaluates to bare numbers."""

    def evaluate(self, model: Any, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Return a number."""
        bare: Any = {"spoken": 0.5}
        return bare  # type: ignore[no-any-return]


# --- data -----------------------------------------------------------------------------------------


class Restless(Letters):
    """Has other examples every time."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return some of the words, another number each time."""
        return list(super().examples(split))[next(CALLS) % 2 :]


class OneId(Letters):
    """Gives two examples one id."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words of which two are named alike."""
        first, second, *others = super().examples(split)
        return [first, attrs.evolve(second, id=first.id), *others]


class Wrapping(Sequence[Word]):
    """A sequence that begins anew at its end."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, number: Any) -> Any:
        return self._words[number % len(self._words)]


class Endless(Letters):
    """Has a split that never ends."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words, over and over."""
        return Wrapping(super().examples(split))


class Leaky(Letters):
    """Trains on test data."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return the same words for every split."""
        return super().examples("train")


class OddFacet(Letters):
    """Has facets that are not numbers."""

    def facets(self, example: Word) -> Mapping[str, float]:
        """Return NaN."""
        return {"length": float("nan")}


# --- encoding -------------------------------------------------------------------------------------


class Impure(Letters):
    """Encodes by random numbers of its own."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a token now and then."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.append(segment.tokens, segment.tokens[: OWN.randrange(2)])
        return Segment(tokens, len(tokens), values=segment.values)


class Hashed(Letters):
    """Encodes by Python's own hash, which differs from process to process."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a token of half the words."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.append(segment.tokens, segment.tokens[: hash(example.text) % 2])
        return Segment(tokens, len(tokens), values=segment.values)


class Wide(Letters):
    """Has values of no one width."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Leave the values out of short words."""
        segment = super().encode(example, tokenizer, rng)
        return segment if len(example.text) > 3 else Segment(segment.tokens, segment.prefix)


class Aimless(Letters):
    """Has hardly any targets."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Know the letters of a third of the words."""
        segment = super().encode(example, tokenizer, rng)
        known = int(example.id.split("-")[1]) % 3 == 0
        return segment if known else attrs.evolve(segment, values=np.full(6, np.nan, np.float32))


class Unshifted(Echo):
    """Predicts the token that it sees."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Forget to shift the labels."""
        segment = super().encode(example, tokenizer, rng)
        assert segment.labels is not None
        labels = np.where(np.roll(segment.labels, 1) == NO_TARGET, NO_TARGET, segment.tokens)
        return Segment(segment.tokens, labels=labels)


# --- head -----------------------------------------------------------------------------------------


class FixedHead(nn.Module):
    """Is made for one width."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = LabelHead(TrunkShape(32, 0), len(LETTERS))

    def forward(self, rows: Rows) -> Tensor:
        """Return scores."""
        scores: Tensor = self.inner(rows)
        return scores


class FixedWidth(Letters):
    """Ignores the trunk's width."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return a head for width 32."""
        return FixedHead()


@cache
def one_head(width: int) -> nn.Module:
    """Return the same head each time."""
    return LabelHead(TrunkShape(width, 0), len(LETTERS))


class SharedHead(Letters):
    """Gives every model the same head."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return one head of each width, made once."""
        return one_head(trunk.width)


class TurnedHead(LabelHead):
    """Has a weight that is a view of another tensor."""

    def __init__(self, trunk: TrunkShape) -> None:
        super().__init__(trunk, len(LETTERS))
        self.queries.weight = nn.Parameter(torch.randn(trunk.width, len(LETTERS)).t())


class Turned(Letters):
    """Has a head that no file can hold."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the turned head."""
        return TurnedHead(trunk)


class Unseeded(Letters):
    """Starts its head from numbers of its own."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return a head whose bias depends on how many there were."""
        head = LabelHead(trunk, len(LETTERS))
        nn.init.constant_(head.bias, 1e-3 * next(CALLS))
        return head


class DetachedHead(LabelHead):
    """Learns alone."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores that lead no gradient on."""
        return super().forward(attrs.evolve(rows, trunk_td=rows.trunk_td.detach()))


class Detached(Letters):
    """Keeps the gradient from the trunk."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the detached head."""
        return DetachedHead(trunk, len(LETTERS))


class HookedHead(LabelHead):
    """Scales the gradient that everybody shares."""

    def forward(self, rows: Rows) -> Tensor:
        """Register a hook on the trunk's output."""
        if rows.trunk_td.requires_grad:
            hook: Any = rows.trunk_td.register_hook
            hook(lambda gradient_td: gradient_td * 0.5)
        return super().forward(rows)


class Hooked(Letters):
    """Changes other tasks' gradients."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the hooked head."""
        return HookedHead(trunk, len(LETTERS))


class FirstRowsHead(LabelHead):
    """Takes the first rows of the pack for its own."""

    def forward(self, rows: Rows) -> Tensor:
        """Ignore where the task's tokens lie."""
        return super().forward(attrs.evolve(rows, index_n=torch.arange(len(rows.index_n))))


class FirstRows(Letters):
    """Is right as long as it is alone and its segments fill their places."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a word until eight tokens are full."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.resize(segment.tokens, 8)
        return Segment(tokens, 8, values=segment.values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the head that takes the first rows."""
        return FirstRowsHead(trunk, len(LETTERS))


class StiffHead(LabelHead):
    """Can't say much."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores between -0.1 and 0.1."""
        return 0.1 * super().forward(rows).tanh()


class Stiff(Letters):
    """Can't learn."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the stiff head."""
        return StiffHead(trunk, len(LETTERS))


# --- loss -----------------------------------------------------------------------------------------


class MeanLoss(Letters):
    """Reduces by a mean."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return a mean."""
        return super().loss(output, targets) / len(output)


class FirstFirst(Letters):
    """Lets the first segment count more."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss and that of the first segment again."""
        assert targets.values_sw is not None
        first = attrs.evolve(targets, values_sw=targets.values_sw[:1])
        return super().loss(output, targets) + super().loss(output[:1], first)


class Noisy(Letters):
    """Draws in the loss."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss, a little off."""
        return super().loss(output, targets) * (1 + 1e-5 * (next(CALLS) % 7))


class Blank(Letters):
    """Takes the mean over known labels, which is NaN where there is none."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the sum, by way of a mean."""
        assert targets.values_sw is not None
        known = int((~targets.values_sw.isnan()).sum())
        return super().loss(output, targets) / torch.tensor(float(known)) * known


class Crowd(Letters):
    """Needs two segments."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Touch the spread over segments, which one alone does not have."""
        return super().loss(output, targets) + 0.0 * output.detach().std(0).sum()


class Smoother(Letters):
    """Smooths labels where they lie."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Change the targets."""
        assert targets.values_sw is not None
        targets.values_sw.mul_(0.98).add_(0.01)
        return super().loss(output, targets)


class Guess(Letters):
    """Doesn't say what a guess costs."""

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return what a guess of a token costs."""
        return float(np.log(vocabulary))


# --- metrics --------------------------------------------------------------------------------------


class Metered(Letters):
    """Measures with a metric of its own."""

    metric: type[Presence] = Presence

    def metrics(self) -> Mapping[str, Metric]:
        """Return it."""
        return {"accuracy": self.metric()}


class LastBatch(Presence):
    """Remembers the last batch alone."""

    def update(self, output: Tensor, targets: Targets) -> None:
        """Forget what came before."""
        self.right = self.count = 0
        super().update(output, targets)


class Forgetful(Metered):
    """Measures the last batch alone."""

    metric = LastBatch


class Alone(Presence):
    """Listens to no other."""

    def merge(self, other: Presence) -> None:
        """Do nothing."""


class Unmerged(Metered):
    """Loses what other processes measure."""

    metric = Alone


class Undefined(Presence):
    """Divides by nothing."""

    def compute(self) -> Mapping[str, float | None]:
        """Return NaN before the first batch."""
        return {"": self.right / self.count if self.count else float(np.nan)}


class NaNFirst(Metered):
    """Measures NaN at first."""

    metric = Undefined


class Resetting(Presence):
    """Begins anew when it is asked."""

    def compute(self) -> Mapping[str, float | None]:
        """Return the share and forget it."""
        found = super().compute()
        self.right = self.count = 0
        return found


class AskedOnce(Metered):
    """Can be asked only once."""

    metric = Resetting


class InTensors(Presence):
    """Answers with tensors."""

    def compute(self) -> Mapping[str, float | None]:
        """Return a tensor."""
        share: Any = torch.tensor(self.right / self.count) if self.count else None
        return {"": share}


class TensorFigure(Metered):
    """Gives figures that JSON can't hold."""

    metric = InTensors


class InNumpy(Presence):
    """Counts in numpy."""

    def update(self, output: Tensor, targets: Targets) -> None:
        """Convert without a thought of bfloat16."""
        super().update(torch.from_numpy(output.detach().numpy()), targets)


class Float32Head(LabelHead):
    """Answers in the trunk's own format."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores as the trunk computes."""
        return super().forward(rows).to(rows.trunk_td.dtype)


class OnlyFloat32(Metered):
    """Can be measured in float32 alone."""

    metric = InNumpy

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the head that answers in bfloat16 where that is computed in."""
        return Float32Head(trunk, len(LETTERS))


ONE_METRIC = Presence()


class SharedMetric(Letters):
    """Adds up over evaluations."""

    def metrics(self) -> Mapping[str, Metric]:
        """Return the same metric each time."""
        return {"accuracy": ONE_METRIC}


# --- the process ----------------------------------------------------------------------------------


class Draws(Letters):
    """Draws from everybody's random numbers."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Draw what is not needed."""
        random.random()
        return super().encode(example, tokenizer, rng)


class Seeds(Letters):
    """Seeds torch."""

    def metrics(self) -> Mapping[str, Metric]:
        """Change the process's random numbers."""
        torch.manual_seed(0)
        return super().metrics()


class Environ(Letters):
    """Sets an environment variable, the first time."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Set it."""
        os.environ["BROKEN_TOY"] = "1"
        return super().head(trunk)


class Verbose(Letters):
    """Turns logging on for everybody."""

    def texts(self, example: Word) -> Iterable[str]:
        """Set the root logger's level."""
        logging.getLogger().setLevel(logging.DEBUG)
        yield from super().texts(example)


class Chatty(Letters):
    """Writes to stdout."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Say which example it is."""
        sys.stdout.write(f"encoding {example.id}\n")
        return super().encode(example, tokenizer, rng)


class Freezing(Letters):
    """Leaves the model in evaluation mode."""

    def refresh(self, model: Any, epoch: int) -> None:
        """Generate, in a way."""
        model.eval()


class Slow(Letters):
    """Takes its time over facets."""

    def facets(self, example: Word) -> Mapping[str, float]:
        """Sleep."""
        if next(CALLS) >= 0 and example.id == "train-0":
            time.sleep(0.06)
        return {"length": len(example.text)}
