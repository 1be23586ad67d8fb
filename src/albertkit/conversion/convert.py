"""Convert a checkpoint to another format, and compare the outputs of both.

The checkpoint is written to a temporary directory, read again and compared with its source. The
directory gets its final name if the outputs agree; else nothing is left.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from albertkit.checkpoints import find_target, format_of
from albertkit.conversion.differences import compare_configs, compare_tokenizers
from albertkit.conversion.parity import Parity, check_parity, check_tolerance
from albertkit.conversion.parity_inputs import make_parity_inputs
from albertkit.conversion.parts import check_no_loss, remove_parts
from albertkit.conversion.self_test import explain_doubts
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.arguments import check_keywords
from albertkit.errors.exceptions import count_noun, list_names
from albertkit.fileformats.atomic import create_directory, hide_temporary_path
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import LoadedModel, LoadOptions, open_model
from albertkit.spec import Weights
from albertkit.tokenization.saved_files import find_inexpressible
from albertkit.tokenization.tokenizer_settings import TOKENIZER_FILE

REPOSITORY = ".git"


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of a conversion.

    Attributes:
        source: the model that was converted.
        directory: where the result is.
        format: the name of its format.
        parity: how the outputs of both compare.
        notes: warnings and notes on the source and on what the target represents differently.
    """

    source: LoadedModel
    directory: Path
    format: str
    parity: Parity
    notes: tuple[Diagnostic, ...]

    def __repr__(self) -> str:
        return f"Conversion({self.format}, {str(self.directory)!r}, {self.parity.line()!r})"


@check_keywords
def convert(
    src: str | Path,
    dst: str | Path,
    *,
    to: str,
    dtype: SavedDtype = "float32",
    num_hidden_layers: int | None = None,
    num_attention_heads: int | None = None,
    hidden_act: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    without: Collection[str] = (),
    overwrite: bool = False,
    tolerance: float | None = None,
) -> Conversion:
    """Write a model in another format, with a parity check.

    Args:
        src: a checkpoint of any format, or a name that `load` takes.
        dst: the directory to write; it is not changed if the conversion fails.
        to: the name of the target format.
        dtype: the type of the written weights.
        num_hidden_layers: for checkpoints whose files lack it.
        num_attention_heads: for checkpoints whose files lack it.
        hidden_act: for checkpoints whose files lack it.
        revision: a branch, tag or commit of a hub's repository.
        token: for private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: directory for downloaded files. None: the hub's own.
        local_files_only: never use the network.
        without: parts that the target cannot represent: heads by name, "pooler", "vectors",
            "classifier", "tokenizer".
        overwrite: replace `dst`, which must be the directory of a model.
        tolerance: the largest difference of an output. None: what float32 explains, see
            `parity.estimate_differences`.

    Raises:
        InputError: [unknown-format], [output-is-source], [directory-not-empty], [part-unknown],
            [unsupported-by-format], [option-invalid].
        FormatError: [parity-failed], [quantization-error-too-large].
        ResourceError: [write-failed].
        AlbertKitError: the errors of reading the source.
    """
    check_tolerance(tolerance)
    target = find_target(to)
    options = LoadOptions(
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    source = open_model(src, options)
    directory = Path(dst).resolve()
    check_output(source.path, directory, overwrite=overwrite)
    source = remove_parts(source, without)
    tokenizer = source.optional_tokenizer
    if tokenizer is not None:  # its files state the length that the model reads
        positions = source.config.max_position_embeddings
        tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    files = {} if tokenizer is None else tokenizer.files()  # from which each format takes its own
    with (
        create_directory(directory, others="removed") as staging,
        hide_temporary_path(staging, Path(dst)),
    ):
        target.write(replace(source.checkpoint, tokenizer_files=files), staging, dtype=dtype)
        written = open_model(staging)
        check_no_loss(source, written)
        parity = check_parity(
            source.weights,
            written.weights,
            make_parity_inputs(source.config, tokenizer),
            dtype,
            str(dst),
            engine=target.engine(staging, written.weights),
            tolerance=tolerance,
        )
        notes = source.notes + explain_doubts(source) + warn_not_finite(source.weights)
        notes += describe_changes(source, written, target.name)
    return Conversion(source, directory, target.name, parity, notes)


def check_output(source: Path, directory: Path, *, overwrite: bool) -> None:
    """Refuse to write to a directory if files would be lost.

    Args:
        source: the model that is converted.
        directory: a resolved path.
        overwrite: whether a model may be replaced.

    Raises:
        InputError: [output-is-source], [directory-not-empty].
    """
    if source.resolve().is_relative_to(directory):
        raise InputError(
            "output-is-source",
            f"{str(directory)!r} is the source, or contains it",
            why="the conversion would replace its own source",
            fix="Write to another directory",
        )
    if not directory.is_dir() or not any(directory.iterdir()):
        return  # `create_directory` refuses a file
    if not overwrite:
        raise _not_empty_error(
            directory, "its files would be lost", "--overwrite, if it is a model"
        )
    if (directory / REPOSITORY).exists():
        why = f"it contains {REPOSITORY}, a repository's history"
        raise _not_empty_error(directory, why, "another directory")
    try:
        format_of(directory)
    except FormatError as error:
        why = f"--overwrite replaces only a model, and this is none: {error.diagnostic.what}"
        raise _not_empty_error(directory, why, "another directory") from error


def warn_not_finite(weights: Weights) -> tuple[Diagnostic, ...]:
    """Return a warning if weights are NaN or infinite: a copy is exact but useless."""
    names = [name for name, array in weights.arrays.items() if not np.isfinite(array).all()]
    if not names:
        return ()
    return (
        Diagnostic(
            "weights-not-finite",
            "warning",
            f"NaN or infinite numbers in {count_noun(len(names), 'tensor')}: {list_names(names)}",
            why="training diverged, or the file was damaged before its checksum was made",
            fix="Convert an earlier checkpoint",
            where=weights.origin,
        ),
    )


def describe_changes(
    source: LoadedModel, written: LoadedModel, target: str
) -> tuple[Diagnostic, ...]:
    """Return notes on what the target represents differently, with equal outputs."""
    notes: list[Diagnostic] = []
    changed = compare_configs(source.config, written.config)
    if changed:
        notes.append(
            Diagnostic(
                "config-changed",
                "note",
                f"{target} has other config values: {', '.join(map(str, changed))}",
                why="it cannot represent those of the source; the parity above is with these",
            )
        )
    before, after = source.optional_tokenizer, written.optional_tokenizer
    if before is not None and after is not None:
        differences = compare_tokenizers(before, after)
        if differences:
            notes.append(
                Diagnostic(
                    "tokenizer-changed",
                    "warning",
                    f"{target} tokenizes differently: {differences.line()}",
                    why="its rules are part of the format",
                )
            )
        if TOKENIZER_FILE in written.checkpoint.tokenizer_files:
            notes += find_inexpressible(after.vocabulary, after.policy)
    return tuple(notes)


def _not_empty_error(directory: Path, why: str, alternative: str) -> InputError:
    return InputError(
        "directory-not-empty",
        f"{str(directory)!r} is not empty",
        why=why,
        fix=f"Give {alternative}",
    )
