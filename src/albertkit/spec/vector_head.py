"""A linear head on the vectors of texts: what a probe learns, stored with its encoder.

A directory of sentence-transformers with two more files is a classifier: `classifier.safetensors`
has weight and bias, `classifier.json` the labels and what the head reads. There is nothing to
unpickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import read_json
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.spec.config_values import ProblemType
from albertkit.spec.heads import VECTOR_HEAD_FILE

ARRAYS = "classifier.safetensors"


@dataclass(frozen=True, slots=True)
class VectorHead:
    """A linear head on text vectors.

    Attributes:
        weight: [C, F]; F is D for texts and 4·D for pairs.
        bias: [C].
        labels: The C names; one name for regression.
        problem_type: As in Hugging Face's config.
        reads_pairs: Whether it reads pairs of texts.
        temperature: Fitted on validation rows; `logits` are divided by it, so that their softmax
            (or sigmoid) gives probabilities.
    """

    weight: FloatArray
    bias: FloatArray
    labels: tuple[str, ...]
    problem_type: ProblemType = "single_label_classification"
    reads_pairs: bool = False
    temperature: float = 1.0

    def check_pairs(self, are_pairs: bool) -> None:
        """Refuse pairs where the head reads single texts, and the reverse.

        Args:
            are_pairs: Whether pairs are given.

        Raises:
            InputError: [inputs-shape].
        """
        if are_pairs and not self.reads_pairs:
            raise InputError(
                "inputs-shape",
                "pairs are given",
                why="this classifier was trained on single texts",
                fix="Give one text for each answer, without --pair or --pair-column",
            )
        if self.reads_pairs and not are_pairs:
            raise InputError(
                "inputs-shape",
                "single texts are given",
                why="this classifier was trained on pairs",
                fix="Give pairs of texts; in the shell the second ones with --pair, or"
                " --pair-column",
            )

    def logits(self, first: FloatArray, second: FloatArray | None = None) -> FloatArray:
        """Compute the logits of texts or pairs, divided by the temperature.

        Args:
            first: [N, D], the vectors of the texts, or of the first text of each pair.
            second: [N, D], the vectors of the second texts.

        Returns:
            [N, C] float32; for regression [N, 1] numbers.

        Raises:
            InputError: [inputs-shape] for pairs where the head reads texts, or the reverse, and
                for vectors of another width.
        """
        self.check_pairs(second is not None)
        features = make_pair_features(first, second)
        if features.shape[1] != self.weight.shape[1]:
            raise InputError(
                "inputs-shape",
                f"the vectors give {features.shape[1]} features",
                why=f"the classifier reads {self.weight.shape[1]}",
                fix="Compute the vectors with the encoder that is stored with the classifier",
            )
        logits = (features @ self.weight.T + self.bias) / self.temperature  # [N, C]
        return np.asarray(logits, np.float32)

    def with_temperature(self, factor: float) -> VectorHead:
        """The same head with its temperature times `factor`."""
        return replace(self, temperature=self.temperature * factor)

    def write(self, directory: Path) -> None:
        """Write the two files of the head into a directory; the caller makes that atomic."""
        arrays = {"weight": self.weight, "bias": self.bias}
        write_safetensors(directory / ARRAYS, arrays, metadata={})
        settings = {
            "labels": list(self.labels),
            "problem_type": self.problem_type,
            "reads_pairs": self.reads_pairs,
            "temperature": self.temperature,
        }
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        (directory / VECTOR_HEAD_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> VectorHead:
        """Read the head of a directory.

        Raises:
            InputError: [file-not-found].
            FormatError: [classifier-malformed], and those of the files' readers.
        """
        settings = read_json(directory / VECTOR_HEAD_FILE)
        arrays = read_safetensors(directory / ARRAYS)
        try:
            head = _make_head(settings, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed_error(f"a value is missing or wrong: {error}", directory) from error
        if head.bias.shape != (len(head.labels),) or head.weight.shape[:-1] != head.bias.shape:
            shapes = f"{list(head.weight.shape)} and {list(head.bias.shape)}"
            raise _malformed_error(f"{len(head.labels)} labels have arrays of {shapes}", directory)
        return head


def make_pair_features(first: FloatArray, second: FloatArray | None) -> FloatArray:
    """The features of texts or pairs: u, or u, v, |u - v| and u·v of a pair.

    Args:
        first: [N, D].
        second: [N, D]; None for texts.

    Returns:
        [N, D], or [N, 4·D] for pairs. Source: InferSent (Conneau et al. 2017).
    """
    if second is None:
        return first
    return np.hstack([first, second, np.abs(first - second), first * second])


def _make_head(settings: Mapping[str, object], arrays: Mapping[str, FloatArray]) -> VectorHead:
    labels, problem = settings["labels"], settings["problem_type"]
    temperature = settings.get("temperature", 1.0)
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise ValueError(f"labels is {labels!r}")
    problem_type = next((name for name in get_args(ProblemType) if name == problem), None)
    if problem_type is None:
        raise ValueError(f"problem_type is {problem!r}")
    if not isinstance(temperature, int | float) or not temperature > 0:
        raise ValueError(f"temperature is {temperature!r}")
    return VectorHead(
        np.array(arrays["weight"], np.float32),
        np.array(arrays["bias"], np.float32),
        tuple(labels),
        problem_type,
        settings.get("reads_pairs") is True,
        float(temperature),
    )


def _malformed_error(what: str, directory: Path) -> FormatError:
    return FormatError(
        "classifier-malformed",
        what,
        why="classifier.json and classifier.safetensors describe one linear head",
        fix="Write the directory again with albertkit finetune",
        where=str(directory),
    )
