"""Laws of generation: the cache changes nothing, samples depend on their seed alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from anew import CONTEXT, TOKENIZER, model_of, next_log_probs, uncached
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LETTERS

from ectrain import generation
from ectrain.config import TrunkConfig
from ectrain.decoding import Decoder
from ectrain.errors import ConfigError, PluginError
from ectrain.generation import Sampling, generate
from ectrain.model import Model

SHAPES = st.builds(
    lambda layers, kv, groups: TrunkConfig(
        layers=layers,
        width=8 * kv * groups,
        heads=kv * groups,
        kv_heads=kv,
        ffn=24,
        context=CONTEXT,
    ),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 3),
)
PROMPTS = st.lists(
    st.lists(st.integers(0, TOKENIZER.size - 1), min_size=1, max_size=CONTEXT - 1),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def model() -> Model:
    """Return one such model."""
    return model_of(
        TrunkConfig(layers=2, width=16, heads=2, kv_heads=1, ffn=24, context=CONTEXT), 3
    )


@settings(max_examples=25, deadline=None)
@given(SHAPES, st.integers(0, 99), PROMPTS, st.integers(0, 9))
def test_the_cache_changes_nothing(
    shape: TrunkConfig, seed: int, prompts: list[list[int]], room: int
) -> None:
    """Greedy text from ragged prompts in one batch is that of reading everything anew."""
    made = model_of(shape, seed)
    found = generate(made, "echo", prompts, max_new_tokens=room)
    for prompt, (sample,) in zip(prompts, found, strict=True):
        expected = uncached(made, prompt, room, (TOKENIZER.end_id,))
        assert (sample.tokens, sample.ended) == (expected.tokens, expected.ended)
        assert sample.log_probs == pytest.approx(expected.log_probs, abs=2e-4)


def test_a_stop_token_ends_its_own_row_alone(model: Model) -> None:
    """A row ends before its stop token, whose log-probability is kept; other rows go on."""
    prompts = [[5, 6, 7], [8], [9, 10]]
    free = [sample for (sample,) in generate(model, "echo", prompts, max_new_tokens=9, stop_ids=())]
    assert all(len(sample.tokens) == 9 and not sample.ended for sample in free)
    stop = free[0].tokens[4]
    found = generate(model, "echo", prompts, max_new_tokens=9, stop_ids=(stop, 299))
    for (sample,), whole in zip(found, free, strict=True):
        cut = whole.tokens.index(stop) if stop in whole.tokens else 9
        assert sample.tokens == whole.tokens[:cut]
        assert sample.ended == (cut < 9)
        assert sample.log_probs == pytest.approx(whole.log_probs[: cut + 1], abs=1e-4)


@pytest.mark.parametrize(("length", "written"), [(CONTEXT - 1, 2), (CONTEXT - 3, 4), (1, 9)])
def test_text_ends_where_the_context_does(model: Model, length: int, written: int) -> None:
    """The trunk reads no token past its context: what it wrote last is the end."""
    prompts = [[4] * length, [5, 6]]
    (sample,), (other,) = generate(model, "echo", prompts, max_new_tokens=9, stop_ids=())
    assert (len(sample.tokens), len(other.tokens), sample.ended) == (written, 9, False)


# --- sampling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_samples_depend_on_their_seed_alone(
    model: Model, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """However rows are batched, a prompt's n-th sample under a seed is the same."""
    prompts = [[4, 5], [6], [7, 8, 9]]
    sampling = Sampling(temperature=1.5)

    def write(seed: int) -> list[list[tuple[int, ...]]]:
        found = generate(
            model, "echo", prompts, max_new_tokens=6, sampling=sampling, samples=3, seed=seed
        )
        return [[sample.tokens for sample in samples] for samples in found]

    together = write(1)
    monkeypatch.setattr(generation, "MAX_ROWS", rows)
    assert write(1) == together
    assert write(2) != together
    assert all(len(set(samples)) == 3 for samples in together)


def test_log_probs_are_the_model_s_own(model: Model) -> None:
    """A sample's log-probabilities are those of the forward pass, at temperature 1, uncut."""
    sampling = Sampling(temperature=0.7, top_k=20, top_p=0.9)
    ((sample,),) = generate(model, "echo", [[4, 5]], max_new_tokens=8, sampling=sampling, seed=3)
    for at, (token, log_prob) in enumerate(zip(sample.tokens, sample.log_probs, strict=False)):
        expected = float(next_log_probs(model, [4, 5, *sample.tokens[:at]])[token])
        assert log_prob == pytest.approx(expected, abs=1e-4)


