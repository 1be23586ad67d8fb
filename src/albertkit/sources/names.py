"""The directory that a model's name means: a path, a model inside the package, or one of a hub.

What is here goes first. A hub is asked only where the form of a name says so: `owner/model`,
`albert-base-v2` and its like, an address, `kaggle:…`. A Path object is always a path.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import albertkit
from albertkit.errors import InputError
from albertkit.sources import huggingface, kaggle
from albertkit.sources.needed_files import Parts

BUILTIN = Path(albertkit.__file__).parent / "builtin"
WORDS, VECTORS = "small-en", "small-en-vectors"
# name → what it is for; each is a folder of BUILTIN
BUILTIN_MODELS: Mapping[str, str] = MappingProxyType(
    {WORDS: "masked words, English", VECTORS: "text vectors, English"}
)
# A name that ends so means a file, never a repository.
FILE_ENDINGS = (
    *(".json", ".model", ".txt", ".vocab", ".bin", ".pt", ".h5", ".pb", ".onnx", ".ckpt"),
    *(".safetensors", ".gz", ".tgz", ".tar", ".zip"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """How a hub is asked, under Hugging Face's names; a path and a built-in model ask nobody.

    revision: a branch, a tag or a commit. token: for private models; None: the one saved on this
    machine or in HF_TOKEN, False: none. cache_dir: where files are kept; None: the hub's own place.
    local_files_only: ask nobody, as HF_HUB_OFFLINE=1 says for all calls.
    """

    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False


AS_USUAL = Fetching()


def place_of(name: str | Path) -> Path:
    """What `name` means without asking a hub; one's own file or directory goes before a built-in
    model of that name."""
    place = Path(name)
    is_builtin = str(name) in BUILTIN_MODELS and not _is_there(place)
    return BUILTIN / str(name) if is_builtin else place


def directory_of(
    name: str | Path, fetching: Fetching = AS_USUAL, *, parts: Parts = "model"
) -> Path:
    """Where the model lies, or its tokenizer alone; fetched first where a hub has it.

    Gives the file, where `name` is one, and the prefix of a TensorFlow checkpoint as it is.
    Raises InputError [unknown-model], [argument-given-twice], and as the hubs' `fetched` do.
    """
    place = place_of(name)
    if _is_there(place) or _is_there(Path(f"{place}.index")):
        return place
    asked = str(name)
    if isinstance(name, Path) or not asked:
        raise _unknown(asked)
    archived = kaggle.archived_model(asked)
    if archived:
        return kaggle.fetched(
            asked,
            archived,
            cache_dir=fetching.cache_dir,
            local_files_only=fetching.local_files_only,
        )
    model = None if _is_meant_as_path(asked) else huggingface.hub_name(asked)
    if model is None:
        raise _unknown(asked)
    return huggingface.fetched(
        _at_revision(model, fetching.revision),
        token=fetching.token,
        cache_dir=fetching.cache_dir,
        local_files_only=fetching.local_files_only,
        parts=parts,
    )


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except (OSError, ValueError):  # longer than any name can be, or with a zero byte
        return False


def _is_meant_as_path(name: str) -> bool:
    """Whether somebody who writes `owner/model` so means a directory, which is not there."""
    if name.startswith(("http://", "https://", "hf://")) or name in huggingface.PUBLISHED:
        return False
    place = Path(name)
    own_folder = place.parent != Path() and _is_there(place.parent)
    return own_folder or name.lower().endswith(FILE_ENDINGS)


def _at_revision(model: huggingface.HubName, revision: str | None) -> huggingface.HubName:
    if revision is None or revision == model.revision:
        return model
    if model.revision is not None:
        raise InputError(
            "argument-given-twice",
            f"revision is {revision!r}, and the name says {model.revision!r}",
            why="a model has one revision",
            fix="Leave one of them out",
        )
    return huggingface.HubName(model.name, model.repo, revision)


def _unknown(name: str) -> InputError:
    if name.startswith(("http://", "https://")):
        return InputError(
            "unknown-model",
            f"nothing is fetched from {name!r}",
            why="the addresses that are understood are of models on huggingface.co, tfhub.dev and "
            "kaggle.com",
            fix="Download it, and give the path of the archive or directory",
        )
    known = [*BUILTIN_MODELS, *huggingface.WITHOUT_OWNER]
    place = Path(name)
    folder = place.parent
    beside = [str(folder / entry.name) for entry in folder.iterdir()] if _is_there(folder) else []
    near = difflib.get_close_matches(name, [*known, *beside], 1)
    return InputError(
        "unknown-model",
        f"there is no file or directory {name!r}"
        + (f" (did you mean {near[0]!r}?)" if near else ""),
        why=f"no hub is asked for such a name, and built-in models are {', '.join(BUILTIN_MODELS)}",
        fix="Give one of them, a model's directory, or a hub's name: albert/albert-base-v2",
    )
