"""Measuring by writing and running: does it parse, does it pass its tests?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ectrain.errors import SandboxError
from ectrain.generation import generate
from ectrain.model import Model
from ectrain.task import Budget, Estimate
from ectrain_codegen.data import CodeSample
from ectrain_elixir.runner import Program, Status, Verdict, find_runner
from ectrain_elixir.syntax import parses

NO_TESTS = "this data has no tests to run: pass@1 is measured on the embedded katas"


def evaluate(
    model: Model, task: str, samples: Sequence[CodeSample], budget: Budget, max_tokens: int
) -> Mapping[str, Estimate]:
    """Return "parses", "exact" and "pass@1" over the first samples of a split.

    Args:
        model: What writes.
        task: Name of the task whose head writes.
        samples: Held-out samples; those without a kata can't be executed.
        budget: Most samples, and seconds after which no more are written.
        max_tokens: Most tokens of an answer.
    """
    asked = [sample for sample in samples if sample.kata is not None][: budget.examples]
    if not asked:
        missing = Estimate.missing(NO_TESTS)
        return {"parses": missing, "exact": missing, "pass@1": missing}
    answers = _write(model, task, asked, budget, max_tokens)
    done = asked[: len(answers)]
    how = f"greedy, one sample each, {len(done)} held-out katas"
    whole = [sample.prompt + answer for sample, answer in zip(done, answers, strict=True)]
    exact = sum(a.strip() == s.answer.strip() for s, a in zip(done, answers, strict=True))
    return {
        "parses": Estimate.share(sum(map(parses, whole)), len(whole), how),
        "exact": Estimate.share(exact, len(done), how),
        "pass@1": _passes(done, answers, how),
    }


AT_A_TIME = 32  # prompts that are written after between two looks at the clock


def _write(
    model: Model, task: str, asked: Sequence[CodeSample], budget: Budget, max_tokens: int
) -> list[str]:
    """Return an answer for each of the first samples, for as many as there is time.

    A prompt that leaves no room in the trunk's context has a blank answer, which is wrong.
    """
    prompts = [model.tasks[task].prompt(sample.prompt, model.tokenizer) for sample in asked]
    answers = [""] * len(prompts)
    started = time.monotonic()
    for at in range(0, len(prompts), AT_A_TIME):
        if at and time.monotonic() - started > budget.seconds:
            return answers[:at]
        rows = range(at, min(at + AT_A_TIME, len(prompts)))
        fitting = [row for row in rows if len(prompts[row]) < model.trunk.config.context]
        written = generate(
            model, task, [prompts[row] for row in fitting], max_new_tokens=max_tokens
        )
        for row, (found,) in zip(fitting, written, strict=True):
            answers[row] = model.tokenizer.decode(found.tokens)
    return answers


def _passes(samples: Sequence[CodeSample], answers: Sequence[str], how: str) -> Estimate:
    """Return the share of answers that pass their tests; what the sandbox lost counts nowhere."""
    programs = [
        Program(sample.kata.program(answer), sample.kata.tests, sample.kata.test_names)
        for sample, answer in zip(samples, answers, strict=True)
        if sample.kata is not None
    ]
    try:
        verdicts = find_runner().run_all(programs)
    except SandboxError as error:
        return Estimate.missing(str(error))
    judged = [verdict for verdict in verdicts if verdict.status is not Status.INFRA]
    lost = len(verdicts) - len(judged)
    if not judged:
        return Estimate.missing(f"the sandbox failed on all {lost} programs: {_first(verdicts)}")
    note = f"{how}, executed in the {judged[0].tier} sandbox"
    if lost:
        note += f"; {lost} lost by the sandbox are left out"
    return Estimate.share(sum(verdict.passed for verdict in judged), len(judged), note)


def _first(verdicts: Sequence[Verdict]) -> str:
    return next((verdict.message for verdict in verdicts if verdict.message), "no message")
