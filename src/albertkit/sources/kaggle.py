"""Fetch models of TF Hub and of Kaggle, which has TF Hub's models today.

Both serve an archive at a plain URL. Kaggle's own library is not used: it writes into the directory
of the final name while it downloads, draws progress bars into pipes, and needs nine packages. A
copy that it fetched is used; so is a copy of tensorflow_hub if TFHUB_CACHE_DIR is set.
URLs: tensorflow_hub 0.16.1, compressed_module_resolver.py; Kaggle's page for a model, "cURL".
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.fileformats.reader import read_json
from albertkit.sources.cache import FILE_LIST, cache_home, create_entry, is_complete, is_entry
from albertkit.sources.download import Address, NotDownloadedError, download
from albertkit.sources.hub_errors import find_offline_reason, not_cached_error, not_reached_error

LOGGER = logging.getLogger(__name__)

TFHUB = "https://tfhub.dev"
KAGGLE = "https://www.kaggle.com"

PART = r"[A-Za-z0-9][\w.-]*"
TFHUB_NAME = re.compile(
    rf"https?://(?:www\.)?tfhub\.dev/(?P<model>{PART}(?:/{PART})+?)(?:/(?P<version>\d+))?/?(?:\?.*)?",
    re.ASCII,
)
KAGGLE_NAME = re.compile(
    r"(?:https?://(?:www\.)?kaggle\.com/models/|kaggle:(?://)?)"
    rf"(?P<owner>{PART})/(?P<model>{PART})(?:/(?:frameworks/)?(?P<framework>{PART}))?"
    rf"(?:/(?:variations/)?(?P<variation>{PART}))?"
    r"(?:/(?:versions/)?(?P<version>\d+))?/?(?:\?.*)?",
    re.ASCII,
)
SAVED_MODELS = ("saved_model.pb", "tfhub_module.pb")
FRAMEWORKS = ("tensorFlow1", "tensorFlow2", "keras", "pyTorch", "transformers")  # as Kaggle writes
# At Kaggle, TF Hub's models of these two families have a regular name and the same version.
MOVED = re.compile(r"tensorflow/(?P<family>albert|bert)_(?P<variation>[\w-]+)")


@dataclass(frozen=True, slots=True)
class TfhubModel:
    """A model of TF Hub: `model` is owner/name, `version` the end of its URL."""

    model: str
    version: str

    @property
    def home(self) -> str:
        """The site, for messages."""
        return TFHUB

    @property
    def page(self) -> str:
        """The model's page."""
        return f"{TFHUB}/{self.model}/{self.version}"

    def cache_entry(self, cache_dir: str | Path | None) -> Path:
        """Return the directory in the cache: tensorflow_hub's own, if TFHUB_CACHE_DIR is set."""
        tfhub_cache = os.environ.get("TFHUB_CACHE_DIR", "")
        if cache_dir is None and tfhub_cache:
            name = hashlib.sha1(self.page.encode(), usedforsecurity=False).hexdigest()
            return Path(tfhub_cache) / name
        return Path(cache_dir or cache_home()) / "tfhub.dev" / self.model / self.version

    def addresses(self) -> tuple[Address, ...]:
        """List the archive's URLs: at TF Hub, and at Kaggle."""
        own = Address(f"{self.page}?tf-hub-format=compressed")
        moved = MOVED.fullmatch(self.model)
        if moved is None:
            return (own,)
        variation = moved["variation"].lower().replace("_", "-")
        model = KaggleModel("tensorflow", moved["family"], "tensorFlow2", variation, self.version)
        return (own, *model.addresses())

    def find_other_copy(self) -> Path | None:
        """Find a copy that tensorflow_hub fetched; it keeps no list by which to check it."""
        entry = self.cache_entry(None)
        has_model = any((entry / name).is_file() for name in SAVED_MODELS)
        has_variables = (entry / "variables" / "variables.index").is_file()
        return entry if has_model and has_variables and not is_entry(entry) else None


@dataclass(frozen=True, slots=True)
class KaggleModel:
    """One version of a model, by the parts of its handle."""

    owner: str
    model: str
    framework: str
    variation: str
    version: str

    @property
    def handle(self) -> str:
        """Kaggle's name for it."""
        return "/".join((self.owner, self.model, self.framework, self.variation, self.version))

    @property
    def home(self) -> str:
        """The site, for messages."""
        return KAGGLE

    @property
    def page(self) -> str:
        """The model's page."""
        return f"{KAGGLE}/models/{self.handle}"

    def cache_entry(self, cache_dir: str | Path | None) -> Path:
        """Return the directory in the cache."""
        return Path(cache_dir or cache_home()) / "kaggle.com" / self.handle

    def addresses(self) -> tuple[Address, ...]:
        """List the archive's URL."""
        return (Address(f"{KAGGLE}/api/v1/models/{self.handle}/download", _find_credentials()),)

    def find_other_copy(self) -> Path | None:
        """Find a copy that kagglehub fetched and marked as complete."""
        cache = os.environ.get("KAGGLEHUB_CACHE", "")
        directory = Path(cache or Path.home() / ".cache/kagglehub") / "models" / self.handle
        marker = directory.with_name(f"{directory.name}.complete")
        return directory if marker.is_file() and directory.is_dir() else None


