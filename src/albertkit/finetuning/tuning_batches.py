"""Examples → packed batches of a tuning: texts end to end, without padding.

A batch is a function of (seed, epoch, number) alone, so that a resumed run and each rank of several
make the same ones. The rows of one step are divided among its batches (gradient accumulation and
ranks); each batch knows the weight of the whole step, so that the loss does not depend on how they
are divided.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array, FloatArray, Int64Array
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.finetuning.tuning_answers import cut_examples, find_positions
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.tasks.choose import ChoiceQuestion
from albertkit.tokenization import AlbertTokenizer, Encodings
from albertkit.tokenization.encodings import concat_ranges, select

PREDICTED_TOKENS = 4096  # of a batch when nothing is trained


@dataclass(frozen=True, slots=True, eq=False)
class SoftTargets:
    """The logits of a teacher.

    Attributes:
        logits: [X, C], of the examples one after another: a row for each example; of tagging for
            each word, of choices for each choice, of questions for each token.
        offsets: [N + 1]; example n has the rows offsets[n]:offsets[n + 1].
    """

    logits: FloatArray
    offsets: Int64Array

    def take(self, numbers: Sequence[int]) -> FloatArray:
        """The logits of some examples, in their order."""
        counts = np.diff(self.offsets)[numbers]
        return self.logits[concat_ranges(self.offsets[numbers], counts)]


@dataclass(frozen=True, slots=True, eq=False)
class TuningRows:
    """N examples as ids and targets.

    Attributes:
        encodings: M sequences: one for each example, or one for each choice.
        groups: [N + 1]; example n has the sequences groups[n]:groups[n + 1].
        targets: [N, C] one-hot rows, 0 and 1, or numbers; [N] numbers of right choices; [N, 2]
            positions of answers' first and last tokens, where N counts windows.
        tags: [T], the label of each token, IGNORED_LABEL for those without; for tagging.
        weights: [N], of each example in the loss.
        teacher: Logits that are learned too.
    """

    encodings: Encodings
    groups: Int64Array
    targets: FloatArray
    tags: Int64Array | None
    weights: FloatArray
    teacher: SoftTargets | None = None

    def __len__(self) -> int:
        return len(self.groups) - 1

    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """What is learned from; the ids and targets, not a teacher's logits."""
        own = self.encodings
        arrays: tuple[npt.NDArray[np.generic], ...]
        arrays = (own.ids, own.offsets, own.type_ids, self.groups, self.targets, self.weights)
        return arrays if self.tags is None else (*arrays, self.tags)


def hash_arrays(arrays: Iterable[npt.NDArray[np.generic]]) -> str:
    """A hash of arrays in their order, by which a resumed run knows its data and its model."""
    digest = 0
    for array in arrays:
        digest = zlib.crc32(np.ascontiguousarray(array).tobytes(), digest)
    return f"{digest:08x}"


@dataclass(frozen=True, slots=True, eq=False)
class TuningBatch:
    """Sequences end to end, with what the loss needs.

    Attributes:
        ids: [T].
        type_ids: [T].
        positions: [T].
        lengths: Of the sequences.
        sizes: [N], sequences of each example.
        targets: [N, C], or [N].
        tags: [T]; None but for tagging.
        weights: [N].
        step_weight: The summed weight of all examples of the step, divided by its batches.
        teacher_logits: As the model's own; None if there is no teacher.
    """

    ids: Int64Array
    type_ids: Int64Array
    positions: Int64Array
    lengths: tuple[int, ...]
    sizes: Int64Array
    targets: FloatArray
    tags: Int64Array | None
    weights: FloatArray
    step_weight: float
    teacher_logits: FloatArray | None = None


