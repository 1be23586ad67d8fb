"""What a tokenized corpus says about itself: version, counts, and the vocabulary of its ids.

A shard or a distillation dataset is a directory of flat arrays (`NAME.bin`, raw bytes) and one
`metadata.json`. The special ids stand in it, so that no step of training assumes their values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import read_json
from albertkit.tokenization.tokenizer import AlbertTokenizer
from albertkit.tokenization.vocabulary import SpecialIds

FILE = "metadata.json"
SHARD_VERSION = 2
DTYPES = ("uint16", "int32", "int64", "float16")


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """The type and shape of one array file."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CorpusMetadata:
    """All that is known of a tokenized corpus besides its arrays."""

    kind: str  # "shard" or "distillation"
    vocab_size: int
    fingerprint: str  # of the tokenizer's pieces
    special_ids: SpecialIds
    arrays: Mapping[str, ArraySpec]
    short_documents: int = 0  # left out, because they had fewer pieces than a sequence needs

    def check_tokenizer(self, tokenizer: AlbertTokenizer, location: Path) -> None:
        """Raise InputError [shard-vocabulary-differs] if the ids are another vocabulary's."""
        if self.fingerprint != tokenizer.fingerprint:
            raise InputError(
                "shard-vocabulary-differs",
                f"{str(location)!r} was tokenized with another vocabulary "
                f"({self.vocab_size:,} pieces, fingerprint {self.fingerprint})",
                why=f"this tokenizer has {tokenizer.vocab_size:,} pieces, fingerprint "
                f"{tokenizer.fingerprint}, so the same id means another piece",
                fix="Give the tokenizer that made the shard, or tokenize the corpus again",
            )


def describe_vocabulary(tokenizer: AlbertTokenizer) -> tuple[int, str, SpecialIds]:
    """The part of the metadata that the tokenizer decides: size, fingerprint, special ids."""
    return tokenizer.vocab_size, tokenizer.fingerprint, tokenizer.vocabulary.table.specials


def choose_id_dtype(vocab_size: int) -> np.dtype[np.integer]:
    """Two bytes an id if the vocabulary allows it, else four."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.int32)


def write_metadata(directory: Path, metadata: CorpusMetadata) -> None:
    """Write `metadata.json` into the directory."""
    text = json.dumps({"version": SHARD_VERSION, **asdict(metadata)}, indent=1)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


def open_corpus(
    directory: Path, kind: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> tuple[CorpusMetadata, dict[str, npt.NDArray[np.generic]]]:
    """Read the metadata and map the arrays `names`, and those of `optional` that there are.

    Raises:
        InputError: [file-not-found].
        FormatError: [shard-malformed] for another version or kind, or an array file whose size is
            not what the metadata says; [json-malformed].
    """
    if not (directory / FILE).is_file():
        raise InputError(
            "file-not-found",
            f"{str(directory)!r} holds no tokenized corpus",
            why=f"it has no {FILE}",
            fix="Make one with `albertkit shards` or `albertkit prepare-distillation`",
        )
    values = read_json(directory / FILE)
    if (values.get("version"), values.get("kind")) != (SHARD_VERSION, kind):
        raise _format_error(
            directory,
            f"it is a {values.get('kind')!r} of version {values.get('version')}",
            f"this release reads a {kind!r} of version {SHARD_VERSION}",
        )
    try:
        metadata = _parse(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _format_error(directory, f"its {FILE} is incomplete", repr(error)) from error
    missing = [name for name in names if name not in metadata.arrays]
    if missing:
        raise _format_error(directory, f"its {FILE} is incomplete", f"it has no {missing[0]!r}")
    names += tuple(name for name in optional if name in metadata.arrays)
    arrays = {name: _map_array(directory, name, metadata.arrays[name]) for name in names}
    return metadata, arrays


def _parse(values: Mapping[str, object]) -> CorpusMetadata:
    """Turn the JSON object into metadata; any mistake is a KeyError, TypeError or ValueError."""
    fields = {key: value for key, value in values.items() if key != "version"}
    special_ids, arrays = fields.pop("special_ids"), fields.pop("arrays")
    if not isinstance(special_ids, dict) or not isinstance(arrays, dict):
        raise TypeError("special_ids and arrays must be objects")
    specs = {
        name: ArraySpec(spec["dtype"], tuple(int(size) for size in spec["shape"]))
        for name, spec in arrays.items()
    }
    if any(spec.dtype not in DTYPES or min(spec.shape) < 0 for spec in specs.values()):
        raise ValueError(f"the arrays have types and shapes {specs}")
    return CorpusMetadata(special_ids=SpecialIds(**special_ids), arrays=specs, **fields)  # type: ignore[arg-type]  # a wrong type fails in use


def _map_array(directory: Path, name: str, spec: ArraySpec) -> npt.NDArray[np.generic]:
    """Map `NAME.bin` read-only, after its size was compared with the metadata."""
    path, dtype = directory / f"{name}.bin", np.dtype(spec.dtype)
    needed = int(np.prod(spec.shape)) * dtype.itemsize
    size = path.stat().st_size if path.is_file() else 0
    if size != needed:
        raise _format_error(
            directory, f"{path.name} has {size:,} bytes", f"it should have {needed:,}"
        )
    if not size:
        return np.empty(spec.shape, dtype)
    return np.memmap(path, dtype, "r", shape=spec.shape)


def _format_error(directory: Path, what: str, why: str) -> FormatError:
    return FormatError(
        "shard-malformed",
        f"the tokenized corpus cannot be read: {what}",
        why=why,
        fix="Tokenize the corpus again, or copy the whole directory again",
        where=str(directory),
    )
