"""A conversion keeps every number and every part, or says why not and leaves nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny, save_tiny_vectors

from albertkit import AlbertTokenizer, convert, verify
from albertkit.checkpoints import HUGGINGFACE, Checkpoint, read_checkpoint
from albertkit.conversion.convert import describe_changes
from albertkit.conversion.model_outputs import compute_outputs
from albertkit.conversion.parity import Parity, estimate_differences
from albertkit.conversion.parity_inputs import make_parity_inputs
from albertkit.errors import FormatError, InputError, ResourceError
from albertkit.runtime import open_model
from albertkit.spec.pooling_config import Dense, Normalize, PoolingConfig

CONVERT = import_module("albertkit.conversion.convert")  # not the function of that name


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as in pretraining: both heads, pooler, tokenizer."""
    directory = tmp_path_factory.mktemp("models") / "words"
    return save_tiny(directory, ["masked_lm", "sentence_order"])


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(f.relative_to(directory)): f.read_bytes() for f in directory.rglob("*") if f.is_file()
    }


def test_a_conversion_ends_with_the_figure_of_its_proof(words: Path, tmp_path: Path) -> None:
    done = convert(words, tmp_path / "out", to="huggingface")
    assert done.parity.line() == "parity on 8 texts: max |diff| 0"
    assert set(done.parity.outputs) == {"sequence", "pooled", "masked_lm", "sentence_order"}
    assert done.parity.weights.line() == "32 of 32 tensors are bit-identical"
    assert read_checkpoint(tmp_path / "out").weights.heads == ("masked_lm", "sentence_order")


def test_the_tokenizer_goes_along_with_a_tokenizer_json_of_ours(
    words: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(words, bare)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bare / name).unlink()
    convert(bare, tmp_path / "out", to="huggingface")
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    text = "In 2001, (the) café's 1,000 words"
    given, kept = (
        AlbertTokenizer.from_pretrained(directory) for directory in (bare, tmp_path / "out")
    )
    assert kept.encode(text) == given.encode(text)


def test_the_documented_example_passes_on_every_processor(tmp_path: Path) -> None:
    parity = convert("small-en", tmp_path / "onnx", to="onnx").parity
    assert parity.largest < 1e-3  # of logits up to 24


def test_the_bound_is_derived_from_float32s_own_error() -> None:
    weights = random_weights(TINY, ["masked_lm"])
    inputs = make_parity_inputs(weights.config, None)
    outputs = compute_outputs(weights, inputs)
    bounds = estimate_differences(weights, outputs, inputs)
    assert bounds["sequence"] == 1e-4
    assert bounds["masked_lm"] < 1e-3
    name = "predictions.bias"  # larger logits have larger rounding errors
    large = {**weights.arrays, name: weights.arrays[name] + np.float32(1000)}
    sensitive = replace(weights, arrays=large)
    outputs = compute_outputs(sensitive, inputs)
    assert 1e-3 < estimate_differences(sensitive, outputs, inputs)["masked_lm"] < 1e-2


@pytest.mark.parametrize("tolerance", [float("nan"), -1e-9])
def test_a_tolerance_that_is_no_difference_is_refused(tolerance: float, tmp_path: Path) -> None:
    """With NaN all models would pass."""
    with pytest.raises(InputError, match=r"tolerance is .*\[option-invalid\]"):
        convert("no-such-model", tmp_path / "model", to="tf1", tolerance=tolerance)
    with pytest.raises(InputError, match=r"tolerance is .*\[option-invalid\]"):
        verify("no-such-model", "another", tolerance=tolerance)


def test_a_tolerance_replaces_the_bound(words: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"less than 1.0e-12.*--tolerance.*\[parity-failed\]"):
        convert(words, tmp_path / "strict", to="onnx", tolerance=1e-12)
    convert(words, tmp_path / "exact", to="tf1", tolerance=0)
    assert [path.name for path in tmp_path.iterdir()] == ["exact"]


def test_weights_that_are_not_finite_are_copied_with_a_warning(tmp_path: Path) -> None:
    weights = random_weights(TINY)
    weights.arrays["pooler.bias"][0] = np.nan
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "bare")
    done = convert(tmp_path / "bare", tmp_path / "out", to="tf1")
    (note,) = [each for each in done.notes if each.code == "weights-not-finite"]
    assert note.severity == "warning"
    assert "pooler.bias" in note.line()


def test_a_model_without_a_tokenizer_is_asked_about_seeded_ids(tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY)), tmp_path / "bare")
    done = convert(tmp_path / "bare", tmp_path / "out", to="huggingface")
    assert done.parity.line() == "parity on 8 rows of seeded ids: max |diff| 0"


def test_overrides_are_written_and_noted(words: Path, tmp_path: Path) -> None:
    done = convert(words, tmp_path / "out", to="huggingface", num_attention_heads=8)
    assert read_checkpoint(tmp_path / "out").weights.config.num_attention_heads == 8
    assert any("num_attention_heads is 8, as given" in note.what for note in done.notes)


