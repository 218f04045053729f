"""Products of a few rows with weights that many steps share.

On a CPU oneDNN lays a weight out for its kernels in every product, which for a few rows takes
longer than the product itself. A packed weight is laid out once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.device import has_bfloat16


def packed(weight_od: Tensor, rows: int) -> Tensor:
    """Return a weight as `product` takes it fastest; itself where nothing can be gained.

    Args:
        weight_od: What is multiplied with; it must not change afterwards.
        rows: How many rows it is mostly multiplied with.
    """
    if not _can_pack(weight_od):
        return weight_od
    found: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight_od.contiguous(), rows)
    return found


def product(x_nd: Tensor, weight_od: Tensor) -> Tensor:
    """Return `x` times a weight that may be packed, `[n, o]`."""
    if weight_od.is_mkldnn:
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x_nd, weight_od, None, "none", [], "")
        return found
    return F.linear(x_nd, weight_od)


def _can_pack(weight_od: Tensor) -> bool:
    """Return whether this build of torch has the operators that its own compiler packs with."""
    return (
        weight_od.device.type == "cpu"
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and (weight_od.dtype == torch.float32 or _has_short(weight_od))
    )


def _has_short(weight_od: Tensor) -> bool:
    return weight_od.dtype == torch.bfloat16 and has_bfloat16(weight_od.device)
