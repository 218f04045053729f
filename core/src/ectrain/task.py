"""The task contract: what a plugin author writes, and nothing else.

Shape suffixes: n tokens, m tokens with a target, s segments, w values of a segment, d trunk width.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ectrain.model import Model
    from ectrain.tokenizer import Tokenizer

API: tuple[int, int] = (1, 0)  # (major, minor) of this contract; another major is refused

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

NO_TARGET = -100  # a position that predicts nothing


class Example(Protocol):
    """One item of a task's dataset."""

    @property
    def id(self) -> str:
        """A stable name, unique in the task's dataset."""

    @property
    def group(self) -> str:
        """What must never be split (a package, a kata's composition, a pair of twins)."""


ExampleT = TypeVar("ExampleT", bound=Example)
ConfigT = TypeVar("ConfigT")


@attrs.frozen(eq=False)
class Segment:
    """An encoded example.

    The first `prefix` tokens see each other in both directions, the rest see only what came
    before: 0 is a causal language model, the full length a classifier or a masked-span model.

    Attributes:
        tokens: Token ids, `[length]`.
        prefix: How many tokens see each other, 0 to length.
        labels: `[length]`; `labels[i]` is the token that position i must predict (the author
            shifts, so any objective fits), `NO_TARGET` where there is none. None: no token targets.
        values: `[w]` targets of the whole segment (multi-hot labels, numbers); NaN where unknown.
            The same w for every segment of a task. None: no such targets.
        notes: `[length]` what the task's metrics want to know of each target, in numbers of its
            own (which objective, which class of token); neither trunk nor head sees it.
        measures: `[length, k]` what the task's loss wants to know of each target (what it is
            worth, how probable it was); the same k for every segment of a task. None: nothing.
    """

    tokens: NDArray[np.int64]
    prefix: int = 0
    labels: NDArray[np.int64] | None = None
    values: NDArray[np.float32] | None = None
    notes: NDArray[np.int64] | None = None
    measures: NDArray[np.float32] | None = None

    @property
    def target_count(self) -> int:
        """How many things this segment predicts: what its loss is a sum over."""
        tokens = 0 if self.labels is None else int((self.labels != NO_TARGET).sum())
        values = 0 if self.values is None else int((~np.isnan(self.values)).sum())
        return tokens + values

    def problem(self, vocabulary: int) -> str | None:
        """Return what is wrong with this segment in one phrase, or None."""
        for name, array, kind in self._arrays():
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != kind:
                return f"{name} that are no row of {kind} in a numpy array, found {_shown(array)}"
        if self.measures is not None and not _is_table(self.measures):
            return f"measures that are no table of float32, found {_shown(self.measures)}"
        length = len(self.tokens)
        if length == 0:
            return "no tokens"
        if not 0 <= self.prefix <= length:
            return f"prefix {self.prefix} outside 0..{length}"
        if self.tokens.min() < 0 or self.tokens.max() >= vocabulary:
            return f"a token id outside 0..{vocabulary - 1}"
        if self.labels is not None:
            if self.labels.shape != self.tokens.shape:
                return f"labels of shape {self.labels.shape}, expected {self.tokens.shape}"
            kept = self.labels[self.labels != NO_TARGET]
            if len(kept) and (kept.min() < 0 or kept.max() >= vocabulary):
                return f"a label outside 0..{vocabulary - 1}"
        if self.notes is not None and self.notes.shape != self.tokens.shape:
            return f"notes of shape {self.notes.shape}, expected {self.tokens.shape}"
        if self.measures is not None and len(self.measures) != length:
            return f"measures of {len(self.measures)} tokens, expected {length}"
        if self.values is not None and np.isinf(self.values).any():
            return "a value that is infinite (NaN where unknown)"
        return None

    def _arrays(self) -> Iterator[tuple[str, Any, str]]:
        """Yield each array that there is with its name and the type of its members."""
        yield "tokens", self.tokens, "int64"
        if self.labels is not None:
            yield "labels", self.labels, "int64"
        if self.values is not None:
            yield "values", self.values, "float32"
        if self.notes is not None:
            yield "notes", self.notes, "int64"


