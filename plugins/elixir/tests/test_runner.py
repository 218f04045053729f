"""The runner's laws: verdicts are proved, programs are kept in, and what is missing is said."""

import socket
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.errors import SandboxError
from ectrain_elixir.runner import (
    Limits,
    Program,
    Runner,
    Status,
    Verdict,
    availability,
    engine,
    find_runner,
    strict,
)
from ectrain_elixir.runner.judge import Referee, clean, judge
from ectrain_elixir.runner.process import Exit, Tail
from ectrain_elixir.runner.record import Record, RecordError, frame, mac, pack, read
from ectrain_elixir.runner.toolchain import find_toolchain

KEY = bytes(range(64))
CANARIES = ("c1", "c2")
QUICK = Limits(cpu_s=3, wall_s=20)


# -- pure: records and judging ---------------------------------------------------------------


def record_of(tests: dict[str, str], canary: str = "failed", kind: str = "") -> bytes:
    """Return the record that the harness would write."""
    fields = ["result", "run", kind, "", str(len(CANARIES))]
    fields += [text for name in CANARIES for text in (name, canary)]
    fields += [str(len(tests)), *(text for pair in tests.items() for text in pair), "end"]
    return frame(KEY, [b"ready", b"1.14.0"]) + frame(KEY, [f.encode() for f in fields])


def judged(
    record: bytes,
    names: tuple[str, ...] = ("a", "b"),
    *,
    output: bytes = b"",
    code: int = 0,
    stopped: bool = False,
    closed: bool = False,
) -> Verdict:
    """Return the verdict on a run that left this."""
    left = Exit(
        record=record,
        output=output,
        code=code,
        cpu_s=1.0,
        wall_s=2.0,
        stopped=stopped,
        closed=closed,
    )
    referee = Referee(key=KEY, canaries=frozenset(CANARIES))
    return judge(Program("", "", names), left, referee, Limits(), "strict")


GOOD = record_of({"a": "passed", "b": "passed"})


def test_a_complete_record_passes_whatever_the_exit_code() -> None:
    """A pass is proved by the record; the exit code has no say."""
    assert judged(GOOD).passed
    assert judged(GOOD, code=1).passed
    assert judged(b"", code=0).status is not Status.PASSED


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_damaged_record_passes(data: st.DataObject) -> None:
    """Any edit of an authentic record's bytes is never a pass."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    damaged = GOOD[:start] + data.draw(st.binary(max_size=8)) + GOOD[end:]
    assert judged(damaged).passed == (damaged == GOOD)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_pass(noise: bytes) -> None:
    """Bytes without the key are never a pass, alone, before or after the record."""
    assert not judged(noise).passed
    if noise:
        assert judged(GOOD + noise).status is Status.TAMPER
        assert judged(noise + GOOD).status is Status.TAMPER


@given(st.lists(st.text(max_size=5), max_size=12))
def test_no_authentic_but_odd_result_passes(fields: list[str]) -> None:
    """Even under the right key, a result that is no list of these tests is not a pass."""
    odd = frame(KEY, [b"ready", b"1"]) + frame(KEY, [f.encode("utf-8", "replace") for f in fields])
    assert not judged(odd).passed


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.sampled_from(["passed", "failed", "skipped"]), max_size=4
    ),
    st.sets(st.sampled_from("abcd"), max_size=4),
)
def test_a_pass_means_exactly_the_named_tests_passed(tests: dict[str, str], want: set[str]) -> None:
    """A missing, additional, failed or skipped test, or none at all, is not a pass."""
    verdict = judged(record_of(tests), tuple(sorted(want)))
    exact = bool(want) and tests == dict.fromkeys(want, "passed")
    assert verdict.passed == exact
    if tests.keys() != want:
        assert verdict.status is Status.TAMPER


@pytest.mark.parametrize("canary", ["passed", "skipped"])
def test_a_canary_that_does_not_fail_is_tampering(canary: str) -> None:
    """Where a test that must fail does not, no test can be believed."""
    assert judged(record_of({"a": "passed", "b": "passed"}, canary)).status is Status.TAMPER


def test_a_record_of_another_key_is_tampering() -> None:
    """A record is believed only under this run's key."""
    forged = frame(bytes(64), [b"ready", b"1"])
    assert judged(forged).status is Status.TAMPER
    with pytest.raises(RecordError):
        read(forged, KEY)


