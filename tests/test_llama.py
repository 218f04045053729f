"""The trunk as Hugging Face's Llama: the same numbers, both ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from toys import Echo, Letters, ToyConfig

from ectrain.config import TrunkConfig
from ectrain.errors import CheckpointError, ConfigError, PluginError
from ectrain.llama import export_llama, read_llama
from ectrain.model import Model
from ectrain.packing import pack
from ectrain.parts import TokenHead
from ectrain.task import Segment, TrunkShape
from ectrain.tokenizer import Tokenizer
from ectrain.trunk import Trunk

SHAPE = TrunkConfig(layers=2, width=32, heads=4, kv_heads=2, ffn=48, context=64, rope_base=5000.0)
TEXT = "def double(x), do: x * 2 # double it, or double that"


class Plain(Echo):
    """The toy that writes, with nothing between the trunk and its embedding."""

    name = "plain"

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens."""
        return TokenHead(trunk)


@pytest.fixture(scope="module")
def model() -> Model:
    """A model with random weights, one head that a Llama has and two that it has not."""
    tasks = {
        "plain": Plain(ToyConfig()),
        "echo": Echo(ToyConfig()),
        "sorting": Letters(ToyConfig()),
    }
    return Model(SHAPE, tasks, Tokenizer.train([TEXT], 320), seed=5).eval()


def logits_of(trunk: Trunk, ids: list[int]) -> torch.Tensor:
    """Return the logits at every token of a causal segment, `[tokens, vocabulary]`."""
    laid_out = pack([("any", Segment(np.array(ids)))])
    with torch.no_grad():
        hidden: torch.Tensor = trunk(laid_out)[laid_out.tasks["any"].index_n]
    return hidden @ trunk.embedding.weight.t()


def test_transformers_computes_the_same_logits(model: Model, tmp_path: Path) -> None:
    """Exported weights give equal logits in transformers, from its own tokens of the text."""
    import transformers  # seconds: only where it is needed

    export_llama(model, "plain", tmp_path / "out")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert ids == model.tokenizer.encode(TEXT)
    with torch.no_grad():
        found = theirs(torch.tensor([ids])).logits[0]
    torch.testing.assert_close(found, logits_of(model.trunk, ids), atol=1e-5, rtol=1e-4)


def test_weights_come_back(model: Model, tmp_path: Path) -> None:
    """What was exported is read back bit for bit, with its shape and tokenizer."""
    export_llama(model, "plain", tmp_path / "out")
    shape, weights, tokenizer = read_llama(tmp_path / "out")
    assert shape == SHAPE
    assert tokenizer.fingerprint == model.tokenizer.fingerprint
    own = model.trunk.state_dict()
    assert weights.keys() == own.keys()
    assert all(torch.equal(weights[name], own[name]) for name in own)


def test_only_a_llama_is_exported(model: Model, tmp_path: Path) -> None:
    """A head with an adapter, or without tokens, is refused, and so is a directory in use."""
    for task in ("sorting", "echo"):
        with pytest.raises(PluginError, match=task):
            export_llama(model, task, tmp_path / "out")
    with pytest.raises(ConfigError, match="already"):
        export_llama(model, "plain", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model_type", "gpt2", "expected a llama"),
        ("tie_word_embeddings", False, "tied"),
        ("head_dim", 64, "heads"),
        ("rope_parameters", {"rope_type": "yarn", "rope_theta": 1.0}, "scaled"),
        ("hidden_size", None, "config.json"),
        ("num_hidden_layers", 3, "no weight"),
    ],
)
def test_other_models_are_refused(
    model: Model, tmp_path: Path, key: str, value: object, said: str
) -> None:
    """What the trunk can't be is refused with the reason and the file."""
    export_llama(model, "plain", tmp_path / "out")
    path = tmp_path / "out" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(CheckpointError, match=said):
        read_llama(tmp_path / "out")


def test_cut_weights_are_refused(model: Model, tmp_path: Path) -> None:
    """A file that was cut short is named."""
    export_llama(model, "plain", tmp_path / "out")
    path = tmp_path / "out" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="not a model"):
        read_llama(tmp_path / "out")
