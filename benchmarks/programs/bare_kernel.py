"""The same trunk, attention, chunked loss and AdamW as ectrain's, called directly.

No task, head, model, learner, loop or check, and its batches were laid out before the first turn:
what `ectrain_step` takes longer than this is what the framework itself costs. The weights and
batches are the same, so both must come to the same losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from benchmarks.programs.ectrain_step import NAME, SEED, trunk_config
from benchmarks.turns import Gate, arguments
from benchmarks.workload import SHAPES
from ectrain.batches import Batch, lay_out
from ectrain.compiling import compile_from_now_on
from ectrain.config import DeviceConfig, StepConfig
from ectrain.cross_entropy import summed_cross_entropy
from ectrain.device import choose_place, prepare_process
from ectrain.order import keyed_random
from ectrain.packing import Pack
from ectrain.task import NO_TARGET, Segment
from ectrain.trunk import Trunk


def laid_out(sequences: Sequence[Sequence[int]], most: int) -> Batch:
    """Return a step's batch."""
    segments = []
    for sequence in sequences:
        tokens = np.array(sequence, dtype=np.int64)
        segments.append((NAME, Segment(tokens, labels=np.append(tokens[1:], NO_TARGET))))
    return lay_out(segments, most)


def adamw(trunk: Trunk) -> torch.optim.AdamW:
    """Return AdamW that decays all matrices but the embedding."""
    embedding = trunk.embedding.weight
    matrices = [p for p in trunk.parameters() if p.ndim == 2 and p is not embedding]
    others = [p for p in trunk.parameters() if p.ndim == 1 or p is embedding]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.01, fused=True)


def summed_loss(trunk: Trunk, pack: Pack, dtype: torch.dtype) -> torch.Tensor:
    """Return the cross-entropy of a pack, computed in a format."""
    rows = pack.tasks[NAME]
    if dtype == torch.float32:
        hidden, vocabulary = trunk(pack), trunk.embedding.weight
    else:
        weights = {name: p.to(dtype) for name, p in trunk.named_parameters()}
        hidden, vocabulary = functional_call(trunk, weights, (pack,)), weights["embedding.weight"]
    return summed_cross_entropy(
        hidden.index_select(0, rows.target_index_m), vocabulary, rows.targets.tokens_m
    )


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--max-tokens", type=int, default=StepConfig().max_tokens)
    parser.add_argument("--compile", action="store_true")
    settings = parser.parse_args()
    shape = SHAPES[settings.shape]
    device = DeviceConfig(name="cpu")
    prepare_process(device)
    place = choose_place(device)
    trunk = Trunk(trunk_config(shape), shape.vocabulary)
    trunk.initialize(torch.Generator().manual_seed(keyed_random(SEED, "trunk").getrandbits(63)))
    if settings.compile:
        compile_from_now_on()
    optimizer = adamw(trunk)
    gate = Gate(shape, settings.steps, dtype=place.dtype_name)
    for batch in [laid_out(sequences, settings.max_tokens) for sequences in gate.sequences]:
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for pack in batch.packs:
            loss = summed_loss(trunk, pack, place.dtype)
            (loss / batch.targets[NAME]).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(trunk.parameters(), 1.0)
        optimizer.step()
        if not gate.step_ended(total / batch.targets[NAME]):
            break


if __name__ == "__main__":
    main()
