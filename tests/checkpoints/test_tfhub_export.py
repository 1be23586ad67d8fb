"""What a TF Hub module cannot represent, found out before TensorFlow is even looked for."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.axes import CONFIG, random_weights
from tests.support.tiny_models import contents

from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.model_garden.names import list_encoder_rows, list_rows
from albertkit.checkpoints.tfhub.export import write_tfhub
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.sentencepiece_model import write_sentencepiece_model
from albertkit.spec import Weights, parameter_table

FIXTURES = Path(__file__).parents[1] / "fixtures"
SOURCES = Path(__file__).parents[2] / "src" / "albertkit"


def with_config(**values: int | float) -> Weights:
    return random_weights(replace(CONFIG, **values), pooler=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        (with_config(num_hidden_groups=3), "3 groups of 1 layers"),
        (with_config(inner_group_num=2), "1 groups of 2 layers"),
        (random_weights(CONFIG, pooler=False), "a model without a pooler"),
        (random_weights(CONFIG, ["masked_lm", "sentence_order"]), "the head sentence_order"),
        (with_config(embedding_size=32), "the projection from 32 to 32"),
        (with_config(layer_norm_eps=1e-6), "layer_norm_eps 1e-06"),
        (
            random_weights(
                replace(CONFIG, prediction_layer_norm_eps=1e-5), ["masked_lm"], pooler=True
            ),
            "readers of such modules use 1e-12. Leave it out (--without masked_lm)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_place_is_refused(weights: Weights, what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(what)) as caught:
        write_tfhub(Checkpoint(weights), tmp_path / "module")
    assert caught.value.diagnostic.code == "unsupported-by-format"
    assert list(tmp_path.iterdir()) == []


def test_sixteen_bit_variables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot represent float16 weights"):
        write_tfhub(Checkpoint(with_config()), tmp_path / "module", dtype="float16")


def test_a_vocabulary_of_another_kind_is_refused(tmp_path: Path) -> None:
    stored = Checkpoint(with_config(), contents([FIXTURES / "tiny_vocab.txt"]))
    with pytest.raises(InputError, match=re.escape("the vocabulary tiny_vocab.txt")):
        write_tfhub(stored, tmp_path / "module")


def test_a_vocabulary_without_special_pieces_is_refused(tmp_path: Path) -> None:
    pieces = tmp_path / "spiece.model"
    pieces.write_bytes(
        write_sentencepiece_model(
            ["<unk>", "a"], [0.0, -1.0], ["unknown", "normal"], character_map=b""
        )
    )
    with pytest.raises(FormatError, match="no piece '<pad>'") as caught:
        write_tfhub(Checkpoint(with_config(), contents([pieces])), tmp_path / "module")
    assert caught.value.diagnostic.code == "special-piece-missing"


WRITE = """
import sys
from pathlib import Path
from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.tfhub.export import write_tfhub
from tests.support.axes import CONFIG, random_weights
weights = random_weights(CONFIG, pooler=True)
write_tfhub(Checkpoint(weights), Path(sys.argv[1]) / "module")
"""


def last_line_of_writing(program: str, folder: Path) -> str:
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", f"import sys; {program}" + WRITE, str(folder)]
    done = subprocess.run(
        command, env={"PYTHONPATH": root}, capture_output=True, text=True, check=False
    )
    return done.stderr.splitlines()[-1].partition(": ")[2]


def test_without_tensorflow_the_line_says_how_to_install_it(tmp_path: Path) -> None:
    line = last_line_of_writing("sys.modules['tensorflow'] = None", tmp_path)
    assert line == (
        "writing a TF Hub module needs tensorflow, which is not installed; "
        "the plain install does not include it. Run: pip install 'setuptools<81' "
        "'tensorflow-text==2.20.*' 'tensorflow_hub==0.16.1' 'tf_keras==2.20.*'. "
        "[extra-missing]"
    )
    assert list(tmp_path.iterdir()) == []


def test_libraries_of_two_minor_versions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("__version__ = '2.20.0'")
    installed = tmp_path / "tensorflow_text-2.19.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: tensorflow-text\nVersion: 2.19.0\n")
    line = last_line_of_writing(f"sys.path.insert(0, {str(tmp_path)!r})", tmp_path)
    assert line == (
        "tensorflow-text is 2.19.0, TensorFlow is 2.20.0; its operations load into the same minor "
        "version alone. Run: pip install 'setuptools<81' 'tensorflow-text==2.20.*' "
        "'tensorflow_hub==0.16.1' 'tf_keras==2.20.*'. [extra-version-mismatch]"
    )


@pytest.mark.parametrize("widths", [(16, 32), (32, 32)], ids=["projected", "equal widths"])
def test_the_rows_cover_the_table(widths: tuple[int, int]) -> None:
    config = replace(CONFIG, embedding_size=widths[0], hidden_size=widths[1])
    table = {row.name for row in parameter_table(config, ["masked_lm"], pooler=True).stored}
    projection = {name for name in table if "mapping_in" in name and widths[0] == widths[1]}
    named = [row.canonical for row in list_rows(config, ("masked_lm",))]
    assert sorted(named) == sorted(table - projection)
    assert len(list_encoder_rows(config)) == (23 if projection else 25)


def test_tensorflow_is_named_in_its_files_alone() -> None:
    imports = re.compile(
        r"^\s*(?:import tensorflow|from tensorflow\S* import)|import_extra\(.tensorflow",
        re.MULTILINE,
    )
    names = {
        f"{path.parent.name}/{path.name}"
        for path in SOURCES.rglob("*.py")
        if imports.search(path.read_text("utf-8"))
    }
    assert len(names) > 2
    assert all(name.startswith(("tfhub/export", "tfhub/engine")) for name in names)
