"""The head of a policy: another task's head, or a plain one, and what outlasts a round.

Shape suffixes: m tokens with a target, d trunk width, v vocabulary.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn

from ectrain.parts import TokenHead, TokenOutput
from ectrain.task import Rows, TrunkShape
from ectrain_reward.objective import Taken, Terms

# What is kept of the round that is learned from, by its place in the buffer.
MEMORY = (
    *("round", "coefficient", "equal_rounds", "stopped"),
    *("tokens", "clipped", "moved", "strayed", "entropy"),
)
ROUND, COEFFICIENT, EQUAL_ROUNDS, STOPPED, TOKENS = range(5)


@attrs.frozen(eq=False)
class PolicyOutput(TokenOutput):
    """What a policy predicts.

    Attributes:
        value_m: What the critic expects from each token on; None without a critic.
        memory: The head's own, see `MEMORY`.
        learning: Whether this is a training step.
    """

    value_m: Tensor | None = None
    memory: Tensor | None = None
    learning: bool = False


class PolicyHead(TokenHead):
    """Acts through another task's head where there is one, else with the trunk's embedding.

    Args:
        trunk: The trunk it stands on.
        critic: Whether it learns values, too.
        coefficient: What a nat of divergence costs at first.
    """

    def __init__(self, trunk: TrunkShape, critic: bool, coefficient: float) -> None:
        super().__init__(trunk)
        self.value = nn.Linear(trunk.width, 1) if critic else None
        self.memory: Tensor
        self.register_buffer("memory", torch.zeros(len(MEMORY)))
        self.memory[COEFFICIENT] = coefficient

    def forward(self, rows: Rows) -> PolicyOutput:
        """Return the output at the tokens that have a target."""
        hidden_md, other = rows.target_hidden_md, rows.borrowed
        adapted_md = other.adapt(hidden_md) if isinstance(other, TokenHead) else hidden_md
        value_m = None if self.value is None else self.value(hidden_md).squeeze(1).float()
        return PolicyOutput(adapted_md, rows.vocabulary_vd, value_m, self.memory, self.training)


@attrs.frozen
class Round:
    """A round of samples, as the head is to remember it.

    Attributes:
        number: From 1; 0 before any.
        coefficient: What a nat of divergence costs in it.
        equal_rounds: How many rounds in a row nearly all groups earned the same, it included.
    """

    number: int = 0
    coefficient: float = 0.0
    equal_rounds: int = 0


@torch.no_grad()
def remember(memory: Tensor, now: Round, found: Terms, taken: Taken, target: float) -> bool:
    """Add what a pass came to, and return whether the policy had moved too far before it.

    Args:
        memory: The head's buffer; a new round begins it anew.
        now: The round that the pass belongs to.
        found: Of the pass.
        taken: Of the pass.
        target: Mean divergence beyond which nothing more is learned; 0 for none.
    """
    if int(memory[ROUND]) != now.number:
        memory.zero_()
        head = torch.tensor([now.number, now.coefficient, now.equal_rounds], dtype=memory.dtype)
        memory[: len(head)] = head.to(memory.device)
    own_m = found.own_m
    sums = (own_m, found.clipped_m, found.moved_m, found.strayed_m, taken.entropy_m * own_m)
    memory[TOKENS:] += torch.stack([x.detach().float().sum() for x in sums])
    if target and own_m.any():
        memory[STOPPED] = max(float(memory[STOPPED]), float(found.moved_m[own_m].mean() > target))
    return bool(memory[STOPPED])


def remembered(memory: Tensor | None) -> dict[str, float | None]:
    """Return the means over a round's tokens by name; None where nothing was learned from."""
    names = ("clip_share", "kl_old", "kl_reference", "entropy")
    tokens = 0.0 if memory is None else float(memory[TOKENS])
    if memory is None or not tokens:
        return dict.fromkeys(names)
    return dict(zip(names, (memory[TOKENS + 1 :] / tokens).tolist(), strict=True))
