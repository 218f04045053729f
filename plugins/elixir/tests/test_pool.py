"""Laws of the pool: both modes judge alike, and no verdict depends on company."""

import concurrent.futures
import contextlib
import os
import time
from collections.abc import Iterator

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_katas_engine import sample

from ectrain_elixir.katas import FACT_FAMILIES, FAMILIES, Kata
from ectrain_elixir.runner import (
    Limits,
    PooledRunner,
    Program,
    Status,
    Verdict,
    availability,
    find_runner,
)
from ectrain_elixir.runner.bubblewrap import Bubblewrap
from ectrain_elixir.runner.model import Runner
from ectrain_elixir.runner.pool import _starved
from ectrain_elixir.runner.requests import RequestError, ask
from ectrain_elixir.runner.stable import Recycle
from ectrain_elixir.runner.toolchain import find_toolchain

pytestmark = pytest.mark.requires_elixir

QUICK = Limits(cpu_s=3, wall_s=20)


def suite(*tests: str, head: str = "") -> str:
    """Return a suite of module M."""
    return f"defmodule MTest do\n use ExUnit.Case\n{head}\n" + "\n".join(tests) + "\nend"


def program(body: str, check: str = "assert M.f(1) == 2") -> Program:
    """Return module M with a suite of the one test "x"."""
    return Program(f"defmodule M do\n{body}\nend", suite(f'test "x", do: {check}'), ("x",))


RIGHT = program("def f(x), do: x + 1")
WRONG = program("def f(x), do: x")
HALT = program("def f(_), do: System.halt(0)")
GLOBAL = program(
    "def f(x), do: (:yes = :global.register_name(:m, self()); "
    "(:global.whereis_name(:m) == self() && Node.self() == :nonode@nohost && x + 1))"
)
LEAVES = program("def f(x), do: (:persistent_term.put(:k, x); x + 1)")
SEES = program("def f(_), do: :persistent_term.get(:k, 1) + 1")
BROKEN = program("def f(x), do: ")
STRUCT = program("defstruct a: 1\ndef f(x), do: %__MODULE__{a: x}.a + 1")
COMPILES = Program(
    RIGHT.code,
    suite('test "x", do: assert helper() == 2', head="defp helper, do: M.f(1)"),
    ("x",),
)


