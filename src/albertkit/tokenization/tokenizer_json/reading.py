"""Follow a tokenizer.json: its own ids, or a caller's policy on its pieces.

Input: the file, and the SentencePiece model of its directory. Output: TokenizerParts. A known form
becomes a policy, if all probe texts then have the same ids; any other is run by the tokenizers
library.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import JsonValue, parse_json
from albertkit.tokenization.encode import encode_texts
from albertkit.tokenization.pieces import SentencePieces
from albertkit.tokenization.policy import REFERENCE, TokenizerPolicy
from albertkit.tokenization.tokenizer_json.foreign import UNTOUCHED, ForeignPieces
from albertkit.tokenization.tokenizer_json.probe_texts import (
    MASKED_TEXTS,
    PROBE_TEXTS,
    SPECIAL_TEXTS,
)
from albertkit.tokenization.tokenizer_json.rules import KnownForm, make_template, read_known_form
from albertkit.tokenization.tokenizer_settings import (
    TOKENIZER_FILE,
    Settings,
    VocabularyOptions,
    read_special_names,
)
from albertkit.tokenization.vocabulary import BERT_NAMES, SpecialNames, TokenizerParts, Vocabulary

LOGGER = logging.getLogger(__name__)

SHOWN_KEYS = 5
NO_TOKENS = ("ByteLevel",)  # post-processors that add no special tokens


def follow_tokenizer_json(
    data: bytes, name: str, model: tuple[bytes, str] | None, options: VocabularyOptions
) -> TokenizerParts:
    """Open a tokenizer.json.

    Args:
        data: the contents of the file.
        name: its name in error messages.
        model: the SentencePiece model of its directory and its name; None if there is none.
        options: what the other files and the caller ask for.

    Raises:
        FormatError: [file-wrong-format], [file-malformed], [tokenizer-unsupported] for a template
            that is not ALBERT's.
        InputError: [policy-incompatible] for a caller's policy on a file with rules of its own.
    """
    names = read_special_names(options.settings, SpecialNames())
    written = parse_json(data, name)
    check_is_tokenizer(written, name)
    known = read_known_form(written, names)
    if options.is_explicit:
        if known is None:
            raise InputError(
                "policy-incompatible",
                f"{_name_request(options)} cannot be applied to {name!r}",
                why="this tokenizer.json has rules of its own, and its directory has no other "
                "vocabulary file",
                fix="Add the spiece.model or vocab.txt, or leave the policy out",
            )
        usual = replace(options, settings={}, policy=options.policy or known.policy)
        policy, reason = usual.choose_policy(known.policy, TOKENIZER_FILE)
        return TokenizerParts(rebuild_pieces(known, name, names, policy, options), policy, reason)
    foreign_names = read_special_names(options.settings, guess_special_names(written))
    check_template(written, foreign_names, name)
    foreign = ForeignPieces(data, name, foreign_names, options.added)
    if known:
        pieces = rebuild_pieces(known, name, names, known.policy, options)
        if not find_differences((foreign, UNTOUCHED), (pieces, known.policy), PROBE_TEXTS):
            reason = f"{TOKENIZER_FILE} has a known form: {known.policy.name}"
            warn_of_differences(name, (pieces, known.policy), (pieces, REFERENCE))
            return TokenizerParts(pieces, known.policy, reason)
    if model:
        reference = SentencePieces(*model, special_names=names)
        warn_of_differences(name, (foreign, UNTOUCHED), (reference, REFERENCE))
    reason = f"{TOKENIZER_FILE} has a form of its own, run by the tokenizers library"
    return TokenizerParts(foreign, UNTOUCHED, reason)


def _name_request(options: VocabularyOptions) -> str:
    """What the caller asks for, in an error message."""
    if options.policy is not None:
        return f'policy "{options.policy.name}"'
    return ", ".join(f"{name}={value}" for name, value in options.overrides.items())


def check_is_tokenizer(written: Settings, name: str) -> None:
    """FormatError for JSON of another kind, such as a server's answer or a config.json."""
    if not isinstance(written.get("model"), dict):
        keys = [*map(repr, list(written)[:SHOWN_KEYS]), *["…"] * (len(written) > SHOWN_KEYS)]
        raise FormatError(
            "file-wrong-format",
            f"this is JSON, but no tokenizer: its keys are {', '.join(keys) or 'none'}",
            why="a tokenizer.json has its pieces in an object called 'model'",
            fix="Give the vocabulary that belongs to the model",
            where=name,
        )


