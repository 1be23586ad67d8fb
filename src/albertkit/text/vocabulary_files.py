"""A file or directory → the vocabulary in it, recognised by content, and the policy it asks for.

In: a path, an archive's too. Out: Found(vocabulary, policy, reason, …). The order in a directory:
0. the SavedModel that lies there, or among whose assets this is: text as its graph reads it;
1. what albertkit itself saved there, as long as the tokenizer.json is still the one it wrote;
2. a tokenizer.json: the directory's users had *its* ids. A form that we know becomes a policy, if
   all probe texts then get the same ids; any other is run by the tokenizers library;
3. a SentencePiece model, with google's pipeline less what tokenizer_config.json switches off;
4. a vocab.txt, with BERT's pipeline likewise.
A given policy overrides 0, 1 and 2 where a SentencePiece model or vocab.txt is there.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.archives import Unpacked, is_archive
from albertkit.fileformats.reader import (
    JsonValue,
    map_file,
    parse_json,
    read_json,
    told_as_unreadable,
)
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.text.batch import encode_texts
from albertkit.text.foreign import TOKENIZER_FILE, UNTOUCHED, ForeignPieces
from albertkit.text.pieces import SentencePieces
from albertkit.text.policy import (
    REFERENCE,
    TFHUB,
    TFHUB_WORDPIECE,
    WORDPIECE,
    TextPolicy,
    policy_from_fields,
)
from albertkit.text.probe_texts import MASKED_TEXTS, PROBE_TEXTS, SPECIAL_TEXTS
from albertkit.text.saved_model_vocabulary import module_around, vocabulary_in_module
from albertkit.text.specials import BERT_NAMES, SpecialNames
from albertkit.text.tokenizer_json import KnownForm, read_known_form
from albertkit.text.vocabulary import Vocabulary
from albertkit.text.wordpiece import VOCABULARY_FILE, WordPieces, looks_like_wordpiece

LOGGER = logging.getLogger(__name__)

SETTINGS_FILE = "tokenizer_config.json"
OUR_SETTINGS = "albertkit"  # the key of tokenizer_config.json under which we keep the policy
SENTENCEPIECE_FILES = (
    "spiece.model",
    "30k-clean.model",
    "assets/30k-clean.model",
    "vocabulary.spm",
)
# Keras Hub keeps a preset's vocabulary here, and above it settings called tokenizer.json too.
KERAS_HUB_FOLDER = "assets/tokenizer"
# Where sentence-transformers kept the encoder with its vocabulary before version 2.
OLD_ENCODER_FOLDER = "0_Transformer"
KERAS_KEY = "registered_name"  # in what Keras serialises
LARGEST_SETTINGS = 2**16  # bytes; Keras Hub's have 900, and pieces are not among them
WORDPIECE_FILES = (VOCABULARY_FILE, "vocab_chinese.txt")  # the second: google's Chinese archives
VOCABULARY_ENDINGS = (".model", *WORDPIECE_FILES)  # of files that are a vocabulary by themselves
SHOWN_KEYS = 5
LONGEST_LENGTH = 10**6  # a larger model_max_length is transformers' sign for "unknown"

# What a policy for pieces of SentencePiece means where the vocabulary is a vocab.txt.
FOR_WORDS = {REFERENCE: WORDPIECE, TFHUB: TFHUB_WORDPIECE}

Settings = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Found:
    """A vocabulary, and how its texts are to be read."""

    vocabulary: Vocabulary
    policy: TextPolicy
    reason: str  # why this policy, for people
    model_max_length: int | None = None


def find_vocabulary(path: Path, policy: TextPolicy | None) -> Found:
    """Open what lies at `path`; a given policy overrides what the directory asks for.

    Raises InputError [file-not-found], FormatError [no-vocabulary], SurroundingsError
    [file-unreadable], or what the files deserve.
    """
    with told_as_unreadable(path):
        return found_at(path, policy)


def found_at(path: Path, policy: TextPolicy | None) -> Found:
    """The same, with the system's own errors."""
    module = module_around(path)
    if module is not None:
        inside = vocabulary_in_module(module)
        if path.is_dir() or path == inside.file:
            found = open_bytes(inside.data, inside.name, policy or inside.policy, inside.settings)
            return found if policy else replace(found, reason=inside.reason or found.reason)
    if path.is_file():
        if is_archive(map_file(path)):
            unpacked = Unpacked(path)
            return found_at(unpacked.path, policy)
        return open_file(path, policy, {})
    if not path.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no file or directory {str(path)!r}",
            why="a tokenizer is opened from its files; nothing is downloaded",
            fix="Check the path, or download the model's files into a directory first",
        )
    path = vocabulary_folder(path)
    settings = read_json(path / SETTINGS_FILE) if (path / SETTINGS_FILE).is_file() else {}
    found = open_directory(path, policy, settings)
    return replace(found, model_max_length=max_length_of(settings))


