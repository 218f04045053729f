"""Laws of mixes and splits: shares are kept, nothing is drawn twice, no group is in two."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import ConfigError, DataError
from ectrain.mixing import EMBEDDED, Mix, Source, examples_from, parse_sources
from ectrain.splits import SHARES, split_groups
from ectrain.task import SPLITS


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.tuples(st.integers(20, 400), st.floats(0.1, 1.0)),
        min_size=1,
    )
)
def test_shares_are_kept_and_no_example_comes_twice(sizes: dict[str, tuple[int, float]]) -> None:
    """Each source has its share of the whole to within one example."""
    total = sum(share for _, share in sizes.values())
    shares = {name: share / total for name, (_, share) in sizes.items()}
    mix = Mix({name: [(name, n) for n in range(size)] for name, (size, _) in sizes.items()}, shares)
    found = list(mix)
    assert len(set(found)) == len(found) == len(mix)
    counts = Counter(name for name, _ in found)
    for name, share in shares.items():
        assert abs(counts[name] - share * len(found)) <= 2
    assert any(counts[name] == size for name, (size, _) in sizes.items())


def test_a_setting_names_one_source_or_several() -> None:
    """Shares are relative; a path that holds "=" but no shares is a path."""
    assert parse_sources("") == (Source(EMBEDDED),)
    assert parse_sources("/a/b=c") == (Source("/a/b=c"),)
    assert parse_sources("embedded=1,/x=3") == (Source(EMBEDDED, 0.25), Source("/x", 0.75))
    with pytest.raises(ConfigError, match="named twice"):
        parse_sources("x=1,x=2")
    with pytest.raises(ConfigError, match="has no share"):
        parse_sources("x=0,y=1")


def test_examples_come_from_where_the_setting_says() -> None:
    """Embedded, stored, or both."""

    def stored(path: Path) -> list[str]:
        return [f"{path}{n}" for n in range(30)]

    assert examples_from("", lambda: ["e"], stored) == ["e"]
    assert examples_from("/x", lambda: ["e"], stored) == stored(Path("/x"))
    both = list(examples_from("embedded=0.5,/x=0.5", lambda: ["e1", "e2"], stored))
    assert len(both) == 4
    assert both[:2] in (["e1", "e2"], ["e2", "e1"])


@given(st.dictionaries(st.text(), st.integers(0, 1000), min_size=3, max_size=60), st.integers(0, 3))
def test_every_split_has_a_group(sizes: dict[str, int], seed: int) -> None:
    """Every group is in one split, every split has one, and the same call says the same."""
    found = split_groups(sizes, SHARES, seed)
    assert set(found) == set(sizes)
    assert set(found.values()) == set(SPLITS)
    assert found == split_groups(dict(reversed(sizes.items())), SHARES, seed)


def test_two_groups_cannot_be_split() -> None:
    """Fewer groups than splits are refused."""
    with pytest.raises(DataError, match="2 groups"):
        split_groups({"a": 1, "b": 2})
