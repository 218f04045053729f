"""Laws about examples, and about what they say of themselves."""

from __future__ import annotations

import math

from ectrain.task import SPLITS, Split
from ectrain.testing.law import require
from ectrain.testing.subject import Subject


def examples_repeat(subject: Subject) -> None:
    """A split is the same whenever it is asked for."""
    for split in SPLITS:
        first, again = subject.split(split), subject.split(split)
        require(bool(first), f"split {split} is empty; a task needs data in each of {SPLITS}")
        require(
            first == again,
            f"split {split} differs when it is asked for again; draw with a random.Random that is "
            "seeded from the config alone, and compare examples by value (attrs.frozen does)",
        )


def examples_have_ids(subject: Subject) -> None:
    """Every example has an id of its own and a group, both text."""
    for split in SPLITS:
        found = subject.split(split)
        for example in found:
            for mark in ("id", "group"):
                value = getattr(example, mark, None)
                require(
                    isinstance(value, str) and bool(value),
                    f"an example of {split} has the {mark} {value!r}; make it a text that is "
                    "not empty",
                )
        ids = [example.id for example in found]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        require(
            twice is None, f"split {split} has the id {twice!r} twice; give each example its own"
        )


def examples_end(subject: Subject) -> None:
    """A split is map-style: `len` tells how many there are, and none lies beyond."""
    for split in SPLITS:
        found = subject.task.examples(split)
        size = len(found)
        require(
            found[0] == next(iter(found)),
            f"split {split} gives another example by number than in turn; return a list or tuple",
        )
        try:
            found[size]
        except IndexError:
            continue
        require(
            False,
            f"split {split} has {size} examples and still gives number {size}; raise IndexError "
            "there, or a loop over it never ends",
        )


def splits_share_nothing(subject: Subject) -> None:
    """No id and no group of one split occurs in another."""
    for mark in ("id", "group"):
        seen: dict[str, Split] = {}
        for split in SPLITS:
            found = subject.task.examples(split)
            for number in range(len(found)):
                value = getattr(found[number], mark, None)
                before = seen.setdefault(str(value), split)
                require(
                    before == split,
                    f"{mark} {value!r} is in {before} and in {split}; split by group before "
                    "making examples, so that nothing held out is trained on",
                )


def texts_and_facets_are_plain(subject: Subject) -> None:
    """Texts are strings and facets are finite numbers by name, the same for the same example."""
    known = getattr(subject.task.examples("train"), "facets", None)
    for place, example in enumerate(subject.train):
        texts = list(subject.task.texts(example))
        odd = next((text for text in texts if not isinstance(text, str)), None)
        require(odd is None, f"texts of example {example.id!r} hold {odd!r}; yield strings")
        facets = dict(subject.task.facets(example))
        for name, value in facets.items():
            require(
                isinstance(name, str) and isinstance(value, int | float) and math.isfinite(value),
                f"facet {name!r} of example {example.id!r} is {value!r}; give a finite number, "
                "or leave it out where it is unknown",
            )
        require(
            texts == list(subject.task.texts(example))
            and facets == dict(subject.task.facets(example)),
            f"texts or facets of example {example.id!r} differ when asked for again; make them of "
            "the example alone",
        )
        own = {name: float(facets.get(name, math.nan)) for name in {*facets, *(known or ())}}
        told = {name: float(values[place]) for name, values in (known or {}).items()}
        require(
            known is None or repr(sorted(own.items())) == repr(sorted(told.items())),
            f"facets of example {example.id!r} are {facets!r}, those of its sequence {told!r}",
        )
