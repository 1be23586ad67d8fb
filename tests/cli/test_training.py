"""From raw text to both kinds of model, by the verbs alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from transformers import AlbertForPreTraining

from albertkit import FillMask, TextEmbedder
from albertkit.cli.main import run

RECIPE = """
[model]
embedding_size = 8
hidden_size = 16
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 32
[data]
tokenizer = "spiece.model"
{data}
rows = 4
width = 48
[schedule]
steps = 6
warmup_steps = 1
decay_steps = 2
peak_rate = 1e-3
"""


def done(*command: object) -> None:
    assert run([str(part) for part in command]) == 0


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up corpus and its vocabulary."""
    place = tmp_path_factory.mktemp("workshop")
    rng = random.Random(0)
    words = ["".join(rng.choices("aeioubdgklmnrst", k=rng.randint(2, 6))) for _ in range(400)]
    lines = [" ".join(rng.choices(words, k=9)).capitalize() + "." for _ in range(960)]
    paragraphs = [" ".join(lines[at : at + 6]) for at in range(0, 960, 6)]
    documents = ["\n".join(paragraphs[at : at + 4]) for at in range(0, 160, 4)]
    (place / "corpus.txt").write_text("\n\n".join(documents) + "\n")
    done("vocabulary", place / "corpus.txt", "--size", "150", "-o", place / "spiece.model")
    return place


def test_text_becomes_a_model_for_masked_words(workshop: Path) -> None:
    done(
        "shard", workshop / "corpus.txt", "-t", workshop / "spiece.model", "-o", workshop / "shard"
    )
    recipe, model = workshop / "words.toml", workshop / "words"
    recipe.write_text(RECIPE.format(data='shard = "shard"'))
    done("pretrain", recipe, "--run", workshop / "run", "-o", model)
    answers = FillMask(str(model))("Abd [MASK] kel.")
    assert len(answers) == 5
    assert answers[0]["score"] >= answers[1]["score"]
    _, report = AlbertForPreTraining.from_pretrained(model, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]


def test_texts_and_a_teacher_become_a_model_for_vectors(workshop: Path) -> None:
    texts = [line for line in (workshop / "corpus.txt").read_text().splitlines() if line]
    (workshop / "texts.txt").write_text("\n".join(texts) + "\n")
    rng = np.random.default_rng(0)
    teacher, tokenizer = workshop / "teacher.npy", workshop / "spiece.model"
    np.save(teacher, rng.normal(size=(len(texts), 24)))
    np.save(workshop / "pieces.npy", rng.normal(size=(150, 24)))
    lessons = workshop / "lessons"
    command = ["prepare-distillation", workshop / "texts.txt", "--vectors", teacher]
    done(*command, "-t", tokenizer, "-o", lessons)
    recipe, model = workshop / "vectors.toml", workshop / "vectors"
    recipe.write_text(RECIPE.format(data='lessons = "lessons"\npiece_vectors = "pieces.npy"'))
    done("distil", recipe, "--run", workshop / "run2", "-o", model)
    vectors = TextEmbedder(str(model)).encode(texts[:4])
    assert vectors.shape == (4, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_texts_without_as_many_vectors_are_refused(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(workshop / "few.npy", np.zeros((3, 8)))
    command = ["prepare-distillation", str(workshop / "corpus.txt")]
    command += ["--vectors", str(workshop / "few.npy")]
    assert run([*command, "-t", str(workshop / "spiece.model"), "-o", str(workshop / "no")]) == 2
    assert "[distillation-data-mismatch]" in capsys.readouterr().err
    assert not (workshop / "no").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "file-not-found"),
        (b"not an array", "file-wrong-format"),
        (b"", "file-wrong-format"),
        (np.zeros(5), "file-wrong-format"),
        (np.zeros((5, 2), np.int64), "file-wrong-format"),
    ],
    ids=["missing", "text", "empty", "one axis", "integers"],
)
def test_vectors_that_cannot_be_read_are_one_line(
    workshop: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | np.ndarray | None,
    code: str,
) -> None:
    file = tmp_path / "vectors.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        np.save(file, content)
    command = ["prepare-distillation", str(workshop / "corpus.txt"), "--vectors", str(file)]
    status = run([*command, "-t", str(workshop / "spiece.model"), "-o", str(tmp_path / "out")])
    (line,) = capsys.readouterr().err.splitlines()
    assert (status, line.rpartition(" ")[2]) == (2, f"[{code}]")
    assert not (tmp_path / "out").exists()
