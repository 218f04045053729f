"""What each balancer costs a step, as a ratio to the fixed one, in one interleaved run.

All balancers train the same two tasks on the same batches in one process, one step each in turn,
each with a model and an optimizer of its own. A ratio is the median over rounds of the ratio in one
round, so that all meet the same load.

Run from the repository's folder: python -m benchmarks.balancers --help
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence

import torch

from benchmarks.programs.ectrain_step import LanguageModel, NoSettings, Row, tokenizer_of
from ectrain.balancer import BALANCERS, OWN
from ectrain.balancers import make_balancer
from ectrain.batches import Batch, Encoder, lay_out
from ectrain.config import BalancerConfig, DeviceConfig, OptimizerConfig, TrunkConfig
from ectrain.device import choose_place, prepare_process
from ectrain.learner import Learner
from ectrain.loop import train_step
from ectrain.model import Model
from ectrain.offers import installed
from ectrain.optimizer import make_optimizer
from ectrain.order import keyed_random
from ectrain.task import Segment

CONTROL = "fixed"
VOCABULARY = 2048


def main() -> None:
    """Measure and print."""
    settings = _settings()
    prepare_process(DeviceConfig(name=settings.device))
    tasks = [f"task{number}" for number in range(settings.tasks)]
    trunk = TrunkConfig(layers=settings.layers, width=settings.width, heads=2, kv_heads=2)
    batches = [
        _batch(tasks, trunk, number, settings.max_tokens) for number in range(settings.rounds + 1)
    ]
    seconds = _measured(settings.balancers, tasks, trunk, batches, settings.device)
    ratios = {name: _ratio(own, seconds[CONTROL]) for name, own in seconds.items()}
    if settings.json:
        print(json.dumps({"seconds": seconds, "ratios": ratios}, indent=1))
        return
    tokens = batches[0].tokens
    print(
        f"{settings.tasks} tasks, {settings.layers} layers of {settings.width}, {tokens} tokens in "
        f"{len(batches[0].packs)} passes a step, {settings.rounds} rounds, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    print(f"\n{'balancer':14}{'ms a step':>10}{'by fixed':>10}{'lowest':>8}{'highest':>9}")
    for name, own in seconds.items():
        pairs = [a / b for a, b in zip(own, seconds[CONTROL], strict=True)]
        middle = 1000 * statistics.median(own)
        print(f"{name:14}{middle:10.1f}{ratios[name]:10.2f}{min(pairs):8.2f}{max(pairs):9.2f}")


def _settings() -> argparse.Namespace:
    known = [*OWN, *installed(BALANCERS)]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--max-tokens", type=int, default=8192, help="of one pass")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--balancers", nargs="+", default=known, choices=known)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    settings.balancers = list(dict.fromkeys([CONTROL, *settings.balancers]))
    return settings


def _batch(tasks: Sequence[str], trunk: TrunkConfig, number: int, most: int) -> Batch:
    """Lay out 16 sequences of each task."""
    encoder = Encoder(tokenizer_of(VOCABULARY), trunk.context)
    task = LanguageModel(NoSettings())
    rng = keyed_random("balancers", number)
    segments: list[tuple[str, Segment]] = []
    for name in tasks:
        for example in range(16):
            ids = [rng.randrange(2, VOCABULARY) for _ in range(rng.randint(32, 160))]
            segments.append((name, encoder.encode(name, task, Row(str(example), "", ids), 0)))
    return lay_out(segments, most)


def _measured(
    names: Sequence[str],
    tasks: Sequence[str],
    trunk: TrunkConfig,
    batches: Sequence[Batch],
    device: str,
) -> dict[str, list[float]]:
    """Return the seconds of each step by balancer; the first one warms up and isn't counted."""
    learners = {name: _learner(name, tasks, trunk, device) for name in names}
    weights = dict.fromkeys(tasks, 1.0)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number, batch in enumerate(batches):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            began = time.perf_counter()
            train_step(learners[name], batch, weights, number + 1)
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def _learner(name: str, tasks: Sequence[str], trunk: TrunkConfig, device: str) -> Learner:
    place = choose_place(DeviceConfig(name=device))
    kinds = {task: LanguageModel(NoSettings()) for task in tasks}
    model = Model(trunk, kinds, tokenizer_of(VOCABULARY), seed=0).to(place.device).train()
    balancer = make_balancer(BalancerConfig(name), tasks, 0)
    return Learner(model, make_optimizer(model, OptimizerConfig()), place, 1.0, balancer)


def _ratio(own: Sequence[float], control: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, control, strict=True))


if __name__ == "__main__":
    main()
