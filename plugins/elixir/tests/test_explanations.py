"""Laws of explanations: they name the right check and a real line, and never hold the fix."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain_elixir import twins, violations
from ectrain_elixir.checks import CHECKS, SNIPPET_CHECKS
from ectrain_elixir.explanations import (
    PASSAGES,
    Explanation,
    explanations,
    gives_away,
    passage,
    place_of,
)
from ectrain_elixir.explanations.examples import LEAST, SOURCE_SIZE
from ectrain_elixir.explanations.passages import REASONS
from ectrain_elixir.findings import FINDINGS, SNIPPET_FINDINGS

SIZE = 930  # ten of each label
ALL = [found for split in SPLITS for found in explanations(split, SIZE)]
LABELS = {check.id for check in SNIPPET_CHECKS} | {finding.id for finding in SNIPPET_FINDINGS}


def test_counts_and_ids() -> None:
    """Each split has its size, each label its share of it; ids are unique."""
    assert [len(explanations(split, SIZE)) for split in SPLITS] == [SIZE, LEAST, LEAST]
    assert len({found.id for found in ALL}) == len(ALL)
    for split in SPLITS:
        counts = Counter(found.issue for found in explanations(split, SIZE))
        assert {*counts} == LABELS
        assert max(counts.values()) == min(counts.values()) > 1


def test_a_seed_is_repeatable_in_another_process() -> None:
    """Another process makes the same explanations."""
    code = (
        "import hashlib; from ectrain_elixir.explanations.examples import _drawn\n"
        "import itertools; found = [*itertools.islice(_drawn(100, 0), 100)]\n"
        "print(hashlib.sha256(repr(found).encode()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = [("train", found) for found in explanations("train", 100)]
    assert done.stdout.strip() == hashlib.sha256(repr(own).encode()).hexdigest()


def test_every_check_and_finding_has_a_passage() -> None:
    """All 107 checks and 31 findings have one with version, licence and source; labels reasons."""
    assert list(PASSAGES) == [*(check.id for check in CHECKS), *(f.id for f in FINDINGS)]
    assert {*REASONS} == LABELS
    for found in PASSAGES.values():
        assert found.text.startswith(found.issue + "\n")
        assert (found.licence, bool(found.source), bool(found.version)) == (
            "Apache-2.0",
            True,
            True,
        )
        assert found.tool == ("sobelow" if found.issue in {f.id for f in FINDINGS} else "credo")
    sentences = [s for found in PASSAGES.values() for s in (found.rule, found.fix)]
    assert len({*sentences}) > 0.95 * len(sentences)
    with pytest.raises(DataError, match=r"'Refactor.Nestin'; did you mean 'Refactor.Nesting'"):
        passage("Refactor.Nestin")


@pytest.mark.parametrize("issue", sorted(REASONS))
def test_sentences_are_sentences(issue: str) -> None:
    """What explanations are made of ends with a full stop and is said in two ways."""
    reasons = REASONS[issue]
    for ways in (reasons.rule, reasons.risk, reasons.fix):
        assert len({*ways}) == 2
        assert all(re.fullmatch(r"[A-Za-z].{15,}[.?]", way) for way in ways), ways
    assert re.fullmatch(r"[a-z].{10,}[^.]", reasons.sees)


def test_every_label_is_explained_in_five_ways_at_least() -> None:
    """Apart from names and lines, ten explanations of a label are of five phrasings or more."""
    phrasings: dict[str, set[str]] = defaultdict(set)
    for found in explanations("train", SIZE):
        form = found.text.replace(found.evidence, "")
        seen = re.sub(r"`[^`]*`|\d+", "", found.evidence)
        phrasings[found.issue].add(form + seen)
    assert min(map(len, phrasings.values())) >= 5, min(phrasings.items(), key=lambda i: len(i[1]))


@given(st.sampled_from(ALL))
def test_an_explanation_names_its_issue_and_a_real_line(found: Explanation) -> None:
    """It holds all four sentences, the issue's id, the line's number and names of the code."""
    lines = found.code.split("\n")
    assert 1 <= found.first <= found.last <= len(lines)
    for part in (found.evidence, found.rule, found.risk, found.fix, f"`{found.issue}`"):
        assert part in found.text
    named = [int(n) for n in re.findall(r"\bline (\d+)", found.evidence, re.IGNORECASE)]
    assert named == [found.first]
    for quote in re.findall(r"`([^`]*)`", found.evidence):
        name = quote.partition("/")[0] if re.fullmatch(r"[\w?!]+/\d+", quote) else quote
        assert name in found.code, quote
    assert "`" in found.evidence
    assert found.issue in PASSAGES


def test_the_issue_is_the_label_on_that_line() -> None:
    """The file has that label on that line, as its generator says; the repaired one has not."""
    size = max(SIZE, SOURCE_SIZE)
    known: dict[str, set[tuple[str, int]]] = {}
    for split in SPLITS:
        known |= {s.code: set(s.evidence) for s in violations.snippets(split, size)}
        known |= {s.code: set(s.evidence) for s in twins.snippets(split, size)}
        for found in explanations(split, SIZE):
            assert (found.issue, found.first) in known[found.code]
    repaired = [found for found in ALL if found.fixed]
    assert len(repaired) > len(ALL) / 4
    for found in repaired:
        assert found.issue in {name for name, _ in known[found.code]}
        assert found.issue not in {name for name, _ in known[found.fixed]}


def test_nothing_is_in_two_splits() -> None:
    """A file and its twin are explained in one split only."""
    owners: dict[str, str] = {}
    for split in SPLITS:
        for found in explanations(split, SIZE):
            assert owners.setdefault(f"{found.tool}/{found.group}", split) == split


def test_no_explanation_holds_the_fix() -> None:
    """None says all that the repaired file says anew; one that does is noticed."""
    repaired = [found for found in ALL if found.fixed]
    assert not [found.text for found in repaired if gives_away(found.text, found.code, found.fixed)]
    code, fixed = "x = 1\ny = 86400\n", "x = 1\ny = 86_400\n"
    assert gives_away("Write `y = 86_400` instead.", code, fixed)
    assert not gives_away("`y = 86400` has no groups.", code, fixed)
    assert not gives_away("Quoted: `!!done`.", "!!done\n", "!done\n")


def test_places() -> None:
    """The span goes to the end of what begins on the line; the innermost function is named."""
    body = "    if x do\n      y\n    end\n"
    code = f"defmodule A.B do\n  @limit 1\n\n  def f(x, y) do\n{body}  end\nend\n"
    inside, above, whole = place_of(code, 5), place_of(code, 2), place_of(code, 1)
    assert (inside.last, inside.said, inside.text) == (7, "in `f/2`", "if x do")
    assert (above.last, above.said) == (2, "in the module `A.B`")
    assert (whole.first, whole.last, whole.function) == (1, 9, "")
    assert place_of("x = 1\n", 1).said == "at the top of the file"
