"""Distillation: its data, where a student starts, and that it learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from albertkit.arrays import FloatArray, Int32Array
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.model.albert import AlbertLayerGroup
from albertkit.pretraining.distillation import Student, align_directions, distil
from albertkit.pretraining.distillation_batches import DistillationBatch, DistillationData
from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.distillation_dataset import (
    DistillationDataset,
    write_distillation_dataset,
)
from albertkit.pretraining.initialization import align_to_teacher, compute_principal_directions
from albertkit.pretraining.recipe import read_recipe
from albertkit.spec import AlbertConfig
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encodings import Encodings
from albertkit.training.schedules import Ramp, Stages
from tests.support.training_data import FOREIGN, number_tokenizer

FIXTURES = Path(__file__).parents[1] / "fixtures"
PIECES, WIDE = 1000, 48
SPECIAL = range(5)

RECIPE = """
[model]
embedding_size = 16
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 4
intermediate_size = 64
[data]
tokenizer = "tiny_sp1000.model"
dataset = "dataset"
piece_vectors = "pieces.npy"
batch_size = 4
max_seq_length = 32
{losses}
[training]
max_steps = 60
learning_rate = 2e-3
logging_steps = 20
precision = "float32"
"""


def tiny() -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(FIXTURES / "tiny_sp1000.model")


def encodings(count: int) -> Encodings:
    rng = np.random.default_rng(1)
    texts = [
        np.concatenate(([2], rng.integers(14, PIECES, n), [3])) for n in rng.integers(3, 20, count)
    ]
    ids = np.concatenate(texts).astype(np.int32)
    offsets = np.cumsum([0, *map(len, texts)])
    return Encodings(ids, np.zeros_like(ids), offsets, np.zeros(count, np.int64))


def write_recipe(directory: Path, losses: str = "") -> Path:
    """A recipe whose teacher sums its vectors of the pieces, with weights."""
    rng = np.random.default_rng(2)
    pieces = rng.normal(size=(PIECES, 12)) @ rng.normal(size=(12, WIDE))
    np.save(directory / "pieces.npy", pieces.astype(np.float32))
    texts = encodings(400)
    weights = rng.random(PIECES)
    targets = np.stack([(pieces * weights[:, None])[e.ids[1:-1]].sum(0) for e in texts])
    write_distillation_dataset(directory / "dataset", texts, [targets], tiny())
    (directory / "tiny_sp1000.model").write_bytes((FIXTURES / "tiny_sp1000.model").read_bytes())
    (directory / "recipe.toml").write_text(RECIPE.format(losses=losses))
    return directory / "recipe.toml"


def test_texts_come_back_and_long_ones_keep_their_sep(tmp_path: Path) -> None:
    texts = encodings(5)
    parts = [np.arange(6.0).reshape(3, 2), np.arange(6.0, 10).reshape(2, 2)]
    write_distillation_dataset(tmp_path / "d", texts, parts, tiny())
    dataset = DistillationDataset.open(tmp_path / "d")
    assert len(dataset) == 5
    assert dataset.example(1, 99).ids.tolist() == texts[1].ids.tolist()
    assert dataset.example(1, 99).target.tolist() == [2.0, 3.0]
    assert dataset.targets.tolist() == np.arange(10.0).reshape(5, 2).tolist()
    assert dataset.example(0, 4).ids.tolist() == [*texts[0].ids[:3].tolist(), 3]


def test_a_cut_text_ends_with_the_tokenizers_own_sep(tmp_path: Path) -> None:
    tokenizer = number_tokenizer(tmp_path, FOREIGN)
    texts = tokenizer.encode_batch(["5 6 7 8 9", "10 11"])
    write_distillation_dataset(tmp_path / "d", texts, [np.ones((2, 4))], tokenizer)
    dataset = DistillationDataset.open(tmp_path / "d")
    assert dataset.example(0, 4).ids.tolist() == [1, 5, 6, 2]
    config = DistillationConfig(tokenizer="", dataset="", max_seq_length=4)
    config = replace(config, batch_size=Stages(((0.0, 1),)))
    batch = DistillationData(dataset, config).block(0, 0, 0.0)[0]
    assert set(batch.ids[batch.segment_ids < 0].tolist()) <= {3}  # [PAD]


@pytest.mark.parametrize("shapes", [[(6, 2)], [(5,)], [(3, 2), (2, 3)], [(3, 2), (3, 2)]])
def test_other_shapes_of_vectors_are_refused(tmp_path: Path, shapes: list[tuple[int, ...]]) -> None:
    targets = [np.zeros(shape) for shape in shapes]
    with pytest.raises(InputError, match="distillation-data-mismatch"):
        write_distillation_dataset(tmp_path / "d", encodings(5), targets, tiny())
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("number", "triplet", "code"),
    [
        (np.nan, (0, 1, -1), r"row 4 has.*\[vectors-not-finite"),
        (1e5, (0, 1, -1), r"row 4 has.*\[vectors-not-finite"),
        (1.0, (0, 1, 5), "distillation-data-mismatch"),
        (1.0, (0, -1, 2), "distillation-data-mismatch"),
        (1.0, (0, 1, -2), "distillation-data-mismatch"),
    ],
)
def test_numbers_that_cannot_be_learned_are_refused(
    tmp_path: Path, number: float, triplet: tuple[int, ...], code: str
) -> None:
    targets, triplets = np.ones((5, 2)), np.array([triplet], np.int32)
    targets[3, 1] = number
    parts = [targets[:2], targets[2:]]
    with pytest.raises(AlbertKitError, match=rf"{code}\]"):
        write_distillation_dataset(tmp_path / "d", encodings(5), parts, tiny(), triplets)
    assert not list(tmp_path.iterdir())


def test_a_student_starts_where_the_pieces_point() -> None:
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(PIECES, 12)) @ rng.normal(size=(12, WIDE)) + 0.1
    vectors = wide @ compute_principal_directions(wide, 32)
    table, projection = align_to_teacher(vectors, 16, SPECIAL)
    assert (table.shape, projection.shape) == ((PIECES, 16), (32, 16))
    back = (table @ projection.T)[5:]
    centred = (vectors - vectors.mean(0))[5:]
    cosines = (
        (back * centred).sum(1) / np.linalg.norm(back, axis=1) / np.linalg.norm(centred, axis=1)
    )
    assert cosines.min() > 0.999


CONFIG = AlbertConfig(
    vocab_size=50,
    embedding_size=8,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    initializer_range=0.3,
)
LOSSES = DistillationConfig(tokenizer="", dataset="")


def test_the_mean_is_over_the_tokens_of_each_text() -> None:
    torch.manual_seed(0)
    student = Student(CONFIG, LOSSES, 16)
    a, b = torch.tensor([[2, 9, 3]]), torch.tensor([[2, 7, 8, 11, 3]])
    alone = [
        student.vectors(x, torch.arange(x.shape[1])[None], torch.zeros_like(x)) for x in (a, b)
    ]
    ids = torch.cat([a, b, torch.zeros(1, 2, dtype=torch.long)], 1)
    positions = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 4, 0, 0]])
    segment_ids = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, -1, -1]])
    together = student.vectors(ids, positions, segment_ids)
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


def random_batch() -> DistillationBatch:
    rng = np.random.default_rng(5)
    segment_ids = np.repeat(np.arange(6), 4).reshape(2, 12)
    targets = rng.normal(size=(6, 24)).astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    ids, positions = rng.integers(5, 50, (2, 12)), np.tile(np.arange(4), (2, 3))
    triplets = np.array([[1, 0, 2], [3, 4, -1]])
    return DistillationBatch(ids, positions, segment_ids, targets, triplets, 24)


def test_each_loss_is_what_it_says() -> None:
    """Written out for all widths, against the weighted sum."""
    torch.manual_seed(0)
    losses = replace(
        LOSSES,
        cosine=Ramp(((0.0, 2.0),)),
        gram=Ramp(((0.0, 0.0), (1.0, 10.0))),
        contrastive=Ramp(((0.0, 0.5),)),
        hard_negatives=Ramp(((0.0, 3.0),)),
        halvings=Stages(((0.0, 1),)),
        temperature=0.1,
    )
    student = Student(CONFIG, losses, 24)
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(24, 16)))[0]
    student.rotation.copy_(torch.from_numpy(rotation))
    batch = random_batch()
    arrays = batch.arrays()[:3]
    with torch.no_grad():
        vectors = student.vectors(*map(torch.from_numpy, arrays))
        result = student(batch, fraction=0.5)
    teacher = torch.from_numpy(batch.targets)
    target = teacher @ student.rotation
    cosine = F.cosine_similarity(vectors, target).mean()
    gram, contrastive, triplets = 0.0, 0.0, 0.0
    for width in (16, 8):
        own, wanted = (F.normalize(x[:, :width], dim=-1) for x in (vectors, target))
        gram += float((own @ own.T - teacher @ teacher.T).square().mean()) / 2
        scores = torch.softmax(own @ wanted.T / 0.1, -1).diagonal()
        contrastive += float(-scores.log().mean()) / 2
        for anchor, positive, others in ((1, 0, (4,)), (3, 4, (0,))):
            near = teacher[anchor] @ teacher[positive]
            counted = [n for n in (*others, 2) if teacher[anchor] @ teacher[n] < near]
            counted += [2] if anchor == 1 and 2 not in counted else []  # its own hard negative
            terms = [torch.exp(own[anchor] @ own[n] / 0.1) for n in (positive, *counted)]
            triplets += float(-torch.log(terms[0] / sum(terms))) / 2 / 2
    expected = 2 * (1 - float(cosine)) + 5 * gram + 0.5 * contrastive + 3 * triplets
    assert result.loss.item() == pytest.approx(expected, abs=1e-5)
    assert set(result.metrics) == {"cosine", "gram", "contrastive", "hard_negatives"}


def test_the_teacher_decides_which_others_count_against_a_positive() -> None:
    """Moving a text above the positive takes it out of the loss, but not the own negative."""
    torch.manual_seed(0)
    student = Student(CONFIG, replace(LOSSES, hard_negatives=Ramp(((0.0, 1.0),))), 16)
    vectors = torch.randn(5, 16)
    triplets = torch.tensor([[0, 1, 2], [3, 4, -1]])
    teacher = torch.eye(5, 16)
    teacher[1], teacher[4] = teacher[0] + teacher[1], teacher[3] + teacher[4]
    teacher = F.normalize(teacher, dim=-1)
    far = student.triplet_loss(vectors, teacher, triplets, 0.0)
    near = teacher.clone()
    near[4] = near[0]
    assert student.triplet_loss(vectors, near, triplets, 0.0) < far
    near = teacher.clone()
    near[2] = near[0]
    torch.testing.assert_close(student.triplet_loss(vectors, near, triplets, 0.0), far)


def test_a_triplet_stays_in_one_batch_while_hard_negatives_count(tmp_path: Path) -> None:
    texts, targets = encodings(300), np.eye(300, 300)
    triplets = np.array([[n, n + 1, -1 if n % 4 else n + 2] for n in range(0, 200, 2)], np.int32)
    write_distillation_dataset(tmp_path / "d", texts, [targets], tiny(), triplets)
    dataset = DistillationDataset.open(tmp_path / "d")
    config = replace(
        LOSSES,
        batch_size=Stages(((0.0, 4),)),
        hard_negatives=Ramp(((0.0, 0.0), (0.9, 0.0), (1.0, 1.0))),
    )
    data = DistillationData(dataset, config)
    assert all(len(batch.triplets) == 0 for batch in data.block(0, 0, 0.9))
    batches = data.block(0, 0, 0.95)
    read = []
    for batch in batches:
        numbers = batch.targets.argmax(1)  # the text of each segment
        read += [[int(numbers[n]) if n >= 0 else -1 for n in row] for row in batch.triplets]
        for segment, number in enumerate(numbers):
            own = batch.ids[batch.segment_ids == segment]
            assert own.tolist() == texts[int(number)].ids[: len(own)].tolist()
    assert len(read) > 80
    expected = {tuple(row) for row in triplets.tolist()}
    assert len({tuple(row) for row in read}) == len(read)
    assert {tuple(row) for row in read} <= expected


def test_hard_negatives_without_triplets_are_refused(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path, "hard_negatives = 1"), DistillationConfig)
    with pytest.raises(FormatError, match=r"no triplets.*\[recipe-value-invalid\]"):
        distil(recipe, tmp_path / "run")


@pytest.mark.parametrize("line", ["temperature = 0", "halvings = 0.5", "gram = -1", "cosine = inf"])
def test_numbers_out_of_range_are_refused(tmp_path: Path, line: str) -> None:
    name = line.split(" ", maxsplit=1)[0]
    with pytest.raises(FormatError, match=rf"{name} is .*\[recipe-value-invalid\]"):
        read_recipe(write_recipe(tmp_path, line), DistillationConfig)


def test_vectors_are_halved_down_to_one_dimension_and_no_further(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "gram = 1\nhalvings = [[0.0, 0], [0.9, 6]]")
    recipe = read_recipe(path, DistillationConfig)
    with pytest.raises(FormatError, match=r"halvings is 6.* 32 dim.* 5 times.*\[recipe-value-inv"):
        distil(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    data = replace(recipe.data, halvings=Stages(((0.0, 5),)))
    distil(replace(recipe, data=data), tmp_path / "run")


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (
            np.eye(999, 48),
            r"shape \[999, 48\]; 1,000 pieces .* 48 dim.*\[initialization-mismatch\]",
        ),
        (np.eye(1000, 47), r"shape \[1000, 47\]; 1,000 pieces .* 48 dim"),
        (np.ones((1000, 48)), r"all equal; .*\[initialization-mismatch\]"),
        (np.full((1000, 48), np.nan), r"row 1 has NaN.*\[vectors-not-finite\]"),
    ],
)
def test_vectors_of_other_pieces_are_refused(
    vectors: npt.NDArray[np.float64], message: str, tmp_path: Path
) -> None:
    recipe = read_recipe(write_recipe(tmp_path), DistillationConfig)
    np.save(tmp_path / "pieces.npy", vectors)
    with pytest.raises(AlbertKitError, match=message):
        distil(recipe, tmp_path / "run")


def test_a_student_that_knows_the_teacher_rotated_is_aligned_to_it(tmp_path: Path) -> None:
    """Targets are the student's own vectors in other directions; the alignment finds them."""
    torch.manual_seed(0)
    tokenizer = number_tokenizer(tmp_path)
    config = replace(CONFIG, vocab_size=300)
    student = Student(config, LOSSES, 24)
    rng = np.random.default_rng(7)
    texts = tokenizer.encode_batch(
        [" ".join(map(str, rng.integers(5, 290, n))) for n in rng.integers(3, 20, 400)]
    )
    vectors = np.stack([_vector(student, e.ids) for e in texts])
    rotation = np.linalg.qr(rng.normal(size=(24, 16)))[0]
    write_distillation_dataset(tmp_path / "d", texts, [vectors @ rotation.T], tokenizer)
    data = DistillationData(
        DistillationDataset.open(tmp_path / "d"), replace(LOSSES, batch_size=Stages(((0.0, 4),)))
    )
    actual = vectors @ rotation.T @ align_directions(student, data)
    np.testing.assert_allclose(actual, vectors, atol=0.02)  # float16


