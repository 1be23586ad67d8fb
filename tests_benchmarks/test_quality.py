"""The figures of a masked LM: the pseudo-perplexity is that of transformers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import AlbertForMaskedLM

import quality
from albertkit import load
from albertkit.pretraining.initialization import initialize_from
from albertkit.pretraining.losses import PackedPretraining
from albertkit.sources import WORDS, resolve_location
from albertkit.training.devices import TrainingDevice

TEXT = (
    "The river flows through the city to the sea. It is the longest river of the country, and old."
)


def test_the_pseudo_perplexity_is_that_of_transformers(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(f"{TEXT}\n\n{f'{TEXT} ' * 150}\n")  # a batch has 2,048 slots
    loaded = load(WORDS)
    network = PackedPretraining(loaded.config)
    initialize_from(network.canonical_parameters(), loaded.config, loaded.weights)
    device = TrainingDevice(torch.device("cpu"))
    figures = quality.measure(network, loaded.tokenizer, str(path), 1, device)
    theirs = AlbertForMaskedLM.from_pretrained(str(resolve_location(WORDS)), dtype=torch.float32)
    ids = torch.tensor(loaded.tokenizer(TEXT)["input_ids"])
    losses = []
    for slot in range(1, len(ids) - 1):
        row = ids.clone()
        row[slot] = loaded.tokenizer.mask_token_id
        with torch.no_grad():
            logits = theirs(row[None]).logits[0, slot]
        losses.append(torch.nn.functional.cross_entropy(logits, ids[slot]).item())
    expected = math.exp(sum(losses) / len(losses))
    value, sample = figures["pseudo-perplexity"].split(" ", 1)
    assert float(value) == pytest.approx(expected, abs=0.06)
    assert sample == "(1 document)"
    assert float(figures["masked LM: loss (nats)"]) > 0
