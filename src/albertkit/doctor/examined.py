"""A model while it is examined: its files, its settings, and what opening it gave.

In: a path or a name. Out: one object that every check reads. Files are mapped, nothing is run, and
opening is tried once: its error is a diagnostic like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from albertkit.checkpoints.agreement import check_pieces
from albertkit.checkpoints.registry import ResolvedPath, resolve_path
from albertkit.conversion.self_test import SENTENCES
from albertkit.errors import AlbertKitError, Diagnostic
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.runtime import LoadedModel, LoadOptions, open_model
from albertkit.sources import resolve_location
from albertkit.spec import Weights
from albertkit.tokenization import AlbertTokenizer


@dataclass(slots=True, eq=False)
class ExaminedModel:
    """What the checks read.

    Attributes:
        location: as the user gave it, for messages.
        path: the directory, or a TensorFlow checkpoint's prefix; None if there is none.
        loaded: the opened model; None if it cannot be opened.
        errors: the diagnostics of what failed.
        tokenizer: the one given with --with, else the model's own; None if there is none.
        resolved: keeps the contents of an archive for as long as this object is used.
    """

    location: str
    path: Path | None
    loaded: LoadedModel | None
    errors: list[Diagnostic]
    tokenizer: AlbertTokenizer | None
    resolved: ResolvedPath | None = None
    _settings: dict[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    _is_finite: bool | None = None

    @property
    def weights(self) -> Weights | None:
        """The weights of the opened model; None if it cannot be opened."""
        return None if self.loaded is None else self.loaded.weights

    def can_compute(self) -> bool:
        """Whether there are a model and a tokenizer that fits it, and all weights are finite."""
        weights, tokenizer = self.weights, self.tokenizer
        return (
            weights is not None
            and tokenizer is not None
            and tokenizer.vocab_size <= weights.config.vocab_size
            and self._has_finite_weights(weights)
        )

    def _has_finite_weights(self, weights: Weights) -> bool:
        """Whether no weight is NaN or infinite; they are read once for all checks."""
        if self._is_finite is None:
            rows = weights.table().stored
            self._is_finite = all(np.isfinite(weights.arrays[row.name]).all() for row in rows)
        return self._is_finite

    def settings(self, file: str) -> Mapping[str, JsonValue]:
        """A JSON file of the directory; empty if it is missing or broken."""
        if file not in self._settings:
            self._settings[file] = _read_settings(self.path, file)
        return self._settings[file]

    def weights_place(self) -> str:
        """The file of the weights, for messages; the location if there is no file."""
        for suffix in WEIGHTS_SUFFIXES:
            for path in self.files():
                if path.name.endswith(suffix):
                    return str(path)
        return self.location

    def files(self) -> list[Path]:
        """The files of the directory, sorted; those of a SavedModel's folders too."""
        if self.path is None:
            return []
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            return sorted(self.path.parent.glob(f"{self.path.name}.*"))
        return sorted(path for path in self.path.glob("**/*") if path.is_file())[:MOST_FILES]


MOST_FILES = 2000
WEIGHTS_SUFFIXES = (".safetensors", ".bin", ".data-00000-of-00001", ".h5", ".onnx")
PROBE_SENTENCES = (  # of everyday words, on which a model is measured
    *SENTENCES,
    "The train to Berlin leaves at nine in the morning.",
    "Please send me the report before Friday.",
    "The dog is sleeping on the old sofa.",
    "Prices rose by three percent last year.",
    "Add two eggs and a cup of sugar to the flour.",
    "Scientists discovered a new planet outside the solar system.",
)


def open_for_examination(
    location: str | Path, options: LoadOptions, tokenizer: str | Path | None = None
) -> ExaminedModel:
    """Open a model; what fails is noted.

    Args:
        location: a path, a built-in model's name, or a name on a hub.
        options: how it is opened; how another tokenizer is fetched too.
        tokenizer: another tokenizer to examine it with; None: its own.

    Raises:
        InputError: [file-not-found], [unknown-model] if there is nothing to examine.
        AlbertKitError: the other tokenizer cannot be opened.
    """
    path = resolve_location(str(location), options.fetch_options)
    model = ExaminedModel(str(location), path if path.exists() else None, None, [], None)
    try:
        model.resolved = resolve_path(path)
        model.path = model.resolved.path
        model.loaded = open_model(path, options)
    except AlbertKitError as error:
        if error.diagnostic.code == "file-not-found" and not path.exists():
            raise
        model.errors.append(error.diagnostic)
    if tokenizer is not None:
        model.tokenizer = AlbertTokenizer.from_pretrained(
            tokenizer, **asdict(options.fetch_options)
        )
        model.errors += _check_vocabulary(model, model.tokenizer)
    elif model.loaded is not None:
        model.tokenizer = model.loaded.optional_tokenizer
    return model


def _check_vocabulary(model: ExaminedModel, tokenizer: AlbertTokenizer) -> list[Diagnostic]:
    """Whether another tokenizer has as many pieces as the model has rows."""
    if model.weights is None:
        return []
    try:
        note = check_pieces(
            tokenizer.vocab_size, model.weights.config.vocab_size, where=model.location
        )
    except AlbertKitError as error:
        return [error.diagnostic]
    return [note] if note else []


def _read_settings(path: Path | None, file: str) -> Mapping[str, JsonValue]:
    if path is None or not (path / file).is_file():
        return {}
    try:
        return read_json(path / file)
    except AlbertKitError:
        return {}
