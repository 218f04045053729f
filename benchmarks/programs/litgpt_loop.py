"""LitGPT's model and loss under Fabric, in a loop shaped like its own pretraining.

As in LitGPT's pretraining, documents are joined and cut into rows: no padding, but tokens see
earlier documents of their row, which is an easier task than the other programs do.
"""

from __future__ import annotations

import itertools
from importlib.metadata import version
from typing import Any

import lightning  # type: ignore[import-not-found,unused-ignore]
import torch
from litgpt.config import Config  # type: ignore[import-not-found,unused-ignore]
from litgpt.model import GPT  # type: ignore[import-not-found,unused-ignore]
from litgpt.utils import chunked_cross_entropy  # type: ignore[import-not-found,unused-ignore]

from benchmarks.turns import Gate, arguments
from benchmarks.workload import SHAPES, Shape

STEP_TOKENS = 8192


def gpt(shape: Shape, fabric: Any) -> Any:
    """Return the model, a Llama by LitGPT's names."""
    config = Config(
        name="benchmark",
        block_size=shape.context,
        vocab_size=shape.vocabulary,
        padded_vocab_size=shape.vocabulary,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_embd=shape.width,
        intermediate_size=shape.ffn,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )
    torch.manual_seed(1)
    with fabric.init_module():
        model = GPT(config)
        model.apply(model._init_weights)
    model.lm_head.weight = model.transformer.wte.weight
    return model


def rows_of(gate: Gate, room: int) -> torch.Tensor:
    """Return all sequences end to end, cut into rows with one more token for the targets."""
    stream = torch.tensor(list(itertools.chain.from_iterable(itertools.chain(*gate.sequences))))
    return stream[: len(stream) // (room + 1) * (room + 1)].view(-1, room + 1)


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--precision", default="32-true", help="bf16-true is LitGPT's default")
    parser.add_argument("--compile", action="store_true")
    settings = parser.parse_args()
    shape = SHAPES[settings.shape]
    fabric = lightning.Fabric(accelerator="cpu", devices=1, precision=settings.precision)
    model = gpt(shape, fabric)
    model = fabric.setup(torch.compile(model) if settings.compile else model)
    optimizer = fabric.setup_optimizers(torch.optim.AdamW(model.parameters(), lr=1e-3))
    model.train()
    dtype = "bfloat16" if settings.precision.startswith("bf16") else "float32"
    gate = Gate(shape, settings.steps, dtype=dtype, litgpt=version("litgpt"))
    rows = rows_of(gate, shape.context)
    size = STEP_TOKENS // shape.context
    for step in itertools.count():
        start = step * size % (len(rows) - size + 1)
        batch = rows[start : start + size]
        loss = chunked_cross_entropy(model(batch[:, :-1].contiguous()), batch[:, 1:].contiguous())
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        optimizer.zero_grad()
        if not gate.step_ended(loss.item(), size * shape.context):
            break


if __name__ == "__main__":
    main()
