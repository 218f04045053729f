"""Turn what a run left into a verdict: a pass needs a complete, authentic record of every test."""

import math
import re

import attrs

from ectrain_elixir.runner.model import Limits, Program, Status, Verdict
from ectrain_elixir.runner.process import Exit
from ectrain_elixir.runner.record import Record, RecordError, Result, read

_MESSAGE_CHARS = 2000
_KILLED = frozenset({-9, 137})
_CPU_MARGIN_S = 0.5
_NO_MEMORY = re.compile(
    r"_alloc: Cannot (re)?allocate|no more index entries in atom_tab|bad_alloc|out of memory",
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LOGGED = re.compile(r"^\s*error: (.+)$", re.MULTILINE)


@attrs.frozen
class Referee:
    """What only the referee knows of one run: the record's key and the tests that must fail."""

    key: bytes
    canaries: frozenset[str]


def clean(text: str) -> str:
    """Return text without terminal escape codes and control characters."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def judge(program: Program, left: Exit, referee: Referee, limits: Limits, tier: str) -> Verdict:
    """Return the verdict on one run.

    Args:
        program: What was run.
        left: What the process left.
        referee: The secrets of this run.
        limits: The limits it ran under.
        tier: The sandbox it ran in.
    """
    output = clean(left.output.decode("utf-8", errors="replace"))
    verdict = Verdict(
        status=Status.CRASH,
        tests=dict.fromkeys(program.test_names, "not run"),
        output=output,
        cpu_s=left.cpu_s,
        wall_s=left.wall_s,
        tier=tier,
    )
    try:
        record = read(left.record, referee.key)
    except RecordError as error:
        return _as(verdict, Status.TAMPER, "record", f"the record is not genuine: {error}")
    if record.result is None:
        return _unfinished(verdict, record, left, limits)
    return _finished(verdict, record.result, referee)


def _unfinished(verdict: Verdict, record: Record, left: Exit, limits: Limits) -> Verdict:
    if record.ready is None:
        said = " ".join(verdict.output.split())[:300] or f"exit status {left.code}"
        return _as(verdict, Status.INFRA, "start", f"the test harness did not start: {said}")
    return _ended(verdict, left, limits)


def _ended(verdict: Verdict, left: Exit, limits: Limits) -> Verdict:
    """Judge a virtual machine that ended, or was ended, before its tests did."""
    if left.stopped:
        text = f"still running after {limits.wall_s:g} s"
        return _as(verdict, Status.TIMEOUT, "wall time", text)
    if left.closed:
        text = "the program closed the pipe of the record"
        return _as(verdict, Status.TAMPER, "record", text)
    if left.code in _KILLED and left.cpu_s >= math.ceil(limits.cpu_s) - _CPU_MARGIN_S:
        text = f"used {left.cpu_s:.1f} s of CPU time, {limits.cpu_s:g} s allowed"
        return _as(verdict, Status.TIMEOUT, "cpu time", text)
    found = _NO_MEMORY.search(verdict.output)
    if found or left.code in _KILLED:
        text = found.group(0) if found else "killed by the system"
        return _as(verdict, Status.MEMORY, "memory", f"out of memory ({text})")
    text = f"the virtual machine ended before its tests, with exit status {left.code}"
    return _as(verdict, Status.CRASH, "halt", text)


def _finished(verdict: Verdict, result: Result, referee: Referee) -> Verdict:
    if result.phase in ("integrity", "canary"):
        return _as(verdict, Status.TAMPER, "integrity", f"the program {result.message}")
    if result.phase != "run":
        kind, message = _compile_error(result, verdict.output)
        if result.phase == "tests":
            message = f"the tests do not compile: {message}"
        return _as(verdict, Status.FAILED, kind, message)
    caught = dict(result.canary)
    if len(result.canary) != len(caught) or caught.keys() != referee.canaries:
        return _as(verdict, Status.TAMPER, "canary", "the tests that must fail did not run")
    if set(caught.values()) != {"failed"}:
        return _as(verdict, Status.TAMPER, "canary", "a test that must fail did not fail")
    return _tested(verdict, result)


def _tested(verdict: Verdict, result: Result) -> Verdict:
    found = dict(result.tests)
    wanted = verdict.tests.keys()
    if len(found) != len(result.tests) or found.keys() != wanted:
        odd = sorted(found.keys() ^ wanted) or ["one test ran twice"]
        text = f"the tests that ran are not those of the suite: {', '.join(odd)[:300]}"
        return _as(verdict, Status.TAMPER, "test names", text)
    verdict = attrs.evolve(verdict, tests={name: found[name] for name in wanted})
    states = set(found.values())
    if "failed" in states:
        return _as(verdict, Status.FAILED, result.kind, result.message)
    if states == {"passed"}:
        return attrs.evolve(verdict, status=Status.PASSED)
    if not states:
        return _as(verdict, Status.FAILED, "no tests", "there are no tests")
    skipped = sorted(name for name, state in found.items() if state == "skipped")
    return _as(verdict, Status.FAILED, "skipped", f"skipped: {', '.join(skipped)}")


def _compile_error(result: Result, output: str) -> tuple[str, str]:
    """Return kind and message; newer Elixir prints the errors and raises only a summary."""
    message = result.message
    logged = _LOGGED.search(output) if "errors have been logged" in message else None
    if logged:
        message = f"{logged.group(1)} ({message})"
    unknown = result.kind == "compile" and "undefined function" in message
    return ("undefined function" if unknown else result.kind), message


def _as(verdict: Verdict, status: Status, kind: str, message: str) -> Verdict:
    text = clean(message).strip()
    if len(text) > _MESSAGE_CHARS:
        text = text[:_MESSAGE_CHARS] + " [cut]"
    return attrs.evolve(verdict, status=status, kind=kind, message=text)
