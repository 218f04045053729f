"""Laws of violating twins: the same always, apart in one check, and with lines as evidence."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from ectrain.task import Split
from ectrain_elixir.checks import CHECKS, SNIPPET_CHECKS
from ectrain_elixir.syntax import parses
from ectrain_elixir.tools import read_credo
from ectrain_elixir.violations import CHECKED, Snippet, snippets
from ectrain_elixir.violations.forms import FORMS
from ectrain_elixir.violations.snippets import LEAST

SPLITS: tuple[Split, ...] = ("train", "val", "test")
SIZE = 3000
LABELS = {check.id for check in SNIPPET_CHECKS}


def everything(size: int = SIZE) -> list[Snippet]:
    """Return the files of all splits."""
    return [snippet for split in SPLITS for snippet in snippets(split, size)]


def twins(found: list[Snippet]) -> list[tuple[Snippet, Snippet]]:
    """Return pairs, the one with more violations first."""
    pairs = defaultdict(list)
    for snippet in found:
        pairs[snippet.group].append(snippet)
    ordered = [sorted(pair, key=lambda s: -len(s.checks)) for pair in pairs.values()]
    return [(pair[0], pair[1]) for pair in ordered if len(pair) == 2]


def test_counts_and_ids() -> None:
    """Each split has its size; no id and no text occurs twice over all splits."""
    assert [len(snippets(split, SIZE)) for split in SPLITS] == [SIZE, 600, 600]
    assert len(snippets("val", 100)) == LEAST
    found = everything()
    assert len({s.id for s in found}) == len({s.code for s in found}) == len(found)


def test_a_seed_is_repeatable_in_another_process(tmp_path: Path) -> None:
    """Another process with an empty cache draws the same; another seed draws others."""
    code = (
        "import hashlib; from ectrain_elixir.violations import snippets\n"
        "print(hashlib.sha256(repr([*snippets('val', 50, 3)]).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ECTRAIN_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    own = hashlib.sha256(repr([*snippets("val", 50, 3)]).encode()).hexdigest()
    assert done.stdout.strip() == own
    assert [*snippets("val", 50, 3)] != [*snippets("val", 50, 4)]


def test_labels_are_the_checks_that_one_file_shows() -> None:
    """There are forms of exactly the 76 checks in the table of labels, 58 of them on by default."""
    assert set(CHECKED) == LABELS
    assert len(LABELS) == 76
    assert sum(check.default for check in SNIPPET_CHECKS) == 58
    assert len(CHECKS) == 107


@pytest.mark.parametrize("split", SPLITS)
def test_every_check_is_in_every_split(split: Split) -> None:
    """Each check is violated somewhere in each split, and its clean text stands elsewhere."""
    assert {name for s in snippets(split, SIZE) for name in s.checks} == LABELS


def anonymous(code: str) -> str:
    """Return code without its words and numbers: what is left when every name is changed."""
    return re.sub(r"\d+", "0", re.sub(r"[a-z][a-z_]+|[A-Z][a-z]+", "x", code))


def test_nothing_is_in_two_splits() -> None:
    """No group, and no file whatever its names are, occurs in two splits."""
    for mark in (lambda s: s.group, lambda s: anonymous(s.code)):
        owners: dict[str, str] = {}
        for split in SPLITS:
            for snippet in snippets(split, SIZE):
                assert owners.setdefault(mark(snippet), split) == split


def test_twins_differ_in_one_place() -> None:
    """One twin violates a check more (two for forms of two checks), on the lines that differ."""
    pairs = twins(everything())
    assert len(pairs) > SIZE / 3
    for bad, good in pairs:
        assert set(good.checks) < set(bad.checks)
        assert len(set(bad.checks) - set(good.checks)) <= 2
        same = set(bad.code.splitlines()) & set(good.code.splitlines())
        assert len(same) >= len(set(bad.code.splitlines())) / 3


def test_evidence_names_lines_of_the_file() -> None:
    """Exactly the violated checks have lines; each is a line of the text."""
    for snippet in everything():
        assert {name for name, _ in snippet.evidence} == set(snippet.checks)
        lines = snippet.code.count("\n") + (not snippet.code.endswith("\n"))
        assert all(1 <= line <= lines for _, line in snippet.evidence)


def test_evidence_is_where_the_violation_stands() -> None:
    """On the line of a check that a word shows, the word stands."""
    words = {
        "Design.TagTODO": "TODO", "Design.TagFIXME": "FIXME", "Warning.IExPry": "IEx.pry",
        "Warning.IoInspect": "IO.inspect", "Refactor.IoPuts": "IO.puts", "Warning.Dbg": "dbg",
        "Readability.ModuleDoc": "defmodule", "Readability.Semicolons": ";",
        "Warning.UnsafeToAtom": "", "Readability.UnnecessaryAliasExpansion": "{",
    }  # fmt: skip
    for snippet in everything():
        lines = snippet.code.split("\n")
        assert all(words.get(name, "") in lines[line - 1] for name, line in snippet.evidence)


def test_rates_are_balanced_in_training_and_natural_after() -> None:
    """Training shows checks about equally often; else a third is clean, and some are frequent."""
    counts = Counter(name for s in snippets("train", SIZE) for name in s.checks)
    del counts["Readability.MultiAlias"]  # which an unnecessary expansion violates, too
    assert max(counts.values()) < 3 * min(counts.values())
    for split in SPLITS[1:]:
        found = snippets(split, SIZE)
        assert 0.28 < sum(not s.checks for s in found) / len(found) < 0.45
        assert 0.9 < sum(len(s.checks) for s in found) / len(found) < 1.4
        natural = Counter(name for s in found for name in s.checks)
        assert natural["Readability.ModuleDoc"] > 2 * natural["Warning.IExPry"]


def test_texts_are_elixir() -> None:
    """Each file parses, and no gap is left open."""
    for snippet in everything()[::10]:
        assert parses(snippet.code), snippet.code
        assert not re.search(r"\$[a-z]|^\^", snippet.code, re.MULTILINE), snippet.code


def test_forms_have_several_variants() -> None:
    """Every check has several forms, and a violating text is never its clean one."""
    counts = Counter(form.check for form in FORMS)
    assert min(counts.values()) > 1
    assert all(form.bad != form.good for form in FORMS)


CREDO = os.environ.get("ECTRAIN_CREDO", "")


@pytest.mark.slow
@pytest.mark.skipif(not CREDO, reason="ECTRAIN_CREDO names no folder with a built Credo 1.7")
def test_credo_says_the_same(tmp_path: Path) -> None:
    """Real Credo finds exactly the labels, on exactly the lines, in 2,000 files."""
    found = [*snippets("test", 8000), *snippets("val", 8000)][:2000]
    (tmp_path / "lib").mkdir()
    for number, snippet in enumerate(found):
        (tmp_path / "lib" / f"f{number}.ex").write_text(snippet.code)
    names = ", ".join(f"{{Credo.Check.{name}, {PARAMETERS.get(name, '[]')}}}" for name in CHECKED)
    files = '%{included: ["lib/"], excluded: []}'
    (tmp_path / "credo.exs").write_text(
        f'%{{configs: [%{{name: "default", files: {files}, checks: %{{enabled: [{names}]}}}}]}}'
    )
    told = ["--config-file", f"{tmp_path}/credo.exs", "--working-dir", str(tmp_path)]
    done = subprocess.run(
        ["mix", "credo", "--format", "json", "--strict", "--mute-exit-status", *told],
        cwd=CREDO, env={**os.environ, "MIX_ENV": "prod"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    said = defaultdict(set)
    for issue in read_credo(done.stdout):
        said[Path(issue.file).stem].add((issue.check, issue.line))
    for number, snippet in enumerate(found):
        assert said[f"f{number}"] == set(snippet.evidence), json.dumps(snippet.code)


PARAMETERS = {
    "Design.AliasUsage": "[if_nested_deeper_than: 2, if_called_more_often_than: 0]",
    "Readability.MaxLineLength": "[max_length: 120]",
}  # as in Credo's default settings
