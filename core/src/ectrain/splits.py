"""Which split a group belongs to: by its hash alone where that is fair, else dealt by size."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from ectrain.errors import DataError
from ectrain.task import SPLITS, Split

SHARES: Mapping[Split, float] = {"train": 0.8, "val": 0.1, "test": 0.1}


def split_groups(
    sizes: Mapping[str, int], shares: Mapping[Split, float] = SHARES, seed: int = 0
) -> dict[str, Split]:
    """Return each group's split; every split has a group.

    Groups go to splits by their hash, so that a group that is added later moves no other. Where
    that leaves a split with hardly any text or far too much, the smallest groups are dealt to val
    and test until each has its share.

    Args:
        sizes: How much each group holds, in any unit.
        shares: Of the whole, of each split; they sum to 1.
        seed: Another one, another deal.

    Raises:
        DataError: There are fewer than three groups.
    """
    if len(sizes) < len(SPLITS):
        raise DataError(
            f"{len(sizes)} groups can't be split; expected at least {len(SPLITS)}, one a split"
        )
    assigned = {group: split_of(group, shares, seed) for group in sizes}
    return assigned if _fair(assigned, sizes, shares) else _dealt(sizes, shares, seed)


def split_of(group: str, shares: Mapping[Split, float] = SHARES, seed: int = 0) -> Split:
    """Return the split that a group's hash gives it."""
    point = _hash(group, seed) / 2**64
    for split, share in shares.items():
        if point < share:
            return split
        point -= share
    return "test"


def _hash(group: str, seed: int) -> int:
    text = f"{seed}/{group}" if seed else group
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _fair(
    assigned: Mapping[str, Split], sizes: Mapping[str, int], shares: Mapping[Split, float]
) -> bool:
    """Return whether val and test have between a third of their share and twice as much."""
    total = sum(sizes.values())
    held: Counter[str] = Counter()
    for group, split in assigned.items():
        held[split] += sizes[group]
    found = [(held[split] / max(total, 1), shares[split]) for split in ("val", "test")]
    return held["train"] > 0 and all(share / 3 <= f <= 2 * share for f, share in found)


def _dealt(sizes: Mapping[str, int], shares: Mapping[Split, float], seed: int) -> dict[str, Split]:
    """Deal the smallest groups to val and test, the emptier first, and the rest to train."""
    total = sum(sizes.values())
    found: dict[str, Split] = {}
    held: dict[Split, int] = {"val": 0, "test": 0}
    groups = sorted(sizes, key=lambda g: (sizes[g], _hash(g, seed)))
    for place, group in enumerate(groups):
        emptier: Split = "val" if held["val"] <= held["test"] else "test"
        split: Split = ("val", "test")[place] if place < 2 else emptier
        fits = held[split] + sizes[group] <= 2 * shares[split] * total
        wanted = held[split] < shares[split] * total and fits
        if place < 2 or (place < len(groups) - 1 and wanted):
            held[split] += sizes[group]
            found[group] = split
        else:
            found[group] = "train"
    return found
