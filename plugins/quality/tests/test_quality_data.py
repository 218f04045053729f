"""Records of checked code, the embedded files, and the labels of both."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain_elixir.checks import SNIPPET_CHECKS
from ectrain_quality import QualityConfig, QualityTask
from ectrain_quality.data import CATEGORIES, LABELS, CheckedCode, embedded

GOOD: dict[str, object] = {"id": "a", "group": "p", "code": "x = 1"}

WRONG: list[tuple[dict[str, object], str]] = [
    ({"checks": ["Refactor.Nestin"]}, "checks: unknown check 'Refactor.Nestin'"),
    ({"unknown": ["Nesting"]}, "unknown: unknown check 'Nesting'"),
    ({"checks": ["Consistency.TabsOrSpaces"]}, "Consistency.TabsOrSpaces is no label: it compares"),
    ({"checks": ["Warning.Dbg", "Warning.Dbg"]}, "checks: Warning.Dbg is named twice"),
    ({"checks": ["Warning.Dbg"], "unknown": ["Warning.Dbg"]}, "is among the checks, too"),
    ({"code": " \n"}, "code: blank"),
    ({"check": []}, "unknown key 'check'; did you mean 'checks'?"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_bad_line_is_named(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    """Path, line and field of what is wrong are in the message."""
    lines = [GOOD, {**GOOD, "id": "b", **fields}]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError) as caught:
        QualityTask(QualityConfig(data=str(tmp_path))).examples("train")
    assert f"{tmp_path}/train.jsonl:2: " in str(caught.value)
    assert message in str(caught.value)


def test_records_come_back(tmp_path: Path) -> None:
    """What was written is read, code and labels."""
    records = embedded("train", 60, 0)
    lines = "".join(json.dumps(attrs.asdict(record)) + "\n" for record in records)
    (tmp_path / "train.jsonl").write_text(lines)
    assert list(QualityTask(QualityConfig(data=str(tmp_path))).examples("train")) == list(records)


def test_decoding_labels_gives_them_back() -> None:
    """A multi-hot row names exactly the checks, in the order of the versioned table."""
    assert tuple(check.id for check in SNIPPET_CHECKS) == LABELS
    for record in embedded("val", 60, 0):
        assert tuple(LABELS[n] for n in np.flatnonzero(record.values)) == record.checks


def test_checks_that_did_not_run_are_unknown() -> None:
    """They are neither 0 nor 1."""
    record = CheckedCode("a", "p", "x", ("Warning.Dbg",), unknown=("Refactor.Nesting",))
    assert np.flatnonzero(np.isnan(record.values)).tolist() == [LABELS.index("Refactor.Nesting")]
    assert np.nansum(record.values) == 1


def test_every_label_is_in_one_category() -> None:
    """The columns of categories divide the labels."""
    assert CATEGORIES.groups == ("design", "readability", "refactor", "warning")
    assert sorted(n for group in CATEGORIES.columns for n in group) == list(range(len(LABELS)))


def test_pairs_are_never_split() -> None:
    """No group of the embedded files is in two splits."""
    groups = [{record.group for record in embedded(split, 200, 0)} for split in SPLITS]
    assert sum(map(len, groups)) == len(set().union(*groups))
