"""Check labelled data before anything is trained: each check gives diagnostics with row numbers.

Thresholds of rows are spaCy's (`spacy debug data`). Errors make `finetune --check` exit with 1;
a race goes on, since its scores show what the data can do.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from albertkit.arrays import Float64Array, FloatArray, Int64Array
from albertkit.errors import Diagnostic
from albertkit.errors.exceptions import count_noun, list_names
from albertkit.finetuning.data.columns import is_empty
from albertkit.finetuning.data.examples import ROWS_SHOWN, Examples, LabelSet, list_rows
from albertkit.finetuning.data.split import find_near_duplicates
from albertkit.tasks.tag_spans import BEGIN, INSIDE, SINGLE, read_spans, split_tag
from albertkit.tokenization import AlbertTokenizer

FEWEST_ROWS, RARE_ROWS = 100, 50  # Source: spaCy, cli/debug_data.py
IMBALANCE = 10  # times as many rows of one label as of another
LEAK_SHARE = 0.95  # of the rows with a word or a value that have one label
LEAK_ROWS = 0.2  # of all rows of this label have the word
TRUNCATED_SHARE, UNKNOWN_SHARE = 0.1, 0.05
LENGTH_RATIO = 2.0  # between the median lengths of two labels
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, eq=False)
class CheckedData:
    """What the checks look at; what is None or empty is not checked.

    Attributes:
        train: Training examples, or all of them before a split.
        valid: Validation examples, if they come from a file of their own.
        vectors: [N, D] of the training texts, and of the validation texts.
        valid_vectors: [M, D].
        tokenizer: Of the model.
        max_length: Ids of a text at most.
        probabilities: [N, C] of the training rows by models that were not trained on them.
        other_columns: Name → cells of the training rows; columns that nothing reads.
        tags: [N] of tagging, as the file has them; the examples' own are BIO. None: the examples'.
    """

    train: Examples
    valid: Examples | None = None
    vectors: FloatArray | None = None
    valid_vectors: FloatArray | None = None
    tokenizer: AlbertTokenizer | None = None
    max_length: int = 512
    probabilities: Float64Array | None = None
    other_columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    tags: Sequence[Sequence[str]] | None = None

    @property
    def has_classes(self) -> bool:
        """Whether each example has one class."""
        return self.train.task == "classification"


def check_data(data: CheckedData) -> list[Diagnostic]:
    """Run all checks.

    Args:
        data: Examples, and what is known of them.

    Returns:
        The diagnostics: errors first, then warnings and notes.
    """
    return sort_by_severity(diagnostic for check in CHECKS for diagnostic in check(data))


def sort_by_severity(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Errors first, then warnings and notes."""
    order = ("error", "warning", "note")
    return sorted(diagnostics, key=lambda diagnostic: order.index(diagnostic.severity))


def check_counts(data: CheckedData) -> Iterator[Diagnostic]:
    """Few rows in all, few rows of a label, one label only, labels of very different counts."""
    name = data.train.name
    if len(data.train) < FEWEST_ROWS:
        yield Diagnostic(
            "rows-few",
            "error",
            f"there are {count_noun(len(data.train), 'example')}",
            why=f"scores of fewer than {FEWEST_ROWS} are mostly chance",
            fix="Label more rows",
            where=name,
        )
    if data.train.task not in ("classification", "multi-label"):
        return
    counts = Counter(
        label for each in data.train.labels for label in ([each] if data.has_classes else each)
    )
    rare = [
        f"{label!r} ({count}{_name_only_row(data.train, label) if count == 1 else ''})"
        for label, count in counts.items()
        if count <= RARE_ROWS
    ]
    if rare:
        yield Diagnostic(
            "label-rare",
            "warning",
            f"{count_noun(len(rare), 'label')} of {len(counts)} with at most {RARE_ROWS} rows:"
            f" {list_names(rare, 8)}",
            why="rare labels are learned badly, and their scores vary by chance",
            fix="Add rows of them, or join them to another label",
            where=name,
        )
    if counts and max(counts.values()) > IMBALANCE * min(counts.values()):
        most, least = counts.most_common()[0], counts.most_common()[-1]
        yield Diagnostic(
            "labels-imbalanced",
            "warning",
            f"{most[0]!r} has {most[1]:,} rows, {least[0]!r} has {least[1]:,}",
            why="a model may never predict the rare one; accuracy hides it",
            fix="Look at the table of labels in the report; --class-weights auto is a trade-off",
            where=name,
        )


