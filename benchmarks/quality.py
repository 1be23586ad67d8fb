"""How good the built-in masked LM is: the figures of its model card.

    python benchmarks/quality.py --valid FILE.txt [--model NAME]

FILE.txt: held-out English text, one paragraph a line, an empty line after each document.
Prints masked-LM and sentence-order accuracy. vector_quality.py measures sentence vectors.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

from albertkit import load
from albertkit.pretraining.batches import BatchShape, PretrainingData
from albertkit.pretraining.documents import documents
from albertkit.pretraining.initialization import initialize_from
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.pretrain import evaluate
from albertkit.pretraining.shards import write_shard
from albertkit.training.devices import choose_training_device


def report_masked_lm(model: str, valid: Path) -> None:
    """Accuracies and losses on held-out text, masks drawn with seed 0, 15 % of the pieces."""
    loaded = load(model)
    tokenizer = loaded.tokenizer
    network = PackedPretraining(loaded.config)
    initialize_from(network.canonical_parameters(), loaded.config, loaded.weights)
    with tempfile.TemporaryDirectory() as folder, valid.open(encoding="utf-8") as lines:
        shard = write_shard(Path(folder) / "valid", documents(lines), tokenizer)
        vocabulary = MaskingVocabulary.from_tokenizer(tokenizer)
        data = PretrainingData(shard, vocabulary, lambda fraction: BatchShape(16, 128))
        means = evaluate(
            network, data, choose_training_device("cpu", "float32"), most_batches=10**6
        )
    print(f"held-out text: {len(shard.ids):,} pieces")
    print(f"masked LM: accuracy {means['valid_masked_accuracy']:.3f}", end="")
    print(f", loss {means['valid_masked_loss']:.3f}")
    print(f"sentence order: accuracy {means['valid_order_accuracy']:.3f}")
    print(f"perplexity at masked pieces: {math.exp(means['valid_masked_loss']):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="small-en")
    parser.add_argument("--valid", type=Path, required=True)
    options = parser.parse_args()
    report_masked_lm(options.model, options.valid)


if __name__ == "__main__":
    main()
