"""How far two models are apart: their configs, weights, answers and tokenizers.

In: the same things of both. Out: figures, and the lines that say them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors.wording import list_names
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.tokenizer_json.probe_texts import (
    MASKED_TEXTS,
    PROBE_TEXTS,
    SPECIAL_TEXTS,
)

AT_ONCE = 2**20  # numbers compared at a time: the largest matrix has 67 million
PROBES = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS


@dataclass(frozen=True, slots=True)
class ConfigDifference:
    """A field of which two configs have different values."""

    field: str
    first: object
    second: object

    def __str__(self) -> str:
        return f"{self.field} {self.first} / {self.second}"


@dataclass(frozen=True, slots=True)
class WeightDifferences:
    """Two models' tensors, by canonical name.

    apart: of tensors whose bits differ, the largest |difference|. misshaped: both shapes.
    """

    identical: int
    apart: Mapping[str, float]
    misshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def compared(self) -> int:
        return self.identical + len(self.apart)

    @property
    def are_comparable(self) -> bool:
        """Whether both can be asked the same, and answer in arrays of the same shapes."""
        return not self.misshaped

    def line(self) -> str:
        """The figures in words, the worst tensor by name."""
        said = [f"{self.identical} of {self.compared} tensors are bit-identical"]
        if self.apart:
            worst = max(self.apart, key=self.apart.__getitem__)
            said.append(f"the largest |diff| is {self.apart[worst]:.1e}, in {worst}")
        if self.misshaped:
            name, (first, second) = next(iter(self.misshaped.items()))
            said.append(
                f"{len(self.misshaped)} have another shape: {name} {list(first)} / {list(second)}"
            )
        for which, names in (("first", self.only_first), ("second", self.only_second)):
            if names:
                said.append(f"{len(names)} are in the {which} alone: {list_names(names)}")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class TokenizerDifferences:
    """Two tokenizers on the probe texts.

    same_pieces: whether each id stands for the same piece. unlike: texts that get other ids.
    """

    same_pieces: bool
    unlike: tuple[str, ...]
    policies: tuple[str, str]

    def __bool__(self) -> bool:
        return bool(self.unlike) or not self.same_pieces

    def line(self) -> str:
        """The figures in words, the first text that is read otherwise."""
        total = len(PROBES)
        if not self:
            return f"the same ids for {total} probe texts"
        pieces = "the same pieces" if self.same_pieces else "other pieces"
        if not self.unlike:
            return f"{pieces}, though the same ids for {total} probe texts"
        return (
            f"{pieces}; {len(self.unlike)} of {total} probe texts get other ids, the first "
            f"{self.unlike[0]!r} (policies {self.policies[0]!r} / {self.policies[1]!r})"
        )


def config_differences(first: AlbertConfig, second: AlbertConfig) -> tuple[ConfigDifference, ...]:
    """The fields that differ, keys that nothing reads left out."""
    names = [f.name for f in fields(AlbertConfig) if f.name != "extra"]
    pairs = ((name, getattr(first, name), getattr(second, name)) for name in names)
    return tuple(ConfigDifference(*pair) for pair in pairs if pair[1] != pair[2])


def weight_differences(first: Weights, second: Weights) -> WeightDifferences:
    """Each tensor against the one of the same name; few numbers are in memory at a time."""
    identical, apart, misshaped = 0, {}, {}
    for name in first.arrays:
        if name not in second.arrays:
            continue
        one, other = first.arrays[name], second.arrays[name]
        if one.shape != other.shape:
            misshaped[name] = (one.shape, other.shape)
        elif are_same_bits(one, other):
            identical += 1
        else:
            apart[name] = largest_difference(one, other)
    return WeightDifferences(
        identical,
        apart,
        misshaped,
        tuple(name for name in first.arrays if name not in second.arrays),
        tuple(name for name in second.arrays if name not in first.arrays),
    )


def are_same_bits(first: FloatArray, second: FloatArray) -> bool:
    """Whether two float32 arrays of one shape hold the same bits: -0 is not 0, a NaN is itself."""
    one, other = (np.ascontiguousarray(array).view(np.uint32) for array in (first, second))
    return np.array_equal(one, other)


def largest_difference(first: FloatArray, second: FloatArray) -> float:
    """max |first - second|; infinite where one is a number and the other is not."""
    one, other = first.reshape(-1), second.reshape(-1)
    largest = 0.0
    for at in range(0, len(one), AT_ONCE):
        left, right = one[at : at + AT_ONCE].astype(np.float64), other[at : at + AT_ONCE]
        alike = (left == right) | (np.isnan(left) & np.isnan(right))
        with np.errstate(invalid="ignore"):
            apart = np.where(alike, 0, np.abs(left - right))
        largest = max(largest, float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max()))
    return largest


def output_differences(
    first: Mapping[str, FloatArray], second: Mapping[str, FloatArray]
) -> dict[str, float]:
    """The largest difference of each output that both have."""
    return {
        name: largest_difference(array, second[name])
        for name, array in first.items()
        if name in second
    }


def tokenizer_differences(first: AlbertTokenizer, second: AlbertTokenizer) -> TokenizerDifferences:
    """Both on all probe texts, masks and literal special tokens among them."""
    ours, theirs = first.encode_batch(PROBES), second.encode_batch(PROBES)
    unlike = [
        text
        for text, one, other in zip(PROBES, ours, theirs, strict=True)
        if not np.array_equal(one.ids, other.ids)
    ]
    return TokenizerDifferences(
        first.fingerprint == second.fingerprint,
        tuple(unlike),
        (first.policy.name, second.policy.name),
    )
