"""Writing text with a model: batched, with a key-value cache, rows leaving as they end.

Shape suffixes: r rows, l positions of the cache, h heads, k key-value heads, g query heads of each
key-value head, e head size, d width, v vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from ectrain.errors import ConfigError, PluginError
from ectrain.model import Model
from ectrain.parts import TokenHead
from ectrain.trunk import Block

MAX_ROWS = 64  # rows that are written at a time


@attrs.frozen
class Generated:
    """What was written for one prompt.

    Attributes:
        tokens: Ids without the prompt and without the stop token.
        log_probs: Log-probability of each token under the sampled distribution's softmax at
            temperature 1, in nats; the stop token's is the last one where `ended`.
        ended: Whether a stop token came before the room or the time was used up.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool


@attrs.frozen
class Sampling:
    """How the next token is chosen.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_k: Draw among so many of the likeliest; None for all.
        top_p: Draw among the likeliest that together have this share; None for all.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what no distribution can have."""
        if self.temperature < 0:
            raise ConfigError(f"temperature {self.temperature} is below 0")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k {self.top_k} is below 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p {self.top_p} is not above 0 and at most 1")

    def choose(self, logits_rv: Tensor, uniform_r: Tensor) -> Tensor:
        """Return a token for each row, drawn by inverting the cumulative distribution."""
        if self.temperature == 0:
            return logits_rv.argmax(-1)
        ordered_rv, token_rv = (logits_rv / self.temperature).sort(-1, descending=True)
        if self.top_k is not None:
            ordered_rv[:, self.top_k :] = -torch.inf
        share_rv = ordered_rv.softmax(-1)
        if self.top_p is not None:
            before_rv = share_rv.cumsum(-1) - share_rv
            share_rv = share_rv.masked_fill(before_rv >= self.top_p, 0.0)
        reached_rv = share_rv.cumsum(-1)
        point_r1 = (uniform_r * reached_rv[:, -1]).unsqueeze(1)
        place_r1 = torch.searchsorted(reached_rv, point_r1, right=True)
        last_r1 = (share_rv > 0).sum(-1, keepdim=True) - 1
        chosen_r1: Tensor = token_rv.gather(1, torch.minimum(place_r1, last_r1))
        return chosen_r1.squeeze(1)


def generate_text(
    model: Model,
    task: str,
    prompt: str,
    *,
    max_tokens: int = 256,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
) -> str:
    """Return what a task's head writes after a prompt."""
    tokens = model.tasks[task].prompt(prompt, model.tokenizer)
    found = generate(
        model,
        task,
        [tokens],
        max_new_tokens=max_tokens,
        sampling=Sampling(temperature, top_k, top_p),
        seed=seed,
    )
    return model.tokenizer.decode(found[0][0].tokens)


