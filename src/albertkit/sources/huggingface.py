"""Fetch models of the Hugging Face hub into its own cache.

huggingface_hub is imported when a name needs it, and requests only the files. Its cache, token,
endpoint and offline variables apply. The weights are fetched last: a snapshot that has them is
complete, even if the network failed in between.
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
from albertkit.errors.exceptions import find_nearest_name
from albertkit.sources.hub_errors import (
    find_network_reason,
    find_offline_reason,
    not_cached_error,
    not_reached_error,
)
from albertkit.sources.needed_files import find_weights, select_files

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

    from albertkit.sources.names import Parts

LOGGER = logging.getLogger(__name__)

HOME = "https://huggingface.co"
# Ids from the hub's first months have no owner; there are no new ones.
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
# Every repository that can be used has one of these at its top.
LANDMARKS = ("config.json", "spiece.model", "tokenizer.json", "saved_model.pb", "vocab.txt")
LIST_TIMEOUT = 10.0  # seconds for the list of files; huggingface_hub's own default for files
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class HubName:
    """A model of the hub.

    Attributes:
        name: As the user wrote it.
        repo: Its id.
        revision: A branch, a tag or a commit; None for the newest.
    """

    name: str
    repo: str
    revision: str | None = None


def parse_name(name: str) -> HubName | None:
    """Read a name of the hub: an id with or without @revision, or a URL; None for other forms."""
    bare, _, revision = name.partition("@")
    if bare in WITHOUT_OWNER:
        return HubName(name, bare, revision or None)
    match = ID.fullmatch(name) or PAGE.fullmatch(name)
    if match is None or NEVER_IN_ID.search(match["repo"]):
        return None
    return HubName(name, match["repo"], match["revision"])


def fetch(
    model: HubName,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    parts: Parts = "model",
) -> Path:
    """Fetch a model, or find it in the cache.

    Args:
        model: The parsed name.
        token: As in FetchOptions.
        cache_dir: As in FetchOptions.
        local_files_only: Whether to use only what is already there.
        parts: All of the model, only the tokenizer, or only config.json.

    Returns:
        The directory of a snapshot that has the files.

    Raises:
        InputError: [unknown-model], [hub-revision-unknown].
        FormatError: [checkpoint-unrecognised].
        ResourceError: [hub-unreachable], [hub-access-denied], [write-failed].
    """
    cached = _find_cached(model, cache_dir, parts)
    setting = find_offline_reason(local_files_only)
    if setting:
        if cached is None:
            raise not_cached_error(model.name, get_endpoint(), setting, _cache(cache_dir))
        return cached
    if cached and COMMIT.fullmatch(model.revision or ""):
        return cached  # a commit never changes
    try:
        return _fetch_from_hub(model, token, cache_dir, parts, cached)
    except ResourceError as error:
        if cached is None or error.diagnostic.code != "hub-unreachable":
            raise
        LOGGER.warning(
            "%s cannot be reached: the copy of %s in %s is used", get_endpoint(), model.repo, cached
        )
        return cached


def get_endpoint() -> str:
    """Return the hub's URL, which HF_ENDPOINT can change."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HOME


def _fetch_from_hub(
    model: HubName,
    token: str | bool | None,
    cache_dir: str | Path | None,
    parts: Parts,
    cached: Path | None,
) -> Path:
    """List the model's files on the hub, and fetch those that are not cached."""
    from huggingface_hub import HfApi, snapshot_download

    from albertkit import __version__

    with _silence_library(), _hub_errors(model, cache_dir):
        api = HfApi(
            endpoint=get_endpoint(),
            token=token,
            library_name="albertkit",
            library_version=__version__,
        )
        info = api.model_info(model.repo, revision=model.revision, timeout=LIST_TIMEOUT)
        files = _select_files([sibling.rfilename for sibling in info.siblings or ()], model, parts)
        if cached and cached.name == info.sha and all((cached / f).is_file() for f in files):
            return cached
        weights = set(find_weights(files))
        small = [name for name in files if name not in weights]
        revision = model.revision
        for names in filter(None, (small, sorted(weights))):
            snapshot = snapshot_download(
                model.repo,
                revision=revision,
                cache_dir=cache_dir,
                token=token,
                endpoint=get_endpoint(),
                library_name="albertkit",
                library_version=__version__,
                allow_patterns=[escape(name) for name in names],
            )
            revision = Path(snapshot).name  # the commit, in case the branch moves in between
    return Path(snapshot)


def _select_files(paths: list[str], model: HubName, parts: Parts) -> tuple[str, ...]:
    """Select the files to fetch; refuse a repository without usable ones."""
    files = select_files(paths, parts)
    if parts == "tokenizer" and not files:
        raise _unusable_error(
            model, paths, "vocabulary", "spiece.model, tokenizer.json or vocab.txt"
        )
    if parts == "config" and not files:
        raise _unusable_error(model, paths, "config", "config.json")
    if parts == "model" and not find_weights(files):
        known = "model.safetensors, pytorch_model.bin, a SavedModel or a TensorFlow checkpoint"
        raise _unusable_error(model, paths, "weights", known)
    return files


