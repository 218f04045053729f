"""Which lines a decision rests on: those without which the model would be less sure.

Where a head's attention looks says little: the trunk has moved what it knows between tokens before.
So a line is left out, and the text is read again. Only lines that a token's least change moves the
logit by are tried; trying all finds no more.

Source: Simonyan et al., Deep inside convolutional networks (2014), section 3, for the first choice;
Li et al., Understanding neural networks through representation erasure (2016), for the second.

Shape suffixes: n tokens, l lines, w labels, t tokens of a pack, d trunk width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from ectrain.label_reading import Reading, Window, logits
from ectrain.labels import Floats
from ectrain.model import Model
from ectrain.packing import pack
from ectrain.plugins import blame

TRIED = 6  # lines that are left out, for each label
CARRIED = 0.5  # share of what speaks for a label that its lines must carry
MOST_LINES = 3


@attrs.frozen
class Evidence:
    """A line that speaks for a label.

    Attributes:
        line: Its number, from 1.
        start: Where it begins in the text, in characters.
        end: Where it ends, without the end of line.
        share: What its loss costs the logit, as a share of what losing each line tried costs.
    """

    line: int
    start: int
    end: int
    share: float


def evidence(
    model: Model, name: str, text: str, reading: Reading, labels: Sequence[int]
) -> dict[int, tuple[Evidence, ...]]:
    """Return the lines that labels rest on, the weightiest first: three, or as many as carry half.

    Args:
        model: Trunk and head.
        name: Of the task.
        text: The text.
        reading: What the head said of it.
        labels: Their numbers.
    """
    spans = _spans(text)
    found: dict[int, tuple[Evidence, ...]] = {}
    for number in sorted({int(reading.best_w[label]) for label in labels}):
        own = [label for label in labels if reading.best_w[label] == number]
        falls = _falls(model, name, reading.windows[number], own, reading.logit_w)
        for label, fall in falls.items():
            found[label] = _weightiest(fall, spans)
    return found


def _weightiest(
    falls: Mapping[int, float], spans: Sequence[tuple[int, int]]
) -> tuple[Evidence, ...]:
    total = sum(fall for fall in falls.values() if fall > 0)
    found: list[Evidence] = []
    for line, fall in sorted(falls.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_LINES]:
        if fall <= 0 or sum(one.share for one in found) >= CARRIED:
            break
        found.append(Evidence(line + 1, *spans[line], fall / total))
    return tuple(found)


def _falls(
    model: Model, name: str, window: Window, labels: Sequence[int], logit_w: Floats
) -> dict[int, dict[int, float]]:
    """Return what each label's logit loses without each line that was tried, by line from 0."""
    tried: dict[int, list[int]] = {}
    for label, moved_l in zip(labels, _sensitivities(model, name, window, labels), strict=True):
        order = np.argsort(-moved_l, kind="stable")[:TRIED]
        tried[label] = [int(line) for line in order if moved_l[line] > 0]
    lines = sorted({line for of_label in tried.values() for line in of_label})
    if not lines:
        return {label: {} for label in labels}
    without_lw = logits(model, name, [window.without(line) for line in lines])
    place = {line: number for number, line in enumerate(lines)}
    return {
        label: {line: float(logit_w[label] - without_lw[place[line], label]) for line in of_label}
        for label, of_label in tried.items()
    }


def _sensitivities(model: Model, name: str, window: Window, labels: Sequence[int]) -> list[Floats]:
    """Return how much each line's tokens move each label's logit: products of norms, squared."""
    embedded: list[Tensor] = []

    def watch(module: Any, given: Any, output_td: Tensor) -> Tensor:
        embedded.append(output_td.detach().requires_grad_())
        return embedded[0]

    packed = pack([(name, window.segment(model.tokenizer))]).to(model.device)
    hook = model.trunk.embedding.register_forward_hook(watch)
    try:
        with torch.enable_grad(), blame(name, "head"):
            logit_w = model(packed)[name][0].float()
    finally:
        hook.remove()
    index_n = packed.tasks[name].index_n[1:]  # without the token that begins the text
    found = []
    for label in labels:
        (slope_td,) = torch.autograd.grad(logit_w[label], embedded[0], retain_graph=True)
        moved_t = slope_td.float().norm(dim=-1) * embedded[0].detach().float().norm(dim=-1)
        moved_n = moved_t.reshape(-1).index_select(0, index_n).square().cpu().numpy()
        moved_l: Floats = np.zeros(int(window.line_n.max(initial=-1)) + 1)
        np.add.at(moved_l, window.line_n, moved_n.astype(float))
        found.append(moved_l)
    return found


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where each line begins and ends, in characters, without the end of line."""
    found, start = [], 0
    for line in text.split("\n"):
        found.append((start, start + len(line.removesuffix("\r"))))
        start += len(line) + 1
    return found
