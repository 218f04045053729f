"""Laws about heads: modules that are made, saved and made again."""

from __future__ import annotations

import safetensors.torch
import torch

from ectrain.testing.law import NotApplicable, require
from ectrain.testing.subject import Subject


def heads_fit_any_width(subject: Subject) -> None:
    """A head is made for the trunk's width, whichever it is."""
    for width in (16, 48):
        try:
            head = subject.head(width)
        except NotApplicable:
            raise
        except Exception as error:
            require(
                False,
                f"no head can be made for width {width}: {error}; build every layer from "
                "TrunkShape.width",
            )
        fits = any(width in p.shape for p in head.parameters()) or not list(head.parameters())
        require(fits, f"no weight of a head for width {width} has that width; use TrunkShape.width")


def heads_share_nothing(subject: Subject) -> None:
    """Two heads share no weights."""
    one, other = subject.head(), subject.head()
    mine = {id(p) for p in one.parameters()}
    require(
        one is not other and not mine & {id(p) for p in other.parameters()},
        "two heads share weights; make new modules in head()",
    )


def heads_survive_files(subject: Subject) -> None:
    """A head's weights come back from a file as they were."""
    one, other = subject.head(), subject.head(seed=1)
    try:
        stored = safetensors.torch.load(safetensors.torch.save(one.state_dict()))
        other.load_state_dict(stored)
    except Exception as error:
        require(
            False,
            f"a head's weights can't be saved and loaded: {error}; keep all that a head needs in "
            "parameters and buffers, each with memory of its own",
        )
    for name, tensor in one.state_dict().items():
        require(
            torch.equal(tensor, other.state_dict()[name]),
            f"{name} changes in a file; register it as a parameter or a persistent buffer",
        )


def heads_repeat(subject: Subject) -> None:
    """A head's first weights depend on torch's seed alone."""
    one, other = subject.head(seed=3).state_dict(), subject.head(seed=3).state_dict()
    for name, tensor in one.items():
        require(
            torch.equal(tensor, other[name]),
            f"{name} differs with the same seed; draw first weights from torch's own generator",
        )
