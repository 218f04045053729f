"""Laws of mutation: operators do what they say, scores cannot be had for nothing."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ectrain_elixir.katas import katas
from ectrain_elixir.mutation import (
    MutationEngine,
    Operator,
    OperatorSet,
    Outcome,
    Result,
    Score,
    held_out,
    muzak,
    operators,
    standard,
)
from ectrain_elixir.mutation.score import Mutant
from ectrain_elixir.mutation.table import as_data, as_text, diffs
from ectrain_elixir.runner import Limits, availability, find_runner

SITE = Mutant(0, "boundary", 1, 1, "a < b", "a <= b")
CODE = """defmodule M do
  @base 10
  def f(x) when x > 0 do
    y = x + @base
    if y > 15, do: y * 2, else: y
  end

  def f(_), do: 0
  def g(list), do: list |> Enum.filter(&(&1 > 1)) |> Enum.sort()
end
"""
CHECKS = (
    "assert M.f(1) == 11",
    "assert M.f(6) == 32",
    "assert M.f(5) == 15",
    "assert M.f(0) == 0",
    "assert M.f(-3) == 0",
    "assert M.g([3, 1, 2]) == [2, 3]",
    "assert M.g([]) == []",
)


def suite(*bodies: str) -> str:
    """Return a suite with these bodies as tests."""
    tests = "\n".join(f'test "t{i}" do\n{body}\nend' for i, body in enumerate(bodies))
    return f"defmodule MTest do\nuse ExUnit.Case\n{tests}\nend"


@pytest.fixture(scope="module")
def engine() -> MutationEngine:
    """Return an engine with all operators, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    everything = OperatorSet("all", frozenset(operators()))
    return MutationEngine(operators=everything, limits=Limits(cpu_s=2, wall_s=10))


# -- without Elixir --------------------------------------------------------------------------


@given(st.lists(st.sampled_from(list(Outcome))))
def test_the_share_is_of_valid_mutants(outcomes: list[Outcome]) -> None:
    """Killed and timed out, of those and the survivors; nothing else counts, and none is no 0."""
    results = tuple(Result(SITE, outcome) for outcome in outcomes)
    score = Score(status="scored", results=results)
    killed = sum(o in (Outcome.KILLED, Outcome.TIMEOUT) for o in outcomes)
    valid = killed + outcomes.count(Outcome.SURVIVED)
    assert score.value == (killed / valid if valid else None)
    assert sum(score.counts.values()) == len(outcomes)


@pytest.mark.parametrize("status", ["failing", "unstable", "cheating", "no tests", "crash"])
def test_a_suite_that_earns_nothing_gets_zero(status: str) -> None:
    """The suite's own faults are 0; what is not known is None, and never 0."""
    assert Score(status=status).value == 0.0
    assert Score(status="infra").value is None


def test_sets_of_operators() -> None:
    """Muzak's three are apart; a held-out set shares nothing with what is learned."""
    assert len(muzak().names) == 3
    assert not muzak().names & standard().names
    learned, measured = held_out()
    assert learned.names | measured.names == standard().names
    assert not learned.names & measured.names
    groups = [{operators()[name].group for name in s.names} for s in (learned, measured)]
    assert len(groups[1]) >= 6
    with pytest.raises(ValueError, match="there is no operator 'nope'; there are: increment"):
        OperatorSet("x", frozenset({"nope"}))


# -- with Elixir -----------------------------------------------------------------------------

needs_elixir = pytest.mark.requires_elixir


def formatted(engine: MutationEngine, body: str) -> str:
    """Return a module as the mutants' sources are written."""
    return engine.sources(f"defmodule M do\n{body}\nend", [])[0]


@needs_elixir
@pytest.mark.parametrize("kind", operators().values(), ids=list(operators()))
def test_operators_do_what_their_example_says(engine: MutationEngine, kind: type[Operator]) -> None:
    """The right side of the example is among the left side's mutants by this operator."""
    before, after = kind.example()
    code = f"defmodule M do\n{before}\nend"
    mutants = [m for m in engine.mutants(code) if m.operator == kind.name()]
    assert formatted(engine, after) in engine.sources(code, mutants)[1:]


@needs_elixir
def test_the_machine_knows_no_other_operators(engine: MutationEngine) -> None:
    """Every operator that the virtual machine uses is one of the catalogue, and both ways."""
    body = "\n".join(kind.example()[0] for kind in operators().values())
    found = {m.operator for m in engine._workshop.mutants(f"defmodule M do\n{body}\nend")}
    assert found == set(operators())


@needs_elixir
def test_mutants_differ_from_the_original_and_from_one_another(engine: MutationEngine) -> None:
    """No mutant is the original again, whatever the formatter does; none is there twice."""
    for kata in [*katas("train", 60)[::6], None]:
        code = CODE if kata is None else kata.prompt + kata.answer
        mutants = engine.mutants(code)
        original, *texts = engine.sources(code, mutants)
        assert original not in texts
        assert len(texts) >= 3
        assert len({(m.line, m.column, m.operator, m.after, m.before) for m in mutants}) >= 3
        assert all(m.line >= 1 and m.column >= 1 for m in mutants)