def vocabulary_folder(path: Path) -> Path:
    """The directory itself, or the folder in it where libraries keep a vocabulary."""
    if (path / KERAS_HUB_FOLDER / "vocabulary.spm").is_file():
        return path / KERAS_HUB_FOLDER
    old = path / OLD_ENCODER_FOLDER
    return old if old.is_dir() else path


def open_directory(path: Path, policy: TextPolicy | None, settings: Settings) -> Found:
    """The vocabulary of a directory, by the order above."""
    model = first_file(path, [*SENTENCEPIECE_FILES, *sorted(p.name for p in path.glob("*.model"))])
    words = first_file(path, WORDPIECE_FILES)
    ready = first_file(path, [TOKENIZER_FILE])
    if ready and is_of_keras(ready):
        ready = None
    plain = model or words
    ours = own_policy(settings, ready)
    if plain and policy:
        return open_file(plain, policy, settings)
    if plain and ours:
        return replace(open_file(plain, ours, settings), reason="saved so by albertkit")
    if ready:
        return follow_tokenizer_json(ready, model, policy, settings)
    if plain:
        return open_file(plain, None, settings)
    raise FormatError(
        "no-vocabulary",
        f"the directory {str(path)!r} holds no vocabulary",
        why="no spiece.model, 30k-clean.model, vocabulary.spm or vocab.txt is there, and no "
        "tokenizer.json of Hugging Face's",
        fix="Put the file that belongs to the model beside it",
    )


def first_file(path: Path, names: Sequence[str]) -> Path | None:
    """The first of these files that is there."""
    return next((path / name for name in names if (path / name).is_file()), None)


def is_of_keras(path: Path) -> bool:
    """Whether a tokenizer.json is what Keras Hub calls so."""
    return path.stat().st_size <= LARGEST_SETTINGS and KERAS_KEY in read_json(path)


def own_policy(settings: Settings, ready: Path | None) -> TextPolicy | None:
    """The policy that we saved, unless somebody has put another tokenizer.json there since."""
    saved = settings.get(OUR_SETTINGS)
    if not isinstance(saved, dict) or not isinstance(saved.get("policy"), dict):
        return None
    if ready and hashlib.sha256(map_file(ready)).hexdigest() != saved.get("tokenizer_json"):
        return None
    fields = saved["policy"]
    return policy_from_fields(fields) if isinstance(fields, dict) else None


def open_file(path: Path, policy: TextPolicy | None, settings: Settings) -> Found:
    """Open one vocabulary file, whatever its name."""
    data = bytes(map_file(path))
    if data.lstrip()[:1] == b"{":
        return follow_tokenizer_json(path, None, policy, settings)
    return open_bytes(data, str(path), policy, settings)


def open_bytes(data: bytes, name: str, policy: TextPolicy | None, settings: Settings) -> Found:
    """Open a SentencePiece model or a vocab.txt; name: what messages call it."""
    if looks_like_sentencepiece(data[:16]):
        asked, reason = asked_policy(REFERENCE, "a SentencePiece model", settings)
        chosen = policy or asked
        pieces = SentencePieces(
            data,
            name,
            special_names=special_names(settings, SpecialNames()),
            digit_comma=chosen.digit_comma,
            ties_unrounded=chosen.ties_unrounded,
        )
        return Found(pieces, chosen, "given by the caller" if policy else reason)
    if looks_like_wordpiece(data):
        asked, reason = asked_policy(WORDPIECE, "a WordPiece vocabulary", settings)
        chosen = FOR_WORDS.get(policy, policy) if policy else asked
        names = special_names(settings, BERT_NAMES)
        words = WordPieces(data, name, names, chosen.word_rule)
        return Found(words, chosen, "given by the caller" if policy else reason)
    raise FormatError(
        "file-foreign",
        f"this is no vocabulary: it begins with {data[:12]!r}",
        why="a SentencePiece model, tokenizer.json or vocab.txt was expected",
        fix="Give the vocabulary that belongs to the model",
        where=name,
    )


