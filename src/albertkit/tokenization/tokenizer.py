"""AlbertTokenizer: text ↔ ids, as ALBERT's authors encode it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value
from albertkit.errors.keywords import check_keywords, refuse_unknown
from albertkit.fileformats.atomic import new_directory
from albertkit.sources import FetchOptions, resolve_location
from albertkit.tokenization.assemble import Truncation, assemble
from albertkit.tokenization.batch_encoding import Tokenized
from albertkit.tokenization.checks import check_texts
from albertkit.tokenization.encode import encode_all_traced, encode_texts, encode_traced
from albertkit.tokenization.encodings import Encodings
from albertkit.tokenization.policy import TokenizerPolicy, policy_named
from albertkit.tokenization.vocabulary import Found, Vocabulary
from albertkit.tokenization.vocabulary_files import find_vocabulary, open_files

LOGGER = logging.getLogger(__name__)

MODEL_MAX_LENGTH = 512  # positions of every published ALBERT


class AlbertTokenizer:
    """Texts to ids and back.

    policy: every choice in which published tokenizers differ. policy_reason: why this one, in
    words. model_max_length: what truncation=True cuts to.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        policy: TokenizerPolicy,
        *,
        policy_reason: str = "given by the caller",
        model_max_length: int = MODEL_MAX_LENGTH,
    ) -> None:
        self.vocabulary = vocabulary
        self.policy = policy
        self.policy_reason = policy_reason
        self.model_max_length = model_max_length

    @classmethod
    @check_keywords
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        policy: str | TokenizerPolicy | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> AlbertTokenizer:
        """Open a vocabulary file, or a directory that holds one, recognised by content.

        path: may be a built-in model's name, or one of a hub, of which only the tokenizer's files
        are fetched. policy: overrides what the directory's own files ask for; the name of one, or
        a TokenizerPolicy. revision, token, cache_dir, local_files_only: how a hub is asked.
        """
        fetch_options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        return cls.from_path(
            resolve_location(path, fetch_options, parts="tokenizer"), policy=policy
        )

    @classmethod
    def from_path(
        cls, path: Path, *, policy: str | TokenizerPolicy | None = None
    ) -> AlbertTokenizer:
        """The same for a path that is known already: no name is resolved.

        Raises:
            FormatError: [no-vocabulary] if nothing at the path is a vocabulary.
        """
        return cls._from_found(find_vocabulary(path, _policy(policy)))

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, bytes],
        *,
        origin: str = "",
        policy: str | TokenizerPolicy | None = None,
    ) -> AlbertTokenizer:
        """Make a tokenizer from the contents of its files.

        Args:
            files: contents by file name.
            origin: the directory of the files, for messages.
            policy: overrides what the files say; a policy or the name of one.

        Raises:
            FormatError: [no-vocabulary] if none of the files is a vocabulary.
        """
        return cls._from_found(open_files(files, origin, _policy(policy)))

    @classmethod
    def _from_found(cls, found: Found) -> AlbertTokenizer:
        return cls(
            found.vocabulary,
            found.policy,
            policy_reason=found.reason,
            model_max_length=found.model_max_length or MODEL_MAX_LENGTH,
        )

    @check_keywords
    def save_pretrained(self, directory: str | Path) -> tuple[Path, ...]:
        """Write the vocabulary, a tokenizer.json and the settings; give the paths.

        Other files of the directory stay. All files are there, or the directory is as it was.
        """
        place = Path(directory)
        with new_directory(place) as unfinished:
            names = self.write_files(unfinished)
        return tuple(place / name for name in names)

    def write_files(self, directory: Path) -> list[str]:
        """Write the files into a directory that a caller makes atomic; return their names."""
        from albertkit.tokenization.saved_files import not_expressed  # not needed to read

        files = self.files()
        for name, data in files.items():
            (directory / name).write_bytes(data)
        for diagnostic in not_expressed(self.vocabulary, self.policy):
            LOGGER.warning("%s", diagnostic.line())
        return list(files)

    def files(self) -> dict[str, bytes]:
        """What `save_pretrained` writes, by names."""
        from albertkit.tokenization.saved_files import saved_files

        return saved_files(self.vocabulary, self.policy, self.model_max_length)

    def __call__(self, text: object, text_pair: object = None, **options: object) -> Tokenized:
        """The ids of a text, a pair, or many, with Hugging Face's keywords (CallOptions).

        token_type_ids always come with the ids: without them a model reads a pair as one text.
        """
        # which `encode_batch`, the engines' way, needs nothing of
        from albertkit.tokenization.call import CALL_OPTIONS, Call, CallOptions, read_request

        refuse_unknown(options.keys() - CALL_OPTIONS, CALL_OPTIONS, "the tokenizer")
        asked = CallOptions(**options)  # type: ignore[arg-type]  # checked by the call
        request = read_request(text, text_pair, is_split=asked.is_split_into_words)
        return Call(request, asked, self.vocabulary, self.policy, self.model_max_length).answer()

    def encode(self, text: object, text_pair: object = None, **options: object) -> object:
        """The input_ids alone."""
        return self(text, text_pair, **options)["input_ids"]

    @check_keywords
    def encode_batch(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        truncation: Truncation = "longest_first",
        offset_mapping: bool = False,
    ) -> Encodings:
        """The ids of many texts, or of as many pairs, in flat arrays with special tokens.

        max_length: specials included; longer ones are cut and `dropped` counts what went.
        None cuts nothing. The fast way, for engines: no Python object per piece.
        """
        encode = encode_all_traced if offset_mapping else encode_texts
        first = encode(check_texts(texts), self.vocabulary, self.policy)
        second = None
        if pairs is not None:
            if len(pairs) != len(texts):
                raise InputError(
                    "pairs-unequal",
                    f"{len(texts)} first texts and {len(pairs)} second texts",
                    why="each first text has one second",
                    fix="Give as many of both",
                )
            second = encode(check_texts(pairs, "pairs"), self.vocabulary, self.policy)
        return assemble(
            first,
            second,
            self.vocabulary.table.specials,
            max_length=max_length,
            truncation=truncation,
            empty_second_dropped=self.policy.empty_second_dropped,
        )

    @check_keywords
    def tokenize(
        self, text: str, pair: str | None = None, *, add_special_tokens: bool = False
    ) -> list[str]:
        """The pieces as strings; unknown text stands as it is, as SentencePiece gives it."""
        names = self.vocabulary.table.special_names
        found = self._piece_names(text)
        second = [] if pair is None else self._piece_names(pair)
        if not add_special_tokens:
            return found + second
        ends = [] if pair is None else [*second, names.sep]
        return [names.cls, *found, names.sep, *ends]

    def _piece_names(self, text: str) -> list[str]:
        check_texts([text], "text")
        return [piece.name for piece in encode_traced(text, self.vocabulary, self.policy)]

    @overload
    def convert_tokens_to_ids(  # type: ignore[overload-overlap]  # a str is a Sequence[str] too
        self, tokens: str
    ) -> int: ...
    @overload
    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]: ...
    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a piece, or of each; a string that is no piece has the unknown piece's."""
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
        """The piece of an id, or of each; InputError for one outside the vocabulary."""
        table = self.vocabulary.table
        if isinstance(ids, int | np.integer):
            return table.names[self._checked_ids([ids])[0]]
        left_out = set(table.specials.all()) if skip_special_tokens else set()
        return [table.names[x] for x in self._checked_ids(ids) if x not in left_out]

    @check_keywords
    def decode(self, ids: int | Iterable[int], skip_special_tokens: bool = False) -> str:
        """The text of the ids. Case, accents and the spaces around special tokens are gone."""
        given = [ids] if isinstance(ids, int | np.integer) else ids
        return self.vocabulary.text_of(self.convert_ids_to_tokens(given, skip_special_tokens))

    @check_keywords
    def batch_decode(
        self, sequences: Iterable[Iterable[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """The text of each row of ids."""
        return [self.decode(row, skip_special_tokens) for row in sequences]

    def _checked_ids(self, ids: Iterable[object]) -> list[int]:
        """The ids as int; lists, arrays and tensors of one dimension are taken."""
        checked = []
        for place, value in enumerate(ids.tolist() if hasattr(ids, "tolist") else ids):
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise InputError(
                    "option-invalid",
                    f"ids[{place}] is {describe_value(value)}",
                    why="an id is a whole number",
                    fix="Give one row of ids (batch_decode takes several)",
                )
            if not 0 <= value < self.vocab_size:
                raise InputError(
                    "id-out-of-range",
                    f"ids[{place}] is {value}, this tokenizer has ids 0 to {self.vocab_size - 1}",
                    why="no piece has that number",
                    fix="Decode with the tokenizer that made the ids",
                )
            checked.append(int(value))
        return checked

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"AlbertTokenizer({self.vocab_size} pieces, policy {self.policy.name!r})"

    @property
    def vocab_size(self) -> int:
        """Pieces in all, specials included."""
        return len(self.vocabulary.table)

    def get_vocab(self) -> dict[str, int]:
        """Piece → id, a new dict."""
        return dict(self.vocabulary.table.ids)

    @property
    def fingerprint(self) -> str:
        """A hash of the pieces: two tokenizers with the same one have the same ids."""
        return self.vocabulary.table.fingerprint

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens stand around a text, or a pair."""
        return 3 if pair else 2

    @property
    def all_special_tokens(self) -> list[str]:
        """The special pieces, in the order of their ids."""
        table = self.vocabulary.table
        return sorted(table.special_names.all(), key=table.ids.__getitem__)

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of the special pieces, in order."""
        return sorted(self.vocabulary.table.specials.all())

    @property
    def pad_token(self) -> str:
        return self.vocabulary.table.special_names.pad

    @property
    def pad_token_id(self) -> int:
        return self.vocabulary.table.specials.pad

    @property
    def unk_token(self) -> str:
        return self.vocabulary.table.special_names.unk

    @property
    def unk_token_id(self) -> int:
        return self.vocabulary.table.specials.unk

    @property
    def cls_token(self) -> str:
        return self.vocabulary.table.special_names.cls

    @property
    def cls_token_id(self) -> int:
        return self.vocabulary.table.specials.cls

    @property
    def sep_token(self) -> str:
        return self.vocabulary.table.special_names.sep

    @property
    def sep_token_id(self) -> int:
        return self.vocabulary.table.specials.sep

    @property
    def mask_token(self) -> str:
        return self.vocabulary.table.special_names.mask

    @property
    def mask_token_id(self) -> int:
        return self.vocabulary.table.specials.mask


def _policy(policy: str | TokenizerPolicy | None) -> TokenizerPolicy | None:
    return policy_named(policy) if isinstance(policy, str) else policy
