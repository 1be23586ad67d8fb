"""TokenClassifier: tags of words, as Hugging Face's pipeline("token-classification") gives them.

Differences: texts of any length are read, in overlapping windows (each piece gets its tag in the
window where it has most context); spans are read in BIO, IOB, BIOES, BILOU and BMES; the word of a
grouped result is the text itself, as offsets count characters of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypeAlias, TypedDict, Unpack

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import compute_head_logits
from albertkit.errors import InputError
from albertkit.errors.arguments import check_keywords, describe_value
from albertkit.runtime import LoadKeywords
from albertkit.spec.heads import TOKEN_CLASSIFICATION
from albertkit.tasks.classify import softmax
from albertkit.tasks.encode import ProgressLine, make_progress
from albertkit.tasks.head_call import HeadCall, HeadTask
from albertkit.tasks.inputs import Texts, read_stream, read_texts
from albertkit.tasks.options import Aggregation, TagOptions
from albertkit.tasks.tag_spans import continues_span, split_tag
from albertkit.tasks.token_windows import TokenWindows, cut_token_windows
from albertkit.tokenization.encode import check_texts, encode_texts_with_offsets

HEAD = TOKEN_CLASSIFICATION.name


class Entity(TypedDict):
    """One result; Hugging Face's names."""

    entity: NotRequired[str]  # the tag of a piece, without aggregation
    entity_group: NotRequired[str]  # the label of a span
    score: float
    index: NotRequired[int]  # the token's position, without aggregation; [CLS] is 0
    word: str
    start: int  # characters of the text
    end: int


Windows: TypeAlias = tuple[Texts, TokenWindows]


