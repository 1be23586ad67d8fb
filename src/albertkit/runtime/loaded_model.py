"""A name → checkpoint, tokenizer and engine, checked against one another.

The name is resolved once, and the format is recognised by content. Weights stay on disk until an
engine reads them. The engine is chosen when the amount of work is known.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Unpack

from albertkit.checkpoints import Checkpoint, format_of, resolve_path
from albertkit.checkpoints.agreement import check_pieces
from albertkit.engine.protocol import Engine
from albertkit.errors import Diagnostic, FormatError
from albertkit.errors.arguments import check_keywords
from albertkit.runtime.choose_engine import EngineChoice, choose_placement, choose_precision
from albertkit.runtime.options import LoadKeywords, LoadOptions
from albertkit.sources import WORDS, resolve_location
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer, Encodings, TokenizerPolicy

LOGGER = logging.getLogger(__name__)

DEFAULTS = LoadOptions()
FINGERPRINT = "vocabulary_fingerprint"  # a key of config.json, written by `add_fingerprint`
LEVELS = {"note": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LoadedModel:
    """A checkpoint with all that is needed to answer about text.

    Attributes:
        path: The directory or file that was opened, as it was given or resolved.
        format: The name of its format.
        evidence: What shows that it is of this format.
        checkpoint: Weights, pooling and files.
        optional_tokenizer: None if there is no vocabulary.
        engines: Make and keep the engines; their memory is used from the first answer on.
        options: How the model was opened.
        notes: Warnings and notes about the files.
    """

    path: Path
    format: str
    evidence: str
    checkpoint: Checkpoint
    optional_tokenizer: AlbertTokenizer | None
    engines: EngineChoice
    options: LoadOptions
    notes: tuple[Diagnostic, ...]

    @property
    def weights(self) -> Weights:
        """The checkpoint's weights, read from disk when an engine uses them."""
        return self.checkpoint.weights

    @property
    def config(self) -> AlbertConfig:
        """The model's sizes."""
        return self.checkpoint.weights.config

    @property
    def pooling(self) -> PoolingConfig | None:
        """How token vectors become one vector; None if the files do not say."""
        return self.checkpoint.pooling

    @property
    def tokenizer(self) -> AlbertTokenizer:
        """The tokenizer of the model's files.

        Raises:
            FormatError: [no-vocabulary].
        """
        if self.optional_tokenizer is None:
            return AlbertTokenizer.from_path(self.path, policy=self.options.policy)
        return self.optional_tokenizer

    @property
    def max_length(self) -> int:
        """Ids of the longest text that the model reads whole, special tokens included.

        As in sentence-transformers, the limit of the pooling replaces that of the tokenizer.
        """
        limit = self.pooling.max_length if self.pooling is not None else None
        if limit is None and self.optional_tokenizer is not None:
            limit = self.optional_tokenizer.model_max_length
        positions = self.config.max_position_embeddings
        return positions if limit is None else min(limit, positions)

    def engine_for(self, encodings: Encodings) -> Engine:
        """The engine for these texts.

        Args:
            encodings: Texts to compute now; int8's error is measured on the first ones.

        Raises:
            InputError: [quantization-error-too-large] for int8.
            ResourceError: [engine-unavailable].
        """
        config = self.pooling
        return self.engines.engine_for(encodings, "mean" if config is None else config.pooling)

    def with_checkpoint(
        self, checkpoint: Checkpoint, tokenizer: AlbertTokenizer | None
    ) -> LoadedModel:
        """The same model with other contents, and engines of its own."""
        return replace(
            self,
            checkpoint=checkpoint,
            optional_tokenizer=tokenizer,
            engines=self.engines.for_weights(checkpoint.weights),
        )

    def with_pooling(self, pooling: PoolingConfig) -> LoadedModel:
        """The same model, engines included, with other pooling."""
        return replace(self, checkpoint=replace(self.checkpoint, pooling=pooling))

    @property
    def files_stamp(self) -> str:
        """Hash the names, sizes and times of the model's files: 16 hexadecimal digits."""
        path = self.path.absolute()
        is_directory = path.is_dir()
        files = [*path.glob("*"), *path.glob("*/*")] if is_directory else _list_files(path)
        facts = sorted((str(file), file.stat()) for file in files if file.is_file())
        lines = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts]
        return sha256("\n".join(lines).encode()).hexdigest()[:16]

    def close(self) -> None:
        """Free the engines' memory."""
        self.engines.close()

    def __repr__(self) -> str:
        return (
            f"LoadedModel({str(self.path)!r}, {self.format}, {self.config.num_hidden_layers} layers"
            f" of {self.config.hidden_size}, engine {self.engines.wanted!r})"
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and other processes open the same files again, which are mapped once."""
        arguments = (str(self.path.absolute()), self.options, self.pooling, self.files_stamp)
        return _reopen, arguments


@check_keywords
def load(model: str | Path | None = None, **keywords: Unpack[LoadKeywords]) -> LoadedModel:
    """Open a model with its tokenizer and engine.

    Args:
        model: A directory of any known format, a built-in model's name, or a name on a hub. None:
            the built-in masked LM.
        **keywords: The fields of LoadOptions, with the defaults given there.

    Returns:
        The model, whose weights are read when an engine first uses them.

    Raises:
        InputError: [unknown-model], [unknown-keyword], [vocabulary-mismatch], [option-invalid],
            [precision-unsupported].
        ResourceError: [device-unavailable], [extra-missing], [engine-unavailable].
        AlbertKitError: Any error of fetching and reading the files.
    """
    loaded = open_model(WORDS if model is None else model, LoadOptions(**keywords))
    for note in loaded.notes:
        LOGGER.log(LEVELS[note.severity], note.line())
    return loaded


def open_model(location: str | Path, options: LoadOptions = DEFAULTS) -> LoadedModel:
    """Do the same as `load` without logging the notes, for callers that print or compare them.

    Args:
        location: A path, a built-in model's name, or a name on a hub.
        options: How the model is opened.

    Returns:
        The model; its `notes` are warnings and notes about the files.

    Raises:
        AlbertKitError: As `load`.
    """
    placement = choose_placement(
        options.engine, options.device, deterministic=options.deterministic
    )
    precision = choose_precision(options.precision, placement.engine, placement.processor)
    path = resolve_location(location, options.fetch_options)
    resolved = resolve_path(path)
    with resolved.errors_renamed():
        form, evidence = format_of(resolved.path)
        checkpoint = resolved.restore_names(form.read(resolved.path, options.overrides))
        tokenizer = _read_tokenizer(checkpoint, resolved.path, options.policy)
    notes = checkpoint.notes
    if tokenizer is not None:
        rows = checkpoint.weights.config.vocab_size
        note = check_pieces(tokenizer.vocab_size, rows, where=str(path))
        _check_fingerprint(checkpoint.weights, tokenizer, path)
        notes += (note,) if note else ()
    if options.precision == "auto":
        precision.log()
    engines = EngineChoice(
        checkpoint.weights,
        placement.engine,
        precision=precision.precision,
        device=placement.device,
        deterministic=options.deterministic,
    )
    # the path is known now; a secret token must not travel with copies
    options = replace(options, revision=None, token=None, cache_dir=None)
    return LoadedModel(path, form.name, evidence, checkpoint, tokenizer, engines, options, notes)


def add_fingerprint(weights: Weights, tokenizer: AlbertTokenizer) -> Weights:
    """The weights with a config that names the vocabulary that they were trained with."""
    config = weights.config
    extra = MappingProxyType({**config.extra, FINGERPRINT: tokenizer.fingerprint})
    return replace(weights, config=replace(config, extra=extra))


def _list_files(path: Path) -> list[Path]:
    """A file, or the files of a checkpoint whose name is their prefix."""
    return [file for file in path.parent.glob("*") if file.name.startswith(path.name)]


def _reopen(
    path: str, options: LoadOptions, pooling: PoolingConfig | None, files_stamp: str
) -> LoadedModel:
    """Open a model again, in another process or for a copy.

    The stamp is not read: by it caches that hash pickles (datasets, joblib.Memory) notice that the
    files are others.
    """
    loaded = open_model(Path(path), options)
    return loaded if pooling is None else loaded.with_pooling(pooling)


def _read_tokenizer(
    checkpoint: Checkpoint, path: Path, policy: str | TokenizerPolicy | None
) -> AlbertTokenizer | None:
    """The tokenizer of the checkpoint's files; None if there is no vocabulary."""
    try:
        config = checkpoint.weights.config
        return AlbertTokenizer.from_files(
            checkpoint.tokenizer_files,
            origin=str(path),
            policy=policy,
            config={**config.extra, "vocab_size": config.vocab_size},
        )
    except FormatError as error:
        if error.diagnostic.code != "no-vocabulary":
            raise
        return None


def _check_fingerprint(weights: Weights, tokenizer: AlbertTokenizer, path: Path) -> None:
    """Refuse another vocabulary of the same size, if the config has a fingerprint."""
    expected = weights.config.extra.get(FINGERPRINT, tokenizer.fingerprint)
    if expected != tokenizer.fingerprint:
        raise FormatError(
            "vocabulary-mismatch",
            f"the vocabulary's fingerprint is {tokenizer.fingerprint}, the config has {expected}",
            why="the model was trained with another vocabulary of the same size",
            fix="Put the vocabulary back that was saved with this model",
            where=str(path),
        )
