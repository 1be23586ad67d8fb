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

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from albertkit import fileformats
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import map_file, read_errors, read_json
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.fileformats.tensorflow.saved_model_files import ASSETS, is_saved_model
from albertkit.tokenization.pieces import SentencePieces
from albertkit.tokenization.policy import (
    REFERENCE,
    TFHUB,
    TFHUB_WORDPIECE,
    WORDPIECE,
    TokenizerPolicy,
)
from albertkit.tokenization.special_tokens import BERT_NAMES, SpecialNames
from albertkit.tokenization.tokenizer_json.foreign import TOKENIZER_FILE
from albertkit.tokenization.tokenizer_settings import (
    SETTINGS_FILE,
    Settings,
    asked_policy,
    max_length_of,
    own_policy,
    special_names,
)
from albertkit.tokenization.vocabulary import Found
from albertkit.tokenization.wordpiece import VOCABULARY_FILE, WordPieces, looks_like_wordpiece

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

# What a policy for pieces of SentencePiece means where the vocabulary is a vocab.txt.
FOR_WORDS = {REFERENCE: WORDPIECE, TFHUB: TFHUB_WORDPIECE}


def find_vocabulary(path: Path, policy: TokenizerPolicy | None) -> Found:
    """Open what lies at `path`; a given policy overrides what the directory asks for.

    Raises InputError [file-not-found], FormatError [no-vocabulary], ResourceError
    [file-unreadable], or what the files deserve.
    """
    with read_errors(path):
        return found_at(path, policy)


def found_at(path: Path, policy: TokenizerPolicy | None) -> Found:
    """The same, with the system's own errors."""
    module = module_around(path)
    if module is not None:
        from albertkit.tokenization.saved_model_vocabulary import vocabulary_in_module

        inside = vocabulary_in_module(module)
        if path.is_dir() or path == inside.file:
            found = open_bytes(inside.data, inside.name, policy or inside.policy, inside.settings)
            return found if policy else replace(found, reason=inside.reason or found.reason)
    if path.is_file():
        if fileformats.is_archive(map_file(path)):
            unpacked = fileformats.Unpacked(path)
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


def module_around(path: Path) -> Path | None:
    """The SavedModel that `path` is, or as whose `assets` or among them it lies."""
    candidates = [path] if path.is_dir() else []
    candidates += [above.parent for above in (path, path.parent) if above.name == ASSETS]
    return next(filter(is_saved_model, candidates), None)


def vocabulary_folder(path: Path) -> Path:
    """The directory itself, or the folder in it where libraries keep a vocabulary."""
    if (path / KERAS_HUB_FOLDER / "vocabulary.spm").is_file():
        return path / KERAS_HUB_FOLDER
    old = path / OLD_ENCODER_FOLDER
    return old if old.is_dir() else path


def open_directory(path: Path, policy: TokenizerPolicy | None, settings: Settings) -> Found:
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
        return _followed(ready, model, policy, settings)
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


def open_file(path: Path, policy: TokenizerPolicy | None, settings: Settings) -> Found:
    """Open one vocabulary file, whatever its name."""
    data = bytes(map_file(path))
    if data.lstrip()[:1] == b"{":
        return _followed(path, None, policy, settings)
    return open_bytes(data, str(path), policy, settings)


def open_bytes(data: bytes, name: str, policy: TokenizerPolicy | None, settings: Settings) -> Found:
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
        "file-wrong-format",
        f"this is no vocabulary: it begins with {data[:12]!r}",
        why="a SentencePiece model, tokenizer.json or vocab.txt was expected",
        fix="Give the vocabulary that belongs to the model",
        where=name,
    )


def _followed(
    path: Path, model: Path | None, policy: TokenizerPolicy | None, settings: Settings
) -> Found:
    from albertkit.tokenization.tokenizer_json.reading import follow_tokenizer_json

    return follow_tokenizer_json(path, model, policy, settings)
