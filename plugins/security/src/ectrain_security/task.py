"""The security task: which data, which labels, how much each counts, and what it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import attrs
import numpy as np

from ectrain.label_prediction import LabelInfo, Level, Taxon
from ectrain.label_task import LabelConfig, LabelTask
from ectrain.labels import Floats
from ectrain.mixing import examples_from
from ectrain.task import Goal, Split
from ectrain_elixir.corpus import SKIPPED_FOLDERS
from ectrain_elixir.findings import SNIPPET_FINDINGS, Finding
from ectrain_elixir.labelled import stored
from ectrain_elixir.symbols import SYMBOLS
from ectrain_security.data import CWES, LABELS, VulnerableCode, embedded

SEVERITY_WEIGHTS = {"high": 3.0, "medium": 2.0, "low": 1.0}
LEVELS: dict[str, Level] = {"high": "error", "medium": "warning", "low": "note"}


@attrs.frozen
class SecurityConfig(LabelConfig):
    """Settings of the security task, beside those of every task with labels.

    Attributes:
        data: Folder with train.jsonl, val.jsonl and test.jsonl, or built dataset; "" for the
            embedded twins; a mix as `embedded=0.3,DIR=0.7`.
        size: Embedded training snippets.
        seed: Of the embedded snippets.
        severity_weights: Let graver findings count more (high 3, medium 2, low 1).
        confidence_weights: Let findings that Sobelow is less sure of count less when they are
            learned (high 1, medium 0.7, low 0.4).
    """

    data: str = ""
    size: int = attrs.field(default=4000, validator=attrs.validators.ge(1))
    seed: int = 0
    severity_weights: bool = True
    confidence_weights: bool = True


class SecurityTask(LabelTask[VulnerableCode, SecurityConfig]):
    """Say which vulnerabilities a piece of Elixir has."""

    name = "security"
    config_type = SecurityConfig
    goals = (Goal("macro_f1", 0.5, ("majority_macro_f1", "ngram_macro_f1", "frozen_macro_f1")),)
    labels = LABELS
    groupings = (CWES,)
    suffixes = (".ex", ".exs")
    skipped_folders = SKIPPED_FOLDERS
    note = "on complete files Sobelow itself is the better tool"

    def labelled(self, split: Split) -> Sequence[VulnerableCode]:
        """Return embedded twins, the records of a folder or dataset, or a mix."""
        config = self.config
        found = examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed),
            lambda path: stored(VulnerableCode, path, split),
        )
        return found if config.confidence_weights else _Sure(found)

    def label_infos(self) -> Sequence[LabelInfo]:
        """Return what each finding is about, with its CWE; the level is its severity."""
        return [_info(finding) for finding in SNIPPET_FINDINGS]

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


class _Sure(Sequence[VulnerableCode]):
    """Examples whose findings all count alike."""

    def __init__(self, examples: Sequence[VulnerableCode]) -> None:
        self._examples = examples
        own = getattr(examples, "fingerprint", None)
        if isinstance(own, str):
            self.fingerprint = own

    def __len__(self) -> int:
        return len(self._examples)

    @overload
    def __getitem__(self, at: int) -> VulnerableCode: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[VulnerableCode]: ...
    def __getitem__(self, at: int | slice) -> VulnerableCode | Sequence[VulnerableCode]:
        """Return an example, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        return attrs.evolve(self._examples[at], confidence={})


def _info(finding: Finding) -> LabelInfo:
    taxonomy, _, number = finding.cwe.partition("-")
    title = finding.reason[0].upper() + finding.reason[1:]
    return LabelInfo(
        finding.id,
        title,
        f"{title}: what Sobelow calls {finding.id}, of {finding.severity} severity. Sobelow judges "
        f"one function at a time and takes every variable for the caller's text; so does this. "
        f"`mix sobelow --details {finding.id}` says more.",
        LEVELS[finding.severity],
        (Taxon(taxonomy, number),),
    )
