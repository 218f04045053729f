"""Laws of reading on: formats, packed weights and compiled steps change rounding alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from anew import CONTEXT, TOKENIZER, model_of, next_log_probs, uncached
from hypothesis import given
from hypothesis import strategies as st
from toys import Echo, ToyConfig

from ectrain import decoding, generation, reading
from ectrain.config import TrunkConfig
from ectrain.device import can_compile, has_bfloat16
from ectrain.generation import Sampling, generate
from ectrain.model import Model
from ectrain.products import packed, product

CPU = torch.device("cpu")
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.5}
FORMATS = [torch.float32, *([torch.bfloat16] if has_bfloat16(CPU) else [])]
SHAPE = TrunkConfig(layers=2, width=32, heads=4, kv_heads=2, ffn=24, context=CONTEXT)
SIZES = st.integers(1, 70)


@given(SIZES, SIZES, SIZES, st.sampled_from((1, 8, 64)), st.sampled_from(FORMATS))
def test_a_packed_weight_multiplies_as_the_plain_one(
    rows: int, width: int, outputs: int, hint: int, dtype: torch.dtype
) -> None:
    """Whatever the sizes, and for other numbers of rows than it was packed for."""
    x_nd = torch.randn(rows, width).to(dtype)
    weight_od = torch.randn(outputs, width).to(dtype)
    found = product(x_nd, packed(weight_od, hint))
    expected = x_nd.double() @ weight_od.double().t()
    assert found.dtype == dtype
    assert (found.double() - expected).abs().max() < TOLERANCE[dtype]


def written_is_as_uncached(prompts: list[list[int]]) -> None:
    """Compare greedy text with that of reading everything anew."""
    made = model_of(SHAPE, 5)
    found = generate(made, "echo", prompts, max_new_tokens=9, stop_ids=(7,))
    for prompt, (sample,) in zip(prompts, found, strict=True):
        expected = uncached(made, prompt, 9, (7,))
        assert (sample.tokens, sample.ended) == (expected.tokens, expected.ended)
        assert sample.log_probs == pytest.approx(expected.log_probs, abs=2e-4)


RAGGED = [[4] * 20, [5, 6], [7, 8, 9], [3] * 11, [9]]


@pytest.mark.parametrize("mix", [reading._by_products, reading._in_one_loop])
@pytest.mark.parametrize("block", [4, 32])
def test_blocks_and_loops_compute_the_same(
    monkeypatch: pytest.MonkeyPatch, mix: Callable[..., torch.Tensor], block: int
) -> None:
    """What a compiled step computes, and where it finds keys and values, is what products are."""
    monkeypatch.setattr(generation, "WORTH_COMPILING", 0)
    monkeypatch.setattr(generation, "can_compile", lambda device: True)
    monkeypatch.setattr(decoding, "compiled_read", lambda *shape: reading.read_on)
    monkeypatch.setattr("ectrain.slots.BLOCK", block)
    monkeypatch.setattr(reading, "_by_products", mix)
    written_is_as_uncached(RAGGED)


@pytest.mark.slow
@pytest.mark.skipif(not can_compile(CPU), reason="there is no C++ compiler")
def test_a_compiled_step_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled once for a shape, it serves all numbers of rows and all lengths."""
    monkeypatch.setattr(generation, "WORTH_COMPILING", 0)
    written_is_as_uncached(RAGGED)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for rows in (1, 2, 3):
        monkeypatch.setattr(generation, "MAX_ROWS", rows)
        written_is_as_uncached(RAGGED)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs > 0


def test_what_cant_be_compiled_is_written_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that fails is no reason not to write."""

    def failing(*shape: object) -> reading.Read:
        raise RuntimeError("no rule for this processor\nmuch more")

    monkeypatch.setattr(generation, "WORTH_COMPILING", 0)
    monkeypatch.setattr(generation, "can_compile", lambda device: True)
    monkeypatch.setattr(reading, "_compiled", failing)
    with pytest.warns(RuntimeWarning, match="uncompiled: no rule for this processor"):
        written_is_as_uncached(RAGGED)


@pytest.mark.parametrize("dtype", FORMATS)
def test_sampled_log_probs_are_the_model_s_in_any_format(dtype: torch.dtype) -> None:
    """In bfloat16 they differ by its rounding from those of the float32 weights."""
    model = Model(SHAPE, {"echo": Echo(ToyConfig())}, TOKENIZER, 2).eval()
    ((sample,),) = generate(
        model, "echo", [[4, 5]], max_new_tokens=8, sampling=Sampling(1.0), dtype=dtype
    )
    for at, (token, log_prob) in enumerate(zip(sample.tokens, sample.log_probs, strict=False)):
        expected = float(next_log_probs(model, [4, 5, *sample.tokens[:at]])[token])
        assert log_prob == pytest.approx(expected, abs=2e-2)
    assert next(model.parameters()).dtype == torch.float32


def test_all_without_a_share_are_never_drawn() -> None:
    """Not even where rounding puts the point at the end of a row or of a block."""
    logits_rv = torch.full((4, 200), -torch.inf)
    logits_rv[:, [3, 70, 130]] = torch.tensor([0.0, 1.0, -2.0])
    for draw, expected in ((0.0, 3), (1 - 2**-24, 130), (1.0, 130)):
        chosen = Sampling(1.0).choose(logits_rv, torch.full((4,), draw))
        assert chosen.tolist() == [expected] * 4
