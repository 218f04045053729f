"""Laws of ambiguous prompts: a proof for each, a clear twin, and answers that tell one fact."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.task import SPLITS
from ectrain_elixir.ambiguity import TYPES, Prompt, Reading, prompts
from ectrain_elixir.ambiguity.prompts import LEAST
from ectrain_elixir.ambiguity.removals import REMOVALS, TABLE, instead, located
from ectrain_elixir.katas import FAMILIES
from ectrain_elixir.katas.splits import katas
from ectrain_elixir.runner import Program, Status, availability, find_runner
from ectrain_elixir.syntax import parses

SIZE = 1000
EACH = int(os.environ.get("ECTRAIN_AMBIGUITY_EACH", "1"))
ALL = [prompt for split in SPLITS for prompt in prompts(split, SIZE)]
VAGUE = [prompt for prompt in ALL if prompt.type]
BY_ID = {prompt.id: prompt for prompt in ALL}
FRAMES = str([TABLE["answers"], TABLE["contradictions"], TABLE["policies"], TABLE["policy"]])


def words(text: str) -> set[str]:
    """Return the words and numbers of a text, small."""
    return set(re.findall(r"\w+", text.lower()))


def test_counts_and_ids() -> None:
    """Each split has its size, half of it ambiguous; no id and no text occurs twice."""
    sizes = [len(prompts(split, SIZE)) for split in SPLITS]
    assert sizes == [SIZE, max(2 * LEAST, SIZE // 10), max(2 * LEAST, SIZE // 10)]
    assert len(BY_ID) == len({prompt.text for prompt in ALL}) == len(ALL) == 2 * len(VAGUE)


def test_a_seed_is_repeatable_in_another_process() -> None:
    """Another process draws the same prompts, another seed others."""
    code = (
        "import hashlib\n"
        "from ectrain_elixir.ambiguity.prompts import _drawn\n"
        "found = [prompt for split, prompt in _drawn(20, 3) if split == 'val']\n"
        "print(hashlib.sha256(repr(found).encode()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = hashlib.sha256(repr([*prompts("val", 20, 3)]).encode()).hexdigest()
    assert done.stdout.strip() == own


def test_types_have_equal_shares_in_every_split() -> None:
    """There are at least six types, each in every split; nearly all families are asked about."""
    assert len(TYPES) >= 6
    for split in SPLITS:
        counts = Counter(prompt.type for prompt in prompts(split, SIZE) if prompt.type)
        assert {*counts} == {*TYPES}
        assert max(counts.values()) - min(counts.values()) <= 1
    assert {prompt.kata.family for prompt in VAGUE} >= {*FAMILIES}


def test_nothing_is_in_two_splits() -> None:
    """A pair is in one split, and so is a composition; katas have it in the same one."""
    owners = {k.group: split for split in SPLITS for k in katas(split, 600, 0, (0, 1, 2), ())}
    for split in SPLITS:
        names = {prompt.id for prompt in prompts(split, SIZE)}
        for prompt in prompts(split, SIZE):
            assert prompt.twin in names
            assert owners.setdefault(prompt.group, split) == split


@given(st.sampled_from(VAGUE))
def test_an_ambiguous_prompt_has_its_proof(prompt: Prompt) -> None:
    """Two programs fit it and return different things; all programs of its twin return the same."""
    twin = BY_ID[prompt.twin]
    assert (twin.twin, twin.type, twin.group) == (prompt.id, None, prompt.group)
    assert (prompt.needs_clarification, twin.needs_clarification) == (True, False)
    meant, other = prompt.readings
    assert meant.results != other.results
    assert meant.answer != other.answer
    assert {reading.results for reading in twin.readings} == {meant.results}
    assert (twin.kata.tests, twin.kata.answer) == (prompt.kata.tests, prompt.kata.answer)
    for text in (twin.text + twin.kata.answer, *(prompt.text + r.answer for r in prompt.readings)):
        assert parses(text), text


@given(st.sampled_from(VAGUE))
def test_questions_and_answers_have_their_form(prompt: Prompt) -> None:
    """One to three questions, none twice, each ends with a question mark; a clear one has none."""
    assert 1 <= len(prompt.questions) <= 3
    assert len({*prompt.questions}) == len(prompt.questions)
    assert all(re.fullmatch(r"[A-Z].*[^?]\?", question) for question in prompt.questions)
    assert prompt.answer.endswith(".")
    assert "{" not in re.sub(r"\{(:|before|left)", "", " ".join(prompt.questions))
    twin = BY_ID[prompt.twin]
    assert (twin.fact, twin.questions, twin.answer) == ("", (), "")
    assert prompt.clarified().endswith(prompt.text)
    assert twin.clarified() == twin.text


def spoken(fact: str) -> str:
    """Return a pattern of a fact in any voice: "adds 3" is said as "add 3", too."""
    verb, space, rest = fact.removesuffix(" ascending").partition(" ")
    if not re.fullmatch(r"[a-z]{3,}s", verb):
        return re.escape(fact)
    return rf"\b{verb[: max(2, len(verb) - 3)]}\w*{space}{re.escape(rest)}"


@given(st.sampled_from(VAGUE))
def test_the_answer_brings_the_removed_fact_alone(prompt: Prompt) -> None:
    """It has the words of the fact and of its own form, no others; the twin's text says the fact.

    The ambiguous text doesn't, except where it says something else besides.
    """
    assert words(prompt.answer) <= words(prompt.fact) | words(FRAMES)
    if prompt.type != "error_policy":
        assert prompt.fact in prompt.answer
    said = re.compile(spoken(prompt.fact), re.IGNORECASE)
    clear, vague = (len(said.findall(p.text)) for p in (BY_ID[prompt.twin], prompt))
    assert clear > vague or (prompt.type == "contradiction" and clear == vague > 0)


def test_questions_are_asked_in_several_voices() -> None:
    """Every removal has two vague forms at least and three questions; all are used."""
    assert all(len(removal.vague) >= 2 and len(removal.asks) >= 3 for removal in REMOVALS)
    asked = {question for prompt in VAGUE for question in prompt.questions}
    assert len(asked) > 120


def test_words_are_found_in_a_request() -> None:
    """A step's words are located once or not at all, and others put in with their capital."""
    request = "Adds 3 to each, then caps it at 9 and sums them."
    start, end, gap = located(request, "adds 3 to @") or (0, 0, "")
    assert (request[start:end], gap) == ("Adds 3 to each", "each")
    assert instead(request, (start, end), "adds a number to each").startswith("Adds a number")
    assert located(request, "caps @ at 9") is not None
    assert located("Sorts, then sorts.", "sorts") is None