def _name_only_row(examples: Examples, label: str) -> str:
    """The row of a label that one row has: it is in training or in validation, never in both."""
    return f", {list_rows(_find_rows(examples, [label]))}"


def _find_rows(examples: Examples, labels: Sequence[str]) -> Int64Array:
    """The rows that have one of these labels, or one of these tags."""
    wanted = set(labels)
    has_one = [
        not wanted.isdisjoint([label] if isinstance(label, str) else label)
        for label in examples.labels
    ]
    return examples.rows[np.array(has_one, np.bool_)]


def check_sides(data: CheckedData) -> Iterator[Diagnostic]:
    """Labels that only the training rows or only the validation rows have."""
    if data.valid is None or data.train.task not in ("classification", "multi-label", "tagging"):
        return
    sides = [set(LabelSet.of(side).names) for side in (data.train, data.valid)]
    for own, other, side, examples in (
        (sides[0], sides[1], "training", data.train),
        (sides[1], sides[0], "validation", data.valid),
    ):
        if only := sorted(own - other):
            yield Diagnostic(
                "label-one-sided",
                "error" if side == "validation" else "warning",
                f"{list_names([repr(label) for label in only], 8)}: in the {side} rows only,"
                f" {list_rows(_find_rows(examples, only))}",
                why="what is not in the training rows cannot be learned"
                if side == "validation"
                else "what is not in the validation rows cannot be scored",
                fix="Correct the labels, or add rows",
                where=examples.name,
            )


def check_contradictions(data: CheckedData) -> Iterator[Diagnostic]:
    """The same text with different labels."""
    groups = _group_equal_texts(data.train)
    rows = [
        int(data.train.rows[n])
        for numbers in groups
        if len({str(data.train.labels[n]) for n in numbers}) > 1
        for n in numbers
    ]
    if rows:
        yield Diagnostic(
            "labels-contradict",
            "warning",
            f"equal texts with different labels: {list_rows(rows)}",
            why="no model can be right about all of them",
            fix="Decide on one label",
            where=data.train.name,
        )


def check_duplicates(data: CheckedData) -> Iterator[Diagnostic]:
    """Equal and nearly equal texts, in the training rows and across the split."""
    groups = _group_equal_texts(data.train)
    if groups:
        extra = sorted(int(data.train.rows[n]) for numbers in groups for n in numbers[1:])
        yield Diagnostic(
            "rows-duplicate",
            "warning",
            f"{count_noun(len(extra), 'row')} with a text of an earlier row: {list_rows(extra)}",
            why="they count several times; a split keeps them on one side",
            fix="Remove them",
            where=data.train.name,
        )
    if data.vectors is not None and data.valid is None:
        pairs = find_near_duplicates(data.vectors)
        equal = {n for numbers in groups for n in numbers}
        near = [pair for pair in pairs.tolist() if not equal.issuperset(pair)]
        if near:
            rows = data.train.rows[near]  # [pairs, 2]
            shown = ", ".join(f"{left} and {right}" for left, right in rows[:ROWS_SHOWN])
            more = " …" if len(rows) > ROWS_SHOWN else ""
            yield Diagnostic(
                "rows-near-duplicate",
                "note",
                f"{count_noun(len(near), 'pair')} of nearly equal texts: rows {shown}{more}",
                why="a split keeps them on one side",
                where=data.train.name,
            )
    if data.valid is not None:
        yield from _check_overlap(data, data.valid)


