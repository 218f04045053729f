"""Reading texts with a head of labels: in overlapping windows where they are long.

Shape suffixes: n tokens, s windows, w labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from ectrain.label_places import Part
from ectrain.labels import Floats
from ectrain.model import Model
from ectrain.packing import pack
from ectrain.plugins import blame
from ectrain.task import Segment
from ectrain.tokenizer import Tokenizer

OVERLAP = 4  # a window begins one part in so many before the last one's end
MAX_TOKENS = 8192  # of one pass


@attrs.frozen(eq=False)
class Window:
    """Tokens of a text that are read at once.

    Attributes:
        ids: The tokens.
        line_n: The line that each belongs to, from 0, `[n]`; a token that ends a line is its last.
        part: What is seen of the text.
    """

    ids: Sequence[int]
    line_n: NDArray[np.int64]
    part: Part

    def segment(self, tokenizer: Tokenizer, values: NDArray[np.float32] | None = None) -> Segment:
        """Return it as a text that is read in both directions."""
        tokens = np.array([tokenizer.begin_id, *self.ids], dtype=np.int64)
        return Segment(tokens, prefix=len(tokens), values=values)

    def without(self, line: int) -> Window:
        """Return it without the tokens of a line, counted from 0."""
        kept = np.flatnonzero(self.line_n != line)
        return Window([self.ids[int(n)] for n in kept], self.line_n[kept], self.part)


@attrs.frozen(eq=False)
class Reading:
    """What a head says of a text.

    Attributes:
        logit_w: The highest of any window, `[w]`.
        best_w: The number of the window that has it, `[w]`.
        windows: What was read.
    """

    logit_w: Floats
    best_w: NDArray[np.int64]
    windows: tuple[Window, ...]


def windows(text: str, tokenizer: Tokenizer, room: int) -> list[Window]:
    """Return the windows that a text is read in: one if it has room, else overlapping ones.

    A window begins with a line, and ends with one unless a line is longer than the room.

    Args:
        text: Any text.
        tokenizer: Makes its tokens.
        room: Most tokens of a window.
    """
    ids = tokenizer.encode(text)
    starts = np.cumsum([0, *tokenizer.byte_lengths[ids].tolist()])[:-1]
    ends = np.flatnonzero(np.frombuffer(text.encode("utf-8"), dtype=np.uint8) == ord("\n"))
    line_n = np.searchsorted(ends, starts, side="left").astype(np.int64)
    if len(ids) <= room:
        return [Window(ids, line_n, Part(1, len(ends) + 1, whole=True))]
    return [_window(ids, line_n, first, last) for first, last in _spans(line_n, room)]


def _window(ids: Sequence[int], line_n: NDArray[np.int64], first: int, last: int) -> Window:
    complete = last == len(ids) or line_n[last] > line_n[last - 1]
    opened = first == 0 or line_n[first] > line_n[first - 1]
    part = Part(int(line_n[first]) + 2 - opened, int(line_n[last - 1]) + complete)
    return Window(ids[first:last], line_n[first:last], part)


def _spans(line_n: NDArray[np.int64], room: int) -> Iterator[tuple[int, int]]:
    """Yield the first token of each window and the one behind its last."""
    begins = np.flatnonzero(np.diff(line_n, prepend=-1))
    first, count = 0, len(line_n)
    while True:
        last = min(count, first + room)
        if last < count:
            whole = begins[(begins > first) & (begins <= last)]
            last = int(whole[-1]) if len(whole) else last
        yield first, last
        if last == count:
            return
        nearer = begins[(begins > first) & (begins >= last - room // OVERLAP) & (begins <= last)]
        first = int(nearer[0]) if len(nearer) else last


def read(model: Model, name: str, texts: Iterable[str], room: int) -> Iterator[Reading]:
    """Yield what a task's head says of each text, in order.

    Args:
        model: Trunk and head.
        name: Of the task.
        texts: Any texts.
        room: Most tokens that are read at once, those around the text included.
    """
    room = min(room, model.trunk.config.context) - 1
    laid_out = (
        (number, window)
        for number, text in enumerate(texts)
        for window in windows(text, model.tokenizer, room)
    )
    for _, group in groupby(_passed(model, name, laid_out), key=lambda one: one[0]):
        found = list(group)
        logit_sw = np.stack([logit_w for *_, logit_w in found])
        seen = tuple(window for _, window, _ in found)
        yield Reading(logit_sw.max(0), logit_sw.argmax(0), seen)


def logits(model: Model, name: str, found: Sequence[Window]) -> Floats:
    """Return the logits of windows, `[s, w]`."""
    return np.stack([logit_w for *_, logit_w in _passed(model, name, enumerate(found))])


def _passed(
    model: Model, name: str, numbered: Iterable[tuple[int, Window]]
) -> Iterator[tuple[int, Window, Floats]]:
    """Yield each window with its logits, many windows in a pass of the trunk."""
    part: list[tuple[int, Window]] = []
    size = 0
    for number, window in numbered:
        if part and size + len(window.ids) >= MAX_TOKENS:
            yield from _pass(model, name, part)
            part, size = [], 0
        part.append((number, window))
        size += len(window.ids) + 1
    if part:
        yield from _pass(model, name, part)


def _pass(
    model: Model, name: str, part: Sequence[tuple[int, Window]]
) -> Iterator[tuple[int, Window, Floats]]:
    segments = [(name, window.segment(model.tokenizer)) for _, window in part]
    with torch.no_grad(), blame(name, "head"):
        logit_sw = model(pack(segments).to(model.device))[name].float().cpu().numpy()
    for (number, window), logit_w in zip(part, logit_sw.astype(float), strict=True):
        yield number, window, logit_w
