"""From examples to packs: drawn, encoded, checked and laid out for the steps of an epoch."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np

from ectrain.errors import DataError, PluginError
from ectrain.model import AnyTask
from ectrain.order import EpochOrder, keyed_random
from ectrain.packing import Pack, pack
from ectrain.plugins import blame
from ectrain.task import Segment, Split
from ectrain.tokenizer import Tokenizer

AHEAD = 3  # steps that are laid out before they are needed


@attrs.frozen(eq=False)
class Batch:
    """What one optimizer step takes.

    Attributes:
        packs: Passes of the trunk.
        targets: Targets of each task, over all packs.
        tokens: Real tokens, over all packs.
        examples: Ids of each task's examples in each pack, in the order of its rows there.
    """

    packs: tuple[Pack, ...]
    targets: Mapping[str, int]
    tokens: int
    examples: tuple[Mapping[str, Sequence[str]], ...] = ()

    def ids(self, task: str) -> list[str]:
        """Return the ids of a task's examples."""
        return [name for of_pack in self.examples for name in of_pack.get(task, ())]


@attrs.frozen
class Encoder:
    """Encodes a task's examples and refuses segments that can't be trained on.

    Attributes:
        tokenizer: Text to ids.
        context: Most tokens of a segment.
        seconds: How long each task has taken so far.
    """

    tokenizer: Tokenizer
    context: int
    seconds: dict[str, float] = attrs.field(factory=dict, eq=False)

    def encode(
        self, name: str, task: AnyTask, example: Any, *key: object, turn: int = 0
    ) -> Segment:
        """Return the segment of an example in its turn; what is random in it depends on key and id.

        Raises:
            PluginError: The task fails, or gives what no trunk can take; the example is named.
        """
        where, began = f"example {example.id!r}", time.perf_counter()
        with blame(name, "encode", where):
            posed = task.in_turn(example, turn)
            segment = task.encode(posed, self.tokenizer, keyed_random(*key, name, example.id))
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        if not isinstance(segment, Segment):
            raise PluginError(
                f"task {name}, {where}: encode gave {segment!r}, expected a Segment", name
            )
        problem = segment.problem(self.tokenizer.size)
        if problem is None and len(segment.tokens) > self.context:
            problem = (
                f"{len(segment.tokens)} tokens, the trunk takes {self.context}; "
                f"lower tasks.{name}.max_tokens or raise trunk.context"
            )
        if problem is not None:
            raise PluginError(f"task {name}, {where}: {problem}", name)
        return segment


def examples_of(name: str, task: AnyTask, split: Split) -> Sequence[Any]:
    """Return a task's split.

    Raises:
        DataError: It is empty.
        PluginError: The task fails to give it.
    """
    with blame(name, "examples", f"split {split}"):
        found = task.examples(split)
        size = len(found)
    if size == 0:
        raise DataError(f"task {name}: split {split} is empty")
    return found


@attrs.define
class Drawable:
    """A task's training examples, and which of them a filter lets through."""

    name: str
    task: AnyTask
    examples: Sequence[Any]
    _facets: dict[str, np.ndarray[Any, Any]] = attrs.field(factory=dict)

    def facet(self, facet: str) -> np.ndarray[Any, Any]:
        """Return a facet of every example, `[examples]`, NaN where one has none."""
        if facet not in self._facets:
            with blame(self.name, "facets"):
                self._facets[facet] = np.array(self._values(facet), dtype=float)
        return self._facets[facet]

    def _values(self, facet: str) -> Sequence[float]:
        known: Mapping[str, Any] | None = getattr(self.examples, "facets", None)
        if known is None:
            return [self.task.facets(e).get(facet, np.nan) for e in self.examples]
        found: Sequence[float] = known.get(facet, [np.nan] * len(self.examples))
        return found

    def select(
        self, filters: Mapping[str, tuple[float, float]]
    ) -> tuple[np.ndarray[Any, Any], list[str]]:
        """Return the indices that all filters let through, and notes on filters that don't apply.

        A filter applies to a task only if its examples carry the facet at all.

        Raises:
            DataError: They carry it, and none is in range.
        """
        kept = np.ones(len(self.examples), dtype=bool)
        notes = []
        for facet, (low, high) in filters.items():
            values = self.facet(facet)
            if np.isnan(values).all():
                notes.append(
                    f"filter {facet} {low:g}..{high:g} does not apply to {self.name}: "
                    f"its examples carry no {facet!r}"
                )
                continue
            kept &= (values >= low) & (values <= high)
        if not kept.any():
            ranges = ", ".join(f"{f} {a:g}..{b:g}" for f, (a, b) in filters.items())
            raise DataError(f"task {self.name}: no training example has {ranges}")
        return np.flatnonzero(kept), notes


