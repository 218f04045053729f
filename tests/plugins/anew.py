"""Writing without a cache: what generation is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from toys import Echo, Letters, ToyConfig

from ectrain.config import TrunkConfig
from ectrain.generation import Generated
from ectrain.model import Model
from ectrain.packing import pack
from ectrain.task import NO_TARGET, Segment
from ectrain.tokenizer import Tokenizer

CONTEXT = 24
TOKENIZER = Tokenizer.train(["abc:abc", "fed:fed"], 300)


def model_of(shape: TrunkConfig, seed: int) -> Model:
    """Return a model whose weights are large enough for its outputs to differ."""
    tasks = {"echo": Echo(ToyConfig()), "sorting": Letters(ToyConfig())}
    made = Model(shape, tasks, TOKENIZER, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.4, generator=generator)
    return made.eval()


def next_log_probs(model: Model, tokens: Sequence[int]) -> torch.Tensor:
    """Return the log-probabilities after some tokens, by a whole pass of the trunk."""
    labels = np.full(len(tokens), NO_TARGET)
    labels[-1] = 0
    with torch.no_grad():
        output = model(pack([("echo", Segment(np.array(tokens), labels=labels))]))["echo"]
        found: torch.Tensor = output.logits_mv()[0].log_softmax(-1)
    return found


def uncached(model: Model, prompt: Sequence[int], room: int, stop: Sequence[int]) -> Generated:
    """Write greedily, reading everything anew for each token."""
    tokens: list[int] = []
    log_probs: list[float] = []
    while len(tokens) < room and len(prompt) + len(tokens) <= CONTEXT:
        log_prob, token = next_log_probs(model, [*prompt, *tokens]).max(-1)
        log_probs.append(float(log_prob))
        if int(token) in stop:
            return Generated(tuple(tokens), tuple(log_probs), True)
        tokens.append(int(token))
    return Generated(tuple(tokens), tuple(log_probs), False)
