"""The quality task: which data, which labels, and what it must beat."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ectrain.label_prediction import LabelInfo
from ectrain.label_task import LabelConfig, LabelTask
from ectrain.mixing import examples_from
from ectrain.task import Goal, Split
from ectrain_elixir.checks import CREDO_VERSION, SNIPPET_CHECKS, Check
from ectrain_elixir.corpus import SKIPPED_FOLDERS
from ectrain_elixir.labelled import stored
from ectrain_elixir.symbols import SYMBOLS
from ectrain_quality.data import CATEGORIES, ENDS, LABELS, CheckedCode, embedded


@attrs.frozen
class QualityConfig(LabelConfig):
    """Settings of the quality task, beside those of every task with labels.

    Attributes:
        data: Folder with train.jsonl, val.jsonl and test.jsonl, or built dataset; "" for the
            embedded twins; a mix as `embedded=0.3,DIR=0.7`.
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
    goals = (Goal("macro_f1", 0.6, ("majority_macro_f1", "ngram_macro_f1", "frozen_macro_f1")),)
    labels = LABELS
    groupings = (CATEGORIES,)
    ends = tuple(LABELS.index(name) for name in ENDS)
    suffixes = (".ex", ".exs")
    skipped_folders = SKIPPED_FOLDERS
    note = "on complete files Credo itself is exact and the better tool"

    def labelled(self, split: Split) -> Sequence[CheckedCode]:
        """Return embedded twins, the records of a folder or dataset, or a mix."""
        config = self.config
        return examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed),
            lambda path: stored(CheckedCode, path, split),
        )

    def label_infos(self) -> Sequence[LabelInfo]:
        """Return what each check is about; what Credo calls a warning is one."""
        return [_info(check) for check in SNIPPET_CHECKS]

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS


def _info(check: Check) -> LabelInfo:
    title = check.about[0].upper() + check.about[1:]
    more = f"mix credo explain Credo.Check.{check.id}"
    return LabelInfo(
        check.id,
        title,
        f"{title}. Credo {CREDO_VERSION} names it in its category {check.category}; `{more}` says "
        "more, and on a complete file Credo itself is the better judge.",
        "warning" if check.category == "warning" else "note",
    )
