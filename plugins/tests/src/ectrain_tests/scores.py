"""What answers come to: shares and means, each with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ectrain.task import Estimate
from ectrain_elixir.coverage import CoverageError, measure
from ectrain_elixir.runner import Program, Status, find_runner
from ectrain_elixir.syntax import parses
from ectrain_elixir.testpairs import Judgement, held_out_operators, suite_type
from ectrain_elixir.testpairs.reading import read_suite
from ectrain_elixir.testpairs.stubs import NOT_RUN, uncompiled
from ectrain_tests.writing import Written

EXECUTED = (
    "pass@1",
    "mutation_score",
    "mutation_score.valid",
    "mutation_score.all_operators",
    "line_coverage",
    "line_coverage.valid",
)


def missing(before: str, why: str) -> dict[str, Estimate]:
    """Return the figures that need executing, none of them measured."""
    return {f"{before}{name}": Estimate.missing(why) for name in EXECUTED}


def texts(
    answers: Sequence[Written], swapped: Sequence[Written], how: str
) -> Mapping[str, Estimate]:
    """Return what the texts alone tell: whether they parse, end, and are of the type asked for.

    Args:
        answers: Suites of the type that a program has in the data.
        swapped: Suites of another type.
        how: They were written.
    """
    kinds = sorted({answer.asked for answer in answers})
    found = {
        "parses": _share([parses(a.text) and bool(a.text.strip()) for a in answers], how),
        "ends": _share([a.ended for a in answers], how),
        "obeys": _share([_obeys(a) for a in (*answers, *swapped)], f"{how}, types swapped, too"),
    }
    for kind in kinds:
        own = [a for a in answers if a.asked == kind]
        found[f"parses.{kind}"] = _share([parses(a.text) for a in own], how)
        found[f"obeys.{kind}"] = _share([_obeys(a) for a in own], how)
    if swapped:
        found["obeys.swapped"] = _share([_obeys(a) for a in swapped], f"{how}, types swapped")
    return found


def _obeys(answer: Written) -> bool:
    return suite_type(answer.text) == answer.asked


def _share(hits: Sequence[bool], how: str) -> Estimate:
    return Estimate.share(sum(hits), len(hits), how)


def judged(
    answers: Sequence[Written], found: Sequence[Judgement], how: str
) -> Mapping[str, Estimate]:
    """Return pass@1, mutation scores, coverage, and what is wrong with suites that fail.

    `mutation_score` is on held-out operators over all programs, where a suite that isn't valid
    kills nothing; `mutation_score.valid` over valid suites alone. What can't be told is left out.

    Args:
        answers: Suites.
        found: What each is worth.
        how: They were written and run.
    """
    known = [(a, j) for a, j in zip(answers, found, strict=True) if j.known]
    lost = len(answers) - len(known)
    note = f"{how}; {lost} that can't be told are left out" if lost else how
    if not known:
        why = next((j.message for j in found if j.message), "there are no answers")
        return missing("", f"nothing is known of all {len(answers)} suites: {why}")
    held_out = held_out_operators()
    lines = [(_lines(a) if j.valid else 0.0, j.valid) for a, j in known]
    figures = {
        "pass@1": _share([j.valid for _, j in known], note),
        "mutation_score": _mean([j.kill_rate(held_out) for _, j in known], f"{note}; held-out"),
        "mutation_score.valid": _mean(
            [j.kill_rate(held_out) for _, j in known if j.valid], f"{note}; held-out, valid suites"
        ),
        "mutation_score.all_operators": _mean([j.kill_rate() for _, j in known], note),
        "line_coverage": _mean([share for share, _ in lines], note),
        "line_coverage.valid": _mean([s for s, valid in lines if valid], f"{note}; valid suites"),
    }
    kinds = Counter(j.kind.replace(" ", "_") for _, j in known if not j.valid)
    fails = {f"fails.{kind}": Estimate.share(n, len(known), note) for kind, n in kinds.items()}
    return {**figures, **fails}


def _mean(values: Sequence[float | None], how: str) -> Estimate:
    return Estimate.mean([value for value in values if value is not None], how)


def _lines(answer: Written) -> float | None:
    """Return the share of a program's lines that a suite reaches, None where it isn't known."""
    try:
        return measure(answer.sample.pair.code, answer.text).share("lines").value
    except CoverageError:
        return None


def compiled(answers: Sequence[Written], how: str) -> Estimate:
    """Return the share of LiveViews' tests that compile against stand-ins for Phoenix.

    Raises:
        SandboxError: Programs can't be run here.
    """
    runner = find_runner(mode="warm")
    outlines = [read_suite(answer.text) for answer in answers]
    names = [tuple(test.name for test in outline.tests) for outline in outlines]
    sound = [n for n, own in enumerate(names) if own and all(own) and len(set(own)) == len(own)]
    items = [(answers[n].sample.pair.code, answers[n].text, names[n]) for n in sound]
    problems = uncompiled(items, runner)
    lost = sum(problem is None for problem in problems)
    return Estimate.share(
        sum(problem == "" for problem in problems), len(answers) - lost, f"{how}; {NOT_RUN}"
    )


def passed(answers: Sequence[Written], how: str) -> Estimate:
    """Return the share of programs that pass the suite that they were written for.

    Raises:
        SandboxError: Programs can't be run here.
    """
    runner = find_runner()
    programs = [Program(a.text, a.sample.pair.tests, a.sample.pair.test_names) for a in answers]
    verdicts = [v for v in runner.run_all(programs) if v.status is not Status.INFRA]
    note = f"{how} in the {runner.tier} sandbox"
    return Estimate.share(sum(verdict.passed for verdict in verdicts), len(verdicts), note)