def check_template(written: Settings, names: SpecialNames, where: str) -> None:
    """Refuse a template of special tokens that is not ALBERT's; log a warning if there is none."""
    processors = list_processors(written.get("post_processor"))
    if not processors:
        LOGGER.warning(
            "%s has no post_processor: the tokenizers library adds no special tokens with it; "
            "albertkit adds %s and %s, which ALBERT needs",
            where,
            names.cls,
            names.sep,
        )
    expected = make_template(names, 0, 0)
    for processor in processors:
        kind = processor.get("type")
        if kind in NO_TOKENS:
            continue
        if kind == "TemplateProcessing" and all(
            processor.get(part) == expected[part] for part in ("single", "pair")
        ):
            continue
        if kind == "BertProcessing" and [
            value[0] if isinstance(value, list) and value else None
            for value in (processor.get("cls"), processor.get("sep"))
        ] == [names.cls, names.sep]:
            continue
        raise FormatError(
            "tokenizer-unsupported",
            f"its post_processor, a {kind}, does not make {names.cls} A {names.sep} B {names.sep} "
            "with type ids 0 and 1",
            why="albertkit makes only this form, and another form gives other vectors",
            fix="Change post_processor to this form, or give a policy, which uses it",
            where=where,
        )


def list_processors(value: JsonValue) -> list[dict[str, JsonValue]]:
    """A post-processor as a flat list."""
    if not isinstance(value, dict):
        return []
    inner = value.get("processors")
    if value.get("type") != "Sequence" or not isinstance(inner, list):
        return [value]
    return [processor for part in inner for processor in list_processors(part)]


def rebuild_pieces(
    known: KnownForm,
    name: str,
    names: SpecialNames,
    policy: TokenizerPolicy,
    options: VocabularyOptions,
) -> SentencePieces:
    """The SentencePiece model from which a known form was made."""
    return SentencePieces(
        known.model,
        name,
        special_names=names,
        digit_comma=policy.digit_comma,
        ties_unrounded=policy.ties_unrounded,
        added=options.added,
    )


def guess_special_names(written: Settings) -> SpecialNames:
    """The names of the special pieces if no settings name them."""
    model = written.get("model")
    is_bert = isinstance(model, dict) and model.get("type") == "WordPiece"
    return BERT_NAMES if is_bert else SpecialNames()


Reader = tuple[Vocabulary, TokenizerPolicy]


def warn_of_differences(name: str, used: Reader, reference: Reader) -> None:
    """Log a warning if the ids are not google's."""
    probes = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS
    texts = find_differences(used, reference, probes)
    if texts:
        LOGGER.warning(
            "%s gives other ids than google's pipeline to %d of %d probe texts, the first being "
            '%r; from_pretrained(…, policy="reference") gives google\'s',
            name,
            len(texts),
            len(probes),
            texts[0],
        )


def find_differences(first: Reader, second: Reader, texts: Sequence[str]) -> list[str]:
    """The texts that have different ids."""
    ours, theirs = (encode_texts(texts, *reader) for reader in (first, second))
    return [
        text
        for number, text in enumerate(texts)
        if not np.array_equal(
            ours.ids[ours.offsets[number] : ours.offsets[number + 1]],
            theirs.ids[theirs.offsets[number] : theirs.offsets[number + 1]],
        )
    ]
