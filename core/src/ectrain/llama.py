"""The trunk in the layout of Hugging Face's Llama, both ways.

The trunk is a Llama, so weights only change their names and how they are joined: this file is the
whole difference. A directory in that layout holds `config.json`, `model.safetensors`,
`tokenizer.json`, `tokenizer_config.json` and `generation_config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ectrain.config import TrunkConfig
from ectrain.errors import CheckpointError, ConfigError, PluginError
from ectrain.model import Model
from ectrain.parts import TokenHead
from ectrain.storage import Storage, disk_errors
from ectrain.tokenizer import BEGIN, END, Tokenizer

WEIGHTS = "model.safetensors"


def export_llama(model: Model, task: str, out: Path, storage: Storage | None = None) -> None:
    """Write a task's trunk and head as a `LlamaForCausalLM` that `transformers` loads.

    Args:
        model: What to write.
        task: A task whose head predicts tokens with the trunk's embedding and nothing besides.
        out: A directory that does not exist yet.
        storage: Where it is written.

    Raises:
        PluginError: The head is more than a Llama has.
        ConfigError: The directory is there already.
        ResourceError: The disk refuses it.
    """
    head = model.heads[task]
    if not isinstance(head, TokenHead) or head.down is not None:
        raise PluginError(
            f"task {task}: a Llama has no such head; expected a token head without an adapter"
        )
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another --out")
    storage = storage or Storage()
    weights = dict(_renamed(model.trunk.config, model.trunk.state_dict()))
    files = {
        "config.json": _json(_config(model)),
        "generation_config.json": _json(_ends(model.tokenizer)),
        "tokenizer.json": model.tokenizer.to_json().encode(),
        "tokenizer_config.json": _json(
            {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BEGIN, "eos_token": END}
        ),
        WEIGHTS: safetensors.torch.save(weights, metadata={"format": "pt"}),
    }
    temporary = out.with_name(f".{out.name}.tmp")
    with disk_errors(out, "can't export to"):
        storage.remove(temporary)
        storage.make_directory(temporary)
        for name, data in files.items():
            storage.write(temporary / name, data)
        storage.rename(temporary, out)


def read_llama(directory: Path) -> tuple[TrunkConfig, dict[str, Tensor], Tokenizer]:
    """Return the shape, the trunk's weights and the tokenizer of a directory in Llama's layout.

    Raises:
        CheckpointError: A file is missing or malformed, or it is no Llama that the trunk can be.
    """
    try:
        described = json.loads((directory / "config.json").read_bytes())
        tensors = safetensors.torch.load((directory / WEIGHTS).read_bytes())
        text = (directory / "tokenizer.json").read_text(encoding="utf-8")
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{directory}: not a model in Llama's layout: {error}") from error
    config = _shape(described, directory)
    try:
        weights = _joined(config, tensors)
    except KeyError as error:
        raise CheckpointError(f"{directory / WEIGHTS}: no weight {error.args[0]!r}") from error
    return config, weights, Tokenizer.from_json(text, str(directory / "tokenizer.json"))


def _config(model: Model) -> dict[str, Any]:
    shape = model.trunk.config
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": model.trunk.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.ffn,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.width // shape.heads,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.norm_eps,
        "rope_theta": shape.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_base},
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        **_ends(model.tokenizer),
    }


def _ends(tokenizer: Tokenizer) -> dict[str, int]:
    return {"bos_token_id": tokenizer.begin_id, "eos_token_id": tokenizer.end_id}


def _shape(described: Mapping[str, Any], directory: Path) -> TrunkConfig:
    try:
        if described["model_type"] != "llama" or not described["tie_word_embeddings"]:
            raise ValueError("expected a llama whose output is tied to its embedding")
        heads, width = described["num_attention_heads"], described["hidden_size"]
        rope = described.get("rope_parameters") or described
        if rope.get("rope_type", "default") != "default" or described.get("rope_scaling"):
            raise ValueError("its positions are scaled, the trunk's are not")
        if described.get("head_dim", width // heads) != width // heads:
            raise ValueError("its heads together are not as wide as the model")
        return TrunkConfig(
            layers=described["num_hidden_layers"],
            width=width,
            heads=heads,
            kv_heads=described["num_key_value_heads"],
            ffn=described["intermediate_size"],
            context=described["max_position_embeddings"],
            rope_base=float(rope["rope_theta"]),
            norm_eps=described["rms_norm_eps"],
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        what = f"no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{directory / 'config.json'}: {what}") from error


# Ours on the left; a layer's names follow "blocks.N." and "model.layers.N.".
_OUTER = {"embedding.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight"}
_PLAIN = {
    "attention_norm.weight": "input_layernorm.weight",
    "out.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "down.weight": "mlp.down_proj.weight",
}
_SPLIT = {
    "qkv.weight": tuple(f"self_attn.{part}_proj.weight" for part in "qkv"),
    "gate_up.weight": ("mlp.gate_proj.weight", "mlp.up_proj.weight"),
}


def _rows(config: TrunkConfig) -> dict[str, list[int]]:
    """Return how many rows of a joined weight each of its parts has."""
    size = config.width // config.heads
    keys = config.kv_heads * size
    return {"qkv.weight": [config.width, keys, keys], "gate_up.weight": [config.ffn, config.ffn]}


def _renamed(config: TrunkConfig, ours: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the trunk's weights under Llama's names."""
    rows = _rows(config)
    for name, theirs in _OUTER.items():
        yield theirs, ours[name].cpu().contiguous()
    for layer in range(config.layers):
        for name, theirs in _PLAIN.items():
            yield f"model.layers.{layer}.{theirs}", ours[f"blocks.{layer}.{name}"].cpu()
        for name, parts in _SPLIT.items():
            pieces = torch.split(ours[f"blocks.{layer}.{name}"].cpu(), rows[name])
            for theirs, piece in zip(parts, pieces, strict=True):
                yield f"model.layers.{layer}.{theirs}", piece.contiguous()


def _joined(config: TrunkConfig, theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return Llama's weights under the trunk's names, in float32."""
    found = {name: theirs[other] for name, other in _OUTER.items()}
    for layer in range(config.layers):
        for name, other in _PLAIN.items():
            found[f"blocks.{layer}.{name}"] = theirs[f"model.layers.{layer}.{other}"]
        for name, parts in _SPLIT.items():
            pieces = [theirs[f"model.layers.{layer}.{part}"] for part in parts]
            found[f"blocks.{layer}.{name}"] = torch.cat(pieces)
    return {name: tensor.float() for name, tensor in found.items()}


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode()
