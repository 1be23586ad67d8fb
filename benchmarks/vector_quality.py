"""How good a model's sentence vectors are: the figures of the model card of small-en-vectors.

    python benchmarks/vector_quality.py DATA [MODEL ...] [--test]

DATA: a directory with `stsb.parquet` (split, score, sentence1, sentence2) and, for --test,
`sts12-16.parquet` (also year), `sick.parquet`, `squad-dev/dev-v1.1.json.zst` and the
classification sets `sst2.parquet`, `trec.parquet`, `agnews.parquet`.
Without --test only the dev set of STS-B is read: it selects models; the others are looked at once.

Printed are Spearman's rank correlation × 100 (all pairs of a year together), the share of SQuAD's
dev questions whose own paragraph is among the 1 and 10 nearest of all 2,067, the accuracy of a
logistic regression on frozen vectors, and the mean cosine of unlike sentences (anisotropy).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import zstandard
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from albertkit import TextEmbedder

Vectors = npt.NDArray[np.float32]
Encode = Callable[[list[str]], Vectors]
Rows = list[dict[str, object]]
PROBE_ROWS = 5000  # training rows of a logistic regression
PROBES = {  # the columns of text and label, and the split that is scored
    "sst2": ("sentence", "label", "test"),
    "trec": ("question", "label", "test"),
    "agnews": ("text", "label", "test"),
}


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """The rows at length 1; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def similarity(encode: Encode, rows: Rows) -> float:
    """Spearman × 100 of cosines and scores."""
    first, second = (encode([str(row[f"sentence{n}"]) for row in rows]) for n in (1, 2))
    return 100 * float(spearmanr((first * second).sum(1), [row["score"] for row in rows]).statistic)


def recall(encode: Encode, path: Path) -> dict[int, float]:
    """The share of SQuAD's questions whose own paragraph is among the k nearest."""
    data = json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    questions = [
        (question["question"], number)
        for number, paragraph in enumerate(paragraphs)
        for question in paragraph["qas"]
    ]
    documents = encode([paragraph["context"] for paragraph in paragraphs])
    scores = encode([text for text, _ in questions]) @ documents.T
    own = scores[np.arange(len(questions)), [number for _, number in questions]]
    ranks = (scores > own[:, None]).sum(1)
    return {k: float((ranks < k).mean()) for k in (1, 10)}


def probe(encode: Encode, rows: Rows, columns: tuple[str, str, str]) -> float:
    """Accuracy of a logistic regression on the vectors of at most PROBE_ROWS training rows."""
    text, label, split = columns
    training = [row for row in rows if row["split"] == "train"]
    order = np.random.default_rng(0).permutation(len(training))[:PROBE_ROWS]
    chosen, scored = [training[n] for n in order], [row for row in rows if row["split"] == split]
    model = LogisticRegression(C=10, max_iter=1000)
    model.fit(encode([str(row[text]) for row in chosen]), [row[label] for row in chosen])
    return float(
        model.score(encode([str(row[text]) for row in scored]), [row[label] for row in scored])
    )


def anisotropy(vectors: Vectors) -> float:
    """The mean cosine of two different rows."""
    total = vectors.sum(0, dtype=np.float64)
    count = len(vectors)
    return float((total @ total - count) / (count * (count - 1)))


def show_tests(encode: Encode, data: Path) -> None:
    """Print the figures of the sets that select nothing."""
    stsb = pq.read_table(data / "stsb.parquet").to_pylist()
    years = pq.read_table(data / "sts12-16.parquet").to_pylist()
    sick = pq.read_table(data / "sick.parquet").to_pylist()
    test = [row for row in stsb if row["split"] == "test"]
    print(f"  STS-B test: {similarity(encode, test):.1f}")
    scores = []
    for year in sorted({row["year"] for row in years}):
        rows = [row for row in years if row["year"] == year and row["split"] == "test"]
        scores.append(similarity(encode, rows))
    print(f"  STS12-16: {' · '.join(f'{s:.1f}' for s in scores)} (mean {np.mean(scores):.1f})")
    print(f"  SICK-R: {similarity(encode, [r for r in sick if r['split'] == 'test']):.1f}")
    sentences = sorted({str(row["sentence1"]) for row in test})
    print(f"  anisotropy: {anisotropy(encode(sentences)):.3f}", flush=True)
    recalls = recall(encode, data / "squad-dev" / "dev-v1.1.json.zst")
    print(f"  SQuAD paragraphs: recall@1 {recalls[1]:.3f}, recall@10 {recalls[10]:.3f}", flush=True)
    for name, columns in PROBES.items():
        rows = pq.read_table(data / f"{name}.parquet").to_pylist()
        print(f"  {name}: {100 * probe(encode, rows, columns):.1f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", default=["small-en-vectors"], metavar="MODEL")
    parser.add_argument("--test", action="store_true", help="the sets that select nothing, too")
    parser.add_argument("--tfidf", action="store_true", help="TF-IDF of STS-B test's sentences")
    parser.add_argument("--truncate-dim", type=int, help="of each vector")
    options = parser.parse_args()
    rows = pq.read_table(options.data / "stsb.parquet").to_pylist()
    for model in options.models:
        embedder = TextEmbedder(model, truncation="off")

        def encode(texts: list[str], embedder: TextEmbedder = embedder) -> Vectors:
            return unit(np.asarray(embedder.encode(texts))[:, : options.truncate_dim])

        print(model)
        dev = similarity(encode, [row for row in rows if row["split"] == "dev"])
        print(f"  STS-B dev: {dev:.1f}", flush=True)
        if options.test:
            show_tests(encode, options.data)
    if options.tfidf:
        test = [row for row in rows if row["split"] == "test"]
        words = TfidfVectorizer().fit([row[f"sentence{n}"] for row in test for n in (1, 2)])
        print("TF-IDF")
        value = similarity(lambda texts: unit(words.transform(texts).toarray()), test)
        print(f"  STS-B test: {value:.1f}")


if __name__ == "__main__":
    main()
