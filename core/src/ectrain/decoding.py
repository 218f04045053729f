"""Reading on, token by token: rows that keep the keys and values of all that they have read.

Shape suffixes: r rows, n tokens of prompts, t tokens of a pack, d width, p heads of queries, then
keys, then values, e head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ectrain.attention import Layout, attend, kinds
from ectrain.layer import after_attention, before_attention, normed
from ectrain.packing import Pack, pack
from ectrain.products import packed, product
from ectrain.reading import Read, compiled_read, read_on
from ectrain.slots import Slots
from ectrain.task import Segment
from ectrain.trunk import Block, Trunk


class LayerWeights(NamedTuple):
    """A layer's weights, ready for many steps."""

    attention_norm_d: Tensor
    qkv_od: Tensor
    out_dd: Tensor
    ffn_norm_d: Tensor
    gate_up_fd: Tensor
    down_df: Tensor

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype, rows: int) -> LayerWeights:
        """Return a layer's weights in a format, for steps of so many rows."""
        modules = (
            block.attention_norm, block.qkv, block.out, block.ffn_norm, block.gate_up, block.down
        )  # fmt: skip
        weights = [module.weight.to(dtype) for module in modules]
        return cls(*(packed(w, rows) if w.ndim == 2 else w for w in weights))


class Decoder:
    """Rows that are read on together.

    Args:
        trunk: What reads; its weights must not change meanwhile.
        rows: Most rows at a time.
        columns: Most tokens of a row.
        dtype: Format that is computed in.
        compiled: Whether steps are compiled where they can be.
    """

    def __init__(
        self, trunk: Trunk, rows: int, columns: int, dtype: torch.dtype, compiled: bool = False
    ) -> None:
        config, embedding = trunk.config, trunk.embedding.weight
        self.dtype, self.most_rows = dtype, rows
        self._config, self._device = config, embedding.device
        self._embedding_vd = embedding
        self._cos, self._sin = trunk.cos, trunk.sin
        blocks = [block for block in trunk.blocks if isinstance(block, Block)]
        self._layers = [LayerWeights.of(block, dtype, rows) for block in blocks]
        self._norm_d = trunk.norm.weight.to(dtype)
        self._lengths: list[int] = []
        self._slots = Slots(
            config, rows, columns, blocked=compiled, dtype=dtype, device=self._device
        )
        self._size = config.width // config.heads
        self._read_on: Read = read_on
        if compiled:
            self._read_on = compiled_read(config.heads, config.kv_heads, self._size, dtype)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some rows only, in this order; those that keep their place cost nothing."""
        moved = [(old, new) for new, old in enumerate(rows) if old != new]
        if moved:
            sources, targets = map(list, zip(*moved, strict=True))
            self._slots.move(sources, targets, max(self._lengths))
        self._lengths = [self._lengths[row] for row in rows]

    def read(self, prompts: Sequence[Sequence[int]], copies: Sequence[int]) -> Tensor:
        """Begin new rows behind the others.

        Args:
            prompts: What is read, once each.
            copies: Rows of each prompt, next to one another.

        Returns:
            The trunk's output at the end of each new row, `[r, d]`.
        """
        segments = [("", Segment(np.array(prompt, dtype=np.int64))) for prompt in prompts]
        read = pack(segments).to(self._device)
        each = torch.split(read.tasks[""].index_n, [len(prompt) for prompt in prompts])
        index = [own for own, count in zip(each, copies, strict=True) for _ in range(count)]
        first, lengths = len(self._lengths), [len(own) for own in index]
        self._lengths += lengths
        last_r = torch.stack([own[-1] for own in index])
        row_r = torch.arange(first, len(self._lengths), device=self._device)
        row_n = row_r.repeat_interleave(torch.tensor(lengths, device=self._device))
        return self._read(read, torch.cat(index), row_n, last_r)

    def _read(self, read: Pack, index_n: Tensor, row_n: Tensor, last_r: Tensor) -> Tensor:
        """Read a pack, keep the keys and values of some of its tokens, and return some outputs."""
        first, last = int(row_n[0]), len(self._lengths)
        self._slots.clear(first, last)
        places = self._slots.places(row_n, read.positions_t[index_n])
        cos_t1e, sin_t1e = self._rotary(read.positions_t)
        bias_rbc = self._slots.seen(last, max(self._lengths))
        layout = Layout(read.slabs, self._config.heads, self._config.kv_heads)
        x_td = self._embedded(read.tokens_t)
        for number, (norm_d, qkv_od, *others) in enumerate(self._layers):
            rotated = self._config.heads + self._config.kv_heads
            qkv_tpe = before_attention(
                x_td, cos_t1e, sin_t1e, norm_d, self._config.norm_eps, qkv_od, rotated, self._size
            )
            _, k_tke, v_tke = kinds(qkv_tpe, self._config.heads, self._config.kv_heads)
            self._slots.view(number, bias_rbc).store(places, k_tke[index_n], v_tke[index_n])
            mixed_td = attend(qkv_tpe, layout).flatten(1)
            if number == self._slots.layers - 1:
                x_td, mixed_td = x_td[last_r], mixed_td[last_r]
            x_td = self._after(x_td, mixed_td, *others)
        return normed(x_td, self._norm_d, self._config.norm_eps)

    def step(self, token_r: Tensor) -> Tensor:
        """Read one more token in every row and return the trunk's output there, `[r, d]`."""
        rows = len(self._lengths)
        position_r = torch.tensor(self._lengths, device=self._device)
        places = self._slots.places(torch.arange(rows, device=self._device), position_r)
        cos_r1e, sin_r1e = self._rotary(position_r)
        self._lengths = [length + 1 for length in self._lengths]
        bias_rbc = self._slots.seen(rows, max(self._lengths))
        read = self._read_on if rows > 1 else read_on  # a single row would be compiled apart
        x_rd = self._embedded(token_r)
        for number, (norm_d, qkv_od, *others) in enumerate(self._layers):
            qkv_rf = product(normed(x_rd, norm_d, self._config.norm_eps), qkv_od)
            qkv_rpe = qkv_rf.view(rows, -1, self._size)
            view = self._slots.view(number, bias_rbc)
            mixed_rd = read(qkv_rpe, cos_r1e, sin_r1e, places, view)
            x_rd = self._after(x_rd, mixed_rd, *others)
        return normed(x_rd, self._norm_d, self._config.norm_eps)

    def _after(self, x_td: Tensor, mixed_td: Tensor, out_dd: Tensor, *ffn: Tensor) -> Tensor:
        norm_d, gate_up_fd, down_df = ffn
        eps = self._config.norm_eps
        return after_attention(x_td, mixed_td, out_dd, norm_d, eps, gate_up_fd, down_df)

    def _embedded(self, token_t: Tensor) -> Tensor:
        return self._embedding_vd[token_t].to(self.dtype)

    def _rotary(self, position_t: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self._cos[position_t], self._sin[position_t]
        return cos.unsqueeze(1).to(self.dtype), sin.unsqueeze(1).to(self.dtype)
