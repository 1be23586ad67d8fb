"""AlbertTokenizer: text ↔ ids, as ALBERT's authors encode it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from albertkit.errors import InputError
from albertkit.text.assemble import Truncation, assemble
from albertkit.text.batch import encode_all_traced, encode_texts
from albertkit.text.checks import check_texts
from albertkit.text.encoding import Encodings
from albertkit.text.pieces import SentencePieces
from albertkit.text.policy import TextPolicy, policy_named
from albertkit.text.vocabulary_files import find_vocabulary

MODEL_MAX_LENGTH = 512  # positions of every published ALBERT


class AlbertTokenizer:
    """Texts to ids and back.

    policy_reason: why this policy, in words.
    """

    def __init__(
        self,
        pieces: SentencePieces,
        policy: TextPolicy,
        *,
        policy_reason: str = "given",
        model_max_length: int = MODEL_MAX_LENGTH,
    ) -> None:
        self.pieces = pieces
        self.policy = policy
        self.policy_reason = policy_reason
        self.model_max_length = model_max_length

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, policy: str | TextPolicy | None = None
    ) -> AlbertTokenizer:
        """Open a vocabulary file, or a directory that holds one.

        policy: overrides what the directory's own settings ask for.
        """
        chosen = policy_named(policy) if isinstance(policy, str) else policy
        found = find_vocabulary(Path(path), chosen)
        return cls(
            found.pieces,
            found.policy,
            policy_reason=found.reason,
            model_max_length=found.model_max_length or MODEL_MAX_LENGTH,
        )

    def encode_batch(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        truncation: Truncation = "longest_first",
        offsets: bool = False,
    ) -> Encodings:
        """The ids of many texts, or of as many pairs, in flat arrays with special tokens.

        max_length: specials included; longer ones are cut and `dropped` counts what went.
        None cuts nothing.
        """
        encode = encode_all_traced if offsets else encode_texts
        first = encode(check_texts(texts), self.pieces, self.policy)
        second = None
        if pairs is not None:
            if len(pairs) != len(texts):
                raise InputError(
                    "pairs-unequal",
                    f"{len(texts)} first texts and {len(pairs)} second texts",
                    why="each first text has one second",
                    fix="Give as many of both",
                )
            second = encode(check_texts(pairs, "pairs"), self.pieces, self.policy)
        return assemble(
            first,
            second,
            self.pieces.specials,
            max_length=max_length,
            truncation=truncation,
            empty_second_dropped=self.policy.empty_second_dropped,
        )

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of the ids; case, accents and spaces beside special tokens are gone."""
        specials = set(self.pieces.specials.all()) if skip_special_tokens else set()
        kept = [self.pieces.names[number] for number in ids if number not in specials]
        return self.pieces.text_of(kept)

    @property
    def vocab_size(self) -> int:
        """Pieces in all, specials included."""
        return len(self.pieces.names)

    @property
    def fingerprint(self) -> str:
        """A hash of the pieces: two tokenizers with the same one have the same ids."""
        return self.pieces.fingerprint