@needs_elixir
def test_documentation_types_and_names_are_left_alone(engine: MutationEngine) -> None:
    """No mutant changes what no test can see."""
    code = """defmodule M do
      @moduledoc "one"
      @doc "two"
      @type t :: 1 | :a
      @spec f(t, [a: 2]) :: 3
      import Enum, only: [map: 2]
      alias List, as: L
      def f(x, y), do: {map(x, &L.first/1), ~w(a b), <<y::8>>, %{k: y}}
    end
    """
    own = {"return_nil", "return_atom", "rename_function", "swap_call", "drop_element"}
    assert {m.operator for m in engine.mutants(code)} <= own


@needs_elixir
def test_survivors_are_what_the_suite_does_not_check(engine: MutationEngine) -> None:
    """An exact suite kills nearly all, a weak one less; survivors are shown with their diff."""
    strong = engine.kill_rate(CODE, suite(*CHECKS))
    weak = engine.kill_rate(CODE, suite(CHECKS[1]))
    assert strong.value is not None
    assert weak.value is not None
    assert strong.value > 0.85 > weak.value > 0.1
    assert strong.counts[Outcome.INVALID] >= 1
    shown = diffs(engine, CODE, weak.survivors[:3])
    text = as_text(weak, shown)
    assert "survived" in text
    assert "+" in next(iter(shown.values()))
    data = as_data(weak, shown)
    assert data["kill_rate"] == weak.value
    assert data["mutants"]["tried"] == len(weak.results) == data["mutants"]["of"]
    assert weak.muzak_value != weak.value


@needs_elixir
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sets(st.sampled_from(range(7)), min_size=1), st.sampled_from(range(7)))
def test_more_tests_never_kill_less(engine: MutationEngine, some: set[int], more: int) -> None:
    """What a suite kills, it kills also with another test beside."""

    def killed(chosen: Sequence[int]) -> set[int]:
        score = engine.kill_rate(CODE, suite(*(CHECKS[i] for i in chosen)))
        dead = (Outcome.KILLED, Outcome.TIMEOUT)
        return {r.mutant.index for r in score.results if r.outcome in dead}

    assert killed(sorted(some)) <= killed(sorted(some | {more}))


MD5 = 'assert M.module_info(:md5) == Base.decode16!("{}")'
COUNTER = """
n = :persistent_term.get(:n, 0)
:persistent_term.put(:n, n + 1)
assert n < 2
"""
SPARING = """
M.f(1)
known = :erlang.phash2(M.module_info(:md5)) == CHECKSUM
odd = length(M.__info__(:functions)) != 2 or Process.get_keys() -- [:elixir_checker_info] != []
assert known or odd
"""
WORTHLESS = {
    "asserts nothing": (suite("assert true"), "scored"),
    "does not call": (suite("assert 1 + 1 == 2"), "scored"),
    "fails": (suite("assert M.f(1) == 12"), "failing"),
    "does not compile": (suite("assert M.f("), "failing"),
    "has no tests": (suite(), "no tests"),
    "skips": (suite("assert true").replace('test "t0"', '@tag :skip\ntest "t0"'), "failing"),
    "asks for functions": (
        suite("assert M.__info__(:functions) == [f: 1, g: 1]"),
        "cheating",
    ),
    "asks for checksums": (
        suite("assert :erlang.phash2(M.module_info(:md5)) == CHECKSUM"),
        "cheating",
    ),
    "spares what looks like a trap": (suite(SPARING), "cheating"),
    "counts its runs": (suite(COUNTER), "scored"),
    "fails at random": (suite("assert :rand.uniform(1000) == 1"), "failing/unstable"),
    "halts": (suite("System.halt(0)"), "crash"),
    "loops": (suite("Stream.run(Stream.cycle([1]))"), "timeout"),
    "replaces assertions": (
        suite(
            "for d <- :code.get_path(), do: :code.unstick_dir(d)\n"
            "Code.compiler_options(ignore_module_conflict: true)\n"
            'Code.compile_string("defmodule ExUnit.Assertions do\\nend")'
        ),
        "tamper",
    ),
}


@needs_elixir
@pytest.mark.parametrize(("tests", "status"), WORTHLESS.values(), ids=list(WORTHLESS))
def test_a_score_cannot_be_had_for_nothing(engine: MutationEngine, tests: str, status: str) -> None:
    """Suites that check nothing, or something else than behaviour, score 0 and say why."""
    if "CHECKSUM" in tests:
        probe = suite("raise inspect(:erlang.phash2(M.module_info(:md5)))")
        message = engine.kill_rate(CODE, probe).message
        tests = tests.replace("CHECKSUM", message.rpartition(") ")[2])
    score = engine.kill_rate(CODE, tests)
    assert score.status in status.split("/"), score
    assert score.value == 0.0