def generate(
    model: Model,
    task: str,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop_ids: Sequence[int] | None = None,
    samples: int = 1,
    seed: int = 0,
    deadline_s: float | None = None,
) -> list[list[Generated]]:
    """Write after many prompts.

    Args:
        model: What writes.
        task: Name of the task whose head writes; it must be a `TokenHead`.
        prompts: Token ids, none empty.
        max_new_tokens: Most tokens of each sample; the trunk's context may allow fewer.
        sampling: How tokens are chosen; greedily unless told.
        stop_ids: Tokens that end a sample; the end token unless told.
        samples: Of each prompt.
        seed: Same seed, same samples, whatever the machine's load or batching.
        deadline_s: Seconds after which no new batch of rows is begun; its prompts get no sample.

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
    stop = tuple(stop_ids) if stop_ids is not None else (model.tokenizer.end_id,)
    rows = [(number, sample) for number in range(len(prompts)) for sample in range(samples)]
    rows.sort(key=lambda row: len(prompts[row[0]]))
    found: list[list[Generated]] = [[] for _ in prompts]
    started, was_training = time.monotonic(), model.training
    model.eval()
    for first in range(0, len(rows), MAX_ROWS):
        if deadline_s is not None and time.monotonic() - started > deadline_s:
            break
        part = rows[first : first + MAX_ROWS]
        writer = _Writer(model, head, [prompts[n] for n, _ in part], max_new_tokens)
        generators = [torch.Generator().manual_seed(_mix(seed, *row)) for row in part]
        written = writer.write(sampling or Sampling(), stop, generators)
        for (number, _), sample in zip(part, written, strict=True):
            found[number].append(sample)
    model.train(was_training)
    return found


def _mix(seed: int, prompt: int, sample: int) -> int:
    return (seed * 1_000_003 + prompt) * 1_000_003 + sample


class _Writer:
    """Rows that are written together, with their caches.

    Args:
        model: What writes.
        head: Whose head.
        prompts: One a row.
        room: Most new tokens of a row.
    """

    def __init__(
        self, model: Model, head: TokenHead, prompts: Sequence[Sequence[int]], room: int
    ) -> None:
        self._trunk, self._head = model.trunk, head
        self._device = model.device
        lengths = [len(prompt) for prompt in prompts]
        self._room = room
        self._length_r = torch.tensor(lengths, device=self._device)
        longest = max(lengths)
        tokens_rl = torch.zeros(len(prompts), longest, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens_rl[row, : len(prompt)] = torch.tensor(prompt)
        self._tokens_rl = tokens_rl.to(self._device)
        config = model.trunk.config
        self._context = config.context
        size = min(longest + room, config.context)
        shape = (len(prompts), config.kv_heads, size, config.width // config.heads)
        make = self._trunk.embedding.weight.new_zeros
        self._caches = [(make(shape), make(shape)) for _ in self._trunk.blocks]

    @torch.no_grad()
    def write(
        self, sampling: Sampling, stop: Sequence[int], generators: Sequence[torch.Generator]
    ) -> list[Generated]:
        """Write all rows to their ends."""
        rows = len(generators)
        tokens: list[list[int]] = [[] for _ in range(rows)]
        log_probs: list[list[float]] = [[] for _ in range(rows)]
        ended = [False] * rows
        alive = list(range(rows))
        hidden_rd = self._read_prompts()
        greedy = sampling.temperature == 0
        while alive and self._room:
            hidden_rd = self._head.adapt(self._trunk.norm(hidden_rd))
            logits_rv = (hidden_rd @ self._trunk.embedding.weight.t()).float()
            draws = [
                0.0 if greedy else float(torch.rand((), generator=generators[r])) for r in alive
            ]
            token_r = sampling.choose(logits_rv, torch.tensor(draws, device=self._device))
            chosen_r = logits_rv.log_softmax(-1).gather(1, token_r.unsqueeze(1)).squeeze(1)
            kept = []
            full_r = (self._length_r >= self._context).tolist()
            news = zip(alive, token_r.tolist(), chosen_r.tolist(), full_r, strict=True)
            for place, (row, token, log_prob, full) in enumerate(news):
                log_probs[row].append(log_prob)
                if token in stop:
                    ended[row] = True
                    continue
                tokens[row].append(token)
                if len(tokens[row]) < self._room and not full:
                    kept.append(place)
            if len(kept) < len(alive):
                alive = [alive[place] for place in kept]
                token_r = self._compact(kept, token_r)
            if alive:
                hidden_rd = self._step(token_r)
        found = zip(tokens, log_probs, ended, strict=True)
        return [Generated(tuple(t), tuple(p), e) for t, p, e in found]

    def _compact(self, kept: Sequence[int], token_r: Tensor) -> Tensor:
        """Go on with some of the rows only."""
        index = torch.tensor(kept, dtype=torch.long, device=self._device)
        self._length_r = self._length_r[index]
        self._caches = [(k[index], v[index]) for k, v in self._caches]
        return token_r[index]

    def _read_prompts(self) -> Tensor:
        """Fill the caches and return the trunk's residual stream at each prompt's end, `[r, d]`."""
        rows, longest = self._tokens_rl.shape
        position = torch.arange(longest, device=self._device)
        cos, sin = self._rotary(position.repeat(rows))
        x_td: Tensor = self._trunk.embedding(self._tokens_rl.reshape(-1))
        bias = torch.full((longest, longest), -torch.inf, device=self._device).triu(1)
        for block, (key, value) in zip(self._blocks(), self._caches, strict=True):
            q, k, v = block.queries_keys_values(x_td, cos, sin)
            q, k, v = (x.view(rows, longest, -1, x.shape[-1]).transpose(1, 2) for x in (q, k, v))
            key[:, :, :longest], value[:, :, :longest] = k, v
            mixed = _mix_values(q, k, v, bias)
            x_td = block.after_attention(x_td, mixed.transpose(1, 2))
        last_r = torch.arange(rows, device=self._device) * longest + self._length_r - 1
        return x_td.index_select(0, last_r)

    def _step(self, token_r: Tensor) -> Tensor:
        """Read one more token in every row and return the residual stream there, `[r, d]`."""
        rows = torch.arange(len(token_r), device=self._device)
        at_r = self._length_r
        cos, sin = self._rotary(at_r)
        used = int(at_r.max()) + 1
        hidden_l = torch.arange(used, device=self._device) > at_r.unsqueeze(1)
        bias = torch.zeros(hidden_l.shape, device=self._device).masked_fill(hidden_l, -torch.inf)
        x_rd: Tensor = self._trunk.embedding(token_r)
        for block, (key, value) in zip(self._blocks(), self._caches, strict=True):
            q, k, v = block.queries_keys_values(x_rd, cos, sin)
            key[rows, :, at_r], value[rows, :, at_r] = k, v
            mixed = _mix_values(
                q.unsqueeze(2), key[:, :, :used], value[:, :, :used], bias[:, None, None]
            )
            x_rd = block.after_attention(x_rd, mixed)
        self._length_r = at_r + 1
        return x_rd

    def _blocks(self) -> list[Block]:
        return [block for block in self._trunk.blocks if isinstance(block, Block)]

    def _rotary(self, position_t: Tensor) -> tuple[Tensor, Tensor]:
        return self._trunk.cos[position_t].unsqueeze(1), self._trunk.sin[position_t].unsqueeze(1)


def _mix_values(q_rhle: Tensor, k_rkle: Tensor, v_rkle: Tensor, bias: Tensor) -> Tensor:
    """Return the attention of queries `[r, h, l, e]` over keys and values `[r, k, l, e]`."""
    rows, heads, queries, size = q_rhle.shape
    shape = (rows, k_rkle.shape[1], -1, queries, size)
    q_rkgle = q_rhle.reshape(shape)
    scores = q_rkgle @ k_rkle.unsqueeze(2).transpose(-1, -2) * size**-0.5
    scores = scores + (bias if bias.ndim == 2 else bias.unsqueeze(2))
    mixed: Tensor = scores.softmax(-1) @ v_rkle.unsqueeze(2)
    return mixed.reshape(rows, heads, queries, size)
