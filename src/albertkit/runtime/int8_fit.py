"""What int8 would cost a model on someone's texts, before anything is computed in it."""

from __future__ import annotations

from albertkit.engine.int8.search import MeasuredScheme, find_scheme
from albertkit.runtime.calibration_texts import Given, texts_to_fit
from albertkit.runtime.opened import Opened
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer


def fitted_to(found: Opened, calibration: Given) -> MeasuredScheme:
    """The scheme that answers in int8 would have; runs on any processor.

    Raises InputError [calibration-missing], [quantization-error-too-large], FormatError
    [no-vocabulary], and as reading the texts does.
    """
    tokenizer = found.tokenizer or AlbertTokenizer.from_pretrained(found.place)
    plan = found.stored.vectors or PoolingConfig()
    texts = [plan.as_read(text) for text in texts_to_fit(calibration)]
    encodings = tokenizer.encode_batch(texts, max_length=found.max_length)
    return find_scheme(found.weights, encodings, plan.pooling)
