"""A second Python process, with another hash seed, that looks at a task from outside.

One process serves all tasks of a session: starting one costs seconds. It watches what a package
does while it is imported for the first time.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

from ectrain.testing.law import NotApplicable

if TYPE_CHECKING:
    from ectrain.testing.subject import Subject

SECONDS = 120.0  # that it may take to answer

_SERVE = "from ectrain.testing.other_process import serve; serve()"

# What no import needs, of https://docs.python.org/3/library/audit_events.html
_WATCHED = (
    "open",
    "os.listdir",
    "os.scandir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.system",
    "os.posix_spawn",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
)


class CannotMove(Exception):  # noqa: N818 - a law that needs it does not apply
    """A task that can't be taken to another process, and why."""


def elsewhere(subject: Subject) -> dict[str, Any]:
    """Return what another process finds.

    Returns:
        "package": what was imported; "events": what its import did that no import needs;
        "changed": what it changed for the whole process; "left": what working with the task
        changed there; "digest": as `Subject.digest` gives it.

    Raises:
        CannotMove: The task's class can't be imported there by its name.
        NotApplicable: It breaks a law without which there is nothing to look at.
        RuntimeError: It failed there in a way that it did not here.
    """
    return answer_of(_the_other().ask(_request(subject)))


@contextlib.contextmanager
def ask_beside(subject: Subject, more: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Let another process work on the task while the context's body runs.

    Args:
        subject: What is taken there.
        more: What is asked beside it.

    Yields:
        Its answer, which is there once the body is through.

    Raises:
        CannotMove: The task can't be taken there.
    """
    request, answer = {**_request(subject), **more}, dict[str, Any]()
    thread = threading.Thread(target=lambda: answer.update(_the_other().ask(request)))
    thread.start()
    try:
        yield answer
    finally:
        thread.join()


def _request(subject: Subject) -> dict[str, Any]:
    kind = type(subject.task)
    try:
        packed = pickle.dumps((kind, subject.task.config))
    except Exception as error:
        raise CannotMove(f"it can't be taken to another process: {error}") from None
    return {
        "path": sys.path,
        "module": kind.__module__,
        "task": base64.b64encode(packed).decode(),
        "tokenizer": subject.tokenizer.to_json(),
        "examples": subject.examples,
    }


def answer_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what another process answered.

    Raises:
        CannotMove: The task's class can't be imported there by its name.
        NotApplicable: It breaks a law without which there is nothing to look at.
        RuntimeError: It failed there in a way that it did not here.
    """
    if "absent" in answer:
        raise CannotMove(f"its module can't be imported by name: {answer['absent']}")
    if "not applicable" in answer:
        raise NotApplicable(answer["not applicable"])
    if "error" in answer:
        raise RuntimeError(f"in another process: {answer['error']}")
    return answer


class _Other:
    """The process, asked by lines of JSON."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "PYTHONHASHSEED": "4242",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
        )
        atexit.register(self._process.kill)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(SECONDS, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
            timer.join()
        if not line:
            return {"error": f"it ended, or gave no answer in {SECONDS:g} s"}
        answer: dict[str, Any] = json.loads(line)
        return answer


_other: list[_Other] = []


def _the_other() -> _Other:
    if not _other or not _other[0].alive:
        _other[:] = [_Other()]
    return _other[0]


def serve() -> None:
    """Answer requests from stdin until it is closed; what plugins print is thrown away."""
    import ectrain.testing  # noqa: F401 - what the framework itself opens is not counted

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    watch = _Watch()
    sys.addaudithook(watch.on_event)
    for line in sys.stdin:
        _answer(json.loads(line), watch, answers)


def _answer(request: dict[str, Any], watch: _Watch, answers: IO[str]) -> None:
    try:
        answer = _looked_at(request, watch)
    except NotApplicable as reason:
        answer = {"not applicable": str(reason)}
    except BaseException as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _looked_at(request: dict[str, Any], watch: _Watch) -> dict[str, Any]:
    from ectrain.testing.process_state import changed, process_state
    from ectrain.testing.subject import Subject
    from ectrain.tokenizer import Tokenizer

    sys.path[:] = request["path"]
    module = request["module"]
    try:
        watch.import_module(module)
    except ImportError as error:
        return {"absent": str(error)}
    kind, config = pickle.loads(base64.b64decode(request["task"]))
    tokenizer = Tokenizer.from_json(request["tokenizer"])
    if "part" in request:
        from ectrain.testing.group import in_group

        in_group(
            Subject(kind(config), request["examples"], tokenizer=tokenizer), request["part"], 1
        )
        return {}
    before = process_state()
    subject = Subject(kind(config), request["examples"], tokenizer=tokenizer)
    subject.exercise()
    left = changed(before, process_state())
    package = module.partition(".")[0]
    return {
        "left": left,
        "package": package,
        "events": watch.events[package],
        "changed": watch.changed[package],
        "digest": subject.digest(),
    }


class _Watch:
    """Notes what modules do while they are imported, by their package."""

    def __init__(self) -> None:
        self.events: defaultdict[str, list[str]] = defaultdict(list)
        self.changed: defaultdict[str, list[str]] = defaultdict(list)
        self._on = False

    def import_module(self, name: str) -> None:
        """Import a module and note what it does."""
        import importlib

        from ectrain.testing.process_state import changed, process_state

        before = process_state()
        self._on = True
        try:
            importlib.import_module(name)
        finally:
            self._on = False
        self.changed[name.partition(".")[0]] += changed(before, process_state())

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take in an audit event; called for every one in the process, so quick."""
        if not self._on or event not in _WATCHED:
            return
        if event == "open" and str(arguments[0]).endswith((".py", ".pyc")):
            return
        owner = _whose(sys._getframe(1))
        if owner:
            what = " ".join(str(argument) for argument in arguments[:1])
            self.events[owner.partition(".")[0]].append(f"{event} {what}"[:120])


def _whose(frame: FrameType | None) -> str:
    """Return the module whose body is being executed, "" while importing itself is at work."""
    owner = ""
    while frame is not None and "importlib" not in frame.f_code.co_filename:
        owner = str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back
    return owner
