"""How good the models inside the package are: the figures of their model cards.

    python benchmarks/quality.py --valid FILE.txt [--model NAME]
    python benchmarks/quality.py --sts stsb.parquet [--teacher DIRECTORY]

FILE.txt: held-out English text, one paragraph a line, an empty line after each document.
stsb.parquet: the STS Benchmark's rows (split, score, sentence1, sentence2); only `test` is read.
Prints masked-LM and sentence-order accuracy, and Spearman's rank correlation on STS-B test
compared with TF-IDF and, if given, a sentence-transformers directory as teacher.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from albertkit import TextEmbedder, load
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


def similarity(sts: Path, teacher: Path | None) -> None:
    """Spearman × 100 of cosines on STS-B test."""
    rows = [row for row in pq.read_table(sts).to_pylist() if row["split"] == "test"]
    first, second = ([row[f"sentence{n}"] for row in rows] for n in (1, 2))
    scores = [row["score"] for row in rows]

    def show(name: str, encode: Callable[[list[str]], np.ndarray]) -> None:
        a, b = encode(first), encode(second)
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        values = 100 * float(spearmanr(np.nan_to_num(cosine), scores).statistic)
        print(f"  {name}: {values:.1f}")

    print(f"STS-B test, {len(rows)} pairs, Spearman × 100")
    show("small-en-vectors", TextEmbedder().encode)
    show("small-en, mean of token vectors", TextEmbedder("small-en").encode)
    tfidf = TfidfVectorizer().fit(first + second)
    show("TF-IDF", lambda texts: tfidf.transform(texts).toarray())
    if teacher is not None:
        from sentence_transformers import SentenceTransformer

        show("teacher", SentenceTransformer(str(teacher), device="cpu").encode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="small-en", help="of --valid")
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--sts", type=Path)
    parser.add_argument("--teacher", type=Path)
    options = parser.parse_args()
    if options.valid is not None:
        report_masked_lm(options.model, options.valid)
    if options.sts is not None:
        similarity(options.sts, options.teacher)


if __name__ == "__main__":
    main()