def _check_overlap(data: CheckedData, valid: Examples) -> Iterator[Diagnostic]:
    known = set(map(_fold, data.train.texts()))
    equal = [n for n, text in enumerate(valid.texts()) if _fold(text) in known]
    near: list[int] = []
    if data.vectors is not None and data.valid_vectors is not None:
        size = len(data.vectors)
        pairs = find_near_duplicates(np.concatenate([data.vectors, data.valid_vectors]))
        across = pairs[(pairs[:, 0] < size) & (pairs[:, 1] >= size), 1] - size
        near = sorted({*across.tolist()} - {*equal})
    for numbers, what in ((equal, "equal to"), (near, "nearly equal to")):
        if numbers:
            yield Diagnostic(
                "rows-across-split",
                "error" if what == "equal to" else "warning",
                f"{count_noun(len(numbers), 'validation row')} {what} a training row:"
                f" {list_rows(valid.rows[numbers])}",
                why="the score would be too good",
                fix="Remove them from the training rows",
                where=valid.name,
            )


def check_leaks(data: CheckedData) -> Iterator[Diagnostic]:
    """A column, or a word, that alone predicts the label."""
    if not data.has_classes or len(set(data.train.labels)) < 2:
        return
    labels = data.train.labels
    for column, cells in data.other_columns.items():
        values = [str(cell) for cell in cells]
        if 1 < len(set(values)) <= len(values) / 4 and not all(map(is_empty, cells)):
            share = _share_by_value(values, labels)
            base = Counter(labels).most_common(1)[0][1] / len(labels)
            if share >= max(LEAK_SHARE, (1 + base) / 2):
                yield Diagnostic(
                    "label-leaked",
                    "note",
                    f"the column {column!r} alone predicts {share:.0%} of the labels",
                    why="it is not read; if its content is in the text, the score is too good",
                    fix="Check that the text has nothing that is known only after labelling",
                    where=data.train.name,
                )
    holders: dict[str, Counter[str]] = defaultdict(Counter)
    for text, label in zip(data.train.texts(), labels, strict=True):
        for word in set(WORD.findall(text.lower())):
            holders[word][label] += 1
    totals = Counter(labels)
    for word, counts in holders.items():
        label, count = counts.most_common(1)[0]
        is_pure = count >= LEAK_SHARE * counts.total()
        if is_pure and count >= max(10, 2 * LEAK_ROWS * totals[label]) and len(totals) > 1:
            yield Diagnostic(
                "label-leaked",
                "warning",
                f"the word {word!r} is in {count / totals[label]:.0%} of the texts of {label!r}"
                " and hardly in others",
                why="a model may learn this word alone",
                fix="Check that texts to be classified will have it; else remove it",
                where=data.train.name,
            )


