"""`ectrain generate`: code from a trained run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import show_code, show_json, warning

FINAL = Path("data", "models", "final")  # where a finished run leaves its model


@click.command()
@click.argument(
    "places", metavar="[RUN] [FILE]", nargs=-1, type=click.Path(path_type=Path, exists=True)
)
@click.option("--prompt", metavar="TEXT|FILE|-", help="What to go on from; - reads stdin.")
@click.option(
    "--fim",
    nargs=2,
    metavar="BEFORE AFTER",
    help="Fill the gap between two texts or files; one may be -.",
)
@click.option("--task", default="codegen", show_default=True, help="Task whose head writes.")
@click.option("--type", "kind", metavar="TYPE", help="Of answer, where the task has several.")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Most tokens to write.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="0 takes the likeliest token.",
)
@click.option("--top-k", type=click.IntRange(min=1), help="Draw among so many tokens.")
@click.option(
    "--top-p",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Draw among the likeliest tokens with this share.",
)
@click.option("--stop", metavar="TEXT", multiple=True, help="Text that ends the answer; repeat.")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Answers to write.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@options.as_json
@options.debug
def generate(
    places: tuple[Path, ...],
    prompt: str | None,
    fim: tuple[str, str] | None,
    task: str,
    kind: str | None,
    max_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    stop: tuple[str, ...],
    samples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Write code with RUN, a run directory; the code alone goes to stdout.

    RUN is data/models/final unless given. FILE is what to go on from, as --prompt is. With --fim,
    the code that goes between two texts.

    \b
    Examples:
      ectrain generate data/runs/demo --prompt "def add(a, b)"
      ectrain generate lib/cart.ex --task tests --type exunit > test/cart_test.exs
    """
    from ectrain.generation import Sampling
    from ectrain.generation import generate as write
    from ectrain.model import load_model
    from ectrain_cli.selection import known_tasks

    run, file = run_and_file(places)
    prompt = str(file) if file is not None and prompt is None and fim is None else prompt
    if (prompt is None) == (fim is None) or (file is not None and prompt != str(file)):
        raise click.UsageError("expected either --prompt or --fim BEFORE AFTER, or a FILE")
    if fim and kind is not None:
        raise click.UsageError("--type is of answers to a prompt, not of a gap's text")
    before, after = (read_prompt(text) for text in fim or (prompt or "", ""))
    sampling = Sampling(temperature, top_k, top_p)
    model = load_model(run, warning)
    (name,) = known_tasks([task], model.tasks)
    chosen, tokenizer = model.tasks[name], model.tokenizer
    if fim:
        tokens = chosen.infill_prompt(before, after, tokenizer)
    elif kind is not None:
        tokens = chosen.typed_prompt(before, known_type(name, chosen, kind), tokenizer)
    else:
        tokens = chosen.prompt(before, tokenizer)
    (found,) = write(
        model,
        name,
        [tokens],
        max_new_tokens=max_tokens,
        sampling=sampling,
        stop=stop,
        samples=samples,
        seed=seed,
    )
    if as_json:
        asked = {"before": before, "after": after} if fim else {"prompt": before}
        answers = [{"text": sample.text, "ended": sample.ended} for sample in found]
        document = {"run": str(run), "task": name, **asked, "text": found[0].text}
        show_json("generate", {**document, "samples": answers})
        return
    for sample in found:
        show_code(sample.text)


def run_and_file(places: Sequence[Path]) -> tuple[Path, Path | None]:
    """Return the run directory and the file that were given, in any order.

    Raises:
        UsageError: There are several of either, or no run directory.
    """
    runs = [place for place in places if place.is_dir()]
    files = [place for place in places if not place.is_dir()]
    if len(runs) > 1 or len(files) > 1:
        raise click.UsageError("expected one run directory and one file at most")
    if not runs and not FINAL.is_dir():
        raise click.UsageError(f"expected a run directory; there is no {FINAL}")
    return runs[0] if runs else FINAL, files[0] if files else None


def known_type(name: str, task: Any, kind: str) -> str:
    """Return a type of answer that a task knows.

    Raises:
        ConfigError: It is none.
    """
    from ectrain.errors import ConfigError, did_you_mean

    known = task.answer_types()
    if kind not in known:
        choice = f"expected one of {', '.join(known)}" if known else "it has no types of answers"
        near = did_you_mean(kind, known)
        raise ConfigError(f"--type {kind}: task {name} writes none; {choice}{near}")
    return kind


def read_prompt(prompt: str) -> str:
    """Return the prompt: stdin for `-`, the content of an existing file, else the text itself."""
    from ectrain.errors import DataError

    try:
        if prompt == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        return Path(prompt).read_text(encoding="utf-8") if _is_file(prompt) else prompt
    except (OSError, UnicodeDecodeError) as error:
        place = "stdin" if prompt == "-" else prompt
        raise DataError(f"prompt from {place} cannot be read as UTF-8 text: {error}") from error


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False
