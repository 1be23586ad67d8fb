"""How good the models inside the package are: the figures of their model cards.

    python benchmarks/quality.py --valid FILE.txt
    python benchmarks/quality.py --sts stsb.parquet [--teacher DIRECTORY]

FILE.txt: held-out English text, one paragraph a line, an empty line after each document.
stsb.parquet: the STS Benchmark's rows (split, score, sentence1, sentence2); only `test` is read.
Prints masked-word and sentence-order accuracy, and Spearman's rank correlation on STS-B test
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
import torch
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from albertkit import TextEmbedder, load
from albertkit.pretraining.batches import BatchShape, batches
from albertkit.pretraining.documents import documents
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import start_pieces
from albertkit.pretraining.shards import pieces_by, write_shard


def masked_words(valid: Path) -> None:
    """Accuracies and losses on held-out text, masks drawn with seed 0, 15 % of the pieces."""
    loaded = load()
    tokenizer = loaded.tokenizer
    model = PackedPretraining(loaded.config)
    for name, parameter in model.named().items():
        parameter.data.copy_(torch.from_numpy(np.array(loaded.weights.arrays[name])))
    model.eval()

    with tempfile.TemporaryDirectory() as folder, valid.open(encoding="utf-8") as lines:
        shard = write_shard(
            Path(folder) / "valid",
            documents(lines),
            pieces_by(tokenizer),
            vocab_size=tokenizer.vocab_size,
        )
        begins = start_pieces(tokenizer.convert_ids_to_tokens(list(range(tokenizer.vocab_size))))
        sums: dict[str, float] = {}
        count = 0
        with torch.no_grad():
            for batch in batches(shard, BatchShape(16, 128), begins, seed=0):
                for name, value in model(batch).figures.items():
                    sums[name] = sums.get(name, 0.0) + float(value)
                count += 1
    means = {name: value / count for name, value in sums.items()}
    print(f"held-out text: {len(shard.ids):,} tokens, {count} batches")
    print(f"masked words: accuracy {means['masked_accuracy']:.3f}, loss {means['masked_loss']:.3f}")
    print(f"sentence order: accuracy {means['order_accuracy']:.3f}")
    print(f"perplexity at masked words: {math.exp(means['masked_loss']):.1f}")


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
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--sts", type=Path)
    parser.add_argument("--teacher", type=Path)
    options = parser.parse_args()
    if options.valid is not None:
        masked_words(options.valid)
    if options.sts is not None:
        similarity(options.sts, options.teacher)


if __name__ == "__main__":
    main()
