"""`ectrain elixir`: run, mutate and measure Elixir files in the sandbox, without any training.

Files that end in `_test.exs` are tests, the others are the program; each kind is read in the order
given, as if it were one file. Imported when the command is used; see the entry point in
`pyproject.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from ectrain_elixir.terminal import told, visible
from ectrain_elixir.testpairs.commands import pairs

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
_SANDBOX = click.option(
    "--sandbox",
    type=click.Choice(["strict", "limited"]),
    default="strict",
    help="limited keeps resource limits only; it is not a security boundary.",
)
_TRUST = click.option(
    "--i-understand-untrusted-code", "trusted", is_flag=True, help="Needed for --sandbox limited."
)
_SECONDS = click.option(
    "--cpu-seconds", type=click.FloatRange(0.1), default=10.0, help="For the whole suite."
)


def _shared(command: _Function) -> _Function:
    for option in (_FILES, _JSON, _SANDBOX, _TRUST, _SECONDS):
        command = option(command)
    return command


@click.group()
def elixir() -> None:
    """Run, mutate and measure Elixir files in the sandbox."""


elixir.add_command(pairs)


@elixir.command()
@_shared
@click.option(
    "--mode",
    type=click.Choice(["strict", "warm"]),
    default="strict",
    help="A pristine machine, or one that others used before.",
)
@click.option(
    "--test", "names", multiple=True, help="Name of a test, if it cannot be read; repeat."
)
def run(
    files: Sequence[Path],
    as_json: bool,
    sandbox: Literal["strict", "limited"],
    trusted: bool,
    cpu_seconds: float,
    mode: Literal["strict", "warm"],
    names: tuple[str, ...],
) -> None:
    """Run a program with its tests and tell the verdict; status 1 unless it passes."""
    from ectrain_elixir.runner import Limits, Program, find_runner
    from ectrain_elixir.runner.names import test_names

    code, tests = _texts(files)
    found = names or test_names(tests)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise click.ClickException(f"two tests are named {twice[0]!r}; run their files apart")
    runner = find_runner(_tier(sandbox, trusted), mode)
    limits = Limits(cpu_s=cpu_seconds, wall_s=5 * cpu_seconds)
    verdict = runner.run(Program(code, tests, found), limits)
    data = {
        "status": verdict.status.value,
        "kind": verdict.kind,
        "message": verdict.message,
        "tests": dict(verdict.tests),
        "output": verdict.output,
        "cpu_s": verdict.cpu_s,
        "wall_s": round(verdict.wall_s, 4),
        "tier": verdict.tier,
        "mode": verdict.mode,
    }
    lines = [f"{state:8} {name}" for name, state in verdict.tests.items()]
    lines += [verdict.message] if verdict.message else []
    end = f"{verdict.status} in {verdict.cpu_s:.2f} s of CPU time ({verdict.tier} sandbox)"
    told("elixir run", data, [*lines, end], as_json)
    raise SystemExit(0 if verdict.passed else 1)


@elixir.command()
@_shared
@click.option("--sample", type=click.IntRange(1), help="Most mutants, drawn by --seed.")
@click.option("--seed", type=int, default=0, help="Of the drawn mutants.")
@click.option(
    "--operators",
    "label",
    type=click.Choice(["standard", "muzak", "all"]),
    default="standard",
    help="Which changes make mutants.",
)
def mutate(
    files: Sequence[Path],
    as_json: bool,
    sandbox: Literal["strict", "limited"],
    trusted: bool,
    cpu_seconds: float,
    sample: int | None,
    seed: int,
    label: str,
) -> None:
    """Tell what share of a program's mutants its tests kill, and show the survivors."""
    from ectrain_elixir import mutation
    from ectrain_elixir.mutation.table import as_data, as_text, diffs
    from ectrain_elixir.runner import Limits, find_runner

    code, tests = _texts(files)
    everything = mutation.OperatorSet("all", frozenset(mutation.operators()))
    sets = {"standard": mutation.standard(), "muzak": mutation.muzak(), "all": everything}
    engine = mutation.MutationEngine(
        find_runner(_tier(sandbox, trusted), "warm"),
        sets[label],
        sample,
        seed,
        Limits(cpu_s=cpu_seconds, wall_s=5 * cpu_seconds),
    )
    score = engine.kill_rate(code, tests)
    found = diffs(engine, code, score.survivors)
    data = as_data(score, found) | {"tier": sandbox, "mode": "warm"}
    told("elixir mutate", data, [as_text(score, found).rstrip()], as_json)
    raise SystemExit(0 if score.status == "scored" else 1)


@elixir.command()
@_shared
def cover(
    files: Sequence[Path],
    as_json: bool,
    sandbox: Literal["strict", "limited"],
    trusted: bool,
    cpu_seconds: float,
) -> None:
    """Tell which lines, clauses and functions of a program its tests reach."""
    from ectrain_elixir.coverage import CoverageError, measure
    from ectrain_elixir.runner import Limits, find_runner

    code, tests = _texts(files)
    runner = find_runner(_tier(sandbox, trusted), "warm")
    limits = Limits(cpu_s=cpu_seconds, wall_s=5 * cpu_seconds)
    try:
        data = measure(code, tests, runner, limits).as_data()
    except CoverageError as error:
        raise click.ClickException(visible(str(error))) from error
    shares = [f"{what:12} {s['reached']} of {s['of']}" for what, s in data["shares"].items()]
    missed = [line for line, count in data["lines"].items() if not count]
    lines = [*shares, f"not reached  lines {', '.join(missed)}"] if missed else shares
    told("elixir cover", data | {"tier": sandbox, "mode": "warm"}, lines, as_json)


def _tier(sandbox: Literal["strict", "limited"], trusted: bool) -> Literal["strict", "limited"]:
    if sandbox == "limited" and not trusted:
        raise click.UsageError(
            "--sandbox limited is no security boundary: programs can read your files and use the "
            "network; add --i-understand-untrusted-code"
        )
    return sandbox


def _texts(files: Sequence[Path]) -> tuple[str, str]:
    """Return the program and the tests."""
    code = [file.read_text() for file in files if not file.name.endswith("_test.exs")]
    tests = [file.read_text() for file in files if file.name.endswith("_test.exs")]
    if not tests:
        raise click.UsageError("no tests: name a file that ends in _test.exs")
    return "\n".join(code), "\n".join(tests)
