"""A place of any format, opened: what it is, what it holds, and how it reads text.

In: a path or a model's name. Out: Opened. A place without a tokenizer is one too, since weights
alone can be converted, compared and looked at; `load` asks for more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from albertkit.checkpoints import NO_OVERRIDES, Checkpoint, ConfigOverrides, format_of, place_at
from albertkit.errors import Diagnostic, FormatError
from albertkit.sources import DEFAULT_FETCH_OPTIONS, FetchOptions, resolve_location
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.spec.vocabulary import check_pieces
from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy

FINGERPRINT = "vocabulary_fingerprint"  # a key of config.json, written by `stamped`


@dataclass(frozen=True, slots=True)
class Opened:
    """One place: its format and what shows it, its contents, its tokenizer if it has one.

    place: as it was given, a file or an archive too.
    notes: what a person should hear, of the files and of what was taken from where.
    """

    place: Path
    format: str
    evidence: str
    stored: Checkpoint
    tokenizer: AlbertTokenizer | None
    notes: tuple[Diagnostic, ...]

    @property
    def weights(self) -> Weights:
        return self.stored.weights

    @property
    def max_length(self) -> int:
        """As `longest_text`."""
        return longest_text(self.weights.config, self.tokenizer, self.stored.vectors)


def opened(
    model: str | Path,
    told: ConfigOverrides = NO_OVERRIDES,
    *,
    fetch_options: FetchOptions = DEFAULT_FETCH_OPTIONS,
    policy: str | TokenizerPolicy | None = None,
) -> Opened:
    """Open `model`; tensors stay on disk until they are touched.

    fetch_options: how a hub is asked, where the name is one of a hub. policy: overrides the
    tokenizer's. Raises InputError [vocabulary-mismatch], or as `resolve_location` and the format's
    `read` do.
    """
    place = resolve_location(model, fetch_options)
    inside = place_at(place)
    with inside.speaking():
        found, evidence = format_of(inside.path)
        stored = inside.as_given(found.read(inside.path, told))
        tokenizer = _tokenizer(stored, inside.path, policy)
    notes = stored.notes
    if tokenizer is not None:
        rows = stored.weights.config.vocab_size
        note = check_pieces(tokenizer.vocab_size, rows, where=str(place))
        _check_fingerprint(stored.weights, tokenizer, place)
        notes += (note,) if note else ()
    return Opened(place, found.name, evidence, stored, tokenizer, notes)


def longest_text(
    config: AlbertConfig, tokenizer: AlbertTokenizer | None, vectors: PoolingConfig | None
) -> int:
    """Ids of the longest text that a model reads whole, specials included."""
    limits = [config.max_position_embeddings]
    if tokenizer is not None:
        limits.append(tokenizer.model_max_length)
    if vectors is not None and vectors.max_length:
        limits.append(vectors.max_length)
    return min(limits)


def _tokenizer(
    stored: Checkpoint, place: Path, policy: str | TokenizerPolicy | None
) -> AlbertTokenizer | None:
    """The tokenizer of the files that came along; several lie in one directory."""
    files = stored.tokenizer_files
    if files:
        beside = files[0] if len(files) == 1 else files[0].parent
        return AlbertTokenizer.from_pretrained(beside, policy=policy)
    if not place.is_dir():
        return None
    try:
        return AlbertTokenizer.from_pretrained(place, policy=policy)
    except FormatError as error:
        if error.diagnostic.code != "no-vocabulary":
            raise
        return None


def _check_fingerprint(weights: Weights, tokenizer: AlbertTokenizer, place: Path) -> None:
    """Vocabularies of one size are told apart by their fingerprint, where the config has one."""
    wanted = weights.config.extra.get(FINGERPRINT, tokenizer.fingerprint)
    if wanted != tokenizer.fingerprint:
        raise FormatError(
            "vocabulary-mismatch",
            f"the vocabulary's fingerprint is {tokenizer.fingerprint}, the config says {wanted}",
            why="the model was trained with other pieces, though as many",
            fix="Put the vocabulary back that was saved with this model",
            where=str(place),
        )