def make_rows(
    labels: LabelSet,
    examples: Examples,
    tokenizer: AlbertTokenizer,
    max_length: int,
    weights: Float64Array | None = None,
) -> TuningRows:
    """Tokenize examples, and make their targets; of questions each window is an example.

    Args:
        labels: The labels and their order.
        examples: N.
        tokenizer: Of the model.
        max_length: Ids of a sequence at most.
        weights: [N]; None: all 1.
    """
    if examples.task == "question-answering":
        return _make_windows(examples, tokenizer, max_length, weights)
    count = len(examples)
    groups = np.arange(count + 1)
    tags = None
    if examples.choices is not None:
        sizes = [len(choices) for choices in examples.choices]
        groups = np.concatenate([[0], np.cumsum(sizes)])
        first, second = _join_choices(examples)
        encodings = tokenizer.encode_batch(first, second, max_length=max_length)
    elif examples.words is not None:
        encodings, tags = _tag_words(labels, examples, tokenizer, max_length)
    else:
        encodings = tokenizer.encode_batch(examples.first, examples.second, max_length=max_length)
    if not examples.labels:
        targets: Any = np.zeros(count)
    elif examples.task == "multiple-choice":
        targets = np.array(examples.labels)
    elif examples.task == "tagging":
        targets = np.zeros(count)
    else:
        targets = labels.one_hot(examples)
    return TuningRows(
        encodings,
        np.asarray(groups, np.int64),
        np.asarray(targets, np.float32),
        tags,
        np.ones(count, np.float32) if weights is None else np.asarray(weights, np.float32),
    )


def _make_windows(
    examples: Examples, tokenizer: AlbertTokenizer, max_length: int, weights: Float64Array | None
) -> TuningRows:
    cut = cut_examples(examples, tokenizer, max_length)
    texts = cut.windows.texts
    targets = find_positions(cut, examples.labels or [GoldAnswer(())] * len(examples))
    own = np.ones(len(texts)) if weights is None else weights[texts]
    return TuningRows(
        cut.windows.encodings,
        np.arange(len(texts) + 1),
        np.asarray(targets, np.float32),
        None,
        np.asarray(own, np.float32),
    )


def _join_choices(examples: Examples) -> tuple[list[str], list[str]]:
    """The two texts of each choice, as MultipleChoice makes them."""
    pairs = []
    for number, choices in enumerate(examples.choices or []):
        question, context = examples.first[number], None
        if examples.second is not None:  # examples of two text columns have the context first
            question, context = examples.second[number], examples.first[number]
        pairs += ChoiceQuestion(question, tuple(choices), context).pairs()
    return [first for first, _ in pairs], [second for _, second in pairs]


def _tag_words(
    labels: LabelSet, examples: Examples, tokenizer: AlbertTokenizer, max_length: int
) -> tuple[Encodings, Int64Array]:
    """Ids of words, and the label of each word at its first token."""
    numbers = labels.numbers
    calls = [
        # [words]: no words at all would be a batch without texts
        tokenizer([words], is_split_into_words=True, truncation=True, max_length=max_length)
        for words in examples.words or []
    ]
    ids: list[int] = []
    tags: list[int] = []
    lengths: list[int] = []
    for number, call in enumerate(calls):
        word_ids: list[int | None] = call.word_ids(0)
        own = examples.labels[number] if examples.labels else None
        previous = None
        for word in word_ids:
            is_first = word is not None and word != previous
            # without labels every first token gets 0: what counts is where words begin
            label = 0 if own is None or word is None else numbers.get(own[word], IGNORED_LABEL)
            tags.append(label if is_first else IGNORED_LABEL)
            previous = word
        row = np.asarray(call["input_ids"]).ravel().tolist()
        ids += row
        lengths.append(len(row))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    encodings = Encodings(
        np.array(ids, np.int32),
        np.zeros(len(ids), np.int32),
        offsets,
        np.zeros(len(lengths), np.int64),
    )
    return encodings, np.array(tags, np.int64)


