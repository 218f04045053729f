"""What length costs that earns nothing: answers pay for what a shorter one did without.

Shape suffixes: g prompts (groups), n samples of each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def length_cost(reward_gn: Floats, length_gn: Floats, price: float) -> Floats:
    """Return what each sample pays: `price` times the share of it that was not needed.

    Needed is as much as the shortest sample of its group that earned as much or more. So the
    shortest of the best pays nothing, and nobody pays for what earned more, or where nothing was
    earned: being short is no merit of its own.

    Args:
        reward_gn: Rewards, NaN where unknown: such samples pay nothing and need nothing.
        length_gn: Tokens of each.
        price: Most that a sample pays.
    """
    known_gn = ~np.isnan(reward_gn)
    worth_gn = np.where(known_gn, reward_gn, -np.inf)
    as_good_gnn = (worth_gn[:, None, :] >= worth_gn[:, :, None]) & known_gn[:, None, :]
    lengths_gnn = np.where(as_good_gnn, length_gn[:, None, :], np.inf)
    needed_gn = np.minimum(lengths_gnn.min(2), length_gn)
    unneeded_gn = 1 - needed_gn / np.maximum(length_gn, 1)
    return np.where(known_gn & (worth_gn > 0) & (length_gn > 0), price * unneeded_gn, 0.0)
