"""Estimators of what samples come to, against brute force; problems of MultiPL-E (5.2.4)."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain_codegen.multiple import read_problems
from ectrain_codegen.scores import Problem, by_length, failures, pass_at_k, passes, text_figures
from ectrain_elixir.runner import Status, Verdict

OUTCOMES = st.lists(st.lists(st.booleans(), min_size=3, max_size=6), min_size=1, max_size=5)


@given(samples=st.integers(1, 9), data=st.data())
def test_5_2_4_1_pass_at_k_is_brute_force(samples: int, data: st.DataObject) -> None:
    """The estimator is the share of all choices of k samples that hold a right one."""
    right, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    choices = list(combinations([True] * right + [False] * (samples - right), k))
    assert pass_at_k(samples, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))


@given(samples=st.integers(1, 30), data=st.data())
def test_5_2_4_2_more_tries_never_pass_less(samples: int, data: st.DataObject) -> None:
    """pass@k rises with k up to whether any sample passes; beyond the samples it is refused."""
    right = data.draw(st.integers(0, samples))
    curve = [pass_at_k(samples, right, k) for k in range(1, samples + 1)]
    assert all(a <= b + 1e-12 for a, b in pairwise(curve))
    assert curve[-1] == float(right > 0)
    with pytest.raises(ValueError, match=f"pass@{samples + 1} needs {samples + 1} samples"):
        pass_at_k(samples, right, samples + 1)


def verdict(status: Status, kind: str = "", ran: bool = True) -> Verdict:
    """Return a verdict on a program with one test."""
    return Verdict(status=status, tests={"a": "failed" if ran else "not run"}, kind=kind)


def judged(outcomes: list[list[bool]]) -> list[list[Verdict]]:
    """Return the verdicts on problems whose samples passed or not."""
    return [[verdict(Status.PASSED if x else Status.FAILED) for x in own] for own in outcomes]


@given(outcomes=OUTCOMES)
def test_5_2_4_2_figures_are_means_over_problems(outcomes: list[list[bool]]) -> None:
    """A problem counts once, however many samples it has; the interval holds the value."""
    found = passes(judged(outcomes), (1, 3), "how")
    mean = sum(sum(own) / len(own) for own in outcomes) / len(outcomes)
    assert found["pass@1"].value == pytest.approx(mean)
    assert found["pass@1"].n == len(outcomes)
    assert found["ceiling"].value == sum(map(any, outcomes)) / len(outcomes)
    for estimate in found.values():
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value is not None
        assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9


def test_failures_have_their_kind() -> None:
    """What did not get to its tests did not compile; shares are of the answers that were judged."""
    own = [
        verdict(Status.PASSED),
        verdict(Status.FAILED, "assertion"),
        verdict(Status.FAILED, "undefined function", ran=False),
        verdict(Status.TIMEOUT, "cpu time", ran=False),
        verdict(Status.INFRA, "start", ran=False),
    ]
    found = {name: x.value for name, x in failures([own, own], "how").items()}
    assert found == {
        "compiles": 0.75,
        "fails.assertion": 0.25,
        "fails.undefined_function": 0.25,
        "fails.cpu_time": 0.25,
    }


def test_length_is_a_curve_where_there_are_several() -> None:
    """pass@1 stands by the number of steps; one length alone is no curve."""
    problems = [Problem("", (), ("a",), length) for length in (1, 2, 2)]
    verdicts = judged([[True], [True], [False]])
    found = by_length(problems, verdicts, "how")
    assert {name: x.value for name, x in found.items()} == {
        "pass@1.steps_1": 1.0,
        "pass@1.steps_2": 0.5,
    }
    assert not by_length(problems[1:], verdicts[1:], "how")


def test_5_2_4_3_the_nearest_reference_counts() -> None:
    """An answer in another idiom is compared with the reference in that idiom."""
    prompt = "defmodule A do\n  def f(x) do\n"
    references = ("    x |> g()\n  end\nend\n", "    for y <- x, do: y\n  end\nend\n")
    problems = [Problem(prompt, references, (references[1],))]
    found = text_figures(problems, "how")
    assert {found[name].value for name in ("parses", "exact", "codebleu", "codebleu.ast")} == {1.0}


# --- MultiPL-E ------------------------------------------------------------------------------------

PROMPT = "# Doubles.\n\ndefmodule HumanEval do\n  def double(x) do\n"
TESTS = """ExUnit.start()

defmodule HumanEvalTest do
  use ExUnit.Case, async: true
  test 'double' do
    assert 4 == HumanEval.double(2)
  end
end
"""


def written(folder: Path, *rows: object) -> Path:
    """Return a file with a row a line."""
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(**changes: object) -> dict[str, object]:
    """Return a problem."""
    stops = ["\ndefmodule", "\ndefp", "\ndef ", "\n#", "\n\n"]
    return {"name": "p", "prompt": PROMPT, "tests": TESTS, "stop_tokens": stops, **changes}


def test_problems_become_programs_with_named_tests(tmp_path: Path) -> None:
    """The test's name is read whichever quotes it has, and the file doesn't start ExUnit itself."""
    (asked,) = read_problems(written(tmp_path, row(), row(tests="assert true"))).asked
    program = asked.program("    2 * x\n  end\nend\n")
    assert program.test_names == ("double",)
    assert "ExUnit.start" not in program.tests
    assert program.code == PROMPT + "    2 * x\n  end\nend\n"


def test_a_blank_line_or_a_second_clause_is_no_end(tmp_path: Path) -> None:
    """Where the file's own stop texts would cut, an answer goes on to where it parses, no more."""
    (asked,) = read_problems(written(tmp_path, row())).asked
    answer = "    y = x\n\n    help(y)\n  end\n\n  defp help(y), do: 2 * y\nend\n"
    assert asked.finish(f"{answer}\n# More\ndefmodule Other do\nend\n") == answer
    assert asked.finish("    2 * (x") == "    2 * (x"


def test_broken_prompts_are_left_out_and_named(tmp_path: Path) -> None:
    """Parameters that are a word's letters, and tests without a name, are no problems."""
    letters = PROMPT.replace("(x)", "(n, u, m, b)")
    found = read_problems(
        written(tmp_path, row(), row(name="l", prompt=letters), row(name="t", tests="1"))
    )
    assert len(found.asked) == 1
    assert [name for name, _ in found.left_out] == ["l", "t"]
    assert "letters of 'numb'" in found.left_out[0][1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", ":1: no JSON"),
        ('{"name": "a"}', ":1: expected an object with 'prompt'"),
        ("", "empty"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path: Path, content: str, said: str) -> None:
    """The line and the field that is missing are named."""
    path = tmp_path / "problems.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_problems(path)
    with pytest.raises(DataError, match="can't be read"):
        read_problems(tmp_path / "nowhere")
