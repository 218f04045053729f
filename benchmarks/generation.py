"""Tokens a second of batched sampling, beside `transformers.generate` with the same weights.

The programs take turns in one process: ectrain and transformers, both in float32 and in bfloat16.
`--ends` lets rows end early, at one of the tokens that all programs take for an end; only
tokens that count are counted. Greedy text is compared first: in float32 it must be the same.

Run from the repository's folder: python -m benchmarks.generation --help
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.programs.ectrain_step import (
    NAME,
    SEED,
    LanguageModel,
    NoSettings,
    tokenizer_of,
    trunk_config,
)
from benchmarks.workload import FIRST_TOKEN, PAD, SHAPES, Shape
from ectrain.compiling import compile_from_now_on
from ectrain.generation import Sampling, generate
from ectrain.llama import export_llama
from ectrain.model import Model

SHORTEST, LONGEST = 20, 60  # tokens of a prompt
MEAN_LENGTH = 40  # of rows that end early, in tokens


def prompts_of(shape: Shape, rows: int) -> list[list[int]]:
    """Return prompts of uniform lengths, the longest among them."""
    rng = random.Random(SEED)
    lengths = [LONGEST, *(rng.randint(SHORTEST, LONGEST) for _ in range(rows - 1))]
    return [[rng.randrange(FIRST_TOKEN, shape.vocabulary) for _ in range(n)] for n in lengths]


def ends_of(shape: Shape) -> list[int]:
    """Return so many tokens that a row of random ones meets one after the mean length."""
    tokens = range(FIRST_TOKEN, shape.vocabulary)
    return random.Random(SEED).sample(tokens, shape.vocabulary // MEAN_LENGTH)


class Ours:
    """ectrain's own generation."""

    def __init__(
        self, model: Model, dtype: torch.dtype, prompts: list[list[int]], new: int, ends: list[int]
    ) -> None:
        self.model, self.dtype = model, dtype
        self.prompts, self.new, self.ends = prompts, new, ends

    def write(self, greedy: bool) -> list[list[int]]:
        """Return the tokens of each row."""
        found = generate(
            self.model,
            NAME,
            self.prompts,
            max_new_tokens=self.new,
            sampling=Sampling(0.0 if greedy else 1.0),
            stop_ids=self.ends,
            dtype=self.dtype,
        )
        return [list(sample.tokens) for (sample,) in found]


class Theirs:
    """`transformers.generate`, left-padded, with its dynamic cache."""

    def __init__(
        self, path: Path, dtype: torch.dtype, prompts: list[list[int]], new: int, ends: list[int]
    ) -> None:
        self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype
        ).eval()
        longest = max(map(len, prompts))
        self.ids = torch.tensor([[PAD] * (longest - len(p)) + p for p in prompts])
        self.mask = (self.ids != PAD).long()
        self.new, self.ends = new, ends

    def write(self, greedy: bool) -> list[list[int]]:
        """Return the tokens of each row, up to its end."""
        config = transformers.GenerationConfig(
            do_sample=not greedy,
            temperature=None if greedy else 1.0,
            top_k=None if greedy else 0,
            top_p=None if greedy else 1.0,
            max_new_tokens=self.new,
            pad_token_id=PAD,
            eos_token_id=self.ends or None,
        )
        with torch.no_grad():
            found = self.model.generate(
                self.ids, attention_mask=self.mask, generation_config=config
            )
        rows = found[:, self.ids.shape[1] :].tolist()
        return [row[: next((n for n, t in enumerate(row) if t in self.ends), None)] for row in rows]


def rate(program: Ours | Theirs) -> float:
    """Return the tokens a second of one call."""
    began = time.perf_counter()
    rows = program.write(greedy=False)
    return sum(map(len, rows)) / (time.perf_counter() - began)


def turns(programs: dict[str, Ours | Theirs], rounds: int) -> dict[str, list[float]]:
    """Let the programs take turns, another one first each round, after one turn to warm up."""
    names = list(programs)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            measured = rate(programs[name])
            if number >= 0:
                found[name].append(measured)
    return found


def same_share(one: Sequence[Sequence[int]], other: Sequence[Sequence[int]]) -> float:
    """Return the share of rows that two programs wrote alike."""
    return sum(list(a) == list(b) for a, b in zip(one, other, strict=True)) / len(one)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="6m")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--new", type=int, default=128, help="most new tokens of a row")
    parser.add_argument("--ends", action="store_true", help="let rows end early")
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    parser.add_argument("--short", action="store_true", help="bfloat16 alone")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    if not settings.eager:
        compile_from_now_on()
    shape = SHAPES[settings.shape]
    tokenizer = tokenizer_of(shape.vocabulary)
    model = Model(trunk_config(shape), {NAME: LanguageModel(NoSettings())}, tokenizer, SEED).eval()
    prompts = prompts_of(shape, settings.rows)
    ends = ends_of(shape) if settings.ends else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llama"
        export_llama(model, NAME, path)
        formats = [torch.bfloat16] if settings.short else [torch.float32, torch.bfloat16]
        programs: dict[str, Ours | Theirs] = {}
        for dtype in formats:
            name, rest = str(dtype).removeprefix("torch."), (prompts, settings.new, ends)
            programs[f"ectrain {name}"] = Ours(model, dtype, *rest)
            programs[f"generate {name}"] = Theirs(path, dtype, *rest)
    first = str(formats[0]).removeprefix("torch.")
    alike = same_share(*(programs[f"{who} {first}"].write(True) for who in ("ectrain", "generate")))
    found = turns(programs, settings.rounds)
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    if settings.json:
        print(json.dumps({"greedy_alike": alike, "tokens_per_s": found, "medians": medians}))
        return
    print(f"{settings.shape}, {settings.rows} rows, {torch.get_num_threads()} threads")
    print(f"greedy rows alike in {first}: {alike:.3f}")
    for name, median in medians.items():
        low, high = min(found[name]), max(found[name])
        ratio = median / medians["generate bfloat16"]
        print(f"{name}: {median:.0f} tokens/s ({low:.0f}..{high:.0f}), {ratio:.2f} x the last")


if __name__ == "__main__":
    main()