def test_numbers_of_16_bits_are_proved_against_the_rounded_ones(
    words: Path, tmp_path: Path
) -> None:
    done = convert(words, tmp_path / "out", to="huggingface", dtype="float16")
    assert done.parity.largest == 0
    assert 1e-4 < done.parity.moved < 0.1
    assert "(rounding to float16 moved the outputs by" in done.parity.line()


def test_what_a_tokenizer_json_cannot_say_is_noted_where_there_is_one(
    words: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "tokenizer-not-expressible"
    with_one = convert(words, tmp_path / "one", to="huggingface").notes
    without = convert(words, tmp_path / "none", to="keras-hub", without=["sentence_order"]).notes
    assert [[n.code for n in notes].count(code) for notes in (with_one, without)] == [1, 0]
    assert code not in caplog.text


def test_a_head_that_the_target_has_no_place_for_is_refused_or_left_out_on_request(
    words: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "out"
    with pytest.raises(InputError, match=r"masked_lm, sentence_order.*\[unsupported-by-format\]"):
        convert(words, directory, to="sentence-transformers")
    assert not directory.exists()
    lost = ["masked_lm", "sentence_order"]
    convert(words, directory, to="sentence-transformers", without=lost)
    assert read_checkpoint(directory).weights.heads == ()


@pytest.mark.parametrize(
    "plan",
    [
        PoolingConfig("cls"),
        PoolingConfig(prompts={"query": "q: "}),
        PoolingConfig(steps=(Normalize(),)),
        PoolingConfig(steps=(Dense(np.eye(32, dtype=np.float32), None, "tanh"),)),
        PoolingConfig(max_length=9),
    ],
    ids=["pooling", "prompts", "normalize", "dense", "length"],
)
def test_how_vectors_are_made_is_kept_or_refused(tmp_path: Path, plan: PoolingConfig) -> None:
    directory = save_tiny_vectors(tmp_path / "model", plan)
    with pytest.raises(InputError, match=r"does not support: vectors.*\[unsupported-by-format\]"):
        convert(directory, tmp_path / "bare", to="huggingface")
    convert(directory, tmp_path / "kept", to="sentence-transformers")
    convert(directory, tmp_path / "bare", to="huggingface", without=["vectors"])


def test_a_plan_that_says_only_what_is_usual_is_no_loss(tmp_path: Path) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig())
    convert(directory, tmp_path / "out", to="huggingface")


def test_the_pooler_of_a_masked_lm_is_kept(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model", ["masked_lm"], pooler=True)
    convert(directory, tmp_path / "out", to="huggingface")
    assert read_checkpoint(tmp_path / "out").weights.has_pooler
    convert(directory, tmp_path / "less", to="huggingface", without=["pooler"])
    assert not read_checkpoint(tmp_path / "less").weights.has_pooler


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda w, p: convert(w, w, to="huggingface"), r"is the source.*\[output-is-source\]"),
        (
            lambda w, p: convert(w, w.parent, to="huggingface"),
            r"or contains it.*\[output-is-source\]",
        ),
        (lambda w, p: convert(w, p / "new", to="pytorch"), r"huggingface.*\[unknown-format\]"),
        (
            lambda w, p: convert(w, p / "new", to="huggingface", without=["sop"]),
            r"the parts are masked_lm, sentence_order, pooler, tokenizer.*\[part-unknown\]",
        ),
        (
            lambda w, p: convert(w, p / "new", to="huggingface", without=["pooler"]),
            r"sentence_order reads it.*\[pooler-missing\]",
        ),
    ],
    ids=["same", "parent", "format", "part", "pooler"],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    words: Path, tmp_path: Path, refused: Callable[[Path, Path], object], message: str
) -> None:
    before = contents(words.parent)
    with pytest.raises(InputError, match=message):
        refused(words, tmp_path)
    assert contents(words.parent) == before
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_not_empty_is_exchanged_only_on_request_and_whole(
    words: Path, tmp_path: Path
) -> None:
    directory = save_tiny_vectors(tmp_path / "old", PoolingConfig())
    before = contents(directory)
    with pytest.raises(InputError, match=r"--overwrite.*\[directory-not-empty\]"):
        convert(words, directory, to="huggingface")
    assert contents(directory) == before
    convert(words, directory, to="huggingface", overwrite=True)
    assert not (directory / "modules.json").exists(), "a rest of the old model would be read as new"
    assert read_checkpoint(directory).weights.heads == ("masked_lm", "sentence_order")