def _unusable_error(model: HubName, paths: list[str], what: str, known: str) -> FormatError:
    shown = [path for path in paths if not path.startswith(".")]
    more = ", …" if len(shown) > 6 else ""
    return FormatError(
        "checkpoint-unrecognised",
        f"the repository has no {what} in a known format, only {', '.join(shown[:6])}{more}",
        why=f"none of {known} is among its {len(paths)} files",
        fix="Give a repository that has them, or another revision (name@revision)",
        where=f"{get_endpoint()}/{model.repo}",
    )


def _find_cached(model: HubName, cache_dir: str | Path | None, parts: Parts) -> Path | None:
    """Find a complete snapshot in the cache, without a request."""
    from huggingface_hub import try_to_load_from_cache

    for name in LANDMARKS:
        cached = try_to_load_from_cache(
            model.repo, name, cache_dir=cache_dir, revision=model.revision
        )
        if isinstance(cached, str):
            snapshot = Path(cached).parent
            files = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*")]
            has_all = find_weights(files) if parts == "model" else select_files(files, parts)
            return snapshot if has_all else None
    return None


def _cache(cache_dir: str | Path | None) -> Path:
    from huggingface_hub import constants

    return Path(cache_dir or constants.HF_HUB_CACHE)


@contextmanager
def _silence_library() -> Iterator[None]:
    """Let huggingface_hub draw no progress bars except on a terminal, and send no telemetry.

    By default the library fetches a list of programs from the hub, reports which of them called it,
    and sends the versions of installed packages.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    wanted = constants.HF_HUB_DISABLE_PROGRESS_BARS is False  # the user's own HF_HUB_…=0
    hidden = not (wanted or sys.stderr.isatty() or are_progress_bars_disabled())
    telemetry_disabled = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if hidden:
        disable_progress_bars()
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = telemetry_disabled
        if hidden:
            enable_progress_bars()


@contextmanager
def _hub_errors(model: HubName, cache_dir: str | Path | None) -> Iterator[None]:
    """Turn the library's exceptions into our errors."""
    from huggingface_hub import errors

    # the base of its HTTP library's exceptions: requests, httpx or httpx2, by its version
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
        raise _access_denied_error(
            "token=True, but no token is saved on this machine", error
        ) from error
    except errors.HfHubHTTPError as error:
        raise _answer_error(model, error, cache_dir) from error
    except failures as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise _cache_not_written(_cache(cache_dir), error) from error
        raise not_reached_error(model.name, get_endpoint(), error, _cache(cache_dir)) from error


def _answer_error(
    model: HubName, error: HfHubHTTPError, cache_dir: str | Path | None
) -> AlbertKitError:
    """Make the error for an answer that is not the file."""
    from huggingface_hub import errors

    page = f"{get_endpoint()}/{model.repo}"
    status = error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return ResourceError(
            "hub-access-denied",
            f"{page} is open only to users whom its owners approved",
            why="the token that was sent, if any, is not one of theirs",
            fix="Accept the terms on that page; then set HF_TOKEN or give --token (Python: token=)",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return InputError(
            "hub-revision-unknown",
            f"{page} has no revision {model.revision!r}",
            why="a revision is a branch, a tag or a whole commit hash",
            fix=f"Leave it out for the newest, or look at {page}/commits/{NEWEST}",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        near = find_nearest_name(model.repo, PUBLISHED)
        hint = f" (did you mean {near!r}?)" if near not in (None, model.repo) else ""
        return InputError(
            "unknown-model",
            f"{model.name!r} is neither a local directory nor a model on {get_endpoint()}{hint}",
            why="a private model is also not shown without its owner's token",
            fix="Check the name; for a private model set HF_TOKEN or give --token (Python: token=)",
        )
    if status in (401, 403):
        return _access_denied_error(f"{get_endpoint()} refuses the token that was sent", error)
    answer = ConnectionError(f"it answers with status {status}")
    return not_reached_error(model.name, get_endpoint(), answer, _cache(cache_dir))


def _access_denied_error(what: str, error: BaseException) -> ResourceError:
    return ResourceError(
        "hub-access-denied",
        what,
        why=find_network_reason(error),
        fix="Set HF_TOKEN to a valid token; public models need none (token=False)",
    )


def _cache_not_written(cache: Path, error: OSError) -> ResourceError:
    return ResourceError(
        "write-failed",
        f"the cache {str(cache)!r} could not be written: {error.strerror or error}",
        why="models from the hub are kept there",
        fix="Free space on its disk, or set HF_HOME or --cache-dir to another directory",
    )
