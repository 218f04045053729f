"""Figures of each objective: what an oracle and a guess have, and how they are told apart."""

from __future__ import annotations

import math
import random

import pytest
import torch

from ectrain.packing import pack
from ectrain.parts import TokenOutput, token_loss
from ectrain.task import Segment, Targets
from ectrain.testing import Subject
from ectrain_codegen import CodegenConfig, CodegenTask
from ectrain_codegen.data import CodeSample
from ectrain_codegen.figures import ObjectiveFigures
from ectrain_codegen.objectives import ObjectivesConfig
from ectrain_elixir.classes import CLASSES, byte_classes

TASK = CodegenTask(CodegenConfig(size=64))
SUBJECT = Subject(TASK, examples=64)
TOKENIZER = SUBJECT.tokenizer


def targets_of(segments: list[Segment]) -> Targets:
    """Return the targets of segments in one pack."""
    return pack([("codegen", segment) for segment in segments]).tasks["codegen"].targets


def output(tokens_m: torch.Tensor, sure: float = 20.0) -> TokenOutput:
    """Return an output that gives some tokens nearly all or, with 0, no more than the rest."""
    vocabulary = torch.eye(TOKENIZER.size)
    return TokenOutput(sure * vocabulary[tokens_m], vocabulary)


def figures(predicted: TokenOutput, targets: Targets) -> dict[str, float | None]:
    """Return the figures of one batch."""
    made = ObjectiveFigures(TASK.config.objectives)
    made.update(predicted, targets)
    return dict(made.compute())


def test_5_2_1_5_an_oracle_has_all_and_a_guess_next_to_nothing() -> None:
    """Right answers give 1 in every class of token; a uniform model about 1 in a vocabulary."""
    targets = targets_of(SUBJECT.segments)
    found = figures(output(targets.tokens_m), targets)
    shares = {name: x for name, x in found.items() if "accuracy" in name or "exact" in name}
    assert {x for x in shares.values() if x is not None} == {1.0}
    assert {"masking_accuracy", "span_accuracy", "fim_exact.psm", "fim_exact.spm"} <= set(shares)
    for kind in ("atom", "pipe", "module", "variable"):
        assert shares[f"masking_accuracy.{kind}"] == 1.0
    wrong = (targets.tokens_m + 1) % TOKENIZER.size
    assert figures(output(wrong), targets)["masking_accuracy"] == 0.0
    guess = figures(output(targets.tokens_m, 0.0), targets)
    assert guess["perplexity"] == pytest.approx(TOKENIZER.size, rel=1e-3)
    random_m = torch.randint(0, TOKENIZER.size, targets.tokens_m.shape)
    accuracy = figures(output(random_m), targets)["masking_accuracy"]
    assert accuracy is not None
    assert accuracy < 0.05


def test_one_wrong_token_spoils_its_span_and_its_middle_alone() -> None:
    """A span or a middle is right only where all of it is, and its neighbours stay right."""
    segments = [
        TASK.encode(TASK.in_turn(e, turn), TOKENIZER, random.Random(0))
        for turn, e in enumerate(TASK.examples("train")[:40])
    ]
    for objective, figure in ((1, "span_accuracy"), (2, "fim_exact.psm"), (3, "fim_exact.spm")):
        own = [s for s in segments if s.notes is not None and s.notes[0] & 3 == objective]
        targets = targets_of(own)
        assert targets.notes_m is not None
        groups = int((targets.notes_m >> 6 & 1).sum())
        predicted = targets.tokens_m.clone()
        predicted[-1] = (predicted[-1] + 1) % TOKENIZER.size
        assert groups > 1
        assert figures(output(predicted), targets)[figure] == pytest.approx(1 - 1 / groups)


def test_5_2_3_4_perplexity_is_that_of_the_mean_loss() -> None:
    """exp(mean cross-entropy), and the same nats as bits over the bytes of the targets' text."""
    samples = [CodeSample(str(n), "g", "", e.text) for n, e in enumerate(TASK.examples("val")[:8])]
    task = CodegenTask(CodegenConfig(size=64, loss_on="all"))
    segments = [task.encode(sample, TOKENIZER, random.Random(0)) for sample in samples]
    targets = targets_of(segments)
    torch.manual_seed(0)
    predicted = TokenOutput(torch.randn(len(targets.tokens_m), 16), torch.randn(TOKENIZER.size, 16))
    nats = float(token_loss(predicted, targets))
    found = figures(predicted, targets)
    assert found["perplexity"] == pytest.approx(math.exp(nats / targets.count), rel=1e-4)
    size = sum(len(sample.text.encode()) for sample in samples)
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)


def test_5_2_3_4_merged_tokens_leave_bits_per_byte_as_they_are() -> None:
    """Half the tokens with twice the nats each are as many bits, over the same bytes."""

    def bits(parts: list[str], sure: float) -> float | None:
        notes = torch.tensor([len(part) << 7 for part in parts])
        tokens = torch.zeros(len(parts), dtype=torch.long)
        hidden = torch.zeros(len(parts), 2)
        hidden[:, 0] = sure
        predicted = TokenOutput(hidden, torch.eye(2))
        return figures(predicted, Targets(tokens, None, len(parts), notes))["bits_per_byte"]

    def sure_of(share: float) -> float:
        return math.log(share / (1 - share))

    assert bits(["ab"] * 8, sure_of(0.5)) == pytest.approx(bits(["abab"] * 4, sure_of(0.25)))


def test_figures_are_those_of_the_objectives_that_there_are() -> None:
    """What is never trained has no row; what has no target yet is undefined."""
    names = set(ObjectiveFigures(ObjectivesConfig(causal=1)).compute())
    assert names == {"perplexity", "bits_per_byte", "accuracy"}
    found = ObjectiveFigures(ObjectivesConfig(causal=0, masked=0, spm=1)).compute()
    assert found == {"fim_exact": None, "fim_exact.spm": None}


def test_words_have_their_class() -> None:
    """Atoms, pipes, modules, variables, functions, keywords and the rest are told apart."""
    code = 'def run(xs), do: xs |> Enum.map(&f/1) # sort\n{:ok, "t", 1}'
    classes = byte_classes(code)
    expected = {
        "def": "keyword", "run": "function", "xs": "variable", "do:": "atom", "|>": "pipe",
        "Enum": "module", "map": "function", "# sort": "comment", ":ok": "atom", '"t"': "text",
        "1}": "number", "{": "bracket",
    }  # fmt: skip
    for word, kind in expected.items():
        assert CLASSES[classes[code.index(word)]] == kind, word
