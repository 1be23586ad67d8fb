"""ONNX Runtime is the oracle: what it computes from our file is what our engine computes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights
from tests.support.head_logits import head_logits
from tests.support.onnx_oracle import own_tokens, pad_encodings, run, session
from tests.support.tiny_models import PIECES, save_tiny

from albertkit.arrays import FloatArray
from albertkit.checkpoints import Checkpoint, ConfigOverrides, format_of, read_checkpoint
from albertkit.checkpoints.onnx.format import ONNX, ONNX_INT8, OnnxFormat
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import (
    Layout,
    compute_mlm_logits,
    compute_text_vectors,
    compute_token_vectors,
    pack,
)
from albertkit.engine.pooling import apply_modules
from albertkit.engine.protocol import OutputRequest, SpanSearch
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.graph.numpy_int8_emitter import NumpyInt8Emitter
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.pooling_config import Dense, Normalize, Pooling, PoolingConfig

LENGTHS = (40, 3, 17, 9, 2)
ATOL = 1e-4  # what a conversion allows; found are 2e-6 for vectors, 6e-6 for word logits
ENCODER = ("last_hidden_state", "pooler_output")  # not outputs of a file with these two heads
EVERY_TOKEN = np.arange(sum(LENGTHS))
THREE_LABELS = dataclasses.replace(CONFIG, id2label={0: "a", 1: "b", 2: "c"})


def write_onnx(weights: Weights, path: Path, plan: PoolingConfig | None = None) -> Path:
    ONNX.write(Checkpoint(weights, pooling=plan), path)
    return path / ONNX.file


def assert_close(actual: FloatArray, expected: FloatArray) -> None:
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_a_padded_batch_gets_our_engines_vectors_and_words(
    config: AlbertConfig, tmp_path: Path
) -> None:
    weights = random_weights(config, ["masked_lm", "sentence_order"])
    file = write_onnx(weights, tmp_path / "m")
    onnx.checker.check_model(onnx.load(file), full_check=True)
    asked = random_encodings(config, LENGTHS)
    outputs, engine = run(file, pad_encodings(asked), inner=ENCODER), NumpyEngine(weights)
    tokens = own_tokens(outputs["last_hidden_state"], LENGTHS)
    assert_close(tokens, compute_token_vectors(engine, asked))
    assert_close(outputs["pooler_output"], compute_text_vectors(engine, asked, "pooler"))
    words = own_tokens(outputs["logits"], LENGTHS)
    assert_close(words, compute_mlm_logits(engine, asked, EVERY_TOKEN))
    assert_close(outputs["sop_logits"], head_logits(weights, asked, "sentence_order"))


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_every_axis_is_read_back_bit_for_bit(config: AlbertConfig, tmp_path: Path) -> None:
    weights = random_weights(config, ["masked_lm"], pooler=True)
    write_onnx(weights, tmp_path / "m")
    back = read_checkpoint(tmp_path / "m").weights
    assert dataclasses.replace(back.config, extra={}) == dataclasses.replace(config, extra={})
    assert (back.heads, back.has_pooler) == (weights.heads, True)
    assert set(back.arrays) == set(weights.arrays)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array, err_msg=name)


def test_classes_of_texts_and_of_tokens_are_called_logits(tmp_path: Path) -> None:
    asked = random_encodings(CONFIG, LENGTHS)
    of_texts = random_weights(THREE_LABELS, ["sequence_classification"])
    outputs = run(write_onnx(of_texts, tmp_path / "texts"), pad_encodings(asked))
    expected = head_logits(of_texts, asked, "sequence_classification")
    assert_close(outputs["logits"], expected)
    of_tokens = random_weights(THREE_LABELS, ["token_classification"])
    outputs = run(write_onnx(of_tokens, tmp_path / "tokens"), pad_encodings(asked))
    assert set(outputs) == {"logits"}
    expected = head_logits(of_tokens, asked, "token_classification")
    assert_close(own_tokens(outputs["logits"], LENGTHS), expected)


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("masked_lm", ["logits"]),
        ("sequence_classification", ["logits"]),
        ("token_classification", ["logits"]),
        ("multiple_choice", ["logits"]),
        ("question_answering", ["start_logits", "end_logits"]),
    ],
)
def test_a_model_with_a_head_returns_what_its_head_computes(
    name: str, outputs: list[str], tmp_path: Path
) -> None:
    file = write_onnx(random_weights(CONFIG, [name]), tmp_path / name)
    assert [output.name for output in session(file).get_outputs()] == outputs


def test_a_pooler_that_no_head_reads_is_an_output(tmp_path: Path) -> None:
    """Else its parameters are unused, and ONNX Runtime drops them with a warning for each."""
    file = write_onnx(random_weights(CONFIG, ["masked_lm"], pooler=True), tmp_path / "m")
    assert [output.name for output in session(file).get_outputs()] == ["logits", "pooler_output"]


def test_a_plan_follows_the_heads_outputs(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm"])
    file = write_onnx(weights, tmp_path / "m", PoolingConfig(steps=(Normalize(),)))
    names = [output.name for output in session(file).get_outputs()]
    assert names == ["logits", "sentence_embedding"]


def test_an_answer_has_logits_of_its_start_and_of_its_end(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["question_answering"])
    asked = random_encodings(CONFIG, LENGTHS)
    outputs = run(write_onnx(weights, tmp_path / "m"), pad_encodings(asked))
    spans = np.stack([outputs["start_logits"], outputs["end_logits"]], axis=-1)
    expected = head_logits(weights, asked, "question_answering")
    assert_close(own_tokens(spans, LENGTHS), expected)


def test_spans_are_searched_as_the_numpy_engine_does(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["span_search"])
    asked = random_encodings(CONFIG, (40, 17, 9))  # each longer than what is kept of it
    outputs = run(write_onnx(weights, tmp_path / "m"), pad_encodings(asked))
    one_a_row = pack(asked, Layout(40, ((0,), (1,), (2,))))
    expected = NumpyEngine(weights).run(one_a_row, OutputRequest(spans=SpanSearch(5, 5))).spans
    assert expected is not None
    np.testing.assert_array_equal(outputs["start_top_index"], expected.start_index)
    assert_close(outputs["start_top_log_probs"], expected.start_log_probs)
    np.testing.assert_array_equal(outputs["end_top_index"].reshape(3, 5, 5), expected.end_index)
    assert_close(outputs["end_top_log_probs"].reshape(3, 5, 5), expected.end_log_probs)
    assert_close(outputs["cls_logits"], expected.no_answer_logit)


def test_choices_are_an_axis_of_their_own(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["multiple_choice"])
    asked = random_encodings(CONFIG, (9, 5, 12, 3, 7, 12))
    flat = pad_encodings(asked)
    two_by_three = {name: array.reshape(2, 3, 12) for name, array in flat.items()}
    outputs = run(write_onnx(weights, tmp_path / "m"), two_by_three)
    expected = head_logits(weights, asked, "multiple_choice")
    assert_close(outputs["logits"], expected.reshape(2, 3))


def test_inputs_and_outputs_are_named_and_shaped_as_hugging_faces_exports(tmp_path: Path) -> None:
    opened = session(write_onnx(random_weights(CONFIG), tmp_path / "m"))
    assert [(port.name, port.type, port.shape) for port in opened.get_inputs()] == [
        (name, "tensor(int64)", ["batch", "length"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    assert [(port.name, port.shape) for port in opened.get_outputs()] == [
        ("last_hidden_state", ["batch", "length", 32]),
        ("pooler_output", ["batch", 32]),
    ]


def dense(width: int) -> Dense:
    rng = np.random.default_rng(7)
    matrix, bias = rng.normal(0, 0.2, (width, 32)), rng.normal(0, 0.2, width)
    return Dense(matrix.astype(np.float32), bias.astype(np.float32), "tanh")


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_a_plan_of_text_vectors_is_computed_and_kept(pooling: Pooling, tmp_path: Path) -> None:
    weights = random_weights(CONFIG)
    plan = PoolingConfig(
        pooling,
        (dense(24), Normalize()),
        max_length=20,
        prompts={"query": "ask: "},
        default_prompt="query",
        similarity="dot",
        lower_case=True,
        truncate_dim=10,
    )
    file = write_onnx(weights, tmp_path / "m", plan)
    asked = random_encodings(CONFIG, LENGTHS)
    expected = compute_text_vectors(NumpyEngine(weights), asked, pooling)
    actual = run(file, pad_encodings(asked))["sentence_embedding"]
    assert_close(actual, apply_modules(plan.steps, expected, CONFIG)[:, :10])
    back = read_checkpoint(tmp_path / "m").pooling
    assert back is not None
    assert dataclasses.replace(back, steps=()) == dataclasses.replace(plan, steps=())
    step, expected_step = back.steps[0], plan.steps[0]
    assert isinstance(step, Dense)
    assert isinstance(expected_step, Dense)
    np.testing.assert_array_equal(step.weight, expected_step.weight)
    np.testing.assert_array_equal(step.bias, expected_step.bias)
    assert back.steps[1] == Normalize()


def test_a_row_without_a_token_gives_numbers(tmp_path: Path) -> None:
    plan = PoolingConfig(steps=(Normalize(),))
    file = write_onnx(random_weights(CONFIG, ["masked_lm"], pooler=True), tmp_path / "m", plan)
    inputs = pad_encodings(random_encodings(CONFIG, (5, 4)))
    inputs["attention_mask"][1] = 0
    for name, array in run(file, inputs).items():
        assert np.isfinite(array).all(), name


def test_a_batch_longer_than_the_positions_fails_by_the_tables_name(tmp_path: Path) -> None:
    file = write_onnx(random_weights(CONFIG), tmp_path / "m")
    inputs = {
        name: np.ones((1, 41), np.int64) for name in pad_encodings(random_encodings(CONFIG, (2,)))
    }
    message = r"rows of embeddings.position_embeddings.weight'(.|\n)*40 by 41"
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match=message):
        run(file, inputs)


def small_base() -> AlbertConfig:
    """The shape of base in a twelfth of its width, and all of its repetitions."""
    return AlbertConfig(
        vocab_size=3000,
        embedding_size=128,
        hidden_size=256,
        num_hidden_layers=12,
        num_attention_heads=4,
        intermediate_size=1024,
    )


def test_a_shared_layer_lies_there_once(tmp_path: Path) -> None:
    weights = random_weights(small_base(), ["masked_lm", "sentence_order"])
    file = write_onnx(weights, tmp_path / "m")
    assert file.stat().st_size < 1.05 * 4 * weights.table().count()


def test_a_directory_brings_its_config_and_its_tokenizer(tmp_path: Path) -> None:
    stored = read_checkpoint(save_tiny(tmp_path / "from", ["masked_lm"]))
    ONNX.write(stored, tmp_path / "m")
    assert format_of(tmp_path / "m") == (ONNX, "model.onnx")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["architectures"] == ["AlbertForMaskedLM"]
    assert (tmp_path / "m" / "spiece.model").read_bytes() == PIECES.read_bytes()
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "m").vocab_size == 1000
    back = read_checkpoint(tmp_path / "m")
    assert back.tokenizer_files == stored.tokenizer_files


def test_overrides_are_used_and_noted(tmp_path: Path) -> None:
    write_onnx(random_weights(CONFIG), tmp_path / "m")
    stored = ONNX.read(tmp_path / "m", ConfigOverrides(num_hidden_layers=7))
    assert stored.weights.config.num_hidden_layers == 7
    assert [note.code for note in stored.notes] == ["metadata-overridden"]


def test_heads_that_would_answer_under_one_name_are_refused(tmp_path: Path) -> None:
    weights = random_weights(CONFIG, ["masked_lm", "sequence_classification"])
    with pytest.raises(
        InputError, match=r"would both have the output 'logits'.*\[unsupported-by-format\]"
    ):
        write_onnx(weights, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_float16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'float16'.*\[unsupported-by-format\]"):
        ONNX.write(Checkpoint(random_weights(CONFIG)), tmp_path / "m", dtype="float16")
    assert list(tmp_path.iterdir()) == []


# int8


def cosines(actual: FloatArray, expected: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(actual, axis=-1) * np.linalg.norm(expected, axis=-1)
    return np.sum(actual * expected, axis=-1) / lengths


def test_int8_is_a_quarter_as_large_and_nearly_the_same(tmp_path: Path) -> None:
    weights = random_weights(small_base(), ["masked_lm", "sentence_order"])
    ONNX_INT8.write(Checkpoint(weights), tmp_path / "m")
    file = tmp_path / "m" / ONNX_INT8.file
    onnx.checker.check_model(onnx.load(file), full_check=True)
    assert file.stat().st_size < 0.28 * 4 * weights.table().count()
    asked = random_encodings(weights.config, LENGTHS)
    outputs, engine = run(file, pad_encodings(asked), inner=ENCODER), NumpyEngine(weights)
    tokens = own_tokens(outputs["last_hidden_state"], LENGTHS)
    assert cosines(tokens, compute_token_vectors(engine, asked)).min() > 0.99
    pooled = compute_text_vectors(engine, asked, "pooler")
    assert cosines(outputs["pooler_output"], pooled).min() > 0.99
    words = own_tokens(outputs["logits"], LENGTHS)
    assert cosines(words, compute_mlm_logits(engine, asked, EVERY_TOKEN)).min() > 0.99


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_the_runtime_rounds_as_we_foresee(config: AlbertConfig, tmp_path: Path) -> None:
    weights = random_weights(config)
    ONNX_INT8.write(Checkpoint(weights), tmp_path / "m")
    asked = random_encodings(config, (30, 30))
    actual = run(tmp_path / "m" / ONNX_INT8.file, pad_encodings(asked))["last_hidden_state"]
    expected = vectors_in_int8(weights, pad_encodings(asked))
    # a step of an activation that falls to the other side moves few numbers by less than a step
    assert cosines(actual, expected).min() > 0.9999


def vectors_in_int8(weights: Weights, inputs: dict[str, np.ndarray]) -> FloatArray:
    from albertkit.graph.encoder import emit_encoder

    return emit_encoder(
        NumpyInt8Emitter(weights.config, weights.arrays),
        weights.config,
        ids=inputs["input_ids"],
        type_ids=inputs["token_type_ids"],
        positions=np.arange(inputs["input_ids"].shape[1]),
        mask=np.zeros(1, np.float32),
    )


def spoilt(weights: Weights) -> Weights:
    """One activation that nothing reads is so large that the others fall below a step."""
    prefix = "encoder.albert_layer_groups.0.albert_layers.0."
    bias = weights.arrays[f"{prefix}ffn.bias"].copy()
    matrix = weights.arrays[f"{prefix}ffn_output.weight"].copy()
    bias[0], matrix[:, 0] = 1e4, 0
    changes = {f"{prefix}ffn.bias": bias, f"{prefix}ffn_output.weight": matrix}
    return dataclasses.replace(weights, arrays={**weights.arrays, **changes})


def test_a_model_that_int8_turns_too_far_is_refused_with_the_figure(tmp_path: Path) -> None:
    weights = spoilt(random_weights(CONFIG))
    with pytest.raises(InputError, match=r"cosine 0\.\d{4}.*\[quantization-error-too-large\]"):
        ONNX_INT8.write(Checkpoint(weights), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_int8_is_read_as_it_was_rounded_with_a_note(tmp_path: Path) -> None:
    weights, plan = (
        random_weights(CONFIG, ["masked_lm"], pooler=True),
        PoolingConfig("cls", (dense(8),)),
    )
    ONNX_INT8.write(Checkpoint(weights, pooling=plan), tmp_path / "m")
    assert format_of(tmp_path / "m") == (ONNX_INT8, "model_quantized.onnx")
    back = read_checkpoint(tmp_path / "m")
    assert [note.code for note in back.notes] == ["weights-rounded"]
    assert set(back.weights.arrays) == set(weights.arrays)
    for name, array in weights.arrays.items():
        steps = np.abs(array).max(axis=-1, keepdims=True) / 64 if array.ndim == 2 else 0
        assert (np.abs(back.weights.arrays[name] - array) <= 0.5001 * steps).all(), name
    assert back.pooling is not None
    (step,), (expected,) = back.pooling.steps, plan.steps
    assert isinstance(step, Dense)
    assert isinstance(expected, Dense)
    np.testing.assert_allclose(step.weight, expected.weight, rtol=0, atol=0.01)


# files that are not ours, or not whole


def change_model(file: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(file)
    change(model)
    onnx.save(model, file)


def metadata_of(model: onnx.ModelProto, key: str) -> onnx.StringStringEntryProto:
    return next(prop for prop in model.metadata_props if prop.key == key)


def test_a_missing_tensor_is_named_in_both_ways(tmp_path: Path) -> None:
    file = write_onnx(random_weights(CONFIG), tmp_path / "m")

    def without_pooler_bias(model: onnx.ModelProto) -> None:
        kept = [t for t in model.graph.initializer if t.name != "pooler.bias"]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)

    change_model(file, without_pooler_bias)
    with pytest.raises(FormatError, match=r"no tensor pooler\.bias .*\[checkpoint-without-encoder"):
        read_checkpoint(tmp_path / "m")


@pytest.mark.parametrize(
    "text",
    [
        '{"pooling": "median", "similarity": "dot"}',
        '{"pooling": "mean", "similarity": "dot", "steps": ["tanh"]}',
        "[]",
    ],
)
def test_a_plan_that_we_never_wrote_is_refused(text: str, tmp_path: Path) -> None:
    file = write_onnx(random_weights(CONFIG), tmp_path / "m", PoolingConfig())

    def spoil(model: onnx.ModelProto) -> None:
        metadata_of(model, "vectors").value = text

    change_model(file, spoil)
    with pytest.raises(FormatError, match=r"\[(file|json)-malformed\]"):
        read_checkpoint(tmp_path / "m")


def test_a_matrix_without_its_scales_is_missing(tmp_path: Path) -> None:
    ONNX_INT8.write(Checkpoint(random_weights(CONFIG)), tmp_path / "m")

    def shorten(model: onnx.ModelProto) -> None:
        (scales,) = (t for t in model.graph.initializer if t.name == "pooler.weight_scales")
        scales.CopyFrom(onnx.numpy_helper.from_array(np.ones(31, np.float32), scales.name))

    change_model(tmp_path / "m" / ONNX_INT8.file, shorten)
    with pytest.raises(FormatError, match=r"pooler.*\[checkpoint-"):
        read_checkpoint(tmp_path / "m")


@pytest.fixture(scope="module", params=[ONNX, ONNX_INT8], ids=lambda each: each.name)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[OnnxFormat, Path]:
    tiny = dataclasses.replace(CONFIG, vocab_size=9, max_position_embeddings=4, intermediate_size=4)
    stored = Checkpoint(random_weights(tiny), pooling=PoolingConfig(steps=(dense(8), Normalize())))
    path = tmp_path_factory.mktemp(request.param.name)
    request.param.write(stored, path)
    return request.param, path


@settings(max_examples=150)
@given(offset=st.integers(0, 10**6), new=st.binary(max_size=3), drop=st.integers(0, 3))
def test_only_our_errors_come_out_of_damaged_files(
    whole: tuple[OnnxFormat, Path], offset: int, new: bytes, drop: int
) -> None:
    source, path = whole
    file = path / source.file
    data = file.read_bytes()
    offset %= len(data)
    file.write_bytes(data[:offset] + new + data[offset + drop :])
    try:
        weights = source.read(path).weights
        for row in weights.table().stored:
            assert weights.arrays[row.name].shape == row.shape
    except AlbertKitError:
        pass
    finally:
        file.write_bytes(data)
