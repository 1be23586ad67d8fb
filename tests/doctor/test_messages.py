"""Real messages are recognised: of torch, transformers and safetensors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForMultipleChoice,
    AlbertForPreTraining,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
    AlbertModel,
    AlbertTokenizer,
    AutoConfig,
    BertConfig,
    BertModel,
)

from albertkit.doctor.messages import diagnose_message, find_required_words, looks_like_message
from tests.doctor.library_output import all_codes, first_code, output_of
from tests.support.tiny_models import PIECES

CONFIG = AlbertConfig(
    vocab_size=1000,
    embedding_size=16,
    hidden_size=32,
    num_attention_heads=4,
    num_hidden_layers=2,
    intermediate_size=37,
)
IDS = torch.tensor([[2, 5, 6, 3]])
pipeline: Any = transformers.pipeline  # its overloads name one task each
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("encoder")
    AlbertModel(CONFIG).save_pretrained(directory)
    shutil.copy(PIECES, directory / "spiece.model")
    return directory


@pytest.fixture(scope="module")
def masked_lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("masked-lm")
    AlbertForMaskedLM(CONFIG).save_pretrained(directory)
    shutil.copy(PIECES, directory / "spiece.model")
    return directory


def train(model: AlbertForPreTraining) -> None:
    model(IDS, labels=IDS).loss.backward()


MODEL_CALLS: dict[str, Callable[[], object]] = {
    "id-beyond-vocabulary": lambda: AlbertModel(CONFIG)(torch.tensor([[2, 30000, 3]])),
    "text-beyond-positions": lambda: AlbertModel(CONFIG)(torch.ones(1, 513, dtype=torch.long)),
    "ids-are-floats": lambda: AlbertModel(CONFIG)(IDS.float()),
    "encoding-not-unpacked": lambda: AlbertModel(CONFIG)("a text"),
    "ids-without-batch": lambda: AlbertModel(CONFIG)(IDS[0]),
    "ids-missing": lambda: AlbertModel(CONFIG)(input_word_ids=IDS),
    "inputs-embeds-width": lambda: AlbertModel(CONFIG)(inputs_embeds=torch.zeros(1, 4, 32)),
    "choices-shape": lambda: AlbertForMultipleChoice(CONFIG)(IDS),
    "labels-out-of-bounds": lambda: AlbertForSequenceClassification(CONFIG)(
        IDS, labels=torch.tensor([7])
    ),
    "matrices-do-not-fit": lambda: AlbertModel(
        AlbertConfig(**{**CONFIG.to_dict(), "num_attention_heads": 5})
    )(IDS),
    "heads-do-not-divide": lambda: BertModel(BertConfig(hidden_size=32, num_attention_heads=5)),
    "mask-shape": lambda: AlbertModel(CONFIG)(IDS, attention_mask=torch.tensor([[1, 1, 0]])),
    "loss-missing": lambda: train(AlbertForPreTraining(CONFIG)),
    "checkpointing-unsupported": AlbertModel(CONFIG).gradient_checkpointing_enable,
    "tf-classes-removed": lambda: getattr(transformers, "TF" + "AlbertModel"),
    "name-or-network": lambda: AlbertModel.from_pretrained("./nowhere/x/y"),
}


@pytest.mark.parametrize("code", MODEL_CALLS)
def test_what_a_model_of_transformers_says_is_recognised(code: str) -> None:
    assert first_code(MODEL_CALLS[code]) == code


TOKENIZER_CALLS: dict[str, Callable[[AlbertTokenizer], object]] = {
    "pair-without-token-types": lambda tokenizer: tokenizer("a", "b")["token_type_ids"],
    "encoding-without-ids": lambda tokenizer: tokenizer.pad([{"label": [0]}]),
    "batch-ragged": lambda tokenizer: tokenizer(["a", "a b c d"], return_tensors="pt"),
    "text-is-no-text": lambda tokenizer: tokenizer([None, "a"]),
    "tensorflow-tensors-removed": lambda tokenizer: tokenizer("a", return_tensors="tf"),
    "tokenizer-method-removed": lambda tokenizer: tokenizer.encode_plus("a"),
}


@pytest.mark.parametrize("code", TOKENIZER_CALLS)
def test_what_a_tokenizer_of_transformers_says_is_recognised(code: str, encoder: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(encoder)
    assert first_code(lambda: TOKENIZER_CALLS[code](tokenizer)) == code


OPENINGS: dict[str, Callable[[Path], object]] = {
    "head-untrained": AlbertForSequenceClassification.from_pretrained,
    "other-model-class": BertModel.from_pretrained,
    "pipeline-removed": lambda path: pipeline("question-answering", model=str(path)),
}


@pytest.mark.parametrize("code", OPENINGS)
def test_what_transformers_reports_when_it_opens_is_recognised(code: str, encoder: Path) -> None:
    assert first_code(lambda: OPENINGS[code](encoder)) == code


def test_a_missing_pooler_is_recognised(masked_lm: Path) -> None:
    assert first_code(lambda: AlbertModel.from_pretrained(masked_lm)) == "pooler-untrained"


FILL_MASKS: dict[str, Callable[[str], object]] = {
    "top-k-too-large": lambda path: pipeline("fill-mask", model=path)("a [MASK] b", top_k=5000),
    "mask-misspelt": lambda path: pipeline("fill-mask", model=path)("a <mask> b"),
    "target-without-underline": lambda path: pipeline("fill-mask", model=path)(
        "a [MASK] b", targets=["zzzq"]
    ),
}


@pytest.mark.parametrize("code", FILL_MASKS)
def test_what_fill_mask_says_is_recognised(code: str, masked_lm: Path) -> None:
    assert first_code(lambda: FILL_MASKS[code](str(masked_lm))) == code


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


BROKEN: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]] = {
    "no weights": (
        "weights-absent",
        lambda path: (path / "model.safetensors").unlink(),
        AlbertModel.from_pretrained,
    ),
    "cut off": (
        "weights-truncated",
        lambda path: cut(path / "model.safetensors"),
        AlbertModel.from_pretrained,
    ),
    "Git-LFS": (
        "weights-truncated",
        lambda path: (path / "model.safetensors").write_bytes(LFS_POINTER),
        AlbertModel.from_pretrained,
    ),
    "no model type": (
        "config-without-model-type",
        lambda path: (path / "config.json").write_text('{"hidden_size": 32}'),
        AutoConfig.from_pretrained,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_said_of_broken_files_is_recognised(
    name: str, encoder: Path, tmp_path: Path
) -> None:
    code, damage, open_model = BROKEN[name]
    shutil.copytree(encoder, tmp_path / "model")
    damage(tmp_path / "model")
    message = output_of(lambda: open_model(tmp_path / "model")).replace(LFS_POINTER.decode(), "")
    assert diagnose_message(without_source(message))[0].code == code


def without_source(message: str) -> str:
    """A traceback without lines of this file, which hold the words that were written."""
    return "\n".join(line for line in message.splitlines() if "LFS_POINTER" not in line)


def test_another_number_of_labels_is_recognised(tmp_path: Path) -> None:
    AlbertForSequenceClassification(CONFIG).save_pretrained(tmp_path)
    message = output_of(
        lambda: AlbertForSequenceClassification.from_pretrained(tmp_path, num_labels=5)
    )
    assert diagnose_message(message)[0].code == "head-size-differs"


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is available")
def test_a_missing_gpu_is_recognised() -> None:
    model: Any = AlbertModel(CONFIG)
    assert first_code(model.cuda) == "gpu-not-available"


def test_a_refused_pickle_is_recognised(tmp_path: Path) -> None:
    torch.save({"a": print}, tmp_path / "model.bin")
    assert first_code(lambda: torch.load(tmp_path / "model.bin")) == "pickled-weights-refused"


def test_attentions_that_are_not_returned_are_recognised() -> None:
    model = AlbertModel(CONFIG)
    assert "attentions-not-returned" in all_codes(lambda: model(IDS, output_attentions=True))


def test_tags_of_pieces_are_recognised(tmp_path: Path) -> None:
    AlbertForTokenClassification(CONFIG).save_pretrained(tmp_path)
    shutil.copy(PIECES, tmp_path / "spiece.model")
    tag = pipeline("ner", model=str(tmp_path), aggregation_strategy="first")
    assert first_code(lambda: tag("a text of some words")) == "words-split-in-tags"


@pytest.mark.parametrize(
    "message",
    [
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x32 and 35x40)",
        "ValueError: too many values to unpack (expected 2)",
        "ValueError: not enough values to unpack (expected 2, got 1)",
    ],
)
def test_a_message_that_has_other_causes_too_is_a_guess(message: str) -> None:
    [diagnostic] = diagnose_message(message)
    assert diagnostic.basis == "guess"


def test_a_line_of_code_in_a_traceback_is_not_what_the_library_says() -> None:
    message = """Traceback (most recent call last):
  File "run.py", line 3, in main
    raise OddError("see: No module named 'pkg_resources'")
