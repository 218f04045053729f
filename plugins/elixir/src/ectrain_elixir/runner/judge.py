"""Turn what a request left into a verdict: a pass needs a complete, authentic record of all tests.

The answer to "run" is an object: `phase` that ended the run, `kind` and `message` of the first
failure, the states of the tests that must fail (`canary`) and of the `tests`, what was printed
(`output`) and the CPU time (`cpu_ms`).
"""

import re
from typing import Any

import attrs
import cattrs

from ectrain_elixir.runner.model import Limits, Program, Status, Verdict
from ectrain_elixir.runner.wire import WireError, opened
from ectrain_elixir.runner.worker import Left

_MESSAGE_CHARS = 2000
_KILLED = frozenset({-9, 137})
_STATES = frozenset({"passed", "failed", "skipped"})
_PHASES = frozenset({"candidate", "tests", "canary", "integrity", "timeout", "run"})
_NO_MEMORY = re.compile(
    r"_alloc: Cannot (re)?allocate|no more index entries in atom_tab|bad_alloc|out of memory",
    re.IGNORECASE,
)
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LOGGED = re.compile(r"^\s*error: (.+)$", re.MULTILINE)
_STRICT_TYPES = cattrs.Converter(forbid_extra_keys=True, prefer_attrib_converters=True)


def _states(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple((str(name), str(state)) for name, state in value)
    if not _STATES.issuperset(state for _, state in pairs):
        raise ValueError("a test has no known state")
    return pairs


@attrs.frozen
class Record:
    """What a worker says about one program."""

    phase: str = attrs.field(validator=attrs.validators.in_(_PHASES))
    kind: str
    message: str
    canary: tuple[tuple[str, str], ...] = attrs.field(converter=_states)
    tests: tuple[tuple[str, str], ...] = attrs.field(converter=_states)
    output: str
    cpu_ms: int


@attrs.frozen
class Referee:
    """What only the referee knows of one run: the answer's key and the tests that must fail."""

    key: bytes
    canaries: frozenset[str]


def clean(text: str) -> str:
    """Return text without terminal escape codes and control characters."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def read(key: bytes, body: bytes) -> Record:
    """Return what an answer to "run" says.

    Raises:
        WireError: If it is not one that the worker wrote under this key.
    """
    content = opened(key, body)
    try:
        return _STRICT_TYPES.structure(content, Record)
    except (cattrs.BaseValidationError, ValueError, TypeError, KeyError) as error:
        raise WireError("the result is not complete") from error


def judge(
    program: Program, left: Left, referee: Referee, limits: Limits, tier: str, mode: str
) -> Verdict:
    """Return the verdict on one run.

    Args:
        program: What was run.
        left: What the request left.
        referee: The secrets of this run.
        limits: The limits it ran under.
        tier: The sandbox it ran in.
        mode: "strict" or "warm".
    """
    verdict = Verdict(
        status=Status.CRASH,
        tests=dict.fromkeys(program.test_names, "not run"),
        output=clean(left.output.decode("utf-8", errors="replace")),
        cpu_s=left.cpu_s,
        wall_s=left.wall_s,
        tier=tier,
        mode=mode,
    )
    if left.answer is None:
        return ended(verdict, left, limits)
    try:
        record = read(referee.key, left.answer)
    except WireError as error:
        return changed(verdict, Status.TAMPER, "record", f"the record is not genuine: {error}")
    output = clean(record.output) + verdict.output
    verdict = attrs.evolve(verdict, output=output, cpu_s=max(record.cpu_ms / 1000, 0.0))
    return _finished(verdict, record, referee, limits)


def ended(verdict: Verdict, left: Left, limits: Limits) -> Verdict:
    """Judge a machine that ended, or was ended, without an answer."""
    if left.stopped:
        return _late(verdict, left.stopped, limits)
    if left.closed:
        text = "the program closed or damaged the pipe of the record"
        return changed(verdict, Status.TAMPER, "record", text)
    found = _NO_MEMORY.search(verdict.output)
    if found or left.code in _KILLED:
        text = found.group(0) if found else "killed by the system"
        return changed(verdict, Status.MEMORY, "memory", f"out of memory ({text})")
    text = f"the virtual machine ended before its tests, with exit status {left.code}"
    return changed(verdict, Status.CRASH, "halt", text)


def _late(verdict: Verdict, kind: str, limits: Limits) -> Verdict:
    allowed = limits.cpu_s if kind == "cpu time" else limits.wall_s
    used = "CPU time" if kind == "cpu time" else "wall time"
    return changed(verdict, Status.TIMEOUT, kind, f"still running after {allowed:g} s of {used}")


def _finished(verdict: Verdict, record: Record, referee: Referee, limits: Limits) -> Verdict:
    if record.phase == "timeout":
        return _late(verdict, record.kind, limits)
    if record.phase in ("integrity", "canary"):
        text = f"the program {record.message}"
        return changed(verdict, Status.TAMPER, "integrity", text)
    if record.phase != "run":
        kind, message = _compile_error(record, verdict.output)
        if record.phase == "tests":
            message = f"the tests do not compile: {message}"
        return changed(verdict, Status.FAILED, kind, message)
    caught = dict(record.canary)
    if len(record.canary) != len(caught) or caught.keys() != referee.canaries:
        return changed(verdict, Status.TAMPER, "canary", "the tests that must fail did not run")
    if set(caught.values()) != {"failed"}:
        return changed(verdict, Status.TAMPER, "canary", "a test that must fail did not fail")
    return _tested(verdict, record)


def _tested(verdict: Verdict, record: Record) -> Verdict:
    found = dict(record.tests)
    wanted = verdict.tests.keys()
    if len(found) != len(record.tests) or found.keys() != wanted:
        odd = sorted(found.keys() ^ wanted) or ["one test ran twice"]
        text = f"the tests that ran are not those of the suite: {', '.join(odd)[:300]}"
        return changed(verdict, Status.TAMPER, "test names", text)
    verdict = attrs.evolve(verdict, tests={name: found[name] for name in wanted})
    states = set(found.values())
    if "failed" in states:
        return changed(verdict, Status.FAILED, record.kind, record.message)
    if states == {"passed"}:
        return attrs.evolve(verdict, status=Status.PASSED)
    if not states:
        return changed(verdict, Status.FAILED, "no tests", "there are no tests")
    skipped = sorted(name for name, state in found.items() if state == "skipped")
    return changed(verdict, Status.FAILED, "skipped", f"skipped: {', '.join(skipped)}")


def _compile_error(record: Record, output: str) -> tuple[str, str]:
    """Return kind and message; newer Elixir prints the errors and raises only a summary."""
    message = record.message
    logged = _LOGGED.search(output) if "errors have been logged" in message else None
    if logged:
        message = f"{logged.group(1)} ({message})"
    unknown = record.kind == "compile" and "undefined function" in message
    return ("undefined function" if unknown else record.kind), message


def changed(verdict: Verdict, status: Status, kind: str, message: str) -> Verdict:
    """Return a verdict with another status, its kind and a clean message of bounded length."""
    text = clean(message).strip()
    if len(text) > _MESSAGE_CHARS:
        text = text[:_MESSAGE_CHARS] + " [cut]"
    return attrs.evolve(verdict, status=status, kind=kind, message=text)
