"""One call of the tokenizer: from what was asked to the rows that come back.

In: a Request, the options of the call, a vocabulary and a policy. Out: Tokenized. The steps: pieces
of each text, windows where they were asked for, special tokens and cutting, then rows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from albertkit.arrays import Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, describe_value
from albertkit.tokenization.assemble import (
    TRUNCATIONS,
    Truncation,
    assemble,
    check_room,
    special_places,
    without_specials,
)
from albertkit.tokenization.batch_encoding import (
    TensorKind,
    Tokenized,
    as_tensors,
    fields_of,
    padded_rows,
    row_width,
    rows_of,
    word_rows,
)
from albertkit.tokenization.checks import check_texts
from albertkit.tokenization.encode import encode_all_traced, encode_texts
from albertkit.tokenization.encodings import Encodings, FlatPieces, cut_windows, select_pieces
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.vocabulary import Vocabulary

LOGGER = logging.getLogger(__name__)

Padding = bool | Literal["longest", "max_length", "do_not_pad"]
WORD = re.compile(r"\S+")


Text = str | Sequence[str]  # a text, or its words


@dataclass(frozen=True, slots=True)
class Request:
    """N texts or pairs; each text is a str, or its words where they were given split."""

    firsts: list[Text]
    seconds: list[Text] | None
    is_single: bool  # whether one text was given, not a list of one


def read_request(text: object, text_pair: object, *, is_split: bool) -> Request:
    """Sort out which of the forms was given; InputError where it is none."""
    is_single = isinstance(text, str) or (is_split and is_words(text))
    if text_pair is None and not is_split and not is_single and is_pairs(text):
        firsts, seconds = zip(*as_list(text, "text"), strict=True)
        return Request(list(firsts), list(seconds), False)
    firsts_given = [text] if is_single else as_list(text, "text")
    if text_pair is None:
        return Request(checked(firsts_given, is_split), None, is_single)
    seconds_given = [text_pair] if is_single else as_list(text_pair, "text_pair")
    if len(firsts_given) != len(seconds_given):
        raise InputError(
            "pairs-unequal",
            f"{len(firsts_given)} first texts and {len(seconds_given)} second texts",
            why="each first text has one second",
            fix="Give as many of both",
        )
    return Request(checked(firsts_given, is_split), checked(seconds_given, is_split), is_single)


def is_words(value: object) -> bool:
    """Whether this is one text as a list of words (an empty list is a batch of none)."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], str)


def is_pairs(value: object) -> bool:
    """Whether this is a list of pairs of texts."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(row, list | tuple) and len(row) == 2 for row in value)
    )


def as_list(value: object, name: str) -> list[object]:
    """A batch as a list; generators, arrays and columns of tables are taken too."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InputError(
            "text-not-a-string",
            f"{name} is {describe_value(value)}",
            why="a text is a str, several are a list of str",
            fix="Give one of the two",
        )
    return list(value)


