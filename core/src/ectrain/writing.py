"""Writing many rows at once: as some end, others take their place.

Shape suffixes: r rows, d width, v vocabulary.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import attrs
import torch
from torch import Tensor

from ectrain.decoding import Decoder
from ectrain.model import Model
from ectrain.parts import TokenHead
from ectrain.products import packed, product
from ectrain.sampling import Sampling, log_probs
from ectrain.stopping import Stops

REFILL = 8  # prompts are read when one row in so many is free: many at once are read faster
MAX_TOKENS = 8192  # of prompts that are read at once, unless one alone has more
MOST_REFUSALS = 32  # tokens that a constraint may refuse in one place


@attrs.frozen
class Generated:
    """What was written for one prompt.

    Attributes:
        tokens: Ids without the prompt and without the stop token.
        log_probs: Log-probability of each token under the model's softmax at temperature 1, in
            nats; the stop token's is the last one where a stop token came.
        ended: Whether a stop came before the room or the time was used up.
        text: What the tokens say, up to the first stop text.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool
    text: str = ""


class Constraint(Protocol):
    """Refuses tokens that what was written can't go on with."""

    def allows(self, prompt: int, tokens: Sequence[int]) -> bool:
        """Return whether the last of these tokens can follow the others, after a prompt."""


class Row:
    """A sample while it is written; its random numbers depend on seed, prompt and sample alone."""

    def __init__(self, number: int, sample: int, seed: int, room: int) -> None:
        self.number, self.sample, self.room = number, sample, room
        self.tokens: list[int] = []
        self.log_probs: list[float] = []
        self.last = 0
        self.begun = self.ended = self.stuck = False
        self._random = random.Random((seed * 1_000_003 + number) * 1_000_003 + sample)

    @property
    def done(self) -> bool:
        """Whether nothing more is written in it."""
        return self.ended or self.stuck or len(self.tokens) >= self.room

    def draw(self) -> float:
        """Return its next random number, from 0 to below 1."""
        return self._random.random()

    def generated(self, stops: Stops) -> Generated:
        """Return what was written."""
        text = stops.text(self.tokens)
        return Generated(tuple(self.tokens), tuple(self.log_probs), self.ended, text)


@attrs.define(eq=False)
class Writer:
    """Writes rows to their ends: as some end, others of the queue take their place."""

    model: Model
    head: TokenHead
    decoder: Decoder
    prompts: Sequence[Sequence[int]]
    sampling: Sampling
    stops: Stops
    constraint: Constraint | None
    rows: list[Row] = attrs.field(factory=list)
    vocabulary_vd: Tensor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        weight_vd = self.model.trunk.embedding.weight.to(self.decoder.dtype)
        self.vocabulary_vd = packed(weight_vd, self.decoder.most_rows)

    def write(self, queue: deque[list[Row]], deadline_s: float | None) -> None:
        """Write all rows of the queue, those of one prompt together."""
        started = time.monotonic()
        while True:
            if deadline_s is not None and time.monotonic() - started > deadline_s:
                queue.clear()
            self._drop_done()
            if not self.rows and not queue:
                return
            free = self.decoder.most_rows - len(self.rows)
            if queue and (not self.rows or free * REFILL >= self.decoder.most_rows):
                self._begin(queue, free)
            if self.rows:
                last_r = torch.tensor([row.last for row in self.rows], device=self.model.device)
                self._choose(self.decoder.step(last_r), self.rows)

    def _drop_done(self) -> None:
        """Let the last rows take the places of those that are done."""
        places = [place for place, row in enumerate(self.rows) if not row.done]
        if len(places) < len(self.rows):
            behind = [place for place in places if place >= len(places)]
            order = [n if not self.rows[n].done else behind.pop() for n in range(len(places))]
            self.decoder.keep(order)
            self.rows = [self.rows[place] for place in order]

    def _begin(self, queue: deque[list[Row]], free: int) -> None:
        """Read prompts and write the first token after them, in as many rows as are free."""
        groups: list[list[Row]] = []
        tokens = 0
        while queue and free and (len(queue[0]) <= free or free == self.decoder.most_rows):
            tokens += len(self.prompts[queue[0][0].number])
            if groups and tokens > MAX_TOKENS:
                break
            group = queue.popleft()
            if len(group) > free:
                queue.appendleft(group[free:])
            groups.append(group[:free])
            free -= len(groups[-1])
        new = [row for group in groups for row in group]
        if new:
            read = [self.prompts[group[0].number] for group in groups]
            hidden_rd = self.decoder.read(read, [len(group) for group in groups])
            self.rows += new
            self._choose(hidden_rd, new)
            self._drop_done()

    def _choose(self, hidden_rd: Tensor, rows: Sequence[Row]) -> None:
        """Write one more token in each row."""
        adapted_rd = self.head.adapt(hidden_rd.to(self.model.trunk.embedding.weight.dtype))
        logits_rv = product(adapted_rd.to(self.decoder.dtype), self.vocabulary_vd).float()
        greedy = self.sampling.temperature == 0
        draws = [0.0 if greedy else row.draw() for row in rows]
        token_r = self.sampling.choose(logits_rv, torch.tensor(draws, device=logits_rv.device))
        if self.constraint is not None:
            for place, row in enumerate(rows):
                if row.done:
                    continue
                token_r[place] = self._allowed(row, logits_rv[place], int(token_r[place]))
        probable = log_probs(logits_rv, token_r).tolist()
        for row, token, log_prob in zip(rows, token_r.tolist(), probable, strict=True):
            row.begun, row.last = True, token
            if not row.done:
                row.log_probs.append(log_prob)
                if token in self.stops.ids:
                    row.ended = True
                else:
                    row.tokens.append(token)
                    row.ended = self.stops.reached(row.tokens)

    def _allowed(self, row: Row, logits_v: Tensor, token: int) -> int:
        """Return the token, or another that its constraint allows, drawn among those left."""
        assert self.constraint is not None
        left_1v = logits_v.clone().unsqueeze(0)
        for _ in range(MOST_REFUSALS):
            if self.constraint.allows(row.number, [*row.tokens, token]):
                return token
            left_1v[0, token] = -torch.inf
            draw = torch.tensor([row.draw()], device=left_1v.device)
            token = int(self.sampling.choose(left_1v, draw))
        row.stuck = True
        return token
