"""The probe of tagging: frozen vectors of words with logistic regression on them.

Input: examples of tagging and an encoder. Output: a directory of Hugging Face's token
classification, with the encoder as it was. A word has the vector of its first piece, as in full
tuning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import compute_token_vectors
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.linear_model import LinearModel, choose_strength, fit_linear
from albertkit.finetuning.probe import STRENGTHS
from albertkit.finetuning.tuning_batches import make_rows
from albertkit.runtime import LoadedModel
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.spec import Weights, parameter_table
from albertkit.spec.heads import IGNORED_LABEL, TOKEN_CLASSIFICATION
from albertkit.tasks.tag_spans import OUTSIDE

MOST_WORDS = 40_000  # of the fit: 80 MB as float64 for a hidden size of 256; more are sampled


@dataclass(frozen=True, slots=True, eq=False)
class WordVectors:
    """The words of N examples that the model reads.

    Attributes:
        vectors: [P, H], of all words, example by example.
        tags: [P], their labels' numbers.
        counts: [N], words of each example; those after the longest text that the model reads are
            not among them.
    """

    vectors: FloatArray
    tags: Int64Array
    counts: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class WordProbe:
    """An encoder with a linear head on the vectors of words.

    Attributes:
        base: Has the encoder.
        labels: The labels and their order.
        model: The head.
        strength: Of the penalty, chosen on held-out examples.
    """

    base: LoadedModel
    labels: LabelSet
    model: LinearModel
    strength: float

    @property
    def size(self) -> int:
        """Bytes of the parameters in float32."""
        encoder = sum(array.size for array in self.base.weights.arrays.values())
        return 4 * (encoder + self.model.weight.size + self.model.bias.size)

    @property
    def settings(self) -> dict[str, float]:
        """What was chosen, for the report."""
        return {"strength": self.strength}

    def predict(self, examples: Examples) -> list[list[str]]:
        """The tags of each example; words that the model does not read are outside."""
        words = compute_word_vectors(self.base, self.labels, replace(examples, labels=[]))
        numbers = self.model.logits(words.vectors).argmax(1).tolist()
        names = [self.labels.names[number] for number in numbers]
        ends = np.cumsum(words.counts).tolist()
        return [
            names[end - count : end] + [OUTSIDE] * (len(own) - count)
            for own, end, count in zip(
                examples.words or [], ends, words.counts.tolist(), strict=True
            )
        ]

    def write(self, directory: Path, *, temperature: float) -> None:
        """Write a directory that transformers and TokenClassifier open."""
        from albertkit.checkpoints import HUGGINGFACE, Checkpoint

        encoder = self.base.weights
        heads = (TOKEN_CLASSIFICATION.name,)
        names = dict(enumerate(self.labels.names))
        config = replace(encoder.config, id2label=names, problem_type=None)
        head = {
            "classifier.weight": np.asarray(self.model.weight, np.float32),
            "classifier.bias": np.asarray(self.model.bias, np.float32),
        }
        arrays = {
            row.name: head[row.name] if row.name in head else encoder.arrays[row.name]
            for row in parameter_table(config, heads)
        }
        weights = Weights(config, heads, arrays, "a probe of words")
        tokenizer = self.base.tokenizer
        HUGGINGFACE.write(Checkpoint(add_fingerprint(weights, tokenizer)), directory)
        tokenizer.write_files(directory)


def compute_word_vectors(base: LoadedModel, labels: LabelSet, examples: Examples) -> WordVectors:
    """Compute the vectors of the words of examples.

    Args:
        base: Has the encoder.
        labels: The labels and their order.
        examples: Of tagging; without labels the tags are 0.
    """
    rows = make_rows(labels, examples, base.tokenizer, base.max_length)
    encodings, tags = rows.encodings, rows.tags
    if tags is None:
        raise AssertionError("examples of tagging have tags")
    is_first = tags != IGNORED_LABEL
    engine = base.engine_for(encodings)
    vectors = compute_token_vectors(engine, encodings)[is_first]
    counts = np.add.reduceat(is_first.astype(np.int64), encodings.offsets[:-1])
    return WordVectors(vectors, tags[is_first], counts)


def fit_word_probe(
    base: LoadedModel, labels: LabelSet, train: Examples, folds: Int64Array
) -> WordProbe:
    """Fit a linear head on the vectors of words.

    Args:
        base: Has the encoder.
        labels: The labels and their order.
        train: N examples of tagging.
        folds: [N]; the examples of the first fold among them choose the strength of the penalty.
    """
    order = np.random.default_rng(0).permutation(len(train))
    sizes = np.cumsum([len((train.words or [])[n]) for n in order.tolist()])
    chosen = order[: max(1, int(np.searchsorted(sizes, MOST_WORDS)))]
    words = compute_word_vectors(base, labels, train.take(chosen))
    # unit variance on the average, so that one grid of strengths serves all models
    mean, scale = words.vectors.mean(0), float(words.vectors.std(0).mean()) or 1.0
    x = (words.vectors - mean).astype(np.float64) / scale
    targets = np.eye(len(labels.names))[words.tags]
    own_folds = folds[chosen]
    held = np.repeat(own_folds == own_folds.min(), words.counts)
    strength, _ = choose_strength(x, targets, "softmax", STRENGTHS, np.where(held, 0, -1))
    model = fit_linear(x, targets, "softmax", strength)
    weight = model.weight / scale
    head = LinearModel(weight, model.bias - weight @ mean, "softmax")
    return WordProbe(base, labels, head, strength)