def checked(given: Sequence[object], is_split: bool) -> list[Text]:
    """Texts pass (their type is checked later); words must be in a list each."""
    rows: list[Text] = []
    for number, row in enumerate(given):
        if is_split and not isinstance(row, list | tuple):
            raise InputError(
                "text-not-a-string",
                f"text[{number}] is {describe_value(row)}",
                why="with is_split_into_words each text is a list of words",
                fix="Split it, or leave is_split_into_words out",
            )
        rows.append(row)  # type: ignore[arg-type]  # check_texts looks at each
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """The keywords of a call, as Hugging Face names them."""

    add_special_tokens: bool = True
    padding: Padding = False
    truncation: bool | Truncation | Literal["do_not_truncate"] | None = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    return_tensors: TensorKind | None = None
    return_token_type_ids: bool = True
    return_attention_mask: bool = True
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False

    def check(self, *, has_pairs: bool) -> None:
        """InputError for a value that no option has, or for two that exclude each other."""
        check_choice("padding", self.padding, (True, False, "longest", "max_length", "do_not_pad"))
        check_choice(
            "truncation", self.truncation, (None, True, False, *TRUNCATIONS, "do_not_truncate")
        )
        check_choice("return_tensors", self.return_tensors, (None, "np", "pt"))
        for name in ("max_length", "pad_to_multiple_of", "stride"):
            value = getattr(self, name)
            least = 0 if name == "stride" else 1
            if value is not None and (not isinstance(value, int) or value < least):
                raise InputError(
                    "option-invalid",
                    f"{name} is {value!r}",
                    why=f"it counts pieces, from {least} up",
                    fix="Give a whole number",
                )
        if not has_pairs and self.truncation == "only_second":
            raise InputError(
                "option-invalid",
                'truncation is "only_second" and there is no second text',
                why="nothing could be cut",
                fix='Give text_pair, or truncation="only_first"',
            )
        if (
            self.return_overflowing_tokens
            and has_pairs
            and self.rule
            not in (
                "only_first",
                "only_second",
            )
        ):
            raise InputError(
                "option-invalid",
                "return_overflowing_tokens for pairs needs to know which text to cut",
                why="a window moves over one text while the other stays",
                fix='Give truncation="only_first" or "only_second"',
            )

    @property
    def rule(self) -> Truncation:
        """Which text is cut."""
        return self.truncation if self.truncation in TRUNCATIONS else "longest_first"

    def limit(self, model_max_length: int) -> int | None:
        """The length to cut to; None where nothing is cut."""
        if self.truncation in (False, "do_not_truncate"):
            return None
        if self.truncation is None and (self.max_length is None or self.padding == "max_length"):
            return None  # there max_length only says how far to pad
        return self.max_length or model_max_length


