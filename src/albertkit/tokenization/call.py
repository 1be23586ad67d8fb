"""One call of the tokenizer: from the texts and keywords of a caller to the rows.

Input: texts in one of Hugging Face's forms (one text, a list of texts, a pair as two arguments, a
list of pairs; with is_split_into_words a list of words in place of each text), the keywords, a
vocabulary and a policy. Output: BatchEncoding. The steps: pieces of each text, windows if asked
for, special tokens and truncation, rows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer, describe_value
from albertkit.tokenization.assemble import (
    TRUNCATIONS,
    Truncation,
    assemble,
    check_room,
    drop_specials,
    mark_specials,
)
from albertkit.tokenization.batch_encoding import (
    BatchEncoding,
    RowLayout,
    TensorKind,
    TracedRows,
    choose_row_width,
    convert_to_tensors,
    make_fields,
)
from albertkit.tokenization.encode import check_texts, encode_texts, encode_texts_with_offsets
from albertkit.tokenization.encodings import Encodings, FlatPieces, cut_windows, select_pieces
from albertkit.tokenization.normalization import WORD
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.vocabulary import Side, Vocabulary

LOGGER = logging.getLogger(__name__)

Text = str | Sequence[str]  # a text, or its words
Padding = bool | Literal["longest", "max_length", "do_not_pad"]


@dataclass(frozen=True, slots=True)
class Request:
    """N texts or pairs; each text is a str, or its words if it was given split."""

    firsts: list[Text]
    seconds: list[Text] | None
    is_single: bool  # whether one text was given, not a list of one


def read_request(text: object, text_pair: object, *, is_split: bool) -> Request:
    """Find out which of the forms was given.

    Raises:
        InputError: [text-not-a-string], [pairs-unequal].
    """
    is_single = isinstance(text, str) or (is_split and is_words(text))
    if text_pair is None and not is_single and is_pairs(text, is_split=is_split):
        firsts, seconds = zip(*convert_to_list(text, "text"), strict=True)
        return Request(list(firsts), list(seconds), False)
    firsts_given = [text] if is_single else convert_to_list(text, "text")
    if text_pair is None:
        return Request(check_rows(firsts_given, is_split), None, is_single)
    seconds_given = [text_pair] if is_single else convert_to_list(text_pair, "text_pair")
    if len(firsts_given) != len(seconds_given):
        raise unequal_pairs_error(len(firsts_given), len(seconds_given))
    return Request(
        check_rows(firsts_given, is_split), check_rows(seconds_given, is_split), is_single
    )


def is_words(value: object) -> bool:
    """Whether this is one text as a list of words (an empty list is a batch of no texts)."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], str)


def is_pairs(value: object, *, is_split: bool) -> bool:
    """Whether this is a list of pairs of texts, or of pairs of lists of words."""
    parts = list | tuple if is_split else object
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(row, list | tuple) and len(row) == 2 for row in value)
        and all(isinstance(part, parts) for row in value for part in row)
    )


