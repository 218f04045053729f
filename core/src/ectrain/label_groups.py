"""Labels that belong together: what a model does with a category as a whole, by either rule.

Shape suffixes: w labels, g groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from ectrain.labels import Decisions, Floats, f1_w
from ectrain.task import Estimate


@attrs.frozen
class Grouping:
    """Labels that belong together, such as those of a category.

    Attributes:
        name: What they are grouped by: the first word of its figures.
        groups: Names of the groups.
        columns: Numbers of each group's labels.
    """

    name: str
    groups: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]

    @classmethod
    def by(cls, name: str, keys: Sequence[str]) -> Grouping:
        """Group labels by a key of each, in the order of keys."""
        groups = tuple(sorted(set(keys)))
        columns = (tuple(n for n, key in enumerate(keys) if key == group) for group in groups)
        return cls(name, groups, tuple(columns))

    def pooled(self, counts_3w: Floats) -> Floats:
        """Return the counts of all labels of a group together, `[3, groups]`."""
        return np.stack([counts_3w[:, list(group)].sum(1) for group in self.columns], 1)


@attrs.frozen
class GroupRow:
    """What a model does with a group of labels; any of them counts once, but in `pooled_f1`.

    Attributes:
        group: Its name.
        support: Examples that have any of its labels.
        accuracy: Share of examples that are right about having any.
        base_rate: Accuracy of the commoner answer for all.
        precision: Share of decisions for it that are right; None without any.
        recall: Share of its examples that are found; None without any.
        f1: Their harmonic mean; None without support.
        pooled_f1: F1 over the decisions for each of its labels; None without support.
    """

    group: str
    support: int
    accuracy: float | None
    base_rate: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    pooled_f1: float | None


def group_rows(grouping: Grouping, decisions: Decisions) -> list[GroupRow]:
    """Return what a model does with each group."""
    merged = decisions.merged(grouping.columns)
    pooled_g = f1_w(grouping.pooled(decisions.counts()))
    rows = []
    for g, group in enumerate(grouping.groups):
        hits, false, missed = (int(count) for count in merged.counts()[:, g])
        known = int(merged.known_sw[:, g].sum())
        support = hits + missed
        rows.append(
            GroupRow(
                group,
                support,
                (known - false - missed) / known if known else None,
                max(support, known - support) / known if known else None,
                hits / (hits + false) if hits + false else None,
                hits / support if support else None,
                2 * hits / (support + hits + false) if support else None,
                None if np.isnan(pooled_g[g]) else float(pooled_g[g]),
            )
        )
    return rows


def mean_known(values: Iterable[float | None], n: int, why: str) -> Estimate:
    """Return the mean of the figures that there are."""
    kept = [value for value in values if value is not None]
    if not kept:
        return Estimate.missing(why)
    return Estimate(float(np.mean(kept)), n, why=why)
