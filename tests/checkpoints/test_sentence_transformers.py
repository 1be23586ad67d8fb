"""sentence-transformers directories of several years, against the library itself."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    CNN,
    Dropout,
    Pooling,
    WeightedLayerPooling,
)
from sentence_transformers.sentence_transformer.modules import Dense as TheirDense
from sentence_transformers.sentence_transformer.modules import LayerNorm as TheirLayerNorm
from sentence_transformers.sentence_transformer.modules import Normalize as TheirNormalize
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny, save_tiny_vectors

from albertkit.checkpoints import HUGGINGFACE, SENTENCE_TRANSFORMERS, Checkpoint, format_of
from albertkit.conversion import convert, verify
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.spec.pooling_config import Dense, LayerNorm, Normalize, PoolingConfig
from albertkit.tasks import TextEmbedder
from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy

TEXTS = ["I like my phone", "My phone is not good. (really)", "how old are you?", "x" * 40]


def assert_same_vectors(directory: Path) -> None:
    """The library and we give the same vectors of this directory."""
    torch.set_num_threads(1)
    theirs = SentenceTransformer(str(directory), device="cpu").encode(TEXTS)
    ours = TextEmbedder(directory, truncation="off").encode(TEXTS)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_what_version_six_writes_is_read(tmp_path: Path) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs[1] = Pooling(32, "max")
    theirs.append(TheirDense(32, 10, activation_function=torch.nn.Identity()))
    theirs.append(TheirNormalize())
    theirs.append(TheirDense(10, 6, bias=False))
    theirs.prompts = {"query": "q: "}
    theirs.max_seq_length = 17
    theirs.save_pretrained(str(tmp_path / "model"))

    checkpoint_format, evidence = format_of(tmp_path / "model")
    assert (checkpoint_format.name, evidence) == ("sentence-transformers", "modules.json")
    plan = SENTENCE_TRANSFORMERS.read(tmp_path / "model").pooling
    assert plan is not None
    assert plan.pooling == "max"
    assert plan.prompts["query"] == "q: "
    assert [type(step) for step in plan.steps] == [Dense, Normalize, Dense]
    assert TextEmbedder(tmp_path / "model").max_seq_length == 17
    assert_same_vectors(tmp_path / "model")


def test_a_vocabulary_that_transformers_converted_is_read_as_it_converts_it(
    tmp_path: Path,
) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY)), tmp_path / "encoder")
    shutil.copyfile(PIECES, tmp_path / "encoder" / "spiece.model")
    theirs = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    theirs.save_pretrained(str(tmp_path / "model"))
    assert_same_vectors(tmp_path / "model")


def test_the_layout_of_paraphrase_albert_small_v2_is_read(tmp_path: Path) -> None:
    """Old type names, flags for the pooling, its length only in sentence_bert_config.json."""
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(max_length=9))
    modules = json.loads((directory / "modules.json").read_text())
    assert [module["type"] for module in modules] == [
        "sentence_transformers.models.Transformer",
        "sentence_transformers.models.Pooling",
    ]
    pooling = json.loads((directory / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"] is True
    assert pooling["word_embedding_dimension"] == 32
    (directory / "config_sentence_transformers.json").write_text(
        json.dumps({"__version__": {"sentence_transformers": "2.0.0"}})
    )
    assert TextEmbedder(directory).max_seq_length == 9
    assert_same_vectors(directory)


def change_settings(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("stated", "tokenizer_limit", "limit"), [(20, 9, 20), (9, 20, 9), (None, 9, 9), (99, 9, 40)]
)
def test_the_limit_of_the_encoder_replaces_that_of_the_tokenizer(
    stated: int | None, tokenizer_limit: int, limit: int, tmp_path: Path
) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(max_length=stated))
    change_settings(directory / "tokenizer_config.json", model_max_length=tokenizer_limit)
    if stated == 99:  # more than there are positions, which sentence-transformers does not check
        change_settings(directory / "sentence_bert_config.json", max_seq_length=stated)
    else:
        theirs = SentenceTransformer(str(directory), device="cpu")
        assert theirs.max_seq_length == limit
    assert TextEmbedder(directory).max_seq_length == limit
    convert(directory, tmp_path / "again", to="sentence-transformers")
    assert TextEmbedder(tmp_path / "again").max_seq_length == limit


def test_an_encoder_in_a_folder_of_its_own_is_read(tmp_path: Path) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(Normalize(),)))
    encoder = directory / "0_Transformer"
    encoder.mkdir()
    for file in directory.iterdir():
        if file.is_file() and file.name not in (
            "modules.json",
            "config_sentence_transformers.json",
        ):
            file.rename(encoder / file.name)
    modules = json.loads((directory / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "2_Normalize" / "config.json").unlink()  # it had none before version 5.2
    assert_same_vectors(directory)


def test_texts_are_lower_cased_where_the_directory_says_so(tmp_path: Path) -> None:
    plan = PoolingConfig(lower_case=True)
    directory = save_tiny_vectors(tmp_path / "model", plan)
    assert (
        json.loads((directory / "sentence_bert_config.json").read_text())["do_lower_case"] is True
    )
    cased = TextEmbedder(directory, policy=policy_with_case(TextEmbedder(directory)))
    np.testing.assert_array_equal(cased.encode("HELLO World"), cased.encode("hello world"))


def policy_with_case(embedder: TextEmbedder) -> TokenizerPolicy:
    return replace(embedder.model.tokenizer.policy, case="kept")


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layer = Dense(rng.normal(size=(8, 32)).astype(np.float32), None, "gelu_erf")
    plan = PoolingConfig(
        "cls",
        (Normalize(), layer),
        12,
        {"query": "ask: "},
        "query",
        "dot",
        lower_case=True,
        truncate_dim=5,
    )
    weights = random_weights(TINY, ["masked_lm"])
    SENTENCE_TRANSFORMERS.write(Checkpoint(weights, pooling=plan), tmp_path / "model")
    stored = SENTENCE_TRANSFORMERS.read(tmp_path / "model")
    assert stored.weights.heads == (), "vectors need no head"
    pooling = stored.pooling
    assert pooling is not None
    step = pooling.steps[1]
    assert isinstance(step, Dense)
    np.testing.assert_array_equal(step.weight, layer.weight)
    assert (step.bias, step.activation) == (None, "gelu_erf")
    assert replace(pooling, steps=()) == replace(plan, steps=())


def test_a_directory_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig())
    before = {file: file.read_bytes() for file in directory.rglob("*") if file.is_file()}
    weights = random_weights(TINY)
    huge = {**weights.arrays, "pooler.bias": np.full(32, 1e6, np.float32)}
    with pytest.raises(InputError, match=r"\[float16-overflow\]"):
        SENTENCE_TRANSFORMERS.write(
            Checkpoint(replace(weights, arrays=huge)), directory, dtype="float16"
        )
    assert {file: file.read_bytes() for file in directory.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("pooler", [True, False])
def test_no_pooler_is_made_where_there_was_none(pooler: bool, tmp_path: Path) -> None:
    weights = random_weights(TINY, pooler=pooler)
    SENTENCE_TRANSFORMERS.write(Checkpoint(weights, pooling=PoolingConfig()), tmp_path)
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path)
    names = [
        name for name, _ in SentenceTransformer(str(tmp_path), device="cpu").named_parameters()
    ]
    assert any("pooler" in name for name in names) is pooler
    assert_same_vectors(tmp_path)


def test_the_pooler_is_no_pooling_of_theirs(tmp_path: Path) -> None:
    stored = Checkpoint(random_weights(TINY), pooling=PoolingConfig(pooling="pooler"))
    with pytest.raises(InputError, match=r"'pooler'.*\[pooling-unsupported\]"):
        SENTENCE_TRANSFORMERS.write(stored, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("file", "changed", "message"),
    [
        ("modules.json", [], "the modules are none"),
        ("modules.json", [3], "a module is 3"),
        ("modules.json", [{"type": "a.Transformer", "path": "../.."}], "not a subdirectory"),
        ("modules.json", [{"type": "a.StaticEmbedding", "path": ""}], "StaticEmbedding"),
        ("1_Pooling/config.json", {"pooling_mode": "attention"}, "the pooling is attention"),
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "attention"]}, r"mean \+ attention"),
        ("1_Pooling/config.json", {"pooling_mode": ["mean"] * 7}, "supported are 1 to 6"),
        ("2_Dense/config.json", {"use_residual": True}, "adds its input"),
        ("2_Dense/config.json", {"activation_function": "torch.nn.PReLU"}, "activation is PReLU"),
        ("2_Dense/config.json", {"module_input_name": "token_embeddings"}, "token vectors"),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    tmp_path: Path, file: str, changed: object, message: str
) -> None:
    layer = Dense(np.eye(32, dtype=np.float32), None, "tanh")
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(layer,)))
    (directory / file).write_text(json.dumps(changed))
    with pytest.raises(FormatError, match=rf"{message}.*\[pooling-unsupported\]"):
        SENTENCE_TRANSFORMERS.read(directory)


def test_an_unknown_step_is_refused_by_name(tmp_path: Path) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(Normalize(),)))
    modules = json.loads((directory / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.LSTM"
    (directory / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(FormatError, match=r"'LSTM'.*\[pooling-unsupported\]"):
        SENTENCE_TRANSFORMERS.read(directory)


@pytest.mark.parametrize(
    "mode", ["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
)
@pytest.mark.parametrize("normalize", [True, False])
def test_every_pooling_of_theirs_gives_their_vectors(
    mode: str, normalize: bool, tmp_path: Path
) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs[1] = Pooling(32, mode)
    theirs.append(Dropout(0.5))
    if normalize:
        theirs.append(TheirNormalize())
    theirs.save_pretrained(str(tmp_path / "model"))
    assert_same_vectors(tmp_path / "model")
    TextEmbedder(tmp_path / "model").save_pretrained(tmp_path / "again")
    assert_same_vectors(tmp_path / "again")


@pytest.mark.parametrize("normalize", [True, False])
def test_the_directorys_truncate_dim_is_used_and_saved(normalize: bool, tmp_path: Path) -> None:
    encoder = save_tiny(tmp_path / "encoder")
    theirs = SentenceTransformer(str(encoder), device="cpu", truncate_dim=5)
    theirs.save_pretrained(str(tmp_path / "model"))
    ours = TextEmbedder(tmp_path / "model")
    assert (ours.truncate_dim, ours.get_embedding_dimension()) == (5, 5)
    texts = ["one text", "and another"]
    wanted = theirs.encode(texts, normalize_embeddings=normalize)
    np.testing.assert_allclose(
        ours.encode(texts, normalize_embeddings=normalize), wanted, atol=1e-5
    )
    assert ours.encode(texts, truncate_dim=9).shape == (2, 9)
    ours.truncate_dim = 4
    ours.save_pretrained(tmp_path / "again")
    again = SentenceTransformer(str(tmp_path / "again"), device="cpu")
    assert again.encode(texts).shape == TextEmbedder(tmp_path / "again").encode(texts).shape
    assert verify(tmp_path / "model", tmp_path / "again").reasons() == (
        "they compute text vectors from token vectors differently",
    )


ACTIVATIONS = [
    "Tanh",
    "Identity",
    "ReLU",
    "GELU",
    "SiLU",
    "Sigmoid",
    "LeakyReLU",
    "ELU",
    "CELU",
    "SELU",
    "ReLU6",
    "Hardtanh",
    "Hardsigmoid",
    "Hardswish",
    "LogSigmoid",
    "Mish",
    "Softplus",
    "Softsign",
]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_of_a_dense_gives_their_vectors(activation: str, tmp_path: Path) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    layer = TheirDense(32, 40, activation_function=getattr(torch.nn, activation)())
    with torch.no_grad():  # values on both sides of every bend
        layer.linear.weight.normal_(std=1.0, generator=torch.Generator().manual_seed(0))
        layer.linear.bias.uniform_(-5, 5, generator=torch.Generator().manual_seed(1))
    theirs.append(layer)
    theirs.save_pretrained(str(tmp_path / "model"))
    assert_same_vectors(tmp_path / "model")
    TextEmbedder(tmp_path / "model").save_pretrained(tmp_path / "again")
    assert_same_vectors(tmp_path / "again")


def save_with_layer_norm(path: Path, encoder: Path) -> Path:
    """A directory of theirs that ends in LayerNorm and a Dense with Sigmoid."""
    theirs = SentenceTransformer(str(save_tiny(encoder)), device="cpu")
    norm = TheirLayerNorm(32)
    torch.nn.init.normal_(norm.norm.weight, 1, 0.3)
    torch.nn.init.normal_(norm.norm.bias)
    theirs.append(norm)
    theirs.append(TheirDense(32, 7, activation_function=torch.nn.Sigmoid()))
    theirs.save_pretrained(str(path))
    return path


def test_a_layer_norm_gives_their_vectors(tmp_path: Path) -> None:
    directory = save_with_layer_norm(tmp_path / "model", tmp_path / "encoder")
    assert_same_vectors(directory)
    ours = TextEmbedder(directory)
    assert ours.get_embedding_dimension() == 7
    ours.save_pretrained(tmp_path / "again")
    assert_same_vectors(tmp_path / "again")
    assert verify(directory, tmp_path / "again").reasons() == ()


def test_other_numbers_of_a_layer_norm_are_a_difference(tmp_path: Path) -> None:
    one = LayerNorm(np.full(32, 2, np.float32), np.full(32, 1, np.float32))
    other = replace(one, bias=np.full(32, 3, np.float32))
    for name, norm in (("one", one), ("other", other)):
        save_tiny_vectors(tmp_path / name, PoolingConfig(steps=(norm,)))
    assert verify(tmp_path / "one", tmp_path / "other").reasons() == (
        "they compute text vectors from token vectors differently",
    )


MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


@pytest.mark.parametrize(
    "modes", [("cls", "max", "mean"), ("lasttoken", "mean", "cls"), ("max", "max"), MODES]
)
def test_several_poolings_are_concatenated_in_their_order(
    modes: tuple[str, ...], tmp_path: Path
) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs[1] = Pooling(32, modes)
    theirs.append(TheirLayerNorm(32 * len(modes)))
    theirs.save_pretrained(str(tmp_path / "model"))
    assert_same_vectors(tmp_path / "model")
    ours = TextEmbedder(tmp_path / "model")
    assert ours.get_embedding_dimension() == 32 * len(modes)
    ours.save_pretrained(tmp_path / "again")
    assert_same_vectors(tmp_path / "again")
    assert verify(tmp_path / "model", tmp_path / "again").reasons() == ()


def test_another_order_of_poolings_is_a_difference(tmp_path: Path) -> None:
    save_tiny_vectors(tmp_path / "one", PoolingConfig(("mean", "max")))
    save_tiny_vectors(tmp_path / "other", PoolingConfig(("max", "mean")))
    assert verify(tmp_path / "one", tmp_path / "other").reasons() == (
        "they compute text vectors from token vectors differently",
    )


@pytest.mark.parametrize("mode", [*MODES, MODES])
def test_a_prompt_is_left_out_of_the_pooling(mode: str | tuple[str, ...], tmp_path: Path) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs[1] = Pooling(32, mode, include_prompt=False)
    theirs.prompts = {"query": "I have a Question: "}
    theirs.save_pretrained(str(tmp_path / "model"))
    TextEmbedder(tmp_path / "model").save_pretrained(tmp_path / "again")
    texts = [*TEXTS, "", "or two"]
    for directory in (tmp_path / "model", tmp_path / "again"):
        theirs, ours = SentenceTransformer(str(directory), device="cpu"), TextEmbedder(directory)
        for name, prompt in (("query", None), (None, "My phone"), (None, None)):
            expected = theirs.encode(texts, name, prompt)
            np.testing.assert_allclose(ours.encode(texts, name, prompt), expected, atol=1e-5)
        outputs = ours.encode(texts, prompt_name="query", output_value=None)
        np.testing.assert_allclose(
            [output["sentence_embedding"] for output in outputs],
            theirs.encode(texts, prompt_name="query"),
            atol=1e-5,
        )
    whole = replace(ours.pooling, include_prompt=True)
    save_tiny_vectors(tmp_path / "whole", whole)
    assert (
        "they compute text vectors from token vectors differently"
        in verify(directory, tmp_path / "whole").reasons()
    )


@pytest.mark.parametrize("mode", ["mean", "cls", "mean_sqrt_len_tokens", "weightedmean"])
def test_a_text_without_tokens_after_its_prompt_has_their_vector(mode: str, tmp_path: Path) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs[1] = Pooling(32, mode, include_prompt=False)
    theirs.max_seq_length = 6
    theirs.save_pretrained(str(tmp_path / "model"))
    ours = TextEmbedder(tmp_path / "model", truncation="off")
    for prompt in ("I like my phone so much that I say so ", "I like my phone "):
        np.testing.assert_allclose(
            ours.encode(TEXTS, prompt=prompt), theirs.encode(TEXTS, prompt=prompt), atol=1e-5
        )


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (PoolingConfig(("mean", "max")), "several ways of pooling"),
        (PoolingConfig(include_prompt=False), "pooling without the prompt"),
    ],
)
def test_an_onnx_file_refuses_poolings_that_it_cannot_compute(
    config: PoolingConfig, name: str, tmp_path: Path
) -> None:
    directory = save_tiny_vectors(tmp_path / "model", config)
    with pytest.raises(InputError, match=rf"{name}.*\[unsupported-by-format\]"):
        convert(directory, tmp_path / "onnx", to="onnx")


@pytest.mark.parametrize("removed", ["", "2_LayerNorm"])
def test_an_onnx_file_refuses_the_modules_that_it_cannot_compute(
    removed: str, tmp_path: Path
) -> None:
    directory = save_with_layer_norm(tmp_path / "model", tmp_path / "encoder")
    if removed:
        modules = json.loads((directory / "modules.json").read_text())
        kept = [module for module in modules if module["path"] != removed]
        (directory / "modules.json").write_text(json.dumps(kept))
    name = "the activation sigmoid" if removed else "a LayerNorm"
    with pytest.raises(InputError, match=rf"{name}.*\[unsupported-by-format\]"):
        convert(directory, tmp_path / "onnx", to="onnx")


def test_a_layer_norm_of_another_width_is_refused(tmp_path: Path) -> None:
    norm = LayerNorm(np.ones(7, np.float32), np.ones(7, np.float32))
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(norm,)))
    with pytest.raises(FormatError, match=r"LayerNorm reads 7.*\[checkpoint-shape-mismatch\]"):
        SENTENCE_TRANSFORMERS.read(directory)


def test_a_layer_norm_with_other_tensors_is_refused(tmp_path: Path) -> None:
    norm = LayerNorm(np.ones(32, np.float32), np.ones(32, np.float32))
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(norm,)))
    shutil.copyfile(
        directory / "model.safetensors", directory / "2_LayerNorm" / "model.safetensors"
    )
    with pytest.raises(FormatError, match=r"norm.weight.*\[checkpoint-shape-mismatch\]"):
        SENTENCE_TRANSFORMERS.read(directory)


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (CNN(32, 32), "'CNN'.*convolution over token vectors"),
        (WeightedLayerPooling(32, 2, 1), "'WeightedLayerPooling'.*vectors of all layers"),
    ],
)
def test_modules_over_token_vectors_are_refused_with_the_reason(
    module: torch.nn.Module, why: str, tmp_path: Path
) -> None:
    theirs = SentenceTransformer(str(save_tiny(tmp_path / "encoder")), device="cpu")
    theirs.insert(1, module)
    theirs.save_pretrained(str(tmp_path / "model"))
    with pytest.raises(FormatError, match=rf"{why}.*\[pooling-unsupported\]"):
        SENTENCE_TRANSFORMERS.read(tmp_path / "model")


def test_an_activation_that_torch_lacks_is_not_written(tmp_path: Path) -> None:
    layer = Dense(np.eye(32, dtype=np.float32), None, "gelu_tanh")
    stored = Checkpoint(random_weights(TINY), pooling=PoolingConfig(steps=(layer,)))
    with pytest.raises(InputError, match=r"'gelu_tanh'.*\[pooling-unsupported\]"):
        SENTENCE_TRANSFORMERS.write(stored, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_dense_layer_saved_by_torch_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layer = Dense(rng.normal(size=(7, 32)).astype(np.float32), np.ones(7, np.float32), "tanh")
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(layer,)))
    file = directory / "2_Dense" / "model.safetensors"
    torch.save(load_file(file), file.with_name("pytorch_model.bin"))  # as before version 3
    file.unlink()
    assert_same_vectors(directory)


def test_a_dense_layer_with_other_tensors_is_refused(tmp_path: Path) -> None:
    layer = Dense(np.eye(32, dtype=np.float32), np.zeros(32, np.float32), "tanh")
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(layer,)))
    shutil.copyfile(directory / "model.safetensors", directory / "2_Dense" / "model.safetensors")
    with pytest.raises(FormatError, match=r"linear.weight.*\[checkpoint-shape-mismatch\]"):
        SENTENCE_TRANSFORMERS.read(directory)


def test_a_dense_layer_that_fits_no_vector_is_refused(tmp_path: Path) -> None:
    layer = Dense(np.eye(7, dtype=np.float32), None, "tanh")
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig(steps=(layer,)))
    with pytest.raises(FormatError, match=r"reads 7.*32.*\[checkpoint-shape-mismatch\]"):
        SENTENCE_TRANSFORMERS.read(directory)


ODD = st.sampled_from(["\x00", "a" * 5000, "..", "/", "\ud800"])
JSON = ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
FILES = (
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layer = Dense(np.eye(32, dtype=np.float32), None, "tanh")
    directory = tmp_path_factory.mktemp("models") / "whole"
    return save_tiny_vectors(directory, PoolingConfig(steps=(layer,), prompts={"query": "q"}))


@given(st.sampled_from(FILES), st.randoms(use_true_random=False), JSON)
@settings(max_examples=150, deadline=None)
def test_json_of_any_content_is_read_or_refused_in_one_line(
    whole: Path, file: str, rng: random.Random, value: object
) -> None:
    path = whole / file
    before = path.read_text()
    content = json.loads(before)
    inner = rng.choice(content) if isinstance(content, list) else content
    inner[rng.choice(sorted(inner))] = value
    try:
        path.write_text(json.dumps(rng.choice([content, value])))
        SENTENCE_TRANSFORMERS.read(whole)
    except AlbertKitError as error:
        assert "\n" not in str(error)  # noqa: PT017  # the claim is about any error there is
    finally:
        path.write_text(before)
