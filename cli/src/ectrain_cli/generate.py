"""`ectrain generate`: code from a trained run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ectrain_cli import options
from ectrain_cli.terminal import show_code, show_json, warning


@click.command()
@options.RUN
@click.option("--prompt", metavar="TEXT|FILE|-", help="What to go on from; - reads stdin.")
@click.option(
    "--fim",
    nargs=2,
    metavar="BEFORE AFTER",
    help="Fill the gap between two texts or files; one may be -.",
)
@click.option("--task", default="codegen", show_default=True, help="Task whose head writes.")
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
    run: Path,
    prompt: str | None,
    fim: tuple[str, str] | None,
    task: str,
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

    With --fim, the code that goes between two texts.
    """
    from ectrain.generation import Sampling
    from ectrain.generation import generate as write
    from ectrain.model import load_model
    from ectrain_cli.selection import known_tasks

    if (prompt is None) == (fim is None):
        raise click.UsageError("expected either --prompt or --fim BEFORE AFTER")
    before, after = (read_prompt(text) for text in fim or (prompt or "", ""))
    sampling = Sampling(temperature, top_k, top_p)
    model = load_model(run, warning)
    (name,) = known_tasks([task], model.tasks)
    chosen, tokenizer = model.tasks[name], model.tokenizer
    if fim:
        tokens = chosen.infill_prompt(before, after, tokenizer)
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