@pytest.fixture(scope="module")
def warm() -> Iterator[PooledRunner]:
    """Return a warm pool of its own, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    runner = PooledRunner(find_toolchain(), Bubblewrap(), "warm", Recycle(programs=40))
    yield runner
    runner.close()


def outcome(verdict: Verdict) -> tuple[Status, str, dict[str, str]]:
    """Return what must not depend on anything but the program."""
    return verdict.status, verdict.kind, dict(verdict.tests)


@pytest.mark.slow
def test_both_modes_judge_the_corpus_alike(warm: PooledRunner) -> None:
    """Answers and near misses of all families get the same status, kind and states of tests.

    First come the answers of one kata of each family, then near misses and other levels as far as
    fresh machines get in ECTRAIN_MODES_SECONDS (by default 8).
    """
    seconds = float(os.environ.get("ECTRAIN_MODES_SECONDS", "8"))
    found = by_rounds(sample(1))
    programs = [
        Program(kata.program(answer), kata.tests, kata.test_names) for kata, answer in found
    ]
    fresh, first = find_runner("auto", "strict"), len({kata.family for kata, _ in found})
    strict = fresh.run_all(programs[:first], QUICK)
    strict += fresh.run_all(programs[first:], QUICK, deadline_s=seconds)
    measured = [n for n, verdict in enumerate(strict) if verdict.kind != "deadline"]
    fast = warm.run_all([programs[n] for n in measured], QUICK)
    unlike = {
        found[n][0].id: (outcome(strict[n]), outcome(other))
        for n, other in zip(measured, fast, strict=True)
        if outcome(strict[n]) != outcome(other)
    }
    assert unlike == {}
    assert {found[n][0].family for n in measured} == {*FAMILIES, *FACT_FAMILIES}
    assert Status.PASSED in {v.status for v in fast}


def by_rounds(found: list[Kata]) -> list[tuple[Kata, str]]:
    """Return katas with answers and near misses, so that the first ones are of every family."""
    rounds: dict[str, list[tuple[Kata, str]]] = {}
    for kata in found:
        answers = (kata.answer, *kata.near_misses)
        rounds.setdefault(kata.family, []).extend((kata, answer) for answer in answers)
    longest = max(map(len, rounds.values()))
    return [pairs[n] for n in range(longest) for pairs in rounds.values() if n < len(pairs)]


SUITES = {
    "setup": suite(
        'test "x", %{n: n}, do: assert M.f(n) == 2',
        head="setup do: {:ok, n: 1}",
    ),
    "describe": suite(
        'describe "d" do\n setup %{n: n} do\n [m: n + 1]\n end\n'
        ' test "x", %{n: n, m: m}, do: assert M.f(n) == m\nend',
        'test "y", c, do: refute Map.has_key?(c, :m)',
        head="setup do: [n: 1]",
    ),
    "alias and import": suite(
        'test "x", do: assert F.f(1) == 2\ntest "y", do: assert is_even(2)',
        head="alias M, as: F\nrequire Integer\nimport Integer, only: [is_even: 1]",
    ),
    "assertions": suite(
        'test "x" do\n assert {:ok, y} = {:ok, M.f(1)}\n assert y == 2\nend',
        'test "y", do: assert_raise(ArithmeticError, fn -> M.f(:a) end)',
        'test "z" do\n send(self(), {:a, M.f(1)})\n assert_receive {:a, 2}\nend',
    ),
    "on_exit": suite('test "x" do\n on_exit(fn -> raise "late" end)\n assert M.f(1) == 2\nend'),
    "supervised": suite(
        'test "x" do\n pid = start_supervised!({Agent, fn -> 1 end})\n'
        " assert M.f(Agent.get(pid, & &1)) == 2\nend"
    ),
    "no match": suite('test "x", %{nothing: n}, do: assert n'),
    "bad setup": suite('test "x", do: assert true', head="setup do: :nonsense"),
    "raising setup": suite('test "x", do: assert true', head='setup do: raise("no")'),
    "late setup": suite('test "x", %{n: 1}, do: assert true\nsetup do: [n: 1]'),
    "twice": suite('test "x", do: assert true\ntest "x", do: assert true'),
    "unknown": suite('test "x", do: assert nope() == 1'),
    "its module": suite('test "x", do: assert __MODULE__ == MTest'),
    "helper": COMPILES.tests,
    "tag": suite('@tag n: 1\ntest "x", %{n: n}, do: assert M.f(n) == 2'),
    "skipped": suite('@tag :skip\ntest "x", do: assert false'),
    "setup_all": suite('test "x", %{n: n}, do: assert M.f(n) == 2', head="setup_all do: [n: 1]"),
    "doctest": suite("doctest M"),
    "unfinished": suite('test "x"'),
    "empty": suite(""),
    "prints": suite('test "x" do\n IO.puts("hello")\n assert M.f(1) == 2\nend'),
    "two modules": suite('test "x", do: assert true') + suite().replace("MTest", "NTest"),
    "context": suite('test "x", c, do: assert {c.module, c.test} == {MTest, :"test x"}'),
}


def test_strict_machines_have_what_a_program_names() -> None:
    """Parts of Erlang that a strict machine starts without are there for programs that use them."""
    if availability().why:
        pytest.skip(availability().why)
    words = program('def f(x), do: String.length(String.upcase("\u00e9" <> "a")) + x - 1')
    lines = program("def f(x), do: (:string.trim(' a ') == 'a' && x + 1)")
    verdicts = find_runner("auto", "strict").run_all([GLOBAL, words, lines], QUICK)
    assert [v.status.value for v in verdicts] == ["passed"] * 3, verdicts


@pytest.mark.slow
def test_evaluated_suites_mean_what_compiled_ones_do(warm: PooledRunner) -> None:
    """Each form of a suite gets the same verdict in both modes, the plain and the others."""
    names = {"assertions": "xyz", "alias and import": "xy", "describe": ("d x", "y")}
    programs = [
        Program(RIGHT.code, text, tuple(names.get(name, "x"))) for name, text in SUITES.items()
    ]
    strict = find_runner("auto", "strict").run_all(programs, QUICK)
    fast = warm.run_all(programs, QUICK)
    found = {
        name: (outcome(one), outcome(other))
        for name, one, other in zip(SUITES, strict, fast, strict=True)
        if outcome(one) != outcome(other)
    }
    assert found == {}
    assert sum(verdict.passed for verdict in fast) >= 12


KINDS = {
    "right": (RIGHT, "passed"),
    "wrong": (WRONG, "failed"),
    "broken": (BROKEN, "failed"),
    "struct": (STRUCT, "passed"),
    "distribution": (GLOBAL, "passed"),
    "compiled suite": (COMPILES, "passed"),
    "leaves": (LEAVES, "passed"),
    "sees": (SEES, "passed"),
    "halts": (HALT, "crash"),
}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.lists(st.sampled_from(list(KINDS)), max_size=10), workers=st.integers(1, 3))
def test_no_verdict_depends_on_company(warm: PooledRunner, order: list[str], workers: int) -> None:
    """In any order, beside any neighbours, on any number of workers, a program's verdict stays."""
    verdicts = warm.run_all([KINDS[name][0] for name in order], QUICK, workers=workers)
    assert [v.status.value for v in verdicts] == [KINDS[name][1] for name in order]


