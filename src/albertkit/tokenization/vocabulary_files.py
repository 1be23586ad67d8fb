"""A file or directory → the vocabulary in it, recognised by content, and its policy.

Input: a path, also of an archive. Output: TokenizerParts. The order of precedence in a directory:
0. a SavedModel, or the assets of one: texts are read as its graph reads them;
1. what albertkit itself saved, as long as the tokenizer.json is the one that it wrote;
2. a tokenizer.json: the users of the directory have *its* ids. A known form becomes a policy, if
   all probe texts then have the same ids; any other is run by the tokenizers library;
3. a SentencePiece model, with google's pipeline as far as tokenizer_config.json does not change it;
4. a vocab.txt, with BERT's pipeline likewise.
A policy or settings given by the caller override 0, 1 and 2 if a SentencePiece model or a vocab.txt
is present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from albertkit import fileformats
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import map_file, parse_json, read_errors, read_json
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.tokenization.pieces import SentencePieces
from albertkit.tokenization.policy import (
    REFERENCE,
    TFHUB,
    TFHUB_WORDPIECE,
    WORDPIECE,
    TokenizerPolicy,
)
from albertkit.tokenization.tokenizer_settings import (
    ADDED_TOKENS_FILE,
    CONFIG_FILE,
    SETTINGS_FILE,
    SPECIAL_TOKENS_FILE,
    TOKENIZER_FILE,
    VOCABULARY_FILE,
    Settings,
    VocabularyOptions,
    check_tokenizer_class,
    read_json_tokens,
    read_max_length,
    read_options,
    read_own_policy,
    read_side,
    read_special_names,
)
from albertkit.tokenization.vocabulary import BERT_NAMES, SpecialNames, TokenizerParts

SENTENCEPIECE_FILES = (
    "spiece.model",
    "30k-clean.model",
    "assets/30k-clean.model",
    "vocabulary.spm",
)
# Keras Hub keeps a preset's vocabulary here; its tokenizer.json is a file of settings.
KERAS_HUB_FOLDER = "assets/tokenizer"
# sentence-transformers before version 2 kept the encoder and its vocabulary here.
OLD_ENCODER_FOLDER = "0_Transformer"
KERAS_KEY = "registered_name"  # in what Keras serialises
LARGEST_SETTINGS = 2**16  # bytes; Keras Hub's have 900
WORDPIECE_FILES = (
    VOCABULARY_FILE,
    "vocab_chinese.txt",
)  # the second: google's Chinese ones
# Files that are read with a vocabulary.
JSON_FILES = (TOKENIZER_FILE, SETTINGS_FILE, SPECIAL_TOKENS_FILE, ADDED_TOKENS_FILE)
VOCABULARY_ENDINGS = (".model", *WORDPIECE_FILES)  # of vocabulary files

# What a policy for SentencePiece means for a vocab.txt.
WORDPIECE_POLICIES = {REFERENCE: WORDPIECE, TFHUB: TFHUB_WORDPIECE}


NO_SETTINGS: Settings = {}


def find_vocabulary(
    path: Path, policy: TokenizerPolicy | None = None, overrides: Settings = NO_SETTINGS
) -> TokenizerParts:
    """Open the vocabulary at a path.

    Args:
        path: a vocabulary file, or a directory or archive that holds one.
        policy: in place of the one that the files ask for.
        overrides: settings in place of those of tokenizer_config.json, by their names there.

    Raises:
        InputError: [file-not-found].
        FormatError: [no-vocabulary], [tokenizer-unsupported], or any error in the files.
        ResourceError: [file-unreadable].
    """
    with read_errors(path):
        return _find(path, policy, overrides)


def open_files(
    files: Mapping[str, bytes],
    origin: str,
    policy: TokenizerPolicy | None = None,
    overrides: Settings = NO_SETTINGS,
    config: Settings = NO_SETTINGS,
) -> TokenizerParts:
    """Open the vocabulary among a tokenizer's files.

    Args:
        files: contents by file name.
        origin: the directory of the files, in error messages.
        policy: in place of the one that the files ask for.
        overrides: settings in place of those of tokenizer_config.json.
        config: the contents of the model's config.json: its vocab_size decides how a vocab.txt
            with repeated lines is counted, its tokenizer_class counts if the settings have none.

    Raises:
        FormatError: [no-vocabulary], [tokenizer-unsupported], or any error in the files.
    """
    options = read_options(files, origin, policy, overrides, config)
    return replace(
        _open_files(files, origin, options),
        model_max_length=read_max_length(options.settings),
        truncation_side=read_side(options.settings, "truncation_side"),
        padding_side=read_side(options.settings, "padding_side"),
    )


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


def _find(path: Path, policy: TokenizerPolicy | None, overrides: Settings) -> TokenizerParts:
    """Open the vocabulary at a path, with the operating system's own errors."""
    module = _find_module(path)
    if module is not None:
        from albertkit.tokenization.saved_model_vocabulary import read_module_vocabulary

        asset = read_module_vocabulary(module)
        if path.is_dir() or path == asset.file:
            options = VocabularyOptions(asset.settings, policy or asset.policy, overrides)
            parts = open_bytes(asset.data, asset.name, options)
            is_modules = not policy and not overrides and asset.reason
            return replace(parts, reason=asset.reason) if is_modules else parts
    if path.is_file():
        data = map_file(path)
        if fileformats.is_archive(data):
            unpacked = fileformats.ExtractedArchive(path)
            return _find(unpacked.path, policy, overrides)
        options = VocabularyOptions(policy=policy, overrides=overrides)
        return _open_file(bytes(data), str(path), options)
    if not path.is_dir():
        raise InputError(
            "file-not-found",
            f"there is no file or directory {str(path)!r}",
            why="a tokenizer is opened from its files; nothing is downloaded",
            fix="Check the path, or download the model's files into a directory first",
        )
    path = find_vocabulary_folder(path)
    config = path / CONFIG_FILE
    return open_files(
        read_tokenizer_files(path),
        str(path),
        policy,
        overrides,
        read_json(config) if config.is_file() else {},
    )


