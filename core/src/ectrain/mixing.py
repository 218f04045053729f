"""Several sources of a task's examples as one: each with its share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, overload

import attrs

from ectrain.errors import ConfigError
from ectrain.order import permuted

T = TypeVar("T")

EMBEDDED = "embedded"  # the place of the data that a task makes itself

_PART = re.compile(r"\s*(?P<place>.+?)\s*=\s*(?P<share>\d+(?:\.\d*)?|\.\d+)\s*")


@attrs.frozen
class Source:
    """Where examples come from, and what share of the whole they are.

    Attributes:
        place: A path, or "embedded".
        share: Above 0; the shares of a mix sum to 1.
    """

    place: str
    share: float = 1.0


def examples_from(
    data: str, embedded: Callable[[], Sequence[T]], stored: Callable[[Path], Sequence[T]]
) -> Sequence[T]:
    """Return the examples that a task's setting `data` names: of one source, or a mix.

    Args:
        data: "" or "embedded", a path, or several with shares: "embedded=0.3,PATH=0.7".
        embedded: Gives the task's own examples.
        stored: From a path to examples.

    Raises:
        ConfigError: A share is 0, or a place is named twice.
        DataError: A source can't be read.
    """
    sources = parse_sources(data)
    found = {
        source.place: embedded() if source.place == EMBEDDED else stored(Path(source.place))
        for source in sources
    }
    if len(sources) == 1:
        return found[sources[0].place]
    return Mix(found, {source.place: source.share for source in sources})


def parse_sources(text: str) -> tuple[Source, ...]:
    """Return the sources that a setting names: a path, or `embedded=0.3,PATH=0.7`.

    Shares are taken relative to their sum. "" is embedded data.

    Raises:
        ConfigError: A share is 0, or a place is named twice.
    """
    parts = [_PART.fullmatch(part) for part in text.split(",")]
    if not all(parts):
        return (Source(text or EMBEDDED),)
    found = [(part["place"], float(part["share"])) for part in parts if part]
    total = sum(share for _, share in found)
    for place, share in found:
        if share <= 0:
            raise ConfigError(f"data {text!r}: {place} has no share; expected a number above 0")
        if [p for p, _ in found].count(place) > 1:
            raise ConfigError(f"data {text!r}: {place} is named twice")
    return tuple(Source(place, share / total) for place, share in found)


class Mix(Sequence[T]):
    """Sources in one sequence, as long as no source must repeat an example to have its share.

    What is left out of a larger source is chosen by hash, the same always.

    Args:
        sources: By name.
        shares: By name; each above 0.
    """

    def __init__(self, sources: Mapping[str, Sequence[T]], shares: Mapping[str, float]) -> None:
        total = min(len(source) / shares[name] for name, source in sources.items())
        self._parts = [
            (name, source, min(len(source), max(1, round(total * shares[name]))))
            for name, source in sources.items()
            if len(source)
        ]
        marks = [getattr(source, "fingerprint", None) for source in sources.values()]
        if all(isinstance(mark, str) for mark in marks):
            self.fingerprint = repr([marks, sorted(shares.items())])

    def __len__(self) -> int:
        return sum(count for *_, count in self._parts)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Return an example, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        for name, source, count in self._parts:
            if 0 <= place < count:
                return source[permuted(place, len(source), f"mix/{name}")]
            place -= count
        raise IndexError(f"example {at} of {len(self)}")
