"""Reading on, token by token: rows with a static key-value cache each, their right ends aligned.

All rows write their next key and value in the same column, so a step is a few plain products over
views of the caches. Where a row is shorter than its neighbours its first columns are hidden.

Shape suffixes: r rows, l columns, h query heads, k key-value heads, g query heads of each of those,
e head size, d width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ectrain.attention import kinds
from ectrain.trunk import Block, Trunk

Cache = list[Tensor]  # keys and values of a layer, [r, k, l, e]


class Decoder:
    """Rows that are read on together.

    Args:
        trunk: What reads.
    """

    def __init__(self, trunk: Trunk) -> None:
        self._trunk = trunk
        self._blocks = [block for block in trunk.blocks if isinstance(block, Block)]
        self._device = trunk.embedding.weight.device
        self._end = 0  # columns in use
        self._length_r = torch.zeros(0, dtype=torch.long, device=self._device)
        self._bias_rl = torch.zeros(0, 0, device=self._device)
        self._caches: list[Cache] = []

    def refill(
        self,
        kept: Sequence[int],
        prompts: Sequence[Sequence[int]],
        copies: Sequence[int],
        room: int,
    ) -> Tensor:
        """Go on with some of the rows, and with new ones behind them.

        Args:
            kept: Rows to keep, in order.
            prompts: What is read, once each.
            copies: New rows of each prompt, next to one another.
            room: Tokens that any row may still take.

        Returns:
            The trunk's output at the end of each new row, `[r, d]`.
        """
        kept_r = torch.tensor(kept, dtype=torch.long, device=self._device)
        copies_r = torch.tensor(copies, dtype=torch.long, device=self._device)
        length_r = self._length_r[kept_r]
        span = int(length_r.max()) if kept else 0
        old = [[x[kept_r, :, self._end - span : self._end] for x in c] for c in self._caches]
        parts = [old] if kept else []
        hidden_rd = self._trunk.embedding.weight[:0]
        if prompts:
            hidden_rd, new, new_length_r = self._read(prompts)
            parts.append([[x.repeat_interleave(copies_r, 0) for x in c] for c in new])
            length_r = torch.cat([length_r, new_length_r.repeat_interleave(copies_r)])
        self._length_r, self._end = length_r, int(length_r.max())
        size = self._end + room
        self._caches = [
            [self._placed([part[layer][kind] for part in parts], size) for kind in (0, 1)]
            for layer in range(len(self._blocks))
        ]
        column_l = torch.arange(size, device=self._device)
        hidden_rl = column_l < (self._end - self._length_r).unsqueeze(1)
        self._bias_rl = torch.zeros(hidden_rl.shape, device=self._device)
        self._bias_rl.masked_fill_(hidden_rl, -torch.inf)
        return hidden_rd.repeat_interleave(copies_r, 0) if prompts else hidden_rd

    def _placed(self, parts: Sequence[Tensor], size: int) -> Tensor:
        """Return a cache of all parts' rows, each with its end at the last used column."""
        _, heads, _, head_size = parts[0].shape
        cache = parts[0].new_zeros(len(self._length_r), heads, size, head_size)
        row = 0
        for part in parts:
            cache[row : row + len(part), :, self._end - part.shape[2] : self._end] = part
            row += len(part)
        return cache

    def _read(self, prompts: Sequence[Sequence[int]]) -> tuple[Tensor, list[Cache], Tensor]:
        """Return the output at each prompt's end, keys and values, and the prompts' lengths."""
        rows, longest = len(prompts), max(map(len, prompts), default=1)
        tokens_rl = torch.zeros(rows, longest, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens_rl[row, longest - len(prompt) :] = torch.tensor(prompt)
        lengths = [len(prompt) for prompt in prompts]
        length_r = torch.tensor(lengths, dtype=torch.long, device=self._device)
        column_l = torch.arange(longest, device=self._device)
        place_rl = column_l - (longest - length_r).unsqueeze(1)
        later_ll = column_l > column_l.unsqueeze(1)
        hidden_rll = later_ll | ((place_rl < 0).unsqueeze(1) & (column_l != column_l.unsqueeze(1)))
        bias_r1ll = torch.zeros(hidden_rll.shape, device=self._device)
        bias_r1ll = bias_r1ll.masked_fill_(hidden_rll, -torch.inf).unsqueeze(1)
        cos, sin = self._rotary(place_rl.clamp_min(0).flatten())
        x_td: Tensor = self._trunk.embedding(tokens_rl.to(self._device).flatten())
        caches = []
        for block in self._blocks:
            q, k, v = (
                x.view(rows, longest, *x.shape[1:]).transpose(1, 2)
                for x in _kinds(block, x_td, cos, sin)
            )
            caches.append([k, v])
            mixed = _attended(q, k, v, bias_r1ll)
            x_td = block.after_attention(x_td, mixed.transpose(1, 2).flatten(0, 1))
        last_rd = x_td.view(rows, longest, -1)[:, -1]
        return self._trunk.norm(last_rd), caches, length_r

    def step(self, token_r: Tensor) -> Tensor:
        """Read one more token in every row and return the trunk's output there, `[r, d]`."""
        cos, sin = self._rotary(self._length_r.clamp_max(self._trunk.config.context - 1))
        used = self._end + 1
        bias_r11l = self._bias_rl[:, None, None, :used]
        x_rd: Tensor = self._trunk.embedding(token_r)
        for block, (key, value) in zip(self._blocks, self._caches, strict=True):
            q_rhe, k_rke, v_rke = _kinds(block, x_rd, cos, sin)
            key[:, :, self._end], value[:, :, self._end] = k_rke, v_rke
            mixed = _attended(q_rhe.unsqueeze(2), key[:, :, :used], value[:, :, :used], bias_r11l)
            x_rd = block.after_attention(x_rd, mixed.squeeze(2))
        self._length_r = self._length_r + 1
        self._end = used
        hidden_rd: Tensor = self._trunk.norm(x_rd)
        return hidden_rd

    def _rotary(self, position_t: Tensor) -> tuple[Tensor, Tensor]:
        return self._trunk.cos[position_t].unsqueeze(1), self._trunk.sin[position_t].unsqueeze(1)


def _kinds(block: Block, x_td: Tensor, cos_t1e: Tensor, sin_t1e: Tensor) -> tuple[Tensor, ...]:
    """Return rotated queries and keys, and values."""
    qkv_tpe = block.queries_keys_values(x_td, cos_t1e, sin_t1e)
    return kinds(qkv_tpe, block.heads, block.kv_heads)


def _attended(q_rhle: Tensor, k_rkle: Tensor, v_rkle: Tensor, bias_r1ll: Tensor) -> Tensor:
    """Return what queries `[r, h, q, e]` mix from values `[r, k, l, e]`, `[r, h, q, e]`."""
    rows, heads, queries, size = q_rhle.shape
    kv_heads, groups = k_rkle.shape[1], heads // k_rkle.shape[1]
    q = q_rhle.reshape(rows * kv_heads, groups * queries, size)
    keys, values = k_rkle.flatten(0, 1), v_rkle.flatten(0, 1)
    scores = torch.bmm(q, keys.transpose(1, 2)).mul_(size**-0.5)
    scores.view(rows, heads, queries, -1).add_(bias_r1ll)
    mixed = torch.bmm(scores.softmax(-1), values)
    return mixed.view(rows, heads, queries, size)
