"""ectrain as it trains: its task contract, packing, batches made ahead, and `train_step`.

Only the data are the benchmark's own, as a task that no user would install.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
from tokenizers import Tokenizer as Backend
from tokenizers import models
from torch import Tensor, nn

from benchmarks.turns import Gate, arguments
from benchmarks.workload import SHAPES, Shape
from ectrain.batches import Batch, Encoder, ahead, lay_out
from ectrain.compiling import compile_from_now_on
from ectrain.config import DeviceConfig, OptimizerConfig, StepConfig, TrunkConfig
from ectrain.device import choose_place, prepare_process
from ectrain.learner import Learner
from ectrain.loop import train_step
from ectrain.model import Model
from ectrain.optimizer import make_optimizer
from ectrain.parts import TokenAccuracy, TokenHead, TokenOutput, token_loss
from ectrain.task import NO_TARGET, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import BEGIN, END, Tokenizer

SEED = 1
NAME = "language"


@attrs.frozen
class Row:
    """One sequence of the workload as an example."""

    id: str
    group: str
    tokens: Sequence[int]


@attrs.frozen
class NoSettings:
    """The task has none."""


class LanguageModel(Task[Row, NoSettings]):
    """Predict the next token."""

    config_type = NoSettings

    def examples(self, split: Split) -> Sequence[Row]:
        """Return nothing: the benchmark draws by itself."""
        return ()

    def encode(self, example: Row, tokenizer: Tokenizer, rng: object) -> Segment:
        """Return the sequence with each token's successor as its target."""
        tokens = np.array(example.tokens, dtype=np.int64)
        return Segment(tokens, labels=np.append(tokens[1:], NO_TARGET))

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the plain token head."""
        return TokenHead(trunk)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return the summed cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return the share of right tokens."""
        return {"accuracy": TokenAccuracy()}


def tokenizer_of(size: int) -> Tokenizer:
    """Return a tokenizer of a size; no text is ever given to it."""
    words = {BEGIN: 0, END: 1, **{f"word{number}": number for number in range(2, size)}}
    return Tokenizer(Backend(models.WordLevel(words, unk_token=BEGIN)))


def trunk_config(shape: Shape) -> TrunkConfig:
    """Return the shape as ectrain has it."""
    return TrunkConfig(
        layers=shape.layers,
        width=shape.width,
        heads=shape.heads,
        kv_heads=shape.heads,
        ffn=shape.ffn,
        context=shape.context,
    )


def batches(
    task: LanguageModel, encoder: Encoder, steps: Sequence[Sequence[Sequence[int]]], most: int
) -> Iterator[Batch]:
    """Encode and lay out each step's sequences, as an epoch does."""
    for step, sequences in enumerate(steps):
        segments = []
        for number, tokens in enumerate(sequences):
            example = Row(f"{step}/{number}", "", tokens)
            segments.append((NAME, encoder.encode(NAME, task, example, SEED)))
        yield lay_out(segments, most)


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--max-tokens", type=int, default=StepConfig().max_tokens)
    parser.add_argument("--compile", action="store_true", help="as runs of ten minutes do")
    settings = parser.parse_args()
    shape = SHAPES[settings.shape]
    device = DeviceConfig(name="cpu")
    prepare_process(device)
    place = choose_place(device)
    task, tokenizer = LanguageModel(NoSettings()), tokenizer_of(shape.vocabulary)
    model = Model(trunk_config(shape), {NAME: task}, tokenizer, SEED)
    if settings.compile:
        compile_from_now_on()
    learner = Learner(model, make_optimizer(model, OptimizerConfig(rate=1e-3)), place, 1.0)
    encoder = Encoder(tokenizer, shape.context)
    gate = Gate(shape, settings.steps, dtype=place.dtype_name)
    # Between turns the thread that makes batches fills its queue and then waits for the next step
    # to take one: each turn holds the making of one batch, as in a run.
    with ahead(batches(task, encoder, gate.sequences, settings.max_tokens)) as coming:
        for step, batch in enumerate(coming):
            result = train_step(learner, batch, {NAME: 1.0}, step)
            if not gate.step_ended(result.losses[NAME] / batch.targets[NAME]):
                break


if __name__ == "__main__":
    main()
