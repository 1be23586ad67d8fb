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

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from albertkit import fileformats
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import map_file, parse_json, read_errors
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
# Files that are read beside a vocabulary.
JSON_FILES = (TOKENIZER_FILE, SETTINGS_FILE, "special_tokens_map.json", "added_tokens.json")
VOCABULARY_ENDINGS = (".model", *WORDPIECE_FILES)  # of files that are a vocabulary by themselves

# What a policy for pieces of SentencePiece means where the vocabulary is a vocab.txt.
FOR_WORDS = {REFERENCE: WORDPIECE, TFHUB: TFHUB_WORDPIECE}


def find_vocabulary(path: Path, policy: TokenizerPolicy | None) -> Found:
    """Open the vocabulary at a path; a given policy overrides that of the files.

    Raises:
        InputError: [file-not-found].
        FormatError: [no-vocabulary], and the errors of parsing the files.
        ResourceError: [file-unreadable].
    """
    with read_errors(path):
        return _find_vocabulary(path, policy)


def open_files(files: Mapping[str, bytes], origin: str, policy: TokenizerPolicy | None) -> Found:
    """Open the vocabulary among a tokenizer's files.

    Args:
        files: contents by file name.
        origin: the directory of the files, for messages.
        policy: overrides what the files say; None: as they say.

    Raises:
        FormatError: [no-vocabulary], and the errors of parsing the files.
    """
    settings: Settings = {}
    if SETTINGS_FILE in files:
        settings = parse_json(files[SETTINGS_FILE], f"{origin}/{SETTINGS_FILE}")
    found = _open_files(files, origin, policy, settings)
    return replace(found, model_max_length=max_length_of(settings))


def read_tokenizer_files(directory: Path) -> dict[str, bytes]:
    """Read the files of a directory that describe its tokenizer, by name.

    Raises:
        FormatError: as `map_file`.
        ResourceError: [file-unreadable].
    """
    models = [*SENTENCEPIECE_FILES, *sorted(path.name for path in directory.glob("*.model"))]
    paths = [
        *[path for name in models if (path := directory / name).is_file()][:1],
        *(directory / name for name in (*WORDPIECE_FILES, *JSON_FILES)),
    ]
    return {path.name: bytes(map_file(path)) for path in paths if path.is_file()}


def _find_vocabulary(path: Path, policy: TokenizerPolicy | None) -> Found:
    """Open the vocabulary at a path, with the operating system's own errors."""
    module = _enclosing_module(path)
    if module is not None:
        from albertkit.tokenization.saved_model_vocabulary import vocabulary_in_module

        inside = vocabulary_in_module(module)
        if path.is_dir() or path == inside.file:
            found = open_bytes(inside.data, inside.name, policy or inside.policy, inside.settings)
            return found if policy else replace(found, reason=inside.reason or found.reason)
    if path.is_file():
        data = map_file(path)
        if fileformats.is_archive(data):
            unpacked = fileformats.Unpacked(path)
            return _find_vocabulary(unpacked.path, policy)
        return _open_file(bytes(data), str(path), policy, {})
    if not path.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no file or directory {str(path)!r}",
            why="a tokenizer is opened from its files; nothing is downloaded",
            fix="Check the path, or download the model's files into a directory first",
        )
    path = vocabulary_folder(path)
    return open_files(read_tokenizer_files(path), str(path), policy)


def _enclosing_module(path: Path) -> Path | None:
    """The SavedModel that `path` is, or whose `assets` directory or asset it is."""
    candidates = [path] if path.is_dir() else []
    candidates += [above.parent for above in (path, path.parent) if above.name == ASSETS]
    return next(filter(is_saved_model, candidates), None)


def vocabulary_folder(path: Path) -> Path:
    """The directory itself, or the folder in it where libraries keep a vocabulary."""
    if (path / KERAS_HUB_FOLDER / "vocabulary.spm").is_file():
        return path / KERAS_HUB_FOLDER
    old = path / OLD_ENCODER_FOLDER
    return old if old.is_dir() else path


def _open_files(
    files: Mapping[str, bytes], origin: str, policy: TokenizerPolicy | None, settings: Settings
) -> Found:
    """The vocabulary among the files, in the order that the module's docstring gives."""
    names = [name for name in files if name not in JSON_FILES]
    models = [name for name in names if looks_like_sentencepiece(files[name][:16])]
    model = next(iter(models or names), None)
    ready = files.get(TOKENIZER_FILE)
    if ready is not None and _is_of_keras(ready):
        ready = None
    ours = own_policy(settings, ready)

    def open_plain(name: str, policy: TokenizerPolicy | None) -> Found:
        return _open_file(files[name], f"{origin}/{name}", policy, settings)

    if model and policy:
        return open_plain(model, policy)
    if model and ours:
        return replace(open_plain(model, ours), reason="saved so by albertkit")
    if ready is not None:
        reference = (files[models[0]], f"{origin}/{models[0]}") if models else None
        return _follow(ready, f"{origin}/{TOKENIZER_FILE}", reference, policy, settings)
    if model:
        return open_plain(model, None)
    raise FormatError(
        "no-vocabulary",
        f"the directory {origin!r} holds no vocabulary",
        why="no spiece.model, 30k-clean.model, vocabulary.spm or vocab.txt is there, and no "
        "tokenizer.json of Hugging Face's",
        fix="Copy the model's vocabulary file into this directory",
    )


def _is_of_keras(data: bytes) -> bool:
    """Whether a tokenizer.json is Keras Hub's file of that name."""
    return len(data) <= LARGEST_SETTINGS and KERAS_KEY in parse_json(data, TOKENIZER_FILE)


def _open_file(data: bytes, name: str, policy: TokenizerPolicy | None, settings: Settings) -> Found:
    """Open one vocabulary file by its content; name: for messages."""
    if data.lstrip()[:1] == b"{":
        return _follow(data, name, None, policy, settings)
    return open_bytes(data, name, policy, settings)


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


def _follow(
    data: bytes,
    name: str,
    reference: tuple[bytes, str] | None,
    policy: TokenizerPolicy | None,
    settings: Settings,
) -> Found:
    from albertkit.tokenization.tokenizer_json.reading import follow_tokenizer_json

    return follow_tokenizer_json(data, name, reference, policy, settings)
