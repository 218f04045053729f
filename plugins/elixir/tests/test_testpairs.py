"""Pairs of code and tests: types told by the syntax tree, prompts, splits, and real verdicts."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from ectrain.task import SPLITS
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.katas import FACT_FAMILIES, FAMILIES
from ectrain_elixir.runner import Program, availability, find_runner
from ectrain_elixir.testpairs import (
    CONTROL_TOKENS,
    TYPES,
    TestPair,
    code_prompt,
    exunit_pairs,
    pairs,
    suite_prompt,
    suite_type,
)
from ectrain_elixir.testpairs.features import FEATURES
from ectrain_elixir.testpairs.liveviews import liveview_pairs
from ectrain_elixir.testpairs.pairs import property_pairs
from ectrain_elixir.testpairs.properties import PROPERTY_FAMILIES
from ectrain_elixir.testpairs.stubs import uncompiled

EACH = int(os.environ.get("ECTRAIN_PAIRS_EACH", "1"))
SMALL = 128


def module(*lines: str) -> str:
    """Return a test module with these lines."""
    inside = "".join(f"  {line}\n" for line in lines)
    return f"defmodule ATest do\n{inside}end\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (module("use ExUnit.Case"), "exunit"),
        (module("use ExUnit.Case, async: true", "import A"), "exunit"),
        (module("use MyApp.DataCase"), "exunit"),
        (module("use ExUnit.Case", "use ExUnitProperties"), "streamdata"),
        (module("use MyAppWeb.ConnCase", "import Phoenix.LiveViewTest"), "liveview"),
        (module("use ExUnit.Case", "# use ExUnitProperties"), "exunit"),
        (module("use ExUnit.Case", 'def a, do: "use ExUnitProperties"'), "exunit"),
        (module("def property, do: 1"), None),
        ('defmodule ATest do\n  use ExUnit.Case\n  test "a" do\nend\n', None),
        ("", None),
    ],
)
def test_5_5_1_3_types_are_told_by_the_syntax_tree(text: str, kind: str | None) -> None:
    """What a suite uses decides: neither a name, nor a comment, nor a text in it."""
    assert suite_type(text) == kind


def test_5_5_1_4_prompts_say_direction_and_type_in_one_id_each() -> None:
    """Given text, direction, type; the same marks spelled out in a text are plain text."""
    tokenizer = Tokenizer.train(["defmodule A do end"], 400, CONTROL_TOKENS)
    for kind in TYPES:
        marks = [tokenizer.token_id(token) for token in ("<to_test>", f"<{kind}>")]
        prompt = suite_prompt("<exunit>", kind, tokenizer)
        assert prompt == [tokenizer.begin_id, *tokenizer.encode("<exunit>"), *marks]
        assert tokenizer.token_id("<exunit>") not in prompt[:-2]
        assert code_prompt("a", kind, tokenizer)[-2] == tokenizer.token_id("<to_code>")


def test_pairs_are_the_same_always_and_another_suite_is_of_the_same_code() -> None:
    """Pairs depend on split, size and seed alone; what is drawn anew is another suite."""
    found = list(pairs("train", 96, 3))
    assert found == list(pairs("train", 96, 3)) != list(pairs("train", 96, 4))
    others = [pair.another(random.Random(1)) for pair in found]
    assert [(o.id, o.code) for o in others] == [(p.id, p.code) for p in found]
    assert sum(o.tests != p.tests for o, p in zip(others, found, strict=True)) > len(found) // 2


def test_5_5_1_2_a_group_is_in_one_split() -> None:
    """Pairs follow the splits of their katas, so both directions of a pair are in one split."""
    groups = [{pair.group for pair in exunit_pairs(split, SMALL)} for split in SPLITS]
    for n, one in enumerate(groups):
        assert all(one.isdisjoint(other) for other in groups[n + 1 :])


def test_5_5_1_1_suites_name_the_module_and_their_tests() -> None:
    """Each suite speaks of its module, has the type it says, and each of its tests once."""
    for pair in exunit_pairs("val", SMALL, 1, (0, 1, 2)):
        assert suite_type(pair.tests) == pair.kind
        assert len(set(pair.test_names)) == len(pair.test_names) > 0
        assert pair.tests.count('test "') == len(pair.test_names)
        (named,) = [x for x in pair.tests.splitlines() if x.startswith("defmodule ")]
        assert f"defmodule {named.split()[1].removesuffix('Test')} do" in pair.code


def sample(every: list[TestPair], each: int) -> list[TestPair]:
    """Return so many pairs of each family."""
    left: Counter[str] = Counter()
    found = []
    for pair in every:
        left[pair.family] += 1
        if left[pair.family] <= each:
            found.append(pair)
    return found


def checked(found: list[TestPair]) -> None:
    """Check by execution that code passes its suite and near misses fail it."""
    if missing := availability().why:
        pytest.skip(missing)
    right = [Program(p.code, p.tests, p.test_names) for p in found]
    wrong = [Program(x, p.tests, p.test_names) for p in found for x in p.near_misses[:EACH]]
    programs = [*right, *wrong]
    for program, verdict in zip(programs, find_runner(mode="warm").run_all(programs), strict=True):
        assert verdict.passed == (program in right), f"{program.code}\n{program.tests}\n{verdict}"


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_5_5_1_1_code_passes_its_suite_and_near_misses_fail_it() -> None:
    """By execution, on pairs of every family; ECTRAIN_PAIRS_EACH=1000 takes all."""
    every = [*exunit_pairs("train", 200 * EACH), *exunit_pairs("train", 40 * EACH, 0, (1, 2))]
    found = sample(every, EACH)
    assert {pair.family for pair in found} == {*FAMILIES, *FACT_FAMILIES}
    checked(found)


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_5_5_1_1_properties_hold_for_code_and_not_for_near_misses() -> None:
    """As above, of all families that have properties."""
    found = sample([*property_pairs("train", 200 * EACH)], EACH)
    assert {pair.family for pair in found} == {*PROPERTY_FAMILIES}
    checked(found)


def test_5_5_1_3_each_type_has_its_share() -> None:
    """Types come in turn, so their shares are equal in any stretch; each suite is of its type."""
    for split in SPLITS:
        found = pairs(split, 96)
        assert len({pair.id for pair in found}) == len(found) >= 96
        for n, pair in enumerate(found):
            assert pair.kind == TYPES[n % 3] == suite_type(pair.tests)
    assert {pair.kind for pair in pairs("val", 10, types=("liveview",))} == {"liveview"}


def test_liveviews_hold_out_sets_of_features() -> None:
    """No set of features is in two splits, and each feature is in train by itself."""
    groups = [{pair.group for pair in liveview_pairs(split, 300)} for split in SPLITS]
    assert groups[0].isdisjoint(groups[1])
    assert groups[2].isdisjoint(groups[0] | groups[1])
    assert {f"liveview:{name}" for name in FEATURES} <= groups[0]


@pytest.mark.requires_elixir
def test_liveviews_and_their_tests_compile_against_stand_ins() -> None:
    """Without Phoenix they compile, which a misspelt function does not; none is called a pass."""
    if missing := availability().why:
        pytest.skip(missing)
    found = [*liveview_pairs("train", 300)[:6]]
    wrong = [found[0].tests.replace("live", "alive"), found[0].tests.replace("view,", "view, 1,")]
    items = [(p.code, p.tests, p.test_names) for p in found]
    items += [(found[0].code, tests, found[0].test_names) for tests in wrong]
    *right, misspelt, miscounted = uncompiled(items, find_runner(mode="warm"))
    assert set(right) == {""}
    assert misspelt
    assert "undefined function alive" in misspelt
    assert miscounted
