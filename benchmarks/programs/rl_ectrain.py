"""ectrain's RL step: the reward task's sampling and loss, core's packing and `train_step`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch

from benchmarks.programs.ectrain_step import SEED, tokenizer_of, trunk_config
from benchmarks.programs.rl_work import (
    GROUP,
    NEW,
    PROMPTS,
    even_share,
    of_step,
    prompts_of,
    read_suites,
)
from benchmarks.turns import Gate, arguments
from benchmarks.workload import SHAPES
from ectrain.batches import Encoder, lay_out
from ectrain.compiling import compile_from_now_on
from ectrain.config import DeviceConfig, OptimizerConfig, StepConfig
from ectrain.device import choose_place, prepare_process
from ectrain.learner import Learner
from ectrain.loop import train_step
from ectrain.model import Model
from ectrain.optimizer import make_optimizer
from ectrain_elixir.testpairs import TestPair
from ectrain_reward import (
    Answer,
    MutationConfig,
    MutationReward,
    PolicyConfig,
    Reward,
    RewardConfig,
    RewardTask,
)
from ectrain_reward.asked import Asked
from ectrain_reward.kl import Leash
from ectrain_reward.rewards import NoSettings
from ectrain_reward.rounds import rollouts
from ectrain_reward.sampling import Group, Plan, sampled

NAME = "reward"


class Beside(Reward[NoSettings]):
    """What suites of a step earn, computed while samples are written; samples earn it by number.

    Args:
        mutants: Of each program.
    """

    name = "mutation"
    config_type = NoSettings

    def __init__(self, mutants: int) -> None:
        super().__init__(NoSettings())
        self._reward = MutationReward(MutationConfig(sample=mutants, operators="standard"))
        self.suites: Sequence[Mapping[str, Any]] = ()

    def scores(self, answers: Sequence[Answer]) -> list[float | None]:
        """Return what the step's suites are worth."""
        return self._reward.batch([(suite["code"], suite["tests"]) for suite in self.suites])


def asked_of(step: int) -> list[Asked]:
    """Return something to ask for each prompt of a step."""
    return [
        Asked(TestPair(f"{step}/{n}", f"{n}", "exunit", "", "", ()), "tests")
        for n in range(PROMPTS)
    ]


def with_even_shares(group: Group, rates: Sequence[float | None], first: int) -> Group:
    """Return a group whose samples earned their share of even tokens, and a suite's kill rate."""
    found: list[float | None] = []
    for number, sample in enumerate(group.samples):
        rate = rates[(first + number) % len(rates)] if rates else 0.0
        found.append(even_share(sample.tokens) + (rate or 0.0))
    return attrs.evolve(group, scores={"mutation": found})


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--suites", default="")
    parser.add_argument("--each", type=int, default=PROMPTS * GROUP)
    parser.add_argument("--mutants", type=int, default=4)
    parser.add_argument("--compile", action="store_true", help="as runs of ten minutes do")
    settings = parser.parse_args()
    shape, device = SHAPES[settings.shape], DeviceConfig(name="cpu")
    prepare_process(device)
    place = choose_place(device)
    learn = PolicyConfig(baseline="group", kl=Leash(place="off"), passes=1)
    config = RewardConfig(samples=GROUP, learn=learn, max_tokens=shape.context, length_price=0)
    task, tokenizer = RewardTask(config), tokenizer_of(shape.vocabulary)
    if settings.compile:
        compile_from_now_on()
    model = Model(trunk_config(shape), {NAME: task}, tokenizer, SEED)
    learner = Learner(model, make_optimizer(model, OptimizerConfig(rate=1e-4)), place, 1.0)
    encoder, suites = Encoder(tokenizer, shape.context), read_suites(settings.suites)
    beside = Beside(settings.mutants)
    gate = Gate(shape, settings.steps, dtype=place.dtype_name)
    for step in range(len(gate.sequences)):
        beside.suites = of_step(suites, step, settings.each) if suites else ()
        groups, rates = _written(model, beside, step, shape)
        groups = [with_even_shares(g, rates, n * GROUP) for n, g in enumerate(groups)]
        made, _ = rollouts(model, NAME, groups, config, step, 0.0)
        segments = [(NAME, encoder.encode(NAME, task, each, SEED)) for each in made]
        model.train()
        batch = lay_out(segments, StepConfig().max_tokens)
        result = train_step(learner, batch, {NAME: 1.0}, step)
        if not gate.step_ended(result.losses[NAME] / batch.targets[NAME], PROMPTS * GROUP):
            break


def _written(
    model: Model, beside: Beside, step: int, shape: Any
) -> tuple[list[Group], list[float | None]]:
    """Return a step's samples, and what its suites earned meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    plan = Plan(NAME, GROUP, NEW, 1e9, seed=step)
    with ThreadPoolExecutor(1) as pool, torch.no_grad():
        coming = pool.submit(beside.scores, ())
        groups = sampled(model, asked_of(step), prompts_of(shape, step), {}, plan)
        return groups, coming.result()


if __name__ == "__main__":
    main()
