"""Measuring by writing and running: does it parse, does it pass its tests?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import attrs

from ectrain.errors import ConfigError, SandboxError
from ectrain.generation import Constraint, Generated, Sampling, generate
from ectrain.model import Model
from ectrain.structure import between
from ectrain.task import Budget, Estimate
from ectrain_codegen.scores import (
    Problem,
    Verdicts,
    by_length,
    failures,
    passes,
    text_figures,
)
from ectrain_elixir.continuing import can_continue
from ectrain_elixir.katas.tiers import TIERS, Tier
from ectrain_elixir.runner import Program, Status, Verdict, find_runner
from ectrain_elixir.syntax import parses

NO_TESTS = "this data has no tests to run: pass@1 is measured on embedded katas of its families"
AT_A_TIME = 32  # prompts that are written after between two looks at the clock


@attrs.frozen
class ExecutionConfig:
    """How held-out problems are measured by writing and running.

    Attributes:
        tiers: Of the embedded katas that the test split is measured on.
        problems: File of MultiPL-E's problems (JSONL) to be measured on, too; "" for none.
        samples: Of each problem, where more than one try is asked for.
        temperature: Of the samples for pass@1.
        wide_temperature: Of the samples for more tries, which gain by differing.
        grammar: Refuse tokens that no Elixir can go on with.
    """

    tiers: tuple[Tier, ...] = attrs.field(default=TIERS)
    problems: str = ""
    samples: int = attrs.field(default=20, validator=between(2))
    temperature: float = attrs.field(default=0.2, validator=between(0, above=True))
    wide_temperature: float = attrs.field(default=0.8, validator=between(0, above=True))
    grammar: bool = False


@attrs.frozen
class Asked:
    """A problem to be solved.

    Attributes:
        prompt: What is written after.
        program: From an answer to the program that it makes.
        finish: From what was written to the answer.
        references: Right answers, if any are known.
        length: How many steps it takes; 0 where that is not known.
    """

    prompt: str
    program: Callable[[str], Program] = attrs.field(eq=False)
    finish: Callable[[str], str] = attrs.field(default=str, eq=False)
    references: tuple[str, ...] = ()
    length: int = 0


class Grammar:
    """Refuses tokens that no Elixir can go on with, and the end where the text is not whole.

    Args:
        model: Whose tokens they are.
        prompts: What is written after.
    """

    def __init__(self, model: Model, prompts: Sequence[str]) -> None:
        self._tokenizer, self._prompts = model.tokenizer, prompts

    def allows(self, prompt: int, tokens: Sequence[int]) -> bool:
        """See `Constraint.allows`."""
        text = self._prompts[prompt] + self._tokenizer.decode(tokens)
        ends = bool(tokens) and tokens[-1] == self._tokenizer.end_id
        return parses(text) if ends else can_continue(text)


def evaluate(
    model: Model,
    task: str,
    asked: Sequence[Asked],
    budget: Budget,
    max_tokens: int,
    config: ExecutionConfig,
) -> Mapping[str, Estimate]:
    """Return what a model's answers to the first problems come to.

    With one try, the likeliest answer alone; else samples, at one temperature for pass@1 and at a
    wider one for more tries.

    Args:
        model: What writes.
        task: Name of the task whose head writes.
        asked: The problems.
        budget: Most problems, seconds after which no more are begun, and how many tries.
        max_tokens: Most tokens of an answer.
        config: How.

    Raises:
        ConfigError: There are more tries than samples.
    """
    asked = asked[: budget.examples]
    tries = sorted(budget.tries)
    if tries[-1] > max(1, config.samples):
        raise ConfigError(
            f"pass@{tries[-1]} needs as many samples; "
            f"tasks.codegen.execution.samples is {config.samples}"
        )
    if not asked:
        return dict.fromkeys(("parses", "exact", "pass@1"), Estimate.missing(NO_TESTS))
    writing = Writing(model, task, max_tokens, config.grammar)
    if tries == [1]:
        return _measured(writing, asked, budget.seconds, tries)
    warm = attrs.evolve(writing, sampling=Sampling(config.temperature), samples=config.samples)
    found = _measured(warm, asked, budget.seconds, [1])
    if wide := [k for k in tries if k > 1]:
        hot = attrs.evolve(warm, sampling=Sampling(config.wide_temperature))
        found |= _measured(hot, asked, budget.seconds, wide)
    return found


def _measured(
    writing: Writing, asked: Sequence[Asked], seconds: float, tries: Sequence[int]
) -> dict[str, Estimate]:
    """Write and judge one kind of samples; those for one try tell more than pass@k."""
    answers = writing.answers(asked, seconds)
    done = asked[: len(answers)]
    how = f"{writing.way}, {len(done)} held-out problems"
    problems = [
        Problem(each.prompt, each.references, own, each.length)
        for each, own in zip(done, answers, strict=True)
    ]
    found = text_figures(problems, how) if 1 in tries else {}
    verdicts = _judged(done, answers)
    if isinstance(verdicts, str):
        return found | {f"pass@{k}": Estimate.missing(verdicts) for k in tries}
    note = f"{how}, executed in the {verdicts[0][0].tier} sandbox"
    found |= passes(verdicts, tries, note)
    if 1 in tries:
        found |= {**by_length(problems, verdicts, note), **failures(verdicts, note)}
    return found


@attrs.frozen
class Writing:
    """How answers are written.

    Attributes:
        model: What writes.
        task: Name of the task whose head writes.
        max_tokens: Most tokens of an answer.
        grammar: Refuse tokens that no Elixir can go on with.
        sampling: How tokens are chosen.
        samples: Of each problem.
    """

    model: Model
    task: str
    max_tokens: int
    grammar: bool
    sampling: Sampling = attrs.field(factory=Sampling)
    samples: int = 1

    @property
    def way(self) -> str:
        """In words."""
        if self.samples == 1:
            words = "greedy, one sample each"
        else:
            words = f"{self.samples} samples each at temperature {self.sampling.temperature:g}"
        return f"{words}, grammar-constrained" if self.grammar else words

    def answers(self, asked: Sequence[Asked], seconds: float) -> list[tuple[str, ...]]:
        """Return answers to each of the first problems, for as many as there is time.

        A prompt that leaves no room in the trunk's context has blank answers, which are wrong.
        """
        found: list[tuple[str, ...]] = []
        started = time.monotonic()
        for at in range(0, len(asked), AT_A_TIME):
            if at and time.monotonic() - started > seconds:
                break
            found += self._part(asked[at : at + AT_A_TIME])
        return found

    def _part(self, asked: Sequence[Asked]) -> list[tuple[str, ...]]:
        model = self.model
        ids = [model.tasks[self.task].prompt(each.prompt, model.tokenizer) for each in asked]
        fitting = [n for n, prompt in enumerate(ids) if len(prompt) < model.trunk.config.context]
        constraint: Constraint | None = None
        if self.grammar:
            constraint = Grammar(model, [asked[n].prompt for n in fitting])
        written: list[list[Generated]] = generate(
            model,
            self.task,
            [ids[n] for n in fitting],
            max_new_tokens=self.max_tokens,
            sampling=self.sampling,
            samples=self.samples,
            constraint=constraint,
        )
        answers = [("",) * self.samples] * len(asked)
        for n, own in zip(fitting, written, strict=True):
            answers[n] = tuple(asked[n].finish(sample.text) for sample in own)
        return answers


def _judged(asked: Sequence[Asked], answers: Sequence[Sequence[str]]) -> Verdicts | str:
    """Return the verdicts on each problem's answers, or why there are none.

    Answers that are the same text are run once.
    """
    programs = [[each.program(a) for a in own] for each, own in zip(asked, answers, strict=True)]
    distinct = list(dict.fromkeys(program for own in programs for program in own))
    try:
        verdicts = dict(zip(distinct, find_runner().run_all(distinct), strict=True))
    except SandboxError as error:
        return str(error)
    if all(verdict.status is Status.INFRA for verdict in verdicts.values()):
        said = _first(list(verdicts.values()))
        return f"the sandbox failed on all {len(distinct)} programs: {said}"
    return [[verdicts[program] for program in own] for own in programs]


def _first(verdicts: Sequence[Verdict]) -> str:
    return next((verdict.message for verdict in verdicts if verdict.message), "no message")
