"""A name or a directory → config, weights, tokenizer and engine, checked against one another.

The format is recognised by the directory's content. Weights stay on disk until an engine touches
them; the engine is chosen when it is known how much there is to do.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.protocol import Engine
from albertkit.errors import Finding, FormatError
from albertkit.errors.keywords import knows_its_keywords
from albertkit.runtime.choose_engine import EngineChoice, EngineName
from albertkit.sources import WORDS, directory_of
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.vector_plan import VectorPlan
from albertkit.spec.vocabulary import check_pieces
from albertkit.text import AlbertTokenizer, TextPolicy

LOGGER = logging.getLogger(__name__)

LEVELS = {"note": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FINGERPRINT = "vocabulary_fingerprint"  # a key of config.json, written by `stamped`


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with all that it needs to answer about text.

    place: its directory. vectors: how it makes one vector of a text; None: its directory doesn't
    say. notes: what a person should hear about the files.
    """

    place: Path
    weights: Weights
    tokenizer: AlbertTokenizer
    engines: EngineChoice
    vectors: VectorPlan | None = None
    notes: tuple[Finding, ...] = ()

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def engine_for(self, lengths: Sequence[int]) -> Engine:
        """The engine to ask about texts of these lengths in ids."""
        return self.engines.engine_for(sum(lengths))

    @property
    def max_length(self) -> int:
        """Ids of the longest text that the model reads whole, specials included."""
        limits = [self.config.max_position_embeddings, self.tokenizer.model_max_length]
        asked = self.vectors.max_length if self.vectors else None
        return min(*limits, asked or limits[0])

    def close(self) -> None:
        """Give the engines' memory back."""
        self.engines.close()


@knows_its_keywords
def load(
    model: str | Path | None = None,
    *,
    engine: EngineName = "auto",
    policy: str | TextPolicy | None = None,
) -> Loaded:
    """Open a model with its tokenizer and engine: what TextEmbedder and FillMask stand on.

    model: a directory of any known format, or a built-in model's name; None: the built-in one for
    masked words. engine: "auto" starts in numpy, and goes over to OpenVINO where its start pays.
    policy: overrides the tokenizer's, as in AlbertTokenizer.from_pretrained.
    Raises InputError [unknown-model], [vocabulary-mismatch], [option-invalid], and what reading
    the files raises.
    """
    place = directory_of(WORDS if model is None else model)
    stored = read_checkpoint(place)
    beside = stored.tokenizer_files[0].parent if stored.tokenizer_files else place
    tokenizer = AlbertTokenizer.from_pretrained(beside, policy=policy)
    weights = stored.weights
    note = check_pieces(tokenizer.vocab_size, weights.config.vocab_size, where=str(place))
    _check_fingerprint(weights, tokenizer, place)
    notes = stored.notes + ((note,) if note else ())
    for each in notes:
        LOGGER.log(LEVELS[each.severity], each.line())
    return Loaded(place, weights, tokenizer, EngineChoice(weights, engine), stored.vectors, notes)


def stamped(weights: Weights, tokenizer: AlbertTokenizer) -> Weights:
    """The weights, whose config names the vocabulary that they were trained with."""
    config = weights.config
    extra = MappingProxyType({**config.extra, FINGERPRINT: tokenizer.fingerprint})
    return replace(weights, config=replace(config, extra=extra))


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
