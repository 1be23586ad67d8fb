"""Labels with a structure: tags of words, answers in a context, choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from albertkit.finetuning.data.columns import parse_number
from albertkit.tasks.tag_spans import OUTSIDE, read_spans, split_tag


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """The answers to a question, as characters of its context.

    Attributes:
        texts: All accepted answers; none if the context has no answer.
        start: Of the first one in the context; -1 if there is none, or if it is not found.
    """

    texts: tuple[str, ...]
    start: int = -1

    @property
    def is_missing(self) -> bool:
        """Whether there is an answer that the context does not hold."""
        return bool(self.texts) and self.start < 0


def read_words(cell: object) -> list[str]:
    """The words of a cell: a list, or a text with spaces between them."""
    return [str(word) for word in cell] if isinstance(cell, list | tuple) else str(cell).split()


def read_tags(cell: object, words: Sequence[str]) -> tuple[str, ...]:
    """The tags of words, as BIO.

    Raises:
        ValueError: for another number of tags than of words, and as `split_cell`.
    """
    tags = split_cell(cell)
    if len(tags) != len(words):
        raise ValueError(f"there are {len(tags)} tags for {len(words)} words")
    return tuple(to_bio(tags))


def split_cell(cell: object) -> list[str]:
    """The tags of a cell: a list, or a text with spaces between them.

    Raises:
        ValueError: for other cells, and for tags that are neither texts nor numbers.
    """
    tags = cell.split() if isinstance(cell, str) else cell
    if not isinstance(tags, list | tuple):
        raise ValueError(f"the tags are {cell!r}, no list")
    for number, tag in enumerate(tags, 1):
        if not isinstance(tag, str | int) or tag == "":
            raise ValueError(f"tag {number} is {tag!r}, no name")
    return [str(tag) for tag in tags]


def to_bio(tags: Sequence[str]) -> list[str]:
    """Tags of any scheme (IOB1, BIOES, BILOU, BMES) as BIO; tags without prefixes stay."""
    if not any(tag != OUTSIDE and split_tag(tag)[1] != tag for tag in tags):
        return list(tags)
    result = [OUTSIDE] * len(tags)
    for span in read_spans(tags):
        result[span.start] = f"B-{span.label}"
        for number in range(span.start + 1, span.end):
            result[number] = f"I-{span.label}"
    return result


def read_answer(cell: object, context: str, start: object = None) -> GoldAnswer:
    """The answers of a cell: a text, a list of texts, or SQuAD's {"text": …, "answer_start": …}.

    Args:
        cell: of the answer column.
        context: where the answers are.
        start: of the answer, if a column gives it.
    """
    texts: list[str] = []
    starts: list[int] = []
    for item in [cell] if isinstance(cell, Mapping | str) else list(_list_items(cell)):
        if isinstance(item, Mapping):
            texts += [str(text) for text in _list_items(item.get("text"))]
            starts += map(_read_start, _list_items(item.get("answer_start")))
        elif item is not None and str(item):
            texts.append(str(item))
    if not starts and start is not None:
        starts = list(map(_read_start, _list_items(start)))
    if not texts:
        return GoldAnswer(())
    candidates = (*zip(texts, starts, strict=False), *((t, context.find(t)) for t in texts))
    for text, first in candidates:
        if first >= 0 and context.startswith(text, first):
            others = tuple(other for other in dict.fromkeys(texts) if other != text)
            return GoldAnswer((text, *others), first)
    return GoldAnswer(tuple(dict.fromkeys(texts)))


def _read_start(value: object) -> int:
    """Where an answer begins; -1 for what is no whole number: then the answer is searched."""
    number = parse_number(value)
    return int(number) if number is not None and number.is_integer() else -1


def read_choices(cell: object) -> list[str]:
    """The choices of a row."""
    return [str(item) for item in _list_items(cell)]


def _list_items(value: Any) -> Sequence[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