def lay_out(
    segments: Sequence[tuple[str, Segment]], max_tokens: int, ids: Sequence[str] = ()
) -> Batch:
    """Lay out a step's segments in packs of at most `max_tokens` tokens (or one segment).

    Args:
        segments: Each with its task.
        max_tokens: Of a pack.
        ids: Of the segments' examples, in the same order; for messages.

    Raises:
        PluginError: A task's segments have different numbers of values.
    """
    targets: Counter[str] = Counter()
    widths: dict[str, int] = {}
    for name, segment in segments:
        targets[name] += segment.target_count
        width = 0 if segment.values is None else len(segment.values)
        if widths.setdefault(name, width) != width:
            raise PluginError(
                f"task {name}: a segment has {widths[name]} values and another {width}; "
                "expected the same for all",
                name,
            )
    parts = list(_parts([segment for _, segment in segments], max_tokens))
    packs = tuple(pack([segments[number] for number in part]) for part in parts)
    named = tuple(_by_task([(segments[n][0], ids[n]) for n in part]) for part in parts if ids)
    return Batch(packs, dict(targets), sum(p.real_tokens for p in packs), named)


def _by_task(ids: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task, example in ids:
        found.setdefault(task, []).append(example)
    return found


def _parts(segments: Sequence[Segment], max_tokens: int) -> Iterator[list[int]]:
    """Cut segments into parts; by length where there are several, so that little is padded."""
    numbers = list(range(len(segments)))
    if sum(len(s.tokens) for s in segments) > max_tokens:
        numbers.sort(key=lambda n: (len(segments[n].tokens), segments[n].tokens.tobytes()))
    part: list[int] = []
    size = 0
    for number in numbers:
        length = len(segments[number].tokens)
        if part and size + length > max_tokens:
            yield part
            part, size = [], 0
        part.append(number)
        size += length
    if part:
        yield part


def epoch_batches(
    order: EpochOrder,
    drawable: Mapping[str, Drawable],
    selected: Mapping[str, np.ndarray[Any, Any]],
    encoder: Encoder,
    max_tokens: int,
    first: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of an epoch's steps from step `first` on."""
    for step in range(first, order.steps):
        segments, ids = [], []
        for draw in order.draws(step):
            source = drawable[draw.task]
            example = source.examples[int(selected[draw.task][draw.index])]
            key = (order.seed, order.epoch, draw.wrap)
            segment = encoder.encode(draw.task, source.task, example, *key, turn=draw.turn)
            segments.append((draw.task, segment))
            ids.append(str(example.id))
        yield lay_out(segments, max_tokens, ids)


def split_batches(
    name: str,
    task: AnyTask,
    examples: Sequence[Any],
    encoder: Encoder,
    max_tokens: int,
) -> Iterator[Batch]:
    """Yield one task's examples in order, each the same way every time."""
    part: list[tuple[str, Segment]] = []
    ids: list[str] = []
    size = 0
    for turn, example in enumerate(examples):
        segment = encoder.encode(name, task, example, "evaluation", turn=turn)
        if part and size + len(segment.tokens) > max_tokens:
            yield lay_out(part, max_tokens, ids)
            part, ids, size = [], [], 0
        part.append((name, segment))
        ids.append(str(example.id))
        size += len(segment.tokens)
    if part:
        yield lay_out(part, max_tokens, ids)


@contextmanager
def ahead(batches: Iterable[Batch]) -> Iterator[Iterator[Batch]]:
    """Make batches in a thread of their own, a few steps before they are needed.

    What making them raises is raised where the next one is asked for; leaving the context stops
    the thread.
    """
    waiting: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(item: Batch | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)

    def take() -> Iterator[Batch]:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=make, name="ectrain-batches", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()
