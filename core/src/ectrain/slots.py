"""Keys and values of rows that are read on, where a step finds them without copying.

A row is a slot of every layer's cache; what it has read begins in the first column. Columns lie in
blocks. Keys lie transposed within a block, so that both products of a step run along contiguous
memory. A compiled step goes through small blocks in one loop; an uncompiled one takes one block
that holds all columns.

Shape suffixes: r rows, n tokens, k key-value heads, b blocks, c columns of a block, e head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ectrain.config import TrunkConfig

BLOCK = 32  # columns: 32 numbers of bfloat16 fill a vector register
SPARE = 1  # block that is never used: all of them would be compiled apart


class Places(NamedTuple):
    """Where keys and values of tokens lie.

    Attributes:
        row_n: Row of each.
        block_n: Block of the row.
        column_n: Column of the block.
    """

    row_n: Tensor
    block_n: Tensor
    column_n: Tensor


class View(NamedTuple):
    """Rows of a layer's cache.

    Attributes:
        keys_rkbec: Keys.
        values_rkbce: Values.
        bias_rbc: 0 where a row sees a token, -inf elsewhere; it may have fewer blocks, as the
            others are not used yet.
    """

    keys_rkbec: Tensor
    values_rkbce: Tensor
    bias_rbc: Tensor

    def store(self, places: Places, keys_nke: Tensor, values_nke: Tensor) -> None:
        """Put keys and values in their places."""
        row_n, block_n, column_n = places
        self.keys_rkbec[row_n, :, block_n, :, column_n] = keys_nke
        self.values_rkbce[row_n, :, block_n, column_n] = values_nke

    def used(self) -> View:
        """Return the blocks that are used."""
        blocks = self.bias_rbc.shape[1]
        keys_rkbec, values_rkbce = self.keys_rkbec[:, :, :blocks], self.values_rkbce[:, :, :blocks]
        return View(keys_rkbec, values_rkbce, self.bias_rbc)


class Slots:
    """Keys and values of every layer.

    Args:
        config: Shape of the trunk.
        rows: Most rows.
        columns: Most tokens of a row.
        blocked: Whether steps are compiled.
        dtype: Format of keys and values.
        device: Where they are.
    """

    def __init__(
        self,
        config: TrunkConfig,
        rows: int,
        columns: int,
        *,
        blocked: bool,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.layers = config.layers
        self._rows, self._blocked = rows, blocked
        self._columns = BLOCK if blocked else columns
        self._blocks = max(2, -(-columns // BLOCK)) + SPARE if blocked else 1
        lead, size = (rows, config.kv_heads, self._blocks), config.width // config.heads
        self._keys, self._values = (
            [torch.zeros(*lead, *shape, dtype=dtype, device=device) for _ in range(config.layers)]
            for shape in ((size, self._columns), (self._columns, size))
        )
        shape = (rows, self._blocks, self._columns)
        self._bias_rbc = torch.full(shape, -torch.inf, device=device)

    def places(self, row_n: Tensor, position_n: Tensor) -> Places:
        """Return where tokens at these positions of their rows lie; the rows see them then."""
        places = Places(row_n, position_n // self._columns, position_n % self._columns)
        self._bias_rbc[places] = 0
        return places

    def clear(self, first: int, last: int) -> None:
        """Let rows from the first to before the last see nothing."""
        self._bias_rbc[first:last] = -torch.inf

    def seen(self, rows: int, columns: int) -> Tensor:
        """Return what the first rows see of so many columns, or of a few more, as a bias."""
        blocks = 1
        if self._blocked:  # a single block would be compiled apart, so there are always more
            blocks, columns = max(2, -(-columns // BLOCK)), BLOCK
        return self._bias_rbc[:rows, :blocks, :columns].contiguous()

    def view(self, layer: int, bias_rbc: Tensor) -> View:
        """Return the rows and columns of a layer that a bias covers."""
        rows, _, columns = bias_rbc.shape
        return View(
            self._keys[layer][:rows, ..., :columns],
            self._values[layer][:rows, ..., :columns, :],
            bias_rbc,
        )

    def move(self, sources: Sequence[int], targets: Sequence[int], columns: int) -> None:
        """Put rows of so many columns in the places of others."""
        bias_rbc = self.seen(self._rows, columns)
        for layer in range(self.layers):
            view = self.view(layer, bias_rbc).used()
            for tensor in (view.keys_rkbec, view.values_rkbce):
                tensor[targets] = tensor[sources]
        self._bias_rbc[targets] = self._bias_rbc[sources]
