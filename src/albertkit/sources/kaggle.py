"""Models of TF Hub and of Kaggle, where TF Hub's models live today: a handle → a directory.

Both give an archive at a plain web address. Kaggle's own library is not used: it writes into the
directory of the final name while it downloads, draws bars into pipes, and brings nine packages.
A copy that it fetched is used, and so is one of tensorflow_hub where TFHUB_CACHE_DIR names it.
Addresses: tensorflow_hub 0.16.1, compressed_module_resolver.py; Kaggle's page for a model, "cURL".
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
from albertkit.sources.cache import LIST, cache_home, is_ours, is_whole, new_entry
from albertkit.sources.download import Address, NotDownloadedError, download
from albertkit.sources.hub_errors import not_asked, not_reached, offline_because

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
# TF Hub's models of these two families have a regular name at Kaggle, with the same version.
MOVED = re.compile(r"tensorflow/(?P<family>albert|bert)_(?P<variation>[\w-]+)")


@dataclass(frozen=True, slots=True)
class TfhubModel:
    """model: owner/name. version: as its address ends."""

    model: str
    version: str

    @property
    def home(self) -> str:
        return TFHUB

    @property
    def page(self) -> str:
        return f"{TFHUB}/{self.model}/{self.version}"

    def place_in(self, cache_dir: str | Path | None) -> Path:
        """Where it is kept: where tensorflow_hub looks for it, if that is no temporary folder."""
        theirs = os.environ.get("TFHUB_CACHE_DIR", "")
        if cache_dir is None and theirs:
            name = hashlib.sha1(self.page.encode(), usedforsecurity=False).hexdigest()
            return Path(theirs) / name
        return Path(cache_dir or cache_home()) / "tfhub.dev" / self.model / self.version

    def addresses(self) -> tuple[Address, ...]:
        """Where the archive lies: at TF Hub, and where it was moved to."""
        own = Address(f"{self.page}?tf-hub-format=compressed")
        moved = MOVED.fullmatch(self.model)
        if moved is None:
            return (own,)
        variation = moved["variation"].lower().replace("_", "-")
        there = KaggleModel("tensorflow", moved["family"], "tensorFlow2", variation, self.version)
        return (own, *there.addresses())

    def of_others(self) -> Path | None:
        """A copy of tensorflow_hub's, whole as far as can be seen."""
        place = self.place_in(None)
        is_there = any((place / name).is_file() for name in SAVED_MODELS)
        is_whole = is_there and (place / "variables" / "variables.index").is_file()
        return place if is_whole and not is_ours(place) else None


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
        return "/".join((self.owner, self.model, self.framework, self.variation, self.version))

    @property
    def home(self) -> str:
        return KAGGLE

    @property
    def page(self) -> str:
        return f"{KAGGLE}/models/{self.handle}"

    def place_in(self, cache_dir: str | Path | None) -> Path:
        """Where it is kept."""
        return Path(cache_dir or cache_home()) / "kaggle.com" / self.handle

    def addresses(self) -> tuple[Address, ...]:
        return (Address(f"{KAGGLE}/api/v1/models/{self.handle}/download", _credentials()),)

    def of_others(self) -> Path | None:
        """A copy of kagglehub's, which marks whole ones with a file beside them."""
        cache = os.environ.get("KAGGLEHUB_CACHE", "")
        place = Path(cache or Path.home() / ".cache/kagglehub") / "models" / self.handle
        marker = place.with_name(f"{place.name}.complete")
        return place if marker.is_file() and place.is_dir() else None


Archived: TypeAlias = TfhubModel | KaggleModel


