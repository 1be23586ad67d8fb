"""A name or a directory → config, weights, tokenizer and engine, checked against one another.

The format is recognised by the directory's content. Weights stay on disk until an engine touches
them; the engine is chosen when it is known how much there is to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from albertkit.checkpoints import ConfigOverrides
from albertkit.engine.precision import check_calibration
from albertkit.engine.protocol import Engine
from albertkit.errors import Diagnostic
from albertkit.errors.keywords import knows_its_keywords
from albertkit.runtime.calibration_texts import Calibration, check_fitted_once, texts_to_fit
from albertkit.runtime.choose_engine import EngineChoice, EngineName
from albertkit.runtime.opened import FINGERPRINT, longest_text, opened
from albertkit.runtime.placement import placed
from albertkit.runtime.precision import PrecisionName, choose_precision
from albertkit.sources import WORDS, FetchOptions
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer, Encodings, TokenizerPolicy

LOGGER = logging.getLogger(__name__)

LEVELS = {"note": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with all that it needs to answer about text.

    place: its directory. calibration: the texts that int8 is fitted to; none: those that are asked
    about first. vectors: how it makes one vector of a text; None: its directory doesn't say.
    notes: what a person should hear about the files.
    """

    place: Path
    weights: Weights
    tokenizer: AlbertTokenizer
    engines: EngineChoice
    calibration: Sequence[str] = ()
    vectors: PoolingConfig | None = None
    notes: tuple[Diagnostic, ...] = ()

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def engine_for(self, encodings: Encodings, as_read: Callable[[str], str] = str) -> Engine:
        """The engine to ask about these texts, which int8 is fitted to if they are the first.

        as_read: what the task does to a text before it is tokenised, for those of `calibration`.
        Raises InputError [calibration-missing], [quantization-error-too-large] for int8.
        """
        pooling = self.vectors.pooling if self.vectors else "mean"
        if not self.calibration:
            return self.engines.engine_for(encodings, pooling)
        texts = map(as_read, self.calibration)
        return self.engines.engine_for(encodings, pooling, lambda: self._encoded(texts))

    @property
    def max_length(self) -> int:
        """As `longest_text`."""
        return longest_text(self.config, self.tokenizer, self.vectors)

    def _encoded(self, texts: Iterable[str]) -> Encodings:
        return self.tokenizer.encode_batch(list(texts), max_length=self.max_length)

    def close(self) -> None:
        """Give the engines' memory back."""
        self.engines.close()


@knows_its_keywords
def load(
    model: str | Path | None = None,
    *,
    engine: EngineName = "auto",
    device: str | None = None,
    precision: PrecisionName = "float32",
    calibration: Calibration = None,
    deterministic: bool = False,
    policy: str | TokenizerPolicy | None = None,
    num_hidden_layers: int | None = None,
    num_attention_heads: int | None = None,
    hidden_act: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> LoadedModel:
    """Open a model with its tokenizer and engine: what TextEmbedder and FillMask stand on.

    model: a directory of any known format, a built-in model's name, or one of a hub; None: the
    built-in one for masked words. engine: "auto" starts in numpy, and goes over to OpenVINO where
    its start pays. device: "cuda", or "cuda:1", is a GPU, on which torch computes; "auto", and
    None for the engine "torch", is one where torch sees it; None is the CPU for all others.
    precision: what is computed in; "auto" is bfloat16 where the processor has it.
    calibration: a file of texts, or texts, that "int8" is fitted to; None: the first that are
    asked about. deterministic: a text's vectors are the same to the bit, whatever is asked beside
    it and however many threads there are; slower, as each text is computed alone.
    policy: overrides the tokenizer's, as in AlbertTokenizer.from_pretrained.
    num_hidden_layers, num_attention_heads, hidden_act: what the model's files may not say.
    revision, token, cache_dir, local_files_only: how a hub is asked (docs/sources.md).
    Raises InputError [unknown-model], [vocabulary-mismatch], [option-invalid],
    [precision-unsupported], [calibration-missing], ResourceError [device-unavailable],
    [extra-missing], [engine-unavailable], and what fetching and reading the files raises.
    """
    told = ConfigOverrides(
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
    )
    fetch_options = FetchOptions(
        revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
    )
    placement = placed(engine, device, deterministic=deterministic)
    chosen = choose_precision(precision, placement.engine, placement.processor)
    check_calibration(calibration, chosen.precision)
    if deterministic:
        check_fitted_once(calibration, chosen.precision)
    to_fit = () if calibration is None else texts_to_fit(calibration)
    name = WORDS if model is None else model
    found = opened(name, told, fetch_options=fetch_options, policy=policy)
    # where there is none, this raises what the place deserves
    tokenizer = found.tokenizer or AlbertTokenizer.from_pretrained(found.place, policy=policy)
    for each in found.notes:
        LOGGER.log(LEVELS[each.severity], each.line())
    if precision == "auto":
        chosen.tell()
    engines = EngineChoice(
        found.weights,
        placement.engine,
        precision=chosen.precision,
        device=placement.device,
        deterministic=deterministic,
    )
    return LoadedModel(
        found.place, found.weights, tokenizer, engines, to_fit, found.stored.vectors, found.notes
    )


def stamped(weights: Weights, tokenizer: AlbertTokenizer) -> Weights:
    """The weights, whose config names the vocabulary that they were trained with."""
    config = weights.config
    extra = MappingProxyType({**config.extra, FINGERPRINT: tokenizer.fingerprint})
    return replace(weights, config=replace(config, extra=extra))
