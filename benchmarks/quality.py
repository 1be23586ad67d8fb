"""How good a masked LM is: the figures of the model card of small-en.

    python benchmarks/quality.py FILE [FILE ...] [--model NAME] [--sequences 50] [--precision …]

FILE: held-out English text, compressed or not, one paragraph a line, an empty line after each
document. Printed is a Markdown table with a column for each file:
- masked LM: accuracy, loss and perplexity at 15 % of the pieces, masks drawn with seed 0;
- pseudo-perplexity: each piece of the first 126 of so many documents is masked alone; the
  exponential of the mean loss (Salazar et al. 2020, arXiv 1910.14659);
- sentence order: accuracy, pairs drawn with seed 0; 0.5 is chance.
A processor that multiplies bfloat16 at full speed does so, unless --precision says otherwise.
cloze.py asks for everyday words, vector_quality.py measures sentence vectors.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F

from albertkit import load
from albertkit.cli.corpus import read_lines
from albertkit.errors.exceptions import count_noun
from albertkit.model.packed_attention import make_packed_mask
from albertkit.pretraining.batches import BatchShape, PretrainingData
from albertkit.pretraining.documents import read_documents
from albertkit.pretraining.initialization import initialize_from
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.pretrain import evaluate
from albertkit.pretraining.shards import CorpusShard, write_shard
from albertkit.tables import find_inputs
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.vocabulary import SpecialIds
from albertkit.training.devices import TrainingDevice, choose_training_device
from albertkit.training.recipe import Precision

LENGTH = 128  # ids of a sequence


def pseudo_perplexity(
    network: PackedPretraining,
    shard: CorpusShard,
    special_ids: SpecialIds,
    count: int,
    device: TrainingDevice,
) -> float:
    """The perplexity of pieces that are masked one at a time, in the first `count` documents."""
    losses: list[float] = []
    with torch.no_grad(), device.autocast():
        for number in range(min(count, len(shard))):
            body = np.asarray(shard[number].ids[: LENGTH - 2], np.int64)
            ids = torch.tensor([special_ids.cls, *body, special_ids.sep])
            slots = torch.arange(1, len(ids) - 1)  # those of the body
            rows = ids.repeat(len(body), 1)  # [P, S]
            rows[torch.arange(len(body)), slots] = special_ids.mask
            positions = torch.arange(len(ids)).expand_as(rows)
            mask = make_packed_mask(torch.zeros_like(rows))
            flat = torch.arange(len(body)) * len(ids) + slots  # of each row's masked slot
            vectors = network.albert.vectors_at(rows, torch.zeros_like(rows), positions, mask, flat)
            table = network.albert.embeddings.word_embeddings.weight
            logits = network.predictions(vectors, table)  # [P, V]
            labels = torch.from_numpy(body)
            losses += F.cross_entropy(logits.float(), labels, reduction="none").tolist()
    return math.exp(float(np.mean(losses)))


def measure(
    network: PackedPretraining,
    tokenizer: AlbertTokenizer,
    file: str,
    sequences: int,
    device: TrainingDevice,
) -> dict[str, str]:
    """The figures of one file, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        shard = write_shard(
            Path(folder) / "valid", read_documents(read_lines(find_inputs([file]))), tokenizer
        )
        vocabulary = MaskingVocabulary.from_tokenizer(tokenizer)
        data = PretrainingData(shard, vocabulary, lambda fraction: BatchShape(16, LENGTH))
        means = evaluate(network, data, device, most_batches=10**6)
        sample = min(sequences, len(shard))
        perplexity = pseudo_perplexity(network, shard, vocabulary.special_ids, sample, device)
        pieces = len(shard.ids)
    return {
        "pieces": f"{pieces:,}",
        "masked LM: accuracy": f"{means['valid_masked_accuracy']:.3f}",
        "masked LM: loss (nats)": f"{means['valid_masked_loss']:.3f}",
        "masked LM: perplexity": f"{math.exp(means['valid_masked_loss']):.0f}",
        "pseudo-perplexity": f"{perplexity:.1f} ({count_noun(sample, 'document')})",
        "sentence order: accuracy": f"{means.get('valid_order_accuracy', math.nan):.3f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--model", default="small-en")
    parser.add_argument("--sequences", type=int, default=50, help="for the pseudo-perplexity")
    parser.add_argument("--precision", default="auto", choices=get_args(Precision))
    options = parser.parse_args()
    device = choose_training_device("cpu", options.precision)
    loaded = load(options.model)
    network = PackedPretraining(loaded.config)
    initialize_from(network.canonical_parameters(), loaded.config, loaded.weights)
    columns = {
        Path(file).name: measure(network, loaded.tokenizer, file, options.sequences, device)
        for file in options.files
    }
    print("| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns), sep="\n")
    for name in next(iter(columns.values())):
        print(f"| {name} | {' | '.join(figures[name] for figures in columns.values())} |")


if __name__ == "__main__":
    main()
