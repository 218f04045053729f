"""How much a label's positives count, by how rare they are.

Shape suffixes: w labels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Weighting = Literal["root", "ratio", "inverse", "effective", "none"]
BETA = 0.999  # of the effective number


def positive_weights(
    has_w: NDArray[np.float64], lacks_w: NDArray[np.float64], rule: Weighting, cap: float
) -> NDArray[np.float64]:
    """Return what a positive of each label counts against a negative, from 1 to a cap, `[w]`.

    Never less for a rarer label. A label without a positive, which can teach nothing, counts 1.

    Args:
        has_w: Training examples that have each label.
        lacks_w: Training examples that are known not to.
        rule: `root`, the root of negatives to positives; `ratio`, negatives to positives (as
            PyTorch's `pos_weight` is explained); `inverse`, one to the positives' share;
            `effective`, the ratio of effective numbers; `none`, 1.
        cap: Most that a positive counts; 1 switches any rule off.

    Source: Cui et al., Class-balanced loss based on effective number of samples (2019), equation 2.
    """
    positives_w = np.maximum(has_w, 1.0)
    rules: dict[Weighting, NDArray[np.float64]] = {
        "root": np.sqrt(lacks_w / positives_w),
        "ratio": lacks_w / positives_w,
        "inverse": (has_w + lacks_w) / positives_w,
        "effective": (1 - BETA**lacks_w) / (1 - BETA**positives_w),
        "none": np.ones_like(has_w),
    }
    return np.where(has_w > 0, np.clip(rules[rule], 1.0, cap), 1.0)