ArchivedModel: TypeAlias = TfhubModel | KaggleModel


def parse_name(name: str) -> ArchivedModel | None:
    """Read a name of TF Hub or Kaggle.

    Args:
        name: A URL, or `kaggle:` and a handle.

    Returns:
        The model; None if the name has another form.

    Raises:
        InputError: [unknown-model] for a name without a version.
    """
    match = TFHUB_NAME.fullmatch(name)
    if match:
        if match["version"] is None:
            raise _version_missing_error(name, "https://tfhub.dev/tensorflow/albert_en_base/3")
        return TfhubModel(match["model"], match["version"])
    match = KAGGLE_NAME.fullmatch(name)
    if match is None:
        return None
    if not (match["framework"] and match["variation"] and match["version"]):
        raise _version_missing_error(name, "kaggle:tensorflow/albert/tensorFlow2/en-base/3")
    spelling = {framework.lower(): framework for framework in FRAMEWORKS}
    framework = spelling.get(match["framework"].lower(), match["framework"])
    return KaggleModel(
        match["owner"], match["model"], framework, match["variation"], match["version"]
    )


def fetch(
    name: str,
    model: ArchivedModel,
    *,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """Fetch a model, or find it in a cache.

    Args:
        name: As the user wrote it, for messages.
        model: The same name, parsed.
        cache_dir: Where archives are unpacked; None for the user's cache.
        local_files_only: Whether to use only what is already there.

    Returns:
        The unpacked directory.

    Raises:
        InputError: [unknown-model].
        FormatError: As `extract_archive`.
        ResourceError: [hub-unreachable], [hub-access-denied], [write-failed].
    """
    entry = model.cache_entry(cache_dir)
    if is_complete(entry):
        return _find_model(entry)
    copy = model.find_other_copy()
    if copy:
        return copy
    setting = find_offline_reason(local_files_only)
    if setting:
        raise not_cached_error(name, model.home, setting, entry)
    with create_entry(entry) as directory:
        archive = directory / ".archive"
        _download_from_any(name, model, archive, entry)
        _extract(archive, directory, model.page)
        archive.unlink()
    return _find_model(entry)


def _find_model(entry: Path) -> Path:
    """Return the entry's directory if it has only one, else the entry itself."""
    inside = [path for path in entry.iterdir() if path.name != FILE_LIST]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else entry


def _extract(archive: Path, directory: Path, page: str) -> None:
    """Extract an archive; errors name its page, because the file is deleted."""
    # imported here, because few processes extract anything
    from albertkit.fileformats.archives.extraction import extract_archive

    try:
        extract_archive(archive, directory)
    except FormatError as error:
        part = error.diagnostic
        raise FormatError(part.code, part.what, why=part.why, fix=part.fix, where=page) from error


def _download_from_any(name: str, model: ArchivedModel, archive: Path, entry: Path) -> None:
    """Download from the first URL that serves the archive; log why an earlier one did not."""
    refusals: list[NotDownloadedError] = []
    for address in model.addresses():
        try:
            download(address, archive)
        except NotDownloadedError as error:
            refusals.append(error)
            archive.unlink(missing_ok=True)
        else:
            if refusals:
                LOGGER.warning("%s: %s; it was fetched from %s", name, refusals[0], address.url)
            return
    raise _not_downloaded_error(name, model, refusals, entry) from refusals[0]


def _not_downloaded_error(
    name: str, model: ArchivedModel, refusals: list[NotDownloadedError], entry: Path
) -> AlbertKitError:
    """Make the error for a model that no URL serves."""
    statuses = [refusal.status for refusal in refusals]
    if all(status == 404 for status in statuses):
        return InputError(
            "unknown-model",
            f"there is no model at {model.page}",
            why="the server has no model of this name and version",
            fix="Look up the URL on that site; it ends with a version number",
        )
    denied = [str(refusal) for refusal in refusals if refusal.status in (401, 403)]
    if denied:
        return ResourceError(
            "hub-access-denied",
            f"{model.page} gives no archive ({denied[-1]})",
            why="Kaggle may refuse requests for hours, and always before its terms are accepted",
            fix="Set KAGGLE_USERNAME and KAGGLE_KEY, try again later, or download the archive in "
            "a browser and give its path",
        )
    return not_reached_error(name, model.home, ConnectionError(str(refusals[0])), entry)


def _version_missing_error(name: str, example: str) -> InputError:
    return InputError(
        "unknown-model",
        f"{name!r} does not name one version of a model",
        why="without one, the same name could mean another model tomorrow",
        fix=f"Give the whole name with its version, such as {example}",
    )


def _find_credentials() -> str | None:
    """Make the Authorization header from the variables or the file of Kaggle's own library.

    None without them: public models need none.
    """
    token = os.environ.get("KAGGLE_API_TOKEN", "")
    if token:
        return f"Bearer {token}"
    user, key = os.environ.get("KAGGLE_USERNAME", ""), os.environ.get("KAGGLE_KEY", "")
    saved = Path(os.environ.get("KAGGLE_CONFIG_DIR", "") or Path.home() / ".kaggle", "kaggle.json")
    if not (user and key) and saved.is_file():
        settings = read_json(saved)
        user, key = str(settings.get("username", "")), str(settings.get("key", ""))
    if not (user and key):
        return None
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()
