"""Distillation: what is read, where a student begins, and that it learns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from albertkit.errors import InputError
from albertkit.pretraining.distillation import DistillationConfig, Student, distil
from albertkit.pretraining.distillation_dataset import DistillationDataset, write_lessons
from albertkit.pretraining.initialization import aligned_start, directions
from albertkit.pretraining.recipe import read_recipe
from albertkit.spec import AlbertConfig
from albertkit.tokenization.encodings import Encodings

FIXTURES = Path(__file__).parents[1] / "fixtures"
PIECES, WIDE = 1000, 48

RECIPE = """
[model]
embedding_size = 16
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 4
intermediate_size = 64
[data]
tokenizer = "tiny_sp1000.model"
lessons = "lessons"
piece_vectors = "pieces.npy"
rows = 4
width = 32
[schedule]
steps = 60
warmup_steps = 5
decay_steps = 20
peak_rate = 2e-3
report_every = 20
"""


def texts(count: int) -> Encodings:
    rng = np.random.default_rng(1)
    each = [
        np.concatenate(([2], rng.integers(14, PIECES, n), [3])) for n in rng.integers(3, 20, count)
    ]
    ids = np.concatenate(each).astype(np.int32)
    starts = np.cumsum([0, *map(len, each)])
    return Encodings(ids, np.zeros_like(ids), starts, np.zeros(count, np.int64))


def place_of(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A recipe whose teacher sums its vectors of the pieces, with weights."""
    rng = np.random.default_rng(2)
    pieces = rng.normal(size=(PIECES, 12)) @ rng.normal(size=(12, WIDE))
    np.save(tmp_path / "pieces.npy", pieces.astype(np.float32))
    encodings = texts(400)
    weights = rng.random(PIECES)
    targets = np.stack([(pieces * weights[:, None])[e.ids[1:-1]].sum(0) for e in encodings])
    write_lessons(tmp_path / "lessons", encodings, targets)
    (tmp_path / "tiny_sp1000.model").write_bytes((FIXTURES / "tiny_sp1000.model").read_bytes())
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml", pieces


def test_lessons_come_back_and_long_ones_keep_their_sep(tmp_path: Path) -> None:
    encodings = texts(5)
    write_lessons(tmp_path / "l", encodings, np.arange(10.0).reshape(5, 2))
    lessons = DistillationDataset.open(tmp_path / "l")
    assert len(lessons) == 5
    assert lessons.take(1, 99).ids.tolist() == encodings[1].ids.tolist()
    assert lessons.take(1, 99).target.tolist() == [2.0, 3.0]
    assert lessons.take(0, 4).ids.tolist() == [*encodings[0].ids[:3].tolist(), 3]


def test_a_vector_too_many_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="distillation-data-mismatch"):
        write_lessons(tmp_path / "l", texts(5), np.zeros((6, 2)))
    assert not (tmp_path / "l").exists()


def test_a_student_begins_where_the_pieces_point() -> None:
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(PIECES, 12)) @ rng.normal(size=(12, WIDE)) + 0.1
    vectors = wide @ directions(wide, 32)
    table, projection = aligned_start(vectors, 16)
    assert (table.shape, projection.shape) == ((PIECES, 16), (32, 16))
    back = (table @ projection.T)[5:]
    centred = (vectors - vectors.mean(0))[5:]
    cosines = (
        (back * centred).sum(1) / np.linalg.norm(back, axis=1) / np.linalg.norm(centred, axis=1)
    )
    assert cosines.min() > 0.999


def test_the_mean_is_over_real_tokens_of_each_text() -> None:
    torch.manual_seed(0)
    config = AlbertConfig(
        vocab_size=50,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.3,
    )
    student = Student(config)
    a, b = torch.tensor([[2, 9, 3]]), torch.tensor([[2, 7, 8, 11, 3]])
    alone = [
        student.vectors(x, torch.arange(x.shape[1])[None], torch.zeros_like(x)) for x in (a, b)
    ]
    ids = torch.cat([a, b, torch.zeros(1, 2, dtype=torch.long)], 1)
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 4, 0, 0]])
    segment_ids = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, -1, -1]])
    together = student.vectors(ids, positions, segment_ids)
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


def test_distillation_comes_nearer_to_the_teacher(tmp_path: Path) -> None:
    recipe, _ = place_of(tmp_path)
    weights = distil(read_recipe(recipe, DistillationConfig), tmp_path / "run")
    lines = (tmp_path / "run" / "journal.jsonl").read_text().splitlines()
    cosines = [json.loads(line)["cosine"] for line in lines]
    assert cosines[0] > 0.5, "the start already points the right way"
    assert cosines[-1] > cosines[0] + 0.03
    assert not weights.table().disagreements({n: a.shape for n, a in weights.arrays.items()})
