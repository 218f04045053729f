"""What a model says of one text: labels with probabilities, and the lines that they rest on.

Shape suffixes: l lines, w labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs
import numpy as np

from ectrain.label_calibration import Calibration
from ectrain.label_reading import Reading
from ectrain.labels import Floats

CARRIED = 0.5  # share of what speaks for a label that its lines must carry
MOST_LINES = 3

Level = Literal["note", "warning", "error"]
LEVELS: tuple[Level, ...] = ("note", "warning", "error")


@attrs.frozen
class Taxon:
    """A place in somebody's catalogue.

    Attributes:
        taxonomy: The catalogue, such as "CWE".
        id: What it calls the thing, such as "89".
    """

    taxonomy: str
    id: str

    def __str__(self) -> str:
        return f"{self.taxonomy}-{self.id}"


@attrs.frozen
class LabelInfo:
    """What a label means, for whoever reads that a text has it.

    Attributes:
        name: Of the label.
        title: What it says, in a phrase.
        help: What is behind it, in a sentence or two.
        level: How much it matters.
        taxa: What catalogues call it.
    """

    name: str
    title: str
    help: str = ""
    level: Level = "warning"
    taxa: tuple[Taxon, ...] = ()


@attrs.frozen
class Evidence:
    """A line that speaks for a label.

    Attributes:
        line: Its number, from 1.
        start: Where it begins in the text, in characters.
        end: Where it ends, without the end of line.
        share: How much of all that speaks for the label it carries, from 0 to 1.
    """

    line: int
    start: int
    end: int
    share: float


@attrs.frozen
class Said:
    """What is said of one label.

    Attributes:
        label: Its name.
        probability: Calibrated.
        threshold: Probability above which the label is given.
        given: Whether it is.
        lines: What a given label rests on, the weightiest first; none where the head can't say.
    """

    label: str
    probability: float
    threshold: float
    given: bool
    lines: tuple[Evidence, ...] = ()


@attrs.frozen
class Prediction:
    """What a model says of a text.

    Attributes:
        said: Of each label, in the labels' order.
        windows: In how many windows it was read.
    """

    said: tuple[Said, ...]
    windows: int

    @property
    def given(self) -> tuple[Said, ...]:
        """The labels that the text is said to have, the likeliest first."""
        return tuple(sorted((s for s in self.said if s.given), key=lambda s: -s.probability))


def prediction(
    text: str, labels: Sequence[str], reading: Reading, calibration: Calibration
) -> Prediction:
    """Return what a reading says by a calibration."""
    chance_w = calibration.probability(reading.logit_w)
    border_w = calibration.probability(calibration.threshold_w)
    given_w = reading.logit_w > calibration.threshold_w
    spans = list(_lines(text))
    said = (
        Said(
            label,
            float(chance_w[w]),
            float(border_w[w]),
            bool(given_w[w]),
            _evidence(spans, reading.line_lw[:, w])
            if given_w[w] and reading.line_lw is not None
            else (),
        )
        for w, label in enumerate(labels)
    )
    return Prediction(tuple(said), reading.windows)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each line begins and ends, in characters."""
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line.removesuffix("\r"))
        start += len(line) + 1


def _evidence(spans: Sequence[tuple[int, int]], added_l: Floats) -> tuple[Evidence, ...]:
    """Return the fewest lines that carry half of what speaks for a label, three at most."""
    speaks_l = np.maximum(added_l, 0.0)
    total = float(speaks_l.sum())
    if not total:
        return ()
    found, carried = [], 0.0
    for at in np.argsort(-speaks_l, kind="stable")[:MOST_LINES]:
        share = float(speaks_l[at]) / total
        if not share or carried >= CARRIED:
            break
        found.append(Evidence(int(at) + 1, *spans[at], share))
        carried += share
    return tuple(found)
