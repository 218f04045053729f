"""`ectrain export`: a trained run in a layout that other tools read."""

from __future__ import annotations

from pathlib import Path

import click

from ectrain_cli import options
from ectrain_cli.terminal import labelled, show, show_json


@click.command()
@options.RUN
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Directory to make; must be new."
)
@click.option("--task", default="codegen", show_default=True, help="Task whose head writes.")
@options.as_json
@options.debug
def export(run: Path, out: Path, task: str, as_json: bool) -> None:
    """Write the best model of RUN as a LlamaForCausalLM, as `transformers` loads it.

    \b
    Example:
      ectrain export data/runs/demo --out exported
      python -c "from transformers import pipeline; pipeline('text-generation', 'exported')"
    """
    from ectrain.llama import export_llama
    from ectrain.model import load_model
    from ectrain_cli.selection import known_tasks

    model = load_model(run)
    (name,) = known_tasks([task], model.tasks)
    export_llama(model, name, out)
    if as_json:
        show_json("export", {"run": str(run), "task": name, "out": str(out), "layout": "llama"})
        return
    show(labelled("written", str(out)))