def _is_table(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.ndim == 2 and array.dtype == "float32"


def _shown(array: Any) -> str:
    if isinstance(array, np.ndarray):
        return f"shape {list(array.shape)} of {array.dtype}"
    return type(array).__name__


@attrs.frozen(eq=False)
class Rows:
    """What a head sees: the trunk's output at its own task's segments, one after another.

    Attributes:
        trunk_td: The trunk's output over the whole pack, `[t, d]`.
        index_n: Where this task's tokens lie in it, segment by segment, `[n]`.
        lengths_s: Length of each segment, `[s]`; they sum to n.
        target_index_m: Where its tokens with a target lie, in the order of `Targets.tokens_m`.
        vocabulary_vd: The embedding of every token, `[v, d]`, for heads that predict tokens.
        borrowed: The head of the task that `Task.borrows` names; None where the run has none.
    """

    trunk_td: Tensor
    index_n: Tensor
    lengths_s: Tensor
    target_index_m: Tensor
    vocabulary_vd: Tensor
    borrowed: nn.Module | None = None

    @property
    def hidden_nd(self) -> Tensor:
        """The output at every token of the task's segments, `[n, d]` (gathered: a copy)."""
        return self.trunk_td.index_select(0, self.index_n)

    @property
    def target_hidden_md(self) -> Tensor:
        """The output at tokens that have a target, `[m, d]`: all that a vocabulary need see."""
        return self.trunk_td.index_select(0, self.target_index_m)

    @property
    def segment_n(self) -> Tensor:
        """The number of the segment that each token belongs to, `[n]`."""
        import torch

        numbers = torch.arange(len(self.lengths_s), device=self.lengths_s.device)
        return numbers.repeat_interleave(self.lengths_s, output_size=len(self.index_n))


@attrs.frozen(eq=False)
class Targets:
    """What a head must predict, in the order of its `Rows`.

    Attributes:
        tokens_m: The token to predict at each row of `Rows.target_hidden_md`, `[m]`.
        values_sw: Targets of whole segments, `[s, w]`, NaN where unknown; None without any.
        count: How many targets there are in all; the loss is a sum over them.
        notes_m: The segments' notes at each token to predict, `[m]`; None where they have none.
        measures_mk: The segments' measures there, `[m, k]`; None where they have none.
    """

    tokens_m: Tensor
    values_sw: Tensor | None
    count: int
    notes_m: Tensor | None = None
    measures_mk: Tensor | None = None


@attrs.frozen
class TrunkShape:
    """What a head may know of the trunk when it is built."""

    width: int
    vocabulary: int


class Metric(Protocol):
    """A figure that streams over batches and merges over shards."""

    def update(self, output: Any, targets: Targets) -> None:
        """Take in one batch; keeps tensors detached."""

    def merge(self, other: Any) -> None:
        """Take in all that `other`, of the same type, has seen."""

    def compute(self) -> Mapping[str, float | None]:
        """Return figures by name ("" for the metric's own); None where undefined, never 0."""


@attrs.frozen
class Estimate:
    """A measured figure with what is needed to believe it.

    Attributes:
        value: The figure, or None when it was not measured.
        n: How many independent items it rests on.
        low: Lower end of its 95 % interval, where known.
        high: Upper end.
        why: Why it was not measured (`value` is None), or how it was.
    """

    value: float | None
    n: int = 0
    low: float | None = None
    high: float | None = None
    why: str = ""

    @classmethod
    def share(cls, hits: float, n: int, why: str = "") -> Estimate:
        """Estimate a share with its 95 % Wilson score interval.

        Hits may be parts of one, each item's own share: the interval is then wider than need be,
        since nothing between 0 and 1 varies more than what is either.

        Source: E. B. Wilson, Probable inference, the law of succession, and statistical
        inference, JASA 22 (1927).
        """
        if n == 0:
            return cls(None, 0, why=why or "nothing to measure on")
        z = 1.959963984540054
        p = hits / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return cls(p, n, max(0.0, middle - half), min(1.0, middle + half), why)

    @classmethod
    def mean(cls, values: Sequence[float], why: str = "") -> Estimate:
        """Estimate a mean with its 95 % normal interval; without one below two values."""
        n = len(values)
        if n == 0:
            return cls.missing(why or "nothing to measure on")
        mean = sum(values) / n
        if n == 1:
            return cls(mean, n, why=why)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
        half = 1.959963984540054 * spread / math.sqrt(n)
        return cls(mean, n, mean - half, mean + half, why)

    @classmethod
    def missing(cls, why: str) -> Estimate:
        """A figure that was not measured, and the reason."""
        return cls(None, 0, why=why)


@attrs.frozen
class Goal:
    """A success criterion: met only if the figure's lower bound passes and beats its baselines.

    Attributes:
        metric: Name among the task's metrics or estimates.
        above: The figure must be greater.
        baselines: Names of estimates that it must beat, too.
    """

    metric: str
    above: float
    baselines: tuple[str, ...] = ()


@attrs.frozen
class Budget:
    """What an evaluation by execution may spend.

    Attributes:
        examples: At most so many examples, the first ones of the split's fixed order.
        seconds: Generation stops taking new examples after so long.
        tries: Of how many answers one must be right: each k is a figure `pass@k` for tasks that
            have one. 1 alone may be measured on the one likeliest answer.
    """

    examples: int = 64
    seconds: float = 60.0
    tries: tuple[int, ...] = (1,)


class Task(ABC, Generic[ExampleT, ConfigT]):
    """One coding job: its dataset, head, loss and metrics.

    Args:
        config: The task's settings, from `[tasks.<name>]` of the run's configuration.
    """

    name: ClassVar[str]  # = entry-point name = the word after --tasks
    config_type: ClassVar[type[Any]]  # an attrs class; every field has a default
    api: ClassVar[tuple[int, int]] = API
    goals: ClassVar[tuple[Goal, ...]] = ()

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @abstractmethod
    def examples(self, split: Split) -> Sequence[ExampleT]:
        """Return a split, map-style; the same content for the same config, always.

        Raises:
            DataError: The split is missing or malformed (path, line and field named).
        """

    @abstractmethod
    def encode(self, example: ExampleT, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Encode an example; pure in its arguments. `rng` is keyed by the example and epoch."""

    def in_turn(self, example: ExampleT, turn: int) -> ExampleT:
        """Return the example as it is to be encoded when it is drawn in its turn.

        A task with several objectives deals them out here, so that each has its exact share of any
        stretch of draws, after a resume, too. Pure in its arguments.

        Args:
            example: What was drawn.
            turn: How many examples of this task were drawn before it in the run; held-out
                examples are counted in their order.
        """
        return example

    @abstractmethod
    def head(self, trunk: TrunkShape) -> nn.Module:
        """Build the head: `forward(Rows) -> output`, any output that `loss` understands."""

    @abstractmethod
    def loss(self, output: Any, targets: Targets) -> Tensor:
        """Return the loss as a sum over targets, in nats; never a mean."""

    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """Return fresh metrics by name."""

    def borrows(self) -> str:
        """Name another task whose head this task's head acts through, "" for none.

        The head gets it as `Rows.borrowed`, where the run has that task: its weights stay the
        other task's, and learn from both. So a policy is trained by what it earns.
        """
        return ""

    def control_tokens(self) -> tuple[str, ...]:
        """Special tokens of this task, each one id; never matched inside plain text."""
        return ()

    def symbols(self) -> tuple[str, ...]:
        """Plain-text strings (operators, say) that the tokenizer keeps as one id each."""
        return ()

    def texts(self, example: ExampleT) -> Iterable[str]:
        """Yield the text of a training example, for the tokenizer to learn from."""
        return ()

    def facets(self, example: ExampleT) -> Mapping[str, float]:
        """Numbers that a curriculum's filter can select by, such as `{"level": 1}`.

        A sequence of examples that knows them all may have an attribute `facets`, from each name
        to its values, NaN where an example has none: no example is then read for a filter.
        """
        return {}

    def prompt(self, text: str, tokenizer: Tokenizer) -> list[int]:
        """Return the tokens that `text` is as a prompt, for tasks whose head writes."""
        return [tokenizer.begin_id, *tokenizer.encode(text)]

    def answer_types(self) -> tuple[str, ...]:
        """Types of text that its head can be asked to write, the usual one first; () for one."""
        return ()

    def typed_prompt(self, text: str, kind: str, tokenizer: Tokenizer) -> list[int]:
        """Return the tokens that `text` is as a prompt for an answer of one of `answer_types`."""
        return self.prompt(text, tokenizer)

    def infill_prompt(self, before: str, after: str, tokenizer: Tokenizer) -> list[int]:
        """Return the tokens after which what lies between two texts is written.

        Raises:
            PluginError: The task's head doesn't infill.
        """
        from ectrain.errors import PluginError

        raise PluginError(f"task {self.name}: it was not made to fill a gap between two texts")

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Loss per target of a uniform guess, in nats: what balancing divides the loss by."""
        return math.log(vocabulary)

    def refresh(self, model: Model, epoch: int) -> None:
        """Make new training data before an epoch, for tasks that generate their own.

        What `examples("train")` gives afterwards depends on the settings, the epoch and the
        model's weights alone: where a run goes on inside an epoch, a new task is asked again, with
        the weights that the epoch began with. What must outlast an epoch belongs into buffers of
        the head. torch's random numbers are seeded before; the model is in evaluation mode.

        Args:
            model: What data is made from; it must come back as it was.
            epoch: From 1.
        """
        return None

    def standing(self, figures: Mapping[str, float | None], guess: float) -> float | None:
        """Return how far the task is from its best; None where that is not known.

        Checkpoints of a phase are compared by the mean of it over tasks: lower is better. It is the
        validation loss as a share of a guess's, unless the task learns for something else.

        Args:
            figures: What was measured of the task on validation data, estimates included.
            guess: Nats a target of a uniform guess.
        """
        loss = figures.get("loss")
        return None if loss is None else loss / guess

    def keeps_origin(self) -> bool:
        """Return whether `Model.origin` is kept: the weights of the task's first `refresh`.

        They are kept with every checkpoint, beside the others: for tasks that must not stray too
        far from where they began, or that say what has changed since.
        """
        return False

    def baselines(self) -> Mapping[str, Estimate]:
        """Figures on the test split that need no trunk, trained on the training split."""
        return {}

    def trunk_baselines(self, model: Model) -> Mapping[str, Estimate]:
        """Figures on the test split of what learns on a trunk that doesn't (`initial.as_begun`).

        Args:
            model: What training ended with; it must come back as it was.
        """
        return {}

    def choose(self, model: Model) -> Mapping[str, Any]:
        """Return what must be chosen on validation data to use a model's weights, as JSON has it.

        Thresholds, say. It is kept in the run's log, and is in `model.choices` under the task's
        name whenever these weights are measured or used.
        """
        return {}

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Measure what needs generating or executing; an absent tool gives `Estimate.missing`."""
        return {}