LOGITS = st.lists(st.floats(-4, 4, width=16), min_size=2, max_size=8, unique=True)


@given(LOGITS, st.floats(0.3, 3), st.none() | st.integers(1, 9), st.none() | st.floats(0.05, 1))
def test_tokens_are_drawn_by_their_share(
    logits: list[float], temperature: float, top_k: int | None, top_p: float | None
) -> None:
    """Over evenly spread draws a token comes as often as its share among those that are kept."""
    draws = 400
    share = torch.tensor(logits, dtype=torch.float64).div(temperature).softmax(-1)
    order = share.argsort(descending=True).tolist()
    kept = order[:top_k]
    if top_p is not None:
        among = share[kept] / share[kept].sum()
        before = among.cumsum(0) - among
        kept = [
            t for t, reached in zip(kept, before.tolist(), strict=True) if reached < top_p - 1e-6
        ]
    expected = torch.zeros_like(share)
    expected[kept] = share[kept] / share[kept].sum()
    uniform_r = (torch.arange(draws) + 0.5) / draws
    chosen = Sampling(temperature, top_k, top_p).choose(
        torch.tensor(logits).expand(draws, -1).clone(), uniform_r
    )
    found = torch.bincount(chosen, minlength=len(logits)) / draws
    assert torch.allclose(found.double(), expected, atol=2.1 / draws)


@given(LOGITS)
def test_temperature_0_takes_the_likeliest(logits: list[float]) -> None:
    """Without temperature the draw plays no part."""
    row = torch.tensor([logits, logits])
    chosen = Sampling().choose(row, torch.tensor([0.0, 0.999]))
    assert chosen.tolist() == [int(row[0].argmax())] * 2


# --- what can't be written ------------------------------------------------------------------------


def test_prompts_that_leave_no_room_are_named(model: Model) -> None:
    """An empty prompt and one as long as the context are refused by their number."""
    for bad, length in (([], 0), ([4] * CONTEXT, CONTEXT)):
        with pytest.raises(ConfigError, match=f"prompt 1 has {length} tokens, expected 1 to 23"):
            generate(model, "echo", [[4], bad], max_new_tokens=3)


def test_a_head_of_labels_writes_nothing(model: Model) -> None:
    """A task whose head predicts no tokens is named."""
    with pytest.raises(PluginError, match="task sorting: its head writes no tokens"):
        generate(model, "sorting", [[4]], max_new_tokens=3)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 2}]
)
def test_impossible_sampling_is_refused(wrong: dict[str, float]) -> None:
    """A setting that no distribution can have is named with its value."""
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"{name} {wrong[name]}"):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_a_deadline_leaves_prompts_without_a_sample(model: Model) -> None:
    """After the deadline no row is begun, and the model is left as it was."""
    model.train()
    assert generate(model, "echo", [[4], [5]], max_new_tokens=3, deadline_s=-1) == [[], []]
    assert model.training
    model.eval()


def test_text_is_what_the_tokens_say(model: Model) -> None:
    """What was written comes as text, too."""
    tokens = model.tasks["echo"].prompt(f"{LETTERS}:", TOKENIZER)
    ((sample,),) = generate(model, "echo", [tokens], max_new_tokens=5)
    assert sample.text == TOKENIZER.decode(sample.tokens)


