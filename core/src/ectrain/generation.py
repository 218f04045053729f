"""Writing text with a model: many prompts at once, rows leaving and others taking their place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import attrs
import torch
from torch import Tensor

from ectrain.decoding import Decoder
from ectrain.errors import ConfigError, PluginError
from ectrain.model import Model
from ectrain.parts import TokenHead
from ectrain.sampling import Sampling, log_probs
from ectrain.tokenizer import Tokenizer

__all__ = ["Constraint", "Generated", "Sampling", "generate"]

MAX_ROWS = 64  # rows that are written at a time
REFILL = 8  # rows are taken out and in when one in so many has ended
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


def generate(
    model: Model,
    task: str,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop_ids: Sequence[int] | None = None,
    stop: Sequence[str] = (),
    samples: int = 1,
    seed: int = 0,
    constraint: Constraint | None = None,
    deadline_s: float | None = None,
) -> list[list[Generated]]:
    """Write after many prompts.

    Args:
        model: What writes.
        task: Name of the task whose head writes; it must be a `TokenHead`.
        prompts: Token ids, none empty. Each is read once, however many samples it has.
        max_new_tokens: Most tokens of each sample; the trunk's context may allow fewer.
        sampling: How tokens are chosen; greedily unless told.
        stop_ids: Tokens that end a sample; the end token unless told.
        stop: Texts that end a sample.
        samples: Of each prompt.
        seed: Same seed, same samples, whatever the machine's load or batching.
        constraint: What refuses tokens; another is then drawn from those that are left.
        deadline_s: Seconds after which no new prompt is begun; it then gets no sample.

    Returns:
        Samples of each prompt, in order.

    Raises:
        ConfigError: A prompt is empty or leaves no room.
        PluginError: The task's head writes no tokens.
    """
    head = model.heads[task]
    if not isinstance(head, TokenHead):
        raise PluginError(f"task {task}: its head writes no tokens")
    context = model.trunk.config.context
    for number, prompt in enumerate(prompts):
        if not 0 < len(prompt) < context:
            raise ConfigError(
                f"prompt {number} has {len(prompt)} tokens, expected 1 to {context - 1}"
            )
    stops = _Stops(model.tokenizer, stop_ids, stop)
    rooms = [min(max_new_tokens, context - len(prompt) + 1) for prompt in prompts]
    rows = [
        [_Row(number, sample, seed, room) for sample in range(samples)]
        for number, room in enumerate(rooms)
    ]
    shortest_first = sorted((g for g in rows if g), key=lambda g: len(prompts[g[0].number]))
    with _measuring(model):
        writer = _Writer(model, head, prompts, sampling or Sampling(), stops, constraint)
        writer.write(deque(shortest_first), deadline_s)
    return [[row.generated(stops) for row in group if row.begun] for group in rows]


@contextmanager
def _measuring(model: Model) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


class _Row:
    """A sample while it is written; its random numbers depend on seed, prompt and sample alone."""

    def __init__(self, number: int, sample: int, seed: int, room: int) -> None:
        self.number, self.sample, self.room = number, sample, room
        self.tokens: list[int] = []
        self.log_probs: list[float] = []
        self.last = 0
        self.begun = self.ended = self.stuck = False
        key = (seed * 1_000_003 + number) * 1_000_003 + sample
        self._generator = torch.Generator().manual_seed(key)

    @property
    def done(self) -> bool:
        return self.ended or self.stuck or len(self.tokens) >= self.room

    def draw(self) -> float:
        return float(torch.rand((), generator=self._generator))

    def generated(self, stops: _Stops) -> Generated:
        text = stops.text(self.tokens)
        return Generated(tuple(self.tokens), tuple(self.log_probs), self.ended, text)


class _Stops:
    """What ends a sample."""

    def __init__(
        self, tokenizer: Tokenizer, ids: Sequence[int] | None, texts: Sequence[str]
    ) -> None:
        self.ids = frozenset((tokenizer.end_id,) if ids is None else ids)
        self._texts = [text for text in texts if text]
        self._longest = max((len(text.encode()) for text in self._texts), default=0)
        self._tokenizer = tokenizer

    def reached(self, tokens: Sequence[int]) -> bool:
        """Return whether a stop text ends within the last token: none ended before it."""
        if not self._texts:
            return False
        tail = self._tokenizer.decode(tokens[-self._longest :])
        return any(text in tail for text in self._texts)

    def text(self, tokens: Sequence[int]) -> str:
        """Return what tokens say, up to the first stop text."""
        text = self._tokenizer.decode(tokens)
        places = [at for stop in self._texts if (at := text.find(stop)) >= 0]
        return text[: min(places)] if places else text


@attrs.define(eq=False)
class _Writer:
    """Writes rows to their ends: as some end, others of the queue take their place."""

    model: Model
    head: TokenHead
    prompts: Sequence[Sequence[int]]
    sampling: Sampling
    stops: _Stops
    constraint: Constraint | None
    rows: list[_Row] = attrs.field(factory=list)
    decoder: Decoder = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.decoder = Decoder(self.model.trunk)

    @torch.no_grad()
    def write(self, queue: deque[list[_Row]], deadline_s: float | None) -> None:
        """Write all rows of the queue, those of one prompt together."""
        started = time.monotonic()
        while True:
            if deadline_s is not None and time.monotonic() - started > deadline_s:
                queue.clear()
            alive = sum(not row.done for row in self.rows)
            if not alive and not queue:
                return
            if (len(self.rows) - alive) * REFILL >= len(self.rows):
                new = self._refill(queue)
                if new is None:
                    continue
                hidden_rd, rows = new
            else:
                last = torch.tensor([row.last for row in self.rows], device=self.model.device)
                hidden_rd, rows = self.decoder.step(last), self.rows
            self._choose(hidden_rd, rows)

    def _refill(self, queue: deque[list[_Row]]) -> tuple[Tensor, list[_Row]] | None:
        """Drop rows that are done and read prompts for those that take their place."""
        kept = [place for place, row in enumerate(self.rows) if not row.done]
        self.rows = [self.rows[place] for place in kept]
        groups: list[list[_Row]] = []
        free = MAX_ROWS - len(kept)
        while queue and free and (len(queue[0]) <= free or free == MAX_ROWS):
            group = queue.popleft()
            if len(group) > free:
                queue.appendleft(group[free:])
            groups.append(group[:free])
            free -= len(groups[-1])
        new = [row for group in groups for row in group]
        self.rows += new
        room = max(row.room - len(row.tokens) for row in self.rows)
        read = [self.prompts[group[0].number] for group in groups]
        hidden_rd = self.decoder.refill(kept, read, [len(group) for group in groups], room)
        return (hidden_rd, new) if new else None

    def _choose(self, hidden_rd: Tensor, rows: Sequence[_Row]) -> None:
        """Write one more token in each row."""
        vocabulary_vd = self.model.trunk.embedding.weight
        logits_rv = (self.head.adapt(hidden_rd) @ vocabulary_vd.t()).float()
        greedy = self.sampling.temperature == 0
        draws = [0.0 if greedy else row.draw() for row in rows]
        token_r = self.sampling.choose(logits_rv, torch.tensor(draws, device=logits_rv.device))
        if self.constraint is not None:
            for place, row in enumerate(rows):
                if not row.done:
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

    def _allowed(self, row: _Row, logits_v: Tensor, token: int) -> int:
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
