"""The runner's laws: verdicts are proved, programs are kept in, and what is missing is said."""

import itertools
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
    bubblewrap,
    engine,
    find_runner,
    limits_for,
)
from ectrain_elixir.runner.judge import Referee, clean, judge
from ectrain_elixir.runner.streams import Tail
from ectrain_elixir.runner.toolchain import find_toolchain
from ectrain_elixir.runner.wire import Packets, WireError, answer, mac, opened, packet, request
from ectrain_elixir.runner.worker import Left

KEY = bytes(range(64))
CANARIES = ("c1", "c2")
QUICK = Limits(cpu_s=3, wall_s=20)


# -- pure: the wire and judging --------------------------------------------------------------


def answer_of(passed: dict[str, str], canary_state: str = "failed", /, **changes: object) -> bytes:
    """Return the body of the answer that the worker would write, with some of it changed."""
    content = {
        "phase": "run",
        "kind": "",
        "message": "",
        "canary": [[name, canary_state] for name in CANARIES],
        "tests": [list(pair) for pair in passed.items()],
        "output": "",
        "cpu_ms": 7,
    }
    return answer(KEY, content | changes)[4:]


def judged(
    body: bytes | None,
    names: tuple[str, ...] = ("a", "b"),
    *,
    output: bytes = b"",
    code: int | None = 0,
    stopped: str = "",
    closed: bool = False,
) -> Verdict:
    """Return the verdict on a run that left this."""
    left = Left(answer=body, output=output, code=code, stopped=stopped, closed=closed)
    referee = Referee(key=KEY, canaries=frozenset(CANARIES))
    return judge(Program("", "", names), left, referee, Limits(), "strict", "warm")


GOOD = answer_of({"a": "passed", "b": "passed"})


def test_a_complete_record_passes_whatever_the_exit_code() -> None:
    """A pass is proved by the record; the exit code has no say."""
    assert judged(GOOD).passed
    assert judged(GOOD, code=1).passed
    assert judged(None, code=0).status is Status.CRASH


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
    assert judged(noise).status is Status.TAMPER
    if noise:
        assert judged(GOOD + noise).status is Status.TAMPER
        assert judged(noise + GOOD).status is Status.TAMPER


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = ("phase", "kind", "message", "canary", "tests", "output", "cpu_ms")


@given(st.dictionaries(st.sampled_from((*FIELDS, "more")), JSON, min_size=1))
def test_no_authentic_but_odd_result_passes(odd: dict[str, object]) -> None:
    """Even under the right key, an answer that is no list of these tests is not a pass."""
    verdict = judged(answer(KEY, odd)[4:])
    assert verdict.status is Status.TAMPER
    mixed = judged(answer_of({"a": "passed", "b": "passed"}, **odd))
    harmless = {"kind", "message", "output", "cpu_ms"}
    assert not mixed.passed or odd.keys() <= harmless


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.sampled_from(["passed", "failed", "skipped"]), max_size=4
    ),
    st.sets(st.sampled_from("abcd"), max_size=4),
)
def test_a_pass_means_exactly_the_named_tests_passed(tests: dict[str, str], want: set[str]) -> None:
    """A missing, additional, failed or skipped test, or none at all, is not a pass."""
    verdict = judged(answer_of(tests), tuple(sorted(want)))
    exact = bool(want) and tests == dict.fromkeys(want, "passed")
    assert verdict.passed == exact
    if tests.keys() != want:
        assert verdict.status is Status.TAMPER


@pytest.mark.parametrize("canary", ["passed", "skipped"])
def test_a_canary_that_does_not_fail_is_tampering(canary: str) -> None:
    """Where a test that must fail does not, no test can be believed."""
    assert judged(answer_of({"a": "passed", "b": "passed"}, canary)).status is Status.TAMPER


def test_a_record_of_another_key_is_tampering() -> None:
    """A record is believed only under this run's key."""
    forged = answer(bytes(64), {"phase": "run"})[4:]
    assert judged(forged).status is Status.TAMPER
    with pytest.raises(WireError):
        opened(KEY, forged)


def test_a_machine_without_an_answer_is_judged_by_its_end() -> None:
    """It crashed, ran out of time or memory, or hid from the referee."""
    assert judged(None, code=0).status is Status.CRASH
    assert judged(None, code=137, stopped="wall time").kind == "wall time"
    assert judged(None, code=137, stopped="cpu time").status is Status.TIMEOUT
    assert judged(None, code=137).status is Status.MEMORY
    assert judged(None, code=137, closed=True).status is Status.TAMPER
    assert judged(None, output=b"eheap_alloc: Cannot allocate 9 bytes").status is Status.MEMORY


def test_the_code_is_the_hmac_of_the_standard() -> None:
    """The MAC equals RFC 2104's for keys of one block."""
    import hashlib
    import hmac

    if "md5" in hashlib.algorithms_available:
        assert mac(KEY, b"text") == hmac.digest(KEY, b"text", "md5")


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_packets_survive_any_bytes_and_any_cut(bodies: list[bytes], data: st.DataObject) -> None:
    """However a stream is cut, the same packets come out, and what is unfinished is known."""
    stream = b"".join(map(packet, bodies))
    end = data.draw(st.integers(0, len(stream)))
    cuts = sorted(data.draw(st.lists(st.integers(0, end), max_size=10)))
    packets, found = Packets(), list[bytes]()
    for start, stop in zip([0, *cuts], [*cuts, end], strict=True):
        found += packets.add(stream[start:stop])
    ends = itertools.accumulate(4 + len(body) for body in bodies)
    whole = [body for body, stop in zip(bodies, ends, strict=True) if stop <= end]
    assert found == whole
    assert packets.complete == (b"".join(map(packet, whole)) == stream[:end])


def test_a_stream_that_holds_no_packets_is_refused() -> None:
    """Text on the answer pipe reads as an absurd length, and is not waited for."""
    with pytest.raises(WireError):
        Packets().add(b"ECT1 passed")


def test_requests_keep_fields_apart() -> None:
    """Empty and long fields, and text that is no Unicode, arrive as they are."""
    body = b"\0\0\0\3" + b"\0\0\0\0" + b"\0\0\0\2ab" + b"\0\0\0\3\xed\xa0\x80"
    assert request([b"", "ab", "\ud800"]) == b"\0\0\0" + bytes([len(body)]) + body


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
    said = "    error: undefined function g/1\n"
    body = answer_of({}, phase="candidate", kind="compile", message=summary, output=said)
    verdict = judged(body)
    assert (verdict.status, verdict.kind) == (Status.FAILED, "undefined function")
    assert "g/1" in verdict.message


@given(st.floats(0, 100), st.floats(1, 50))
def test_limits_scale_with_the_reference(cpu_s: float, factor: float) -> None:
    """A program may take a multiple of the reference's time, and never less than a second."""
    limits = limits_for(Verdict(status=Status.PASSED, tests={}, cpu_s=cpu_s), factor)
    assert limits.cpu_s == max(1.0, factor * cpu_s)
    assert limits.wall_s == 5 * limits.cpu_s


def test_names_are_unique() -> None:
    """A suite that names a test twice is refused: one of the two could be missing unseen."""
    with pytest.raises(ValueError, match="given twice"):
        Program("", "", ("a", "a"))


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
    assert bubblewrap.REMEDY in str(caught.value)


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
        verdicts = runner.run_all(programs, QUICK, workers=1, deadline_s=0.0)
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