# --- many rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_rows_that_end_make_room_for_others(
    model: Model, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Prompts of all lengths, ends at all places, few rows at a time: each is as if alone."""
    monkeypatch.setattr(generation, "MAX_ROWS", rows)
    rng = random.Random(1)
    prompts = [
        [rng.randrange(3, TOKENIZER.size) for _ in range(rng.randint(1, 20))] for _ in range(25)
    ]
    free = [s for (s,) in generate(model, "echo", prompts, max_new_tokens=9, stop_ids=())]
    stops = tuple({sample.tokens[n % 9 % len(sample.tokens)] for n, sample in enumerate(free)})
    found = generate(model, "echo", prompts, max_new_tokens=9, stop_ids=stops)
    for prompt, (sample,) in zip(prompts, found, strict=True):
        expected = uncached(model, prompt, 9, stops)
        assert (sample.tokens, sample.ended) == (expected.tokens, expected.ended)
    assert len({len(sample.tokens) for (sample,) in found}) > 3


def test_a_prompt_is_read_once_for_all_its_samples(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many samples are drawn, and though rows leave and come, a prompt is read once."""
    read: list[Sequence[int]] = []
    original = Decoder.read

    def counted(
        self: Decoder, prompts: Sequence[Sequence[int]], copies: Sequence[int]
    ) -> torch.Tensor:
        read.extend(prompts)
        return original(self, prompts, copies)

    monkeypatch.setattr(Decoder, "read", counted)
    monkeypatch.setattr(generation, "MAX_ROWS", 8)
    prompts = [[4, 5], [6], [7, 8, 9], [10], [11, 12]]
    sampling = Sampling(temperature=1.0)
    found = generate(model, "echo", prompts, max_new_tokens=6, sampling=sampling, samples=4)
    assert [len(samples) for samples in found] == [4] * 5
    assert sorted(map(list, read)) == sorted(prompts)


def test_a_stop_text_ends_a_sample_wherever_tokens_are_cut(model: Model) -> None:
    """The sample ends with the token that completes the text, and its text ends before it."""
    ((free,),) = generate(model, "echo", [[5, 6]], max_new_tokens=12, stop_ids=())
    for first in range(len(free.text)):
        for last in range(first + 1, min(first + 4, len(free.text)) + 1):
            stop = free.text[first:last]
            ((sample,),) = generate(
                model,
                "echo",
                [[5, 6]],
                max_new_tokens=12,
                stop_ids=(),
                stop=("never", stop),
            )
            assert sample.text == free.text[: free.text.index(stop)]
            assert sample.ended
            assert stop in TOKENIZER.decode(sample.tokens)
            assert stop not in TOKENIZER.decode(sample.tokens[:-1])


class Never:
    """Refuses some tokens, and remembers what it was asked."""

    def __init__(self, *refused: int) -> None:
        self.refused, self.asked = refused, 0

    def allows(self, prompt: int, tokens: Sequence[int]) -> bool:
        """Refuse them wherever they come."""
        self.asked += 1
        return tokens[-1] not in self.refused


def test_a_constraint_s_tokens_never_come(model: Model) -> None:
    """Greedily, the likeliest of the tokens that are left is taken, with its own probability."""
    ((free,),) = generate(model, "echo", [[5, 6]], max_new_tokens=4, stop_ids=())
    constraint = Never(*set(free.tokens))
    ((sample,),) = generate(
        model, "echo", [[5, 6]], max_new_tokens=4, stop_ids=(), constraint=constraint
    )
    assert not set(sample.tokens) & set(free.tokens)
    assert constraint.asked > 4
    for at, (token, log_prob) in enumerate(zip(sample.tokens, sample.log_probs, strict=True)):
        expected = next_log_probs(model, [5, 6, *sample.tokens[:at]])
        assert log_prob == pytest.approx(float(expected[token]), abs=1e-4)
        expected[list(constraint.refused)] = -torch.inf
        assert token == int(expected.argmax())


def test_a_constraint_draws_by_the_shares_of_what_is_left(model: Model) -> None:
    """Over many samples, the other tokens come as often as their share without the refused."""
    share = next_log_probs(model, [5, 6]).exp()
    refused = int(share.argmax())
    share[refused] = 0
    sampling = Sampling(temperature=1.0)
    (found,) = generate(
        model, "echo", [[5, 6]], max_new_tokens=1, sampling=sampling, samples=1500,
        stop_ids=(), constraint=Never(refused),
    )  # fmt: skip
    counts = torch.bincount(torch.tensor([s.tokens[0] for s in found]), minlength=len(share))
    assert torch.allclose(counts / 1500, share / share.sum(), atol=0.06)


def test_a_sample_ends_where_all_is_refused(model: Model) -> None:
    """After many refusals in one place the sample is given up, and has not ended."""

    class Refuser:
        def allows(self, prompt: int, tokens: Sequence[int]) -> bool:
            return False

    ((sample,),) = generate(model, "echo", [[5, 6]], max_new_tokens=4, constraint=Refuser())
    assert (sample.tokens, sample.ended) == ((), False)
