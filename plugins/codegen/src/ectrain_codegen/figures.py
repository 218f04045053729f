"""Figures while training, of each objective by its own targets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ectrain.parts import TokenOutput
from ectrain.task import Targets
from ectrain_codegen.notes import DELIMITER, OBJECTIVES, Notes, read_notes
from ectrain_codegen.objectives import Objective, ObjectivesConfig
from ectrain_elixir.classes import CLASSES

ROWS = 1024  # whose logits are held at a time


class ObjectiveFigures:
    """How well each objective's targets are predicted; undefined before there are any.

    `perplexity` (the exponential of the mean nats of a token), `bits_per_byte` (comparable between
    tokenizers) and `accuracy` of text written from left to right; `masking_accuracy` of masked
    tokens, by class of token, too, and `span_accuracy` of whole spans; `fim_exact`, the share of
    middles whose every token, the end's too, is the likeliest after the right ones before it: what
    greedy writing gives.

    Args:
        objectives: Which of them there are.
    """

    def __init__(self, objectives: ObjectivesConfig) -> None:
        self.objectives = objectives
        self.sums: Counter[str] = Counter()

    def update(self, output: TokenOutput, targets: Targets) -> None:
        """Add a batch's targets."""
        if targets.notes_m is None or not len(targets.tokens_m):
            return
        nats, right = _predicted(output, targets)
        notes = read_notes(targets.notes_m.cpu().numpy())
        for number, name in enumerate(OBJECTIVES):
            own = notes.objective == number
            if own.any():
                self._add(name, notes.at(own), nats[own], right[own])

    def _add(
        self, name: Objective, notes: Notes, nats: NDArray[np.float64], right: NDArray[np.bool_]
    ) -> None:
        if name == "causal":
            self._count("accuracy", right)
            self.sums["nats"] += float(nats.sum())  # type: ignore[assignment]
            self.sums["bytes"] += int(notes.bytes.sum())
            return
        whole = np.logical_and.reduceat(right, np.flatnonzero(notes.first))
        if name == "masked":
            self._count("span_accuracy", whole)
            self._count("masking_accuracy", right[notes.kind != DELIMITER])
            for number, kind in enumerate(CLASSES):
                self._count(f"masking_accuracy.{kind}", right[notes.kind == number])
        else:
            self._count("fim_exact", whole)
            self._count(f"fim_exact.{name}", whole)

    def _count(self, name: str, right: NDArray[np.bool_]) -> None:
        self.sums[f"{name}/right"] += int(right.sum())
        self.sums[f"{name}/count"] += len(right)

    def merge(self, other: ObjectiveFigures) -> None:
        """Add another shard's sums."""
        self.sums.update(other.sums)

    def compute(self) -> Mapping[str, float | None]:
        """Return the figures of the objectives that there are."""
        found: dict[str, float | None] = {}
        if self.objectives.causal > 0:
            count, bytes_ = self.sums["accuracy/count"], self.sums["bytes"]
            mean = self.sums["nats"] / count if count else math.inf
            found["perplexity"] = math.exp(mean) if mean < 700 else None
            found["bits_per_byte"] = self.sums["nats"] / math.log(2) / bytes_ if bytes_ else None
        return found | {name: self._share(name) for name in self._names()}

    def _share(self, name: str) -> float | None:
        count = self.sums[f"{name}/count"]
        return self.sums[f"{name}/right"] / count if count else None

    def _names(self) -> Iterator[str]:
        shares = self.objectives
        if shares.causal > 0:
            yield "accuracy"
        if shares.masks:
            yield from ("span_accuracy", "masking_accuracy")
            yield from (f"masking_accuracy.{kind}" for kind in CLASSES)
        if shares.infills:
            yield "fim_exact"
            yield from (f"fim_exact.{order}" for order in _orders(shares.spm))


def _orders(spm: float) -> list[str]:
    return [order for order, share in (("psm", 1 - spm), ("spm", spm)) if share > 0]


def _predicted(
    output: TokenOutput, targets: Targets
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the nats of each target, and whether it was the likeliest token."""
    nats, right = [], []
    for start in range(0, len(targets.tokens_m), ROWS):
        tokens_c = targets.tokens_m[start : start + ROWS]
        logits_cv = (output.hidden_md[start : start + ROWS] @ output.vocabulary_vd.t()).float()
        nats.append(F.cross_entropy(logits_cv, tokens_c, reduction="none"))
        right.append(logits_cv.argmax(-1) == tokens_c)
    return torch.cat(nats).double().cpu().numpy(), torch.cat(right).cpu().numpy()
