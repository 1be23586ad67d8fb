"""A checkpoint, and the protocol of its formats: recognise, read, write, run what was written.

Shapes show neither how often a shared layer is repeated nor which gelu was used, and a 2-D kernel
does not show the number of heads. Files without these values are refused until the user gives them
as ConfigOverrides. A value that differs from the files' is taken, with a note.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from albertkit.arrays import FloatArray
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import VECTOR_HEAD_FILE
from albertkit.spec.pooling_config import PoolingConfig

if TYPE_CHECKING:
    from albertkit.engine.protocol import Engine
    from albertkit.spec.vector_head import VectorHead


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOverrides:
    """Values that replace those of a checkpoint's files; None: taken from the files."""

    num_hidden_layers: int | None = None
    num_attention_heads: int | None = None
    hidden_act: str | None = None  # by Hugging Face's names: gelu_new is the tanh form

    def as_dict(self) -> dict[str, int | str]:
        """Return the values that are not None, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def apply(
        self, config: AlbertConfig, origin: str, *, from_shapes: Collection[str] = ()
    ) -> tuple[AlbertConfig, tuple[Diagnostic, ...]]:
        """Return `config` with these values, and a note for each that differs from the files.

        Args:
            config: what the files say.
            origin: the checkpoint's name in messages.
            from_shapes: fields that the tensors' shapes determine; they cannot be overridden.

        Raises:
            InputError: [option-invalid] for a field of `from_shapes`, [config-value-invalid].
        """
        changes = {
            name: value for name, value in self.as_dict().items() if getattr(config, name) != value
        }
        for name in changes.keys() & set(from_shapes):
            raise _contradicts_shapes(name, changes[name], config, origin)
        notes = (_note(name, value, config, origin) for name, value in changes.items())
        return (replace(config, **changes) if changes else config), tuple(notes)  # type: ignore[arg-type]  # names and types are the config's own


NO_OVERRIDES = ConfigOverrides()


def make_flag(name: str) -> str:
    """num_hidden_layers → --num-hidden-layers."""
    return "--" + name.replace("_", "-")


def metadata_missing_error(names: list[str], why: str, origin: str) -> FormatError:
    """Return the error for files that lack these config values, naming the flags to give."""
    return FormatError(
        "metadata-missing",
        f"no file says {' and '.join(names)}",
        why=why,
        fix=f"Give {' and '.join(map(make_flag, names))} (in Python: {names[0]}=…)",
        where=origin,
    )


def _contradicts_shapes(name: str, value: object, config: AlbertConfig, origin: str) -> InputError:
    return InputError(
        "option-invalid",
        f"{make_flag(name)} is {value}",
        why=f"the shapes of the tensors give {getattr(config, name)}",
        fix=f"Leave {make_flag(name)} out (in Python: {name})",
        where=origin,
    )


def _note(name: str, value: object, config: AlbertConfig, origin: str) -> Diagnostic:
    return Diagnostic(
        "metadata-overridden",
        "note",
        f"{name} is {value}, as given by the user",
        why=f"the files say {getattr(config, name)}",
        where=origin,
    )


NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One model, independent of the format that it was read from.

    Attributes:
        weights: the parameters by their canonical names; arrays are read when they are used.
        tokenizer_files: contents of the tokenizer's files by name.
        notes: what a user should know about this checkpoint.
        pooling: how a text's vector is computed; None if the checkpoint does not say.
        vector_head: a linear head on text vectors, as a probe learns it.
    """

    weights: Weights
    tokenizer_files: Mapping[str, bytes] = field(default_factory=lambda: NO_FILES)
    notes: tuple[Diagnostic, ...] = ()
    pooling: PoolingConfig | None = None
    vector_head: VectorHead | None = None


def read_vector_head(location: Path) -> VectorHead | None:
    """Read the linear head on text vectors of a directory; None if it has none.

    Raises:
        FormatError: [classifier-malformed], and those of the files' readers.
    """
    if not (location / VECTOR_HEAD_FILE).is_file():
        return None
    from albertkit.spec.vector_head import VectorHead  # which few directories need

    return VectorHead.read(location)


class RenamedTensors(Mapping[str, FloatArray]):
    """Arrays under other names, read when they are used."""

    def __init__(self, arrays: Mapping[str, FloatArray], names: Mapping[str, str]) -> None:
        """Rename `arrays`.

        Args:
            arrays: the arrays by their old names.
            names: new name → old name.
        """
        self._arrays = arrays
        self._names = names

    def __getitem__(self, name: str) -> FloatArray:
        return self._arrays[self._names[name]]

    def __contains__(self, name: object) -> bool:
        return name in self._names  # without reading a tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Format(Protocol):
    """One way to store the weights of an ALBERT."""

    @property
    def name(self) -> str:
        """The name by which a user selects the format."""

    def recognises(self, location: Path) -> str | None:
        """Return the evidence that `location` has this format.

        Args:
            location: a directory, or the prefix of a TensorFlow checkpoint.

        Returns:
            The evidence in words, such as a file's name; None if there is none.
        """

    def read(self, location: Path, overrides: ConfigOverrides = NO_OVERRIDES) -> Checkpoint:
        """Read a checkpoint; tensors stay on disk until they are used.

        Args:
            location: a directory, or the prefix of a TensorFlow checkpoint.
            overrides: config values that replace those of the files.

        Raises:
            FormatError: [metadata-missing] if neither the files nor `overrides` have a value
                that is needed, and the errors of the files' readers.
        """

    def write(
        self, checkpoint: Checkpoint, directory: Path, *, dtype: SavedDtype = "float32"
    ) -> None:
        """Write a checkpoint's files into a directory, which is made if it does not exist.

        The write is not atomic. The outermost caller uses `fileformats.atomic.create_directory`.

        Raises:
            InputError: [unsupported-by-format], before anything is written.
            OSError: a file could not be written.
        """

    def engine(self, directory: Path, weights: Weights) -> Engine | None:
        """Return an engine that runs the written files themselves.

        Args:
            directory: what `write` wrote.
            weights: what `read` reads from there.

        Returns:
            None if the format stores weights without a graph.
        """
