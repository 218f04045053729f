"""Ask a worker for something else than a verdict, and get its answer or one error."""

from collections.abc import Sequence
from typing import Any

from ectrain_elixir.runner.judge import clean, ended
from ectrain_elixir.runner.model import Limits, Status, Verdict
from ectrain_elixir.runner.pool import Answer, PooledRunner
from ectrain_elixir.runner.wire import WireError, opened


class RequestError(Exception):
    """A request that came to nothing.

    Args:
        phase: Where it ended: "infra", a status of a verdict, or the phase that the worker names.
        kind: The kind of the first error, as in `Verdict.kind`.
        message: Why.
        died: Whether the machine ended, so that any part of the request may be the reason.
        answer: What the worker said, if it did.
    """

    def __init__(
        self,
        phase: str,
        kind: str,
        message: str,
        died: bool = False,
        answer: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{phase}: {message}")
        self.phase, self.kind, self.message, self.died = phase, kind, message, died
        self.answer = answer or {}


def ask(
    runner: PooledRunner, kind: str, fields: Sequence[str | bytes], limits: Limits
) -> dict[str, Any]:
    """Return what a worker answers; where a used one fails, what a fresh one does.

    Raises:
        RequestError: If it does not, or not with a result.
    """
    try:
        answer = runner.request(kind, fields, limits)
        if answer.left.served and _broken(answer):  # an earlier program may have done it
            answer = runner.request(kind, fields, limits, fresh=True)
    except OSError as error:
        raise RequestError("infra", "start", f"the sandbox did not start: {error}") from error
    return _content(answer, limits)


def _broken(answer: Answer) -> bool:
    """Return whether a machine ended by itself, or says that something was tampered with."""
    if answer.left.answer is None:
        return not answer.left.stopped
    try:
        return opened(answer.key, answer.left.answer).get("phase") in ("integrity", "canary")
    except WireError:
        return True


def _content(answer: Answer, limits: Limits) -> dict[str, Any]:
    left = answer.left
    if left.answer is None:
        output = clean(left.output.decode("utf-8", "replace"))
        verdict = ended(Verdict(status=Status.CRASH, tests={}, output=output), left, limits)
        died = verdict.status is not Status.TAMPER
        raise RequestError(verdict.status.value, verdict.kind, verdict.message, died)
    try:
        content = opened(answer.key, left.answer)
    except WireError as error:
        text = f"the answer is not genuine: {error}"
        raise RequestError("tamper", "record", text) from error
    if content.get("phase") != "done":
        phase, why = str(content.get("phase")), clean(str(content.get("message", "")))
        raise RequestError(phase, str(content.get("kind", "")), why, answer=content)
    return content
