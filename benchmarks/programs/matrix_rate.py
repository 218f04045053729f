"""The rate of the machine's matrix products: what every program's share (MFU) is a share of.

A turn multiplies square matrices for about a second; what it reports are operations a second.
"""

from __future__ import annotations

import time

import torch

from benchmarks.turns import Gate, arguments
from benchmarks.workload import SHAPES

SIDE = 2048
SECONDS = 1.0


def main() -> None:
    """Multiply in turns."""
    parser = arguments(__doc__)
    parser.add_argument("--dtype", default="float32")
    settings = parser.parse_args()
    dtype = getattr(torch, settings.dtype)
    x = torch.randn(SIDE, SIDE).to(dtype)
    out = torch.empty_like(x)
    gate = Gate(SHAPES[settings.shape], settings.steps, dtype=settings.dtype)
    products = 1
    while gate.step_ended(amount=2 * SIDE**3 * products):
        began = time.perf_counter()
        products = 0
        while time.perf_counter() - began < SECONDS:
            torch.mm(x, x, out=out)
            products += 1


if __name__ == "__main__":
    main()