def _find_module(path: Path) -> Path | None:
    """The SavedModel at a path, or the one that the path is the assets or an asset of."""
    from albertkit.fileformats.tensorflow.saved_model_files import ASSETS, is_saved_model

    candidates = [path] if path.is_dir() else []
    candidates += [above.parent for above in (path, path.parent) if above.name == ASSETS]
    return next(filter(is_saved_model, candidates), None)


def find_vocabulary_folder(path: Path) -> Path:
    """The directory itself, or the folder in it where some libraries keep the vocabulary."""
    if (path / KERAS_HUB_FOLDER / "vocabulary.spm").is_file():
        return path / KERAS_HUB_FOLDER
    old = path / OLD_ENCODER_FOLDER
    return old if old.is_dir() else path


def _open_files(
    files: Mapping[str, bytes], origin: str, options: VocabularyOptions
) -> TokenizerParts:
    """The vocabulary among the files, by the order of precedence above."""
    names = [name for name in files if name not in JSON_FILES]
    models = [name for name in names if looks_like_sentencepiece(files[name][:16])]
    plain = next(iter(models or names), None)
    tokenizer_json = files.get(TOKENIZER_FILE)
    if tokenizer_json is not None and _is_of_keras(tokenizer_json):
        tokenizer_json = None
    saved = read_own_policy(options.settings, tokenizer_json)

    def open_plain(name: str, options: VocabularyOptions) -> TokenizerParts:
        return _open_file(files[name], f"{origin}/{name}", options)

    if plain and saved and options.policy is None:
        parts = open_plain(plain, replace(options, policy=saved))
        return parts if options.overrides else replace(parts, reason="saved by albertkit")
    if plain and options.is_explicit:
        if tokenizer_json is not None:
            more = read_json_tokens(parse_json(tokenizer_json, TOKENIZER_FILE))
            options = replace(options, added=(*options.added, *more))
        return open_plain(plain, options)
    if tokenizer_json is not None:
        reference = (files[models[0]], f"{origin}/{models[0]}") if models else None
        return _follow(tokenizer_json, f"{origin}/{TOKENIZER_FILE}", reference, options)
    if plain:
        check_tokenizer_class(options.settings, origin)
        return open_plain(plain, options)
    raise FormatError(
        "no-vocabulary",
        f"the directory {origin!r} holds no vocabulary",
        why="it has no spiece.model, 30k-clean.model, vocabulary.spm or vocab.txt, and no "
        "tokenizer.json of Hugging Face's",
        fix="Copy the model's vocabulary file into this directory",
    )


def _is_of_keras(data: bytes) -> bool:
    """Whether a tokenizer.json is Keras Hub's file of that name."""
    return len(data) <= LARGEST_SETTINGS and KERAS_KEY in parse_json(data, TOKENIZER_FILE)


def _open_file(data: bytes, name: str, options: VocabularyOptions) -> TokenizerParts:
    """Open one vocabulary file by its content; name: in error messages."""
    if data.lstrip()[:1] == b"{":
        return _follow(data, name, None, options)
    return open_bytes(data, name, options)


def open_bytes(data: bytes, name: str, options: VocabularyOptions) -> TokenizerParts:
    """Open a SentencePiece model or a vocab.txt; name: of the file in error messages."""
    if looks_like_sentencepiece(data[:16]):
        policy, reason = options.choose_policy(REFERENCE, "a SentencePiece model")
        pieces = SentencePieces(
            data,
            name,
            special_names=read_special_names(options.settings, SpecialNames()),
            digit_comma=policy.digit_comma,
            ties_unrounded=policy.ties_unrounded,
            added=options.added,
        )
        return TokenizerParts(pieces, policy, reason)
    from albertkit.tokenization.wordpiece import (  # a SentencePiece model does not need them
        WordPieces,
        looks_like_wordpiece,
        read_vocabulary,
    )

    if looks_like_wordpiece(data):
        given = options.policy and WORDPIECE_POLICIES.get(options.policy, options.policy)
        policy, reason = replace(options, policy=given).choose_policy(
            WORDPIECE, "a WordPiece vocabulary"
        )
        lines = read_vocabulary(
            data, name, rows=options.rows, is_huggingface=options.is_huggingface
        )
        names = read_special_names(options.settings, BERT_NAMES)
        words = WordPieces(lines, name, names, policy.word_rule, options.added)
        return TokenizerParts(words, policy, reason)
    raise FormatError(
        "file-wrong-format",
        f"this is not a vocabulary: it begins with {data[:12]!r}",
        why="a SentencePiece model, tokenizer.json or vocab.txt was expected",
        fix="Give the vocabulary that belongs to the model",
        where=name,
    )


def _follow(
    data: bytes, name: str, reference: tuple[bytes, str] | None, options: VocabularyOptions
) -> TokenizerParts:
    from albertkit.tokenization.tokenizer_json.reading import follow_tokenizer_json

    return follow_tokenizer_json(data, name, reference, options)
