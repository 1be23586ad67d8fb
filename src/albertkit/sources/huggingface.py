"""Models of the Hugging Face hub: an id and a revision → a directory of its cache.

huggingface_hub is imported when a name needs it, and asks for nothing but the files. Its cache,
token, endpoint and offline variables are its own. The weights are fetched last: a snapshot that
has them is whole, also when a network broke off in between.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.errors.wording import nearest_name
from albertkit.sources.fetch_options import Parts
from albertkit.sources.hub_errors import not_asked, not_reached, offline_because, reason_of
from albertkit.sources.needed_files import needed_files, weights_among

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

LOGGER = logging.getLogger(__name__)

HOME = "https://huggingface.co"
# Ids of the hub's first months, which have no owner; no new ones are given.
WITHOUT_OWNER = (
    *(f"albert-{size}-v{n}" for n in (1, 2) for size in ("base", "large", "xlarge", "xxlarge")),
    "bert-base-cased",
    "bert-base-chinese",
    "bert-base-multilingual-cased",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "bert-large-cased",
    "bert-large-uncased",
)
PUBLISHED = (
    *WITHOUT_OWNER,
    *(f"albert/{name}" for name in WITHOUT_OWNER if name.startswith("albert-")),
    *(f"google-bert/{name}" for name in WITHOUT_OWNER if name.startswith("bert-")),
    "sentence-transformers/paraphrase-albert-small-v2",
    "sentence-transformers/paraphrase-albert-base-v2",
)
# The hub's own rules for ids. Source: huggingface_hub 2.4.0, utils/_validators.py.
PART = r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?"
NEVER_IN_ID = re.compile(r"--|\.\.|\.git$")
ID = re.compile(rf"(?P<repo>{PART}/{PART})(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)
PAGE = re.compile(
    rf"(?:https?://(?:huggingface\.co|hf\.co)/|hf://)(?P<repo>{PART}(?:/{PART})?)"
    r"(?:/(?:tree|resolve|blob)/(?P<revision>\w[\w.-]*)(?:/.*)?)?/?(?:\?.*)?",
    re.ASCII,
)
COMMIT = re.compile(r"[0-9a-f]{40}")
NEWEST = "main"
# One of these lies at the top of every repository that we can use.
LANDMARKS = ("config.json", "spiece.model", "tokenizer.json", "saved_model.pb", "vocab.txt")
SECONDS = 10.0  # to wait for the list of files; huggingface_hub's own default for files
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class HubName:
    """A model of the hub.

    name: as the user wrote it. revision: a branch, a tag or a commit; None: the newest.
    """

    name: str
    repo: str
    revision: str | None = None


def hub_name(name: str) -> HubName | None:
    """The model of the hub that `name` means by its form; None where it means none."""
    bare, _, revision = name.partition("@")
    if bare in WITHOUT_OWNER:
        return HubName(name, bare, revision or None)
    found = ID.fullmatch(name) or PAGE.fullmatch(name)
    if found is None or NEVER_IN_ID.search(found["repo"]):
        return None
    return HubName(name, found["repo"], found["revision"])


def fetched(
    asked: HubName,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    parts: Parts = "model",
) -> Path:
    """The directory of a snapshot that has the files which are needed.

    Raises ResourceError [hub-unreachable], [hub-access-denied], [write-failed], InputError
    [unknown-model], [hub-revision-unknown], FormatError [checkpoint-unrecognised].
    """
    cached = _whole_copy(asked, cache_dir, parts)
    forbidden_by = offline_because(local_files_only)
    if forbidden_by:
        if cached is None:
            raise not_asked(asked.name, endpoint(), forbidden_by, _cache(cache_dir))
        return cached
    if cached and COMMIT.fullmatch(asked.revision or ""):
        return cached  # a commit never changes
    try:
        return _asked_for(asked, token, cache_dir, parts, cached)
    except ResourceError as error:
        if cached is None or error.diagnostic.code != "hub-unreachable":
            raise
        LOGGER.warning(
            "%s cannot be reached: the copy of %s in %s is used", endpoint(), asked.repo, cached
        )
        return cached


def endpoint() -> str:
    """The hub's address, which HF_ENDPOINT can change."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HOME


def _asked_for(
    asked: HubName,
    token: str | bool | None,
    cache_dir: str | Path | None,
    parts: Parts,
    cached: Path | None,
) -> Path:
    """Ask the hub what there is, and fetch what is not there yet."""
    from huggingface_hub import HfApi, snapshot_download

    from albertkit import __version__

    with _quiet_library(), _told(asked, cache_dir):
        api = HfApi(
            endpoint=endpoint(),
            token=token,
            library_name="albertkit",
            library_version=__version__,
        )
        info = api.model_info(asked.repo, revision=asked.revision, timeout=SECONDS)
        files = _chosen([sibling.rfilename for sibling in info.siblings or ()], asked, parts)
        if cached and cached.name == info.sha and all((cached / f).is_file() for f in files):
            return cached
        weights = set(weights_among(files))
        small = [name for name in files if name not in weights]
        revision = asked.revision
        for names in filter(None, (small, sorted(weights))):
            place = snapshot_download(
                asked.repo,
                revision=revision,
                cache_dir=cache_dir,
                token=token,
                endpoint=endpoint(),
                library_name="albertkit",
                library_version=__version__,
                allow_patterns=[escape(name) for name in names],
            )
            revision = Path(place).name  # the commit, should the branch move in between
    return Path(place)