def convert_to_list(value: object, name: str) -> list[object]:
    """A batch as a list; generators, arrays and columns of tables are read too."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InputError(
            "text-not-a-string",
            f"{name} is {describe_value(value)}",
            why="a text is a str, several are a list of str",
            fix="Give one of the two",
        )
    return list(value)


def check_rows(rows: Sequence[object], is_split: bool) -> list[Text]:
    """Check that words are in lists; `check_texts` checks the texts themselves."""
    checked: list[Text] = []
    for number, row in enumerate(rows):
        if is_split and not isinstance(row, list | tuple):
            raise InputError(
                "text-not-a-string",
                f"text[{number}] is {describe_value(row)}",
                why="with is_split_into_words each text is a list of words",
                fix="Split it, or leave is_split_into_words out",
            )
        checked.append(row)  # type: ignore[arg-type]  # checked later
    return checked


def unequal_pairs_error(firsts: int, seconds: int) -> InputError:
    """An InputError about two lists of different lengths."""
    return InputError(
        "pairs-unequal",
        f"{firsts} first texts and {seconds} second texts",
        why="each first text has one second",
        fix="Give as many of both",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """The keywords of a call, with Hugging Face's names and meanings.

    Raises:
        InputError: [option-invalid] for a value that an option does not have.
    """

    add_special_tokens: bool = True
    padding: Padding = False
    truncation: bool | Truncation | Literal["do_not_truncate"] | None = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: Side | None = None  # None: the tokenizer's
    return_tensors: TensorKind | None = None
    return_token_type_ids: bool = True
    return_attention_mask: bool = True
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False

    def __post_init__(self) -> None:
        """Check each value by itself; integers of numpy become int."""
        check_choice("padding", self.padding, (True, False, "longest", "max_length", "do_not_pad"))
        check_choice(
            "truncation", self.truncation, (None, True, False, *TRUNCATIONS, "do_not_truncate")
        )
        check_choice("padding_side", self.padding_side, (None, "right", "left"))
        check_choice("return_tensors", self.return_tensors, (None, "np", "pt"))
        for name, minimum in (("max_length", 1), ("pad_to_multiple_of", 1), ("stride", 0)):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_integer(name, value, minimum=minimum))

    def check(self, *, has_pairs: bool, truncation_side: Side) -> None:
        """InputError [option-invalid] for options that exclude each other."""
        if not has_pairs and self.truncation == "only_second":
            raise InputError(
                "option-invalid",
                'truncation is "only_second" and there is no second text',
                why="nothing could be cut",
                fix='Give text_pair, or truncation="only_first"',
            )
        if not self.return_overflowing_tokens:
            return
        if has_pairs and self.rule not in ("only_first", "only_second"):
            raise InputError(
                "option-invalid",
                "return_overflowing_tokens for pairs needs to know which text to cut",
                why="a window moves over one text while the other stays whole",
                fix='Give truncation="only_first" or "only_second"',
            )
        if truncation_side == "left":
            raise InputError(
                "option-invalid",
                'return_overflowing_tokens with truncation_side "left" is not supported',
                why="windows are cut from the beginning of a text to its end",
                fix='Set tokenizer.truncation_side = "right"',
            )

    @property
    def rule(self) -> Truncation:
        """Which text is cut."""
        return self.truncation if self.truncation in TRUNCATIONS else "longest_first"

    @property
    def is_padded(self) -> bool:
        """Whether all rows have one length."""
        return self.padding not in (False, "do_not_pad")

    @property
    def field_names(self) -> frozenset[str]:
        """The fields to return besides input_ids."""
        asked = {
            "token_type_ids": self.return_token_type_ids,
            "attention_mask": self.return_attention_mask,
            "special_tokens_mask": self.return_special_tokens_mask,
            "offset_mapping": self.return_offsets_mapping,
        }
        return frozenset(name for name, is_asked in asked.items() if is_asked)

    def limit(self, model_max_length: int) -> int | None:
        """The length to cut to; None if nothing is cut."""
        if self.truncation in (False, "do_not_truncate"):
            return None
        if self.truncation is None and (self.max_length is None or self.padding == "max_length"):
            return None  # max_length is only the length of the padded rows
        return self.max_length or model_max_length


CALL_OPTIONS = frozenset(field.name for field in fields(CallOptions))


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its options, and the tokenizer's parts."""

    request: Request
    options: CallOptions
    vocabulary: Vocabulary
    policy: TokenizerPolicy
    model_max_length: int
    truncation_side: Side = "right"
    padding_side: Side = "right"

    def run(self) -> BatchEncoding:
        """Make the rows."""
        options = self.options
        has_pairs = self.request.seconds is not None
        options.check(has_pairs=has_pairs, truncation_side=self.truncation_side)
        encodings, is_special, texts = self.encode(
            offset_mapping=options.return_offsets_mapping, words=False
        )
        self._warn_if_cut(encodings)
        layout = self.layout(encodings)
        pad_id = self.vocabulary.table.specials.pad
        rows = make_fields(encodings, is_special, layout, options.field_names, pad_id)
        if options.return_overflowing_tokens:
            rows["overflow_to_sample_mapping"] = texts.tolist()
        elif self.request.is_single and options.return_tensors is None:
            rows = {name: row[0] for name, row in rows.items()}  # type: ignore[index]  # lists of one row
        if options.return_length:
            rows["length"] = layout.lengths
        traced = TracedRows(self._trace, self.vocabulary.table.names)
        return BatchEncoding(convert_to_tensors(rows, options.return_tensors), traced)

    def layout(self, encodings: Encodings) -> RowLayout:
        """How the rows are padded."""
        options = self.options
        if not options.is_padded:
            return RowLayout(encodings.offsets)
        width = choose_row_width(
            encodings.lengths,
            options.padding,
            options.max_length or self.model_max_length,
            options.pad_to_multiple_of or 1,
        )
        return RowLayout(encodings.offsets, width, options.padding_side or self.padding_side)

    def encode(
        self, *, offset_mapping: bool, words: bool
    ) -> tuple[Encodings, Int32Array, Int64Array]:
        """(the texts or their windows, 1 for special tokens [T], the text of each row)."""
        first = self._find_pieces(self.request.firsts, offset_mapping, words)
        second = None
        if self.request.seconds is not None:
            second = self._find_pieces(self.request.seconds, offset_mapping, words)
        limit = self.options.limit(self.model_max_length)
        if limit is not None and not self.options.add_special_tokens:
            limit += 2 if second is None else 3
        texts = np.arange(len(first))
        if limit is not None and self.options.return_overflowing_tokens:
            first, second, texts = self._cut_windows(first, second, limit)
            limit = None
        encodings = assemble(
            first,
            second,
            self.vocabulary.table.specials,
            max_length=limit,
            truncation=self.options.rule,
            empty_second_dropped=self.policy.empty_second_dropped
            and self.options.add_special_tokens,
            side=self.truncation_side,
        )
        is_special = mark_specials(encodings)
        if not self.options.add_special_tokens:
            encodings, is_special = drop_specials(encodings), is_special[is_special == 0]
        return encodings, is_special, texts

    def _trace(self) -> tuple[Encodings, Int32Array, RowLayout]:
        """The rows with offsets and words, for which the texts are encoded once more."""
        encodings, is_special, _ = self.encode(offset_mapping=True, words=True)
        return encodings, is_special, self.layout(encodings)

    def _warn_if_cut(self, encodings: Encodings) -> None:
        """Log a warning for texts that were cut although truncation was not asked for."""
        cut = np.count_nonzero(encodings.dropped)
        if cut and self.options.truncation is None:
            LOGGER.warning(
                "%d of %d texts were cut to max_length %d: %d pieces are lost; "
                "truncation=True cuts without this warning",
                cut,
                len(encodings),
                self.options.max_length,
                encodings.dropped.sum(),
            )

    def _cut_windows(
        self, first: FlatPieces, second: FlatPieces | None, limit: int
    ) -> tuple[FlatPieces, FlatPieces | None, Int64Array]:
        """The texts cut in windows that fit the limit, and the text of each window."""
        stride = self.options.stride
        if second is None:
            room = np.full(len(first), limit - 2)
            check_room(room, limit)
            windows, texts = cut_windows(first, room, stride)
            return windows, None, texts
        is_second_cut = self.options.rule == "only_second"
        cut, whole = (second, first) if is_second_cut else (first, second)
        room = limit - 3 - whole.lengths  # [N]
        check_room(room, limit)
        windows, texts = cut_windows(cut, room, stride)
        rest = select_pieces(whole, texts)
        return (rest, windows, texts) if is_second_cut else (windows, rest, texts)

    def _find_pieces(self, texts: Sequence[Text], offset_mapping: bool, words: bool) -> FlatPieces:
        """The pieces of each text; texts given as words keep that division."""
        encode = encode_texts_with_offsets if offset_mapping or words else encode_texts
        if not self.options.is_split_into_words:
            checked = check_texts(texts)
            pieces = encode(checked, self.vocabulary, self.policy)
            return number_words(pieces, checked) if words else pieces
        pieces = encode(
            check_texts([word for text in texts for word in text], "words"),
            self.vocabulary,
            self.policy,
        )
        counts = [len(text) for text in texts]
        numbers = np.array([number for count in counts for number in range(count)], np.int32)
        ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        return replace(
            pieces, offsets=pieces.offsets[ends], words=np.repeat(numbers, pieces.lengths)
        )


def number_words(pieces: FlatPieces, texts: Sequence[str]) -> FlatPieces:
    """Add the number of the whitespace-separated word in which each piece begins."""
    if pieces.offset_mapping is None:
        raise AssertionError("words are found by offsets")
    words = np.zeros(len(pieces.ids), np.int32)
    for number, text in enumerate(texts):
        of_text = slice(pieces.offsets[number], pieces.offsets[number + 1])
        starts = np.array([match.start() for match in re.finditer(WORD, text)], np.int64)
        words[of_text] = np.searchsorted(starts, pieces.offset_mapping[of_text, 0], "right") - 1
    return replace(pieces, words=words)
