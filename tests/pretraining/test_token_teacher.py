"""A teacher's token vectors reach the pieces of their words, and are learned at each slot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from albertkit import TextEmbedder
from albertkit.pretraining.batches import BatchShape, PretrainingData
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.pretrain import pretrain
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import read_recipe
from albertkit.pretraining.shards import write_shard
from albertkit.pretraining.token_teacher import TokenTeacher
from albertkit.tokenization import AlbertTokenizer
from albertkit.training.schedules import Ramp
from tests.pretraining.test_losses import CONFIG
from tests.pretraining.test_pretrain import lines_of, write_recipe
from tests.support.training_data import number_tokenizer

FIXTURES = Path(__file__).parents[1] / "fixtures"
TEACHER = "small-en-vectors"
TEXTS = [
    "Photosynthesis, in plants, makes sugar.",
    "It's 1945: nothing-much happened!",
    "a",
    "The unfathomable xylophonist (aged 37) slept ... on.",
]


@pytest.fixture(scope="module")
def student_tokenizer() -> AlbertTokenizer:
    return AlbertTokenizer.from_pretrained(FIXTURES / "tiny_sp1000.model")


def test_a_piece_gets_the_mean_of_the_tokens_that_lie_in_its_word(
    student_tokenizer: AlbertTokenizer,
) -> None:
    """The teacher's offsets in the joined words say which tokens those are."""
    teacher = TokenTeacher(TEACHER, student_tokenizer)
    sequences = [e.ids for e in student_tokenizer.encode_batch(TEXTS)]
    embedder = TextEmbedder(TEACHER)
    for ids, targets in zip(sequences, teacher.targets(sequences), strict=True):
        words, word_numbers = teacher.divide(ids)
        text = " ".join(words)
        tokens = embedder.encode([text], output_value="token_embeddings")[0]
        encoding = embedder.tokenizer.encode_batch([text], offset_mapping=True)[0]
        assert encoding.offset_mapping is not None
        ends = np.cumsum([len(word) + 1 for word in words])
        word_of_token = np.searchsorted(ends, encoding.offset_mapping[:, 1], side="right")
        is_real = ~np.isin(encoding.ids, [2, 3])
        assert targets.slots.tolist() == np.flatnonzero(word_numbers >= 0).tolist()
        for slot, vector in zip(targets.slots, targets.vectors, strict=True):
            own = is_real & (word_of_token == word_numbers[slot])
            np.testing.assert_allclose(vector, tokens[own].mean(0), atol=1e-5)


def test_words_begin_at_their_mark_and_at_punctuation(student_tokenizer: AlbertTokenizer) -> None:
    teacher = TokenTeacher(TEACHER, student_tokenizer)
    words, word_numbers = teacher.divide(student_tokenizer.encode_batch(["Cats, dogs (37)"])[0].ids)
    assert words == ["cats", ",", "dogs", "(", "37", ")"]
    assert word_numbers[0] == word_numbers[-1] == -1
    assert np.diff(word_numbers[1:-1]).min() >= 0


def test_a_word_piece_vocabulary_is_divided_too(tmp_path: Path) -> None:
    teacher = TokenTeacher(TEACHER, number_tokenizer(tmp_path))
    words, word_numbers = teacher.divide(np.array([2, 17, 200, 1, 45, 3]))
    assert words == ["17", "200", "45"]
    assert word_numbers.tolist() == [-1, 0, 1, -1, 2, -1]


def test_the_loss_is_one_minus_the_mean_cosine_at_the_taught_slots(tmp_path: Path) -> None:
    tokenizer = number_tokenizer(tmp_path)
    documents = [[" ".join(map(str, range(n, n + 20))) for n in range(5, 200, 20)]] * 3
    data = PretrainingData(
        write_shard(tmp_path / "shard", documents, tokenizer),
        MaskingVocabulary.from_tokenizer(tokenizer),
        lambda fraction: BatchShape(4, 24),
        teacher=TokenTeacher(TEACHER, tokenizer),
        teacher_weight=Ramp(((0.0, 2.0), (1.0, 0.0))),
    )
    batch = data.block(0, 0, 0.5)[0]
    assert len(data.block(0, 0, 1.0)[0].taught) == 0, "a weight of 0 costs nothing"
    masked = batch.masked[batch.labels >= 0]
    special = np.isin(batch.ids.ravel(), [0, 2, 3]) & ~np.isin(np.arange(96), masked)
    assert batch.taught.tolist() == np.flatnonzero(~special).tolist()
    np.testing.assert_allclose(batch.teacher.mean(0), 0, atol=1e-5)
    torch.manual_seed(0)
    model = PackedPretraining(CONFIG, teacher_size=256, teacher_weight=data.teacher_weight)
    slots: list[torch.Tensor] = []
    model.teacher.register_forward_hook(lambda module, inputs, output: slots.append(output))
    with torch.no_grad():
        result = model(batch, 0.5)
    cosine = (
        F.normalize(slots[0], dim=1) * F.normalize(torch.from_numpy(batch.teacher), dim=1)
    ).sum(1)
    metrics = result.metrics
    expected = metrics["masked_loss"] + 1 - cosine.mean()  # no row has a pair
    assert len(slots[0]) == len(batch.taught)
    assert result.loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_run_comes_nearer_to_its_teacher_and_throws_the_projection_away(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, data=f'teacher = "{TEACHER}"')
    recipe = read_recipe(path, PretrainingConfig)
    training = replace(recipe.training, max_steps=30, save_steps=30)
    weights = pretrain(replace(recipe, training=training), tmp_path / "run")
    cosines = [line["teacher_cosine"] for line in lines_of(tmp_path / "run") if "loss" in line]
    assert cosines[-1] > cosines[0] + 0.1
    assert not weights.table().disagreements({n: a.shape for n, a in weights.arrays.items()})
