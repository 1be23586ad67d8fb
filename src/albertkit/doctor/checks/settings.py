"""Settings: whether the JSON files agree with each other and with the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from albertkit.conversion.self_test import MOST_UNKNOWN
from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.examined import PROBE_SENTENCES, ExaminedModel
from albertkit.errors import Diagnostic
from albertkit.tokenization import AlbertTokenizer

OF_TRANSFORMERS = ("huggingface", "bert", "sentence-transformers")  # formats whose config it reads
LARGEST_LENGTH = 1_000_000  # transformers writes about 1e30 for "no limit"
SPECIAL_TOKENS = (  # name in config.json, name in tokenizer_config.json
    ("pad_token_id", "pad_token"),
    ("bos_token_id", "cls_token"),
    ("eos_token_id", "sep_token"),
)
TINY_VOCABULARY = 100  # pieces; less is not a vocabulary of a language
MOST_FROM_CAPITALS = 0.03  # of the pieces, which become known in lower case
LEAST_PIECES = 2000  # of a vocabulary that is expected to know everyday words


def check_settings(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Compare the files that state lengths, special tokens, sides and classes."""
    config = model.settings("config.json")
    tokenizer = model.settings("tokenizer_config.json")
    where = model.location
    if config and model.path is not None and (model.path / "config.json").is_file():
        is_transformers = model.loaded is not None and model.loaded.format in OF_TRANSFORMERS
        if is_transformers and "model_type" not in config:
            yield find_symptom("config-without-model-type").diagnose(
                f"{where}: config.json", evidence=f"keys: {', '.join(list(config)[:5])}"
            )
    if tokenizer.get("padding_side") == "left":
        yield find_symptom("left-padding").diagnose(
            f"{where}: tokenizer_config.json", evidence='padding_side is "left"'
        )
    if tokenizer.get("keep_accents") is True and model.tokenizer is not None:
        share = _measure_unknown_share(model.tokenizer, "é à ü ñ ç")
        if share > 0:
            yield find_symptom("accents-unknown").diagnose(
                f"{where}: tokenizer_config.json", evidence=f"{share:.0%} of é à ü ñ ç are unknown"
            )
    if model.tokenizer is not None:
        yield from _check_unknown_pieces(model, model.tokenizer)
    elif model.loaded is not None:
        yield find_symptom("vocabulary-missing").diagnose(where, evidence=model.loaded.format)
    if model.loaded is not None and not model.loaded.config.activation.startswith("gelu"):
        yield find_symptom("activation-wrong").diagnose(
            where,
            level="note",
            basis="guess",
            evidence=f"it is {model.loaded.config.hidden_act!r}; published ALBERTs have gelu",
        )
    yield from _check_lengths(model)
    yield from _check_special_ids(model)


def _check_lengths(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Limits of a text's length, where several files state one."""
    tokenizer = model.settings("tokenizer_config.json")
    sentence = model.settings("sentence_bert_config.json")
    positions = model.settings("config.json").get("max_position_embeddings")
    limit = tokenizer.get("model_max_length")
    if isinstance(limit, int | float) and limit > LARGEST_LENGTH:
        yield find_symptom("length-unlimited").diagnose(
            f"{model.location}: tokenizer_config.json", evidence=f"model_max_length is {limit:.0e}"
        )
        limit = None
    limits = {
        "tokenizer_config.json": limit,
        "sentence_bert_config.json": sentence.get("max_seq_length"),
        "positions of config.json": positions,
    }
    stated = {name: value for name, value in limits.items() if isinstance(value, int)}
    read = min(stated.values(), default=0)
    longer = {name: value for name, value in stated.items() if value > read}
    if isinstance(positions, int) and any(
        value > positions for name, value in stated.items() if "positions" not in name
    ):
        yield find_symptom("length-limits-differ").diagnose(
            model.location,
            level="warning",
            evidence=", ".join(f"{name}: {value}" for name, value in stated.items()),
            limits=f"a limit above the model's {positions} positions",
        )
    elif longer and len({v for n, v in stated.items() if "positions" not in n}) > 1:
        listed = ", ".join(f"{name} {value}" for name, value in stated.items())
        yield find_symptom("length-limits-differ").diagnose(model.location, limits=listed)


def _check_special_ids(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Ids in config.json against the vocabulary's."""
    tokenizer, config = model.tokenizer, model.settings("config.json")
    if tokenizer is None or model.loaded is None:
        return
    ids = {
        "pad_token": tokenizer.pad_token_id,
        "cls_token": tokenizer.cls_token_id,
        "sep_token": tokenizer.sep_token_id,
    }
    for key, token in SPECIAL_TOKENS:
        stated = config.get(key)
        if isinstance(stated, int) and stated != ids[token] and model.loaded.format != "bert":
            yield find_symptom("special-ids-differ").diagnose(
                f"{model.location}: config.json",
                evidence=f"{key} is {stated}, {token} has the id {ids[token]}",
                disagreement=f"{key} is {stated} in config.json, the vocabulary's {token} is "
                f"{ids[token]}",
            )
    if tokenizer.mask_token_id == tokenizer.unk_token_id:
        yield find_symptom("mask-id-wrong").diagnose(
            model.location, evidence=f"both have the id {tokenizer.mask_token_id}"
        )


def _measure_unknown_share(tokenizer: AlbertTokenizer, text: str) -> float:
    ids = tokenizer.encode_batch([text], max_length=512).ids[1:-1]
    return float((ids == tokenizer.unk_token_id).mean()) if len(ids) else 0.0


def _check_unknown_pieces(model: ExaminedModel, tokenizer: AlbertTokenizer) -> Iterator[Diagnostic]:
    """A tokenizer that knows none of the words of plain English, with a model of many pieces."""
    ids = tokenizer.encode_batch(list(PROBE_SENTENCES), max_length=512).ids
    unknown = float(np.mean(ids == tokenizer.unk_token_id))
    rows = model.weights.config.vocab_size if model.weights is not None else 0
    if tokenizer.vocab_size < min(rows, TINY_VOCABULARY):
        yield find_symptom("tokenizer-without-vocabulary").diagnose(
            model.location, evidence=f"{tokenizer.vocab_size} pieces, {rows:,} rows"
        )
        return
    lower = [sentence.lower() for sentence in PROBE_SENTENCES]
    unknown_in_lower = float(
        np.mean(tokenizer.encode_batch(lower, max_length=512).ids == tokenizer.unk_token_id)
    )
    if unknown - unknown_in_lower > MOST_FROM_CAPITALS and unknown_in_lower < MOST_UNKNOWN:
        yield find_symptom("text-not-lowercased").diagnose(
            model.location,
            evidence=f"{unknown:.0%} of the pieces of {len(lower)} English sentences are unknown, "
            f"in lower case {unknown_in_lower:.0%}",
            fix='Write "do_lower_case": true into tokenizer_config.json',
        )
    elif unknown > MOST_UNKNOWN and rows >= LEAST_PIECES:
        yield find_symptom("texts-unknown").diagnose(
            model.location,
            level="note",
            evidence=f"{unknown:.0%} of the pieces of {len(PROBE_SENTENCES)} English sentences",
            fix="If the model is for English, put the vocabulary back that was saved with it",
            share=f"{unknown:.0%}",
        )
