"""Any ALBERT in, any ALBERT out, with the numbers compared at the crossing.

In: a place of any known format. Out: a place of another, written beside its final name, reopened
and asked the same as the source; it gets its name when the answers agree, or leaves nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from albertkit.checkpoints import format_of, target_named
from albertkit.checkpoints.format import Format
from albertkit.conversion.differences import config_differences, tokenizer_differences
from albertkit.conversion.parity import Parity, prove
from albertkit.conversion.parity_inputs import questions_for
from albertkit.conversion.parts import opened_without, refuse_losses
from albertkit.conversion.self_test import doubts_tested
from albertkit.errors import Diagnostic, FormatError, InputError
from albertkit.errors.keywords import check_keywords
from albertkit.errors.wording import count_noun, list_names
from albertkit.fileformats.atomic import hide_temporary_path, new_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import LoadedModel, LoadOptions, open_model
from albertkit.spec import Weights
from albertkit.tokenization.saved_files import not_expressed
from albertkit.tokenization.tokenizer_settings import TOKENIZER_FILE

REPOSITORY = ".git"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was done: from where, to where, and how it was proved.

    notes: what was taken from where, and what the target says otherwise than the source.
    """

    source: LoadedModel
    place: Path
    format: str
    parity: Parity
    notes: tuple[Diagnostic, ...]


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
    without: Collection[str] = (),
    overwrite: bool = False,
) -> Conversion:
    """Write the model at `src` to the directory `dst` in the format `to`, and prove it.

    src: a place of any known format, or a name that `load` takes. num_hidden_layers,
    num_attention_heads, hidden_act: what its files may not say. without: parts that the target
    has no place for: heads by name, "pooler", "vectors", "tokenizer". overwrite: exchange `dst`,
    which must be a model's directory, for the new one.
    Raises InputError [unknown-format], [output-is-source], [directory-not-empty], [part-unknown],
    [unsupported-by-format], FormatError [parity-failed], ResourceError [write-failed], and what
    reading raises; `dst` is untouched then.
    """
    target = target_named(to)
    options = LoadOptions(
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
    )
    source = open_model(src, options)
    place = Path(dst).resolve()
    check_places(source.path, place, overwrite=overwrite)
    source = opened_without(source, without)
    with new_directory(place, others="removed") as staging, hide_temporary_path(staging, Path(dst)):
        write_with_tokenizer(source, target, staging, dtype)
        written = open_model(staging)
        refuse_losses(source, written)
        questions = questions_for(source.weights.config, source.optional_tokenizer)
        engine = target.engine(staging, written.weights)
        parity = prove(source.weights, written.weights, questions, dtype, str(dst), engine=engine)
        notes = source.notes + doubts_tested(source) + not_finite(source.weights)
        notes += told_otherwise(source, written, target.name)
    return Conversion(source, place, target.name, parity, notes)


def check_places(source: Path, place: Path, *, overwrite: bool) -> None:
    """Refuse to write where something would be lost; `place` is resolved."""
    if source.resolve().is_relative_to(place):
        raise InputError(
            "output-is-source",
            f"{str(place)!r} is the source, or holds it",
            why="it would be exchanged for its own conversion",
            fix="Write to another directory",
        )
    if not place.is_dir() or not any(place.iterdir()):
        return  # that it is no file is checked where it is written
    if not overwrite:
        raise _not_empty(place, "what it holds would be lost", "--overwrite, if it is a model")
    if (place / REPOSITORY).exists():
        raise _not_empty(place, f"it holds {REPOSITORY}, a repository's history", "another place")
    try:
        format_of(place)
    except FormatError as error:
        why = f"--overwrite exchanges a model only, and this is none: {error.diagnostic.what}"
        raise _not_empty(place, why, "another place") from error


def write_with_tokenizer(
    source: LoadedModel, target: Format, place: Path, dtype: SavedDtype
) -> None:
    """Write the model, its tokenizer as the files from which every format takes its own.

    These are a vocabulary (spiece.model or vocab.txt), a tokenizer.json that gives our ids in
    transformers too, and the settings.
    """
    tokenizer = source.optional_tokenizer
    files = tokenizer.files() if tokenizer is not None else {}
    target.write(replace(source.checkpoint, tokenizer_files=files), place, dtype=dtype)


def not_finite(weights: Weights) -> tuple[Diagnostic, ...]:
    """A warning where weights are NaN or infinite: a copy of them is true, and worth nothing."""
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


def told_otherwise(
    source: LoadedModel, written: LoadedModel, target: str
) -> tuple[Diagnostic, ...]:
    """Notes on what the target says otherwise, though it computes alike."""
    notes: list[Diagnostic] = []
    changed = config_differences(source.weights.config, written.weights.config)
    if changed:
        notes.append(
            Diagnostic(
                "config-changed",
                "note",
                f"{target} says otherwise: {', '.join(map(str, changed))}",
                why="it has no place for what the source says; the figures above are with this",
            )
        )
    if source.optional_tokenizer is not None and written.optional_tokenizer is not None:
        unlike = tokenizer_differences(source.tokenizer, written.tokenizer)
        if unlike:
            notes.append(
                Diagnostic(
                    "tokenizer-changed",
                    "warning",
                    f"{target} reads text in its own way: {unlike.line()}",
                    why="its rules are part of the format",
                )
            )
        if TOKENIZER_FILE in written.checkpoint.tokenizer_files:
            notes += not_expressed(written.tokenizer.vocabulary, written.tokenizer.policy)
    return tuple(notes)


def _not_empty(place: Path, why: str, instead: str) -> InputError:
    return InputError(
        "directory-not-empty",
        f"{str(place)!r} is not empty",
        why=why,
        fix=f"Give {instead}",
    )
