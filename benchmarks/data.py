"""Building and loading real Elixir data: files, tokens and examples a second, and time to start.

Run from the repository's folder: python -m benchmarks.data PATH --seconds 50

Building is compared with reading the same files and parsing them with tree-sitter, in one process
both, in rounds that take turns; ratios are medians over rounds. Loading is what training does
before a step: rows are read, encoded and packed, in one thread.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ectrain.batches import Drawable, Encoder, epoch_batches
from ectrain.order import EpochOrder
from ectrain.plugins import load_tasks
from ectrain.shards import FORMAT, DatasetManifest, ShardWriter, write_manifest
from ectrain.storage import Storage
from ectrain.task import SPLITS
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_elixir.datasets.inputs import Inputs
from ectrain_elixir.datasets.normal import normalised
from ectrain_elixir.datasets.reader import open_split
from ectrain_elixir.datasets.row import KIND, VERSION, Row, mark_of, plain_row
from ectrain_elixir.syntax import tree

MOST_TIMES = 2.0  # building against reading and parsing alone
LEAST_TOKENS = 3 * 6000  # a second: three times what a step of `small` takes on two cores
LEAST_EXAMPLES = 1000  # a second
MOST_START_S = 2.0


def parse_alone(paths: Sequence[Path]) -> tuple[int, float]:
    """Return how many files were read and parsed, and in how many seconds."""
    from ectrain.records import Faults

    began = time.perf_counter()
    files = 0
    for unit in Inputs(paths, {}, 1 << 30, Faults()).units():
        for document in unit.documents():
            files += not tree((document.data or b"").decode("utf-8", "replace")).is_missing
    return files, time.perf_counter() - began


def build_once(paths: Sequence[Path], out: Path, jobs: int) -> tuple[int, float]:
    """Return how many files were built from, and in how many seconds."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    built = build(BuildOptions(tuple(paths), out, jobs=jobs))
    return built.manifest.counts["files"], time.perf_counter() - began


def building(paths: Sequence[Path], folder: Path, seconds: float) -> dict[str, Any]:
    """Let parsing alone and building take turns."""
    normalised("x = 1")
    parse_alone(paths)
    began = time.perf_counter()
    ratios: list[float] = []
    rates: list[tuple[float, float]] = []
    files = 0
    while not ratios or time.perf_counter() - began < seconds:
        _, alone = parse_alone(paths)
        files, whole = build_once(paths, folder / "built", 1)
        ratios.append(whole / alone)
        rates.append((files / whole, files / alone))
    return {
        "files": files,
        "rounds": len(ratios),
        "built_files_per_s": statistics.median(rate for rate, _ in rates),
        "parsed_files_per_s": statistics.median(rate for _, rate in rates),
        "times": statistics.median(ratios),
        "times_low_high": [min(ratios), max(ratios)],
    }


def loading(dataset: Path, seconds: float, max_tokens: int) -> dict[str, Any]:
    """Encode and pack a dataset's pieces as the codegen task has them."""
    task_type = load_tasks(["codegen"])["codegen"]
    task = task_type(task_type.config_type(data=str(dataset), max_tokens=max_tokens))
    examples = task.examples("train")
    texts = (
        text for place in range(min(400, len(examples))) for text in task.texts(examples[place])
    )
    tokenizer = Tokenizer.train(texts, 4096, task.control_tokens(), task.symbols())
    drawable = {"codegen": Drawable("codegen", task, examples)}
    order = EpochOrder(0, 1, 16, {"codegen": 1.0}, {"codegen": len(examples)}, "codegen")
    import numpy as np

    selected = {"codegen": np.arange(len(examples))}
    began, tokens, count = time.perf_counter(), 0, 0
    while time.perf_counter() - began < seconds:
        batches = epoch_batches(order, drawable, selected, Encoder(tokenizer, 1024), 8192)
        for batch in batches:
            tokens += batch.tokens
            count += 16
            if time.perf_counter() - began > seconds:
                break
    spent = time.perf_counter() - began
    return {
        "max_tokens": max_tokens,
        "tokens_per_s": tokens / spent,
        "examples_per_s": count / spent,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def large(folder: Path, size: int) -> Path:
    """Write a dataset of so many small files."""
    folder.mkdir()
    shards = {}
    for split in SPLITS:
        writer = ShardWriter(folder, split, Storage())
        for number in range(size if split == "train" else 10):
            code = f"defmodule M{number} do\n  def f(x), do: x + {number}\nend\n"
            name = f"p/{split}{number}.ex"
            row = Row(name, "p", "p", name, "MIT", "made", "source", code)
            writer.add(plain_row(row), len(code), mark_of(row))
        writer.flush()
        shards[split] = tuple(writer.shards)
    write_manifest(folder, DatasetManifest(FORMAT, KIND, VERSION, shards), Storage())
    return folder


_START = """
import sys, time, resource
from pathlib import Path
from ectrain.order import permuted
from ectrain_elixir.datasets import open_split
began = time.perf_counter()
rows = open_split(Path(sys.argv[1]), "train")
for position in range(700_000 * len(rows) // 1_000_000, 700_000 * len(rows) // 1_000_000 + 64):
    rows[permuted(position, len(rows), "0/codegen/3/0")]
spent = time.perf_counter() - began
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def starting(folder: Path, size: int) -> dict[str, Any]:
    """Open a large dataset in a new process in the middle of an epoch; read 64 examples."""
    dataset = large(folder / "large", size)
    done = subprocess.run(
        [sys.executable, "-c", _START, str(dataset)], capture_output=True, text=True, check=True
    )
    spent, peak = map(float, done.stdout.split())
    return {"examples": len(open_split(dataset, "train")), "start_s": spent, "peak_mb": peak}


def verdicts(found: dict[str, Any]) -> list[str]:
    """Return which goals are reached."""
    built, whole, short = found["building"], found["loading"], found["loading_short"]
    checks = [
        (f"building: {built['times']:.2f} times parsing alone", built["times"] <= MOST_TIMES),
        (f"loading: {whole['tokens_per_s']:,.0f} tokens/s", whole["tokens_per_s"] >= LEAST_TOKENS),
        (
            f"loading: {short['examples_per_s']:,.0f} short examples/s",
            short["examples_per_s"] >= LEAST_EXAMPLES,
        ),
    ]
    if "starting" in found:
        start = found["starting"]
        said = f"start in {start['examples']:,} examples: {start['start_s']:.2f} s"
        checks.append((said, start["start_s"] < MOST_START_S))
    return [f"{text}: {'reached' if ok else 'not reached'}" for text, ok in checks]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="Elixir code")
    parser.add_argument("--seconds", type=float, default=40, help="of measuring, about")
    parser.add_argument("--examples", type=int, default=1_000_000, help="of the start; 0 for none")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ectrain-data-") as name:
        folder = Path(name)
        found = {"building": building(options.paths, folder, options.seconds / 2)}
        found["loading"] = loading(folder / "built", options.seconds / 8, 512)
        found["loading_short"] = loading(folder / "built", options.seconds / 8, 96)
        if options.examples:
            found["starting"] = starting(folder, options.examples)
    print(json.dumps(found, indent=2))
    if not options.json:
        print("\n".join(verdicts(found)))


if __name__ == "__main__":
    main()
