"""Real messages are recognised: of torch, transformers, safetensors and ONNX Runtime."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import sklearn.metrics
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForMultipleChoice,
    AlbertForPreTraining,
    AlbertForSequenceClassification,
    AlbertModel,
    AlbertTokenizer,
    AutoConfig,
    BertModel,
)

from albertkit.conversion import convert
from albertkit.doctor.messages import diagnose_message, find_required_words, looks_like_message
from tests.support.tiny_models import PIECES, save_tiny

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


def output_of(call: Callable[[], object]) -> str:
    """What a call prints, logs and raises, as a user would paste it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    try:
        with (
            contextlib.redirect_stderr(text),
            contextlib.redirect_stdout(text),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            try:
                call()
            except Exception:
                traceback.print_exc(file=text)
    finally:
        logger.removeHandler(handler)
    return text.getvalue() + "\n".join(str(warning.message) for warning in caught)


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


def first_code(call: Callable[[], object]) -> str:
    return diagnose_message(output_of(call))[0].code


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
    "heads-do-not-divide": lambda: AlbertModel(
        AlbertConfig(**{**CONFIG.to_dict(), "num_attention_heads": 5})
    )(IDS),
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


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    directory = tmp_path_factory.mktemp("onnx")
    convert(save_tiny(directory / "tiny"), directory / "onnx", to="onnx")
    return onnxruntime.InferenceSession(directory / "onnx" / "model.onnx")


@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        ("onnx-input-missing", {"input_ids": np.ones((1, 4), np.int64)}),
        (
            "onnx-input-type",
            dict.fromkeys(
                ("input_ids", "attention_mask", "token_type_ids"), np.ones((1, 4), np.int32)
            ),
        ),
    ],
)
def test_what_onnx_runtime_says_is_recognised(
    code: str, inputs: dict[str, np.ndarray], session: onnxruntime.InferenceSession
) -> None:
    assert first_code(lambda: session.run(None, inputs)) == code


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


def all_codes(call: Callable[[], object]) -> set[str]:
    return {diagnostic.code for diagnostic in diagnose_message(output_of(call))}


def predict_one_class() -> None:
    sklearn.metrics.precision_score([0, 1], [0, 0])


OTHERS: dict[str, Callable[[], object]] = {
    "attentions-not-returned": lambda: AlbertModel(CONFIG)(IDS, output_attentions=True),
    "same-class-predicted": predict_one_class,
    "evaluation-memory": lambda: np.empty((10**7, 30000)),
    "pieces-not-cut": lambda: np.zeros(130).reshape(1, 128),
}


@pytest.mark.parametrize("code", OTHERS)
def test_what_other_calls_say_is_recognised(code: str) -> None:
    assert code in all_codes(OTHERS[code])


def test_fixed_axes_and_new_formats_are_recognised_in_what_onnx_runtime_says(
    session: onnxruntime.InferenceSession, tmp_path: Path
) -> None:
    model = onnx.load(session._model_path)
    for port in model.graph.input:
        for axis in port.type.tensor_type.shape.dim:
            axis.dim_value = 8
    onnx.save(model, tmp_path / "fixed.onnx")
    names = [port.name for port in model.graph.input]
    inputs = dict.fromkeys(names, np.ones((1, 4), np.int64))
    fixed = onnxruntime.InferenceSession(tmp_path / "fixed.onnx")
    assert first_code(lambda: fixed.run(None, inputs)) == "onnx-input-shape"
    model.ir_version = 99
    onnx.save(model, tmp_path / "new.onnx")
    assert "onnx-opset-unsupported" in all_codes(
        lambda: onnxruntime.InferenceSession(tmp_path / "new.onnx")
    )


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