OddError: it broke
"""
    assert [d.code for d in diagnose_message(message)] == ["message-unknown"]


def test_a_command_of_another_program_is_not_one_of_transformers() -> None:
    for program in ("albertkit", "dvc"):
        message = f"Usage: {program} [OPTIONS] COMMAND [ARGS]...\nNo such command 'train'."
        assert [d.code for d in diagnose_message(message)] == ["message-unknown"]
    message = "Usage: transformers [OPTIONS] COMMAND [ARGS]...\nNo such command 'run'."
    assert [d.code for d in diagnose_message(message)] == ["shell-command-removed"]


def test_the_deepest_cause_comes_first() -> None:
    message = """Traceback (most recent call last):
  File "hub/loader.py", line 10, in load
NotFoundError: Op type not registered 'CaseFoldUTF8' in binary running on host.

During handling of the above exception, another exception occurred:

FileNotFoundError: SavedModel file does not exist at: /tmp/tfhub_modules/abc
"""
    codes = [d.code for d in diagnose_message(message)]
    assert codes == ["tensorflow-text-not-imported", "cache-half-empty"]


def test_what_a_message_quotes_is_the_evidence() -> None:
    [diagnostic] = diagnose_message("AttributeError: 'AutoTrackable' object is not callable")
    assert diagnostic.evidence == "'AutoTrackable' object is not callable"
    assert diagnostic.basis == "recognised"


def test_an_unknown_message_says_what_was_seen_and_what_to_send() -> None:
    message = 'File "/site-packages/torch/nn/x.py", line 1, in f\nOddError: it broke'
    [diagnostic] = diagnose_message(message)
    assert diagnostic.code == "message-unknown"
    assert "OddError, from torch" in diagnostic.what
    assert "whole output" in diagnostic.fix


def test_code_is_no_message() -> None:
    assert not looks_like_message("import torch\nmodel = AlbertModel(config)\n")
    assert looks_like_message("ValueError: too many values to unpack (expected 2)")


def test_a_prefix_that_leaves_the_encoder_random_is_recognised(
    encoder: Path, tmp_path: Path
) -> None:
    shutil.copytree(encoder, tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    arrays = {f"module.{name}": array for name, array in load_file(path).items()}
    save_file(arrays, path, metadata={"format": "pt"})
    message = output_of(lambda: AlbertModel.from_pretrained(tmp_path / "model"))
    assert [d.code for d in diagnose_message(message)] == ["encoder-random"]


def test_an_encoder_that_is_opened_as_a_masked_lm_is_recognised(encoder: Path) -> None:
    codes = all_codes(lambda: AlbertForMaskedLM.from_pretrained(encoder))
    assert {"encoder-opened-as-masked-lm", "head-untrained"} <= codes
    assert "encoder-random" not in codes


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("mat1 and mat2", "mat1 and mat2"),
        ("size \\(\\d+\\) is not", " is not"),
        ("a (?:b|(c)) def?", " de"),
        ("one|two", ""),
        ("(?i)some words", ""),
        ("[abc|]x{2} wide", " wide"),
    ],
)
def test_the_words_that_a_pattern_needs(pattern: str, words: str) -> None:
    assert find_required_words(pattern) == words
