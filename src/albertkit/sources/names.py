"""Resolve a model's name to a local path: a path, a model inside the package, or one of a hub.

Local files take precedence. A hub is asked only if the name has the form of a hub's name:
`owner/model`, `albert-base-v2` and similar, a URL, `kaggle:…`. A Path object is always a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import albertkit
from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name

BUILTIN = Path(albertkit.__file__).parent / "builtin"
WORDS, VECTORS = "small-en", "small-en-vectors"
# name → purpose; each is a directory in BUILTIN
BUILTIN_MODELS: Mapping[str, str] = MappingProxyType(
    {WORDS: "masked LM, English", VECTORS: "text vectors, English"}
)

Parts: TypeAlias = Literal["model", "tokenizer", "config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How a model is fetched from a hub; the names are Hugging Face's.

    A local path and a built-in model need none of them.

    Attributes:
        revision: A branch, a tag or a commit; None for the newest.
        token: For private models; None for the one saved on this machine or in HF_TOKEN, False for
            none.
        cache_dir: Where downloads are kept; None for the hub's usual directory.
        local_files_only: Use only what is already there. HF_HUB_OFFLINE=1 does this for all calls.
    """

    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False


DEFAULT_FETCH_OPTIONS = FetchOptions()
RUN_SUFFIX = ".run"  # of a directory with checkpoints of a training, which is no model


def resolve_local_path(name: str | Path) -> Path:
    """Resolve a name without asking a hub.

    Args:
        name: A path or the name of a built-in model; an existing path of that name wins.

    Returns:
        The path, which may not exist.
    """
    path = Path(name)
    is_builtin = str(name) in BUILTIN_MODELS and not _is_existing(path)
    return BUILTIN / str(name) if is_builtin else path


def resolve_location(
    name: str | Path, fetch_options: FetchOptions = DEFAULT_FETCH_OPTIONS, *, parts: Parts = "model"
) -> Path:
    """Resolve a model's name to a local path; fetch the model if a hub has it.

    Args:
        name: A path, a built-in model, a hub's name or a URL.
        fetch_options: For a hub.
        parts: Whether to fetch all of the model, only the tokenizer, or only config.json.

    Returns:
        The model's directory or file, or the prefix of a TensorFlow checkpoint.

    Raises:
        InputError: [unknown-model], [argument-given-twice], [hub-revision-unknown].
        FormatError: [checkpoint-unrecognised] for a repository without usable files; for a broken
            archive as `extract_archive`.
        ResourceError: [hub-unreachable], [hub-access-denied], [write-failed].
    """
    path = resolve_local_path(name)
    if _is_existing(path) or _is_existing(Path(f"{path}.index")):
        return path
    if isinstance(name, str):
        # imported here, because most names are local (benchmarks/late_imports.py)
        from albertkit.sources import hubs

        fetched = hubs.fetch(name, fetch_options, parts)
        if fetched:
            return fetched
    raise _unknown_model_error(str(name))


def _is_existing(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # opening it later gives the right error
        return True
    except (OSError, ValueError):  # longer than any path, or with a zero byte
        return False


def _unknown_model_error(name: str) -> InputError:
    if name.startswith(("http://", "https://")):
        return InputError(
            "unknown-model",
            f"nothing is fetched from {name!r}",
            why="only models on huggingface.co, tfhub.dev and kaggle.com are fetched by URL",
            fix="Download it, and give the path of the archive or directory",
        )
    from albertkit.sources.huggingface import WITHOUT_OWNER

    near = find_nearest_name(name, [*BUILTIN_MODELS, *WITHOUT_OWNER]) or _find_sibling(Path(name))
    return InputError(
        "unknown-model",
        f"there is no file or directory {name!r}" + (f" (did you mean {near!r}?)" if near else ""),
        why=f"names on a hub look like albert/albert-base-v2, and the built-in models are "
        f"{', '.join(BUILTIN_MODELS)}",
        fix="Check the path or the name; albertkit models lists models to take",
    )


def _find_sibling(path: Path) -> str | None:
    """Find the entry of the same directory with the nearest name, as the user would write it."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix != RUN_SUFFIX]
        near = find_nearest_name(path.name, names)
    except (OSError, ValueError):
        return None
    return None if near is None else str(path.parent / near)