def test_machines_are_used_again_and_replaced_in_time(warm: PooledRunner) -> None:
    """A machine serves many programs, at most as many as it should, and none after a leftover."""
    before = warm.stable.started
    assert all(v.passed for v in warm.run_all([RIGHT] * 90, QUICK, workers=1))
    assert 1 <= warm.stable.started - before <= 4
    assert all(worker.served < 40 for worker in warm.stable._idle)
    used = len(warm.stable._idle)
    assert used >= 1
    assert warm.run(LEAVES, QUICK).passed
    assert len(warm.stable._idle) == used - 1


def test_an_innocent_program_is_not_blamed(warm: PooledRunner) -> None:
    """Where a used machine dies under a program, the program runs once more on a fresh one."""
    assert warm.run(RIGHT, QUICK).passed
    worker = warm.stable._idle[-1]
    worker._child.kill()
    assert warm.run(RIGHT, QUICK).passed


def test_an_innocent_request_is_not_blamed(warm: PooledRunner) -> None:
    """Where a used machine dies under another request, a fresh one answers."""
    assert warm.run(RIGHT, QUICK).passed
    for worker in warm.stable._idle:
        worker._child.kill()
    assert ask(warm, "format", ["1+1"], QUICK)["found"] == "1 + 1\n"
    with pytest.raises(RequestError, match="syntax error"):
        ask(warm, "format", ["1 +"], QUICK)


def test_other_limits_get_other_machines(warm: PooledRunner) -> None:
    """A machine that was started for less memory does not serve a request for more."""
    big = "def f(x), do: (byte_size(:binary.copy(<<1>>, 200_000_000)); x + 1)"
    assert warm.run(program(big), Limits(memory_mb=64)).status is Status.MEMORY
    assert warm.run(program(big), Limits(memory_mb=512)).passed


class _There(concurrent.futures.Executor):
    """An executor that runs everything at once, in this thread, and counts."""

    calls = 0

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.calls += 1
        future: concurrent.futures.Future[object] = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_programs_run_through_any_executor(warm: PooledRunner) -> None:
    """An executor gets one call for each program, that it could send to another process."""
    there = _There()
    verdicts = warm.run_all([RIGHT, WRONG], QUICK, executor=there)
    assert [v.status.value for v in verdicts] == ["passed", "failed"]
    assert there.calls == 2
    assert {v.mode for v in verdicts} == {"warm"}


def test_a_dead_pool_s_machines_are_gone() -> None:
    """Closing a runner ends its machines, started or starting."""
    if availability().why:
        pytest.skip(availability().why)
    runner: Runner = PooledRunner(find_toolchain(), Bubblewrap(), "warm", spares=2)
    assert isinstance(runner, PooledRunner)
    assert runner.run(RIGHT).passed
    children = [worker._child.process for worker in runner.stable._idle]
    coming = [future.result()._child.process for future in runner.stable._coming]
    runner.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(c.poll() is None for c in (*children, *coming)):
        time.sleep(0.05)
    assert all(c.poll() is not None for c in (*children, *coming))


def test_only_starved_programs_get_another_try() -> None:
    """What ran out of wall time while it worked is run again; what waited, or used its CPU, not."""
    limits = Limits(cpu_s=4, wall_s=20)
    late = Verdict(status=Status.TIMEOUT, tests={}, kind="wall time", cpu_s=2.0)
    assert _starved(late, limits)
    assert not _starved(attrs.evolve(late, cpu_s=0.1), limits)
    assert not _starved(attrs.evolve(late, kind="cpu time", cpu_s=4.0), limits)


def test_many_open_files_of_this_process_are_no_trouble() -> None:
    """Pipes with high numbers work: a trainer has hundreds of files open."""
    if availability().why:
        pytest.skip(availability().why)
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        runner = PooledRunner(find_toolchain(), Bubblewrap(), "warm", spares=0)
        stack.callback(runner.close)
        assert runner.run(RIGHT).passed
