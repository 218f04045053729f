"""What tasks say of one file, as every form of output needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from ectrain.label_prediction import LabelInfo, Prediction, Said

Infos = Mapping[str, Mapping[str, "LabelInfo"]]  # by task, then by label


@attrs.frozen
class LabelledFile:
    """A file and what tasks say of it.

    Attributes:
        name: Its path.
        text: What is in it.
        predictions: By task.
    """

    name: str
    text: str
    predictions: Mapping[str, Prediction]

    def given(self) -> Iterator[tuple[str, Said]]:
        """Yield the task and each label that the file is said to have, the likeliest first."""
        for task, prediction in self.predictions.items():
            for said in prediction.given:
                yield task, said


def document(files: Sequence[LabelledFile], infos: Infos, everything: bool) -> list[dict[str, Any]]:
    """Return files as JSON has them.

    Args:
        files: All of them.
        infos: What labels mean.
        everything: Tell of labels that are not given, too.
    """
    return [
        {
            "path": file.name,
            "windows": {task: p.windows for task, p in file.predictions.items()},
            "labels": [
                _said(task, infos[task][said.label], said)
                for task, prediction in file.predictions.items()
                for said in (prediction.said if everything else prediction.given)
            ],
        }
        for file in files
    ]


def _said(task: str, info: LabelInfo, said: Said) -> dict[str, Any]:
    return {
        "task": task,
        "label": said.label,
        "title": info.title,
        "level": info.level,
        "taxa": [str(taxon) for taxon in info.taxa],
        "given": said.given,
        "probability": said.probability,
        "threshold": said.threshold,
        "lines": [attrs.asdict(evidence) for evidence in said.lines],
    }
