"""Handles of TF Hub and Kaggle, asked at a server on this machine."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.support.full_disk import limit_file_size
from tests.support.hub_server import Hub, serve_hub

from albertkit import AlbertTokenizer, load
from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
from albertkit.sources import FetchOptions, kaggle, resolve_location

FIXTURES = Path(__file__).parents[1] / "fixtures"
TFHUB_HANDLE = "https://tfhub.dev/tensorflow/albert_en_base/3"
TFHUB_PATH = "/tensorflow/albert_en_base/3?tf-hub-format=compressed"
HANDLE = "tensorflow/albert/tensorFlow2/en-base/3"
KAGGLE_PATH = f"/api/v1/models/{HANDLE}/download"
FILES = {
    "saved_model.pb": b"a graph",
    "variables/variables.index": b"an index",
    "variables/variables.data-00000-of-00001": b"weights" * 1000,
    "assets/30k-clean.model": b"pieces",
}


def archive_of(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    result = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in result}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in list(os.environ):
        if name.startswith(("KAGGLE", "TFHUB", "HF_", "TRANSFORMERS_OFFLINE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with serve_hub(Hub()) as served:
        monkeypatch.setattr(kaggle, "TFHUB", served.address)
        monkeypatch.setattr(kaggle, "KAGGLE", served.address)
        yield served


def test_an_address_of_tfhub_means_the_unpacked_archive_kept_among_the_users_caches(
    hub: Hub, tmp_path: Path
) -> None:
    hub.pages[TFHUB_PATH] = archive_of(FILES)
    path = resolve_location(TFHUB_HANDLE)
    kept = tmp_path / "home/.cache/albertkit/tfhub.dev/tensorflow/albert_en_base/3"
    assert path == kept
    result = files_of(path)
    result.pop(".albertkit-files.json")
    assert result == FILES
    hub.asked.clear()
    assert resolve_location(TFHUB_HANDLE) == path
    assert hub.asked == []


def test_a_module_of_tfhub_opens_by_its_address_and_so_does_its_tokenizer(hub: Hub) -> None:
    hub.pages[TFHUB_PATH] = (FIXTURES / "tfhub_tiny_v3_nomlm.tar.gz").read_bytes()
    loaded = load(TFHUB_HANDLE)
    assert loaded.config.vocab_size == AlbertTokenizer.from_pretrained(TFHUB_HANDLE).vocab_size
    assert len(hub.paths()) == 2  # the address and the storage behind it, once


def test_a_model_packed_with_its_folder_is_the_folder(hub: Hub) -> None:
    hub.pages[KAGGLE_PATH] = archive_of({f"albert/{name}": data for name, data in FILES.items()})
    path = resolve_location(f"kaggle:{HANDLE}")
    assert files_of(path) == FILES
    assert resolve_location(f"kaggle:{HANDLE}") == path


@pytest.mark.parametrize(
    "name",
    [
        f"kaggle:{HANDLE}",
        f"https://www.kaggle.com/models/{HANDLE}",
        f"https://kaggle.com/models/{HANDLE}?select=saved_model.pb",
        "https://www.kaggle.com/models/tensorflow/albert/frameworks/TensorFlow2/variations/en-base"
        "/versions/3",
    ],
)
def test_handles_and_pages_of_kaggle_mean_the_same_model(
    hub: Hub, name: str, tmp_path: Path
) -> None:
    hub.pages[KAGGLE_PATH] = archive_of(FILES)
    path = resolve_location(name, FetchOptions(cache_dir=tmp_path / "cache"))
    assert path == tmp_path / "cache/kaggle.com" / HANDLE
    assert (path / "saved_model.pb").read_bytes() == b"a graph"


@pytest.mark.parametrize("name", [TFHUB_HANDLE.removesuffix("/3"), "kaggle:tensorflow/albert"])
def test_a_name_without_version_is_refused_without_a_request(hub: Hub, name: str) -> None:
    with pytest.raises(InputError, match=r"does not name one version .*/3\. \[unknown-model\]"):
        resolve_location(name)
    assert hub.asked == []


def test_a_model_that_tfhub_refuses_is_fetched_from_kaggle_with_a_warning(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.refusals = {TFHUB_PATH: 403}
    hub.pages[KAGGLE_PATH] = archive_of(FILES)
    with caplog.at_level(logging.WARNING, "albertkit"):
        assert (resolve_location(TFHUB_HANDLE) / "saved_model.pb").is_file()
    assert f"it answers 403 Forbidden; it was fetched from {hub.address}" in caplog.text


def test_a_refusal_everywhere_says_what_helps(hub: Hub) -> None:
    hub.refusals = {"/": 403}
    with pytest.raises(ResourceError, match=r"KAGGLE_KEY, try again.*\[hub-access-denied\]"):
        resolve_location(TFHUB_HANDLE)
    hub.refusals = {"/": 404}
    with pytest.raises(InputError, match=r"no model at .*\[unknown-model\]"):
        resolve_location(TFHUB_HANDLE)
    hub.refusals = {"/": 503}
    with pytest.raises(ResourceError, match=r"answers 503.*\[hub-unreachable\]"):
        resolve_location(TFHUB_HANDLE)


def test_a_page_instead_of_an_archive_is_an_error(hub: Hub) -> None:
    hub.pages[KAGGLE_PATH] = b"<html>sign in to the network</html>"
    with pytest.raises(ResourceError, match=r"not with an archive.*\[hub-unreachable\]"):
        resolve_location(f"kaggle:{HANDLE}")


def test_a_server_that_is_away_gives_one_line(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    monkeypatch.setattr(kaggle, "KAGGLE", "http://127.0.0.1:9")
    with pytest.raises(ResourceError) as caught:
        resolve_location(f"kaggle:{HANDLE}")
    assert "To work offline" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_offline_variables_hold_for_these_hubs_too(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ResourceError, match=r"HF_HUB_OFFLINE=1 forbids"):
        resolve_location(TFHUB_HANDLE)
    assert hub.asked == []


def test_an_archive_that_would_write_elsewhere_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.pages[KAGGLE_PATH] = archive_of({**FILES, "../../outside": b"x"})
    with pytest.raises(FormatError, match=rf"/models/{HANDLE}: .*\[archive-unsafe\]"):
        resolve_location(f"kaggle:{HANDLE}", FetchOptions(cache_dir=tmp_path / "cache"))
    assert files_of(tmp_path / "cache") == {}


def test_half_an_archive_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    whole = archive_of(FILES)
    hub.pages[KAGGLE_PATH] = whole[: len(whole) // 2]
    with pytest.raises(AlbertKitError):
        resolve_location(f"kaggle:{HANDLE}", FetchOptions(cache_dir=tmp_path / "cache"))
    assert files_of(tmp_path / "cache") == {}


def test_a_full_disk_leaves_nothing_and_names_the_cache(hub: Hub, tmp_path: Path) -> None:
    hub.pages[KAGGLE_PATH] = archive_of({**FILES, "more": os.urandom(50_000)})
    for size in (1_000, 50_100):  # in the archive, in a file out of it
        with (
            pytest.raises(ResourceError, match=rf"cache/kaggle\.com/{HANDLE}' could not be"),
            limit_file_size(size),
        ):
            resolve_location(f"kaggle:{HANDLE}", FetchOptions(cache_dir=tmp_path / "cache"))
        assert files_of(tmp_path / "cache") == {}


def test_a_cache_that_lost_a_file_is_filled_again(hub: Hub) -> None:
    hub.pages[KAGGLE_PATH] = archive_of(FILES)
    path = resolve_location(f"kaggle:{HANDLE}")
    (path / "saved_model.pb").unlink()
    assert resolve_location(f"kaggle:{HANDLE}") == path
    assert (path / "saved_model.pb").read_bytes() == b"a graph"


def test_copies_that_other_libraries_fetched_are_used(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "home/.cache/kagglehub/models" / HANDLE
    theirs.mkdir(parents=True)
    with pytest.raises(InputError, match=r"\[unknown-model\]"):
        resolve_location(f"kaggle:{HANDLE}")  # without their mark it may be half a copy
    (theirs.parent / "3.complete").touch()
    assert resolve_location(f"kaggle:{HANDLE}") == theirs
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "modules"))
    page = f"{hub.address}/tensorflow/albert_en_base/3"
    module = tmp_path / "modules" / hashlib.sha1(page.encode(), usedforsecurity=False).hexdigest()
    (module / "variables").mkdir(parents=True)
    (module / "saved_model.pb").touch()
    (module / "variables" / "variables.index").touch()
    assert resolve_location(TFHUB_HANDLE) == module


def test_the_cache_of_tensorflow_hub_is_written_as_it_reads_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its own that a clean-up has emptied by half is replaced."""
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "modules"))
    page = f"{hub.address}/tensorflow/albert_en_base/3"
    module = tmp_path / "modules" / hashlib.sha1(page.encode(), usedforsecurity=False).hexdigest()
    (module / "variables").mkdir(parents=True)
    hub.pages[TFHUB_PATH] = archive_of(FILES)
    assert resolve_location(TFHUB_HANDLE) == module
    assert (module / "saved_model.pb").read_bytes() == b"a graph"
    (module / "variables/variables.data-00000-of-00001").unlink()
    assert resolve_location(TFHUB_HANDLE) == module
    assert (module / "variables/variables.data-00000-of-00001").is_file()


def test_credentials_go_to_kaggle_and_not_to_the_storage_behind(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    hub.pages[KAGGLE_PATH] = archive_of(FILES)
    resolve_location(f"kaggle:{HANDLE}")
    sent = {path: headers.get("Authorization") for _, path, headers in hub.asked}
    assert sent == {KAGGLE_PATH: "Basic bWU6c2VjcmV0", "/storage" + KAGGLE_PATH: None}


def test_a_killed_download_leaves_nothing_under_the_final_name(hub: Hub, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from albertkit.sources import FetchOptions, resolve_location, kaggle
kaggle.KAGGLE = {hub.address!r}
resolve_location("kaggle:{HANDLE}", FetchOptions(cache_dir=Path({str(tmp_path)!r}) / "cache"))
"""
    hub.pages[KAGGLE_PATH] = archive_of({**FILES, "more": os.urandom(2_000_000)})
    hub.pause_after = 1_200_000
    process = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 60
    while not any((tmp_path / "cache").rglob(".archive")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cache/kaggle.com" / HANDLE).exists()
    hub.pause_after = None
    path = resolve_location(f"kaggle:{HANDLE}", FetchOptions(cache_dir=tmp_path / "cache"))
    assert (path / "more").stat().st_size == 2_000_000
