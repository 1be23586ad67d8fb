"""A tokenizer.json is followed: its own ids, or a given policy on its pieces.

In: the file, and the SentencePiece model beside it. Out: Found. A form that we know becomes a
policy, if all probe texts then get the same ids; any other is run by the tokenizers library.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import parse_json
from albertkit.tokenization.encode import encode_texts
from albertkit.tokenization.pieces import SentencePieces
from albertkit.tokenization.policy import REFERENCE, TokenizerPolicy
from albertkit.tokenization.special_tokens import BERT_NAMES, SpecialNames
from albertkit.tokenization.tokenizer_json.foreign import TOKENIZER_FILE, UNTOUCHED, ForeignPieces
from albertkit.tokenization.tokenizer_json.probe_texts import (
    MASKED_TEXTS,
    PROBE_TEXTS,
    SPECIAL_TEXTS,
)
from albertkit.tokenization.tokenizer_json.rules import KnownForm, read_known_form
from albertkit.tokenization.tokenizer_settings import Settings, special_names
from albertkit.tokenization.vocabulary import Found, Vocabulary

LOGGER = logging.getLogger(__name__)

SHOWN_KEYS = 5


def follow_tokenizer_json(
    data: bytes,
    name: str,
    model: tuple[bytes, str] | None,
    policy: TokenizerPolicy | None,
    settings: Settings,
) -> Found:
    """Give a tokenizer.json's own ids, or apply a given policy to its pieces.

    Args:
        data: the tokenizer.json.
        name: its name in messages.
        model: the SentencePiece model of the same directory and its name; None: there is none.
        policy: overrides the file's rules.
        settings: the tokenizer_config.json.

    Raises:
        FormatError: [file-wrong-format], [json-malformed].
        InputError: [policy-incompatible].
    """
    names = special_names(settings, SpecialNames())
    written = parse_json(data, name)
    check_is_tokenizer(written, name)
    known = read_known_form(written, names)
    if known and policy:
        return Found(rebuilt(known, name, names, policy), policy, "given by the caller")
    if policy:
        raise InputError(
            "policy-incompatible",
            f'policy "{policy.name}" cannot be applied to {name!r}',
            why="this tokenizer.json has rules of its own and no vocabulary file lies beside it",
            fix="Put spiece.model or vocab.txt beside it, or leave the policy out",
        )
    foreign = ForeignPieces(data, name, special_names(settings, usual_names(written)))
    if known:
        pieces = rebuilt(known, name, names, known.policy)
        if not unlike((foreign, UNTOUCHED), (pieces, known.policy), PROBE_TEXTS):
            reason = f"{TOKENIZER_FILE} has a known form: {known.policy.name}"
            say_where_unlike(name, (pieces, known.policy), (pieces, REFERENCE))
            return Found(pieces, known.policy, reason)
    if model:
        reference = SentencePieces(*model, special_names=names)
        say_where_unlike(name, (foreign, UNTOUCHED), (reference, REFERENCE))
    reason = f"{TOKENIZER_FILE} has a form of its own, run by the tokenizers library"
    return Found(foreign, UNTOUCHED, reason)


def check_is_tokenizer(written: Settings, name: str) -> None:
    """FormatError for JSON that is something else, such as a server's answer or a config.json."""
    if not isinstance(written.get("model"), dict):
        keys = [*map(repr, list(written)[:SHOWN_KEYS]), *["…"] * (len(written) > SHOWN_KEYS)]
        raise FormatError(
            "file-wrong-format",
            f"this is JSON, but no tokenizer: its keys are {', '.join(keys) or 'none'}",
            why="a tokenizer.json has its pieces in an object called 'model'",
            fix="Put the vocabulary there that belongs to the model",
            where=name,
        )


def rebuilt(
    known: KnownForm, name: str, names: SpecialNames, policy: TokenizerPolicy
) -> SentencePieces:
    """The SentencePiece model that a known form was made of."""
    return SentencePieces(
        known.model,
        name,
        special_names=names,
        digit_comma=policy.digit_comma,
        ties_unrounded=policy.ties_unrounded,
    )


def usual_names(written: Settings) -> SpecialNames:
    """What the special pieces are called where no settings say it."""
    model = written.get("model")
    is_bert = isinstance(model, dict) and model.get("type") == "WordPiece"
    return BERT_NAMES if is_bert else SpecialNames()


Reader = tuple[Vocabulary, TokenizerPolicy]


def say_where_unlike(name: str, used: Reader, reference: Reader) -> None:
    """Warn where the ids are not google's."""
    probes = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS
    found = unlike(used, reference, probes)
    if found:
        LOGGER.warning(
            "%s gives other ids than google's pipeline to %d of %d probe texts, the first being "
            '%r; from_pretrained(…, policy="reference") gives google\'s',
            name,
            len(found),
            len(probes),
            found[0],
        )


def unlike(first: Reader, second: Reader, texts: Sequence[str]) -> list[str]:
    """The texts that get different ids."""
    ours, theirs = (encode_texts(texts, *reader) for reader in (first, second))
    return [
        text
        for number, text in enumerate(texts)
        if not np.array_equal(
            ours.ids[ours.offsets[number] : ours.offsets[number + 1]],
            theirs.ids[theirs.offsets[number] : theirs.offsets[number + 1]],
        )
    ]