class TokenClassifier(HeadTask):
    """Tags of the words of texts: names, parts of speech.

    Args:
        model: A directory with a token classification head, or a name on a hub.
        **options: The fields of LoadOptions: engine, device, precision, policy, revision, …

    Raises:
        InputError: [head-missing], and those of `load`.
        AlbertKitError: As `load`.
    """

    @check_keywords
    def __init__(self, model: str | Path | None = None, **options: Unpack[LoadKeywords]) -> None:
        super().__init__((HEAD,), model, "warn", options)
        labels = self.labels
        # of each tag its label, and [C, C] whether the second of two tags goes on with the first's
        self.groups = tuple(split_tag(label)[1] or "O" for label in labels)
        self.continues = np.array([[continues_span(a, b) for b in labels] for a in labels])

    @check_keywords
    def __call__(
        self,
        inputs: object,
        *,
        aggregation_strategy: Aggregation = "none",
        ignore_labels: str | Sequence[str] = ("O",),
        stride: int = 128,
        show_progress_bar: bool | None = None,
    ) -> Any:
        """Find the tags of texts.

        Args:
            inputs: A text, a list or column of texts, or an iterator of them.
            aggregation_strategy: "none": one result a piece. "simple": neighbouring pieces of one
                span are one result. "first", "average", "max": the pieces of a word, between two
                spaces, first get one tag: that of the first piece, of the mean of the scores, or
                of the highest score.
            ignore_labels: Labels that are left out.
            stride: Pieces that neighbouring windows of a long text share; at most half of what
                the model reads.
            show_progress_bar: None: yes on a terminal if the log level is INFO.

        Returns:
            A list of results of a text; of a list one list a text; of an iterator an iterator of
            lists, a window at a time. A result has entity (or entity_group), score, word, start
            and end; without aggregation also index.

        Raises:
            InputError: [input-not-texts], [option-invalid].
        """
        options = TagOptions(
            aggregation_strategy=aggregation_strategy,
            ignore_labels=(ignore_labels,)
            if isinstance(ignore_labels, str)
            else tuple(ignore_labels),
            stride=stride,
        )
        if isinstance(inputs, Iterator):
            call = self.call(options, make_progress(show_progress_bar, None))
            return call.stream(read_stream(inputs))
        texts = read_texts(inputs)
        call = self.call(options, make_progress(show_progress_bar, len(texts)))
        answers = call.collect(texts.windows())
        return answers[0] if texts.is_one else answers

    def call(
        self, options: TagOptions, progress: ProgressLine | None = None
    ) -> HeadCall[Texts, Windows, list[Entity]]:
        """The call that computes the results of each text, for jobs and commands.

        Args:
            options: How pieces are put together.
            progress: Counts texts.
        """
        report = self.new_report()
        stride = min(options.stride, (report.max_length - 2) // 2)

        def prepare(texts: Texts) -> Windows:
            if texts.second is not None:
                raise InputError(
                    "input-not-texts",
                    f"Unsupported input type: {describe_value((texts.first[0], texts.second[0]))}",
                    why="tags are given to single texts, not to pairs",
                    fix="Give str",
                )
            report.count_whole(texts)
            tokenizer = self.tokenizer
            pieces = encode_texts_with_offsets(
                check_texts(texts.first), tokenizer.vocabulary, tokenizer.policy
            )
            return texts, cut_token_windows(
                tokenizer, pieces, max_length=report.max_length, stride=stride
            )

        def compute(windows: Windows) -> list[list[Entity]]:
            texts, cut = windows
            engine = self.model.engine_for(cut.encodings)
            logits = compute_head_logits(engine, cut.encodings, HEAD)  # [T, C]
            scores = softmax(logits[cut.best_tokens()])  # [pieces, C]
            return [
                self._read_text(text, cut, number, scores, options)
                for number, text in enumerate(texts.first)
            ]

        return HeadCall(prepare, compute, report, progress)

    def _read_text(
        self,
        text: str,
        windows: TokenWindows,
        number: int,
        scores: FloatArray,
        options: TagOptions,
    ) -> list[Entity]:
        """The results of one text."""
        pieces = windows.pieces
        own = slice(pieces.offsets[number], pieces.offsets[number + 1])
        mapping = pieces.offset_mapping
        if mapping is None:
            raise AssertionError("tags need offsets")
        spans, rows = mapping[own], scores[own]  # [P, 2], [P, C]
        if options.aggregation_strategy == "none":
            names = self.tokenizer.vocabulary.table
            is_unknown = pieces.ids[own] == self.tokenizer.unk_token_id
            labels = self.labels
            results = [
                Entity(
                    entity=labels[row.argmax()],
                    score=float(row.max()),
                    index=index + 1,
                    word=text[start:end] if is_unknown[index] else names.names[piece],
                    start=start,
                    end=end,
                )
                for index, (row, piece, (start, end)) in enumerate(
                    zip(rows, pieces.ids[own].tolist(), spans.tolist(), strict=True)
                )
            ]
            return [item for item in results if item["entity"] not in options.ignore_labels]
        if options.aggregation_strategy != "simple":
            unknown = pieces.ids[own] == self.tokenizer.unk_token_id
            spans, rows = merge_words(text, spans, rows, unknown, options.aggregation_strategy)
        if not len(rows):
            return []
        tags = rows.argmax(axis=1)  # [P]
        begins = np.flatnonzero(np.append(True, ~self.continues[tags[:-1], tags[1:]]))  # [spans]
        ends = np.append(begins[1:], len(tags))
        means = np.add.reduceat(rows.max(axis=1), begins) / (ends - begins)
        results = []
        for tag, score, start, stop in zip(
            tags[begins].tolist(),
            means.tolist(),
            spans[begins, 0].tolist(),
            spans[ends - 1, 1].tolist(),
            strict=True,
        ):
            group = self.groups[tag]
            if start < stop and group not in options.ignore_labels:  # equal of ▁ alone
                word = text[start:stop]
                results.append(
                    Entity(entity_group=group, score=score, word=word, start=start, end=stop)
                )
        return results


def merge_words(
    text: str,
    spans: Int64Array,
    scores: FloatArray,
    is_unknown: np.ndarray[Any, np.dtype[np.bool_]],
    strategy: Aggregation,
) -> tuple[Int64Array, FloatArray]:
    """Merge the pieces of each word.

    A word is what stands between spaces; an unknown piece is a word of its own (as in transformers
    5, for vocabularies without continuation marks).

    Args:
        text: The text.
        spans: [P, 2] characters of each piece.
        scores: [P, C] of each piece.
        is_unknown: [P].
        strategy: "first", "average" or "max".

    Returns:
        The characters [words, 2] and scores [words, C] of each word.
    """
    begins = []
    before = (-1, -1)
    for index, (start, end) in enumerate(spans.tolist()):
        # a piece of no letters, ▁, begins the word of the next one
        is_begun = before == (start, start)
        if index == 0 or (not is_begun and (is_unknown[index] or _is_word_start(text, start))):
            begins.append(index)
        before = (start, end)
    if not begins:
        return spans, scores
    ends = [*begins[1:], len(spans)]
    merged = np.stack([spans[begins, 0], spans[np.array(ends) - 1, 1]], axis=1)
    if strategy == "first":
        return merged, scores[begins]
    if strategy == "average":
        sums = np.add.reduceat(scores, begins, axis=0)
        return merged, (sums / np.diff([*begins, len(spans)])[:, None]).astype(np.float32)
    highest = scores.max(axis=1)
    rows = [
        begin + int(highest[begin:end].argmax()) for begin, end in zip(begins, ends, strict=True)
    ]
    return merged, scores[rows]


def _is_word_start(text: str, start: int) -> bool:
    return start == 0 or any(letter.isspace() for letter in text[start - 1 : start + 1])
