"""The quality task: which data, which labels, and what it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from ectrain.label_task import LabelConfig, LabelTask
from ectrain.task import Goal, Split
from ectrain_elixir.symbols import SYMBOLS
from ectrain_quality.data import CATEGORY_COLUMNS, LABELS, CheckedCode, embedded, stored


@attrs.frozen
class QualityConfig(LabelConfig):
    """Settings of the quality task, beside those of every task with labels.

    Attributes:
        data: Folder with train.jsonl, val.jsonl and test.jsonl; "" for the embedded twins.
        size: Embedded training files.
        seed: Of the embedded files.
    """

    data: str = ""
    size: int = attrs.field(default=8000, validator=attrs.validators.ge(1))
    seed: int = 0


class QualityTask(LabelTask[CheckedCode, QualityConfig]):
    """Say which checks a piece of Elixir violates."""

    name = "quality"
    config_type = QualityConfig
    goals = (Goal("macro_f1", 0.6, ("majority_macro_f1", "ngram_macro_f1")),)
    labels = LABELS
    merged = (("category", CATEGORY_COLUMNS),)

    def examples(self, split: Split) -> Sequence[CheckedCode]:
        """Return embedded twins, or the records of a folder."""
        if self.config.data:
            return stored(Path(self.config.data), split)
        return embedded(split, self.config.size, self.config.seed)

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS
