"""Writing text with a model: many prompts at once, rows leaving and others taking their place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from ectrain.compiling import is_compiling
from ectrain.decoding import Decoder
from ectrain.device import can_compile
from ectrain.errors import ConfigError, PluginError
from ectrain.model import Model
from ectrain.parts import TokenHead
from ectrain.sampling import Sampling
from ectrain.stopping import Stops
from ectrain.writing import Constraint, Generated, Row, Writer

__all__ = ["Constraint", "Generated", "Sampling", "generate"]

MAX_ROWS = 64  # rows that are written at a time
WORTH_COMPILING = 100_000  # tokens: from some so many on, the seconds of compiling are won back


def generate(
    model: Model,
    task: str,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop_ids: Sequence[int] | None = None,
    stop: Sequence[str] = (),
    samples: int = 1,
    seed: int = 0,
    constraint: Constraint | None = None,
    deadline_s: float | None = None,
    dtype: torch.dtype | None = None,
) -> list[list[Generated]]:
    """Write after many prompts.

    Args:
        model: What writes.
        task: Name of the task whose head writes; it must be a `TokenHead`.
        prompts: Token ids, none empty. Each is read once, however many samples it has.
        max_new_tokens: Most tokens of each sample; the trunk's context may allow fewer.
        sampling: How tokens are chosen; greedily unless told.
        stop_ids: Tokens that end a sample; the end token unless told.
        stop: Texts that end a sample.
        samples: Of each prompt.
        seed: Same seed, same samples, whatever the machine's load or batching, apart from what
            rounding decides.
        constraint: What refuses tokens; another is then drawn from those that are left.
        deadline_s: Seconds after which no new prompt is begun; it then gets no sample.
        dtype: Format that is computed in; the weights' own unless told. bfloat16 takes half the
            time where the processor has it.

    Returns:
        Samples of each prompt, in order.

    Raises:
        ConfigError: A prompt is empty or leaves no room.
        PluginError: The task's head writes no tokens.
    """
    head = model.heads[task]
    if not isinstance(head, TokenHead):
        raise PluginError(f"task {task}: its head writes no tokens")
    context = model.trunk.config.context
    for number, prompt in enumerate(prompts):
        if not 0 < len(prompt) < context:
            raise ConfigError(
                f"prompt {number} has {len(prompt)} tokens, expected 1 to {context - 1}"
            )
    stops = Stops(model.tokenizer, stop_ids, stop)
    rooms = [min(max_new_tokens, context - len(prompt) + 1) for prompt in prompts]
    rows = [
        [Row(number, sample, seed, room) for sample in range(samples)]
        for number, room in enumerate(rooms)
    ]
    queue = deque(sorted((g for g in rows if g), key=lambda g: len(prompts[g[0].number])))
    if queue:
        with _measuring(model), torch.no_grad():
            decoder = _decoder(model, prompts, rooms, samples, dtype)
            writer = Writer(
                model, head, decoder, prompts, sampling or Sampling(), stops, constraint
            )
            writer.write(queue, deadline_s)
    return [[row.generated(stops) for row in group if row.begun] for group in rows]


@contextmanager
def _measuring(model: Model) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _decoder(
    model: Model,
    prompts: Sequence[Sequence[int]],
    rooms: Sequence[int],
    samples: int,
    dtype: torch.dtype | None,
) -> Decoder:
    """Return a decoder with a place for as many rows as are written at a time."""
    columns = max(len(prompt) + room for prompt, room in zip(prompts, rooms, strict=True))
    rows = min(MAX_ROWS, len(prompts) * samples)
    coming = is_compiling() or sum(rooms) * samples >= WORTH_COMPILING
    compiled = coming and model.device.type == "cpu" and can_compile(model.device)
    return Decoder(
        model.trunk, rows, columns, dtype or model.trunk.embedding.weight.dtype, compiled
    )
