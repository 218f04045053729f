"""Laws of the record reader: what is right comes back, what is wrong is named by its line."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain import records
from ectrain.errors import DataError
from ectrain.records import Faults, read_records


@attrs.frozen
class Point:
    """A record with every kind of field."""

    id: str
    x: float
    n: int = 0
    tags: tuple[str, ...] = ()
    on: bool = False


points = st.builds(
    Point,
    st.text(min_size=1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.lists(st.text()).map(tuple),
    st.booleans(),
)


@given(found=st.lists(points, min_size=1, unique_by=lambda p: p.id))
def test_records_round_trip(tmp_path_factory: pytest.TempPathFactory, found: list[Point]) -> None:
    """Whatever is written as JSON comes back equal, blank lines or not."""
    path = tmp_path_factory.mktemp("records") / "a.jsonl"
    lines = [json.dumps(attrs.asdict(point)) for point in found]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    assert read_records(path, Point) == found


WRONG = [
    (b"\xff{}", "not UTF-8 at byte 1"),
    (b"{", "not JSON"),
    (b"[1]", "expected an object"),
    (b'{"id": "b"}', "x is missing"),
    (b'{"id": "b", "x": 1, "tag": []}', "unknown key 'tag'; did you mean 'tags'?"),
    (b'{"id": "b", "x": "1"}', "x: expected a number, found '1'"),
    (b'{"id": 3, "x": 1}', "id: expected a string, found 3"),
    (b'{"id": "b", "x": true}', "x: expected a number, found True"),
    (b'{"id": "b", "x": 1, "n": 1.5}', "n: expected an integer, found 1.5"),
    (b'{"id": "b", "x": NaN}', "NaN is not JSON"),
    (b'{"id": "b", "x": 1, "x": 2}', "x: given twice"),
    (b'{"id": "b", "x": 1, "tags": ["a", 2]}', "tags[1]: expected a string, found 2"),
    (b'{"id": "b", "x": 1, "tags": "ab"}', "tags: expected a list, found 'ab'"),
    (b'{"id": "a", "x": 1}', "id: 'a' is already on line 1"),
    (b"[" * 100_000, "too deeply nested"),
    (b'{"id": "b", "x": ' + b"9" * 5000 + b"}", "too many digits"),
    (b'{"id": "\\ud800", "x": 1}', "half of a surrogate pair"),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, said: str) -> None:
    """One bad line gives an error with path, line, field and what was found."""
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"id": "a", "x": 1}\n' + line + b"\n")
    with pytest.raises(DataError) as raised:
        read_records(path, Point)
    assert str(raised.value).startswith(f"{path}:2: ")
    assert said in str(raised.value)


def test_many_problems_are_cut(tmp_path: Path) -> None:
    """Twenty problems are listed, the rest are counted."""
    path = tmp_path / "bad.jsonl"
    path.write_text("[]\n" * 50)
    with pytest.raises(DataError) as raised:
        read_records(path, Point)
    assert len(str(raised.value).splitlines()) == 21
    assert "30 more problems" in str(raised.value)


@pytest.mark.parametrize("content", [None, "", "\n\n"])
def test_nothing_to_read_is_an_error(tmp_path: Path, content: str | None) -> None:
    """A missing or empty file is named."""
    path = tmp_path / "none.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=str(path)):
        read_records(path, Point)


def test_a_line_without_end_is_named_and_never_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F66: of a line above the cap no more than the cap is read at once; others are read."""
    monkeypatch.setattr(records, "MOST_BYTES", 100)
    path = tmp_path / "long.jsonl"
    good = b'{"id": "a", "x": 1}\n'
    path.write_bytes(b"x" * 1234 + b"\n" + good + b" " * 999)
    faults = Faults(budget=2)
    assert [p.id for p in read_records(path, Point, faults=faults)] == ["a"]
    assert faults.listed == [
        f"{path}:1: 1,235 bytes in one line, at most 100 are read",
        f"{path}:3: 999 bytes in one line, at most 100 are read",
    ]


@pytest.mark.parametrize("budget", [0, 2, 3])
def test_bad_records_are_skipped_up_to_a_budget(tmp_path: Path, budget: int) -> None:
    """With a budget the good ones come back; above it, all problems are told."""
    path = tmp_path / "bad.jsonl"
    good = [json.dumps({"id": str(n), "x": n}) for n in range(4)]
    path.write_text("\n".join([*good, "[]", "{", '{"id": "z"}']))
    if budget == 3:
        assert len(read_records(path, Point, faults=Faults(budget))) == 4
        return
    with pytest.raises(DataError) as raised:
        read_records(path, Point, faults=Faults(budget))
    lines = str(raised.value).splitlines()
    assert [line.split(":")[1] for line in lines[:3]] == ["5", "6", "7"]
    assert len(lines) == 3 + bool(budget)
