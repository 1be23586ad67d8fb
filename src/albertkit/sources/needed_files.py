"""Which files of a repository a model needs: one copy of the weights, and the small ones.

In: the paths of all files. Out: those to fetch. A published ALBERT repository holds the same
weights up to six times, for as many frameworks; one is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from albertkit.sources.fetch_options import Parts

# Folders that sentence-transformers makes (1_Pooling, 0_Transformer); "" is the top.
FOLDER = r"(?P<folder>(?:\d+_[\w-]+/)?)"

TOKENIZER = re.compile(
    FOLDER + r"(?:tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json"
    r"|added_tokens\.json|vocab\.txt|[\w-]+\.model|assets/[\w.-]+\.model"
    r"|assets/tokenizer/[\w.-]+)"
)
SETTINGS = re.compile(
    FOLDER + r"(?:config\.json|albert_config\.json|modules\.json|config_sentence_transformers\.json"
    r"|sentence_bert_config\.json|sentence_\w+_config\.json|metadata\.json|task\.json"
    r"|preprocessor\.json)"
)
# Each line is one way of keeping weights; of those that a folder has, the first is fetched.
WEIGHTS = tuple(
    re.compile(FOLDER + form)
    for form in (
        r"model\.safetensors",
        r"(?:model\.safetensors\.index\.json|model-\d{5}-of-(?P<count>\d{5})\.safetensors)",
        r"pytorch_model\.bin",
        r"(?:pytorch_model\.bin\.index\.json|pytorch_model-\d{5}-of-(?P<count>\d{5})\.bin)",
        r"(?:model|task)\.weights\.h5",  # the encoder and a task's head
        r"(?:(?:saved_model|tfhub_module|keras_metadata|fingerprint)\.pb|(?:variables|assets)/.+)",
        r"[\w.-]*\.ckpt[\w.-]*\.(?:index|data-\d{5}-of-(?P<count>\d{5}))",
    )
)
ENCODER_FOLDERS = ("", "0_Transformer/")


def needed_files(files: Iterable[str], parts: Parts = "model") -> tuple[str, ...]:
    """The files to fetch, the weights last; without weights, where there are none to be read."""
    listed = sorted(path for path in files if ".." not in path)
    kept = [path for path in listed if TOKENIZER.fullmatch(path)]
    if parts == "tokenizer":
        return tuple(kept)
    kept += [path for path in listed if SETTINGS.fullmatch(path)]
    chosen = [path for own in _weights_by_folder(listed).values() for path in own]
    return tuple(dict.fromkeys([*(path for path in kept if path not in chosen), *chosen]))


def weights_among(files: Iterable[str]) -> tuple[str, ...]:
    """The weights of the encoder among these; none where a shard is missing."""
    by_folder = _weights_by_folder(sorted(files))
    own = next((by_folder[name] for name in ENCODER_FOLDERS if name in by_folder), [])
    return tuple(own) if _all_shards(own) else ()


def _weights_by_folder(files: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for form in WEIGHTS:
        of_form: dict[str, list[str]] = {}
        for path in files:
            match = form.fullmatch(path)
            if match and match["folder"] not in found:
                of_form.setdefault(match["folder"], []).append(path)
        found |= of_form
    return found


def _all_shards(files: list[str]) -> bool:
    """Whether there are as many numbered files as their names say."""
    counts = [int(number) for path in files for number in re.findall(r"-of-(\d{5})", path)]
    return not counts or len(counts) == max(counts)
