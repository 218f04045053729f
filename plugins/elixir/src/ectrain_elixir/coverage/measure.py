"""Measure the coverage of a program by its tests."""

from ectrain_elixir.coverage.model import Coverage, Point
from ectrain_elixir.runner import Limits, PooledRunner, find_runner
from ectrain_elixir.runner.requests import RequestError, ask


class CoverageError(Exception):
    """Coverage could not be measured; the text says why."""


def measure(
    code: str, tests: str, runner: PooledRunner | None = None, limits: Limits | None = None
) -> Coverage:
    """Return which places of a program each test reached, whether the test passed or not.

    Args:
        code: The program.
        tests: One or more ExUnit modules, without `ExUnit.start`.
        runner: Whose machines do it; by default this process's, in warm mode.
        limits: For all of it.

    Raises:
        CoverageError: If program or tests do not compile, two tests have one name, or the run does
            not come to its end.
    """
    runner = runner or find_runner("auto", "warm")
    try:
        answer = ask(runner, "cover", [code, tests], limits or Limits())
    except RequestError as error:
        raise CoverageError(str(error)) from error
    rows = answer["tests"]
    names = [name for name, _, _ in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CoverageError(f"two tests are named {twice[0]!r}; measure their modules apart")
    return Coverage(
        points=tuple(Point(*point) for point in answer["points"]),
        tests={name: state for name, state, _ in rows},
        hits={name: dict(hits) for name, _, hits in rows},
    )
