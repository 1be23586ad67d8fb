"""Targets of every kind, what is healthy, and how results are shown."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import albertkit
from albertkit.arrays import FloatArray
from albertkit.cli.main import run
from albertkit.conversion import convert
from albertkit.doctor import diagnose, examine
from albertkit.doctor.catalogue import FILE, explain, find_symptom, make_page, read_symptoms
from albertkit.doctor.checks.environment import check_environment
from albertkit.errors import InputError
from albertkit.errors.codes import CODES
from tests.doctor.mutations import save_healthy
from tests.support.native import HAS_NATIVE
from tests.support.tiny_models import PIECES, save_tiny

ROOT = Path(__file__).parents[2]
TRACEBACK = (
    "Traceback (most recent call last):\nTypeError: 'AutoTrackable' object is not callable\n"
)


def test_the_catalogue_has_every_part_of_each_symptom() -> None:
    symptoms = read_symptoms()
    assert len(symptoms) >= 113
    assert not set(symptoms) & set(CODES), "a code has one meaning"
    for entry in symptoms.values():
        assert all([entry.what, entry.why, entry.fix, entry.source]), entry.code
        assert entry.patterns or entry.by, f"{entry.code} cannot be recognised"
        assert set(entry.by) <= {"snippet", "model", "environment", "text"}, entry.code
        assert entry.what.endswith("."), entry.code
        assert not entry.fix.endswith("."), entry.code


def read_sources(*patterns: str, root: Path = FILE.parent) -> str:
    paths = [path for pattern in patterns for path in root.glob(pattern)]
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def test_the_catalogue_says_which_part_of_the_doctor_sees_a_symptom() -> None:
    models = [p.name for p in (FILE.parent / "checks").glob("*.py")]
    models = [name for name in models if name not in ("environment.py", "texts.py")]
    sources = {
        "snippet": read_sources("snippets/*.py"),
        "environment": read_sources("checks/environment.py"),
        "text": read_sources("checks/texts.py"),
        "model": read_sources("examine_model.py", *(f"checks/{name}" for name in models)),
    }
    for entry in read_symptoms().values():
        seen_by = {way for way, source in sources.items() if f'"{entry.code}"' in source}
        assert set(entry.by) == seen_by, entry.code


TESTS = read_sources(
    "tests/doctor/*.py", "tests_tensorflow/test_doctor.py", "tests_transformers4/test_doctor.py",
    root=ROOT,
)  # fmt: skip


def test_a_symptom_is_triggered_by_a_test_or_says_why_not() -> None:
    for entry in read_symptoms().values():
        is_triggered = f'"{entry.code}"' in TESTS
        assert is_triggered is not bool(entry.untriggered), entry.code


def test_the_page_counts_what_is_triggered() -> None:
    """By what a library itself says: the tests of messages name the codes."""
    symptoms = read_symptoms().values()
    messages = read_sources("tests/doctor/test_*messages.py", "tests_t*/test_doctor.py", root=ROOT)
    with_patterns = [entry for entry in symptoms if entry.patterns]
    by_library = sum(f'"{entry.code}"' in messages for entry in with_patterns)
    untriggered = sum(bool(entry.untriggered) for entry in symptoms)
    page = " ".join((ROOT / "docs" / "doctor.md").read_text(encoding="utf-8").split())
    assert f"Of the {len(symptoms)} symptoms, {len(symptoms) - untriggered} are triggered" in page
    assert f"{by_library} of the {len(with_patterns)} that are recognised in messages" in page
    assert f"The remaining {untriggered} " in page


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "symptoms.md").read_text(encoding="utf-8") == make_page()


def test_an_example_of_the_catalogue_is_recognised_as_what_it_is() -> None:
    """Where the example is Python that stands alone."""
    from albertkit.doctor.snippets.diagnose import diagnose_code

    for code in ("config-of-xxlarge", "other-model-class", "chinese-albert", "accents-unknown"):
        assert code in {d.code for d in diagnose_code(find_symptom(code).example)}


NO_TASK = {"code-does-not-parse", "token-added-without-row", "token-ids-sent"}
NAMES = {"texts": ["a text", "another"], "question": "Who?", "context": "Ada.", "ids": [[2, 5, 3]]}
UNTRAINED = ("finetune", "pipeline")  # need examples, or a head that no built-in model has
INT8 = 'precision="int8"'  # only the native engine computes it


def test_a_symptom_of_code_shows_the_same_task_in_albertkit() -> None:
    entries = [entry for entry in read_symptoms().values() if "snippet" in entry.by]
    assert {entry.code for entry in entries if not entry.albertkit} == NO_TASK
    lines = {entry.albertkit for entry in entries if entry.albertkit.startswith("albertkit.")}
    for line in sorted(lines):
        is_runnable = HAS_NATIVE or INT8 not in line
        if is_runnable and not line.startswith(tuple(f"albertkit.{name}" for name in UNTRAINED)):
            eval(line.replace("NAME", "small-en"), {"albertkit": albertkit, **NAMES})  # noqa: S307


def test_a_command_of_the_catalogue_exists(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {entry.albertkit for entry in read_symptoms().values()}
    for command in sorted({line.split()[1] for line in lines if line.startswith("albertkit ")}):
        assert run([command, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


def test_a_code_is_explained_whether_it_is_a_symptom_or_an_error() -> None:
    assert "right" in explain("[left-padding]", 80)
    assert "column" in explain("column-undecided", 80)
    with pytest.raises(InputError, match=r"'left-padding'.*\[code-unknown\]"):
        explain("left-paddin", 80)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_healthy(tmp_path_factory.mktemp("tiny") / "model", ["masked_lm"])


def test_a_model_is_described_with_what_is_healthy(tiny: Path) -> None:
    examination = examine(tiny)
    assert examination.kind == "model"
    assert examination.worst() in (None, "note")
    assert "files are whole" in examination.healthy
    assert examination.facts["format"].startswith("huggingface")


def test_a_vocabulary_alone_is_a_tokenizer() -> None:
    assert examine(PIECES).kind == "tokenizer"
    assert examine(PIECES).healthy == ("files are whole", "settings agree with each other")


def test_the_settings_of_a_tokenizer_alone_are_examined(tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(PIECES.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"padding_side": "left"}')
    examination = examine(tmp_path)
    assert examination.kind == "tokenizer"
    assert [diagnostic.code for diagnostic in examination.diagnostics] == ["left-padding"]


def test_a_traceback_and_code_are_distinguished(tmp_path: Path) -> None:
    (tmp_path / "error.log").write_text(TRACEBACK)
    (tmp_path / "script.py").write_text("from transformers import AlbertConfig\nAlbertConfig()\n")
    assert examine(tmp_path / "error.log").kind == "message"
    assert examine(tmp_path / "script.py").kind == "code"
    assert examine(TRACEBACK).kind == "message"
    assert examine("import torch\nmodel = AlbertModel(config)\n").kind == "code"
    assert examine("Some words about nothing,\n(in brackets) = odd.\n").kind == "message"


def test_a_model_that_cannot_be_opened_is_diagnosed(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    codes = [d.code for d in diagnose(tmp_path)]
    assert codes == ["checkpoint-unrecognised", "json-malformed"]


def test_a_missing_target_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[file-not-found\]|\[unknown-model\]"):
        diagnose(tmp_path / "nothing")


def test_models_are_compared(tiny: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", ["masked_lm"], seed=1)
    assert "models-differ" in {d.code for d in diagnose(tiny, against=other)}
    assert "models-differ" not in {d.code for d in diagnose(tiny, against=tiny)}


def test_texts_of_the_user_are_counted(tiny: Path) -> None:
    texts = ["word " * 200, "short", "a <mask> here"]
    codes = {d.code: d for d in diagnose(tiny, texts=texts)}
    assert codes["texts-truncated"].evidence.startswith("1 of 3 texts")
    assert codes["mask-misspelt"].where == "text 3"


def test_a_saved_model_is_described_as_tensorflow_calls_it() -> None:
    facts = examine(ROOT / "tests" / "fixtures" / "tfhub_tiny_v3_nomlm.tar.gz").facts
    assert facts["called with"].startswith("a dict of int32: input_word_ids")
    assert facts["masked LM"] == "none"
    assert 'call_endpoint="serving_default"' in facts["in Keras 3"]


def test_texts_in_another_script_and_vectors_that_are_all_alike_are_named() -> None:
    codes = {d.code: d for d in diagnose("small-en", texts=["東京は日本の首都です"] * 20)}
    assert codes["texts-unknown"].severity == "warning"
    assert codes["vectors-all-alike"].severity == "note"


def test_a_model_is_examined_with_another_tokenizer() -> None:
    examination = examine("small-en", tokenizer=PIECES)
    assert examination.diagnostics[0].code == "vocabulary-mismatch"


def test_onnx_files_with_copies_and_fixed_axes_are_recognised(tiny: Path, tmp_path: Path) -> None:
    import onnx

    convert(tiny, tmp_path / "onnx", to="onnx", without=("masked_lm",))
    model = onnx.load(tmp_path / "onnx" / "model.onnx")
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    for number in range(3):
        copy = model.graph.initializer.add()
        copy.CopyFrom(largest)
        copy.name = f"copy{number}"
    for port in model.graph.input:
        for axis in port.type.tensor_type.shape.dim:
            axis.dim_value = 8
    model.producer_name = "another"
    onnx.save(model, tmp_path / "model.onnx")
    diagnostics = {d.code: d for d in diagnose(tmp_path / "model.onnx")}
    assert "4 times" in diagnostics["onnx-shared-layer-copied"].what
    assert diagnostics["onnx-input-shape"].severity == "warning"


@pytest.mark.parametrize(("to", "depends"), [("onnx", False), ("onnx-int8", True)])
def test_vectors_that_depend_on_the_batch_are_named(to: str, depends: bool, tmp_path: Path) -> None:
    """ONNX Runtime computes a text alone and with a longer one, with the same padding."""
    import onnxruntime

    convert("small-en-vectors", tmp_path / "out", to=to)
    (file,) = (tmp_path / "out").rglob("*.onnx")
    ids, mask = np.zeros((2, 2, 12), np.int64)
    ids[0, :4], mask[0, :4] = [2, 500, 600, 3], 1
    ids[1], mask[1] = [2, *range(900, 9900, 900), 3], 1
    session = onnxruntime.InferenceSession(file)

    def encode(rows: slice) -> FloatArray:
        batch = {"input_ids": ids[rows], "attention_mask": mask[rows]}
        types = {"token_type_ids": np.zeros_like(ids[rows])}
        (vectors,) = session.run(["sentence_embedding"], batch | types)
        return np.asarray(vectors[0])

    difference = np.abs(encode(slice(1)) - encode(slice(2))).max()
    assert bool(difference > 1e-4) is depends
    assert ("vectors-depend-on-batch" in {d.code for d in diagnose(file)}) is depends


BROKEN_ENVIRONMENTS = [
    ({"tensorflow": "2.20.0", "tensorflow-cpu": "2.19.0"}, "two-tensorflows"),
    ({"tensorflow": "2.20.0", "tensorflow-text": "2.19.0"}, "tensorflow-text-minor"),
    ({"tensorflow-hub": "0.16.1", "setuptools": "82.0.1"}, "hub-without-pkg-resources"),
    ({"tensorflow-hub": "0.16.1", "keras": "3.15.1"}, "keras3-with-hub"),
    ({"transformers": "5.23.0"}, "transformers-5"),
    ({"transformers": "4.57.6"}, "sentencepiece-not-installed"),
    ({"onnxruntime": "1.22", "onnxruntime-gpu": "1.22"}, "onnxruntime-twice"),
    ({"numpy": "2.3.1", "torch": "2.2.0"}, "numpy-2-with-old-library"),
]


@pytest.mark.parametrize(
    ("versions", "code"), BROKEN_ENVIRONMENTS, ids=[code for _, code in BROKEN_ENVIRONMENTS]
)
def test_versions_that_do_not_go_together_are_named(versions: dict[str, str], code: str) -> None:
    assert code in {d.code for d in check_environment(versions)}


def test_versions_that_go_together_raise_no_alarm() -> None:
    versions = {
        "tensorflow": "2.20.0",
        "tensorflow-text": "2.20.1",
        "tensorflow-hub": "0.16.1",
        "setuptools": "80.9",
        "keras": "3.15.1",
        "tf-keras": "2.20.1",
        "numpy": "2.3.1",
        "torch": "2.13.0",
    }
    assert list(check_environment(versions)) == []


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{")
    assert run(["doctor", str(tmp_path)]) == 1
    assert "[checkpoint-unrecognised]" in capsys.readouterr().out
    (tmp_path / "script.py").write_text("AlbertConfig()\n")
    assert run(["doctor", str(tmp_path / "script.py")]) == 0
    assert run(["doctor", str(tmp_path / "script.py"), "--fail-on", "warning"]) == 1
    assert run(["doctor"]) == 2
    capsys.readouterr()
    assert run(["doctor", "--explain", "left-padding"]) == 0
    assert "right" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", (tmp_path / "script.py").open())
    assert run(["doctor", "-"]) == 0
    assert "config-of-xxlarge" in capsys.readouterr().out
