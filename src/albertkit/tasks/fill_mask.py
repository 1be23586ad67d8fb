"""FillMask: the words that fit at [MASK], as Hugging Face's pipeline gives them.

Differences: a text that is too long is refused unless truncation is asked for; a target is a whole
word if the vocabulary has it as one ("paris" means ▁paris); unknown and special pieces are never
offered.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, TypedDict, Unpack, overload

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.packing import compute_mlm_logits
from albertkit.engine.protocol import check_head
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import check_choice, check_integer, check_keywords
from albertkit.runtime import LoadedModel, LoadKeywords, load
from albertkit.tasks.inputs import Texts, read_texts
from albertkit.tasks.options import TRUNCATION_MODES, TruncationMode
from albertkit.tasks.reports import EncodeReport
from albertkit.tokenization import AlbertTokenizer, Encoding, Encodings
from albertkit.tokenization.encodings import select
from albertkit.tokenization.pieces import SPACE

LOGGER = logging.getLogger(__name__)

MASKS_AT_ONCE = 128  # a mask's logits take 4·V bytes: 120 kB at V = 30,000
OTHER_MASKS = re.compile(r"\[mask\]|<mask>", re.IGNORECASE)


class Filled(TypedDict):
    """One word for one mask; Hugging Face's names."""

    score: float  # the probability among all pieces
    token: int
    token_str: str
    sequence: str  # the text with this word


Answer: TypeAlias = list[Filled] | list[list[Filled]]  # of a text with one mask, or with several


