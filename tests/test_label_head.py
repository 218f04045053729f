"""The head: windows see neighbours, never another segment."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ectrain.parts import WindowedLabelHead
from ectrain.task import Rows, TrunkShape

WIDTH, LABELS = 8, 3


def rows(hidden_nd: Tensor, *lengths: int) -> Rows:
    """Return the rows of segments that lie one after another."""
    count = torch.arange(len(hidden_nd))
    return Rows(hidden_nd, count, torch.tensor(lengths), count[:0], torch.zeros(1, WIDTH))


def head(reach: int) -> WindowedLabelHead:
    """Return a head, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WindowedLabelHead(TrunkShape(WIDTH, 1), LABELS, reach)


@pytest.mark.parametrize("reach", [0, 1, 4, 20])
def test_a_segment_is_scored_by_itself(reach: int) -> None:
    """A segment's logits are the same alone and beside others, even where windows are longer."""
    source = torch.Generator().manual_seed(1)
    hidden = torch.randn(12, WIDTH, generator=source)
    together = head(reach)(rows(hidden, 3, 1, 8))
    alone = [head(reach)(rows(part, len(part))) for part in (hidden[:3], hidden[3:4], hidden[4:])]
    assert together.shape == (3, LABELS)
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)


def test_windows_hold_what_is_within_reach() -> None:
    """A token sees so many on either side in order, and zeros beyond its segment."""
    hidden = torch.arange(1.0, 6.0).unsqueeze(1)
    windows = head(1)._windows(hidden, torch.tensor([0, 0, 0, 1, 1]))
    assert windows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0], [0, 4, 5], [4, 5, 0]]
