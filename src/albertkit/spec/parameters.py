"""THE parameter table: every parameter of a config, by its canonical name; and their arrays.

Canonical names are Hugging Face's without `albert.`. Formats map to these rows, engines read them,
optimisers take from them which parameters decay. Shapes are torch's: a matrix is [out, in].

Arrays may be views of a mapped file: they are read when they are used, and never written to. A lazy
mapping may convert float16 at each access, and arrays of a foreign file may have odd addresses,
which every product would copy: so engines read each array once (CachedArrays).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.spec.config import AlbertConfig
from albertkit.spec.heads import WORD_TABLE, Parameter, head, make_linear, make_norm

__all__ = [
    "WORD_TABLE",
    "CachedArrays",
    "Disagreements",
    "Parameter",
    "ParameterTable",
    "Weights",
    "make_layer_prefix",
    "make_writable",
    "parameter_table",
]


@dataclass(frozen=True, slots=True)
class Disagreements:
    """How a set of arrays differs from the table."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]  # name, expected, given

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.missing or self.unexpected or self.misshaped)


@dataclass(frozen=True, slots=True)
class ParameterTable:
    """All parameters of one config with the given heads, in the order of the forward pass."""

    config: AlbertConfig
    heads: tuple[str, ...]
    pooler: bool
    rows: tuple[Parameter, ...]

    def __iter__(self) -> Iterator[Parameter]:
        """Each row, in order."""
        return iter(self.rows)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)

    def __getitem__(self, name: str) -> Parameter:
        """The row of this name; KeyError if there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def stored(self) -> tuple[Parameter, ...]:
        """The rows with an array of their own (without tied ones)."""
        return tuple(row for row in self.rows if row.tied_to is None)

    @property
    def decaying(self) -> frozenset[str]:
        """Names of the rows to which weight decay applies."""
        return frozenset(row.name for row in self.rows if row.decays)

    @property
    def inner_matrices(self) -> frozenset[str]:
        """Names of the matrices that turn a vector into a vector: no tables, no classifiers."""
        outputs = {f"{head(name).prefix}.weight" for name in self.heads}
        return frozenset(
            row.name
            for row in self.stored
            if len(row.shape) == 2
            and row.shape[0] > 1  # else it turns a vector into a number
            and not row.name.startswith("embeddings.")
            and row.name not in outputs
        )

    def count(self) -> int:
        """Unique parameters, tied ones once."""
        return sum(row.size for row in self.stored)

    def disagreements(self, shapes: Mapping[str, tuple[int, ...]]) -> Disagreements:
        """Compare arrays with the table.

        Args:
            shapes: name → shape.

        Returns:
            What is missing, unexpected or of another shape.
        """
        wanted = {row.name: row.shape for row in self.rows}
        stored = {row.name for row in self.stored}
        return Disagreements(
            missing=tuple(name for name in wanted if name in stored and name not in shapes),
            unexpected=tuple(name for name in shapes if name not in wanted),
            misshaped=tuple(
                (name, wanted[name], tuple(shape))
                for name, shape in shapes.items()
                if name in wanted and tuple(shape) != wanted[name]
            ),
        )


def parameter_table(
    config: AlbertConfig, heads: Iterable[str] = (), *, pooler: bool | None = None
) -> ParameterTable:
    """Make the table of a config.

    Args:
        config: the sizes.
        heads: names of the heads.
        pooler: whether there is a pooler; None: if a head reads it, or if there is no head.

    Raises:
        InputError: [unknown-head].
    """
    specs = tuple(head(name) for name in heads)
    if pooler is None:
        pooler = not specs or any(spec.reads == "pooled" for spec in specs)
    rows = [*_list_embeddings(config), *_list_layers(config)]
    if pooler:
        rows += make_linear("pooler", config.hidden_size, config.hidden_size)
    for spec in specs:
        rows += spec.parameters(config)
    return ParameterTable(config, tuple(spec.name for spec in specs), pooler, tuple(rows))


def make_layer_prefix(group: int, inner: int) -> str:
    """The prefix of a layer's parameters, including the full stop."""
    return f"encoder.albert_layer_groups.{group}.albert_layers.{inner}."


def _list_embeddings(c: AlbertConfig) -> list[Parameter]:
    V, E, H = c.vocab_size, c.embedding_size, c.hidden_size
    return [
        Parameter(WORD_TABLE, (V, E)),
        Parameter("embeddings.position_embeddings.weight", (c.max_position_embeddings, E)),
        Parameter("embeddings.token_type_embeddings.weight", (c.type_vocab_size, E)),
        *make_norm("embeddings.LayerNorm", E),
        *make_linear("encoder.embedding_hidden_mapping_in", E, H),
    ]


def _list_layers(c: AlbertConfig) -> list[Parameter]:
    H, F = c.hidden_size, c.intermediate_size
    rows: list[Parameter] = []
    for group in range(c.num_hidden_groups):
        for inner in range(c.inner_group_num):
            prefix, indices = make_layer_prefix(group, inner), (group, inner)
            for name in ("query", "key", "value", "dense"):
                rows += make_linear(f"{prefix}attention.{name}", H, H, *indices)
            rows += make_norm(f"{prefix}attention.LayerNorm", H, *indices)
            rows += make_linear(f"{prefix}ffn", H, F, *indices)
            rows += make_linear(f"{prefix}ffn_output", F, H, *indices)
            rows += make_norm(f"{prefix}full_layer_layer_norm", H, *indices)
    return rows


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of one model, canonical name → float32 array of the table's shape.

    heads: names of the heads that have arrays. origin: the file or directory, for messages.
    Tied parameters (`predictions.decoder.*`) are not in `arrays`.
    """

    config: AlbertConfig
    heads: tuple[str, ...]
    arrays: Mapping[str, FloatArray]
    origin: str = ""

    @property
    def has_pooler(self) -> bool:
        """Whether there are arrays of a pooler."""
        return "pooler.weight" in self.arrays

    def table(self) -> ParameterTable:
        """The parameter table of these arrays."""
        return parameter_table(self.config, self.heads, pooler=self.has_pooler)


class CachedArrays(dict[str, FloatArray]):
    """The arrays of a mapping, each read at its first use; mapped float32 is not copied.

    Iteration and length are those of the mapping, read or not.
    """

    def __init__(self, arrays: Mapping[str, FloatArray]) -> None:
        super().__init__()
        self._arrays = arrays

    def __missing__(self, name: str) -> FloatArray:
        array = np.require(self._arrays[name], np.float32, ["C", "ALIGNED"])
        self[name] = array
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def make_writable(array: FloatArray) -> FloatArray:
    """The same memory without numpy's write protection.

    A model's file is mapped for reading alone. Libraries that compute with such memory, and never
    write to it, accept it only if they might write (OpenVINO 2026.4), or warn of it (torch). A copy
    would need the memory twice.
    """
    return np.asarray(_Writable(array))


class _Writable:
    """The memory of an array, without its write protection."""

    def __init__(self, array: FloatArray) -> None:
        self.array = array  # kept: the view that numpy makes points here

    @property
    def __array_interface__(self) -> dict[str, object]:
        interface = self.array.__array_interface__
        return {**interface, "data": (interface["data"][0], False)}