def archived_model(name: str) -> Archived | None:
    """The model that `name` means by its form; None where it means none.

    Raises InputError [unknown-model] for an address without a version.
    """
    found = TFHUB_NAME.fullmatch(name)
    if found:
        if found["version"] is None:
            raise _unversioned(name, "https://tfhub.dev/tensorflow/albert_en_base/3")
        return TfhubModel(found["model"], found["version"])
    found = KAGGLE_NAME.fullmatch(name)
    if found is None:
        return None
    if not (found["framework"] and found["variation"] and found["version"]):
        raise _unversioned(name, "kaggle:tensorflow/albert/tensorFlow2/en-base/3")
    spelling = {each.lower(): each for each in FRAMEWORKS}
    framework = spelling.get(found["framework"].lower(), found["framework"])
    return KaggleModel(
        found["owner"], found["model"], framework, found["variation"], found["version"]
    )


def fetched(
    name: str,
    model: Archived,
    *,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """The unpacked directory, from a cache or from the net.

    Raises ResourceError [hub-unreachable], [hub-access-denied], [write-failed], InputError
    [unknown-model], and FormatError as `unpack`.
    """
    place = model.place_in(cache_dir)
    if is_whole(place):
        return _model_in(place)
    found = model.of_others()
    if found:
        return found
    forbidden_by = offline_because(local_files_only)
    if forbidden_by:
        raise not_asked(name, model.home, forbidden_by, place)
    with new_entry(place) as unfinished:
        archive = unfinished / ".archive"
        _download_from_any(name, model, archive, place)
        _unpack(archive, unfinished, model.page)
        archive.unlink()
    return _model_in(place)


def _model_in(place: Path) -> Path:
    """The archive's only folder, where it has one alone, else the directory itself."""
    inside = [entry for entry in place.iterdir() if entry.name != LIST]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else place


def _unpack(archive: Path, folder: Path, page: str) -> None:
    # imported here, because few runs unpack anything
    from albertkit.fileformats.archives.extraction import unpack

    try:
        unpack(archive, folder)
    except FormatError as error:  # said of the address: the file itself is gone by then
        found = error.diagnostic
        raise FormatError(
            found.code, found.what, why=found.why, fix=found.fix, where=page
        ) from error


def _download_from_any(name: str, model: Archived, archive: Path, place: Path) -> None:
    """Download from the first address that gives it; what the first one says is told."""
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
    raise _refused(name, model, refusals, place) from refusals[0]


def _refused(
    name: str, model: Archived, refusals: list[NotDownloadedError], place: Path
) -> AlbertKitError:
    statuses = [refusal.status for refusal in refusals]
    if all(status == 404 for status in statuses):
        return InputError(
            "unknown-model",
            f"there is no model at {model.page}",
            why="the server knows neither its name nor its version",
            fix="Look the address up on that site; it ends in a version number",
        )
    denied = [str(refusal) for refusal in refusals if refusal.status in (401, 403)]
    if denied:
        return ResourceError(
            "hub-access-denied",
            f"{model.page} gives no archive ({denied[-1]})",
            why="Kaggle refuses so for hours at times, and always where terms must be agreed to",
            fix="Set KAGGLE_USERNAME and KAGGLE_KEY, try again later, or download the archive in "
            "a browser and give its path",
        )
    return not_reached(name, model.home, ConnectionError(str(refusals[0])), place)


def _unversioned(name: str, example: str) -> InputError:
    return InputError(
        "unknown-model",
        f"{name!r} does not name one version of a model",
        why="another could come tomorrow under the same name",
        fix=f"Give the whole address with its version, such as {example}",
    )


def _credentials() -> str | None:
    """The header for Kaggle's own server, by its library's variables or file; None: there are none.

    Public models need none.
    """
    token = os.environ.get("KAGGLE_API_TOKEN", "")
    if token:
        return f"Bearer {token}"
    user, key = os.environ.get("KAGGLE_USERNAME", ""), os.environ.get("KAGGLE_KEY", "")
    saved = Path(os.environ.get("KAGGLE_CONFIG_DIR", "") or Path.home() / ".kaggle", "kaggle.json")
    if not (user and key) and saved.is_file():
        found = read_json(saved)
        user, key = str(found.get("username", "")), str(found.get("key", ""))
    if not (user and key):
        return None
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()