def make_batch(rows: TuningRows, numbers: Sequence[int], step_weight: float) -> TuningBatch:
    """Put examples end to end, short ones first, so that equal lengths are neighbours.

    Args:
        rows: All examples.
        numbers: Of those in the batch.
        step_weight: As in TuningBatch.
    """
    order = sort_by_length(rows, numbers)
    starts, sizes = rows.groups[order], np.diff(rows.groups)[order]
    sequences = concat_ranges(starts, sizes)
    own = select(rows.encodings, sequences)
    own_lengths = own.lengths
    tags = None
    if rows.tags is not None:
        tags = rows.tags[concat_ranges(rows.encodings.offsets[sequences], own_lengths)]
    return TuningBatch(
        own.ids.astype(np.int64),
        own.type_ids.astype(np.int64),
        concat_ranges(np.zeros(len(own_lengths), np.int64), own_lengths),
        tuple(own_lengths.tolist()),
        np.asarray(sizes, np.int64),
        rows.targets[order],
        tags,
        rows.weights[order],
        step_weight,
        None if rows.teacher is None else rows.teacher.take(order),
    )


def sort_by_length(rows: TuningRows, numbers: Sequence[int]) -> list[int]:
    """The order in which a batch has its examples: by the length of their first sequence."""
    lengths = rows.encodings.lengths
    return sorted(numbers, key=lambda number: int(lengths[rows.groups[number]]))


def split_by_tokens(rows: TuningRows) -> Iterator[list[int]]:
    """Numbers of examples in batches of about PREDICTED_TOKENS tokens, equal lengths together."""
    lengths = np.add.reduceat(rows.encodings.lengths, rows.groups[:-1])
    batch: list[int] = []
    tokens = 0
    for number in np.argsort(lengths, kind="stable").tolist():
        batch.append(number)
        tokens += int(lengths[number])
        if tokens >= PREDICTED_TOKENS:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


@dataclass(frozen=True, slots=True, eq=False)
class TuningData:
    """The batches of each epoch, in a random order of examples.

    Attributes:
        rows: The training examples.
        batch_size: Examples of a step, over all batches and ranks.
        batches: Of a step: gradient accumulation × ranks.
        seed: Of the order.
    """

    rows: TuningRows
    batch_size: int
    batches: int
    seed: int

    @property
    def blocks(self) -> int:
        """Blocks of an epoch."""
        return 1

    @property
    def steps(self) -> int:
        """Steps of an epoch; a last one of less than half of `batch_size` is left out."""
        whole, rest = divmod(len(self.rows), self.batch_size)
        return max(1, whole + (rest >= self.batches and rest * 2 >= self.batch_size))

    def block(self, epoch: int, number: int, fraction: float) -> Sequence[TuningBatch]:
        """The batches of an epoch, those of a step one after another."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.rows))
        steps = [
            order[first : first + self.batch_size]
            for first in range(0, self.steps * self.batch_size, self.batch_size)
        ]
        return LazyBatches(self.rows, steps, self.batches)


@dataclass(frozen=True, slots=True, eq=False)
class LazyBatches(Sequence[TuningBatch]):
    """Batches that are made when they are asked for."""

    rows: TuningRows
    steps: list[Int64Array]
    batches: int

    def __len__(self) -> int:
        return len(self.steps) * self.batches

    def __getitem__(self, index: Any) -> Any:
        """Batch `index`; slices are not needed."""
        step, part = divmod(index, self.batches)
        numbers = self.steps[step]
        own = numbers[part :: self.batches].tolist()
        return make_batch(self.rows, own, step_weight(self.rows, numbers) / self.batches)


def step_weight(rows: TuningRows, numbers: Int64Array) -> float:
    """The weight of examples in the loss: their own, or for tagging the words with a tag."""
    if rows.tags is None:
        return float(rows.weights[numbers].sum())
    starts, lengths = rows.encodings.offsets[:-1], rows.encodings.lengths
    tokens = concat_ranges(starts[numbers], lengths[numbers])
    return float(max(1, (rows.tags[tokens] != IGNORED_LABEL).sum()))
