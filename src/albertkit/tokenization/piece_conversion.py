"""The part of a tokenizer that maps pieces, ids and special tokens, with Hugging Face's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from albertkit.errors import InputError
from albertkit.errors.arguments import check_keywords, describe_value
from albertkit.tokenization.vocabulary import SpecialNames, Vocabulary


class PieceConversion:
    """What a tokenizer does with the pieces and ids of its vocabulary."""

    vocabulary: Vocabulary

    @overload
    def convert_tokens_to_ids(  # type: ignore[overload-overlap]  # a str is a Sequence[str] too
        self, tokens: str
    ) -> int: ...
    @overload
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a piece, or of each; the unknown piece's id for any other string."""
        table = self.vocabulary.table
        return table.id_of(tokens) if isinstance(tokens, str) else [table.id_of(x) for x in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str: ...
    @overload
    def convert_ids_to_tokens(
        self, ids: Iterable[int], skip_special_tokens: bool = False
    ) -> list[str]: ...
    def convert_ids_to_tokens(
        self, ids: int | Iterable[int], skip_special_tokens: bool = False
    ) -> str | list[str]:
        """Look up the piece of an id, or of each.

        Args:
            ids: one id, or a list, array or tensor of one dimension.
            skip_special_tokens: leave special tokens out.

        Raises:
            InputError: [id-out-of-range], [option-invalid] for what is not a whole number.
        """
        table = self.vocabulary.table
        if isinstance(ids, int | np.integer):
            return table.names[self._check_ids([ids])[0]]
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [table.names[x] for x in self._check_ids(ids) if x not in skipped]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of a sequence of pieces."""
        return self.vocabulary.text_of(tokens)

    @check_keywords
    def decode(self, ids: int | Iterable[int], skip_special_tokens: bool = False) -> str:
        """Turn ids back into text; case, accents and spaces around special tokens are lost.

        Args:
            ids: one id, or a list, array or tensor of one dimension.
            skip_special_tokens: leave special tokens out.

        Raises:
            InputError: as `convert_ids_to_tokens`.
        """
        row = [ids] if isinstance(ids, int | np.integer) else ids
        return self.vocabulary.text_of(self.convert_ids_to_tokens(row, skip_special_tokens))

    @check_keywords
    def batch_decode(
        self, sequences: Iterable[Iterable[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """The text of each row of ids."""
        return [self.decode(row, skip_special_tokens) for row in sequences]

    def _check_ids(self, ids: Iterable[object]) -> list[int]:
        """The ids as int."""
        checked = []
        for index, value in enumerate(ids.tolist() if hasattr(ids, "tolist") else ids):
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise InputError(
                    "option-invalid",
                    f"ids[{index}] is {describe_value(value)}",
                    why="an id is a whole number",
                    fix="Give one row of ids (batch_decode takes several)",
                )
            if not 0 <= value < self.vocab_size:
                raise InputError(
                    "id-out-of-range",
                    f"ids[{index}] is {value}, this tokenizer has ids 0 to {self.vocab_size - 1}",
                    why="no piece has that number",
                    fix="Decode with the tokenizer that made the ids",
                )
            checked.append(int(value))
        return checked

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP]."""
        cls, sep = self.cls_token_id, self.sep_token_id
        second = [] if token_ids_1 is None else [*token_ids_1, sep]
        return [cls, *token_ids_0, sep, *second]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 for [CLS] A [SEP], 1 for B [SEP]."""
        second = 0 if token_ids_1 is None else len(token_ids_1) + 1
        return [0] * (len(token_ids_0) + 2) + [1] * second

    def get_special_tokens_mask(
        self,
        token_ids_0: Iterable[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Mark the special tokens of a text or pair.

        Args:
            token_ids_0: the ids of a text.
            token_ids_1: the ids of a second text.
            already_has_special_tokens: whether `token_ids_0` holds the special tokens; else they
                are counted as `build_inputs_with_special_tokens` adds them.

        Returns:
            1 for special tokens, 0 for others.
        """
        first = self._check_ids(token_ids_0)
        if already_has_special_tokens:
            specials = set(self.all_special_ids)
            return [int(number in specials) for number in first]
        second = [] if token_ids_1 is None else [0] * len(token_ids_1) + [1]
        return [1, *[0] * len(first), 1, *second]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """The number of special tokens around a text, or a pair."""
        return 3 if pair else 2

    def __len__(self) -> int:
        """The number of pieces, as `vocab_size`."""
        return self.vocab_size

    @property
    def vocab_size(self) -> int:
        """The number of pieces, special and added ones included."""
        return len(self.vocabulary.table)

    def get_vocab(self) -> dict[str, int]:
        """Piece → id, a new dict."""
        return dict(self.vocabulary.table.ids)

    def get_added_vocab(self) -> dict[str, int]:
        """Added token → id."""
        table = self.vocabulary.table
        return {token.content: table.ids[token.content] for token in table.added}

    @property
    def fingerprint(self) -> str:
        """A hash of the pieces: two tokenizers with equal ones have equal ids."""
        return self.vocabulary.table.fingerprint

    @property
    def all_special_tokens(self) -> list[str]:
        """The special pieces, in the order of their ids."""
        return list(self.vocabulary.table.special_pieces)

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of the special pieces, in order."""
        table = self.vocabulary.table
        return [table.ids[name] for name in table.special_pieces]

    @property
    def additional_special_tokens(self) -> list[str]:
        """The special pieces besides the five that ALBERT has."""
        return [x for x in self.all_special_tokens if x not in self._names.all()]

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """The name of each special piece, as transformers lists them."""
        names = self._names
        special: dict[str, str | list[str]] = {
            "bos_token": names.cls,
            "eos_token": names.sep,
            "unk_token": names.unk,
            "sep_token": names.sep,
            "pad_token": names.pad,
            "cls_token": names.cls,
            "mask_token": names.mask,
        }
        if self.additional_special_tokens:
            special["additional_special_tokens"] = self.additional_special_tokens
        return special

    @property
    def model_input_names(self) -> list[str]:
        """The fields that a model reads."""
        return ["input_ids", "token_type_ids", "attention_mask"]

    @property
    def is_fast(self) -> bool:
        """True: it has offsets and words, which transformers' scripts ask a "fast" one for."""
        return True

    @property
    def pad_token_type_id(self) -> int:
        """The type id of padding."""
        return 0

    @property
    def _names(self) -> SpecialNames:
        return self.vocabulary.table.special_names

    @property
    def pad_token(self) -> str:
        """The piece that fills rows up."""
        return self._names.pad

    @property
    def pad_token_id(self) -> int:
        """The id of the piece that fills rows up."""
        return self.vocabulary.table.specials.pad

    @property
    def unk_token(self) -> str:
        """The piece that replaces unknown text."""
        return self._names.unk

    @property
    def unk_token_id(self) -> int:
        """The id of the piece that replaces unknown text."""
        return self.vocabulary.table.specials.unk

    @property
    def cls_token(self) -> str:
        """The piece that begins a text."""
        return self._names.cls

    @property
    def cls_token_id(self) -> int:
        """The id of the piece that begins a text."""
        return self.vocabulary.table.specials.cls

    @property
    def sep_token(self) -> str:
        """The piece that ends a text."""
        return self._names.sep

    @property
    def sep_token_id(self) -> int:
        """The id of the piece that ends a text."""
        return self.vocabulary.table.specials.sep

    @property
    def mask_token(self) -> str:
        """The piece that is to be predicted."""
        return self._names.mask

    @property
    def mask_token_id(self) -> int:
        """The id of the piece that is to be predicted."""
        return self.vocabulary.table.specials.mask

    @property
    def bos_token(self) -> str:
        """[CLS], as in transformers."""
        return self.cls_token

    @property
    def bos_token_id(self) -> int:
        """The id of [CLS]."""
        return self.cls_token_id

    @property
    def eos_token(self) -> str:
        """[SEP], as in transformers."""
        return self.sep_token

    @property
    def eos_token_id(self) -> int:
        """The id of [SEP]."""
        return self.sep_token_id