def _vector(student: Student, ids: Int32Array) -> FloatArray:
    row = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        vector = student.vectors(row, torch.arange(len(ids))[None], torch.zeros_like(row))[0]
    return vector.numpy()


@pytest.mark.parametrize(
    "losses", ["", "gram = 20.0\ncontrastive = [[0.0, 0.0], [1.0, 0.2]]\nhalvings = 2"]
)
def test_distillation_comes_nearer_to_the_teacher(tmp_path: Path, losses: str) -> None:
    recipe = read_recipe(write_recipe(tmp_path, losses), DistillationConfig)
    weights = distil(recipe, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    cosines = [json.loads(line)["cosine"] for line in lines]
    assert cosines[0] > 0.5, "the first weights already point the right way"
    assert cosines[-1] > cosines[0] + 0.02
    assert not weights.table().disagreements({n: a.shape for n, a in weights.arrays.items()})
    vectors = np.ones((5, WIDE))
    write_distillation_dataset(tmp_path / "dataset", encodings(5), [vectors], tiny())
    with pytest.raises(InputError, match=r"the dataset was '400 texts, .* and is '5 .*-changed"):
        distil(recipe, tmp_path / "run")


def test_the_recipes_compile_reaches_each_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[AlbertLayerGroup] = []

    def record(group: AlbertLayerGroup) -> None:
        compiled.append(group)

    monkeypatch.setattr(AlbertLayerGroup, "compile", record)
    recipe = read_recipe(write_recipe(tmp_path), DistillationConfig)
    training = replace(recipe.training, compile=True, max_steps=1)
    model = replace(recipe.model, num_hidden_groups=2)
    distil(replace(recipe, training=training, model=model), tmp_path / "run")
    assert len(compiled) == 2


def test_another_tokenizer_than_the_datasets_is_refused(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    number_tokenizer(tmp_path)
    path.write_text(path.read_text().replace("tiny_sp1000.model", "vocab.txt"))
    with pytest.raises(InputError, match="shard-vocabulary-differs"):
        distil(read_recipe(path, DistillationConfig), tmp_path / "run")
