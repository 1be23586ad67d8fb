"""The directory that a model's name means: a path, a model inside the package, or one of a hub.

What is here goes first. A hub is asked only where the form of a name says so: `owner/model`,
`albert-base-v2` and its like, an address, `kaggle:…`. A Path object is always a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import albertkit
from albertkit.errors import InputError
from albertkit.errors.wording import nearest_name
from albertkit.sources.fetch_options import DEFAULT_FETCH_OPTIONS, FetchOptions, Parts

BUILTIN = Path(albertkit.__file__).parent / "builtin"
WORDS, VECTORS = "small-en", "small-en-vectors"
# name → what it is for; each is a folder of BUILTIN
BUILTIN_MODELS: Mapping[str, str] = MappingProxyType(
    {WORDS: "masked words, English", VECTORS: "text vectors, English"}
)


def resolve_local_path(name: str | Path) -> Path:
    """What `name` means without asking a hub; one's own file or directory goes before a built-in
    model of that name."""
    place = Path(name)
    is_builtin = str(name) in BUILTIN_MODELS and not _is_there(place)
    return BUILTIN / str(name) if is_builtin else place


def resolve_location(
    name: str | Path, fetch_options: FetchOptions = DEFAULT_FETCH_OPTIONS, *, parts: Parts = "model"
) -> Path:
    """Where the model lies, or its tokenizer alone; fetched first where a hub has it.

    Gives the file, where `name` is one, and the prefix of a TensorFlow checkpoint as it is.
    Raises InputError [unknown-model], [argument-given-twice], and as the hubs' `fetched` do.
    """
    place = resolve_local_path(name)
    if _is_there(place) or _is_there(Path(f"{place}.index")):
        return place
    if isinstance(name, str):
        # imported here, as most names are of something that is here (benchmarks/late_imports.py)
        from albertkit.sources import hubs

        fetched = hubs.fetched(name, fetch_options, parts)
        if fetched:
            return fetched
    raise _unknown(str(name))


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except PermissionError:  # whoever opens it is told so, and nobody asks a hub for it
        return True
    except (OSError, ValueError):  # longer than any name can be, or with a zero byte
        return False


def _unknown(name: str) -> InputError:
    if name.startswith(("http://", "https://")):
        return InputError(
            "unknown-model",
            f"nothing is fetched from {name!r}",
            why="the addresses that are understood are of models on huggingface.co, tfhub.dev and "
            "kaggle.com",
            fix="Download it, and give the path of the archive or directory",
        )
    from albertkit.sources.huggingface import WITHOUT_OWNER

    known = [*BUILTIN_MODELS, *WITHOUT_OWNER, *_beside(Path(name))]
    near = nearest_name(name, known)
    return InputError(
        "unknown-model",
        f"there is no file or directory {name!r}" + (f" (did you mean {near!r}?)" if near else ""),
        why=f"no hub is asked for such a name, and built-in models are {', '.join(BUILTIN_MODELS)}",
        fix="Give one of them, a model's directory, or a hub's name: albert/albert-base-v2",
    )


def _beside(place: Path) -> list[str]:
    """What lies in the folder where `place` would be, as the user would write it."""
    try:
        return [str(place.parent / entry.name) for entry in place.parent.iterdir()]
    except (OSError, ValueError):
        return []