def test_overwriting_takes_no_directory_that_is_something_else(words: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("Dear")
    with pytest.raises(InputError, match=r"dear.txt.*\[directory-not-empty\]"):
        convert(words, letters, to="huggingface", overwrite=True)
    cloned = save_tiny(tmp_path / "cloned")
    (cloned / ".git").mkdir()
    with pytest.raises(InputError, match=r"history.*\[directory-not-empty\]"):
        convert(words, cloned, to="huggingface", overwrite=True)


def test_the_current_directory_is_not_exchanged(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = save_tiny(tmp_path / "here")
    monkeypatch.chdir(directory)
    before = contents(directory)
    with pytest.raises(ResourceError, match=r"current directory.*\[write-failed\]"):
        convert(words, ".", to="huggingface", overwrite=True)
    assert contents(directory) == before


def test_an_empty_current_directory_is_filled(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    convert(words, ".", to="huggingface")
    assert (tmp_path / "config.json").is_file()


def test_a_file_in_the_place_is_one_line(words: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match=r"out' is a file; .*\[directory-not-empty\]"):
        convert(words, tmp_path / "out", to="huggingface")
    assert (tmp_path / "out").read_text() == "a file"


class Wrong:
    """A format whose writer loses a little of one tensor."""

    name = "wrong"
    recognises = HUGGINGFACE.recognises
    read = HUGGINGFACE.read
    engine = HUGGINGFACE.engine

    def write(self, stored: Checkpoint, directory: Path, *, dtype: str = "float32") -> None:
        name = "encoder.embedding_hidden_mapping_in.bias"
        moved = np.array(stored.weights.arrays[name])
        moved[3] += 1e-3
        arrays = {**stored.weights.arrays, name: moved}
        HUGGINGFACE.write(
            replace(stored, weights=replace(stored.weights, arrays=arrays)), directory
        )


def test_a_wrong_copy_is_found_out_and_leaves_nothing(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONVERT, "find_target", lambda name: Wrong())
    with pytest.raises(FormatError, match=r"on 8 texts the output .* differs by.*parity-failed"):
        convert(words, tmp_path / "out", to="wrong")
    assert list(tmp_path.iterdir()) == []


class Full:
    """A format on a full disk."""

    name = "full"
    recognises = HUGGINGFACE.recognises
    read = HUGGINGFACE.read
    engine = HUGGINGFACE.engine

    def write(self, stored: Checkpoint, directory: Path, *, dtype: str = "float32") -> None:
        (directory / "half").write_text("half a model")
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_one_line_that_names_the_place_and_leaves_nothing(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONVERT, "find_target", lambda name: Full())
    directory = tmp_path / "out"
    with pytest.raises(ResourceError) as caught:
        convert(words, directory, to="full")
    assert str(caught.value).startswith(
        f"'{directory}' could not be written: No space left on device"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "without"),
    [
        ("huggingface", ()),
        ("sentence-transformers", ("masked_lm", "sentence_order")),
        ("tf1", ()),
        ("keras-hub", ("sentence_order",)),
        ("onnx", ()),
    ],
)
def test_what_is_written_has_the_modes_that_the_umask_leaves(
    target: str, without: tuple[str, ...], words: Path, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        convert(words, tmp_path / "out", to=target, without=without)
    finally:
        os.umask(before)
    places = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    modes = {directory: stat.S_IMODE(directory.stat().st_mode) for directory in places}
    assert modes == {directory: 0o750 if directory.is_dir() else 0o640 for directory in places}


def test_the_figure_is_none_where_nothing_differs(words: Path, tmp_path: Path) -> None:
    done = convert(words, tmp_path / "out", to="huggingface")
    moved = Parity("8 texts", {"pooled": 3.14e-6}, done.parity.weights)
    assert moved.line() == "parity on 8 texts: max |diff| 3.1e-06"


def test_an_epsilon_that_the_format_has_of_its_own_is_said_with_what_it_moves(
    words: Path, tmp_path: Path
) -> None:
    done = convert(words, tmp_path / "out", to="keras-hub", without=["sentence_order"])
    assert done.parity.largest == 0
    assert "epsilon of 1e-05 in the masked LM head moved the outputs by" in done.parity.line()
    (note,) = [note for note in done.notes if note.code == "config-changed"]
    assert "prediction_layer_norm_eps None / 1e-05" in note.what


def test_the_policy_stays_with_the_vocabulary(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model")
    AlbertTokenizer.from_pretrained(PIECES, policy="tfhub").save_pretrained(directory)
    for target in ("huggingface", "tf1", "keras-hub", "onnx"):
        done = convert(directory, tmp_path / target, to=target)
        assert done.notes == (), target


def test_a_target_that_tokenizes_in_its_own_way_gets_a_note(words: Path, tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model", ["masked_lm", "sentence_order"])
    AlbertTokenizer.from_pretrained(PIECES, policy="tfhub").save_pretrained(directory)
    (note,) = describe_changes(open_model(words), open_model(directory), "tfhub")
    assert note.code == "tokenizer-changed"
    assert "(policies 'reference' / 'tfhub')" in note.what
