"""What samples of problems come to: shares of problems, each with its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import attrs

from ectrain.task import Estimate
from ectrain_elixir.codebleu import PARTS, code_bleu
from ectrain_elixir.runner import Status, Verdict
from ectrain_elixir.syntax import parses


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Return the unbiased estimate that one of k samples is right.

    Source: Chen et al., Evaluating large language models trained on code (2021), equation 1.

    Args:
        samples: How many were drawn.
        right: How many of them are right.
        k: How many tries there are.

    Raises:
        ValueError: There are fewer samples than tries.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs {k} samples or more, found {samples}")
    return 1.0 - math.comb(samples - right, k) / math.comb(samples, k)


@attrs.frozen
class Problem:
    """A problem with what was written for it.

    Attributes:
        prompt: What was given, as it is parsed and compared.
        references: Right answers, if any are known.
        answers: What was written, at least one.
        length: How many steps it takes; 0 where that is not known.
    """

    prompt: str
    references: tuple[str, ...]
    answers: tuple[str, ...]
    length: int = 0


Verdicts = Sequence[Sequence[Verdict]]  # of each problem's answers


def shares(
    problems: Sequence[Problem], right: Callable[[Problem, str], bool], how: str
) -> Estimate:
    """Return the mean over problems of the share of their answers that something holds for."""
    means = [sum(right(p, a) for a in p.answers) / len(p.answers) for p in problems]
    return Estimate.share(sum(means), len(means), how)


def text_figures(problems: Sequence[Problem], how: str) -> dict[str, Estimate]:
    """Return what the texts alone tell: whether they parse, and how near a reference they come."""
    found = {"parses": shares(problems, lambda p, a: parses(p.prompt + a), how)}
    known = [problem for problem in problems if problem.references]
    if not known:
        return found
    found["exact"] = shares(known, lambda p, a: a.strip() in {r.strip() for r in p.references}, how)
    best = [
        max((code_bleu(p.prompt + p.answers[0], p.prompt + r) for r in p.references), key=_total)
        for p in known
    ]
    note = f"{how}; the first answer beside the nearest reference, prompt included"
    found["codebleu"] = Estimate.mean([_total(each) for each in best], note)
    for part in PARTS:
        found[f"codebleu.{part}"] = Estimate.mean([getattr(each, part) for each in best], note)
    return found


def _total(found: object) -> float:
    return float(getattr(found, "total"))  # noqa: B009


def passes(verdicts: Verdicts, tries: Sequence[int], how: str) -> dict[str, Estimate]:
    """Return pass@k for each number of tries, and with more than one sample the ceiling.

    What the sandbox lost is left out, a problem with fewer samples than tries altogether.
    """
    known = [[v for v in own if v.status is not Status.INFRA] for own in verdicts]
    lost = sum(map(len, verdicts)) - sum(map(len, known))
    note = f"{how}; {lost} lost by the sandbox are left out" if lost else how
    found = {}
    for k in tries:
        each = [
            pass_at_k(len(own), sum(v.passed for v in own), k) for own in known if len(own) >= k
        ]
        found[f"pass@{k}"] = Estimate.share(sum(each), len(each), note)
    most = max(map(len, verdicts), default=0)
    if most > 1:
        solved = [any(v.passed for v in own) for own in known if own]
        found["ceiling"] = Estimate.share(
            sum(solved), len(solved), f"{note}; solved by any of {most} samples"
        )
    return found


def failures(verdicts: Verdicts, how: str) -> dict[str, Estimate]:
    """Return the share of answers that compile, and of those that fail, by kind."""
    every = [v for own in verdicts for v in own if v.status is not Status.INFRA]
    problems = sum(any(v.status is not Status.INFRA for v in own) for own in verdicts)

    def share(count: int) -> Estimate:
        return Estimate.share(count / len(every) * problems, problems, how)

    kinds = Counter(_kind(verdict) for verdict in every if not verdict.passed)
    found = {"compiles": share(sum(map(compiled, every)))}
    return found | {f"fails.{kind}": share(count) for kind, count in kinds.most_common()}


def compiled(verdict: Verdict) -> bool:
    """Return whether a program got as far as its tests."""
    ran = any(state != "not run" for state in verdict.tests.values())
    return ran or verdict.status not in (Status.FAILED, Status.INFRA)


def _kind(verdict: Verdict) -> str:
    return (verdict.kind or str(verdict.status)).replace(" ", "_")


def by_length(problems: Sequence[Problem], verdicts: Verdicts, how: str) -> Mapping[str, Estimate]:
    """Return pass@1 of problems of each length, where there are several lengths."""
    lengths = sorted({problem.length for problem in problems})
    found = {}
    for length in lengths if len(lengths) > 1 else ():
        own = [v for p, v in zip(problems, verdicts, strict=True) if p.length == length]
        found[f"pass@1.steps_{length}"] = passes(own, (1,), how)["pass@1"]
    return found
