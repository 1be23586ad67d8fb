"""How good sentence vectors are: the table of the model card of small-en-vectors.

    python benchmarks/vector_quality.py DATA [MODEL ...] [--test] [--baselines] [--published]

DATA: a directory with `stsb.parquet` (split, score, sentence1, sentence2) and, for --test,
`sts12-16.parquet` (also year), `sick.parquet`, `squad-dev/dev-v1.1.json.zst`, the collections
`ir-docs.parquet`, `ir-queries.parquet`, `ir-qrels.parquet` (Cranfield, CISI), and the
classification sets `sst2.parquet`, `trec.parquet`, `agnews.parquet`.
Without --test only the dev set of STS-B is read: it selects models; the others are looked at once.

Printed is one Markdown table, a column for each model:
- STS-B, STS12-16, SICK-R: Spearman's rank correlation × 100 of cosines and scores, all pairs of a
  year together;
- SQuAD: the share of the dev questions whose own paragraph is among the 1 and 10 nearest of 2,067;
- Cranfield, CISI: nDCG@10 × 100 (linear gain; Cranfield's grades 1 to 4 gain 4 to 1, and its -1,
  which other copies read in two ways, gains 1);
- SST-2, AG News, TREC: accuracy in % of a logistic regression on the vectors of 5,000 training
  texts, on the official test set;
- anisotropy: the mean cosine of different sentences of STS-B's test set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import zstandard
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ndcg_score

from albertkit.arrays import FloatArray
from contenders import BM25, Matrix, Model, Searcher, Tfidf, Vectoriser

Rows = Sequence[Mapping[str, object]]
Figures = dict[str, float]
PROBE_ROWS = 5000  # training rows of a logistic regression
PROBES = {  # the columns of text and label
    "SST-2": ("sst2", "sentence", "label"),
    "AG News": ("agnews", "text", "label"),
    "TREC": ("trec", "question", "label"),
}
CRANFIELD_GAINS = {1: 4, 2: 3, 3: 2, 4: 1, -1: 1}
# Source: github.com/embeddings-benchmark/results at f4cc6c8. MTEB pools the pairs of a year too;
# its STS12 has other pairs: all-MiniLM-L6-v2 has 61.2 on ours, and the published figure elsewhere.
PUBLISHED: dict[str, Figures] = {
    "all-MiniLM-L6-v2, published": {
        "STS-B test": 82.0, "STS12": 72.4, "STS13": 80.6, "STS14": 75.6, "STS15": 85.4,
        "STS16": 79.0, "STS12-16, mean": 78.6, "SICK-R": 77.6,
    },
    "potion-base-8M, published": {
        "STS-B test": 75.4, "STS12": 62.2, "STS13": 77.3, "STS14": 71.9, "STS15": 79.8,
        "STS16": 76.3, "STS12-16, mean": 73.5, "SICK-R": 64.7,
    },
    "potion-base-2M, published": {"STS-B test": 72.8},
}  # fmt: skip


def read_rows(path: Path, **values: object) -> Rows:
    """The rows of a Parquet file that have these values."""
    rows = pq.read_table(path).to_pylist()
    return [row for row in rows if all(row[key] == value for key, value in values.items())]


def column(rows: Rows, name: str) -> list[str]:
    """The texts of a column."""
    return [str(row[name]) for row in rows]


def similarity(contender: Vectoriser, rows: Rows) -> float:
    """Spearman × 100 of cosines and scores."""
    cosines = contender.compare(column(rows, "sentence1"), column(rows, "sentence2"))
    return 100 * float(spearmanr(cosines, [row["score"] for row in rows]).statistic)


def recall(scores: FloatArray, own: Sequence[int], k: int) -> float:
    """The share of queries (rows of `scores`) whose own document is among the k best.

    A document with the same score as the own one is not better.
    """
    own_scores = scores[np.arange(len(scores)), own]
    return float(((scores > own_scores[:, None]).sum(1) < k).mean())


def read_squad(path: Path) -> tuple[list[str], list[str], list[int]]:
    """SQuAD's questions, its paragraphs, and the number of each question's paragraph."""
    data = json.loads(zstandard.ZstdDecompressor().decompress(path.read_bytes()))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    pairs = [(q["question"], n) for n, paragraph in enumerate(paragraphs) for q in paragraph["qas"]]
    questions, own = zip(*pairs, strict=True)
    return list(questions), [paragraph["context"] for paragraph in paragraphs], list(own)


def collection_ndcg(contender: Searcher, data: Path, source: str) -> float:
    """NDCG@10 × 100 of a collection, over the queries that have relevant documents."""
    documents = read_rows(data / "ir-docs.parquet", source=source)
    numbers = {row["id"]: n for n, row in enumerate(documents)}
    gains: dict[object, dict[int, int]] = {}
    for row in read_rows(data / "ir-qrels.parquet", source=source):
        grade = int(str(row["relevance"]))
        gain = CRANFIELD_GAINS[grade] if source == "cranfield" else grade
        gains.setdefault(row["query_id"], {})[numbers[row["doc_id"]]] = gain
    queries = [q for q in read_rows(data / "ir-queries.parquet", source=source) if q["id"] in gains]
    scores = contender.search(column(queries, "text"), list(map(full_text, documents)))
    truth = np.zeros(scores.shape)
    for n, query in enumerate(queries):
        for document, gain in gains[query["id"]].items():
            truth[n, document] = gain
    return 100 * float(ndcg_score(truth, scores, k=10))


def full_text(row: Mapping[str, object]) -> str:
    """Title and text of a document; Cranfield's texts begin with their titles."""
    title, text = str(row["title"]), str(row["text"])
    return text if text.startswith(title) else f"{title}. {text}"


