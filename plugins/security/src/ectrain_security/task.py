"""The security task: which data, which labels, how much each counts, and what it must beat."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from ectrain.label_task import LabelConfig, LabelTask
from ectrain.labels import Floats
from ectrain.mixing import examples_from
from ectrain.task import Goal, Split
from ectrain_elixir.findings import SNIPPET_FINDINGS
from ectrain_elixir.symbols import SYMBOLS
from ectrain_security.data import CWE_COLUMNS, LABELS, LabelledCode, embedded, stored

SEVERITY_WEIGHTS = {"high": 3.0, "medium": 2.0, "low": 1.0}


@attrs.frozen
class SecurityConfig(LabelConfig):
    """Settings of the security task, beside those of every task with labels.

    Attributes:
        data: Folder with train.jsonl, val.jsonl and test.jsonl, or built dataset; "" for the
            embedded twins; a mix as `embedded=0.3,DIR=0.7`.
        size: Embedded training snippets.
        seed: Of the embedded snippets.
        severity_weights: Let graver findings count more (high 3, medium 2, low 1).
    """

    data: str = ""
    size: int = attrs.field(default=4000, validator=attrs.validators.ge(1))
    seed: int = 0
    severity_weights: bool = True


class SecurityTask(LabelTask[LabelledCode, SecurityConfig]):
    """Say which vulnerabilities a piece of Elixir has."""

    name = "security"
    config_type = SecurityConfig
    goals = (Goal("macro_f1", 0.5, ("majority_macro_f1", "ngram_macro_f1")),)
    labels = LABELS
    merged = (("cwe", CWE_COLUMNS),)

    def examples(self, split: Split) -> Sequence[LabelledCode]:
        """Return embedded twins, the records of a folder or dataset, or a mix."""
        config = self.config
        return examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed),
            lambda path: stored(path, split),
        )

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS

    def label_weights(self) -> Floats:
        """Return how much each finding counts, by how grave it is; 1 in the mean, `[w]`."""
        weight_w: Floats = np.ones(len(LABELS))
        if self.config.severity_weights:
            weight_w[:] = [SEVERITY_WEIGHTS[finding.severity] for finding in SNIPPET_FINDINGS]
            weight_w /= weight_w.mean()
        return weight_w