def _chosen(listed: list[str], asked: HubName, parts: Parts) -> tuple[str, ...]:
    """The files to fetch; refused where none of them is of use."""
    files = needed_files(listed, parts)
    if parts == "tokenizer" and not files:
        raise _of_no_use(asked, listed, "vocabulary", "spiece.model, tokenizer.json or vocab.txt")
    if parts == "model" and not weights_among(files):
        known = "model.safetensors, pytorch_model.bin, a SavedModel or a TensorFlow checkpoint"
        raise _of_no_use(asked, listed, "weights", known)
    return files


def _of_no_use(asked: HubName, listed: list[str], what: str, known: str) -> FormatError:
    shown = [path for path in listed if not path.startswith(".")]
    more = ", …" if len(shown) > 6 else ""
    return FormatError(
        "checkpoint-unrecognised",
        f"the repository holds no {what} of a known form, but {', '.join(shown[:6])}{more}",
        why=f"none of {known} is among its {len(listed)} files",
        fix="Give a repository that has them, or another revision (name@revision)",
        where=f"{endpoint()}/{asked.repo}",
    )


def _whole_copy(asked: HubName, cache_dir: str | Path | None, parts: Parts) -> Path | None:
    """The snapshot in the cache that needs nothing more; asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    for name in LANDMARKS:
        found = try_to_load_from_cache(
            asked.repo, name, cache_dir=cache_dir, revision=asked.revision
        )
        if isinstance(found, str):
            place = Path(found).parent
            files = [path.relative_to(place).as_posix() for path in place.rglob("*")]
            has_all = needed_files(files, parts) if parts == "tokenizer" else weights_among(files)
            return place if has_all else None
    return None


def _cache(cache_dir: str | Path | None) -> Path:
    from huggingface_hub import constants

    return Path(cache_dir or constants.HF_HUB_CACHE)


@contextmanager
def _quiet_library() -> Iterator[None]:
    """No bars where nobody watches, and nothing sent that the files don't need.

    By itself the library fetches a list of programs from the hub, to tell it by which of them it
    was called, and names the versions of installed packages.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    wanted = constants.HF_HUB_DISABLE_PROGRESS_BARS is False  # the user's own HF_HUB_…=0
    hidden = not (wanted or sys.stderr.isatty() or are_progress_bars_disabled())
    telling = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if hidden:
        disable_progress_bars()
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = telling
        if hidden:
            enable_progress_bars()


@contextmanager
def _told(asked: HubName, cache_dir: str | Path | None) -> Iterator[None]:
    """Turn what the library raises into one of our errors."""
    from huggingface_hub import errors

    # the base of all that its HTTP library raises: requests', httpx' or httpx2's, by its version
    bases = errors.HfHubHTTPError.__bases__
    failures: tuple[type[Exception], ...] = (
        OSError,
        *(base for base in bases if issubclass(base, Exception)),
    )
    try:
        yield
    except AlbertKitError:
        raise
    except errors.LocalTokenNotFoundError as error:
        raise _denied("token=True, and no token is saved here", error) from error
    except errors.HfHubHTTPError as error:
        raise _of_answer(asked, error, cache_dir) from error
    except failures as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise _not_written(_cache(cache_dir), error) from error
        raise not_reached(asked.name, endpoint(), error, _cache(cache_dir)) from error


def _of_answer(
    asked: HubName, error: HfHubHTTPError, cache_dir: str | Path | None
) -> AlbertKitError:
    """The error for an answer that is not the file."""
    from huggingface_hub import errors

    page = f"{endpoint()}/{asked.repo}"
    status = error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return ResourceError(
            "hub-access-denied",
            f"{page} is open only to those whom its owners let in",
            why="the token that was sent, if any, is not of one of them",
            fix="Agree to the terms on that page, then set HF_TOKEN, or give token=",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError(
            "hub-revision-unknown",
            f"{page} has no revision {asked.revision!r}",
            why="a revision is a branch, a tag or a whole commit hash",
            fix=f"Leave it out for the newest, or look at {page}/commits/{NEWEST}",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        near = nearest_name(asked.repo, PUBLISHED)
        hint = f" (did you mean {near!r}?)" if near not in (None, asked.repo) else ""
        return InputError(
            "unknown-model",
            f"{asked.name!r} is neither a directory here nor a model on {endpoint()}{hint}",
            why="a private model, too, is not shown to those without its owner's token",
            fix="Check the name; for a private model set HF_TOKEN, or give token=",
        )
    if status in (401, 403):
        return _denied(f"{endpoint()} refuses the token that was sent", error)
    answer = ConnectionError(f"it answers with status {status}")
    return not_reached(asked.name, endpoint(), answer, _cache(cache_dir))


def _denied(what: str, error: BaseException) -> ResourceError:
    return ResourceError(
        "hub-access-denied",
        what,
        why=reason_of(error),
        fix="Set HF_TOKEN to a valid token; public models need none (token=False)",
    )


def _not_written(cache: Path, error: OSError) -> ResourceError:
    return ResourceError(
        "write-failed",
        f"the cache {str(cache)!r} could not be written: {error.strerror or error}",
        why="a model from a hub is kept there",
        fix="Free space on its disk, or name another place in HF_HOME, or as cache_dir=",
    )
