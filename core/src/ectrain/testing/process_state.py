"""What belongs to the whole process, and no task may change."""

from __future__ import annotations

import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from typing import Any

import numpy as np
import torch


def process_state() -> dict[str, Any]:
    """Return the state of the process that everybody shares, by what it is called."""
    root = logging.getLogger()
    return {
        "random (the random module's own numbers)": random.getstate(),
        "numpy.random": repr(np.random.get_state()),
        "torch's random numbers": torch.random.get_rng_state().numpy().tobytes(),
        "torch.get_default_dtype": torch.get_default_dtype(),
        "torch.get_num_threads": torch.get_num_threads(),
        "torch.is_grad_enabled": torch.is_grad_enabled(),
        "torch.are_deterministic_algorithms_enabled": (
            torch.are_deterministic_algorithms_enabled()
        ),
        "torch.get_float32_matmul_precision": torch.get_float32_matmul_precision(),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "the working directory": os.getcwd(),
        "os.environ": dict(os.environ),
        "logging": (root.level, tuple(map(id, root.handlers)), logging.root.manager.disable),
        "warnings.filters": tuple(map(repr, warnings.filters)),
        "signal handlers": tuple(
            signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
        ),
        "sys.path": tuple(sys.path),
        "sys.stdout": (id(sys.stdout), id(sys.stderr)),
        "the recursion limit": sys.getrecursionlimit(),
        "locale": locale.setlocale(locale.LC_ALL),
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what differs between two states, by name."""
    return [name for name in before if before[name] != after[name]]