class FillMask:
    """Predict the most probable words for each mask.

    Args:
        model: A directory with a masked-LM head, a built-in model's name, or a name on a hub.
            None: the built-in masked LM.
        truncation: What to do with texts that are too long: "error", "warn" or "off".
        **options: The fields of LoadOptions: engine, device, precision, policy, revision, …

    Raises:
        InputError: [head-missing], [option-invalid], and those of `load`.
        AlbertKitError: As `load`.
    """

    @check_keywords
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        truncation: TruncationMode = "error",
        **options: Unpack[LoadKeywords],
    ) -> None:
        check_choice("truncation", truncation, TRUNCATION_MODES)
        self.truncation: TruncationMode = truncation
        self.model: LoadedModel = load(model, **options)
        check_head(self.model.weights, "masked_lm")

    @property
    def tokenizer(self) -> AlbertTokenizer:
        """The model's tokenizer; raises FormatError [no-vocabulary] if it has none."""
        return self.model.tokenizer

    @overload
    def __call__(
        self, text: str, top_k: int = ..., targets: str | Sequence[str] | None = ...
    ) -> Answer: ...
    @overload
    def __call__(
        self, text: Iterable[str], top_k: int = ..., targets: str | Sequence[str] | None = ...
    ) -> Answer | list[Answer]: ...
    @check_keywords
    def __call__(
        self, text: object, top_k: int = 5, targets: str | Sequence[str] | None = None
    ) -> Answer | list[Answer]:
        """Predict the best words for each mask.

        Args:
            text: One text with [MASK], or a list, a column or an iterator of such texts.
            top_k: Words for each mask.
            targets: The only words to choose from.

        Returns:
            The list of words of one text; a list of such lists if it has several masks. A list of
            texts gives a list of these, and a list of one text the same as the text, as
            transformers' pipeline does. Scores are probabilities among all pieces.

        Raises:
            InputError: [mask-missing], [text-too-long], [option-invalid], [input-not-texts].
        """
        texts = read_texts(list(text) if isinstance(text, Iterator) else text)
        top_k = check_integer("top_k", top_k)
        choices = self._pieces() if targets is None else self._targets(targets)
        report = EncodeReport(self.model.max_length, self.truncation, has_windows=False)
        encodings = report.tokenize(self.tokenizer, texts)
        counts = self._count_masks(texts, encodings)  # [N]
        report.log()
        answers: list[Answer] = []
        windows = (np.cumsum(counts) - counts) // MASKS_AT_ONCE  # [N], by the masks before each
        ends = (np.flatnonzero(np.diff(windows, append=-1)) + 1).tolist()
        for begin, end in pairwise([0, *ends]):
            answers += self._fill(select(encodings, range(begin, end)), top_k, choices)
        return answers[0] if len(answers) == 1 else answers

    def close(self) -> None:
        """Free the engine's memory; the next call makes it again."""
        self.model.close()

    def __repr__(self) -> str:
        """The model and the size of its vocabulary."""
        return f"FillMask({str(self.model.path)!r}, {self.model.config.vocab_size:,} pieces)"

    def _fill(self, encodings: Encodings, top_k: int, choices: Int64Array) -> list[Answer]:
        """The answers for a window of the texts."""
        masks = np.flatnonzero(encodings.ids == self.tokenizer.mask_token_id)  # [P]
        engine = self.model.engine_for(encodings)
        scores = softmax(compute_mlm_logits(engine, encodings, masks))  # [P, V]
        best = select_best(scores, top_k, choices)  # [P, K]
        segment_ids = np.searchsorted(encodings.offsets, masks, side="right") - 1  # [P]
        answers: list[Answer] = []
        for number, encoding in enumerate(encodings):
            rows = np.flatnonzero(segment_ids == number)
            positions = masks[rows] - encodings.offsets[number]
            words = [
                self._words(encoding, int(position), best[row], scores[row], len(rows) == 1)
                for row, position in zip(rows, positions, strict=True)
            ]
            answers.append(words[0] if len(words) == 1 else words)
        return answers

    def _words(
        self, encoding: Encoding, position: int, best: Int64Array, scores: FloatArray, is_only: bool
    ) -> list[Filled]:
        """The words for one mask; is_only: whether it is the text's only mask."""
        ids = encoding.ids.copy()
        words = []
        for token in best.tolist():
            ids[position] = token
            words.append(
                Filled(
                    score=float(scores[token]),
                    token=token,
                    token_str=self.tokenizer.decode([token]),
                    # other masks must stay visible
                    sequence=self.tokenizer.decode(ids.tolist(), skip_special_tokens=is_only),
                )
            )
        return words

    def _pieces(self) -> Int64Array:
        """The ids of all pieces that are words or parts of words; padded rows have no piece."""
        specials = self.tokenizer.vocabulary.table.specials.all()
        return np.setdiff1d(
            np.arange(self.tokenizer.vocab_size), [*specials, self.tokenizer.unk_token_id]
        )

    def _targets(self, targets: str | Sequence[str]) -> Int64Array:
        """The ids of the words to choose from, each once."""
        words = [targets] if isinstance(targets, str) else list(targets)
        if not words:
            raise InputError(
                "option-invalid",
                "targets is empty",
                why="without words there is nothing to choose from",
                fix="Name words, or leave targets out",
            )
        for word in words:
            if not isinstance(word, str) or not word.strip():
                raise InputError(
                    "option-invalid",
                    f"one of targets is {word!r}",
                    why="a target is a word, a str with letters",
                    fix="Correct it, or leave it out",
                )
        return np.unique(np.array([self._target(word) for word in words], np.int64))

    def _target(self, word: str) -> int:
        """The id of a word, of the piece of this name, or of the word's first piece (a warning)."""
        pieces = self.tokenizer.get_vocab()
        if word.startswith(SPACE) and word in pieces:
            return pieces[word]
        ids = self.tokenizer.encode_batch([word])[0].ids[1:-1].tolist()
        if len(ids) == 1 and ids[0] != self.tokenizer.unk_token_id:
            return int(ids[0])
        if word in pieces:
            return pieces[word]
        first = int(ids[0]) if ids else self.tokenizer.unk_token_id
        LOGGER.warning(
            Diagnostic(
                "target-unknown",
                "warning",
                f"the target {word!r} is {len(ids)} pieces of this vocabulary",
                why="a mask stands for exactly one piece",
                fix=f"Its first piece is scored: {self.tokenizer.convert_ids_to_tokens(first)!r}",
            ).line()
        )
        return first

    def _count_masks(self, texts: Texts, encodings: Encodings) -> Int64Array:
        """How many masks each text has; raises InputError [mask-missing] if one has none."""
        counts: Int64Array = np.add.reduceat(
            encodings.ids == self.tokenizer.mask_token_id, encodings.offsets[:-1], dtype=np.int64
        )  # [N]
        for number in np.flatnonzero(counts == 0).tolist():
            raise self._mask_missing(texts.first[number], number, int(encodings.dropped[number]))
        return counts

    def _mask_missing(self, text: str, number: int, dropped: int) -> InputError:
        mask = self.tokenizer.mask_token
        other = OTHER_MASKS.search(text)
        if mask in text:
            why = (
                "truncation cut it off"
                if dropped
                else f"the tokenizer's policy {self.tokenizer.policy.name!r} reads it as plain text"
            )
        elif other:
            why = f"it says {other[0]!r}, which this tokenizer reads as plain text"
        else:
            why = f"it begins {text[:40]!r}" if text.strip() else "it is empty"
        return InputError(
            "mask-missing",
            f"text {number + 1} has no {mask}",
            why=why,
            fix=f"Write {mask} where the word is wanted",
        )


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities along the last axis, in the memory of the logits."""
    logits -= logits.max(-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(-1, keepdims=True)
    return logits


def select_best(scores: FloatArray, count: int, choices: Int64Array) -> Int64Array:
    """The choices with the highest scores [P, V], best first; the lower id on a tie → [P, K]."""
    negative = -scores[:, choices]
    count = min(count, len(choices))
    candidates = np.argpartition(negative, count - 1, axis=-1)[:, :count]
    candidates.sort(axis=-1)
    order = np.argsort(np.take_along_axis(negative, candidates, -1), axis=-1, kind="stable")
    best: Int64Array = choices[np.take_along_axis(candidates, order, -1)]
    return best