def test_nothing_written_is_infra_and_ready_alone_is_a_crash() -> None:
    """A harness that did not start says nothing about the program; one that did says it crashed."""
    ready = frame(KEY, [b"ready", b"1.14.0"])
    assert read(ready, KEY) == Record(ready="1.14.0")
    assert judged(b"", code=1).status is Status.INFRA
    assert judged(ready, code=0).status is Status.CRASH
    assert judged(ready, code=137, stopped=True).status is Status.TIMEOUT
    assert judged(ready, code=137).status is Status.MEMORY
    assert judged(ready, code=137, closed=True).status is Status.TAMPER
    assert judged(ready, output=b"eheap_alloc: Cannot allocate 9 bytes").status is Status.MEMORY


def test_the_code_is_the_hmac_of_the_standard() -> None:
    """The MAC equals RFC 2104's for keys of one block."""
    import hashlib
    import hmac

    if "md5" in hashlib.algorithms_available:
        assert mac(KEY, b"text") == hmac.digest(KEY, b"text", "md5")


@given(st.lists(st.binary(max_size=20), max_size=20), st.integers(1, 64))
def test_output_keeps_both_ends(chunks: list[bytes], size: int) -> None:
    """Kept output starts and ends as the whole did, and is whole where it fits."""
    tail = Tail(2 * size)
    for chunk in chunks:
        tail.add(chunk)
    whole = b"".join(chunks)
    kept = tail.value()
    assert kept[:size] == whole[:size]
    assert kept[-size:] == whole[-size:] if len(whole) > size else kept == whole
    assert (kept == whole) == (len(whole) <= 2 * size)


@given(st.text())
def test_clean_text_has_no_control_characters(text: str) -> None:
    """No escape code survives, cleaning twice changes nothing, line ends and tabs stay."""
    once = clean(text + "\x1b[31mred\x1b[0m\n\t.")
    assert "\x1b" not in once
    assert clean(once) == once
    assert once.endswith("red\n\t.")


def test_newer_elixir_s_logged_errors_become_the_message() -> None:
    """Where the exception only says that errors were logged, the first of them is told."""
    summary = "program.ex: cannot compile module M (errors have been logged)"
    fields = ["result", "candidate", "compile", summary, "0", "0", "end"]
    data = frame(KEY, [b"ready", b"1.18"]) + frame(KEY, [f.encode() for f in fields])
    verdict = judged(data, output=b"    error: undefined function g/1\n")
    assert (verdict.status, verdict.kind) == (Status.FAILED, "undefined function")
    assert "g/1" in verdict.message


def test_names_are_unique() -> None:
    """A suite that names a test twice is refused: one of the two could be missing unseen."""
    with pytest.raises(ValueError, match="given twice"):
        Program("", "", ("a", "a"))


def test_payloads_survive_the_wire() -> None:
    """Empty and long fields are kept apart."""
    assert pack([b"", b"ab"]) == b"\0\0\0\2" + b"\0\0\0\0" + b"\0\0\0\2ab"


# -- what is missing is said -----------------------------------------------------------------


def test_missing_elixir_is_said_with_the_remedy(tmp_path: Path) -> None:
    """Without Elixir there is an error that names it and what to type."""
    with pytest.raises(SandboxError, match=r"elixir is not in PATH; .*apt-get install elixir"):
        find_toolchain(str(tmp_path))


