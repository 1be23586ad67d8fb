"""Which files of a repository are fetched: one copy of the weights, and what belongs to them."""

from __future__ import annotations

import pytest

from albertkit.sources.needed_files import find_weights, select_files

SMALL = ["config.json", "spiece.model", "tokenizer.json", "tokenizer_config.json"]
# As `sentence-transformers/paraphrase-albert-small-v2` and `albert/albert-base-v2` look.
IDLE = [
    *(".gitattributes", "README.md", "LICENSE", "training_args.bin", "optimizer.pt"),
    *("tf_model.h5", "flax_model.msgpack", "rust_model.ot", "with-prefix-tf_model.h5"),
    *("onnx/model.onnx", "onnx/model_O2.onnx", "openvino/openvino_model.xml"),
    *("openvino/openvino_model.bin", "coreml/model.mlpackage/weights.bin"),
]
SHARDS = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
OLD_SHARDS = [f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)]


@pytest.mark.parametrize(
    ("weights", "left"),
    [
        (["model.safetensors"], ["pytorch_model.bin", "model.safetensors.index.json", *SHARDS]),
        (["model.safetensors.index.json", *SHARDS], ["pytorch_model.bin"]),
        (["pytorch_model.bin"], ["pytorch_model.bin.index.json", *OLD_SHARDS]),
        (["pytorch_model.bin.index.json", *OLD_SHARDS], ["model.weights.h5"]),
        (["model.weights.h5", "task.weights.h5"], ["saved_model.pb"]),
        (
            ["saved_model.pb", "variables/variables.index", "assets/30k-clean.model"],
            ["model.ckpt-best.index"],
        ),
        (["model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"], []),
    ],
    ids=lambda names: names[0] if names else "",
)
def test_one_copy_of_the_weights_is_taken_the_best_that_there_is(
    weights: list[str], left: list[str]
) -> None:
    files = select_files([*IDLE, *SMALL, *weights, *left])
    assert set(files) == {*SMALL, *weights}
    assert find_weights(files) == tuple(sorted(weights))
    assert set(files[-len(weights) :]) == set(weights)  # fetched last


def test_modules_of_sentence_transformers_have_settings_and_weights_of_their_own() -> None:
    top = ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"]
    parts = ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"]
    dense = [*parts, "2_Dense/pytorch_model.bin"]
    files = select_files([*IDLE, *SMALL, *top, *dense, "model.safetensors", "pytorch_model.bin"])
    assert set(files) == {*SMALL, *top, *parts, "model.safetensors"}


def test_an_encoder_may_be_in_a_directory_of_its_own() -> None:
    inside = [f"0_Transformer/{name}" for name in (*SMALL, "pytorch_model.bin")]
    files = select_files(["modules.json", "1_Pooling/config.json", *inside])
    assert set(files) == {"modules.json", "1_Pooling/config.json", *inside}
    assert find_weights(files) == ("0_Transformer/pytorch_model.bin",)


def test_a_dense_layers_weights_are_not_taken_for_the_encoders() -> None:
    assert find_weights(["config.json", "2_Dense/model.safetensors"]) == ()


def test_a_path_that_leaves_the_repository_is_not_fetched() -> None:
    files = ["saved_model.pb", "variables/../../.bashrc", "assets/../x", "config.json"]
    assert select_files(files) == ("config.json", "saved_model.pb")


def test_weights_without_all_shards_are_not_used() -> None:
    assert find_weights(["model.safetensors.index.json", *SHARDS[:2]]) == ()


def test_a_tokenizer_alone_needs_no_weights() -> None:
    files = [*IDLE, *SMALL, "model.safetensors", "special_tokens_map.json"]
    assert set(select_files(files, "tokenizer")) == {*SMALL[1:], "special_tokens_map.json"}
