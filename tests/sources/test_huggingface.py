"""Ids of the hub, served by a local server with its protocol."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.full_disk import limit_file_size
from tests.support.hub_server import COMMIT, Hub, Repository, serve_hub
from tests.support.tiny_models import save_tiny, save_tiny_vectors

from albertkit import AlbertConfig, AlbertTokenizer, FillMask, TextEmbedder, load
from albertkit.cli.main import run
from albertkit.doctor import diagnose
from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.finetuning import finetune
from albertkit.model import AlbertModel
from albertkit.sources import FetchOptions, resolve_location
from albertkit.spec.pooling_config import Normalize, PoolingConfig

OWN = "owner/tiny-albert"
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
# Files of published repositories that a model does not need.
OTHERS = {
    "README.md": b"# a model",
    ".gitattributes": b"*.bin filter=lfs",
    "tf_model.h5": b"t" * 9_000,
    "flax_model.msgpack": b"f" * 9_000,
    "rust_model.ot": b"r" * 9_000,
    "with-prefix-tf_model.h5": b"w" * 9_000,
    "pytorch_model.bin": b"p" * 9_000,
    "onnx/model.onnx": b"o" * 9_000,
    "openvino/openvino_model.bin": b"o" * 9_000,
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files_of(save_tiny(tmp_path_factory.mktemp("hub") / "words", ["masked_lm"]))


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    plan = PoolingConfig(steps=(Normalize(),))
    return files_of(save_tiny_vectors(tmp_path_factory.mktemp("hub") / "vectors", plan))


@pytest.fixture
def hub(words: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve_hub(Hub({OWN: Repository({**OTHERS, **words})})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        for name in OFFLINE_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        yield served


def test_a_model_opens_by_its_id_and_only_what_it_needs_is_fetched(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    snapshot = resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    assert load(snapshot).weights.heads == ("masked_lm",)
    assert hub.files_fetched() == set(words)
    assert files_of(snapshot) == words


def test_the_second_time_nothing_is_fetched(hub: Hub, tmp_path: Path) -> None:
    first = resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    hub.asked.clear()
    assert resolve_location(OWN, FetchOptions(cache_dir=tmp_path)) == first
    assert len(hub.asked) == 1  # what the newest commit is
    assert hub.files_fetched() == set()


def test_a_cached_commit_needs_no_request(hub: Hub, tmp_path: Path) -> None:
    first = resolve_location(f"{OWN}@{COMMIT}", FetchOptions(cache_dir=tmp_path))
    hub.asked.clear()
    assert resolve_location(OWN, FetchOptions(revision=COMMIT, cache_dir=tmp_path)) == first
    assert hub.asked == []


def test_a_tokenizer_alone_fetches_no_weights(hub: Hub, tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(OWN, cache_dir=tmp_path)
    assert tokenizer.vocab_size == 1000
    assert hub.files_fetched() == {"spiece.model", "tokenizer.json", "tokenizer_config.json"}
    assert AlbertModel.from_pretrained(OWN, cache_dir=tmp_path).config.vocab_size == 1000
    assert "model.safetensors" in hub.files_fetched()


def test_a_config_alone_fetches_one_file(hub: Hub, tmp_path: Path) -> None:
    config = AlbertConfig.from_pretrained(OWN, cache_dir=tmp_path)
    assert hub.files_fetched() == {"config.json"}
    offline = AlbertConfig.from_pretrained(OWN, cache_dir=tmp_path, local_files_only=True)
    assert offline == config
    model = load(OWN, cache_dir=tmp_path)  # the other files are fetched when they are needed
    assert model.config == config


def test_a_repository_without_a_config_is_refused_by_what_it_has(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[OWN] = Repository({"spiece.model": b"s"})
    with pytest.raises(FormatError, match=r"no config in a known format.*\[checkpoint-unrecog"):
        AlbertConfig.from_pretrained(OWN, cache_dir=tmp_path)


def test_an_old_id_without_owner_is_followed_to_its_new_one(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    hub.repositories["albert/albert-base-v2"] = Repository(words)
    hub.moved["albert-base-v2"] = "albert/albert-base-v2"
    assert files_of(resolve_location("albert-base-v2", FetchOptions(cache_dir=tmp_path))) == words


@pytest.mark.parametrize(
    "page",
    [f"https://huggingface.co/{OWN}", f"https://huggingface.co/{OWN}/tree/main", f"hf://{OWN}"],
)
def test_the_address_of_a_models_page_means_the_model(hub: Hub, page: str, tmp_path: Path) -> None:
    assert resolve_location(page, FetchOptions(cache_dir=tmp_path)).name == COMMIT


def test_embedders_and_fillers_open_by_an_id(
    hub: Hub, vectors: dict[str, bytes], tmp_path: Path
) -> None:
    hub.repositories["owner/vectors"] = Repository({**OTHERS, **vectors})
    embedder = TextEmbedder("owner/vectors", cache_folder=tmp_path)
    assert embedder.encode(["a", "b"]).shape == (2, 32)
    assert "1_Pooling/config.json" in hub.files_fetched()
    fill = FillMask(OWN, revision="main", cache_dir=tmp_path)
    assert len(fill("a [MASK]", top_k=2)) == 2


def test_all_shards_are_fetched_and_a_missing_one_is_not_taken_for_a_whole_copy(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    shards = {f"model-0000{n}-of-00002.safetensors": bytes([n]) * 5_000 for n in (1, 2)}
    small = {name: data for name, data in words.items() if name != "model.safetensors"}
    listed = {**small, **shards, "model.safetensors.index.json": b"{}"}
    hub.repositories["owner/shards"] = Repository({**OTHERS, **listed})
    asked = FetchOptions(cache_dir=tmp_path)
    snapshot = resolve_location("owner/shards", asked)
    assert files_of(snapshot) == listed
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ResourceError, match=r"not in the cache.*\[hub-unreachable\]"):
        resolve_location("owner/shards", FetchOptions(cache_dir=tmp_path, local_files_only=True))
    assert files_of(resolve_location("owner/shards", asked)) == listed


def test_older_weights_are_fetched_where_there_are_no_safetensors(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    small = {name: data for name, data in words.items() if name != "model.safetensors"}
    hub.repositories["owner/old"] = Repository({**OTHERS, **small})
    snapshot = resolve_location("owner/old", FetchOptions(cache_dir=tmp_path))
    assert set(files_of(snapshot)) == {*small, "pytorch_model.bin"}


def test_a_repository_without_weights_of_ours_is_refused_before_anything_is_fetched(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    files = {"config.json": words["config.json"], "tf_model.h5": b"t" * 9_000}
    hub.repositories["owner/keras"] = Repository(files)
    with pytest.raises(FormatError, match=r"no weights in a known format, only .*tf_model\.h5"):
        resolve_location("owner/keras", FetchOptions(cache_dir=tmp_path))
    with pytest.raises(FormatError, match=r"no vocabulary .*\[checkpoint-unrecognised\]"):
        AlbertTokenizer.from_pretrained("owner/keras", cache_dir=tmp_path)
    assert hub.files_fetched() == set()


def test_a_download_that_breaks_off_is_taken_up_again(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    hub.cut_after = 4_000
    snapshot = resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    assert files_of(snapshot) == words
    stored = [path for path in hub.paths("GET") if path.startswith("/lfs/")]
    assert len(stored) > len(set(stored)), "the rest was asked for again"


def test_what_a_killed_download_leaves_is_not_taken_for_a_model(hub: Hub, tmp_path: Path) -> None:
    """Everything but the weights is there, as when a process is killed in their midst."""
    hub.refusals = {"/lfs/": 404}
    with pytest.raises(ResourceError, match=r"\[hub-unreachable\]"):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    with pytest.raises(ResourceError, match=r"local_files_only=True.*\[hub-unreachable\]"):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path, local_files_only=True))
    hub.refusals = {}
    assert load(OWN, cache_dir=tmp_path).config.vocab_size == 1000


def test_a_full_disk_is_an_error_and_its_snapshot_is_not_used(hub: Hub, tmp_path: Path) -> None:
    with (
        pytest.raises(ResourceError, match=r"the cache .*File too large.*\[write-failed\]"),
        limit_file_size(5_000),
    ):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    with pytest.raises(ResourceError, match=r"\[hub-unreachable\]"):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path, local_files_only=True))
    assert load(OWN, cache_dir=tmp_path).config.vocab_size == 1000


def test_an_unreachable_hub_gives_one_line_that_says_how_to_work_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # no server listens there
    with pytest.raises(ResourceError) as caught:
        resolve_location("albert/albert-base-v2", FetchOptions(cache_dir=tmp_path))
    line = str(caught.value)
    assert "http://127.0.0.1:9 cannot be reached (" in line
    assert "To work offline, give a model's directory" in line
    assert line.endswith("[hub-unreachable]")
    assert "\n" not in line
    assert run(["fill-mask", "a [MASK]", "-m", "albert/albert-base-v2"]) == 3
    (shown,) = capsys.readouterr().err.splitlines()
    assert shown.endswith("[hub-unreachable]")


@pytest.mark.parametrize(
    "command",
    [
        ["compare-tokenizers", "a text", "-m", OWN],
        ["shards", "corpus.txt", "-t", OWN, "-o", "shard"],
        ["prepare-distillation", "corpus.txt", "-t", OWN, "-o", "data", "--vectors", "v.npy"],
        ["finetune", "table.csv", "-m", OWN, "--check"],
        ["doctor", "table.csv", "--with", OWN],
        ["doctor", "small-en", "--with", OWN],
        ["doctor", "small-en", "--against", OWN],
    ],
    ids=lambda command: " ".join(command[:2]) + command[2],
)
def test_the_options_of_hubs_reach_every_model_of_a_command(
    hub: Hub,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("A sentence that is long enough.\n" * 40)
    Path("table.csv").write_text("text,label\n" + "good,1\nbad,0\n" * 20)
    np.save("v.npy", np.ones((40, 4), np.float32))
    cache = ["--cache-dir", "cache"]
    for wrong, code in (
        (["--revision", "v9"], "hub-revision-unknown"),
        (["--local-files-only"], "hub-unreachable"),
    ):
        assert run([*command, *cache, *wrong]) > 0
        assert f"[{code}]" in "".join(capsys.readouterr())
    hub.repositories[OWN].token = "hf_right"
    assert run([*command, *cache, "--revision", "main", "--token", "hf_right"]) <= 1
    assert Path("cache", "models--owner--tiny-albert").is_dir()
    assert "error: " not in capsys.readouterr().err


def test_finetune_and_diagnose_take_the_options_of_hubs(hub: Hub, tmp_path: Path) -> None:
    table = {"text": ["good", "bad"] * 20, "label": ["1", "0"] * 20}
    with pytest.raises(InputError, match=r"\[hub-revision-unknown\]"):
        finetune(table, model=OWN, revision="v9", cache_dir=tmp_path)
    with pytest.raises(ResourceError, match=r"local_files_only=True forbids"):
        diagnose(OWN, cache_dir=tmp_path, local_files_only=True)


@pytest.mark.parametrize("variable", OFFLINE_VARIABLES)
def test_offline_variables_forbid_requests(
    hub: Hub, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = resolve_location(OWN, FetchOptions(cache_dir=tmp_path / "full"))
    hub.asked.clear()
    monkeypatch.setenv(variable, "1")
    assert resolve_location(OWN, FetchOptions(cache_dir=tmp_path / "full")) == fetched
    with pytest.raises(ResourceError, match=rf"{variable}=1 forbids.*\[hub-unreachable\]"):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path / "empty"))
    assert hub.asked == []


def test_a_cached_model_opens_while_the_hub_is_away_with_a_warning(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fetched = resolve_location(OWN, FetchOptions(cache_dir=tmp_path))
    hub.refusals = {"/api/": 503}
    with caplog.at_level(logging.WARNING, "albertkit"):
        assert resolve_location(OWN, FetchOptions(cache_dir=tmp_path)) == fetched
    assert "cannot be reached: the copy of owner/tiny-albert in" in caplog.text


def test_a_missing_repository_is_named_with_the_nearest(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean 'albert/albert-base-v2'.*unknown-model"):
        resolve_location("albert/albert-bsae-v2", FetchOptions(cache_dir=tmp_path))


def test_a_missing_revision_is_not_a_missing_model(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no revision 'v9'.*\[hub-revision-unknown\]"):
        resolve_location(f"{OWN}@v9", FetchOptions(cache_dir=tmp_path))
    with pytest.raises(InputError, match=r"\[argument-given-twice\]"):
        resolve_location(f"{OWN}@v9", FetchOptions(revision="main"))


def test_a_gated_model_says_where_to_ask(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[OWN].gated = True
    with pytest.raises(ResourceError, match=rf"/{OWN} is open only .*\[hub-access-denied\]"):
        resolve_location(OWN, FetchOptions(cache_dir=tmp_path))


def test_a_private_model_opens_with_its_token_only(
    hub: Hub, words: dict[str, bytes], tmp_path: Path
) -> None:
    hub.repositories[OWN].token = "hf_right"
    with pytest.raises(InputError, match=r"set HF_TOKEN.*\[unknown-model\]"):
        resolve_location(OWN, FetchOptions(token=False, cache_dir=tmp_path))
    snapshot = resolve_location(OWN, FetchOptions(token="hf_right", cache_dir=tmp_path))
    assert files_of(snapshot) == words
    stored = [headers for _, path, headers in hub.asked if path.startswith("/lfs/")]
    assert stored
    assert not any("hf_right" in str(headers) for headers in stored)  # another host


def test_a_refused_token_is_another_error_than_a_missing_model(hub: Hub, tmp_path: Path) -> None:
    hub.refusals = {"/api/": 403}
    with pytest.raises(ResourceError, match=r"refuses the token.*\[hub-access-denied\]"):
        resolve_location(OWN, FetchOptions(token="hf_wrong", cache_dir=tmp_path))


def test_only_files_are_requested_and_a_pipe_gets_no_progress_bar(hub: Hub, tmp_path: Path) -> None:
    """In a process of its own, since the library reads its variables when it is imported."""
    code = f"from albertkit import load; print(load({OWN!r}).config.vocab_size)"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "HF_ENDPOINT": hub.address,
        "HF_HUB_CACHE": str(tmp_path / "kept"),
        "HF_TOKEN": "hf_mine",
        "AGENT": "some-program",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("1000\n", "")
    assert (tmp_path / "kept" / "models--owner--tiny-albert").is_dir()
    assert all(path.startswith(("/api/models/owner", "/owner/", "/lfs/")) for path in hub.paths())
    agents = {headers["user-agent"] for _, _, headers in hub.asked if "user-agent" in headers}
    assert all(agent.startswith("albertkit/") for agent in agents)
    assert not any(word in agent for agent in agents for word in ("torch", "agent", "program"))
    tokens = {headers.get("authorization") for _, path, headers in hub.asked if "/api/" in path}
    assert tokens == {"Bearer hf_mine"}
