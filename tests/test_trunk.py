"""Laws of packing, attention and the trunk."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.attention import Layout, attend, fused_attention
from ectrain.config import TrunkConfig
from ectrain.cross_entropy import summed_cross_entropy
from ectrain.packing import pack
from ectrain.task import NO_TARGET, Segment
from ectrain.trunk import Trunk

VOCABULARY = 50
SHAPE = TrunkConfig(layers=2, width=16, heads=4, kv_heads=2, ffn=24, context=64)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Draw a segment of any attention kind."""
    length = draw(st.integers(1, 40))
    rng = random.Random(draw(st.integers(0, 10_000)))
    labels = [rng.choice([NO_TARGET, rng.randrange(VOCABULARY)]) for _ in range(length)]
    return Segment(
        np.array([rng.randrange(VOCABULARY) for _ in range(length)]),
        prefix=draw(st.sampled_from((0, length // 2, length))),
        labels=np.array(labels),
    )


batches = st.lists(st.tuples(st.sampled_from(("a", "b")), segments()), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    """Return a narrow trunk."""
    made = Trunk(SHAPE, VOCABULARY)
    made.initialize(torch.Generator().manual_seed(0))
    return made


@settings(max_examples=30, deadline=None)
@given(batch=batches)
def test_no_segment_sees_another(trunk: Trunk, batch: list[tuple[str, Segment]]) -> None:
    """A segment's output in any pack equals its output alone."""
    laid_out = pack(batch)
    output_td = trunk(laid_out)
    for task, rows in laid_out.tasks.items():
        own_nd = output_td.index_select(0, rows.index_n)
        alone = []
        for name, segment in batch:
            if name == task:
                alone.append(trunk(pack([("x", segment)]))[: len(segment.tokens)])
        torch.testing.assert_close(own_nd, torch.cat(alone), atol=1e-5, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(segment=segments(), data=st.data())
def test_no_token_sees_what_it_may_not(trunk: Trunk, segment: Segment, data: st.DataObject) -> None:
    """Changing a token changes nothing before it, unless both are in the prefix."""
    at = data.draw(st.integers(0, len(segment.tokens) - 1))
    tokens = segment.tokens.copy()
    tokens[at] = (tokens[at] + 1) % VOCABULARY
    changed = Segment(tokens, segment.prefix)
    before = trunk(pack([("x", Segment(segment.tokens, segment.prefix))]))
    after = trunk(pack([("x", changed)]))
    blind = 0 if at < segment.prefix else at
    assert torch.equal(before[:blind], after[:blind])
    assert not torch.equal(before[at], after[at])


@settings(max_examples=20, deadline=None)
@given(batch=batches, kv_heads=st.sampled_from([1, 2, 4]))
def test_explicit_products_equal_the_fused_kernel(
    batch: list[tuple[str, Segment]], kv_heads: int
) -> None:
    """Values and gradients of both ways of attention agree, however many queries share keys."""
    layout = Layout(pack(batch).slabs, 4, kv_heads)
    tokens = layout.slabs[-1].start + layout.slabs[-1].segments * layout.slabs[-1].length
    generator = torch.Generator().manual_seed(1)
    qkv = torch.randn(tokens, 4 + 2 * kv_heads, 8, generator=generator).requires_grad_()
    weight = torch.randn(tokens, 4, 8, generator=generator)
    ours, theirs = attend(qkv, layout), fused_attention(qkv, layout)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    (mine,) = torch.autograd.grad(ours, qkv, weight)
    (reference,) = torch.autograd.grad(theirs, qkv, weight)
    torch.testing.assert_close(mine, reference, atol=1e-4, rtol=1e-3)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(0, 1100))
def test_chunked_cross_entropy_equals_torch(rows: int) -> None:
    """The summed loss and its gradients equal torch's, for any number of rows."""
    generator = torch.Generator().manual_seed(rows)
    hidden = torch.randn(rows, 8, generator=generator).requires_grad_()
    vocabulary = torch.randn(13, 8, generator=generator).requires_grad_()
    tokens = torch.randint(13, (rows,), generator=generator)
    ours = summed_cross_entropy(hidden, vocabulary, tokens)
    theirs = torch.nn.functional.cross_entropy(hidden @ vocabulary.t(), tokens, reduction="sum")
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)
    for mine, reference in zip(
        torch.autograd.grad(ours, (hidden, vocabulary)),
        torch.autograd.grad(theirs, (hidden, vocabulary)),
        strict=True,
    ):
        torch.testing.assert_close(mine, reference, atol=1e-3, rtol=1e-3)


def test_tasks_that_read_the_same_text_share_its_segment() -> None:
    """Equal tokens and prefix are laid out once and serve both tasks."""
    segment = Segment(np.arange(9), prefix=9, values=np.ones(3, dtype=np.float32))
    shared = pack([("quality", segment), ("security", segment)])
    assert shared.real_tokens == 9
    assert torch.equal(shared.tasks["quality"].index_n, shared.tasks["security"].index_n)