CALL_OPTIONS = frozenset(field.name for field in fields(CallOptions))


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its options, and the tokenizer that it was made to."""

    request: Request
    options: CallOptions
    vocabulary: Vocabulary
    policy: TokenizerPolicy
    model_max_length: int

    def answer(self) -> Tokenized:
        """The rows that were asked for."""
        options = self.options
        options.check(has_pairs=self.request.seconds is not None)
        encodings, segment_ids = self.encodings(
            offset_mapping=options.return_offsets_mapping, words=False
        )
        is_special = special_places(encodings)
        if not options.add_special_tokens:
            encodings, is_special = without_specials(encodings), is_special[is_special == 0]
        width = row_width(
            encodings.lengths,
            options.padding,
            options.max_length or self.model_max_length,
            options.pad_to_multiple_of or 1,
        )
        wanted = {
            "input_ids": True,
            "token_type_ids": options.return_token_type_ids,
            "attention_mask": options.return_attention_mask,
            "special_tokens_mask": options.return_special_tokens_mask,
            "offset_mapping": options.return_offsets_mapping,
        }
        is_padded = options.padding not in (False, "do_not_pad")
        fields: dict[str, object] = {}
        all_fields = fields_of(encodings, self.vocabulary.table.specials.pad, is_special)
        for name, (values, fill) in all_fields.items():
            if wanted[name]:
                fields[name] = (
                    padded_rows(values, encodings.offsets, width, fill)
                    if is_padded
                    else rows_of(values, encodings.offsets)
                )
        if options.return_length:
            fields["length"] = encodings.lengths.tolist()
        if options.return_overflowing_tokens:
            fields["overflow_to_sample_mapping"] = segment_ids.tolist()
        elif self.request.is_single and options.return_tensors is None:
            fields = {name: rows[0] for name, rows in fields.items()}  # type: ignore[index]  # lists of one row
        return Tokenized(
            as_tensors(fields, options.return_tensors),
            lambda: self.word_rows(width if is_padded else None),
        )

    def encodings(self, *, offset_mapping: bool, words: bool) -> tuple[Encodings, Int64Array]:
        """(the texts or their windows with special tokens, the text of each)."""
        first = self.pieces_of(self.request.firsts, offset_mapping=offset_mapping, words=words)
        second = None
        if self.request.seconds is not None:
            second = self.pieces_of(
                self.request.seconds, offset_mapping=offset_mapping, words=words
            )
        limit = self.options.limit(self.model_max_length)
        if limit is not None and not self.options.add_special_tokens:
            limit += 2 if second is None else 3
        segment_ids = np.arange(len(first))
        if limit is not None and self.options.return_overflowing_tokens:
            first, second, segment_ids = self.windows(first, second, limit)
            limit = None
        encodings = assemble(
            first,
            second,
            self.vocabulary.table.specials,
            max_length=limit,
            truncation=self.options.rule,
            empty_second_dropped=self.policy.empty_second_dropped
            and self.options.add_special_tokens,
        )
        cut = np.count_nonzero(encodings.dropped)
        if cut and self.options.truncation is None:
            LOGGER.warning(
                "%d of %d texts were cut to max_length %d: %d pieces are lost; "
                "truncation=True says that this is meant",
                cut,
                len(encodings),
                self.options.max_length,
                encodings.dropped.sum(),
            )
        return encodings, segment_ids

    def windows(
        self, first: FlatPieces, second: FlatPieces | None, limit: int
    ) -> tuple[FlatPieces, FlatPieces | None, Int64Array]:
        """The texts cut in windows that fit the limit, and whose each is."""
        stride = self.options.stride
        if second is None:
            room = np.full(len(first), limit - 2)
            check_room(room, limit)
            windows, segment_ids = cut_windows(first, room, stride)
            return windows, None, segment_ids
        moved, still = (second, first) if self.options.rule == "only_second" else (first, second)
        room = limit - 3 - still.lengths  # [N]
        check_room(room, limit)
        windows, segment_ids = cut_windows(moved, room, stride)
        rest = select_pieces(still, segment_ids)
        return (rest, windows, segment_ids) if moved is second else (windows, rest, segment_ids)

    def pieces_of(self, texts: Sequence[Text], *, offset_mapping: bool, words: bool) -> FlatPieces:
        """The pieces of each text; texts given as words keep their division."""
        encode = encode_all_traced if offset_mapping or words else encode_texts
        if not self.options.is_split_into_words:
            checked = check_texts(texts)
            found = encode(checked, self.vocabulary, self.policy)
            return with_words(found, checked) if words else found
        found = encode(
            check_texts([word for text in texts for word in text], "words"),
            self.vocabulary,
            self.policy,
        )
        counts = [len(text) for text in texts]
        numbers = np.array([number for count in counts for number in range(count)], np.int32)
        ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        return replace(found, offsets=found.offsets[ends], words=np.repeat(numbers, found.lengths))

    def word_rows(self, width: int | None) -> list[list[int | None]]:
        """The word of each piece; found by encoding once more, with offsets."""
        encodings, _ = self.encodings(offset_mapping=True, words=True)
        if not self.options.add_special_tokens:
            encodings = without_specials(encodings)
        rows = word_rows(encodings, width or int(encodings.lengths.max(initial=0)))
        if width is not None:
            return rows
        return [row[:length] for row, length in zip(rows, encodings.lengths, strict=True)]


def with_words(pieces: FlatPieces, texts: Sequence[str]) -> FlatPieces:
    """The same with the number of the whitespace-separated word in which each piece begins."""
    if pieces.offset_mapping is None:
        raise AssertionError("words are found by offsets")
    words = np.zeros(len(pieces.ids), np.int32)
    for number, text in enumerate(texts):
        here = slice(pieces.offsets[number], pieces.offsets[number + 1])
        begins = np.array([match.start() for match in WORD.finditer(text)], np.int64)
        words[here] = np.searchsorted(begins, pieces.offset_mapping[here, 0], side="right") - 1
    return replace(pieces, words=words)