def probe(contender: Vectoriser, rows: Rows, text: str, label: str) -> float:
    """Accuracy in % of a logistic regression on at most PROBE_ROWS training rows."""
    training = [row for row in rows if row["split"] == "train"]
    order = np.random.default_rng(0).permutation(len(training))[:PROBE_ROWS]
    chosen, scored = [training[n] for n in order], [row for row in rows if row["split"] == "test"]
    fitted, others = contender.features(column(chosen, text), column(scored, text))
    model = LogisticRegression(C=10, max_iter=1000).fit(fitted, column(chosen, label))
    return 100 * float(model.score(others, column(scored, label)))


def anisotropy(vectors: Matrix) -> float:
    """The mean cosine of two different rows of length 1."""
    total, count = np.asarray(vectors.sum(0), np.float64).ravel(), vectors.shape[0]
    return float((total @ total - count) / (count * (count - 1)))


def measure_similarity(contender: Vectoriser, data: Path) -> Iterator[tuple[str, float]]:
    """The figures of pairs of sentences, and anisotropy."""
    test = read_rows(data / "stsb.parquet", split="test")
    yield "STS-B test", similarity(contender, test)
    years = read_rows(data / "sts12-16.parquet", split="test")
    scores = []
    for year in range(2012, 2017):
        rows = [row for row in years if int(str(row["year"])) == year]
        scores.append(similarity(contender, rows))
        yield f"STS{year - 2000}", scores[-1]
    yield "STS12-16, mean", float(np.mean(scores))
    yield "SICK-R", similarity(contender, read_rows(data / "sick.parquet", split="test"))
    sentences = sorted({*column(test, "sentence1")})
    yield "anisotropy", anisotropy(contender.features(sentences, [sentences[0]])[0])


def measure_search(contender: Searcher, data: Path) -> Iterator[tuple[str, float]]:
    """The figures of retrieval."""
    questions, paragraphs, own = read_squad(data / "squad-dev" / "dev-v1.1.json.zst")
    scores = contender.search(questions, paragraphs)
    for k in (1, 10):
        yield f"SQuAD paragraphs, recall@{k}", recall(scores, own, k)
    yield "Cranfield, nDCG@10", collection_ndcg(contender, data, "cranfield")
    yield "CISI, nDCG@10", collection_ndcg(contender, data, "cisi")


def measure_probes(contender: Vectoriser, data: Path) -> Iterator[tuple[str, float]]:
    """The accuracies of linear probes."""
    for name, (file, text, label) in PROBES.items():
        yield f"{name}, probe", probe(contender, read_rows(data / f"{file}.parquet"), text, label)


def make_table(columns: Mapping[str, Figures]) -> str:
    """A Markdown table with a row for each figure; what a model has no figure of is empty."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))

    def cell(figures: Figures, name: str) -> str:
        if name not in figures:
            return ""
        digits = 3 if "recall" in name or name == "anisotropy" else 1
        return f"{figures[name]:.{digits}f}"

    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name in names:
        cells = (cell(figures, name) for figures in columns.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("models", nargs="*", default=["small-en-vectors"], metavar="MODEL")
    parser.add_argument("--test", action="store_true", help="the sets that select nothing, too")
    parser.add_argument("--baselines", action="store_true", help="TF-IDF and BM25, with --test")
    parser.add_argument("--published", action="store_true", help="figures of others, with source")
    parser.add_argument("--truncate-dim", type=int, help="of each model's vectors")
    options = parser.parse_args()
    columns: dict[str, Figures] = {}

    def take(name: str, figures: Iterator[tuple[str, float]]) -> None:
        for figure, value in figures:
            columns.setdefault(name, {})[figure] = value
            print(f"{name}: {figure} {value:.4g}", file=sys.stderr, flush=True)

    contenders: dict[str, Vectoriser] = {
        Path(name).name: Model(name, options.truncate_dim) for name in options.models
    }
    dev = read_rows(options.data / "stsb.parquet", split="dev")
    if options.baselines:
        contenders["TF-IDF"] = Tfidf()
    for name, contender in contenders.items():
        take(name, iter([("STS-B dev", similarity(contender, dev))]))
        if options.test:
            for measure in (measure_similarity, measure_search, measure_probes):
                take(name, measure(contender, options.data))
    if options.baselines and options.test:
        take("BM25", measure_search(BM25(), options.data))
    if options.published:
        columns |= PUBLISHED
    print(make_table(columns))


if __name__ == "__main__":
    main()
