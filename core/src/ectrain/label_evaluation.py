"""The figures of a task with labels on a split: decisions, scores, lines, unfinished texts.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ectrain.label_calibration import Calibration
from ectrain.label_evidence import Evidence
from ectrain.label_figures import (
    average_precision,
    calibration_error,
    mean_over_labels,
    recall_at_precision,
    twin_accuracy,
)
from ectrain.label_groups import Grouping, group_rows, mean_known
from ectrain.label_places import Place, cut_at_random, judged
from ectrain.labels import Decisions, Floats, bootstrapped, macro_f1, micro_f1
from ectrain.task import Estimate, Example

FREQUENT = 30  # examples with a label that a figure of its own is good for
MOST_FOUND = 120  # labels whose lines are looked at: each costs several passes


class LabelledText(Example, Protocol):
    """An example: a text and its labels."""

    @property
    def code(self) -> str:
        """The text."""

    @property
    def values(self) -> NDArray[np.float32]:
        """One number a label, `[w]`.

        0 where the text lacks it, NaN where it was not looked for, else how much it counts as a
        training example that has it, 1 unless there is a doubt.
        """

    @property
    def places(self) -> Sequence[Place]:
        """Where the labels stand in the text, as far as is known."""


def of_decisions(
    decisions: Decisions, groups: Sequence[str], groupings: Sequence[Grouping], how: str
) -> dict[str, Estimate]:
    """Return the figures of decisions: F1 over labels and over their groups, twins."""
    support_w = (decisions.true_sw & decisions.known_sw).sum(0)
    count, frequent = len(support_w), support_w >= FREQUENT
    with_support = f"{how}, {int((support_w > 0).sum())} of {count} labels with support"
    often = f"{int(frequent.sum())} of {count} labels, those with {FREQUENT} examples or more"
    found = {
        "macro_f1": bootstrapped(decisions, groups, why=with_support),
        "micro_f1": bootstrapped(decisions, groups, micro_f1, why=how),
        "frequent_macro_f1": bootstrapped(
            decisions, groups, lambda counts_3w: macro_f1(counts_3w[:, frequent]), why=often
        ),
        "twin_accuracy": twin_accuracy(decisions, groups),
    }
    for grouping in groupings:
        found |= _of_groups(grouping, decisions, groups, how)
    return found


def _of_groups(
    grouping: Grouping, decisions: Decisions, groups: Sequence[str], how: str
) -> dict[str, Estimate]:
    name, n = grouping.name, len(groups)
    rows = group_rows(grouping, decisions)
    any_of = f"{how}, any label of a {name} counts once"
    return {
        f"{name}_macro_f1": bootstrapped(decisions.merged(grouping.columns), groups, why=any_of),
        f"{name}_pooled_macro_f1": bootstrapped(
            decisions,
            groups,
            lambda counts_3w: macro_f1(grouping.pooled(counts_3w)),
            why=f"{how}, all labels of a {name} together",
        ),
        f"{name}_accuracy": mean_known((r.accuracy for r in rows), n, any_of),
        f"{name}_base_rate": mean_known(
            (r.base_rate for r in rows), n, f"accuracy of each {name}'s commoner answer for all"
        ),
    }


def of_scores(logit_sw: Floats, values_sw: Floats, divisor: float) -> dict[str, Estimate]:
    """Return the figures of scores, whatever is decided by them."""
    recall = "mean recall at precision 0.8"
    return {
        "pr_auc": mean_over_labels(average_precision, logit_sw, values_sw, "mean"),
        "recall_at_p80": mean_over_labels(recall_at_precision, logit_sw, values_sw, recall),
        "calibration_error": calibration_error(logit_sw, values_sw, divisor),
    }


def found_with_lines(
    examples: Sequence[LabelledText], decisions: Decisions
) -> Iterator[tuple[int, dict[int, set[int]]]]:
    """Yield the number of each example with labels that were found and whose lines are known.

    With it, these labels and their lines; no more examples once there are enough labels.
    """
    found_sw, count = decisions.said_sw & decisions.true_sw & decisions.known_sw, 0
    for number, found_w in enumerate(found_sw):
        if found_w.any() and count < MOST_FOUND:
            lines = _lines(examples[number].places)
            known = {w: lines[w] for w in map(int, np.flatnonzero(found_w)) if w in lines}
            count += len(known)
            if known:
                yield number, known


def of_evidence(
    codes: Sequence[str],
    known: Sequence[Mapping[int, set[int]]],
    shown: Sequence[Mapping[int, tuple[Evidence, ...]]],
) -> dict[str, Estimate]:
    """Return how often the line that a found label rests on most is one that has it.

    Beside it what a line drawn at random among those that are not blank would reach.

    Args:
        codes: Texts.
        known: Of each, the lines of labels that were found.
        shown: Of each, the lines that these rest on.
    """
    hits, chances = [], []
    for code, lines_of, evidence_of in zip(codes, known, shown, strict=True):
        filled = {n for n, line in enumerate(code.split("\n"), 1) if line.strip()}
        for label, lines in lines_of.items():
            hits.append(any(one.line in lines for one in evidence_of[label][:1]))
            chances.append(len(lines & filled) / max(1, len(filled)))
    if not hits:
        missing = Estimate.missing("no label was found whose lines are known")
        return {"evidence_hit": missing, "evidence_hit_random": missing}
    why = "the line that a found label rests on most is one that it is known to be about"
    return {
        "evidence_hit": Estimate.share(sum(hits), len(hits), why),
        "evidence_hit_random": mean_known(chances, len(chances), "a line drawn at random"),
    }


def _lines(places: Iterable[Place]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for place in places:
        found.setdefault(place.label, set()).add(place.first)
    return found


def unfinished(
    examples: Sequence[LabelledText], ends: Collection[int]
) -> tuple[list[str], Floats] | None:
    """Return each text cut at a point that its id decides, with what can be said of the part.

    None where no label's line is known.
    """
    if not any(len(example.places) for example in examples):
        return None
    texts, values = [], []
    for example in examples:
        text, part = cut_at_random(example.code, example.id)
        texts.append(text)
        values.append(judged(example.values, example.places, part, ends))
    return texts, np.stack(values).astype(float)


def of_unfinished(
    logit_sw: Floats, values_sw: Floats, calibration: Calibration, groups: Sequence[str], note: str
) -> dict[str, Estimate]:
    """Return F1 on texts that were cut, by the thresholds of whole ones."""
    decisions = Decisions.at(logit_sw, values_sw, calibration.threshold_w)
    why = f"cut at random points, labels that a part can't show masked; {calibration.why}"
    measure = partial(bootstrapped, decisions, groups)
    return {
        "incomplete_macro_f1": measure(why=f"{why}; {note}" if note else why),
        "incomplete_micro_f1": measure(micro_f1, why=why),
    }


def missing_unfinished() -> dict[str, Estimate]:
    """Return the same where it can't be measured."""
    why = Estimate.missing("no label's line is known, so what a part still shows is not")
    return {"incomplete_macro_f1": why, "incomplete_micro_f1": why}
