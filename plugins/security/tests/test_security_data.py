"""Records of labelled code: what is read, and how each wrong line is named."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain.testing import LAWS, Law, Subject, check_law
from ectrain_security import SecurityConfig, SecurityTask
from ectrain_security.data import CWES, LABELS, VulnerableCode, embedded

GOOD: dict[str, object] = {"id": "a", "group": "p", "code": "x = 1"}


def write(folder: Path, split: str, records: list[VulnerableCode]) -> None:
    """Write a split as JSON Lines."""
    lines = "".join(json.dumps(attrs.asdict(record)) + "\n" for record in records)
    (folder / f"{split}.jsonl").write_text(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the three splits, a label of some records unknown."""
    folder: Path = tmp_path_factory.mktemp("records")
    for split in SPLITS:
        records = list(embedded(split, 60, 0)[:60])
        records[0] = attrs.evolve(records[0], findings=(), lines=(), unknown=("XSS.Raw",))
        write(folder, split, records)
    return folder


@pytest.fixture(scope="module")
def subject(folder: Path) -> Subject:
    """Return the task under the contract's laws."""
    return Subject(SecurityTask(SecurityConfig(data=str(folder), frozen_examples=16)))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_records_keep_the_contract(law: Law, subject: Subject) -> None:
    """Each law of the contract holds on somebody's records, too."""
    check_law(law, subject)


def test_records_come_back(folder: Path, subject: Subject) -> None:
    """What was written is read: code, labels, and what is unknown."""
    first = subject.train[0]
    assert first.unknown == ("XSS.Raw",)
    assert subject.train[1:24] == list(embedded("train", 60, 0)[1:24])


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_split_is_named(tmp_path: Path, split: str) -> None:
    """A folder without a split's file is refused with the file's path."""
    task = SecurityTask(SecurityConfig(data=str(tmp_path)))
    with pytest.raises(DataError, match=rf"{split}\.jsonl: no such file"):
        task.examples(split)  # type: ignore[arg-type]


WRONG: list[tuple[object, str]] = [
    ({**GOOD, "id": "b", "findings": ["SQL.Querry"]}, "findings: unknown finding 'SQL.Querry'"),
    ({**GOOD, "id": "b", "findings": ["SQL.Querry"]}, "did you mean 'SQL.Query'?"),
    ({**GOOD, "id": "b", "unknown": ["XSS"]}, "unknown: unknown finding 'XSS'"),
    ({**GOOD, "id": "b", "findings": ["Config.CSP"]}, "Config.CSP is seen in a project"),
    ({**GOOD, "id": "b", "findings": ["CI.OS", "CI.OS"]}, "findings: CI.OS is named twice"),
    (
        {**GOOD, "id": "b", "findings": ["CI.OS"], "unknown": ["CI.OS"]},
        "unknown: CI.OS is among the findings, too",
    ),
    ({**GOOD, "id": "b", "findings": "CI.OS"}, "findings: expected a list, found 'CI.OS'"),
    ({**GOOD, "id": "b", "findings": [1]}, "findings[0]: expected a string, found 1"),
    ({**GOOD, "id": "b", "lines": [["CI.OS", 1]]}, "lines: CI.OS is not among the findings"),
    ({**GOOD, "id": "b", "findings": ["CI.OS"], "lines": [["CI.OS", 2]]}, "lines: line 2 of 1"),
    (
        {**GOOD, "id": "b", "findings": ["CI.OS"], "lines": [["CI.OS"]]},
        "lines[0]: expected",
    ),
    (
        {**GOOD, "id": "b", "confidence": {"CI.OS": "low"}},
        "confidence: CI.OS is not among the findings",
    ),
    (
        {**GOOD, "id": "b", "findings": ["CI.OS"], "confidence": {"CI.OS": "lo"}},
        "confidence.'CI.OS': expected one of 'high'",
    ),
    ({**GOOD, "id": "b", "code": " \n"}, "code: blank"),
    ({**GOOD, "id": "b", "code": None}, "code: expected a string, found None"),
    ({**GOOD, "id": "", "code": "x"}, "id: blank"),
    ({**GOOD, "id": "b", "finding": []}, "unknown key 'finding'; did you mean 'findings'?"),
    ({"id": "b", "group": "p"}, "code is missing"),
    (GOOD, "id: 'a' is already on line 1"),
    ([], "expected an object"),
    ("{", "not JSON"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_bad_line_is_named(tmp_path: Path, line: object, message: str) -> None:
    """Path, line and field of what is wrong are in the message."""
    text = line if isinstance(line, str) else json.dumps(line)
    (tmp_path / "train.jsonl").write_text(f"{json.dumps(GOOD)}\n{text}\n")
    with pytest.raises(DataError) as caught:
        SecurityTask(SecurityConfig(data=str(tmp_path))).examples("train")
    assert f"{tmp_path}/train.jsonl:2: " in str(caught.value)
    assert message in str(caught.value)


def test_values_are_one_hot_a_finding() -> None:
    """Findings are 1, what was not looked for is unknown, all else is 0."""
    record = VulnerableCode("a", "p", "x", ("XSS.HTML", "CI.OS"), unknown=("SQL.Query",))
    values = dict(zip(LABELS, record.values.tolist(), strict=True))
    assert {label for label, value in values.items() if value == 1.0} == {"XSS.HTML", "CI.OS"}
    assert {label for label, value in values.items() if np.isnan(value)} == {"SQL.Query"}
    assert sum(value == 0.0 for value in values.values()) == len(LABELS) - 3


def test_every_label_is_in_one_weakness() -> None:
    """The columns of CWEs divide the labels."""
    assert sorted(column for group in CWES.columns for column in group) == list(range(len(LABELS)))
    assert len(CWES.groups) == len(set(CWES.groups)) == len(CWES.columns) == 8


def test_5_4_1_3_every_label_is_explained_with_its_weakness() -> None:
    """Each finding has a title, help and a CWE; the level follows its severity."""
    infos = SecurityTask(SecurityConfig()).label_infos()
    assert [info.name for info in infos] == list(LABELS)
    assert all(info.help and str(info.taxa[0]) in CWES.groups for info in infos)
    levels = {info.name: info.level for info in infos}
    assert (levels["SQL.Query"], levels["XSS.ContentType"]) == ("error", "warning")


def test_embedded_snippets_know_their_lines() -> None:
    """On the line of a finding its call stands; each finding has one."""
    words = {"CI.OS": ":os.cmd", "SQL.Stream": "SQL.stream", "XSS.Raw": "raw", "RCE.EEx": "EEx."}
    for example in embedded("test", 60, 0):
        assert {name for name, _ in example.lines} == set(example.findings)
        lines = example.code.split("\n")
        assert all(words.get(name, "") in lines[line - 1] for name, line in example.lines)
