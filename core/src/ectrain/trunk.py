"""The trunk: a Llama-shaped transformer over packed segments, shared by every task.

RMSNorm (Zhang & Sennrich 2019), rotary positions (Su et al. 2021, half-split form), grouped-query
attention (Ainslie et al. 2023), SwiGLU (Shazeer 2020), no biases, tied embeddings.

Shape suffixes: t tokens of a pack, d width, h heads, k key-value heads,
p all heads of queries, keys and values, e head size, v vocabulary.
"""

import torch
from torch import Tensor, nn

from ectrain.attention import Layout, attend
from ectrain.config import TrunkConfig
from ectrain.layer import after_attention, before_attention, normed
from ectrain.packing import Pack


def rotary_tables(context: int, head_size: int, base: float) -> tuple[Tensor, Tensor]:
    """Return cosines and sines for every position, `[context, head_size / 2]`."""
    rates = base ** (-torch.arange(0, head_size, 2, dtype=torch.float32) / head_size)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), rates)
    return angles.cos(), angles.sin()


class Block(nn.Module):
    """One layer: attention inside each segment, then a gated feed-forward layer."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        width, size = config.width, config.width // config.heads
        self.heads, self.kv_heads, self.head_size = config.heads, config.kv_heads, size
        self.attention_norm = nn.RMSNorm(width, config.norm_eps)
        self.qkv = nn.Linear(width, (config.heads + 2 * config.kv_heads) * size, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.ffn_norm = nn.RMSNorm(width, config.norm_eps)
        self.gate_up = nn.Linear(width, 2 * config.ffn, bias=False)
        self.down = nn.Linear(config.ffn, width, bias=False)

    def queries_keys_values(self, x_td: Tensor, cos_t1e: Tensor, sin_t1e: Tensor) -> Tensor:
        """Return rotated queries and keys, and values, as `[t, h + 2 k, e]`."""
        norm, rotated = self.attention_norm, self.heads + self.kv_heads
        return before_attention(
            x_td, cos_t1e, sin_t1e, norm.weight, norm.eps, self.qkv.weight, rotated, self.head_size
        )

    def after_attention(self, x_td: Tensor, mixed_the: Tensor) -> Tensor:
        """Return the layer's output, `[t, d]`, from its input and what attention mixed."""
        norm = self.ffn_norm
        mixed_td = mixed_the.reshape(x_td.shape)
        weights = self.out.weight, norm.weight, norm.eps, self.gate_up.weight, self.down.weight
        return after_attention(x_td, mixed_td, *weights)

    def forward(self, x_td: Tensor, cos_t1e: Tensor, sin_t1e: Tensor, layout: Layout) -> Tensor:
        """Return the layer's output, `[t, d]`."""
        qkv_tpe = self.queries_keys_values(x_td, cos_t1e, sin_t1e)
        return self.after_attention(x_td, attend(qkv_tpe, layout))


class Trunk(nn.Module):
    """The shared transformer.

    Args:
        config: Its shape.
        vocabulary: How many tokens it knows.
    """

    def __init__(self, config: TrunkConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width, config.norm_eps)
        tables = rotary_tables(config.context, config.width // config.heads, config.rope_base)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", tables[0], persistent=False)
        self.register_buffer("sin", tables[1], persistent=False)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights: normal, and smaller where a layer adds to the residual stream.

        Source: Radford et al., Language models are unsupervised multitask learners (2019), 2.3.
        """
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                nn.init.ones_(parameter)
                continue
            std = self.config.width**-0.5
            if name == "embedding.weight":
                std = 0.02
            elif name.endswith(("out.weight", "down.weight")):
                std *= (2 * self.config.layers) ** -0.5
            nn.init.normal_(parameter, std=std, generator=generator)

    def forward(self, pack: Pack) -> Tensor:
        """Return the output at every token of a pack, `[t, d]`."""
        x_td = self.embedding(pack.tokens_t)
        cos_t1e = self.cos[pack.positions_t].unsqueeze(1).to(x_td.dtype)
        sin_t1e = self.sin[pack.positions_t].unsqueeze(1).to(x_td.dtype)
        layout = Layout(pack.slabs, self.config.heads, self.config.kv_heads)
        for block in self.blocks:
            x_td = block(x_td, cos_t1e, sin_t1e, layout)
        return normed(x_td, self.norm.weight, self.norm.eps)
