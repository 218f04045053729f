"""What a model writes after held-out code and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import attrs

from ectrain.generation import generate
from ectrain.model import Model
from ectrain.task import Budget
from ectrain_elixir.testpairs import TestType
from ectrain_tests.data import TestSample

AT_A_TIME = 32  # prompts that are written after between two looks at the clock
WAY = "greedy, one sample each"


@attrs.frozen
class Written:
    """An answer.

    Attributes:
        sample: What was written after; its direction says what was asked for.
        asked: The type of test.
        text: What was written.
        ended: Whether it came to an end of its own.
    """

    sample: TestSample
    asked: TestType
    text: str
    ended: bool


@attrs.frozen
class Writer:
    """Writes greedily.

    Attributes:
        model: What writes.
        task: Name of the task whose head writes.
        prompt: From a sample to ids.
        max_tokens: Most tokens of an answer.
        budget: Most samples of each part, and seconds after which no more are begun.
    """

    model: Model
    task: str
    prompt: Callable[[TestSample], list[int]]
    max_tokens: int
    budget: Budget

    def written(self, samples: Sequence[TestSample]) -> list[Written]:
        """Return answers to the first samples, for as many as there is time.

        A prompt that leaves no room in the trunk's context has a blank answer.
        """
        samples = samples[: self.budget.examples]
        found: list[Written] = []
        started = time.monotonic()
        for at in range(0, len(samples), AT_A_TIME):
            if at and time.monotonic() - started > self.budget.seconds:
                break
            found += self._part(samples[at : at + AT_A_TIME])
        return found

    def _part(self, samples: Sequence[TestSample]) -> list[Written]:
        ids = [self.prompt(sample) for sample in samples]
        fitting = [n for n, own in enumerate(ids) if len(own) < self.model.trunk.config.context]
        answers = generate(
            self.model, self.task, [ids[n] for n in fitting], max_new_tokens=self.max_tokens
        )
        texts = {n: (own[0].text, own[0].ended) for n, own in zip(fitting, answers, strict=True)}
        return [
            Written(sample, sample.pair.kind, *texts.get(n, ("", False)))
            for n, sample in enumerate(samples)
        ]
