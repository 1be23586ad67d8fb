"""The probe: frozen vectors of texts with logistic regression on them.

Vectors are computed once and kept in the user's cache, by a hash of the texts and the model, so
that folds, strengths of the penalty and later runs cost a second. One linear head is fitted; the
strength of its penalty is chosen by cross-validation on the training rows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from albertkit.arrays import Float64Array, FloatArray, Int64Array
from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.atomic import create_file
from albertkit.fileformats.npy import read_npy
from albertkit.finetuning.baseline import LOSSES
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.linear_model import activate, choose_strength, fit_linear
from albertkit.sources.cache import cache_home
from albertkit.spec.config_values import ProblemType
from albertkit.spec.pooling_config import Normalize
from albertkit.spec.vector_head import VectorHead, make_pair_features
from albertkit.tasks import TextEmbedder

STRENGTHS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)  # C of the logistic regression
# Standard deviation of a pair's u · v among features of 1, which leaves it nearly without penalty.
# STS-B with 1,000 rows: Spearman 0.761 without u · v, 0.794 with 10 or 30, and 0.794 by u · v alone
DOT_SCALE = 30.0
FOLDS = 5
CACHED_FILES = 64  # the oldest go
PROBLEM_TYPES: dict[str, ProblemType] = {
    "classification": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}


@dataclass(frozen=True, slots=True, eq=False)
class TextVectors:
    """The vectors of examples.

    Attributes:
        first: [N, D].
        second: [N, D] of the second texts; None for single texts.
    """

    first: FloatArray
    second: FloatArray | None

    @property
    def features(self) -> FloatArray:
        """What the head reads: [N, D], or [N, 4·D] for pairs."""
        return make_pair_features(self.first, self.second)

    @property
    def joined(self) -> FloatArray:
        """One vector for each example, to compare examples by: [N, D] or [N, 2·D]."""
        return self.first if self.second is None else np.hstack([self.first, self.second])

    def take(self, numbers: Int64Array) -> TextVectors:
        """The vectors of these examples."""
        second = None if self.second is None else self.second[numbers]
        return TextVectors(self.first[numbers], second)


def compute_vectors(
    embedder: TextEmbedder, examples: Examples, *, show_progress_bar: bool = False
) -> TextVectors:
    """Compute the vectors of all texts, or read them from the cache.

    Args:
        embedder: What computes them.
        examples: Their texts, or pairs.
        show_progress_bar: Whether a bar is drawn.
    """

    def encode(texts: list[str]) -> FloatArray:
        path = cache_home() / "vectors" / f"{_hash_texts(embedder, texts)}.npy"
        with suppress(OSError, FormatError):  # there is none, or it is damaged
            vectors: FloatArray = read_npy(path, str(path))
            if vectors.shape == (len(texts), embedder.get_embedding_dimension()):
                path.touch()
                return vectors
        vectors = embedder.encode(texts, show_progress_bar=show_progress_bar)
        with suppress(OSError, AlbertKitError):  # a full disk or a read-only home: no cache
            path.parent.mkdir(parents=True, exist_ok=True)
            with create_file(path) as file:
                np.save(file, vectors)
            _remove_old(path.parent)
        return vectors

    second = None if examples.second is None else encode(examples.second)
    return TextVectors(encode(examples.first), second)


def _hash_texts(embedder: TextEmbedder, texts: list[str]) -> str:
    """A hash of the texts and of all that decides their vectors."""
    digest = hashlib.sha256()
    for part in _list_model_parts(embedder):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()[:32]


def _list_model_parts(embedder: TextEmbedder) -> Iterator[str]:
    path = Path(embedder.model.path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        status = file.stat()
        yield f"{file.name} {status.st_size} {status.st_mtime_ns}"
    yield str(path.resolve())
    yield repr(embedder.pooling.prompts)
    yield f"{embedder.max_seq_length} {embedder.model.engines.precision}"


def _remove_old(directory: Path) -> None:
    files = sorted(directory.glob("*.npy"), key=os.path.getmtime, reverse=True)
    for file in files[CACHED_FILES:]:
        file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A fitted probe.

    Attributes:
        head: The linear head.
        fold_probabilities: [N, C] of the training rows, by heads that were not fitted on them.
        strength: Of the penalty, chosen by cross-validation.
    """

    head: VectorHead
    fold_probabilities: Float64Array
    strength: float

    def predict(self, vectors: TextVectors) -> Float64Array:
        """The probabilities [M, C], or numbers [M, 1] of a regression."""
        logits = self.head.logits(vectors.first, vectors.second).astype(np.float64)
        if self.head.problem_type == "regression":
            return logits
        is_one = self.head.problem_type == "single_label_classification"
        return activate(logits, "softmax" if is_one else "sigmoid")


def is_trainable(embedder: TextEmbedder) -> bool:
    """Whether full tuning can begin at a probe of an embedder (tune_probe.py).

    They are means of token vectors, perhaps of length 1, of texts without prompts; the model has
    no pooler, so that a head of Hugging Face's classes would read what was never trained.
    """
    pooling = embedder.pooling
    return (
        pooling.pooling == "mean"
        and all(isinstance(step, Normalize) for step in pooling.steps)
        and pooling.default_prompt is None
        and pooling.truncate_dim is None
        and not pooling.lower_case
        and not embedder.model.weights.has_pooler
    )


def fit_probe(
    labels: LabelSet,
    examples: Examples,
    vectors: TextVectors,
    folds: Int64Array,
    row_weights: Float64Array | None = None,
) -> Probe:
    """Fit a linear head on frozen vectors.

    Args:
        labels: The labels and their order.
        examples: N training examples.
        vectors: Of these examples.
        folds: [N], the fold of each example in the cross-validation.
        row_weights: [N]; None: all 1.
    """
    loss = LOSSES[labels.task]
    targets = labels.one_hot(examples)
    # unit variance on the average, so that one grid of strengths serves all models
    features = vectors.features
    mean, scale = features.mean(0), float(features.std(0).mean()) or 1.0
    x = (features - mean).astype(np.float64) / scale
    F, D = x.shape[1], vectors.first.shape[1]
    dot_scale = 0.0
    if vectors.second is not None:
        dots = x[:, -D:].sum(1, keepdims=True)  # [N, 1], u · v without its mean
        dot_scale = DOT_SCALE / max(0.01, float(dots.std()))  # equal pairs differ by rounding
        x = np.hstack([x, dots * dot_scale])
    strength, logits = choose_strength(x, targets, loss, STRENGTHS, folds, row_weights=row_weights)
    model = fit_linear(x, targets, loss, strength, row_weights=row_weights)
    weight = model.weight[:, :F].copy()  # [C, F]
    if vectors.second is not None:  # u · v is the sum of the last D features
        weight[:, -D:] += model.weight[:, F:] * dot_scale
    head = VectorHead(
        np.asarray(weight / scale, np.float32),
        np.asarray(model.bias - weight @ mean / scale, np.float32),
        labels.names,
        PROBLEM_TYPES[labels.task],
        reads_pairs=vectors.second is not None,
    )
    return Probe(head, activate(logits, loss), strength)