def own_tests(prompt: Prompt, reading: Reading) -> str:
    """Return the tests of the world in which a reading is meant."""
    results = iter(reading.results)
    return re.sub(r"(?m) === .*$", lambda _: f" === {next(results)}", prompt.kata.tests)


def programs(prompt: Prompt) -> list[tuple[Program, bool]]:
    """Return what is run of a prompt, and whether it must pass."""
    found = [
        (prompt.program(prompt.readings[0]), True),
        (prompt.program(prompt.readings[1]), False),
    ]
    kata, other = prompt.kata, prompt.readings[1]
    right = Program(kata.program(other.answer), own_tests(prompt, other), kata.test_names)
    return [*found, (right, True)]


def check_by_execution(chosen: list[Prompt]) -> int:
    """Run the readings of prompts; return how many programs were run."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    expected = [(prompt, *pair) for prompt in chosen for pair in programs(prompt)]
    verdicts = find_runner(mode="warm").run_all([program for _, program, _ in expected])
    for (prompt, program, passes), verdict in zip(expected, verdicts, strict=True):
        status = Status.PASSED if passes else Status.FAILED
        assert verdict.status == status, f"{prompt.id}\n{program.code}\n{program.tests}\n{verdict}"
    return len(verdicts)


@pytest.mark.requires_elixir
def test_exactly_one_reading_passes() -> None:
    """Of each family and type: what is meant passes alone; the other passes where it is meant."""
    chosen, families, types = [], set(FAMILIES), set(TYPES)
    for prompt in VAGUE:
        if prompt.kata.family in families or prompt.type in types:
            families.discard(prompt.kata.family)
            types.discard(prompt.type or TYPES[0])
            chosen.append(prompt)
    assert not families | types
    assert check_by_execution(chosen) == 3 * len(chosen)


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_exactly_one_reading_passes_at_large() -> None:
    """The same for every type in every family that has it.

    ECTRAIN_AMBIGUITY_EACH says how many of each.
    """
    left: dict[tuple[object, str], int] = defaultdict(lambda: EACH)
    chosen = []
    for prompt in [p for split in SPLITS[::-1] for p in prompts(split, 4000) if p.type]:
        if left[prompt.type, prompt.kata.family] > 0:
            left[prompt.type, prompt.kata.family] -= 1
            chosen.append(prompt)
    assert check_by_execution(chosen) == 3 * len(chosen)
    assert len(left) > 200
