"""What a model says of one text: labels with probabilities, and the lines that they rest on.

Shape suffixes: w labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from ectrain.label_calibration import Calibration
from ectrain.label_evidence import Evidence
from ectrain.label_reading import Reading

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
class Said:
    """What is said of one label.

    Attributes:
        label: Its name.
        probability: Calibrated.
        threshold: Probability above which the label is given.
        given: Whether it is.
        lines: What a given label rests on, the weightiest first.
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
    labels: Sequence[str],
    reading: Reading,
    calibration: Calibration,
    lines: Mapping[int, tuple[Evidence, ...]],
) -> Prediction:
    """Return what a reading says by a calibration, with the lines of labels by their number."""
    chance_w = calibration.probability(reading.logit_w)
    border_w = calibration.probability(calibration.threshold_w)
    given_w = calibration.given(reading.logit_w)
    said = (
        Said(label, float(chance_w[w]), float(border_w[w]), bool(given_w[w]), lines.get(w, ()))
        for w, label in enumerate(labels)
    )
    return Prediction(tuple(said), len(reading.windows))
