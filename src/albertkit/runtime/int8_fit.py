"""What int8 would cost a model on someone's texts, before anything is computed in it."""

from __future__ import annotations

from albertkit.engine.int8_search import FoundScheme, find_scheme
from albertkit.runtime.calibration_texts import Given, encoded
from albertkit.runtime.opened import Opened
from albertkit.text import AlbertTokenizer


def fitted_to(found: Opened, calibration: Given) -> FoundScheme:
    """The scheme that answers in int8 would have; runs on any processor.

    Raises InputError [calibration-missing], [fidelity-too-low], FormatError [no-vocabulary], and
    as reading the texts does.
    """
    tokenizer = found.tokenizer or AlbertTokenizer.from_pretrained(found.place)
    texts = encoded(calibration, tokenizer, found.max_length)
    plan = found.stored.vectors
    return find_scheme(found.weights, texts, plan.pooling if plan else "mean")
