"""TRL's GRPO trainer: sample, reward, update; needs requirements-trl.txt."""

from __future__ import annotations

import tempfile
from typing import Any

from datasets import Dataset  # type: ignore[import-not-found]
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer  # type: ignore[import-not-found]

from benchmarks.programs.rl_work import (
    GROUP,
    NEW,
    PROMPTS,
    MixRewards,
    even_share,
    of_step,
    prompts_of,
    read_suites,
)
from benchmarks.turns import WARM_UP, Gate, arguments
from benchmarks.workload import SHAPES, Shape


def tokenizer_of(size: int) -> Any:
    """Return a tokenizer whose words are numbers."""
    words = {"<pad>": 0, "<bos>": 1, "<eos>": 2, "<mask>": 3}
    words.update({f"w{number}": number for number in range(4, size)})
    backend = Tokenizer(models.WordLevel(words, unk_token="<mask>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    marks = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **marks)


def model_of(shape: Shape) -> Any:
    """Return a new Llama."""
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaForCausalLM(config)


class Turns(TrainerCallback):  # type: ignore[misc]
    """Waits for its turn after each step."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Report the step."""
        if not self._gate.step_ended(amount=PROMPTS * GROUP):
            control.should_training_stop = True


class Rewards:
    """What samples earn: nearly nothing to compute, or `mix test` for each mutant.

    Args:
        path: Of suites; "" for none.
        each: Suites a step.
    """

    __name__ = "rewards"

    def __init__(self, path: str, each: int) -> None:
        self._suites, self._each, self._step = read_suites(path), each, 0
        self._mix = MixRewards() if path else None

    def __call__(self, completion_ids: Any = None, **more: Any) -> list[float]:
        """Return a reward a sample."""
        found = [even_share(ids) for ids in completion_ids]
        if self._mix is not None:
            rates = [self._mix.kill_rate(s) for s in of_step(self._suites, self._step, self._each)]
            found = [x + rates[n % len(rates)] for n, x in enumerate(found)]
        self._step += 1
        return found


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--suites", default="")
    parser.add_argument("--each", type=int, default=PROMPTS * GROUP)
    parser.add_argument("--bf16", action="store_true")
    settings = parser.parse_args()
    shape = SHAPES[settings.shape]
    steps = WARM_UP + settings.steps
    gate = Gate(shape, settings.steps, dtype="bfloat16" if settings.bf16 else "float32")
    rows = [
        {"prompt": " ".join(f"w{token}" for token in prompt)}
        for step in range(steps)
        for prompt in prompts_of(shape, step)
    ]
    trainer = GRPOTrainer(
        model=model_of(shape),
        reward_funcs=Rewards(settings.suites, settings.each),
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=PROMPTS * GROUP,
            num_generations=GROUP,
            max_completion_length=NEW,
            beta=0.0,  # no reference model
            learning_rate=1e-4,
            max_steps=steps,
            use_cpu=True,
            bf16=settings.bf16,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_steps=1000,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer_of(shape.vocabulary),
        callbacks=[Turns(gate)],
    )
    trainer.train()


if __name__ == "__main__":
    main()
