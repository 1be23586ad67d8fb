"""The differences of two models: their configs, weights, outputs and tokenizers.

Input: the same objects of both. Output: figures, and one line of text for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors.exceptions import list_names
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.tokenizer_json.probe_texts import (
    MASKED_TEXTS,
    PROBE_TEXTS,
    SPECIAL_TEXTS,
)

COMPARED_NUMBERS = 2**20  # numbers compared at a time; the largest matrix has 67 million
PROBES = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS


@dataclass(frozen=True, slots=True)
class ConfigDifference:
    """A field that has different values in two configs."""

    field: str
    first: object
    second: object

    def __str__(self) -> str:
        return f"{self.field} {self.first} / {self.second}"


@dataclass(frozen=True, slots=True)
class WeightDifferences:
    """How the tensors of two models compare, by canonical name.

    Attributes:
        identical: how many are equal bit by bit.
        differing: name → max |diff|, of the others.
        misshaped: name → both shapes, of tensors with different shapes.
        only_first: the names that only the first model has.
        only_second: the names that only the second model has.
    """

    identical: int
    differing: Mapping[str, float]
    misshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def common(self) -> int:
        """How many tensors have the same shape in both."""
        return self.identical + len(self.differing)

    @property
    def are_comparable(self) -> bool:
        """Whether both models have outputs of the same shapes."""
        return not self.misshaped

    def line(self) -> str:
        """Return the figures in words, with the name of the worst tensor."""
        parts = [f"{self.identical} of {self.common} tensors are bit-identical"]
        if self.differing:
            worst = max(self.differing, key=self.differing.__getitem__)
            parts.append(f"the largest |diff| is {self.differing[worst]:.1e}, in {worst}")
        if self.misshaped:
            name, (first, second) = next(iter(self.misshaped.items()))
            parts.append(
                f"{len(self.misshaped)} have different shapes: "
                f"{name} {list(first)} / {list(second)}"
            )
        for which, names in (("first", self.only_first), ("second", self.only_second)):
            if names:
                parts.append(f"{len(names)} are only in the {which}: {list_names(names)}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class TokenizerDifferences:
    """How two tokenizers compare on the sample texts.

    Attributes:
        same_pieces: whether each id is the same piece in both.
        differing: the texts that get different ids.
        policies: the names of both policies.
    """

    same_pieces: bool
    differing: tuple[str, ...]
    policies: tuple[str, str]

    def __bool__(self) -> bool:
        return bool(self.differing) or not self.same_pieces

    def line(self) -> str:
        """Return the figures in words, with the first text that gets different ids."""
        total = len(PROBES)
        if not self:
            return f"the same ids for {total} sample texts"
        pieces = "the same pieces" if self.same_pieces else "different pieces"
        if not self.differing:
            return f"{pieces}, but the same ids for {total} sample texts"
        return (
            f"{pieces}; {len(self.differing)} of {total} sample texts get different ids, the first "
            f"{self.differing[0]!r} (policies {self.policies[0]!r} / {self.policies[1]!r})"
        )


def compare_configs(first: AlbertConfig, second: AlbertConfig) -> tuple[ConfigDifference, ...]:
    """Return the fields that differ, without keys that no code reads."""
    names = [f.name for f in fields(AlbertConfig) if f.name != "extra"]
    pairs = ((name, getattr(first, name), getattr(second, name)) for name in names)
    return tuple(ConfigDifference(*pair) for pair in pairs if pair[1] != pair[2])


def compare_weights(first: Weights, second: Weights) -> WeightDifferences:
    """Compare each tensor with the one of the same name, with few numbers in memory at a time."""
    identical, differing, misshaped = 0, {}, {}
    for name in first.arrays:
        if name not in second.arrays:
            continue
        one, other = first.arrays[name], second.arrays[name]
        if one.shape != other.shape:
            misshaped[name] = (one.shape, other.shape)
        elif have_equal_bits(one, other):
            identical += 1
        else:
            differing[name] = compute_largest_difference(one, other)
    return WeightDifferences(
        identical,
        differing,
        misshaped,
        tuple(name for name in first.arrays if name not in second.arrays),
        tuple(name for name in second.arrays if name not in first.arrays),
    )


def have_equal_bits(first: FloatArray, second: FloatArray) -> bool:
    """Return whether two float32 arrays have the same bits: -0 is not 0, a NaN equals itself."""
    one, other = (np.ascontiguousarray(array).view(np.uint32) for array in (first, second))
    return np.array_equal(one, other)


def compute_largest_difference(first: FloatArray, second: FloatArray) -> float:
    """Return max |first - second|; infinite if one value is finite and the other is not."""
    one, other = first.reshape(-1), second.reshape(-1)
    largest = 0.0
    for start in range(0, len(one), COMPARED_NUMBERS):
        chunk = slice(start, start + COMPARED_NUMBERS)
        left, right = one[chunk].astype(np.float64), other[chunk]
        equal = (left == right) | (np.isnan(left) & np.isnan(right))
        with np.errstate(invalid="ignore"):
            distance = np.where(equal, 0, np.abs(left - right))
        largest = max(largest, float(np.nan_to_num(distance, nan=np.inf, posinf=np.inf).max()))
    return largest


def compare_outputs(
    first: Mapping[str, FloatArray], second: Mapping[str, FloatArray]
) -> dict[str, float]:
    """Return output name → max |diff|, for outputs that both have."""
    return {
        name: compute_largest_difference(array, second[name])
        for name, array in first.items()
        if name in second
    }


def compare_tokenizers(first: AlbertTokenizer, second: AlbertTokenizer) -> TokenizerDifferences:
    """Compare two tokenizers on all sample texts, with masks and literal special tokens."""
    ours, theirs = first.encode_batch(PROBES), second.encode_batch(PROBES)
    differing = [
        text
        for text, one, other in zip(PROBES, ours, theirs, strict=True)
        if not np.array_equal(one.ids, other.ids)
    ]
    return TokenizerDifferences(
        first.fingerprint == second.fingerprint,
        tuple(differing),
        (first.policy.name, second.policy.name),
    )
