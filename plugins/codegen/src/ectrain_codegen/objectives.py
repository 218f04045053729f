"""Which objective an example is encoded for: dealt out by turn, so that shares are exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import attrs

from ectrain.structure import between

Objective = Literal["causal", "masked", "psm", "spm"]

MASK, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE = MARKS = (
    "<mask>",
    "<fim_prefix>",
    "<fim_suffix>",
    "<fim_middle>",
)

_share = between(0, 1)


@attrs.frozen
class ObjectivesConfig:
    """Shares of the objectives, and how each is made.

    Attributes:
        causal: Share of examples whose text is predicted from left to right; the rest infill.
        masked: Share of the infilling examples that have masked spans; in the rest a middle is cut
            out and written after what surrounds it.
        spm: Share of the examples with a middle cut out that begin with the suffix (SPM), not
            with the prefix (PSM).
        mask_share: Share of a text's tokens that is masked.
        mask_for: A mask token for "each" token, or one for a whole "span", whose tokens are then
            written after the text.
        node_cuts: Share of middles that are a syntax node, not any stretch of characters.
        fim_loss: Predict the "middle" alone, or "all" of the text.
    """

    causal: float = attrs.field(default=0.5, validator=_share)
    masked: float = attrs.field(default=0.5, validator=_share)
    spm: float = attrs.field(default=0.5, validator=_share)
    mask_share: float = attrs.field(default=0.15, validator=between(0, 0.5, above=True))
    mask_for: Literal["each", "span"] = "each"
    node_cuts: float = attrs.field(default=0.3, validator=_share)
    fim_loss: Literal["middle", "all"] = "middle"

    @property
    def masks(self) -> bool:
        """Whether any example is masked."""
        return self.causal < 1 and self.masked > 0

    @property
    def infills(self) -> bool:
        """Whether any example has its middle cut out."""
        return self.causal < 1 and self.masked < 1

    @property
    def marks(self) -> tuple[str, ...]:
        """The control tokens that its examples need."""
        return (MASK,) * self.masks + (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE) * self.infills

    def dealt(self, turn: int) -> Objective:
        """Return the objective of the turn-th example, from 0.

        Of any stretch of turns each objective has its share, off by at most one: left to right or
        not, then masked or not, then the order of the parts, each choice spread evenly over the
        turns that are left to it.
        """
        if _chosen(turn, self.causal):
            return "causal"
        turn -= _before(turn, self.causal)
        if _chosen(turn, self.masked):
            return "masked"
        turn -= _before(turn, self.masked)
        return "spm" if _chosen(turn, self.spm) else "psm"


def _before(turn: int, share: float) -> int:
    """Return how many of the turns before this one a share takes."""
    exact = Fraction(share).limit_denominator(10_000)
    return int(turn * exact + Fraction(1, 2))


def _chosen(turn: int, share: float) -> bool:
    return _before(turn + 1, share) > _before(turn, share)