def _share_by_value(values: Sequence[str], labels: Sequence[str]) -> float:
    """The share of labels that the most frequent label of each value gives."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        counts[value][label] += 1
    return sum(own.most_common(1)[0][1] for own in counts.values()) / len(labels)


def check_order(data: CheckedData) -> Iterator[Diagnostic]:
    """Rows that are sorted by their label."""
    labels = data.train.labels
    if not data.has_classes or len(labels) < FEWEST_ROWS:
        return
    changes = sum(left != right for left, right in pairwise(labels))
    if len(set(labels)) > 1 and changes <= 2 * len(set(labels)):
        yield Diagnostic(
            "rows-sorted",
            "note",
            f"the rows are sorted by label: it changes {count_noun(changes, 'time')}",
            why="the first rows are not a sample; albertkit shuffles, other tools may not",
            where=data.train.name,
        )


def check_lengths(data: CheckedData) -> Iterator[Diagnostic]:
    """Truncated texts, unknown pieces, and lengths that differ between labels."""
    if data.tokenizer is None:
        return
    train = data.train
    first = train.first
    if train.choices is not None:
        first = [" ".join(choices) for choices in train.choices]
    encodings = data.tokenizer.encode_batch(first, train.second, max_length=data.max_length)
    cut = np.flatnonzero(encodings.dropped)
    if len(cut) and train.task != "question-answering":  # contexts are read in windows
        yield Diagnostic(
            "text-truncated",
            "warning" if len(cut) >= TRUNCATED_SHARE * len(train) else "note",
            f"{len(cut) / len(train):.0%} of the texts have more than {data.max_length} ids:"
            f" {list_rows(train.rows[cut])}",
            why="the model does not read what comes after",
            fix="Shorten them, or give a --model that reads longer texts",
            where=train.name,
        )
    unknown = np.add.reduceat(
        encodings.ids == data.tokenizer.unk_token_id, encodings.offsets[:-1]
    ).astype(np.float64)
    share = unknown.sum() / len(encodings.ids)
    if share >= UNKNOWN_SHARE:
        rows = train.rows[np.argsort(-unknown, kind="stable")[:5]]
        yield Diagnostic(
            "text-unknown",
            "warning",
            f"{share:.0%} of the pieces are unknown to the model, most in {list_rows(rows)}",
            why="its vocabulary is of another language or script",
            fix="Take a model of the texts' language",
            where=train.name,
        )
    if data.has_classes:
        yield from _check_lengths_by_label(train, encodings.lengths + encodings.dropped)


def _check_lengths_by_label(train: Examples, lengths: Int64Array) -> Iterator[Diagnostic]:
    by_label: dict[str, list[int]] = defaultdict(list)
    for label, length in zip(train.labels, lengths.tolist(), strict=True):
        by_label[label].append(length)
    medians = {label: float(np.median(own)) for label, own in by_label.items() if len(own) >= 10}
    if len(medians) > 1 and max(medians.values()) > LENGTH_RATIO * min(medians.values()):
        long, short = max(medians, key=medians.__getitem__), min(medians, key=medians.__getitem__)
        yield Diagnostic(
            "lengths-by-label",
            "note",
            f"texts of {long!r} have a median of {medians[long]:.0f} ids, those of {short!r}"
            f" {medians[short]:.0f}",
            why="a model may learn the length instead of the content",
            where=train.name,
        )


def check_answers(data: CheckedData) -> Iterator[Diagnostic]:
    """Answers that their contexts do not hold."""
    if data.train.task != "question-answering":
        return
    missing = [n for n, answer in enumerate(data.train.labels) if answer.is_missing]
    if missing:
        shown = [repr(data.train.labels[n].texts[0][:40]) for n in missing]
        yield Diagnostic(
            "answer-not-in-context",
            "error",
            f"{count_noun(len(missing), 'answer')} not in the context, such as"
            f" {list_names(shown)}: {list_rows(data.train.rows[missing])}",
            why="an answer is a part of its context, letter for letter",
            fix="Correct the answers; --skip-invalid leaves these rows out",
            where=data.train.name,
        )


def check_tags(data: CheckedData) -> Iterator[Diagnostic]:
    """No tag O; spans that begin with an inside tag, where most begin with B; spans not read."""
    if data.train.task != "tagging":
        return
    yield from _check_cut_spans(data)
    whole, broken = _count_spans(data.train.labels if data.tags is None else data.tags)
    if whole > len(broken) > 0:  # in IOB1, nearly all spans begin with an inside tag
        yield Diagnostic(
            "tags-broken",
            "warning",
            f"{len(broken)} of {whole + len(broken)} spans have no B- tag at the beginning:"
            f" {list_rows(data.train.rows[np.unique(broken)])}",
            why="I-X continues a span of X; here no such span stands before it",
            fix="Write B-X on the first word of each span",
            where=data.train.name,
        )
    kinds = {tag for tags in data.train.labels for tag in tags}
    if "O" not in kinds:
        yield Diagnostic(
            "tags-without-outside",
            "note",
            f"no word has the tag O; the tags are {list_names(sorted(kinds), 8)}",
            why="then each word is scored, as for parts of speech; entities need words outside",
            where=data.train.name,
        )


def _check_cut_spans(data: CheckedData) -> Iterator[Diagnostic]:
    """Spans after the last word that the model reads."""
    if data.tokenizer is None:
        return
    cut: list[int] = []
    for number, (words, tags) in enumerate(
        zip(data.train.words or [], data.train.labels, strict=True)
    ):
        text = " ".join(words)
        if text.isascii() and len(text) < data.max_length - 2:
            continue  # a piece has a character, or the space before a word
        call = data.tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=data.max_length
        )
        word_ids = call.word_ids(0)
        if len(word_ids) < data.max_length:
            continue  # the last words may have no piece
        read = max((word for word in word_ids if word is not None), default=-1) + 1
        cut += [number for span in read_spans(tags) if span.end > read]
    if cut:
        yield Diagnostic(
            "text-truncated",
            "warning",
            f"{count_noun(len(cut), 'span')} after the {data.max_length} ids that the model reads:"
            f" {list_rows(data.train.rows[np.unique(cut)])}",
            why="it neither learns nor finds them",
            fix="Divide these rows, or give a --model that reads longer texts",
            where=data.train.name,
        )


def _count_spans(labels: Sequence[Sequence[str]]) -> tuple[int, Int64Array]:
    """Spans that begin with B or S, and the example of each that begins with I or E."""
    whole, broken = 0, []
    for number, tags in enumerate(labels):
        before = ("O", "")
        for tag in map(split_tag, tags):
            prefix, label = tag
            if prefix in (*BEGIN, *SINGLE):
                whole += 1
            elif label and (before[0] not in (*BEGIN, *INSIDE) or before[1] != label):
                broken.append(number)
            before = tag
    return whole, np.array(broken, np.int64)


def check_suspects(data: CheckedData) -> Iterator[Diagnostic]:
    """Rows whose label looks wrong by the probabilities of models that did not see them."""
    if data.probabilities is None or not data.has_classes:
        return
    numbers = find_suspects(data.train, data.probabilities)
    if len(numbers):
        yield Diagnostic(
            "labels-suspected",
            "note",
            f"{count_noun(len(numbers), 'label')} may be wrong, the most likely first:"
            f" {list_rows(data.train.rows[numbers])}",
            why="models trained on the other rows are sure of another label",
            fix="Look at these rows",
            where=data.train.name,
        )


def find_suspects(examples: Examples, probabilities: Float64Array) -> Int64Array:
    """Find labels that are likely wrong (confident learning, Northcutt et al. 2021).

    Args:
        examples: Of a classification.
        probabilities: [N, C] by models that were not trained on the row; C in LabelSet's order.

    Returns:
        Numbers of examples, the most suspect first: another label is at least as probable as it
        is on average for its own rows, and more probable than the given one.
    """
    labels = LabelSet.of(examples)
    ids = labels.ids(examples)
    classes = range(len(labels.names))
    usual = np.array([probabilities[ids == n, n].mean() for n in classes])
    own = probabilities[np.arange(len(ids)), ids]
    confident = np.where(probabilities >= usual, probabilities, -1)
    confident[np.arange(len(ids)), ids] = -1
    gap = confident.max(1) - own
    numbers = np.flatnonzero(gap > 0)
    return np.asarray(numbers[np.argsort(-gap[numbers], kind="stable")], np.int64)


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _group_equal_texts(examples: Examples) -> list[list[int]]:
    """Groups of examples with equal texts, but for case and spaces."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(examples.texts()):
        groups[_fold(text)].append(number)
    return [numbers for numbers in groups.values() if len(numbers) > 1]


CHECKS: tuple[Callable[[CheckedData], Iterator[Diagnostic]], ...] = (
    check_counts,
    check_sides,
    check_contradictions,
    check_duplicates,
    check_leaks,
    check_order,
    check_lengths,
    check_answers,
    check_tags,
    check_suspects,
)
