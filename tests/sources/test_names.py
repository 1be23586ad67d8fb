"""What a name means: what is here first, then a model inside the package, then one of a hub."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.errors import AlbertKitError, InputError, ResourceError
from albertkit.model import AlbertForMaskedLM
from albertkit.sources import BUILTIN_MODELS, FetchOptions, resolve_local_path, resolve_location
from albertkit.sources.huggingface import parse_name
from albertkit.sources.names import BUILTIN
from albertkit.tokenization import AlbertTokenizer

OFFLINE = FetchOptions(local_files_only=True)


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_the_names_of_built_in_models_mean_folders_of_the_package(name: str) -> None:
    assert resolve_location(name) == BUILTIN / name


def test_a_directory_goes_before_a_built_in_name_and_before_a_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("small-en", "albert-base-v2", "albert/albert-base-v2"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve_location("small-en") == Path("small-en")
    assert resolve_location("albert-base-v2") == Path("albert-base-v2")
    assert resolve_location("albert/albert-base-v2") == Path("albert/albert-base-v2")


def test_a_missing_path_is_returned_unchanged() -> None:
    assert resolve_local_path("models/mine") == Path("models/mine")


def test_the_prefix_of_a_tensorflow_checkpoint_is_a_local_path(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt-best.index").touch()
    assert resolve_location(tmp_path / "model.ckpt-best") == tmp_path / "model.ckpt-best"


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_tokenizers_and_models_open_by_a_built_in_name(name: str) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(name)
    model = AlbertForMaskedLM.from_pretrained(name)
    assert model.config.vocab_size == tokenizer.vocab_size


@pytest.mark.parametrize(
    ("name", "repo", "revision"),
    [
        ("albert-base-v2", "albert-base-v2", None),
        ("albert-base-v2@abc", "albert-base-v2", "abc"),
        ("albert/albert-base-v2", "albert/albert-base-v2", None),
        ("owner/model.v1@refs/pr/3", "owner/model.v1", "refs/pr/3"),
        ("https://huggingface.co/albert/albert-base-v2", "albert/albert-base-v2", None),
        ("https://huggingface.co/albert/albert-base-v2/tree/v1", "albert/albert-base-v2", "v1"),
        ("https://hf.co/owner/m/blob/main/config.json", "owner/m", "main"),
        ("hf://owner/m", "owner/m", None),
    ],
)
def test_forms_of_a_hubs_names(name: str, repo: str, revision: str | None) -> None:
    result = parse_name(name)
    assert result is not None
    assert (result.repo, result.revision) == (repo, revision)


@pytest.mark.parametrize(
    "name",
    [
        "small",
        "my-model",
        "a/b/c",
        "/a/b",
        "./a",
        "../a/b",
        "~/a",
        "a\\b",
        "a/",
        "a/.b",
        "a b/c",
        "a/b--c",
        "a/ª",
    ],
)
def test_names_of_other_forms_are_not_hub_names(name: str) -> None:
    assert parse_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "my-modle",
        "x" * 5000,
        "zero\0byte",
        "models/weights.safetensors",
        "a/b.tar.gz",
        __file__ + "/x",
    ],
)
def test_a_name_that_can_only_be_a_path_needs_no_request(name: str) -> None:
    with pytest.raises(InputError, match=r"\[unknown-model\]"):
        resolve_location(name)


@given(
    st.text(max_size=60) | st.from_regex(r"(kaggle:|https?://|hf://)?[\w./@:-]+", fullmatch=True)
)
def test_any_name_is_a_path_or_one_of_our_errors(name: str) -> None:
    with suppress(AlbertKitError):
        assert resolve_location(name, OFFLINE).exists()


def test_a_misspelt_directory_needs_no_request_and_gets_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "best-model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"did you mean 'runs/best-model'.*\[unknown-model\]"):
        resolve_location("runs/best-modle")


def test_another_file_of_the_same_directory_is_not_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").touch()
    with pytest.raises(InputError) as caught:
        resolve_location(tmp_path / "spiece.model")
    assert "did you mean" not in str(caught.value)


def test_another_address_is_not_fetched() -> None:
    with pytest.raises(InputError, match=r"nothing is fetched from .*\[unknown-model\]"):
        resolve_location("https://storage.googleapis.com/albert_models/albert_base_v2.tar.gz")


def test_a_path_object_never_means_a_hub() -> None:
    with pytest.raises(InputError, match=r"\[unknown-model\]"):
        resolve_location(Path("owner/model"))


def test_a_published_id_is_a_hub_name_even_if_its_owners_name_is_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "albert").mkdir()  # a clone of google-research/albert
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResourceError, match=r"local_files_only=True forbids"):
        resolve_location("albert/albert-base-v2", OFFLINE)


@pytest.mark.parametrize(
    ("name", "near"), [("smal-en", "small-en"), ("albert-base", "albert-base-v")]
)
def test_a_misspelt_name_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean '{near}"):
        resolve_location(name)