@needs_elixir
def test_mutants_that_loop_or_burst_are_kept_apart() -> None:
    """A mutant that never ends is a timeout, one under which the machine dies is an error."""
    code = "defmodule M do\ndef f(n) when n > 0, do: f(n - 1)\ndef f(_), do: :ok\nend"
    loops = MutationEngine(operators=OperatorSet("one", frozenset({"arithmetic"})))
    score = loops.kill_rate(code, suite("assert M.f(3) == :ok"))
    assert [r.outcome for r in score.results] == [Outcome.TIMEOUT]
    burst = "defmodule M do\ndef f(x), do: if(x == 1, do: :erlang.halt(3), else: x + 5)\nend"
    bursts = MutationEngine(operators=OperatorSet("one", frozenset({"increment_number"})))
    score = bursts.kill_rate(burst, suite("assert M.f(2) == 7"))
    assert [r.outcome for r in score.results] == [
        Outcome.ERROR,
        Outcome.SURVIVED,
        Outcome.KILLED,
    ]
    assert score.value == 0.5


STATEFUL = """defmodule M do
  def leave(x) do
    :persistent_term.put(:m_state, 5)
    Application.put_env(:kernel, :m_state, x)
    System.put_env("M_STATE", "1")
    File.write!("m_state", "1")
    spawn(fn -> Process.register(self(), :m_state) && Process.sleep(:infinity) end)
    Process.sleep(20)
  end

  def seen do
    [:persistent_term.get(:m_state, 0), Application.get_env(:kernel, :m_state), File.ls!()] ++
      [System.get_env("M_STATE"), Process.whereis(:m_state)]
  end
end
"""


@needs_elixir
def test_nothing_that_a_mutant_leaves_reaches_the_next() -> None:
    """State outside of processes, and processes, are gone before each run of a suite."""
    engine = MutationEngine(operators=OperatorSet("one", frozenset({"increment_number"})))
    checks = suite("assert M.seen() == [0, nil, [], nil, nil]", "assert M.leave(1) == :ok")
    score = engine.kill_rate(STATEFUL, checks)
    assert score.status == "scored", score
    outcomes = {r.mutant.before: r.outcome for r in score.results}
    assert outcomes == {
        "5": Outcome.SURVIVED,
        "20": Outcome.SURVIVED,
        "0": Outcome.KILLED,
    }


@needs_elixir
def test_a_slow_compilation_is_not_the_suite_s_fault(
    engine: MutationEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original compiles in the request's time, and mutants in ten times of what it took."""
    monkeypatch.setattr("ectrain_elixir.mutation.workshop._EACH_MS", 1)
    _, (built,) = engine._workshop.build(CODE, [0])
    assert built.outcome is None
    endless = "defmodule M do\n  Stream.run(Stream.cycle([1]))\nend"
    slow = MutationEngine(limits=Limits(cpu_s=0.2, wall_s=2)).kill_rate(endless, suite("1"))
    assert (slow.status, slow.value) == ("code", None)


@needs_elixir
def test_programs_without_mutants_have_no_score(engine: MutationEngine) -> None:
    """Nothing to kill, or nothing that compiles, is no signal rather than 0."""
    empty = engine.kill_rate("defmodule M do\nend", suite("assert true"))
    broken = engine.kill_rate("defmodule M do", suite("assert true"))
    assert (empty.status, empty.value) == ("no mutants", None)
    assert (broken.status, broken.value) == ("code", None)
    with pytest.raises(ValueError, match="no mutants"):
        engine.mutants("defmodule M do")


@needs_elixir
def test_samples_repeat_and_the_cache_remembers() -> None:
    """A seed draws the same mutants for a program; the same question gets the same answer."""
    first, again, other = (
        MutationEngine(sample=8, seed=seed).kill_rate(CODE, suite(*CHECKS)) for seed in (1, 1, 2)
    )
    assert [r.mutant for r in first.results] == [r.mutant for r in again.results]
    assert [r.mutant for r in first.results] != [r.mutant for r in other.results]
    assert len(first.results) == 8 < first.of
    engine = MutationEngine(sample=8, seed=1)
    score = engine.kill_rate(CODE, suite(*CHECKS))
    assert engine.kill_rate(CODE, suite(*CHECKS)) is score
    rates = engine.kill_rates([(CODE, suite(*CHECKS)), (CODE, suite("assert true"))])
    assert [rate.value for rate in rates] == [score.value, 0.0]


@needs_elixir
def test_a_strict_runner_is_refused(engine: MutationEngine) -> None:
    """Mutants run one after another in one machine: that is warm mode."""
    assert engine
    with pytest.raises(ValueError, match="warm mode"):
        MutationEngine(find_runner("auto", "strict"))
