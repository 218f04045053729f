"""Hugging Face Trainer on LlamaForCausalLM, with or without padding.

default: float32, random lengths padded to the longest, as users write it.
packed: whole sequences packed into rows; restarting positions make transformers mask documents.
packed-keep: the same, given the allocator setting that ectrain gives itself.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import transformers  # type: ignore[import-not-found,unused-ignore]
from tokenizers import Tokenizer, models
from torch.utils.data import IterableDataset
from transformers import (  # type: ignore[import-not-found,unused-ignore]
    DataCollatorForLanguageModeling,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.turns import Gate, arguments
from benchmarks.workload import BEGIN, END, PAD, SEQUENCES, SHAPES, Shape

COMPILED_ROWS = 36  # a multiple of this where rows are compiled for: their number seldom changes
IGNORED = -100


class Sequences(IterableDataset):  # type: ignore[type-arg]
    """The workload's sequences in order."""

    def __init__(self, steps: Sequence[Sequence[Sequence[int]]]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for sequences in self._steps:
            for tokens in sequences:
                yield {"input_ids": list(tokens)}


class TurnByTurn(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Lets the trainer wait for its turn after each step."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Report the step and wait."""
        if not self._gate.step_ended():
            control.should_training_stop = True
        return control


def rows_of(sequences: Sequence[Sequence[int]], room: int) -> list[list[Sequence[int]]]:
    """Pack whole sequences into rows, longest first, each into the fullest row that takes it."""
    rows: list[list[Sequence[int]]] = []
    free: list[int] = []
    for tokens in sorted(sequences, key=len, reverse=True):
        fits = [row for row, left in enumerate(free) if left >= len(tokens)]
        if fits:
            best = min(fits, key=lambda row: free[row])
            rows[best].append(tokens)
            free[best] -= len(tokens)
        else:
            rows.append([tokens])
            free.append(room - len(tokens))
    return rows


class PackedRows:
    """Collates sequences into packed rows with positions that restart at each document.

    Args:
        room: Tokens of a row.
        multiple: The number of rows is rounded up to a multiple of this.
    """

    def __init__(self, room: int, multiple: int) -> None:
        self._room, self._multiple = room, multiple

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return a batch."""
        rows = rows_of([example["input_ids"] for example in examples], self._room)
        count = -(-len(rows) // self._multiple) * self._multiple
        ids = torch.full((count, self._room), PAD)
        labels = torch.full((count, self._room), IGNORED)
        positions = torch.arange(self._room).repeat(count, 1)
        for number, row in enumerate(rows):
            at = 0
            for tokens in row:
                end = at + len(tokens)
                ids[number, at:end] = torch.tensor(tokens)
                labels[number, at + 1 : end] = ids[
                    number, at + 1 : end
                ]  # no first token is a target
                positions[number, at:end] = torch.arange(len(tokens))
                at = end
            positions[number, at:] = torch.arange(self._room - at)
        return {"input_ids": ids, "labels": labels, "position_ids": positions}


def padding_collator(shape: Shape) -> Any:
    """Return transformers' own collator for language models."""
    words = {"<pad>": PAD, "<begin>": BEGIN, "<end>": END}
    words |= {f"word{number}": number for number in range(3, shape.vocabulary)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<begin>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>")
    return DataCollatorForLanguageModeling(tokenizer, mlm=False)


def keep_memory() -> None:
    """Let glibc keep freed memory: M_MMAP_MAX 0, no trimming, growth by 64 MiB."""
    if sys.platform == "linux":
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((-4, 0), (-1, 2**31 - 1), (-2, 64 * 2**20)):
            mallopt(parameter, value)


def llama(shape: Shape) -> Any:
    """Return the model."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=BEGIN,
        eos_token_id=END,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def main() -> None:
    """Train in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--mode", choices=("default", "packed", "packed-keep"), default="default")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 mixed precision")
    parser.add_argument("--compile", action="store_true", help="torch_compile=True")
    settings = parser.parse_args()
    if settings.mode == "packed-keep":
        keep_memory()
    shape = SHAPES[settings.shape]
    dtype = "bfloat16" if settings.bf16 else "float32"
    gate = Gate(shape, settings.steps, dtype=dtype, transformers=transformers.__version__)
    with tempfile.TemporaryDirectory() as directory:
        how = TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=SEQUENCES,
            learning_rate=1e-3,
            max_steps=len(gate.sequences),
            use_cpu=True,
            bf16=settings.bf16,
            torch_compile=settings.compile,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_steps=500,
        )
        rows = PackedRows(shape.context, COMPILED_ROWS if settings.compile else 1)
        Trainer(
            model=llama(shape),
            args=how,
            train_dataset=Sequences(gate.sequences),
            data_collator=padding_collator(shape) if settings.mode == "default" else rows,
            callbacks=[TurnByTurn(gate)],
        ).train()


if __name__ == "__main__":
    main()