def follow_tokenizer_json(
    path: Path, model: Path | None, policy: TextPolicy | None, settings: Settings
) -> Found:
    """The tokenizer.json's own ids, or a given policy on its pieces."""
    data = bytes(map_file(path))
    names = special_names(settings, SpecialNames())
    written = parse_json(data, str(path))
    check_is_tokenizer(written, path)
    known = read_known_form(written, names)
    if known and policy:
        return Found(rebuilt(known, path, names, policy), policy, "given by the caller")
    if policy:
        raise InputError(
            "policy-unfit",
            f'policy "{policy.name}" cannot be applied to {str(path)!r}',
            why="this tokenizer.json has rules of its own and no vocabulary file lies beside it",
            fix="Put spiece.model or vocab.txt beside it, or leave the policy out",
        )
    foreign = ForeignPieces(data, str(path), special_names(settings, usual_names(written)))
    if known:
        pieces = rebuilt(known, path, names, known.policy)
        if not unlike((foreign, UNTOUCHED), (pieces, known.policy), PROBE_TEXTS):
            reason = f"{TOKENIZER_FILE} has a known form: {known.policy.name}"
            say_where_unlike(path, (pieces, known.policy), (pieces, REFERENCE))
            return Found(pieces, known.policy, reason)
    if model:
        reference = SentencePieces(bytes(map_file(model)), str(model), special_names=names)
        say_where_unlike(path, (foreign, UNTOUCHED), (reference, REFERENCE))
    reason = f"{TOKENIZER_FILE} has a form of its own, run by the tokenizers library"
    return Found(foreign, UNTOUCHED, reason)


def check_is_tokenizer(written: Settings, path: Path) -> None:
    """FormatError for JSON that is something else, such as a server's answer or a config.json."""
    if not isinstance(written.get("model"), dict):
        keys = [*map(repr, list(written)[:SHOWN_KEYS]), *["…"] * (len(written) > SHOWN_KEYS)]
        raise FormatError(
            "file-foreign",
            f"this is JSON, but no tokenizer: its keys are {', '.join(keys) or 'none'}",
            why="a tokenizer.json has its pieces in an object called 'model'",
            fix="Put the vocabulary there that belongs to the model",
            where=str(path),
        )


def rebuilt(
    known: KnownForm, path: Path, names: SpecialNames, policy: TextPolicy
) -> SentencePieces:
    """The SentencePiece model that a known form was made of."""
    return SentencePieces(
        known.model,
        str(path),
        special_names=names,
        digit_comma=policy.digit_comma,
        ties_unrounded=policy.ties_unrounded,
    )


def usual_names(written: Settings) -> SpecialNames:
    """What the special pieces are called where no settings say it."""
    model = written.get("model")
    is_bert = isinstance(model, dict) and model.get("type") == "WordPiece"
    return BERT_NAMES if is_bert else SpecialNames()


Reader = tuple[Vocabulary, TextPolicy]


def say_where_unlike(path: Path, used: Reader, reference: Reader) -> None:
    """Warn where the ids are not google's."""
    probes = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS
    found = unlike(used, reference, probes)
    if found:
        LOGGER.warning(
            "%s gives other ids than google's pipeline to %d of %d probe texts, the first being "
            '%r; from_pretrained(…, policy="reference") gives google\'s',
            path,
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
            ours.ids[ours.starts[number] : ours.starts[number + 1]],
            theirs.ids[theirs.starts[number] : theirs.starts[number + 1]],
        )
    ]


def asked_policy(usual: TextPolicy, kind: str, settings: Settings) -> tuple[TextPolicy, str]:
    """The usual policy less what the settings switch off, and the reason in words."""
    policy, reasons = usual, []
    if settings.get("do_lower_case") is False:
        policy = replace(policy, name=f"{policy.name}, cased", case="kept")
        reasons.append("do_lower_case is false")
        if usual is WORDPIECE:  # there the one switch means both
            policy = replace(policy, form="kept", marks="kept")
    if settings.get("keep_accents") is True or settings.get("strip_accents") is False:
        policy = replace(policy, name=f"{policy.name}, accents kept", form="kept", marks="kept")
        reasons.append("accents are kept")
    if settings.get("remove_space") is False:
        policy = replace(policy, name=f"{policy.name}, spaces kept", whitespace_collapsed=False)
        reasons.append("remove_space is false")
    if settings.get("tokenize_chinese_chars") is False:
        policy = replace(policy, name=f"{policy.name}, no CJK cuts", ideographs_spaced=False)
        reasons.append("tokenize_chinese_chars is false")
    if not reasons:
        return policy, f"{kind}, and no setting differs from google's"
    return policy, f"{kind}; {SETTINGS_FILE} says: {', '.join(reasons)}"


def special_names(settings: Settings, usual: SpecialNames) -> SpecialNames:
    """What the settings call the special pieces."""
    return SpecialNames(
        *(
            token_text(settings.get(f"{field}_token"), getattr(usual, field))
            for field in ("pad", "unk", "cls", "sep", "mask")
        )
    )


def token_text(value: JsonValue, otherwise: str) -> str:
    """A token as transformers writes it: a string, or an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else otherwise


def max_length_of(settings: Settings) -> int | None:
    """model_max_length, where it says something."""
    value = settings.get("model_max_length")
    return int(value) if isinstance(value, int | float) and 0 < value < LONGEST_LENGTH else None
