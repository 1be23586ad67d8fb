"""Predictions: masked words of plain sentences, with the model as it is and with other settings.

Most mistakes raise no error and still ruin this test: a wrong number of heads or layers, a wrong
activation, another vocabulary, lost embeddings. Models with random weights are passed over: they
predict nothing by design.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from albertkit.checkpoints.format import make_flag
from albertkit.conversion.self_test import (
    Candidate,
    SelfTest,
    list_doubtful_values,
    self_test,
)
from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.checks.tensors import is_trained
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import Diagnostic, InputError
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM

CHANCE_SHARE = 0.7  # of ln(pieces); a model that knows only how frequent pieces are has about 0.75
CLEAR_GAIN = (
    0.3  # in log-probability, for a diagnosis; both gelus differ by 0.0002 in a small model
)
SCREENED_EVERY = 4  # pieces, for all candidates; one that gains is compared on twice as many words
PROMISING_GAIN = 0.1  # in log-probability on the screened words
LIKELY_ACTIVATIONS = ("gelu_new", "relu", "silu")
CODES = {
    "num_attention_heads": "head-count-wrong",
    "hidden_act": "activation-wrong",
    "num_hidden_layers": "depth-wrong",
}


def can_predict(model: ExaminedModel) -> bool:
    """Whether there is a masked LM, trained as far as its embeddings show, and a mask token."""
    return (
        model.can_compute()
        and model.tokenizer is not None
        and model.tokenizer.mask_token_id != model.tokenizer.unk_token_id
        and model.weights is not None
        and MASKED_LM.name in model.weights.heads
        and is_trained(model.weights)
    )


def check_predictions(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Run the self-test, and say which setting predicts better."""
    loaded, tokenizer = model.loaded, model.tokenizer
    if loaded is None or tokenizer is None:
        return
    subject = loaded.with_checkpoint(loaded.checkpoint, tokenizer)
    pieces = loaded.config.vocab_size
    try:
        screening = self_test(subject, list_likely_values(loaded.config), every=SCREENED_EVERY)
        best = _choose_best(screening)
        gain = best.log_probability - screening.candidates[0].log_probability
        result = self_test(subject, best.changes if gain > PROMISING_GAIN else ())
    except InputError as error:
        if error.diagnostic.code != "self-test-impossible":
            raise
        return
    yield from _judge(model, result, pieces)


def list_likely_values(config: AlbertConfig) -> list[tuple[str, int | str]]:
    """Other heads, activations and depths that a model which predicts badly may have been made for.

    Depths: those of published models, and near or simple multiples of the present one.
    """
    layers = config.num_hidden_layers
    depths = {layers - 2, layers - 1, layers + 1, layers + 2, layers // 2, 2 * layers, 6, 12, 24}
    groups = config.num_hidden_groups
    values: list[tuple[str, int | str]] = [
        value for value in list_doubtful_values(config) if value[0] == "num_attention_heads"
    ]
    values += [("hidden_act", name) for name in LIKELY_ACTIVATIONS if name != config.hidden_act]
    values += [
        ("num_hidden_layers", depth)
        for depth in sorted(depths)
        if groups <= depth <= 2 * layers and depth > 0 and depth != layers
    ]
    return values


def _judge(model: ExaminedModel, result: SelfTest, pieces: int) -> Iterator[Diagnostic]:
    opened, best = result.candidates[0], _choose_best(result)
    gain = best.log_probability - opened.log_probability
    if gain > CLEAR_GAIN and best.changes:
        field, value = best.changes[0]
        yield find_symptom(CODES[field]).diagnose(
            model.location,
            evidence=result.line(),
            fix=f"Set {field} to {value} in the config, or give {make_flag(field)} {value}",
        )
    elif opened.log_probability < -CHANCE_SHARE * math.log(pieces):
        yield find_symptom("predictions-random").diagnose(
            model.location,
            evidence=f"{result.line()}; chance is {-math.log(pieces):.2f}",
        )


def _choose_best(result: SelfTest) -> Candidate:
    return max(result.candidates, key=lambda candidate: candidate.log_probability)