def test_elixir_that_does_not_start_is_said(tmp_path: Path) -> None:
    """An `elixir` that fails is reported with its own words."""
    script = tmp_path / "elixir"
    script.write_text("#!/bin/sh\necho broken dream >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(SandboxError, match="broken dream"):
        find_toolchain(str(tmp_path))


def test_a_denied_sandbox_is_never_replaced_by_a_weaker_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where bubblewrap fails, "auto" refuses and says so; it does not fall back."""
    monkeypatch.setattr(engine, "find_toolchain", lambda: None)
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    for path in (fake, tmp_path / "prlimit"):
        path.touch()
        path.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    engine._strict.cache_clear()
    try:
        with pytest.raises(SandboxError, match=r"cannot make a sandbox|does not start") as caught:
            find_runner("auto")
    finally:
        engine._strict.cache_clear()
    assert strict.REMEDY in str(caught.value)


# -- with Elixir: honest programs ------------------------------------------------------------


@pytest.fixture(scope="module")
def runner() -> Runner:
    """Return the strict runner, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    return find_runner()


def suite(body: str) -> str:
    """Return a suite with the one test "x"."""
    return f'defmodule MTest do\n use ExUnit.Case\n test "x" do\n{body}\n end\nend'


def module(body: str, top: str = "") -> str:
    """Return module M, and code at the top level behind it."""
    return f"defmodule M do\n{body}\nend\n{top}"


RIGHT, WRONG = "def f(x), do: x + 1", "def f(_), do: 0"
SUITE = suite("assert M.f(1) == 2")
PARSE = "defmodule M do def"
LOGGER = "require Logger\ndef f(x), do: (Logger.debug(inspect(x)); x + 1)"

HONEST = {
    "right": (module(RIGHT), "passed", ""),
    "wrong": (module(WRONG), "failed", "assertion"),
    "parse": (PARSE, "failed", "parse"),
    "compile": (module("def f(x) when x, do: x\n def f(x), do: @y.(1 2"), "failed", "parse"),
    "unknown local": (module("def f(x), do: g(x)"), "failed", "undefined function"),
    "unknown remote": (module("def g(x), do: x"), "failed", "undefined function"),
    "unknown struct": (module("def f(x), do: %Nope{a: x}"), "failed", "compile"),
    "raise": (module('def f(_), do: raise("boo")'), "failed", "exception"),
    "throw": (module("def f(_), do: throw(1)"), "failed", "throw"),
    "exit": (module("def f(_), do: exit(:normal)"), "failed", "exit"),
    "killed": (module("def f(_), do: Process.exit(self(), :kill)"), "failed", "exit"),
    "prints": (module('def f(x), do: (IO.puts("\\e[31mhi"); x + 1)'), "passed", ""),
    "logs": (module(LOGGER), "passed", ""),
}


class TestHonest:
    """Programs that do not cheat get the verdict a person would give."""

    pytestmark = pytest.mark.requires_elixir

    def test_verdicts(self, runner: Runner) -> None:
        """Status and kind of each program, in the order given, two at a time."""
        programs = [Program(code, SUITE, ("x",)) for code, _, _ in HONEST.values()]
        verdicts = runner.run_all(programs, QUICK, workers=2)
        found = {n: (v.status, v.kind) for n, v in zip(HONEST, verdicts, strict=True)}
        assert found == {name: (status, kind) for name, (_, status, kind) in HONEST.items()}
        assert all(v.tier == "strict" and v.cpu_s > 0 and v.wall_s > 0 for v in verdicts)

    def test_whole_suites(self, runner: Runner) -> None:
        """Setup, describe, on_exit, supervised children and messages work; names are ExUnit's."""
        tests = """
        defmodule MTest do
          use ExUnit.Case, async: true
          setup_all do: {:ok, base: 1}
          setup %{base: base} do
            on_exit(fn -> :ok end)
            {:ok, agent: start_supervised!({Agent, fn -> base end})}
          end
          describe "f" do
            setup do: [deep: true]
            test "adds", %{agent: agent, base: base, deep: true} do
              assert M.f(base) == 2
              assert Agent.get(agent, & &1) == 1
            end
            test "fails on text", do: assert_raise(ArithmeticError, fn -> M.f("") end)
          end
          test "sends" do
            me = self()
            spawn(fn -> send(me, M.f(3)) end)
            assert_receive 4
          end
          test "wrong", do: assert M.f(1) == 3
        end
        """
        names = ("f adds", "f fails on text", "sends", "wrong")
        verdict = runner.run(Program(module(RIGHT), tests, names), QUICK)
        assert verdict.tests == dict.fromkeys(names[:3], "passed") | {"wrong": "failed"}
        assert (verdict.status, verdict.kind) == (Status.FAILED, "assertion")
        assert "M.f(1) == 3" in verdict.message

    def test_suites_that_prove_nothing(self, runner: Runner) -> None:
        """No tests, skipped tests and tests that do not compile are not passes."""
        empty = "defmodule MTest do\n use ExUnit.Case\nend"
        skipped = SUITE.replace(" test", " @tag :skip\n test")
        broken = suite("assert %Nope{} == 1")
        setup = SUITE.replace(" test", ' setup_all do: raise("no")\n test', 1)
        suites = [empty, skipped, broken, setup]
        programs = [Program(module(RIGHT), tests, ("x",)) for tests in suites]
        verdicts = runner.run_all(programs, QUICK, workers=2)
        assert [(v.status.value, v.kind) for v in verdicts] == [
            ("tamper", "test names"),
            ("failed", "skipped"),
            ("failed", "compile"),
            ("failed", "exception"),
        ]
        assert "tests do not compile" in verdicts[2].message
        assert runner.run(Program(module(RIGHT), empty, ())).kind == "no tests"

    def test_deadline(self, runner: Runner) -> None:
        """Programs that a deadline leaves no time for are not measured, never failed."""
        programs = [Program(module(RIGHT), SUITE, ("x",))] * 3
        verdicts = runner.run_all(programs, QUICK, workers=1, deadline_s=0.05)
        assert [v.status for v in verdicts] == [Status.INFRA] * 3

    @pytest.mark.usefixtures("runner")
    def test_limited_tier_is_named(self) -> None:
        """The limited tier judges alike, and every verdict says that it was the limited one."""
        weak = find_runner("limited")
        right = weak.run(Program(module(RIGHT), SUITE, ("x",)), QUICK)
        endless = weak.run(
            Program(module("def f(x), do: f(x)"), SUITE, ("x",)), Limits(cpu_s=1, wall_s=5)
        )
        assert (right.status, right.tier) == (Status.PASSED, "limited")
        assert endless.status is Status.TIMEOUT


# -- with Elixir: attacks --------------------------------------------------------------------

REPLACED = "def assert(_, _), do: true\ndef assert(_, _, _), do: true"
UNSTUCK = f'''
def f(_) do
  for dir <- :code.get_path(), do: :code.unstick_dir(dir)
  Code.compiler_options(ignore_module_conflict: true)
  Code.compile_string("""
  defmodule ExUnit.Assertions do
    {REPLACED}
  end
  """)
  0
end
'''
REWRITTEN = '''
def f(_) do
  Code.compiler_options(ignore_module_conflict: true)
  Code.compile_string("""
  defmodule MTest do
    def __ex_unit__(_, context), do: context
    for n <- [:"test x", :"test y"], do: def unquote(n)(_), do: :ok
  end
  """)
  2
end
'''
PORTS = """
for p <- Port.list() do
  try do
    Port.command(p, "ECT1passed")
  catch
    _, _ -> :ok
  end
end
"""
DESCRIPTORS = """
for n <- 3..64 do
  try do
    Port.command(Port.open({:fd, n, n}, [:out, :binary]), "ECT1passed")
  catch
    _, _ -> :ok
  end
end
"""
FORGED = """
def f(_) do
  for p <- Process.list(), p != self() do
    send(p, {self(), :test_finished, :passed})
    send(p, {:DOWN, make_ref(), :process, self(), {:shutdown, {make_ref(), :passed}}})
  end
  exit({:shutdown, {make_ref(), :passed}})
end
"""
KILLING = """
def f(_) do
  for p <- Process.list(), p != self(),
      Process.info(p, :registered_name) == {:registered_name, []},
      do: Process.exit(p, :kill)
  2
end
"""
BINARIES = "def f(_), do: length(for _ <- 1..40, do: :binary.copy(<<1>>, 9_000_000))"
ATOMS = 'def f(_), do: length(for i <- 1..300_000, do: String.to_atom("a#{i}"))'
EXIT_HOOK = "System.at_exit(fn _ -> System.halt(0) end)"
RUNNER = "defmodule ExUnit.Runner do\n def run(_, _), do: %{total: 1, failures: 0}\nend"
ASSERTIONS = (
    f"Code.compiler_options(ignore_module_conflict: true)\n"
    f"defmodule ExUnit.Assertions do\n{REPLACED}\nend"
)
FAKE = 'IO.puts("ECT1 1 test, 0 failures")\nIO.puts(:stderr, "ready result run end")'

FLOOD = """
def f(x) do
  for _ <- 1..4000, do: IO.binwrite("\\e[31mdrip " <> <<255, 10>>)
  x + 1
end
"""
FORKS = """
def f(_) do
  beam = Path.join([:code.root_dir(), "erts-#{:erlang.system_info(:version)}", "bin", "erlexec"])
  for _ <- 1..100, do: Port.open({:spawn_executable, beam}, args: ["-noinput"])
  2
end
"""
MACRO = f"defmacro m, do: System.halt(0)\n{RIGHT}"
USER = "defmodule User do\n require M\n M.m()\nend"

ATTACKS = {
    "halt at the top": (module(RIGHT, "System.halt(0)"), "crash"),
    "halt in a test": (module("def f(_), do: apply(System, :halt, [0])"), "crash"),
    "halt in a macro": (module(MACRO, USER), "crash"),
    "stop": (module("def f(_), do: (System.stop(0); Process.sleep(:infinity))"), "crash"),
    "abort": (module("def f(_), do: :erlang.halt(:abort)"), "crash"),
    "at_exit": (module(WRONG, EXIT_HOOK), "failed"),
    "replaces ExUnit.Runner": (module(WRONG, RUNNER), "tamper"),
    "replaces the assertions": (module(WRONG, ASSERTIONS), "tamper"),
    "replaces them when called": (module(UNSTUCK), "tamper"),
    "prints a fake report": (module(WRONG, FAKE), "failed"),
    "writes to every port": (module(WRONG, PORTS), "tamper"),
    "writes to every descriptor": (module(WRONG, DESCRIPTORS), "tamper or crash"),
    "forges results": (module(FORGED), "failed"),
    "kills the harness": (module(KILLING), "crash"),
    "excludes all tests": (module(WRONG, "ExUnit.configure(exclude: [:test])"), "failed"),
    "loops": (module("def f(x), do: f(x)"), "timeout"),
    "loops when compiled": (module(f"{RIGHT}\nEnum.each(Stream.cycle([1]), & &1)"), "timeout"),
    "forks": (module(FORKS), "failed"),
    "processes": (module("def f(_), do: (spawn(fn -> f(1) end); f(1))"), "timeout"),
}

MEMORY = {
    "binaries": (module(BINARIES), "memory"),
    "lists": (module("def f(x), do: f([1 | List.wrap(x)])"), "memory"),
    "atoms": (module(ATOMS), "memory"),
}


class TestAttacks:
    """Programs that cheat or harm get the status they deserve, and never a pass."""

    pytestmark = pytest.mark.requires_elixir

    @pytest.mark.parametrize(
        ("table", "limits"),
        [(ATTACKS, Limits(cpu_s=2, wall_s=20)), (MEMORY, Limits(wall_s=40, memory_mb=64))],
        ids=["cheats", "memory"],
    )
    def test_statuses(
        self, runner: Runner, table: dict[str, tuple[str, str]], limits: Limits
    ) -> None:
        """The attack table."""
        programs = [Program(code, SUITE, ("x",)) for code, _ in table.values()]
        verdicts = runner.run_all(programs, limits, workers=2)
        wrong = {
            name: (verdict.status.value, verdict.message)
            for (name, (_, wanted)), verdict in zip(table.items(), verdicts, strict=True)
            if verdict.status.value not in wanted.split(" or ")
        }
        assert wrong == {}

    def test_rewriting_the_suite_is_tampering(self, runner: Runner) -> None:
        """A first test that replaces the module of the others is seen."""
        tests = SUITE.removesuffix("end") + 'test "y", do: assert M.f(1) == 7\nend'
        assert runner.run(Program(module(REWRITTEN), tests, ("x", "y")), QUICK).status == "tamper"

    def test_wall_time_bounds_waiting(self, runner: Runner) -> None:
        """A program that waits, or freezes the referee, is ended at the wall limit."""
        freeze = """
        def f(_) do
          for p <- Process.list(), p != self() do
            try do
              :erlang.suspend_process(p)
            catch
              _, _ -> 0
            end
          end
        end
        """
        sleep = "def f(_), do: Process.sleep(:infinity)"
        programs = [Program(module(body), SUITE, ("x",)) for body in (sleep, freeze)]
        start = time.monotonic()
        verdicts = runner.run_all(programs, Limits(wall_s=3), workers=2)
        assert [(v.status, v.kind) for v in verdicts] == [(Status.TIMEOUT, "wall time")] * 2
        assert time.monotonic() - start < 3 + 2.5

    def test_a_flood_of_output_is_cut(self, runner: Runner) -> None:
        """Output beyond the limit is dropped in the middle; the verdict is not changed by it."""
        code = module(FLOOD)
        verdict = runner.run(Program(code, SUITE, ("x",)), Limits(output_kb=2))
        assert verdict.passed, verdict
        assert "bytes left out" in verdict.output
        assert len(verdict.output) < 3000
        assert "\x1b" not in verdict.output

    def test_the_sandbox_keeps_programs_in(
        self, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No file, no secret, no command and no connection of this machine is within reach."""
        monkeypatch.setenv("ECTRAIN_TEST_SECRET", "sesame")
        (tmp_path / "canary").write_text("alive")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            tests = JAIL_SUITE.replace("PORT", str(port)).replace("OUTSIDE", str(tmp_path))
            verdict = runner.run(Program(module(RIGHT), tests, JAIL), QUICK)
            server.settimeout(0.05)
            with pytest.raises(TimeoutError):
                server.accept()
        assert verdict.passed, (verdict.tests, verdict.message, verdict.output)
        assert (tmp_path / "canary").read_text() == "alive"


JAIL = ("files", "disk", "secrets", "network", "commands", "identity")
JAIL_SUITE = """
    defmodule JailTest do
      use ExUnit.Case
      test "files" do
        for path <- ~w(/x /etc/x /usr/lib/x /harness/x /dev/shm/x /tmp/x OUTSIDE/x) do
          assert {:error, _} = File.write(path, "x")
        end
        for path <- ~w(/etc/passwd /home /root /tmp /proc /sys OUTSIDE/canary) do
          assert {:error, _} = File.read(path)
          assert {:error, _} = File.ls(path)
        end
      end
      test "disk" do
        assert :ok = File.write("small", "x")
        assert {:error, _} = File.write("large", :binary.copy("x", 20_000_000))
      end
      test "secrets" do
        refute inspect(System.get_env()) =~ "sesame"
        for p <- Process.list(), p != self(), {_, text} <- [Process.info(p, :backtrace)] do
          refute text =~ ~r/judge|isolated/
        end
        for n <- ["self", 1, 2], file <- ~w(environ cmdline mem maps) do
          assert {:error, _} = File.open("/proc/#{n}/#{file}", [:read])
        end
      end
      test "network" do
        assert {:error, _} = :gen_tcp.connect({127, 0, 0, 1}, PORT, [], 1000)
        assert {:error, _} = :gen_tcp.connect({192, 0, 2, 1}, 80, [], 1000)
        assert {:error, _} = :inet.getaddr('localhost.example', :inet)
        refute Node.alive?()
      end
      test "commands" do
        assert_raise ErlangError, fn -> System.cmd("sh", ["-c", "true"]) end
        for shell <- ~w(/bin/sh /usr/bin/env /usr/bin/python3), do: refute File.exists?(shell)
        prlimit = Port.open({:spawn_executable, '/harness/prlimit'}, [:exit_status])
        assert_receive {^prlimit, {:data, text}}, 2000
        assert List.to_string(text) =~ "NPROC"
      end
      test "identity" do
        assert {:ok, %{uid: 65_534}} = File.stat("/work")
        assert M.f(1) == 2
      end
    end
"""
