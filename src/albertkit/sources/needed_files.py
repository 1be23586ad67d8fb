"""Select the files of a repository that a model needs: one copy of the weights, and small files.

A published ALBERT repository holds the same weights up to six times, once for each framework.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.sources.names import Parts

CONFIG = "config.json"
# Directories that sentence-transformers makes (1_Pooling, 0_Transformer); "" is the top.
DIRECTORY = r"(?P<directory>(?:\d+_[\w-]+/)?)"

TOKENIZER = re.compile(
    DIRECTORY + r"(?:tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json"
    r"|added_tokens\.json|vocab\.txt|[\w-]+\.model|assets/[\w.-]+\.model"
    r"|assets/tokenizer/[\w.-]+)"
)
SETTINGS = re.compile(
    DIRECTORY
    + r"(?:config\.json|albert_config\.json|modules\.json|config_sentence_transformers\.json"
    r"|sentence_bert_config\.json|sentence_\w+_config\.json|metadata\.json|task\.json"
    r"|preprocessor\.json)"
)
# Each line is one format of weights; of those in a directory, the first is fetched.
WEIGHTS = tuple(
    re.compile(DIRECTORY + pattern)
    for pattern in (
        r"model\.safetensors",
        r"(?:model\.safetensors\.index\.json|model-\d{5}-of-(?P<count>\d{5})\.safetensors)",
        r"pytorch_model\.bin",
        r"(?:pytorch_model\.bin\.index\.json|pytorch_model-\d{5}-of-(?P<count>\d{5})\.bin)",
        r"(?:model|task)\.weights\.h5",  # the encoder and a task's head
        r"(?:(?:saved_model|tfhub_module|keras_metadata|fingerprint)\.pb|(?:variables|assets)/.+)",
        r"[\w.-]*\.ckpt[\w.-]*\.(?:index|data-\d{5}-of-(?P<count>\d{5}))",
    )
)
ENCODER_DIRECTORIES = ("", "0_Transformer/")


def select_files(files: Iterable[str], parts: Parts = "model") -> tuple[str, ...]:
    """Select the files to fetch.

    Args:
        files: The paths of all files of the repository.
        parts: All of the model, only the tokenizer, or only config.json.

    Returns:
        The files, the weights last. If there are no weights that can be read, there are none here.
    """
    paths = sorted(path for path in files if ".." not in path)
    if parts == "config":
        return (CONFIG,) if CONFIG in paths else ()
    kept = [path for path in paths if TOKENIZER.fullmatch(path)]
    if parts == "tokenizer":
        return tuple(kept)
    kept += [path for path in paths if SETTINGS.fullmatch(path)]
    weights = [path for own in _group_weights(paths).values() for path in own]
    return tuple(dict.fromkeys([*(path for path in kept if path not in weights), *weights]))


def find_weights(files: Iterable[str]) -> tuple[str, ...]:
    """Find the files of the encoder's weights; none if a shard is missing."""
    directories = _group_weights(sorted(files))
    own = next((directories[name] for name in ENCODER_DIRECTORIES if name in directories), [])
    return tuple(own) if _has_all_shards(own) else ()


def _group_weights(files: list[str]) -> dict[str, list[str]]:
    """Find the weights of each directory, in its first format."""
    weights: dict[str, list[str]] = {}
    for pattern in WEIGHTS:
        of_pattern: dict[str, list[str]] = {}
        for path in files:
            match = pattern.fullmatch(path)
            if match and match["directory"] not in weights:
                of_pattern.setdefault(match["directory"], []).append(path)
        weights |= of_pattern
    return weights


def _has_all_shards(files: list[str]) -> bool:
    """Check whether there are as many numbered files as their names say."""
    counts = [int(number) for path in files for number in re.findall(r"-of-(\d{5})", path)]
    return not counts or len(counts) == max(counts)
