"""Laws of katas that need facts: nothing else tells the answer, and wrong facts mislead."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ectrain.task import SPLITS
from ectrain_elixir.katas import FACT_FAMILIES, FACT_SYMBOLS, Kata, katas
from ectrain_elixir.katas.controls import shuffled, without
from ectrain_elixir.katas.kata import facts_line

KATAS = [kata for split in SPLITS for kata in katas(split, 1000, 0, (1, 2), ())]


def names(text: str) -> set[str]:
    """Return the words of a text."""
    return set(re.findall(r"\w+", text))


def test_every_family_has_both_levels() -> None:
    """Each family of facts has katas one hop and two hops away."""
    assert {(k.family, k.level) for k in KATAS} == {(f, n) for f in FACT_FAMILIES for n in (1, 2)}


@given(st.sampled_from(KATAS))
def test_facts_lead_to_what_the_answer_needs(kata: Kata) -> None:
    """As many hops as the level lead from what the request names to what it doesn't."""
    line, _, rest = kata.prompt.partition("\n")
    assert line + "\n" == facts_line(kata.facts)
    assert len(kata.needed) == kata.level
    assert {*kata.needed} <= {*kata.facts}
    first, last = kata.needed[0], kata.needed[-1]
    assert first.subject.removesuffix("/1") in rest
    if kata.level == 2:
        assert first.object in {last.subject, last.subject.removesuffix("/1")}
        assert first.object not in rest
    told = names(last.object) - {"1", "n", "integer", "atom", "s"}
    assert not told & names(rest)
    if kata.family != "returns":
        assert told <= names(kata.answer)


@given(st.sampled_from(KATAS))
def test_only_vocabulary_is_used(kata: Kata) -> None:
    """Properties are tokens of the vocabulary."""
    tags = re.findall(r"</?[a-z]\w+>|\[/?ONTO\]", kata.prompt.partition("\n")[0])
    assert {*tags} <= {*FACT_SYMBOLS}


@given(st.sampled_from(KATAS))
def test_the_needed_facts_are_anywhere(kata: Kata) -> None:
    """Facts don't lie in the order in which they are needed more often than by chance."""
    others = [k for k in KATAS if k.family == kata.family and len(k.facts) > 1]
    firsts = sum(k.facts[0] == k.needed[-1] for k in others) / len(others)
    assert 0.15 < firsts < 0.6


@given(st.sampled_from(KATAS), st.integers(0, 5))
def test_shuffled_facts_are_all_wrong(kata: Kata, seed: int) -> None:
    """As many facts with the same subjects and properties, no object in its place."""
    control = shuffled(kata, seed)
    assert control == shuffled(kata, seed)
    pairs = list(zip(kata.facts, control.facts, strict=True))
    assert all((a.subject, a.property) == (b.subject, b.property) for a, b in pairs)
    assert all(a.object != b.object for a, b in pairs)
    assert control.prompt.partition("\n")[2] == kata.prompt.partition("\n")[2]
    assert (control.answer, control.tests, control.needed) == (kata.answer, kata.tests, ())


@given(st.sampled_from(KATAS))
def test_a_fact_is_left_out(kata: Kata) -> None:
    """Without a fact the prompt has all others, and no line where there was but one."""
    control = without(kata, kata.facts[0])
    assert control.facts == kata.facts[1:]
    assert str(kata.facts[0]) not in control.prompt
    assert ("[ONTO]" in control.prompt) == (len(kata.facts) > 1)
