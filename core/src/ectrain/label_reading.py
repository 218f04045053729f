"""Reading texts with a head of labels: in windows where they are long, with what each line adds.

Shape suffixes: n tokens, l lines, w labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol, cast

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ectrain.label_places import Part
from ectrain.labels import Floats
from ectrain.model import Model
from ectrain.packing import pack
from ectrain.plugins import blame
from ectrain.task import Rows, Segment
from ectrain.tokenizer import Tokenizer

OVERLAP = 4  # a window begins one part in so many before the last one's end
MAX_TOKENS = 8192  # of one pass


class Explaining(Protocol):
    """A head that says what its logits are made of."""

    def contributions(self, rows: Rows, border_w: Tensor) -> Tensor:
        """Return how much each token speaks for each label, `[n, w]`.

        Over a segment's tokens they sum to what its logit is above the border, `[w]`.
        """


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


@attrs.frozen(eq=False)
class Reading:
    """What a head says of a text.

    Attributes:
        logit_w: The highest of any window, `[w]`.
        line_lw: How much each line speaks for each label, in the window that has the highest
            logit, `[l, w]`; None unless asked for.
        windows: How many there were.
    """

    logit_w: Floats
    line_lw: Floats | None
    windows: int


def windows(text: str, tokenizer: Tokenizer, room: int) -> list[Window]:
    """Return the windows that a text is read in: one if it has room, else overlapping ones.

    A window begins with a line, and ends with one unless a line is longer than the room.

    Args:
        text: Any text.
        tokenizer: Makes its tokens.
        room: Most tokens of a window.
    """
    ids = tokenizer.encode(text)
    starts = np.cumsum([0, *(tokenizer.byte_lengths[ids].tolist())])[:-1]
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


def read(
    model: Model, name: str, texts: Iterable[str], room: int, border_w: Floats | None = None
) -> Iterator[Reading]:
    """Yield what a task's head says of each text, in order.

    Args:
        model: Trunk and head.
        name: Of the task.
        texts: Any texts.
        room: Most tokens that are read at once, those around the text included.
        border_w: Say how much each line speaks for a logit above this one, too; the head must be
            `Explaining`.
    """
    room = min(room, model.trunk.config.context) - 1
    laid_out = (
        (number, window)
        for number, text in enumerate(texts)
        for window in windows(text, model.tokenizer, room)
    )
    passed = _passed(model, name, laid_out, border_w)
    for _, found in groupby(passed, key=lambda one: one[0]):
        yield _joined([one[1:] for one in found])


def explains(model: Model, name: str) -> bool:
    """Return whether a task's head can say what its logits are made of."""
    return hasattr(model.heads[name], "contributions")


_Read = tuple[Window, Floats, Floats | None]


def _passed(
    model: Model, name: str, numbered: Iterable[tuple[int, Window]], border_w: Floats | None
) -> Iterator[tuple[int, Window, Floats, Floats | None]]:
    """Yield each window with its logits, and with how much each of its tokens speaks for them."""
    part: list[tuple[int, Window]] = []
    size = 0
    for number, window in numbered:
        if part and size + len(window.ids) >= MAX_TOKENS:
            yield from _pass(model, name, part, border_w)
            part, size = [], 0
        part.append((number, window))
        size += len(window.ids) + 1
    if part:
        yield from _pass(model, name, part, border_w)


def _pass(
    model: Model, name: str, part: Sequence[tuple[int, Window]], border_w: Floats | None
) -> Iterator[tuple[int, Window, Floats, Floats | None]]:
    segments = [(name, window.segment(model.tokenizer)) for _, window in part]
    with torch.no_grad(), blame(name, "head"):
        rows = model.rows(pack(segments).to(model.device))[name]
        head = model.heads[name]
        logit_sw = head(rows).float().cpu().numpy().astype(float)
        added_nw = None
        if border_w is not None:
            border = torch.tensor(border_w, dtype=torch.float32, device=model.device)
            added_nw = cast(Explaining, head).contributions(rows, border).float().cpu().numpy()
    at = 0
    for place, (number, window) in enumerate(part):
        end = at + len(window.ids) + 1
        own_nw = None if added_nw is None else added_nw[at + 1 : end].astype(float)
        yield number, window, logit_sw[place], own_nw
        at = end


def _joined(found: Sequence[_Read]) -> Reading:
    """Return what windows of one text say together."""
    logit_sw = np.stack([logit_w for _, logit_w, _ in found])
    best_w = logit_sw.argmax(0)
    line_lw = None
    if found[0][2] is not None:
        last = max(int(window.line_n.max(initial=0)) for window, *_ in found)
        line_lw = np.zeros((last + 1, logit_sw.shape[1]))
        for place, (window, _, added_nw) in enumerate(found):
            own = np.flatnonzero(best_w == place)
            if added_nw is not None:
                np.add.at(line_lw, (window.line_n[:, None], own), added_nw[:, own])
    return Reading(logit_sw.max(0), line_lw, len(found))
